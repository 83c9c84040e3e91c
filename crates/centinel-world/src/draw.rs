//! Seeded draws. Every entity, day, output and call has a stream of its own, so that adding one
//! feature, or switching one planted event off, leaves every other draw as it was.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use sha2::{Digest as _, Sha256};

/// Where a stream starts: a path of labels below the world's seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed([u8; 32]);

/// The draws below one seed.
#[derive(Debug)]
pub(crate) struct Stream(Pcg64);

impl Seed {
    /// The seed of a whole world.
    pub(crate) fn root(seed: u64) -> Self {
        Self(Sha256::digest(seed.to_le_bytes()).into())
    }

    /// The seed of a part, independent of its siblings.
    pub(crate) fn child(&self, label: &str, index: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(label.as_bytes());
        hash.update(index.to_le_bytes());
        Self(hash.finalize().into())
    }

    /// The draws below this seed, from their beginning.
    pub(crate) fn stream(&self) -> Stream {
        Stream(Pcg64::from_seed(self.0))
    }
}

impl Stream {
    /// A number in 0..1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    /// True with a probability of `share`.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.uniform() < share
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.random()
    }

    /// A standard normal number (Box and Muller 1958, the cosine half).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// A log-normal number with this median.
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// A whole count with this mean: Poisson (Knuth) below 30, its normal limit above.
    pub(crate) fn count(&mut self, mean: f64) -> u64 {
        if mean >= 30.0 {
            return whole((mean + mean.sqrt() * self.normal()).round());
        }
        let limit = (-mean).exp();
        let mut product = self.uniform();
        let mut count = 0;
        while product > limit {
            product *= self.uniform();
            count += 1;
        }
        count
    }
}

/// The whole part of a number; 0 below zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float-to-integer cast saturates, which is what a generated size should do"
)]
pub(crate) fn whole(value: f64) -> u64 {
    value as u64
}

/// The nearest float to a count, for sizes and ratios.
#[expect(clippy::cast_precision_loss, reason = "counts here stay far below 2^53")]
pub(crate) fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let seed = Seed::root(7);
        let draw = |seed: Seed| seed.stream().bits();
        assert_eq!(draw(seed.child("feature", 1)), draw(Seed::root(7).child("feature", 1)));
        assert_ne!(draw(seed.child("feature", 1)), draw(seed.child("feature", 2)));
        assert_ne!(draw(seed.child("feature", 1)), draw(Seed::root(8).child("feature", 1)));
    }

    #[test]
    fn moments_are_those_asked_for() {
        let mut stream = Seed::root(1).stream();
        let draws = 20_000;
        for mean in [0.4, 3.0, 120.0] {
            let sum: u64 = (0..draws).map(|_| stream.count(mean)).sum();
            let ratio = float(sum) / float(draws) / mean;
            assert!((ratio - 1.0).abs() < 0.03, "{mean}: {ratio}");
        }
        let below = (0..draws).filter(|_| stream.log_normal(50.0, 0.8) < 50.0).count();
        assert!((9_600..10_400).contains(&below), "{below}");
    }
}
