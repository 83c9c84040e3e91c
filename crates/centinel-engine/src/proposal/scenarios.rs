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

[break_glass]
expires_after_hours = 4
review_within_hours = 48
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
        ("finn", "finn", "emergency", true),
        ("ana-3", "ana", "emergency", true),
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
        edits: Vec::new(),
        saving: None,
        counterfactual: None,
        reverts: None,
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

fn principal(word: &str) -> Principal {
    match word {
        "system" => Principal::System,
        "agent" => agent(None),
        "anas-agent" => agent(Some("ana-2")),
        name => Principal::person(name),
    }
}

/// Plays `actor verb [hours]`, separated by commas, on a proposal of `limit`; returns the last status
/// and refusal.
fn play(requester: &Principal, limit: &str, lines: &str) -> (Status, Option<Refusal>) {
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
        &Context {
            now: start,
            actor: requester,
            people: &people,
            policy: &policy,
            eligibility: &Eligibility::everyone(),
            facts: &facts,
        },
    )
    .unwrap();
    let mut refusal = None;
    for line in lines.split(", ") {
        let words: Vec<&str> = line.split(' ').collect();
        let actor = principal(words[0]);
        let hours = words.get(2).map_or(1, |hours| hours.parse().unwrap());
        let now = start.checked_add(SignedDuration::from_hours(hours)).unwrap();
        let channel = if words[1].starts_with("slack") { Channel::Slack } else { Channel::Cli };
        let ballot = Ballot { version: 1, digest: state.digest[..12].to_owned(), channel };
        let command = match words[1] {
            "approve" | "slack" => Command::Approve(ballot),
            "reject" => Command::Reject { ballot, reason: "no".to_owned() },
            "old" => Command::Approve(Ballot { version: 2, ..ballot }),
            "other" => Command::Approve(Ballot { digest: "0".repeat(8), ..ballot }),
            "short" => Command::Approve(Ballot { digest: String::new(), ..ballot }),
            "withdraw" => Command::Withdraw,
            "refresh" => Command::Refresh,
            "execute" => Command::BeginExecution,
            "succeed" => Command::Succeed,
            "fail" => Command::Fail { reason: "timeout".to_owned() },
            "lose" => Command::LoseTrack,
            "measure" => Command::Measure { saving: Money::zero(Currency::USD), days: 7 },
            "again" => Command::Measure { saving: Money::zero(Currency::USD), days: 30 },
            "break" => Command::BreakGlass {
                ballot,
                reason: "runaway agent".to_owned(),
                ticket: "INC-7".to_owned(),
            },
            "review" => Command::Review { note: "looked at it".to_owned() },
            "confirm" | "slack-confirm" | "unnamed" => Command::Confirm {
                ballot,
                reference: if words[1] == "unnamed" { " " } else { "PO-4711" }.to_owned(),
                carried_out_at: words.get(3).map_or(now, |hours| {
                    let hours = SignedDuration::from_hours(hours.parse().unwrap());
                    start.checked_add(hours).unwrap()
                }),
            },
            "undo" => Command::RollBack { by: ProposalId(8) },
            "overtake" => Command::Overtake { what: "merged by hand".to_owned() },
            other => panic!("{other}"),
        };
        let context = Context {
            now,
            actor: &actor,
            people: &people,
            policy: &policy,
            eligibility: &Eligibility::everyone(),
            facts: &facts,
        };
        match step(Some(&state), id, &command, &context) {
            Ok((after, _)) => (state, refusal) = (after, None),
            Err(refused) => refusal = Some(refused),
        }
    }
    (state.status, refusal)
}

