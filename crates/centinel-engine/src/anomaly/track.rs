//! One metric of a series, judged day after day: an alarm opens when a window stands out, stays while
//! the excess does, and ends with it.

mod ongoing;

use ongoing::Open;

use super::{
    Config,
    baseline::{Baseline, Levels, median, to_float},
    prior::Prior,
    scale::{Span, Strays, least_measured, with_sampling},
};

/// Most earlier firsts of a month that tell what a first costs.
const FIRSTS_MAX: usize = 4;
/// A smaller effect of the first of a month is taken for noise (logarithm, about 16 %).
const FIRST_EFFECT_MIN: f64 = 0.15;
/// Judged days behind the usual deviation of a day, and how far back they are looked for.
const STRAY_DAYS: usize = 56;
const STRAY_LOOKBACK_DAYS: usize = 84;
/// A day lower than this many deviations is no part of the baseline.
const LOW_DEVIATIONS: f64 = 5.0;
/// How much more a series has to stand out while it is only known from its siblings.
const YOUNG_CAUTION: f64 = 1.25;
/// What is computed twice in different ways may differ by this factor.
const SLIGHTLY_MORE: f64 = 1.000_001;

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

/// A window that ends with the day judged.
#[derive(Debug, Clone, Copy)]
struct Window {
    /// Its place in [`Config::windows_days`].
    index: usize,
    first: usize,
    span: Span,
    /// Mean excess of its days.
    excess: f64,
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
    /// The score that the day judged needs.
    score_needed: f64,
    /// What siblings say.
    prior: Option<Prior>,
    levels: Levels,
    baselines: Vec<Option<Baseline>>,
    /// By day: the sum of `adjusted` before it; days without a value are passed over.
    sums: Vec<f64>,
    /// From this day on every day has a value, and is neither a holiday nor in an episode.
    plain_from: usize,
    /// By window and day: mean excess; `NaN` where not judged or in an episode.
    excesses: Vec<Vec<f64>>,
    /// Of the day judged.
    windows: Vec<Window>,
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
    /// By window.
    least_measured: Vec<f64>,
    /// The usual sampling variance of a day, once known for the day judged.
    past_variance: Option<f64>,
    buffer: Vec<f64>,
}

