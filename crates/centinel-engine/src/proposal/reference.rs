//! Random lists of commands, through the machine and through a naive reference that knows no state: it
//! reads the whole list again for each question.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{
    scenarios::{START, agent, proposal},
    *,
};
use crate::money::{Currency, Money};

const POLICY: &str = r#"
currency = "USD"
expires_after_hours = 72
open_per_requester = 100

[[rule]]
name = "all"
reason = "two people, finance among them"
approvers = 2
roles = ["owner", "finops", "finance"]
includes = ["finance"]
cool_down_hours = 10

[break_glass]
expires_after_hours = 12
review_within_hours = 48
"#;
/// Accounts with their humans and roles. Rita asks.
const PEOPLE: [(&str, &str, &str); 8] = [
    ("rita", "rita", "finops"),
    ("ana", "ana", "finops"),
    ("ana-2", "ana", "owner:search"),
    ("finn", "finn", "finance"),
    ("fred", "fred", "finance"),
    ("otto", "otto", "owner:search"),
    ("emma", "emma", "emergency"),
    ("finn-2", "finn", "emergency"),
];
const EMERGENCY: &str = "emergency";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// An account, by index.
    Approve(usize),
    Reject(usize),
    AgentApproves,
    Withdraw,
    /// The next version, by Rita.
    Propose,
    Refresh,
    Begin,
    Succeed,
    Fail,
    LoseTrack,
    /// An account says that it was done by hand, just now.
    Confirm(usize),
    /// An account carries it forward alone.
    Break(usize),
    /// An account looks at an emergency.
    Review(usize),
    /// The saving is measured, after so many days.
    Measure(u32),
    RollBack,
    Overtake,
    /// An account loses and regains its role.
    Change(usize),
    /// The policy is edited.
    Edit,
    /// The facts move, or move back.
    Facts,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0..PEOPLE.len()).prop_map(Act::Approve),
        1 => (0..PEOPLE.len()).prop_map(Act::Reject),
        1 => Just(Act::AgentApproves),
        1 => Just(Act::Withdraw),
        2 => Just(Act::Propose),
        3 => Just(Act::Refresh),
        6 => Just(Act::Begin),
        3 => Just(Act::Succeed),
        2 => Just(Act::Fail),
        1 => Just(Act::LoseTrack),
        2 => (0..PEOPLE.len()).prop_map(Act::Confirm),
        3 => (0..PEOPLE.len()).prop_map(Act::Break),
        3 => (0..PEOPLE.len()).prop_map(Act::Review),
        2 => prop_oneof![Just(7), Just(30)].prop_map(Act::Measure),
        1 => Just(Act::RollBack),
        1 => Just(Act::Overtake),
        1 => (0..PEOPLE.len()).prop_map(Act::Change),
        1 => Just(Act::Edit),
        1 => Just(Act::Facts),
    ]
}

/// What is said to have happened so far: hour, act, and whether the machine accepted it.
type History = [(i64, Act, bool)];

/// The naive reference. Every answer is a search through the whole history.
struct Reference<'h>(&'h History);

