//! How far a metric usually strays from its baseline, by what it strayed when earlier days were judged.

use super::{
    Config,
    baseline::{Baseline, median, to_float},
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
/// Variance of the level over that of a mean of as many independent days.
const LEVEL_VARIANCE: f64 = 1.3;
/// How many windows of a series' own evidence the modelled deviation is worth.
const MODEL_WINDOWS: f64 = 10.0;
/// Least measured deviation of a window, as a share of the modelled one.
const MEASURED_SHARE_MIN: f64 = 0.3;
/// Judged days whose windows are measured.
const MEASURED_DAYS: usize = 90;

/// Excesses of earlier judged days over what was expected then, in order, without unusual ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Strays {
    excesses: Vec<f64>,
    buffer: Vec<f64>,
}

/// How one day strays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct DayScale {
    /// Usual deviation of a day.
    pub(super) deviation: f64,
    /// Correlation of neighbouring days.
    persistence: f64,
}

impl Strays {
    /// Takes the last judged usual days, latest first.
    pub(super) fn read(&mut self, latest_first: impl Iterator<Item = f64>) {
        self.excesses.clear();
        self.excesses.extend(latest_first);
    }

    /// The usual deviation of a day. `around` is how far the baseline's own days stray, asked for when
    /// few days were judged.
    pub(super) fn of_day(&mut self, around: impl FnOnce() -> Option<f64>) -> Option<DayScale> {
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
        Some(DayScale { deviation, persistence: self.persistence() })
    }

    /// Correlation of neighbours by the spread of their sums and differences (Gnanadesikan and Kettenring
    /// 1972), drawn towards the usual one.
    fn persistence(&mut self) -> f64 {
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
        ((days * own + worth * usual) / (days + worth)).clamp(0.0, 0.8)
    }
}

impl DayScale {
    /// The usual deviation of the mean of `days` days over a baseline. `measured` are excesses of such
    /// windows on earlier days, latest first.
    pub(super) fn of_window(
        self,
        days: usize,
        window: usize,
        baseline: &Baseline,
        measured: impl Iterator<Item = f64>,
        buffer: &mut Vec<f64>,
        config: &Config,
    ) -> f64 {
        if window == 1 {
            return self.deviation;
        }
        let repeated = (1.0 + self.persistence) / (1.0 - self.persistence);
        let of_level = |days: usize| LEVEL_VARIANCE / to_float(days.max(1));
        let level = of_level(config.level_days.min(baseline.own_days));
        // A day's deviation has the error of the level in it already.
        let modelled = self.deviation
            * (repeated * (1.0 / to_float(days.max(1)) + level)
                / (1.0 + of_level(config.level_days)))
            .sqrt();
        buffer.clear();
        buffer.extend(measured.take(MEASURED_DAYS).map(f64::abs));
        if buffer.len() < window {
            return modelled;
        }
        let windows = to_float(buffer.len()) / to_float(window);
        let Some(middle) = median(buffer) else { return modelled };
        let measured = (DEVIATION_PER_MAD * middle).max(MEASURED_SHARE_MIN * modelled);
        if measured <= 0.0 {
            return modelled;
        }
        let weighted = windows * measured.ln() + MODEL_WINDOWS * modelled.ln();
        (weighted / (windows + MODEL_WINDOWS)).exp()
    }
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
