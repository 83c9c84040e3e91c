//! Tables: rows of named columns, whatever file holds them.
//!
//! A connector for a table reads rows by column and does not know whether they come from CSV,
//! Parquet or JSON objects.

use std::{collections::HashMap, io::Read, ops::Range};

use crate::{
    calls::is_null,
    calls::normalize,
    csv_rows::{CsvRow, CsvRows, Values, sniff_delimiter},
    input::Input,
    json::Leaf,
    json_rows::JsonRows,
    parquet_rows::{self, ParquetRows},
    read::ReadError,
};
use centinel_engine::money::Decimal;

/// Rows of named columns.
pub(crate) trait TableRows {
    /// The names of the columns, as the input spells them. Called once, before the first row.
    fn header(&mut self) -> Result<Vec<String>, ReadError>;

    /// The next row.
    fn next(&mut self) -> Result<Option<CsvRow<'_>>, ReadError>;

    /// Bytes read so far.
    fn offset(&self) -> u64;

    /// Whether the input ended without a line end, as a text does that was cut.
    fn is_open_ended(&self) -> bool {
        false
    }
}

impl<R: Read> TableRows for CsvRows<&mut Input<R>> {
    fn header(&mut self) -> Result<Vec<String>, ReadError> {
        self.header()
    }

    fn next(&mut self) -> Result<Option<CsvRow<'_>>, ReadError> {
        self.next()
    }

    fn offset(&self) -> u64 {
        self.offset()
    }

    fn is_open_ended(&self) -> bool {
        self.is_open_ended()
    }
}

/// Opens the table that an input holds, and hands it on. `keys` are the columns that JSON rows may
/// have even where the first of them do not: an export leaves out what is null.
pub(crate) fn with_table<R: Read, T>(
    input: &mut Input<R>,
    bytes_max: u64,
    keys: &[&str],
    take: impl FnOnce(&mut dyn TableRows) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    input.skip_byte_order_mark()?;
    let head = input.peek(1 << 16)?;
    if parquet_rows::is_parquet(head) {
        let bytes = input.rest(usize::try_from(bytes_max).unwrap_or(usize::MAX))?.to_vec();
        return take(&mut ParquetRows::of_bytes(bytes, bytes_max)?);
    }
    if matches!(head.trim_ascii_start().first(), Some(b'{' | b'[')) {
        let head = head.to_vec();
        return take(&mut JsonTable::new(input, &head, keys)?);
    }
    let delimiter = sniff_delimiter(head);
    take(&mut CsvRows::new(input, delimiter))
}

/// Most paths that are told apart in JSON rows.
const PATHS_MAX: usize = 1_000;

/// JSON objects as rows: their scalars by dotted path, arrays as text.
struct JsonTable<'r, R> {
    rows: JsonRows<'r, R>,
    names: Vec<String>,
    columns: HashMap<String, usize>,
    text: String,
    spans: Vec<Range<usize>>,
}

impl<'r, R: Read> JsonTable<'r, R> {
    fn new(input: &'r mut Input<R>, mut head: &[u8], keys: &[&str]) -> Result<Self, ReadError> {
        let mut names: Vec<String> = Vec::new();
        {
            let mut sample = Input::new(&mut head, u64::MAX);
            let mut rows = JsonRows::new(&mut sample)?;
            while let Some(row) = rows.next()? {
                let Ok(text) = row.text else { continue };
                let _ = crate::json::walk(text, &mut String::new(), &mut |path, _| {
                    if names.len() < PATHS_MAX && !names.iter().any(|name| name == path) {
                        names.push(path.to_owned());
                    }
                });
            }
        }
        for key in keys {
            if !names.iter().any(|name| normalize(name) == normalize(key)) {
                names.push((*key).to_owned());
            }
        }
        let columns =
            names.iter().enumerate().map(|(index, name)| (normalize(name), index)).collect();
        Ok(Self {
            rows: JsonRows::new(input)?,
            names,
            columns,
            text: String::new(),
            spans: Vec::new(),
        })
    }
}

impl<R: Read> TableRows for JsonTable<'_, R> {
    fn header(&mut self) -> Result<Vec<String>, ReadError> {
        Ok(self.names.clone())
    }

    fn next(&mut self) -> Result<Option<CsvRow<'_>>, ReadError> {
        let Self { rows, names, columns, text, spans } = self;
        let Some(row) = rows.next()? else { return Ok(None) };
        text.clear();
        spans.clear();
        spans.resize(names.len(), 0..0);
        let walked = row.text.and_then(|object| {
            let mut leaf = |path: &str, leaf: Leaf<'_>| {
                let Some(span) =
                    columns.get(&normalize(path)).and_then(|&column| spans.get_mut(column))
                else {
                    return;
                };
                let start = text.len();
                text.push_str(leaf.text());
                *span = start..text.len();
            };
            crate::json::walk(object, &mut String::new(), &mut leaf)
                .map_err(|error| crate::json::reason(&error))
        });
        let values = walked.map(|()| Values::new(text, spans));
        Ok(Some(CsvRow { position: row.position, raw: row.raw, values }))
    }

    fn offset(&self) -> u64 {
        self.rows.offset()
    }
}

/// The columns of a header by name; case and punctuation are ignored, since query engines change
/// them.
#[derive(Debug)]
pub(crate) struct Header {
    names: Vec<String>,
    normal: Vec<String>,
}

impl Header {
    pub(crate) fn new(names: &[String]) -> Self {
        Self { names: names.to_vec(), normal: names.iter().map(|name| normalize(name)).collect() }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether there is a column of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        let name = normalize(name);
        self.normal.contains(&name)
    }

    /// The first of these columns that exists.
    pub(crate) fn column(&self, candidates: &[&str]) -> Column {
        let found = candidates.iter().find_map(|name| {
            let name = normalize(name);
            self.normal.iter().position(|other| *other == name)
        });
        let name = match found.and_then(|index| self.names.get(index)) {
            Some(name) => name.clone(),
            None => candidates.first().copied().unwrap_or_default().to_owned(),
        };
        Column { index: found, name }
    }

    /// Columns whose name starts with a prefix, with the rest of the name as it is spelled.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Vec<(usize, String)> {
        let named = self.names.iter().enumerate();
        named
            .filter_map(|(index, name)| {
                let rest = name.get(prefix.len()..)?;
                let start = name.get(..prefix.len())?;
                (start.eq_ignore_ascii_case(prefix) && !rest.is_empty())
                    .then(|| (index, rest.to_owned()))
            })
            .collect()
    }
}

/// One column, present or not.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    index: Option<usize>,
    name: String,
}

impl Column {
    pub(crate) fn exists(&self) -> bool {
        self.index.is_some()
    }

    /// As the input spells it, or as it should be named.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A value that is not null.
    pub(crate) fn get<'a>(&self, values: Values<'a>) -> Option<&'a str> {
        let value = values.get(self.index?);
        (!is_null(value)).then_some(value)
    }

    /// A value, or that there is none.
    pub(crate) fn required<'a>(&self, values: Values<'a>) -> Result<&'a str, String> {
        self.get(values).ok_or_else(|| format!("`{}` is null", self.name))
    }

    /// An amount, digit for digit; null is none.
    pub(crate) fn amount(&self, values: Values<'_>) -> Result<Option<Decimal>, String> {
        let Some(value) = self.get(values) else { return Ok(None) };
        value.parse().map(Some).map_err(|error| format!("`{}` {error}", self.name))
    }
}
