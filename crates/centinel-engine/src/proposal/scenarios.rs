//! Scenarios as a table: who asks, who reviews how, and where that leads.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::money::{Currency, Money};

/// A small policy: one approver, two above $500 with a cool-down, nothing of high risk.
pub(super) const POLICY: &str = r#"
currency = "USD"
expires_after_hours = 72
open_per_requester = 100

[[rule]]
name = "all"
reason = "somebody looks"
approvers = 1
roles = ["owner", "finops"]

[[rule]]
name = "above $500"
reason = "two people"
above = "500"
approvers = 2
includes = ["finops"]
cool_down_hours = 24
channels = ["cli", "web"]
matches = [{ kind = "budget", amount = "501", risk = "low", reversible = true }]

[[rule]]
name = "no risk"
reason = "not here"
risk = "high"
approvers = 1
deny = true

[[freeze]]
start = "2026-11-02T00:00:00Z"
end = "2026-11-02T12:00:00Z"
reason = "closing the books"
"#;

/// Proposals in these tests start here.
pub(super) const START: &str = "2026-11-01T00:00:00Z";

pub(super) fn directory() -> Directory {
    let mut directory = Directory::default();
    for (name, human, roles, active) in [
        ("ana", "ana", "finops", true),
        ("ana-2", "ana", "finops", true),
        ("ben", "ben", "owner:search", true),
        ("cora", "cora", "finops", true),
        ("dan", "dan", "owner:ads", true),
        ("eve", "eve", "finops", false),
    ] {
        directory.insert(Person {
            name: name.to_owned(),
            human: human.to_owned(),
            roles: [roles.parse().unwrap()].into(),
            active,
            changed_at: Timestamp::UNIX_EPOCH,
        });
    }
    directory
}

pub(super) fn proposal(
    version: u32,
    limit: &str,
    requester: &Principal,
    policy: &ApprovalPolicy,
    now: Timestamp,
) -> Proposal {
    let draft = Draft {
        title: "budget for search".to_owned(),
        change: Change::Budget {
            scope: BTreeMap::from([("team".to_owned(), "search".to_owned())]),
            period: BudgetPeriod::Month,
            limit: Money { amount: limit.parse().unwrap(), currency: Currency::USD },
            previous_limit: None,
        },
        evidence: "0f".repeat(32),
        saving: None,
        cost_touched: None,
        risk: Risk::Low,
        reversible: true,
        owner: "search".to_owned(),
    };
    Proposal::seal(draft, ProposalId(7), version, requester.clone(), policy, now).unwrap()
}

pub(super) fn agent(acts_for: Option<&str>) -> Principal {
    Principal::Agent { token: "mcp".to_owned(), acts_for: acts_for.map(str::to_owned) }
}

/// Plays `actor verb [hours]` lines on a proposal of `limit`; returns the last status and refusal.
fn play(requester: &Principal, limit: &str, lines: &[&str]) -> (Status, Option<Refusal>) {
    let policy = ApprovalPolicy::parse(POLICY).unwrap();
    let people = directory();
    let start: Timestamp = START.parse().unwrap();
    let id = ProposalId(7);
    let first = proposal(1, limit, requester, &policy, start);
    let facts = Facts::Hold;
    let propose = Command::Propose(Box::new(first));
    let (mut state, _) = step(
        None,
        id,
        &propose,
        &Context { now: start, actor: requester, people: &people, policy: &policy, facts: &facts },
    )
    .unwrap();
    let mut refusal = None;
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let actor = match words[0] {
            "system" => Principal::System,
            "agent" => agent(None),
            name => Principal::person(name),
        };
        let hours = words.get(2).map_or(1, |hours| hours.parse().unwrap());
        let now = start.checked_add(SignedDuration::from_hours(hours)).unwrap();
        let channel = if words[1] == "slack" { Channel::Slack } else { Channel::Cli };
        let ballot = Ballot { version: 1, digest: state.digest[..12].to_owned(), channel };
        let command = match words[1] {
            "approve" | "slack" => Command::Approve(ballot),
            "reject" => Command::Reject { ballot, reason: "no".to_owned() },
            "old" => Command::Approve(Ballot { version: 2, ..ballot }),
            "other" => Command::Approve(Ballot { digest: "0".repeat(64), ..ballot }),
            "short" => Command::Approve(Ballot { digest: String::new(), ..ballot }),
            "withdraw" => Command::Withdraw,
            "refresh" => Command::Refresh,
            "execute" => Command::BeginExecution,
            "succeed" => Command::Succeed,
            "fail" => Command::Fail { reason: "timeout".to_owned() },
            "lose" => Command::LoseTrack,
            other => panic!("{other}"),
        };
        let context =
            Context { now, actor: &actor, people: &people, policy: &policy, facts: &facts };
        match step(Some(&state), id, &command, &context) {
            Ok((after, _)) => (state, refusal) = (after, None),
            Err(refused) => refusal = Some(refused),
        }
    }
    (state.status, refusal)
}

