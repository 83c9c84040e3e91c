//! Rows of a table that a command computes on: bounded, and with the reason where one cannot be read.

use std::io::Read;

use centinel_ingest::{ReadError, Table};

use crate::failure::hinted;

/// Reads rows into records.
pub(crate) struct Rows<R> {
    table: Table<R>,
    header: csv::StringRecord,
}

/// Where a row stands, and whether the record holds it.
pub(crate) struct Placed {
    /// Data row, from 1.
    pub(crate) row: u64,
    /// Line, from 1; the header's is the first.
    pub(crate) line: u64,
    /// Why the record does not hold it.
    pub(crate) read: Result<(), String>,
}

impl<R: Read> Rows<R> {
    /// Reads the header.
    pub(crate) fn open(input: R) -> anyhow::Result<Self> {
        let table = Table::open(input).map_err(unreadable)?;
        let header = csv::StringRecord::from(table.header().to_vec());
        Ok(Self { table, header })
    }

    /// Names of the columns.
    pub(crate) fn header(&self) -> &csv::StringRecord {
        &self.header
    }

    /// Reads the next row, with as many fields as the header.
    pub(crate) fn next_into(
        &mut self,
        record: &mut csv::StringRecord,
    ) -> Result<Option<Placed>, ReadError> {
        let Some(row) = self.table.next_row()? else { return Ok(None) };
        record.clear();
        let read = match row.fields {
            Ok(fields) => {
                record.extend(fields.iter());
                Ok(())
            }
            Err(reason) => Err(reason),
        };
        Ok(Some(Placed { row: row.row, line: row.line, read }))
    }
}

/// The failure with its causes and its hint.
pub(crate) fn unreadable(error: ReadError) -> anyhow::Error {
    let Some(hint) = error.hint() else { return error.into() };
    hinted(error.to_string(), hint)
}
