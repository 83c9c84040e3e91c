//! The machine: every transition there is, with its guards.

mod confirm;

use jiff::{SignedDuration, Timestamp};

use super::{
    ApprovalPolicy, BreakGlass, Channel, Deed, Directory, Eligibility, Event, Glass, Occurrence,
    Person, Principal, Proposal, ProposalId, Refusal, Requirement, RoleKind, State, Status,
    VoidReason, Vote,
    document::is_plain,
    standing::{is_author, is_eligible, is_glass_in_force, standing, void_votes},
};
use crate::money::Money;

/// Most attempts to carry one version out.
const ATTEMPTS_MAX: u32 = 3;
/// Fewest hex digits of a digest that identify a version.
const DIGEST_MIN: usize = 8;
/// Longest reason of a rejection, in characters.
const REASON_MAX: usize = 1_000;
/// How far clocks of two servers may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What somebody asks the machine to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Put forward a first version, or one that supersedes the current one. The actor is the
    /// version's requester.
    Propose(Box<Proposal>),
    /// Say yes.
    Approve(Ballot),
    /// Say no, for good.
    Reject {
        /// Which version is meant.
        ballot: Ballot,
        /// Why.
        reason: String,
    },
    /// Take one's own proposal back.
    Withdraw,
    /// Notice expiry, changed facts and votes that no longer count.
    Refresh,
    /// Claim the right to carry it out.
    BeginExecution,
    /// Report that it was carried out.
    Succeed,
    /// Report that an attempt had no effect.
    Fail {
        /// Why.
        reason: String,
    },
    /// Report that nobody knows whether an attempt had its effect.
    LoseTrack,
    /// Record the realised saving.
    Measure {
        /// Per month.
        saving: Money,
        /// Days after the execution; more than at the last measurement.
        days: u32,
    },
    /// Carry it forward alone, in an emergency.
    BreakGlass {
        /// Which version is meant.
        ballot: Ballot,
        /// Why.
        reason: String,
        /// The incident that it belongs to.
        ticket: String,
    },
    /// Say that it was carried out by hand, outside of Centinel.
    Confirm {
        /// Which version was carried out.
        ballot: Ballot,
        /// Under which it is known outside: an order number, a ticket.
        reference: String,
        /// When it was carried out.
        carried_out_at: Timestamp,
    },
    /// Close an emergency that somebody else began.
    Review {
        /// What was found.
        note: String,
    },
    /// Record that another proposal took the effect back.
    RollBack {
        /// That proposal.
        by: ProposalId,
    },
    /// Record that it was carried out from outside, without an approval.
    Overtake {
        /// By whom or what, as far as that is known.
        what: String,
    },
}

/// What a decision is about: exactly one version, as the person saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballot {
    /// The version.
    pub version: u32,
    /// Its digest, or at least the first eight hex digits.
    pub digest: String,
    /// Where the person decides.
    pub channel: Channel,
}

/// Whether the facts behind a proposal were computed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// Nobody looked.
    Unchecked,
    /// The target, the old value and the sign of the saving are as proposed, and at least 80 % of
    /// the saving is left.
    Hold,
    /// They are not.
    Changed(String),
}

/// The world at the moment of a command.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// The moment.
    pub now: Timestamp,
    /// Who asks. Whoever calls has authenticated them.
    pub actor: &'a Principal,
    /// All accounts as they are now.
    pub people: &'a Directory,
    /// The policy in force.
    pub policy: &'a ApprovalPolicy,
    /// Who may do what with the proposal of the command, by the access policy in force.
    pub eligibility: &'a Eligibility,
    /// Whether the facts still hold.
    pub facts: &'a Facts,
}

