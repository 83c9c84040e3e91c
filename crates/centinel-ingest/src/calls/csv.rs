//! Call logs as CSV.

use std::io::Read;

use super::{Field, Mapping, row::RowReader};
use crate::{
    csv_rows::{CsvRows, sniff_delimiter},
    finding::FindingStatus,
    input::Input,
    parquet_rows::ParquetRows,
    read::{Intake, Options, ReadError},
    table::TableRows,
};

/// How much of an input is looked at before the first row is read.
pub(super) const SAMPLE_BYTES: usize = 1 << 16;
/// Values of the time column that are looked at.
pub(super) const SAMPLE_VALUES: usize = 100;

pub(crate) fn read_csv<R: Read>(
    input: &mut Input<R>,
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    input.skip_byte_order_mark()?;
    let head = input.peek(SAMPLE_BYTES)?.to_vec();
    let delimiter = sniff_delimiter(&head);
    let mut rows = CsvRows::new(input, delimiter);
    let names = rows.header()?;
    check_header(&names)?;
    let mapping = Mapping::of_header(&names, options)?;
    let missing = mapping.missing();
    if !missing.is_empty() {
        return Err(ReadError::MissingFields { missing, found: mapping.found() });
    }
    let sample = sample_times(&head, delimiter, &mapping);
    read_rows(&mut rows, mapping, &sample, options, intake)
}

/// Reads a call log that is a Parquet file.
pub(crate) fn read_parquet(
    rows: &mut ParquetRows,
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let names = rows.names().to_vec();
    check_header(&names)?;
    let mapping = Mapping::of_header(&names, options)?;
    let missing = mapping.missing();
    if !missing.is_empty() {
        return Err(ReadError::MissingFields { missing, found: mapping.found() });
    }
    let sample = match mapping.columns_of(&Field::At).first() {
        Some(&column) => rows.sample(column, SAMPLE_VALUES)?,
        None => Vec::new(),
    };
    read_rows(rows, mapping, &sample, options, intake)
}

fn read_rows(
    rows: &mut dyn TableRows,
    mut mapping: Mapping,
    sample: &[String],
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let mut reader = RowReader::new(&mut mapping, options, sample)?;
    intake.mapping(&mapping)?;
    while let Some(row) = rows.next()? {
        let read = match row.values {
            Ok(values) => reader.read(values, row.position.row, &mut intake.findings),
            Err(reason) => Err(reason),
        };
        match read {
            Ok(call) => intake.call(&row.position, call)?,
            Err(reason) => intake.reject(row.position, reason, row.raw)?,
        }
        intake.progress(rows.offset());
    }
    note_open_end(rows, intake);
    intake.summary.mapping = Some(mapping);
    Ok(())
}

/// Rejects a header in which a name stands twice: which one is meant cannot be known.
pub(crate) fn check_header(names: &[String]) -> Result<(), ReadError> {
    for (position, name) in names.iter().enumerate() {
        let first = names.iter().position(|other| other == name).unwrap_or(position);
        if first != position && !name.is_empty() {
            return Err(ReadError::DuplicateColumn {
                column: name.clone(),
                first: first + 1,
                second: position + 1,
            });
        }
    }
    Ok(())
}

/// A last row without a line end may be cut within its last field, which nothing else shows.
pub(crate) fn note_open_end(rows: &dyn TableRows, intake: &mut Intake<'_>) {
    if rows.is_open_ended() && intake.summary.rows > 0 {
        let message =
            "the last row has no line end: if the input was cut, so may be its last value";
        intake.findings.note("", FindingStatus::Note, message);
    }
}

fn sample_times(mut head: &[u8], delimiter: u8, mapping: &Mapping) -> Vec<String> {
    let Some(&column) = mapping.columns_of(&Field::At).first() else { return Vec::new() };
    let mut sample = Vec::new();
    let mut input = Input::new(&mut head, u64::MAX);
    let mut rows = CsvRows::new(&mut input, delimiter);
    if rows.header().is_err() {
        return sample;
    }
    while let Ok(Some(row)) = rows.next() {
        let value = row.values.as_ref().map(|values| values.get(column)).unwrap_or_default();
        if !super::row::is_null(value) {
            sample.push(value.to_owned());
        }
        if sample.len() >= SAMPLE_VALUES {
            break;
        }
    }
    sample
}
