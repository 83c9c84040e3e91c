//! What a series usually costs, from the days before an origin: level, trend, weekday shape, planned
//! steps, month starts, holidays; and a change that began recently and is still on.

use super::{
    statistics::{float, mean, middle, regression, spread_around_zero},
    track::{Day, Kind, Track},
};

/// Days before the origin that are looked at.
const WINDOW_DAYS: usize = 112;
/// Fewest days with cost for a fit; fewer are no shape.
const DAYS_MIN: usize = 14;
/// Fewest days for a trend.
const TREND_DAYS_MIN: usize = 28;
/// Most planned steps in one fit; days before earlier ones are left out.
const STEPS_MAX: usize = 6;
/// Smallest usual deviation of a day (logarithm): bills are rounded, meters are read late.
const DEVIATION_MIN: f64 = 0.003;
/// Bisquare weights end here, in deviations: 95 % efficiency on normal errors (Beaton and Tukey 1974).
const BISQUARE_END: f64 = 4.685;
/// Furthest back that a change which is still on can have begun.
const RUN_DAYS_MAX: usize = 42;
/// A run of days off the level counts from this many standard errors,
const RUN_SCORE_MIN: f64 = 4.0;
/// and from this mean size (logarithm).
const RUN_SIZE_MIN: f64 = 0.06;
/// Ends of a run must show at least this share of its mean.
const RUN_END_SHARE: f64 = 0.4;
/// The first of a month counts when it is this many deviations off.
const FIRST_DEVIATIONS_MIN: f64 = 3.0;
/// Days whose mean tells where the level is now.
const LOCAL_DAYS: usize = 10;
/// Features before the steps: constant, trend, seven weekdays.
const FEATURES: usize = 9;
/// The trend is a month's.
const TREND_DAYS: f64 = 30.0;

/// A change that began on a day and is still on at the origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    pub(super) start: usize,
    /// How far off the level the last days are (logarithm).
    pub(super) size: f64,
}

/// A day that the usual course does not explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Odd {
    pub(super) day: usize,
    pub(super) is_above: bool,
}

/// The usual course of a series, in logarithms, seen from an origin.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    /// The first day not seen.
    pub(super) origin: usize,
    /// Of a day at the origin, without weekday.
    level: f64,
    /// A day.
    slope: f64,
    weekdays: Vec<f64>,
    first_of_month: f64,
    /// Effect of a holiday and of a day in a holiday season, where one was seen.
    pub(super) holiday: Option<f64>,
    pub(super) season: Option<f64>,
    /// Planned changes: day, and how much higher it was after.
    pub(super) steps: Vec<(usize, f64)>,
    /// Usual deviation of a day.
    pub(super) deviation: f64,
    /// Share of a day's deviation that the next day keeps.
    pub(super) persistence: f64,
    /// Days that were fitted.
    pub(super) days: usize,
    /// Those since the last planned change.
    pub(super) level_days: usize,
    /// Whether a trend was fitted.
    pub(super) has_trend: bool,
    pub(super) run: Option<Run>,
    pub(super) odd: Vec<Odd>,
    /// Mean deviation of the last days; zero while a run is on.
    pub(super) local: f64,
}

impl Fit {
    /// Usual logarithm of a day, a holiday being taken for a usual day.
    pub(super) fn working_day(&self, index: usize, day: &Day) -> f64 {
        let lead = float(index) - float(self.origin);
        let mut value = self.level + self.slope * lead + self.weekday(day.weekday);
        if day.first_of_month {
            value += self.first_of_month;
        }
        for (_, size) in self.steps.iter().filter(|(step, _)| index < *step) {
            value -= size;
        }
        value
    }

    pub(super) fn weekday(&self, weekday: usize) -> f64 {
        self.weekdays.get(weekday).copied().unwrap_or(0.0)
    }

    /// How many days' worth of independent errors one day's errors last.
    pub(super) fn inflation(&self) -> f64 {
        (1.0 + self.persistence) / (1.0 - self.persistence)
    }
}

