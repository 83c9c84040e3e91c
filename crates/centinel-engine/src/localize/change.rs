//! What a leaf is, and the change that leaves have in common.

use super::{
    lattice::float,
    noise::{Losses, deviation},
};

/// Leaves of one cause may scatter around its change by this much beyond noise, as a deviation.
const CAUSE_SCATTER: f64 = 0.1;
/// Scores beyond this count as this in the screening.
const SCREENED_SCORE_MAX: f64 = 8.0;
/// The cause of a leaf that has none.
pub(super) const NO_CAUSE: u32 = u32::MAX;

/// A leaf with what explains it so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) deviation: f64,
    pub(super) scale: f64,
    pub(super) log_scale: f64,
    /// What it says at most for or against a cause, in nats.
    pub(super) nats_max: f64,
    /// The first cause that explains it.
    pub(super) cause: u32,
    /// Its change by all causes.
    pub(super) change: Change,
    /// Loss under that.
    pub(super) loss: f64,
    /// What remains of the deviation, in scales, cut off: as the sums have it.
    pub(super) screened: f64,
}

/// A change that leaves may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) effect: f64,
    /// Scatter of its leaves in scales of their noise.
    pub(super) scatter: f64,
    pub(super) log_scatter: f64,
}

impl Change {
    pub(super) const NONE: Self = Self { effect: 0.0, scatter: 1.0, log_scatter: 0.0 };

    pub(super) fn loss(self, leaf: &Leaf, losses: &Losses) -> f64 {
        let score = (leaf.deviation - self.effect) / (self.scatter * leaf.scale);
        losses.of(score) + leaf.log_scale + self.log_scatter
    }

    /// Both changes, one after the other.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            effect: deviation(ratio(self.effect) * ratio(other.effect), 1.0).unwrap_or(0.0),
            scatter: self.scatter.max(other.scatter),
            log_scatter: self.log_scatter.max(other.log_scatter),
        }
    }
}

/// Real over predicted.
pub(super) fn ratio(deviation: f64) -> f64 {
    if deviation > 0.0 { 1.0 / (1.0 - deviation).max(1e-9) } else { 1.0 + deviation }
}

impl Leaf {
    pub(super) fn settle(&mut self, cause: u32, change: Change, losses: &Losses) {
        self.cause = cause;
        self.change = change;
        self.loss = change.loss(self, losses);
        let score = (self.deviation - change.effect) / (self.scale * change.scatter.max(1.0));
        self.screened = score.clamp(-SCREENED_SCORE_MAX, SCREENED_SCORE_MAX);
    }
}

const BINS: usize = 160;
const BINS_PER_UNIT: f64 = 40.0;

/// The change that leaves have in common: their weighted median, made finer by the mean around it.
pub(super) fn common_change<'a, I: Iterator<Item = &'a Leaf>>(
    leaves: impl Fn() -> I,
) -> Option<Change> {
    let mut weights = [0.0_f64; BINS];
    let mut total = 0.0;
    for leaf in leaves() {
        let weight = 1.0 / (leaf.scale * leaf.scale);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the array"
        )]
        let bin = ((leaf.deviation + 2.0) * BINS_PER_UNIT).clamp(0.0, 159.0) as usize;
        if let Some(sum) = weights.get_mut(bin) {
            *sum += weight;
        }
        total += weight;
    }
    if total <= 0.0 {
        return None;
    }
    let mut below = 0.0;
    let bin = weights.iter().position(|weight| {
        below += weight;
        below >= total / 2.0
    })?;
    let mut effect = (float(bin) + 0.5) / BINS_PER_UNIT - 2.0;
    for _ in 0..2 {
        let (mut sum, mut weight) = (0.0, 0.0);
        for leaf in leaves() {
            let own = 1.0 / (leaf.scale * leaf.scale);
            if (leaf.deviation - effect).abs() < (2.5 * leaf.scale).max(CAUSE_SCATTER) {
                sum += own * leaf.deviation;
                weight += own;
            }
        }
        if weight > 0.0 {
            effect = sum / weight;
        }
    }
    let (mut squares, mut count, mut scale) = (0.0, 0.0, 0.0);
    for leaf in leaves() {
        let scatter = (leaf.deviation - effect).abs();
        if scatter * scatter < 9.0 * (leaf.scale * leaf.scale + CAUSE_SCATTER * CAUSE_SCATTER) {
            squares += (scatter / leaf.scale) * (scatter / leaf.scale);
            count += 1.0;
            scale += leaf.scale;
        }
    }
    // As if four leaves more had the scatter of noise.
    let scatter = ((squares + 4.0) / (count + 4.0)).sqrt();
    let most = if count > 0.0 { 1.0_f64.hypot(CAUSE_SCATTER * count / scale) } else { 1.0 };
    let scatter = scatter.clamp(0.25, most);
    Some(Change { effect, scatter, log_scatter: scatter.ln() })
}

/// Share of a normal distribution below `score`, which is not negative (Abramowitz and Stegun 26.2.18).
pub(super) fn normal_share(score: f64) -> f64 {
    let series =
        1.0 + score * (0.196_854 + score * (0.115_194 + score * (0.000_344 + score * 0.019_527)));
    1.0 - 0.5 / series.powi(4)
}

/// Whether most of these leaves (all but a fifth) have a cause already, so that a further one is about
/// them and not about those that are left.
pub(super) fn is_nested<'a>(leaves: impl Iterator<Item = &'a Leaf>) -> bool {
    let (mut free, mut all) = (0_usize, 0_usize);
    for leaf in leaves {
        all = all.saturating_add(1);
        free = free.saturating_add(usize::from(leaf.cause == NO_CAUSE));
    }
    free.saturating_mul(5) < all
}
