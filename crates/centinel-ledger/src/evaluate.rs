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
        let view = self.view().await?;
        let counts = |key: &SeriesKey| {
            let source = key.get(&Dimension::Source).unwrap_or_default();
            view.known.roles.get(source).is_none_or(|role| role == "spend")
        };
        let plan = Plan::new(query, view.series(), counts)?;
        let mut sums = vec![0_i128; plan.cells()];
        let mut touched = vec![false; plan.slots()];
        let mut scan = ScanReport::default();
        let as_of = query.as_of.map(Timestamp::as_microsecond);
        for family in plan.families() {
            let columns = plan.columns(family)?;
            let kind = plan.kind(family);
            let is_raw = kind == family[0];
            let files = view.known.files(kind, plan.window(), as_of);
            let paths: Vec<_> = files.map(|name| self.folder().join(name)).collect();
            scan.segments += paths.len();
            // Raw rows are the check on the cells, and many: they are read each time.
            let kept = (!is_raw).then(|| self.kept());
            scan.rows += scan_all(&plan, &columns, &paths, kept, (&mut sums, &mut touched))?;
        }
        Ok(SpendTable { rows: plan.rows(&sums, &touched), scan })
    }
}
