//! Anomalies of one metric at any grain: how surprising each value is, given the ones before it.
//!
//! Three things may be odd about a value, and each is measured by a distance of zero or more:
//!
//! - **new**: how far it is from the nearest value seen before, so that a spike, a drop and a value
//!   between two usual levels are all new, while a daily peak is not;
//! - **shifted**: how far the mean of the last rows is from the long mean before them;
//! - **out of hours**: how far it is from what this half hour of the day usually has.
//!
//! A distance alone says nothing: one series is always calm, another spikes every hour. Each is
//! therefore turned into a surprise, the negative decimal logarithm of how often this very series has
//! had so large a distance (its rank in the history, and beyond the largest 2 % an exponential tail:
//! peaks over threshold with shape zero, Siffer et al., "Anomaly Detection in Streams with Extreme
//! Value Theory", KDD 2017). The three surprises are added, the last two at half weight: novelty is
//! what they mostly say already.
//!
//! One alarm is news, the tenth about the same incident is not: after a surprise, weaker ones rest
//! for a share of the history seen so far. A young series may thus alarm soon again, one that has
//! been watched for a year has to be surprised anew.
//!
//! Nothing depends on the unit or the sign of the values, on the grain, on what follows, or on a
//! random draw. Memory is bounded; a row costs two binary searches a distance.

mod distance;
mod surprise;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use distance::{Novelty, OutOfHours, Shift};
use surprise::Surprise;

/// How values are judged. Rows, not hours: the grain is the series' own.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricConfig {
    /// Rows that the history of a distance, and the known values, reach back.
    pub history_rows: usize,
    /// Fewest distances before one can be surprising.
    pub history_rows_min: usize,
    /// Share of the history that is its tail.
    pub tail_ratio: f64,
    /// A value is compared with those at least so many rows, or half the history, before it: an
    /// incident that lasts stays new while it lasts.
    pub novelty_delay_rows: usize,
    /// Rows whose mean may have shifted.
    pub shift_rows: usize,
    /// Span of the exponentially weighted mean that it is compared with, in rows.
    pub level_span_rows: usize,
    /// Slots of the day that have a usual value each.
    pub day_slots: u32,
    /// Weight of the newest value in the usual value of its slot.
    pub day_slot_weight: f64,
    /// Weight of the surprises of shift and hour.
    pub context_weight: f64,
    /// How long weaker surprises rest, as a share of the rows seen.
    pub rest_ratio: f64,
    /// Longest rest, in rows.
    pub rest_rows_max: usize,
}

impl MetricConfig {
    /// The settings behind the published figures (`evals/README.md`, NAB).
    pub fn published() -> Self {
        Self {
            history_rows: 8192,
            history_rows_min: 30,
            tail_ratio: 0.02,
            novelty_delay_rows: 288,
            shift_rows: 24,
            level_span_rows: 576,
            day_slots: 48,
            day_slot_weight: 0.1,
            context_weight: 0.5,
            rest_ratio: 0.04,
            rest_rows_max: 1000,
        }
    }
}

/// Surprise at which a score is one half: a thousandth.
const HALF_SCORE_SURPRISE: f64 = 3.0;
/// What is left of the score of a surprise that rests, for it is still seen.
const RESTING_SHARE: f64 = 0.1;
/// Distances up to this share of the largest value seen are rounding.
const ROUNDING: f64 = 1e-12;
/// A surprise is news only beyond this share more than those before it: equal ones round differently.
const NEWS_MARGIN: f64 = 1e-9;
/// Larger values are not judged: their sums would not be finite.
const VALUE_MAX: f64 = f64::MAX / 1e9;

/// Judges the values of one metric as they come.
#[derive(Debug, Clone)]
pub struct MetricDetector {
    config: MetricConfig,
    novelty: Novelty,
    shift: Shift,
    out_of_hours: OutOfHours,
    /// Of novelty, shift and hour.
    surprises: [Surprise; 3],
    /// Rows that may still make others rest, strongest first.
    recent: VecDeque<(usize, f64)>,
    rows: usize,
    largest: f64,
}

impl MetricDetector {
    /// A detector that has seen nothing.
    pub fn new(config: MetricConfig) -> Self {
        let surprise =
            Surprise::new(config.history_rows, config.history_rows_min, config.tail_ratio);
        Self {
            novelty: Novelty::new(config.novelty_delay_rows, config.history_rows),
            shift: Shift::new(config.shift_rows, config.level_span_rows),
            out_of_hours: OutOfHours::new(config.day_slots, config.day_slot_weight),
            surprises: [surprise.clone(), surprise.clone(), surprise],
            recent: VecDeque::new(),
            rows: 0,
            largest: 0.0,
            config,
        }
    }

    /// Whether a value is a number, and small enough that sums of many are finite.
    pub fn can_judge(value: f64) -> bool {
        value.abs() <= VALUE_MAX
    }

    /// Judges the next value; `second_of_day` is when it was measured, from 0 to 86,399.
    ///
    /// The score is 0 for a usual value and approaches 1; above one half the surprise is rarer than
    /// a thousandth. A value that [cannot be judged](Self::can_judge) scores 0
    /// and is not learned.
    pub fn judge(&mut self, second_of_day: u32, value: f64) -> f64 {
        if !Self::can_judge(value) {
            return 0.0;
        }
        self.largest = self.largest.max(value.abs());
        let distances = [
            self.novelty.of(value),
            self.shift.of(value),
            self.out_of_hours.of(second_of_day, value),
        ];
        let weights = [1.0, self.config.context_weight, self.config.context_weight];
        let rounding = self.largest * ROUNDING;
        let mut sum = 0.0;
        for ((surprise, distance), weight) in self.surprises.iter_mut().zip(distances).zip(weights)
        {
            let Some(distance) = distance else { continue };
            sum += weight * surprise.of(distance, rounding);
        }
        let score = sum / (sum + HALF_SCORE_SURPRISE);
        let is_news = self.is_news(sum);
        self.rows = self.rows.saturating_add(1);
        if is_news { score } else { RESTING_SHARE * score }
    }

    /// Whether a surprise exceeds those of the rest before it.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of rows"
    )]
    fn is_news(&mut self, surprise: f64) -> bool {
        let rest = (self.config.rest_ratio * self.rows as f64) as usize;
        let rest = rest.min(self.config.rest_rows_max);
        while self.recent.front().is_some_and(|(row, _)| self.rows.saturating_sub(*row) >= rest) {
            self.recent.pop_front();
        }
        let is_news = self
            .recent
            .front()
            .is_none_or(|(_, strongest)| surprise > *strongest * (1.0 + NEWS_MARGIN));
        while self.recent.back().is_some_and(|(_, weaker)| *weaker <= surprise) {
            self.recent.pop_back();
        }
        self.recent.push_back((self.rows, surprise));
        is_news
    }
}
