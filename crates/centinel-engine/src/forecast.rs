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
mod charges;
mod coherence;
mod daily;
mod fit;
mod learned;
mod monthly;
mod outlook;
mod prior;
mod question;
mod result;
mod statistics;
mod track;

use jiff::{ToSpan as _, civil::Date};

use crate::{anomaly::Calendar, money::Decimal};
use answer::{Part, total};
use calibration::{Calibration, calibrate};
use learned::Learned;
use outlook::{Outlook, Spread, outlook};
use track::{Track, days_between};

pub use assumption::{Assumption, AssumptionError, Factor, ModelChange};
pub use backtest::{Accuracy, Backtest, BacktestError, BacktestPeriods, Scores, backtest};
pub use question::{CalendarPeriod, Question, UnknownCalendarPeriod};
pub use result::{Band, DayCost, Forecast, Forecasts, Method, Passing};

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
    Prepared::of(series, calendar, question)?.forecast(question)
}

/// The same for parts of a whole that is forecast already: the parts are moved so that they add up to
/// it, those most that are known least, and the total is the whole.
///
/// # Errors
///
/// As for [`forecast`].
pub fn forecast_parts(
    series: &[Series],
    calendar: &Calendar,
    question: &Question,
    whole: &Forecast,
) -> Result<Forecasts, ForecastError> {
    Prepared::of(series, calendar, question)?.forecast_parts(question, whole)
}

/// Series seen up to a day, and the days ahead of them, calibrated by past forecasts: nearly all of the
/// work of a forecast. Questions that differ in levels, amount, scenario or bands of days share it.
#[derive(Debug)]
pub struct Prepared {
    as_of: Date,
    from: Date,
    until: Date,
    visible: Vec<Series>,
    history: History,
    /// Of the series with rows, in their order.
    outlooks: Vec<Outlook>,
    calibration: Calibration,
    axis: Date,
    /// First day ahead, counted from `axis`.
    ahead: usize,
}

impl Prepared {
    /// Looks at the series as a question wants them seen: its day, and the period's days.
    ///
    /// # Errors
    ///
    /// As for [`forecast`].
    pub fn of(
        series: &[Series],
        calendar: &Calendar,
        question: &Question,
    ) -> Result<Self, ForecastError> {
        let Question { as_of, from, until, .. } = *question;
        if until <= from {
            return Err(ForecastError::EmptyPeriod(from, until));
        }
        levels_are_shares(question)?;
        let visible: Vec<Series> = series.iter().map(|series| series.before(as_of)).collect();
        let with_rows = || visible.iter().filter(|series| !series.costs.is_empty());
        let axis = with_rows().map(|series| series.first_day).min().unwrap_or(from);
        // Days after the last row of the whole file are not zero: the file ends there.
        let origin_date = with_rows().map(Series::end).max().unwrap_or(from);
        let length = days_between(axis, until).max(days_between(axis, origin_date));
        if length > DAYS_MAX {
            return Err(ForecastError::TooLong(until, axis));
        }
        let origin = days_between(axis, origin_date);
        let (ahead, end) = (days_between(axis, from).max(origin), days_between(axis, until));
        let tracks: Vec<Track> =
            with_rows().map(|series| Track::of(series, calendar, axis, origin, length)).collect();
        let history = History::of(tracks, origin);
        let (outlooks, calibration) = history.outlooks(ahead, end);
        Ok(Self { as_of, from, until, visible, history, outlooks, calibration, axis, ahead })
    }

    /// As [`forecast`], of the days that were prepared.
    ///
    /// # Errors
    ///
    /// As for [`forecast`].
    pub fn forecast(&self, question: &Question) -> Result<Forecasts, ForecastError> {
        self.answered(question, None)
    }

    /// As [`forecast_parts`], of the days that were prepared.
    ///
    /// # Errors
    ///
    /// As for [`forecast`].
    pub fn forecast_parts(
        &self,
        question: &Question,
        whole: &Forecast,
    ) -> Result<Forecasts, ForecastError> {
        self.answered(question, Some(whole))
    }