/// Scenario, requester, amount, who does what (after how many hours), where it ends, last refusal.
/// Below $500 one approver is enough; above it takes two, FinOps among them. Ana and Cora are FinOps
/// (ana-2 is Ana too), Ben owns search, Dan another team, Eve left.
const TABLE: &str = "
one is enough below | system | 500 | ben approve | approved |
one is not above | system | 501 | ben approve | pending |
two are | system | 501 | ben approve, ana approve | approved |
a person counts once | system | 501 | ben approve, ben approve | pending | `ben` has already approved proposal `P-7`; each person counts once
linked accounts are one | system | 501 | ana approve, ana-2 approve | pending | `ana-2` has already approved proposal `P-7`; each person counts once
own review | ana | 501 | ana approve | pending | proposal `P-7` needs two approvers above $500, and its requester cannot be one
own review, other account | ana | 5 | ana-2 approve | pending | proposal `P-7` needs one approver, and its requester cannot be one
own agent's | anas-agent | 5 | ana approve | pending | proposal `P-7` needs one approver, and its requester cannot be one
another team's owner | system | 5 | dan approve | pending | proposal `P-7` needs the role owner of `search` or finops, which `dan` does not hold
left the company | system | 5 | eve approve | pending | `eve` is not an active account
nobody | system | 5 | mallory approve | pending | `mallory` is not an active account
an agent | system | 5 | agent approve | pending | `agent:mcp` cannot decide proposal `P-7`: only people approve
the system | system | 5 | system approve | pending | `system` cannot decide proposal `P-7`: only people approve
mixed: denial is final | system | 501 | ben approve, ana reject, cora approve | rejected | proposal `P-7` is already rejected
denial after approval | system | 5 | ben approve, cora reject | rejected |
own approval taken back | system | 5 | ben approve, ben reject | rejected |
decided already | system | 5 | ben approve, cora approve | approved | proposal `P-7` is already approved
another version | system | 5 | ben old | pending | proposal `P-7` is now at version 1; version 2 can no longer be decided
another content | system | 5 | ben other | pending | digest `00000000` is not that of proposal `P-7` version 1
no content | system | 5 | ben short | pending | digest `` is not that of proposal `P-7` version 1
too late | system | 5 | ben approve 72 | pending | proposal `P-7` expired at 2026-11-04T00:00:00Z
just in time | system | 5 | ben approve 71 | approved |
expiry after approval | system | 5 | ben approve, system refresh 72 | expired |
too late to execute | system | 5 | ben approve, system execute 72 | approved | proposal `P-7` expired at 2026-11-04T00:00:00Z
frozen | system | 5 | ben approve 24 | pending | nothing like proposal `P-7` is approved or executed until 2026-11-02T12:00:00Z: closing the books
denial in a freeze | system | 5 | ben reject 24 | rejected |
channel | system | 501 | ben slack | pending | proposal `P-7` cannot be approved through Slack
channel below | system | 5 | ben slack | approved |
clock set back | system | 5 | ben approve 5, ana reject 1 | approved | the clock says 2026-11-01T01:00:00Z, but proposal `P-7` already changed at 2026-11-01T05:00:00Z
cool-down | system | 501 | ben approve 13, ana approve 13, system execute 36 | approved | proposal `P-7` can be executed from 2026-11-02T13:00:00Z on, not before
after the cool-down | system | 501 | ben approve 13, ana approve 13, system execute 37 | executing |
a person executes | system | 5 | ben approve, ben execute | approved | `person:ben` cannot do this: only Centinel executes and expires proposals
executed once | system | 5 | ben approve, system execute, system succeed, system execute | executed | proposal `P-7` is already executed
measured at the end | system | 5 | ben approve, system execute, system succeed, system measure | measured |
no denial while executing | system | 5 | ben approve, system execute, ana reject | executing | proposal `P-7` is being executed
unknown is not retried | system | 5 | ben approve, system execute, system lose, system execute | unknown | proposal `P-7` is in an unknown state of execution
second attempt | system | 5 | ben approve, system execute, system fail | failed |
three attempts | system | 5 | ben approve, system execute, system fail, system execute, system fail, system execute, system lose, system fail | abandoned |
somebody else's | ana | 5 | agent withdraw | pending | proposal `P-7` was requested by `person:ana`, who alone can withdraw or replace it
own, by the other account | ana | 5 | ana-2 withdraw | withdrawn |
an emergency takes no quorum and no cool-down | system | 501 | finn break, system execute, system succeed, ben review | executed |
an emergency is short | system | 501 | finn break, system execute 5 | approved | proposal `P-7` is no longer approved: it needs two approvers above $500
an emergency that is over | system | 501 | finn break, system refresh 5 | pending |
an emergency is for its role | system | 501 | ana break | pending | proposal `P-7` needs the role emergency, which `ana` does not hold
the role approves nothing | system | 5 | finn approve | pending | proposal `P-7` needs the role owner of `search` or finops, which `finn` does not hold
own emergency | ana | 501 | ana-3 break | pending | proposal `P-7` needs two approvers above $500, and its requester cannot be one
an emergency waits for a freeze | system | 501 | finn break 24 | pending | nothing like proposal `P-7` is approved or executed until 2026-11-02T12:00:00Z: closing the books
an agent's emergency | system | 501 | agent break | pending | `agent:mcp` cannot decide proposal `P-7`: only people approve
reviewed by somebody else | system | 501 | ana-3 break, ana review | approved | `ana` broke the glass of proposal `P-7`; somebody else reviews it
reviewed by whoever may approve | system | 501 | finn break, dan review | approved | proposal `P-7` needs the role owner of `search` or finops, which `dan` does not hold
reviewed once | system | 501 | finn break, ben review, cora review | approved | proposal `P-7` has no emergency to review
denial of an emergency | system | 501 | finn break, ben reject | rejected |
measured again | system | 5 | ben approve, system execute, system succeed, system measure, system again | measured |
measured twice the same | system | 5 | ben approve, system execute, system succeed, system measure, system measure | measured | proposal `P-7` was measured after 7 days already
taken back | system | 5 | ben approve, system execute, system succeed, system measure, system undo, system again | rolled_back | proposal `P-7` is rolled back
carried out from outside | system | 501 | ben approve, system overtake, ana approve | overtaken | proposal `P-7` is already carried out from outside
done by hand | system | 5 | ben approve, cora confirm | executed |
done by hand by its approver | system | 5 | ben approve, ben confirm | executed |
done by hand by its requester | ana | 5 | ben approve, ana-2 confirm | executed |
an agent's word | anas-agent | 5 | ben approve, anas-agent confirm | approved | `agent:mcp` cannot decide proposal `P-7`: only people approve
the system's word | system | 5 | ben approve, system confirm | approved | `system` cannot decide proposal `P-7`: only people approve
done by hand by half | system | 501 | ben approve, ana confirm | pending | proposal `P-7` is waiting for approval
done before it was approved | system | 5 | ben approve 5, ben confirm 6 4 | approved | proposal `P-7` cannot be confirmed as carried out: at the time given it was not approved, or its cool-down had not passed
done in the cool-down | system | 501 | ben approve 13, ana approve 13, ana confirm 40 36 | approved | proposal `P-7` cannot be confirmed as carried out: at the time given it was not approved, or its cool-down had not passed
said in the cool-down | system | 501 | ben approve 13, ana approve 13, ana confirm 36 | approved | proposal `P-7` can be executed from 2026-11-02T13:00:00Z on, not before
done after the cool-down | system | 501 | ben approve 13, ana approve 13, ana confirm 40 37 | executed |
done in a freeze | system | 5 | ben approve 20, ben confirm 40 30 | approved | nothing like proposal `P-7` is approved or executed until 2026-11-02T12:00:00Z: closing the books
done before a freeze, said in it | system | 5 | ben approve 20, ben confirm 30 21 | executed |
done by hand too late | system | 5 | ben approve, ben confirm 72 | approved | proposal `P-7` expired at 2026-11-04T00:00:00Z
done in the future | system | 5 | ben approve, ben confirm 5 6 | approved | proposal `P-7` cannot be confirmed as carried out: the time given has not come yet
done twice | system | 5 | ben approve, ben confirm, cora confirm | executed | proposal `P-7` is already executed
done and begun | system | 5 | ben approve, ben confirm, system execute | executed | proposal `P-7` is already executed
begun and done | system | 5 | ben approve, system execute, ben confirm | executing | proposal `P-7` is being executed
said in Slack | system | 5 | ben approve, ben slack-confirm | approved | proposal `P-7` cannot be confirmed as carried out: that is said in the terminal or on the page
done without a reference | system | 5 | ben approve, ben unnamed | approved | confirming proposal `P-7` needs a reference of 1 to 200 characters that can all be seen
an emergency by hand | system | 501 | finn break, finn confirm | executed |
an emergency by hand, said too late | system | 501 | finn break, finn confirm 6 2 | approved | proposal `P-7` is no longer approved: it needs two approvers above $500
an emergency by hand before the glass | system | 501 | finn break 3, finn confirm 4 2 | approved | proposal `P-7` cannot be confirmed as carried out: at the time given it was not approved, or its cool-down had not passed
done by hand, measured, taken back | system | 5 | ben approve, ben confirm, system measure, system undo | rolled_back |
two emergencies, one of them one's own | system | 501 | finn break, system refresh 6, ana-3 break 7, ana review 8 | approved | `ana` broke the glass of proposal `P-7`; somebody else reviews it
two emergencies, the other of them one's own | system | 501 | finn break, system refresh 6, ana-3 break 7, finn review 8 | approved | `finn` broke the glass of proposal `P-7`; somebody else reviews it
two emergencies, looked at by a third | system | 501 | finn break, system refresh 6, ana-3 break 7, cora review 8, ben review 8 | approved | proposal `P-7` has no emergency to review
own agent's, taken back | anas-agent | 5 | ana withdraw | withdrawn |
";

