//! What a period will cost, against its limits.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

use super::change::{self, Adding};
use crate::{
    facts::{Bundle, BundleBuilder, FactStatus},
    money::{Currency, Decimal, Money, Pico},
    period::{Period, start_of_day},
    proposal::BudgetPeriod,
};

/// What a period is expected to cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// The period.
    pub period: Period,
    /// Exact cost of its days that were seen.
    pub seen: Pico,
    /// Seen days and days ahead. Estimate.
    pub total: Pico,
    /// Lower and upper end of the band, and its probability in percent.
    pub band: Option<(Pico, Pico, u32)>,
}

/// A limit, and what is expected of the spend that it limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Dimension values whose spend it limits; empty for all.
    pub scope: BTreeMap<String, String>,
    /// How often it starts anew.
    pub every: BudgetPeriod,
    /// The limit.
    pub limit: Money,
    /// What was spent in the period that is reported, and which that was.
    pub spent: Option<(Pico, Period)>,
    /// The period that it is looked at in, with what is expected; `None` where nothing can be forecast.
    pub expected: Option<Ahead>,
    /// Probability that the period costs more, 0 to 1.
    pub probability_above: Option<f64>,
    /// The first day on which seen and expected costs reach it.
    pub reached_on: Option<Date>,
}

impl Limit {
    /// Whether more was spent.
    pub fn was_passed(&self) -> bool {
        self.spent.is_some_and(|(spent, _)| spent > self.limit.amount)
    }

    /// Whether it is expected to be passed, or is as likely to be as one in five.
    pub fn is_at_risk(&self) -> bool {
        let is_expected = self.expected.as_ref().is_some_and(|of| of.total > self.limit.amount);
        is_expected || self.probability_above.is_some_and(|probability| probability >= 0.2)
    }
}

/// An amount, and how likely the period costs more.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The amount.
    pub amount: Pico,
    /// Probability that the period costs more, 0 to 1; `None` where it cannot be said.
    pub probability_above: Option<f64>,
    /// The first day on which seen and expected costs reach it.
    pub reached_on: Option<Date>,
}

/// What a period will cost, by part and against limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// The period and its total.
    pub ahead: Ahead,
    /// Dimension values that it is limited to; empty for all spend.
    pub scope: BTreeMap<String, String>,
    /// An amount that was asked about.
    pub asked: Option<Asked>,
    /// The total without the scenario, where one is supposed.
    pub without_scenario: Option<Pico>,
    /// What was known up to.
    pub as_of: Option<Timestamp>,
    /// Of every amount.
    pub currency: Currency,
    /// Parts with the estimate of each, largest first; they add up to the total. `None` is what states none.
    pub parts: Vec<(Option<String>, Pico)>,
    /// What parts are parts by: `kind`.
    pub by: String,
    /// Limits of this kind of period.
    pub limits: Vec<Limit>,
    /// Calls of the last days that have no price.
    pub unpriced_calls: i128,
    /// Sources that have brought nothing for longer than usual, with the last day of each.
    pub late: Vec<(String, Date)>,
    /// Whose part of the whole every amount is of.
    pub limited_to: Option<String>,
}

/// Parts that an outlook names.
const PARTS_MAX: usize = 8;

impl Outlook {
    /// The facts.
    ///
    /// Roles: `about.DIMENSION`, those of `ahead.…`, `asked.amount` with `asked.probability` and
    /// `asked.reached_on`, `ahead.without_scenario` with `ahead.scenario_adds`, `part.N.name` with `part.N.expected`, `budget.N.…` as of a
    /// [`Summary`](super::Summary), `unpriced_calls`, `late.N.source` with `late.N.since`.
    pub fn bundle(&self) -> Bundle {
        let mut facts = BundleBuilder::new("outlook", self.as_of);
        let period = self.ahead.period;
        let mut adding =
            Adding { facts: &mut facts, currency: self.currency, period, before: None };
        if let Some(reader) = &self.limited_to {
            adding.facts.entity("limited_to", reader);
        }
        for (dimension, value) in &self.scope {
            adding.facts.entity(&format!("about.{dimension}"), value);
        }
        add_ahead(&mut adding, &self.ahead);
        self.add_supposed(&mut adding);
        for (number, (name, amount)) in (1_u32..).zip(self.parts.iter().take(PARTS_MAX)) {
            adding.facts.status(FactStatus::Final);
            let mut dims = self.scope.clone();
            dims.extend(name.iter().map(|name| (self.by.clone(), name.clone())));
            adding.about(dims);
            if let Some(name) = name {
                adding.facts.entity(&format!("part.{number}.name"), name);
            }
            adding.facts.status(FactStatus::Estimated);
            adding.facts.money(&format!("part.{number}.expected"), adding.money(*amount));
        }
        add_limits(&mut adding, &self.limits);
        adding.facts.status(FactStatus::Final);
        adding.about(BTreeMap::new());
        add_gaps_of_data(&mut adding, self.unpriced_calls, &self.late);
        facts.build()
    }
}

impl Outlook {
    /// What was asked about, and what the scenario changes.
    fn add_supposed(&self, adding: &mut Adding<'_>) {
        let money = |amount| Money { amount, currency: self.currency };
        let facts = &mut *adding.facts;
        if let Some(Asked { amount, probability_above, reached_on }) = &self.asked {
            facts.money("asked.amount", money(*amount));
            facts.status(FactStatus::Estimated);
            if let Some(probability) = probability_above.and_then(change::probability) {
                facts.percent("asked.probability", probability);
                facts.required();
            }
            if let Some(day) = reached_on {
                facts.instant("asked.reached_on", start_of_day(*day));
            }
        }
        facts.status(FactStatus::Estimated);
        if let Some(without) = self.without_scenario {
            let without_id = facts.money("ahead.without_scenario", money(without));
            if let Ok(added) = self.ahead.total.checked_sub(without) {
                facts.money("ahead.scenario_adds", money(added));
                facts.derived("difference", &[&without_id]).direction(added.cmp(&Pico::ZERO));
            }
        }
        facts.status(FactStatus::Final);
    }
}

