//! Call logs as JSON objects: one a line, or in one array.

use std::{collections::HashMap, io::Read, ops::Range};

use super::{
    Field, Mapping,
    csv::{SAMPLE_BYTES, SAMPLE_VALUES},
    dialect,
    mapping::Guess,
    row::RowReader,
};
use crate::{
    csv_rows::Values,
    finding::FindingStatus,
    input::Input,
    json::{self, Leaf},
    json_rows::JsonRows,
    read::{Intake, Options, ReadError},
};

/// Reads a call log. With `is_judged_by_row` a field that is nowhere is no error of the input but of
/// each row.
pub(crate) fn read_ndjson<R: Read>(
    input: &mut Input<R>,
    options: &Options,
    is_judged_by_row: bool,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let mut arena = Arena::new(options, dialect::guess);
    let leaves = |text: &str, arena: &mut Arena<'_>| arena.walk(text, "", Arena::add);
    read_objects(input, options, is_judged_by_row, &mut arena, leaves, intake)
}

/// Reads objects whose leaves `leaves` puts into the arena.
pub(crate) fn read_objects<R: Read>(
    input: &mut Input<R>,
    options: &Options,
    is_judged_by_row: bool,
    arena: &mut Arena<'_>,
    leaves: impl Fn(&str, &mut Arena<'_>) -> Result<(), String>,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let mut sample = Vec::new();
    {
        let mut head = &input.peek(SAMPLE_BYTES)?.to_vec()[..];
        let mut input = Input::new(&mut head, u64::MAX);
        let mut rows = JsonRows::new(&mut input)?;
        while let Some(row) = rows.next()? {
            arena.clear();
            let is_read = row.text.is_ok_and(|text| leaves(text, arena).is_ok());
            if is_read && let Some(value) = arena.first(&Field::At) {
                sample.push(value.to_owned());
            }
            if sample.len() >= SAMPLE_VALUES {
                break;
            }
        }
    }
    let mut reader = arena.reader(options, &sample, is_judged_by_row)?;
    intake.mapping(&arena.mapping)?;
    let mut rows = JsonRows::new(input)?;
    while let Some(row) = rows.next()? {
        arena.clear();
        let read = match row.text.and_then(|text| leaves(text, arena)) {
            Ok(()) => arena.read(&mut reader, row.position.row, intake),
            Err(reason) => Err(reason),
        };
        match read {
            Ok(call) => intake.call(&row.position, call)?,
            Err(reason) => intake.reject(row.position, reason, row.raw)?,
        }
        intake.progress(rows.offset());
    }
    intake.summary.mapping = Some(arena.mapping.clone());
    Ok(())
}

/// The leaves of one row, by column: paths become columns when they are first seen.
pub(crate) struct Arena<'o> {
    pub(crate) mapping: Mapping,
    options: &'o Options,
    guess: Guess,
    columns: HashMap<String, usize>,
    has_new_columns: bool,
    text: String,
    spans: Vec<Range<usize>>,
    // A buffer for paths.
    path: String,
}

impl<'o> Arena<'o> {
    pub(crate) fn new(options: &'o Options, guess: Guess) -> Self {
        Self {
            mapping: Mapping::new(options),
            options,
            guess,
            columns: HashMap::new(),
            has_new_columns: false,
            text: String::new(),
            spans: Vec::new(),
            path: String::new(),
        }
    }

    /// Forgets the values, keeps columns and buffers.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.spans.resize(self.columns.len(), 0..0);
    }

    /// Walks an object that has this path.
    pub(crate) fn walk(
        &mut self,
        text: &str,
        prefix: &str,
        mut leaf: impl FnMut(&mut Self, &str, Leaf<'_>),
    ) -> Result<(), String> {
        let mut path = std::mem::take(&mut self.path);
        path.clear();
        path.push_str(prefix);
        let walked = json::walk(text, &mut path, &mut |path, value| leaf(self, path, value));
        self.path = path;
        walked.map_err(|error| json::reason(&error))
    }

    /// Adds a leaf; of two with one path the later one counts, as in JSON.
    pub(crate) fn add(&mut self, path: &str, leaf: Leaf<'_>) {
        let column = match self.columns.get(path) {
            Some(&column) => column,
            None => {
                let Some(column) = self.mapping.add(path, self.options, self.guess) else { return };
                self.columns.insert(path.to_owned(), column);
                self.spans.push(0..0);
                let new = self.mapping.columns().get(column);
                self.has_new_columns |= new.is_some_and(|column| column.field.is_some());
                column
            }
        };
        // What is not read is not kept, however long.
        if self.mapping.columns().get(column).is_none_or(|column| column.field.is_none()) {
            return;
        }
        let start = self.text.len();
        self.text.push_str(leaf.text());
        if let Some(span) = self.spans.get_mut(column) {
            *span = start..self.text.len();
        }
    }

    /// The value of a field in the current row.
    pub(crate) fn first(&self, field: &Field) -> Option<&str> {
        let values = Values::new(&self.text, &self.spans);
        let columns = self.mapping.columns_of(field);
        columns.into_iter().map(|column| values.get(column)).find(|v| !super::row::is_null(v))
    }

    /// A reader for what the sample showed.
    pub(crate) fn reader(
        &mut self,
        options: &Options,
        sample: &[String],
        is_judged_by_row: bool,
    ) -> Result<RowReader, ReadError> {
        let missing = self.mapping.missing();
        // Without a single object in the sample every row is rejected for itself.
        if !missing.is_empty() && !self.columns.is_empty() && !is_judged_by_row {
            return Err(ReadError::MissingFields { missing, found: self.mapping.found() });
        }
        self.has_new_columns = false;
        RowReader::new(&mut self.mapping, options, if is_judged_by_row { &[] } else { sample })
    }

    /// Reads the current row.
    pub(crate) fn read<'r>(
        &mut self,
        reader: &'r mut RowReader,
        row: u64,
        intake: &mut Intake<'_>,
    ) -> Result<&'r centinel_engine::usage::Call, String> {
        if self.has_new_columns {
            self.has_new_columns = false;
            reader.follow(&self.mapping);
            let message = "a key that the first rows do not have is read; see the mapping";
            intake.findings.row("", FindingStatus::Note, message, row);
        }
        reader.read(Values::new(&self.text, &self.spans), row, &mut intake.findings)
    }
}
