//! `forecast`: what a period will cost, by series and in total, with bands.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use centinel_engine::{
    anomaly::Calendar,
    forecast::{self, Assumption, DayCost, Forecast, ForecastError, Question, Series},
    money::{Currency, Decimal, Pico},
};
use jiff::{ToSpan as _, civil::Date};
use serde::Serialize;

use crate::{
    daily::{self, Rejected, each_row},
    failure::usage,
    output::{Outcome, Output},
    text,
};

/// Forecast what a period will cost: by series, and in total.
///
/// Reads `series`, `date`, `cost`; other columns are ignored. Rows dated before `--as-of` are seen and
/// counted exactly, the days after them are estimated.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    tables: Tables,
    /// Costs of earlier days are seen.
    #[arg(long, value_name = "DAY")]
    as_of: Date,
    /// First day of the period [default: the first of the month of `--as-of`].
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// The day after the last one of the period [default: the end of the month of `--from` or, where
    /// that is later, of `--as-of`].
    #[arg(long, value_name = "DAY")]
    until: Option<Date>,
    /// Probabilities of the bands, in percent.
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', default_values_t = [80, 95])]
    levels: Vec<u32>,
    /// Every day of the period, too.
    #[arg(long)]
    daily: bool,
    /// A last line `*` with the sum of all series; its bands are its own.
    #[arg(long)]
    total: bool,
    /// How likely the period is to cost more, and when this is expected to be reached.
    #[arg(long, value_name = "AMOUNT")]
    amount: Option<Decimal>,
    /// A scenario: `volume +20%`, optionally `from DAY` and `until DAY`; may be given several times.
    #[arg(long, value_name = "ASSUMPTION")]
    assume: Vec<Assumption>,
    /// Currency of the costs.
    #[arg(long, value_name = "CODE", default_value = "USD")]
    currency: Currency,
}

/// The tables that `forecast` and `backtest` read.
#[derive(Debug, clap::Args)]
pub(crate) struct Tables {
    /// CSV with a header, one row a series and day, also `.gz` or `.zst`; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    series: PathBuf,
    /// CSV `series,kind,day,until` with holidays and planned changes, past and ahead; `*` is every
    /// series, and a day is a date or counts from the first date of the series file.
    #[arg(long, value_name = "FILE")]
    calendar: Option<PathBuf>,
}

/// A line of output.
#[derive(Debug, Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    forecast: &'a Forecast,
    currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<&'a [DayCost]>,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    let mut rejected = Rejected::default();
    let (series, calendar) = args.tables.read(&mut rejected)?;
    let question = args.question();
    let found = forecast::forecast(&series, &calendar, &question).map_err(|error| match error {
        ForecastError::EmptyPeriod(..) | ForecastError::TooLong(..) | ForecastError::Level(_) => {
            usage(error.to_string(), "`--until` is the day after the last one of the period")
        }
        error @ ForecastError::Overflow(_) => error.into(),
    })?;
    rejected.lines(output)?;
    let shown = found.series.iter().chain(args.total.then_some(&found.total));
    if output.json {
        for forecast in shown {
            output.json_line(&Line {
                forecast,
                currency: args.currency,
                days: args.daily.then_some(forecast.days.as_slice()),
            })?;
        }
    } else {
        output.line(format_args!(
            "{} to {}, as of {}, in {}",
            question.from,
            question.until.yesterday().unwrap_or(question.until),
            question.as_of,
            args.currency
        ))?;
        print(shown, &question, args.daily, output)?;
    }
    Ok(rejected.outcome(output))
}

impl Args {
    fn question(&self) -> Question {
        let mut question = Question::month_of(self.as_of);
        if let Some(from) = self.from {
            question.from = from;
            question.until = Question::month_of(from.max(self.as_of)).until;
        }
        question.until = self.until.unwrap_or(question.until);
        question.levels.clone_from(&self.levels);
        question.levels.sort_unstable();
        question.levels.dedup();
        question.amount = self.amount;
        question.assumptions.clone_from(&self.assume);
        question
    }
}