    /// Roughly how much memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        let of_series = |series: &Series| series.costs.len().saturating_mul(size_of::<Decimal>());
        let of_track = |track: &Track| track.costs.len().saturating_mul(32);
        let of_outlook = |outlook: &Outlook| outlook.days.len().saturating_mul(8);
        let series: usize = self.visible.iter().map(of_series).sum();
        let tracks: usize = self.history.tracks.iter().map(of_track).sum();
        let outlooks: usize = self.outlooks.iter().map(of_outlook).sum();
        let each = self.visible.len().saturating_mul(1024);
        series.saturating_add(tracks).saturating_add(outlooks).saturating_add(each)
    }

    fn answered(
        &self,
        question: &Question,
        whole: Option<&Forecast>,
    ) -> Result<Forecasts, ForecastError> {
        levels_are_shares(question)?;
        let Self { as_of, from, until, .. } = *self;
        let question = &Question { as_of, from, until, ..question.clone() };
        let (axis, from) = (self.axis, self.ahead);
        let mut outlooks = self.outlooks.iter();
        let mut parts: Vec<Part<'_>> = self
            .visible
            .iter()
            .map(|series| {
                let outlook = if series.costs.is_empty() { None } else { outlooks.next() };
                let outlook =
                    outlook.map(|outlook| assumed(outlook.clone(), series, question, axis, from));
                Part { series, outlook }
            })
            .collect();
        let is_coherent = whole.is_some_and(|whole| coherence::move_to(&mut parts, whole));
        let mut answers: Vec<Forecast> = parts
            .iter()
            .map(|part| part.answer(question, axis, from, &self.calibration))
            .collect::<Result<_, _>>()?;
        let mut found = match whole.filter(|_| is_coherent) {
            Some(whole) => coherence::settled(&mut answers, whole)?,
            None => total(&parts, &answers, question, &self.calibration)?,
        };
        if question.daily {
            let days = (answers.as_mut_slice(), &mut found);
            daily::add_bands(&self.history, &parts, question, (axis, from), days);
        }
        Ok(Forecasts { series: answers, total: found })
    }
}

fn levels_are_shares(question: &Question) -> Result<(), ForecastError> {
    match question.levels.iter().find(|level| !(1..=99).contains(*level)) {
        Some(level) => Err(ForecastError::Level(*level)),
        None => Ok(()),
    }
}

/// What was seen, fitted.
#[derive(Debug)]
struct History {
    tracks: Vec<Track>,
    fits: Vec<Option<fit::Fit>>,
    learned: Learned,
    origin: usize,
}

impl History {
    fn of(tracks: Vec<Track>, origin: usize) -> Self {
        let fits: Vec<_> = tracks.iter().map(|track| fit::fit(track, origin)).collect();
        let learned = Learned::from(&fits);
        Self { tracks, fits, learned, origin }
    }

    /// How far forecasts of so many days strayed.
    fn calibration(&self, ahead: usize) -> Calibration {
        calibrate(&self.tracks, &self.fits, &self.learned, self.origin, ahead)
    }

    /// Each series from a day to another, calibrated.
    fn outlooks(&self, from: usize, end: usize) -> (Vec<Outlook>, Calibration) {
        let calibration = self.calibration(end.saturating_sub(self.origin));
        let series = 0..self.tracks.len();
        let outlooks =
            series.filter_map(|index| self.outlook(index, from, end.max(from), &calibration));
        (outlooks.collect(), calibration)
    }

    /// One series by its position.
    fn outlook(
        &self,
        index: usize,
        from: usize,
        end: usize,
        calibration: &Calibration,
    ) -> Option<Outlook> {
        let (track, fit) = (self.tracks.get(index)?, self.fits.get(index)?);
        let mut found = outlook(track, fit.as_ref(), &self.learned, self.origin, from, end);
        calibration.apply(index, &mut found);
        if let (Some(charge), Some(days)) = (&track.charge, track.days.get(from..end)) {
            charge.add_to(&mut found, days);
        }
        Some(found)
    }
}

/// The scenario: days ahead times their factors, and what strays with them.
fn assumed(
    mut outlook: Outlook,
    series: &Series,
    question: &Question,
    axis: Date,
    from: usize,
) -> Outlook {
    let before: f64 = outlook.days.iter().sum();
    for assumption in question.assumptions.iter().filter(|factor| factor.is_about(&series.name)) {
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