#[test]
fn reviews_lead_where_the_table_says() {
    for row in TABLE.trim().lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [name, requester, limit, lines, status, refusal] = cells[..] else {
            panic!("{row}");
        };
        let (found, refused) = play(&principal(requester), limit, lines);
        let refused = refused.map_or(String::new(), |refusal| refusal.to_string());
        assert_eq!((found.as_str(), refused.as_str()), (status, refusal), "{name}");
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
        eligibility: &Eligibility::everyone(),
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
    let found = standing(&state, &policy, &people, &Eligibility::everyone());
    assert_eq!((found.missing, found.satisfied), (2, false));
    assert_eq!(found.missing_roles, [RoleKind::Finops]);
    assert_eq!(found.eligible, ["ana", "cora"], "one name a human, not the requester, not eve");
    let mut cora_alone = Eligibility::default();
    cora_alone.allow(Deed::Approve, Principal::person("cora"));
    let found = standing(&state, &policy, &people, &cora_alone);
    assert_eq!(found.eligible, ["cora"], "a role is not enough where the access policy says no");
}

/// Whoever may no longer do a thing does it no more, and their vote counts for nothing: when it is
/// cast, and when it is carried out.
#[test]
fn eligibility_is_looked_at_at_every_step() {
    let policy = ApprovalPolicy::parse(POLICY).unwrap();
    let people = directory();
    let start: Timestamp = START.parse().unwrap();
    let at = |hours| start.checked_add(SignedDuration::from_hours(hours)).unwrap();
    let (ben, cora, system) =
        (Principal::person("ben"), Principal::person("cora"), Principal::System);
    let made = proposal(1, "5", &system, &policy, start);
    let ballot = Ballot { version: 1, digest: made.digest().unwrap(), channel: Channel::Cli };
    let approve = Command::Approve(ballot.clone());
    let reject = Command::Reject { ballot, reason: "no".to_owned() };
    let without = |deed: Deed, barred: &Principal| {
        let mut eligibility = Eligibility::default();
        for each in Deed::ALL {
            for principal in [&ben, &cora, &system] {
                if (each, principal) != (deed, barred) {
                    eligibility.allow(each, principal.clone());
                }
            }
        }
        eligibility
    };
    let all = Eligibility::everyone();
    let play = |state: Option<&State>, actor: &Principal, command: &Command, may: &Eligibility| {
        let (people, policy, facts) = (&people, &policy, &Facts::Hold);
        let context = Context { now: at(1), actor, people, policy, eligibility: may, facts };
        step(state, ProposalId(7), command, &context)
    };
    let propose = Command::Propose(Box::new(made));
    let (pending, _) = play(None, &system, &propose, &all).unwrap();
    let (approved, _) = play(Some(&pending), &cora, &approve, &all).unwrap();
    assert_eq!(approved.status, Status::Approved);
    for (state, actor, command, deed) in [
        (None, &system, &propose, Deed::Propose),
        (Some(&pending), &cora, &approve, Deed::Approve),
        (Some(&approved), &cora, &reject, Deed::Reject),
        (Some(&pending), &system, &Command::Withdraw, Deed::Withdraw),
        (Some(&approved), &system, &Command::BeginExecution, Deed::Execute),
    ] {
        let refused = play(state, actor, command, &without(deed, actor)).unwrap_err();
        let (id, principal) = (ProposalId(7), actor.clone());
        assert_eq!(refused, Refusal::NotEligible { id, principal, deed }, "{deed:?}");
        assert!(play(state, actor, command, &without(deed, &ben)).is_ok(), "{deed:?}");
    }
    // Cora's vote does not outlive her eligibility.
    let barred = without(Deed::Approve, &cora);
    let late = play(Some(&approved), &system, &Command::BeginExecution, &barred);
    assert!(matches!(late, Err(Refusal::NoLongerApproved { .. })), "{late:?}");
    let (after, events) = play(Some(&approved), &system, &Command::Refresh, &barred).unwrap();
    assert_eq!((after.status, after.votes.len(), events.len()), (Status::Pending, 0, 1));
}