/// The days that a fit sees.
struct Window<'a> {
    track: &'a Track,
    origin: usize,
    /// Days with cost that are no holidays, oldest first.
    days: Vec<usize>,
    /// By entry of `days`: features and value.
    rows: Vec<(Vec<f64>, f64)>,
    ridge: Vec<f64>,
    /// By entry of `days`: a first of the month, kept out where there are several to learn from.
    set_aside: Vec<bool>,
    steps: Vec<usize>,
}

/// One robust fit of a window.
struct Robust {
    coefficients: Vec<f64>,
    residuals: Vec<f64>,
    weights: Vec<f64>,
    deviation: f64,
    persistence: f64,
}

/// Fits the days before `origin`; `None` when fewer than [`DAYS_MIN`] have a cost.
pub(super) fn fit(track: &Track, origin: usize) -> Option<Fit> {
    let window = Window::of(track, origin)?;
    let mut robust = window.robust(origin)?;
    let mut run = None;
    for _ in 0..2 {
        run = window.trailing_run(&robust);
        let Some(Run { start, .. }) = run else { break };
        // The usual course is what was before the change.
        let Some(before) = window.robust(start) else { break };
        robust = before;
    }
    if let (Some(found), Some(again)) = (run, window.trailing_run(&robust)) {
        run = Some(Run { start: found.start.min(again.start), size: again.size });
    }
    Some(window.finish(&robust, run))
}

impl<'a> Window<'a> {
    fn of(track: &'a Track, origin: usize) -> Option<Self> {
        let mut start = origin.saturating_sub(WINDOW_DAYS).max(track.first);
        let day = |index: usize| track.days.get(index);
        let mut steps: Vec<usize> = (start.saturating_add(1)..origin)
            .filter(|index| day(*index).is_some_and(|day| day.restart))
            .collect();
        if let Some(surplus) = steps.len().checked_sub(STEPS_MAX).filter(|surplus| *surplus > 0) {
            start = steps.drain(..surplus).next_back().unwrap_or(start);
        }
        let days: Vec<usize> = (start..origin)
            .filter(|index| track.logarithms.get(*index).is_some_and(|value| value.is_finite()))
            .filter(|index| day(*index).is_some_and(|day| day.kind == Kind::Usual))
            .collect();
        if days.len() < DAYS_MIN {
            return None;
        }
        let is_first = |index: &usize| day(*index).is_some_and(|day| day.first_of_month);
        let several = days.iter().filter(|index| is_first(index)).count() >= 2;
        let rows = days.iter().filter_map(|index| {
            let mut features = vec![0.0; FEATURES];
            *features.get_mut(0)? = 1.0;
            *features.get_mut(1)? = (float(*index) - float(origin)) / TREND_DAYS;
            *features.get_mut(day(*index)?.weekday.saturating_add(2))? = 1.0;
            features.extend(steps.iter().map(|step| if index < step { 1.0 } else { 0.0 }));
            Some((features, *track.logarithms.get(*index)?))
        });
        // In observations of one squared deviation: weekdays and steps are held a little, a trend
        // over less than four weeks nearly wholly.
        let trend = if days.len() < TREND_DAYS_MIN { 1e6 } else { 0.3 };
        let mut ridge = vec![1e-6, trend];
        ridge.resize(FEATURES, 0.05);
        ridge.resize(FEATURES.saturating_add(steps.len()), 0.2);
        Some(Self {
            rows: rows.collect(),
            set_aside: days.iter().map(|index| several && is_first(index)).collect(),
            track,
            origin,
            days,
            ridge,
            steps,
        })
    }

