//! What an hour of a metric usually is: level, hour of the week, and how far windows stray.

use super::HourlyConfig;

pub(super) const DAY: usize = 24;
pub(super) const WEEK: usize = 168;
/// Standard deviation of a normal distribution over its median absolute deviation: 1 / Φ⁻¹(3/4).
const DEVIATION_PER_MAD: f64 = 1.482_602_218_505_602;
/// Φ⁻¹(0.9), Φ⁻¹(0.95) and Φ⁻¹(0.98).
const NORMAL_UPPER_10: f64 = 1.281_551_565_544_6;
const NORMAL_UPPER_5: f64 = 1.644_853_626_951_5;
const NORMAL_UPPER_2: f64 = 2.053_748_910_631_8;
/// Standard error of a median over that of a mean, of normal values: √(π/2).
const MEDIAN_ERROR: f64 = 1.253_314_137_315_5;
/// An hour of the week differs from its hour of the day by what exceeds this many standard errors.
const SHAPE_ERRORS: f64 = 2.5;
/// Share of the values left out at either end of a mean.
const TRIMMED: f64 = 0.1;
/// Fewest good hours of a day that counts.
const DAY_HOURS_MIN: usize = 18;
/// A window without any of what is expected has this share of it: logarithms stay finite.
const EMPTY: f64 = 1e-3;
/// Halves whose sampling differs by less than this factor do not tell sampling from the rest.
const TOLD_APART: f64 = 1.5;
/// One call's variance is at most this many squares of its mean.
const CALL_VARIANCE_MAX: f64 = 50.0;
/// Smaller effects of the first of a month are not told from chance.
const FIRST_EFFECT_MIN: f64 = 0.15;
/// Days on either side whose median is the level of a past day.
const LEVEL_DAYS_AROUND: usize = 7;

/// A metric by hour: `above` over `below`; `NaN` where either is unknown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ratio<'a> {
    pub(super) above: &'a [f64],
    pub(super) below: &'a [f64],
    /// Calls of an hour, on which sampling depends; empty where nothing is sampled.
    pub(super) calls: &'a [f64],
    /// Traffic itself is judged: its sampling is that of the usual calls, not of the observed ones.
    pub(super) is_of_volume: bool,
    /// Hours of the first day of a month.
    pub(super) is_month_first: &'a [bool],
    /// Share of `above` that is visible when an hour is judged.
    pub(super) visible: &'a [f64],
    /// Hours that are neither judged nor learned from.
    pub(super) left_out: &'a [bool],
    /// Hour of the week of the first hour, from Monday 00:00.
    pub(super) first_hour_of_week: usize,
}