/// One transition: the new state and what happened, or why nothing does.
///
/// Pure and total. A refusal changes nothing. The new state is the fold of the events over the old
/// one, so that the log alone restores it.
///
/// # Errors
///
/// [`Refusal`], in words for the person who asked.
pub fn step(
    state: Option<&State>,
    id: ProposalId,
    command: &Command,
    context: &Context<'_>,
) -> Result<(State, Vec<Event>), Refusal> {
    let occurrences = match (state, command) {
        (_, Command::Propose(proposal)) => propose(state, id, proposal, context)?,
        (None, _) => return Err(Refusal::NotFound { id }),
        (Some(state), command) => {
            check_clock(state, context.now)?;
            match command {
                Command::Propose(_) => Vec::new(),
                Command::Approve(ballot) => approve(state, ballot, context)?,
                Command::Reject { ballot, reason } => reject(state, ballot, reason, context)?,
                Command::Withdraw => withdraw(state, context)?,
                Command::BreakGlass { ballot, reason, ticket } => {
                    break_glass(state, ballot, reason, ticket, context)?
                }
                Command::Confirm { ballot, reference, carried_out_at } => {
                    confirm::confirm(state, ballot, reference, *carried_out_at, context)?
                }
                Command::Review { note } => review(state, note, context)?,
                _ if *context.actor != Principal::System => {
                    return Err(Refusal::NotTheSystem(context.actor.clone()));
                }
                Command::Refresh => refresh(state, context),
                Command::BeginExecution => begin_execution(state, context)?,
                Command::Succeed => {
                    finished(state, &[Status::Executing, Status::Unknown], Occurrence::Executed)?
                }
                Command::Fail { reason } => fail(state, reason)?,
                Command::LoseTrack => {
                    finished(state, &[Status::Executing], Occurrence::ExecutionUnknown)?
                }
                Command::Measure { saving, days } => measure(state, *saving, *days)?,
                Command::RollBack { by } => {
                    let from = [Status::Executed, Status::Measured];
                    finished(state, &from, Occurrence::RolledBack { by: *by })?
                }
                Command::Overtake { what } => {
                    let from = [Status::Pending, Status::Approved, Status::Stale, Status::Failed];
                    finished(state, &from, Occurrence::Overtaken { what: what.clone() })?
                }
            }
        }
    };
    let events: Vec<Event> = occurrences
        .into_iter()
        .map(|what| Event { at: context.now, actor: context.actor.clone(), what })
        .collect();
    let after = events.iter().fold(state.cloned(), State::after).ok_or(Refusal::NotFound { id })?;
    Ok((after, events))
}

fn propose(
    state: Option<&State>,
    id: ProposalId,
    proposal: &Proposal,
    context: &Context<'_>,
) -> Result<Vec<Occurrence>, Refusal> {
    let version = proposal.version;
    let not_next = |why| Err(Refusal::NotNext { id, version, why });
    if proposal.id != id {
        return not_next("it carries another id");
    }
    if proposal.requester != *context.actor {
        return not_next("its requester is somebody else");
    }
    if proposal.policy_version != context.policy.digest() {
        return not_next("the approval policy changed in between");
    }
    if proposal.expires_at <= context.now {
        return Err(Refusal::Expired { id, expired_at: proposal.expires_at });
    }
    match state {
        None if version != 1 => return not_next("the first version is 1"),
        None => {}
        Some(state) => {
            check_clock(state, context.now)?;
            let open = [Status::Pending, Status::Approved, Status::Stale];
            if !open.contains(&state.status) {
                return Err(Refusal::Status { id, status: state.status });
            }
            if Some(version) != state.proposal.version.checked_add(1) {
                return not_next("it is not the next version");
            }
            // A person may take any proposal over and then is one of its authors; an agent's token
            // only replaces its own, or it could void people's approvals at will.
            if !matches!(context.actor, Principal::Person { .. }) {
                check_requester(state, context)?;
            }
        }
    }
    if let Principal::Person { name } = context.actor
        && !context.people.get(name).is_some_and(|person| person.active)
    {
        return Err(Refusal::NotActive(name.clone()));
    }
    check_eligible(id, Deed::Propose, context)?;
    if let Some(rule) = context.policy.requirement(proposal).denied_by {
        return Err(Refusal::Denied { rule, kind: proposal.kind() });
    }
    match proposal.digest() {
        Ok(digest) => {
            Ok(vec![Occurrence::Proposed { proposal: Box::new(proposal.clone()), digest }])
        }
        Err(_) => not_next("it has no canonical form"),
    }
}

