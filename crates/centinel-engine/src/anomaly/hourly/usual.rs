//! What an hour of a metric usually is: level, hour of the week, and how far windows stray.

use std::cell::OnceCell;

use super::{
    HourlyConfig,
    ratio::Ratio,
    shape::{shape, weekdays},
    spread::{Seen, Spread, Sums, View},
    statistics::{at, median},
};

pub(super) const DAY: usize = 24;
pub(super) const WEEK: usize = 168;
/// Days on either side whose median is the level of a past day.
const LEVEL_DAYS_AROUND: usize = 7;

/// What is usual, as known at an hour.
#[derive(Debug, Clone)]
pub(super) struct Usual {
    /// Value of each hour of the week.
    by_hour_of_week: Vec<f64>,
    /// Factor of the first day of a month.
    month_first: f64,
    /// Calls behind a unit of `above`, where traffic is judged.
    calls_per_unit: f64,
    is_count: bool,
    sums: Vec<Sums>,
    /// By view, learned when first asked for.
    spreads: Vec<OnceCell<Option<Spread>>>,
}

/// The whole days that are learned from.
struct Days {
    /// First hour.
    start: usize,
    /// The hour after the last.
    end: usize,
    /// Logarithm of each day's value over its weekday.
    flat: Vec<f64>,
    /// Logarithm of each hour of the week over the level.
    shape: Vec<f64>,
    /// Logarithm of what the first day of a month has beside.
    month_first: f64,
}

impl Days {
    fn learn(ratio: &Ratio<'_>, end: usize, config: &HourlyConfig) -> Option<Self> {
        let days_known = end.min(config.baseline_hours) / DAY;
        let start = end.saturating_sub(days_known.saturating_mul(DAY));
        let first_of = |day: usize| start.saturating_add(day.saturating_mul(DAY));
        let days: Vec<Vec<usize>> =
            (0..days_known).map(|day| ratio.good_hours(first_of(day))).collect();
        let month_first = ratio.month_first_effect(end);
        let value = |(day, hours): (usize, &Vec<usize>)| {
            let value = ratio.of_day(hours);
            if ratio.is_month_first(first_of(day)) { value / month_first.exp() } else { value }
        };
        let of_day: Vec<f64> = days.iter().enumerate().map(value).collect();
        let known = of_day.iter().filter(|level| level.is_finite()).count();
        if known.saturating_mul(DAY) < config.history_hours_min {
            return None;
        }
        let weekday = |day: usize| ratio.hour_of_week(first_of(day)) / DAY;
        let logs: Vec<f64> = of_day.iter().map(|level| level.ln()).collect();
        let weekdays = weekdays(&logs, weekday);
        let flat =
            logs.iter().enumerate().map(|(day, log)| log - at(&weekdays, weekday(day))).collect();
        let shape = shape(ratio, &days, &of_day, &weekdays, weekday);
        Some(Self { start, end, flat, shape, month_first })
    }

    /// The level now: whole days since the restart, or the hours since it while there is no day.
    fn level(&self, ratio: &Ratio<'_>, restart: usize, config: &HourlyConfig) -> Option<f64> {
        let first_day = restart.saturating_sub(self.start).div_ceil(DAY);
        let first_day = first_day.max(self.flat.len().saturating_sub(config.level_hours / DAY));
        median(self.flat.get(first_day..)?.to_vec()).or_else(|| {
            let hours = self.end.checked_sub(restart.max(self.start))?.min(DAY);
            if hours < config.restart_hours_min {
                return None;
            }
            let usual = |hour: usize| at(&self.shape, ratio.hour_of_week(hour)).exp();
            Some(ratio.excess(self.end.checked_sub(1)?, hours, usual))
                .filter(|level| level.is_finite())
        })
    }

