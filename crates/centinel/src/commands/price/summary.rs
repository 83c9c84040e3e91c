//! What the answers add up to: a last line for programs, tables for people.

use std::{collections::BTreeMap, fmt};

use centinel_engine::{
    money::{Currency, Decimal, Pico},
    pricing::{PriceQuery, Unpriced},
    usage::{Usage, UsageClass},
};
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::output::Output;

/// Counts and sum: the last line of `--summary`.
#[derive(Serialize)]
#[serde(tag = "status", rename = "summary")]
pub(super) struct Totals {
    calls: u64,
    priced: u64,
    unpriced: u64,
    pub(super) rejected: u64,
    /// Priced calls with a class whose price is stated for another tier or context only.
    uncertain: u64,
    /// The exact sum over priced calls.
    cost: Decimal,
    currency: Currency,
}

/// Calls of one model and tier.
#[derive(Default)]
struct Group {
    calls: u64,
    input_tokens: u64,
    output_tokens: u64,
    cost: Decimal,
}

pub(super) struct Summary {
    pub(super) totals: Totals,
    groups: BTreeMap<[String; 3], Group>,
    reasons: BTreeMap<String, u64>,
    lacks_history: bool,
    rejections: Vec<String>,
    unknown_keys: Option<(String, u64)>,
}

/// Models shown, reasons shown and rejected lines quoted; the rest is counted.
const ROWS_MAX: usize = 30;
const REASONS_MAX: usize = 10;
const REJECTIONS_MAX: usize = 5;
/// Distinct models and reasons remembered, so that hostile names cannot fill the memory.
const DISTINCT_MAX: usize = 10_000;

impl Summary {
    pub(super) fn new(currency: Currency) -> Self {
        let totals = Totals {
            calls: 0,
            priced: 0,
            unpriced: 0,
            rejected: 0,
            uncertain: 0,
            cost: Decimal::ZERO,
            currency,
        };
        Self {
            totals,
            groups: BTreeMap::new(),
            reasons: BTreeMap::new(),
            lacks_history: false,
            rejections: Vec::new(),
            unknown_keys: None,
        }
    }

    pub(super) fn priced(
        &mut self,
        query: &PriceQuery<'_>,
        usage: &Usage,
        cost: Decimal,
        is_certain: bool,
    ) -> anyhow::Result<()> {
        let totals = &mut self.totals;
        totals.calls = totals.calls.saturating_add(1);
        totals.priced = totals.priced.saturating_add(1);
        totals.uncertain = totals.uncertain.saturating_add(u64::from(!is_certain));
        totals.cost = totals.cost.checked_add(cost)?;
        let tier = query.service_tier.unwrap_or_default();
        let mut key = [query.provider, query.model, tier].map(str::to_owned);
        if self.groups.len() >= DISTINCT_MAX && !self.groups.contains_key(&key) {
            key = ["other", "", ""].map(str::to_owned);
        }
        let group = self.groups.entry(key).or_default();
        group.calls = group.calls.saturating_add(1);
        let count = |sum: u64, class| sum.saturating_add(usage.get(class));
        group.input_tokens = count(group.input_tokens, UsageClass::InputTokensTotal);
        group.output_tokens = count(group.output_tokens, UsageClass::OutputTokensTotal);
        group.cost = group.cost.checked_add(cost)?;
        Ok(())
    }

    pub(super) fn unpriced(&mut self, unpriced: &Unpriced) {
        self.totals.calls = self.totals.calls.saturating_add(1);
        self.totals.unpriced = self.totals.unpriced.saturating_add(1);
        self.lacks_history |= *unpriced == Unpriced::BookWithoutHistory;
        let mut reason = unpriced.to_string();
        if self.reasons.len() >= DISTINCT_MAX && !self.reasons.contains_key(&reason) {
            "other reasons".clone_into(&mut reason);
        }
        let count = self.reasons.entry(reason).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn rejected(&mut self, number: u64, reason: &str) {
        self.totals.calls = self.totals.calls.saturating_add(1);
        self.totals.rejected = self.totals.rejected.saturating_add(1);
        if self.rejections.len() < REJECTIONS_MAX {
            self.rejections.push(format!("line {number}: {reason}"));
        }
    }

    pub(super) fn unknown_key(&mut self, key: &str) {
        let first = || (key.chars().take(40).collect(), 0);
        let (_, count) = self.unknown_keys.get_or_insert_with(first);
        *count = count.saturating_add(1);
    }

    /// What a reader of the answers should know, on standard error.
    pub(super) fn notes(&self, output: &mut Output) {
        for rejection in &self.rejections {
            output.note(Printable(rejection));
        }
        let Totals { calls, rejected, uncertain, .. } = self.totals;
        if rejected > 0 {
            output.note(format_args!("{rejected} of {calls} lines rejected"));
        }
        if let Some((key, count)) = &self.unknown_keys {
            let text =
                format!("keys that are not read, such as `{key}`, on {count} of {calls} lines");
            output.note(Printable(&text));
        }
        if uncertain > 0 {
            output.note(format_args!(
                "{uncertain} of {calls} calls marked `uncertain`: a class has its price stated for \
                 another class, tier, context or time only, or a free quota that nobody counts"
            ));
        }
        if self.lacks_history {
            output.note(
                "the book has no price history: --undated-prices takes its prices for all time",
            );
        }
    }

    /// Tables for people.
    pub(super) fn print(&self, output: &mut Output) -> anyhow::Result<()> {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["provider", "model", "tier", "calls", "input", "output", "cost"]);
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by(|(left_key, left), (right_key, right)| {
            right.cost.cmp(&left.cost).then_with(|| left_key.cmp(right_key))
        });
        for ([provider, model, tier], group) in groups.iter().take(ROWS_MAX) {
            let tier = if tier.is_empty() { "standard" } else { tier };
            table.add_row([
                Printable(provider).to_string(),
                Printable(model).to_string(),
                Printable(tier).to_string(),
                group.calls.to_string(),
                group.input_tokens.to_string(),
                group.output_tokens.to_string(),
                shown(group.cost),
            ]);
        }
        for column in table.column_iter_mut().skip(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        if !groups.is_empty() {
            output.line(table.trim_fmt())?;
        }
        let hidden = groups.len().saturating_sub(ROWS_MAX);
        if hidden > 0 {
            output.line(format_args!("… and {hidden} more models, counted in the total"))?;
        }
        let Totals { calls, priced, unpriced, rejected, currency, .. } = self.totals;
        let total = shown(self.totals.cost);
        output.line(format_args!(
            "\n{total} {currency} for {priced} of {calls} calls; {unpriced} unpriced, {rejected} \
             rejected"
        ))?;
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by(|left, right| right.1.cmp(left.1).then_with(|| left.0.cmp(right.0)));
        for (reason, count) in reasons.iter().take(REASONS_MAX) {
            output.line(format_args!("  {count} unpriced: {}", Printable(reason)))?;
        }
        Ok(())
    }
}

/// At most six decimals, half-even: enough to see a single call.
fn shown(cost: Decimal) -> String {
    Pico::round_half_even(cost)
        .map_or_else(|_| cost.to_string(), |rounded| rounded.amount.to_display(6).to_string())
}

/// Imported text without control characters: what it says must not steer a terminal.
pub(super) struct Printable<'t>(pub(super) &'t str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().filter(|c| !c.is_control()).try_for_each(|c| fmt::Write::write_char(f, c))
    }
}
