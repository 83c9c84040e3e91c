//! The days ahead of one series, and how far their sum usually strays.

use super::{
    fit::Fit,
    learned::{Learned, moments, sparse_window},
    monthly::monthly,
    statistics::{float, mean, spread_around_zero},
    track::{Kind, Track},
};

/// Deviation that no series is without: rounding, late meters (logarithm).
const DEVIATION_MIN: f64 = 0.004;
/// How far a holiday strays from earlier ones, and from nothing where there was none (logarithms).
const HOLIDAY_SPREAD: f64 = 0.15;
const UNKNOWN_HOLIDAY_SPREAD: f64 = 0.4;
/// Share of what a change that is on may still add or take that counts as one deviation.
const EVENT_SHARE: f64 = 0.35;
/// Trend that a short history cannot show, a day (logarithm).
const UNSEEN_TREND: f64 = 0.002;
/// Level of a series younger than two weeks (logarithm): new features grow or vanish.
const YOUNG_SPREAD: f64 = 0.2;
/// Fewest share of days with cost for a forecast of logarithms.
const DAYS_WITH_COST_MIN: f64 = 0.8;
/// Days without cost at the end that make a series stopped.
const STOPPED_DAYS: usize = 7;
/// Days in which the chance that a stopped series comes back falls by e.
const STOPPED_DECAY: f64 = 14.0;

/// How a forecast was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Level, trend, weekdays.
    Usual,
    /// The same, while a change is on.
    Event,
    /// Too young for a shape of its own.
    Young,
    /// Costs on few days, or credits: means.
    Sparse,
    /// One cost a month, on the same day.
    Monthly,
    /// No cost for a week or more.
    Stopped,
}

/// One deviation of the sum of the days ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Spread {
    /// Of its logarithm.
    Relative(f64),
    /// In currency.
    Absolute(f64),
}

/// The days of the period that are not seen, from the first of them.
#[derive(Debug, Clone)]
pub(super) struct Outlook {
    pub(super) state: State,
    pub(super) days: Vec<f64>,
    pub(super) spread: Spread,
    /// Mean deviation of the last days from the course (logarithm).
    pub(super) local: f64,
    /// Whether the series never went below zero.
    pub(super) is_positive: bool,
}

/// Days from `from` (at or after `origin`) to `end` as seen from `origin`.
pub(super) fn outlook(
    track: &Track,
    fit: Option<&Fit>,
    learned: &Learned,
    origin: usize,
    from: usize,
    end: usize,
) -> Outlook {
    let window = sparse_window(track.first, origin);
    let recent = track.costs.get(window).unwrap_or_default();
    let with_cost = recent.iter().filter(|cost| **cost > 0.0).count();
    let idle = recent.iter().rev().take_while(|cost| **cost == 0.0).count();
    let is_positive = track.costs.iter().take(origin).all(|cost| *cost >= 0.0);
    let before_idle = recent.len().saturating_sub(idle);
    let was_daily = float(with_cost) >= DAYS_WITH_COST_MIN * float(before_idle);
    let mut found = if let Some(monthly) = monthly(track, origin, from, end) {
        monthly
    } else if idle >= STOPPED_DAYS && was_daily {
        stopped(recent, idle, from, end)
    } else if float(with_cost) < DAYS_WITH_COST_MIN * float(before_idle.max(1)) {
        sparse(track, origin, from, end)
    } else if let Some(fit) = fit {
        of_fit(track, fit, learned, from, end)
    } else {
        young(track, learned, origin, from, end)
    };
    found.is_positive = is_positive;
    found
}