/// `ahead.first`, `ahead.last`, `ahead.seen`, `ahead.total`, and of the band `ahead.low`, `ahead.high`,
/// `ahead.probability`.
pub(super) fn add_ahead(adding: &mut Adding<'_>, ahead: &Ahead) {
    let facts = &mut *adding.facts;
    let money = |amount| Money { amount, currency: adding.currency };
    facts.about(BTreeMap::new(), Some(ahead.period)).status(FactStatus::Final);
    let (first, after) = ahead.period.dates();
    facts.instant("ahead.first", start_of_day(first));
    facts.instant("ahead.last", start_of_day(after.yesterday().unwrap_or(first)));
    facts.money("ahead.seen", money(ahead.seen));
    facts.status(FactStatus::Estimated);
    facts.money("ahead.total", money(ahead.total));
    facts.required();
    if let Some((low, high, level)) = ahead.band {
        facts.money("ahead.low", money(low));
        facts.money("ahead.high", money(high));
        facts.percent("ahead.probability", Decimal::from_integer(level.into()));
    }
    facts.status(FactStatus::Final);
}

/// For each limit `budget.N.scope.DIMENSION`, `budget.N.limit.monthly` (or what else it is), `.spent` with
/// `.spent_over` or `.spent_under`, `.expected` with `.over` or `.under`, `.share`, `.probability`,
/// `.reached_on`; and for one that the cost has passed already, `.passed`.
pub(super) fn add_limits(adding: &mut Adding<'_>, limits: &[Limit]) {
    for (number, limit) in (1_u32..).zip(limits) {
        let role = |name: &str| format!("budget.{number}.{name}");
        let facts = &mut *adding.facts;
        let window = limit.expected.as_ref().map(|of| of.period);
        facts.about(limit.scope.clone(), window).status(FactStatus::Final);
        for (dimension, value) in &limit.scope {
            facts.entity(&role(&format!("scope.{dimension}")), value);
        }
        let limit_id = facts.money(&role(&format!("limit.{}", every(limit.every))), limit.limit);
        if let Some((spent, period)) = limit.spent {
            facts.about(limit.scope.clone(), Some(period));
            let spent_id = facts.money(&role("spent"), Money { amount: spent, ..limit.limit });
            add_distance(facts, &role("spent_"), spent, limit.limit, [&spent_id, &limit_id]);
            facts.about(limit.scope.clone(), window);
        }
        let Some(ahead) = &limit.expected else { continue };
        let money = |amount| Money { amount, ..limit.limit };
        facts.status(FactStatus::Estimated);
        let expected_id = facts.money(&role("expected"), money(ahead.total));
        add_distance(facts, &role(""), ahead.total, limit.limit, [&expected_id, &limit_id]);
        if let Some(share) = change::share(ahead.total, limit.limit.amount) {
            facts.percent(&role("share"), share);
            facts.derived("quotient", &[&expected_id, &limit_id]);
        }
        let probability = limit.probability_above.and_then(change::probability);
        if let Some(probability) = probability.filter(|probability| !probability.is_zero()) {
            facts.percent(&role("probability"), probability);
        }
        if let Some(day) = limit.reached_on {
            facts.instant(&role("reached_on"), start_of_day(day));
        }
        facts.status(FactStatus::Final);
        if ahead.seen > limit.limit.amount {
            facts.money(&role("passed"), money(ahead.seen));
        }
    }
    adding.facts.status(FactStatus::Final);
}

/// `PREFIXover` or `PREFIXunder`: an amount less its limit.
fn add_distance(
    facts: &mut BundleBuilder,
    prefix: &str,
    amount: Pico,
    limit: Money,
    inputs: [&str; 2],
) {
    if let Ok(over) = amount.checked_sub(limit.amount) {
        let name = if over > Pico::ZERO { "over" } else { "under" };
        facts.money(&format!("{prefix}{name}"), Money { amount: over, ..limit });
        facts.derived("difference", &inputs).direction(over.cmp(&Pico::ZERO));
    }
}

/// As a role and a sentence name it.
pub(crate) fn every(period: BudgetPeriod) -> &'static str {
    match period {
        BudgetPeriod::Day => "daily",
        BudgetPeriod::Week => "weekly",
        BudgetPeriod::Month => "monthly",
        BudgetPeriod::Quarter => "quarterly",
        BudgetPeriod::Year => "yearly",
    }
}

/// `unpriced_calls`, `late.N.source` and `late.N.since`, with what they mean for the figures.
pub(super) fn add_gaps_of_data(adding: &mut Adding<'_>, calls: i128, late: &[(String, Date)]) {
    let facts = &mut *adding.facts;
    if calls > 0 {
        facts.count("unpriced_calls", calls, "calls");
        facts.required();
        facts.caveat("What calls without a price cost is in no amount.");
    }
    for (number, (source, last_day)) in (1_u32..).zip(late) {
        facts.entity(&format!("late.{number}.source"), source);
        facts.instant(&format!("late.{number}.since"), start_of_day(*last_day));
    }
}
