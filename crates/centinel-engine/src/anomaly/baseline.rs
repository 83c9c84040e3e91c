//! What a metric usually is: a level, a shape by weekday, a trend.

use super::{
    Config,
    prior::Prior,
    ranked::Ranked,
    shape::{BeforeRestart, Usual, Weekday, fill_gaps, shrink, weekday},
};

/// A baseline with fewer days since a restart borrows the weekday shape from before it: five a weekday.
const OWN_SHAPE_DAYS: usize = 35;
/// Fewest days from before a restart whose weekday shape is worth borrowing.
const BORROWED_SHAPE_DAYS: usize = 7;
/// With siblings to borrow from, a series is judged after so many usual days.
const YOUNG_DAYS_MIN: usize = 5;
/// A baseline shorter than this has no trend.
const TREND_DAYS: usize = 28;
/// The trend is estimated anew this often.
const TREND_EVERY_DAYS: usize = 7;
/// Share that trimmed means leave out at each end: a mean that a quarter of wild days does not move,
/// and that wastes less of the others than a median.
const TRIMMED_SHARE: f64 = 0.25;
/// Variance of a trimmed mean over that of a mean, of normal values (about 1.2 at a quarter), times how
/// much neighbouring days that resemble each other ((1 + 0.3) / (1 - 0.3)) add.
const MEAN_VARIANCE: f64 = 1.2 * 1.3 / 0.7;

/// What is usual from a day on, known from the days before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Baseline {
    /// The first day that is not part of it.
    pub(super) end: usize,
    level: f64,
    /// A day.
    slope: f64,
    /// By day modulo 7.
    weekdays: [f64; 7],
    /// Their sum.
    week: f64,
    /// Days of the level that holds at its end.
    pub(super) own_days: usize,
    /// Whether it rests on what siblings do.
    pub(super) is_young: bool,
}

impl Baseline {
    /// The logarithm that is expected on a day.
    pub(super) fn expected(&self, day: usize) -> f64 {
        let ahead = to_float(day) - to_float(self.end);
        self.level + self.slope * ahead + self.of_weekday(day)
    }

    /// The sum of [`Baseline::expected`] over so many days from a day on.
    pub(super) fn sum(&self, first: usize, days: usize) -> f64 {
        let count = to_float(days);
        let ahead = to_float(first) - to_float(self.end) + (count - 1.0) / 2.0;
        let weeks = to_float(days.checked_div(7).unwrap_or(0));
        let rest = days.checked_rem(7).unwrap_or(0);
        let of_rest = (first..first.saturating_add(rest)).map(|day| self.of_weekday(day));
        count * (self.level + self.slope * ahead) + weeks * self.week + of_rest.sum::<f64>()
    }

    fn of_weekday(&self, day: usize) -> f64 {
        self.weekdays.get(weekday(day)).copied().unwrap_or(0.0)
    }
}

/// Usual days of a metric, in order, with what was computed from them: baselines of neighbouring days
/// share nearly all of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Levels {
    usual: Vec<Usual>,
    /// The same by weekday.
    by_weekday: [Weekday; 7],
    /// The last of them, by what is left without shape and trend.
    last: Ranked,
    weekdays: [f64; 7],
    /// Levels by weekday of the days `covered`; `NaN` without days.
    of_weekdays: [f64; 7],
    /// Days of `usual` that `of_weekdays` is of.
    covered: std::ops::Range<usize>,
    covered_restart: usize,
    stale: [bool; 7],
    slope: f64,
    /// The day that `slope` was estimated on, and the restart that held then.
    slope_of: Option<(usize, usize)>,
    before_restart: Option<BeforeRestart>,
    buffer: Vec<f64>,
}

impl Levels {
    /// Adds a usual day, later than all before.
    pub(super) fn push(&mut self, day: usize, value: f64) {
        let usual = Usual::new(day, value);
        self.usual.push(usual);
        if let Some(weekday) = self.by_weekday.get_mut(usual.weekday) {
            weekday.days.push(usual);
        }
    }

    /// Leaves days out that turned out to be unusual.
    pub(super) fn leave_out(&mut self, is_unusual: impl Fn(usize) -> bool) {
        let before = self.usual.len();
        self.usual.retain(|usual| !is_unusual(usual.day));
        if self.usual.len() < before {
            self.forget();
        }
    }

