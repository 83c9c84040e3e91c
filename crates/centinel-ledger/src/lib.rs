//! Facts at rest: Parquet segments of raw calls and charges, the same by hour and by day, and the
//! questions that they answer.
//!
//! The only crate that writes Parquet. INVARIANT: files are written first and listed last, in one
//! transaction with their batch; what is not listed does not exist.

mod bill;
mod buffer;
mod calls;
mod cells;
mod charges;
mod columns;
mod distribution;
mod error;
mod evaluate;
mod export;
mod heads;
mod import;
mod known;
mod ledger;
mod order;
mod outcomes;
mod plan;
mod query;
mod restate;
mod rows;
mod scan;
mod segment;
mod slices;
mod verify;

pub use bill::OnOverlap;
pub use buffer::{CHUNK_ROWS, Chunk, LocalSeries, RejectedRow, RowBuffer};
pub use charges::AmountTooLarge;
pub use error::LedgerError;
pub use export::{ExportReport, ExportSums, FocusExport, FocusVersion, UnknownVersion};
pub use import::{Import, ImportFile, ImportReport, ImportSums, SERIES_MAX};
pub use ledger::{Ledger, LedgerState, OWN_SOURCE, Seen, SegmentKind};
pub use query::{
    Classifier, Condition, Distribution, DistributionRow, GroupBy, Measure, ScanLevel, ScanReport,
    SpendQuery, SpendRow, SpendTable,
};
pub use restate::{BookedCall, Repricer, Restating};
pub use rows::CallSum;
pub use verify::Verification;

/// What a live source says with its rows; see [`Import::deliver`].
pub use centinel_store::{
    DeliveredObject, DeliveredWindow, Delivery, KnownObject, KnownWindow, ObjectState,
};

#[cfg(test)]
mod tests;
