//! The proof that nothing was lost: files are what was written, and raw rows, hourly cells, daily
//! cells and batches all say the same sums.

use std::{collections::BTreeMap, path::Path};

use centinel_engine::{facts::hex, money::Pico, series::Dimension};
use centinel_store::{ImportBatch, SegmentRow};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    LedgerError,
    import::ImportSums,
    ledger::{Ledger, SegmentKind},
    segment::SegmentReader,
};

/// What a check of the whole ledger found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verification {
    /// Batches checked.
    pub batches: usize,
    /// Segments checked, byte for byte.
    pub segments: usize,
    /// Rows in raw segments.
    pub raw_rows: i64,
    /// Everything that does not add up, in whole sentences; empty when all is well.
    pub problems: Vec<String>,
}

/// Where the quantities of outcomes are kept among the costs; no currency code has this form.
const OUTCOMES: &str = "outcomes";

/// Sums of one batch at one level.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Level {
    rows: i128,
    unpriced: i128,
    cost: BTreeMap<String, Pico>,
}

impl Level {
    fn add(&mut self, other: &Self) -> Result<(), LedgerError> {
        self.rows = self.rows.checked_add(other.rows).ok_or(LedgerError::Overflow)?;
        self.unpriced = self.unpriced.checked_add(other.unpriced).ok_or(LedgerError::Overflow)?;
        for (currency, amount) in &other.cost {
            let sum = self.cost.entry(currency.clone()).or_default();
            sum.0 = sum.0.checked_add(amount.0).ok_or(LedgerError::Overflow)?;
        }
        // Zero sums are the same as none.
        self.cost.retain(|_, amount| amount.0 != 0);
        Ok(())
    }
}

/// What one file holds, and while it was live.
struct Held {
    family: SegmentKind,
    level: usize,
    known_at: i64,
    retired_at: Option<i64>,
    sums: Level,
}

impl Held {
    fn is_live_at(&self, at: i64) -> bool {
        self.known_at <= at && self.retired_at.is_none_or(|retired_at| retired_at > at)
    }
}

/// What the catalogue says of a batch since an instant: at import, and after each restatement.
struct Booked {
    since: i64,
    sums: String,
}

impl Ledger {
    /// Reads every segment, replaced ones too, and holds it to what the catalogue says: now, and as
    /// of every restatement before.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the catalogue cannot be read; damaged or missing segments are problems in
    /// the answer, not errors.
    pub async fn verify(&self) -> Result<Verification, LedgerError> {
        let mut currency_of: BTreeMap<i32, String> = BTreeMap::new();
        for (id, _, key) in self.database().series().await? {
            let currency = key.get(&Dimension::Currency).unwrap_or_default().to_owned();
            currency_of.insert(id.cast_signed(), currency);
        }
        let mut result = Verification::default();
        let mut held: BTreeMap<i64, Vec<Held>> = BTreeMap::new();
        for family in FAMILIES {
            for (level, kind) in family.into_iter().enumerate() {
                for (segment, retired_at) in
                    self.database().segments_with_retired(kind.name()).await?
                {
                    result.segments += 1;
                    let path = self.folder().join(&segment.name);
                    if let Err(problem) = check_bytes(&path, &segment) {
                        result.problems.push(problem);
                        continue;
                    }
                    let mut sums = Level::default();
                    let reader = SegmentReader::open(&path)?;
                    add_segment(&reader, kind, &currency_of, &mut sums)?;
                    let (family, known_at) = (family[0], segment.known_at);
                    held.entry(segment.batch).or_default().push(Held {
                        family,
                        level,
                        known_at,
                        retired_at,
                        sums,
                    });
                }
            }
        }
        let restated = self.database().restated_sums().await?;
        for batch in self.database().batches().await? {
            result.batches += 1;
            let held = held.remove(&batch.id).unwrap_or_default();
            let mut states = vec![Booked { since: batch.known_at, sums: batch.sums.clone() }];
            states.extend(
                restated
                    .iter()
                    .filter(|restated| restated.batch == batch.id)
                    .map(|r| Booked { since: r.known_at, sums: r.sums.clone() }),
            );
            let last = states.len().saturating_sub(1);
            for (number, state) in states.iter().enumerate() {
                let rows = check_state(&batch, state, &held, &mut result.problems)?;
                if number == last {
                    result.raw_rows += i64::try_from(rows).unwrap_or(i64::MAX);
                }
            }
        }
        Ok(result)
    }
}

/// Kinds by family, raw first.
const FAMILIES: [[SegmentKind; 3]; 3] =
    [SegmentKind::CALLS, SegmentKind::CHARGES, SegmentKind::OUTCOMES];

fn check_bytes(path: &Path, segment: &SegmentRow) -> Result<(), String> {
    let bytes =
        std::fs::read(path).map_err(|error| format!("segment `{}`: {error}", segment.name))?;
    if hex(&Sha256::digest(&bytes)) == segment.sha256 {
        return Ok(());
    }
    Err(format!("segment `{}` is not what was written: its SHA-256 differs", segment.name))
}

