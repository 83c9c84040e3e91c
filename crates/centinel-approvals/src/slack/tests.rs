//! Messages of proposals that hold anything at all.

use std::collections::BTreeMap;

use centinel_engine::{
    money::{Currency, Money},
    proposal::{
        ApprovalPolicy, BudgetPeriod, Change, Channel, Directory, Draft, Edit, Eligibility, Event,
        Glass, Occurrence, Payment, Principal, Proposal, ProposalId, ResourceUse, Risk, Saving,
        Standing, State, Status, Vote, standing,
    },
};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::{Words, card, value::Shown};
use crate::{
    View,
    escape::hostile::{HOSTILE, hostile_text},
};

const POLICY: &str = include_str!("../../../../policies/approvals.toml");
const BREAK: char = '\u{200b}';

fn usd(amount: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: Currency::USD }
}

fn at() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn changes(text: &str) -> Vec<Change> {
    let text = || text.to_owned();
    let pairs = || BTreeMap::from([(text(), text())]);
    let one = || "1".parse().unwrap();
    let use_of = |cpu_cores| ResourceUse { cpu_cores, memory_bytes: 1 << 30 };
    vec![
        Change::Budget {
            scope: pairs(),
            period: BudgetPeriod::Month,
            limit: usd("9000"),
            previous_limit: None,
        },
        Change::VirtualTag {
            name: text(),
            value: text(),
            matches: pairs(),
            previous_value: Some(text()),
        },
        Change::Routing {
            feature: text(),
            from_model: text(),
            to_model: text(),
            share_ratio: "0.5".parse().unwrap(),
        },
        Change::Caching {
            feature: text(),
            model: text(),
            ttl_seconds: Some(300),
            previous_ttl_seconds: None,
        },
        Change::Commitment {
            provider: text(),
            offer: text(),
            commitment_per_hour: usd("1.5"),
            term_hours: 8760,
            payment: Payment::NoUpfront,
        },
        Change::Rightsize {
            workload: text(),
            container: text(),
            from: use_of(one()),
            to: use_of(one()),
        },
        Change::Schedule {
            resource: text(),
            time_zone: text(),
            start_cron: text(),
            stop_cron: text(),
        },
        Change::Cleanup { resource_ids: vec![text(); 40] },
    ]
}

/// A proposal all of whose texts are the given one, which the engine would mostly not take.
fn view(text: &str, change: Change, status: Status) -> View {
    let policy = ApprovalPolicy::parse(POLICY).unwrap();
    let edit = Edit {
        repository: text.to_owned(),
        file: text.to_owned(),
        path: text.to_owned(),
        from: Some(text.to_owned()),
        to: Some(text.to_owned()),
    };
    let draft = Draft {
        title: "t".to_owned(),
        change,
        edits: Vec::new(),
        evidence: "9".repeat(64),
        saving: Some(Saving { low: usd("100"), mid: usd("412.50"), high: usd("600") }),
        counterfactual: None,
        reverts: Some(ProposalId(3)),
        cost_touched: None,
        risk: Risk::High,
        reversible: true,
        owner: "o".to_owned(),
    };
    let agent = Principal::Agent { token: text.to_owned(), acts_for: Some(text.to_owned()) };
    let mut proposal =
        match Proposal::seal(draft.clone(), ProposalId(7), 1, agent.clone(), &policy, at()) {
            Ok(proposal) => proposal,
            // The change's own texts are refused; the message is written all the same.
            Err(_) => {
                let plain = Draft { change: changes("x").remove(0), ..draft.clone() };
                Proposal::seal(plain, ProposalId(7), 1, agent, &policy, at()).unwrap()
            }
        };
    proposal.change = draft.change;
    (proposal.title, proposal.owner) = (text.repeat(4), text.to_owned());
    proposal.edits = vec![edit; 15];
    let digest = "a".repeat(64);
    let vote = Vote {
        name: text.to_owned(),
        human: text.to_owned(),
        at: at(),
        channel: Channel::Slack,
        policy_version: String::new(),
    };
    let glass = Glass {
        name: text.to_owned(),
        human: text.to_owned(),
        at: at(),
        channel: Channel::Cli,
        reason: text.to_owned(),
        ticket: text.to_owned(),
        expires_at: at(),
        review_until: at(),
        policy_version: String::new(),
    };
    let text = || text.to_owned();
    let occurrences = [
        Occurrence::Proposed { proposal: Box::new(proposal.clone()), digest: digest.clone() },
        Occurrence::VoteCast { vote, version: 1, digest: digest.clone() },
        Occurrence::Rejected { name: text(), human: text(), channel: Channel::Web, reason: text() },
        Occurrence::GlassBroken { glass },
        Occurrence::EmergencyReviewed { name: text(), human: text(), note: text() },
        Occurrence::Stale { what: text() },
        Occurrence::ExecutionFailed { reason: text() },
        Occurrence::Confirmed {
            name: text(),
            human: text(),
            channel: Channel::Web,
            reference: text(),
            carried_out_at: at(),
            version: 1,
            digest: digest.clone(),
        },
        Occurrence::Overtaken { what: text() },
    ];
    let events: Vec<Event> = occurrences
        .into_iter()
        .map(|what| Event { at: at(), actor: Principal::System, what })
        .collect();
    let state = State::after(None, &events[0]).unwrap();
    let nobody = (Directory::default(), Eligibility::default());
    let standing =
        Standing { approved_by: vec![text()], ..standing(&state, &policy, &nobody.0, &nobody.1) };
    View { proposal, digest, status, standing, events, audit_entry: 1 }
}