impl Ratio<'_> {
    fn is_good(&self, hour: usize) -> bool {
        self.left_out.get(hour) == Some(&false)
            && at(self.above, hour).is_finite()
            && at(self.below, hour) > 0.0
    }

    pub(super) fn hour_of_week(&self, hour: usize) -> usize {
        hour.saturating_add(self.first_hour_of_week) % WEEK
    }

    /// Logarithmic excess of the window that ends with an hour over what is usual, all settled.
    pub(super) fn excess(&self, last: usize, window: usize, usual: impl Fn(usize) -> f64) -> f64 {
        self.excess_of(last, window, usual, 1.0)
    }

    /// The same with what of the last hour is visible when it is judged.
    pub(super) fn excess_as_seen(
        &self,
        last: usize,
        window: usize,
        usual: impl Fn(usize) -> f64,
    ) -> f64 {
        self.excess_of(last, window, usual, at(self.visible, last))
    }

    fn excess_of(
        &self,
        last: usize,
        window: usize,
        usual: impl Fn(usize) -> f64,
        visible: f64,
    ) -> f64 {
        let first = last.saturating_add(1).saturating_sub(window);
        let (mut above, mut expected) = (0.0, 0.0);
        let mut hours = 0_usize;
        for hour in (first..=last).filter(|hour| self.is_good(*hour)) {
            above += at(self.above, hour) * if hour == last { visible } else { 1.0 };
            expected += at(self.below, hour) * usual(hour);
            hours = hours.saturating_add(1);
        }
        if hours.saturating_mul(2) <= window || expected <= 0.0 {
            return f64::NAN;
        }
        (above / expected).max(EMPTY).ln()
    }

    /// Values of a day: above over below of its good hours, `NaN` when too few are.
    fn of_day(&self, hours: &[usize]) -> f64 {
        let above: f64 = hours.iter().map(|hour| at(self.above, *hour)).sum();
        let below: f64 = hours.iter().map(|hour| at(self.below, *hour)).sum();
        let is_known = hours.len() >= DAY_HOURS_MIN && above > 0.0;
        if is_known { above / below } else { f64::NAN }
    }

    /// The good hours of the day that starts with an hour.
    fn good_hours(&self, first: usize) -> Vec<usize> {
        (first..first.saturating_add(DAY)).filter(|hour| self.is_good(*hour)).collect()
    }

    /// How much first days of a month usually differ from the same weekday a week before and after:
    /// median logarithm of the earlier ones, zero unless it is large.
    fn month_first_effect(&self, end: usize) -> f64 {
        let day_of = |first: usize| self.of_day(&self.good_hours(first)).ln();
        let midnights =
            (0..end.min(DAY)).filter(|hour| self.hour_of_week(*hour).is_multiple_of(DAY));
        let days = midnights.flat_map(|first| (first..end).step_by(DAY));
        let firsts = days.filter(|hour| self.is_month_first.get(*hour) == Some(&true));
        let effect = |first: usize| {
            let before = day_of(first.checked_sub(WEEK)?);
            let after = first.saturating_add(WEEK);
            let around = if after < end { f64::midpoint(before, day_of(after)) } else { before };
            Some(day_of(first) - around)
        };
        let effect = median(firsts.filter_map(effect).collect()).unwrap_or(0.0);
        if effect.abs() > FIRST_EFFECT_MIN { effect } else { 0.0 }
    }
}

/// How far windows of one length stray.
#[derive(Debug, Clone, Copy)]
struct Spread {
    /// Variance beyond sampling.
    own: f64,
    /// Variance of one call.
    call: f64,
}

/// What is usual, as known at an hour.
#[derive(Debug, Clone)]
pub(super) struct Usual {
    /// Value of each hour of the week.
    by_hour_of_week: Vec<f64>,
    /// Factor of the first day of a month.
    month_first: f64,
    /// Calls behind a unit of `above`, where traffic is judged.
    calls_per_unit: f64,
    spreads: Vec<Spread>,
}

