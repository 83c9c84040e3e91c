//! Every reachable state of a small world, to closure, with the properties checked on each edge.
//!
//! Three people (requester with a second account, owner, FinOps), an agent, two versions, three
//! instants, and a world that may once change the policy, take a role away, give it back, and move
//! the facts, in every order with every command.

use std::collections::{BTreeSet, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    scenarios::{POLICY, START, agent, proposal},
    *,
};

const ID: ProposalId = ProposalId(7);

/// What is outside of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    hour: i64,
    policy_changed: bool,
    /// 0: Cora holds her role; 1: lost; 2: lost and given back.
    cora: u8,
    /// Hour in which Cora's account changed last.
    cora_changed: i64,
    facts_changed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Node {
    world: World,
    state: Option<State>,
    /// Versions that had an effect.
    executed: Vec<u32>,
}

struct Setting {
    policies: [ApprovalPolicy; 2],
    versions: Vec<(Principal, Proposal)>,
}

impl Setting {
    fn new() -> Self {
        let start: Timestamp = START.parse().unwrap();
        // Two approvers, FinOps among them, no cool-down; the second policy differs in its reason.
        let text = POLICY.replace("cool_down_hours = 24", "");
        let policies = [
            ApprovalPolicy::parse(&text).unwrap(),
            ApprovalPolicy::parse(&text.replace("two people", "two people, always")).unwrap(),
        ];
        let rita = Principal::person("rita");
        let versions = [
            (agent(None), 1, "501", 0),
            (rita.clone(), 1, "501", 0),
            (rita, 2, "502", 0),
            (agent(None), 2, "502", 0),
        ]
        .into_iter()
        .flat_map(|(requester, version, limit, policy): (Principal, u32, &str, usize)| {
            [policy, 1].map(|policy| {
                let made = proposal(version, limit, &requester, &policies[policy], start);
                (requester.clone(), made)
            })
        })
        .collect();
        Self { policies, versions }
    }

    fn people(world: &World) -> Directory {
        let mut people = Directory::default();
        for (name, human, role, changed) in [
            ("rita", "rita", "finops", -1),
            ("rita-2", "rita", "owner:search", -1),
            ("otto", "otto", "owner:search", -1),
            ("cora", "cora", "finops", world.cora_changed),
        ] {
            let lost = name == "cora" && world.cora == 1;
            people.insert(Person {
                name: name.to_owned(),
                human: human.to_owned(),
                roles: if lost { BTreeSet::new() } else { [role.parse().unwrap()].into() },
                active: true,
                changed_at: at(changed),
            });
        }
        people
    }

    fn commands(&self, node: &Node) -> Vec<(Principal, Command)> {
        let mut commands: Vec<_> = self
            .versions
            .iter()
            .map(|(actor, made)| (actor.clone(), Command::Propose(Box::new(made.clone()))))
            .collect();
        let current = node.state.as_ref().map_or(String::new(), |state| state.digest.clone());
        let names = ["rita", "rita-2", "otto", "cora"].map(Principal::person);
        for actor in names.into_iter().chain([agent(Some("otto")), Principal::System]) {
            for (version, digest) in [(1, &current), (2, &current), (1, &"0".repeat(64))] {
                let ballot = Ballot { version, digest: digest.clone(), channel: Channel::Cli };
                commands.push((actor.clone(), Command::Approve(ballot.clone())));
                let reason = "no".to_owned();
                commands.push((actor.clone(), Command::Reject { ballot, reason }));
            }
            commands.push((actor, Command::Withdraw));
        }
        for command in [
            Command::Refresh,
            Command::BeginExecution,
            Command::Succeed,
            Command::Fail { reason: "timeout".to_owned() },
            Command::LoseTrack,
        ] {
            commands.push((Principal::System, command.clone()));
            commands.push((agent(None), command));
        }
        commands
    }
}

fn at(hour: i64) -> Timestamp {
    let start: Timestamp = START.parse().unwrap();
    start.checked_add(SignedDuration::from_hours(hour)).unwrap()
}

fn worlds_after(world: &World) -> Vec<World> {
    let mut after = Vec::new();
    for hour in [1, 72] {
        if hour > world.hour {
            after.push(World { hour, ..world.clone() });
            break;
        }
    }
    if !world.policy_changed {
        after.push(World { policy_changed: true, ..world.clone() });
    }
    // A change of the account in the very instant of a vote would be ordered by the store's lock.
    if world.cora < 2 && world.hour > world.cora_changed {
        after.push(World { cora: world.cora + 1, cora_changed: world.hour, ..world.clone() });
    }
    if !world.facts_changed {
        after.push(World { facts_changed: true, ..world.clone() });
    }
    after
}

