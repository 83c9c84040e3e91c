//! The families of worlds that are closed.

use super::*;
use crate::money::{Currency, Money};

/// One approver up to $500; above it two people, finance among them, and a day to object.
const QUORUM: &str = r#"
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

/// Two people and three hours, or one person for four.
const EMERGENCY: &str = r#"
currency = "USD"
expires_after_hours = 72
open_per_requester = 100

[[rule]]
name = "all"
reason = "somebody looks"
approvers = 2
roles = ["owner", "finops", "finance"]
includes = ["finance"]
cool_down_hours = 3

[[freeze]]
start = "2026-11-01T01:00:00Z"
end = "2026-11-01T02:30:00Z"
reason = "closing the books"

[break_glass]
expires_after_hours = 4
review_within_hours = 48
"#;

/// An account: its name, the human, the role.
type Account = (&'static str, &'static str, Option<&'static str>);

/// A family of worlds.
pub(super) struct Setting {
    pub(super) name: &'static str,
    /// Hours after the start at which something may happen; the freeze holds at the second.
    pub(super) hours: &'static [i64],
    pub(super) policies: [ApprovalPolicy; 2],
    pub(super) accounts: &'static [Account],
    /// The account that loses its role and gets it back.
    pub(super) swings: &'static str,
    /// Versions that may be proposed at any time, and by whom.
    pub(super) versions: Vec<(Principal, Proposal)>,
}

/// Five people (Rita, who asks and holds the role FinOps; Ana, FinOps with two accounts; Finn, finance;
/// Otto, owner; Nora, without a role), an agent, two versions of two amounts. One of the second versions
/// has an edit, which Centinel makes itself.
pub(super) fn quorum() -> Setting {
    let policies = both(QUORUM);
    let rita = Principal::person("rita");
    let edit = Edit {
        repository: Edit::HOME.to_owned(),
        file: "policies/budgets.toml".to_owned(),
        path: "budget".to_owned(),
        from: None,
        to: Some("502".to_owned()),
    };
    let versions = under_each(&policies, |policy| {
        let made = |version, limit, by: &Principal| proposal(version, limit, by, policy, at(0));
        vec![
            made(1, "501", &agent(None)),
            made(1, "501", &rita),
            Proposal { edits: vec![edit.clone()], ..made(2, "502", &rita) },
            made(2, "400", &agent(None)),
        ]
    });
    Setting {
        name: "quorum",
        // At once, in the freeze, after a cool-down, after a second one, after the expiry.
        hours: &[0, 2, 26, 60, 73],
        policies,
        accounts: &[
            ("rita", "rita", Some("finops")),
            ("ana", "ana", Some("finops")),
            ("ana-2", "ana", Some("owner:search")),
            ("finn", "finn", Some("finance")),
            ("otto", "otto", Some("owner:search")),
            ("nora", "nora", None),
        ],
        swings: "finn",
        versions,
    }
}

/// Five people (Rita, who asks and has the role `emergency` on a second account; Ana, FinOps, with it on a
/// second account too; Finn, finance; Emma, whose only role it is; Nora, without one), and a second version
/// that deletes something.
pub(super) fn emergency() -> Setting {
    let policies = both(EMERGENCY);
    let rita = Principal::person("rita");
    let versions = under_each(&policies, |policy| {
        let first = proposal(1, "501", &rita, policy, at(0));
        let change = Change::Cleanup { resource_ids: vec!["vol-1".to_owned()] };
        let amount = Money { amount: "501".parse().unwrap(), currency: Currency::USD };
        let second = Proposal {
            change,
            reversible: false,
            amount_at_stake: Some(amount),
            ..proposal(2, "501", &rita, policy, at(0))
        };
        vec![first, second]
    });
    Setting {
        name: "emergency",
        // At once, in the freeze, with an emergency of the start in force and with one over, after the
        // expiry.
        hours: &[0, 2, 3, 5, 73],
        policies,
        accounts: &[
            ("rita", "rita", Some("finops")),
            ("rita-2", "rita", Some("emergency")),
            ("ana", "ana", Some("finops")),
            ("ana-3", "ana", Some("emergency")),
            ("finn", "finn", Some("finance")),
            ("emma", "emma", Some("emergency")),
            ("nora", "nora", None),
        ],
        swings: "emma",
        versions,
    }
}

fn both(text: &str) -> [ApprovalPolicy; 2] {
    [text.to_owned(), text.replace("somebody looks", "somebody always looks")]
        .map(|text| ApprovalPolicy::parse(&text).unwrap())
}

fn under_each(
    policies: &[ApprovalPolicy],
    make: impl Fn(&ApprovalPolicy) -> Vec<Proposal>,
) -> Vec<(Principal, Proposal)> {
    let made = policies.iter().flat_map(make);
    made.map(|proposal| (proposal.requester.clone(), proposal)).collect()
}

impl Setting {
    pub(super) fn policy(&self, world: &World) -> &ApprovalPolicy {
        &self.policies[usize::from(world.policy_changed)]
    }

    pub(super) fn now(&self, world: &World) -> Timestamp {
        at(self.hours[world.instant])
    }

    /// Who there is, and what the access policy lets them do: what the shipped one does.
    pub(super) fn surroundings(&self, world: &World) -> (Directory, Eligibility) {
        let (mut people, mut eligibility) = (Directory::default(), Eligibility::default());
        for &(name, human, role) in self.accounts {
            let swings = name == self.swings;
            let role = role.filter(|_| !swings || world.role != 1);
            people.insert(Person {
                name: name.to_owned(),
                human: human.to_owned(),
                roles: role.into_iter().map(|role| role.parse().unwrap()).collect(),
                active: true,
                changed_at: at(if swings { world.role_changed } else { -1 }),
            });
            for deed in Deed::ALL {
                let takes_a_role = !matches!(deed, Deed::Propose | Deed::Withdraw);
                if role.is_some() || !takes_a_role {
                    eligibility.allow(deed, Principal::person(name));
                }
            }
        }
        for other in [agent(None), agent(Some("ana")), Principal::System] {
            for deed in Deed::ALL {
                eligibility.allow(deed, other.clone());
            }
        }
        (people, eligibility)
    }

    pub(super) fn commands(
        &self,
        state: Option<&State>,
        world: &World,
    ) -> Vec<(Principal, Command)> {
        let mut commands: Vec<_> = self
            .versions
            .iter()
            .map(|(actor, made)| (actor.clone(), Command::Propose(Box::new(made.clone()))))
            .collect();
        let Some(state) = state else { return commands };
        let (version, digest) = (state.proposal.version, state.digest.clone());
        let right = Ballot { version, digest, channel: Channel::Cli };
        let accounts = self.accounts.iter().map(|(name, ..)| Principal::person(name));
        let others = [Principal::person("mallory"), agent(Some("ana")), Principal::System];
        for actor in accounts.chain(others) {
            let now = self.hours[world.instant];
            let mut play = |command| commands.push((actor.clone(), command));
            play(Command::Approve(right.clone()));
            play(Command::Reject { ballot: right.clone(), reason: "no".to_owned() });
            play(break_glass(&right));
            play(confirm(&right, now));
            play(Command::Withdraw);
            play(Command::Review { note: "looked at it".to_owned() });
        }
        commands.push((agent(None), Command::Withdraw));
        let person = Principal::person;
        // What was done is said to have been done at every other time, the next included.
        let until_next = self.hours.iter().take(world.instant + 2);
        for &hour in
            [-1].iter().chain(until_next).filter(|hour| **hour != self.hours[world.instant])
        {
            commands.push((person("ana"), confirm(&right, hour)));
        }
        // Ballots on something else or from elsewhere, by people who may decide.
        for wrong in [
            Ballot { version: 3 - version, ..right.clone() },
            Ballot { digest: "0".repeat(64), ..right.clone() },
            Ballot { channel: Channel::Slack, ..right.clone() },
        ] {
            let now = self.hours[world.instant];
            commands.push((person("finn"), Command::Approve(wrong.clone())));
            commands.push((person("emma"), break_glass(&wrong)));
            commands.push((person("ana"), confirm(&wrong, now)));
            commands
                .push((person("ana"), Command::Reject { ballot: wrong, reason: "no".to_owned() }));
        }
        for (index, command) in of_the_system().into_iter().enumerate() {
            // Of all others, by turns: they are told apart by nothing but their name.
            let other = if index % 2 == 0 { agent(None) } else { person("ana") };
            commands.push((other, command.clone()));
            commands.push((Principal::System, command));
        }
        commands
    }
}

fn break_glass(ballot: &Ballot) -> Command {
    let (reason, ticket) = ("runaway agent".to_owned(), "INC-7".to_owned());
    Command::BreakGlass { ballot: ballot.clone(), reason, ticket }
}

fn confirm(ballot: &Ballot, hour: i64) -> Command {
    Command::Confirm {
        ballot: ballot.clone(),
        reference: "PO-4711".to_owned(),
        carried_out_at: at(hour),
    }
}

fn of_the_system() -> [Command; 9] {
    let measure = |days| Command::Measure { saving: Money::zero(Currency::USD), days };
    [
        Command::Refresh,
        Command::BeginExecution,
        Command::Succeed,
        Command::Fail { reason: "timeout".to_owned() },
        Command::LoseTrack,
        measure(7),
        measure(30),
        Command::RollBack { by: ProposalId(8) },
        Command::Overtake { what: "merged by hand".to_owned() },
    ]
}
