//! `detect`: the days or hours in which a series cost more than usual, and by which driver; or how
//! surprising each value of one metric is.

mod hourly;
mod metric;

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use centinel_engine::{
    anomaly::{self, Alarm, Config, HourlySeries, Kin, Metric, Point, Series},
    money::Pico,
};
use jiff::{Timestamp, ToSpan as _, civil::DateTime, tz::TimeZone};

use crate::{
    daily::{self, Rejected, each_row},
    failure::{hinted, single_line},
    output::{Outcome, Output},
};

/// Longest series by hours, in days.
const HOURLY_DAYS_MAX: i64 = 3 * 366;
/// Episodes that are shown to a person.
const EPISODES_SHOWN: usize = 20;

/// Find the days or hours in which a series cost more than usual, and by which driver; or score each
/// value of any one metric.
///
/// Cost mode reads `series`, `date`, `cost` and any of `outputs`, `calls`, `tok_in`, `tok_out`,
/// `asof_factor` (the share of a day's cost that was visible a day later); dates with a time, as in
/// `2026-01-01T05:00:00Z`, are hours, and each is judged an hour later. Metric mode reads `timestamp`,
/// `value`. Other columns are ignored.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// CSV with a header, one row a series and day, also `.gz` or `.zst`; `-` is standard input.
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

pub(crate) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    let mut rejected = Rejected::default();
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
    Ok(rejected.outcome(output))
}

fn run_cost(args: &Args, output: &mut Output, rejected: &mut Rejected) -> anyhow::Result<()> {
    let series = centinel_ingest::open(&args.series)
        .map_err(anyhow::Error::from)
        .and_then(|input| read_series(input, &args.series, rejected))
        .with_context(|| format!("reading series from `{}`", args.series.display()))?;
    let first_day = match &series {
        Grains::Days(series) => series.iter().map(|series| series.first_day).min(),
        Grains::Hours(series) => series.iter().map(|series| series.first_hour.date()).min(),
    };
    let calendar = daily::calendar(args.calendar.as_deref(), first_day, rejected)?;
    let config = Config::published(args.as_of);
    rejected.lines(output)?;
    let series = match series {
        Grains::Days(series) => series,
        Grains::Hours(series) => return hourly::run(&series, &calendar, args.as_of, output),
    };
    let mut alarms = Vec::new();
    let mut kin = Kin::of(largest(&series));
    for series in &series {
        let found = anomaly::detect_among(series, kin.siblings(series), &calendar, &config);
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

/// The series with the highest cost, by which new ones are judged.
fn largest(series: &[Series]) -> impl Iterator<Item = Series> {
    let cost = |series: &Series| series.points.iter().map(|point| point.cost).sum::<f64>();
    let mut by_cost: Vec<(f64, &Series)> = series.iter().map(|of| (cost(of), of)).collect();
    by_cost.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.name.cmp(&other.1.name)));
    by_cost.into_iter().take(Kin::SERIES_MAX).map(|(_, series)| series.clone())
}

/// Series by day or by hour: one file has one grain.
enum Grains {
    Days(Vec<Series>),
    Hours(Vec<HourlySeries>),
}

fn read_series(input: impl Read, path: &Path, rejected: &mut Rejected) -> anyhow::Result<Grains> {
    let mut by_name: BTreeMap<String, BTreeMap<DateTime, Point>> = BTreeMap::new();
    let mut is_hourly = None;
    each_row(input, path, &["series", "date", "cost"], rejected, |row| {
        let text = row.text("date");
        let (start, is_hour) = day_or_hour(text)?;
        let count = |name: &str| row.number(name);
        let point = Point {
            visible_share: count("asof_factor")?.unwrap_or(1.0),
            outputs: count("outputs")?,
            calls: count("calls")?,
            tokens_in: count("tok_in")?,
            tokens_cached: count("tok_cached")?,
            tokens_out: count("tok_out")?,
            ..Point::of_cost(count("cost")?.ok_or("cost is empty")?)
        };
        if !(point.visible_share > 0.0 && point.visible_share <= 1.0) {
            return Err(format!(
                "asof_factor `{}` is not above 0 and at most 1",
                row.text("asof_factor")
            ));
        }
        if *is_hourly.get_or_insert(is_hour) != is_hour {
            let grain = if is_hour { "days" } else { "hours" };
            return Err(format!("date `{text}`: the rows before it are {grain}"));
        }
        let (years, days_max) =
            if is_hour { (3, HOURLY_DAYS_MAX) } else { (20, daily::DAYS_MAX.into()) };
        let name = row.text("series");
        let of_series = by_name.entry(name.to_owned()).or_default();
        let span = |other: &DateTime| start.duration_until(*other).as_hours().abs() / 24;
        let ends = [of_series.keys().next(), of_series.keys().next_back()];
        if ends.into_iter().flatten().any(|end| span(end) > days_max) {
            return Err(format!(
                "date `{text}` is more than {years} years from another of its series"
            ));
        }
        match of_series.entry(start) {
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(point);
                Ok(())
            }
            std::collections::btree_map::Entry::Occupied(_) => {
                Err(format!("series `{name}` has `{text}` already"))
            }
        }
    })?;
    let step = if is_hourly == Some(true) { 1.hour() } else { 1.day() };
    let whole = by_name.into_iter().filter_map(|(name, points)| {
        let first = *points.keys().next()?;
        Some((name, first, without_gaps(first, step, &points)))
    });
    Ok(if is_hourly == Some(true) {
        let series = |(name, first_hour, points)| HourlySeries { name, first_hour, points };
        Grains::Hours(whole.map(series).collect())
    } else {
        let series = |(name, first, points): (_, DateTime, _)| Series {
            name,
            first_day: first.date(),
            points,
        };
        Grains::Days(whole.map(series).collect())
    })
}

/// A day or an hour that is missing has no cost and no counts.
fn without_gaps(
    first: DateTime,
    step: jiff::Span,
    points: &BTreeMap<DateTime, Point>,
) -> Vec<Point> {
    let last = points.keys().next_back().copied().unwrap_or(first);
    let starts = first.series(step).take_while(|start| *start <= last);
    starts.map(|start| points.get(&start).copied().unwrap_or(Point::of_cost(0.0))).collect()
}

/// The start of a day, or of an hour in UTC where the text has a time.
fn day_or_hour(text: &str) -> Result<(DateTime, bool), String> {
    if !text.contains(':') {
        return Ok((daily::date(text)?.to_datetime(jiff::civil::Time::midnight()), false));
    }
    let instant = text.parse::<Timestamp>().map(|at| at.to_zoned(TimeZone::UTC).datetime());
    let start = instant.or_else(|_| text.parse::<DateTime>()).map_err(|_| {
        format!(
            "date `{}` is not written as 2026-10-31T05:00:00Z",
            text.chars().take(40).collect::<String>()
        )
    })?;
    if (start.minute(), start.second(), start.subsec_nanosecond()) != (0, 0, 0) {
        return Err(format!("date `{text}` is not the start of an hour"));
    }
    Ok((start, true))
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
        Metric::CacheMissShare => "tokens not cached",
        Metric::FailedCallShare => "failed and repeated calls",
    }
}
