//! Which hours of the week are usually busy.

use super::{
    EMPTY,
    ratio::Ratio,
    statistics::{at, mad, median, to_float, trimmed_mean},
    usual::{DAY, WEEK},
};

/// Standard error of a median over that of a mean, of normal values: √(π/2).
const MEDIAN_ERROR: f64 = 1.253_314_137_315_5;
/// An hour of the week differs from its hour of the day by what exceeds this many standard errors.
const SHAPE_ERRORS: f64 = 2.5;

/// Median logarithm of each weekday over that of its week.
pub(super) fn weekdays(logs: &[f64], weekday: impl Fn(usize) -> usize) -> Vec<f64> {
    let mut by_weekday = vec![Vec::new(); 7];
    for (week, days) in logs.chunks(7).enumerate() {
        let Some(level) = median(days.to_vec()) else { continue };
        for (number, log) in days.iter().enumerate().filter(|(_, log)| log.is_finite()) {
            let day = week.saturating_mul(7).saturating_add(number);
            if let Some(logs) = by_weekday.get_mut(weekday(day)) {
                logs.push(log - level);
            }
        }
    }
    by_weekday.into_iter().map(|logs| median(logs).unwrap_or(0.0)).collect()
}

/// Logarithm of each hour of the week over the level: weekday, hour of a working day or of a weekend,
/// and what the hour of the week has of its own.
pub(super) fn shape(
    ratio: &Ratio<'_>,
    days: &[Vec<usize>],
    of_day: &[f64],
    weekdays: &[f64],
    weekday: impl Fn(usize) -> usize,
) -> Vec<f64> {
    let share =
        |day: usize, hour: usize| at(ratio.above, hour) / at(&ratio.below, hour) / at(of_day, day);
    let mut by_hour = vec![Vec::new(); 2 * DAY];
    let mut by_hour_of_week = vec![Vec::new(); WEEK];
    let class = |day: usize| if weekday(day) >= 5 { DAY } else { 0 };
    for (day, hours) in days.iter().enumerate().filter(|(day, _)| at(of_day, *day).is_finite()) {
        for hour in hours {
            let of_week = ratio.hour_of_week(*hour);
            let share = share(day, *hour);
            if let Some(shares) = by_hour.get_mut(class(day).saturating_add(of_week % DAY)) {
                shares.push(share);
            }
            if let Some(shares) = by_hour_of_week.get_mut(of_week) {
                shares.push(share);
            }
        }
    }
    let usual: Vec<f64> = by_hour.iter().map(|shares| trimmed_mean(shares)).collect();
    by_hour_of_week
        .iter()
        .enumerate()
        .map(|(of_week, shares)| {
            let class = if of_week >= 5 * DAY { DAY } else { 0 };
            let of_day = at(&usual, class.saturating_add(of_week % DAY));
            // An hour that never had what it is measured by is taken for an average one.
            let of_day = if of_day.is_finite() { of_day.max(EMPTY) } else { 1.0 };
            let logs: Vec<f64> = shares
                .iter()
                .map(|share| (share / of_day).max(EMPTY).ln())
                .filter(|log| log.is_finite())
                .collect();
            let own = own_part(logs);
            of_day.ln() + own + at(weekdays, of_week / DAY)
        })
        .collect()
}

/// Median of a few values, shrunk to zero unless it is significant.
fn own_part(logs: Vec<f64>) -> f64 {
    let count = to_float(logs.len());
    let Some(middle) = median(logs.clone()) else { return 0.0 };
    let deviation = mad(logs, middle);
    let error = MEDIAN_ERROR * deviation / count.sqrt();
    if count < 4.0 || middle.abs() <= 0.0 {
        return 0.0;
    }
    middle * (1.0 - SHAPE_ERRORS * error / middle.abs()).max(0.0)
}
