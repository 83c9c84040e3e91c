//! Writing a segment.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    ops::Range,
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use parquet::{
    basic::{
        Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel,
    },
    data_type::{
        ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
    },
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::{ColumnPath, Type, TypePtr},
};
use sha2::{Digest as _, Sha256};

use super::{Column, Values};
use crate::LedgerError;

/// The largest amount that fits a `DECIMAL(18,12)`: below one million currency units.
const NARROW_MAX: i128 = 999_999_999_999_999_999;

/// A segment on disk, not yet in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// Length of the file.
    pub(crate) bytes: u64,
    /// SHA-256 of the file, hex.
    pub(crate) sha256: String,
}

/// Writes columns of equal length as one file; `row_groups` are the lengths of its row groups.
///
/// Blank columns are left out. The file is complete and synced when this returns.
///
/// # Errors
///
/// [`LedgerError`] when the disk or the encoder fails; no file of that name exists then.
pub(crate) fn write_segment(
    folder: &Path,
    name: &str,
    columns: &[Column],
    row_groups: &[usize],
) -> Result<Written, LedgerError> {
    let failed = |source: io::Error| LedgerError::Io { path: folder.join(name), source };
    let columns: Vec<Shaped<'_>> =
        columns.iter().filter(|column| !column.values.is_blank()).map(Shaped::of).collect();
    if folder.join(name).exists() {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    let temporary = folder.join(format!(".{name}.tmp"));
    let file = File::create(&temporary).map_err(failed)?;
    let sink =
        Hashing { inner: BufWriter::with_capacity(1 << 16, file), sha: Sha256::new(), bytes: 0 };

    let mut writer = SerializedFileWriter::new(sink, schema(&columns)?, properties(&columns)?)?;
    let mut start = 0_usize;
    for &length in row_groups {
        let rows = start..start.saturating_add(length);
        let mut group = writer.next_row_group()?;
        for column in &columns {
            let Some(mut target) = group.next_column()? else { break };
            column.write(&mut target, rows.clone())?;
            target.close()?;
        }
        group.close()?;
        start = rows.end;
    }
    let sink = writer.into_inner()?;
    let bytes = sink.bytes;
    let sha256 = centinel_engine::facts::hex(&sink.sha.finalize());
    let file = sink.inner.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(&temporary, folder.join(name)).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(Written { bytes, sha256 })
}

/// A column with the physical form chosen for it.
struct Shaped<'a> {
    column: &'a Column,
    physical: Physical,
    optional: bool,
    logical: Option<LogicalType>,
    /// Of decimals.
    precision: i32,
}

impl<'a> Shaped<'a> {
    fn of(column: &'a Column) -> Self {
        let plain =
            |physical| Self { column, physical, optional: false, logical: None, precision: 0 };
        let decimal = |narrow: bool, optional| {
            let (physical, precision) =
                if narrow { (Physical::INT64, 18) } else { (Physical::FIXED_LEN_BYTE_ARRAY, 38) };
            let logical = Some(LogicalType::decimal(12, precision));
            Self { column, physical, optional, logical, precision }
        };
        let narrow = |value: &i128| value.unsigned_abs() <= NARROW_MAX.unsigned_abs();
        match &column.values {
            Values::Int32(_) => plain(Physical::INT32),
            Values::Int64(_) => plain(Physical::INT64),
            Values::MaybeInt64(_) => Self { optional: true, ..plain(Physical::INT64) },
            Values::Micros(_) => Self {
                logical: Some(LogicalType::timestamp(true, TimeUnit::MICROS)),
                ..plain(Physical::INT64)
            },
            Values::Amount(values) => decimal(values.iter().all(narrow), false),
            Values::MaybeAmount(values) => {
                decimal(values.iter().flatten().all(narrow), values.iter().any(Option::is_none))
            }
            Values::Wide(_) | Values::Key(_) => plain(Physical::FIXED_LEN_BYTE_ARRAY),
            Values::Text { .. } => Self {
                optional: true,
                logical: Some(LogicalType::String),
                ..plain(Physical::BYTE_ARRAY)
            },
            Values::Bytes(_) => plain(Physical::BYTE_ARRAY),
        }
    }

    fn schema(&self) -> Result<TypePtr, LedgerError> {
        let repetition = if self.optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let mut builder = Type::primitive_type_builder(self.column.name, self.physical)
            .with_repetition(repetition)
            .with_logical_type(self.logical.clone());
        if self.precision > 0 {
            builder = builder.with_precision(self.precision).with_scale(12);
        }
        if self.physical == Physical::FIXED_LEN_BYTE_ARRAY {
            builder = builder.with_length(16);
        }
        Ok(Arc::new(builder.build()?))
    }

