//! How far windows of hours stray from what is usual.

use super::{
    EMPTY,
    statistics::{at, mad, median, quantile_index, to_float},
};

/// Φ⁻¹(0.9), Φ⁻¹(0.95) and Φ⁻¹(0.98).
const NORMAL_UPPER: [(f64, f64); 3] =
    [(0.9, 1.281_551_565_544_6), (0.95, 1.644_853_626_951_5), (0.98, 2.053_748_910_631_8)];
/// Halves whose sampling differs by less than this factor do not tell sampling from the rest.
const TOLD_APART: f64 = 1.5;
/// One call's variance is at most this many squares of its mean.
const CALL_VARIANCE_MAX: f64 = 50.0;
/// Excesses beyond this say no more about how one follows another.
const FOLLOWED_MAX: f64 = 1.0;
/// An hour without calls in its history may have this many clusters of calls.
const CHANCE_COUNT: f64 = 0.25;
/// Scores of counts are made larger by at most the inverse of this.
const SCALE_MIN: f64 = 0.7;

/// A way to look at the last hours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    /// Hours judged.
    pub(super) window: usize,
    /// Hours before them whose excess is expected to go on, zero for none.
    pub(super) before: usize,
    /// Smallest excess that alarms, as a share.
    pub(super) effect_min: f64,
}

/// What a window shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    /// Logarithmic excess over what is usual.
    pub(super) excess: f64,
    /// Calls that its sampling depends on, zero for none.
    pub(super) calls: f64,
    /// Excess of the hours before, zero where it does not matter.
    pub(super) before: f64,
}

/// Running sums over the good hours of a baseline.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) above: f64,
    pub(super) expected: f64,
    pub(super) calls: f64,
    pub(super) hours: f64,
}

impl Sums {
    /// The window since other sums; `None` when too little of it is known.
    fn since(&self, before: &Self, window: usize) -> Option<Seen> {
        let expected = self.expected - before.expected;
        let is_known = (self.hours - before.hours) * 2.0 > to_float(window);
        let excess = ((self.above - before.above) / expected).max(EMPTY).ln();
        let calls = (self.calls - before.calls).max(0.0);
        (is_known && expected > 0.0).then_some(Seen { excess, calls, before: 0.0 })
    }
}

/// How far the windows of one view stray.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    /// Variance beyond sampling.
    own: f64,
    /// Variance of one call.
    call: f64,
    /// Share of the excess before that is expected to go on.
    follows: f64,
    /// Usual deviation of the excess before.
    before: f64,
    /// What scores of counts are divided by; `None` where no count is judged.
    scale: Option<f64>,
}

impl Spread {
    /// Learns from running sums. Counts are at least as random as independent ones, and judged by how
    /// rare so large a count is.
    pub(super) fn learn(sums: &[Sums], view: View, is_count: bool) -> Option<Self> {
        let windows: Vec<Seen> = (view.window..sums.len())
            .filter_map(|end| {
                let start = end.checked_sub(view.window)?;
                let seen = sums.get(end)?.since(sums.get(start)?, view.window)?;
                let earlier = start
                    .checked_sub(view.before)
                    .and_then(|first| sums.get(start)?.since(sums.get(first)?, view.before));
                Some(Seen { before: earlier.map_or(0.0, |earlier| earlier.excess), ..seen })
            })
            .collect();
        let (follows, before) = followed(&windows);
        let shape = Self { own: 0.0, call: 0.0, follows, before, scale: None };
        let strays = windows.iter().map(|seen| {
            let sampling = if seen.calls > 0.0 { 1.0 / seen.calls } else { 0.0 };
            (sampling, seen.excess - shape.expected(seen))
        });
        let (own, call) = parts(strays.collect(), if is_count { 1.0 } else { 0.0 })?;
        let mut spread = Self { own, call, ..shape };
        if is_count {
            let mut scores: Vec<f64> =
                windows.iter().map(|seen| spread.surprise(seen, 0.0)).collect();
            scores.sort_by(f64::total_cmp);
            spread.scale = Some(upper(&scores).max(SCALE_MIN));
        }
        Some(spread)
    }

