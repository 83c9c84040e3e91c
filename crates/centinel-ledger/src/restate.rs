//! Restating: calls of a period are priced anew, on purpose and on record.
//!
//! A segment never changes, so restated calls are in new segments. One transaction lists these,
//! retires those that they replace, notes the new sums of their batches, and appends the audit
//! entry. A question as of an earlier instant still reads the retired ones.
//!
//! What a call cost by class is kept by the hour, not by the call. So the calls of a series in an
//! hour are restated together or not at all; calls that had no price join in either way.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use centinel_engine::{
    money::Pico,
    period::{HOUR_MICROS, Period},
    series::{Dimension, SeriesKey},
    usage::{BookedCost, CallStatus, CostClass, Usage},
};
use centinel_store::{RestatedBatch, SegmentRow};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    LedgerError,
    calls::CallBatch,
    import::{ImportSums, write_tables},
    ledger::{Ledger, SegmentKind},
    segment::SegmentReader,
};

/// A call as it is booked.
#[derive(Debug)]
pub struct BookedCall<'a> {
    /// Number of its series.
    pub series: i32,
    /// Its labels.
    pub labels: &'a SeriesKey,
    /// When it was made.
    pub at: Timestamp,
    /// A gateway's own cache answered, so no provider is paid.
    pub is_gateway_cache: bool,
    /// What it used.
    pub usage: &'a Usage,
    /// Calls that it stands for.
    pub calls: u64,
    /// What is booked; `None` without a price.
    pub cost: Option<Pico>,
    /// Number of the price that it was booked by, in the catalogue; 0 without a price.
    pub price: u32,
}