/// Holds the files that were live since an instant to the sums booked then; returns raw rows.
fn check_state(
    batch: &ImportBatch,
    state: &Booked,
    held: &[Held],
    problems: &mut Vec<String>,
) -> Result<i128, LedgerError> {
    let id = batch.id;
    let booked: ImportSums = match serde_json::from_str(&state.sums) {
        Ok(booked) => booked,
        Err(error) => {
            problems.push(format!("batch {id}: its sums cannot be read: {error}"));
            return Ok(0);
        }
    };
    let mut cost: BTreeMap<String, Pico> = BTreeMap::new();
    let mut rows = 0_i128;
    for [family, ..] in FAMILIES {
        let at = |level: usize| {
            let mut sums = Level::default();
            for held in held {
                if held.family == family && held.level == level && held.is_live_at(state.since) {
                    sums.add(&held.sums)?;
                }
            }
            Ok::<_, LedgerError>(sums)
        };
        let raw = at(0)?;
        rows = rows.saturating_add(raw.rows);
        for (level, name) in [(1, "hourly"), (2, "daily")] {
            if at(level)? != raw {
                problems.push(format!(
                    "batch {id}: {name} cells of {} do not add up to the raw rows",
                    family.name()
                ));
            }
        }
        if family == SegmentKind::Calls && raw.unpriced != i128::from(booked.unpriced_calls) {
            problems.push(format!("batch {id}: unpriced calls differ"));
        }
        for (currency, amount) in raw.cost.into_iter().filter(|(name, _)| name != OUTCOMES) {
            let sum = cost.entry(currency).or_default();
            sum.0 = sum.0.checked_add(amount.0).ok_or(LedgerError::Overflow)?;
        }
    }
    // Contract commitments are facts beside the rows.
    if rows.saturating_add(i128::from(booked.commitments)) != i128::from(batch.rows_accepted) {
        problems.push(format!(
            "batch {id} (`{}`): {} rows were accepted, {rows} are there",
            batch.file_name, batch.rows_accepted
        ));
    }
    let known = |sums: BTreeMap<String, Pico>| -> BTreeMap<String, Pico> {
        sums.into_iter().filter(|(_, amount)| amount.0 != 0).collect()
    };
    if known(cost.clone()) != known(booked.cost.clone()) {
        problems.push(format!(
            "batch {id} (`{}`): booked {:?}, segments hold {cost:?}",
            batch.file_name, booked.cost
        ));
    }
    Ok(rows)
}

fn add_segment(
    reader: &SegmentReader,
    kind: SegmentKind,
    currency_of: &BTreeMap<i32, String>,
    sums: &mut Level,
) -> Result<(), LedgerError> {
    let (amount, count) = match kind {
        SegmentKind::Calls => ("cost", None),
        SegmentKind::CallsByHour | SegmentKind::CallsByDay => ("cost", Some("calls")),
        SegmentKind::Charges => ("effective_cost", None),
        SegmentKind::ChargesByHour | SegmentKind::ChargesByDay => {
            ("effective_cost", Some("charges"))
        }
        SegmentKind::Outcomes => ("quantity", None),
        SegmentKind::OutcomesByHour | SegmentKind::OutcomesByDay => ("quantity", Some("outcomes")),
    };
    // Outcomes are no money: their quantities are compared under a name that is no currency.
    let is_outcome = amount == "quantity";
    let (mut series, mut amounts, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for (group, (rows, ..)) in reader.row_groups().into_iter().enumerate() {
        reader.read_i32(group, "series", &mut series)?;
        if reader.read_i128(group, amount, &mut amounts)? {
            for (series, amount) in series.iter().zip(&amounts) {
                let currency = match currency_of.get(series) {
                    _ if is_outcome => OUTCOMES.to_owned(),
                    Some(currency) => currency.clone(),
                    None => String::new(),
                };
                let sum = sums.cost.entry(currency).or_default();
                sum.0 = sum.0.checked_add(*amount).ok_or(LedgerError::Overflow)?;
            }
        }
        match count {
            Some(count) => {
                reader.read_i64(group, count, &mut counts)?;
                sums.rows += counts.iter().map(|&count| i128::from(count)).sum::<i128>();
                if reader.read_i64(group, "unpriced_calls", &mut counts)? {
                    sums.unpriced += counts.iter().map(|&count| i128::from(count)).sum::<i128>();
                }
            }
            None => {
                sums.rows += i128::try_from(rows).unwrap_or(0);
                if kind == SegmentKind::Calls {
                    let priced = reader.read_i64(group, "price", &mut counts)?;
                    let zeros = counts.iter().filter(|&&price| price == 0).count();
                    let unpriced = if priced { zeros } else { rows };
                    sums.unpriced += i128::try_from(unpriced).unwrap_or(0);
                }
            }
        }
    }
    // Zero sums are the same as none.
    sums.cost.retain(|_, amount| amount.0 != 0);
    Ok(())
}
