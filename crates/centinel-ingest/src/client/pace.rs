//! The rate at which a source is asked, and the draw that keeps clients out of step.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};

/// One source's turn-taking.
#[derive(Debug)]
pub(super) struct Pace {
    pause: Duration,
    next: Mutex<Option<Instant>>,
    state: AtomicU64,
}

impl Pace {
    pub(super) fn new(seed: u64, pause: Duration) -> Self {
        Self { pause, next: Mutex::new(None), state: AtomicU64::new(seed) }
    }

    /// Waits until a request may go out: one at a time, a pause apart.
    pub(super) async fn wait_turn(&self) {
        let mut next = self.next.lock().await;
        if let Some(at) = *next {
            tokio::time::sleep_until(at).await;
        }
        *next = Some(Instant::now() + self.pause);
    }

    /// A duration between zero and `limit`, drawn.
    ///
    /// # Source
    ///
    /// SplitMix64 (Steele, Lea, Flood 2014, figure 17): good enough to spread waits, and seeded.
    pub(super) fn jitter(&self, limit: Duration) -> Duration {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = (bits ^ (bits >> 31)) >> 32;
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(
            u64::try_from((u128::from(nanos) * u128::from(share)) >> 32).unwrap_or(0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_go_out_a_pause_apart() {
        let pace = Pace::new(1, Duration::from_secs(2));
        let start = Instant::now();
        for _ in 0..4 {
            pace.wait_turn().await;
        }
        assert_eq!(start.elapsed(), Duration::from_secs(6));
    }
}
