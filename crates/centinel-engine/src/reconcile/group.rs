//! Calls and rows put together by what both sides name.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    InvoiceRow, LedgerCall, LedgerCost, Options, ReconcileError,
    exact::{share, sum},
    names::aliases,
};
use crate::{
    money::Decimal,
    period::{DAY_MICROS, date_of, date_of_index, day_index},
    pricing::{CostLine, Meter, PriceQuery, ServiceTier, Terms, provider_id},
    usage::{Usage, UsageClass},
};

/// How finely the rows of an invoice cut time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slice {
    Day,
    Month,
    Whole,
}

/// What one provider's calls and rows are compared by.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one dimension whether both sides have it"
)]
pub(super) struct Shape {
    pub(super) slice: Slice,
    pub(super) by_model: bool,
    pub(super) by_meter: bool,
    pub(super) by_project: bool,
    pub(super) by_key: bool,
    /// Fees per request are compared without their model.
    fees_without_model: bool,
    /// Meters that the invoice bills, by model.
    billed: BTreeMap<String, BTreeSet<Meter>>,
    names: BTreeMap<String, String>,
    pub(super) notes: Vec<String>,
}

/// What a group is of: all but the day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SeriesKey {
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) project: String,
    pub(super) api_key: String,
}

/// Tokens of one class, tier, region and price on one side.
#[derive(Debug, Clone)]
pub(super) struct Lot {
    pub(super) tier: Option<ServiceTier>,
    pub(super) region: Option<String>,
    /// The ledger's price of a unit; `None` where it has none, or the side is the invoice.
    pub(super) unit: Option<Decimal>,
    pub(super) is_priced: bool,
    pub(super) is_contracted: Option<bool>,
    /// `None` where the invoice does not say.
    pub(super) quantity: Option<Decimal>,
    pub(super) amount: Decimal,
    pub(super) list: Option<Decimal>,
    pub(super) contracted: Option<Decimal>,
    pub(super) is_covered: bool,
    /// Rows of the invoice, each of which may be rounded.
    pub(super) rows: u32,
}

/// Both sides of one token class.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub(super) ledger: Vec<Lot>,
    pub(super) invoice: Vec<Lot>,
}

/// One day of a series.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub(super) cells: BTreeMap<Option<Meter>, Cell>,
    /// Calls of the group, as positions in `Prepared::calls`.
    pub(super) calls: Vec<usize>,
    pub(super) has_rows: bool,
}

/// A call with its cost by meter, as this comparison counts it.
#[derive(Debug, Clone)]
pub(super) struct Call<'c> {
    pub(super) call: &'c LedgerCall,
    pub(super) lines: BTreeMap<Option<Meter>, (Decimal, Decimal)>,
}

/// Everything of one currency, ready to be compared.
#[derive(Debug, Default)]
pub(super) struct Prepared<'c> {
    pub(super) series: BTreeMap<SeriesKey, BTreeMap<i32, Group>>,
    pub(super) calls: Vec<Call<'c>>,
    pub(super) shapes: BTreeMap<String, Shape>,
}

/// Puts calls and usage rows of one currency together. Amounts of calls are taken times `rate`, by
/// provider.
pub(super) fn prepare<'c>(
    calls: &[&'c LedgerCall],
    rows: &[&InvoiceRow],
    options: &Options<'_>,
    rates: &BTreeMap<String, Decimal>,
) -> Result<Prepared<'c>, ReconcileError> {
    let mut prepared = Prepared::default();
    let mut providers: BTreeSet<String> = rows.iter().map(|row| row.provider.clone()).collect();
    providers.extend(calls.iter().map(|call| provider_id(&call.provider)));
    for provider in providers {
        let calls: Vec<_> =
            calls.iter().copied().filter(|call| provider_id(&call.provider) == provider).collect();
        let rows: Vec<_> = rows.iter().copied().filter(|row| row.provider == provider).collect();
        let mut split = Vec::with_capacity(calls.len());
        for call in &calls {
            split.push(lines(&provider, call, options)?);
        }
        let is_split = split.iter().flatten().all(|(line, _)| line.meter.is_some());
        let shape = shape(&provider, &calls, is_split, &rows, options);
        let rate = rates.get(&provider).copied().unwrap_or(Decimal::ONE);
        for (call, lines) in calls.into_iter().zip(split) {
            prepared.add_call(&provider, call, lines, &shape, rate)?;
        }
        for row in rows {
            prepared.add_row(&provider, row, &shape);
        }
        prepared.shapes.insert(provider, shape);
    }
    Ok(prepared)
}

