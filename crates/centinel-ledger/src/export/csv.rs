//! Rows as CSV: UTF-8, comma, a header, `\n`; null is an empty field.
//!
//! Spreadsheets run a cell that starts with `=`, `+`, `-` or `@` as a formula, and the texts come from
//! files that anybody may have written. Such a text gets an apostrophe in front, and so does one that
//! reads as null; `x_CentinelEscaped` names the columns of the row in which that was done, so that it can
//! be undone. Numbers stay numbers.

use std::io::{self, Write};

use super::{
    FocusVersion,
    columns::{COLUMNS, Cell, Column},
    row::Row,
};

/// The last column: the names of the columns whose text was given an apostrophe.
const ESCAPED: &str = "x_CentinelEscaped";

/// Writes a table.
pub(super) struct CsvTable<'w> {
    out: &'w mut dyn Write,
    columns: Vec<Column>,
    line: String,
    escaped: String,
}

impl<'w> CsvTable<'w> {
    /// Starts with the header.
    pub(super) fn new(version: FocusVersion, out: &'w mut dyn Write) -> io::Result<Self> {
        let columns: Vec<Column> = COLUMNS
            .into_iter()
            .filter(|(_, only, _)| only.is_none_or(|only| only == version))
            .collect();
        let names: Vec<&str> = columns.iter().map(|(name, ..)| *name).chain([ESCAPED]).collect();
        writeln!(out, "{}", names.join(","))?;
        Ok(Self { out, columns, line: String::new(), escaped: String::new() })
    }

    /// Writes a row.
    pub(super) fn write(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.line.clear();
        self.escaped.clear();
        for (name, _, value) in &self.columns {
            match value(row) {
                Cell::Null => {}
                Cell::Own(text) => push_field(&mut self.line, "", &text),
                Cell::Number(digits) => self.line.push_str(&digits),
                Cell::At(at) => self.line.push_str(&at.to_string()),
                Cell::Imported(text) if is_risky(&text) => {
                    push_field(&mut self.line, "'", &text);
                    if !self.escaped.is_empty() {
                        self.escaped.push(' ');
                    }
                    self.escaped.push_str(name);
                }
                Cell::Imported(text) => push_field(&mut self.line, "", &text),
            }
            self.line.push(',');
        }
        self.line.push_str(&self.escaped);
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())
    }

    /// Hands everything on.
    pub(super) fn finish(self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A text that a spreadsheet would run, or that would be read back as null.
fn is_risky(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
        || matches!(text, "NULL" | "null" | "None" | "\\N")
}

/// A field, quoted where it must be.
fn push_field(line: &mut String, prefix: &str, text: &str) {
    if !text.contains([',', '"', '\n', '\r']) && text.trim() == text {
        line.push_str(prefix);
        line.push_str(text);
        return;
    }
    line.push('"');
    line.push_str(prefix);
    for (index, part) in text.split('"').enumerate() {
        if index > 0 {
            line.push_str("\"\"");
        }
        line.push_str(part);
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            (" a", "\" a\""),
            ("a\nb", "\"a\nb\""),
        ] {
            let mut line = String::new();
            push_field(&mut line, "", text);
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn formulas_and_words_for_null_are_risky() {
        for risky in ["=1+1", "+1", "-1", "@SUM(A1)", "NULL", "None"] {
            assert!(is_risky(risky), "{risky}");
        }
        for harmless in ["'=1", "a=1", "null value", "1-1", ""] {
            assert!(!is_risky(harmless), "{harmless}");
        }
    }

    #[test]
    fn own_columns_stand_last_and_no_name_twice() {
        for version in [FocusVersion::V1_2, FocusVersion::V1_4] {
            let mut header = Vec::new();
            CsvTable::new(version, &mut header).unwrap().finish().unwrap();
            let header = String::from_utf8(header).unwrap();
            let names: Vec<&str> = header.trim_end().split(',').collect();
            let first_own = names.iter().position(|name| name.starts_with("x_")).unwrap();
            assert!(names.iter().skip(first_own).all(|name| name.starts_with("x_")), "{names:?}");
            let mut unique = names.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), names.len());
        }
    }
}
