//! Priced calls against the rows of an invoice: the gap, split by cause, exactly.
//!
//! 1. Calls and rows are put together by provider, day, model, project, API key and token class, as
//!    far as both sides name these; where the invoice is coarser, that is a note.
//! 2. In each cell, tokens at the same price are paired first. What is left differs in price, or
//!    one side has more.
//! 3. A difference gets a cause only by evidence: quantities that are exactly those of aborted or
//!    repeated calls, of the day's last calls, of another cache class; a price that is exactly
//!    that of another tier, region or time in the book, or of the invoice's own list column.
//!
//! INVARIANT: parts add to the gap exactly. What two causes explain equally well is
//! [`Cause::Unexplained`], with both named; nothing is explained by being the likeliest.
//!
//! # Source
//!
//! The causes are those of the bug reports collected for this capability, of which
//! `LiteLLM`'s checklist (`docs/troubleshoot/cost_discrepancy`) names some; the exactness, the
//! evidence and the unexplained rest are ours.

mod cause;
mod currency;
mod edge;
mod exact;
mod group;
mod meter_name;
mod names;
mod part;
mod price;
mod quantity;
mod ratio;
mod rows;
mod settle;
mod statement;
#[cfg(test)]
mod tests;
mod vector;

pub use cause::Cause;
pub use meter_name::{meter_of, meter_of_model, tier_of};
pub use part::Part;
pub use rows::{CostBasis, InvoiceRow, LedgerCall, LedgerCost};
pub use statement::{CauseTotal, Excluded, Statement};

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    focus::ChargeCategory,
    money::{Currency, Decimal, DecimalError},
    period::{Period, day_index},
    pricing::{self, PriceBook, provider_id},
};

/// What a comparison may use beside the two sides.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// Only calls and rows that start in this period; all when `None`.
    pub period: Option<Period>,
    /// The book in force, and further ones whose prices may be the other side's (list and
    /// contract).
    pub books: &'o [&'o PriceBook],
    /// What one unit of the ledger's currency is in the invoice's, where it is known.
    pub rates: &'o [(Currency, Currency, Decimal)],
}

/// Why no statement can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReconcileError {
    /// An exact sum or product does not fit.
    #[error("an exact sum does not fit 128 bits")]
    Overflow,
}

impl From<DecimalError> for ReconcileError {
    fn from(_: DecimalError) -> Self {
        Self::Overflow
    }
}

/// Compares calls with the rows of their invoices; a statement for each currency of the invoices.
///
/// # Errors
///
/// [`ReconcileError::Overflow`].
pub fn reconcile(
    calls: &[LedgerCall],
    rows: &[InvoiceRow],
    options: &Options<'_>,
) -> Result<Vec<Statement>, ReconcileError> {
    let is_inside = |at| options.period.is_none_or(|period| period.contains(at));
    let calls: Vec<&LedgerCall> = calls.iter().filter(|call| is_inside(call.at)).collect();
    let rows: Vec<&InvoiceRow> = rows.iter().filter(|row| is_inside(row.period.start)).collect();
    let (rows, excluded) = in_scope(&calls, rows)?;
    let target = targets(&calls, &rows);
    let mut by_currency: BTreeMap<Currency, (Vec<&LedgerCall>, Vec<&InvoiceRow>)> = BTreeMap::new();
    for call in calls {
        let key = (provider_id(&call.provider), call.currency);
        let currency = target.get(&key).copied().unwrap_or(call.currency);
        by_currency.entry(currency).or_default().0.push(call);
    }
    for row in rows {
        by_currency.entry(row.currency).or_default().1.push(row);
    }
    let mut statements = Vec::new();
    for (currency, (calls, rows)) in by_currency {
        let excluded = excluded.get(&currency).copied().unwrap_or_default();
        statements.push(Comparison { currency, calls, rows, options }.run(excluded)?);
    }
    // The largest invoice first.
    statements.sort_by_key(|statement| std::cmp::Reverse(statement.rows));
    Ok(statements)
}

