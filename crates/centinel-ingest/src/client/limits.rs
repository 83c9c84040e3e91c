//! How long and how often a source is asked.

use std::time::Duration;

use super::pace::Pace;

/// The bounds of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tries of one question.
    pub tries: u32,
    /// Time of one request, its body included.
    pub request: Duration,
    /// Time of a download, which may be large; each part of it has the time of a request.
    pub download: Duration,
    /// Wait before the second try; it doubles from there.
    pub first_wait: Duration,
    /// Longest wait, also of one that is asked for: past that, the next sync asks again.
    pub longest_wait: Duration,
    /// Pause between two requests to the source.
    pub pause: Duration,
    /// Bytes of one body.
    pub body_bytes: usize,
    /// Pages of one list.
    pub pages: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tries: 6,
            request: Duration::from_mins(1),
            download: Duration::from_mins(20),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(90),
            pause: Duration::from_millis(200),
            body_bytes: 64 << 20,
            pages: 10_000,
        }
    }
}

impl Limits {
    /// The wait after so many tries: it doubles, half of it is drawn.
    pub(super) fn wait_after(&self, tries: u32, pace: &Pace) -> Duration {
        let whole = self.first_wait.saturating_mul(1 << (tries - 1).min(16)).min(self.longest_wait);
        whole / 2 + pace.jitter(whole / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_are_drawn() {
        let limits = Limits::default();
        let waits = |seed| {
            let pace = Pace::new(seed, Duration::ZERO);
            (1..=10).map(|tries| limits.wait_after(tries, &pace)).collect::<Vec<_>>()
        };
        for (index, wait) in waits(7).into_iter().enumerate() {
            let whole = Duration::from_millis(500 << index).min(limits.longest_wait);
            assert!(wait >= whole / 2 && wait <= whole, "try {index}: {wait:?}");
        }
        assert_ne!(waits(7), waits(8));
        assert_eq!(waits(7), waits(7));
    }
}
