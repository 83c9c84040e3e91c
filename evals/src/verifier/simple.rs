//! Bundles in the simple form of the `verify` command: every kind of fact, several currencies, tiny and
//! huge values, credits, amounts that two names share, the same amount in two windows.

use std::{cmp::Ordering, collections::BTreeMap};

use centinel_engine::{
    explain::percent,
    facts::{Bundle, BundleBuilder, FactKind, FactStatus},
    money::{Currency, Money, Pico},
    period::{Period, start_of_day},
};
use jiff::{
    ToSpan as _,
    civil::{Date, date},
};

use super::names;
use crate::random::Random;

const CURRENCIES: [&str; 8] = ["USD", "USD", "EUR", "GBP", "JPY", "CHF", "SEK", "INR"];

/// So many bundles of a seed, with their names; every third without roles, as others may send them.
pub(crate) fn bundles(seed: u64, count: usize) -> anyhow::Result<Vec<(String, Bundle)>> {
    (0..count)
        .map(|number| {
            let mut random = Random::new(&[seed, number as u64, 11]);
            let make = MAKERS[number % MAKERS.len()];
            let bundle = make.1(&mut random)?;
            Ok((format!("{}-{seed}-{number}", make.0), bundle))
        })
        .collect()
}

type Maker = fn(&mut Random) -> anyhow::Result<Bundle>;
const MAKERS: [(&str, Maker); 6] = [
    ("items", items),
    ("measures", measures),
    ("windows", windows),
    ("prices", prices),
    ("flat", flat),
    ("invoices", invoices),
];

fn currency(random: &mut Random) -> anyhow::Result<Currency> {
    Ok(random.one_of(&CURRENCIES).parse()?)
}

/// An amount whose size is uniform on the scale of powers of ten, with all its decimals.
fn amount(random: &mut Random, low: f64, high: f64) -> Pico {
    let size = 10_f64.powf(random.uniform(low, high));
    let digits = (size * 1e6) as i128;
    Pico(digits.max(1) * 1_000_000 + random.whole(0, 1_000_000) as i128)
}

fn day(random: &mut Random) -> Date {
    date(2025, 1, 1).saturating_add((random.whole(0, 700) as i64).days())
}

fn about(dimension: &str, name: &str) -> BTreeMap<String, String> {
    [(dimension.to_owned(), name.to_owned())].into()
}

fn span(facts: &mut BundleBuilder, prefix: &str, window: (Date, Date)) -> anyhow::Result<Period> {
    facts.instant(&format!("{prefix}first"), start_of_day(window.0));
    facts.instant(&format!("{prefix}last"), start_of_day(window.1));
    Ok(Period::days(window.0, window.1.tomorrow()?)?)
}

