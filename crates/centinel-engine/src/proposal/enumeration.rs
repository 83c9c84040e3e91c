//! Every reachable state of small worlds, to closure, with the properties checked on each edge.
//!
//! All of it at once would be a product too large, so there are two families, each closed by itself under
//! every command there is, by every actor: `quorum` (amounts, votes, linked accounts, an agent's
//! proposals, a version whose edits Centinel makes) and `emergency` (the same machine with two people who
//! may break the glass, one of whom asked for it by another account, and a version that cannot be undone).
//! In both, the world may once change the policy, once take a person's role away and give it back, and
//! once move the facts, in every order with every command, and time goes from the start through a freeze
//! and a cool-down to the expiry.
//!
//! Two states are one where no future command can tell them apart: a vote or an emergency is its account
//! and whether it still counts (one that does not never counts again), an approval is its hour. Each is
//! stepped from the first concrete state that was found of it. `P1` to `P14` are the properties that
//! `docs/reference/audit.md` lists; P12 is about the log and shown where the log is.

mod families;
mod properties;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use self::{
    families::{Setting, emergency, quorum},
    properties::{check, counts, is_glass_good},
};
use super::{
    scenarios::{START, agent, proposal},
    *,
};

const ID: ProposalId = ProposalId(7);

/// What is outside of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    /// Index of the family's hours.
    instant: usize,
    policy_changed: bool,
    /// 0: the person who swings holds their role; 1: lost; 2: lost and given back.
    role: u8,
    /// Hour at which that account changed last.
    role_changed: i64,
    facts_changed: bool,
}

#[derive(Debug, Clone)]
struct Node {
    world: World,
    state: Option<State>,
    /// Versions that had an effect.
    executed: BTreeSet<u32>,
}

/// What of a node the future can depend on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    world: World,
    executed: BTreeSet<u32>,
    version: Option<(String, Status, BTreeSet<Principal>)>,
    votes: BTreeSet<(String, bool)>,
    glass: Option<(String, bool)>,
    unreviewed: BTreeSet<String>,
    approved_at: Option<Timestamp>,
    attempts: u32,
    measured: Option<u32>,
}

/// What closing a family came to.
#[derive(Debug)]
struct Closed {
    states: usize,
    commands: u64,
    transitions: u64,
    statuses: BTreeSet<Status>,
    /// Words of all occurrences.
    happened: BTreeSet<&'static str>,
}

fn at(hour: i64) -> Timestamp {
    let start: Timestamp = START.parse().unwrap();
    start.checked_add(SignedDuration::from_hours(hour)).unwrap()
}

fn worlds_after(world: &World, setting: &Setting) -> Vec<World> {
    let mut after = Vec::new();
    if world.instant + 1 < setting.hours.len() {
        let instant = world.instant + 1;
        after.push(World { instant, ..world.clone() });
        // An account changes as time passes; a change in the very instant of a vote would be ordered by
        // the store's lock.
        if world.role < 2 {
            let (role, role_changed) = (world.role + 1, setting.hours[instant]);
            after.push(World { instant, role, role_changed, ..world.clone() });
        }
    }
    if !world.policy_changed {
        after.push(World { policy_changed: true, ..world.clone() });
    }
    if !world.facts_changed {
        after.push(World { facts_changed: true, ..world.clone() });
    }
    after
}

fn key(node: &Node, setting: &Setting) -> Key {
    let world = &node.world;
    let state = node.state.as_ref();
    let votes = state.map_or(&[][..], |state| &state.votes);
    let glass = state.and_then(|state| state.glass.as_ref());
    Key {
        world: world.clone(),
        executed: node.executed.clone(),
        version: state.map(|state| {
            let authors = state.authors.iter().cloned().collect();
            (state.digest.clone(), state.status, authors)
        }),
        votes: votes.iter().map(|vote| (vote.name.clone(), counts(vote, world, setting))).collect(),
        glass: glass.map(|glass| (glass.name.clone(), is_glass_good(glass, world, setting))),
        unreviewed: state.map_or_else(BTreeSet::new, |state| state.unreviewed.clone()),
        approved_at: state.and_then(|state| state.approved_at),
        attempts: state.map_or(0, |state| state.attempts),
        measured: state.and_then(|state| state.realised).map(|realised| realised.days),
    }
}