fn approve(
    state: &State,
    ballot: &Ballot,
    context: &Context<'_>,
) -> Result<Vec<Occurrence>, Refusal> {
    let id = state.proposal.id;
    let decider = check_decider(state, ballot, Deed::Approve, context)?;
    if let Facts::Changed(what) = context.facts {
        return Err(Refusal::FactsChanged { id, what: what.clone() });
    }
    check_freeze(state, context.policy, context.now)?;
    if !decider.requirement.channels.contains(&ballot.channel) {
        return Err(Refusal::Channel { id, channel: ballot.channel });
    }
    if let Some(rule) = decider.requirement.denied_by {
        return Err(Refusal::Denied { rule, kind: state.proposal.kind() });
    }
    let mut occurrences = voided(state, context);
    let mut after = applied(state, &occurrences, context);
    if after.votes.iter().any(|vote| vote.human == decider.human) {
        return Err(Refusal::AlreadyApproved { id, name: decider.name });
    }
    let vote = Vote {
        name: decider.name,
        human: decider.human,
        at: context.now,
        channel: ballot.channel,
        policy_version: context.policy.digest().to_owned(),
    };
    after.votes.push(vote.clone());
    occurrences.push(Occurrence::VoteCast {
        vote,
        version: state.proposal.version,
        digest: state.digest.clone(),
    });
    if standing(&after, context.policy, context.people, context.eligibility).satisfied {
        occurrences.push(Occurrence::Approved);
    }
    Ok(occurrences)
}

/// Saying no is possible as long as nothing has been done, in a freeze and on every channel, and
/// also for a person who said yes before.
fn reject(
    state: &State,
    ballot: &Ballot,
    reason: &str,
    context: &Context<'_>,
) -> Result<Vec<Occurrence>, Refusal> {
    let id = state.proposal.id;
    let decider = check_decider(state, ballot, Deed::Reject, context)?;
    if !is_reason(reason) {
        return Err(Refusal::Reason(id));
    }
    Ok(vec![Occurrence::Rejected {
        name: decider.name,
        human: decider.human,
        channel: ballot.channel,
        reason: reason.trim().to_owned(),
    }])
}

fn withdraw(state: &State, context: &Context<'_>) -> Result<Vec<Occurrence>, Refusal> {
    check_requester(state, context)?;
    check_eligible(state.proposal.id, Deed::Withdraw, context)?;
    let open = [Status::Pending, Status::Approved, Status::Stale];
    finished(state, &open, Occurrence::Withdrawn)
}

fn refresh(state: &State, context: &Context<'_>) -> Vec<Occurrence> {
    let expired = context.now >= state.proposal.expires_at;
    match (state.status, context.facts) {
        (Status::Pending | Status::Approved | Status::Stale, _) if expired => {
            vec![Occurrence::Expired]
        }
        (Status::Failed, _) if expired => vec![Occurrence::Abandoned],
        (Status::Pending | Status::Approved, Facts::Changed(what)) => {
            vec![Occurrence::Stale { what: what.clone() }]
        }
        (Status::Pending | Status::Approved, _) => voided(state, context),
        _ => Vec::new(),
    }
}

fn begin_execution(state: &State, context: &Context<'_>) -> Result<Vec<Occurrence>, Refusal> {
    let id = state.proposal.id;
    if !matches!(state.status, Status::Approved | Status::Failed) {
        return Err(Refusal::Status { id, status: state.status });
    }
    check_expiry(state, context.now)?;
    check_freeze(state, context.policy, context.now)?;
    check_facts(id, context.facts)?;
    check_eligible(id, Deed::Execute, context)?;
    let from = may_be_executed_from(state, context)?;
    if context.now < from {
        return Err(Refusal::CoolingDown { id, from });
    }
    let attempt = state.attempts.saturating_add(1);
    Ok(vec![Occurrence::ExecutionBegun { key: state.execution_key(), attempt }])
}

