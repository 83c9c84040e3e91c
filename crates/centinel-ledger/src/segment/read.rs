//! Reading a segment, column by column.

use std::{collections::BTreeMap, fs::File, path::Path};

use bytes::Bytes;
use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, DataType, FixedLenByteArray},
    file::{
        reader::{FileReader as _, SerializedFileReader},
        statistics::Statistics,
    },
};

use crate::LedgerError;

/// Rows, earliest and latest `start_at` of a row group.
pub(crate) type RowGroup = (usize, i64, i64);

/// One open segment. Each thread opens its own.
pub(crate) struct SegmentReader {
    file: SerializedFileReader<File>,
    columns: BTreeMap<String, usize>,
    name: String,
}

impl SegmentReader {
    pub(crate) fn open(path: &Path) -> Result<Self, LedgerError> {
        let source = |source| LedgerError::Io { path: path.to_owned(), source };
        let file = SerializedFileReader::new(File::open(path).map_err(source)?)?;
        let schema = file.metadata().file_metadata().schema_descr();
        let columns = schema
            .columns()
            .iter()
            .enumerate()
            .map(|(index, column)| (column.name().to_owned(), index))
            .collect();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { file, columns, name })
    }

    /// File name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The row groups. Without statistics they may hold all of time.
    pub(crate) fn row_groups(&self) -> Vec<RowGroup> {
        let time = self.columns.get("start_at").copied();
        let groups = self.file.metadata().row_groups().iter();
        groups
            .map(|group| {
                let rows = usize::try_from(group.num_rows()).unwrap_or(0);
                let statistics = time.and_then(|index| group.columns().get(index)?.statistics());
                match statistics {
                    Some(Statistics::Int64(s)) => (
                        rows,
                        s.min_opt().copied().unwrap_or(i64::MIN),
                        s.max_opt().copied().unwrap_or(i64::MAX),
                    ),
                    _ => (rows, i64::MIN, i64::MAX),
                }
            })
            .collect()
    }

    /// Reads a column of whole numbers or narrow amounts; unknown values read as zero. `false` when
    /// the column is absent (it was blank), or holds 16-byte values.
    pub(crate) fn read_i64(
        &self,
        group: usize,
        column: &str,
        into: &mut Vec<i64>,
    ) -> Result<bool, LedgerError> {
        into.clear();
        match self.column(group, column)? {
            Some(ColumnReader::Int64ColumnReader(reader)) => {
                spread(reader, self.rows(group), into, |value| value)?;
                Ok(true)
            }
            Some(ColumnReader::Int32ColumnReader(reader)) => {
                let mut narrow = Vec::new();
                spread(reader, self.rows(group), &mut narrow, |value| value)?;
                into.extend(narrow.into_iter().map(i64::from));
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Reads a column of numbers or states of 32 bits. `false` when the column is absent.
    pub(crate) fn read_i32(
        &self,
        group: usize,
        column: &str,
        into: &mut Vec<i32>,
    ) -> Result<bool, LedgerError> {
        into.clear();
        match self.column(group, column)? {
            Some(ColumnReader::Int32ColumnReader(reader)) => {
                spread(reader, self.rows(group), into, |value| value)?;
                Ok(true)
            }
            None => Ok(false),
            Some(_) => Err(self.corrupt(column, "is not 32-bit")),
        }
    }

    /// Reads amounts, narrow or wide; unknown values read as zero. `false` when absent.
    pub(crate) fn read_i128(
        &self,
        group: usize,
        column: &str,
        into: &mut Vec<i128>,
    ) -> Result<bool, LedgerError> {
        into.clear();
        match self.column(group, column)? {
            Some(ColumnReader::Int64ColumnReader(reader)) => {
                let mut narrow = Vec::new();
                spread(reader, self.rows(group), &mut narrow, |value| value)?;
                into.extend(narrow.into_iter().map(i128::from));
                Ok(true)
            }
            Some(ColumnReader::FixedLenByteArrayColumnReader(reader)) => {
                spread(reader, self.rows(group), into, |value| wide(&value))?;
                Ok(true)
            }
            None => Ok(false),
            Some(_) => Err(self.corrupt(column, "is not an amount")),
        }
    }

    /// Reads amounts, narrow or wide, that may be unknown. `false` when absent: all are unknown.
    pub(crate) fn read_maybe_i128(
        &self,
        group: usize,
        column: &str,
        into: &mut Vec<Option<i128>>,
    ) -> Result<bool, LedgerError> {
        into.clear();
        match self.column(group, column)? {
            Some(ColumnReader::Int64ColumnReader(reader)) => {
                spread(reader, self.rows(group), into, |value| Some(i128::from(value)))?;
                Ok(true)
            }
            Some(ColumnReader::FixedLenByteArrayColumnReader(reader)) => {
                spread(reader, self.rows(group), into, |value| Some(wide(&value)))?;
                Ok(true)
            }
            None => Ok(false),
            Some(_) => Err(self.corrupt(column, "is not an amount")),
        }
    }

    /// Reads 128-bit keys. `false` when absent.
    pub(crate) fn read_keys(
        &self,
        group: usize,
        column: &str,
        into: &mut Vec<u128>,
    ) -> Result<bool, LedgerError> {
        into.clear();
        match self.column(group, column)? {
            Some(ColumnReader::FixedLenByteArrayColumnReader(reader)) => {
                spread(reader, self.rows(group), into, |value| wide(&value).cast_unsigned())?;
                Ok(true)
            }
            None => Ok(false),
            Some(_) => Err(self.corrupt(column, "is not a key")),
        }
    }

    /// Reads amounts, unknown ones as such; as many as the group has rows, all unknown when absent.
    pub(crate) fn read_amounts(
        &self,
        group: usize,
        column: &str,
        into: &mut Vec<Option<i128>>,
    ) -> Result<(), LedgerError> {
        into.clear();
        let rows = self.rows(group);
        match self.column(group, column)? {
            Some(ColumnReader::Int64ColumnReader(reader)) => {
                spread(reader, rows, into, |value| Some(i128::from(value)))
            }
            Some(ColumnReader::FixedLenByteArrayColumnReader(reader)) => {
                spread(reader, rows, into, |value| Some(wide(&value)))
            }
            None => {
                into.resize(rows, None);
                Ok(())
            }
            Some(_) => Err(self.corrupt(column, "is not an amount")),
        }
    }

    /// Reads texts; as many as the group has rows, none of them when absent.
    pub(crate) fn read_texts(
        &self,
        group: usize,
        column: &str,
    ) -> Result<Vec<Option<ByteArray>>, LedgerError> {
        let rows = self.rows(group);
        let mut texts = Vec::with_capacity(rows);
        match self.column(group, column)? {
            Some(ColumnReader::ByteArrayColumnReader(reader)) => {
                spread(reader, rows, &mut texts, Some)?;
            }
            None => texts.resize(rows, None),
            Some(_) => return Err(self.corrupt(column, "is not text")),
        }
        Ok(texts)
    }

    /// Reads opaque bytes. `false` when absent.
    pub(crate) fn read_bytes(
        &self,
        group: usize,
        column: &str,
        into: &mut Vec<Bytes>,
    ) -> Result<bool, LedgerError> {
        into.clear();
        match self.column(group, column)? {
            Some(ColumnReader::ByteArrayColumnReader(reader)) => {
                let take = |value: ByteArray| Bytes::copy_from_slice(value.data());
                spread(reader, self.rows(group), into, take)?;
                Ok(true)
            }
            None => Ok(false),
            Some(_) => Err(self.corrupt(column, "is not bytes")),
        }
    }

    /// Rows of a row group.
    pub(crate) fn rows(&self, group: usize) -> usize {
        let groups = self.file.metadata().row_groups();
        groups.get(group).and_then(|group| usize::try_from(group.num_rows()).ok()).unwrap_or(0)
    }

    fn column(&self, group: usize, column: &str) -> Result<Option<ColumnReader>, LedgerError> {
        let Some(&index) = self.columns.get(column) else { return Ok(None) };
        Ok(Some(self.file.get_row_group(group)?.get_column_reader(index)?))
    }

    /// An error about a column of this segment.
    pub(crate) fn corrupt(&self, column: &str, problem: &str) -> LedgerError {
        let reason = format!("column `{column}` {problem}");
        LedgerError::Corrupt { segment: self.name.clone(), reason }
    }
}

/// Reads all rows of one column chunk; unknown values become the default.
fn spread<T: DataType, U: Default + Clone>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    into: &mut Vec<U>,
    convert: impl Fn(T::T) -> U,
) -> Result<(), LedgerError> {
    let mut values: Vec<T::T> = Vec::with_capacity(rows);
    let mut levels = Vec::new();
    reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    if values.len() == rows {
        into.extend(values.into_iter().map(convert));
    } else {
        let mut values = values.into_iter();
        into.extend(levels.iter().map(|&level| {
            if level > 0 { values.next().map(&convert).unwrap_or_default() } else { U::default() }
        }));
    }
    Ok(())
}

fn wide(value: &FixedLenByteArray) -> i128 {
    <[u8; 16]>::try_from(value.data()).map_or(0, i128::from_be_bytes)
}