#[test]
fn reviews_lead_where_the_table_says() {
    use Status::{Abandoned, Approved, Executed, Executing, Expired, Failed, Pending, Rejected};
    let system = Principal::System;
    let ana = Principal::person("ana");
    let anas_agent = agent(Some("ana-2"));
    for (name, requester, limit, lines, status, refusal) in [
        ("one is enough below", &system, "500", vec!["ben approve"], Approved, ""),
        ("two above", &system, "501", vec!["ben approve"], Pending, ""),
        ("two above", &system, "501", vec!["ben approve", "ana approve"], Approved, ""),
        (
            "finops must be among them",
            &system,
            "501",
            vec!["ben approve", "ben approve"],
            Pending,
            "`ben` has already approved proposal `P-7`; each person counts once",
        ),
        (
            "linked accounts are one",
            &system,
            "501",
            vec!["ana approve", "ana-2 approve"],
            Pending,
            "`ana-2` has already approved proposal `P-7`; each person counts once",
        ),
        (
            "own review",
            &ana,
            "501",
            vec!["ana approve"],
            Pending,
            "proposal `P-7` needs two approvers above $500, and its requester cannot be one",
        ),
        (
            "own review by another account",
            &ana,
            "5",
            vec!["ana-2 approve"],
            Pending,
            "proposal `P-7` needs one approver, and its requester cannot be one",
        ),
        (
            "own review of one's agent's",
            &anas_agent,
            "5",
            vec!["ana approve"],
            Pending,
            "proposal `P-7` needs one approver, and its requester cannot be one",
        ),
        (
            "another team's owner",
            &system,
            "5",
            vec!["dan approve"],
            Pending,
            "proposal `P-7` needs the role owner of `search` or finops, which `dan` does not hold",
        ),
        (
            "left the company",
            &system,
            "5",
            vec!["eve approve"],
            Pending,
            "`eve` is not an active account",
        ),
        (
            "nobody",
            &system,
            "5",
            vec!["mallory approve"],
            Pending,
            "`mallory` is not an active account",
        ),
        (
            "an agent",
            &system,
            "5",
            vec!["agent approve"],
            Pending,
            "`agent:mcp` cannot decide proposal `P-7`: only people approve",
        ),
        (
            "the system",
            &system,
            "5",
            vec!["system approve"],
            Pending,
            "`system` cannot decide proposal `P-7`: only people approve",
        ),
        (
            "mixed: denial is final",
            &system,
            "501",
            vec!["ben approve", "ana reject", "cora approve"],
            Rejected,
            "proposal `P-7` is already rejected",
        ),
        ("denial after approval", &system, "5", vec!["ben approve", "cora reject"], Rejected, ""),
        ("own approval taken back", &system, "5", vec!["ben approve", "ben reject"], Rejected, ""),
        (
            "decided already",
            &system,
            "5",
            vec!["ben approve", "cora approve"],
            Approved,
            "proposal `P-7` is already approved",
        ),
        (
            "another version",
            &system,
            "5",
            vec!["ben old"],
            Pending,
            "proposal `P-7` is now at version 1; version 2 can no longer be decided",
        ),
        (
            "another content",
            &system,
            "5",
            vec!["ben other"],
            Pending,
            &format!("digest `{}` is not that of proposal `P-7` version 1", "0".repeat(64)),
        ),
        (
            "no content",
            &system,
            "5",
            vec!["ben short"],
            Pending,
            "digest `` is not that of proposal `P-7` version 1",
        ),
        (
            "too late",
            &system,
            "5",
            vec!["ben approve 72"],
            Pending,
            "proposal `P-7` expired at 2026-11-04T00:00:00Z",
        ),
        ("just in time", &system, "5", vec!["ben approve 71"], Approved, ""),
        (
            "expiry after approval",
            &system,
            "5",
            vec!["ben approve", "system refresh 72"],
            Expired,
            "",
        ),
        (
            "too late to execute",
            &system,
            "5",
            vec!["ben approve", "system execute 72"],
            Approved,
            "proposal `P-7` expired at 2026-11-04T00:00:00Z",
        ),
        (
            "frozen",
            &system,
            "5",
            vec!["ben approve 24"],
            Pending,
            "nothing like proposal `P-7` is approved or executed until 2026-11-02T12:00:00Z: \
             closing the books",
        ),
        ("denial in a freeze", &system, "5", vec!["ben reject 24"], Rejected, ""),
        (
            "channel",
            &system,
            "501",
            vec!["ben slack"],
            Pending,
            "proposal `P-7` cannot be approved through Slack",
        ),
        ("channel below", &system, "5", vec!["ben slack"], Approved, ""),
        (
            "clock set back",
            &system,
            "5",
            vec!["ben approve 5", "ana reject 1"],
            Approved,
            "the clock says 2026-11-01T01:00:00Z, but proposal `P-7` already changed at \
             2026-11-01T05:00:00Z",
        ),
        (
            "cool-down",
            &system,
            "501",
            vec!["ben approve 13", "ana approve 13", "system execute 36"],
            Approved,
            "proposal `P-7` can be executed from 2026-11-02T13:00:00Z on, not before",
        ),
        (
            "after the cool-down",
            &system,
            "501",
            vec!["ben approve 13", "ana approve 13", "system execute 37"],
            Executing,
            "",
        ),
        (
            "a person executes",
            &system,
            "5",
            vec!["ben approve", "ben execute"],
            Approved,
            "`person:ben` cannot do this: only Centinel executes and expires proposals",
        ),
        (
            "executed once",
            &system,
            "5",
            vec!["ben approve", "system execute", "system succeed", "system execute"],
            Executed,
            "proposal `P-7` is already executed",
        ),
        (
            "no rejection while executing",
            &system,
            "5",
            vec!["ben approve", "system execute", "ana reject"],
            Executing,
            "proposal `P-7` is being executed",
        ),
        (
            "unknown is not retried",
            &system,
            "5",
            vec!["ben approve", "system execute", "system lose", "system execute"],
            Status::Unknown,
            "proposal `P-7` is in an unknown state of execution",
        ),
        (
            "second attempt",
            &system,
            "5",
            vec!["ben approve", "system execute", "system fail"],
            Failed,
            "",
        ),
        (
            "three attempts",
            &system,
            "5",
            vec![
                "ben approve",
                "system execute",
                "system fail",
                "system execute",
                "system fail",
                "system execute",
                "system lose",
                "system fail",
            ],
            Abandoned,
            "",
        ),
        (
            "somebody else's",
            &ana,
            "5",
            vec!["agent withdraw"],
            Pending,
            "proposal `P-7` was requested by `person:ana`, who alone can withdraw or replace it",
        ),
        (
            "one's own, by the other account",
            &ana,
            "5",
            vec!["ana-2 withdraw"],
            Status::Withdrawn,
            "",
        ),
        ("one's agent's", &anas_agent, "5", vec!["ana withdraw"], Status::Withdrawn, ""),
    ] {
        let (found, refused) = play(requester, limit, &lines);
        let refused = refused.map_or(String::new(), |refusal| refusal.to_string());
        assert_eq!((found, refused.as_str()), (status, refusal), "{name}: {lines:?}");
    }
}