fn shape(
    provider: &str,
    calls: &[&LedgerCall],
    is_split: bool,
    rows: &[&InvoiceRow],
    options: &Options<'_>,
) -> Shape {
    let mut notes = Vec::new();
    let tokens =
        || rows.iter().filter(|row| row.meter.is_none_or(Meter::is_token) && row.is_model_usage);
    let hours = |row: &InvoiceRow| {
        row.period.end_micros().saturating_sub(row.period.start_micros()) > DAY_MICROS
    };
    let month = |at: Timestamp| {
        let date = date_of(at);
        (date.year(), date.month())
    };
    let last = |row: &InvoiceRow| {
        Timestamp::from_microsecond(row.period.end_micros().saturating_sub(1))
            .unwrap_or(row.period.start)
    };
    let slice = if !rows.iter().any(|row| row.is_model_usage && hours(row)) {
        Slice::Day
    } else if tokens().all(|row| month(row.period.start) == month(last(row))) {
        notes.push(format!("the invoice of {provider} has no days: compared by month"));
        Slice::Month
    } else {
        notes
            .push(format!("the invoice of {provider} has no days: compared over the whole period"));
        Slice::Whole
    };
    let by_model = tokens().all(|row| row.model.is_some());
    if !by_model && !rows.is_empty() {
        notes.push(format!("the invoice of {provider} names no models: compared without them"));
    }
    let is_classed = tokens().all(|row| row.meter.is_some());
    if !is_split {
        notes.push(format!(
            "some calls of {provider} have one cost and no price in the book: compared without \
             token classes"
        ));
    }
    let by_meter = is_classed && is_split;
    if !is_classed {
        notes.push(format!(
            "the invoice of {provider} names no token classes: compared without them"
        ));
    }
    let mut shared = |what: &str,
                      of_row: &dyn Fn(&InvoiceRow) -> Option<String>,
                      of_call: &dyn Fn(&LedgerCall) -> Option<String>| {
        let billed: BTreeSet<Option<String>> = tokens().map(|row| of_row(row)).collect();
        let called: BTreeSet<Option<String>> = calls.iter().map(|call| of_call(call)).collect();
        let stated =
            |values: &BTreeSet<Option<String>>| !values.is_empty() && !values.contains(&None);
        if stated(&billed) && stated(&called) {
            if billed.intersection(&called).next().is_some() {
                return true;
            }
            notes.push(format!(
                "ledger and invoice of {provider} share no {what}: compared without it"
            ));
        }
        false
    };
    let by_project = shared("project", &|row| row.project.clone(), &|call| call.project.clone());
    let by_key = shared("API key", &|row| row.api_key.clone(), &|call| call.api_key.clone());
    let ledger_names: BTreeSet<&str> = calls.iter().map(|call| call.model.as_str()).collect();
    let invoice_names = rows.iter().filter_map(|row| row.model.as_deref()).collect();
    let names = aliases(provider, &ledger_names, &invoice_names, options.books);
    let fee = |row: &&&InvoiceRow| row.meter.is_some_and(|meter| !meter.is_token());
    let fees_without_model = rows.iter().filter(fee).any(|row| row.model.is_none());
    let mut billed: BTreeMap<String, BTreeSet<Meter>> = BTreeMap::new();
    for row in rows {
        if let (Some(meter), Some(model)) = (row.meter, row.model.as_deref()) {
            let model = names.get(model).map_or(model, String::as_str);
            billed.entry(model.to_owned()).or_default().insert(meter);
        }
    }
    Shape {
        slice,
        by_model,
        by_meter,
        by_project,
        by_key,
        fees_without_model,
        billed,
        names,
        notes,
    }
}

impl Shape {
    fn slice_of(&self, at: Timestamp) -> i32 {
        match self.slice {
            Slice::Day => day_index(at.as_microsecond()),
            Slice::Month => {
                let date = date_of(at);
                i32::from(date.year()).saturating_mul(12).saturating_add(date.month().into())
            }
            Slice::Whole => 0,
        }
    }

    /// A slice as people write it.
    pub(super) fn name_of(&self, slice: i32) -> Option<String> {
        match self.slice {
            Slice::Day => Some(date_of_index(slice).to_string()),
            Slice::Month => {
                let month = slice.saturating_sub(1);
                let (year, month) = (month.div_euclid(12), month.rem_euclid(12).saturating_add(1));
                Some(format!("{year:04}-{month:02}"))
            }
            Slice::Whole => None,
        }
    }