/// The rows that are about models, or about the bill of somebody who sells them; and what the other
/// rows add up to.
fn in_scope<'r>(
    calls: &[&LedgerCall],
    rows: Vec<&'r InvoiceRow>,
) -> Result<(Vec<&'r InvoiceRow>, BTreeMap<Currency, Excluded>), ReconcileError> {
    // A cloud's bill holds machines and disks beside models.
    const CLOUDS: [&str; 3] = ["bedrock", "azure", "vertex_ai"];
    let mut sellers: BTreeSet<String> =
        calls.iter().map(|call| provider_id(&call.provider)).collect();
    let of_models = rows.iter().filter(|row| row.is_model_usage);
    sellers.extend(of_models.map(|row| row.provider.clone()));
    let is_other_usage = |row: &InvoiceRow| {
        row.category == ChargeCategory::Usage
            && !row.is_model_usage
            && (CLOUDS.contains(&row.provider.as_str()) || !sellers.contains(&row.provider))
    };
    let mixed: BTreeSet<String> =
        rows.iter().filter(|row| is_other_usage(row)).map(|row| row.provider.clone()).collect();
    let mut kept = Vec::new();
    let mut excluded: BTreeMap<Currency, Excluded> = BTreeMap::new();
    for row in rows {
        let is_usage = row.category == ChargeCategory::Usage;
        let is_in = if is_usage {
            !is_other_usage(row)
        } else {
            let is_known = sellers.contains(&row.provider) || row.provider.is_empty();
            is_known && !mixed.contains(&row.provider)
        };
        if is_in {
            kept.push(row);
        } else {
            let sums = excluded.entry(row.currency).or_default();
            sums.rows = sums.rows.saturating_add(1);
            sums.amount = sums.amount.checked_add(row.amount)?;
        }
    }
    Ok((kept, excluded))
}

/// The currency in which calls are billed, where it is another one than theirs.
fn targets(calls: &[&LedgerCall], rows: &[&InvoiceRow]) -> BTreeMap<(String, Currency), Currency> {
    let mut sides: BTreeMap<String, (BTreeSet<Currency>, BTreeSet<Currency>)> = BTreeMap::new();
    for call in calls {
        sides.entry(provider_id(&call.provider)).or_default().0.insert(call.currency);
    }
    for row in rows.iter().filter(|row| row.category == ChargeCategory::Usage) {
        sides.entry(row.provider.clone()).or_default().1.insert(row.currency);
    }
    let mut found = BTreeMap::new();
    for (provider, (ledger, invoice)) in sides {
        let mut ledger = ledger.into_iter();
        let mut invoice = invoice.into_iter();
        if let (Some(own), None, Some(billed), None) =
            (ledger.next(), ledger.next(), invoice.next(), invoice.next())
            && own != billed
        {
            found.insert((provider, own), billed);
        }
    }
    found
}

/// Rates of exchange, and the providers where some lines have another one.
struct Rates {
    by_provider: BTreeMap<String, Decimal>,
    doubtful: BTreeSet<String>,
}

/// Calls and rows of one currency of invoices.
struct Comparison<'a> {
    currency: Currency,
    calls: Vec<&'a LedgerCall>,
    rows: Vec<&'a InvoiceRow>,
    options: &'a Options<'a>,
}

