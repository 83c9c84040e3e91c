//! Every reachable state of a small world, to closure, with the properties checked on each edge.
//!
//! Five people (Rita, who asks and holds the role FinOps; Ana, FinOps with two accounts; Finn, finance;
//! Otto, owner; Nora, without a role), an agent, two versions of two amounts, five instants (at once, in
//! a freeze, after a cool-down, after a second one, after expiry), and a world that may once change the
//! policy, once take Finn's role away and give it back, and once move the facts, in every order with
//! every command.
//!
//! Two states are one where no future command can tell them apart: a vote is its account and whether it
//! still counts (one that does not never counts again), an approval is its hour. Each is stepped from
//! the first concrete state that was found of it. `P1` to `P14` are the properties that
//! `docs/reference/audit.md` lists; P12 is about the log and shown where the log is.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::{
    scenarios::{START, agent, proposal},
    *,
};

const ID: ProposalId = ProposalId(7);

/// One approver up to $500; above it two people, finance among them, and a day to object.
const POLICY: &str = r#"
currency = "USD"
expires_after_hours = 72
open_per_requester = 100

[[rule]]
name = "all"
reason = "somebody looks"
approvers = 1
roles = ["owner", "finops", "finance"]

[[rule]]
name = "above $500"
reason = "two people"
above = "500"
approvers = 2
includes = ["finance"]
cool_down_hours = 24
matches = [{ kind = "budget", amount = "501", risk = "low", reversible = true }]

[[freeze]]
start = "2026-11-01T01:00:00Z"
end = "2026-11-01T12:00:00Z"
reason = "closing the books"
"#;

/// Hours after the start: before, in the freeze, a day later, another day later, expired.
const HOURS: [i64; 5] = [0, 2, 26, 60, 73];

/// What is outside of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    /// Index of [`HOURS`].
    hour: usize,
    policy_changed: bool,
    /// 0: Finn holds his role; 1: lost; 2: lost and given back.
    finn: u8,
    /// Hour at which Finn's account changed last.
    finn_changed: i64,
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
    approved_at: Option<Timestamp>,
    attempts: u32,
}

struct Setting {
    policies: [ApprovalPolicy; 2],
    versions: Vec<(Principal, Proposal)>,
}

impl Setting {
    fn new() -> Self {
        let policies = [
            ApprovalPolicy::parse(POLICY).unwrap(),
            ApprovalPolicy::parse(&POLICY.replace("somebody looks", "somebody always looks"))
                .unwrap(),
        ];
        let rita = Principal::person("rita");
        let versions = [
            (agent(None), 1, "501"),
            (rita.clone(), 1, "501"),
            (rita, 2, "502"),
            (agent(None), 2, "400"),
        ]
        .into_iter()
        .flat_map(|(requester, version, limit): (Principal, u32, &str)| {
            [0, 1].map(|policy| {
                let made = proposal(version, limit, &requester, &policies[policy], at(0));
                (requester.clone(), made)
            })
        })
        .collect();
        Self { policies, versions }
    }

    fn policy(&self, world: &World) -> &ApprovalPolicy {
        &self.policies[usize::from(world.policy_changed)]
    }

    fn commands(&self, state: Option<&State>) -> Vec<(Principal, Command)> {
        let mut commands: Vec<_> = self
            .versions
            .iter()
            .map(|(actor, made)| (actor.clone(), Command::Propose(Box::new(made.clone()))))
            .collect();
        let Some(state) = state else { return commands };
        let (version, digest) = (state.proposal.version, state.digest.clone());
        let right = Ballot { version, digest, channel: Channel::Cli };
        let names = ["rita", "ana", "ana-2", "finn", "otto", "nora", "mallory"];
        let people = names.map(Principal::person);
        for actor in people.into_iter().chain([agent(Some("otto")), Principal::System]) {
            commands.push((actor.clone(), Command::Approve(right.clone())));
            let reason = "no".to_owned();
            commands.push((actor.clone(), Command::Reject { ballot: right.clone(), reason }));
            commands.push((actor, Command::Withdraw));
        }
        commands.push((agent(None), Command::Withdraw));
        // Ballots on something else, by people who may decide.
        for wrong in [
            Ballot { version: 3 - version, ..right.clone() },
            Ballot { digest: "0".repeat(64), ..right.clone() },
        ] {
            for actor in ["ana", "finn"].map(Principal::person) {
                commands.push((actor.clone(), Command::Approve(wrong.clone())));
                let reason = "no".to_owned();
                commands.push((actor, Command::Reject { ballot: wrong.clone(), reason }));
            }
        }
        for command in [
            Command::Refresh,
            Command::BeginExecution,
            Command::Succeed,
            Command::Fail { reason: "timeout".to_owned() },
            Command::LoseTrack,
        ] {
            commands.push((Principal::System, command.clone()));
            commands.push((agent(None), command.clone()));
            commands.push((Principal::person("ana"), command));
        }
        commands
    }
}

