//! `detect`: the days on which a daily series cost more than usual, and by which driver; or how
//! surprising each value of one metric is.

mod metric;

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use centinel_engine::{
    anomaly::{self, Alarm, Calendar, Config, Metric, Planned, Point, Series},
    money::{Decimal, Pico},
};
use jiff::{ToSpan as _, civil::Date};

use crate::{
    failure::{hinted, single_line},
    output::{Outcome, Output},
    rows::{Placed, Rows},
};

/// Most rows read from a series file.
const ROWS_MAX: u64 = 20_000_000;
/// Longest series, in days: a stray date must not fill memory.
const DAYS_MAX: i32 = 20 * 366;
/// Rejected rows that are named on standard error.
const NAMED_MAX: usize = 10;
/// Episodes that are shown to a person.
const EPISODES_SHOWN: usize = 20;

/// Find the days on which a daily series cost more than usual, and by which driver; or score each
/// value of any one metric.
///
/// Cost mode reads `series`, `date`, `cost` and any of `outputs`, `calls`, `tok_in`, `tok_out`,
/// `asof_factor` (the share of a day's cost that was visible a day later); metric mode reads
/// `timestamp`, `value`. Other columns are ignored.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// CSV with a header, one row a series and day, or a value; also `.gz` or `.zst`; `-` is standard
    /// input.
    #[arg(long, value_name = "FILE")]
    series: PathBuf,
    /// CSV `series,kind,day,until` with holidays and planned changes; `*` is every series, and a
    /// day is a date or counts from the first date of the series file.
    #[arg(long, value_name = "FILE")]
    calendar: Option<PathBuf>,
    /// What the values are.
    #[arg(long, value_enum, default_value_t = Mode::Cost)]
    mode: Mode,
    /// Judge each day with the share of its cost that was visible a day later.
    #[arg(long)]
    as_of: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Mode {
    /// Daily cost with its drivers.
    Cost,
    /// One metric at any grain, rows in the order of time: a score from 0 to 1 for each value.
    Metric,
}

/// Lines that were left out, with their reason.
type Rejected = Vec<(PathBuf, u64, String)>;

pub(crate) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    let mut rejected = Vec::new();
    match args.mode {
        Mode::Cost => run_cost(args, output, &mut rejected)?,
        Mode::Metric => {
            if args.calendar.is_some() || args.as_of {
                return Err(hinted(
                    "`--calendar` and `--as-of` do not apply to a metric",
                    "leave them out, or use `--mode cost`",
                ));
            }
            centinel_ingest::open(&args.series)
                .map_err(anyhow::Error::from)
                .and_then(|input| metric::run(input, &args.series, output, &mut rejected))
                .with_context(|| format!("reading values from `{}`", args.series.display()))?;
        }
    }
    if rejected.is_empty() {
        return Ok(Outcome::Done);
    }
    for (path, line, reason) in rejected.iter().take(NAMED_MAX) {
        output.note(format_args!("{} line {line}: {}", path.display(), single_line(reason)));
    }
    output.note(format_args!("{} rows rejected", rejected.len()));
    Ok(Outcome::SomeRejected)
}

fn run_cost(args: &Args, output: &mut Output, rejected: &mut Rejected) -> anyhow::Result<()> {
    let series = centinel_ingest::open(&args.series)
        .map_err(anyhow::Error::from)
        .and_then(|input| read_series(input, &args.series, rejected))
        .with_context(|| format!("reading series from `{}`", args.series.display()))?;
    let first_day = series.iter().map(|series| series.first_day).min();
    let calendar = match &args.calendar {
        Some(path) => centinel_ingest::open(path)
            .map_err(anyhow::Error::from)
            .and_then(|input| read_calendar(input, path, first_day.unwrap_or(Date::ZERO), rejected))
            .with_context(|| format!("reading the calendar `{}`", path.display()))?,
        None => Calendar::default(),
    };
    let config = Config::published(args.as_of);
    if output.json {
        for (path, line, reason) in rejected.iter() {
            output.json_line(&rejection(path, *line, reason))?;
        }
    }
    let mut alarms = Vec::new();
    for series in &series {
        let found = anomaly::detect(series, &calendar, &config);
        if output.json {
            for alarm in &found {
                output.json_line(alarm)?;
            }
        } else {
            alarms.extend(found);
        }
    }
    if !output.json {
        print(&alarms, series.len(), output)?;
    }
    Ok(())
}

/// A line that was left out, as JSON lines name it.
fn rejection(path: &Path, line: u64, reason: &str) -> serde_json::Value {
    serde_json::json!({
        "id": format!("{} line {line}", path.display()),
        "status": "rejected",
        "reason": single_line(reason),
    })
}