impl Comparison<'_> {
    fn run(mut self, excluded: Excluded) -> Result<Statement, ReconcileError> {
        let rounding = settle::Rounding { unit: self.rounding_unit()? };
        let mut parts = Vec::new();
        let mut notes = Vec::new();
        let ledger = self.ledger()?;
        let invoice = exact::sum(self.rows.iter().map(|row| row.amount))?;
        let (count, row_count) = (self.call_count(), self.rows.len());
        let unpriced = self.calls.iter().filter(|call| call.cost == LedgerCost::Unpriced);
        let unpriced = unpriced.fold(0, |sum: u64, call| sum.saturating_add(call.calls));
        let ledger_currency = self.ledger_currency();
        let period = self.period();
        self.charges(&mut parts);
        let rates = self.rates(rounding, &mut parts, &mut notes)?;
        let usage: Vec<&InvoiceRow> =
            self.rows.iter().copied().filter(|row| is_usage(row)).collect();
        let prepared = group::prepare(&self.calls, &usage, self.options, &rates.by_provider)?;
        self.explain(&prepared, &rates, rounding, &mut parts)?;
        notes.extend(prepared.shapes.values().flat_map(|shape| shape.notes.iter().cloned()));
        Statement::new(
            statement::Sides {
                currency: self.currency,
                ledger_currency,
                period,
                ledger,
                invoice,
                calls: count,
                rows: row_count,
                unpriced_calls: unpriced,
                excluded,
            },
            parts,
            notes,
        )
    }

    /// The unit of the last decimal that the invoice's amounts have; cents when they have fewer.
    fn rounding_unit(&self) -> Result<Decimal, ReconcileError> {
        let usage = self.rows.iter().filter(|row| row.category == ChargeCategory::Usage);
        let places = usage.map(|row| row.amount.scale()).max().unwrap_or(12).clamp(2, 15);
        Ok(Decimal::new(1, places)?)
    }

    fn ledger(&self) -> Result<Decimal, ReconcileError> {
        let mut sum = Decimal::ZERO;
        for call in &self.calls {
            sum = sum.checked_add(cost(call)?)?;
        }
        Ok(sum)
    }

    fn call_count(&self) -> u64 {
        self.calls.iter().fold(0, |sum, call| sum.saturating_add(call.calls))
    }

    fn ledger_currency(&self) -> Currency {
        let mut currencies: BTreeSet<Currency> =
            self.calls.iter().map(|call| call.currency).collect();
        let first = currencies.pop_first().unwrap_or(self.currency);
        if currencies.is_empty() { first } else { self.currency }
    }

    /// The period asked for, or that of calls and rows.
    fn period(&self) -> Option<Period> {
        if self.options.period.is_some() {
            return self.options.period;
        }
        let starts = self.rows.iter().map(|row| row.period.start);
        let ends = self.rows.iter().map(|row| row.period.end);
        let start = starts.chain(self.calls.iter().map(|call| call.at)).min()?;
        let after = |at: jiff::Timestamp| {
            let next = crate::period::date_of(at).tomorrow().ok();
            next.map_or(at, crate::period::start_of_day)
        };
        let end = ends.chain(self.calls.iter().map(|call| after(call.at))).max()?;
        let start = crate::period::start_of_day(crate::period::date_of(start));
        Period::new(start, end).ok()
    }

    /// Rows that are no usage, and usage that names neither model nor class: their own parts.
    fn charges(&self, parts: &mut Vec<Part>) {
        for row in self.rows.iter().filter(|row| !is_usage(row)) {
            let is_negative = row.amount.is_negative();
            let verdict = match row.category {
                ChargeCategory::Tax => part::Verdict::of(Cause::FeesAndTax, "tax"),
                ChargeCategory::Purchase => part::Verdict::of(Cause::FeesAndTax, "a purchase"),
                ChargeCategory::Credit => part::Verdict::of(Cause::Credits, "a credit"),
                ChargeCategory::Adjustment if is_negative => {
                    part::Verdict::of(Cause::Credits, "an adjustment in our favour")
                }
                ChargeCategory::Adjustment => part::Verdict::of(Cause::FeesAndTax, "an adjustment"),
                ChargeCategory::Usage => part::Verdict::open(
                    [Cause::FeesAndTax, Cause::MissingCalls],
                    "a row of usage that names neither model nor token class",
                ),
            };
            let key = group::SeriesKey {
                provider: row.provider.clone(),
                model: row.model.clone().unwrap_or_default(),
                project: row.project.clone().unwrap_or_default(),
                api_key: row.api_key.clone().unwrap_or_default(),
            };
            let day = Some(crate::period::date_of(row.period.start).to_string());
            if !row.amount.is_zero() {
                let place = part::Place { key: &key, day };
                parts.push(place.part(&verdict, None, None, row.amount));
            }
        }
    }

    /// The rate of each provider whose calls are in another currency; its conversion is a part. A
    /// provider without a rate is one part, unexplained, and leaves the comparison.
    fn rates(
        &mut self,
        rounding: settle::Rounding,
        parts: &mut Vec<Part>,
        notes: &mut Vec<String>,
    ) -> Result<Rates, ReconcileError> {
        let mut rates = BTreeMap::new();
        let mut doubtful = BTreeSet::new();
        let foreign: BTreeMap<String, Currency> = self
            .calls
            .iter()
            .filter(|call| call.currency != self.currency)
            .map(|call| (provider_id(&call.provider), call.currency))
            .collect();
        for (provider, from) in foreign {
            let is_it = |call: &&LedgerCall| provider_id(&call.provider) == provider;
            let calls: Vec<_> = self.calls.iter().copied().filter(is_it).collect();
            let own = |row: &&InvoiceRow| is_usage(row) && row.provider == provider;
            let rows: Vec<_> = self.rows.iter().copied().filter(own).collect();
            let nominal = calls.iter().try_fold(Decimal::ZERO, |sum, call| {
                Ok::<_, ReconcileError>(sum.checked_add(cost(call)?)?)
            })?;
            let stated = self
                .options
                .rates
                .iter()
                .find(|(left, right, _)| (*left, *right) == (from, self.currency));
            let (rate, evidence) = match stated {
                Some((_, _, rate)) => (Some(*rate), format!("{from} at the stated rate of {rate}")),
                None => {
                    let prepared = group::prepare(&calls, &rows, self.options, &BTreeMap::new())?;
                    let found =
                        currency::rate_of(&prepared, &provider, |rows| rounding.tolerance(rows))?;
                    let evidence = found.map_or_else(String::new, |found| {
                        format!(
                            "{from} at {}, which {} of {} lines have in common",
                            found.factor, found.lines, found.of
                        )
                    });
                    if found.is_some_and(|found| found.lines < found.of) {
                        doubtful.insert(provider.clone());
                    }
                    (found.map(|found| found.factor), evidence)
                }
            };
            let key = group::SeriesKey {
                provider: provider.clone(),
                model: String::new(),
                project: String::new(),
                api_key: String::new(),
            };
            let place = part::Place { key: &key, day: None };
            let Some(rate) = rate else {
                let billed = exact::sum(rows.iter().map(|row| row.amount))?;
                let verdict = part::Verdict::open(
                    [Cause::Currency],
                    format!("{from} against {}, and no rate that most lines share", self.currency),
                );
                parts.push(place.part(&verdict, None, None, billed.checked_sub(nominal)?));
                self.calls.retain(|call| !is_it(call));
                self.rows.retain(|row| !own(row));
                continue;
            };
            let amount = nominal.checked_mul(rate)?.checked_sub(nominal)?;
            let verdict = part::Verdict::of(Cause::Currency, evidence);
            if !amount.is_zero() {
                parts.push(place.part(&verdict, None, None, amount));
            }
            notes.push(format!("{provider}: ledger in {from}, invoice in {}", self.currency));
            rates.insert(provider, rate);
        }
        Ok(Rates { by_provider: rates, doubtful })
    }

    /// The differences of usage.
    fn explain(
        &self,
        prepared: &group::Prepared<'_>,
        rates: &Rates,
        rounding: settle::Rounding,
        parts: &mut Vec<Part>,
    ) -> Result<(), ReconcileError> {
        let mut pairs = Vec::new();
        let mut history = price::History::default();
        let mut equal = price::Equal::new();
        for (key, groups) in &prepared.series {
            let Some(shape) = prepared.shapes.get(&key.provider) else { continue };
            let place = |slice: i32| part::Place { key, day: shape.name_of(slice) };
            let mut known: BTreeMap<Option<pricing::Meter>, BTreeSet<Decimal>> = BTreeMap::new();
            for (meter, cell) in groups.values().flat_map(|group| &group.cells) {
                let units = cell.ledger.iter().filter_map(|lot| lot.unit);
                known.entry(*meter).or_default().extend(units);
            }
            let mut days: BTreeMap<i32, quantity::Day<'_>> = BTreeMap::new();
            for (slice, group) in groups {
                let mut day = quantity::Day { has_rows: group.has_rows, ..Default::default() };
                day.calls.extend(group.calls.iter().filter_map(|at| prepared.calls.get(*at)));
                day.meters.extend(group.cells.keys().copied());
                for (meter, cell) in &group.cells {
                    let settled = settle::settle(cell, known.entry(*meter).or_default(), rounding)?;
                    if !settled.rounding.is_zero() {
                        let evidence = "no more than the rounding of the invoice's lines";
                        let verdict = part::Verdict::of(Cause::Rounding, evidence);
                        parts.push(place(*slice).part(&verdict, *meter, None, settled.rounding));
                    }
                    if let Some(beyond) = settled.beyond {
                        day.delta.insert(*meter, beyond);
                    }
                    let has_both = !cell.ledger.is_empty() && !cell.invoice.is_empty();
                    if has_both && settled.pairs.is_empty() {
                        let series = (key.provider.clone(), key.model.clone());
                        let lines = equal.entry(series).or_default();
                        *lines = lines.saturating_add(1);
                    }
                    let at = group.calls.first().and_then(|at| prepared.calls.get(*at));
                    for pair in settled.pairs {
                        let (Some(meter), Some(at)) = (*meter, at) else { continue };
                        let at = at.call.at;
                        pairs.push(price::PlacedPair {
                            place: place(*slice),
                            slice: *slice,
                            at,
                            meter,
                            pair,
                        });
                    }
                    for lot in &cell.invoice {
                        if let Some(meter) = *meter {
                            let of = (lot, rounding.tolerance(lot.rows)?);
                            history.note(&key.provider, &key.model, meter, *slice, of);
                        }
                    }
                }
                days.insert(*slice, day);
            }
            let last_day = self.last_day(prepared, &key.provider, shape);
            let tolerance = rounding.tolerance(2)?;
            quantity::explain(&mut days, &place, last_day, tolerance, parts)?;
        }
        let mut prices = price::Prices::new(
            self.options.books,
            &rates.by_provider,
            &rates.doubtful,
            self.regions(),
        );
        price::explain(pairs, &history, &equal, &mut prices, parts)
    }

    /// The last day that is compared; `None` when the invoice has no days.
    fn last_day(
        &self,
        prepared: &group::Prepared<'_>,
        provider: &str,
        shape: &group::Shape,
    ) -> Option<i32> {
        if shape.slice != group::Slice::Day {
            return None;
        }
        if let Some(period) = self.options.period {
            return Some(day_index(period.end_micros().saturating_sub(1)));
        }
        let own = prepared.series.iter().filter(|(key, _)| key.provider == provider);
        own.filter_map(|(_, days)| days.keys().next_back().copied()).max()
    }

    /// Regions that either side names, and those that price lists name most.
    fn regions(&self) -> BTreeSet<String> {
        const KNOWN: [&str; 10] = [
            "global",
            "us",
            "eu",
            "us-east-1",
            "us-west-2",
            "eu-west-1",
            "eu-central-1",
            "apac",
            "us-gov-west-1",
            "ap-northeast-1",
        ];
        let calls = self.calls.iter().filter_map(|call| call.region.as_deref());
        let rows = self.rows.iter().filter_map(|row| row.region.as_deref());
        let named = calls.chain(rows).map(|region| region.trim().to_ascii_lowercase());
        KNOWN.into_iter().map(str::to_owned).chain(named).collect()
    }
}

fn is_usage(row: &InvoiceRow) -> bool {
    row.category == ChargeCategory::Usage && row.is_model_usage
}

/// What a call costs in the ledger; an unpriced one adds nothing to the sum, and is counted.
fn cost(call: &LedgerCall) -> Result<Decimal, ReconcileError> {
    match &call.cost {
        LedgerCost::Lines(lines) => exact::sum(lines.iter().map(|line| line.amount)),
        LedgerCost::Total(total) => Ok(*total),
        LedgerCost::Unpriced => Ok(Decimal::ZERO),
    }
}
