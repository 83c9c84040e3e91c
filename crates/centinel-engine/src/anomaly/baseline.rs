//! What a metric usually is: a level, a shape by weekday, a trend.

use super::Config;

/// A baseline with fewer days since a restart borrows the weekday shape from before it: five a weekday.
const OWN_SHAPE_DAYS: usize = 35;
/// Fewest days from before a restart whose weekday shape is worth borrowing.
const BORROWED_SHAPE_DAYS: usize = 7;
/// A baseline shorter than this has no trend.
const TREND_DAYS: usize = 28;
/// The trend is estimated anew this often.
const TREND_EVERY_DAYS: usize = 7;
/// Share that trimmed means leave out at each end: a mean that a quarter of wild days does not move,
/// and that wastes less of the others than a median.
const TRIMMED_SHARE: f64 = 0.25;
/// A weekday with fewer days than this is their median.
const TRIMMED_DAYS_MIN: usize = 4;
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
    /// Days of the level that holds at its end.
    pub(super) own_days: usize,
}

impl Baseline {
    /// The logarithm that is expected on a day.
    pub(super) fn expected(&self, day: usize) -> f64 {
        let ahead = to_float(day) - to_float(self.end);
        self.level + self.slope * ahead + self.weekdays.get(weekday(day)).copied().unwrap_or(0.0)
    }
}

/// Usual days of a metric, in order, with what was computed from them: baselines of neighbouring days
/// share nearly all of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Levels {
    /// Day and logarithm.
    usual: Vec<(usize, f64)>,
    weekdays: [f64; 7],
    /// Days of `usual` that `weekdays` is of.
    covered: std::ops::Range<usize>,
    covered_restart: usize,
    stale: [bool; 7],
    slope: f64,
    /// The day that `slope` was estimated on, and the restart that held then.
    slope_of: Option<(usize, usize)>,
    buffer: Vec<f64>,
}

impl Levels {
    /// Adds a usual day, later than all before.
    pub(super) fn push(&mut self, day: usize, value: f64) {
        self.usual.push((day, value));
    }

    /// Leaves days out that turned out to be unusual.
    pub(super) fn leave_out(&mut self, is_unusual: impl Fn(usize) -> bool) {
        self.usual.retain(|(day, _)| !is_unusual(*day));
        self.forget();
    }

    /// Takes days in that had been left out.
    pub(super) fn take_back(&mut self, days: impl Iterator<Item = (usize, f64)>) {
        self.usual.extend(days);
        self.usual.sort_by_key(|(day, _)| *day);
        self.usual.dedup_by_key(|(day, _)| *day);
        self.forget();
    }

    fn forget(&mut self) {
        self.covered = 0..0;
        self.slope_of = None;
    }

    /// The baseline of the days before `end`, of which those from `restart` on are at its level;
    /// `None` when they are too few.
    pub(super) fn baseline(
        &mut self,
        end: usize,
        restart: usize,
        config: &Config,
    ) -> Option<Baseline> {
        let oldest = end.saturating_sub(config.lookback_days);
        let from = self
            .usual
            .len()
            .saturating_sub(config.baseline_days)
            .max(self.usual.partition_point(|(day, _)| *day < oldest));
        let all = self.usual.len().checked_sub(from)?;
        let own_from = self.usual.partition_point(|(day, _)| *day < restart).max(from);
        let own_days = self.usual.len().saturating_sub(own_from);
        let enough =
            if restart > oldest { config.restart_days_min } else { config.history_days_min };
        if all < config.history_days_min || own_days < enough {
            return None;
        }
        if own_from > from && own_days < OWN_SHAPE_DAYS {
            self.borrow_shape(from, own_from)?;
        } else {
            self.update_shape(own_from, restart);
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
        let (slope, weekdays) = (self.slope, self.weekdays);
        self.buffer.clear();
        self.buffer.extend(self.usual.get(level_from..)?.iter().map(|(day, value)| {
            let ahead = to_float(*day) - to_float(end);
            value - shape_of(&weekdays, *day) - slope * ahead
        }));
        let level = trimmed_mean(&mut self.buffer)?;
        Some(Baseline { end, level, slope, weekdays, own_days })
    }

    /// How far the usual days before a baseline's end stray around it. They made the baseline, so this
    /// is corrected for the eight numbers that were fitted.
    pub(super) fn spread_around(&mut self, baseline: &Baseline) -> Option<f64> {
        let from = self.usual.len().saturating_sub(baseline.own_days);
        self.buffer.clear();
        self.buffer.extend(
            self.usual
                .get(from..)?
                .iter()
                .map(|(day, value)| (value - baseline.expected(*day)).abs()),
        );
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
            for (day, _) in gone.iter().chain(new) {
                if let Some(stale) = self.stale.get_mut(weekday(*day)) {
                    *stale = true;
                }
            }
        } else {
            self.stale = [true; 7];
        }
        self.covered = from..until;
        self.covered_restart = restart;
        for weekday in 0..7 {
            if self.stale.get(weekday) == Some(&true) {
                self.weekdays = with(self.weekdays, weekday, self.level_of(weekday, from));
            }
        }
        self.stale = [false; 7];
        fill_gaps(&mut self.weekdays);
        // A weekday without days is filled from the others, so it is not known for good.
        let days = self.usual.get(from..).unwrap_or_default();
        if days.len() < OWN_SHAPE_DAYS {
            self.covered = 0..0;
        }
    }