/// Says what calls cost now.
pub trait Repricer {
    /// The cost of a call under the new prices; `None` keeps what is booked.
    ///
    /// # Errors
    ///
    /// Whatever ends the restatement.
    fn price(&mut self, call: &BookedCall<'_>) -> Result<Option<BookedCost>, LedgerError>;

    /// What became of a call: its new cost, or `None` where what was booked stays.
    fn settled(&mut self, call: &BookedCall<'_>, new: Option<&BookedCost>);
}

/// A restatement that is computed, and perhaps written, but not in the catalogue.
#[derive(Debug, Default)]
pub struct Restating {
    batches: BTreeMap<i64, RestatedBatch>,
    changes: BTreeMap<i64, SumChange>,
    // Held so that nobody sweeps our unlisted files, or imports into the same sources.
    locks: Vec<std::fs::File>,
}

/// What changes in the sums of a batch.
#[derive(Debug, Default)]
struct SumChange {
    unpriced: i64,
    cost: BTreeMap<String, i128>,
}

impl Restating {
    /// Batches whose segments are replaced.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// Lets others import and sweep before the commit, so that a test can race with it.
    #[cfg(test)]
    pub(crate) fn release(&mut self) {
        self.locks.clear();
    }
}

impl Ledger {
    /// Prices the calls of a period anew. Without a `token` nothing is written: what would change is
    /// what the repricer is told. With one, new segments are written under it; nothing is visible
    /// before [`Self::commit_restatement`].
    ///
    /// Blocks: reads and writes files, and waits for imports into the same sources.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]; [`LedgerError::NotAligned`] for a period that starts or ends within an hour.
    pub fn restate(
        &self,
        runtime: &tokio::runtime::Handle,
        period: Period,
        repricer: &mut dyn Repricer,
        token: Option<&str>,
    ) -> Result<Restating, LedgerError> {
        if !period.is_aligned(HOUR_MICROS) {
            return Err(LedgerError::NotAligned { measure: "cost by class" });
        }
        let db = self.database();
        let mut restating = Restating::default();
        if token.is_some() {
            restating.locks.push(runtime.block_on(self.writing())?);
            for source in runtime.block_on(db.sources())?.keys() {
                restating.locks.push(runtime.block_on(self.enter_source(source))?);
            }
        }
        let series: HashMap<i32, SeriesKey> = runtime
            .block_on(db.series())?
            .into_iter()
            .map(|(id, _, key)| (id.cast_signed(), key))
            .collect();
        let window = Some((period.start_micros(), period.end_micros()));
        let kind = SegmentKind::Calls.name();
        let live: BTreeMap<String, SegmentRow> = SegmentKind::CALLS
            .into_iter()
            .map(|kind| runtime.block_on(db.segments(kind.name(), None, None)))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .map(|segment| (segment.name.clone(), segment))
            .collect();
        let mut written = 0;
        for raw in runtime.block_on(db.segments(kind, window, None))? {
            let family = family_of(&raw.name, &live)?;
            let reader = SegmentReader::open(&self.folder().join(&raw.name))?;
            let classes = Classes::load(&self.folder().join(&family[1].name))?;
            let mut work = Work {
                calls: CallBatch::load(&reader)?,
                period,
                series: &series,
                classes,
                change: restating.changes.entry(raw.batch).or_default(),
            };
            if !work.reprice(&reader, repricer)? {
                continue;
            }
            let Some(token) = token else { continue };
            let tables = work.calls.finish();
            let new = write_tables(self.folder(), token, written, SegmentKind::CALLS, &tables)?;
            written += new.len();
            let batch = restating.batches.entry(raw.batch).or_default();
            batch.batch = raw.batch;
            batch.retired.extend(family.iter().map(|segment| segment.name.clone()));
            batch.written.extend(new);
        }
        if token.is_some() {
            runtime.block_on(self.add_sums(&mut restating))?;
        }
        Ok(restating)
    }

    async fn add_sums(&self, restating: &mut Restating) -> Result<(), LedgerError> {
        let restated = self.database().restated_sums().await?;
        for batch in self.database().batches().await? {
            let Some(change) = restating.changes.get(&batch.id) else { continue };
            let Some(entry) = restating.batches.get_mut(&batch.id) else { continue };
            let latest = restated.iter().rev().find(|restated| restated.batch == batch.id);
            let text = latest.map_or(&batch.sums, |restated| &restated.sums);
            let mut sums: ImportSums = serde_json::from_str(text).map_err(|error| {
                let reason = format!("its sums cannot be read: {error}");
                LedgerError::Corrupt { segment: format!("of batch {}", batch.id), reason }
            })?;
            sums.unpriced_calls = sums.unpriced_calls.saturating_add(change.unpriced);
            for (currency, delta) in &change.cost {
                let sum = sums.cost.entry(currency.clone()).or_default();
                sum.0 = sum.0.checked_add(*delta).ok_or(LedgerError::Overflow)?;
            }
            entry.sums = serde_json::to_string(&sums).unwrap_or_default();
        }
        Ok(())
    }

    /// Makes a restatement visible, with its audit entry; returns its number.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Store`]; nothing is visible then.
    pub async fn commit_restatement(
        &self,
        restating: Restating,
        now: Timestamp,
        actor: &str,
        reason: &Value,
    ) -> Result<i64, LedgerError> {
        let Restating { batches, locks, .. } = restating;
        let batches: Vec<RestatedBatch> = batches.into_values().collect();
        let number = self.database().commit_restatement(&batches, now, actor, reason).await?;
        drop(locks);
        Ok(number)
    }
}

/// The raw segment with its hours and its days: they are numbered one after another.
fn family_of(
    raw: &str,
    live: &BTreeMap<String, SegmentRow>,
) -> Result<[SegmentRow; 3], LedgerError> {
    let lost = || LedgerError::Corrupt {
        segment: raw.to_owned(),
        reason: "its hours and days are not listed beside it".to_owned(),
    };
    let stem = raw.strip_prefix("calls-").and_then(|rest| rest.strip_suffix(".parquet"));
    let (token, number) = stem.and_then(|stem| stem.rsplit_once('-')).ok_or_else(lost)?;
    let number: usize = number.parse().map_err(|_| lost())?;
    let find = |kind: SegmentKind, step: usize| {
        let name = format!("{}-{token}-{}.parquet", kind.name(), number.saturating_add(step));
        live.get(&name).cloned().ok_or_else(lost)
    };
    let [calls, hours, days] = SegmentKind::CALLS;
    Ok([find(calls, 0)?, find(hours, 1)?, find(days, 2)?])
}

/// Cost by class of a segment's hours.
struct Classes(HashMap<(i32, i64), [i128; CostClass::COUNT]>);

impl Classes {
    fn load(path: &Path) -> Result<Self, LedgerError> {
        let reader = SegmentReader::open(path)?;
        let mut hours = HashMap::new();
        let (mut series, mut times, mut amounts) = (Vec::new(), Vec::new(), Vec::new());
        for group in 0..reader.row_groups().len() {
            reader.read_i32(group, "series", &mut series)?;
            reader.read_i64(group, "start_at", &mut times)?;
            for (&series, &at) in series.iter().zip(&times) {
                hours.insert((series, at), [0; CostClass::COUNT]);
            }
            for class in CostClass::ALL {
                if !reader.read_i128(group, class.name(), &mut amounts)? {
                    continue;
                }
                for ((&series, &at), &amount) in series.iter().zip(&times).zip(&amounts) {
                    let slots = hours.get_mut(&(series, at));
                    if let Some(slot) = slots.and_then(|slots| slots.get_mut(class.index())) {
                        *slot = amount;
                    }
                }
            }
        }
        Ok(Self(hours))
    }
}

/// One segment while it is priced anew.
struct Work<'a> {
    calls: CallBatch,
    period: Period,
    series: &'a HashMap<i32, SeriesKey>,
    classes: Classes,
    change: &'a mut SumChange,
}

impl Work<'_> {
    /// Prices every hour of every series; whether anything changed.
    fn reprice(
        &mut self,
        reader: &SegmentReader,
        repricer: &mut dyn Repricer,
    ) -> Result<bool, LedgerError> {
        let rows = self.calls.len();
        let mut hours: BTreeMap<(i32, i64), Vec<usize>> = BTreeMap::new();
        for row in 0..rows {
            let Some(call) = self.calls.cell_call(row) else { continue };
            let hour = call.at - call.at.rem_euclid(HOUR_MICROS);
            hours.entry((call.series, hour)).or_default().push(row);
        }
        let mut is_changed = false;
        for ((series, hour), rows) in hours {
            let by_class = *self.classes.0.get(&(series, hour)).ok_or_else(|| {
                let reason = format!("hour {hour} of series {series} has no cell");
                LedgerError::Corrupt { segment: reader.name().to_owned(), reason }
            })?;
            let is_inside = hour >= self.period.start_micros() && hour < self.period.end_micros();
            let labels = self.series.get(&series);
            let changed = match labels.filter(|_| is_inside) {
                Some(labels) => self.reprice_hour(labels, &rows, &by_class, repricer)?,
                None => false,
            };
            if changed {
                is_changed = true;
            } else if let Some(first) = rows.first() {
                // What the cell had stays in the cell, whichever row brings it there.
                self.calls.set_classes(*first, &by_class);
            }
        }
        Ok(is_changed)
    }

