//! Parquet as rows of texts: what a CSV field would hold.
//!
//! Row groups are read page by page, so memory holds one page a column. Flat columns keep their
//! name, members of a struct get a dotted path (`project.id`), and maps and lists become JSON text.
//! Timestamps of every unit become RFC 3339 in UTC, decimals keep their digits, and a double is
//! written with the fewest digits that give it back.
//!
//! # Source
//!
//! Apache Parquet format 2.11, logical types; crate `parquet` 60, module `record`. Codecs: none,
//! Snappy, gzip, zstd.

use std::{
    cell::Cell,
    fmt::Write as _,
    fs::File,
    ops::Range,
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use bytes::Bytes;
use jiff::Timestamp;
use parquet::{
    basic::{ConvertedType, LogicalType, TimeUnit},
    data_type::Decimal,
    errors::ParquetError,
    file::{reader::FileReader, serialized_reader::SerializedFileReader},
    record::{
        Field, Row,
        reader::{ReaderIter, TreeBuilder},
    },
    schema::types::Type,
};

use crate::{
    csv_rows::{CsvRow, Values},
    read::ReadError,
    sink::Position,
    table::TableRows,
};

const MAGIC: &[u8] = b"PAR1";

/// Deepest nesting of structs that gets columns.
const DEPTH_MAX: usize = 8;

/// Whether an input starts as Parquet does.
pub(crate) fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// What a top-level column, or a member of a struct, becomes.
#[derive(Debug, Clone)]
enum Node {
    /// One column. A number may count nanoseconds, which the record reader does not know.
    Leaf { is_nanoseconds: bool },
    /// A column for each member.
    Struct(Vec<Node>),
}

impl Node {
    fn of(field: &Type, path: &str, depth: usize, names: &mut Vec<String>) -> Self {
        let info = field.get_basic_info();
        let is_nested =
            info.has_repetition() && info.repetition() == parquet::basic::Repetition::REPEATED;
        let is_struct = field.is_group()
            && !is_nested
            && info.converted_type() == ConvertedType::NONE
            && info.logical_type_ref().is_none()
            && depth < DEPTH_MAX;
        if is_struct {
            let members = field.get_fields().iter();
            return Self::Struct(
                members
                    .map(|member| {
                        Self::of(member, &format!("{path}.{}", member.name()), depth + 1, names)
                    })
                    .collect(),
            );
        }
        names.push(path.to_owned());
        let is_nanoseconds = matches!(
            info.logical_type_ref(),
            Some(LogicalType::Timestamp(timestamp)) if timestamp.unit == TimeUnit::NANOS
        );
        Self::Leaf { is_nanoseconds }
    }
}

/// The rows of a Parquet file.
pub(crate) struct ParquetRows {
    reader: Box<dyn FileReader>,
    names: Vec<String>,
    nodes: Vec<Node>,
    rows: Option<ReaderIter>,
    // The row group to read after `rows`.
    group: usize,
    row: u64,
    text_bytes: u64,
    bytes_max: u64,
    text: String,
    spans: Vec<Range<usize>>,
}

impl ParquetRows {
    /// Opens a file.
    pub(crate) fn of_file(file: File, bytes_max: u64) -> Result<Self, ReadError> {
        Ok(Self::new(guarded(|| SerializedFileReader::new(file))?, bytes_max))
    }

    /// Opens a file that is in memory.
    pub(crate) fn of_bytes(bytes: Vec<u8>, bytes_max: u64) -> Result<Self, ReadError> {
        let bytes = Bytes::from(bytes);
        Ok(Self::new(guarded(|| SerializedFileReader::new(bytes))?, bytes_max))
    }

    fn new(reader: impl FileReader + 'static, bytes_max: u64) -> Self {
        let schema = reader.metadata().file_metadata().schema();
        let mut names = Vec::new();
        let nodes = schema
            .get_fields()
            .iter()
            .map(|field| Node::of(field, field.name(), 0, &mut names))
            .collect();
        Self {
            reader: Box::new(reader),
            names,
            nodes,
            rows: None,
            group: 0,
            row: 0,
            text_bytes: 0,
            bytes_max,
            text: String::new(),
            spans: Vec::new(),
        }
    }

    /// The names of the columns.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The first values of a column that are not null; reading starts again at the first row.
    pub(crate) fn sample(&mut self, column: usize, count: usize) -> Result<Vec<String>, ReadError> {
        let mut sample = Vec::new();
        while sample.len() < count && self.row < 1_000 {
            let Some(row) = self.next()? else { break };
            if let Ok(values) = row.values
                && !crate::calls::is_null(values.get(column))
            {
                sample.push(values.get(column).to_owned());
            }
        }
        (self.rows, self.group, self.row, self.text_bytes) = (None, 0, 0, 0);
        Ok(sample)
    }

    /// The next row of the record reader.
    fn advance(&mut self) -> Result<Option<Row>, ReadError> {
        let Self { reader, rows, group, row, .. } = self;
        let groups = reader.num_row_groups();
        guarded(|| {
            loop {
                if let Some(next) = rows.as_mut().and_then(Iterator::next) {
                    return next.map(Some);
                }
                if *group >= groups {
                    return Ok(None);
                }
                let descr = reader.metadata().file_metadata().schema_descr_ptr();
                let opened = reader.get_row_group(*group)?;
                *rows = Some(TreeBuilder::new().as_iter(descr, opened.as_ref())?);
                *group += 1;
            }
        })
        .map_err(|error| match error {
            ReadError::Parquet { reason, .. } => ReadError::Parquet { row: *row + 1, reason },
            other => other,
        })
    }
}

impl TableRows for ParquetRows {
    fn header(&mut self) -> Result<Vec<String>, ReadError> {
        Ok(self.names.clone())
    }

    fn next(&mut self) -> Result<Option<CsvRow<'_>>, ReadError> {
        let Some(row) = self.advance()? else { return Ok(None) };
        self.row += 1;
        let position = Position { row: self.row, line: self.row, offset: self.text_bytes };
        self.text.clear();
        self.spans.clear();
        for (node, (_, field)) in self.nodes.iter().zip(row.get_column_iter()) {
            write_node(node, Some(field), &mut self.text, &mut self.spans);
        }
        self.text_bytes += self.text.len() as u64;
        if self.text_bytes > self.bytes_max {
            return Err(ReadError::TooLarge { bytes_max: self.bytes_max });
        }
        let values = Ok(Values::new(&self.text, &self.spans));
        Ok(Some(CsvRow { position, raw: self.text.as_bytes(), values }))
    }

    fn offset(&self) -> u64 {
        self.text_bytes
    }
}

