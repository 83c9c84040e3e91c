//! What a metric usually is: level, weekday shape, trend, and how far it strays.

use super::Config;

/// Standard deviation of a normal distribution over its median absolute deviation: 1 / Φ⁻¹(3/4).
const DEVIATION_PER_MAD: f64 = 1.482_602_218_505_602;
/// A baseline shorter than this keeps the weekday shape from before its restart: three a weekday.
const OWN_SHAPE_DAYS: usize = 21;
/// A baseline shorter than this has no trend, and its scale at least that from before its restart.
const OWN_SCALE_DAYS: usize = 28;
/// A trend counts by how far it exceeds this many standard errors.
const TREND_ERRORS: f64 = 2.5;
/// A window's usual deviation is at least this share of a day's: errors of neighbouring days repeat.
const REPEATED_SHARE: f64 = 0.35;

/// Natural logarithms of a metric by day, `NaN` where it is undefined, with what is known of the days.
#[derive(Debug, Clone, Copy)]
pub(super) struct History<'a> {
    /// Up to the day judged.
    pub(super) values: &'a [f64],
    /// Whether a day is a holiday.
    pub(super) holidays: &'a [bool],
    /// Sampling variance of a day's value; empty when there is none.
    pub(super) variances: &'a [f64],
    /// The first day of the level that holds at the end of the baseline.
    pub(super) restart: usize,
}

/// The verdict on one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict {
    pub(super) window_days: usize,
    /// Mean logarithmic excess of the window's days.
    pub(super) excess: f64,
    /// Logarithmic excess of the last day.
    pub(super) excess_of_day: f64,
    /// How far the mean of such a window usually strays.
    pub(super) deviation: f64,
    /// Excess in deviations, lowered where the last day no longer supports it.
    pub(super) score: f64,
}

/// Judges the last `window` days of a history; `None` when there is too little to judge by, or no
/// excess worth an alarm.
pub(super) fn judge(history: History<'_>, window: usize, config: &Config) -> Option<Verdict> {
    let end = history.values.len().checked_sub(window)?;
    let start = end.saturating_sub(config.baseline_days);
    let day_range = || start..end;
    let good = |day: usize| {
        let value = history.values.get(day).copied()?;
        let holiday = history.holidays.get(day).copied().unwrap_or(false);
        (value.is_finite() && !holiday).then_some(value)
    };
    let own = |day: usize| good(day).filter(|_| day >= history.restart);

    let all: Vec<(usize, f64)> = day_range().filter_map(|day| Some((day, good(day)?))).collect();
    let days: Vec<(usize, f64)> = day_range().filter_map(|day| Some((day, own(day)?))).collect();
    let enough =
        if history.restart > start { config.restart_days_min } else { config.history_days_min };
    if all.len() < config.history_days_min || days.len() < enough {
        return None;
    }
    let shape = weekday_shape(if days.len() < OWN_SHAPE_DAYS { &all } else { &days })?;
    let flat: Vec<(f64, f64)> = days
        .iter()
        .map(|(day, value)| (offset(*day, end), value - shape_of(&shape, *day)))
        .collect();
    let slope = if days.len() < OWN_SCALE_DAYS { 0.0 } else { trend(&flat)? };
    let tail_start = -to_float(config.level_days);
    let level = {
        let mut tail: Vec<f64> = flat
            .iter()
            .filter(|(at, _)| *at >= tail_start)
            .map(|(at, value)| value - slope * at)
            .collect();
        let mut whole: Vec<f64> = flat.iter().map(|(_, value)| *value).collect();
        median(&mut tail).or_else(|| median(&mut whole))?
    };
    let expected = |day: usize| level + slope * offset(day, end) + shape_of(&shape, day);

    // Excess of the window.
    let window_days = end..history.values.len();
    let excesses: Vec<f64> =
        window_days.filter_map(|day| Some(good(day)? - expected(day))).collect();
    let excess_of_day = good(history.values.len().checked_sub(1)?)?
        - expected(history.values.len().checked_sub(1)?);
    let excess = mean(&excesses)?;
    if excess < (1.0 + config.effect_ratio_min).ln() {
        return None;
    }

    // Its scale.
    let residuals: Vec<Option<f64>> =
        day_range().map(|day| own(day).map(|value| value - expected(day))).collect();
    let mut of_day = spread(residuals.iter().flatten().copied().collect())?;
    if days.len() < OWN_SCALE_DAYS && history.restart > start {
        of_day = of_day.max(spread_before_restart(&all, &weekday_shape(&all)?)?);
    }
    let mut deviation = of_day;
    if window > 1 {
        let size = to_float(window);
        let sums = residuals.windows(window).map(|days| days.iter().flatten().sum::<f64>() / size);
        let of_window = spread(sums.collect()).unwrap_or(0.0);
        deviation = of_window.max(of_day / size.sqrt()).max(REPEATED_SHARE * of_day);
    }
    deviation =
        with_sampling(deviation, history.variances, start, end, window).max(config.deviation_min);

    let mut score = excess / deviation;
    if window > 1 && excess_of_day < excess / 2.0 {
        score /= 2.0;
    }
    Some(Verdict { window_days: window, excess, excess_of_day, deviation, score })
}

