//! Scanning segments on all cores: columns in, sums by slot out.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    LedgerError,
    columns::{Cells, Columns, FileState, Kept},
    plan::{EXCLUDED, Plan, Source},
    segment::{RowGroup, SegmentReader},
};

/// Rows in memory from which several cores are faster than one.
const ROWS_FOR_CORES: usize = 400_000;

/// A row group that a question looks at.
enum Unit {
    /// In memory.
    Kept(Columns),
    /// In a file: which one, and where in it.
    Stored { file: usize, index: usize, group: RowGroup },
}

/// A file that a question looks at.
struct Scanned<'f> {
    path: &'f Path,
    name: String,
    state: Option<FileState>,
}

/// Scans files on all cores; returns how many rows were looked at. What is read is kept, where there is
/// something to keep it in.
pub(crate) fn scan_all(
    plan: &Plan<'_>,
    columns: &[(usize, Source)],
    paths: &[PathBuf],
    kept: Option<&Kept>,
    (sums, touched): (&mut [i128], &mut [bool]),
) -> Result<u64, LedgerError> {
    let names: Vec<&'static str> = columns.iter().filter_map(|(_, of)| of.column()).collect();
    let (mut files, mut units) = (Vec::with_capacity(paths.len()), Vec::new());
    for (number, path) in paths.iter().enumerate() {
        let (file, groups) = open(path, kept)?;
        for (index, &group) in groups.iter().enumerate() {
            if plan.touches(group) {
                let found = kept.and_then(|kept| kept.columns(&file.name, (index, group), &names));
                let stored = Unit::Stored { file: number, index, group };
                units.push(found.map_or(stored, Unit::Kept));
            }
        }
        files.push(file);
    }
    let next = AtomicUsize::new(0);
    let work = || -> Result<Scanner<'_>, LedgerError> {
        let mut scanner = Scanner::new(plan, columns);
        let mut open: Option<(usize, SegmentReader)> = None;
        while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
            let &Unit::Stored { file: number, index, group } = unit else {
                if let Unit::Kept(columns) = unit {
                    scanner.scan(columns)?;
                }
                continue;
            };
            let Some(file) = files.get(number) else { break };
            if open.as_ref().is_none_or(|(of, _)| *of != number) {
                open = Some((number, SegmentReader::open(file.path)?));
            }
            let Some((_, reader)) = &open else { break };
            let read = Columns::read(reader, (index, group), &names);
            let read = read.map_err(|error| match error {
                LedgerError::Parquet(cause) => LedgerError::Corrupt {
                    segment: reader.name().to_owned(),
                    reason: cause.to_string(),
                },
                other => other,
            })?;
            if let (Some(kept), Some(state)) = (kept, file.state) {
                kept.keep(&file.name, state, index, (&read, &names));
            }
            scanner.scan(&read)?;
        }
        Ok(scanner)
    };
    let scanners: Vec<Result<Scanner<'_>, LedgerError>> = match cores_for(&units) {
        0 | 1 => vec![work()],
        cores => std::thread::scope(|scope| {
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
        }),
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

/// A file with its row groups, which are read unless they are known.
fn open<'f>(
    path: &'f Path,
    kept: Option<&Kept>,
) -> Result<(Scanned<'f>, Arc<[RowGroup]>), LedgerError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let state = kept.map(|_| FileState::of(path)).transpose()?;
    let groups = match (kept, state) {
        (Some(kept), Some(state)) => match kept.groups(&name, state) {
            Some(groups) => groups,
            None => {
                let groups = SegmentReader::open(path)?.row_groups().into();
                kept.know(&name, state, &groups);
                groups
            }
        },
        _ => SegmentReader::open(path)?.row_groups().into(),
    };
    Ok((Scanned { path, name, state }, groups))
}

/// Files are decoded on all cores; few rows in memory are added up faster than a thread begins.
fn cores_for(units: &[Unit]) -> usize {
    let is_stored = units.iter().any(|unit| matches!(unit, Unit::Stored { .. }));
    let rows: usize = units
        .iter()
        .map(|unit| match unit {
            Unit::Kept(Columns { group: (rows, ..), .. }) => *rows,
            Unit::Stored { group: (rows, ..), .. } => *rows,
        })
        .sum();
    if is_stored || rows >= ROWS_FOR_CORES {
        std::thread::available_parallelism().map_or(1, usize::from).min(units.len())
    } else {
        1
    }
}

/// The series of a row, and its slice of time; `None` outside the question.
type Place = (i32, Option<usize>);