impl Tables {
    /// Series by name, and the calendar.
    pub(crate) fn read(&self, rejected: &mut Rejected) -> anyhow::Result<(Vec<Series>, Calendar)> {
        let series = centinel_ingest::open(&self.series)
            .map_err(anyhow::Error::from)
            .and_then(|input| read_series(input, &self.series, rejected))
            .with_context(|| format!("reading series from `{}`", self.series.display()))?;
        let first_day = series.iter().map(|series| series.first_day).min();
        let calendar = daily::calendar(self.calendar.as_deref(), first_day, rejected)?;
        Ok((series, calendar))
    }
}

fn read_series(
    input: impl Read,
    path: &Path,
    rejected: &mut Rejected,
) -> anyhow::Result<Vec<Series>> {
    let mut by_name: BTreeMap<String, BTreeMap<Date, Decimal>> = BTreeMap::new();
    each_row(input, path, &["series", "date", "cost"], rejected, |row| {
        let date = daily::date(row.text("date"))?;
        let cost = row.decimal("cost")?.ok_or("cost is empty")?;
        if !Series::admits(cost) {
            return Err(format!("cost `{}` has too many digits", row.text("cost")));
        }
        let name = row.text("series");
        if name == forecast::TOTAL {
            return Err("series `*` is the name of the total".to_owned());
        }
        let days = by_name.entry(name.to_owned()).or_default();
        daily::near(date, days)?;
        match days.entry(date) {
            Entry::Vacant(free) => {
                free.insert(cost);
                Ok(())
            }
            Entry::Occupied(_) => Err(format!("series `{name}` has `{date}` already")),
        }
    })?;
    let series = by_name.into_iter().filter_map(|(name, days)| {
        let (first_day, last_day) = (*days.keys().next()?, *days.keys().next_back()?);
        let dates = first_day.series(1.day()).take_while(|date| *date <= last_day);
        let costs = dates.map(|date| days.get(&date).copied().unwrap_or_default()).collect();
        Some(Series { name, first_day, costs })
    });
    Ok(series.collect())
}

fn print<'a>(
    forecasts: impl Iterator<Item = &'a Forecast>,
    question: &Question,
    daily: bool,
    output: &mut Output,
) -> anyhow::Result<()> {
    let mut header = vec!["series".to_owned(), "method".to_owned(), "seen".to_owned()];
    header.push("forecast".to_owned());
    header.extend(question.levels.iter().map(|level| format!("{level} % band")));
    if let Some(amount) = question.amount {
        header.push(format!("above {amount}"));
        header.push("reached".to_owned());
    }
    if daily {
        header.push("by day".to_owned());
    }
    let mut rows = Vec::new();
    for forecast in forecasts {
        let method = serde_json::to_value(forecast.method)?;
        let mut row = vec![
            forecast.series.clone(),
            method.as_str().unwrap_or_default().replace('_', " "),
            shown(forecast.seen)?,
            forecast.period_total.map(shown).transpose()?.unwrap_or_else(|| "unknown".to_owned()),
        ];
        for level in &question.levels {
            let band = forecast.bands.iter().find(|band| band.level == *level);
            row.push(match band {
                Some(band) => format!("{} to {}", shown(band.low)?, shown(band.high)?),
                None => String::new(),
            });
        }
        if question.amount.is_some() {
            let passing = forecast.passing;
            row.push(passing.map_or_else(String::new, |passing| {
                format!("{:.1} %", passing.probability_above * 100.0)
            }));
            let date = passing.and_then(|passing| passing.date_expected);
            row.push(date.map_or_else(|| "not expected".to_owned(), |date| date.to_string()));
        }
        if daily {
            let pico = |day: &DayCost| Pico::round_half_even(day.cost).map(|cost| cost.amount.0);
            let costs: Result<Vec<i128>, _> = forecast.days.iter().map(pico).collect();
            row.push(text::sparkline(&costs?));
        }
        rows.push(row);
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    output.line(text::table(&header, rows, 2))?;
    Ok(())
}

/// Two decimals, for reading.
fn shown(amount: Decimal) -> anyhow::Result<String> {
    Ok(Pico::round_half_even(amount)?.amount.to_display(2).to_string())
}