    /// Running sums of what was and of what was to be expected from the level around each day.
    fn sums(&self, ratio: &Ratio<'_>, calls_per_unit: f64, level_days: usize) -> Vec<Sums> {
        let last_day = self.flat.len().saturating_sub(1);
        let level = |day: usize| {
            // As it would have been told then; of the first days, from those around.
            let days = if day < LEVEL_DAYS_AROUND {
                0..day.saturating_add(LEVEL_DAYS_AROUND).min(last_day).saturating_add(1)
            } else {
                day.saturating_sub(level_days)..day
            };
            median(self.flat.get(days).unwrap_or_default().to_vec()).unwrap_or(f64::NAN)
        };
        let levels: Vec<f64> = (0..self.flat.len()).map(level).collect();
        let mut sum = Sums::default();
        let mut sums = vec![sum];
        for hour in self.start..self.end {
            if ratio.is_good(hour) {
                let day = hour.saturating_sub(self.start) / DAY;
                let first = if ratio.is_month_first(hour) { self.month_first } else { 0.0 };
                let log = at(&levels, day) + at(&self.shape, ratio.hour_of_week(hour)) + first;
                let expected = log.exp() * at(&ratio.below, hour);
                // Days before a series began have no level.
                if expected.is_finite() {
                    sum.above += at(ratio.above, hour);
                    sum.expected += expected;
                    sum.hours += 1.0;
                    sum.calls += ratio.calls_of(hour, expected * calls_per_unit);
                }
            }
            sums.push(sum);
        }
        sums
    }
}

impl Usual {
    /// Learns from the hours before `end`, the level from `restart` on; `None` while there are too
    /// few.
    pub(super) fn learn(
        ratio: &Ratio<'_>,
        end: usize,
        restart: usize,
        views: &[View],
        config: &HourlyConfig,
    ) -> Option<Self> {
        let days = Days::learn(ratio, end, config)?;
        let level = days.level(ratio, restart, config)?;
        let calls_per_unit = ratio.calls_per_unit(days.start..end);
        Some(Self {
            is_count: ratio.is_count(),
            sums: days.sums(ratio, calls_per_unit, config.level_hours / DAY),
            spreads: vec![OnceCell::new(); views.len()],
            by_hour_of_week: days.shape.iter().map(|log| (level + log).exp()).collect(),
            month_first: days.month_first.exp(),
            calls_per_unit,
        })
    }

    /// The usual value of an hour.
    fn of(&self, ratio: &Ratio<'_>, hour: usize) -> f64 {
        at(&self.by_hour_of_week, ratio.hour_of_week(hour))
            * if ratio.is_month_first(hour) { self.month_first } else { 1.0 }
    }

    /// Logarithmic excess of the window that ends with an hour, as seen when it was judged; `NaN` when
    /// too little of it is known.
    pub(super) fn excess(&self, ratio: &Ratio<'_>, last: usize, window: usize) -> f64 {
        ratio.excess_as_seen(last, window, |hour| self.of(ratio, hour))
    }

    /// How far such a window usually strays, and the excess of the one that ends with an hour in
    /// these.
    pub(super) fn score(
        &self,
        ratio: &Ratio<'_>,
        last: usize,
        excess: f64,
        (index, view): (usize, View),
        deviation_min: f64,
    ) -> Option<(f64, f64)> {
        let learned = self.spreads.get(index)?;
        let spread =
            learned.get_or_init(|| Spread::learn(&self.sums, view, self.is_count)).as_ref()?;
        let first = last.saturating_add(1).checked_sub(view.window)?;
        let calls = (first..=last)
            .filter(|hour| ratio.is_good(*hour))
            .map(|hour| {
                let usual = self.of(ratio, hour) * at(&ratio.below, hour) * self.calls_per_unit;
                ratio.calls_of(hour, usual)
            })
            .sum();
        let before = if view.before == 0 {
            0.0
        } else {
            let excess =
                ratio.excess(first.checked_sub(1)?, view.before, |hour| self.of(ratio, hour));
            if excess.is_nan() { 0.0 } else { excess }
        };
        Some(spread.judge(&Seen { excess, calls, before }, deviation_min))
    }
}
