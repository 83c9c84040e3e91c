//! Segments: immutable, sorted Parquet files, written whole or not at all.
//!
//! INVARIANT: a segment is written to a temporary name, synced, renamed, its folder synced; only then
//! may the catalogue list it. A crash leaves at most a file that nobody lists.
//!
//! The format is open: any Parquet reader can read a segment. Instants are `TIMESTAMP(MICROS, UTC)`,
//! amounts `DECIMAL(18,12)` in INT64, or `DECIMAL(38,12)` in 16 bytes where one is larger.

mod read;
mod write;

pub(crate) use read::{RowGroup, SegmentReader};
pub(crate) use write::write_segment;

/// A column of a segment: as many values as the segment has rows.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) values: Values,
}

/// What a column holds.
#[derive(Debug)]
pub(crate) enum Values {
    /// Small whole numbers: series, states.
    Int32(Vec<i32>),
    /// Whole numbers.
    Int64(Vec<i64>),
    /// Whole numbers, some unknown.
    MaybeInt64(Vec<Option<i64>>),
    /// UTC microseconds.
    Micros(Vec<i64>),
    /// Amounts in pico-units.
    Amount(Vec<i128>),
    /// Amounts in pico-units, some unknown.
    MaybeAmount(Vec<Option<i128>>),
    /// 128-bit sums that are no amounts: squares, remainders (in 10^-30).
    Wide(Vec<i128>),
    /// 128-bit keys.
    Key(Vec<u128>),
    /// Text from a dictionary; index 0 is "none".
    Text { dictionary: Vec<String>, index: Vec<u32> },
    /// Opaque bytes: sketches.
    Bytes(Vec<Vec<u8>>),
}

impl Column {
    pub(crate) fn new(name: &'static str, values: Values) -> Self {
        Self { name, values }
    }
}

impl Values {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Int32(values) => values.len(),
            Self::Int64(values) | Self::Micros(values) => values.len(),
            Self::MaybeInt64(values) => values.len(),
            Self::Amount(values) | Self::Wide(values) => values.len(),
            Self::MaybeAmount(values) => values.len(),
            Self::Key(values) => values.len(),
            Self::Text { index, .. } => index.len(),
            Self::Bytes(values) => values.len(),
        }
    }

    /// Whether the column says nothing: all zero, all unknown, or all empty. Such a column is left
    /// out of the file, and an absent column reads as just that.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Int32(values) => values.iter().all(|&value| value == 0),
            Self::Int64(values) | Self::Micros(values) => values.iter().all(|&value| value == 0),
            Self::MaybeInt64(values) => values.iter().all(Option::is_none),
            Self::Amount(values) | Self::Wide(values) => values.iter().all(|&value| value == 0),
            Self::MaybeAmount(values) => values.iter().all(Option::is_none),
            Self::Key(values) => values.iter().all(|&value| value == 0),
            Self::Text { index, .. } => index.iter().all(|&value| value == 0),
            Self::Bytes(values) => values.iter().all(Vec::is_empty),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_column_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let big = 2_000_000_000_000_000_000_i128; // two million currency units, beyond INT64 decimals
        let columns = vec![
            Column::new("series", Values::Int32(vec![1, 1, 2])),
            Column::new("start_at", Values::Micros(vec![10, 20, 86_400_000_001])),
            Column::new("calls", Values::Int64(vec![1, 0, i64::MAX])),
            Column::new("latency_ms", Values::MaybeInt64(vec![None, Some(3), Some(-4)])),
            Column::new("cost", Values::Amount(vec![1, -2, 3])),
            Column::new("list_cost", Values::MaybeAmount(vec![Some(7), None, Some(big)])),
            Column::new("square", Values::Wide(vec![i128::MAX, 0, i128::MIN])),
            Column::new("call_key", Values::Key(vec![u128::MAX, 1, 0])),
            Column::new(
                "end_user",
                Values::Text { dictionary: vec![String::new(), "ü".into()], index: vec![0, 1, 1] },
            ),
            Column::new("sketch", Values::Bytes(vec![vec![1, 2], vec![], vec![255]])),
            Column::new("blank", Values::Int64(vec![0, 0, 0])),
        ];
        let written = write_segment(folder.path(), "a.parquet", &columns, &[2, 1]).unwrap();
        assert_eq!(
            written.bytes,
            std::fs::metadata(folder.path().join("a.parquet")).unwrap().len()
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

        let reader = SegmentReader::open(&folder.path().join("a.parquet")).unwrap();
        assert_eq!(reader.row_groups(), [(2, 10, 20), (1, 86_400_000_001, 86_400_000_001)]);
        let mut ints = Vec::new();
        let mut wide = Vec::new();
        assert!(!reader.read_i64(0, "blank", &mut ints).unwrap());
        for (name, expected) in [
            ("series", [vec![1, 1], vec![2]]),
            ("start_at", [vec![10, 20], vec![86_400_000_001]]),
            ("calls", [vec![1, 0], vec![i64::MAX]]),
            ("cost", [vec![1, -2], vec![3]]),
        ] {
            for (group, expected) in expected.iter().enumerate() {
                assert!(reader.read_i64(group, name, &mut ints).unwrap(), "{name}");
                assert_eq!(&ints, expected, "{name}");
            }
        }
        assert!(reader.read_i128(1, "list_cost", &mut wide).unwrap());
        assert_eq!(wide, [big]);
        assert!(reader.read_i128(0, "list_cost", &mut wide).unwrap());
        assert_eq!(wide, [7, 0]);
        assert!(reader.read_i128(0, "square", &mut wide).unwrap());
        assert_eq!(wide, [i128::MAX, 0]);
        assert!(reader.read_i128(0, "cost", &mut wide).unwrap());
        assert_eq!(wide, [1, -2]);
        let mut keys = Vec::new();
        assert!(reader.read_keys(0, "call_key", &mut keys).unwrap());
        assert_eq!(keys, [u128::MAX, 1]);
        let mut bytes = Vec::new();
        assert!(reader.read_bytes(0, "sketch", &mut bytes).unwrap());
        assert_eq!(bytes.iter().map(|b| b.to_vec()).collect::<Vec<_>>(), [vec![1, 2], vec![]]);
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let columns = vec![Column::new("series", Values::Int32((0..10_000).collect()))];
        write_segment(folder.path(), "a.parquet", &columns, &[10_000]).unwrap();
        let path = folder.path().join("a.parquet");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(SegmentReader::open(&path).is_err());
    }
}