impl Usual {
    /// Learns from the hours before `end`, the level from `restart` on; `None` while there are too
    /// few.
    pub(super) fn learn(
        ratio: &Ratio<'_>,
        end: usize,
        restart: usize,
        config: &HourlyConfig,
    ) -> Option<Self> {
        let days_known = end.min(config.baseline_hours) / DAY;
        let start = end.saturating_sub(days_known.saturating_mul(DAY));
        let first_of = |day: usize| start.saturating_add(day.saturating_mul(DAY));
        let days: Vec<Vec<usize>> =
            (0..days_known).map(|day| ratio.good_hours(first_of(day))).collect();
        let is_first = |hour: usize| ratio.is_month_first.get(hour) == Some(&true);
        let month_first = ratio.month_first_effect(end);
        let of_day: Vec<f64> = days
            .iter()
            .enumerate()
            .map(|(day, hours)| {
                let value = ratio.of_day(hours);
                if is_first(first_of(day)) { value / month_first.exp() } else { value }
            })
            .collect();
        if of_day.iter().filter(|level| level.is_finite()).count().saturating_mul(DAY)
            < config.history_hours_min
        {
            return None;
        }
        let weekday = |day: usize| ratio.hour_of_week(first_of(day)) / DAY;
        let logs: Vec<f64> = of_day.iter().map(|level| level.ln()).collect();
        let weekdays = weekdays(&logs, weekday);
        let flat: Vec<f64> =
            logs.iter().enumerate().map(|(day, log)| log - at(&weekdays, weekday(day))).collect();
        let shape = shape(ratio, &days, &of_day, &weekdays, weekday);

        // The level now: whole days since the restart, or the hours since it while there is no day.
        let level_days = config.level_hours / DAY;
        let first_day = restart.saturating_sub(start).div_ceil(DAY);
        let first_day = first_day.max(days_known.saturating_sub(level_days));
        let level = median(flat.get(first_day..)?.to_vec()).or_else(|| {
            let hours = end.checked_sub(restart.max(start))?.min(DAY);
            if hours < config.restart_hours_min {
                return None;
            }
            let usual = |hour: usize| at(&shape, ratio.hour_of_week(hour)).exp();
            Some(ratio.excess(end.checked_sub(1)?, hours, usual)).filter(|level| level.is_finite())
        })?;

        // How far past windows strayed from the level around them.
        let levels: Vec<f64> = (0..days_known)
            .map(|day| {
                let first = day.saturating_sub(LEVEL_DAYS_AROUND);
                let last = day.saturating_add(LEVEL_DAYS_AROUND).min(days_known.saturating_sub(1));
                median(flat.get(first..=last).unwrap_or_default().to_vec()).unwrap_or(f64::NAN)
            })
            .collect();
        let calls_per_unit = if ratio.is_of_volume {
            let known = (start..end).filter(|hour| ratio.is_good(*hour));
            let (calls, above) = known.fold((0.0, 0.0), |(calls, above), hour| {
                (calls + at(ratio.calls, hour), above + at(ratio.above, hour))
            });
            calls / above
        } else {
            f64::NAN
        };
        let mut sums = vec![Sums::default()];
        let mut sum = Sums::default();
        for hour in start..end {
            if ratio.is_good(hour) {
                let day = hour.saturating_sub(start) / DAY;
                let first = if is_first(hour) { month_first } else { 0.0 };
                let log = at(&levels, day) + at(&shape, ratio.hour_of_week(hour)) + first;
                let expected = log.exp() * at(ratio.below, hour);
                sum.above += at(ratio.above, hour);
                sum.expected += expected;
                sum.hours += 1.0;
                sum.calls += if ratio.is_of_volume {
                    expected * calls_per_unit
                } else {
                    at(ratio.calls, hour)
                };
            }
            sums.push(sum);
        }
        // Traffic is at least as random as independent calls are.
        let call_min = if ratio.is_of_volume { 1.0 } else { 0.0 };
        let spreads = config
            .windows_hours
            .iter()
            .map(|window| {
                let strays = sums.iter().zip(sums.iter().skip(*window));
                let size = to_float(*window);
                let strays = strays.filter_map(|(before, after)| after.stray(before, size));
                spread(strays.collect(), call_min)
            })
            .collect::<Option<Vec<Spread>>>()?;
        let by_hour_of_week = shape.iter().map(|log| (level + log).exp()).collect();
        Some(Self { by_hour_of_week, month_first: month_first.exp(), calls_per_unit, spreads })
    }

    /// The usual value of an hour.
    pub(super) fn of(&self, ratio: &Ratio<'_>, hour: usize) -> f64 {
        let is_first = ratio.is_month_first.get(hour) == Some(&true);
        at(&self.by_hour_of_week, ratio.hour_of_week(hour))
            * if is_first { self.month_first } else { 1.0 }
    }

    /// Standard deviation of the window that ends with an hour.
    pub(super) fn deviation(
        &self,
        ratio: &Ratio<'_>,
        last: usize,
        window: usize,
        window_index: usize,
    ) -> f64 {
        let Some(spread) = self.spreads.get(window_index) else { return f64::NAN };
        let first = last.saturating_add(1).saturating_sub(window);
        let calls: f64 = (first..=last)
            .filter(|hour| ratio.is_good(*hour))
            .map(|hour| {
                if ratio.is_of_volume {
                    self.of(ratio, hour) * at(ratio.below, hour) * self.calls_per_unit
                } else {
                    at(ratio.calls, hour)
                }
            })
            .sum();
        let sampling = if calls > 0.0 { spread.call / calls } else { 0.0 };
        (spread.own + sampling).sqrt()
    }
}

/// Running sums over the good hours of a baseline.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    above: f64,
    expected: f64,
    calls: f64,
    hours: f64,
}

