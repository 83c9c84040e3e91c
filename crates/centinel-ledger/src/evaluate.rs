//! The embedded evaluator: scans columns, adds into dense arrays, on all cores.
//!
//! Dimension values are looked at once a series (`group_of_series`); a row costs an array lookup and
//! an addition.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use centinel_engine::{
    period::{DAY_MICROS, Grain, HOUR_MICROS, date_of_index, index_of_date},
    series::{Dimension, SeriesKey, Sketch},
    usage::{CostClass, UsageClass},
};
use jiff::{Timestamp, civil::Weekday};

use crate::{
    LedgerError,
    cells::SKETCHES,
    ledger::{Ledger, SegmentKind},
    query::{
        Distribution, DistributionRow, GroupBy, Measure, ScanLevel, ScanReport, SpendQuery,
        SpendRow, SpendTable,
    },
    segment::{RowGroup, SegmentReader},
};

/// Most sums that one question may ask for.
const CELLS_MAX: usize = 8_000_000;
/// A series that the filter leaves out.
const EXCLUDED: u32 = u32::MAX;

impl Ledger {
    /// Answers a question.
    ///
    /// # Errors
    ///
    /// [`LedgerError::TooMany`], [`LedgerError::NotAligned`], or a damaged or missing segment.
    pub async fn spend(&self, query: &SpendQuery) -> Result<SpendTable, LedgerError> {
        let series = self.database().series().await?;
        let roles = self.database().sources().await?;
        let counts = |key: &SeriesKey| {
            let source = key.get(&Dimension::Source).unwrap_or_default();
            roles.get(source).is_none_or(|role| role == "spend")
        };
        let plan = Plan::new(query, series.iter().map(|(id, _, key)| (*id, key)), counts)?;
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
        let series = self.database().series().await?;
        let plan = Plan::new(query, series.iter().map(|(id, _, key)| (*id, key)), |_| true)?;
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
            for (group, &(_, first, last)) in reader.row_groups().iter().enumerate() {
                scanner.scan(&reader, group, (first, last))?;
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

/// How a measure is read from a family of segments.
#[derive(Clone, Copy)]
enum Source {
    /// Sum of a column.
    Sum(&'static str),
    /// One a row.
    Rows,
    /// One a row whose column is zero (an absent column is all zero).
    Zeros(&'static str),
}

struct Plan<'q> {
    query: &'q SpendQuery,
    /// Group of each series, or [`EXCLUDED`].
    group_of_series: Vec<u32>,
    /// Values and currency of each group.
    groups: Vec<(Vec<Option<String>>, Option<String>)>,
    slices: Slices,
    /// Microseconds of a cell: 0 for raw rows.
    unit: i64,
}

/// Slices of time: which one an instant falls into.
struct Slices {
    /// Microseconds of the unit that slices are found by: hour or day.
    unit: i64,
    /// First unit of the period.
    first: i64,
    /// Slice of each unit of the period; empty without a grain.
    of_unit: Vec<u32>,
    /// Start of each slice.
    starts: Vec<Timestamp>,
}

impl Slices {
    fn new(query: &SpendQuery) -> Self {
        let Some(grain) = query.grain else {
            return Self {
                unit: DAY_MICROS,
                first: 0,
                of_unit: Vec::new(),
                starts: vec![query.period.start],
            };
        };
        let unit = if grain == Grain::Hour { HOUR_MICROS } else { DAY_MICROS };
        let first = query.period.start_micros().div_euclid(unit);
        let last = (query.period.end_micros() - 1).div_euclid(unit);
        let (mut of_unit, mut starts) = (Vec::new(), Vec::new());
        let mut open = None;
        for index in first..=last {
            let start = match grain {
                Grain::Hour | Grain::Day => index,
                Grain::Week | Grain::Month => {
                    let day = date_of_index(i32::try_from(index).unwrap_or(i32::MAX));
                    let start = if grain == Grain::Month {
                        day.first_of_month()
                    } else {
                        day.tomorrow()
                            .and_then(|next| next.nth_weekday(-1, Weekday::Monday))
                            .unwrap_or(day)
                    };
                    i64::from(index_of_date(start))
                }
            };
            if open != Some(start) {
                open = Some(start);
                starts
                    .push(Timestamp::from_microsecond(start * unit).unwrap_or(query.period.start));
            }
            of_unit.push(u32::try_from(starts.len() - 1).unwrap_or(u32::MAX));
        }
        Self { unit, first, of_unit, starts }
    }

    fn len(&self) -> usize {
        self.starts.len()
    }

    /// The slice of an instant inside the period.
    fn of(&self, micros: i64) -> usize {
        if self.of_unit.is_empty() {
            return 0;
        }
        let index = (micros.div_euclid(self.unit) - self.first).max(0);
        let slice = usize::try_from(index).ok().and_then(|index| self.of_unit.get(index));
        slice.copied().map_or(0, |slice| usize::try_from(slice).unwrap_or(0))
    }

    /// The one slice of a span of instants, if it is one.
    fn single(&self, first: i64, last: i64) -> Option<usize> {
        if self.of_unit.is_empty() {
            return Some(0);
        }
        (first.div_euclid(self.unit) == last.div_euclid(self.unit)).then(|| self.of(first))
    }
}

impl<'q> Plan<'q> {
    fn new<'s>(
        query: &'q SpendQuery,
        series: impl Iterator<Item = (u32, &'s SeriesKey)>,
        counts: impl Fn(&SeriesKey) -> bool,
    ) -> Result<Self, LedgerError> {
        let mut group_of_series = Vec::new();
        let mut groups = BTreeMap::new();
        let mut keyed = Vec::new();
        for (id, key) in series {
            let passes = counts(key)
                && query.filter.iter().all(|condition| {
                    let value = key.get(&condition.dimension).unwrap_or_default();
                    condition.any_of.contains(value)
                });
            if !passes {
                continue;
            }
            let values: Vec<Option<String>> = query
                .group_by
                .iter()
                .map(|by| match by {
                    GroupBy::Dimension(dimension) => key.get(dimension).map(str::to_owned),
                    GroupBy::Class => (query.classify)(key),
                })
                .collect();
            let group = (values, key.get(&Dimension::Currency).map(str::to_owned));
            groups.insert(group.clone(), 0_u32);
            keyed.push((id, group));
        }
        // Groups are numbered in sorted order, so that the answer needs no sorting.
        for (number, slot) in (0_u32..).zip(groups.values_mut()) {
            *slot = number;
        }
        for (id, group) in keyed {
            let index = usize::try_from(id).unwrap_or(0);
            if group_of_series.len() <= index {
                group_of_series.resize(index + 1, EXCLUDED);
            }
            if let (Some(slot), Some(&number)) =
                (group_of_series.get_mut(index), groups.get(&group))
            {
                *slot = number;
            }
        }
        let groups = groups.into_keys().collect();
        let aligned = |unit| {
            query.period.is_aligned(unit)
                && (query.grain != Some(Grain::Hour) || unit == HOUR_MICROS)
        };
        let unit = match query.scan {
            ScanLevel::Raw => 0,
            ScanLevel::Coarsest if aligned(DAY_MICROS) => DAY_MICROS,
            ScanLevel::Coarsest if aligned(HOUR_MICROS) => HOUR_MICROS,
            ScanLevel::Coarsest => 0,
        };
        let plan = Self { query, group_of_series, groups, slices: Slices::new(query), unit };
        let cells = plan.cells();
        if cells > CELLS_MAX {
            return Err(LedgerError::TooMany { cells, limit: CELLS_MAX });
        }
        Ok(plan)
    }

    fn unit(&self) -> i64 {
        self.unit.max(1)
    }

    fn slots(&self) -> usize {
        self.groups.len().saturating_mul(self.slices.len())
    }

    fn cells(&self) -> usize {
        self.slots().saturating_mul(self.query.measures.len())
    }

    /// The families of segments that any measure needs.
    fn families(&self) -> Vec<[SegmentKind; 3]> {
        let mut families = vec![SegmentKind::CALLS, SegmentKind::CHARGES, SegmentKind::OUTCOMES];
        families.retain(|family| {
            self.query.measures.iter().any(|&measure| source(measure, family[0], true).is_some())
        });
        families
    }

    fn kind(&self, family: [SegmentKind; 3]) -> SegmentKind {
        let [raw, hour, day] = family;
        match self.unit {
            DAY_MICROS => day,
            HOUR_MICROS => hour,
            _ => raw,
        }
    }

    /// Measure and column for each measure that a family answers.
    fn columns(&self, family: [SegmentKind; 3]) -> Result<Vec<(usize, Source)>, LedgerError> {
        let is_cell = self.unit > 0;
        let mut columns = Vec::new();
        for (index, &measure) in self.query.measures.iter().enumerate() {
            match (source(measure, family[0], is_cell), source(measure, family[0], true)) {
                (Some(source), _) => columns.push((index, source)),
                (None, Some(_)) => return Err(LedgerError::NotAligned { measure: name(measure) }),
                (None, None) => {}
            }
        }
        Ok(columns)
    }

    fn rows(&self, sums: &[i128], touched: &[bool]) -> Vec<SpendRow> {
        let measures = self.query.measures.len();
        let mut rows = Vec::new();
        for (slot, _) in touched.iter().enumerate().filter(|&(_, &touched)| touched) {
            let slices = self.slices.len().max(1);
            let Some((group, currency)) = self.groups.get(slot / slices) else { continue };
            let at = self.slices.starts.get(slot % slices).copied();
            rows.push(SpendRow {
                group: group.clone(),
                currency: currency.clone(),
                at: self.query.grain.and(at),
                values: sums
                    .get(slot * measures..(slot + 1) * measures)
                    .unwrap_or_default()
                    .to_vec(),
            });
        }
        rows
    }
}

/// How a family answers a measure, from cells or from raw rows; `None` when it does not.
fn source(measure: Measure, family: SegmentKind, is_cell: bool) -> Option<Source> {
    use SegmentKind::{Calls, Charges, Outcomes};
    let by_hour = |column| is_cell.then_some(Source::Sum(column));
    match (family, measure) {
        (Calls, Measure::Cost | Measure::BilledCost | Measure::ListCost | Measure::CallCost) => {
            Some(Source::Sum("cost"))
        }
        (Calls, Measure::Calls) => Some(if is_cell { Source::Sum("calls") } else { Source::Rows }),
        (Calls, Measure::Usage(class)) => Some(Source::Sum(class.name())),
        (Calls, Measure::UnpricedCalls) => {
            Some(if is_cell { Source::Sum("unpriced_calls") } else { Source::Zeros("price") })
        }
        (Calls, Measure::ClassCost(class)) => by_hour(class.name()),
        (Calls, Measure::UnpricedInputTokens) => by_hour("unpriced_input_tokens"),
        (Calls, Measure::UnpricedOutputTokens) => by_hour("unpriced_output_tokens"),
        (Calls, Measure::Errors) => by_hour("errors"),
        (Calls, Measure::Retries) => by_hour("retries"),
        (Charges, Measure::Cost) => Some(Source::Sum("effective_cost")),
        (Charges, Measure::BilledCost) => Some(Source::Sum("billed_cost")),
        (Charges, Measure::ListCost) => Some(Source::Sum("list_cost")),
        (Charges, Measure::ListCostUnknown) => by_hour("list_cost_unknown"),
        (Charges, Measure::Charges) => {
            Some(if is_cell { Source::Sum("charges") } else { Source::Rows })
        }
        (Outcomes, Measure::Outcomes) => Some(Source::Sum("quantity")),
        _ => None,
    }
}

fn name(measure: Measure) -> &'static str {
    match measure {
        Measure::ClassCost(CostClass::Input) => "input cost",
        Measure::ClassCost(_) => "cost by class",
        Measure::Usage(UsageClass::InputTokensTotal) => "input tokens",
        Measure::UnpricedInputTokens | Measure::UnpricedOutputTokens => "unpriced tokens",
        Measure::ListCostUnknown => "the number of charges without a list cost",
        Measure::Errors => "errors",
        Measure::Retries => "retries",
        _ => "this measure",
    }
}

/// Scans files on all cores; returns how many rows were looked at.
fn scan_all(
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
                scanner.scan(reader, group, (first, last))?;
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
struct Scanner<'p> {
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
    runs: Vec<(usize, usize, usize)>,
}

impl<'p> Scanner<'p> {
    fn new(plan: &'p Plan<'p>, columns: &'p [(usize, Source)]) -> Self {
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

    fn scan(
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
