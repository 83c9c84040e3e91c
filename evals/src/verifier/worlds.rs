//! Bundles that the engine makes of generated worlds.
//!
//! A world is CostBench's: series with daily calls, tokens and costs, and labelled events. Three series
//! make a feature with three models, the days of an event are explained against the same weekdays of the
//! eight weeks before, and the same days are asked for as spend, forecast, budget, change and days. The
//! facts have the roles that the product gives them.

use std::collections::BTreeMap;

use centinel_engine::{
    explain::{
        Decomposition, Driver, Finding, LedgerRow, Measured, Scale, cells_from_ledger, decompose,
        facts_of, percent,
    },
    facts::{Bundle, BundleBuilder, FactKind, FactStatus},
    forecast::{Question, Series, forecast},
    money::{Currency, Decimal, Money, Pico},
    period::{Period, start_of_day},
};
use jiff::{ToSpan as _, civil::Date};

use super::names;
use crate::{
    costbench::{
        START,
        generate::{self, Events, LabelledSeries, World},
        labels::Event,
    },
    explain::{baseline, ledger_row},
    random::Random,
};

const MODELS: usize = 3;
const CURRENCIES: [&str; 7] = ["USD", "USD", "USD", "EUR", "GBP", "JPY", "CHF"];

/// Bundles of the worlds of some seeds, with their names.
pub(crate) fn bundles(seeds: &[u64], count: usize) -> anyhow::Result<Vec<(String, Bundle)>> {
    let mut bundles = Vec::new();
    for seed in seeds {
        let world = generate::world(*seed, count, Events::All, 1.0);
        for (number, group) in world.series.chunks_exact(MODELS).enumerate() {
            let case = Case::of(*seed, number, group)?;
            bundles.extend(case.bundles(&world)?);
        }
    }
    Ok(bundles)
}

/// A feature of a few models, as one world has it.
struct Case<'a> {
    name: String,
    group: &'a [LabelledSeries],
    prices: Vec<(f64, f64)>,
    feature: &'static str,
    team: &'static str,
    models: Vec<&'static str>,
    currency: Currency,
    random: Random,
}

impl<'a> Case<'a> {
    fn of(seed: u64, number: usize, group: &'a [LabelledSeries]) -> anyhow::Result<Self> {
        let mut random = Random::new(&[seed, number as u64, 7]);
        let first = number * MODELS;
        Ok(Self {
            name: format!("{seed}-{number}"),
            group,
            prices: (first..first + MODELS).map(|series| generate::prices(seed, series)).collect(),
            feature: names::of(&mut random, &names::FEATURES),
            team: names::of(&mut random, &names::TEAMS),
            models: names::different(&mut random, &names::MODELS, MODELS),
            currency: random.one_of(&CURRENCIES).parse()?,
            random,
        })
    }

    fn bundles(mut self, world: &World) -> anyhow::Result<Vec<(String, Bundle)>> {
        let mut bundles = Vec::new();
        let group = self.group;
        let events = group
            .iter()
            .flat_map(|series| series.labels.unplanned.iter().map(move |event| (series, event)));
        for (index, (series, event)) in events.enumerate().take(4) {
            if let Some(bundle) = self.explained(series, event, index)? {
                bundles.push((format!("explain-{}-{index}", self.name), bundle));
            }
        }
        let first = START.saturating_add(i64::try_from(self.random.whole(60, 150))?.days());
        let month = (first.first_of_month(), first.last_of_month().saturating_add(1.day()));
        if let Some(bundle) = self.forecast(world, month)? {
            bundles.push((format!("forecast-{}", self.name), bundle));
        }
        bundles.push((format!("budget-{}", self.name), self.budget(first)?));
        bundles.push((format!("change-{}", self.name), self.change(first)?));
        bundles.push((format!("spend-{}", self.name), self.spend(month)?));
        bundles.push((format!("days-{}", self.name), self.days(first)?));
        Ok(bundles)
    }

    fn money(&self, amount: Pico) -> Money {
        Money { amount, currency: self.currency }
    }

