//! Answers to single questions, word for word.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};

use super::*;
use crate::{
    anomaly::Metric,
    digest::{
        Breakdown, Episodes, Finding, Health, InvoiceGap, MovedPart, Parts, Progress, ProgressKind,
        Promised, SavingsSoFar, Unpriced, Waiting, with_moved_parts,
    },
    money::{Currency, Money, Pico},
    period::Period,
    proposal::Stage,
};

fn pico(text: &str) -> Pico {
    text.parse().unwrap()
}

fn usd(text: &str) -> Money {
    Money { amount: pico(text), currency: Currency::USD }
}

fn days(first: Date, after: Date) -> Period {
    Period::days(first, after).unwrap()
}

fn week() -> Period {
    days(date(2026, 10, 19), date(2026, 10, 26))
}

fn scope(name: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

fn by_team() -> Breakdown {
    let costs = [
        (Some("search"), Some("60")),
        (Some("mail_x [F2]"), Some("30.25")),
        (None, Some("5")),
        (Some("new"), None),
    ];
    Breakdown {
        period: week(),
        as_of: None,
        currency: Currency::USD,
        scope: BTreeMap::new(),
        total: Some(pico("100.5")),
        calls: Some(12_345),
        parts: Parts::Of {
            dimension: "team".to_owned(),
            costs: costs.map(|(name, cost)| (name.map(str::to_owned), cost.map(pico))).to_vec(),
        },
        parts_all: 6,
        unpriced_calls: 0,
        limited_to: None,
    }
}

fn breakdowns() -> Vec<(&'static str, Bundle)> {
    let by_day =
        Parts::OverTime(vec![(date(2026, 10, 19), pico("40")), (date(2026, 10, 20), pico("60.5"))]);
    let other = [
        ("breakdown", by_team()),
        (
            "breakdown_of_a_part",
            Breakdown {
                scope: scope("feature", "answers"),
                unpriced_calls: 7,
                limited_to: Some("ana".to_owned()),
                ..by_team()
            },
        ),
        ("breakdown_by_day", Breakdown { parts: by_day, parts_all: 2, calls: None, ..by_team() }),
        ("breakdown_unpriced", Breakdown { total: None, unpriced_calls: 3, ..by_team() }),
        (
            "breakdown_of_nothing",
            Breakdown {
                total: Some(Pico::ZERO),
                calls: None,
                parts: Parts::OverTime(Vec::new()),
                parts_all: 0,
                ..by_team()
            },
        ),
    ];
    other.map(|(name, breakdown)| (name, breakdown.bundle())).to_vec()
}

fn comparison() -> Bundle {
    let (_, explained) = explain_tests::bundles().into_iter().next().unwrap();
    let part = |name: Option<&str>, now, before| MovedPart {
        name: name.map(str::to_owned),
        now: pico(now),
        before: pico(before),
    };
    let parts =
        [part(Some("search"), "60", "30"), part(Some("new"), "5", "0"), part(None, "1", "2")];
    let times = (week(), week().before().unwrap(), Currency::USD);
    with_moved_parts(explained, "model", &parts, times)
}

fn finding(id: &str, impact: &str) -> Finding {
    Finding {
        id: id.to_owned(),
        scope: scope("feature", "answers"),
        within: BTreeMap::new(),
        since: date(2026, 10, 20),
        until: None,
        impact: usd(impact),
        metric: Metric::TokensPerCall,
        excess: Some("68".parse().unwrap()),
        owner: Some("support".to_owned()),
        proposals: vec!["P-7".to_owned()],
    }
}

fn episodes() -> Vec<(&'static str, Bundle)> {
    let two = Episodes {
        period: week(),
        as_of: None,
        findings: vec![
            finding("E-1", "900"),
            Finding { scope: BTreeMap::new(), ..finding("E-2", "80") },
        ],
        all: 2,
        impact: usd("980"),
        limited_to: None,
    };
    let one = Episodes {
        findings: vec![finding("E-1", "900")],
        all: 1,
        impact: usd("900"),
        ..two.clone()
    };
    let none = Episodes { findings: Vec::new(), all: 0, impact: usd("0"), ..two.clone() };
    let all = [("episodes", two), ("episode", one), ("episodes_none", none)];
    all.map(|(name, episodes)| (name, episodes.bundle())).to_vec()
}

fn health() -> Vec<(&'static str, Bundle)> {
    let bad = Health {
        period: week(),
        as_of: None,
        currency: Currency::USD,
        sources: 9,
        late: vec![("aws".to_owned(), date(2026, 10, 20))],
        failing: vec!["azure".to_owned()],
        rows_rejected: 12,
        unpriced: Unpriced { calls: 40, models: 2, plausible: Some((usd("1"), usd("6"))) },
        owned_ratio: Some("0.914".parse().unwrap()),
        unowned: pico("86.5"),
        unowned_places: vec![(scope("service", "gpu"), pico("80")), (BTreeMap::new(), pico("6.5"))],
        gaps: vec![InvoiceGap {
            invoice: usd("1000"),
            gap: pico("-3.5"),
            unexplained: pico("0.41"),
        }],
        limited_to: None,
    };
    let good = Health {
        late: Vec::new(),
        failing: Vec::new(),
        rows_rejected: 0,
        unpriced: Unpriced::default(),
        owned_ratio: Some("1".parse().unwrap()),
        unowned: Pico::ZERO,
        unowned_places: Vec::new(),
        gaps: Vec::new(),
        ..bad.clone()
    };
    [("health", bad), ("health_good", good)].map(|(name, of)| (name, of.bundle())).to_vec()
}

fn progress() -> Vec<(&'static str, Bundle)> {
    let queue = Progress {
        question: ProgressKind::Queue,
        as_of: None,
        all: 3,
        waiting: Waiting {
            ids: vec!["P-7".to_owned(), "P-9".to_owned()],
            promised: vec![usd("412")],
            without_promise: 1,
        },
        under_way: Vec::new(),
        measured: Vec::new(),
    };
    let savings = Progress {
        question: ProgressKind::Savings,
        waiting: Waiting::default(),
        under_way: vec![
            Promised { stage: Stage::Open, proposals: 1, promised: usd("412") },
            Promised { stage: Stage::Executed, proposals: 2, promised: usd("90") },
        ],
        measured: vec![SavingsSoFar {
            measured: 3,
            realised: usd("900"),
            promised: Some(usd("1000")),
        }],
        ..queue.clone()
    };
    let empty = Progress { waiting: Waiting::default(), all: 0, ..queue.clone() };
    let none = Progress { under_way: Vec::new(), measured: Vec::new(), all: 0, ..savings.clone() };
    let all =
        [("queue", queue), ("queue_empty", empty), ("savings", savings), ("savings_none", none)];
    all.map(|(name, of)| (name, of.bundle())).to_vec()
}

/// Every answer that is worded here.
pub(super) fn bundles() -> Vec<(&'static str, Bundle)> {
    let mut all = breakdowns();
    all.push(("comparison", comparison()));
    all.extend(episodes());
    all.extend(health());
    all.extend(progress());
    all
}

#[test]
fn answers_read_as_they_do() {
    for (name, bundle) in bundles() {
        insta::assert_snapshot!(format!("answer_{name}"), standard(&bundle).unwrap());
    }
}

/// Facts of several answers under ids of their own say the same.
#[test]
fn answers_together_are_verified() {
    let mut union = crate::facts::Union::new("ask");
    let parts: Vec<Bundle> = bundles().into_iter().map(|(_, bundle)| union.add(bundle)).collect();
    for part in parts {
        let text = standard(&part).unwrap();
        let mentions = check(&part.facts, &text);
        assert!(is_verified(&mentions), "{text}: {mentions:?}");
    }
}