    /// Iteratively reweighted least squares of the days before `end`: absolute errors first, which
    /// bear a third of odd days, then bisquare weights.
    fn robust(&self, end: usize) -> Option<Robust> {
        const ABSOLUTE_ROUNDS: usize = 7;
        const ROUNDS: usize = 14;
        let in_use: Vec<f64> = self
            .days
            .iter()
            .zip(&self.set_aside)
            .map(|(day, aside)| if *day < end && !aside { 1.0 } else { 0.0 })
            .collect();
        if in_use.iter().sum::<f64>() < 10.0 {
            return None;
        }
        let residuals = |coefficients: &[f64]| -> Vec<f64> {
            let fitted = |features: &[f64]| -> f64 {
                features.iter().zip(coefficients).map(|(a, b)| a * b).sum()
            };
            self.rows.iter().map(|(features, value)| value - fitted(features)).collect()
        };
        let mut weights = in_use.clone();
        let mut coefficients = regression(&self.rows, &weights, &self.ridge)?;
        let mut errors = residuals(&coefficients);
        let mut deviation = DEVIATION_MIN;
        for round in 0..ROUNDS {
            let used = errors.iter().zip(&in_use).filter(|(_, used)| **used > 0.0);
            deviation = spread_around_zero(used.map(|(error, _)| *error))?.max(DEVIATION_MIN);
            for ((weight, error), used) in weights.iter_mut().zip(&errors).zip(&in_use) {
                let size = error.abs() / deviation;
                let inner = (1.0 - (size / BISQUARE_END).powi(2)).max(0.0);
                *weight = used
                    * if round < ABSOLUTE_ROUNDS { 1.0 / size.max(0.3) } else { inner * inner };
            }
            coefficients = regression(&self.rows, &weights, &self.ridge)?;
            errors = residuals(&coefficients);
        }
        let persistence = self.persistence(&errors, &weights);
        Some(Robust { coefficients, residuals: errors, weights, deviation, persistence })
    }

    /// Correlation of neighbouring days' errors, odd days left out.
    fn persistence(&self, errors: &[f64], weights: &[f64]) -> f64 {
        let days: Vec<(usize, f64)> = self
            .days
            .iter()
            .zip(errors)
            .zip(weights)
            .filter(|(_, weight)| **weight > 0.0)
            .map(|((day, error), _)| (*day, *error))
            .collect();
        let (mut products, mut squares) = (0.0, 0.0);
        for ((day, error), (next, following)) in days.iter().zip(days.iter().skip(1)) {
            if *next == day.saturating_add(1) {
                products += error * following;
                squares += f64::midpoint(error * error, following * following);
            }
        }
        if squares > 0.0 { (products / squares).clamp(0.0, 0.8) } else { 0.3 }
    }

    /// The run of days up to the origin that is most surely off the course, if it is still on.
    fn trailing_run(&self, robust: &Robust) -> Option<Run> {
        let earliest =
            self.origin.saturating_sub(RUN_DAYS_MAX).max(self.steps.last().copied().unwrap_or(0));
        let newest_first: Vec<(usize, f64)> = self
            .days
            .iter()
            .zip(&robust.residuals)
            .zip(&self.set_aside)
            .rev()
            .filter(|((day, _), aside)| **day >= earliest && !**aside)
            .map(|((day, error), _)| (*day, *error))
            .collect();
        let inflation = (1.0 + robust.persistence) / (1.0 - robust.persistence);
        // Days of one sign in which errors repeat are no change of a hundredth.
        let deviation = robust.deviation.max(0.01);
        let (mut sum, mut count) = (0.0, 0.0);
        let mut best: Option<(f64, usize, f64)> = None;
        for (day, error) in &newest_first {
            sum += error;
            count += 1.0;
            let size: f64 = sum / count;
            let score = size.abs() / (deviation * (inflation.min(count) / count).sqrt());
            let begins_here = error * size.signum() > RUN_END_SHARE * size.abs();
            let stands_out = score > RUN_SCORE_MIN && size.abs() > RUN_SIZE_MIN && begins_here;
            if stands_out && best.is_none_or(|(highest, ..)| score > highest) {
                best = Some((score, *day, size));
            }
        }
        let (_, start, size) = best?;
        let (_, newest) = newest_first.first()?;
        if newest * size.signum() < RUN_END_SHARE * size.abs() {
            return None;
        }
        let last = newest_first.iter().filter(|(day, _)| *day >= start).take(3);
        let last: Vec<f64> = last.map(|(_, error)| *error).collect();
        let size = if last.len() >= 3 { middle(last.iter().copied())? } else { size };
        Some(Run { start, size })
    }

