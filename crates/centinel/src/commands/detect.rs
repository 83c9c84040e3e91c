//! `detect`: the days on which a daily series cost more than usual, and by which driver; how surprising
//! each value of a metric is.

mod metric;

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use centinel_engine::{
    anomaly::{self, Alarm, Config, Metric, Point, Series},
    money::Pico,
};
use jiff::{ToSpan as _, civil::Date};

use crate::{
    daily::{self, Rejected, each_row},
    failure::{hinted, single_line},
    output::{Outcome, Output},
};

/// Episodes that are shown to a person.
const EPISODES_SHOWN: usize = 20;

/// Find the days on which a daily series cost more than usual, and by which driver.
///
/// With `--mode metric`: `timestamp` and `value`, and a score for every row. Otherwise:
/// Reads `series`, `date`, `cost` and any of `outputs`, `calls`, `tok_in`, `tok_out`, `asof_factor`
/// (the share of a day's cost that was visible a day later); other columns are ignored.
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
    let first_day = series.iter().map(|series| series.first_day).min();
    let calendar = daily::calendar(args.calendar.as_deref(), first_day, rejected)?;
    let config = Config::published(args.as_of);
    rejected.lines(output)?;
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

fn read_series(
    input: impl Read,
    path: &Path,
    rejected: &mut Rejected,
) -> anyhow::Result<Vec<Series>> {
    let mut by_name: BTreeMap<String, BTreeMap<Date, Point>> = BTreeMap::new();
    each_row(input, path, &["series", "date", "cost"], rejected, |row| {
        let date = daily::date(row.text("date"))?;
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
        daily::near(date, days)?;
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