/// What is carried out from here is not carried out by somebody's word, nor what changed since.
#[test]
fn a_word_counts_for_what_nobody_else_carries_out() {
    let policy = ApprovalPolicy::parse(POLICY).unwrap();
    let people = directory();
    let at = |hours| {
        let start: Timestamp = START.parse().unwrap();
        start.checked_add(SignedDuration::from_hours(hours)).unwrap()
    };
    let approved = |edits: Vec<Edit>| {
        let made = proposal(1, "5", &Principal::System, &policy, at(0));
        let made = Box::new(Proposal { edits, ..made });
        let digest = made.digest().unwrap();
        let event = |actor: Principal, what| Event { at: at(1), actor, what };
        fold(&[
            event(Principal::System, Occurrence::Proposed { proposal: made, digest }),
            event(
                Principal::person("ben"),
                Occurrence::VoteCast {
                    vote: Vote {
                        name: "ben".to_owned(),
                        human: "ben".to_owned(),
                        at: at(1),
                        channel: Channel::Cli,
                        policy_version: policy.digest().to_owned(),
                    },
                    version: 1,
                    digest: String::new(),
                },
            ),
            event(Principal::person("ben"), Occurrence::Approved),
        ])
        .unwrap()
    };
    let confirm = |state: &State, facts: &Facts, eligibility: &Eligibility, reference: &str| {
        let actor = &Principal::person("cora");
        let people = &people;
        let context = Context { now: at(2), actor, people, policy: &policy, eligibility, facts };
        let digest = state.digest.clone();
        let command = Command::Confirm {
            ballot: Ballot { version: 1, digest, channel: Channel::Web },
            reference: reference.to_owned(),
            carried_out_at: at(2),
        };
        step(Some(state), ProposalId(7), &command, &context)
            .map(|(_, events)| events[0].clone())
            .map_err(|refusal| refusal.to_string())
    };
    let by_hand = approved(Vec::new());
    let edit = Edit {
        repository: "charts".to_owned(),
        file: "values.yaml".to_owned(),
        path: "cpu".to_owned(),
        from: Some("2".to_owned()),
        to: Some("1".to_owned()),
    };
    let edited = approved(vec![edit]);
    let (hold, all) = (Facts::Hold, Eligibility::everyone());
    let event = confirm(&by_hand, &hold, &all, " PO-4711 ").unwrap();
    assert_eq!(event.carried_out_at(), Some(at(2)));
    let Occurrence::Confirmed { reference, digest, .. } = &event.what else { panic!("{event:?}") };
    assert_eq!((reference.as_str(), digest), ("PO-4711", &by_hand.digest));
    let moved = Facts::Changed("the offer is gone".to_owned());
    for (state, facts, eligibility, reference, expected) in [
        (&edited, &hold, &all, "PO-1", "by Centinel or by a merge"),
        (&by_hand, &Facts::Unchecked, &all, "PO-1", "were not computed again"),
        (&by_hand, &moved, &all, "PO-1", "have changed: the offer is gone"),
        (&by_hand, &hold, &Eligibility::default(), "PO-1", "does not let `person:cora` confirm"),
        (&by_hand, &hold, &all, "", "needs a reference"),
        (&by_hand, &hold, &all, "PO\u{202e}1", "needs a reference"),
        (&by_hand, &hold, &all, &"x".repeat(201), "needs a reference"),
    ] {
        let refused = confirm(state, facts, eligibility, reference).unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
}
