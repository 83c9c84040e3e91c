//! One metric of a series, judged day after day: an alarm opens when a window stands out, stays while
//! the excess does, and ends with it.

use super::{
    Config,
    baseline::{Baseline, Levels, median, to_float},
    scale::{Strays, with_sampling},
};

/// Most earlier firsts of a month that tell what a first costs.
const FIRSTS_MAX: usize = 4;
/// A smaller effect of the first of a month is taken for noise (logarithm, about 16 %).
const FIRST_EFFECT_MIN: f64 = 0.15;
/// Judged days behind the usual deviation of a day, and how far back they are looked for.
const STRAY_DAYS: usize = 56;
const STRAY_LOOKBACK_DAYS: usize = 84;
/// An episode of fewer days stays in the baseline, which is robust to it: were it left out, a wrong
/// baseline could never learn that it is wrong.
const LEFT_OUT_DAYS_MIN: usize = 4;
/// A day lower than this many deviations is no part of the baseline.
const LOW_DEVIATIONS: f64 = 5.0;
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

/// What is known of the days of a series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// Whether a day is a holiday.
    pub(super) holidays: &'a [bool],
    /// The days that are the first of a month and cost more or less than others.
    pub(super) firsts: &'a [usize],
}

/// Why a day is an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict {
    pub(super) window_days: usize,
    /// Mean logarithmic excess of the window's days.
    pub(super) excess: f64,
    /// Logarithmic excess of the last day.
    pub(super) excess_of_day: f64,
    /// How far the mean of such a window usually strays.
    pub(super) deviation: f64,
    /// Excess in deviations.
    pub(super) score: f64,
}

/// An episode that has not ended.
#[derive(Debug, Clone)]
struct Open {
    /// Its first day.
    since: usize,
    /// Usual excess of its days.
    level: f64,
    /// Probability that the excess is still there.
    belief: f64,
    /// Excesses of its alarms.
    excesses: Vec<f64>,
}

/// One metric of a series.
#[derive(Debug)]
pub(super) struct Track {
    /// Logarithms of the settled values; `NaN` where undefined.
    settled: Vec<f64>,
    /// Logarithms as seen when the day was judged.
    judged: Vec<f64>,
    /// Settled days, and the day judged as it is seen, without what the first of a month adds.
    adjusted: Vec<f64>,
    /// Sampling variance of a day's value; empty when there is none.
    variances: Vec<f64>,
    score_min: f64,
    levels: Levels,
    baselines: Vec<Option<Baseline>>,
    /// By window and day: mean excess; `NaN` where not judged or in an episode.
    excesses: Vec<Vec<f64>>,
    /// Excess of each first of a month, by day.
    firsts: Vec<(usize, f64)>,
    in_episode: Vec<bool>,
    unusual: Vec<bool>,
    low_days: usize,
    /// The first day of a level that became usual by lasting.
    accepted: usize,
    /// The first day whose baseline knows of that level.
    accepted_from: usize,
    open: Option<Open>,
    strays: Strays,
    buffer: Vec<f64>,
}

impl Track {
    /// `judged` are the settled values but for what was not visible yet.
    pub(super) fn new(
        settled: Vec<f64>,
        judged: Vec<f64>,
        variances: Vec<f64>,
        score_min: f64,
        config: &Config,
    ) -> Self {
        let days = settled.len();
        Self {
            adjusted: judged.clone(),
            settled,
            judged,
            variances,
            score_min,
            levels: Levels::default(),
            baselines: Vec::with_capacity(days),
            excesses: vec![vec![f64::NAN; days]; config.windows_days.len()],
            firsts: Vec::new(),
            in_episode: vec![false; days],
            unusual: vec![false; days],
            low_days: 0,
            accepted: 0,
            accepted_from: 0,
            open: None,
            strays: Strays::default(),
            buffer: Vec::new(),
        }
    }