/// The demand of this setting, written down a second time and without the machine's code.
fn naively_approved(state: &State, people: &Directory, policy: &ApprovalPolicy) -> bool {
    let counting: Vec<&str> = state
        .votes
        .iter()
        .filter(|vote| vote.policy_version == policy.digest())
        .filter(|vote| people.get(&vote.name).unwrap().changed_at <= vote.at)
        .filter(|vote| !people.get(&vote.name).unwrap().roles.is_empty())
        .map(|vote| vote.human.as_str())
        .collect();
    let distinct: BTreeSet<_> = counting.iter().collect();
    let wrote = |human: &str| state.authors.contains(&Principal::person(human));
    distinct.len() >= 2
        && counting.iter().any(|&human| human == "cora" || human == "rita")
        && !counting.iter().any(|human| wrote(human))
}

fn check(before: &Node, actor: &Principal, after: &State, events: &[Event], setting: &Setting) {
    let world = &before.world;
    let policy = &setting.policies[usize::from(world.policy_changed)];
    let people = Setting::people(world);
    let state = before.state.as_ref();
    // P11: the state is a fold of the log, and every change of state has its event.
    let folded = events.iter().fold(before.state.clone(), State::after);
    assert_eq!(folded.as_ref(), Some(after));
    assert!(!events.is_empty() || state == Some(after));
    if let Some(state) = state {
        // P5: nothing follows a final state.
        assert!(!state.status.is_final() || events.is_empty(), "{state:?} {events:?}");
        // P4: an old version's votes never count for a new one.
        if after.proposal.version != state.proposal.version {
            assert!(after.votes.is_empty() && after.status == Status::Pending);
        }
    }
    // P2, P3, P4: distinct humans, no author, bound to the current content.
    let humans: BTreeSet<_> = after.votes.iter().map(|vote| &vote.human).collect();
    assert_eq!(humans.len(), after.votes.len());
    assert!(!after.votes.iter().any(|v| after.authors.contains(&Principal::person(&v.human))));
    for event in events {
        match &event.what {
            Occurrence::VoteCast { vote, version, digest } => {
                assert_eq!((*version, digest), (after.proposal.version, &after.digest));
                // P7, P8, P10.
                assert!(at(world.hour) < after.proposal.expires_at);
                assert!(!world.facts_changed);
                assert_eq!(*actor, Principal::person(&vote.name));
            }
            Occurrence::Approved => assert!(naively_approved(after, &people, policy)),
            Occurrence::ExecutionBegun { key, .. } => {
                // P1, P13, P14: a satisfied policy at execution, with today's people and rules.
                assert!(naively_approved(after, &people, policy));
                assert!(at(world.hour) < after.proposal.expires_at);
                assert!(!world.facts_changed);
                assert_eq!(*key, after.execution_key());
                // P6: no attempt follows an effect.
                assert!(!before.executed.contains(&after.proposal.version));
            }
            Occurrence::Stale { .. } => assert!(after.votes.is_empty()),
            _ => {}
        }
        // P10: what is no person proposes and withdraws, and what is not the system executes nothing.
        if matches!(actor, Principal::Agent { .. }) {
            let harmless =
                matches!(event.what, Occurrence::Proposed { .. } | Occurrence::Withdrawn);
            assert!(harmless, "{event:?}");
        }
    }
}

#[test]
fn all_reachable_states_keep_the_properties() {
    let setting = Setting::new();
    let first =
        World { hour: 0, policy_changed: false, cora: 0, cora_changed: -1, facts_changed: false };
    let root = Node { world: first, state: None, executed: Vec::new() };
    let mut seen = HashSet::from([root.clone()]);
    let mut open = vec![root];
    let mut statuses = BTreeSet::new();
    let mut edges = 0_u32;
    while let Some(node) = open.pop() {
        statuses.extend(node.state.as_ref().map(|state| state.status));
        let policy = &setting.policies[usize::from(node.world.policy_changed)];
        let people = Setting::people(&node.world);
        let facts =
            if node.world.facts_changed { Facts::Changed("gone".to_owned()) } else { Facts::Hold };
        let mut next: Vec<Node> = worlds_after(&node.world)
            .into_iter()
            .map(|world| Node { world, ..node.clone() })
            .collect();
        for (actor, command) in setting.commands(&node) {
            let now = at(node.world.hour);
            let context = Context { now, actor: &actor, people: &people, policy, facts: &facts };
            edges += 1;
            if let Ok((state, events)) = step(node.state.as_ref(), ID, &command, &context) {
                check(&node, &actor, &state, &events, &setting);
                let mut executed = node.executed.clone();
                if events.iter().any(|event| event.what == Occurrence::Executed) {
                    assert!(!executed.contains(&state.proposal.version), "two effects");
                    executed.push(state.proposal.version);
                }
                next.push(Node { world: node.world.clone(), state: Some(state), executed });
            }
        }
        // A machine that never ends fails here, not by filling the memory.
        assert!(seen.len() < 1_000_000, "the world does not close");
        open.extend(next.into_iter().filter(|node| seen.insert(node.clone())));
    }
    println!("{} states, {edges} commands", seen.len());
    // `Measured` needs a command that is not played here.
    assert_eq!(statuses.len(), 11, "{statuses:?}");
}