    fn write(
        &self,
        target: &mut SerializedColumnWriter<'_>,
        rows: Range<usize>,
    ) -> Result<(), LedgerError> {
        let out_of_range = || LedgerError::Shape { column: self.column.name };
        match &self.column.values {
            Values::Int32(values) => {
                let values = values.get(rows).ok_or_else(out_of_range)?;
                target.typed::<Int32Type>().write_batch(values, None, None)?;
            }
            Values::Int64(values) | Values::Micros(values) => {
                let values = values.get(rows).ok_or_else(out_of_range)?;
                target.typed::<Int64Type>().write_batch(values, None, None)?;
            }
            Values::MaybeInt64(values) => {
                let values = values.get(rows).ok_or_else(out_of_range)?;
                let levels: Vec<i16> = values.iter().map(|v| i16::from(v.is_some())).collect();
                let present: Vec<i64> = values.iter().flatten().copied().collect();
                target.typed::<Int64Type>().write_batch(&present, Some(&levels), None)?;
            }
            Values::Amount(values) => {
                let values = values.get(rows).ok_or_else(out_of_range)?;
                self.write_amounts(target, values.iter().copied(), None)?;
            }
            Values::MaybeAmount(values) => {
                let values = values.get(rows).ok_or_else(out_of_range)?;
                let levels: Vec<i16> = values.iter().map(|v| i16::from(v.is_some())).collect();
                let levels = self.optional.then_some(levels.as_slice());
                self.write_amounts(target, values.iter().flatten().copied(), levels)?;
            }
            Values::Wide(values) => {
                let values = values.get(rows).ok_or_else(out_of_range)?;
                let fixed: Vec<_> = values.iter().map(|v| fixed(&v.to_be_bytes())).collect();
                target.typed::<FixedLenByteArrayType>().write_batch(&fixed, None, None)?;
            }
            Values::Key(values) => {
                let values = values.get(rows).ok_or_else(out_of_range)?;
                let fixed: Vec<_> = values.iter().map(|v| fixed(&v.to_be_bytes())).collect();
                target.typed::<FixedLenByteArrayType>().write_batch(&fixed, None, None)?;
            }
            Values::Text { dictionary, index } => {
                let index = index.get(rows).ok_or_else(out_of_range)?;
                let words: Vec<ByteArray> = dictionary
                    .iter()
                    .map(|word| Bytes::copy_from_slice(word.as_bytes()).into())
                    .collect();
                let levels: Vec<i16> = index.iter().map(|&i| i16::from(i != 0)).collect();
                let present: Vec<ByteArray> = index
                    .iter()
                    .filter(|&&i| i != 0)
                    .map(|&i| usize::try_from(i).ok().and_then(|i| words.get(i)).cloned())
                    .collect::<Option<_>>()
                    .ok_or_else(out_of_range)?;
                target.typed::<ByteArrayType>().write_batch(&present, Some(&levels), None)?;
            }
            Values::Bytes(values) => {
                let values = values.get(rows).ok_or_else(out_of_range)?;
                let bytes: Vec<ByteArray> =
                    values.iter().map(|v| Bytes::copy_from_slice(v).into()).collect();
                target.typed::<ByteArrayType>().write_batch(&bytes, None, None)?;
            }
        }
        Ok(())
    }

    fn write_amounts(
        &self,
        target: &mut SerializedColumnWriter<'_>,
        values: impl Iterator<Item = i128>,
        levels: Option<&[i16]>,
    ) -> Result<(), LedgerError> {
        if self.physical == Physical::INT64 {
            let narrow: Result<Vec<i64>, _> = values.map(i64::try_from).collect();
            let narrow = narrow.map_err(|_| LedgerError::Shape { column: self.column.name })?;
            target.typed::<Int64Type>().write_batch(&narrow, levels, None)?;
        } else {
            let wide: Vec<_> = values.map(|value| fixed(&value.to_be_bytes())).collect();
            target.typed::<FixedLenByteArrayType>().write_batch(&wide, levels, None)?;
        }
        Ok(())
    }
}

fn fixed(bytes: &[u8; 16]) -> FixedLenByteArray {
    ByteArray::from(Bytes::copy_from_slice(bytes)).into()
}

fn schema(columns: &[Shaped<'_>]) -> Result<TypePtr, LedgerError> {
    let fields = columns.iter().map(Shaped::schema).collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder("centinel").with_fields(fields).build()?))
}

/// Whole numbers are delta-packed, keys are stored as they are, text and states by dictionary.
fn properties(columns: &[Shaped<'_>]) -> Result<Arc<WriterProperties>, LedgerError> {
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("centinel ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_data_page_row_count_limit(1 << 20)
        .set_data_page_size_limit(1 << 20)
        .set_offset_index_disabled(true);
    for column in columns {
        let path = ColumnPath::from(column.column.name);
        let packed = matches!(column.physical, Physical::INT32 | Physical::INT64);
        let is_text = matches!(column.column.values, Values::Text { .. });
        builder = builder.set_column_dictionary_enabled(path.clone(), is_text);
        if packed {
            builder = builder.set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED);
        }
        if matches!(column.column.values, Values::Micros(_)) {
            builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::Chunk);
        }
        if matches!(column.column.values, Values::Key(_)) {
            builder = builder.set_column_compression(path, Compression::UNCOMPRESSED);
        }
    }
    Ok(Arc::new(builder.build()))
}

/// Hashes what passes through, so that a file need not be read again to be signed for.
struct Hashing<W> {
    inner: W,
    sha: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.sha.update(buffer.get(..written).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
