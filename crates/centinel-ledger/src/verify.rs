//! The proof that nothing was lost: files are what was written, and raw rows, hourly cells, daily
//! cells and batches all say the same sums.

use std::collections::BTreeMap;

use centinel_engine::{facts::hex, money::Pico, series::Dimension};
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

impl Ledger {
    /// Reads every segment and holds it to what the catalogue says.
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
        // (batch, family, level) → sums.
        let mut levels: BTreeMap<(i64, &'static str, usize), Level> = BTreeMap::new();
        for family in [SegmentKind::CALLS, SegmentKind::CHARGES, SegmentKind::OUTCOMES] {
            for (level, kind) in family.into_iter().enumerate() {
                for segment in self.database().segments(kind.name(), None, None).await? {
                    result.segments += 1;
                    let path = self.folder().join(&segment.name);
                    let bytes = match std::fs::read(&path) {
                        Ok(bytes) => bytes,
                        Err(error) => {
                            result.problems.push(format!("segment `{}`: {error}", segment.name));
                            continue;
                        }
                    };
                    if hex(&Sha256::digest(&bytes)) != segment.sha256 {
                        result.problems.push(format!(
                            "segment `{}` is not what was written: its SHA-256 differs",
                            segment.name
                        ));
                        continue;
                    }
                    let sums = levels.entry((segment.batch, family[0].name(), level)).or_default();
                    let reader = SegmentReader::open(&path)?;
                    add_segment(&reader, kind, &currency_of, sums)?;
                }
            }
        }
        for batch in self.database().batches().await? {
            result.batches += 1;
            let booked: ImportSums = match serde_json::from_str(&batch.sums) {
                Ok(booked) => booked,
                Err(error) => {
                    result
                        .problems
                        .push(format!("batch {}: its sums cannot be read: {error}", batch.id));
                    continue;
                }
            };
            let mut cost: BTreeMap<String, Pico> = BTreeMap::new();
            let mut rows = 0;
            for family in [SegmentKind::CALLS, SegmentKind::CHARGES, SegmentKind::OUTCOMES] {
                let at = |level| {
                    levels.get(&(batch.id, family[0].name(), level)).cloned().unwrap_or_default()
                };
                let raw = at(0);
                rows += raw.rows;
                for (level, name) in [(1, "hourly"), (2, "daily")] {
                    if at(level) != raw {
                        result.problems.push(format!(
                            "batch {}: {name} cells of {} do not add up to the raw rows",
                            batch.id,
                            family[0].name()
                        ));
                    }
                }
                if family[0] == SegmentKind::Calls
                    && raw.unpriced != i128::from(booked.unpriced_calls)
                {
                    result.problems.push(format!("batch {}: unpriced calls differ", batch.id));
                }
                for (currency, amount) in raw.cost.into_iter().filter(|(name, _)| name != OUTCOMES)
                {
                    let sum = cost.entry(currency).or_default();
                    sum.0 = sum.0.checked_add(amount.0).ok_or(LedgerError::Overflow)?;
                }
            }
            result.raw_rows += i64::try_from(rows).unwrap_or(i64::MAX);
            if rows != i128::from(batch.rows_accepted) {
                result.problems.push(format!(
                    "batch {} (`{}`): {} rows were accepted, {rows} are there",
                    batch.id, batch.file_name, batch.rows_accepted
                ));
            }
            let known = |sums: BTreeMap<String, Pico>| -> BTreeMap<String, Pico> {
                sums.into_iter().filter(|(_, amount)| amount.0 != 0).collect()
            };
            if known(cost.clone()) != known(booked.cost.clone()) {
                result.problems.push(format!(
                    "batch {} (`{}`): booked {:?}, segments hold {cost:?}",
                    batch.id, batch.file_name, booked.cost
                ));
            }
        }
        Ok(result)
    }
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
