//! What has to hold on each edge, written down a second time and without the machine's code.

use super::*;

/// What a person holds now: a role that counts for votes, and the role for emergencies.
fn roles(name: &str, world: &World, setting: &Setting) -> (bool, bool) {
    let account = setting.accounts.iter().find(|(account, ..)| *account == name);
    let Some((_, _, Some(role))) = account else { return (false, false) };
    let has_it = name != setting.swings || world.role != 1;
    (has_it && *role != "emergency", has_it && *role == "emergency")
}

fn human(name: &str, setting: &Setting) -> Option<&'static str> {
    let account = setting.accounts.iter().find(|(account, ..)| *account == name);
    account.map(|(_, human, _)| *human)
}

fn is_unchanged(name: &str, since: Timestamp, world: &World, setting: &Setting) -> bool {
    name != setting.swings || at(world.role_changed) <= since
}

/// Whether a vote counts.
pub(super) fn counts(vote: &Vote, world: &World, setting: &Setting) -> bool {
    vote.policy_version == setting.policy(world).digest()
        && is_unchanged(&vote.name, vote.at, world, setting)
        && roles(&vote.name, world, setting).0
}

/// Whether an emergency stands in for a quorum: four hours, under one policy, by somebody who still has
/// the role.
pub(super) fn is_glass_good(glass: &Glass, world: &World, setting: &Setting) -> bool {
    let over = glass.at.checked_add(SignedDuration::from_hours(4)).unwrap();
    glass.policy_version == setting.policy(world).digest()
        && setting.now(world) < over
        && is_unchanged(&glass.name, glass.at, world, setting)
        && roles(&glass.name, world, setting).1
}

fn is_small(proposal: &Proposal) -> bool {
    matches!(&proposal.change, Change::Budget { limit, .. } if limit.to_string().contains("400"))
}

fn wrote(state: &State, human: &str) -> bool {
    // Rita asks by one account and may have another.
    state.authors.contains(&Principal::person(human))
}

/// The demand of the policy: enough people whose votes count, finance among them, no author.
fn is_approved(state: &State, world: &World, setting: &Setting) -> bool {
    let votes = state.votes.iter().filter(|vote| counts(vote, world, setting));
    let humans: BTreeSet<&str> = votes.map(|vote| vote.human.as_str()).collect();
    let is_small = is_small(&state.proposal);
    humans.len() >= if is_small { 1 } else { 2 }
        && (is_small || humans.contains("finn"))
        && !humans.iter().any(|human| wrote(state, human))
}

/// The hours of the freeze and of the cool-down, by family.
fn is_frozen(when: Timestamp, setting: &Setting) -> bool {
    when == at(setting.hours[1])
}

fn cool_down(proposal: &Proposal, setting: &Setting) -> SignedDuration {
    SignedDuration::from_hours(match setting.name {
        "emergency" => 3,
        _ if is_small(proposal) => 0,
        _ => 24,
    })
}

/// P1: an effect at `when` is covered by what people decided, as it counts now.
fn is_covered(state: &State, when: Timestamp, world: &World, setting: &Setting) -> bool {
    let glass = state.glass.as_ref();
    let by_emergency = glass.is_some_and(|glass| {
        is_glass_good(glass, world, setting)
            && when >= glass.at
            && state.proposal.reversible
            && !wrote(state, &glass.human)
    });
    let by_quorum = is_approved(state, world, setting)
        && state.approved_at.is_some_and(|approved_at| {
            when >= approved_at.checked_add(cool_down(&state.proposal, setting)).unwrap()
        });
    (by_emergency || by_quorum) && !is_frozen(when, setting)
}

pub(super) fn check(
    before: &Node,
    actor: &Principal,
    after: &State,
    events: &[Event],
    setting: &Setting,
) {
    let world = &before.world;
    let (now, state) = (setting.now(world), before.state.as_ref());
    let is_expired = now >= after.proposal.expires_at;
    // P11: the state is a fold of the log, and every change of state has its event.
    let folded = events.iter().fold(before.state.clone(), State::after);
    assert_eq!(folded.as_ref(), Some(after), "P11");
    assert!(!events.is_empty() || state == Some(after), "P11");
    if let Some(state) = state {
        let reviews = |event: &Event| matches!(event.what, Occurrence::EmergencyReviewed { .. });
        // Of what is final, only the review of an emergency may follow.
        let nothing_else = events.iter().all(reviews) && after.status == state.status;
        assert!(!state.status.is_final() || nothing_else, "P5: {state:?} {events:?}");
        if after.proposal.version != state.proposal.version {
            assert!(after.votes.is_empty() && after.status == Status::Pending, "P4");
            assert!(after.glass.is_none(), "P4: an emergency of another version");
        }
        if !events.iter().any(reviews) {
            assert!(after.unreviewed.is_superset(&state.unreviewed), "an emergency is forgotten");
        }
    }
    let humans: BTreeSet<_> = after.votes.iter().map(|vote| &vote.human).collect();
    assert_eq!(humans.len(), after.votes.len(), "P3");
    assert!(!after.votes.iter().any(|vote| wrote(after, &vote.human)), "P2");
    for event in events {
        check_event(before, actor, after, event, setting);
        if matches!(actor, Principal::Agent { .. }) {
            let harmless =
                matches!(event.what, Occurrence::Proposed { .. } | Occurrence::Withdrawn);
            assert!(harmless, "P10: {event:?}");
        }
        if event.carried_out_at().is_some() {
            assert!(!before.executed.contains(&after.proposal.version), "P6");
        }
        if let Occurrence::GlassBroken { .. } | Occurrence::VoteCast { .. } = event.what {
            assert!(!is_expired && !is_frozen(now, setting), "P7");
            assert!(!world.facts_changed, "P8");
        }
    }
}

