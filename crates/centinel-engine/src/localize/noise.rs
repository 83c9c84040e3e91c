//! How far a leaf usually strays from its prediction: relative deviation, scale by size, tail.

/// Degrees of freedom of the tails that are tried; the last is as good as normal.
const TAILS: [f64; 13] = [1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 12.0, 20.0, 50.0, 200.0];
/// Leaves a size class, so that a class has a scale of its own.
const CLASS_LEAVES: usize = 1000;
/// Most size classes.
const CLASSES_MAX: usize = 16;
/// Fewer leaves show no tail; it is then taken to be that of five degrees of freedom.
const TAIL_LEAVES_MIN: usize = 1000;
const FEW_LEAVES_TAIL: f64 = 5.0;
/// Tails of fewer degrees of freedom are heavy: leaves stray far more often than normal noise does.
const HEAVY_BELOW: f64 = 12.0;
/// Width of the shortest half of a normal distribution, in standard deviations: 2 Φ⁻¹(3/4).
const SHORTEST_HALF: f64 = 1.348_979_500_392_163_6;

/// Deviation of a leaf as a share of the larger of its two values: −1 where it vanished, +1 where it
/// is new, 0.5 where it doubled, and the same with the other sign when it halved. `None` where both
/// are zero, which says nothing.
///
/// A relative error of the prediction has the same size in it whichever of the two values carries it.
pub(super) fn deviation(real: f64, predict: f64) -> Option<f64> {
    let size = real.abs().max(predict.abs());
    let share = (real - predict) / size;
    share.is_finite().then_some(share)
}

/// What noise does to leaves.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    /// Largest size of each class but the last, with its scale.
    classes: Vec<(f64, f64)>,
    /// What half of the amount deviates by at most: the median class's densest half.
    pub(super) center: f64,
    /// Student's t.
    pub(super) tail: Tail,
    /// Whether it was seen that leaves stray far more often than normal noise lets them.
    pub(super) heavy: bool,
    /// By tenths of a scale.
    rarities: Vec<f64>,
}

/// Student's t distribution without its scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tail {
    freedom: f64,
    constant: f64,
}

impl Tail {
    fn new(freedom: f64) -> Self {
        Self {
            freedom,
            constant: log_gamma(freedom / 2.0) - log_gamma(freedom / 2.0 + 0.5)
                + 0.5 * (freedom * std::f64::consts::PI).ln(),
        }
    }

    /// Minus the logarithm of the density at `score` standard scales.
    pub(super) fn loss(self, score: f64) -> f64 {
        self.constant + (0.5 + self.freedom / 2.0) * (score * score / self.freedom).ln_1p()
    }
}

/// Losses of a tail, from a table: one is asked for some ten times a leaf.
#[derive(Debug, Clone)]
pub(super) struct Losses {
    tail: Tail,
    /// By sixteenths of a scale.
    table: Vec<f64>,
}

impl Losses {
    const STEPS: f64 = 16.0;

    pub(super) fn of_tail(tail: Tail) -> Self {
        let table = (0_u16..1024).map(|step| tail.loss(f64::from(step) / Self::STEPS)).collect();
        Self { tail, table }
    }

    /// As [`Tail::loss`], to a thousandth of a nat.
    pub(super) fn of(&self, score: f64) -> f64 {
        let position = score.abs() * Self::STEPS;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "beyond the table is asked for below"
        )]
        let step = position as usize;
        match self.table.get(step..step.saturating_add(2)) {
            Some([low, high]) => low + (high - low) * (position - position.floor()),
            _ => self.tail.loss(score),
        }
    }
}

impl Noise {
    /// Fits scale and tail to leaves of `(size, deviation)`.
    ///
    /// The scale of a class is that of its shortest half, which a cause of less than half of the leaves
    /// hardly moves, wherever it is; the tail is that of the largest likelihood.
    pub(super) fn fit(leaves: &mut [(f64, f64)], scale_min: f64) -> Self {
        leaves.sort_unstable_by(|left, right| {
            left.0.total_cmp(&right.0).then(left.1.total_cmp(&right.1))
        });
        let class_count = (leaves.len() / CLASS_LEAVES).clamp(1, CLASSES_MAX);
        let class_size = leaves.len().div_ceil(class_count).max(1);
        let mut values = Vec::with_capacity(class_size);
        let shapes: Vec<(f64, f64)> = leaves
            .chunks(class_size)
            .map(|class| {
                values.clear();
                values.extend(class.iter().map(|leaf| leaf.1));
                values.sort_unstable_by(f64::total_cmp);
                let (center, width) = shortest_half(&values);
                (center, (width / SHORTEST_HALF).max(scale_min))
            })
            .collect();
        let amounts = leaves.chunks(class_size).map(|class| class.iter().map(|leaf| leaf.0).sum());
        let center = weighted_median(shapes.iter().map(|shape| shape.0).zip(amounts).collect());
        let mut classes = Vec::with_capacity(class_count);
        let mut scores = Histogram::default();
        for (class, (own, width)) in leaves.chunks(class_size).zip(shapes) {
            // About zero; a class that leans elsewhere than the amount does strays by that, too: small
            // counts mostly vanish.
            let scale = width.hypot(own - center).hypot(center.clamp(-width, width));
            classes.push((class.last().map_or(0.0, |leaf| leaf.0), scale));
            for leaf in class {
                scores.add(leaf.1.abs() / scale);
            }
        }
        let seen = leaves.len() >= TAIL_LEAVES_MIN;
        let tail = if seen {
            TAILS
                .into_iter()
                .map(Tail::new)
                .map(|tail| (tail, scores.loss(tail)))
                .min_by(|left, right| left.1.total_cmp(&right.1))
                .map_or(Tail::new(FEW_LEAVES_TAIL), |(tail, _)| tail)
        } else {
            Tail::new(FEW_LEAVES_TAIL)
        };
        let heavy = seen && tail.freedom < HEAVY_BELOW;
        Self { classes, center, tail, heavy, rarities: scores.rarities() }
    }

