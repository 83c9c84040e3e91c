//! What a reader should know about an input beside its rows.

use std::fmt;

use crate::sanitize::is_hidden;

/// How much of a column's name is shown.
const COLUMN_CHARS_MAX: usize = 120;

/// What kind of remark a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingStatus {
    /// Something was taken for granted: a zone, a lifetime, a default.
    Assumed,
    /// Known to exist, not read.
    Ignored,
    /// Against the format's own specification, and read all the same.
    Nonconforming,
    /// A plain fact, such as the version recognised.
    Note,
}

impl fmt::Display for FindingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Assumed => "assumed",
            Self::Ignored => "ignored",
            Self::Nonconforming => "nonconforming",
            Self::Note => "note",
        })
    }
}

/// One remark, counted over the rows that it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Column or path, as the input spells it; empty where it concerns the whole input.
    pub column: String,
    /// What kind of remark.
    pub status: FindingStatus,
    /// One line.
    pub message: String,
    /// Rows concerned; 1 where it is about the header or the input.
    pub count: u64,
    /// The first row concerned, if it is about rows.
    pub first_row: Option<u64>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.status)?;
        if !self.column.is_empty() {
            let shown = self.column.chars().take(COLUMN_CHARS_MAX);
            let shown: String = shown.map(|c| if is_hidden(c) { ' ' } else { c }).collect();
            write!(f, "`{shown}` ")?;
        }
        f.write_str(&self.message)?;
        match self.first_row {
            Some(row) if self.count > 1 => write!(f, " ({} rows, first row {row})", self.count),
            Some(row) => write!(f, " (row {row})"),
            None => Ok(()),
        }
    }
}

/// The findings of one reading. Bounded: what a hostile input can name is counted together at the
/// end.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    more: u64,
}

const FINDINGS_MAX: usize = 200;

impl Findings {
    /// A remark about the input or its header.
    pub(crate) fn note(&mut self, column: &str, status: FindingStatus, message: &str) {
        self.add(column, status, message, None);
    }

    /// A remark about a row; equal ones are counted.
    pub(crate) fn row(&mut self, column: &str, status: FindingStatus, message: &str, row: u64) {
        self.add(column, status, message, Some(row));
    }

    fn add(&mut self, column: &str, status: FindingStatus, message: &str, row: Option<u64>) {
        let known = self.list.iter_mut().find(|finding| {
            finding.message == message && finding.column == column && finding.status == status
        });
        if let Some(finding) = known {
            finding.count = finding.count.saturating_add(1);
        } else if self.list.len() < FINDINGS_MAX {
            self.list.push(Finding {
                column: column.to_owned(),
                status,
                message: message.to_owned(),
                count: 1,
                first_row: row,
            });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// All findings, in the order of their first appearance.
    pub(crate) fn finish(mut self) -> Vec<Finding> {
        if self.more > 0 {
            self.list.push(Finding {
                column: String::new(),
                status: FindingStatus::Note,
                message: format!("{} more remarks are not listed", self.more),
                count: self.more,
                first_row: None,
            });
        }
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_findings_are_counted_and_their_number_is_bounded() {
        let mut findings = Findings::default();
        findings.row("at", FindingStatus::Assumed, "no zone: read as UTC", 3);
        findings.row("at", FindingStatus::Assumed, "no zone: read as UTC", 4);
        for number in 0..300 {
            findings.note(&number.to_string(), FindingStatus::Ignored, "unknown column");
        }
        let list = findings.finish();
        assert_eq!(list[0].to_string(), "assumed: `at` no zone: read as UTC (2 rows, first row 3)");
        assert_eq!((list.len(), list[200].count), (201, 101));
    }
}
