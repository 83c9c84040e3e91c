//! Hourly cost anomalies: which hours, by which driver, and how much they cost.
//!
//! The daily rules ([`super::detect`]) at the grain of hours: the mean excess of the last 1 to 72 hours
//! over what these hours of the week cost in the eight weeks before, in units of how far such windows
//! usually stray. What an hour usually has is the level of the last two weeks, times the shape of its
//! weekday, of its hour (working days and weekends apart), and what its hour of the week has of its own
//! where that is significant. How far windows stray has two parts: their own, and the sampling of calls,
//! which is large at night and small at noon; both are read off the history, by comparing its quiet
//! windows with its busy ones. Short windows are judged beside the hours before them, too.
//!
//! Windows are judged on sums, so that an hour without calls is no gap. Traffic is also judged by calls
//! and outputs, as counts, and reported as `total`: sizes of calls are heavy-tailed, and their sum shows
//! a surge later.

mod episode;
mod judge;
mod judged;
mod ratio;
mod shape;
mod spread;
mod statistics;
#[cfg(test)]
mod tests;
mod usual;

pub use self::episode::{HourlyEpisode, hourly_episodes};
use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use serde::Serialize;

use self::{
    judge::{Verdict, judge},
    judged::{Judged, above, below},
    ratio::Ratio,
    spread::View,
    usual::{DAY, WEEK},
};
use super::{Calendar, Metric, Point, estimate};
use crate::money::Decimal;

/// Hours by which a sudden rise is told from one that goes on.
const HOURS_BEFORE: usize = 6;
/// A window without any of what is expected has this share of it: logarithms stay finite.
const EMPTY: f64 = 1e-3;

/// The hours of one series without a gap; an hour without data has a cost of zero.
#[derive(Debug, Clone, PartialEq)]
pub struct HourlySeries {
    /// Its name in answers and calendars.
    pub name: String,
    /// The start of the first hour, UTC.
    pub first_hour: DateTime,
    /// One point an hour; `visible_share` is that of an hour later.
    pub points: Vec<Point>,
}

/// When to alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct HourlyConfig {
    /// Lengths of the windows whose mean excess is judged, in hours, shortest first.
    pub windows_hours: Vec<usize>,
    /// Smallest excess of each window that alarms, as a share of the expected value.
    pub effect_ratios_min: Vec<f64>,
    /// Windows of at most so many hours are judged also beside the hours before them.
    pub sudden_hours_max: usize,
    /// Hours before a day that make its baseline, whole weeks.
    pub baseline_hours: usize,
    /// The last hours of the baseline, which set its level.
    pub level_hours: usize,
    /// Fewest hours of good days in a baseline.
    pub history_hours_min: usize,
    /// Fewest hours since a planned change.
    pub restart_hours_min: usize,
    /// Score at which a total alarms.
    pub total_score_min: f64,
    /// Score at which another metric alarms.
    pub driver_score_min: f64,
    /// Score at which calls or outputs alarm, as a total.
    pub count_score_min: f64,
    /// Scores of a window of n hours are divided by 1 + this / n: few calls have heavy tails.
    pub short_window_caution: f64,
    /// Smallest usual deviation, as a share.
    pub deviation_min: f64,
    /// Half width of `low` to `high`, in usual deviations.
    pub band_deviations: f64,
    /// The first hour that is judged; earlier ones are learned from only.
    pub first_judged_hour: usize,
    /// Whether an hour is judged with the share of its cost that was visible an hour later.
    pub as_of: bool,
}

impl HourlyConfig {
    /// The settings behind the published figures (`evals/README.md`, CostBench by hours).
    pub fn published(as_of: bool) -> Self {
        Self {
            windows_hours: vec![1, 3, 6, 12, 24, 48, 72],
            effect_ratios_min: vec![0.20, 0.145, 0.095, 0.08, 0.065, 0.065, 0.065],
            sudden_hours_max: 3,
            baseline_hours: 8 * WEEK,
            level_hours: 2 * WEEK,
            history_hours_min: 2 * WEEK,
            restart_hours_min: 12,
            total_score_min: 4.7,
            driver_score_min: 4.7,
            count_score_min: 5.0,
            short_window_caution: 0.3,
            deviation_min: 0.02,
            band_deviations: 3.0,
            first_judged_hour: 0,
            as_of,
        }
    }
}