    fn about(&self) -> BTreeMap<String, String> {
        let pairs = [("feature", self.feature), ("team", self.team)];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn row(&self, series: usize, day: usize) -> anyhow::Result<LedgerRow> {
        let row = ledger_row(&self.group[series].days[day], self.prices[series], None)?;
        let dims = [
            ("feature".to_owned(), self.feature.to_owned()),
            ("model".to_owned(), self.models[series].to_owned()),
        ];
        Ok(LedgerRow { dims: dims.into(), ..row })
    }

    fn explained(
        &mut self,
        series: &LabelledSeries,
        event: &Event,
        index: usize,
    ) -> anyhow::Result<Option<Bundle>> {
        let Some(weighted) = baseline(event, series) else { return Ok(None) };
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for series in 0..MODELS {
            for (scale, day) in &weighted {
                before.push((*scale, self.row(series, *day)?));
            }
            for day in event.start..=event.end {
                after.push(self.row(series, day)?);
            }
        }
        let (cells, scale): (_, Scale) = cells_from_ledger(&before, &after)?;
        let found = decompose(&cells, &["model".to_owned()], scale)?;
        let day = |index: usize| START.saturating_add((index as i64).days());
        let measured =
            if self.random.unit() < 0.3 { Measured::CostPerOutput } else { Measured::Cost };
        let first = weighted.first().map_or(0, |(_, day)| *day);
        let mut facts = facts_of(
            &found,
            &Finding {
                about: [("feature".to_owned(), self.feature.to_owned())].into(),
                window: Period::days(day(event.start), day(event.end + 1))?,
                baseline: Period::days(day(first), day(event.start))?,
                baseline_days: weighted.len(),
                has_left_out: index.is_multiple_of(2),
                measured,
                currency: self.currency,
                as_of: Some(start_of_day(day(event.end + 2))),
                status: *self.random.one_of(&[FactStatus::Final, FactStatus::Provisional]),
            },
        );
        self.add_circumstances(&mut facts, &found, day(event.start));
        Ok(Some(facts.build()))
    }

    /// Places and links with the roles that the product gives them, of amounts of the decomposition.
    fn add_circumstances(&mut self, facts: &mut BundleBuilder, found: &Decomposition, since: Date) {
        let delta = found.delta;
        let contribution = |facts: &mut BundleBuilder, role: &str, amount: Pico, money: Money| {
            facts.money(
                &format!("{role}.{}", if role == "link.1" { "cost" } else { "delta" }),
                money,
            );
            facts.direction(amount.cmp(&Pico::ZERO));
            if let Some(share) = percent(amount, delta, 1) {
                facts.percent(&format!("{role}.share"), share);
            }
        };
        let sign = delta.0.signum();
        let moved = found.by_cell.iter().max_by_key(|cell| cell.delta.0.saturating_mul(sign));
        if self.random.unit() < 0.5
            && let Some(cell) = moved
        {
            let model = cell.cell.get("model").cloned().unwrap_or_default();
            facts.entity("place.1.model", &model);
            contribution(facts, "place.1", cell.delta, self.money(cell.delta));
            let rest = Pico(delta.0 - cell.delta.0);
            facts.money("place_rest", self.money(rest));
            facts.direction(rest.cmp(&Pico::ZERO));
        }
        let amount = found.effect(Driver::Price);
        if amount != Pico::ZERO {
            facts.entity("link.1.price_change", self.models[0]);
            facts.instant("link.1.since", start_of_day(since));
            contribution(facts, "link.1", amount, self.money(amount));
            facts.entity("link.2.deploy", names::of(&mut self.random, &names::FEATURES));
            facts.instant("link.2.since", start_of_day(since));
        }
    }

    fn cost(&self, series: usize, days: std::ops::Range<usize>) -> anyhow::Result<Pico> {
        let rows = days.map(|day| Ok(self.row(series, day)?.cost));
        Ok(Pico::checked_sum(rows.collect::<anyhow::Result<Vec<_>>>()?)?)
    }

    fn all(&self, days: std::ops::Range<usize>) -> anyhow::Result<Pico> {
        let costs = (0..MODELS).map(|series| self.cost(series, days.clone()));
        Ok(Pico::checked_sum(costs.collect::<anyhow::Result<Vec<_>>>()?)?)
    }

    fn forecast(&self, world: &World, month: (Date, Date)) -> anyhow::Result<Option<Bundle>> {
        let as_of = month.0.saturating_add(10.days());
        let series: Vec<Series> = (0..MODELS)
            .map(|series| {
                let costs = (0..self.group[series].days.len())
                    .map(|day| Ok(self.row(series, day)?.cost.to_decimal()))
                    .collect::<anyhow::Result<Vec<Decimal>>>()?;
                let name = self.models[series].to_owned();
                Ok(Series { name, first_day: START, costs })
            })
            .collect::<anyhow::Result<_>>()?;
        let question = Question::month_of(as_of);
        let Ok(found) = forecast(&series, &world.calendar(), &question) else { return Ok(None) };
        let mut facts = BundleBuilder::new("forecast", Some(start_of_day(as_of)));
        let window = Period::days(month.0, month.1)?;
        let money = |amount: Decimal| -> anyhow::Result<Money> {
            Ok(self.money(Pico::round_half_even(amount)?.amount))
        };
        for (number, line) in std::iter::once(&found.total).chain(&found.series).enumerate() {
            let prefix = if number == 0 { String::new() } else { format!("item.{number}.") };
            let dims = if number == 0 {
                BTreeMap::new()
            } else {
                [("model".to_owned(), line.series.clone())].into()
            };
            facts.about(dims, Some(window)).status(FactStatus::Final);
            if number > 0 {
                facts.entity(&format!("{prefix}name"), &line.series);
            }
            facts.money(&format!("{prefix}seen"), money(line.seen)?);
            facts.status(FactStatus::Estimated);
            let Some(total) = line.period_total else { continue };
            facts.money(&format!("{prefix}forecast"), money(total)?);
            if number == 0 {
                facts.required();
            }
            for band in &line.bands {
                facts.money(&format!("{prefix}low_{}", band.level), money(band.low)?);
                facts.money(&format!("{prefix}high_{}", band.level), money(band.high)?);
                facts.add(&format!("{prefix}level_{}", band.level), FactKind::Percent, band.level);
            }
        }
        facts.status(FactStatus::Final).about(BTreeMap::new(), Some(window));
        facts.instant("as_of", start_of_day(as_of));
        facts.caveat(
            "What lies ahead is an estimate; bands speak of days in which nothing new happens.",
        );
        Ok(Some(facts.build()))
    }

    fn budget(&mut self, as_of: Date) -> anyhow::Result<Bundle> {
        let end = index(as_of);
        let spent = self.all(end - 28..end)?;
        let window = Period::days(as_of.saturating_sub(28.days()), as_of)?;
        let mut facts = BundleBuilder::new("budget", Some(window.end));
        facts.about(self.about(), Some(window));
        facts.entity("about.feature", self.feature);
        facts.entity("about.team", self.team);
        let spent_id = facts.money("spent", self.money(spent));
        facts.required();
        let days_id = facts.count("days", 28, "days");
        let pace = Pico(spent.0 * 30 / 28);
        let pace_id = facts.money("pace", self.money(pace));
        facts.derived("scaled_to_period", &[&spent_id, &days_id]);
        let limit = Pico(spent.0 / 100 * i128::try_from(self.random.whole(70, 160))?);
        let limit_id = facts.money("limit", self.money(limit));
        facts.required();
        let room = Pico(limit.0 - pace.0);
        facts.money("room", self.money(room));
        facts.derived("difference", &[&limit_id, &pace_id]).direction(room.cmp(&Pico::ZERO));
        if let Some(used) = percent(pace, limit, 1) {
            facts.percent("used", used);
            facts.derived("share", &[&pace_id, &limit_id]);
        }
        facts.caveat("The pace is the spend of the last 28 days scaled to the budget's period.");
        Ok(facts.build())
    }

    fn change(&mut self, as_of: Date) -> anyhow::Result<Bundle> {
        let end = index(as_of);
        let spent = self.all(end - 28..end)?;
        let calls: f64 = (0..MODELS)
            .flat_map(|series| &self.group[series].days[end - 28..end])
            .map(|day| day.calls)
            .sum();
        let window = Period::days(as_of.saturating_sub(28.days()), as_of)?;
        let mut facts = BundleBuilder::new("change", Some(window.end));
        facts.about(self.about(), Some(window));
        facts.entity("about.feature", self.feature);
        let spent_id = facts.money("spent", self.money(spent));
        facts.required();
        let days = facts.count("days", 28, "days");
        let monthly = Pico(spent.0 * 30 / 28);
        let monthly_id = facts.money("monthly", self.money(monthly));
        facts.derived("scaled_to_month", &[&spent_id, &days]);
        let quantity = facts.count("quantity", calls as u64, "calls");
        if calls >= 1.0 {
            facts.unit_cost("unit_cost", self.money(Pico(spent.0 / calls as i128)), "call");
            facts.derived("ratio", &[&spent_id, &quantity]);
        }
        let mid = self.random.whole(8, 40);
        for (role, part) in [("low", mid / 2), ("mid", mid), ("high", mid + mid / 3)] {
            let share = facts.add(&format!("expected_{role}"), FactKind::Percent, part);
            let saving = Pico(monthly.0 / 100 * part as i128);
            facts.money(&format!("saving_{role}"), self.money(saving));
            facts.derived("product", &[&monthly_id, &share]);
        }
        facts
            .caveat("How many percent it saves is the requester's estimate; amounts are measured.");
        Ok(facts.build())
    }

    fn spend(&self, month: (Date, Date)) -> anyhow::Result<Bundle> {
        let days = index(month.0)..index(month.1);
        let window = Period::days(month.0, month.1)?;
        let mut facts = BundleBuilder::new("spend", Some(window.end));
        facts.about(BTreeMap::new(), Some(window));
        let total = self.all(days.clone())?;
        let total_id = facts.money("total", self.money(total));
        facts.required();
        facts.instant("window_first", start_of_day(month.0));
        facts.instant("window_last", start_of_day(month.1.yesterday()?));
        let calls: f64 = (0..MODELS)
            .flat_map(|series| &self.group[series].days[days.clone()])
            .map(|day| day.calls)
            .sum();
        facts.count("calls", calls as u64, "calls");
        let mut lines = Vec::new();
        for series in 0..MODELS {
            lines.push((self.cost(series, days.clone())?, self.models[series]));
        }
        lines.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
        for (number, (cost, model)) in (1..).zip(lines) {
            facts.about([("model".to_owned(), model.to_owned())].into(), Some(window));
            facts.entity(&format!("item.{number}.name"), model);
            let cost_id = facts.money(&format!("item.{number}.cost"), self.money(cost));
            if let Some(share) = percent(cost, total, 1) {
                facts.percent(&format!("item.{number}.share"), share);
                facts.derived("share", &[&cost_id, &total_id]);
            }
            facts.add(&format!("item.{number}.rank"), FactKind::Rank, number);
            facts.derived("rank", &[&cost_id]);
        }
        Ok(facts.build())
    }

    fn days(&self, first: Date) -> anyhow::Result<Bundle> {
        let window = Period::days(first, first.saturating_add(5.days()))?;
        let mut facts = BundleBuilder::new("spend_over_time", None);
        facts.about([("feature".to_owned(), self.feature.to_owned())].into(), Some(window));
        facts.entity("about.feature", self.feature);
        facts.money("total", self.money(self.all(index(first)..index(first) + 5)?));
        facts.required();
        for number in 0..5 {
            let day = first.saturating_add((number as i64).days());
            let one = Period::days(day, day.tomorrow()?)?;
            facts.about([("feature".to_owned(), self.feature.to_owned())].into(), Some(one));
            facts.instant(&format!("item.{}.date", number + 1), start_of_day(day));
            let cost = self.all(index(day)..index(day) + 1)?;
            facts.money(&format!("item.{}.cost", number + 1), self.money(cost));
        }
        facts.caveat("Spend without a value of the dimension is in none of these amounts.");
        Ok(facts.build())
    }
}

fn index(day: Date) -> usize {
    usize::try_from((day - START).get_days()).unwrap_or(0)
}
