//! What a proposal needs, has and lacks, in words.

use centinel_app::View;
use centinel_engine::proposal::{Occurrence, RoleKind, Status, fold};
use jiff::SignedDuration;

use super::{super::Term, history};
use crate::text::{self, cell, clean};

/// Accounts named where several could approve.
const NAMES_SHOWN: usize = 4;

/// What it needs and has, line by line.
pub(super) fn standing(view: &View) -> Vec<Term> {
    let standing = &view.standing;
    let requirement = &standing.requirement;
    let people = usize::try_from(requirement.approvers).unwrap_or(usize::MAX);
    let mut need = text::counted(people, "person", "people");
    if let Some(above) = requirement.above {
        need = format!("{need}, because more than {above} is at stake");
    }
    let names = |names: &[String], none: &str| {
        if names.is_empty() { none.to_owned() } else { list(names) }
    };
    let mut terms = vec![
        Term::new("Needs", need),
        Term::new("Rules", list(&requirement.rules)),
        Term::new("Approved by", names(&standing.approved_by, "nobody yet")),
    ];
    // Of what has every approval, nobody asks who could give one.
    if view.status.is_open() && !standing.satisfied {
        terms.push(Term::new("Still missing", needs(view)));
        terms.push(Term::new(
            "Can approve",
            names(&standing.eligible, "nobody: no active account holds a role that counts"),
        ));
    }
    if requirement.second_factor {
        terms.push(Term::new("Proof", "whoever approves needs a second factor"));
    }
    if requirement.cool_down_hours > 0 {
        let hours = format!("{} hours between approval and execution", requirement.cool_down_hours);
        terms.push(Term::new("Waits", hours));
    }
    terms
}

/// What is missing, in one line: `1 person (ana, ben), among them finops`.
pub(in crate::pages) fn needs(view: &View) -> String {
    let standing = &view.standing;
    if let Some(rule) = &standing.requirement.denied_by {
        return format!("forbidden by the rule {}", cell(rule));
    }
    if standing.satisfied {
        return format!("nothing: {}", view.status);
    }
    let owner = cell(&view.proposal.owner);
    let roles = |roles: &mut dyn Iterator<Item = &RoleKind>, last: &str| {
        let words: Vec<String> = roles.map(|role| role.describe(&owner).replace('`', "")).collect();
        match words.as_slice() {
            [all @ .., end] if !all.is_empty() => format!("{} {last} {end}", all.join(", ")),
            words => words.concat(),
        }
    };
    let people = usize::try_from(standing.missing).unwrap_or(usize::MAX);
    let mut text = match people {
        0 => String::new(),
        _ => format!(
            "{}: {}",
            text::counted(people, "more approval", "more approvals"),
            roles(&mut standing.requirement.roles.iter(), "or")
        ),
    };
    if !standing.missing_roles.is_empty() {
        let among = roles(&mut standing.missing_roles.iter(), "and");
        text = if text.is_empty() {
            format!("the approval of {among}")
        } else {
            format!("{text}; {among} among them")
        };
    }
    text
}

/// How far the carrying out of an approved one is, in one line.
pub(in crate::pages) fn progress(view: &View) -> String {
    let state = fold(&view.events);
    match view.status {
        Status::Executing => "is being carried out".to_owned(),
        Status::Unknown => "nobody knows whether it was carried out: Centinel looks".to_owned(),
        Status::Failed => {
            let failed = view.events.iter().rev().find_map(|event| match &event.what {
                Occurrence::ExecutionFailed { reason } => Some(clean(reason)),
                _ => None,
            });
            format!("an attempt had no effect: {}", failed.unwrap_or_default())
        }
        _ => {
            let by = list(&view.standing.approved_by);
            let by = if by.is_empty() { "in an emergency".to_owned() } else { format!("by {by}") };
            let hours = i64::from(view.standing.requirement.cool_down_hours);
            let from = state
                .filter(|state| state.glass.is_none() && hours > 0)
                .and_then(|state| state.approved_at)
                .and_then(|at| at.checked_add(SignedDuration::from_hours(hours)).ok());
            let by_hand = if view.proposal.edits.is_empty() { " by hand" } else { "" };
            match from {
                Some(from) => {
                    let from = text::instant(from);
                    format!("approved {by}; to be carried out{by_hand} from {from} on")
                }
                None => format!("approved {by}; to be carried out{by_hand}"),
            }
        }
    }
}

/// What became of a closed one, in one line.
pub(in crate::pages) fn outcome(view: &View) -> String {
    let by = list(&view.standing.approved_by);
    match view.events.last().map(|event| &event.what) {
        Some(Occurrence::Executed) if !by.is_empty() => {
            format!("approved by {by}, and carried out")
        }
        Some(Occurrence::Executed) => "carried out".to_owned(),
        Some(what) => history::what(what),
        None => String::new(),
    }
}

/// Names, a few of them.
pub(super) fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMES_SHOWN).map(|name| cell(name)).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
