//! Priced calls, put together by day (or hour), series and price, one row a token class.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
    io::Write,
    path::Path,
};

use centinel_engine::{
    money::{Decimal, Pico},
    period::Period,
    pricing::Meter,
    series::{Dimension, SeriesKey},
    usage::{CostClass, Usage, UsageClass},
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Exporter, FocusExport, Group,
    row::{CallPart, PriceName, Quantity, Row},
    unpriced::UnpricedLog,
};
use crate::{LedgerError, segment::SegmentReader};

/// Start of the day or hour, series, price.
type CellKey = (i64, i32, i32);

/// Calls of one cell.
#[derive(Default)]
struct Cell {
    calls: u64,
    usage: Usage,
    cost: i128,
    by_class: [i128; CostClass::COUNT],
    remainder: i128,
}

/// Writes all calls of row groups that are sorted by their first instant.
pub(super) fn write(
    export: &FocusExport,
    series: &BTreeMap<i32, SeriesKey>,
    prices: &BTreeMap<u32, String>,
    groups: &[Group],
    out: &mut Exporter<'_>,
    unpriced: &mut dyn Write,
) -> Result<(), LedgerError> {
    let mut names: BTreeMap<i32, PriceName> = BTreeMap::new();
    let mut open: BTreeMap<CellKey, Cell> = BTreeMap::new();
    let mut reader = OpenSegment::default();
    let mut columns = Columns::default();
    for group in groups {
        let unit = export.unit();
        // No later group reaches before this one's first instant.
        let done = group.first - group.first.rem_euclid(unit);
        let later = open.split_off(&(done, i32::MIN, i32::MIN));
        flush(export, series, prices, &mut names, std::mem::replace(&mut open, later), out)?;
        let segment = reader.at(&group.path)?;
        columns.read(segment, group.index)?;
        let mut log = UnpricedLog::default();
        for row in 0..columns.series.len() {
            let Some(call) = columns.call(row) else { break };
            let Some(labels) = series.get(&call.series).filter(|_| export.contains(call.at)) else {
                continue;
            };
            if call.price == 0 {
                out.report.unpriced_calls += call.calls;
                let usage = columns.usage(row);
                log.write(segment, group.index, row, labels, &call, &usage, unpriced)?;
                continue;
            }
            out.report.calls += call.calls;
            let start = call.at - call.at.rem_euclid(unit);
            let cell = match open.entry((start, call.series, call.price)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(Cell::default()),
            };
            columns.add(row, &call, cell)?;
        }
    }
    flush(export, series, prices, &mut names, open, out)
}

/// The segment read last: groups of one segment come one after another.
#[derive(Default)]
struct OpenSegment(Option<(std::path::PathBuf, SegmentReader)>);

impl OpenSegment {
    fn at(&mut self, path: &Path) -> Result<&SegmentReader, LedgerError> {
        if self.0.as_ref().is_none_or(|(of, _)| of != path) {
            self.0 = Some((path.to_owned(), SegmentReader::open(path)?));
        }
        let opened = self.0.as_ref().map(|(_, reader)| reader);
        opened.ok_or(LedgerError::Shape { column: "series" })
    }
}

/// A call, without its usage and cost.
pub(super) struct CallHead {
    pub(super) series: i32,
    /// UTC microseconds.
    pub(super) at: i64,
    /// Number of its price; 0 when it has none.
    price: i32,
    /// How many calls the row stands for.
    pub(super) calls: u64,
}

/// The columns of a row group; an absent one is empty and reads as zero.
#[derive(Default)]
struct Columns {
    series: Vec<i32>,
    at: Vec<i64>,
    price: Vec<i32>,
    extra_calls: Vec<i64>,
    cost: Vec<i128>,
    remainder: Vec<i64>,
    by_class: [Vec<i128>; CostClass::COUNT],
    usage: [Vec<i64>; UsageClass::COUNT],
}

impl Columns {
    fn read(&mut self, segment: &SegmentReader, group: usize) -> Result<(), LedgerError> {
        if !segment.read_i32(group, "series", &mut self.series)? {
            // All of series 0, which none is.
            self.series.resize(segment.rows(group), 0);
        }
        segment.read_i64(group, "start_at", &mut self.at)?;
        segment.read_i32(group, "price", &mut self.price)?;
        segment.read_i64(group, "extra_calls", &mut self.extra_calls)?;
        segment.read_i128(group, "cost", &mut self.cost)?;
        segment.read_i64(group, "cost_remainder_quecto", &mut self.remainder)?;
        for (class, column) in CostClass::ALL.into_iter().zip(&mut self.by_class) {
            segment.read_i128(group, class.name(), column)?;
        }
        for (class, column) in UsageClass::ALL.into_iter().zip(&mut self.usage) {
            segment.read_i64(group, class.name(), column)?;
        }
        Ok(())
    }

