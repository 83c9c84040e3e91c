//! How far a metric usually strays from its baseline, by what it strayed when earlier days were judged.

use super::{
    Config,
    baseline::{median, to_float},
};

/// Standard deviation of a normal distribution over its median absolute deviation: 1 / Φ⁻¹(3/4).
pub(super) const DEVIATION_PER_MAD: f64 = 1.482_602_218_505_602;
/// Standard deviation of a normal distribution over its 90th percentile of absolute values: 1 / Φ⁻¹(0.95).
/// Heavy tails are judged by it.
const DEVIATION_PER_NINTH_DECILE: f64 = 0.607_956_829_4;
/// From this many judged days on, tails can be told.
const TAIL_DAYS: usize = 14;
/// Fewer judged days than this tell nothing of themselves.
const JUDGED_DAYS_MIN: usize = 7;
/// From this many judged days on, how well the baseline fits its own days does not matter any more.
const JUDGED_DAYS_ENOUGH: usize = 28;
/// How much neighbouring days usually resemble each other (correlation), and how many days of a series'
/// own evidence that is worth.
const PERSISTENCE: (f64, f64) = (0.3, 30.0);
/// Days never resemble each other more than this.
const PERSISTENCE_MAX: f64 = 0.8;
/// Variance of the level over that of a mean of as many independent days.
const LEVEL_VARIANCE: f64 = 1.3;
/// How many windows of a series' own evidence the modelled deviation is worth.
const MODEL_WINDOWS: f64 = 10.0;
/// Least measured deviation of a window, as a share of the modelled one.
const MEASURED_SHARE_MIN: f64 = 0.3;
/// Judged days whose windows are measured.
const MEASURED_DAYS: usize = 90;

/// How one metric strays: the excesses of earlier judged days over what was expected then, without
/// unusual ones. What costs time is found when it is asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Strays {
    excesses: Vec<f64>,
    /// Usual deviation of a day.
    deviation: f64,
    /// Correlation of neighbouring days, once known.
    persistence: Option<f64>,
    buffer: Vec<f64>,
}

/// A window of days whose mean excess is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// Its length.
    pub(super) window_days: usize,
    /// How many of its days have a value.
    pub(super) days: usize,
    /// Days of the level that it is compared with.
    pub(super) own_days: usize,
    /// See [`least_measured`].
    pub(super) least_measured: f64,
}

impl Strays {
    /// Takes the last judged usual days, latest first.
    pub(super) fn read(&mut self, latest_first: impl Iterator<Item = f64>) {
        self.excesses.clear();
        self.excesses.extend(latest_first);
        self.persistence = None;
    }

    /// Whether the usual deviation of a day is certainly above a limit, without saying what it is.
    pub(super) fn is_above(&self, limit: f64) -> bool {
        let middle = limit / DEVIATION_PER_MAD;
        let above = self.excesses.iter().filter(|excess| excess.abs() > middle).count();
        let days = self.excesses.len();
        days >= JUDGED_DAYS_MIN && above > days.checked_div(2).unwrap_or(0)
    }

    /// The usual deviation of a day. `around` is how far the baseline's own days stray, asked for when
    /// few days were judged.
    pub(super) fn of_day(&mut self, around: impl FnOnce() -> Option<f64>) -> Option<f64> {
        let days = self.excesses.len();
        let mut deviation = 0.0_f64;
        if days >= JUDGED_DAYS_MIN {
            self.buffer.clear();
            self.buffer.extend(self.excesses.iter().map(|excess| excess.abs()));
            deviation = DEVIATION_PER_MAD * median(&mut self.buffer)?;
            if days >= TAIL_DAYS {
                let ninth = days.checked_mul(9)?.checked_div(10)?;
                let (_, decile, _) = self.buffer.select_nth_unstable_by(ninth, f64::total_cmp);
                deviation = deviation.max(DEVIATION_PER_NINTH_DECILE * *decile);
            }
        }
        if days < JUDGED_DAYS_ENOUGH {
            deviation = deviation.max(around()?);
        }
        self.deviation = deviation;
        Some(deviation)
    }