    /// Nats by which leaves that stray at least this far are rare among those that the noise was
    /// fitted to.
    pub(super) fn rarity(&self, score: f64) -> f64 {
        self.rarities.get(Histogram::index(score)).copied().unwrap_or(0.0)
    }

    /// Scale of the deviation of a leaf of this size.
    pub(super) fn scale(&self, size: f64) -> f64 {
        let class = self.classes.partition_point(|class| class.0 < size);
        self.classes.get(class).or(self.classes.last()).map_or(1.0, |class| class.1)
    }
}

/// Scale of sorted values by their densest half.
pub(super) fn spread(sorted: &[f64]) -> f64 {
    // Of few values, the densest half is denser than that of many.
    let few = 1.0 + 3.0 / super::lattice::float(sorted.len().max(1));
    shortest_half(sorted).1 / SHORTEST_HALF * few
}

/// Middle and width of the shortest interval that holds half of sorted values.
fn shortest_half(sorted: &[f64]) -> (f64, f64) {
    let half = sorted.len() / 2;
    sorted
        .iter()
        .zip(sorted.iter().skip(half))
        .map(|(low, high)| ((low + high) / 2.0, high - low))
        .min_by(|left, right| left.1.total_cmp(&right.1))
        .unwrap_or((0.0, 0.0))
}

const STEPS_PER_SCALE: f64 = 10.0;

/// Scores by tenths of a scale up to 40: many leaves cost no more than few.
#[derive(Debug)]
struct Histogram([u32; 400]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; 400])
    }
}

impl Histogram {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the array"
    )]
    fn index(score: f64) -> usize {
        (score * STEPS_PER_SCALE).clamp(0.0, 399.0) as usize
    }

    fn add(&mut self, score: f64) {
        if let Some(count) = self.0.get_mut(Self::index(score)) {
            *count = count.saturating_add(1);
        }
    }

    fn loss(&self, tail: Tail) -> f64 {
        let mut middle = 0.5 / STEPS_PER_SCALE;
        let mut loss = 0.0;
        for count in self.0 {
            loss += f64::from(count) * tail.loss(middle);
            middle += 1.0 / STEPS_PER_SCALE;
        }
        loss
    }
}

impl Histogram {
    /// Minus the logarithm of the share of scores at least as high, at least one.
    fn rarities(&self) -> Vec<f64> {
        let mut at_least = 0_u32;
        let mut shares: Vec<f64> = self
            .0
            .iter()
            .rev()
            .map(|count| {
                at_least = at_least.saturating_add(*count);
                f64::from(at_least.max(1)).ln()
            })
            .collect();
        let all = shares.last().copied().unwrap_or(0.0);
        shares.reverse();
        shares.into_iter().map(|share| all - share).collect()
    }
}

/// The value at which half of the weight is reached.
fn weighted_median(mut values: Vec<(f64, f64)>) -> f64 {
    values.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
    let half = values.iter().map(|value| value.1).sum::<f64>() / 2.0;
    let mut below = 0.0;
    let median = values.iter().find(|value| {
        below += value.1;
        below >= half
    });
    median.map_or(0.0, |value| value.0)
}

/// Logarithm of the gamma function by Stirling's series above 7, by its recurrence below.
fn log_gamma(mut at: f64) -> f64 {
    let mut below = 0.0;
    while at < 7.0 {
        below += at.ln();
        at += 1.0;
    }
    let square = 1.0 / (at * at);
    let series = (1.0 / 12.0 - square * (1.0 / 360.0 - square / 1260.0)) / at;
    (at - 0.5) * at.ln() - at + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - below
}