/// The first instant at which the approval covers an execution: people and policies as they are now, not
/// as they were when the last vote came.
fn may_be_executed_from(state: &State, context: &Context<'_>) -> Result<Timestamp, Refusal> {
    let Context { policy, people, eligibility, .. } = *context;
    // One person in the place of a quorum waits for no cool-down.
    let glass = state.glass.as_ref();
    let in_force = |_: &&Glass| is_glass_in_force(state, policy, people, eligibility, context.now);
    if let Some(glass) = glass.filter(in_force) {
        return Ok(glass.at);
    }
    let standing = standing(state, policy, people, eligibility);
    if !standing.satisfied {
        let (id, requirement) = (state.proposal.id, Box::new(standing.requirement));
        return Err(Refusal::NoLongerApproved { id, requirement });
    }
    let wait = SignedDuration::from_hours(i64::from(standing.requirement.cool_down_hours));
    let from = state.approved_at.and_then(|approved_at| approved_at.checked_add(wait).ok());
    Ok(from.unwrap_or(Timestamp::MAX))
}

/// Nothing is carried out on facts that changed, or that nobody looked at again.
fn check_facts(id: ProposalId, facts: &Facts) -> Result<(), Refusal> {
    match facts {
        Facts::Hold => Ok(()),
        Facts::Unchecked => Err(Refusal::FactsUnchecked(id)),
        Facts::Changed(what) => Err(Refusal::FactsChanged { id, what: what.clone() }),
    }
}

/// One person in the place of a quorum and its cool-down; everything else holds as always.
fn break_glass(
    state: &State,
    ballot: &Ballot,
    reason: &str,
    ticket: &str,
    context: &Context<'_>,
) -> Result<Vec<Occurrence>, Refusal> {
    let id = state.proposal.id;
    let (person, requirement) = identify(state, ballot, &[Status::Pending], context)?;
    if !person.role_kinds(&state.proposal.owner).contains(&RoleKind::Emergency) {
        let (name, owner) = (person.name.clone(), state.proposal.owner.clone());
        return Err(Refusal::NoRole { id, name, roles: vec![RoleKind::Emergency], owner });
    }
    check_eligible(id, Deed::BreakGlass, context)?;
    let refused = |why| Err(Refusal::NoEmergency { id, why });
    let Some(BreakGlass { expires_after_hours, review_within_hours }) = context.policy.break_glass
    else {
        return refused("the policy knows no emergency");
    };
    if !state.proposal.reversible || !state.proposal.change.can_be_undone() {
        return refused("what cannot be undone always takes its quorum");
    }
    if let Some(rule) = requirement.denied_by {
        return Err(Refusal::Denied { rule, kind: state.proposal.kind() });
    }
    if !matches!(ballot.channel, Channel::Cli | Channel::Web) {
        return Err(Refusal::Channel { id, channel: ballot.channel });
    }
    if let Facts::Changed(what) = context.facts {
        return Err(Refusal::FactsChanged { id, what: what.clone() });
    }
    check_freeze(state, context.policy, context.now)?;
    if !is_reason(reason) || !is_reason(ticket) {
        return Err(Refusal::Emergency(id));
    }
    let until = |hours: u32| {
        let until = context.now.checked_add(SignedDuration::from_hours(i64::from(hours)));
        until.unwrap_or(Timestamp::MAX)
    };
    let glass = Glass {
        name: person.name.clone(),
        human: person.human.clone(),
        at: context.now,
        channel: ballot.channel,
        reason: reason.trim().to_owned(),
        ticket: ticket.trim().to_owned(),
        expires_at: until(expires_after_hours),
        review_until: until(review_within_hours),
        policy_version: context.policy.digest().to_owned(),
    };
    Ok(vec![Occurrence::GlassBroken { glass }])
}