impl Sums {
    /// Variance of a window in units of one call's, and its logarithmic excess.
    fn stray(&self, before: &Self, window: f64) -> Option<(f64, f64)> {
        let expected = self.expected - before.expected;
        let calls = self.calls - before.calls;
        if (self.hours - before.hours) * 2.0 <= window || expected.is_nan() || expected <= 0.0 {
            return None;
        }
        let excess = ((self.above - before.above) / expected).max(EMPTY).ln();
        Some((if calls > 0.0 { 1.0 / calls } else { 0.0 }, excess))
    }
}

/// Median logarithm of each weekday over that of its week.
fn weekdays(logs: &[f64], weekday: impl Fn(usize) -> usize) -> Vec<f64> {
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
fn shape(
    ratio: &Ratio<'_>,
    days: &[Vec<usize>],
    of_day: &[f64],
    weekdays: &[f64],
    weekday: impl Fn(usize) -> usize,
) -> Vec<f64> {
    let share =
        |day: usize, hour: usize| at(ratio.above, hour) / at(ratio.below, hour) / at(of_day, day);
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

/// Tells sampling from the rest by comparing the half of the windows with more calls to the other.
fn spread(mut strays: Vec<(f64, f64)>, call_min: f64) -> Option<Spread> {
    strays.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let middle = strays.len() / 2;
    if middle == 0 {
        return None;
    }
    let variance = |part: &[(f64, f64)]| {
        let excesses: Vec<f64> = part.iter().map(|(_, excess)| *excess).collect();
        let sampling = median(part.iter().map(|(sampling, _)| *sampling).collect()).unwrap_or(0.0);
        (upward(excesses).powi(2), sampling)
    };
    let (calm, more_calls) = variance(strays.get(..middle)?);
    let (noisy, fewer_calls) = variance(strays.get(middle..)?);
    if more_calls <= 0.0 {
        // Without calls both halves are alike, and their difference is chance.
        return Some(Spread { own: f64::midpoint(calm, noisy), call: 0.0 });
    }
    let call = if fewer_calls > TOLD_APART * more_calls {
        ((noisy - calm) / (fewer_calls - more_calls)).clamp(call_min, CALL_VARIANCE_MAX)
    } else {
        (calm / more_calls).min(1.0).max(call_min)
    };
    // Neither half strays less than it was seen to.
    let own = (calm - call * more_calls).max(noisy - call * fewer_calls).max(calm / 4.0);
    Some(Spread { own, call })
}

/// Standard deviation of excesses upwards, of which alarms are made: by their median distance, and by
/// where their upper 10, 5 and 2 % begin, for rare traffic has nothing in most of its hours, and means
/// of few calls are heavy-tailed.
fn upward(mut excesses: Vec<f64>) -> f64 {
    let middle = median(excesses.clone()).unwrap_or(0.0);
    let usual = mad(excesses.clone(), middle);
    excesses.sort_by(f64::total_cmp);
    let upper = |share: f64| at(&excesses, quantile_index(excesses.len(), share));
    [(0.9, NORMAL_UPPER_10), (0.95, NORMAL_UPPER_5), (0.98, NORMAL_UPPER_2)]
        .into_iter()
        .fold(usual, |most, (share, normal)| most.max(upper(share) / normal))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number of values"
)]
fn quantile_index(count: usize, share: f64) -> usize {
    (to_float(count.saturating_sub(1)) * share).round() as usize
}

fn trimmed_mean(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = trimmed(sorted.len());
    let kept = sorted.get(cut..sorted.len().saturating_sub(cut)).unwrap_or_default();
    kept.iter().sum::<f64>() / to_float(kept.len())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number of values"
)]
fn trimmed(count: usize) -> usize {
    (to_float(count) * TRIMMED) as usize
}

fn mad(mut values: Vec<f64>, middle: f64) -> f64 {
    for value in &mut values {
        *value = (*value - middle).abs();
    }
    median(values).unwrap_or(0.0) * DEVIATION_PER_MAD
}

/// Median of the finite values.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let is_even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if !is_even {
        return Some(upper);
    }
    let lower = below.iter().copied().max_by(f64::total_cmp)?;
    Some(f64::midpoint(lower, upper))
}

pub(super) fn at(values: &[f64], index: usize) -> f64 {
    values.get(index).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of hours")]
fn to_float(count: usize) -> f64 {
    count as f64
}