    /// The excess that is expected from the hours before.
    fn expected(&self, seen: &Seen) -> f64 {
        // Hours that were much too low say nothing: their end is no rise.
        self.follows * seen.before.max(-self.before)
    }

    /// How far such a window usually strays, at least `deviation_min`, and its excess in these.
    pub(super) fn judge(&self, seen: &Seen, deviation_min: f64) -> (f64, f64) {
        if let Some(scale) = self.scale {
            let score = self.surprise(seen, deviation_min) / scale;
            return (seen.excess / score, score);
        }
        let sampling = if seen.calls > 0.0 { self.call / seen.calls } else { 0.0 };
        let deviation = (self.own + sampling).sqrt().max(deviation_min);
        (deviation, (seen.excess - self.expected(seen)) / deviation)
    }

    /// Signed root of the deviance of a count: negative binomial, of clusters of `call` calls, whose
    /// mean strays by `own`.
    fn surprise(&self, seen: &Seen, deviation_min: f64) -> f64 {
        let usual = seen.calls * self.expected(seen).exp() / self.call + CHANCE_COUNT;
        let count = seen.calls * seen.excess.exp() / self.call;
        let size = 1.0 / self.own.max(deviation_min.powi(2));
        let deviance =
            count * (count / usual).ln() - (count + size) * ((count + size) / (usual + size)).ln();
        (2.0 * deviance.max(0.0)).sqrt().copysign(count - usual)
    }
}

/// Share of the excess before a window that the window has as well, and how far the former strays.
fn followed(windows: &[Seen]) -> (f64, f64) {
    let (mut common, mut square) = (0.0, 0.0);
    for seen in windows {
        let before = seen.before.clamp(-FOLLOWED_MAX, FOLLOWED_MAX);
        common += before * seen.excess.clamp(-FOLLOWED_MAX, FOLLOWED_MAX);
        square += before * before;
    }
    let follows = if square > 0.0 { (common / square).clamp(0.0, 1.0) } else { 0.0 };
    (follows, (square / to_float(windows.len().max(1))).sqrt())
}

/// Own variance and that of a call: tells sampling from the rest by comparing the half of the windows
/// with more calls to the other.
fn parts(mut strays: Vec<(f64, f64)>, call_min: f64) -> Option<(f64, f64)> {
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
        return Some((f64::midpoint(calm, noisy), 0.0));
    }
    let call = if fewer_calls > TOLD_APART * more_calls {
        ((noisy - calm) / (fewer_calls - more_calls)).clamp(call_min, CALL_VARIANCE_MAX)
    } else {
        (calm / more_calls).min(1.0).max(call_min)
    };
    // Neither half strays less than it was seen to.
    let own = (calm - call * more_calls).max(noisy - call * fewer_calls).max(calm / 4.0);
    Some((own, call))
}

/// Standard deviation of excesses upwards, of which alarms are made: by their median distance, and by
/// where their upper 10, 5 and 2 % begin, for rare traffic has nothing in most of its hours, and means
/// of few calls are heavy-tailed.
fn upward(mut excesses: Vec<f64>) -> f64 {
    let middle = median(excesses.clone()).unwrap_or(0.0);
    let usual = mad(excesses.clone(), middle);
    excesses.sort_by(f64::total_cmp);
    usual.max(upper(&excesses))
}

/// Standard deviation by where the upper 10, 5 and 2 % of sorted values begin.
fn upper(sorted: &[f64]) -> f64 {
    NORMAL_UPPER.into_iter().fold(0.0, |most, (share, normal)| {
        f64::max(most, at(sorted, quantile_index(sorted.len(), share)) / normal)
    })
}
