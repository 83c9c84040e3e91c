//! Tables of daily series and calendars: what `detect`, `forecast` and `backtest` read alike.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use centinel_engine::{
    anomaly::{Calendar, Planned},
    money::Decimal,
};
use jiff::{ToSpan as _, civil::Date};

use crate::{
    failure::{hinted, single_line},
    output::{Outcome, Output},
    rows::{Placed, Rows},
};

/// Most rows read from a file.
const ROWS_MAX: u64 = 20_000_000;
/// Longest series, in days: a stray date must not fill memory.
pub(crate) const DAYS_MAX: i32 = 20 * 366;
/// Rejected rows that are named on standard error.
const NAMED_MAX: usize = 10;

/// Rows that were left out: file, line, reason.
#[derive(Debug, Default)]
pub(crate) struct Rejected {
    rows: Vec<(PathBuf, u64, String)>,
}

impl Rejected {
    /// Writes each as a line of JSON output; nothing for people.
    pub(crate) fn lines(&self, output: &mut Output) -> std::io::Result<()> {
        if !output.json {
            return Ok(());
        }
        for (path, line, reason) in &self.rows {
            output.json_line(&rejection(path, *line, reason))?;
        }
        Ok(())
    }

    /// Keeps a row, and writes it in its place among the lines of JSON output.
    pub(crate) fn in_place(
        &mut self,
        path: &Path,
        line: u64,
        reason: String,
        output: &mut Output,
    ) -> std::io::Result<()> {
        if output.json {
            output.json_line(&rejection(path, line, &reason))?;
        }
        self.rows.push((path.to_owned(), line, reason));
        Ok(())
    }

    /// Names the first on standard error; how a command ends that is otherwise done.
    pub(crate) fn outcome(&self, output: &Output) -> Outcome {
        if self.rows.is_empty() {
            return Outcome::Done;
        }
        for (path, line, reason) in self.rows.iter().take(NAMED_MAX) {
            output.note(format_args!("{} line {line}: {}", path.display(), single_line(reason)));
        }
        output.note(format_args!("{} rows rejected", self.rows.len()));
        Outcome::SomeRejected
    }
}

fn rejection(path: &Path, line: u64, reason: &str) -> serde_json::Value {
    serde_json::json!({
        "id": format!("{} line {line}", path.display()),
        "status": "rejected",
        "reason": single_line(reason),
    })
}

/// The calendar of a file; empty without one. Days that are numbers count from `first_day`.
pub(crate) fn calendar(
    path: Option<&Path>,
    first_day: Option<Date>,
    rejected: &mut Rejected,
) -> anyhow::Result<Calendar> {
    let Some(path) = path else { return Ok(Calendar::default()) };
    centinel_ingest::open(path)
        .map_err(anyhow::Error::from)
        .and_then(|input| read_calendar(input, path, first_day.unwrap_or(Date::ZERO), rejected))
        .with_context(|| format!("reading the calendar `{}`", path.display()))
}

/// Refuses a date far from the others of its series.
pub(crate) fn near<V>(date: Date, days: &BTreeMap<Date, V>) -> Result<(), String> {
    let span = |other: &Date| date.until(*other).map_or(i32::MAX, |span| span.get_days().abs());
    let ends = [days.keys().next(), days.keys().next_back()];
    if ends.into_iter().flatten().any(|end| span(end) > DAYS_MAX) {
        return Err(format!("date `{date}` is more than 20 years from another of its series"));
    }
    Ok(())
}

fn read_calendar(
    input: impl Read,
    path: &Path,
    first_day: Date,
    rejected: &mut Rejected,
) -> anyhow::Result<Calendar> {
    let mut calendar = Calendar::default();
    let day_of = |text: &str| match text.parse::<i32>() {
        Ok(days) => first_day.checked_add(days.days()).map_err(|error| error.to_string()),
        Err(_) => date(text),
    };
    each_row(input, path, &["series", "kind"], rejected, |row| {
        let written = [row.text("day"), row.text("date")].into_iter().find(|text| !text.is_empty());
        let day = day_of(written.ok_or("day is empty")?)?;
        let until = match row.text("until") {
            "" => day,
            text => day_of(text)?,
        };
        if until < day {
            return Err(format!("until `{until}` is before `{day}`"));
        }
        match row.text("kind") {
            "holiday" => {
                for day in day.series(1.day()).take_while(|day| *day <= until).take(366) {
                    calendar.holiday(row.text("series"), day);
                }
            }
            "planned" => calendar.planned(row.text("series"), Planned { day, until }),
            other => return Err(format!("kind `{other}` is neither `holiday` nor `planned`")),
        }
        Ok(())
    })?;
    Ok(calendar)
}

/// A row with its header.
pub(crate) struct Row<'a> {
    pub(crate) columns: &'a BTreeMap<String, usize>,
    pub(crate) record: &'a csv::StringRecord,
}

impl Row<'_> {
    /// A field; empty when the column or the field is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        let index = self.columns.get(name).copied();
        index.and_then(|index| self.record.get(index)).unwrap_or_default().trim()
    }

    /// An exact number of either sign.
    pub(crate) fn decimal(&self, name: &str) -> Result<Option<Decimal>, String> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|error| format!("{name}: {error}"))
    }

    /// A number of zero or more, for statistics.
    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, String> {
        let Some(number) = self.decimal(name)? else { return Ok(None) };
        if number.is_negative() {
            return Err(format!("{name} `{}` is negative", self.text(name)));
        }
        Ok(Some(number.to_f64()))
    }
}

/// Where the columns are.
pub(crate) fn header<R: Read>(
    rows: &Rows<R>,
    required: &[&str],
) -> anyhow::Result<BTreeMap<String, usize>> {
    let columns: BTreeMap<String, usize> = rows
        .header()
        .iter()
        .enumerate()
        .map(|(index, name)| (name.trim().to_owned(), index))
        .collect();
    match required.iter().find(|name| !columns.contains_key(**name)) {
        Some(missing) => Err(hinted(
            format!("column `{missing}` is missing"),
            format!("the header needs {}", required.join(", ")),
        )),
        None => Ok(columns),
    }
}

/// Hands every row to `take`; those that cannot be read or are refused are kept with their reason.
pub(crate) fn each_row(
    input: impl Read,
    path: &Path,
    required: &[&str],
    rejected: &mut Rejected,
    mut take: impl FnMut(&Row<'_>) -> Result<(), String>,
) -> anyhow::Result<()> {
    let mut rows = Rows::open(input)?;
    let columns = header(&rows, required)?;
    let mut record = csv::StringRecord::new();
    let mut count = 0_u64;
    while let Some(Placed { line, read, .. }) = rows.next_into(&mut record)? {
        count = count.saturating_add(1);
        let taken = read.and_then(|()| {
            if count > ROWS_MAX {
                return Err("beyond the number of rows that are read".to_owned());
            }
            take(&Row { columns: &columns, record: &record })
        });
        if let Err(reason) = taken {
            rejected.rows.push((path.to_owned(), line, reason));
        }
    }
    Ok(())
}

/// A date as written in tables.
pub(crate) fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| {
        format!("date `{}` is not written as 2026-10-31", text.chars().take(40).collect::<String>())
    })
}