    fn finish(&self, robust: &Robust, run: Option<Run>) -> Fit {
        let mut coefficients = robust.coefficients.iter().copied();
        let mut level = coefficients.next().unwrap_or(0.0);
        let mut slope = coefficients.next().unwrap_or(0.0) / TREND_DAYS;
        let weekdays: Vec<f64> = coefficients.by_ref().take(7).collect();
        // A step's feature is 1 before it, so its coefficient is how much higher it was before.
        let steps: Vec<(usize, f64)> =
            self.steps.iter().copied().zip(coefficients.map(|before| -before)).collect();
        let fitted: Vec<(usize, f64)> = self
            .days
            .iter()
            .copied()
            .zip(robust.weights.iter().copied())
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        let days = fitted.len();
        let inflation = (1.0 + robust.persistence) / (1.0 - robust.persistence);
        // The trend counts as far as it is more than its own error (James and Stein 1961); what is
        // taken from it, the level at the middle of the days keeps.
        let has_trend = self.days.len() >= TREND_DAYS_MIN;
        let error = robust.deviation * (inflation * 12.0 / float(days).max(1.0).powi(3)).sqrt();
        let kept = if slope.abs() > error { 1.0 - (error / slope).powi(2) } else { 0.0 };
        let weight: f64 = fitted.iter().map(|(_, weight)| weight).sum();
        let center: f64 = fitted
            .iter()
            .map(|(day, weight)| weight * (float(*day) - float(self.origin)))
            .sum::<f64>()
            / weight.max(f64::MIN_POSITIVE);
        level += slope * (1.0 - kept) * center;
        slope *= kept;
        let aside = robust.residuals.iter().zip(&self.set_aside).filter(|(_, aside)| **aside);
        let first_of_month = middle(aside.map(|(error, _)| *error))
            .filter(|size| size.abs() > FIRST_DEVIATIONS_MIN * robust.deviation.max(0.03))
            .unwrap_or(0.0);
        let last_step = self.steps.last().copied().unwrap_or(0);
        let mut found = Fit {
            origin: self.origin,
            level,
            slope,
            weekdays,
            first_of_month,
            holiday: None,
            season: None,
            steps,
            deviation: robust.deviation,
            persistence: robust.persistence,
            days,
            level_days: fitted.iter().filter(|(day, _)| *day >= last_step).count().max(1),
            has_trend,
            run,
            odd: Vec::new(),
            local: 0.0,
        };
        let excess = |index: usize| -> Option<f64> {
            let value = self.track.logarithms.get(index)?;
            Some(value - found.working_day(index, self.track.days.get(index)?))
        };
        let of_kind = |kind: Kind| {
            let start = self.days.first().copied().unwrap_or(self.origin);
            let same = (start..self.origin)
                .filter(|index| self.track.days.get(*index).is_some_and(|day| day.kind == kind));
            middle(same.filter_map(excess))
        };
        let (holiday, season) = (of_kind(Kind::Holiday), of_kind(Kind::HolidaySeason));
        let odd = self.days.iter().zip(&robust.weights).zip(&self.set_aside);
        let odd: Vec<Odd> = odd
            .filter(|((_, weight), aside)| **weight <= 0.0 && !**aside)
            .filter_map(|((day, _), _)| Some(Odd { day: *day, is_above: excess(*day)? > 0.0 }))
            .collect();
        let last: Vec<f64> =
            fitted.iter().rev().take(LOCAL_DAYS).filter_map(|(day, _)| excess(*day)).collect();
        let local = if run.is_some() { 0.0 } else { mean(&last).unwrap_or(0.0) };
        found.holiday = holiday;
        found.season = season;
        found.odd = odd;
        found.local = local;
        found
    }
}