impl Reference<'_> {
    fn accepted(&self) -> impl DoubleEndedIterator<Item = (usize, i64, Act)> {
        let all = self.0.iter().enumerate();
        all.filter(|(_, (_, _, accepted))| *accepted)
            .map(|(index, (hour, act, _))| (index, *hour, *act))
    }

    fn last(&self, is: impl Fn(Act) -> bool) -> Option<(usize, i64, Act)> {
        self.accepted().rfind(|(_, _, act)| is(*act))
    }

    fn count(&self, is: impl Fn(Act) -> bool) -> usize {
        self.accepted().filter(|(_, _, act)| is(*act)).count()
    }

    fn have_facts_moved(&self) -> bool {
        self.count(|act| act == Act::Facts) % 2 == 1
    }

    /// Hour and index at which the current version was proposed.
    fn proposed(&self) -> (usize, i64) {
        self.last(|act| act == Act::Propose).map_or((0, 0), |(index, hour, _)| (index + 1, hour))
    }

    /// The index after which votes count for this version at all: its proposal, or facts that were seen
    /// to have moved.
    fn since(&self) -> usize {
        self.proposed().0
    }

    /// Accounts whose vote counts: cast on this version, and neither the policy nor the account changed
    /// since.
    fn votes(&self) -> BTreeSet<usize> {
        let edited = self.last(|act| act == Act::Edit).map_or(0, |(index, ..)| index);
        self.accepted()
            .filter_map(|(index, _, act)| match act {
                Act::Approve(who) if index >= self.since() && index >= edited => {
                    let changed = self.last(|act| act == Act::Change(who));
                    changed.is_none_or(|(changed, ..)| changed < index).then_some(who)
                }
                _ => None,
            })
            .collect()
    }

    fn is_enough(votes: &BTreeSet<usize>) -> bool {
        let humans: BTreeSet<&str> = votes.iter().map(|&who| PEOPLE[who].1).collect();
        humans.len() >= 2 && votes.iter().any(|&who| PEOPLE[who].2 == "finance")
    }

    /// The emergency that stands in for the quorum at an hour: the last one on this version, in its
    /// time, with neither the policy nor the account changed since.
    fn glass(&self, hour: i64) -> Option<i64> {
        let (broken, since, Act::Break(who)) = self.last(|act| matches!(act, Act::Break(_)))?
        else {
            return None;
        };
        let is_after = |(index, ..): (usize, i64, Act)| index > broken;
        let has_changed = self.last(|act| act == Act::Edit || act == Act::Change(who));
        let is_good = broken >= self.since() && hour < since + 12;
        (is_good && !has_changed.is_some_and(is_after)).then_some(since)
    }

    /// Whether what was approved may be carried out at an hour, as far as people, policy, facts and time
    /// go. `approved` is when the last missing vote came.
    fn may_begin(&self, hour: i64, approved: Option<i64>) -> bool {
        let by_quorum = Self::is_enough(&self.votes())
            && approved.is_some_and(|approved| hour >= approved + 10);
        (by_quorum || self.glass(hour).is_some())
            && !self.have_facts_moved()
            && hour < self.proposed().1 + 72
    }

    /// The humans behind emergencies that nobody looked at since.
    fn unreviewed(&self) -> BTreeSet<&'static str> {
        let reviewed = self.last(|act| matches!(act, Act::Review(_))).map(|(index, ..)| index);
        self.accepted()
            .filter_map(|(index, _, act)| match act {
                Act::Break(who) if reviewed.is_none_or(|last| index > last) => Some(PEOPLE[who].1),
                _ => None,
            })
            .collect()
    }

    /// Whether the version was carried out, and not taken back.
    fn is_done(&self) -> bool {
        self.count(|act| matches!(act, Act::Succeed | Act::Confirm(_))) > 0
            && self.count(|act| act == Act::RollBack) == 0
    }

    fn last_measured(&self) -> u32 {
        match self.last(|act| matches!(act, Act::Measure(_))) {
            Some((.., Act::Measure(days))) => days,
            _ => 0,
        }
    }
}

fn at(hour: i64) -> Timestamp {
    let start: Timestamp = START.parse().unwrap();
    start.checked_add(SignedDuration::from_hours(hour)).unwrap()
}

/// The machine, with the world around it.
struct Played {
    state: State,
    people: Directory,
    policies: Vec<ApprovalPolicy>,
    facts: Facts,
}

