//! What a period cost by part, and what moved by part, as facts.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

use super::change::{self, Adding};
use crate::{
    facts::{Bundle, BundleBuilder, FactKind},
    money::{Currency, Pico},
    period::{Period, start_of_day},
};

/// What the parts of a breakdown are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parts {
    /// Values of a dimension, in order of cost, the largest first; `None` is what states none.
    Of {
        /// The dimension: `team`.
        dimension: String,
        /// Each with its cost; without one, none of its calls has a price.
        costs: Vec<(Option<String>, Option<Pico>)>,
    },
    /// Steps of time, each by its first day.
    OverTime(Vec<(Date, Pico)>),
}

/// What a period cost, by part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breakdown {
    /// The period.
    pub period: Period,
    /// What was known up to.
    pub as_of: Option<Timestamp>,
    /// Of every amount.
    pub currency: Currency,
    /// Dimension values that it is limited to; empty for all spend.
    pub scope: BTreeMap<String, String>,
    /// Of all parts, those that are not named too; `None` where nothing of it has a price.
    pub total: Option<Pico>,
    /// Model calls, where they are known.
    pub calls: Option<u64>,
    /// The parts that are named.
    pub parts: Parts,
    /// How many parts there are.
    pub parts_all: u64,
    /// Calls without a price, which are in no amount.
    pub unpriced_calls: u64,
    /// Whose part of the whole every amount is of.
    pub limited_to: Option<String>,
}

impl Breakdown {
    /// The facts.
    ///
    /// Roles: `about.DIMENSION`, `limited_to`, `window_first`, `window_last`, `total`, `calls`;
    /// `part.N.name` or, over time, `part.N.first`, with `part.N.cost`, `part.N.share` and, of the largest,
    /// `part.1.rank`; `parts_more` with `rest`; `unpriced_calls`.
    pub fn bundle(&self) -> Bundle {
        let mut facts = BundleBuilder::new("breakdown", self.as_of);
        let mut adding = Adding {
            facts: &mut facts,
            currency: self.currency,
            period: self.period,
            before: None,
        };
        adding.about(self.scope.clone());
        add_subject(adding.facts, &self.scope, self.limited_to.as_deref(), self.period);
        if let Some(total) = self.total {
            let total_id = adding.facts.money("total", adding.money(total));
            adding.facts.required();
            if let Some(calls) = self.calls {
                adding.facts.count("calls", calls, "calls");
            }
            self.add_parts(&mut adding, total, &total_id);
        }
        adding.about(self.scope.clone());
        super::outlook::add_gaps_of_data(&mut adding, self.unpriced_calls.into(), &[]);
        facts.build()
    }

    fn add_parts(&self, adding: &mut Adding<'_>, total: Pico, total_id: &str) {
        let mut rest = Some(total);
        let mut named: u64 = 0;
        let mut add = |adding: &mut Adding<'_>, number: u32, cost: Pico| {
            let id = adding.facts.money(&format!("part.{number}.cost"), adding.money(cost));
            if let Some(share) = change::share(cost, total) {
                adding.facts.percent(&format!("part.{number}.share"), share);
                adding.facts.derived("share", &[&id, total_id]);
            }
            rest = rest.and_then(|rest| rest.checked_sub(cost).ok());
            id
        };
        match &self.parts {
            Parts::Of { dimension, costs } => {
                let second = costs.get(1).and_then(|(_, cost)| *cost);
                for (number, (name, cost)) in (1_u32..).zip(costs) {
                    let mut dims = self.scope.clone();
                    dims.extend(name.iter().map(|name| (dimension.clone(), name.clone())));
                    adding.about(dims);
                    if let Some(name) = name {
                        adding.facts.entity(&format!("part.{number}.name"), name);
                    }
                    let Some(cost) = *cost else {
                        named = named.saturating_add(1);
                        continue;
                    };
                    let id = add(adding, number, cost);
                    named = named.saturating_add(1);
                    if number == 1 && name.is_some() && second.is_some_and(|second| second < cost) {
                        adding.facts.add("part.1.rank", FactKind::Rank, 1);
                        adding.facts.derived("rank", &[&id]);
                    }
                }
            }
            Parts::OverTime(costs) => {
                for (number, (first, cost)) in (1_u32..).zip(costs) {
                    adding.about(self.scope.clone());
                    adding.facts.instant(&format!("part.{number}.first"), start_of_day(*first));
                    add(adding, number, *cost);
                    named = named.saturating_add(1);
                }
            }
        }
        adding.about(self.scope.clone());
        let more = self.parts_all.saturating_sub(named);
        if let Some(rest) = rest.filter(|_| more > 0) {
            adding.facts.count("parts_more", more, "parts");
            adding.facts.money("rest", adding.money(rest));
            adding.facts.derived("rest", &[total_id]);
        }
    }
}

/// A part of the spend, now and before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedPart {
    /// Its value; `None` for what states none.
    pub name: Option<String>,
    /// In the period.
    pub now: Pico,
    /// In the baseline, at the same length.
    pub before: Pico,
}

/// Goes on with the facts of an explained change: what each part of it by a dimension did.
///
/// Roles: `moved.N.name`, `moved.N.cost_before`, `moved.N.cost`, `moved.N.delta`, `moved.N.change`.
pub fn with_moved_parts(
    explained: Bundle,
    dimension: &str,
    parts: &[MovedPart],
    (period, baseline, currency): (Period, Period, Currency),
) -> Bundle {
    let scope: BTreeMap<String, String> = explained
        .facts
        .iter()
        .filter_map(|fact| Some((fact.role.strip_prefix("about.")?.to_owned(), fact.value.clone())))
        .collect();
    let mut facts = BundleBuilder::extending(explained, "comparison");
    let mut adding = Adding { facts: &mut facts, currency, period, before: Some(baseline) };
    for (number, part) in (1_u32..).zip(parts) {
        let mut dims = scope.clone();
        dims.extend(part.name.iter().map(|name| (dimension.to_owned(), name.clone())));
        adding.about(dims.clone());
        if let Some(name) = &part.name {
            adding.facts.entity(&format!("moved.{number}.name"), name);
        }
        adding.compared(&format!("moved.{number}."), &dims, part.now, Some(part.before));
    }
    facts.build()
}

/// `about.DIMENSION`, `limited_to`, `window_first` and `window_last`.
pub(super) fn add_subject(
    facts: &mut BundleBuilder,
    scope: &BTreeMap<String, String>,
    limited_to: Option<&str>,
    period: Period,
) {
    for (dimension, value) in scope {
        facts.entity(&format!("about.{dimension}"), value);
    }
    if let Some(reader) = limited_to {
        facts.entity("limited_to", reader);
        facts.required();
    }
    let (first, after) = period.dates();
    facts.instant("window_first", start_of_day(first));
    facts.instant("window_last", start_of_day(after.yesterday().unwrap_or(first)));
}