    fn call(&self, row: usize) -> Option<CallHead> {
        let extra = self.extra_calls.get(row).copied().unwrap_or(0);
        Some(CallHead {
            series: *self.series.get(row)?,
            at: self.at.get(row).copied().unwrap_or(0),
            price: self.price.get(row).copied().unwrap_or(0),
            // -1 beyond the first: tools that a call ran, which is counted already.
            calls: u64::try_from(extra.saturating_add(1)).unwrap_or(0),
        })
    }

    fn usage(&self, row: usize) -> Usage {
        let mut usage = Usage::ZERO;
        for (class, column) in UsageClass::ALL.into_iter().zip(&self.usage) {
            if let Some(&count) = column.get(row) {
                usage.set(class, count.cast_unsigned());
            }
        }
        usage
    }

    fn add(&self, row: usize, call: &CallHead, cell: &mut Cell) -> Result<(), LedgerError> {
        let add = |sum: &mut i128, part: i128| -> Result<(), LedgerError> {
            *sum = sum.checked_add(part).ok_or(LedgerError::Overflow)?;
            Ok(())
        };
        cell.calls = cell.calls.saturating_add(call.calls);
        cell.usage.add(&self.usage(row));
        add(&mut cell.cost, self.cost.get(row).copied().unwrap_or(0))?;
        add(&mut cell.remainder, self.remainder.get(row).copied().unwrap_or(0).into())?;
        for (sum, column) in cell.by_class.iter_mut().zip(&self.by_class) {
            add(sum, column.get(row).copied().unwrap_or(0))?;
        }
        Ok(())
    }
}

/// Writes cells that no later call can reach.
fn flush(
    export: &FocusExport,
    series: &BTreeMap<i32, SeriesKey>,
    prices: &BTreeMap<u32, String>,
    names: &mut BTreeMap<i32, PriceName>,
    cells: BTreeMap<CellKey, Cell>,
    out: &mut Exporter<'_>,
) -> Result<(), LedgerError> {
    for ((start, number, price), cell) in cells {
        let at = |micros| Timestamp::from_microsecond(micros).map_err(|_| LedgerError::Overflow);
        let period = Period { start: at(start)?, end: at(start.saturating_add(export.unit()))? };
        let Some(labels) = series.get(&number) else { continue };
        let name = names.entry(price).or_insert_with(|| {
            PriceName::of_identity(u32::try_from(price).ok().and_then(|price| prices.get(&price)))
        });
        write_cell(labels, period, &cell, name, out)?;
    }
    Ok(())
}

/// What was used and paid for in one class.
struct Part {
    /// FOCUS `SkuMeter`, as the draft spells those of tokens.
    meter: &'static str,
    /// Our name of what was billed, where it is one thing.
    token_class: Option<Meter>,
    /// `TokenDirection` and `TokenCacheAction` of the draft.
    direction: Option<&'static str>,
    cache_action: Option<&'static str>,
    quantity: u64,
    unit: &'static str,
    amount: i128,
}

fn write_cell(
    labels: &SeriesKey,
    period: Period,
    cell: &Cell,
    price: &PriceName,
    out: &mut Exporter<'_>,
) -> Result<(), LedgerError> {
    let mut is_first = true;
    for part in parts(cell)? {
        let amount = Pico(part.amount);
        let mut row = Row::new(labels, period);
        row.effective_cost = amount;
        row.billed_cost = amount;
        row.list_cost = Some(amount);
        row.contracted_cost = Some(amount);
        row.remainder = if is_first { cell.remainder } else { 0 };
        let [consumed, pricing] = quantities(&part);
        row.consumed = consumed;
        row.pricing = pricing;
        let model = labels.get(&Dimension::Model).unwrap_or_default();
        let class = part.token_class.map_or("usage", Meter::name);
        let tier = labels.get(&Dimension::ServiceTier).unwrap_or("standard");
        row.sku = Some(format!("{model}/{class}").into());
        row.sku_price_id = Some(format!("{model}/{class}/{tier}").into());
        row.sku_meter = Some(part.meter.into());
        row.sku_price_details = details(model, &part);
        row.token_class = part.token_class.map(|meter| meter.name().into());
        row.description = Some(format!("{}, {model}", part.meter).into());
        row.call = Some(CallPart { calls: is_first.then_some(cell.calls), price });
        out.write(&row)?;
        is_first = false;
    }
    Ok(())
}

