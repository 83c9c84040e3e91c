//! The shape of a week: what each weekday differs by.

use super::{
    baseline::{median, to_float},
    ranked::Ranked,
    scale::DEVIATION_PER_MAD,
};

/// A weekday with fewer days than this is their median.
const TRIMMED_DAYS_MIN: usize = 4;
/// Variance of the level of a weekday over that of a mean of as many days.
const LEVEL_VARIANCE: f64 = 1.25;

/// A usual day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usual {
    pub(super) day: usize,
    /// The day as a number to compute with.
    pub(super) at: f64,
    /// The day modulo 7.
    pub(super) weekday: usize,
    /// Its logarithm.
    pub(super) value: f64,
}

impl Usual {
    pub(super) fn new(day: usize, value: f64) -> Self {
        Self { day, at: to_float(day), weekday: weekday(day), value }
    }

    /// What is left without the shape of the week.
    pub(super) fn without(&self, shape: &[f64; 7]) -> f64 {
        self.value - shape.get(self.weekday).copied().unwrap_or(0.0)
    }
}

/// The days before a restart.
#[derive(Debug, Clone, Copy)]
pub(super) struct BeforeRestart {
    pub(super) restart: usize,
    /// Medians by weekday.
    pub(super) shape: [f64; 7],
    /// Median of what is left without shape.
    pub(super) level: f64,
}

impl BeforeRestart {
    pub(super) fn of(days: &[Usual], restart: usize) -> Option<Self> {
        let mut shape = std::array::from_fn(|of| {
            let days = days.iter().filter(|usual| usual.weekday == of);
            let mut values: Vec<f64> = days.map(|usual| usual.value).collect();
            median(&mut values).unwrap_or(f64::NAN)
        });
        fill_gaps(&mut shape);
        let flat = days.iter().map(|usual| usual.without(&shape));
        let level = median(&mut flat.collect::<Vec<_>>())?;
        Some(Self { restart, shape, level })
    }
}

/// The usual days of one weekday.
#[derive(Debug, Clone, Default)]
pub(super) struct Weekday {
    pub(super) days: Vec<Usual>,
    pub(super) ranked: Ranked,
}

impl Weekday {
    /// The level of the days from `first` on; those before `restart` are moved by `shift`. `NaN` without
    /// days.
    pub(super) fn level_from(&mut self, first: usize, restart: usize, shift: f64) -> f64 {
        let from = self.days.partition_point(|usual| usual.day < first);
        let days = self.days.get(from..).unwrap_or_default();
        let moved = |usual: &Usual| usual.value + if usual.day < restart { shift } else { 0.0 };
        let level = if days.len() < TRIMMED_DAYS_MIN {
            median(&mut days.iter().map(moved).collect::<Vec<_>>())
        } else {
            self.ranked.level(days, moved)
        };
        level.unwrap_or(f64::NAN)
    }
}

/// A weekday without days is taken for the mean of the others.
pub(super) fn fill_gaps(levels: &mut [f64; 7]) {
    let known = levels.iter().filter(|level| level.is_finite());
    let (sum, count) = known.fold((0.0, 0.0), |(sum, count), level| (sum + level, count + 1.0));
    if count < 7.0 {
        for level in levels.iter_mut().filter(|level| !level.is_finite()) {
            *level = if count > 0.0 { sum / count } else { 0.0 };
        }
    }
}

/// Draws levels by weekday that few days are behind towards a usual shape, as far as what they differ by
/// is no more than noise makes of such days (empirical Bayes). `days` are the days behind them.
pub(super) fn shrink(levels: &mut [f64; 7], days: &[Usual], usual: &[f64; 7]) {
    // Pairs a week apart; days that were left out break some of them.
    let weeks = days.iter().zip(days.iter().skip(7));
    let weeks = weeks.filter(|(day, later)| later.day.saturating_sub(day.day) == 7);
    let mut weekly: Vec<f64> = weeks.map(|(day, later)| (later.value - day.value).abs()).collect();
    let Some(weekly) = median(&mut weekly) else { return };
    let variance = (DEVIATION_PER_MAD * weekly).powi(2) / 2.0;
    let noise = LEVEL_VARIANCE * variance * 7.0 / to_float(days.len());
    let center = levels.iter().zip(usual).map(|(level, usual)| level - usual).sum::<f64>() / 7.0;
    let beside = |level: f64, usual: f64| level - usual - center;
    let between = levels.iter().zip(usual).map(|(l, u)| beside(*l, *u).powi(2)).sum::<f64>() / 6.0;
    let kept = if between > 0.0 { (1.0 - noise / between).max(0.0) } else { 0.0 };
    for (level, usual) in levels.iter_mut().zip(usual) {
        *level = center + usual + kept * beside(*level, *usual);
    }
}

/// A day modulo 7.
pub(super) fn weekday(day: usize) -> usize {
    day.checked_rem(7).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(count: usize, shape: [f64; 7], noise: f64) -> Vec<Usual> {
        let mut seed = 1_u64;
        (0..count)
            .map(|day| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let stray = f64::from(u32::try_from(seed >> 33).unwrap()) / f64::from(1_u32 << 31);
                Usual::new(day, 3.0 + shape[day % 7] + noise * (stray - 0.5))
            })
            .collect()
    }

    fn levels(days: &[Usual]) -> [f64; 7] {
        let mut all: [Weekday; 7] = std::array::from_fn(|_| Weekday::default());
        for day in days {
            all[day.weekday].days.push(*day);
        }
        all.map(|mut weekday| weekday.level_from(0, 0, 0.0))
    }

    fn distance(levels: &[f64; 7], shape: &[f64; 7]) -> f64 {
        levels.iter().zip(shape).map(|(level, of)| (level - 3.0 - of).abs()).sum()
    }

    #[test]
    fn noise_is_drawn_to_the_usual_shape_and_a_strong_shape_stays() {
        let flat = [0.0; 7];
        let noisy = days(21, flat, 0.4);
        let mut drawn = levels(&noisy);
        shrink(&mut drawn, &noisy, &flat);
        assert!(distance(&drawn, &flat) < 0.6 * distance(&levels(&noisy), &flat), "{drawn:?}");

        let weekly = [0.0, 0.0, 0.0, 0.0, 0.0, -1.5, -1.7];
        let strong = days(21, weekly, 0.1);
        let mut kept = levels(&strong);
        shrink(&mut kept, &strong, &flat);
        assert!(distance(&kept, &levels(&strong).map(|level| level - 3.0)) < 0.02, "{kept:?}");
    }
}
