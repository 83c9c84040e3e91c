//! `forecast`: what a period will cost, by series and in total, with bands.

mod home;
mod print;
mod table;

use centinel_engine::{
    forecast::{
        self, Assumption, CalendarPeriod, DayCost, Factor, Forecast, ForecastError, Question,
    },
    money::{Currency, Decimal},
};
use jiff::civil::Date;
use serde::Serialize;

pub(crate) use table::{Table, Tables};

use crate::{
    context::Context,
    daily::Rejected,
    failure::usage,
    output::{Outcome, Output},
};

/// Forecast what a period will cost: by series, and in total.
///
/// Of a home, or with `--series` of a table. Days that were seen are counted exactly, the days after
/// them are estimated.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    tables: Tables,
    /// Costs of earlier days are seen; needed with `--series`. Of a home: all whole days that every
    /// source has brought.
    #[arg(long, value_name = "DAY")]
    as_of: Option<Date>,
    /// `day`, `week`, `month` or `quarter` that `--as-of` is in [default: month].
    #[arg(long, value_name = "PERIOD", conflicts_with_all = ["from", "until"])]
    period: Option<CalendarPeriod>,
    /// First day of the period [default: the first of the month of `--as-of`].
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// The day after the last one of the period [default: the end of the month of `--from` or, where
    /// that is later, of `--as-of`].
    #[arg(long, value_name = "DAY")]
    until: Option<Date>,
    /// Of a home: what lines are put together by, as in `spend --by`; the total is the same.
    #[arg(long, value_name = "DIMENSION", default_value = "kind")]
    by: String,
    /// Of a home: only these values, as in `team=search,support`.
    #[arg(long, value_name = "DIMENSION=VALUES")]
    only: Vec<String>,
    /// Probabilities of the bands, in percent.
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', default_values_t = [80, 95])]
    levels: Vec<u32>,
    /// Every day of the period, too, with its own bands.
    #[arg(long)]
    daily: bool,
    /// With `--series`: a last line `*` with the sum of all series; its bands are its own.
    #[arg(long)]
    total: bool,
    /// How likely the period is to cost more, and when this is expected to be reached.
    #[arg(long, value_name = "AMOUNT")]
    amount: Option<Decimal>,
    /// A scenario: `volume +20%`, or of a home `model X -> Y`; optionally `from DAY` and `until DAY`;
    /// may be given several times.
    #[arg(long, value_name = "ASSUMPTION")]
    assume: Vec<Assumption>,
    /// Of a home: where the period ends in sentences, against its budgets, and how far to trust it.
    #[arg(long, conflicts_with_all = ["series", "as_of", "from", "until", "by", "only", "levels", "daily",
        "total", "amount", "assume"])]
    words: bool,
    /// With `--series`: currency of the costs.
    #[arg(long, value_name = "CODE", default_value = "USD")]
    currency: Currency,
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

pub(crate) fn run(
    args: &Args,
    context: &dyn Fn() -> anyhow::Result<Context>,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    // A wrong question is told before anything is read.
    if let Some(level) = args.levels.iter().find(|level| !(1..=99).contains(*level)) {
        return Err(wrong(&ForecastError::Level(*level)));
    }
    let mut rejected = Rejected::default();
    match args.tables.read(&mut rejected)? {
        Some(table) => of_table(args, &table, &rejected, output),
        None => home::run(args, &context()?, output),
    }
}

fn of_table(
    args: &Args,
    table: &Table,
    rejected: &Rejected,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let question = args.question()?;
    let found = forecast::forecast(&table.series, &table.calendar, &question);
    let found = found.map_err(|error| match error {
        error @ ForecastError::Overflow(_) => error.into(),
        error => wrong(&error),
    })?;
    rejected.lines(output)?;
    let shown: Vec<&Forecast> =
        found.series.iter().chain(args.total.then_some(&found.total)).collect();
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
        print::table(&shown, &question, output)?;
        if args.daily
            && let Some(last) = shown.last()
        {
            print::days(last, &question.levels, output)?;
        }
    }
    Ok(rejected.outcome(output))
}

/// A wrong call, with its hint.
fn wrong(error: &ForecastError) -> anyhow::Error {
    let hint = match error {
        ForecastError::Level(_) => "a band of 80 % is `--levels 80`",
        _ => "`--until` is the day after the last one of the period",
    };
    usage(error.to_string(), hint)
}

impl Args {
    fn question(&self) -> anyhow::Result<Question> {
        let as_of = self.as_of.ok_or_else(|| {
            usage(
                "`--series` needs `--as-of`",
                "costs of earlier days are seen, as in `--as-of 2026-11-11`",
            )
        })?;
        let mut question = Question::period_of(self.period.unwrap_or(CalendarPeriod::Month), as_of);
        if let Some(from) = self.from {
            question.from = from;
            question.until = Question::month_of(from.max(as_of)).until;
        }
        question.until = self.until.unwrap_or(question.until);
        question.levels = self.levels();
        question.amount = self.amount;
        question.daily = self.daily;
        let factors: Result<Vec<Factor>, _> = self.assume.iter().map(Assumption::factor).collect();
        question.assumptions = factors?;
        Ok(question)
    }

    /// The assumptions in the words that they were given in.
    fn assume_text(&self) -> String {
        let text: Vec<String> = self.assume.iter().map(|one| format!("`{one}`")).collect();
        text.join(", ")
    }

    fn levels(&self) -> Vec<u32> {
        let mut levels = self.levels.clone();
        levels.sort_unstable();
        levels.dedup();
        levels
    }
}
