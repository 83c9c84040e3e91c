//! Scanning segments on all cores: columns in, sums by slot out.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{
    LedgerError,
    plan::{EXCLUDED, Plan, Source},
    segment::{RowGroup, SegmentReader},
};

/// Scans files on all cores; returns how many rows were looked at.
pub(crate) fn scan_all(
    plan: &Plan<'_>,
    columns: &[(usize, Source)],
    paths: &[std::path::PathBuf],
    sums: &mut [i128],
    touched: &mut [bool],
) -> Result<u64, LedgerError> {
    let mut units = Vec::new();
    for (file, path) in paths.iter().enumerate() {
        let groups = SegmentReader::open(path)?.row_groups();
        units.extend((0..groups.len()).map(|group| (file, group)));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(units.len().max(1));
    let next = AtomicUsize::new(0);
    let work = || -> Result<Scanner<'_>, LedgerError> {
        let mut scanner = Scanner::new(plan, columns);
        let mut open: Option<(usize, SegmentReader, Vec<RowGroup>)> = None;
        while let Some(&(file, group)) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
            if open.as_ref().is_none_or(|(of, ..)| *of != file) {
                let Some(path) = paths.get(file) else { break };
                let reader = SegmentReader::open(path)?;
                let groups = reader.row_groups();
                open = Some((file, reader, groups));
            }
            if let Some((_, reader, groups)) = &open
                && let Some(&(_, first, last)) = groups.get(group)
            {
                scanner.scan(reader, group, (first, last)).map_err(|error| match error {
                    LedgerError::Parquet(cause) => LedgerError::Corrupt {
                        segment: reader.name().to_owned(),
                        reason: cause.to_string(),
                    },
                    other => other,
                })?;
            }
        }
        Ok(scanner)
    };
    let scanners: Vec<Result<Scanner<'_>, LedgerError>> = if cores == 1 {
        vec![work()]
    } else {
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
            handles
                .into_iter()
                .map(|handle| {
                    handle.join().unwrap_or_else(|_| {
                        Err(LedgerError::Corrupt {
                            segment: "?".into(),
                            reason: "a scan did not finish".into(),
                        })
                    })
                })
                .collect()
        })
    };
    let mut rows = 0;
    for scanner in scanners {
        let scanner = scanner?;
        rows += scanner.rows;
        for (sum, part) in sums.iter_mut().zip(&scanner.sums) {
            *sum = sum.checked_add(*part).ok_or(LedgerError::Overflow)?;
        }
        for (touched, part) in touched.iter_mut().zip(&scanner.touched) {
            *touched |= part;
        }
    }
    Ok(rows)
}

/// One thread's sums and buffers.
pub(crate) struct Scanner<'p> {
    plan: &'p Plan<'p>,
    columns: &'p [(usize, Source)],
    sums: Vec<i128>,
    touched: Vec<bool>,
    rows: u64,
    series: Vec<i32>,
    times: Vec<i64>,
    narrow: Vec<i64>,
    wide: Vec<i128>,
    /// Runs of rows of one slot: (slot, first row, row after the last).
    pub(crate) runs: Vec<(usize, usize, usize)>,
}

