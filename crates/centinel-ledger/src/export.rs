//! The ledger as a FOCUS Cost and Usage dataset, so that a re-import has the same totals.
//!
//! Priced calls go out as one usage charge a day (or hour), series, price and token class; charges as
//! they came. Calls without a price are in no row of the dataset, because a FOCUS cost must not be null
//! and nothing unknown is zero: they go, one by one, into a call log beside it.
//!
//! # Source
//!
//! FOCUS 1.2 and 1.4, dataset Cost and Usage; the working draft after 1.4 for the keys of
//! `SkuPriceDetails` that describe token billing.

mod calls;
mod charges;
mod columns;
mod csv;
mod row;
mod unpriced;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::PathBuf,
    str::FromStr,
};

use centinel_engine::{
    money::Pico,
    period::{DAY_MICROS, HOUR_MICROS, Period},
    series::{Dimension, SeriesKey},
};

use self::{csv::CsvTable, row::Row};
use crate::{Ledger, LedgerError, SegmentKind, segment::SegmentReader};

/// A version of the specification that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FocusVersion {
    /// FOCUS 1.2: `ProviderName` and `PublisherName`.
    V1_2,
    /// FOCUS 1.4: `ServiceProviderName` and `HostProviderName`.
    V1_4,
}

/// A version that is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("FOCUS `{0}` is not written; known: 1.2, 1.4")]
pub struct UnknownVersion(pub String);

impl FromStr for FocusVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        match text {
            "1.2" => Ok(Self::V1_2),
            "1.4" => Ok(Self::V1_4),
            other => Err(UnknownVersion(other.chars().take(20).collect())),
        }
    }
}

/// What is exported.
#[derive(Debug, Clone, Copy)]
pub struct FocusExport {
    /// As which version.
    pub version: FocusVersion,
    /// Calls and charges that start in this period.
    pub period: Period,
    /// Calls are put together by the hour, not by the day.
    pub is_hourly: bool,
}

/// Sums of the exported rows in one currency: what a re-import must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportSums {
    /// `EffectiveCost`.
    pub effective_cost: Pico,
    /// `BilledCost`.
    pub billed_cost: Pico,
    /// `ListCost` of the rows that state one.
    pub list_cost: Pico,
}

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportReport {
    /// Rows of the dataset.
    pub rows: u64,
    /// Priced calls behind them.
    pub calls: u64,
    /// Charges among them.
    pub charges: u64,
    /// Calls without a price: not in the dataset, but in the call log beside it.
    pub unpriced_calls: u64,
    /// Charges whose list cost the ledger does not know: `ListCost` is null, against the specification.
    pub list_cost_unknown: u64,
    /// Charges whose contracted cost the ledger does not know.
    pub contracted_cost_unknown: u64,
    /// Sums by currency.
    pub sums: BTreeMap<String, ExportSums>,
}

impl Ledger {
    /// Writes the ledger as a FOCUS dataset in CSV into `dataset`, and the calls without a price, one
    /// JSON object a line, into `unpriced`. Rows of invoices are in neither: they are in no total.
    ///
    /// The same ledger gives the same bytes. Memory holds one row group and the cells of the days that
    /// are open.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when a segment is damaged, a sum does not fit, or writing fails.
    pub async fn export_focus(
        &self,
        export: &FocusExport,
        dataset: &mut dyn Write,
        unpriced: &mut dyn Write,
    ) -> Result<ExportReport, LedgerError> {
        let series = self.exported_series().await?;
        let prices = self.database().prices().await?;
        let table = CsvTable::new(export.version, dataset).map_err(unwritable)?;
        let mut writer = Exporter { table, report: ExportReport::default() };
        let window = Some((export.period.start_micros(), export.period.end_micros()));
        for kind in [SegmentKind::Calls, SegmentKind::Charges] {
            let segments = self.database().segments(kind.name(), window, None).await?;
            let mut groups = Vec::new();
            for segment in &segments {
                let path = self.folder().join(&segment.name);
                let found = SegmentReader::open(&path)?.row_groups();
                let overlapping = found.into_iter().enumerate().filter(|(_, (_, first, last))| {
                    *last >= export.period.start_micros() && *first < export.period.end_micros()
                });
                groups.extend(overlapping.map(|(index, (_, first, _))| Group {
                    path: path.clone(),
                    index,
                    first,
                }));
            }
            if kind == SegmentKind::Calls {
                // By time, so that a day can be written when no group is left that reaches into it.
                groups.sort_by_key(|group| group.first);
                calls::write(export, &series, &prices, &groups, &mut writer, unpriced)?;
            } else {
                charges::write(export, &series, &groups, &mut writer)?;
            }
        }
        writer.table.finish().map_err(unwritable)?;
        unpriced.flush().map_err(unwritable)?;
        Ok(writer.report)
    }

    /// The series whose rows count, by number.
    async fn exported_series(&self) -> Result<BTreeMap<i32, SeriesKey>, LedgerError> {
        let roles = self.database().sources().await?;
        let series = self.series().await?.into_iter();
        Ok(series
            .filter(|(_, key)| {
                let source = key.get(&Dimension::Source).unwrap_or_default();
                roles.get(source).is_none_or(|role| role == "spend")
            })
            .map(|(id, key)| (id.cast_signed(), key))
            .collect())
    }
}

/// A row group that reaches into the period.
struct Group {
    path: PathBuf,
    index: usize,
    first: i64,
}

/// Writes rows and adds them up.
struct Exporter<'w> {
    table: CsvTable<'w>,
    report: ExportReport,
}

impl Exporter<'_> {
    fn write(&mut self, row: &Row<'_>) -> Result<(), LedgerError> {
        let sums = self.report.sums.entry(row.currency().to_owned()).or_default();
        for (sum, amount) in [
            (&mut sums.effective_cost, Some(row.effective_cost)),
            (&mut sums.billed_cost, Some(row.billed_cost)),
            (&mut sums.list_cost, row.list_cost),
        ] {
            *sum =
                sum.checked_add(amount.unwrap_or_default()).map_err(|_| LedgerError::Overflow)?;
        }
        self.report.rows += 1;
        self.report.list_cost_unknown += u64::from(row.list_cost.is_none());
        self.report.contracted_cost_unknown += u64::from(row.contracted_cost.is_none());
        self.table.write(row).map_err(unwritable)
    }
}

fn unwritable(source: io::Error) -> LedgerError {
    LedgerError::Io { path: PathBuf::from("the exported dataset"), source }
}

impl FocusExport {
    /// Microseconds that calls are put together by.
    fn unit(&self) -> i64 {
        if self.is_hourly { HOUR_MICROS } else { DAY_MICROS }
    }

    fn contains(&self, at: i64) -> bool {
        at >= self.period.start_micros() && at < self.period.end_micros()
    }
}