    fn key(
        &self,
        provider: &str,
        model: Option<&str>,
        meter: Option<Meter>,
        project: Option<&str>,
        api_key: Option<&str>,
    ) -> SeriesKey {
        let is_fee = meter.is_some_and(|meter| !meter.is_token());
        let keeps_model = self.by_model && !(is_fee && self.fees_without_model);
        let model = model.filter(|_| keeps_model).unwrap_or_default();
        let text =
            |keeps: bool, text: Option<&str>| text.filter(|_| keeps).unwrap_or_default().to_owned();
        SeriesKey {
            provider: provider.to_owned(),
            model: self.names.get(model).cloned().unwrap_or_else(|| model.to_owned()),
            project: text(self.by_project, project),
            api_key: text(self.by_key, api_key),
        }
    }

    /// The class under which the invoice bills what the ledger counts as `meter`.
    fn folded(&self, model: &str, meter: Meter) -> Option<Meter> {
        if !self.by_meter {
            return None;
        }
        let billed = self.billed.get(model);
        let is_billed = |meter: &Meter| billed.is_some_and(|billed| billed.contains(meter));
        Some(match covered_by(meter) {
            Some(other) if !is_billed(&meter) && is_billed(&other) => other,
            _ => meter,
        })
    }
}

/// The class whose line also carries this one where an invoice has no line for it.
fn covered_by(meter: Meter) -> Option<Meter> {
    match meter {
        Meter::Reasoning
        | Meter::OutputAudio
        | Meter::OutputImage
        | Meter::OutputVideo
        | Meter::Citation => Some(Meter::Output),
        Meter::InputAudio | Meter::InputImage | Meter::InputVideo => Some(Meter::Input),
        Meter::CacheReadAudio | Meter::CacheReadImage | Meter::CacheReadVideo => {
            Some(Meter::CacheRead)
        }
        _ => None,
    }
}

impl<'c> Prepared<'c> {
    fn add_call(
        &mut self,
        provider: &str,
        call: &'c LedgerCall,
        lines: Vec<(Line, bool)>,
        shape: &Shape,
        rate: Decimal,
    ) -> Result<(), ReconcileError> {
        let slice = shape.slice_of(call.at);
        let position = self.calls.len();
        let tier: ServiceTier =
            call.service_tier.as_deref().unwrap_or_default().parse().unwrap_or_default();
        let region = call.region.as_ref().map(|region| region.trim().to_ascii_lowercase());
        let project = call.project.as_deref();
        let mut kept: BTreeMap<Option<Meter>, (Decimal, Decimal)> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for (line, is_priced) in lines {
            let is_fee = line.meter.is_some_and(|meter| !meter.is_token());
            let key = shape.key(
                provider,
                Some(&call.model),
                line.meter,
                project,
                call.api_key.as_deref(),
            );
            let meter = line.meter.and_then(|meter| {
                if is_fee { Some(meter) } else { shape.folded(&key.model, meter) }
            });
            let amount = line.amount.checked_mul(rate)?;
            let unit = line.unit.map(|unit| unit.checked_mul(rate)).transpose()?;
            let sums = kept.entry(meter).or_insert((Decimal::ZERO, Decimal::ZERO));
            sums.0 = sums.0.checked_add(line.quantity)?;
            sums.1 = sums.1.checked_add(amount)?;
            let group = self.series.entry(key.clone()).or_default().entry(slice).or_default();
            if keys.insert(key) {
                group.calls.push(position);
            }
            let lots = &mut group.cells.entry(meter).or_default().ledger;
            let known = lots.iter_mut().find(|lot| {
                lot.tier == Some(tier)
                    && lot.region == region
                    && lot.unit == unit
                    && lot.is_priced == is_priced
                    && lot.is_contracted == call.is_contracted
            });
            match known {
                Some(lot) => {
                    lot.quantity =
                        lot.quantity.map(|sum| sum.checked_add(line.quantity)).transpose()?;
                    lot.amount = lot.amount.checked_add(amount)?;
                }
                None => lots.push(Lot {
                    tier: Some(tier),
                    region: region.clone(),
                    unit,
                    is_priced,
                    is_contracted: call.is_contracted,
                    quantity: meter.map(|_| line.quantity),
                    amount,
                    list: None,
                    contracted: None,
                    is_covered: false,
                    rows: 0,
                }),
            }
        }
        if keys.is_empty() {
            // A call that used nothing (an aborted stream, say) still says that it was there.
            let key =
                shape.key(provider, Some(&call.model), None, project, call.api_key.as_deref());
            self.series.entry(key).or_default().entry(slice).or_default().calls.push(position);
        }
        self.calls.push(Call { call, lines: kept });
        Ok(())
    }

