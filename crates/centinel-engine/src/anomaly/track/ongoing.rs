//! An episode that has begun: whether its excess is still there, and what baselines leave out for it.

use super::{Known, Track, Verdict};
use crate::anomaly::{
    Config,
    baseline::{Baseline, to_float},
    scale::Span,
};

/// An episode of fewer days stays in the baseline, which is robust to it: were it left out, a wrong
/// baseline could never learn that it is wrong.
const LEFT_OUT_DAYS_MIN: usize = 4;
/// That many low days in a row are a new level.
const LOW_DAYS_MAX: usize = 10;
/// Days of the new level when it is accepted.
const ACCEPTED_DAYS: usize = 14;
/// Days whose mean excess is the level of an episode.
const EPISODE_LEVEL_DAYS: usize = 7;
/// An excess that was there yesterday is there today, and one that was not has come back: probabilities
/// a day. Episodes of two weeks and pauses of two months are usual.
const STAYS: f64 = 0.93;
const RETURNS: f64 = 0.02;
/// Belief on the first day; above `ALARMS` a day is an alarm, below `ENDS` the episode is over.
const BELIEF_AT_FIRST: f64 = 0.9;
const ALARMS: f64 = 0.5;
const ENDS: f64 = 0.2;
/// No evidence makes certain.
const BELIEF_MIN: f64 = 1e-4;
/// Days of an episode differ more than usual ones.
const EPISODE_DEVIATION: f64 = 1.2;

/// An episode that has not ended.
#[derive(Debug, Clone)]
pub(super) struct Open {
    /// Its first day.
    pub(super) since: usize,
    /// Usual excess of its days.
    level: f64,
    /// Probability that the excess is still there.
    belief: f64,
    /// Excesses of its alarms.
    excesses: Vec<f64>,
}

impl Track {
    /// Unusually low days are no part of baselines, until they have become usual.
    pub(super) fn watch_low(&mut self, day: usize, is_low: bool) {
        self.low_days = if is_low { self.low_days.saturating_add(1) } else { 0 };
        if !is_low || self.low_days > LOW_DAYS_MAX {
            return;
        }
        if self.low_days < LOW_DAYS_MAX {
            self.mark_unusual(day..=day, true);
        } else {
            let first = day.saturating_add(1).saturating_sub(LOW_DAYS_MAX);
            self.accept(first, day);
        }
    }

    /// A level that has lasted becomes usual from its day `first` on.
    fn accept(&mut self, first: usize, day: usize) {
        self.accepted = first;
        self.accepted_from = day.saturating_add(1);
        // What these days exceeded is not how usual days stray.
        for of_window in &mut self.excesses {
            for excess in of_window.get_mut(first..=day).into_iter().flatten() {
                *excess = f64::NAN;
            }
        }
        self.mark_unusual(first..=day, false);
        for inside in self.in_episode.get_mut(first..=day).into_iter().flatten() {
            *inside = false;
        }
        // The day judged follows tomorrow, when it is settled.
        let values = self.adjusted.get(first..day).unwrap_or_default();
        let days = (first..).zip(values.iter().copied()).filter(|(_, value)| value.is_finite());
        self.levels.take_back(days);
    }

    fn mark_unusual(&mut self, days: std::ops::RangeInclusive<usize>, unusual: bool) {
        for slot in self.unusual.get_mut(days).into_iter().flatten() {
            *slot = unusual;
        }
    }

    pub(super) fn begin(&mut self, day: usize, verdict: Verdict) {
        let since = day.saturating_add(1).saturating_sub(verdict.window_days);
        for inside in self.in_episode.get_mut(since..=day).into_iter().flatten() {
            *inside = true;
        }
        self.plain_from = day.saturating_add(1);
        self.open = Some(Open {
            since,
            level: verdict.excess,
            belief: BELIEF_AT_FIRST,
            excesses: vec![verdict.excess_of_day.max(verdict.excess / 2.0)],
        });
        self.leave_out(since, day);
    }

    /// Leaves an episode out of baselines once it is long enough.
    fn leave_out(&mut self, since: usize, day: usize) {
        if day.saturating_add(1).saturating_sub(since) < LEFT_OUT_DAYS_MIN {
            return;
        }
        let in_episode = &self.in_episode;
        let inside = |at: usize| at >= since && in_episode.get(at) == Some(&true);
        let days = since..=day;
        for (at, slot) in days.clone().zip(self.unusual.get_mut(days).into_iter().flatten()) {
            *slot = *slot || inside(at);
        }
        self.levels.leave_out(inside);
    }