/// One thread's sums.
pub(crate) struct Scanner<'p> {
    plan: &'p Plan<'p>,
    columns: &'p [(usize, Source)],
    sums: Vec<i128>,
    touched: Vec<bool>,
    rows: u64,
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
            runs: Vec::new(),
        }
    }

    /// Adds a row group to the sums; `runs` then says which rows were inside the question.
    pub(crate) fn scan(&mut self, columns: &Columns) -> Result<(), LedgerError> {
        self.runs.clear();
        let (_, first, last) = columns.group;
        let Cells::Series(series) = &*columns.series else { return Ok(()) };
        if !self.plan.touches(columns.group) {
            return Ok(());
        }
        let (start, end) = self.plan.window();
        let inside = first >= start && last < end;
        match (self.plan.slices.single(first, last).filter(|_| inside), &*columns.times) {
            (Some(slice), _) => {
                self.find_runs(0, series.iter().map(|&series| (series, Some(slice))));
            }
            (None, Cells::Times(times, by_day)) => {
                self.find_timed_runs(series, (times, *by_day), (start, end));
            }
            // Rows without an instant are of the first one there is.
            (None, _) => {
                let slice = (start..end).contains(&0).then(|| self.plan.slices.of(0));
                self.find_runs(0, series.iter().map(|&series| (series, slice)));
            }
        }
        for &(slot, ..) in &self.runs {
            if let Some(touched) = self.touched.get_mut(slot) {
                *touched = true;
            }
        }
        let mut values = columns.values.iter();
        for &(measure, source) in self.columns {
            let cells = source.column().and_then(|_| values.next()).map(AsRef::as_ref);
            self.add(measure, source, cells)?;
        }
        Ok(())
    }

    /// Adds a column to the sums of a measure.
    fn add(
        &mut self,
        measure: usize,
        source: Source,
        cells: Option<&Cells>,
    ) -> Result<(), LedgerError> {
        let measures = self.plan.query.measures.len();
        for &(slot, from, to) in &self.runs {
            let Some(sum) = self.sums.get_mut(slot * measures + measure) else { continue };
            let rows = to - from;
            match (source, cells) {
                (Source::Rows, _) => *sum += i128::try_from(rows).unwrap_or(0),
                (Source::Zeros(_), Some(Cells::Narrow(values))) => {
                    let values = values.get(from..to).unwrap_or_default();
                    let zeros = values.iter().filter(|&&value| value == 0).count();
                    *sum += i128::try_from(zeros).unwrap_or(0);
                }
                (Source::Zeros(_), _) => *sum += i128::try_from(rows).unwrap_or(0),
                (Source::Sum(_), Some(Cells::Narrow(values) | Cells::Times(values, _))) => {
                    let values = values.get(from..to).unwrap_or_default();
                    *sum += values.iter().map(|&value| i128::from(value)).sum::<i128>();
                }
                (Source::Sum(_), Some(Cells::Wide(values))) => {
                    let values = values.get(from..to).unwrap_or_default();
                    let part = values.iter().try_fold(*sum, |sum, value| sum.checked_add(*value));
                    *sum = part.ok_or(LedgerError::Overflow)?;
                }
                (Source::Sum(_), _) => {}
            }
        }
        Ok(())
    }

    /// Runs of rows whose instants are looked at. Where days ascend, rows of other days are not.
    fn find_timed_runs(
        &mut self,
        series: &[i32],
        (times, by_day): (&[i64], bool),
        (start, end): (i64, i64),
    ) {
        let slices = &self.plan.slices;
        let (from, to) = if by_day {
            let day = |at: i64| at.div_euclid(centinel_engine::period::DAY_MICROS);
            let from = times.partition_point(|&at| day(at) < day(start));
            (from, times.partition_point(|&at| day(at) <= day(end)))
        } else {
            (0, series.len())
        };
        // Neighbours are mostly of one instant.
        let mut last: Option<(i64, Option<usize>)> = None;
        let place = |at: i64| (at >= start && at < end).then(|| slices.of(at));
        let rows = series.get(from..to).unwrap_or_default().iter();
        let rows = rows.zip(times.get(from..to).unwrap_or_default()).map(|(&series, &at)| {
            let slice = match last {
                Some((same, slice)) if same == at => slice,
                _ => place(at),
            };
            last = Some((at, slice));
            (series, slice)
        });
        self.find_runs(from, rows);
    }

    /// Splits rows, given by series and slice of time from row `first` on, into runs of one slot; rows
    /// outside the question are in no run.
    fn find_runs(&mut self, first: usize, rows: impl Iterator<Item = Place>) {
        let slices = self.plan.slices.len();
        let mut last: Option<(Place, Option<usize>)> = None;
        let mut row = first;
        for (series, slice) in rows {
            let slot = match last {
                Some((same, slot)) if same == (series, slice) => slot,
                _ => {
                    let group = usize::try_from(series)
                        .ok()
                        .and_then(|series| self.plan.group_of_series.get(series))
                        .copied()
                        .filter(|&group| group != EXCLUDED)
                        .and_then(|group| usize::try_from(group).ok());
                    group.zip(slice).map(|(group, slice)| group * slices + slice)
                }
            };
            last = Some(((series, slice), slot));
            if let Some(slot) = slot {
                match self.runs.last_mut() {
                    Some((of, _, to)) if *of == slot && *to == row => *to = row + 1,
                    _ => self.runs.push((slot, row, row + 1)),
                }
            }
            row += 1;
        }
        self.rows += u64::try_from(row - first).unwrap_or(0);
    }
}