impl<'p> Scanner<'p> {
    pub(crate) fn new(plan: &'p Plan<'p>, columns: &'p [(usize, Source)]) -> Self {
        Self {
            plan,
            columns,
            sums: vec![0; plan.cells()],
            touched: vec![false; plan.slots()],
            rows: 0,
            series: Vec::new(),
            times: Vec::new(),
            narrow: Vec::new(),
            wide: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Adds a row group to the sums; `runs` then says which rows were inside the question.
    pub(crate) fn scan(
        &mut self,
        reader: &SegmentReader,
        group: usize,
        (first, last): (i64, i64),
    ) -> Result<(), LedgerError> {
        let period = self.plan.query.period;
        let (start, end) = (period.start_micros(), period.end_micros());
        let unit = self.plan.unit();
        let start = start - start.rem_euclid(unit);
        self.runs.clear();
        if last < start || first >= end || !reader.read_i32(group, "series", &mut self.series)? {
            return Ok(());
        }
        let inside = first >= start && last < end;
        let single = self.plan.slices.single(first, last).filter(|_| inside);
        if single.is_none() && !reader.read_i64(group, "start_at", &mut self.times)? {
            self.times.clear();
            self.times.resize(self.series.len(), 0);
        }
        self.rows += self.series.len() as u64;
        self.find_runs(single, start, end);
        for &(slot, ..) in &self.runs {
            if let Some(touched) = self.touched.get_mut(slot) {
                *touched = true;
            }
        }
        let measures = self.plan.query.measures.len();
        for &(measure, source) in self.columns {
            match source {
                Source::Rows => {
                    for &(slot, from, to) in &self.runs {
                        if let Some(sum) = self.sums.get_mut(slot * measures + measure) {
                            *sum += i128::try_from(to - from).unwrap_or(0);
                        }
                    }
                }
                Source::Zeros(column) => {
                    let present = reader.read_i64(group, column, &mut self.narrow)?;
                    for &(slot, from, to) in &self.runs {
                        let zeros = if present {
                            let values = self.narrow.get(from..to).unwrap_or_default();
                            values.iter().filter(|&&value| value == 0).count()
                        } else {
                            to - from
                        };
                        if let Some(sum) = self.sums.get_mut(slot * measures + measure) {
                            *sum += i128::try_from(zeros).unwrap_or(0);
                        }
                    }
                }
                Source::Sum(column) => {
                    if reader.read_i64(group, column, &mut self.narrow)? {
                        for &(slot, from, to) in &self.runs {
                            let values = self.narrow.get(from..to).unwrap_or_default();
                            let part: i128 = values.iter().map(|&value| i128::from(value)).sum();
                            if let Some(sum) = self.sums.get_mut(slot * measures + measure) {
                                *sum += part;
                            }
                        }
                    } else if reader.read_i128(group, column, &mut self.wide)? {
                        for &(slot, from, to) in &self.runs {
                            let values = self.wide.get(from..to).unwrap_or_default();
                            let part = values.iter().try_fold(0_i128, |sum, v| sum.checked_add(*v));
                            let part = part.ok_or(LedgerError::Overflow)?;
                            if let Some(sum) = self.sums.get_mut(slot * measures + measure) {
                                *sum = sum.checked_add(part).ok_or(LedgerError::Overflow)?;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Splits the row group into runs of one slot; rows outside the question are in no run.
    fn find_runs(&mut self, single: Option<usize>, start: i64, end: i64) {
        self.runs.clear();
        let slices = self.plan.slices.len();
        let mut last: Option<(i32, i64)> = None;
        let mut last_slot: Option<usize> = None;
        for (row, &series) in self.series.iter().enumerate() {
            // Times are looked at only where the row group spans several slices.
            let tick = match single {
                Some(_) => 0,
                None => self.times.get(row).copied().unwrap_or(0),
            };
            let tick_unit =
                if single.is_some() { 0 } else { tick.div_euclid(self.plan.slices.unit) };
            let within = single.is_some() || (tick >= start && tick < end);
            let slot = if last == Some((series, tick_unit)) && within && single.is_some() {
                last_slot
            } else {
                let group = usize::try_from(series)
                    .ok()
                    .and_then(|series| self.plan.group_of_series.get(series))
                    .copied()
                    .filter(|&group| within && group != EXCLUDED)
                    .and_then(|group| usize::try_from(group).ok());
                let slice = single.unwrap_or_else(|| self.plan.slices.of(tick));
                group.map(|group| group * slices + slice)
            };
            last = Some((series, tick_unit));
            last_slot = slot;
            let Some(slot) = slot else { continue };
            match self.runs.last_mut() {
                Some((of, _, to)) if *of == slot && *to == row => *to = row + 1,
                _ => self.runs.push((slot, row, row + 1)),
            }
        }
    }
}
