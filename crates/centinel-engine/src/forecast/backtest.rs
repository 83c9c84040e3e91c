//! Forecasts as they would have been, against what came, beside seasonal naive and run rate.

use jiff::{ToSpan as _, civil::Date};
use serde::Serialize;

use super::{
    ForecastError, Question, Series, TOTAL, forecast,
    statistics::{float, mean},
    track::days_between,
};
use crate::{anomaly::Calendar, money::Decimal};

/// Fewest days of the file before an origin.
const HISTORY_DAYS_MIN: usize = 28;
/// The seasonal naive forecast repeats the last week.
const SEASON_DAYS: usize = 7;
/// Bands that are judged, in percent.
const LEVELS: [u32; 2] = [80, 95];

/// Which periods are forecast from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BacktestPeriods {
    /// Every whole calendar month, seen from the start of a day of it: 11 sees ten days.
    Months {
        /// Day of the month, 1 to 28.
        day: i8,
    },
    /// Stretches of so many days, one after the other, each seen from its first.
    Days {
        /// Days in a stretch.
        length: usize,
    },
}

/// Why there is nothing to judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BacktestError {
    /// No period lies wholly in the data with enough days before it.
    #[error("no whole period with {HISTORY_DAYS_MIN} days before its forecast is in the data")]
    NoPeriod,
    /// A forecast failed.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
}

/// How good one way of forecasting was; `None` where no case tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// Mean absolute error as a share of the actual cost.
    pub mape: Option<f64>,
    /// Mean absolute error over that of repeating the day a week before, each day on its own (Hyndman
    /// and Koehler 2006, with a season of a week, over the days ahead).
    pub mase: Option<f64>,
    /// Mean pinball loss at the ends of the bands and the point, as a share of the actual cost. A
    /// forecast without bands has all quantiles at its point.
    pub pinball: Option<f64>,
    /// Interval score of the 80 % band as a share of the actual cost (Gneiting and Raftery 2007,
    /// section 6.2).
    pub interval_score_80: Option<f64>,
    /// The same of the 95 % band.
    pub interval_score_95: Option<f64>,
    /// Share of actual costs within the 80 % band; `None` without bands.
    pub coverage_80: Option<f64>,
    /// The same of the 95 % band.
    pub coverage_95: Option<f64>,
}

/// The forecasts of one series, or of all ([`TOTAL`]), judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Accuracy {
    /// Name of the series; [`TOTAL`] is every series' cases in one pool.
    pub series: String,
    /// How many forecasts.
    pub forecasts: usize,
    /// This engine.
    pub forecast: Scores,
    /// The last week, repeated.
    pub seasonal_naive: Scores,
    /// The mean of the days seen of the period, or of the last 28 where none is.
    pub run_rate: Scores,
}

/// A backtest.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtest {
    /// By series, in their order; series without a case are left out.
    pub series: Vec<Accuracy>,
    /// Every case of every series.
    pub pooled: Accuracy,
    /// Origins and the period of each.
    pub periods: Vec<(Date, Date, Date)>,
}

/// One forecast: quantiles 2.5, 10, 50, 90, 97.5 % of the period's cost.
#[derive(Debug, Clone, Copy)]
struct Case {
    actual: f64,
    /// Mean error of a day a week before, times the days ahead.
    scale: f64,
    ours: [f64; 5],
    seasonal_naive: f64,
    run_rate: f64,
}

/// Judges the last `periods_max` periods that lie wholly in the data.
///
/// # Errors
///
/// [`BacktestError::NoPeriod`] when none does, and whatever [`forecast`] returns.
pub fn backtest(
    series: &[Series],
    calendar: &Calendar,
    periods: BacktestPeriods,
    periods_max: usize,
) -> Result<Backtest, BacktestError> {
    let periods = origins(series, periods, periods_max);
    if periods.is_empty() {
        return Err(BacktestError::NoPeriod);
    }
    let mut cases: Vec<Vec<Case>> = vec![Vec::new(); series.len()];
    for (as_of, from, until) in &periods {
        let question = Question {
            as_of: *as_of,
            from: *from,
            until: *until,
            levels: LEVELS.to_vec(),
            assumptions: Vec::new(),
            amount: None,
            daily: false,
        };
        let found = forecast(series, calendar, &question)?;
        for ((series, answer), cases) in series.iter().zip(found.series).zip(&mut cases) {
            let Some(total) = answer.period_total else { continue };
            let ends = |level: u32| answer.bands.iter().find(|band| band.level == level);
            let (Some(inner), Some(outer)) = (ends(80), ends(95)) else { continue };
            let quantiles = [outer.low, inner.low, total, inner.high, outer.high];
            cases.push(Case::of(series, &question, quantiles.map(Decimal::to_f64)));
        }
    }
    let judged = |name: &str, cases: &[Case]| Accuracy {
        series: name.to_owned(),
        forecasts: cases.len(),
        forecast: scores(cases, true, |case| case.ours),
        seasonal_naive: scores(cases, false, |case| [case.seasonal_naive; 5]),
        run_rate: scores(cases, false, |case| [case.run_rate; 5]),
    };
    let all: Vec<Case> = cases.iter().flatten().copied().collect();
    Ok(Backtest {
        series: series
            .iter()
            .zip(&cases)
            .filter(|(_, cases)| !cases.is_empty())
            .map(|(series, cases)| judged(&series.name, cases))
            .collect(),
        pooled: judged(TOTAL, &all),
        periods,
    })
}