/// Whoever could have approved looks at what one person did alone.
fn review(state: &State, note: &str, context: &Context<'_>) -> Result<Vec<Occurrence>, Refusal> {
    let id = state.proposal.id;
    let Principal::Person { name } = context.actor else {
        return Err(Refusal::NotAPerson { id, principal: context.actor.clone() });
    };
    let Some(person) = context.people.get(name).filter(|person| person.active) else {
        return Err(Refusal::NotActive(name.clone()));
    };
    if state.unreviewed.is_empty() {
        return Err(Refusal::NothingToReview(id));
    }
    // Of several emergencies, each by somebody: who began one does not close it with the others.
    if state.unreviewed.contains(&person.human) {
        return Err(Refusal::OwnEmergency { id, name: name.clone() });
    }
    let requirement = context.policy.requirement(&state.proposal);
    if !is_eligible(state, &requirement, context.people, context.eligibility, person) {
        let roles = requirement.roles.iter().copied().collect();
        let owner = state.proposal.owner.clone();
        return Err(Refusal::NoRole { id, name: name.clone(), roles, owner });
    }
    if !is_reason(note) {
        return Err(Refusal::Reason(id));
    }
    let (name, human) = (name.clone(), person.human.clone());
    Ok(vec![Occurrence::EmergencyReviewed { name, human, note: note.trim().to_owned() }])
}

fn measure(state: &State, saving: Money, days: u32) -> Result<Vec<Occurrence>, Refusal> {
    let id = state.proposal.id;
    let measured = finished(
        state,
        &[Status::Executed, Status::Measured],
        Occurrence::Measured { saving, days },
    )?;
    match state.realised {
        Some(last) if last.days >= days => Err(Refusal::MeasuredAlready { id, after: last.days }),
        _ => Ok(measured),
    }
}

fn is_reason(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= REASON_MAX && is_plain(text)
}

fn fail(state: &State, reason: &str) -> Result<Vec<Occurrence>, Refusal> {
    let failed = Occurrence::ExecutionFailed { reason: reason.to_owned() };
    let mut occurrences = finished(state, &[Status::Executing, Status::Unknown], failed)?;
    if state.attempts >= ATTEMPTS_MAX {
        occurrences.push(Occurrence::Abandoned);
    }
    Ok(occurrences)
}

/// One occurrence, from one of some statuses.
fn finished(state: &State, from: &[Status], what: Occurrence) -> Result<Vec<Occurrence>, Refusal> {
    if from.contains(&state.status) {
        Ok(vec![what])
    } else {
        Err(Refusal::Status { id: state.proposal.id, status: state.status })
    }
}

/// A person who may decide.
struct Decider {
    name: String,
    human: String,
    requirement: Requirement,
}

/// The guards that approving and rejecting share.
fn check_decider(
    state: &State,
    ballot: &Ballot,
    deed: Deed,
    context: &Context<'_>,
) -> Result<Decider, Refusal> {
    let statuses: &[Status] = match deed {
        Deed::Approve => &[Status::Pending],
        _ => &[Status::Pending, Status::Approved],
    };
    let (person, requirement) = identify(state, ballot, statuses, context)?;
    let (id, owner) = (state.proposal.id, &state.proposal.owner);
    if person.role_kinds(owner).is_disjoint(&requirement.roles) {
        let roles = requirement.roles.iter().copied().collect();
        return Err(Refusal::NoRole { id, name: person.name.clone(), roles, owner: owner.clone() });
    }
    check_eligible(id, deed, context)?;
    Ok(Decider { name: person.name.clone(), human: person.human.clone(), requirement })
}

/// The person behind a ballot on the current version, who is none of its authors.
fn identify<'a>(
    state: &State,
    ballot: &Ballot,
    statuses: &[Status],
    context: &'a Context<'_>,
) -> Result<(&'a Person, Requirement), Refusal> {
    let person = recognise(state, ballot, statuses, context)?;
    let requirement = context.policy.requirement(&state.proposal);
    if is_author(state, context.people, &person.name) {
        let requirement = Box::new(requirement);
        return Err(Refusal::Requester { id: state.proposal.id, requirement });
    }
    Ok((person, requirement))
}