/// The keys of the FOCUS draft that describe token billing.
fn details(model: &str, part: &Part) -> Option<String> {
    let keys = [
        ("ModelId", Some(model).filter(|model| !model.is_empty())),
        ("TokenCacheAction", part.cache_action),
        ("TokenDirection", part.direction),
    ];
    let known = keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
    let details: Map<String, Value> = known.collect();
    (!details.is_empty()).then(|| Value::Object(details).to_string())
}

/// Consumed and pricing quantity: tokens are priced by the million.
fn quantities(part: &Part) -> [Quantity<'static>; 2] {
    let consumed = part.quantity.to_string();
    let is_by_million = matches!(part.unit, "Tokens" | "Token-Hours");
    let pricing = if is_by_million {
        Decimal::new(part.quantity.into(), 6).map_or_else(|_| consumed.clone(), |it| it.to_string())
    } else {
        consumed.clone()
    };
    let pricing_unit: Cow<'static, str> =
        if is_by_million { format!("1000000 {}", part.unit).into() } else { part.unit.into() };
    [
        Quantity { digits: Some(consumed.into()), unit: Some(part.unit.into()) },
        Quantity { digits: Some(pricing.into()), unit: Some(pricing_unit) },
    ]
}

/// The classes of a cell in which something was used or paid; together they are its cost. One row of
/// requests, where there is no class at all.
fn parts(cell: &Cell) -> Result<Vec<Part>, LedgerError> {
    use UsageClass as Class;
    let usage = &cell.usage;
    let [input, cache_read, cache_write, output, other] = cell.by_class;
    let by_class = Pico::checked_sum(cell.by_class.map(Pico)).map_err(|_| LedgerError::Overflow)?;
    // Classes add up to the cost; if they do not, the difference must not go missing.
    let rest = cell.cost.checked_sub(by_class.0).ok_or(LedgerError::Overflow)?;
    let other = other.checked_add(rest).ok_or(LedgerError::Overflow)?;
    let writes = [
        (Class::CacheWrite5mTokens, Meter::CacheWrite5m),
        (Class::CacheWrite30mTokens, Meter::CacheWrite30m),
        (Class::CacheWrite1hTokens, Meter::CacheWrite1h),
        (Class::CacheWrite12hTokens, Meter::CacheWrite12h),
    ];
    let input_tokens = |meter, token_class, action, quantity, amount| Part {
        meter,
        token_class,
        direction: Some("Input"),
        cache_action: Some(action),
        quantity,
        unit: "Tokens",
        amount,
    };
    let mut parts = vec![
        input_tokens(
            "Input Tokens",
            Some(Meter::Input),
            "Uncached",
            usage.uncached_input_tokens().unwrap_or_default(),
            input,
        ),
        input_tokens(
            "Cache Read Input Tokens",
            Some(Meter::CacheRead),
            "Read",
            usage.get(Class::CacheReadTokens),
            cache_read,
        ),
        input_tokens(
            "Cache Write Input Tokens",
            only(usage, &writes).map(|(_, meter)| meter),
            "Write",
            usage.cache_write_tokens(),
            cache_write,
        ),
        Part {
            meter: "Output Tokens",
            token_class: Some(Meter::Output),
            direction: Some("Output"),
            cache_action: None,
            quantity: usage.get(Class::OutputTokensTotal),
            unit: "Tokens",
            amount: output,
        },
    ];
    parts.retain(|part| part.quantity > 0 || part.amount != 0);
    let used = OTHERS.iter().any(|(class, ..)| usage.get(*class) > 0);
    if used || other != 0 || parts.is_empty() {
        let kinds: Vec<_> = OTHERS.iter().map(|(class, meter, ..)| (*class, *meter)).collect();
        let one = only(usage, &kinds);
        let unit = one.and_then(|(class, _)| OTHERS.iter().find(|(other, ..)| *other == class));
        parts.push(Part {
            meter: unit.map_or("Requests", |(_, _, meter, _)| meter),
            token_class: one.map(|(_, meter)| meter),
            direction: None,
            cache_action: None,
            quantity: one.map_or(cell.calls, |(class, _)| usage.get(class)),
            unit: unit.map_or("Requests", |(.., unit)| unit),
            amount: other,
        });
    }
    Ok(parts)
}