fn check_event(before: &Node, actor: &Principal, after: &State, event: &Event, setting: &Setting) {
    let world = &before.world;
    let (now, state) = (setting.now(world), before.state.as_ref());
    let has_had_effect = before.executed.contains(&after.proposal.version);
    match &event.what {
        Occurrence::VoteCast { vote, version, digest } => {
            assert_eq!((*version, digest), (after.proposal.version, &after.digest), "P4");
            assert_eq!(*actor, Principal::person(&vote.name), "P10");
            assert!(counts(vote, world, setting), "P13, P14");
        }
        Occurrence::Approved => assert!(is_approved(after, world, setting), "P1, P13, P14"),
        Occurrence::ExecutionBegun { key, .. } => {
            let state = state.unwrap();
            assert!(is_covered(state, now, world, setting), "P1, P13, P14: {state:?}");
            assert!(now < after.proposal.expires_at, "P7");
            assert!(!world.facts_changed, "P8");
            assert_eq!(*key, after.execution_key(), "P6");
            assert!(!has_had_effect, "P6");
            assert_eq!(*actor, Principal::System, "P10");
        }
        Occurrence::Confirmed { name, carried_out_at, version, digest, .. } => {
            let state = state.unwrap();
            // What was done before the approval is not made good by a word.
            assert!(is_covered(state, *carried_out_at, world, setting), "P1, P13, P14");
            assert!(*carried_out_at <= now && now < after.proposal.expires_at, "P7");
            assert!(!world.facts_changed, "P8");
            assert_eq!((*version, digest), (after.proposal.version, &after.digest), "P4");
            assert_eq!(*actor, Principal::person(name), "P10");
            let (decides, ends_emergencies) = roles(name, world, setting);
            assert!(decides || ends_emergencies, "P10: by the access policy");
            assert!(after.proposal.edits.is_empty(), "Centinel makes its edits itself");
            assert_eq!((state.status, after.attempts), (Status::Approved, 0), "P6");
        }
        Occurrence::Stale { .. } => {
            assert!(after.votes.is_empty() && after.glass.is_none(), "P8");
        }
        Occurrence::VotesVoided { people, why } => {
            let state = state.unwrap();
            let void = |vote: &&Vote| !counts(vote, world, setting);
            let expected: BTreeSet<_> =
                state.votes.iter().filter(void).map(|vote| &vote.name).collect();
            assert_eq!(people.iter().collect::<BTreeSet<_>>(), expected, "P13, P14");
            let is_over = |glass: &Glass| !is_glass_good(glass, world, setting);
            assert!(state.glass.as_ref().is_none_or(is_over), "an emergency in force is voided");
            assert_eq!(people.is_empty(), *why == VoidReason::EmergencyOver, "{state:?}");
        }
        Occurrence::GlassBroken { glass } => {
            assert_eq!(*actor, Principal::person(&glass.name), "P10");
            assert!(roles(&glass.name, world, setting).1, "P10: the role is for emergencies");
            assert_eq!(human(&glass.name, setting), Some(glass.human.as_str()));
            assert!(!wrote(after, &glass.human), "P2");
            assert!(after.proposal.reversible && after.proposal.change.can_be_undone());
            assert!(is_glass_good(glass, world, setting));
            assert!(after.unreviewed.contains(&glass.human), "a review is due");
        }
        Occurrence::EmergencyReviewed { name, .. } => {
            let due = &state.unwrap().unreviewed;
            assert_eq!(*actor, Principal::person(name), "P10");
            assert!(!due.is_empty() && !due.contains(human(name, setting).unwrap()), "own review");
            assert!(roles(name, world, setting).0 && after.unreviewed.is_empty());
        }
        Occurrence::Measured { days, .. } => {
            let last = state.unwrap().realised.map_or(0, |realised| realised.days);
            assert!(has_had_effect && *days > last, "nothing is measured that was not done");
        }
        Occurrence::RolledBack { .. } => assert!(has_had_effect),
        // What is under way or done by Centinel is never said to be done by others.
        Occurrence::Overtaken { .. } => assert!(!has_had_effect),
        _ => {}
    }
}
