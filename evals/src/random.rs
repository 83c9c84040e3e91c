//! Seeded random numbers: streams that are named, so that leaving one draw out changes no other.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

/// A stream of random numbers, the same for the same keys on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    bits: Pcg64,
    /// The second number of the last pair of normal ones.
    spare: Option<f64>,
}

impl Random {
    /// The stream of a key, for example seed, series, day and purpose.
    pub(crate) fn new(keys: &[u64]) -> Self {
        let seed = keys.iter().fold(0x9e37_79b9_7f4a_7c15, |state, key| mixed(state ^ mixed(*key)));
        Self { bits: Pcg64::seed_from_u64(seed), spare: None }
    }

    /// From 0 (inclusive) to 1 (exclusive), in steps of 2^-53.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits.random::<u64>() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From `low` to `high`.
    pub(crate) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number from `low` (inclusive) to `high` (exclusive).
    pub(crate) fn whole(&mut self, low: usize, high: usize) -> usize {
        let size = high - low;
        low + ((self.unit() * size as f64) as usize).min(size - 1)
    }

    /// Normally distributed, by Marsaglia's polar method.
    pub(crate) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        if let Some(spare) = self.spare.take() {
            return mean + deviation * spare;
        }
        loop {
            let (x, y) = (self.uniform(-1.0, 1.0), self.uniform(-1.0, 1.0));
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(y * factor);
                return mean + deviation * x * factor;
            }
        }
    }

    /// Whose logarithm is normally distributed.
    pub(crate) fn lognormal(&mut self, mean: f64, deviation: f64) -> f64 {
        self.normal(mean, deviation).exp()
    }

    /// One of several, by weight.
    pub(crate) fn pick<'a, T>(&mut self, weighted: &'a [(T, f64)]) -> &'a T {
        let whole: f64 = weighted.iter().map(|(_, weight)| weight).sum();
        let mut left = self.unit() * whole;
        for (value, weight) in weighted {
            left -= weight;
            if left < 0.0 {
                return value;
            }
        }
        &weighted[weighted.len() - 1].0
    }

    /// One of several, equally likely.
    pub(crate) fn one_of<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        &values[self.whole(0, values.len())]
    }

    /// In random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            let other = self.whole(0, last + 1);
            values.swap(last, other);
        }
    }
}

/// The output function of SplitMix64: nearby keys give unrelated seeds.
fn mixed(key: u64) -> u64 {
    let mut bits = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_repeatable_and_unrelated() {
        let draw = |keys: &[u64]| Random::new(keys).unit();
        assert_eq!(draw(&[1, 2]).to_bits(), draw(&[1, 2]).to_bits());
        assert_ne!(draw(&[1, 2]).to_bits(), draw(&[2, 1]).to_bits());
        assert_ne!(draw(&[1]).to_bits(), draw(&[1, 0]).to_bits());
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut random = Random::new(&[7]);
        let count = 200_000;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let uniform: Vec<f64> = (0..count).map(|_| random.uniform(2.0, 4.0)).collect();
        assert!((mean(&uniform) - 3.0).abs() < 0.005);
        let normal: Vec<f64> = (0..count).map(|_| random.normal(1.0, 2.0)).collect();
        assert!((mean(&normal) - 1.0).abs() < 0.02);
        let squares: Vec<f64> = normal.iter().map(|value| (value - 1.0).powi(2)).collect();
        assert!((mean(&squares) - 4.0).abs() < 0.05);
        let whole: Vec<f64> = (0..count).map(|_| random.whole(3, 6) as f64).collect();
        assert!((mean(&whole) - 4.0).abs() < 0.01);
        let heavy = (0..count).filter(|_| *random.pick(&[(true, 0.2), (false, 0.8)])).count();
        assert!((heavy as f64 / count as f64 - 0.2).abs() < 0.005);
    }
}