impl Played {
    fn new() -> Self {
        let mut people = Directory::default();
        for (name, human, role) in PEOPLE {
            people.insert(Person {
                name: name.to_owned(),
                human: human.to_owned(),
                roles: [role.parse().unwrap()].into(),
                active: true,
                changed_at: at(-1),
            });
        }
        let policies = vec![ApprovalPolicy::parse(POLICY).unwrap()];
        let rita = Principal::person("rita");
        let first = proposal(1, "501", &rita, &policies[0], at(0));
        let (now, facts) = (at(0), Facts::Hold);
        let context = Context {
            now,
            actor: &rita,
            people: &people,
            policy: &policies[0],
            eligibility: &Eligibility::everyone(),
            facts: &facts,
        };
        let command = Command::Propose(Box::new(first));
        let (state, _) = step(None, ProposalId(7), &command, &context).unwrap();
        Self { state, people, policies, facts }
    }

    /// Plays an act. Returns what happened; `None` when it was refused.
    fn play(&mut self, hour: i64, act: Act) -> Option<Vec<Event>> {
        let now = at(hour);
        let policy = self.policies.last().unwrap().clone();
        let (version, digest) = (self.state.proposal.version, self.state.digest.clone());
        let ballot = Ballot { version, digest, channel: Channel::Web };
        let person = |who: usize| Principal::person(PEOPLE[who].0);
        let (actor, command) = match act {
            Act::Approve(who) => (person(who), Command::Approve(ballot)),
            Act::Reject(who) => (person(who), Command::Reject { ballot, reason: "no".to_owned() }),
            Act::AgentApproves => (agent(Some("ana")), Command::Approve(ballot)),
            Act::Withdraw => (person(0), Command::Withdraw),
            Act::Propose => {
                let next = proposal(version + 1, "501", &person(0), &policy, now);
                (person(0), Command::Propose(Box::new(next)))
            }
            Act::Refresh => (Principal::System, Command::Refresh),
            Act::Begin => (Principal::System, Command::BeginExecution),
            Act::Succeed => (Principal::System, Command::Succeed),
            Act::Fail => (Principal::System, Command::Fail { reason: "no".to_owned() }),
            Act::LoseTrack => (Principal::System, Command::LoseTrack),
            Act::Confirm(who) => {
                let reference = "PO-4711".to_owned();
                (person(who), Command::Confirm { ballot, reference, carried_out_at: now })
            }
            Act::Break(who) => {
                let (reason, ticket) = ("runaway agent".to_owned(), "INC-7".to_owned());
                (person(who), Command::BreakGlass { ballot, reason, ticket })
            }
            Act::Review(who) => (person(who), Command::Review { note: "looked at it".to_owned() }),
            Act::Measure(days) => {
                let saving = Money::zero(Currency::USD);
                (Principal::System, Command::Measure { saving, days })
            }
            Act::RollBack => (Principal::System, Command::RollBack { by: ProposalId(8) }),
            Act::Overtake => {
                (Principal::System, Command::Overtake { what: "merged by hand".to_owned() })
            }
            Act::Change(who) => {
                let mut person = self.people.get(PEOPLE[who].0).unwrap().clone();
                person.changed_at = now;
                self.people.insert(person);
                return Some(Vec::new());
            }
            Act::Edit => {
                let edition = format!("two people, edition {}", self.policies.len());
                let text = POLICY.replace("two people", &edition);
                self.policies.push(ApprovalPolicy::parse(&text).unwrap());
                return Some(Vec::new());
            }
            Act::Facts => {
                let has_moved = self.facts != Facts::Hold;
                self.facts = if has_moved { Facts::Hold } else { Facts::Changed("x".to_owned()) };
                return Some(Vec::new());
            }
        };
        let (people, facts) = (&self.people, &self.facts);
        let eligibility = &Eligibility::everyone();
        let context = Context { now, actor: &actor, people, policy: &policy, eligibility, facts };
        let (state, events) = step(Some(&self.state), ProposalId(7), &command, &context).ok()?;
        self.state = state;
        Some(events)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_agrees_with_the_whole_history(
        acts in prop::collection::vec((1_i64..9, act()), 1..40)
    ) {
        let mut played = Played::new();
        let mut history: Vec<(i64, Act, bool)> = Vec::new();
        let mut log: Vec<Event> = Vec::new();
        let (mut hour, mut effects) = (0, 0);
        for (hours, act) in acts {
            hour += hours;
            let before = played.state.clone();
            let reference = Reference(&history);
            let approved = before.approved_at.map(|at| {
                let start: Timestamp = START.parse().unwrap();
                at.duration_since(start).as_hours()
            });
            let may_begin = reference.may_begin(hour, approved);
            let votes = reference.votes();
            let is_in_time = hour < reference.proposed().1 + 72;
            let happened = played.play(hour, act);
            let expected = match act {
                // P2, P3, P7, P8, P10: a vote counts exactly when all of this holds.
                Act::Approve(who) => {
                    let has_voted = votes.iter().any(|&voter| PEOPLE[voter].1 == PEOPLE[who].1);
                    Some(before.status == Status::Pending && who != 0 && !has_voted
                        && PEOPLE[who].2 != EMERGENCY
                        && is_in_time && !reference.have_facts_moved())
                }
                Act::AgentApproves => Some(false),
                // P1, P7, P8, P13, P14, and the cool-down since the last missing vote.
                Act::Begin => {
                    let is_approved = matches!(before.status, Status::Approved | Status::Failed);
                    Some(is_approved && may_begin)
                }
                // The same of what is done by hand, by anybody but an agent.
                Act::Confirm(_) => Some(before.status == Status::Approved && may_begin),
                Act::Break(who) => Some(
                    before.status == Status::Pending && PEOPLE[who].2 == EMERGENCY
                        && is_in_time && !reference.have_facts_moved()
                ),
                Act::Review(who) => {
                    let due = reference.unreviewed();
                    Some(!due.is_empty() && !due.contains(PEOPLE[who].1)
                        && who != 0 && PEOPLE[who].2 != EMERGENCY)
                }
                Act::Measure(days) => {
                    Some(reference.is_done() && days > reference.last_measured())
                }
                Act::RollBack => Some(reference.is_done()),
                _ => None,
            };
            if let Some(expected) = expected {
                prop_assert_eq!(happened.is_some(), expected, "{:?} at {} of {:?}", act, hour, before);
            }
            if happened.is_some() {
                effects += u32::from(matches!(act, Act::Succeed | Act::Confirm(_)));
            }
            // P5: what is final stays as it is.
            if before.status.is_final() {
                let is_review = matches!(act, Act::Review(_));
                prop_assert!(is_review || played.state == before, "P5");
                prop_assert_eq!(played.state.status, before.status, "P5");
            }
            prop_assert!(effects <= 1, "P6");
            let accepted = happened.is_some();
            log.extend(happened.unwrap_or_default());
            history.push((hour, act, accepted));
            let due: BTreeSet<String> =
                Reference(&history).unreviewed().into_iter().map(str::to_owned).collect();
            prop_assert_eq!(&played.state.unreviewed, &due, "an emergency is forgotten");
            // P4, P11, P13, P14: the votes that count are those of the whole history.
            let policy = played.policies.last().unwrap();
            let standing = standing(&played.state, policy, &played.people, &Eligibility::everyone());
            if matches!(played.state.status, Status::Pending | Status::Approved) {
                let counted: BTreeSet<String> = standing.approved_by.into_iter().collect();
                let expected: BTreeSet<String> = Reference(&history)
                    .votes().into_iter().map(|who| PEOPLE[who].0.to_owned()).collect();
                prop_assert_eq!(counted, expected, "{:?}", history);
            }
        }
        // P11: the state is the fold of all that happened since the first proposal.
        let first = Played::new().state;
        let folded = log.iter().fold(Some(first), State::after);
        prop_assert_eq!(folded.as_ref(), Some(&played.state), "P11");
    }
}
