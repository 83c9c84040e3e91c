//! Ledger against invoices: what `reconcile` compares when both sides are in the home.

use std::collections::BTreeSet;

use centinel_engine::{
    money::{Currency, Decimal, Pico},
    period::Period,
    pricing::{CostLine, Meter, provider_id},
    reconcile::{CostBasis, InvoiceRow, LedgerCall, LedgerCost, Options, Statement, reconcile},
    series::Dimension,
    usage::{CostClass, Usage, UsageClass},
};
use centinel_ledger::{CallSum, Measure, SpendQuery};

use crate::{App, AppError, memo::Weigh};

impl App {
    /// The calls of a period as they are compared with invoices: by series, hour and how they ended.
    ///
    /// # Errors
    ///
    /// Ledger errors.
    pub async fn ledger_calls(&self, period: Option<Period>) -> Result<Vec<LedgerCall>, AppError> {
        let currency = self.config.organisation.currency;
        let sums = self.ledger.call_sums(period).await?;
        Ok(sums.iter().filter_map(|sum| ledger_call(sum, currency)).collect())
    }

    /// The rows of the invoices that were imported for comparison only.
    ///
    /// # Errors
    ///
    /// Ledger errors.
    pub async fn invoice_rows(
        &self,
        period: Option<Period>,
        basis: CostBasis,
    ) -> Result<Vec<InvoiceRow>, AppError> {
        let charges = self.ledger.charges("invoice", period).await?;
        charges
            .iter()
            .map(|charge| InvoiceRow::of_charge(charge, basis).map_err(AppError::from))
            .collect()
    }

    /// Calls against invoices, over the time that the invoices cover; nothing without invoices.
    ///
    /// # Errors
    ///
    /// Ledger errors; [`AppError::Reconcile`] when a sum does not fit.
    pub async fn reconciliation(&self, period: Option<Period>) -> Result<Vec<Statement>, AppError> {
        let settled = self.settled().await?;
        let key = (settled.ledger.state().await?, period);
        let compare = || {
            let app = settled.clone();
            async move { app.compare_with_invoices(period).await.map(Reconciled) }
        };
        Ok(self.kept.reconciled.get(&key, compare).await?.0.clone())
    }

    async fn compare_with_invoices(
        &self,
        period: Option<Period>,
    ) -> Result<Vec<Statement>, AppError> {
        let rows = self.invoice_rows(period, CostBasis::Billed).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let start = rows.iter().map(|row| row.period.start).min();
        let end = rows.iter().map(|row| row.period.end).max();
        let covered = start.zip(end).and_then(|(start, end)| Period::new(start, end).ok());
        let Some(period) = period.or(covered) else { return Ok(Vec::new()) };
        let mut calls = self.ledger_calls(Some(period)).await?;
        keep_billed(&mut calls, &rows);
        let book = self.book()?;
        let books = [book.as_ref()];
        let options = Options { period: Some(period), books: &books, rates: &[] };
        Ok(reconcile(&calls, &rows, &options)?)
    }
}

impl App {
    /// Providers with calls in a period that no invoice of it is from, as they are spelt in the calls.
    ///
    /// # Errors
    ///
    /// Ledger errors.
    pub async fn not_invoiced(&self, period: Period) -> Result<Vec<String>, AppError> {
        let settled = self.settled().await?;
        let key = (settled.ledger.state().await?, period);
        let list = || {
            let app = settled.clone();
            async move { app.providers_without_invoice(period).await.map(NotInvoiced) }
        };
        Ok(self.kept.not_invoiced.get(&key, list).await?.0.clone())
    }

    async fn providers_without_invoice(&self, period: Period) -> Result<Vec<String>, AppError> {
        let rows = self.invoice_rows(Some(period), CostBasis::Billed).await?;
        let billed: BTreeSet<&str> = rows.iter().map(|row| row.provider.as_str()).collect();
        let query = SpendQuery::new(period, vec![Measure::Calls]).by([Dimension::Provider]);
        let with_calls = self.ledger.spend(&query).await?.rows;
        let named = with_calls.into_iter().filter(|row| row.value(0) > 0);
        let names: BTreeSet<String> = named
            .filter_map(|row| row.group.first().cloned().flatten())
            .filter(|name| !billed.contains(provider_id(name).as_str()))
            .collect();
        Ok(names.into_iter().collect())
    }
}

/// Statements of a period, kept.
#[derive(Debug)]
pub(crate) struct Reconciled(Vec<Statement>);

/// Providers with calls and without an invoice, kept.
#[derive(Debug)]
pub(crate) struct NotInvoiced(Vec<String>);