#[test]
fn denied_by_policy_never_opens() {
    let policy = ApprovalPolicy::parse(POLICY).unwrap();
    let start: Timestamp = START.parse().unwrap();
    let risky =
        Proposal { risk: Risk::High, ..proposal(1, "5", &Principal::System, &policy, start) };
    let context = Context {
        now: start,
        actor: &Principal::System,
        people: &directory(),
        policy: &policy,
        facts: &Facts::Hold,
    };
    let refused = step(None, ProposalId(7), &Command::Propose(Box::new(risky)), &context);
    let rule = "no risk".to_owned();
    assert_eq!(refused, Err(Refusal::Denied { rule, kind: Kind::Budget }));
}

/// Who could decide is told before anybody tries.
#[test]
fn standing_names_who_is_missing() {
    let policy = ApprovalPolicy::parse(POLICY).unwrap();
    let people = directory();
    let start: Timestamp = START.parse().unwrap();
    let ben = Principal::person("ben");
    let proposed = Occurrence::Proposed {
        proposal: Box::new(proposal(1, "501", &ben, &policy, start)),
        digest: "d".repeat(64),
    };
    let state = fold(&[Event { at: start, actor: ben, what: proposed }]).unwrap();
    let found = standing(&state, &policy, &people);
    assert_eq!((found.missing, found.satisfied), (2, false));
    assert_eq!(found.missing_roles, [RoleKind::Finops]);
    assert_eq!(found.eligible, ["ana", "cora"], "one name a human, not the requester, not eve");
}