    /// A day without a value says little about an open episode.
    pub(super) fn doubt(&mut self) {
        if let Some(open) = &mut self.open {
            open.belief /= 2.0;
            if open.belief < ENDS {
                self.open = None;
            }
        }
    }

    /// Whether the excess of an open episode is still there: the forward filter of a two-state hidden
    /// Markov model, whose states are the episode's level and none. Returns whether the day is an
    /// alarm.
    pub(super) fn go_on(
        &mut self,
        day: usize,
        excess_of_day: f64,
        day_deviation: f64,
        best: Option<Verdict>,
        config: &Config,
    ) -> bool {
        let Some(open) = &mut self.open else { return false };
        let deviation = day_deviation.max(open.level / 4.0) * EPISODE_DEVIATION;
        let excess = excess_of_day.min(open.level);
        let distance = excess - open.level;
        let evidence = (excess * excess - distance * distance) / (2.0 * deviation * deviation);
        let before = open.belief * STAYS + (1.0 - open.belief) * RETURNS;
        let odds = before / (1.0 - before) * evidence.exp();
        open.belief = (odds / (1.0 + odds)).clamp(BELIEF_MIN, 1.0 - BELIEF_MIN);
        let mut is_on = open.belief >= ALARMS;
        if is_on {
            open.excesses.push(excess_of_day);
            let from = open.excesses.len().saturating_sub(EPISODE_LEVEL_DAYS);
            let last = open.excesses.get(from..).unwrap_or_default();
            let mean = last.iter().sum::<f64>() / to_float(last.len());
            open.level = mean.max((1.0 + config.effect_ratio_min).ln());
        } else if let Some(verdict) = best.filter(|verdict| verdict.window_days == 1) {
            // It has come back at another level.
            is_on = true;
            open.belief = BELIEF_AT_FIRST;
            open.level = verdict.excess;
            open.excesses = vec![verdict.excess];
        }
        let (since, is_over) = (open.since, open.belief < ENDS);
        if is_over {
            self.open = None;
            return false;
        }
        if day.saturating_sub(since) >= config.accepted_after_days {
            self.open = None;
            self.accept(day.saturating_add(1).saturating_sub(ACCEPTED_DAYS), day);
            return false;
        }
        if !is_on {
            return false;
        }
        if let Some(inside) = self.in_episode.get_mut(day) {
            *inside = true;
        }
        self.plain_from = day.saturating_add(1);
        self.leave_out(since, day);
        true
    }

    /// The verdict on a day of the open episode that no window tells.
    pub(super) fn of_ongoing(
        &mut self,
        day: usize,
        excess_of_day: f64,
        baseline: &Baseline,
        known: Known<'_>,
        config: &Config,
    ) -> Option<Verdict> {
        let smallest = (1.0 + config.effect_ratio_min).ln();
        let of_days = self.last_days_of_episode(day, baseline, known)?;
        let (days, excess) = if excess_of_day >= smallest { (1, excess_of_day) } else { of_days };
        let own_days = baseline.own_days;
        let span = Span { window_days: days, days, own_days, least_measured: 0.0 };
        let none = std::iter::empty();
        let deviation = self.strays.of_window(span, none, f64::INFINITY, config)?;
        let deviation = deviation.max(config.deviation_min);
        let score = excess / deviation;
        let verdict = Verdict { window_days: days, excess, excess_of_day, deviation, score };
        Some(verdict).filter(|verdict| verdict.excess >= smallest)
    }

    /// The last days of the open episode, at most a week, and their mean excess.
    fn last_days_of_episode(
        &self,
        day: usize,
        baseline: &Baseline,
        known: Known<'_>,
    ) -> Option<(usize, f64)> {
        let since = self.open.as_ref()?.since;
        let first = since.max(day.saturating_add(1).saturating_sub(EPISODE_LEVEL_DAYS));
        let values = self.adjusted.get(first..=day)?.iter();
        let holidays = known.holidays.get(first..=day)?.iter();
        let judged = (first..).zip(values.zip(holidays));
        let (sum, count) = judged
            .filter(|(_, (value, holiday))| !**holiday && value.is_finite())
            .fold((0.0, 0.0), |(sum, count), (at, (value, _))| {
                (sum + value - baseline.expected(at), count + 1.0)
            });
        Some((day.saturating_add(1).saturating_sub(first), sum / count))
    }
}
