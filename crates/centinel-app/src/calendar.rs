//! `policies/calendar.csv`: holidays and planned changes that everybody knows of.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use centinel_engine::anomaly::{Calendar, Planned};
use jiff::civil::Date;
use serde::Deserialize;

/// Why a calendar cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{}` row {row}: {reason}", path.display())]
pub struct CalendarError {
    path: PathBuf,
    row: usize,
    reason: String,
}

/// Days that are known to be different, by series (`*` is every series).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KnownDays {
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    series: String,
    kind: Kind,
    date: Date,
    /// Last day meant, inclusive.
    until: Option<Date>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Holiday,
    Planned,
}

impl KnownDays {
    /// Reads a calendar; a missing file knows of nothing.
    pub(crate) fn load(path: &Path) -> Result<Self, CalendarError> {
        let failed = |row, reason: String| CalendarError { path: path.to_owned(), row, reason };
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(failed(0, error.to_string())),
        };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let rows = reader.deserialize::<Row>().enumerate();
        let rows = rows.map(|(index, row)| row.map_err(|error| failed(index + 1, reason(&error))));
        Ok(Self { rows: rows.collect::<Result<_, _>>()? })
    }

    /// As the detector wants them.
    pub(crate) fn calendar(&self) -> Calendar {
        let mut calendar = Calendar::default();
        for row in &self.rows {
            match row.kind {
                Kind::Holiday => {
                    for day in row.days() {
                        calendar.holiday(&row.series, day);
                    }
                }
                Kind::Planned => {
                    let until = row.until.unwrap_or(row.date);
                    calendar.planned(&row.series, Planned { day: row.date, until });
                }
            }
        }
        calendar
    }

    /// Holidays and muted days of a series: no part of a baseline.
    pub(crate) fn of(&self, series: &str) -> BTreeSet<Date> {
        let rows = self.rows.iter().filter(|row| row.series == "*" || row.series == series);
        rows.flat_map(Row::days).collect()
    }
}

impl Row {
    fn days(&self) -> impl Iterator<Item = Date> + use<> {
        let last = self.until.unwrap_or(self.date);
        std::iter::successors(Some(self.date), |day| day.tomorrow().ok())
            .take_while(move |day| *day <= last)
            .take(366)
    }
}

fn reason(error: &csv::Error) -> String {
    error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn rows_are_read_and_named_when_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calendar.csv");
        assert_eq!(KnownDays::load(&path).unwrap(), KnownDays::default());
        let good = "series,kind,date,until\n*,holiday,2026-09-07,2026-09-07\nsearch,planned,2026-09-10,2026-09-12\n";
        std::fs::write(&path, good).unwrap();
        let days = KnownDays::load(&path).unwrap();
        assert_eq!(days.of("support"), [date(2026, 9, 7)].into());
        assert_eq!(days.of("search").len(), 4);
        std::fs::write(&path, "series,kind,date,until\n*,party,2026-09-07,\n").unwrap();
        assert!(KnownDays::load(&path).unwrap_err().to_string().contains("row 1"));
    }
}
