//! How far a proposal is from being approved, under today's people and policy.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    ApprovalPolicy, Deed, Directory, Eligibility, Person, Principal, Requirement, Role, RoleKind,
    State, VoidReason, Vote,
};

/// What a proposal needs, has, and lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// What it needs.
    pub requirement: Requirement,
    /// Accounts whose approval counts.
    pub approved_by: Vec<String>,
    /// How many further people must approve.
    pub missing: u32,
    /// Roles that are not among the approvers yet.
    pub missing_roles: Vec<RoleKind>,
    /// Accounts that could still approve, one name a human.
    pub eligible: Vec<String>,
    /// Whether it is enough.
    pub satisfied: bool,
}

/// Where a proposal stands under its policies and a directory. Votes that no longer count are left
/// out.
pub fn standing(
    state: &State,
    policy: &ApprovalPolicy,
    people: &Directory,
    eligibility: &Eligibility,
) -> Standing {
    let requirement = policy.requirement(&state.proposal);
    let void = void_votes(state, policy, people, eligibility);
    let void: BTreeSet<&str> = void.into_iter().map(|(vote, _)| vote.name.as_str()).collect();
    let owner = &state.proposal.owner;
    let mut humans = BTreeSet::new();
    let mut held: BTreeSet<RoleKind> = BTreeSet::new();
    let mut approved_by = Vec::new();
    for vote in state.votes.iter().filter(|vote| !void.contains(vote.name.as_str())) {
        if humans.insert(vote.human.as_str()) {
            approved_by.push(vote.name.clone());
            held.extend(people.get(&vote.name).into_iter().flat_map(|p| p.role_kinds(owner)));
        }
    }
    let missing_roles: Vec<_> = requirement.includes.difference(&held).copied().collect();
    let count = u32::try_from(humans.len()).unwrap_or(u32::MAX);
    let missing = requirement.approvers.saturating_sub(count);
    let mut eligible = Vec::new();
    let may = |person: &&Person| is_eligible(state, &requirement, people, eligibility, person);
    for person in people.iter().filter(may) {
        if humans.insert(&person.human) {
            eligible.push(person.name.clone());
        }
    }
    Standing {
        satisfied: missing == 0 && missing_roles.is_empty() && requirement.denied_by.is_none(),
        requirement,
        approved_by,
        missing,
        missing_roles,
        eligible,
    }
}

/// Whether an active account with a role that counts belongs to no author, and may decide at all.
pub(super) fn is_eligible(
    state: &State,
    requirement: &Requirement,
    people: &Directory,
    eligibility: &Eligibility,
    person: &Person,
) -> bool {
    person.active
        && eligibility.allows(Deed::Approve, &Principal::person(&person.name))
        && !is_author(state, people, &person.name)
        && !person.role_kinds(&state.proposal.owner).is_disjoint(&requirement.roles)
}

/// Whether an account belongs to a human who wrote a version, by any account or token of theirs.
pub(super) fn is_author(state: &State, people: &Directory, name: &str) -> bool {
    let principal = Principal::person(name);
    let human = people.human(&principal);
    state.authors.iter().any(|author| people.human(author).is_some_and(|one| Some(one) == human))
}

/// Votes that no longer count, and why: cast under another policy, or by an account that changed
/// since.
///
/// A role that was lost and given back is a change: the person votes again.
pub(super) fn void_votes<'a>(
    state: &'a State,
    policy: &ApprovalPolicy,
    people: &Directory,
    eligibility: &Eligibility,
) -> Vec<(&'a Vote, VoidReason)> {
    let requirement = policy.requirement(&state.proposal);
    let stands = |vote: &Vote| {
        people.get(&vote.name).is_some_and(|person| {
            person.human == vote.human
                && is_unchanged_since(person, vote.at)
                && is_eligible(state, &requirement, people, eligibility, person)
        })
    };
    state
        .votes
        .iter()
        .filter_map(|vote| {
            if vote.policy_version != policy.digest() {
                Some((vote, VoidReason::PolicyChanged))
            } else if stands(vote) {
                None
            } else {
                Some((vote, VoidReason::PersonChanged))
            }
        })
        .collect()
}

/// Whether an emergency stands in for the quorum now: under the same policy, by a person who still holds
/// the role, in its time.
pub(super) fn is_glass_in_force(
    state: &State,
    policy: &ApprovalPolicy,
    people: &Directory,
    eligibility: &Eligibility,
    now: Timestamp,
) -> bool {
    let Some(glass) = &state.glass else { return false };
    policy.break_glass.is_some()
        && glass.policy_version == policy.digest()
        && now < glass.expires_at
        && people.get(&glass.name).is_some_and(|person| {
            person.active
                && person.human == glass.human
                && is_unchanged_since(person, glass.at)
                && person.roles.contains(&Role::Emergency)
        })
        && eligibility.allows(Deed::BreakGlass, &Principal::person(&glass.name))
}

fn is_unchanged_since(person: &Person, at: Timestamp) -> bool {
    person.changed_at <= at
}