fn people(world: &World) -> Directory {
    let mut people = Directory::default();
    for (name, human, role, changed) in [
        ("rita", "rita", Some("finops"), -1),
        ("ana", "ana", Some("finops"), -1),
        ("ana-2", "ana", Some("owner:search"), -1),
        ("finn", "finn", Some("finance").filter(|_| world.finn != 1), world.finn_changed),
        ("otto", "otto", Some("owner:search"), -1),
        ("nora", "nora", None, -1),
    ] {
        people.insert(Person {
            name: name.to_owned(),
            human: human.to_owned(),
            roles: role.into_iter().map(|role| role.parse().unwrap()).collect(),
            active: true,
            changed_at: at(changed),
        });
    }
    people
}

fn at(hour: i64) -> Timestamp {
    let start: Timestamp = START.parse().unwrap();
    start.checked_add(SignedDuration::from_hours(hour)).unwrap()
}

fn facts(world: &World) -> Facts {
    if world.facts_changed { Facts::Changed("gone".to_owned()) } else { Facts::Hold }
}

fn worlds_after(world: &World) -> Vec<World> {
    let mut after = Vec::new();
    if world.hour + 1 < HOURS.len() {
        let hour = world.hour + 1;
        after.push(World { hour, ..world.clone() });
        // An account changes as time passes; a change in the very instant of a vote would be ordered by
        // the store's lock.
        if world.finn < 2 {
            let finn = world.finn + 1;
            after.push(World { hour, finn, finn_changed: HOURS[hour], ..world.clone() });
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

/// Whether a vote counts, written down a second time and without the machine's code.
fn counts(vote: &Vote, world: &World, policy: &ApprovalPolicy) -> bool {
    let changed = if vote.name == "finn" { at(world.finn_changed) } else { at(-1) };
    let holds_a_role = match vote.name.as_str() {
        "finn" => world.finn != 1,
        "ana" | "ana-2" | "otto" | "rita" => true,
        _ => false,
    };
    vote.policy_version == policy.digest() && changed <= vote.at && holds_a_role
}

/// The demand of the policy, written down a second time.
fn is_naively_approved(state: &State, world: &World, policy: &ApprovalPolicy) -> bool {
    let votes = state.votes.iter().filter(|vote| counts(vote, world, policy));
    let humans: BTreeSet<&str> = votes.map(|vote| vote.human.as_str()).collect();
    let wrote = |human: &str| state.authors.contains(&Principal::person(human));
    let amount_is_small = state.proposal.title.contains("budget") && is_small(&state.proposal);
    let enough = humans.len() >= if amount_is_small { 1 } else { 2 };
    enough
        && (amount_is_small || humans.contains("finn"))
        && !humans.iter().any(|human| wrote(human))
}

fn is_small(proposal: &Proposal) -> bool {
    matches!(&proposal.change, Change::Budget { limit, .. } if limit.to_string().contains("400"))
}

fn key(node: &Node, setting: &Setting) -> Key {
    let policy = setting.policy(&node.world);
    let state = node.state.as_ref();
    let votes = state.map_or(&[][..], |state| &state.votes);
    Key {
        world: node.world.clone(),
        executed: node.executed.clone(),
        version: state.map(|state| {
            let authors = state.authors.iter().cloned().collect();
            (state.digest.clone(), state.status, authors)
        }),
        votes: votes
            .iter()
            .map(|vote| (vote.name.clone(), counts(vote, &node.world, policy)))
            .collect(),
        approved_at: state.and_then(|state| state.approved_at),
        attempts: state.map_or(0, |state| state.attempts),
    }
}

fn check(before: &Node, actor: &Principal, after: &State, events: &[Event], setting: &Setting) {
    let world = &before.world;
    let policy = setting.policy(world);
    let (now, state) = (at(HOURS[world.hour]), before.state.as_ref());
    let is_frozen = world.hour == 1;
    let is_expired = now >= after.proposal.expires_at;
    // P11: the state is a fold of the log, and every change of state has its event.
    let folded = events.iter().fold(before.state.clone(), State::after);
    assert_eq!(folded.as_ref(), Some(after), "P11");
    assert!(!events.is_empty() || state == Some(after), "P11");
    if let Some(state) = state {
        assert!(!state.status.is_final() || events.is_empty(), "P5: {state:?} {events:?}");
        if after.proposal.version != state.proposal.version {
            assert!(after.votes.is_empty() && after.status == Status::Pending, "P4");
        }
    }
    let humans: BTreeSet<_> = after.votes.iter().map(|vote| &vote.human).collect();
    assert_eq!(humans.len(), after.votes.len(), "P3");
    let is_an_author = |vote: &Vote| after.authors.contains(&Principal::person(&vote.human));
    assert!(!after.votes.iter().any(is_an_author), "P2");
    for event in events {
        match &event.what {
            Occurrence::VoteCast { vote, version, digest } => {
                assert_eq!((*version, digest), (after.proposal.version, &after.digest), "P4");
                assert!(!is_expired && !is_frozen, "P7");
                assert!(!world.facts_changed, "P8");
                assert_eq!(*actor, Principal::person(&vote.name), "P10");
                assert!(counts(vote, world, policy), "P13, P14");
            }
            Occurrence::Approved => {
                assert!(is_naively_approved(after, world, policy), "P1, P13, P14");
            }
            Occurrence::ExecutionBegun { key, .. } => {
                assert!(is_naively_approved(after, world, policy), "P1, P13, P14");
                let wait = if is_small(&after.proposal) { 0 } else { 24 };
                let approved_at = state.and_then(|state| state.approved_at).unwrap();
                let from = approved_at.checked_add(SignedDuration::from_hours(wait)).unwrap();
                assert!(now >= from && !is_frozen, "P1: cool-down and freeze");
                assert!(!is_expired, "P7");
                assert!(!world.facts_changed, "P8");
                assert_eq!(*key, after.execution_key(), "P6");
                assert!(!before.executed.contains(&after.proposal.version), "P6");
                assert_eq!(*actor, Principal::System, "P10");
            }
            Occurrence::Executed => {
                assert!(!before.executed.contains(&after.proposal.version), "P6");
            }
            Occurrence::Stale { .. } => assert!(after.votes.is_empty(), "P8"),
            Occurrence::VotesVoided { people, .. } => {
                let void = |vote: &Vote| !counts(vote, world, policy);
                let votes = &state.unwrap().votes;
                let expected: BTreeSet<_> =
                    votes.iter().filter(|vote| void(vote)).map(|vote| &vote.name).collect();
                assert_eq!(people.iter().collect::<BTreeSet<_>>(), expected, "P13, P14");
            }
            _ => {}
        }
        if matches!(actor, Principal::Agent { .. }) {
            let harmless =
                matches!(event.what, Occurrence::Proposed { .. } | Occurrence::Withdrawn);
            assert!(harmless, "P10: {event:?}");
        }
    }
}

/// Plays all commands that `plays` lets through, to closure. Returns states, commands, transitions, and
/// the statuses that were reached.
fn close(setting: &Setting, plays: fn(&Principal) -> bool) -> (usize, u64, u64, BTreeSet<Status>) {
    let first =
        World { hour: 0, policy_changed: false, finn: 0, finn_changed: -1, facts_changed: false };
    let root = Node { world: first, state: None, executed: BTreeSet::new() };
    let mut seen = HashSet::from([key(&root, setting)]);
    let mut open = VecDeque::from([root]);
    let mut statuses = BTreeSet::new();
    let mut directories: HashMap<World, Directory> = HashMap::new();
    let (mut commands, mut transitions) = (0, 0);
    while let Some(node) = open.pop_front() {
        statuses.extend(node.state.as_ref().map(|state| state.status));
        let policy = setting.policy(&node.world);
        let people =
            directories.entry(node.world.clone()).or_insert_with(|| people(&node.world)).clone();
        let (facts, now) = (facts(&node.world), at(HOURS[node.world.hour]));
        let mut next: Vec<Node> = worlds_after(&node.world)
            .into_iter()
            .map(|world| Node { world, ..node.clone() })
            .collect();
        transitions += next.len() as u64;
        for (actor, command) in setting.commands(node.state.as_ref()) {
            if !plays(&actor) {
                continue;
            }
            let eligibility = &Eligibility::everyone();
            let (actor, people, facts) = (&actor, &people, &facts);
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
            let mut executed = node.executed.clone();
            if events.iter().any(|event| event.what == Occurrence::Executed) {
                assert!(executed.insert(state.proposal.version), "P6: two effects");
            }
            next.push(Node { world: node.world.clone(), state: Some(state), executed });
        }
        // A machine that never ends fails here, not by filling the memory.
        assert!(seen.len() < 2_000_000, "the world does not close");
        open.extend(next.into_iter().filter(|node| seen.insert(key(node, setting))));
    }
    (seen.len(), commands, transitions, statuses)
}

#[test]
fn all_reachable_states_keep_the_properties() {
    let setting = Setting::new();
    let (states, commands, transitions, statuses) = close(&setting, |_| true);
    println!("{states} states, {commands} commands, {transitions} transitions");
    // The rest need commands that are not played here.
    assert_eq!(statuses.len(), 11, "{statuses:?}");
}

/// P10: what is no person, all by itself.
#[test]
fn without_people_nothing_is_approved() {
    let is_no_person = |actor: &Principal| !matches!(actor, Principal::Person { .. });
    let (.., statuses) = close(&Setting::new(), is_no_person);
    let reached = [Status::Pending, Status::Withdrawn, Status::Expired, Status::Stale];
    assert_eq!(statuses, BTreeSet::from(reached));
}

/// P9: more money never takes fewer people, roles or hours.
#[test]
fn more_money_never_takes_less() {
    let setting = Setting::new();
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
