//! Hourly cost anomalies: which hours, by which driver, and how much they cost.
//!
//! The daily rules ([`super::detect`]) at the grain of hours: the mean excess of the last 1 to 24 hours
//! over what these hours of the week cost in the eight weeks before, in units of how far such windows
//! usually stray. What an hour usually has is the level of the last two weeks, times the shape of its
//! weekday, of its hour (working days and weekends apart), and what its hour of the week has of its own
//! where that is significant. How far windows stray has two parts: their own, and the sampling of calls,
//! which is large at night and small at noon; both are read off the history, by comparing its quiet
//! windows with its busy ones.
//!
//! Windows are judged on sums, so that an hour without calls is no gap. Traffic is also judged by calls,
//! and reported as `total`: sizes of calls are heavy-tailed, and their sum shows a surge later.

mod judge;
#[cfg(test)]
mod tests;
mod usual;

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use serde::Serialize;

use self::{
    judge::{Verdict, judge},
    usual::{DAY, Ratio, WEEK},
};
use super::{Calendar, Metric, OUTPUT_TOKEN_WEIGHT, Point, estimate};
use crate::money::Decimal;

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
    /// Score at which calls alarm, as a total.
    pub calls_score_min: f64,
    /// Smallest usual deviation, as a share.
    pub deviation_min: f64,
    /// Half width of `low` to `high`, in usual deviations.
    pub band_deviations: f64,
    /// Whether an hour is judged with the share of its cost that was visible an hour later.
    pub as_of: bool,
}

impl HourlyConfig {
    /// The settings behind the published figures (`evals/README.md`, CostBench by hours).
    pub fn published(as_of: bool) -> Self {
        Self {
            windows_hours: vec![1, 3, 6, 12, 24],
            effect_ratios_min: vec![0.25, 0.18, 0.12, 0.10, 0.08],
            baseline_hours: 8 * WEEK,
            level_hours: 2 * WEEK,
            history_hours_min: 2 * WEEK,
            restart_hours_min: 12,
            total_score_min: 5.5,
            driver_score_min: 5.5,
            calls_score_min: 4.5,
            deviation_min: 0.02,
            band_deviations: 3.0,
            as_of,
        }
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
    let visible = part(&|point| config.as_of.then_some(point.visible_share).or(Some(1.0)));
    let settled = vec![1.0; hours];
    let mut best: BTreeMap<(usize, Metric), Verdict> = BTreeMap::new();
    let judged =
        Metric::OF_SERIES.into_iter().map(|metric| (metric, false)).chain([(Metric::Total, true)]);
    for (metric, is_by_calls) in judged {
        let score_min = match (metric, is_by_calls) {
            (_, true) => config.calls_score_min,
            (Metric::Total, _) => config.total_score_min,
            _ => config.driver_score_min,
        };
        let above = if is_by_calls { calls.clone() } else { part(&|point| above(point, metric)) };
        let below = part(&|point| below(point, metric));
        if !above.iter().zip(&below).any(|(above, below)| *above > 0.0 && *below > 0.0) {
            continue;
        }
        let is_of_cost =
            matches!(metric, Metric::Total | Metric::CostPerOutput | Metric::PricePerToken);
        let ratio = Ratio {
            above: &above,
            below: &below,
            calls: if has_calls { &calls } else { &[] },
            is_of_volume: metric == Metric::Total && has_calls,
            is_month_first: &is_month_first,
            visible: if is_of_cost && !is_by_calls { &visible } else { &settled },
            left_out: &left_out,
            first_hour_of_week: weekday.saturating_mul(DAY).saturating_add(first_hour),
        };
        let restart = |hour: usize| restarts.get(hour).copied().unwrap_or(0);
        let is_muted = |hour: usize| {
            [&left_out, &muted].into_iter().any(|hours| hours.get(hour) == Some(&true))
        };
        for verdict in judge(&ratio, score_min, restart, is_muted, config) {
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
            let time = format!("{date}T{of_day:02}:00:00Z");
            Some(alarm(series, time, metric, verdict, config))
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

fn tokens(point: &Point) -> Option<f64> {
    Some(point.tokens_in? + OUTPUT_TOKEN_WEIGHT * point.tokens_out?)
}

fn above(point: &Point, metric: Metric) -> Option<f64> {
    match metric {
        Metric::Total | Metric::CostPerOutput | Metric::PricePerToken => Some(point.cost),
        Metric::TokensPerCall => tokens(point),
        Metric::CallsPerOutput => point.calls,
        Metric::CacheMissShare | Metric::FailedCallShare => None,
    }
}

fn below(point: &Point, metric: Metric) -> Option<f64> {
    match metric {
        Metric::Total => Some(1.0),
        Metric::CostPerOutput | Metric::CallsPerOutput => point.outputs,
        Metric::TokensPerCall => point.calls,
        Metric::PricePerToken => tokens(point),
        Metric::CacheMissShare | Metric::FailedCallShare => None,
    }
}

fn alarm(
    series: &HourlySeries,
    date: String,
    metric: Metric,
    verdict: Verdict,
    config: &HourlyConfig,
) -> HourlyAlarm {
    let first = verdict.hour.saturating_add(1).saturating_sub(verdict.window_hours);
    let window = series.points.get(first..=verdict.hour).unwrap_or_default();
    let sum = |of: &dyn Fn(&Point) -> Option<f64>| -> f64 { window.iter().filter_map(of).sum() };
    let observed = sum(&|point| above(point, metric)) / sum(&|point| below(point, metric));
    let ratio = verdict.excess.exp();
    let expected = observed / ratio;
    let band = (config.band_deviations * verdict.deviation).exp();
    HourlyAlarm {
        series: series.name.clone(),
        date,
        metric,
        window_hours: verdict.window_hours,
        observed: estimate(observed),
        expected: estimate(expected),
        low: estimate(expected / band),
        high: estimate(expected * band),
        effect_ratio: ratio - 1.0,
        score: verdict.score,
        impact: estimate(sum(&|point| Some(point.cost)) * (1.0 - 1.0 / ratio)),
    }
}
