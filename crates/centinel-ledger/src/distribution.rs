//! Distributions over calls, from the sketches of cells.

use std::collections::BTreeMap;

use centinel_engine::series::Sketch;
use jiff::Timestamp;

use crate::{
    LedgerError,
    cells::SKETCHES,
    columns::Columns,
    ledger::{Ledger, SegmentKind},
    plan::Plan,
    query::{Distribution, DistributionRow, SpendQuery},
    scan::Scanner,
    segment::SegmentReader,
};

impl Ledger {
    /// The distribution of something over calls, by group and slice of time; measures of the question
    /// are not looked at. Kept by the hour.
    ///
    /// # Errors
    ///
    /// As for [`Self::spend`].
    pub async fn distribution(
        &self,
        query: &SpendQuery,
        of: Distribution,
    ) -> Result<Vec<DistributionRow>, LedgerError> {
        let series = self.series().await?;
        let plan = Plan::new(query, series.iter().map(|(id, key)| (*id, key)), |_| true)?;
        let kind = plan.kind(SegmentKind::CALLS);
        if kind == SegmentKind::Calls {
            return Err(LedgerError::NotAligned { measure: "a distribution" });
        }
        let column = match of {
            Distribution::InputTokens => SKETCHES[0],
            Distribution::OutputTokens => SKETCHES[1],
            Distribution::CostNano => SKETCHES[2],
            Distribution::LatencyMs => SKETCHES[3],
        };
        let window = Some((query.period.start_micros(), query.period.end_micros()));
        let as_of = query.as_of.map(Timestamp::as_microsecond);
        let mut sketches: BTreeMap<usize, Sketch> = BTreeMap::new();
        let mut scanner = Scanner::new(&plan, &[]);
        let mut bytes = Vec::new();
        for segment in self.database().segments(kind.name(), window, as_of).await? {
            let reader = SegmentReader::open(&self.folder().join(&segment.name))?;
            for (group, rows) in reader.row_groups().into_iter().enumerate() {
                scanner.scan(&Columns::read(&reader, (group, rows), &[])?)?;
                if scanner.runs.is_empty() || !reader.read_bytes(group, column, &mut bytes)? {
                    continue;
                }
                for &(slot, from, to) in &scanner.runs {
                    let merged = sketches.entry(slot).or_default();
                    for bytes in bytes.get(from..to).unwrap_or_default() {
                        let sketch =
                            Sketch::from_bytes(bytes).ok_or_else(|| LedgerError::Corrupt {
                                segment: segment.name.clone(),
                                reason: format!("column `{column}` holds no sketch"),
                            })?;
                        merged.merge(&sketch);
                    }
                }
            }
        }
        let slices = plan.slices.len().max(1);
        Ok(sketches
            .into_iter()
            .filter_map(|(slot, sketch)| {
                let (group, currency) = plan.groups.get(slot / slices)?.clone();
                let at = plan.slices.starts.get(slot % slices).copied();
                Some(DistributionRow { group, currency, at: query.grain.and(at), sketch })
            })
            .collect())
    }
}