/// What is billed beside tokens: class, meter, FOCUS `SkuMeter` and unit.
const OTHERS: [(UsageClass, Meter, &str, &str); 12] = [
    (UsageClass::WebSearchRequests, Meter::WebSearch, "Web Searches", "Requests"),
    (UsageClass::FileSearchRequests, Meter::FileSearch, "File Searches", "Requests"),
    (UsageClass::MapsRequests, Meter::Maps, "Map Look-Ups", "Requests"),
    (UsageClass::CodeSessions, Meter::CodeSession, "Code Sessions", "Sessions"),
    (UsageClass::InputImages, Meter::InputImageCount, "Input Images", "Images"),
    (UsageClass::OutputImages, Meter::Image, "Output Images", "Images"),
    (
        UsageClass::InputMediaMilliseconds,
        Meter::InputMediaMillisecond,
        "Input Media",
        "Milliseconds",
    ),
    (UsageClass::OutputMediaMilliseconds, Meter::MediaMillisecond, "Output Media", "Milliseconds"),
    (UsageClass::InputCharacters, Meter::Character, "Characters", "Characters"),
    (UsageClass::DocumentPages, Meter::Page, "Pages", "Pages"),
    (UsageClass::SearchUnits, Meter::SearchUnit, "Search Units", "Units"),
    (UsageClass::CacheStorageTokenHours, Meter::CacheStorage, "Cache Storage", "Token-Hours"),
];

/// The one class that was used, if it is one.
fn only(usage: &Usage, kinds: &[(UsageClass, Meter)]) -> Option<(UsageClass, Meter)> {
    let mut used = kinds.iter().copied().filter(|(class, _)| usage.get(*class) > 0);
    let one = used.next()?;
    used.next().is_none().then_some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(usage: &[(UsageClass, u64)], by_class: [i128; 5], cost: i128, expect: &[&str]) {
        let mut cell = Cell { calls: 3, cost, by_class, ..Cell::default() };
        for &(class, count) in usage {
            cell.usage.set(class, count);
        }
        let parts = parts(&cell).unwrap();
        assert_eq!(parts.iter().map(|part| part.amount).sum::<i128>(), cost);
        let found: Vec<String> = parts
            .iter()
            .map(|part| {
                let class = part.token_class.map_or("-", Meter::name);
                format!("{} {} {} {class} {}", part.quantity, part.unit, part.meter, part.amount)
            })
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn classes_are_disjoint_and_add_up_to_the_cost() {
        use UsageClass as Class;
        check(
            &[
                (Class::InputTokensTotal, 100),
                (Class::CacheReadTokens, 60),
                (Class::CacheWrite1hTokens, 10),
                (Class::OutputTokensTotal, 7),
                (Class::ReasoningTokens, 5),
            ],
            [30, 6, 20, 70, 0],
            126,
            &[
                "30 Tokens Input Tokens input 30",
                "60 Tokens Cache Read Input Tokens cache_read 6",
                "10 Tokens Cache Write Input Tokens cache_write_1h 20",
                "7 Tokens Output Tokens output 70",
            ],
        );
        // Two lifetimes are no one class; what the classes do not say is not lost.
        check(
            &[
                (Class::InputTokensTotal, 3),
                (Class::CacheWrite5mTokens, 1),
                (Class::CacheWrite1hTokens, 2),
            ],
            [0, 0, 9, 0, 0],
            10,
            &["3 Tokens Cache Write Input Tokens - 9", "3 Requests Requests - 1"],
        );
        check(
            &[(Class::WebSearchRequests, 4)],
            [0, 0, 0, 0, 8],
            8,
            &["4 Requests Web Searches web_search 8"],
        );
        check(
            &[(Class::WebSearchRequests, 4), (Class::MapsRequests, 1)],
            [0, 0, 0, 0, 8],
            8,
            &["3 Requests Requests - 8"],
        );
        // A call that cost nothing and used nothing is still a call of its day.
        check(&[], [0; 5], 0, &["3 Requests Requests - 0"]);
    }
}
