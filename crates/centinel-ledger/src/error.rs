//! What can go wrong with facts at rest.

use std::{io, path::PathBuf};

use centinel_store::StoreError;

/// What can go wrong with facts at rest.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The disk refused.
    #[error("`{}`", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A segment cannot be encoded or decoded.
    #[error("segment")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A segment is not what this version writes.
    #[error("segment `{segment}` is damaged: {reason}")]
    Corrupt {
        /// File name.
        segment: String,
        /// Why.
        reason: String,
    },
    /// Columns of different lengths.
    #[error("column `{column}` does not fit its segment")]
    Shape {
        /// Which column.
        column: &'static str,
    },
    /// The catalogue refused or failed.
    #[error("catalogue")]
    Store(#[from] StoreError),
    /// An amount that does not fit 128 bits.
    #[error("a sum of amounts does not fit 128 bits")]
    Overflow,
    /// A question whose answer would have too many rows.
    #[error(
        "the question asks for {cells} groups and periods; at most {limit} are answered at once"
    )]
    TooMany {
        /// Asked.
        cells: usize,
        /// Allowed.
        limit: usize,
    },
    /// A question that the segments cannot answer at the grain it needs.
    #[error("{measure} is kept by the hour; the period must start and end on the hour")]
    NotAligned {
        /// Which measure.
        measure: &'static str,
    },
    /// A bill that the source has, at least in part.
    #[error(
        "source `{source_name}` has charges of {period} of account `{account}` already, from \
         `{file_name}` (batch {batch})"
    )]
    KnownBill {
        /// Which source.
        source_name: String,
        /// Whose bill.
        account: String,
        /// Its billing period, as `2026-11`.
        period: String,
        /// The file that brought it.
        file_name: String,
        /// Its batch.
        batch: i64,
    },
    /// A batch that cannot give place, since it has more than what is to take it.
    #[error(
        "batch {batch} (`{file_name}`) cannot be replaced: it has {period} of account `{account}` \
         as well, which is not in the new file"
    )]
    LargerBill {
        /// The batch.
        batch: i64,
        /// Its file.
        file_name: String,
        /// Whose bill.
        account: String,
        /// A billing period that only it has.
        period: String,
    },
    /// More series than one source may have.
    #[error("source `{source_name}` has more than {limit} distinct label sets")]
    TooManySeries {
        /// Which source.
        source_name: String,
        /// The cap.
        limit: usize,
    },
}