    /// Correlation of neighbours by the spread of their sums and differences (Gnanadesikan and Kettenring
    /// 1972), drawn towards the usual one.
    fn persistence(&mut self) -> f64 {
        if let Some(known) = self.persistence {
            return known;
        }
        let (usual, worth) = PERSISTENCE;
        let days = to_float(self.excesses.len());
        let mut spread = |combined: fn(f64, f64) -> f64| {
            self.buffer.clear();
            let pairs = self.excesses.iter().zip(self.excesses.iter().skip(1));
            self.buffer.extend(pairs.map(|(a, b)| combined(*a, *b).abs()));
            median(&mut self.buffer).map(|spread| spread * spread)
        };
        let own = match (spread(|a, b| a + b), spread(|a, b| a - b)) {
            (Some(sums), Some(differences)) if sums + differences > 0.0 => {
                (sums - differences) / (sums + differences)
            }
            _ => 0.0,
        };
        let persistence =
            ((days * own + worth * usual) / (days + worth)).clamp(0.0, PERSISTENCE_MAX);
        self.persistence = Some(persistence);
        persistence
    }

    /// The usual deviation of the mean of a window's days over a baseline; `None` when it is certainly
    /// above `enough`. `measured` are excesses of such windows on earlier days, latest first.
    pub(super) fn of_window(
        &mut self,
        span: Span,
        measured: impl Iterator<Item = f64>,
        enough: f64,
        config: &Config,
    ) -> Option<f64> {
        if span.window_days == 1 {
            return (self.deviation <= enough).then_some(self.deviation);
        }
        if self.deviation * span.least(config) > enough {
            return None;
        }
        let modelled = self.deviation * span.modelled(self.persistence(), config);
        self.buffer.clear();
        self.buffer.extend(measured.take(MEASURED_DAYS).map(f64::abs));
        if self.buffer.len() < span.window_days {
            return Some(modelled);
        }
        let windows = to_float(self.buffer.len()) / to_float(span.window_days);
        let Some(middle) = median(&mut self.buffer) else { return Some(modelled) };
        let measured = (DEVIATION_PER_MAD * middle).max(MEASURED_SHARE_MIN * modelled);
        if measured <= 0.0 {
            return Some(modelled);
        }
        let weighted = windows * measured.ln() + MODEL_WINDOWS * modelled.ln();
        Some((weighted / (windows + MODEL_WINDOWS)).exp())
    }
}

impl Span {
    /// What the deviation of the window would be over that of a day, were its days alike but for their
    /// persistence.
    fn modelled(self, persistence: f64, config: &Config) -> f64 {
        let repeated = (1.0 + persistence) / (1.0 - persistence);
        let of_level = |days: usize| LEVEL_VARIANCE / to_float(days.max(1));
        let level = of_level(config.level_days.min(self.own_days));
        // A day's deviation has the error of the level in it already.
        let variance = repeated * (1.0 / to_float(self.days.max(1)) + level);
        (variance / (1.0 + of_level(config.level_days))).sqrt()
    }

    /// The least that the deviation of the window may be over that of a day.
    pub(super) fn least(self, config: &Config) -> f64 {
        if self.window_days == 1 { 1.0 } else { self.modelled(0.0, config) * self.least_measured }
    }
}

/// The least share of its modelled deviation that measured windows leave of a window; a little less, as
/// it is computed another way.
pub(super) fn least_measured(window_days: usize) -> f64 {
    let windows = to_float(MEASURED_DAYS) / to_float(window_days.max(1));
    0.999 * MEASURED_SHARE_MIN.powf(windows / (windows + MODEL_WINDOWS))
}

/// Replaces the sampling error that the past had by that of a window, where this is larger.
pub(super) fn with_sampling(deviation: f64, past: Option<f64>, now: &[f64]) -> f64 {
    let Some(past) = past else { return deviation };
    if now.is_empty() {
        return deviation;
    }
    let size = to_float(now.len());
    let (past, now) = (past / size, now.iter().sum::<f64>() / (size * size));
    if now > past { ((deviation * deviation - past).max(0.0) + now).sqrt() } else { deviation }
}