/// Replaces the sampling error that history had by that of the window, where this is larger.
fn with_sampling(
    deviation: f64,
    variances: &[f64],
    start: usize,
    end: usize,
    window: usize,
) -> f64 {
    let size = to_float(window);
    let past = variances.get(start..end).map(<[f64]>::to_vec);
    let Some(past) = past.and_then(|mut past| median(&mut past)) else { return deviation };
    let Some(now) = variances.get(end..).and_then(mean) else { return deviation };
    let (past, now) = (past / size, now / size);
    if now > past { ((deviation * deviation - past).max(0.0) + now).sqrt() } else { deviation }
}

/// Median deviation of each weekday from the median of all days; zero for a weekday without days.
fn weekday_shape(days: &[(usize, f64)]) -> Option<[f64; 7]> {
    let level = median(&mut days.iter().map(|(_, value)| *value).collect::<Vec<_>>())?;
    let mut by_weekday: [Vec<f64>; 7] = Default::default();
    for (day, value) in days {
        if let Some(weekday) = by_weekday.get_mut(weekday(*day)) {
            weekday.push(value - level);
        }
    }
    Some(by_weekday.map(|mut values| median(&mut values).unwrap_or(0.0)))
}

fn shape_of(shape: &[f64; 7], day: usize) -> f64 {
    shape.get(weekday(day)).copied().unwrap_or(0.0)
}

fn weekday(day: usize) -> usize {
    day.checked_rem(7).unwrap_or(0)
}

/// Slope a day between the medians of the two halves, shrunk to zero unless it is significant.
fn trend(flat: &[(f64, f64)]) -> Option<f64> {
    let half = flat.len().checked_div(2)?;
    let (first, second) = flat.split_at_checked(half)?;
    let middle = |half: &[(f64, f64)]| -> Option<(f64, f64)> {
        let at = mean(&half.iter().map(|(at, _)| *at).collect::<Vec<_>>())?;
        Some((at, median(&mut half.iter().map(|(_, value)| *value).collect::<Vec<_>>())?))
    };
    let ((from, low), (to, high)) = (middle(first)?, middle(second)?);
    let slope = (high - low) / (to - from);
    let spread = spread(flat.iter().map(|(_, value)| *value).collect())?;
    let error = TREND_ERRORS * spread / to_float(half).sqrt();
    let rise = slope.abs() * to_float(flat.len()) / 2.0;
    Some(if rise > error { slope * (1.0 - error / rise) } else { 0.0 })
}

/// How far a series strayed around its own running level, across a restart of the level.
fn spread_before_restart(days: &[(usize, f64)], shape: &[f64; 7]) -> Option<f64> {
    const HALF_WIDTH: usize = 13;
    let residuals = days.iter().enumerate().filter_map(|(index, (day, value))| {
        let near =
            index.saturating_sub(HALF_WIDTH)..days.len().min(index.saturating_add(HALF_WIDTH + 1));
        let mut near: Vec<f64> = days.get(near)?.iter().map(|(_, value)| *value).collect();
        Some(value - median(&mut near)? - shape_of(shape, *day))
    });
    spread(residuals.collect())
}

/// Robust standard deviation around the median.
fn spread(mut values: Vec<f64>) -> Option<f64> {
    let middle = median(&mut values)?;
    for value in &mut values {
        *value = (*value - middle).abs();
    }
    Some(DEVIATION_PER_MAD * median(&mut values)?)
}

/// The middle value, or the mean of the two middle ones. Reorders its input.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len().checked_div(2)?;
    if values.is_empty() {
        return None;
    }
    let even = values.len().checked_rem(2) == Some(0);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if even {
        let lower = below.iter().copied().max_by(f64::total_cmp)?;
        return Some(f64::midpoint(lower, upper));
    }
    Some(upper)
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / to_float(values.len()))
}

/// Days from the first day of the window, negative in the baseline.
fn offset(day: usize, end: usize) -> f64 {
    to_float(day) - to_float(end)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of days are small")]
fn to_float(count: usize) -> f64 {
    count as f64
}
