//! What a period will cost: per series and in total, with bands whose coverage is measured.
//!
//! The usual course of a series (level, trend, weekdays, holidays, month starts, planned steps) is
//! fitted robustly on logarithms. A change that began recently and is still on is carried forward by the
//! share of such changes that last. Bands come from past forecasts of all series of the file. Days that
//! were seen are exact; days ahead are estimates, printed as decimals of twelve digits, and are added to
//! the seen days exactly: days add up to the period, series add up to the total.
//!
//! Nothing dated on or after `as_of` is looked at. The method is written up in
//! `docs/concepts/forecast.md`.

mod answer;
mod assumption;
mod backtest;
mod calibration;
mod fit;
mod learned;
mod outlook;
mod prior;
mod statistics;
mod track;

use jiff::{ToSpan as _, civil::Date};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::{anomaly::Calendar, money::Decimal};
use answer::{Part, total};
use calibration::{Calibration, calibrate};
use learned::Learned;
use outlook::{Outlook, Spread, outlook};
use track::{Track, days_between};

pub use assumption::AssumptionError;
pub use backtest::{Accuracy, Backtest, BacktestError, BacktestPeriods, Scores, backtest};

/// Name of the line that adds all series up.
pub const TOTAL: &str = "*";
/// Longest stretch of days in one call: history and period.
pub const DAYS_MAX: usize = 20 * 366;

/// The days of one series without a gap; a day without a row has a cost of zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in answers and calendars.
    pub name: String,
    /// The day of the first cost.
    pub first_day: Date,
    /// Cost by day, credits negative, all in one currency.
    pub costs: Vec<Decimal>,
}

/// What the days ahead are multiplied by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assumption {
    /// 1.2 is 20 % more.
    pub factor: f64,
    /// The first day meant; `None` is all.
    pub from: Option<Date>,
    /// The day after the last one meant; `None` is all.
    pub until: Option<Date>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Costs of earlier days are seen.
    pub as_of: Date,
    /// First day of the period.
    pub from: Date,
    /// The day after its last.
    pub until: Date,
    /// Levels of the bands in percent, each above 0 and below 100.
    pub levels: Vec<u32>,
    /// Scenario.
    pub assumptions: Vec<Assumption>,
    /// Amount whose passing is asked about.
    pub amount: Option<Decimal>,
}

impl Question {
    /// The calendar month of a day, with bands of 80 and 95 %.
    pub fn month_of(as_of: Date) -> Self {
        Self {
            as_of,
            from: as_of.first_of_month(),
            until: as_of.last_of_month().saturating_add(1.day()),
            levels: vec![80, 95],
            assumptions: Vec::new(),
            amount: None,
        }
    }
}

/// Why a question cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForecastError {
    /// The period ends where it begins, or before.
    #[error("the period from `{0}` to `{1}` has no day")]
    EmptyPeriod(Date, Date),
    /// History and period together are too long.
    #[error("the period ends `{0}`, more than 20 years after the first cost `{1}`")]
    TooLong(Date, Date),
    /// A level is no percentage between 0 and 100.
    #[error("level `{0}` is not between 1 and 99")]
    Level(u32),
    /// A sum does not fit.
    #[error("the costs of series `{0}` do not add up within 128 bits")]
    Overflow(String),
}

/// How a forecast was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The whole period was seen.
    Seen,
    /// Level, trend, weekdays, holidays.
    Course,
    /// The same, with a change that is under way.
    CourseAndEvent,
    /// Fewer than two weeks: a level, and the weekdays of the other series.
    Young,
    /// Means by weekday, for series with cost on few days or with credits.
    Means,
    /// No cost for a week or more.
    Stopped,
    /// Forecasts of the series, added up.
    Sum,
    /// Nothing was seen: no forecast.
    NoHistory,
}

/// A range that is meant to hold the outcome with some probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// In percent.
    pub level: u32,
    /// Lower end. Estimate.
    pub low: Decimal,
    /// Upper end. Estimate.
    pub high: Decimal,
}

/// One day of a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DayCost {
    /// The day.
    pub date: Date,
    /// Its cost: exact where seen, otherwise an estimate.
    pub cost: Decimal,
    /// Whether it was seen.
    pub seen: bool,
}

/// Whether and when an amount is passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Passing {
    /// Probability that the period costs more, four digits.
    pub probability_above: f64,
    /// The first day on which seen and expected costs reach it; `None` within the period.
    pub date_expected: Option<Date>,
}

/// The forecast of one series, or of all.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Name of the series, or [`TOTAL`].
    pub series: String,
    /// Seen days and days ahead, added exactly; `None` without history.
    pub period_total: Option<Decimal>,
    /// Exact sum of the seen days of the period.
    pub seen: Decimal,
    /// By level, as asked.
    pub bands: Vec<Band>,
    /// How it was made.
    pub method: Method,
    /// Every day of the period; they add up to `period_total` exactly.
    pub days: Vec<DayCost>,
    /// When an amount was asked about.
    pub passing: Option<Passing>,
}

impl Serialize for Forecast {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("series", &self.series)?;
        map.serialize_entry("period_total", &self.period_total)?;
        map.serialize_entry("seen", &self.seen)?;
        for band in &self.bands {
            map.serialize_entry(&format!("low_{}", band.level), &band.low)?;
            map.serialize_entry(&format!("high_{}", band.level), &band.high)?;
        }
        map.serialize_entry("method", &self.method)?;
        if let Some(passing) = &self.passing {
            map.serialize_entry("probability_above", &passing.probability_above)?;
            map.serialize_entry("date_expected", &passing.date_expected)?;
        }
        map.end()
    }
}