/// Every text of a message, with whether Slack formats it.
fn texts(value: &Value, out: &mut Vec<(bool, String)>) {
    match value {
        Value::Object(fields) => {
            if let (Some(kind), Some(text)) = (fields.get("type"), fields.get("text"))
                && let Some(text) = text.as_str()
            {
                out.push((kind == "mrkdwn", text.to_owned()));
            }
            fields.values().for_each(|value| texts(value, out));
        }
        Value::Array(items) => items.iter().for_each(|value| texts(value, out)),
        _ => {}
    }
}

fn check(text: &str) {
    let words = Words {
        page: "https://centinel.example".to_owned(),
        window: Some(text.to_owned()),
        audit_head: format!("7:{}", "0a".repeat(32)),
    };
    let page = "https://centinel.example/proposals/P-7";
    for (index, change) in changes(text).into_iter().enumerate() {
        let status = if index % 2 == 0 { Status::Pending } else { Status::Rejected };
        let card = card(&view(text, change, status), &words);
        let value = serde_json::to_value(&card).unwrap();
        assert!((1..=50).contains(&card.blocks.len()));
        let mut all = vec![(true, card.text.clone())];
        texts(&value, &mut all);
        for (is_formatted, shown) in all {
            let length = shown.encode_utf16().count();
            assert!((1..=3_000).contains(&length), "{text:?}: {length}");
            assert!(!shown.contains(['\u{202e}', '\u{feff}', '\0', '\u{1b}']), "{text:?}: {shown}");
            if !is_formatted {
                continue;
            }
            // What is left besides our own link is no mark of Slack's.
            let rest = shown.replace(&format!("<{page}|the whole change>"), "");
            assert!(!rest.contains(['<', '>']), "{text:?}: {rest}");
            let bare = rest.replace("&lt;", "").replace("&gt;", "").replace("&amp;", "");
            assert!(!bare.contains('&') && !bare.contains("://"), "{text:?}: {bare}");
            // Our own marks come without a break, foreign ones never do: each pairs up.
            for mark in ['*', '`'] {
                let foreign = rest.matches(&format!("{BREAK}{mark}{BREAK}")).count();
                let ours = rest.matches(mark).count() - foreign;
                assert_eq!(ours % 2, 0, "{text:?}: {rest}");
            }
        }
    }
}

#[test]
fn nothing_hostile_comes_out_of_a_message() {
    for text in HOSTILE {
        check(text);
        check(&text.repeat(200));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_comes_out_of_a_message(text in hostile_text(), times in 1_usize..30) {
        check(&text.repeat(times));
    }

    #[test]
    fn values_are_ours_or_none(text in hostile_text()) {
        if let Ok(shown) = text.parse::<Shown>() {
            prop_assert_eq!(shown.to_string(), text);
        }
    }
}

#[test]
fn a_message_reads_well() {
    let mut shown = view("search", changes("search").remove(0), Status::Pending);
    shown.events.truncate(2);
    let words = Words {
        page: "https://centinel.example".to_owned(),
        window: Some("2026-10-01 until 2026-11-01 (UTC)".to_owned()),
        audit_head: "7:0a".to_owned(),
    };
    let text = serde_json::to_string(&card(&shown, &words).blocks).unwrap();
    for part in [
        r#""text":"P-7 · searchsearchsearchsearch""#,
        "*Waiting for a decision* · 1 of 2 approvals",
        "*Saving a month*\\n",
        "A budget of $9,000.00 a month for search search, until now none. Expected to save about",
        "```\\nsearch: search: search\\n- search\\n+ search\\n",
        "25 more lines: <https://centinel.example/proposals/P-7|the whole change>",
        "search approved it in Slack, 2026-11-23 10:00 UTC",
        "Approve P-7 version 1?",
        "$9,000.00 at stake, saves about",
        "evidence `bundle:999999999999`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