    /// Judges the next day. Days are judged in order, each once; `restart` is the last planned change.
    pub(super) fn judge(
        &mut self,
        day: usize,
        restart: usize,
        known: Known<'_>,
        config: &Config,
    ) -> Option<Verdict> {
        self.settle(day, known);
        if restart == day {
            self.open = None;
        }
        let restart = restart.max(self.accepted);
        let baseline = self.levels.baseline(day, restart, config);
        self.baselines.push(baseline);
        let baseline = baseline?;
        if known.holidays.get(day) == Some(&true) {
            return None;
        }
        if !self.judged.get(day)?.is_finite() {
            self.doubt();
            return None;
        }
        if known.firsts.contains(&day) {
            let excess = self.judged.get(day)? - baseline.expected(day);
            if let Some(effect) = self.first_effect() {
                *self.adjusted.get_mut(day)? -= effect;
            }
            self.firsts.push((day, excess));
        }
        let excess_of_day = self.adjusted.get(day)? - baseline.expected(day);
        let windows = self.windows(day, restart, excess_of_day, known, config);
        let smallest = (1.0 + config.effect_ratio_min).ln();
        let may_be_low = excess_of_day < -LOW_DEVIATIONS * config.deviation_min;
        if windows.iter().all(|(_, excess, _)| *excess < smallest)
            && !may_be_low
            && self.open.is_none()
        {
            self.low_days = 0;
            return None;
        }

        self.strays.read({
            let from = day.saturating_sub(STRAY_LOOKBACK_DAYS);
            let past = self.excesses.first()?.get(from..day)?.iter();
            let in_episode = self.in_episode.get(from..day)?.iter();
            let usual = past.zip(in_episode).rev().filter(|(e, inside)| e.is_finite() && !**inside);
            usual.map(|(excess, _)| *excess).take(STRAY_DAYS)
        });
        let scale = self.strays.of_day(|| self.levels.spread_around(&baseline))?;
        let past_variance = self.past_variance(day, config);
        let day_deviation = with_sampling(
            scale.deviation,
            past_variance,
            self.variances.get(day..=day).unwrap_or_default(),
        )
        .max(config.deviation_min);
        if self.open.is_some() {
            self.low_days = 0;
        } else {
            self.watch_low(day, excess_of_day < -LOW_DEVIATIONS * day_deviation);
        }

        let mut best: Option<Verdict> = None;
        for (index, (days, excess, window_baseline)) in windows.iter().enumerate() {
            if *excess < smallest {
                continue;
            }
            let window = *config.windows_days.get(index)?;
            let first = day.saturating_add(1).saturating_sub(window);
            let measured = self.excesses.get(index)?.get(..first)?.iter().rev().copied();
            let measured = measured.filter(|excess| excess.is_finite());
            let baseline = window_baseline.as_ref()?;
            let deviation =
                scale.of_window(*days, window, baseline, measured, &mut self.buffer, config);
            let now = self.variances.get(first..=day).unwrap_or_default();
            let deviation = with_sampling(deviation, past_variance, now).max(config.deviation_min);
            let mut score =
                excess / deviation / (1.0 + config.short_window_caution / to_float(window));
            if window > 1 && excess_of_day < config.last_day_share * excess {
                score /= 2.0;
            }
            if best.is_none_or(|best| score > best.score) {
                best = Some(Verdict {
                    window_days: window,
                    excess: *excess,
                    excess_of_day,
                    deviation,
                    score,
                });
            }
        }
        let best = best.filter(|verdict| verdict.score >= self.score_min);
        if self.open.is_some() {
            if !self.go_on(day, excess_of_day, day_deviation, best, config) {
                return None;
            }
            if best.is_some() {
                return best;
            }
            let of_days = self.last_days_of_episode(day, &baseline, known)?;
            let (days, excess) =
                if excess_of_day >= smallest { (1, excess_of_day) } else { of_days };
            let deviation = scale.of_window(
                days,
                days,
                &baseline,
                std::iter::empty(),
                &mut self.buffer,
                config,
            );
            let deviation = deviation.max(config.deviation_min);
            let score = excess / deviation;
            let verdict = Verdict { window_days: days, excess, excess_of_day, deviation, score };
            Some(verdict).filter(|verdict| verdict.excess >= smallest)
        } else {
            let verdict = best?;
            self.begin(day, verdict);
            Some(verdict)
        }
    }