    /// Takes days in that had been left out.
    pub(super) fn take_back(&mut self, days: impl Iterator<Item = (usize, f64)>) {
        self.usual.extend(days.map(|(day, value)| Usual::new(day, value)));
        self.usual.sort_by_key(|usual| usual.day);
        self.usual.dedup_by_key(|usual| usual.day);
        self.forget();
    }

    /// What was computed is of other days now.
    fn forget(&mut self) {
        self.covered = 0..0;
        self.slope_of = None;
        self.before_restart = None;
        self.last.forget();
        for (of, weekday) in self.by_weekday.iter_mut().enumerate() {
            weekday.ranked.forget();
            weekday.days.clear();
            weekday.days.extend(self.usual.iter().filter(|usual| usual.weekday == of));
        }
    }

    /// The baseline of the days before `end`, of which those from `restart` on are at its level;
    /// `None` when they are too few.
    pub(super) fn baseline(
        &mut self,
        end: usize,
        restart: usize,
        prior: Option<&Prior>,
        config: &Config,
    ) -> Option<Baseline> {
        let oldest = end.saturating_sub(config.lookback_days);
        let from = self
            .usual
            .len()
            .saturating_sub(config.baseline_days)
            .max(self.usual.partition_point(|usual| usual.day < oldest));
        let all = self.usual.len().checked_sub(from)?;
        let own_from = self.usual.partition_point(|usual| usual.day < restart).max(from);
        let own_days = self.usual.len().saturating_sub(own_from);
        let enough =
            if restart > oldest { config.restart_days_min } else { config.history_days_min };
        let is_young = all < config.history_days_min && own_from == from;
        if is_young
            && let Some(prior) = prior
            && own_days >= YOUNG_DAYS_MIN
        {
            // What days of so new a series differ by is known from its siblings.
            self.covered = 0..0;
            (self.slope, self.slope_of, self.weekdays) = (0.0, None, prior.shape);
        } else if all < config.history_days_min || own_days < enough {
            return None;
        } else if own_from > from && own_days < OWN_SHAPE_DAYS {
            self.borrow_shape(own_from, restart, config)?;
        } else {
            self.update_shape(own_from, restart);
            if own_days < OWN_SHAPE_DAYS {
                let usual = prior.map_or([0.0; 7], |prior| prior.shape);
                shrink(&mut self.weekdays, self.usual.get(own_from..)?, &usual);
            }
        }
        if own_days < TREND_DAYS {
            self.slope = 0.0;
            self.slope_of = None;
        } else if self
            .slope_of
            .is_none_or(|(day, of)| of != restart || end.saturating_sub(day) >= TREND_EVERY_DAYS)
        {
            self.slope = self.trend(own_from, config.growth_deviation)?;
            self.slope_of = Some((end, restart));
        }
        let level_from = self.usual.len().saturating_sub(config.level_days).max(own_from);
        let (slope, weekdays, at_end) = (self.slope, self.weekdays, to_float(end));
        let level = self.last.level(self.usual.get(level_from..)?, |usual| {
            usual.without(&weekdays) - slope * (usual.at - at_end)
        })?;
        let week = weekdays.iter().sum();
        Some(Baseline { end, level, slope, weekdays, week, own_days, is_young })
    }

    /// How far the usual days before a baseline's end stray around it. They made the baseline, so this
    /// is corrected for the eight numbers that were fitted.
    pub(super) fn spread_around(&mut self, baseline: &Baseline) -> Option<f64> {
        let from = self.usual.len().saturating_sub(baseline.own_days);
        self.buffer.clear();
        let own = self.usual.get(from..)?.iter();
        self.buffer.extend(own.map(|usual| (usual.value - baseline.expected(usual.day)).abs()));
        let days = to_float(self.buffer.len());
        let freedom = (days / (days - 8.0).max(2.0)).sqrt();
        Some(super::scale::DEVIATION_PER_MAD * median(&mut self.buffer)? * freedom)
    }