impl Track {
    /// `judged` are the settled values but for what was not visible yet.
    pub(super) fn new(
        settled: Vec<f64>,
        judged: Vec<f64>,
        variances: Vec<f64>,
        score_min: f64,
        prior: Option<Prior>,
        config: &Config,
    ) -> Self {
        let days = settled.len();
        Self {
            adjusted: judged.clone(),
            settled,
            judged,
            variances,
            score_min,
            score_needed: score_min,
            prior,
            levels: Levels::default(),
            baselines: Vec::with_capacity(days),
            sums: vec![0.0],
            plain_from: 0,
            excesses: vec![vec![f64::NAN; days]; config.windows_days.len()],
            windows: Vec::with_capacity(config.windows_days.len()),
            firsts: Vec::new(),
            in_episode: vec![false; days],
            unusual: vec![false; days],
            low_days: 0,
            accepted: 0,
            accepted_from: 0,
            open: None,
            strays: Strays::default(),
            least_measured: config.windows_days.iter().map(|days| least_measured(*days)).collect(),
            past_variance: None,
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
        let is_holiday = known.holidays.get(day) == Some(&true);
        if is_holiday || !self.judged.get(day)?.is_finite() {
            self.plain_from = day.saturating_add(1);
        }
        if restart == day {
            self.open = None;
        }
        let restart = restart.max(self.accepted);
        let baseline = self.levels.baseline(day, restart, self.prior.as_ref(), config);
        self.baselines.push(baseline);
        let baseline = baseline?;
        if is_holiday {
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
        let caution = if baseline.is_young { YOUNG_CAUTION } else { 1.0 };
        self.score_needed = self.score_min * caution;
        self.look_at_windows(day, restart, excess_of_day, known, config);
        let smallest = (1.0 + config.effect_ratio_min).ln();
        let may_be_low = excess_of_day < -LOW_DEVIATIONS * config.deviation_min;
        if self.windows.iter().all(|window| window.excess < smallest)
            && !may_be_low
            && self.open.is_none()
        {
            self.low_days = 0;
            return None;
        }

        self.read_strays(day)?;
        if self.open.is_none() && self.is_usual(excess_of_day, config) {
            self.low_days = 0;
            return None;
        }
        let (levels, prior) = (&mut self.levels, self.prior);
        let deviation = self.strays.of_day(|| {
            let own = levels.spread_around(&baseline)?;
            // The level of few days is not known well.
            let few = (1.0 + 1.0 / to_float(baseline.own_days)).sqrt();
            Some(prior.map_or(own, |prior| own.max(few * prior.deviation)))
        })?;
        self.past_variance = None;
        let mut day_deviation = f64::NAN;
        if self.open.is_some() || excess_of_day < -LOW_DEVIATIONS * deviation {
            day_deviation = self.with_sampling(deviation, day, day, config);
        }
        if self.open.is_some() {
            self.low_days = 0;
        } else {
            self.watch_low(day, excess_of_day < -LOW_DEVIATIONS * day_deviation);
        }
        let best = self.best_of_windows(day, excess_of_day, config);
        if self.open.is_none() {
            let verdict = best?;
            self.begin(day, verdict);
            return Some(verdict);
        }
        if !self.go_on(day, excess_of_day, day_deviation, best, config) {
            return None;
        }
        best.or_else(|| self.of_ongoing(day, excess_of_day, &baseline, known, config))
    }

    /// The window that stands out most, of those that stand out enough.
    fn best_of_windows(
        &mut self,
        day: usize,
        excess_of_day: f64,
        config: &Config,
    ) -> Option<Verdict> {
        let smallest = (1.0 + config.effect_ratio_min).ln();
        let mut best: Option<Verdict> = None;
        for at in 0..self.windows.len() {
            let window = *self.windows.get(at)?;
            let Window { index, first, span, excess } = window;
            if excess < smallest {
                continue;
            }
            let measured = self.excesses.get(index)?.get(..first)?.iter().rev().copied();
            let measured = measured.filter(|excess| excess.is_finite());
            let enough = self.enough(&window, excess_of_day, config);
            let Some(deviation) = self.strays.of_window(span, measured, enough, config) else {
                continue;
            };
            let deviation = self.with_sampling(deviation, first, day, config);
            let score = excess / deviation / caution(&window, excess_of_day, config);
            if best.is_none_or(|best| score > best.score) {
                let window_days = span.window_days;
                best = Some(Verdict { window_days, excess, excess_of_day, deviation, score });
            }
        }
        best.filter(|verdict| verdict.score >= self.score_needed)
    }

    /// How the last judged usual days strayed.
    fn read_strays(&mut self, day: usize) -> Option<()> {
        let from = day.saturating_sub(STRAY_LOOKBACK_DAYS);
        let past = self.excesses.first()?.get(from..day)?.iter();
        let in_episode = self.in_episode.get(from..day)?.iter();
        let usual = past.zip(in_episode).rev().filter(|(e, inside)| e.is_finite() && !**inside);
        self.strays.read(usual.map(|(excess, _)| *excess).take(STRAY_DAYS));
        Some(())
    }

    /// Whether days certainly stray so much that no window stands out, and the day is not low.
    fn is_usual(&self, excess_of_day: f64, config: &Config) -> bool {
        let windows = self.windows.iter();
        let limits = windows.map(|w| self.enough(w, excess_of_day, config) / w.span.least(config));
        self.strays.is_above(limits.fold(-excess_of_day / LOW_DEVIATIONS, f64::max))
    }

    /// The largest deviation of a window that still makes it stand out.
    fn enough(&self, window: &Window, excess_of_day: f64, config: &Config) -> f64 {
        window.excess / caution(window, excess_of_day, config) / self.score_needed * SLIGHTLY_MORE
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
        let before = self.sums.last().copied().unwrap_or(0.0);
        self.sums.push(if adjusted.is_finite() { before + *adjusted } else { before });
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

    /// Looks at the windows that end with the day: those that can be judged are kept in `windows`.
    fn look_at_windows(
        &mut self,
        day: usize,
        restart: usize,
        excess_of_day: f64,
        known: Known<'_>,
        config: &Config,
    ) {
        self.windows.clear();
        for (index, window) in config.windows_days.iter().enumerate() {
            let Some(first) = day.saturating_add(1).checked_sub(*window) else { continue };
            // A window that begins before a new level would be compared with the old one.
            if first < restart || first < self.accepted_from {
                continue;
            }
            let Some(Some(baseline)) = self.baselines.get(first) else { continue };
            let (sum, days, is_whole) = if *window == 1 {
                (excess_of_day, 1, true)
            } else if first >= self.plain_from {
                (self.sum_of_plain(first, day) - baseline.sum(first, *window), *window, true)
            } else {
                self.sum_of_excesses(first, day, baseline, known)
            };
            if days.saturating_mul(2) < *window {
                continue;
            }
            let excess = sum / to_float(days);
            let least_measured = self.least_measured.get(index).copied().unwrap_or(0.0);
            let own_days = baseline.own_days;
            let span = Span { window_days: *window, days, own_days, least_measured };
            if is_whole
                && let Some(slot) =
                    self.excesses.get_mut(index).and_then(|of_window| of_window.get_mut(day))
            {
                *slot = excess;
            }
            self.windows.push(Window { index, first, span, excess });
        }
    }

    /// The sum of the days from `first` to `day`, of which none is left out.
    fn sum_of_plain(&self, first: usize, day: usize) -> f64 {
        let until = |day: usize| self.sums.get(day).copied().unwrap_or(f64::NAN);
        until(day) - until(first) + self.adjusted.get(day).copied().unwrap_or(f64::NAN)
    }

    /// The excesses of the days from `first` to `day`: their sum, their number, and whether no day was
    /// left out because it is part of an episode.
    fn sum_of_excesses(
        &self,
        first: usize,
        day: usize,
        baseline: &Baseline,
        known: Known<'_>,
    ) -> (f64, usize, bool) {
        let values = self.adjusted.get(first..=day).unwrap_or_default().iter();
        let holidays = known.holidays.get(first..=day).unwrap_or_default().iter();
        let inside = self.in_episode.get(first..=day).unwrap_or_default().iter();
        let (mut sum, mut days, mut is_whole) = (0.0, 0_usize, true);
        for (at, ((value, holiday), inside)) in (first..).zip(values.zip(holidays).zip(inside)) {
            if *inside {
                is_whole = false;
            } else if !*holiday && value.is_finite() {
                sum += value - baseline.expected(at);
                days = days.saturating_add(1);
            }
        }
        (sum, days, is_whole)
    }

    /// A deviation with the sampling error of the days from `first` to `day`.
    fn with_sampling(&mut self, deviation: f64, first: usize, day: usize, config: &Config) -> f64 {
        let now = self.variances.get(first..=day).unwrap_or_default();
        if now.is_empty() {
            return deviation.max(config.deviation_min);
        }
        let past = self.past_variance.or_else(|| {
            let from = day.saturating_sub(config.baseline_days);
            self.buffer.clear();
            self.buffer.extend(self.variances.get(from..day)?);
            median(&mut self.buffer)
        });
        self.past_variance = past;
        with_sampling(deviation, past, now).max(config.deviation_min)
    }
}

/// Short windows are judged with more caution, and those whose last day has little of the excess.
fn caution(window: &Window, excess_of_day: f64, config: &Config) -> f64 {
    let caution = 1.0 + config.short_window_caution / to_float(window.span.window_days);
    let is_past =
        window.span.window_days > 1 && excess_of_day < config.last_day_share * window.excess;
    if is_past { caution * 2.0 } else { caution }
}
