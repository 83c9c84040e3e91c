//! One proposal: the change, the evidence, who may approve, what happened.

use askama::Template;
use axum::{extract::Path, http::StatusCode, response::Response};
use centinel_app::{AppError, View};
use centinel_engine::proposal::{
    Channel, Event, Occurrence, Principal, Risk, RoleKind, VoidReason,
};

use super::{
    Chrome, Source, Term, change,
    evidence::{Row, rows},
    page,
};
use crate::{
    asked::Asked,
    failure::Failure,
    text::{self, cell, clean},
};

/// Accounts named where several could approve.
const NAMES_SHOWN: usize = 4;

#[derive(Template)]
#[template(path = "proposal.html")]
struct Page {
    chrome: Chrome,
    id: String,
    title: String,
    status: String,
    version: u32,
    digest: String,
    short_digest: String,
    is_open: bool,
    change: Vec<Term>,
    about: Vec<Term>,
    standing: Vec<Term>,
    source: Source,
    facts: Vec<Row>,
    caveats: Vec<String>,
    history: Vec<Happened>,
}

struct Happened {
    at: String,
    who: String,
    what: String,
}

pub(crate) async fn proposal(state: Asked, Path(id): Path<String>) -> Response {
    page(&state, answer(&state, &id).await)
}

async fn answer(state: &Asked, id: &str) -> Result<Page, Failure> {
    let id = id.parse().map_err(|_| Failure {
        status: StatusCode::NOT_FOUND,
        message: format!("no proposal `{}`", cell(id)),
        hint: Some("proposals are called `P-1`, `P-2`, …".to_owned()),
    })?;
    let view = state.app().approvals().show(id, state.now()).await.map_err(AppError::from)?;
    let bundle = state.app().evidence(&view.proposal.evidence).await?;
    let proposal = &view.proposal;
    Ok(Page {
        chrome: Chrome::of(state.app()),
        id: proposal.id.to_string(),
        title: clean(&proposal.title),
        status: view.status.to_string(),
        version: proposal.version,
        digest: view.digest.clone(),
        short_digest: view.digest.chars().take(12).collect(),
        is_open: view.status.is_open(),
        change: change::terms(proposal),
        about: about(&view),
        standing: standing(&view),
        source: Source::new(&proposal.evidence),
        facts: rows(&bundle),
        caveats: bundle.caveats.iter().map(|sentence| clean(sentence)).collect(),
        history: view.events.iter().map(Happened::new).collect(),
    })
}

fn about(view: &View) -> Vec<Term> {
    let proposal = &view.proposal;
    let mut terms = vec![
        Term::new("Owner", cell(&proposal.owner)),
        Term::new("Asked for by", who(&proposal.requester)),
        Term::new(
            "At stake",
            proposal.amount_at_stake.map_or_else(
                || "unknown, so it is decided like the largest amounts".to_owned(),
                |amount| amount.to_string(),
            ),
        ),
        Term::new(
            "Risk",
            match proposal.risk {
                Risk::Low => "low: nobody would notice",
                Risk::Medium => "medium: somebody could notice",
                Risk::High => "high: users could notice",
            },
        ),
        Term::new("Can be undone", if proposal.reversible { "yes" } else { "no" }),
        Term::new("Expires", text::instant(proposal.expires_at)),
    ];
    if let Some(saving) = proposal.saving {
        let text = format!("{} a month ({} to {})", saving.mid, saving.low, saving.high);
        terms.push(Term::new("Expected saving", text));
    }
    terms
}

fn standing(view: &View) -> Vec<Term> {
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
    if view.status.is_open() {
        terms.push(Term::new("Still missing", needs(view)));
        terms.push(Term::new(
            "Can approve",
            names(&standing.eligible, "nobody: no active account holds a role that counts"),
        ));
    }
    if requirement.cool_down_hours > 0 {
        let hours = format!("{} hours between approval and execution", requirement.cool_down_hours);
        terms.push(Term::new("Waits", hours));
    }
    terms
}

/// What is missing, in one line: `1 person (ana, ben), among them finops`.
pub(super) fn needs(view: &View) -> String {
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

fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMES_SHOWN).map(|name| cell(name)).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn who(principal: &Principal) -> String {
    match principal {
        Principal::Person { name } => cell(name),
        Principal::Agent { token, acts_for: Some(person) } => {
            format!("agent {} for {}", cell(token), cell(person))
        }
        Principal::Agent { token, acts_for: None } => format!("agent {}", cell(token)),
        Principal::System => "Centinel's analysis".to_owned(),
    }
}

impl Happened {
    fn new(event: &Event) -> Self {
        Self { at: text::instant(event.at), who: who(&event.actor), what: what(&event.what) }
    }
}

fn what(occurrence: &Occurrence) -> String {
    match occurrence {
        Occurrence::Proposed { proposal, .. } => format!("proposed version {}", proposal.version),
        Occurrence::VotesVoided { people, why } => {
            let why = match why {
                VoidReason::PolicyChanged => "the approval policy changed",
                VoidReason::PersonChanged => "the account changed",
                VoidReason::EmergencyOver => "the time of the emergency is over",
            };
            if people.is_empty() {
                return format!("the emergency no longer counts: {why}");
            }
            format!("approval of {} no longer counts: {why}", list(people))
        }
        Occurrence::VoteCast { vote, version, .. } => {
            format!("{} approved version {version} {}", cell(&vote.name), channel(vote.channel))
        }
        Occurrence::Approved => "approved".to_owned(),
        Occurrence::Rejected { name, channel: at, reason, .. } => {
            format!("{} rejected it {}: {}", cell(name), channel(*at), clean(reason))
        }
        Occurrence::Withdrawn => "withdrawn".to_owned(),
        Occurrence::Expired => "expired".to_owned(),
        Occurrence::Stale { what } => format!("out of date: {}", clean(what)),
        Occurrence::ExecutionBegun { attempt, .. } => format!("execution began, attempt {attempt}"),
        Occurrence::Executed => "executed".to_owned(),
        Occurrence::Confirmed { name, channel: at, reference, carried_out_at, .. } => format!(
            "{} said {} that it was carried out by hand on {}: {}",
            cell(name),
            channel(*at),
            text::instant(*carried_out_at),
            cell(reference)
        ),
        Occurrence::ExecutionFailed { reason } => {
            format!("execution had no effect: {}", clean(reason))
        }
        Occurrence::ExecutionUnknown => "nobody knows whether it was executed".to_owned(),
        Occurrence::Abandoned => "abandoned".to_owned(),
        Occurrence::Measured { saving, days } => {
            format!("saves {saving} a month, measured over {days} days")
        }
        Occurrence::GlassBroken { glass } => format!(
            "{} took it forward alone in an emergency ({}) {}: {}",
            cell(&glass.name),
            cell(&glass.ticket),
            channel(glass.channel),
            clean(&glass.reason)
        ),
        Occurrence::EmergencyReviewed { name, note, .. } => {
            format!("{} looked at the emergency: {}", cell(name), clean(note))
        }
        Occurrence::RolledBack { by } => format!("taken back by {by}"),
        Occurrence::Overtaken { what } => format!("carried out from outside: {}", clean(what)),
    }
}

fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Cli => "in the terminal",
        Channel::Web => "on the page",
        Channel::Slack => "in Slack",
        Channel::PullRequest => "in a pull request",
    }
}