/// The forecasts of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecasts {
    /// In the order of the series.
    pub series: Vec<Forecast>,
    /// All of them. Its point and days are the sums of the parts; its bands are not: errors of parts
    /// cancel as far as they did before.
    pub total: Forecast,
}

/// Forecasts a period of every series and of their sum.
///
/// # Errors
///
/// [`ForecastError`] when the question has no meaning or sums do not fit; a series that cannot be
/// forecast is an answer ([`Method::NoHistory`]).
pub fn forecast(
    series: &[Series],
    calendar: &Calendar,
    question: &Question,
) -> Result<Forecasts, ForecastError> {
    if question.until <= question.from {
        return Err(ForecastError::EmptyPeriod(question.from, question.until));
    }
    if let Some(level) = question.levels.iter().find(|level| !(1..=99).contains(*level)) {
        return Err(ForecastError::Level(*level));
    }
    let visible: Vec<Series> = series.iter().map(|series| series.before(question.as_of)).collect();
    let with_rows = || visible.iter().filter(|series| !series.costs.is_empty());
    let axis = with_rows().map(|series| series.first_day).min().unwrap_or(question.from);
    // Days after the last row of the whole file are not zero: the file ends there.
    let origin_date = with_rows().map(Series::end).max().unwrap_or(question.from);
    let length = days_between(axis, question.until).max(days_between(axis, origin_date));
    if length > DAYS_MAX {
        return Err(ForecastError::TooLong(question.until, axis));
    }
    let origin = days_between(axis, origin_date);
    let (from, end) =
        (days_between(axis, question.from).max(origin), days_between(axis, question.until));
    let tracks: Vec<Track> =
        with_rows().map(|series| Track::of(series, calendar, axis, origin, length)).collect();
    let (outlooks, calibration) = outlooks(&tracks, origin, from, end);
    let mut outlooks = outlooks.into_iter();
    let parts: Vec<Part<'_>> = visible
        .iter()
        .map(|series| {
            let outlook = if series.costs.is_empty() { None } else { outlooks.next() };
            Part { series, outlook: outlook.map(|outlook| assumed(outlook, question, axis, from)) }
        })
        .collect();
    let answers: Vec<Forecast> = parts
        .iter()
        .map(|part| part.answer(question, axis, from, &calibration))
        .collect::<Result<_, _>>()?;
    let total = total(&parts, &answers, question, &calibration)?;
    Ok(Forecasts { series: answers, total })
}

/// Fits, calibrates and looks ahead.
fn outlooks(
    tracks: &[Track],
    origin: usize,
    from: usize,
    end: usize,
) -> (Vec<Outlook>, Calibration) {
    let fits: Vec<_> = tracks.iter().map(|track| fit::fit(track, origin)).collect();
    let learned = Learned::from(&fits);
    let ahead = end.saturating_sub(origin);
    let calibration = calibrate(tracks, &fits, &learned, origin, ahead);
    let outlooks = tracks
        .iter()
        .zip(&fits)
        .enumerate()
        .map(|(index, (track, fit))| {
            let mut found = outlook(track, fit.as_ref(), &learned, origin, from, end.max(from));
            calibration.apply(index, &mut found);
            found
        })
        .collect();
    (outlooks, calibration)
}

/// The scenario: days ahead times their factors, and what strays with them.
fn assumed(mut outlook: Outlook, question: &Question, axis: Date, from: usize) -> Outlook {
    let before: f64 = outlook.days.iter().sum();
    for assumption in &question.assumptions {
        let first = assumption.from.map_or(0, |day| days_between(axis, day));
        let last = assumption.until.map_or(usize::MAX, |day| days_between(axis, day));
        for (index, day) in (from..).zip(&mut outlook.days) {
            if (first..last).contains(&index) {
                *day *= assumption.factor;
            }
        }
    }
    let after: f64 = outlook.days.iter().sum();
    if let Spread::Absolute(deviation) = &mut outlook.spread
        && before.abs() > 0.0
    {
        *deviation *= (after / before).abs();
    }
    outlook
}

impl Series {
    /// Largest cost of a day, and most digits after its point: 20 years of them add up in 128 bits.
    const COST_MAX: i128 = 1_000_000_000_000_000;
    const COST_PLACES_MAX: u32 = 18;

    /// Whether a cost is one that sums have room for.
    pub fn admits(cost: Decimal) -> bool {
        let limit = Decimal::from_integer(Self::COST_MAX);
        let size = if cost.is_negative() { cost.checked_neg().unwrap_or(limit) } else { cost };
        size < limit && cost.scale() <= Self::COST_PLACES_MAX
    }

    /// The day after the last cost.
    fn end(&self) -> Date {
        let days = i64::try_from(self.costs.len()).unwrap_or(i64::MAX);
        self.first_day.checked_add(days.days()).unwrap_or(Date::MAX)
    }

    /// The part before a day.
    fn before(&self, as_of: Date) -> Self {
        let days = days_between(self.first_day, as_of);
        let costs = self.costs.iter().take(days).copied().collect();
        Self { name: self.name.clone(), first_day: self.first_day, costs }
    }

    /// The exact cost of a day.
    fn cost(&self, date: Date) -> Decimal {
        if date < self.first_day {
            return Decimal::ZERO;
        }
        self.costs.get(days_between(self.first_day, date)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