    /// The level of a weekday, `NaN` without days.
    fn level_of(&mut self, of: usize, from: usize) -> f64 {
        self.buffer.clear();
        let days = self.usual.get(from..).unwrap_or_default();
        self.buffer
            .extend(days.iter().filter(|(day, _)| weekday(*day) == of).map(|(_, value)| value));
        let level = if self.buffer.len() < TRIMMED_DAYS_MIN {
            median(&mut self.buffer)
        } else {
            trimmed_mean(&mut self.buffer)
        };
        level.unwrap_or(f64::NAN)
    }

    /// Weekday shape soon after a restart: days from before it, moved to the new level, with the new.
    fn borrow_shape(&mut self, from: usize, own_from: usize) -> Option<()> {
        self.covered = 0..0;
        let old = self.usual.get(from..own_from)?.to_vec();
        let own = self.usual.get(own_from..)?.to_vec();
        let mut moved = Vec::with_capacity(old.len().saturating_add(own.len()));
        if old.len() >= BORROWED_SHAPE_DAYS {
            let shape = weekday_medians(&old);
            let level = |days: &[(usize, f64)]| {
                let flat = days.iter().map(|(day, value)| value - shape_of(&shape, *day));
                median(&mut flat.collect::<Vec<_>>())
            };
            let shift = level(&own)? - level(&old)?;
            moved.extend(old.iter().map(|(day, value)| (*day, value + shift)));
        }
        moved.extend(own);
        let levels = std::array::from_fn(|of| {
            let days = moved.iter().filter(|(day, _)| weekday(*day) == of);
            let mut values: Vec<f64> = days.map(|(_, value)| *value).collect();
            let level = if values.len() < TRIMMED_DAYS_MIN {
                median(&mut values)
            } else {
                trimmed_mean(&mut values)
            };
            level.unwrap_or(f64::NAN)
        });
        self.weekdays = levels;
        fill_gaps(&mut self.weekdays);
        Some(())
    }

    /// Slope a day between the trimmed means of two halves, shrunk as much as its error is large beside
    /// the usual growth of series.
    fn trend(&mut self, from: usize, growth_deviation: f64) -> Option<f64> {
        let weekdays = self.weekdays;
        let days = self.usual.get(from..)?;
        let (first, second) = days.split_at_checked(days.len().checked_div(2)?)?;
        let middle = |half: &[(usize, f64)], buffer: &mut Vec<f64>| -> Option<(f64, f64)> {
            let at = half.iter().map(|(day, _)| to_float(*day)).sum::<f64>() / to_float(half.len());
            buffer.clear();
            buffer.extend(half.iter().map(|(day, value)| value - shape_of(&weekdays, *day)));
            Some((at, trimmed_mean(buffer)?))
        };
        let (from_at, low) = middle(first, &mut self.buffer)?;
        let (to_at, high) = middle(second, &mut self.buffer)?;
        let span = to_at - from_at;
        self.buffer.clear();
        let stray = |level: f64| {
            move |(day, value): &(usize, f64)| (value - shape_of(&weekdays, *day) - level).abs()
        };
        self.buffer.extend(first.iter().map(stray(low)).chain(second.iter().map(stray(high))));
        let spread = super::scale::DEVIATION_PER_MAD * median(&mut self.buffer)?;
        let error = spread * (2.0 * MEAN_VARIANCE / to_float(first.len())).sqrt() / span;
        let (usual, error) = (growth_deviation * growth_deviation, error * error);
        Some((high - low) / span * usual / (usual + error))
    }
}

fn with(mut weekdays: [f64; 7], weekday: usize, level: f64) -> [f64; 7] {
    if let Some(slot) = weekdays.get_mut(weekday) {
        *slot = level;
    }
    weekdays
}

/// Medians by weekday, gaps filled.
fn weekday_medians(days: &[(usize, f64)]) -> [f64; 7] {
    let mut levels = std::array::from_fn(|of| {
        let days = days.iter().filter(|(day, _)| weekday(*day) == of);
        median(&mut days.map(|(_, value)| *value).collect::<Vec<_>>()).unwrap_or(f64::NAN)
    });
    fill_gaps(&mut levels);
    levels
}

/// A weekday without days is taken for the mean of the others.
fn fill_gaps(levels: &mut [f64; 7]) {
    let known = levels.iter().filter(|level| level.is_finite());
    let (sum, count) = known.fold((0.0, 0.0), |(sum, count), level| (sum + level, count + 1.0));
    if count < 7.0 {
        for level in levels.iter_mut().filter(|level| !level.is_finite()) {
            *level = if count > 0.0 { sum / count } else { 0.0 };
        }
    }
}

fn shape_of(shape: &[f64; 7], day: usize) -> f64 {
    shape.get(weekday(day)).copied().unwrap_or(0.0)
}

fn weekday(day: usize) -> usize {
    day.checked_rem(7).unwrap_or(0)
}

/// Mean without the smallest and the largest quarter; `None` of nothing. Sorts its input.
fn trimmed_mean(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let cut = trimmed(values.len());
    let kept = values.get(cut..values.len().checked_sub(cut)?)?;
    (!kept.is_empty()).then(|| kept.iter().sum::<f64>() / to_float(kept.len()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a quarter of a small count, rounded down"
)]
fn trimmed(count: usize) -> usize {
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
