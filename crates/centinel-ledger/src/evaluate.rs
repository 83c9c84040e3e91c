//! The embedded evaluator: scans columns, adds into dense arrays, on all cores.
//!
//! Dimension values are looked at once a series; a row costs an array lookup and an addition.

use centinel_engine::series::{Dimension, SeriesKey};
use jiff::Timestamp;

use crate::{
    LedgerError,
    ledger::Ledger,
    plan::Plan,
    query::{ScanReport, SpendQuery, SpendTable},
    scan::scan_all,
};

impl Ledger {
    /// Answers a question.
    ///
    /// # Errors
    ///
    /// [`LedgerError::TooMany`], [`LedgerError::NotAligned`], or a damaged or missing segment.
    pub async fn spend(&self, query: &SpendQuery) -> Result<SpendTable, LedgerError> {
        let series = self.series().await?;
        let roles = self.database().sources().await?;
        let counts = |key: &SeriesKey| {
            let source = key.get(&Dimension::Source).unwrap_or_default();
            roles.get(source).is_none_or(|role| role == "spend")
        };
        let plan = Plan::new(query, series.iter().map(|(id, key)| (*id, key)), counts)?;
        let mut sums = vec![0_i128; plan.cells()];
        let mut touched = vec![false; plan.slots()];
        let mut scan = ScanReport::default();
        for family in plan.families() {
            let columns = plan.columns(family)?;
            let window = Some((query.period.start_micros(), query.period.end_micros()));
            let as_of = query.as_of.map(Timestamp::as_microsecond);
            let kind = plan.kind(family);
            let mut window = window;
            if kind != family[0]
                && let Some((start, _)) = &mut window
            {
                // A cell starts before the instant it holds.
                *start -= start.rem_euclid(plan.unit());
            }
            let segments = self.database().segments(kind.name(), window, as_of).await?;
            scan.segments += segments.len();
            let paths: Vec<_> = segments.iter().map(|s| self.folder().join(&s.name)).collect();
            scan.rows += scan_all(&plan, &columns, &paths, &mut sums, &mut touched)?;
        }
        Ok(SpendTable { rows: plan.rows(&sums, &touched), scan })
    }
}
