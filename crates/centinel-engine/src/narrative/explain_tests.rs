//! Explained changes, word for word.

use std::collections::BTreeMap;

use jiff::civil::date;

use super::*;
use crate::{
    explain::{Cell, Finding, Measured, Scale, Side, UnitPrices, decompose, facts_of},
    facts::{BundleBuilder, FactStatus},
    money::{Currency, Decimal, Money},
    period::{Period, start_of_day},
};

fn finding(feature: &str, cost_after: &str) -> Bundle {
    facts(feature, cost_after, Measured::Cost).build()
}

fn facts(feature: &str, cost_after: &str, measured: Measured) -> BundleBuilder {
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    let cell = |side, model: &str, tokens: &str, cost: &str| Cell {
        dims: BTreeMap::from([
            ("feature".to_owned(), feature.to_owned()),
            ("model".to_owned(), model.to_owned()),
        ]),
        side,
        outputs: decimal("100"),
        calls: decimal("200"),
        tokens_in: decimal(tokens),
        tokens_cached: Decimal::ZERO,
        tokens_out: Decimal::ZERO,
        tokens_reasoning: None,
        cost: decimal(cost),
        unit_prices: UnitPrices {
            input: Some(decimal("0.01")),
            cached: Some(decimal("0.001")),
            output: Some(decimal("0.03")),
        },
    };
    let cells = [
        cell(Side::Before, "gpt-5.1", "80000", "800"),
        cell(Side::After, "gpt-5.1", "120000", cost_after),
        cell(Side::Before, "gpt-5.1-mini", "1000", "10"),
        cell(Side::After, "gpt-5.1-mini", "1000", "10.004"),
    ];
    let decomposition = decompose(&cells, &["model".to_owned()], Scale::ONE).unwrap();
    let days = |from, to| Period::days(from, to).unwrap();
    facts_of(
        &decomposition,
        &Finding {
            about: BTreeMap::from([("feature".to_owned(), feature.to_owned())]),
            window: days(date(2026, 10, 14), date(2026, 10, 21)),
            baseline: days(date(2026, 8, 19), date(2026, 10, 14)),
            baseline_days: 56,
            has_left_out: true,
            measured,
            currency: Currency::USD,
            as_of: None,
            status: FactStatus::Final,
        },
    )
}

#[test]
fn every_figure_is_a_cited_fact() {
    let bundle = finding("support-answers", "1150");
    insta::assert_snapshot!("explain_rise", explain(&bundle) + &explain_plain(&bundle));
}

#[test]
fn a_fall_is_called_one() {
    let bundle = finding("support-answers", "1.5");
    insta::assert_snapshot!("explain_fall", explain(&bundle) + &explain_plain(&bundle));
}

#[test]
fn names_do_nothing() {
    let text = explain(&finding("a [x](http://evil.example) @all\n# **b** snake_case", "1150"));
    assert!(
        text.starts_with(r"a \[x\](http\://evil.example) \@all\# \*\*b\*\* snake_case [F1] cost"),
        "{text}"
    );
}

#[test]
fn a_ratio_is_explained_apart_from_volume() {
    let text = explain_plain(&facts("chat", "1150", Measured::CostPerOutput).build());
    assert!(
        text.contains(
            "Apart from volume the change is +$350.00; tokens per call contributed +$400.00 (114 % of it)."
        ),
        "{text}"
    );
}

/// Places and links as the product adds them.
fn around(name: &str) -> Bundle {
    let mut facts = facts("chat", "1150", Measured::Cost);
    let usd = |amount: &str| Money { amount: amount.parse().unwrap(), currency: Currency::USD };
    facts.entity("place.1.team", name);
    facts.money("place.1.delta", usd("300"));
    facts.percent("place.1.share", "85.7".parse().unwrap());
    facts.money("place_rest", usd("50"));
    let since = start_of_day(date(2026, 10, 14));
    facts.entity("link.1.price_change", name);
    facts.instant("link.1.since", since);
    facts.money("link.1.cost", usd("-50"));
    facts.percent("link.1.share", "-14.3".parse().unwrap());
    facts.money("link.1.input_before", usd("2.5"));
    facts.money("link.1.input_after", usd("2"));
    facts.count("link.1.per_tokens", 1_000_000, "tokens");
    facts.entity("link.2.deploy", name);
    facts.instant("link.2.since", since);
    facts.entity("link.3.error_burst", "");
    facts.instant("link.3.since", since);
    for (role, count, unit) in [("failed", 5, "failed"), ("calls", 90, "calls")] {
        facts.count(&format!("link.3.{role}"), count, unit);
        facts.count(&format!("link.3.{role}_before"), count, unit);
    }
    facts.build()
}

#[test]
fn places_and_what_began_are_said_with_their_part() {
    let bundle = around("ops");
    insta::assert_snapshot!("explain_around", explain(&bundle) + &explain_plain(&bundle));
}

#[test]
fn names_in_circumstances_do_nothing() {
    let text = explain(&around("<b>@all</b>\n[x](http://evil.example)"));
    assert_eq!(text.matches(r"\<b\>\@all\</b\>\[x\](http\://evil.example)").count(), 3, "{text}");
    assert!(!text.contains(" <b>"), "{text}");
}

/// Facts of every explanation that is worded here, and of an episode explained.
pub(super) fn bundles() -> Vec<(&'static str, Bundle)> {
    let episode = crate::digest::Finding {
        id: "E-12".to_owned(),
        scope: BTreeMap::from([("feature".to_owned(), "chat".to_owned())]),
        within: BTreeMap::new(),
        since: date(2026, 10, 14),
        until: None,
        impact: Money { amount: "350.25".parse().unwrap(), currency: Currency::USD },
        metric: crate::anomaly::Metric::TokensPerCall,
        excess: Some("68.12".parse().unwrap()),
        owner: Some("support-platform".to_owned()),
        proposals: Vec::new(),
    };
    let mut finding_facts = BundleBuilder::extending(around("ops"), "finding");
    crate::digest::add_finding(&mut finding_facts, "episode.", &episode);
    vec![
        ("explain_rise", finding("support-answers", "1150")),
        ("explain_fall", finding("support-answers", "1.5")),
        ("explain_flat", finding("support-answers", "800")),
        ("explain_apart", facts("chat", "1150", Measured::CostPerOutput).build()),
        ("explain_around", around("ops")),
        ("finding", finding_facts.build()),
    ]
}

#[test]
fn an_episode_is_told_before_its_explanation() {
    let (_, bundle) = bundles().pop().unwrap();
    insta::assert_snapshot!("finding", standard(&bundle).unwrap());
}