/// Some features or teams, each with its cost, the one before, the change, share and rank.
fn items(random: &mut Random) -> anyhow::Result<Bundle> {
    let currency = currency(random)?;
    let money = |amount| Money { amount, currency };
    let (dimension, pool): (&str, &[&str]) = *random.one_of(&[
        ("feature", &names::FEATURES[..]),
        ("team", &names::TEAMS),
        ("model", &names::MODELS),
    ]);
    let count = random.whole(2, 6);
    let names = names::different(random, pool, count);
    let first = day(random);
    let window = (first, first.saturating_add((random.whole(6, 30) as i64).days()));
    let mut facts = BundleBuilder::new("items", None);
    let period = span(&mut facts, "window_", window)?;
    let status = *random.one_of(&[FactStatus::Final, FactStatus::Final, FactStatus::Provisional]);
    facts.status(status);
    let size = random.uniform(0.5, 7.0);
    let mut rows: Vec<(Pico, Pico)> = Vec::new();
    for number in 0..count {
        let twin = number == 1 && random.unit() < 0.4;
        let after = if twin { rows[0].0 } else { amount(random, size - 1.0, size + 0.5) };
        let before = Pico(after.0 / 1000 * random.whole(400, 1900) as i128);
        rows.push((after, before));
    }
    rows.sort_by_key(|(after, _)| std::cmp::Reverse(*after));
    let total = Pico(rows.iter().map(|(after, _)| after.0).sum());
    facts.about(BTreeMap::new(), Some(period));
    let total_id = facts.money("total", money(total));
    facts.required();
    facts.count("count", count, &format!("{dimension}s"));
    for (number, ((after, before), name)) in (1..).zip(rows.into_iter().zip(names)) {
        let role = |role: &str| format!("item.{number}.{role}");
        facts.about(about(dimension, name), Some(period));
        facts.entity(&role("name"), name);
        let after_id = facts.money(&role("cost"), money(after));
        let before_id = facts.money(&role("before"), money(before));
        let delta = Pico(after.0 - before.0);
        facts.money(&role("delta"), money(delta));
        facts.derived("difference", &[&after_id, &before_id]).direction(delta.cmp(&Pico::ZERO));
        if let Some(change) = percent(delta, before, 1) {
            facts.percent(&role("change"), change);
            facts
                .derived("percent_change", &[&after_id, &before_id])
                .direction(delta.cmp(&Pico::ZERO));
        }
        if let Some(share) = percent(after, total, 1) {
            facts.percent(&role("share"), share);
            facts.derived("share", &[&after_id, &total_id]);
        }
        facts.add(&role("rank"), FactKind::Rank, number);
        facts.derived("rank", &[&after_id]);
    }
    Ok(facts.build())
}

/// A ratio, durations, counts, points, a rate.
fn measures(random: &mut Random) -> anyhow::Result<Bundle> {
    let currency = currency(random)?;
    let name = names::of(random, &names::FEATURES);
    let first = day(random);
    let window = (first, first.saturating_add(6.days()));
    let mut facts = BundleBuilder::new("measures", None);
    let period = span(&mut facts, "window_", window)?;
    facts.about(about("feature", name), Some(period));
    facts.entity("name", name);
    let hundredths = *random.one_of(&[200, 200, 300, 210, 137, 50, 415, 1250]);
    let ratio = super::exact::plain(&super::exact::ratio(hundredths, 100), 2);
    facts.add("ratio", FactKind::Ratio, ratio);
    facts.direction(hundredths.cmp(&100));
    let hours = random.whole(2, 400);
    facts.add("duration", FactKind::Duration, format!("{hours}.5"));
    facts.count("calls", random.whole(12, 90_000_000), "calls");
    facts.count("tokens", random.whole(1_200_000, 900_000_000), "tokens");
    facts.count("days", random.whole(7, 90), "days");
    let points = random.whole(11, 240) as i64 * if random.unit() < 0.5 { 1 } else { -1 };
    facts.add("points", FactKind::Points, super::exact::plain(&super::exact::ratio(points, 10), 1));
    facts.direction(points.cmp(&0));
    let share = random.whole(510, 990) as i64;
    facts.add(
        "majority",
        FactKind::Percent,
        super::exact::plain(&super::exact::ratio(share, 10), 1),
    );
    facts.unit_cost("unit_cost", Money { amount: amount(random, -4.0, 0.0), currency }, "call");
    let saving = amount(random, 1.0, 5.0);
    facts.money("saving", Money { amount: Pico(-saving.0), currency });
    facts.direction(Ordering::Less);
    let mut bundle = facts.build();
    for fact in bundle.facts.iter_mut().filter(|fact| fact.kind == FactKind::Duration) {
        fact.unit = Some("hours".to_owned());
    }
    Ok(bundle)
}