thread_local! {
    /// Whether a panic of this thread is caught and told as an error, so that nothing is printed of it.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Calls into the Parquet reader. It refuses most damage with an error, but a few checks of its own
/// panic; a damaged file is an error of the input, never of the process.
fn guarded<T>(call: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ReadError> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_GUARDED.get() {
                usual(info);
            }
        }));
    });
    let failed = |reason: String| ReadError::Parquet { row: 0, reason };
    IS_GUARDED.set(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    IS_GUARDED.set(false);
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            let text = error.to_string();
            let reason = text.lines().next().unwrap_or_default();
            Err(failed(reason.chars().take(200).collect()))
        }
        Err(_) => Err(failed("its pages contradict its schema".to_owned())),
    }
}

fn write_node(
    node: &Node,
    field: Option<&Field>,
    text: &mut String,
    spans: &mut Vec<Range<usize>>,
) {
    match node {
        Node::Leaf { is_nanoseconds } => {
            // The texts are parted, so that a rejected row can be shown whole.
            if !spans.is_empty() {
                text.push(',');
            }
            let start = text.len();
            match field {
                Some(Field::Long(nanoseconds)) if *is_nanoseconds => {
                    push_time(Timestamp::from_nanosecond(i128::from(*nanoseconds)), text);
                }
                Some(field) => push_text(field, text),
                None => {}
            }
            spans.push(start..text.len());
        }
        Node::Struct(members) => {
            let group = match field {
                Some(Field::Group(row)) => Some(row),
                _ => None,
            };
            let mut fields = group.map(Row::get_column_iter);
            for member in members {
                let field = fields.as_mut().and_then(Iterator::next).map(|(_, field)| field);
                write_node(member, field, text, spans);
            }
        }
    }
}

/// A field as a CSV field would hold it; null is empty.
fn push_text(field: &Field, text: &mut String) {
    match field {
        Field::Null => {}
        Field::Str(value) => text.push_str(value),
        Field::Bytes(bytes) => text.push_str(&String::from_utf8_lossy(bytes.data())),
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => push_json(field, text),
        scalar => push_scalar(scalar, text),
    }
}

