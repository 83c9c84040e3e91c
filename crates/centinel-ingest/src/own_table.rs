//! A table of the user's own, for the commands that compute on files: `detect`, `decompose`, `commit`.
//!
//! Framed as the connectors frame their files: a row may be cut, overlong, in a wrong encoding or have a
//! quote that is never closed, and the rows after it are read all the same. Memory holds one row.

use std::io::Read;

use crate::{
    calls::check_header,
    csv_rows::{CsvRows, Values, sniff_delimiter},
    detect::check_is_text,
    input::Input,
    read::ReadError,
};

/// Largest table read, in bytes after decompression.
const BYTES_MAX: u64 = 64 << 30;

/// Reads the rows of a table, one at a time.
pub struct Table<R> {
    rows: CsvRows<Box<Input<R>>>,
    header: Vec<String>,
}

/// A row of a table.
pub struct TableRow<'t> {
    /// Data row, from 1.
    pub row: u64,
    /// Line on which it starts, from 1: the header's is the first.
    pub line: u64,
    /// Its fields, or why it has none: one line.
    pub fields: Result<Fields<'t>, String>,
}

/// As many fields as the header has.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'t>(Values<'t>);

impl Fields<'_> {
    /// The fields in the order of the header, trimmed.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.0.len()).map(|index| self.0.get(index))
    }
}

impl<R: Read> Table<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when there is none, it names a column twice, or the input is no text.
    pub fn open(input: R) -> Result<Self, ReadError> {
        let mut input = Box::new(Input::new(input, BYTES_MAX));
        let head = input.peek(1 << 16)?;
        if head.is_empty() {
            return Err(ReadError::Empty);
        }
        check_is_text(head)?;
        let delimiter = sniff_delimiter(head);
        let mut rows = CsvRows::new(input, delimiter);
        let header = rows.header()?;
        check_header(&header)?;
        Ok(Self { rows, header })
    }

    /// Names of the columns, trimmed.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The next row; blank lines are no rows.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the input cannot be read on.
    pub fn next_row(&mut self) -> Result<Option<TableRow<'_>>, ReadError> {
        let row = self.rows.next()?;
        Ok(row.map(|row| TableRow {
            row: row.position.row,
            line: row.position.line,
            fields: row.values.map(Fields),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &[u8], expect: &[&str]) {
        let mut found = Vec::new();
        match Table::open(text) {
            Err(error) => found.push(format!("error: {error}")),
            Ok(mut table) => {
                while let Some(row) = table.next_row().unwrap() {
                    found.push(match row.fields {
                        Ok(fields) => {
                            format!("{}: {}", row.line, fields.iter().collect::<Vec<_>>().join("|"))
                        }
                        Err(reason) => format!("{}! {reason}", row.line),
                    });
                }
            }
        }
        assert_eq!(found, expect, "{}", text.escape_ascii());
    }

    #[test]
    fn bad_rows_are_named_and_the_others_read() {
        check(
            b"a,b\n1, 2 \n\n3\n4,5\n",
            &["2: 1|2", "4! 1 field where the header has 2", "5: 4|5"],
        );
        check(b"a,b\n\"1,2\n3,4\n", &["2! a quote is opened and never closed", "3: 3|4"]);
        check(b"\xef\xbb\xbfa;b\r\n1;2", &["2: 1|2"]);
        check(b"a,b\n\xff,2\n3,4\n", &["2! column 1 is not UTF-8 (byte 0xff)", "3: 3|4"]);
        check(b"", &["error: the input is empty"]);
        check(b"a,b,a\n", &["error: column `a` stands twice in the header: as number 1 and 3"]);
        check(b"\xff\xfea\0", &["error: the input is UTF-16 text; it is not read"]);
    }
}