impl HourlyConfig {
    /// The same, with scores to alarm at that are so many times as high.
    #[must_use]
    pub fn raised(self, factor: f64) -> Self {
        Self {
            total_score_min: self.total_score_min * factor,
            driver_score_min: self.driver_score_min * factor,
            count_score_min: self.count_score_min * factor,
            ..self
        }
    }

    fn views(&self) -> Vec<View> {
        let windows = self.windows_hours.iter().zip(&self.effect_ratios_min);
        let plain = windows.map(|(window, effect)| View {
            window: *window,
            before: 0,
            effect_min: *effect,
        });
        let plain: Vec<View> = plain.collect();
        let sudden = plain.iter().filter(|view| view.window <= self.sudden_hours_max);
        let sudden: Vec<View> = sudden.map(|view| View { before: HOURS_BEFORE, ..*view }).collect();
        plain.into_iter().chain(sudden).collect()
    }
}

/// An hour in which a metric was unusually high.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HourlyAlarm {
    /// Name of the series.
    pub series: String,
    /// The start of the hour judged, RFC 3339.
    pub date: String,
    /// What was high.
    pub metric: Metric,
    /// Length of the window, whose last hour is `date`.
    pub window_hours: usize,
    /// Value in the window: of an hour for a total, else the ratio. Estimate.
    pub observed: Decimal,
    /// What was to be expected. Estimate.
    pub expected: Decimal,
    /// Lower end of what is usual. Estimate.
    pub low: Decimal,
    /// Upper end of what is usual. Estimate.
    pub high: Decimal,
    /// `observed` over `expected`, less 1.
    pub effect_ratio: f64,
    /// Excess in usual deviations.
    pub score: f64,
    /// Cost of the window beyond the expected. Estimate, in the currency of the series.
    pub impact: Decimal,
    /// The start of the hour judged, UTC.
    #[serde(skip)]
    pub hour: DateTime,
    /// Cost of this hour alone beyond the expected, at least 0. Estimate.
    #[serde(skip)]
    pub impact_of_hour: Decimal,
}