    fn reprice_hour(
        &mut self,
        labels: &SeriesKey,
        rows: &[usize],
        by_class: &[i128; CostClass::COUNT],
        repricer: &mut dyn Repricer,
    ) -> Result<bool, LedgerError> {
        let mut new = Vec::with_capacity(rows.len());
        for &row in rows {
            let Some(usage) = self.calls.cell_call(row).map(|call| call.usage) else {
                new.push(None);
                continue;
            };
            new.push(match self.call(row, labels, &usage) {
                Some(call) => repricer.price(&call)?,
                None => None,
            });
        }
        let is_priced = |row: &usize| self.calls.booked(*row).is_some();
        let priced = || rows.iter().zip(&new).filter(|(row, _)| is_priced(row));
        let all_known = priced().all(|(_, cost)| cost.is_some());
        let any_differs = priced().any(|(row, cost)| {
            let (booked, cost) = (self.calls.booked(*row), cost.as_ref());
            let new = cost.map(|cost| (cost.amount.0, cost.remainder_quecto));
            new.is_some() && new != booked.map(|(amount, remainder, _)| (amount, remainder))
        });
        let restates_priced = all_known && any_differs;
        for (row, cost) in rows.iter().zip(&mut new) {
            if is_priced(row) && !restates_priced {
                *cost = None;
            }
        }
        let is_changed = new.iter().any(Option::is_some);
        let currency = labels.get(&Dimension::Currency).unwrap_or_default();
        let mut kept = (!restates_priced).then_some(*by_class);
        for (&row, cost) in rows.iter().zip(&new) {
            let usage = self.calls.cell_call(row).map(|call| call.usage).unwrap_or_default();
            if let Some(call) = self.call(row, labels, &usage) {
                repricer.settled(&call, cost.as_ref());
            }
            let Some(cost) = cost else {
                // The first row that stays brings what the cell had by class.
                if let Some(kept) = kept.take() {
                    self.calls.set_classes(row, &kept);
                }
                continue;
            };
            let booked = self.calls.booked(row);
            let before = booked.map_or(0, |(amount, ..)| amount);
            let delta = cost.amount.0.checked_sub(before).ok_or(LedgerError::Overflow)?;
            let sum = self.change.cost.entry(currency.to_owned()).or_default();
            *sum = sum.checked_add(delta).ok_or(LedgerError::Overflow)?;
            if booked.is_none() {
                self.change.unpriced = self.change.unpriced.saturating_sub(1);
            }
            self.calls.rebook(row, cost);
        }
        Ok(is_changed)
    }

    fn call<'c>(
        &self,
        row: usize,
        labels: &'c SeriesKey,
        usage: &'c Usage,
    ) -> Option<BookedCall<'c>> {
        let call = self.calls.cell_call(row)?;
        Some(BookedCall {
            series: call.series,
            labels,
            at: Timestamp::from_microsecond(call.at).ok()?,
            is_gateway_cache: call.status == CallStatus::GatewayCache as i32,
            usage,
            calls: u64::try_from(call.extra_calls.saturating_add(1)).unwrap_or(0),
            cost: call.cost.map(Pico),
            price: self.calls.booked(row).map_or(0, |(_, _, price)| price),
        })
    }
}
