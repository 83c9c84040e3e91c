//! Charges as they came, one row each.

use std::{borrow::Cow, collections::BTreeMap};

use centinel_engine::{
    money::Pico,
    period::Period,
    series::{Dimension, SeriesKey},
};
use jiff::Timestamp;
use parquet::data_type::ByteArray;

use super::{
    Exporter, FocusExport, Group,
    row::{Quantity, Row},
};
use crate::{LedgerError, segment::SegmentReader};

/// Writes all charges of row groups, in their order.
pub(super) fn write(
    export: &FocusExport,
    series: &BTreeMap<i32, SeriesKey>,
    groups: &[Group],
    out: &mut Exporter<'_>,
) -> Result<(), LedgerError> {
    for group in groups {
        let segment = SegmentReader::open(&group.path)?;
        let columns = Columns::read(&segment, group.index)?;
        for row in 0..segment.rows(group.index) {
            let number = columns.series.get(row).copied().unwrap_or(0);
            let start = columns.start_at.get(row).copied().unwrap_or(0);
            let Some(labels) = series.get(&number).filter(|_| export.contains(start)) else {
                continue;
            };
            out.report.charges += 1;
            out.write(&columns.row(row, labels, start)?)?;
        }
    }
    Ok(())
}

/// The columns of a row group.
struct Columns {
    series: Vec<i32>,
    start_at: Vec<i64>,
    end_at: Vec<i64>,
    keys: Vec<u128>,
    /// Effective, billed, list and contracted cost.
    amounts: [Vec<Option<i128>>; 4],
    remainder: Vec<Option<i128>>,
    is_correction: Vec<i32>,
    texts: [Vec<Option<ByteArray>>; TEXTS.len()],
}

/// Columns of text, in the order in which [`Columns::row`] takes them.
const TEXTS: [&str; 12] = [
    "consumed_quantity",
    "consumed_unit",
    "pricing_quantity",
    "pricing_unit",
    "resource_id",
    "sku",
    "meter",
    "invoice_id",
    "charge_description",
    "commitment_discount_quantity",
    "commitment_discount_unit",
    "commitment_discount_id",
];

impl Columns {
    fn read(segment: &SegmentReader, group: usize) -> Result<Self, LedgerError> {
        let mut columns = Self {
            series: Vec::new(),
            start_at: Vec::new(),
            end_at: Vec::new(),
            keys: Vec::new(),
            amounts: Default::default(),
            remainder: Vec::new(),
            is_correction: Vec::new(),
            texts: Default::default(),
        };
        segment.read_i32(group, "series", &mut columns.series)?;
        segment.read_i64(group, "start_at", &mut columns.start_at)?;
        segment.read_i64(group, "end_at", &mut columns.end_at)?;
        segment.read_keys(group, "charge_key", &mut columns.keys)?;
        for (name, column) in crate::charges::AMOUNTS.into_iter().zip(&mut columns.amounts) {
            segment.read_amounts(group, name, column)?;
        }
        segment.read_amounts(group, "cost_remainder_quecto", &mut columns.remainder)?;
        segment.read_i32(group, "is_correction", &mut columns.is_correction)?;
        for (name, column) in TEXTS.into_iter().zip(&mut columns.texts) {
            *column = segment.read_texts(group, name)?;
        }
        Ok(columns)
    }

    fn row<'a>(
        &'a self,
        row: usize,
        labels: &'a SeriesKey,
        start: i64,
    ) -> Result<Row<'a>, LedgerError> {
        let at = |micros| Timestamp::from_microsecond(micros).map_err(|_| LedgerError::Overflow);
        let end = self.end_at.get(row).copied().unwrap_or(start);
        let mut texts = self.texts.iter().map(|column| text(column, row));
        let mut next = || texts.next().flatten();
        let mut charge = Row::new(labels, Period { start: at(start)?, end: at(end)? });
        charge.is_correction = self.is_correction.get(row).is_some_and(|&flag| flag != 0);
        let [effective, billed, list, contracted] = &self.amounts;
        // A column that is absent was unknown throughout; these two never are.
        charge.effective_cost = amount(effective, row).unwrap_or_default();
        charge.billed_cost = amount(billed, row).unwrap_or_default();
        charge.list_cost = amount(list, row);
        charge.contracted_cost = amount(contracted, row);
        charge.remainder = self.remainder.get(row).copied().flatten().unwrap_or(0);
        charge.consumed = Quantity { digits: next(), unit: next() };
        charge.pricing = Quantity { digits: next(), unit: next() };
        charge.resource_id = next();
        charge.sku = next();
        // The ledger keeps one of meter and SKU, and the specification wants both or none.
        charge.sku_meter.clone_from(&charge.sku);
        charge.sku_price_id.clone_from(&charge.sku);
        charge.token_class = next();
        charge.invoice_id = next();
        charge.description = next();
        charge.commitment = Quantity { digits: next(), unit: next() };
        charge.commitment_id = next();
        if let Some(key) = self.keys.get(row).filter(|&&key| key != 0) {
            // An id is unique within its source, and all sources go into one file.
            let source = labels.get(&Dimension::Source).unwrap_or_default();
            let source = centinel_engine::facts::sha256_hex(source.as_bytes());
            charge.charge_id = Some(format!("{}-{key:032x}", source.get(..8).unwrap_or_default()));
        }
        Ok(charge)
    }
}

fn amount(column: &[Option<i128>], row: usize) -> Option<Pico> {
    column.get(row).copied().flatten().map(Pico)
}

fn text(column: &[Option<ByteArray>], row: usize) -> Option<Cow<'_, str>> {
    column.get(row)?.as_ref().map(|text| String::from_utf8_lossy(text.data()))
}
