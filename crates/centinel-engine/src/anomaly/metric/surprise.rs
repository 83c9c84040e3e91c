//! How rare a distance is among those that a series has had.

use std::collections::VecDeque;

/// Exponent of the tail beyond which rarity is not told apart.
const EXPONENT_MAX: f64 = 500.0;
/// Fewest distances that make a tail.
const TAIL_MIN: usize = 5;
/// The mean excess of a tail is at least this share of its threshold.
const EXCESS_RATIO_MIN: f64 = 1e-3;

/// The last values of a stream, in order of size.
#[derive(Debug, Clone)]
pub(super) struct Ranked {
    by_age: VecDeque<f64>,
    by_size: Vec<f64>,
    rows_max: usize,
}

impl Ranked {
    pub(super) fn new(rows_max: usize) -> Self {
        Self { by_age: VecDeque::new(), by_size: Vec::new(), rows_max }
    }

    pub(super) fn push(&mut self, value: f64) {
        if self.by_age.len() >= self.rows_max
            && let Some(oldest) = self.by_age.pop_front()
        {
            let at = self.by_size.partition_point(|other| *other < oldest);
            if at < self.by_size.len() {
                self.by_size.remove(at);
            }
        }
        let at = self.by_size.partition_point(|other| *other < value);
        self.by_size.insert(at, value);
        self.by_age.push_back(value);
    }

    /// Distance to the nearest value; `None` without any.
    pub(super) fn nearest(&self, value: f64) -> Option<f64> {
        let at = self.by_size.partition_point(|other| *other < value);
        let above = self.by_size.get(at).map(|above| above - value);
        let below = at.checked_sub(1).and_then(|at| self.by_size.get(at));
        let below = below.map(|below| value - below);
        match (above, below) {
            (Some(above), Some(below)) => Some(above.min(below)),
            (one, other) => one.or(other),
        }
    }
}

/// Rarity among the last distances of one kind.
#[derive(Debug, Clone)]
pub(super) struct Surprise {
    history: Ranked,
    rows_min: usize,
    tail_ratio: f64,
}

impl Surprise {
    pub(super) fn new(rows_max: usize, rows_min: usize, tail_ratio: f64) -> Self {
        Self { history: Ranked::new(rows_max), rows_min, tail_ratio }
    }

    /// Negative decimal logarithm of how often a distance of zero or more is at least as large, and
    /// remembers it. No distance is no surprise, and neither is any while the history is short.
    /// Distances that differ by at most `rounding` are equal.
    pub(super) fn of(&mut self, distance: f64, rounding: f64) -> f64 {
        let surprise = self.rarity(distance, rounding).unwrap_or(0.0);
        self.history.push(distance);
        surprise
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers of rows"
    )]
    fn rarity(&self, distance: f64, rounding: f64) -> Option<f64> {
        let by_size = &self.history.by_size;
        let rows = by_size.len();
        if rows < self.rows_min || distance <= rounding {
            return None;
        }
        let tail_rows = ((rows as f64 * self.tail_ratio).ceil() as usize).max(TAIL_MIN);
        let tail = by_size.get(rows.checked_sub(tail_rows)?..)?;
        let threshold = *tail.first()?;
        if distance <= threshold + rounding {
            let below = by_size.partition_point(|other| *other < distance - rounding);
            let as_large = rows.saturating_sub(below).saturating_add(1) as f64;
            return Some(((rows as f64 + 1.0) / as_large).log10());
        }
        let size = tail_rows as f64;
        let excess = tail.iter().map(|other| (other - threshold) / size).sum::<f64>();
        let excess = excess.max(EXCESS_RATIO_MIN * threshold);
        let excess = if excess > rounding { excess } else { 0.0 };
        // A series that never strayed has no tail: any distance is beyond it.
        let exponent = if excess > 0.0 { (distance - threshold) / excess } else { EXPONENT_MAX };
        let beyond = exponent.min(EXPONENT_MAX) * std::f64::consts::LOG10_E;
        Some((rows as f64 / size).log10() + beyond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_is_counted_and_the_tail_is_exponential() {
        let mut surprise = Surprise::new(1000, 30, 0.02);
        for distance in 1..=1000 {
            surprise.of(f64::from(distance), 0.0);
        }
        // 100 of 1000 are at least 901; the new one counts too.
        assert!(
            (surprise.rarity(901.0, 0.5).unwrap() - (1001.0_f64 / 101.0).log10()).abs() < 1e-12
        );
        // The largest 2 % are 981 to 1000, on average 9.5 above the smallest of them.
        let beyond = (1000.0_f64 / 20.0).log10() + 19.0 / 9.5 * std::f64::consts::LOG10_E;
        assert!((surprise.rarity(1000.0, 0.5).unwrap() - beyond).abs() < 1e-12);
        assert_eq!(surprise.rarity(0.5, 0.5), None);
    }

    #[test]
    fn old_distances_are_forgotten() {
        let mut ranked = Ranked::new(3);
        for value in [5.0, 1.0, 9.0, 4.0, 4.0] {
            ranked.push(value);
        }
        assert_eq!(ranked.by_size, [4.0, 4.0, 9.0]);
        assert_eq!(ranked.nearest(8.0), Some(1.0));
        assert_eq!(ranked.nearest(0.0), Some(4.0));
        assert_eq!(ranked.nearest(11.0), Some(2.0));
        assert_eq!(Ranked::new(3).nearest(1.0), None);
    }
}
