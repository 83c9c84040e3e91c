//! Rows on their way in: a buffer that a connector fills on one thread while another writes.

use std::collections::HashMap;

use centinel_engine::{
    focus::Charge,
    money::{Decimal, Pico},
    series::{Labels, SeriesKey},
    usage::{BookedCost, Call, Outcome},
};
use sha2::{Digest as _, Sha256};

use crate::{
    calls::CallBatch,
    charges::{AmountTooLarge, ChargeBatch},
    outcomes::OutcomeBatch,
};

/// Rows that make a chunk: what is sorted and written at once.
pub const CHUNK_ROWS: usize = 262_144;

/// A row that was read but cannot be booked, or could not be read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RejectedRow {
    /// Data row in its file, 1 first.
    pub row: u64,
    /// Why: one line that names column and value.
    pub reason: String,
    /// The row as it was, cut at 4 KiB.
    pub raw: String,
}

/// The number of a label set within one import. Stays the same from chunk to chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LocalSeries(pub u32);

/// Rows of one import since the last chunk, and the label sets that they brought.
#[derive(Debug, Default)]
pub struct RowBuffer {
    known: HashMap<String, u32>,
    canon: String,
    chunk: Chunk,
}

/// What the writing side takes over.
#[derive(Debug, Default)]
pub struct Chunk {
    pub(crate) new_series: Vec<(String, SeriesKey)>,
    pub(crate) calls: CallBatch,
    pub(crate) charges: ChargeBatch,
    pub(crate) outcomes: OutcomeBatch,
    pub(crate) rejected: Vec<RejectedRow>,
}

impl RowBuffer {
    /// The number of a label set in this import; `true` when it is new.
    pub fn series(&mut self, labels: &Labels) -> (LocalSeries, bool) {
        labels.encode(&mut self.canon);
        if let Some(&local) = self.known.get(self.canon.as_str()) {
            return (LocalSeries(local), false);
        }
        let local = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        self.known.insert(self.canon.clone(), local);
        self.chunk.new_series.push((self.canon.clone(), labels.to_key()));
        (LocalSeries(local), true)
    }

    /// How many label sets this import has brought so far.
    pub fn series_count(&self) -> usize {
        self.known.len()
    }

    /// Adds a call; `cost` is `None` when no price is known.
    pub fn push_call(&mut self, series: LocalSeries, call: &Call, cost: Option<&BookedCost>) {
        self.chunk.calls.push(series.0, row_key(call.call_id.as_deref()), call, cost);
    }

    /// Adds a charge.
    ///
    /// # Errors
    ///
    /// [`AmountTooLarge`]; the row is not added then.
    pub fn push_charge(
        &mut self,
        series: LocalSeries,
        charge: &Charge,
    ) -> Result<(), AmountTooLarge> {
        self.chunk.charges.push(series.0, row_key(charge.charge_id.as_deref()), charge)
    }

    /// Adds an outcome.
    ///
    /// # Errors
    ///
    /// The quantity, when it has more than 12 decimals.
    pub fn push_outcome(&mut self, series: LocalSeries, outcome: &Outcome) -> Result<(), Decimal> {
        let quantity = Pico::try_from(outcome.quantity).map_err(|_| outcome.quantity)?;
        let key = row_key(Some(&outcome.outcome_id));
        self.chunk.outcomes.push(series.0, key, outcome, quantity);
        Ok(())
    }

    /// Keeps a rejected row.
    pub fn push_rejected(&mut self, rejected: RejectedRow) {
        self.chunk.rejected.push(rejected);
    }

    /// Whether it is time to hand over.
    pub fn is_full(&self) -> bool {
        self.chunk.calls.len() + self.chunk.charges.len() + self.chunk.outcomes.len() >= CHUNK_ROWS
            || self.chunk.rejected.len() >= CHUNK_ROWS / 8
    }

    /// Hands the rows over and starts the next chunk.
    pub fn take(&mut self) -> Chunk {
        std::mem::take(&mut self.chunk)
    }
}

/// 128 bits of SHA-256 over a row's id: an attacker who chooses ids cannot make two rows collide.
/// 0 for rows without an id, which are keyed by their file's digest and their position there.
fn row_key(id: Option<&str>) -> u128 {
    id.map_or(0, |id| {
        let digest = Sha256::digest(id.as_bytes());
        let key = digest.first_chunk::<16>().map_or(0, |bytes| u128::from_be_bytes(*bytes));
        key.max(1)
    })
}
