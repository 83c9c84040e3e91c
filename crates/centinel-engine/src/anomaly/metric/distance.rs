//! What may be odd about a value, each as a distance of zero or more.

use std::collections::VecDeque;

use super::surprise::Ranked;

const DAY_SECONDS: u32 = 86_400;

/// Distance to the nearest value seen before.
#[derive(Debug, Clone)]
pub(super) struct Novelty {
    delay_rows: usize,
    /// Too recent to compare with, oldest first.
    recent: VecDeque<f64>,
    known: Ranked,
    rows: usize,
}

impl Novelty {
    pub(super) fn new(delay_rows: usize, rows_max: usize) -> Self {
        Self { delay_rows, recent: VecDeque::new(), known: Ranked::new(rows_max), rows: 0 }
    }

    pub(super) fn of(&mut self, value: f64) -> Option<f64> {
        let delay = self.delay_rows.min(self.rows / 2);
        while self.recent.len() > delay {
            let Some(oldest) = self.recent.pop_front() else { break };
            self.known.push(oldest);
        }
        let distance = self.known.nearest(value);
        self.recent.push_back(value);
        self.rows = self.rows.saturating_add(1);
        distance
    }
}

/// Distance of the mean of the last rows from the long mean before them.
#[derive(Debug, Clone)]
pub(super) struct Shift {
    window: VecDeque<f64>,
    window_rows: usize,
    span_rows: usize,
    level: Mean,
}

impl Shift {
    pub(super) fn new(window_rows: usize, span_rows: usize) -> Self {
        Self { window: VecDeque::new(), window_rows, span_rows, level: Mean::default() }
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
    pub(super) fn of(&mut self, value: f64) -> Option<f64> {
        self.window.push_back(value);
        if self.window.len() > self.window_rows {
            let oldest = self.window.pop_front()?;
            self.level.add(oldest, 2.0 / (self.span_rows as f64 + 1.0));
        }
        if self.level.rows < self.window_rows as f64 {
            return None;
        }
        let rows = self.window.len() as f64;
        // From zero each time: a running sum would collect rounding.
        let mean: f64 = self.window.iter().map(|value| value / rows).sum();
        Some((mean - self.level.value).abs())
    }
}

/// Distance from the usual value of the slot of the day.
#[derive(Debug, Clone)]
pub(super) struct OutOfHours {
    slots: Vec<Mean>,
    weight: f64,
}

impl OutOfHours {
    pub(super) fn new(slots: u32, weight: f64) -> Self {
        let slots = usize::try_from(slots.clamp(1, DAY_SECONDS)).unwrap_or(1);
        Self { slots: vec![Mean::default(); slots], weight }
    }

    pub(super) fn of(&mut self, second_of_day: u32, value: f64) -> Option<f64> {
        let second = u64::from(second_of_day.min(DAY_SECONDS.saturating_sub(1)));
        let slots = u64::try_from(self.slots.len()).ok()?;
        let at = second.saturating_mul(slots).checked_div(u64::from(DAY_SECONDS))?;
        let slot = self.slots.get_mut(usize::try_from(at).ok()?)?;
        let distance = (slot.rows > 0.0).then(|| (value - slot.value).abs());
        slot.add(value, self.weight);
        distance
    }
}

/// A mean that forgets: of all values while they are few, exponentially weighted from then on.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    value: f64,
    rows: f64,
}

impl Mean {
    fn add(&mut self, value: f64, weight_min: f64) {
        self.rows += 1.0;
        self.value += (1.0 / self.rows).max(weight_min) * (value - self.value);
    }
}