    /// Yesterday's value is settled now; a usual day becomes part of baselines.
    fn settle(&mut self, day: usize, known: Known<'_>) {
        let Some(yesterday) = day.checked_sub(1) else { return };
        let (Some(settled), Some(judged), Some(adjusted)) = (
            self.settled.get(yesterday),
            self.judged.get(yesterday),
            self.adjusted.get_mut(yesterday),
        ) else {
            return;
        };
        if judged.is_finite() {
            *adjusted += settled - judged;
        }
        let is_usual = self.unusual.get(yesterday) == Some(&false)
            && known.holidays.get(yesterday) == Some(&false);
        if is_usual && adjusted.is_finite() {
            self.levels.push(yesterday, *adjusted);
        }
    }

    /// What the first of a month costs beyond other days, from earlier firsts.
    fn first_effect(&self) -> Option<f64> {
        let earlier = self.firsts.iter().rev().take(FIRSTS_MAX);
        let mut excesses: Vec<f64> = earlier.map(|(_, excess)| *excess).collect();
        if excesses.len() < 2 {
            return None;
        }
        median(&mut excesses).filter(|effect| effect.abs() > FIRST_EFFECT_MIN)
    }

    /// By window: its usable days, their mean excess (`-inf` when it cannot be judged), its baseline.
    fn windows(
        &mut self,
        day: usize,
        restart: usize,
        excess_of_day: f64,
        known: Known<'_>,
        config: &Config,
    ) -> Vec<(usize, f64, Option<Baseline>)> {
        let mut judged = Vec::with_capacity(config.windows_days.len());
        for (index, window) in config.windows_days.iter().enumerate() {
            judged.push((0, f64::NEG_INFINITY, None));
            let Some(first) = day.saturating_add(1).checked_sub(*window) else { continue };
            // A window that begins before a new level would be compared with the old one.
            let baseline = self.baselines.get(first).copied().flatten();
            let is_of_level = first >= restart && first >= self.accepted_from;
            let Some(baseline) = baseline.filter(|_| is_of_level) else { continue };
            let (mut sum, mut days, mut is_whole) = (0.0, 0_usize, true);
            if *window == 1 {
                (sum, days) = (excess_of_day, 1);
            } else {
                let values = self.adjusted.get(first..=day).unwrap_or_default().iter();
                let holidays = known.holidays.get(first..=day).unwrap_or_default().iter();
                let inside = self.in_episode.get(first..=day).unwrap_or_default().iter();
                for (at, ((value, holiday), inside)) in
                    (first..).zip(values.zip(holidays).zip(inside))
                {
                    if *inside {
                        is_whole = false;
                    } else if !*holiday && value.is_finite() {
                        sum += value - baseline.expected(at);
                        days = days.saturating_add(1);
                    }
                }
            }
            if days.saturating_mul(2) < *window {
                continue;
            }
            let excess = sum / to_float(days);
            if is_whole
                && let Some(slot) =
                    self.excesses.get_mut(index).and_then(|of_window| of_window.get_mut(day))
            {
                *slot = excess;
            }
            if let Some(slot) = judged.last_mut() {
                *slot = (days, excess, Some(baseline));
            }
        }
        judged
    }

    /// The usual sampling variance of a day.
    fn past_variance(&mut self, day: usize, config: &Config) -> Option<f64> {
        let from = day.saturating_sub(config.baseline_days);
        let past = self.variances.get(from..day).filter(|past| !past.is_empty())?;
        self.buffer.clear();
        self.buffer.extend(past);
        median(&mut self.buffer)
    }

    /// Unusually low days are no part of baselines, until they have become usual.
    fn watch_low(&mut self, day: usize, is_low: bool) {
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

    fn begin(&mut self, day: usize, verdict: Verdict) {
        let since = day.saturating_add(1).saturating_sub(verdict.window_days);
        for inside in self.in_episode.get_mut(since..=day).into_iter().flatten() {
            *inside = true;
        }
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
    fn doubt(&mut self) {
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
    fn go_on(
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
        self.leave_out(since, day);
        true
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