fn push_scalar(field: &Field, text: &mut String) {
    // Writing to a String cannot fail.
    let _ = match field {
        Field::Bool(value) => write!(text, "{value}"),
        Field::Byte(value) => write!(text, "{value}"),
        Field::Short(value) => write!(text, "{value}"),
        Field::Int(value) | Field::TimeMillis(value) => write!(text, "{value}"),
        Field::Long(value) | Field::TimeMicros(value) => write!(text, "{value}"),
        Field::UByte(value) => write!(text, "{value}"),
        Field::UShort(value) => write!(text, "{value}"),
        Field::UInt(value) => write!(text, "{value}"),
        Field::ULong(value) => write!(text, "{value}"),
        Field::Float16(value) => write!(text, "{value}"),
        Field::Float(value) => write!(text, "{value}"),
        Field::Double(value) => write!(text, "{value}"),
        Field::Decimal(value) => {
            push_decimal(value, text);
            Ok(())
        }
        Field::Date(days) => {
            push_date(*days, text);
            Ok(())
        }
        Field::TimestampMillis(at) => {
            push_time(Timestamp::from_millisecond(*at), text);
            Ok(())
        }
        Field::TimestampMicros(at) => {
            push_time(Timestamp::from_microsecond(*at), text);
            Ok(())
        }
        _ => Ok(()),
    };
}

/// An instant; one that is outside of time stays readable as an error.
fn push_time(at: Result<Timestamp, jiff::Error>, text: &mut String) {
    match at {
        // Writing to a String cannot fail.
        Ok(at) => drop(write!(text, "{at}")),
        Err(_) => text.push_str("out of range"),
    }
}

fn push_date(days: i32, text: &mut String) {
    let at = Timestamp::from_second(i64::from(days).saturating_mul(86_400));
    match at.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date()) {
        // Writing to a String cannot fail.
        Ok(date) => drop(write!(text, "{date}")),
        Err(_) => text.push_str("out of range"),
    }
}

fn push_decimal(decimal: &Decimal, text: &mut String) {
    let bytes = decimal.data();
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let fill: u8 = if is_negative { 0xff } else { 0 };
    // What lies above 128 bits must repeat the sign; precision 38 is the most that Parquet's writers
    // give.
    let (above, low) = bytes.split_at(bytes.len().saturating_sub(16));
    let fits = above.iter().all(|byte| *byte == fill)
        && (above.is_empty() || low.first().is_some_and(|byte| byte & 0x80 == fill & 0x80));
    let scale = u32::try_from(decimal.scale()).ok();
    let (true, Some(scale)) = (fits, scale) else {
        text.push_str("a decimal of more than 38 digits");
        return;
    };
    let start = if is_negative { -1_i128 } else { 0 };
    let value = low.iter().fold(start, |value, byte| (value << 8) | i128::from(*byte));
    let digits = value.unsigned_abs().to_string();
    if value < 0 {
        text.push('-');
    }
    let scale = usize::try_from(scale).unwrap_or(0);
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = padded.split_at(padded.len() - scale);
    text.push_str(whole);
    if !part.is_empty() {
        text.push('.');
        text.push_str(part);
    }
}

fn push_quoted(value: &str, text: &mut String) {
    text.push_str(&serde_json::to_string(value).unwrap_or_default());
}

/// Maps become objects, lists arrays, and what is no JSON number a text.
fn push_json(field: &Field, text: &mut String) {
    match field {
        Field::Null => text.push_str("null"),
        Field::MapInternal(map) => {
            text.push('{');
            for (index, (key, value)) in map.entries().iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                let mut name = String::new();
                push_text(key, &mut name);
                push_quoted(&name, text);
                text.push(':');
                push_json(value, text);
            }
            text.push('}');
        }
        Field::ListInternal(list) => {
            text.push('[');
            for (index, element) in list.elements().iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                push_json(element, text);
            }
            text.push(']');
        }
        Field::Group(row) => {
            text.push('{');
            for (index, (name, value)) in row.get_column_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                push_quoted(name, text);
                text.push(':');
                push_json(value, text);
            }
            text.push('}');
        }
        Field::Double(value) if !value.is_finite() => text.push_str("null"),
        Field::Float(value) if !value.is_finite() => text.push_str("null"),
        Field::Bool(_)
        | Field::Byte(_)
        | Field::Short(_)
        | Field::Int(_)
        | Field::Long(_)
        | Field::UByte(_)
        | Field::UShort(_)
        | Field::UInt(_)
        | Field::ULong(_)
        | Field::Float(_)
        | Field::Double(_) => push_scalar(field, text),
        Field::Decimal(_) => {
            let mut digits = String::new();
            push_scalar(field, &mut digits);
            if digits.parse::<centinel_engine::money::Decimal>().is_ok() {
                text.push_str(&digits);
            } else {
                push_quoted(&digits, text);
            }
        }
        other => {
            let mut value = String::new();
            push_text(other, &mut value);
            push_quoted(&value, text);
        }
    }
}