fn of_fit(track: &Track, fit: &Fit, learned: &Learned, from: usize, end: usize) -> Outlook {
    let size = fit.run.map_or(0.0, |run| run.size);
    let age = fit.run.map_or(1, |run| fit.origin.saturating_sub(run.start));
    let mut still_on = learned.survival(age);
    // The mean of a lognormal day lies above its median.
    let to_mean = fit.deviation * fit.deviation / 2.0;
    let mut days = Vec::with_capacity(end.saturating_sub(from));
    let (mut without, mut holidays, mut unknown_holidays, mut planned) = (0.0, 0.0, 0.0, 0.0);
    let mut steps = 0.0;
    for (index, day) in track.days.iter().enumerate().take(end).skip(fit.origin) {
        let still_on = still_on.next().unwrap_or(0.0);
        if day.restart {
            steps += 1.0;
        }
        if index < from {
            continue;
        }
        let (own, shared) = match day.kind {
            Kind::Usual => (Some(0.0), None),
            Kind::Holiday => (fit.holiday.or(fit.season), learned.holiday.or(learned.season)),
            Kind::HolidaySeason => (fit.season.or(fit.holiday), learned.season.or(learned.holiday)),
        };
        let effect = own.or(shared);
        let base = fit.working_day(index, day) + effect.unwrap_or(0.0) + steps * learned.step.0;
        let base = (base + to_mean).exp();
        days.push(base * (1.0 + still_on * size.exp_m1()));
        without += base;
        if day.kind != Kind::Usual {
            *(if effect.is_some() { &mut holidays } else { &mut unknown_holidays }) += base;
        }
        planned += base * steps;
    }
    let share_of = |part: f64| if without > 0.0 { part / without } else { 0.0 };
    let count = float(days.len()).max(1.0);
    let inflation = fit.inflation();
    let (own, level_days) = (float(fit.days).max(1.0), float(fit.level_days));
    let lead = float(from.saturating_sub(fit.origin)) + count;
    let trend = if fit.has_trend {
        3.0 * inflation / own * (1.0 + lead / own).powi(2) * fit.deviation.powi(2)
    } else {
        (UNSEEN_TREND * f64::midpoint(own, lead)).powi(2)
    };
    let noise = inflation.min(count) / count + inflation.min(level_days) / level_days;
    let variance = fit.deviation.powi(2) * noise
        + trend
        + DEVIATION_MIN.powi(2)
        + (HOLIDAY_SPREAD * share_of(holidays)).powi(2)
        + (UNKNOWN_HOLIDAY_SPREAD * share_of(unknown_holidays)).powi(2)
        + (learned.step.1 * share_of(planned)).powi(2)
        + (EVENT_SHARE * size).powi(2);
    Outlook {
        state: if fit.run.is_some() { State::Event } else { State::Usual },
        days,
        spread: Spread::Relative(variance.sqrt()),
        local: fit.local,
        is_positive: true,
    }
}

/// A level from the days that there are, the weekday shape of the other series.
fn young(track: &Track, learned: &Learned, origin: usize, from: usize, end: usize) -> Outlook {
    let weekday = |index: usize| {
        let day = track.days.get(index)?;
        learned.weekdays.get(day.weekday).copied()
    };
    let flat: Vec<f64> = (track.first..origin)
        .filter_map(|index| Some(track.logarithms.get(index)? - weekday(index)?))
        .filter(|value| value.is_finite())
        .collect();
    let Some(level) = mean(&flat) else { return sparse(track, origin, from, end) };
    let deviation = spread_around_zero(flat.iter().map(|value| value - level)).unwrap_or(0.0);
    let count = float(flat.len()).max(1.0);
    let days = (from..end).map(|index| (level + weekday(index).unwrap_or(0.0)).exp()).collect();
    Outlook {
        state: State::Young,
        days,
        spread: Spread::Relative(
            (YOUNG_SPREAD.powi(2) * (1.0 + 4.0 / count) + deviation.powi(2) / count).sqrt(),
        ),
        local: 0.0,
        is_positive: true,
    }
}

/// Means by weekday, the first of the month apart.
fn sparse(track: &Track, origin: usize, from: usize, end: usize) -> Outlook {
    let window = || sparse_window(track.first, origin);
    let group_of = |index: usize| {
        track.days.get(index).map_or(0, |day| if day.first_of_month { 7 } else { day.weekday })
    };
    let values = |group: Option<usize>| -> Vec<f64> {
        let same = window().filter(|index| group.is_none_or(|group| group_of(*index) == group));
        same.filter_map(|index| track.costs.get(index).copied()).collect()
    };
    let of_all = moments(&values(None)).unwrap_or((0.0, 0.0));
    let of_group: Vec<(f64, f64, f64)> = (0..8)
        .map(|group| {
            let values = values(Some(group));
            let (mean, variance) =
                if values.len() >= 2 { moments(&values).unwrap_or(of_all) } else { of_all };
            (mean, variance, float(values.len()).max(1.0))
        })
        .collect();
    let mut days = Vec::new();
    let mut ahead = [0.0; 8];
    for index in from..end {
        let group = group_of(index);
        days.push(of_group.get(group).map_or(0.0, |(mean, ..)| *mean));
        if let Some(count) = ahead.get_mut(group) {
            *count += 1.0;
        }
    }
    // Days of a group ahead stray each on their own, their mean strays together.
    let variance: f64 = ahead
        .iter()
        .zip(&of_group)
        .map(|(ahead, (_, variance, seen))| variance * (ahead + ahead * ahead / seen))
        .sum();
    Outlook {
        state: State::Sparse,
        days,
        spread: Spread::Absolute(variance.sqrt()),
        local: 0.0,
        is_positive: true,
    }
}

/// Nothing; the band leaves room for the series to come back.
fn stopped(recent: &[f64], idle: usize, from: usize, end: usize) -> Outlook {
    let before = recent.get(..recent.len().saturating_sub(idle)).unwrap_or_default();
    let count = end.saturating_sub(from);
    let fading = (-float(idle.saturating_sub(STOPPED_DAYS)) / STOPPED_DECAY).exp();
    Outlook {
        state: State::Stopped,
        days: vec![0.0; count],
        spread: Spread::Absolute(0.25 * fading * mean(before).unwrap_or(0.0) * float(count)),
        local: 0.0,
        is_positive: true,
    }
}
