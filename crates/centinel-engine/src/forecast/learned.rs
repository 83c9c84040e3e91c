//! What the series of a file teach about each other: holidays, weekdays, planned changes, and how long
//! changes last.

use super::{
    fit::{Fit, Odd},
    statistics::{float, middle, spread_around_zero},
};

/// Share of changes still on after so many days that end the next day, before the file says anything
/// (`docs/concepts/forecast.md`, "What is assumed"): measured on generated months, spikes and failed
/// jobs first, incidents after two to three weeks.
const ENDING_SHARE: [f64; 21] = [
    0.5, 0.35, 0.15, 0.12, 0.1, 0.1, 0.1, 0.08, 0.08, 0.08, 0.08, 0.12, 0.15, 0.18, 0.2, 0.25, 0.3,
    0.2, 0.2, 0.15, 0.12,
];
/// What is still on after three weeks is rather a new level.
const ENDING_SHARE_LATER: f64 = 0.02;
/// Longest change that is told apart, in days.
const AGE_MAX: usize = 60;
/// How many changes of a file outweigh [`ENDING_SHARE`].
const ENDING_WEIGHT: f64 = 50.0;
/// Fewest planned changes whose size says something about the next one.
const STEPS_MIN: usize = 5;
/// How far a planned change of unknown size is expected to move a level (logarithm, about a half).
const STEP_SPREAD: f64 = 0.4;

/// What was learnt from all series of a file, seen from one origin.
#[derive(Debug, Clone)]
pub(super) struct Learned {
    /// Effect of a holiday where a series has seen none; `None` where no series has.
    pub(super) holiday: Option<f64>,
    /// The same of a holiday season.
    pub(super) season: Option<f64>,
    /// Usual weekday shape, for series too young to have one.
    pub(super) weekdays: Vec<f64>,
    /// Usual size of a planned change, and how far sizes are from it.
    pub(super) step: (f64, f64),
    /// By age in days from 1: share of changes that end the next day.
    ending: Vec<f64>,
}

impl Learned {
    pub(super) fn from(fits: &[Option<Fit>]) -> Self {
        let all = || fits.iter().flatten();
        let steps: Vec<f64> = all().flat_map(|fit| fit.steps.iter().map(|step| step.1)).collect();
        let size = middle(steps.iter().copied()).filter(|_| steps.len() >= STEPS_MIN);
        let spread = |size: f64| spread_around_zero(steps.iter().map(|step| step - size));
        Self {
            holiday: middle(all().filter_map(|fit| fit.holiday)),
            season: middle(all().filter_map(|fit| fit.season)),
            weekdays: (0..7)
                .map(|weekday| middle(all().map(|fit| fit.weekday(weekday))).unwrap_or(0.0))
                .collect(),
            step: size.and_then(|size| Some((size, spread(size)?))).unwrap_or((0.0, STEP_SPREAD)),
            ending: ending(all()),
        }
    }

    /// Probability that a change of some age is still on, by day from the origin.
    pub(super) fn survival(&self, age: usize) -> impl Iterator<Item = f64> {
        let ending = self.ending.iter().copied().skip(age.saturating_sub(1));
        ending.chain(std::iter::repeat(ENDING_SHARE_LATER)).scan(1.0, |still_on, ending| {
            *still_on *= 1.0 - ending;
            Some(*still_on)
        })
    }
}

/// Share of changes that end by age: those of the file, over what is assumed (a hazard with a prior).
fn ending<'a>(fits: impl Iterator<Item = &'a Fit>) -> Vec<f64> {
    let mut at_risk = vec![0.0; AGE_MAX];
    let mut ended = vec![0.0; AGE_MAX];
    for fit in fits {
        for (length, is_over) in changes(&fit.odd, fit.origin) {
            // One that is still on was not seen to survive its last day.
            let survived = if is_over { length } else { length.saturating_sub(1) };
            for age in at_risk.iter_mut().take(survived) {
                *age += 1.0;
            }
            let last = length.checked_sub(1).filter(|_| is_over);
            if let Some(last) = last.and_then(|age| ended.get_mut(age)) {
                *last += 1.0;
            }
        }
    }
    let assumed = ENDING_SHARE.iter().copied().chain(std::iter::repeat(ENDING_SHARE_LATER));
    let shares = ended.iter().zip(&at_risk).zip(assumed).map(|((ended, at_risk), assumed)| {
        (ended + ENDING_WEIGHT * assumed) / (at_risk + ENDING_WEIGHT)
    });
    shares.collect()
}

/// Length in days of each stretch of odd days on one side, and whether it is over. One day between is
/// bridged.
fn changes(odd: &[Odd], origin: usize) -> Vec<(usize, bool)> {
    let mut found = Vec::new();
    let mut stretch: Option<(usize, Odd)> = None;
    let mut close = |stretch: Option<(usize, Odd)>| {
        if let Some((start, last)) = stretch {
            let length = last.day.saturating_sub(start).saturating_add(1);
            found.push((length, last.day.saturating_add(2) < origin));
        }
    };
    for odd in odd {
        stretch = match stretch {
            Some((start, last))
                if odd.day <= last.day.saturating_add(2) && odd.is_above == last.is_above =>
            {
                Some((start, *odd))
            }
            other => {
                close(other);
                Some((odd.day, *odd))
            }
        };
    }
    close(stretch);
    found
}

/// Days before the origin that say what a sparse series does.
const SPARSE_DAYS: usize = 56;

/// Mean and variance of a group of days.
pub(super) fn moments(values: &[f64]) -> Option<(f64, f64)> {
    let count = float(values.len());
    if values.is_empty() {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, squares / (count - 1.0).max(1.0)))
}

/// The days before an origin that say what a sparse series does.
pub(super) fn sparse_window(first: usize, origin: usize) -> std::ops::Range<usize> {
    origin.saturating_sub(SPARSE_DAYS).max(first).min(origin)..origin
}