    fn add_row(&mut self, provider: &str, row: &InvoiceRow, shape: &Shape) {
        let project = row.project.as_deref();
        let key =
            shape.key(provider, row.model.as_deref(), row.meter, project, row.api_key.as_deref());
        let is_fee = row.meter.is_some_and(|meter| !meter.is_token());
        let meter = row.meter.filter(|_| shape.by_meter || is_fee);
        let slice = shape.slice_of(row.period.start);
        let group = self.series.entry(key).or_default().entry(slice).or_default();
        group.has_rows = true;
        let lots = &mut group.cells.entry(meter).or_default().invoice;
        lots.push(Lot {
            tier: row.service_tier,
            region: row.region.clone(),
            unit: None,
            is_priced: true,
            is_contracted: None,
            quantity: row.quantity.filter(|_| meter.is_some()),
            amount: row.amount,
            list: row.list,
            contracted: row.contracted,
            is_covered: row.is_covered,
            rows: 1,
        });
    }
}

struct Line {
    meter: Option<Meter>,
    quantity: Decimal,
    unit: Option<Decimal>,
    amount: Decimal,
}

/// The lines of a call. A cost that is one sum is split as the book splits it; without a price in
/// the book it stays one sum. Unpriced calls have quantities and no amount.
fn lines(
    provider: &str,
    call: &LedgerCall,
    options: &Options<'_>,
) -> Result<Vec<(Line, bool)>, ReconcileError> {
    let of_line = |line: &CostLine| Line {
        meter: Some(line.meter),
        quantity: Decimal::from_integer(line.quantity.into()),
        unit: Some(line.unit_price),
        amount: line.amount,
    };
    let by_book = || {
        options.books.iter().find_map(|book| {
            let query = PriceQuery {
                provider,
                model: &call.model,
                service_tier: call.service_tier.as_deref(),
                region: call.region.as_deref(),
                at: Some(call.at),
            };
            let undated = PriceQuery { at: None, ..query };
            let price = book.resolve(&query).or_else(|_| book.resolve(&undated)).ok()?;
            // A sum over calls: each is taken to be as long as their mean.
            let terms = Terms { calls: call.calls.max(1), free: None };
            price.lines_of(&call.usage, &terms).ok()
        })
    };
    Ok(match &call.cost {
        LedgerCost::Lines(lines) => lines.iter().map(|line| (of_line(line), true)).collect(),
        LedgerCost::Total(total) => match by_book() {
            Some(lines) if !lines.is_empty() => {
                let whole = sum(lines.iter().map(|line| line.amount))?;
                let is_exact = whole == *total;
                let mut left = *total;
                let mut split = Vec::new();
                for (index, line) in lines.iter().enumerate() {
                    let is_last = index.saturating_add(1) == lines.len();
                    let amount = match (is_last, is_exact) {
                        (true, _) => left,
                        (false, true) => line.amount,
                        (false, false) if whole.is_zero() => Decimal::ZERO,
                        (false, false) => share(*total, line.amount, whole)?,
                    };
                    left = left.checked_sub(amount)?;
                    let quantity = Decimal::from_integer(line.quantity.into());
                    let unit = if is_exact {
                        Some(line.unit_price)
                    } else {
                        amount.quotient(quantity, 15)?
                    };
                    split.push((Line { meter: Some(line.meter), quantity, unit, amount }, true));
                }
                split
            }
            _ => vec![(
                Line { meter: None, quantity: Decimal::ZERO, unit: None, amount: *total },
                true,
            )],
        },
        LedgerCost::Unpriced => {
            let parts = disjoint(&call.usage);
            let line = |(meter, count): (Meter, u64)| Line {
                meter: Some(meter),
                quantity: Decimal::from_integer(count.into()),
                unit: None,
                amount: Decimal::ZERO,
            };
            parts.into_iter().map(|part| (line(part), false)).collect()
        }
    })
}

/// The disjoint parts of a usage record that no price splits: text tokens by cache class, reasoning
/// apart.
fn disjoint(usage: &Usage) -> Vec<(Meter, u64)> {
    let get = |class| usage.get(class);
    let output =
        get(UsageClass::OutputTokensTotal).saturating_sub(get(UsageClass::ReasoningTokens));
    let parts = [
        (Meter::Input, usage.uncached_input_tokens().unwrap_or(0)),
        (Meter::CacheRead, get(UsageClass::CacheReadTokens)),
        (Meter::CacheWrite5m, get(UsageClass::CacheWrite5mTokens)),
        (Meter::CacheWrite30m, get(UsageClass::CacheWrite30mTokens)),
        (Meter::CacheWrite1h, get(UsageClass::CacheWrite1hTokens)),
        (Meter::CacheWrite12h, get(UsageClass::CacheWrite12hTokens)),
        (Meter::Output, output),
        (Meter::Reasoning, get(UsageClass::ReasoningTokens)),
        (Meter::WebSearch, get(UsageClass::WebSearchRequests)),
        (Meter::Image, get(UsageClass::OutputImages)),
    ];
    parts.into_iter().filter(|(_, count)| *count > 0).collect()
}
