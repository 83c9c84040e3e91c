//! Every narrative over several bundles, word for word.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};

use super::*;
use crate::{
    anomaly::Metric,
    digest::{
        Ahead, Asked, Finding, InvoiceGap, Limit, Moved, Outlook, OutputCost, Rank, SavingsSoFar,
        Summary, SummaryKind, Unpriced, Waiting,
    },
    money::{Currency, Money, Pico},
    period::Period,
    proposal::BudgetPeriod,
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

fn scope(name: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

fn moved(by: &'static str, name: Option<&str>, now: &str, before: &str) -> Moved {
    Moved { by, name: name.map(str::to_owned), now: pico(now), before: pico(before) }
}

/// A week in which next to nothing happened.
fn quiet() -> Summary {
    let week = days(date(2026, 10, 19), date(2026, 10, 26));
    Summary {
        kind: SummaryKind::Weekly,
        owner: None,
        limited_to: None,
        period: week,
        before: week.before(),
        currency: Currency::USD,
        as_of: None,
        is_complete: true,
        cost: Some(pico("43112.06")),
        cost_before: Some(pico("43021.5")),
        other_currencies: Vec::new(),
        rank: None,
        moved: Vec::new(),
        outputs: Vec::new(),
        findings: Vec::new(),
        findings_more: 0,
        ahead: Some(ahead("71611.9", Some(("70512.6", "72711.2")))),
        limits: Vec::new(),
        limits_kept: None,
        waiting: Waiting::default(),
        savings: Vec::new(),
        gaps: Vec::new(),
        owned_ratio: Some("0.9144".parse().unwrap()),
        unpriced: Unpriced::default(),
        late: Vec::new(),
    }
}

fn ahead(total: &str, band: Option<(&str, &str)>) -> Ahead {
    Ahead {
        period: days(date(2026, 11, 1), date(2026, 12, 1)),
        seen: pico("0"),
        total: pico(total),
        band: band.map(|(low, high)| (pico(low), pico(high), 80)),
    }
}

fn episode() -> Finding {
    Finding {
        id: "E-12".to_owned(),
        scope: scope("feature", "support-answers"),
        within: BTreeMap::new(),
        since: date(2026, 10, 14),
        until: None,
        impact: usd("9870.4"),
        metric: Metric::TokensPerCall,
        excess: Some("68.12".parse().unwrap()),
        owner: Some("support-platform".to_owned()),
        proposals: vec!["P-7".to_owned()],
    }
}

fn limit(scope: BTreeMap<String, String>, amount: &str, expected: &str) -> Limit {
    Limit {
        scope,
        every: BudgetPeriod::Month,
        limit: usd(amount),
        spent: None,
        expected: Some(ahead(expected, None)),
        probability_above: Some(0.9312),
        reached_on: Some(date(2026, 11, 27)),
    }
}

/// A week in which a feature took off.
fn spike() -> Summary {
    Summary {
        cost: Some(pico("47260.1")),
        moved: vec![
            moved("owner", Some("support-platform"), "12120.4", "8218.3"),
            moved("owner", Some("search"), "3120.04", "3332.1"),
            moved("owner", Some("labs"), "512.6", "0"),
            moved("owner", None, "0", "402.17"),
        ],
        findings: vec![
            episode(),
            Finding {
                id: "E-9".to_owned(),
                scope: BTreeMap::new(),
                within: scope("team", "ops"),
                until: Some(date(2026, 10, 21)),
                metric: Metric::Total,
                impact: usd("812"),
                owner: None,
                proposals: Vec::new(),
                ..episode()
            },
        ],
        findings_more: 1,
        limits: vec![limit(scope("feature", "support-answers"), "32000", "37700")],
        waiting: Waiting {
            ids: vec!["P-7".to_owned(), "P-9".to_owned()],
            promised: vec![usd("1240")],
            without_promise: 1,
        },
        unpriced: Unpriced { calls: 1204, models: 2, plausible: Some((usd("1.05"), usd("6.2"))) },
        ..quiet()
    }
}

/// The same month for finance.
fn month() -> Summary {
    let october = days(date(2026, 10, 1), date(2026, 11, 1));
    Summary {
        kind: SummaryKind::Monthly,
        period: october,
        before: Some(days(date(2026, 9, 1), date(2026, 10, 1))),
        cost: Some(pico("184212.4")),
        cost_before: Some(pico("171930.2")),
        moved: vec![
            moved("kind", Some("AI tokens"), "97480.12", "84410.9"),
            moved("kind", Some("cloud"), "61905.77", "62709.4"),
        ],
        findings: vec![episode()],
        limits: vec![Limit {
            spent: Some((pico("34120"), october)),
            ..limit(scope("feature", "support-answers"), "32000", "37700")
        }],
        limits_kept: Some((7, 6)),
        savings: vec![SavingsSoFar {
            measured: 3,
            realised: usd("1410.2"),
            promised: Some(usd("2000")),
        }],
        waiting: Waiting {
            ids: vec!["P-7".to_owned()],
            promised: vec![usd("540")],
            without_promise: 0,
        },
        gaps: vec![InvoiceGap {
            invoice: usd("97692.21"),
            gap: pico("212.09"),
            unexplained: pico("0.41"),
        }],
        unpriced: Unpriced { calls: 1, models: 1, plausible: None },
        ..quiet()
    }
}

/// A team's month.
fn scorecard() -> Summary {
    Summary {
        kind: SummaryKind::Scorecard,
        owner: Some("support-platform".to_owned()),
        cost: Some(pico("38212.4")),
        cost_before: Some(pico("29930.2")),
        rank: Some(Rank { place: 2, of: 7 }),
        moved: vec![
            moved("feature", Some("support-answers"), "34120", "25310.75"),
            moved("service", Some("Object Storage"), "1210", "1650"),
        ],
        outputs: vec![OutputCost {
            feature: "support-answers".to_owned(),
            outputs: "82815".parse().unwrap(),
            each: pico("0.412002"),
            each_before: Some(pico("0.3996")),
        }],
        owned_ratio: None,
        gaps: Vec::new(),
        unpriced: Unpriced::default(),
        ..month()
    }
}

pub(super) fn summaries() -> Vec<(&'static str, Summary)> {
    let owner = |summary: Summary, owner: &str| Summary {
        owner: Some(owner.to_owned()),
        owned_ratio: None,
        ..summary
    };
    vec![
        ("quiet_week", quiet()),
        ("spike", spike()),
        (
            "fall",
            Summary {
                cost: Some(pico("31040")),
                moved: vec![moved("owner", Some("search"), "1031.9", "13012.9")],
                ..quiet()
            },
        ),
        (
            "limited_viewer",
            Summary { limited_to: Some("person:ana".to_owned()), ahead: None, ..spike() },
        ),
        (
            "provisional",
            Summary {
                is_complete: false,
                late: vec![("aws-bill".to_owned(), date(2026, 10, 21))],
                ..quiet()
            },
        ),
        (
            "one_team",
            owner(
                Summary {
                    moved: Vec::new(),
                    findings_more: 0,
                    findings: vec![episode()],
                    unpriced: Unpriced { calls: 12, models: 0, plausible: None },
                    ..spike()
                },
                "support-platform",
            ),
        ),
        ("zero_base", Summary { cost_before: Some(pico("0")), ..quiet() }),
        ("no_week_before", Summary { before: None, cost_before: None, ahead: None, ..quiet() }),
        (
            "tiny_base",
            owner(
                Summary {
                    cost: Some(pico("402.17")),
                    cost_before: Some(pico("3.2")),
                    ahead: None,
                    ..quiet()
                },
                "labs",
            ),
        ),
        (
            "credits",
            owner(
                Summary {
                    cost: Some(pico("-120.5")),
                    cost_before: Some(pico("80.25")),
                    moved: vec![
                        moved("service", Some("Refunds"), "-310.5", "0"),
                        moved("service", Some("Compute"), "190", "80.25"),
                    ],
                    ahead: None,
                    ..quiet()
                },
                "platform",
            ),
        ),
        (
            "unpriced_as_a_whole",
            owner(
                Summary {
                    cost: None,
                    cost_before: Some(pico("10")),
                    ahead: None,
                    unpriced: Unpriced { calls: 1_204, models: 0, plausible: None },
                    ..quiet()
                },
                "labs",
            ),
        ),
        (
            "two_currencies",
            Summary {
                other_currencies: vec![Money { amount: pico("1210.5"), currency: Currency::EUR }],
                ..quiet()
            },
        ),
        (
            "passed_budget",
            Summary {
                limits: vec![
                    Limit {
                        expected: Some(Ahead { seen: pico("33001"), ..ahead("37700", None) }),
                        ..limit(scope("team", "search"), "32000", "37700")
                    },
                    Limit {
                        expected: None,
                        probability_above: None,
                        reached_on: None,
                        ..limit(BTreeMap::new(), "200000", "0")
                    },
                    limit(BTreeMap::new(), "72000", "71611.9"),
                ],
                ..quiet()
            },
        ),
        ("month", month()),
        (
            "month_without_anything",
            Summary {
                findings: Vec::new(),
                limits: Vec::new(),
                limits_kept: None,
                savings: Vec::new(),
                waiting: Waiting::default(),
                gaps: Vec::new(),
                moved: Vec::new(),
                unpriced: Unpriced::default(),
                ahead: None,
                owned_ratio: None,
                cost_before: Some(pico("184212.4")),
                ..month()
            },
        ),
        ("scorecard", scorecard()),
        (
            "scorecard_without_outputs",
            Summary { outputs: Vec::new(), savings: Vec::new(), ..scorecard() },
        ),
    ]
}

fn outlook() -> Outlook {
    Outlook {
        ahead: Ahead { seen: pico("12040"), ..ahead("71611.9", Some(("70512.6", "72711.2"))) },
        scope: BTreeMap::new(),
        asked: None,
        without_scenario: None,
        as_of: None,
        currency: Currency::USD,
        parts: vec![(Some("AI tokens".to_owned()), pico("38411.9")), (None, pico("33200"))],
        by: "kind".to_owned(),
        limits: vec![limit(BTreeMap::new(), "72000", "71611.9")],
        unpriced_calls: 12,
        late: Vec::new(),
        limited_to: None,
    }
}

/// Cited, and as a place reads it.
fn both(bundle: &Bundle) -> String {
    let document = document(bundle).unwrap();
    let subject = subject(bundle, &NumberFormat::default());
    format!("{}\n— {subject} —\n\n{}", document.cited(), document.plain(&NumberFormat::default()))
}

#[test]
fn summaries_read_as_they_do() {
    for (name, summary) in summaries() {
        insta::assert_snapshot!(format!("summary_{name}"), both(&summary.bundle()));
    }
}

#[test]
fn an_outlook_reads_as_it_does() {
    insta::assert_snapshot!("outlook", both(&outlook().bundle()));
    let asked = Asked {
        amount: pico("75000"),
        probability_above: Some(0.125),
        reached_on: Some(date(2026, 10, 30)),
    };
    let supposed = Outlook {
        scope: BTreeMap::from([("team".to_owned(), "search".to_owned())]),
        asked: Some(asked),
        without_scenario: Some(pico("60000")),
        ..outlook()
    };
    insta::assert_snapshot!("outlook_supposed", both(&supposed.bundle()));
}

#[test]
fn a_place_writes_numbers_as_it_does() {
    let document = document(&month().bundle()).unwrap();
    insta::assert_snapshot!("month_de", document.plain(&"de-DE".parse().unwrap()));
    insta::assert_snapshot!("month_fr", document.plain(&"fr-FR".parse().unwrap()));
}

#[test]
fn nothing_to_say_is_nothing_said() {
    let minimum = pico("50");
    for (name, summary) in summaries() {
        let is_quiet = matches!(name, "quiet_week" | "two_currencies" | "month_without_anything");
        assert_eq!(summary.is_quiet(minimum), is_quiet, "{name}");
    }
    let slight = Summary { cost: Some(pico("45100")), ..quiet() };
    assert!(slight.is_quiet(minimum), "a twentieth of the week before, and less");
    let fallen = Summary { cost: Some(pico("40000")), ..quiet() };
    assert!(!fallen.is_quiet(minimum), "a fall is news as much as a rise");
    let small = Summary { cost: Some(pico("49")), cost_before: Some(pico("0")), ..quiet() };
    assert!(small.is_quiet(minimum), "below what people want to hear of");
}

/// Every bundle that is worded here.
fn bundles() -> Vec<(String, Bundle)> {
    let summaries =
        summaries().into_iter().map(|(name, summary)| (name.to_owned(), summary.bundle()));
    let proposals = proposal_tests::bundles().into_iter();
    let proposals = proposals.map(|(name, bundle)| (format!("proposal_{name}"), bundle));
    let explained = explain_tests::bundles().into_iter();
    let explained = explained.map(|(name, bundle)| (name.to_owned(), bundle));
    let outlook = [("outlook".to_owned(), outlook().bundle())];
    let answers = answer_tests::bundles().into_iter();
    let answers = answers.map(|(name, bundle)| (format!("answer_{name}"), bundle));
    summaries.chain(proposals).chain(explained).chain(outlook).chain(answers).collect()
}

#[test]
fn every_text_is_verified_and_says_what_is_required() {
    let mut faults = Vec::new();
    for (name, bundle) in bundles() {
        let text = standard(&bundle).unwrap();
        let mentions = check(&bundle.facts, &text);
        assert!(mentions.len() >= document(&bundle).unwrap().mentions().count(), "{name}: {text}");
        for mention in mentions.iter().filter(|mention| mention.status != Status::Verified) {
            faults.push(format!("{name}: {mention:?}"));
        }
        let missing = missing(&bundle.facts, &bundle.required, &bundle.caveats, &text);
        if !missing.is_empty() {
            faults.push(format!("{name}: leaves out {missing:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