/// Judges every hour of a series from itself and earlier ones, in the order of hours and metrics.
///
/// Holidays are neither judged nor learned from. A planned change restarts the level at the start of its
/// day and mutes through its last day.
pub fn detect_hourly(
    series: &HourlySeries,
    calendar: &Calendar,
    config: &HourlyConfig,
) -> Vec<HourlyAlarm> {
    let hours = series.points.len();
    let first_hour = usize::from(series.first_hour.hour().unsigned_abs());
    let weekday = usize::from(series.first_hour.weekday().to_monday_zero_offset().unsigned_abs());
    let dates: Vec<Date> = series
        .first_hour
        .date()
        .series(jiff::ToSpan::day(1))
        .take((hours / DAY).saturating_add(2))
        .collect();
    let date_of = |hour: usize| dates.get(hour.saturating_add(first_hour) / DAY).copied();
    let on_day = |is: &dyn Fn(Date) -> bool| -> Vec<bool> {
        let by_day: Vec<bool> = dates.iter().map(|date| is(*date)).collect();
        let day = |hour: usize| hour.saturating_add(first_hour) / DAY;
        (0..hours).map(|hour| by_day.get(day(hour)).copied().unwrap_or(false)).collect()
    };
    let left_out = on_day(&|date| calendar.is_holiday(&series.name, date));
    let is_month_first = on_day(&|date| date.day() == 1);
    let muted = on_day(&|date| {
        calendar
            .planned_of(&series.name)
            .any(|planned| planned.day <= date && date <= planned.until)
    });
    let planned =
        on_day(&|date| calendar.planned_of(&series.name).any(|planned| planned.day == date));
    let restarts = restarts(&planned);

    let part = |of: &dyn Fn(&Point) -> Option<f64>| -> Vec<f64> {
        series.points.iter().map(|point| of(point).unwrap_or(f64::NAN)).collect()
    };
    let calls = part(&|point| point.calls);
    let has_calls = calls.iter().any(|calls| *calls > 0.0);
    let outputs = part(&|point| point.outputs);
    let tokens = [part(&|point| point.tokens_in), part(&|point| point.tokens_out)];
    let visible = part(&|point| config.as_of.then_some(point.visible_share).or(Some(1.0)));
    let settled = vec![1.0; hours];
    let mut best: BTreeMap<(usize, Metric), Verdict> = BTreeMap::new();
    for judged in Judged::ALL {
        let metric = judged.metric();
        let above = part(&|point| judged.above(point));
        let below = part(&|point| below(point, metric));
        if !above.iter().zip(&below).any(|(above, below)| *above > 0.0 && *below > 0.0)
            || judged.is_count() && !has_calls
        {
            continue;
        }
        let mut ratio = Ratio {
            above: &above,
            below,
            calls: match judged {
                Judged::Outputs => &outputs,
                _ if has_calls => &calls,
                _ => &[],
            },
            tokens: (metric == Metric::PricePerToken).then(|| tokens.each_ref().map(Vec::as_slice)),
            chance: judged.chance(has_calls),
            is_month_first: &is_month_first,
            visible: if judged.is_of_cost() { &visible } else { &settled },
            left_out: &left_out,
            first_hour_of_week: weekday.saturating_mul(DAY).saturating_add(first_hour),
        };
        let restart = |hour: usize| restarts.get(hour).copied().unwrap_or(0);
        let is_muted = |hour: usize| {
            [&left_out, &muted].into_iter().any(|hours| hours.get(hour) == Some(&true))
        };
        let score_min = judged.score_min(config);
        for verdict in judge(&mut ratio, score_min, restart, is_muted, config) {
            let strongest = best.entry((verdict.hour, metric)).or_insert(verdict);
            if verdict.score > strongest.score {
                *strongest = verdict;
            }
        }
    }
    best.into_iter()
        .filter_map(|((hour, metric), verdict)| {
            let date = date_of(hour)?;
            let of_day = hour.saturating_add(first_hour) % DAY;
            let of_day = i8::try_from(of_day).ok()?;
            Some(alarm(series, date.at(of_day, 0, 0, 0), metric, verdict, config))
        })
        .collect()
}

/// The first hour of the level that holds at each hour.
fn restarts(planned: &[bool]) -> Vec<usize> {
    let mut restart = 0;
    let mut before = false;
    planned
        .iter()
        .enumerate()
        .map(|(hour, is_planned)| {
            if *is_planned && !before {
                restart = hour;
            }
            before = *is_planned;
            restart
        })
        .collect()
}

fn alarm(
    series: &HourlySeries,
    hour: DateTime,
    metric: Metric,
    verdict: Verdict,
    config: &HourlyConfig,
) -> HourlyAlarm {
    let first = verdict.hour.saturating_add(1).saturating_sub(verdict.window_hours);
    let window = series.points.get(first..=verdict.hour).unwrap_or_default();
    let sum = |of: &dyn Fn(&Point) -> Option<f64>| -> f64 { window.iter().filter_map(of).sum() };
    let observed = sum(&|point| above(point, metric)) / sum(&|point| below(point, metric));
    let ratio = verdict.excess.exp();
    let cost = window.last().map_or(0.0, |point| point.cost);
    let of_hour = cost * (1.0 - (-verdict.excess_of_hour).exp()).max(0.0);
    let expected = observed / ratio;
    let band = (config.band_deviations * verdict.deviation).exp();
    HourlyAlarm {
        series: series.name.clone(),
        date: format!("{}T{:02}:00:00Z", hour.date(), hour.hour()),
        metric,
        window_hours: verdict.window_hours,
        observed: estimate(observed),
        expected: estimate(expected),
        low: estimate(expected / band),
        high: estimate(expected * band),
        effect_ratio: ratio - 1.0,
        score: verdict.score,
        impact: estimate(sum(&|point| Some(point.cost)) * (1.0 - 1.0 / ratio)),
        hour,
        impact_of_hour: estimate(of_hour),
    }
}
