//! Every kind of proposal, word for word.

use std::collections::BTreeMap;

use super::*;
use crate::{
    digest::{Outcome, ProposalFacts},
    money::{Currency, Money},
    proposal::{
        BudgetPeriod, Change, Payment, Principal, Proposal, ProposalId, ResourceUse, Risk, Saving,
        Stage,
    },
};

fn usd(text: &str) -> Money {
    Money { amount: text.parse().unwrap(), currency: Currency::USD }
}

fn saving() -> Saving {
    Saving { low: usd("380"), mid: usd("412.5"), high: usd("610") }
}

fn proposal(change: Change, saving: Option<Saving>) -> Proposal {
    Proposal {
        id: ProposalId(7),
        version: 1,
        title: "as its requester wrote it".to_owned(),
        reversible: change.can_be_undone(),
        change,
        edits: Vec::new(),
        evidence: "0".repeat(64),
        saving,
        counterfactual: None,
        reverts: None,
        amount_at_stake: None,
        risk: Risk::Low,
        owner: "support-platform".to_owned(),
        requester: Principal::person("ana"),
        created_at: "2026-11-02T08:00:00Z".parse().unwrap(),
        expires_at: "2026-11-16T08:00:00Z".parse().unwrap(),
        policy_version: String::new(),
    }
}

fn open(proposal: &Proposal) -> ProposalFacts<'_> {
    ProposalFacts {
        proposal,
        stage: Stage::Open,
        expected: None,
        executed_on: None,
        outcome: None,
        as_of: None,
    }
}

pub(super) fn changes() -> Vec<(&'static str, Change)> {
    let text = str::to_owned;
    let one = |name: &str, value: &str| BTreeMap::from([(text(name), text(value))]);
    let uses =
        |cores: &str, memory_bytes| ResourceUse { cpu_cores: cores.parse().unwrap(), memory_bytes };
    vec![
        (
            "budget",
            Change::Budget {
                scope: one("feature", "support-answers"),
                period: BudgetPeriod::Month,
                limit: usd("32000"),
                previous_limit: Some(usd("28000")),
            },
        ),
        (
            "virtual_tag",
            Change::VirtualTag {
                name: text("team"),
                value: text("search"),
                matches: one("service", "Object Storage"),
                previous_value: None,
            },
        ),
        (
            "routing",
            Change::Routing {
                feature: text("support-answers"),
                from_model: text("gpt-5.1"),
                to_model: text("gpt-5.1-mini"),
                share_ratio: "0.4".parse().unwrap(),
            },
        ),
        (
            "caching",
            Change::Caching {
                feature: text("support-answers"),
                model: text("claude-sonnet-4-5"),
                ttl_seconds: Some(3600),
                previous_ttl_seconds: Some(300),
            },
        ),
        (
            "commitment",
            Change::Commitment {
                provider: text("aws"),
                offer: text("compute-1y-no-upfront"),
                commitment_per_hour: usd("1.25"),
                term_hours: 8760,
                payment: Payment::NoUpfront,
            },
        ),
        (
            "rightsize",
            Change::Rightsize {
                workload: text("search-api"),
                container: text("server"),
                from: uses("2", 8 << 30),
                to: uses("0.6", 1536 << 20),
            },
        ),
        (
            "schedule",
            Change::Schedule {
                resource: text("staging-cluster"),
                time_zone: text("Europe/Berlin"),
                start_cron: text("0 7 * * 1-5"),
                stop_cron: text("0 19 * * 1-5"),
            },
        ),
        (
            "cleanup",
            Change::Cleanup {
                resource_ids: ["vol-1", "vol-2", "vol-3", "vol-4"].map(text).to_vec(),
            },
        ),
    ]
}

/// Facts of every proposal that is worded here.
pub(super) fn bundles() -> Vec<(&'static str, Bundle)> {
    let mut bundles: Vec<(&'static str, Bundle)> = changes()
        .into_iter()
        .map(|(name, change)| (name, open(&proposal(change, Some(saving()))).bundle()))
        .collect();
    let (_, budget) = changes().swap_remove(0);
    bundles.push(("no_saving", open(&proposal(budget.clone(), None)).bundle()));
    let done = proposal(budget, Some(saving()));
    let expected = Some(usd("300"));
    bundles.push(("discounted", ProposalFacts { expected, ..open(&done) }.bundle()));
    let executed_on = Some(jiff::civil::date(2026, 11, 5));
    for (name, realised) in [("measured", "390.25"), ("measured_cost", "-12")] {
        let outcome = Some(Outcome { days: 30, realised: usd(realised) });
        let facts = ProposalFacts { stage: Stage::Realised, executed_on, outcome, ..open(&done) };
        bundles.push((name, facts.bundle()));
    }
    bundles
}

#[test]
fn proposals_read_as_they_do() {
    for (name, bundle) in bundles() {
        let document = document(&bundle).unwrap();
        let text = document.cited() + "\n" + &document.plain(&NumberFormat::default());
        insta::assert_snapshot!(format!("proposal_{name}"), text);
    }
}