/// Plays all commands that `plays` lets through, to closure.
fn close(setting: &Setting, plays: fn(&Principal) -> bool) -> Closed {
    let first = World {
        instant: 0,
        policy_changed: false,
        role: 0,
        role_changed: -1,
        facts_changed: false,
    };
    let root = Node { world: first, state: None, executed: BTreeSet::new() };
    let mut seen = HashSet::from([key(&root, setting)]);
    let mut open = VecDeque::from([root]);
    let (mut statuses, mut happened) = (BTreeSet::new(), BTreeSet::new());
    let mut surroundings: HashMap<World, (Directory, Eligibility)> = HashMap::new();
    let (mut commands, mut transitions) = (0, 0);
    while let Some(node) = open.pop_front() {
        let world = &node.world;
        statuses.extend(node.state.as_ref().map(|state| state.status));
        let policy = setting.policy(world);
        if !surroundings.contains_key(world) {
            surroundings.insert(world.clone(), setting.surroundings(world));
        }
        let (people, eligibility) = &surroundings[world];
        let facts =
            if world.facts_changed { Facts::Changed("gone".to_owned()) } else { Facts::Hold };
        let now = setting.now(world);
        let mut next: Vec<Node> = worlds_after(world, setting)
            .into_iter()
            .map(|world| Node { world, ..node.clone() })
            .collect();
        transitions += next.len() as u64;
        for (actor, command) in setting.commands(node.state.as_ref(), world) {
            if !plays(&actor) {
                continue;
            }
            let (actor, facts) = (&actor, &facts);
            let context = Context { now, actor, people, policy, eligibility, facts };
            commands += 1;
            let Ok((state, events)) = step(node.state.as_ref(), ID, &command, &context) else {
                continue;
            };
            check(&node, actor, &state, &events, setting);
            if events.is_empty() {
                continue;
            }
            transitions += 1;
            happened.extend(events.iter().map(|event| event.what.as_str()));
            let mut executed = node.executed.clone();
            if events.iter().any(|event| event.carried_out_at().is_some()) {
                assert!(executed.insert(state.proposal.version), "P6: two effects");
            }
            next.push(Node { world: world.clone(), state: Some(state), executed });
        }
        // A machine that never ends fails here, not by filling the memory.
        assert!(seen.len() < 2_000_000, "the world does not close");
        open.extend(next.into_iter().filter(|node| seen.insert(key(node, setting))));
    }
    Closed { states: seen.len(), commands, transitions, statuses, happened }
}

/// Every reachable state of a family; all that can happen in it does.
fn closes(setting: &Setting, never: &[&str]) {
    let began = std::time::Instant::now();
    let Closed { states, commands, transitions, statuses, happened } = close(setting, |_| true);
    let name = setting.name;
    println!(
        "{name}: {states} states, {commands} commands, {transitions} transitions, {:.1?}",
        began.elapsed()
    );
    assert_eq!(statuses.len(), 14, "{name}: {statuses:?}");
    let all = [
        "proposed",
        "votes_voided",
        "vote_cast",
        "approved",
        "rejected",
        "withdrawn",
        "expired",
        "stale",
        "execution_begun",
        "executed",
        "confirmed",
        "execution_failed",
        "execution_unknown",
        "abandoned",
        "measured",
        "glass_broken",
        "emergency_reviewed",
        "rolled_back",
        "overtaken",
    ];
    let expected = all.into_iter().filter(|word| !never.contains(word)).collect();
    assert_eq!(happened, expected, "{name}");
}

#[test]
fn all_reachable_states_keep_the_properties() {
    closes(&quorum(), &["glass_broken", "emergency_reviewed"]);
}

#[test]
fn all_reachable_states_of_emergencies_keep_the_properties() {
    closes(&emergency(), &[]);
}

/// P10: what is no person, all by itself.
#[test]
fn without_people_nothing_is_approved() {
    let is_no_person = |actor: &Principal| !matches!(actor, Principal::Person { .. });
    for mut setting in [quorum(), emergency()] {
        for (requester, made) in &mut setting.versions {
            // What a person asked for is asked for by an agent of theirs.
            (*requester, made.requester) = (agent(Some("rita")), agent(Some("rita")));
        }
        let Closed { statuses, .. } = close(&setting, is_no_person);
        // An agent's own may be withdrawn; what somebody did anyway is noted, and is no approval.
        let reached = BTreeSet::from([
            Status::Pending,
            Status::Withdrawn,
            Status::Expired,
            Status::Stale,
            Status::Overtaken,
        ]);
        assert!(statuses.is_subset(&reached), "{}: {statuses:?}", setting.name);
    }
}

/// P9: more money never takes fewer people, roles or hours.
#[test]
fn more_money_never_takes_less() {
    let setting = quorum();
    for policy in &setting.policies {
        let needs = [1, 400, 499, 500, 501, 5_000, 1_000_000].map(|limit| {
            let made =
                proposal(1, &limit.to_string(), &Principal::System, policy, START.parse().unwrap());
            policy.requirement(&made)
        });
        for pair in needs.windows(2) {
            assert!(pair[0].approvers <= pair[1].approvers, "P9");
            assert!(pair[0].includes.is_subset(&pair[1].includes), "P9");
            assert!(pair[0].cool_down_hours <= pair[1].cool_down_hours, "P9");
        }
    }
}