    /// Levels by weekday of the usual days from an index on; only weekdays whose days changed are
    /// computed.
    fn update_shape(&mut self, from: usize, restart: usize) {
        let until = self.usual.len();
        let known = self.covered.clone();
        let follows = known.start <= from && from < known.end && known.end <= until;
        if follows && self.covered_restart == restart {
            let gone = self.usual.get(known.start..from).unwrap_or_default();
            let new = self.usual.get(known.end..until).unwrap_or_default();
            for usual in gone.iter().chain(new) {
                if let Some(stale) = self.stale.get_mut(usual.weekday) {
                    *stale = true;
                }
            }
        } else {
            self.stale = [true; 7];
        }
        self.covered = from..until;
        self.covered_restart = restart;
        let first = self.usual.get(from).map_or(usize::MAX, |usual| usual.day);
        let of_weekdays = self.of_weekdays.iter_mut().zip(&mut self.by_weekday).zip(&self.stale);
        for ((level, weekday), _) in of_weekdays.filter(|(_, stale)| **stale) {
            *level = weekday.level_from(first, 0, 0.0);
        }
        self.stale = [false; 7];
        self.weekdays = self.of_weekdays;
        fill_gaps(&mut self.weekdays);
    }

    /// Weekday shape soon after a restart: days from before it, moved to the new level, with the new.
    fn borrow_shape(&mut self, own_from: usize, restart: usize, config: &Config) -> Option<()> {
        self.covered = 0..0;
        let oldest = restart.saturating_sub(config.lookback_days);
        let old_from = own_from
            .saturating_sub(config.baseline_days)
            .max(self.usual.partition_point(|usual| usual.day < oldest));
        let old = self.usual.get(old_from..own_from)?;
        let own = self.usual.get(own_from..)?;
        let (mut first, mut shift) = (own.first()?.day, 0.0);
        if old.len() >= BORROWED_SHAPE_DAYS {
            first = old.first()?.day;
            let known = self.before_restart.filter(|before| before.restart == restart);
            let before = known.or_else(|| BeforeRestart::of(old, restart))?;
            self.before_restart = Some(before);
            self.buffer.clear();
            self.buffer.extend(own.iter().map(|usual| usual.without(&before.shape)));
            shift = median(&mut self.buffer)? - before.level;
        }
        for (level, weekday) in self.weekdays.iter_mut().zip(&mut self.by_weekday) {
            *level = weekday.level_from(first, restart, shift);
        }
        fill_gaps(&mut self.weekdays);
        Some(())
    }

    /// Slope a day between the trimmed means of two halves, shrunk as much as its error is large beside
    /// the usual growth of series.
    fn trend(&mut self, from: usize, growth_deviation: f64) -> Option<f64> {
        let weekdays = self.weekdays;
        let days = self.usual.get(from..)?;
        let (first, second) = days.split_at_checked(days.len().checked_div(2)?)?;
        let middle = |half: &[Usual], buffer: &mut Vec<f64>| -> Option<(f64, f64)> {
            let days = half.iter().map(|usual| usual.at);
            let at = days.sum::<f64>() / to_float(half.len());
            buffer.clear();
            buffer.extend(half.iter().map(|usual| usual.without(&weekdays)));
            Some((at, trimmed_mean(buffer)?))
        };
        let (from_at, low) = middle(first, &mut self.buffer)?;
        let (to_at, high) = middle(second, &mut self.buffer)?;
        let span = to_at - from_at;
        self.buffer.clear();
        let stray = |level: f64| move |usual: &Usual| (usual.without(&weekdays) - level).abs();
        self.buffer.extend(first.iter().map(stray(low)).chain(second.iter().map(stray(high))));
        let spread = super::scale::DEVIATION_PER_MAD * median(&mut self.buffer)?;
        let error = spread * (2.0 * MEAN_VARIANCE / to_float(first.len())).sqrt() / span;
        let (usual, error) = (growth_deviation * growth_deviation, error * error);
        Some((high - low) / span * usual / (usual + error))
    }
}

/// Mean without the smallest and the largest quarter; `None` of nothing. Reorders its input.
fn trimmed_mean(values: &mut [f64]) -> Option<f64> {
    let cut = trimmed(values.len());
    let kept = values.len().checked_sub(cut.checked_mul(2)?)?;
    let values = match cut.checked_sub(1) {
        Some(last_cut) => {
            let (_, _, above) = values.select_nth_unstable_by(last_cut, f64::total_cmp);
            above.select_nth_unstable_by(kept, f64::total_cmp).0
        }
        None => values,
    };
    (kept > 0).then(|| values.iter().sum::<f64>() / to_float(kept))
}

/// How many of so many values a trimmed mean leaves out at each end.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a quarter of a small count, rounded down"
)]
pub(super) fn trimmed(count: usize) -> usize {
    (to_float(count) * TRIMMED_SHARE) as usize
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

#[expect(clippy::cast_precision_loss, reason = "numbers of days are small")]
pub(super) fn to_float(count: usize) -> f64 {
    count as f64
}