impl Weigh for Reconciled {
    fn weight(&self) -> usize {
        let notes = |of: &Statement| of.notes.iter().map(String::len).sum::<usize>();
        let causes = |of: &Statement| size_of_val(of.causes.as_slice());
        // A part is of one provider and model, whose names it has.
        let parts = |of: &Statement| size_of_val(of.parts.as_slice()) + 128 * of.parts.len();
        self.0.iter().map(|of| size_of::<Statement>() + causes(of) + notes(of) + parts(of)).sum()
    }
}

impl Weigh for NotInvoiced {
    fn weight(&self) -> usize {
        self.0.iter().map(|name| name.len() + 24).sum()
    }
}

/// Drops the calls that the invoices at hand cannot speak of: those of a provider whose invoice has
/// not come yet, and those outside the time that the invoices cover. Neither is a gap.
pub fn keep_billed(calls: &mut Vec<LedgerCall>, rows: &[InvoiceRow]) {
    let billed: BTreeSet<&str> = rows.iter().map(|row| row.provider.as_str()).collect();
    let start = rows.iter().map(|row| row.period.start).min();
    let end = rows.iter().map(|row| row.period.end).max();
    calls.retain(|call| {
        billed.contains(provider_id(&call.provider).as_str())
            && start.is_none_or(|start| call.at >= start)
            && end.is_none_or(|end| call.at < end)
    });
}

/// `None` for calls that name no provider or model, which no invoice can be compared with.
fn ledger_call(sum: &CallSum, currency: Currency) -> Option<LedgerCall> {
    let label = |dimension| sum.series.get(&dimension).map(str::to_owned);
    let cost = match (sum.is_priced, lines(sum)) {
        (false, _) => LedgerCost::Unpriced,
        (true, Some(lines)) => LedgerCost::Lines(lines),
        (true, None) => LedgerCost::Total(sum.cost.to_decimal()),
    };
    Some(LedgerCall {
        at: sum.hour,
        provider: label(Dimension::Provider)?,
        model: label(Dimension::Model)?,
        service_tier: label(Dimension::ServiceTier),
        region: label(Dimension::Region),
        project: label(Dimension::SubAccount),
        api_key: label(Dimension::ApiKey),
        calls: sum.calls,
        usage: sum.usage,
        status: sum.status,
        is_retry: sum.is_retry,
        currency: label(Dimension::Currency).and_then(|code| code.parse().ok()).unwrap_or(currency),
        cost,
        is_contracted: None,
    })
}

/// The booked classes as lines; `None` where one class holds several meters, which it adds up.
fn lines(sum: &CallSum) -> Option<Vec<CostLine>> {
    const APART: [UsageClass; 9] = [
        UsageClass::InputAudioTokens,
        UsageClass::InputImageTokens,
        UsageClass::InputVideoTokens,
        UsageClass::CacheReadAudioTokens,
        UsageClass::CacheReadImageTokens,
        UsageClass::CacheReadVideoTokens,
        UsageClass::OutputAudioTokens,
        UsageClass::OutputImageTokens,
        UsageClass::OutputVideoTokens,
    ];
    let usage = &sum.usage;
    if APART.into_iter().any(|class| usage.get(class) > 0) {
        return None;
    }
    let parts = [
        (CostClass::Input, Meter::Input, usage.uncached_input_tokens()?),
        (CostClass::CacheRead, Meter::CacheRead, usage.get(UsageClass::CacheReadTokens)),
        (CostClass::CacheWrite, write_meter(usage)?, usage.cache_write_tokens()),
        (CostClass::Output, Meter::Output, usage.get(UsageClass::OutputTokensTotal)),
        (CostClass::Other, Meter::WebSearch, usage.get(UsageClass::WebSearchRequests)),
    ];
    let mut lines = Vec::new();
    for (class, meter, quantity) in parts {
        let amount = sum.by_class.get(class.index()).copied().unwrap_or(Pico::ZERO).to_decimal();
        if quantity == 0 {
            if !amount.is_zero() {
                return None;
            }
            continue;
        }
        let unit_price = amount.quotient(Decimal::from_integer(quantity.into()), 15).ok()??;
        lines.push(CostLine { meter, quantity, unit_price, amount, exact: None });
    }
    let whole = lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount));
    (whole.ok()? == sum.cost.to_decimal()).then_some(lines)
}

/// The one lifetime that was written; `None` when there are several.
fn write_meter(usage: &Usage) -> Option<Meter> {
    let lifetimes = [
        (UsageClass::CacheWrite5mTokens, Meter::CacheWrite5m),
        (UsageClass::CacheWrite30mTokens, Meter::CacheWrite30m),
        (UsageClass::CacheWrite1hTokens, Meter::CacheWrite1h),
        (UsageClass::CacheWrite12hTokens, Meter::CacheWrite12h),
    ];
    let mut used = lifetimes.into_iter().filter(|(class, _)| usage.get(*class) > 0);
    match (used.next(), used.next()) {
        (None, _) => Some(Meter::CacheWrite5m),
        (Some((_, meter)), None) => Some(meter),
        _ => None,
    }
}