/// The same feature in two windows, sometimes with the same cost.
fn windows(random: &mut Random) -> anyhow::Result<Bundle> {
    let currency = currency(random)?;
    let money = |amount| Money { amount, currency };
    let name = names::of(random, &names::FEATURES);
    let start = day(random);
    let mut facts = BundleBuilder::new("windows", None);
    facts.entity("name", name);
    let early = (start, start.saturating_add(6.days()));
    let late = (start.saturating_add(14.days()), start.saturating_add(20.days()));
    let before = amount(random, 1.0, 6.0);
    let same = random.unit() < 0.4;
    let after = if same { before } else { Pico(before.0 / 100 * random.whole(105, 190) as i128) };
    let period = span(&mut facts, "early_", early)?;
    facts.about(about("feature", name), Some(period));
    facts.money("cost_early", money(before));
    facts.about(BTreeMap::new(), None);
    let period = span(&mut facts, "late_", late)?;
    facts.about(about("feature", name), Some(period));
    facts.money("cost_late", money(after));
    let delta = Pico(after.0 - before.0);
    facts.money("delta", money(delta));
    facts.direction(delta.cmp(&Pico::ZERO));
    Ok(facts.build())
}

/// What a token, a call, a million tokens cost; amounts from a millionth to billions.
fn prices(random: &mut Random) -> anyhow::Result<Bundle> {
    let currency = currency(random)?;
    let models = names::different(random, &names::MODELS, 2);
    let mut facts = BundleBuilder::new("prices", None);
    for (number, model) in (1..).zip(models) {
        facts.about(about("model", model), None);
        facts.entity(&format!("item.{number}.name"), model);
        let role = |role: &str| format!("item.{number}.{role}");
        facts.unit_cost(
            &role("price"),
            Money { amount: amount(random, -6.0, -2.0), currency },
            "token",
        );
        facts.unit_cost(
            &role("per_call"),
            Money { amount: amount(random, -3.0, 1.0), currency },
            "call",
        );
        facts.money(&role("cost"), Money { amount: amount(random, 5.0, 10.0), currency });
        facts.count(&role("tokens"), random.whole(1_000_000, 4_000_000_000), "tokens");
    }
    Ok(facts.build())
}

/// Nothing changed.
fn flat(random: &mut Random) -> anyhow::Result<Bundle> {
    let currency = currency(random)?;
    let name = names::of(random, &names::TEAMS);
    let first = day(random);
    let mut facts = BundleBuilder::new("flat", None);
    let period = span(&mut facts, "window_", (first, first.saturating_add(6.days())))?;
    facts.about(about("team", name), Some(period));
    facts.entity("name", name);
    let cost = amount(random, 0.0, 6.0);
    facts.money("cost", Money { amount: cost, currency });
    facts.money("delta", Money::zero(currency));
    facts.direction(Ordering::Equal);
    facts.count("calls", random.whole(20, 50_000), "calls");
    Ok(facts.build())
}

/// Invoices in three currencies and a credit.
fn invoices(random: &mut Random) -> anyhow::Result<Bundle> {
    let mut facts = BundleBuilder::new("invoices", None);
    let first = day(random).first_of_month();
    let period = span(&mut facts, "window_", (first, first.last_of_month()))?;
    let services = names::different(random, &names::FEATURES, 3);
    for (number, (service, code)) in (1..).zip(services.into_iter().zip(["USD", "EUR", "JPY"])) {
        facts.about(about("service", service), Some(period));
        facts.entity(&format!("item.{number}.name"), service);
        let money = Money { amount: amount(random, 2.0, 6.0), currency: code.parse()? };
        facts.money(&format!("item.{number}.cost"), money);
        if number == 1 {
            let credit = Money { amount: Pico(-amount(random, 1.0, 3.0).0), ..money };
            facts.money("credit", credit);
        }
    }
    Ok(facts.build())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_is_there() {
        let bundles = bundles(1, 60).unwrap();
        let kinds: BTreeSet<FactKind> =
            bundles.iter().flat_map(|(_, bundle)| &bundle.facts).map(|fact| fact.kind).collect();
        assert_eq!(kinds.len(), 9, "{kinds:?}");
        let directions =
            bundles.iter().flat_map(|(_, b)| &b.facts).filter_map(|fact| fact.direction);
        assert_eq!(directions.map(|d| d as u8).collect::<BTreeSet<_>>().len(), 3);
    }
}