/// The person behind a ballot on the current version, whoever wrote it.
fn recognise<'a>(
    state: &State,
    ballot: &Ballot,
    statuses: &[Status],
    context: &'a Context<'_>,
) -> Result<&'a Person, Refusal> {
    let (id, version) = (state.proposal.id, state.proposal.version);
    let Principal::Person { name } = context.actor else {
        return Err(Refusal::NotAPerson { id, principal: context.actor.clone() });
    };
    let Some(person) = context.people.get(name).filter(|person| person.active) else {
        return Err(Refusal::NotActive(name.clone()));
    };
    if ballot.version != version {
        return Err(Refusal::OtherVersion { id, given: ballot.version, current: version });
    }
    let digest = ballot.digest.to_ascii_lowercase();
    if digest.len() < DIGEST_MIN || !state.digest.starts_with(&digest) {
        let given = ballot.digest.chars().take(64).collect();
        return Err(Refusal::OtherDigest { id, version, given });
    }
    if !statuses.contains(&state.status) {
        return Err(Refusal::Status { id, status: state.status });
    }
    check_expiry(state, context.now)?;
    Ok(person)
}

/// The access policy lets the actor do this at all.
fn check_eligible(id: ProposalId, deed: Deed, context: &Context<'_>) -> Result<(), Refusal> {
    if context.eligibility.allows(deed, context.actor) {
        Ok(())
    } else {
        Err(Refusal::NotEligible { id, principal: context.actor.clone(), deed })
    }
}

fn check_requester(state: &State, context: &Context<'_>) -> Result<(), Refusal> {
    let requester = &state.proposal.requester;
    let human = context.people.human(context.actor);
    let is_same_human = human.is_some() && human == context.people.human(requester);
    // A token acts for itself only: it must not take back what its holder proposed in person.
    let is_token = matches!(context.actor, Principal::Agent { .. });
    if context.actor == requester || (is_same_human && !is_token) {
        Ok(())
    } else {
        let requester = requester.clone();
        Err(Refusal::NotTheRequester { id: state.proposal.id, requester })
    }
}

fn check_expiry(state: &State, now: Timestamp) -> Result<(), Refusal> {
    let expired_at = state.proposal.expires_at;
    if now < expired_at {
        Ok(())
    } else {
        Err(Refusal::Expired { id: state.proposal.id, expired_at })
    }
}

fn check_freeze(state: &State, policy: &ApprovalPolicy, at: Timestamp) -> Result<(), Refusal> {
    match policy.freeze(state.proposal.kind(), at) {
        Some(freeze) => Err(Refusal::Frozen {
            id: state.proposal.id,
            until: freeze.end,
            reason: freeze.reason.clone(),
        }),
        None => Ok(()),
    }
}

/// A clock that was set back could bring an expired proposal to life.
fn check_clock(state: &State, now: Timestamp) -> Result<(), Refusal> {
    let last = state.changed_at;
    if now.checked_add(CLOCK_SKEW).is_ok_and(|latest| latest < last) {
        return Err(Refusal::ClockBehind { id: state.proposal.id, now, last });
    }
    Ok(())
}

/// One event for all votes that no longer count, and for an emergency that is over; none when all do.
fn voided(state: &State, context: &Context<'_>) -> Vec<Occurrence> {
    let void = void_votes(state, context.policy, context.people, context.eligibility);
    let is_over = state.glass.is_some()
        && !is_glass_in_force(
            state,
            context.policy,
            context.people,
            context.eligibility,
            context.now,
        );
    let Some(why) =
        void.first().map(|(_, why)| *why).or(is_over.then_some(VoidReason::EmergencyOver))
    else {
        return Vec::new();
    };
    // While an emergency is in force, it needs no votes.
    if state.glass.is_some() && !is_over {
        return Vec::new();
    }
    let people = void.into_iter().map(|(vote, _)| vote.name.clone()).collect();
    vec![Occurrence::VotesVoided { people, why }]
}

fn applied(state: &State, occurrences: &[Occurrence], context: &Context<'_>) -> State {
    occurrences.iter().fold(state.clone(), |state, what| {
        let before = state.clone();
        let event = Event { at: context.now, actor: context.actor.clone(), what: what.clone() };
        State::after(Some(state), &event).unwrap_or(before)
    })
}
