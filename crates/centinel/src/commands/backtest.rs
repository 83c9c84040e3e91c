//! `backtest`: forecasts as they would have been, against what came.

use centinel_app::{AppError, BacktestRequest};
use centinel_engine::forecast::{self, Accuracy, Backtest, BacktestError, BacktestPeriods, Scores};

use super::{forecast::Tables, spend::condition};
use crate::{
    context::{Context, explain, now},
    daily::Rejected,
    failure::hinted,
    output::{Outcome, Output},
    text,
};

/// Forecast past periods from earlier days and compare with what came, beside the last week repeated
/// (seasonal naive) and the run rate.
///
/// Of a home, or with `--series` of a table. Gives errors, interval scores and coverage by series and,
/// as the last line `*`, over all forecasts of all series.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    tables: Tables,
    /// Of a home: what series are put together by, as in `spend --by`.
    #[arg(long, value_name = "DIMENSION", default_value = "kind")]
    by: String,
    /// Of a home: only these values, as in `team=search,support`.
    #[arg(long, value_name = "DIMENSION=VALUES")]
    only: Vec<String>,
    /// Forecast whole calendar months, seen from the start of this day: 11 sees ten days.
    #[arg(long, value_name = "DAY", default_value_t = 11,
        value_parser = clap::value_parser!(i8).range(1..=28), conflicts_with = "horizon")]
    day: i8,
    /// Forecast stretches of so many days instead of months, each seen from its first.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=366))]
    horizon: Option<u16>,
    /// How many periods, counted from the last one that is wholly in the data.
    #[arg(long, value_name = "COUNT", default_value_t = 6,
        value_parser = clap::value_parser!(u16).range(1..=120))]
    periods: u16,
}

pub(crate) fn run(
    args: &Args,
    context: &dyn Fn() -> anyhow::Result<Context>,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let mut rejected = Rejected::default();
    let periods = match args.horizon {
        Some(days) => BacktestPeriods::Days { length: usize::from(days) },
        None => BacktestPeriods::Months { day: args.day },
    };
    let found = match args.tables.read(&mut rejected)? {
        Some(table) => {
            let (series, calendar) = (&table.series, &table.calendar);
            forecast::backtest(series, calendar, periods, usize::from(args.periods))
                .map_err(|error| too_short(&error))?
        }
        None => of_home(args, periods, &context()?)?,
    };
    rejected.lines(output)?;
    if output.json {
        for accuracy in found.series.iter().chain([&found.pooled]) {
            output.json_line(accuracy)?;
        }
    } else {
        output.line(format_args!(
            "{} forecasts of {} periods, {} series",
            found.pooled.forecasts,
            found.periods.len(),
            found.series.len()
        ))?;
        print(&found.pooled, output)?;
        let header = ["series", "forecasts", "MAPE", "naive", "run rate", "MASE", "within 80 %"];
        let rows = found.series.iter().map(|accuracy| {
            vec![
                accuracy.series.clone(),
                accuracy.forecasts.to_string(),
                percent(accuracy.forecast.mape),
                percent(accuracy.seasonal_naive.mape),
                percent(accuracy.run_rate.mape),
                number(accuracy.forecast.mase),
                percent(accuracy.forecast.coverage_80),
            ]
        });
        output.line(text::table(&header, rows.collect(), 1))?;
    }
    Ok(rejected.outcome(output))
}

fn of_home(args: &Args, periods: BacktestPeriods, context: &Context) -> anyhow::Result<Backtest> {
    let only = args.only.iter().map(|text| condition(text));
    let request = BacktestRequest {
        by: args.by.parse()?,
        filter: only.collect::<anyhow::Result<_>>()?,
        periods,
        periods_max: usize::from(args.periods),
    };
    context.run(async |app| {
        app.backtest(&request, now()).await.map_err(|error| match error {
            AppError::Backtest(error) => too_short(&error),
            error => explain(error),
        })
    })
}

fn too_short(error: &BacktestError) -> anyhow::Error {
    hinted(
        error.to_string(),
        "a shorter `--horizon` needs fewer days; every forecast needs 28 before",
    )
}

/// The pooled figures, a column a way of forecasting.
fn print(pooled: &Accuracy, output: &mut Output) -> anyhow::Result<()> {
    type Figure = (&'static str, fn(&Scores) -> String);
    const FIGURES: [Figure; 7] = [
        ("MAPE", |scores| percent(scores.mape)),
        ("MASE", |scores| number(scores.mase)),
        ("pinball loss", |scores| percent(scores.pinball)),
        ("interval score 80 %", |scores| percent(scores.interval_score_80)),
        ("interval score 95 %", |scores| percent(scores.interval_score_95)),
        ("within 80 %", |scores| percent(scores.coverage_80)),
        ("within 95 %", |scores| percent(scores.coverage_95)),
    ];
    let rows = FIGURES.iter().map(|(name, figure)| {
        let columns = [&pooled.forecast, &pooled.seasonal_naive, &pooled.run_rate];
        std::iter::once((*name).to_owned()).chain(columns.map(figure)).collect()
    });
    let header = ["all series", "forecast", "seasonal naive", "run rate"];
    output.line(text::table(&header, rows.collect(), 1))?;
    Ok(())
}

fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0))
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"))
}