/// Origin and period of each forecast, oldest first.
fn origins(
    series: &[Series],
    periods: BacktestPeriods,
    periods_max: usize,
) -> Vec<(Date, Date, Date)> {
    let with_rows = || series.iter().filter(|series| !series.costs.is_empty());
    let (Some(start), Some(end)) =
        (with_rows().map(|series| series.first_day).min(), with_rows().map(Series::end).max())
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut until = match periods {
        BacktestPeriods::Months { .. } => end.first_of_month(),
        BacktestPeriods::Days { .. } => end,
    };
    while found.len() < periods_max {
        let (from, seen) = match periods {
            BacktestPeriods::Months { day } => {
                (until.checked_sub(1.month()), i64::from(day.clamp(1, 28)).saturating_sub(1))
            }
            BacktestPeriods::Days { length } => {
                (until.checked_sub(i64::try_from(length.max(1)).unwrap_or(i64::MAX).days()), 0)
            }
        };
        let Ok(from) = from else { break };
        let Ok(as_of) = from.checked_add(seen.days()) else { break };
        if from < start || days_between(start, as_of) < HISTORY_DAYS_MIN {
            break;
        }
        found.push((as_of, from, until));
        until = from;
    }
    found.reverse();
    found
}

impl Case {
    fn of(series: &Series, question: &Question, ours: [f64; 5]) -> Self {
        let costs = |from: Date, until: Date| -> Vec<f64> {
            let days = from.series(1.day()).take_while(|day| *day < until);
            days.map(|day| series.cost(day).to_f64()).collect()
        };
        let back = |days: i64| question.as_of.checked_sub(days.days()).unwrap_or(Date::MIN);
        let seen = costs(question.from, question.as_of);
        let ahead = costs(question.as_of, question.until);
        let history = costs(series.first_day, question.as_of);
        let steps: Vec<f64> = history
            .iter()
            .zip(history.iter().skip(SEASON_DAYS))
            .map(|(before, day)| (day - before).abs())
            .collect();
        let so_far: f64 = seen.iter().sum();
        let week = costs(back(7), question.as_of);
        let rate = mean(&seen).or_else(|| mean(&costs(back(28), question.as_of))).unwrap_or(0.0);
        Self {
            actual: so_far + ahead.iter().sum::<f64>(),
            scale: mean(&steps).unwrap_or(0.0) * float(ahead.len()),
            ours,
            seasonal_naive: so_far + week.iter().cycle().take(ahead.len()).sum::<f64>(),
            run_rate: so_far + rate * float(ahead.len()),
        }
    }
}

const PROBABILITIES: [f64; 5] = [0.025, 0.1, 0.5, 0.9, 0.975];

fn scores(cases: &[Case], has_bands: bool, quantiles: impl Fn(&Case) -> [f64; 5]) -> Scores {
    let mean_of = |value: &dyn Fn(&Case, [f64; 5]) -> Option<f64>| {
        let values: Vec<f64> = cases
            .iter()
            .filter_map(|case| value(case, quantiles(case)))
            .filter(|value| value.is_finite())
            .collect();
        mean(&values).map(|mean| (mean * 1e6).round() / 1e6)
    };
    let share = |value: f64, case: &Case| (case.actual != 0.0).then(|| value / case.actual.abs());
    let interval_score = |actual: f64, low: f64, high: f64, outside: f64| {
        let beyond = (low - actual).max(0.0) + (actual - high).max(0.0);
        high - low + 2.0 / outside * beyond
    };
    let within = |actual: f64, low: f64, high: f64| {
        has_bands.then_some(if low <= actual && actual <= high { 1.0 } else { 0.0 })
    };
    Scores {
        mape: mean_of(&|case, [_, _, point, ..]| share((point - case.actual).abs(), case)),
        mase: mean_of(&|case, [_, _, point, ..]| {
            (case.scale > 0.0).then(|| (point - case.actual).abs() / case.scale)
        }),
        pinball: mean_of(&|case, quantiles| {
            let losses = quantiles.iter().zip(PROBABILITIES).map(|(quantile, probability)| {
                let above = case.actual - quantile;
                (probability * above).max((probability - 1.0) * above)
            });
            share(losses.sum::<f64>() / 5.0, case)
        }),
        interval_score_80: mean_of(&|case, [_, low, _, high, _]| {
            share(interval_score(case.actual, low, high, 0.2), case)
        }),
        interval_score_95: mean_of(&|case, [low, .., high]| {
            share(interval_score(case.actual, low, high, 0.05), case)
        }),
        coverage_80: mean_of(&|case, [_, low, _, high, _]| within(case.actual, low, high)),
        coverage_95: mean_of(&|case, [low, .., high]| within(case.actual, low, high)),
    }
}
