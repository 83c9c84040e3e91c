//! How far the figures of a period can be trusted, as facts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    breakdown::add_subject,
    change::Adding,
    summary::{InvoiceGap, Late, Unpriced, add_trust},
};
use crate::{
    facts::{Bundle, BundleBuilder},
    money::{Currency, Decimal, Pico},
    period::Period,
};

/// What is known of the data behind a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// The period.
    pub period: Period,
    /// What was known up to.
    pub as_of: Option<Timestamp>,
    /// Of every amount that names none.
    pub currency: Currency,
    /// Sources that deliver into the home.
    pub sources: u64,
    /// Those that are behind, with the last day of each.
    pub late: Vec<Late>,
    /// Sources whose last try failed.
    pub failing: Vec<String>,
    /// Rows that were kept aside with a reason.
    pub rows_rejected: u64,
    /// Calls without a price.
    pub unpriced: Unpriced,
    /// Share of the cost whose owner is known, 0 to 1.
    pub owned_ratio: Option<Decimal>,
    /// Cost without an owner.
    pub unowned: Pico,
    /// Where most of that is, the largest first.
    pub unowned_places: Vec<(BTreeMap<String, String>, Pico)>,
    /// Invoices against the ledger, by currency.
    pub gaps: Vec<InvoiceGap>,
    /// Whose part of the whole every amount is of.
    pub limited_to: Option<String>,
}

impl Health {
    /// The facts.
    ///
    /// Roles: `window_first`, `window_last`, `limited_to`; `sources`, `sources_late`, `failing.N.source`,
    /// `rows_rejected`; `unowned_cost`, `unowned.N.scope.DIMENSION` with `unowned.N.cost`; `invoice.N.…`,
    /// `owned`, `unowned`, `unpriced_calls`, `unpriced_models`, `plausible_low`, `plausible_high`,
    /// `late.N.…` as of a [`Summary`](super::Summary).
    pub fn bundle(&self) -> Bundle {
        let mut facts = BundleBuilder::new("health", self.as_of);
        let mut adding = Adding {
            facts: &mut facts,
            currency: self.currency,
            period: self.period,
            before: None,
        };
        adding.about(BTreeMap::new());
        let nothing = BTreeMap::new();
        add_subject(adding.facts, &nothing, self.limited_to.as_deref(), self.period);
        adding.facts.count("sources", self.sources, "sources");
        adding.facts.required();
        if !self.late.is_empty() {
            adding.facts.count("sources_late", self.late.len(), "sources");
            adding.facts.required();
        }
        for (number, source) in (1_u32..).zip(&self.failing) {
            adding.facts.entity(&format!("failing.{number}.source"), source);
        }
        if self.rows_rejected > 0 {
            adding.facts.count("rows_rejected", self.rows_rejected, "rows");
            adding.facts.required();
        }
        if self.unowned != Pico::ZERO {
            adding.facts.money("unowned_cost", adding.money(self.unowned));
            adding.facts.required();
        }
        for (number, (scope, cost)) in (1_u32..).zip(&self.unowned_places) {
            adding.about(scope.clone());
            for (dimension, value) in scope {
                adding.facts.entity(&format!("unowned.{number}.scope.{dimension}"), value);
            }
            adding.facts.money(&format!("unowned.{number}.cost"), adding.money(*cost));
        }
        adding.about(BTreeMap::new());
        add_trust(&mut adding, &self.gaps, self.owned_ratio, &self.unpriced, &self.late);
        facts.build()
    }
}
