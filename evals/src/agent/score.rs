//! Scores: counted shares, times, tokens, and what broke an invariant.

use std::{collections::BTreeMap, time::Duration};

/// What one model did in one suite.
#[derive(Debug, Clone, Default)]
pub(crate) struct Score {
    /// How often something was so, of how many, by what it is.
    shares: BTreeMap<&'static str, (usize, usize)>,
    /// How long each task took.
    times: Vec<Duration>,
    /// Tokens read and written by the model.
    tokens: [u64; 2],
    /// Cost of the model's calls as the product booked it, in US dollars; `None` where nothing is booked.
    cost: Option<f64>,
    /// Cases that went otherwise than they should, for whoever looks into them.
    pub(crate) misses: Vec<String>,
    /// Invariants that were broken, each with where.
    pub(crate) breaches: Vec<String>,
}

impl Score {
    /// Counts one case.
    pub(crate) fn count(&mut self, what: &'static str, is_so: bool) {
        self.add(what, usize::from(is_so), 1);
    }

    /// Counts one case that should be so, and keeps what was found where it is not.
    pub(crate) fn expect(
        &mut self,
        what: &'static str,
        is_so: bool,
        found: impl FnOnce() -> String,
    ) {
        self.count(what, is_so);
        if !is_so {
            self.misses.push(format!("{what}: {}", found()));
        }
    }

    /// Counts several.
    pub(crate) fn add(&mut self, what: &'static str, so: usize, all: usize) {
        let share = self.shares.entry(what).or_default();
        share.0 += so;
        share.1 += all;
    }

    /// Notes how long a task took.
    pub(crate) fn took(&mut self, time: Duration) {
        self.times.push(time);
    }

    /// Adds tokens of an answer.
    pub(crate) fn used(&mut self, tokens: [u64; 2]) {
        for (sum, more) in self.tokens.iter_mut().zip(tokens) {
            *sum += more;
        }
    }

    /// Adds what the product booked.
    pub(crate) fn booked(&mut self, cost: f64) {
        self.cost = Some(self.cost.unwrap_or(0.0) + cost);
    }

    /// Notes that an invariant is broken.
    pub(crate) fn breach(&mut self, what: String) {
        self.breaches.push(what);
    }

    /// Adds another home's score.
    pub(crate) fn merge(&mut self, other: Self) {
        for (what, (so, all)) in other.shares {
            self.add(what, so, all);
        }
        self.times.extend(other.times);
        self.used(other.tokens);
        if let Some(cost) = other.cost {
            self.booked(cost);
        }
        self.misses.extend(other.misses);
        self.breaches.extend(other.breaches);
    }

    /// How often, of how many.
    pub(crate) fn share(&self, what: &str) -> Option<(usize, usize)> {
        self.shares.get(what).copied().filter(|(_, all)| *all > 0)
    }

    /// What is counted, by name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.shares.keys().copied()
    }

    /// Tokens read and written.
    pub(crate) fn tokens(&self) -> [u64; 2] {
        self.tokens
    }

    /// What the product booked.
    pub(crate) fn cost(&self) -> Option<f64> {
        self.cost
    }

    /// Median and 95th percentile of the times, by nearest rank.
    pub(crate) fn latency(&self) -> Option<[Duration; 2]> {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at =
            |percent: usize| times.get((times.len() * percent).div_ceil(100).max(1) - 1).copied();
        Some([at(50)?, at(95)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_add_up() {
        let mut score = Score::default();
        score.count("told", true);
        score.count("told", false);
        score.took(Duration::from_millis(10));
        let mut other = Score::default();
        other.add("told", 1, 2);
        other.took(Duration::from_millis(30));
        other.used([5, 1]);
        other.breach("x".to_owned());
        score.merge(other);
        assert_eq!(score.share("told"), Some((2, 4)));
        assert_eq!((score.tokens(), score.breaches.len(), score.share("other")), ([5, 1], 1, None));
        assert_eq!(score.latency(), Some([Duration::from_millis(10), Duration::from_millis(30)]));
        assert_eq!(Score::default().latency(), None);
    }
}