fn read_series(
    input: impl Read,
    path: &Path,
    rejected: &mut Rejected,
) -> anyhow::Result<Vec<Series>> {
    let mut by_name: BTreeMap<String, BTreeMap<Date, Point>> = BTreeMap::new();
    let mut rows = 0_u64;
    each_row(input, path, &["series", "date", "cost"], rejected, |row| {
        rows = rows.saturating_add(1);
        if rows > ROWS_MAX {
            return Err("beyond the number of rows that are read".to_owned());
        }
        let date = date(row.text("date"))?;
        let count = |name: &str| row.number(name);
        let point = Point {
            cost: count("cost")?.ok_or("cost is empty")?,
            visible_share: count("asof_factor")?.unwrap_or(1.0),
            outputs: count("outputs")?,
            calls: count("calls")?,
            tokens_in: count("tok_in")?,
            tokens_out: count("tok_out")?,
        };
        if !(point.visible_share > 0.0 && point.visible_share <= 1.0) {
            return Err(format!(
                "asof_factor `{}` is not above 0 and at most 1",
                row.text("asof_factor")
            ));
        }
        let name = row.text("series");
        let days = by_name.entry(name.to_owned()).or_default();
        let span = |other: &Date| date.until(*other).map_or(i32::MAX, |span| span.get_days().abs());
        let ends = [days.keys().next(), days.keys().next_back()];
        if ends.into_iter().flatten().any(|end| span(end) > DAYS_MAX) {
            return Err(format!("date `{date}` is more than 20 years from another of its series"));
        }
        match days.entry(date) {
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(point);
                Ok(())
            }
            std::collections::btree_map::Entry::Occupied(_) => {
                Err(format!("series `{name}` has `{date}` already"))
            }
        }
    })?;
    Ok(by_name.into_iter().filter_map(|(name, days)| without_gaps(name, &days)).collect())
}

/// A day that is missing has no cost and no counts.
fn without_gaps(name: String, days: &BTreeMap<Date, Point>) -> Option<Series> {
    const MISSING: Point = Point {
        cost: 0.0,
        visible_share: 1.0,
        outputs: None,
        calls: None,
        tokens_in: None,
        tokens_out: None,
    };
    let (first_day, last_day) = (*days.keys().next()?, *days.keys().next_back()?);
    let dates = first_day.series(1.day()).take_while(|date| *date <= last_day);
    let points = dates.map(|date| days.get(&date).copied().unwrap_or(MISSING)).collect();
    Some(Series { name, first_day, points })
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
struct Row<'a> {
    columns: &'a BTreeMap<String, usize>,
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    /// A field; empty when the column or the field is missing.
    fn text(&self, name: &str) -> &str {
        let index = self.columns.get(name).copied();
        index.and_then(|index| self.record.get(index)).unwrap_or_default().trim()
    }

    /// A number of zero or more, for statistics.
    fn number(&self, name: &str) -> Result<Option<f64>, String> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        let number: Decimal = text.parse().map_err(|error| format!("{name}: {error}"))?;
        if number.is_negative() {
            return Err(format!("{name} `{text}` is negative"));
        }
        Ok(Some(number.to_f64()))
    }
}

/// Where the columns are.
fn header<R: Read>(rows: &Rows<R>, required: &[&str]) -> anyhow::Result<BTreeMap<String, usize>> {
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

fn each_row(
    input: impl Read,
    path: &Path,
    required: &[&str],
    rejected: &mut Rejected,
    mut take: impl FnMut(&Row<'_>) -> Result<(), String>,
) -> anyhow::Result<()> {
    let mut rows = Rows::open(input)?;
    let columns = header(&rows, required)?;
    let mut record = csv::StringRecord::new();
    while let Some(Placed { line, read, .. }) = rows.next_into(&mut record)? {
        let taken = read.and_then(|()| take(&Row { columns: &columns, record: &record }));
        if let Err(reason) = taken {
            rejected.push((path.to_owned(), line, reason));
        }
    }
    Ok(())
}

fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| {
        format!("date `{}` is not written as 2026-10-31", text.chars().take(40).collect::<String>())
    })
}

fn print(alarms: &[Alarm], series: usize, output: &mut Output) -> anyhow::Result<()> {
    let episodes = anomaly::episodes(alarms);
    output.line(format_args!(
        "{} episodes in {series} series, by estimated impact in the currency of the file",
        episodes.len()
    ))?;
    for episode in episodes.iter().take(EPISODES_SHOWN) {
        let strongest = episode.alarms.iter().max_by(|a, b| a.score.total_cmp(&b.score));
        let Some(strongest) = strongest else { continue };
        output.line(format_args!(
            "  {:>14}  {} to {}  {}: {} +{:.0} % over {} days",
            Pico::round_half_even(episode.impact)?.amount.to_display(2),
            episode.start,
            episode.last,
            single_line(&episode.series),
            label(strongest.metric),
            strongest.effect_ratio * 100.0,
            strongest.window_days,
        ))?;
    }
    if episodes.len() > EPISODES_SHOWN {
        output.line(format_args!(
            "  … and {} more; --json gives every alarm",
            episodes.len().saturating_sub(EPISODES_SHOWN)
        ))?;
    }
    Ok(())
}

fn label(metric: Metric) -> &'static str {
    match metric {
        Metric::Total => "total",
        Metric::CostPerOutput => "cost per output",
        Metric::TokensPerCall => "tokens per call",
        Metric::PricePerToken => "price per token",
        Metric::CallsPerOutput => "calls per output",
    }
}
