//! The search: which few cells, each with one change, describe the leaves most briefly.

use std::collections::BTreeMap;

use super::{
    change::{Change, Leaf, NO_CAUSE, common_change, is_nested, normal_share, ratio},
    lattice::{Cuboid, cuboids, float},
    noise::{Losses, Noise, deviation},
    usual::usual,
};

/// Settings of the search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    /// Smallest change of a cause, as a deviation (see [`deviation`]).
    pub(super) deviation_min: f64,
    /// Nats that a cause must gain beyond what naming it takes.
    pub(super) margin: f64,
    /// Most dimensions a cause names.
    pub(super) depth_max: usize,
    /// Most causes.
    pub(super) causes_max: usize,
    /// What amounts are rounded to.
    pub(super) unit: f64,
}

/// A leaf says at most this much for or against a cause, in nats, where noise has normal tails.
const LEAF_NATS_MAX: f64 = 20.0;
/// Cells that are looked at closely each time.
const SCREENED: usize = 32;
/// Smallest scale of noise, as a deviation: prices and counts are rounded.
const SCALE_MIN: f64 = 0.01;

/// A change of this share of the smallest that is named is taken up in silence, so that its most extreme
/// parts are not named in its place.
const SILENT_SHARE: f64 = 0.5;
/// Most of these.
const SILENT_MAX: usize = 6;

/// A cause strays at least this many usual deviations of the values of its dimensions.
const USUAL_DEVIATIONS: f64 = 4.5;

/// A cell whose leaves changed alike.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Region {
    /// Dimension and code, by dimension; empty: everything.
    pub(super) fixed: Vec<(usize, u32)>,
    /// Real over predicted that its leaves have in common.
    pub(super) ratio: f64,
}

/// What the leaves of a cell leave to explain.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CellSum {
    /// Sum of their screened scores.
    pub(super) screened: f64,
    /// How many causes there were when one of them was last explained anew.
    touched: usize,
}

/// A cell with the change that its leaves share.
#[derive(Debug, Clone, Copy)]
struct Cause {
    cuboid: usize,
    cell: usize,
    change: Change,
    /// Too small a change to be named.
    is_silent: bool,
}

/// The cause that a cell is, and what it gains; `None` where it is none.
type Judgement = Option<(Cause, f64)>;

/// Leaves, cells, and how they are explained so far.
struct Search<'a> {
    leaves: Vec<Leaf>,
    losses: Losses,
    cuboids: &'a mut [Cuboid],
    /// Of each cell of each cuboid.
    sums: Vec<Vec<CellSum>>,
    causes: Vec<Cause>,
    /// Cells that were looked at closely: after how many causes, and what was found.
    judged: BTreeMap<(usize, usize), (usize, Judgement)>,
    /// How far the values of each dimension usually are apart, as a variance of deviations.
    usual: Vec<f64>,
    settings: Settings,
}

/// What the leaves have in common, and where they differ from that.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// Real over predicted of everything, where everything changed.
    pub(super) common: Option<f64>,
    /// The most telling first.
    pub(super) regions: Vec<Region>,
}

/// Finds the regions whose common change explains the leaves.
///
/// `codes` has a list a dimension, with a code a leaf; `nameless` the code of a dimension that stands
/// for no value; `values` a `(real, predicted)` a leaf.
pub(super) fn find(
    codes: &[Vec<u32>],
    nameless: &[Option<u32>],
    values: &[(f64, f64)],
    settings: Settings,
) -> Found {
    // Leaves of two zeros say nothing.
    let (leaves, telling): (Vec<usize>, Vec<(f64, f64)>) = values
        .iter()
        .enumerate()
        .filter(|(_, (real, predict))| deviation(*real, *predict).is_some())
        .map(|(leaf, value)| (leaf, *value))
        .unzip();
    let codes: Vec<Vec<u32>> = codes
        .iter()
        .map(|codes| leaves.iter().filter_map(|leaf| codes.get(*leaf).copied()).collect())
        .collect();
    let mut cuboids = cuboids(&codes, telling.len(), settings.depth_max);
    if nameless.iter().any(Option::is_some) {
        for cuboid in &mut cuboids {
            cuboid.note_nameless(&codes, nameless);
        }
    }
    let (search, center) = Search::over(&mut cuboids, &telling, 1.0, settings);
    let alone = search.regions(1.0, &codes);
    if center.abs() >= settings.deviation_min {
        // Did parts change, or everything, and parts beside that? Whichever takes fewer statements.
        let (search, _) = Search::over(&mut cuboids, &telling, ratio(center), settings);
        let beside = search.regions(ratio(center), &codes);
        if beside.len().saturating_add(1) < alone.len() {
            return Found { common: Some(ratio(center)), regions: beside };
        }
    }
    Found { common: None, regions: alone }
}

impl<'a> Search<'a> {
    /// Searches with every prediction times `common`; also the middle of the deviations.
    fn over(
        cuboids: &'a mut [Cuboid],
        values: &[(f64, f64)],
        common: f64,
        settings: Settings,
    ) -> (Self, f64) {
        let telling: Vec<(f64, f64)> = values
            .iter()
            .map(|(real, predict)| {
                let predict = predict * common;
                (real.abs().max(predict.abs()), deviation(*real, predict).unwrap_or(0.0))
            })
            .collect();
        let mut points = telling.clone();
        let noise = Noise::fit(&mut points, SCALE_MIN);
        let center = noise.center;
        let mut search = Self::new(cuboids, &telling, &noise, false, settings);
        search.run();
        // What is left tells the noise better than everything did.
        points.clear();
        points.extend(
            telling
                .iter()
                .zip(&search.leaves)
                .filter(|(_, leaf)| leaf.cause == NO_CAUSE || search.is_small(leaf.cause))
                .map(|(point, _)| *point),
        );
        if points.len() < telling.len() && !points.is_empty() {
            let noise = Noise::fit(&mut points, SCALE_MIN);
            search = Self::new(search.cuboids, &telling, &noise, true, settings);
            search.run();
        }
        (search, center)
    }

    fn new(
        cuboids: &'a mut [Cuboid],
        telling: &[(f64, f64)],
        noise: &Noise,
        again: bool,
        settings: Settings,
    ) -> Self {
        let all = float(telling.len());
        let losses = Losses::of_tail(noise.tail);
        let leaves: Vec<Leaf> = telling
            .iter()
            .map(|(size, deviation)| {
                // A leaf of few units strays by rounding, whatever others of its class do.
                let scale = noise.scale(*size).hypot(settings.unit / size);
                // Heavy tails are known as far as there are leaves to know them by.
                let nats_max = match noise.heavy {
                    true if again => noise.rarity(deviation.abs() / scale).max(1.0),
                    true => all.ln(),
                    false => LEAF_NATS_MAX,
                };
                let mut leaf = Leaf {
                    deviation: *deviation,
                    scale,
                    log_scale: scale.ln(),
                    nats_max: nats_max.min(LEAF_NATS_MAX),
                    cause: NO_CAUSE,
                    change: Change::NONE,
                    loss: 0.0,
                    screened: 0.0,
                };
                leaf.settle(NO_CAUSE, Change::NONE, &losses);
                leaf
            })
            .collect();
        let mut sums: Vec<Vec<CellSum>> = Vec::with_capacity(cuboids.len());
        for cuboid in cuboids.iter().rev() {
            // From the finer cuboid with the fewest cells; it came earlier in this order.
            let finer = cuboid.finer.and_then(|finer| {
                let position = cuboids.len().checked_sub(finer)?.checked_sub(1)?;
                Some((cuboids.get(finer)?, sums.get(position)?))
            });
            let mut own = vec![CellSum::default(); cuboid.leaves.len()];
            let mut add = |leaf: usize, value: f64| {
                let cell = cuboid.cell_of.get(leaf).copied().unwrap_or(u32::MAX);
                if let Some(sum) = own.get_mut(cell as usize) {
                    sum.screened += value;
                }
            };
            match finer {
                Some((finer, of_finer)) => {
                    for (first, sum) in finer.first.iter().zip(of_finer) {
                        add(*first as usize, sum.screened);
                    }
                }
                None => {
                    for (index, leaf) in leaves.iter().enumerate() {
                        add(index, leaf.screened);
                    }
                }
            }
            sums.push(own);
        }
        sums.reverse();
        let usual = usual(cuboids, &sums, &leaves);
        Self {
            leaves,
            losses,
            cuboids,
            sums,
            causes: Vec::new(),
            judged: BTreeMap::new(),
            usual,
            settings,
        }
    }

    /// Adds causes while they gain.
    fn run(&mut self) {
        let (mut named, mut silent) = (0_usize, 0_usize);
        while named < self.settings.causes_max {
            let Some(best) = self.best(silent < SILENT_MAX) else { break };
            let counted = if best.is_silent { &mut silent } else { &mut named };
            *counted = counted.saturating_add(1);
            self.take(best);
        }
    }

    /// Cells by how much their sum alone would gain, the best few.
    fn screened(&self) -> Vec<(usize, usize)> {
        let mut found: Vec<(f64, usize, usize)> = Vec::new();
        // Not the first cuboid: everything is no cause.
        for (index, (cuboid, sums)) in self.cuboids.iter().zip(&self.sums).enumerate().skip(1) {
            let cost = cuboid.name_cost + self.settings.margin;
            for (cell, (sum, count)) in sums.iter().zip(&cuboid.leaves).enumerate() {
                let gain = sum.screened * sum.screened / (2.0 * f64::from(*count)) - cost;
                if gain > 0.0 && !cuboid.is_nameless(cell) {
                    found.push((gain, index, cell));
                }
            }
        }
        let order = |left: &(f64, usize, usize), right: &(f64, usize, usize)| {
            right.0.total_cmp(&left.0).then_with(|| (left.1, left.2).cmp(&(right.1, right.2)))
        };
        if found.len() > SCREENED {
            found.select_nth_unstable_by(SCREENED, order);
            found.truncate(SCREENED);
        }
        found.into_iter().map(|(_, cuboid, cell)| (cuboid, cell)).collect()
    }

    /// The cause that gains most; with `silent`, also one too small to be named.
    fn best(&mut self, silent: bool) -> Option<Cause> {
        let mut best: Option<(f64, Cause)> = None;
        for (cuboid, cell) in self.screened() {
            let place = self.cuboids.get(cuboid).zip(self.sums.get(cuboid));
            let Some((count, touched)) = place.and_then(|(cuboid, sums)| {
                Some((*cuboid.leaves.get(cell)?, sums.get(cell)?.touched))
            }) else {
                continue;
            };
            if best.as_ref().is_some_and(|best| f64::from(count) * LEAF_NATS_MAX < best.0) {
                continue;
            }
            // Where no leaf was touched since, nothing changed.
            let known = self
                .judged
                .get(&(cuboid, cell))
                .filter(|known| known.0 >= touched)
                .map(|known| known.1);
            let judged = known.unwrap_or_else(|| {
                let judged = self.judge(cuboid, cell);
                self.judged.insert((cuboid, cell), (self.causes.len(), judged));
                judged
            });
            let Some((cause, gain)) = judged else { continue };
            if (silent || !cause.is_silent) && best.as_ref().is_none_or(|best| gain > best.0) {
                best = Some((gain, cause));
            }
        }
        best.map(|(_, cause)| cause)
    }

    /// What a cell gains as a cause, net of its name.
    fn judge(&mut self, cuboid: usize, cell: usize) -> Judgement {
        let entry = self.cuboids.get_mut(cuboid)?;
        let cost = entry.name_cost + self.settings.margin;
        let usual: f64 =
            entry.dimensions.iter().filter_map(|dimension| self.usual.get(*dimension)).sum();
        let members = entry.members(cell);
        let leaves = &self.leaves;
        let all = || members.iter().filter_map(|leaf| leaves.get(*leaf as usize));
        let free = || all().filter(|leaf| leaf.cause == NO_CAUSE);
        let nested = is_nested(all());
        let change = if nested { common_change(all) } else { common_change(free) }?;
        let deviation = change.effect.abs();
        if deviation < self.settings.deviation_min * SILENT_SHARE {
            return None;
        }
        let is_silent =
            deviation < self.settings.deviation_min.max(USUAL_DEVIATIONS * usual.sqrt());
        let (mut gain, mut for_it, mut expected, mut variance) = (0.0, 0.0, 0.0, 0.0);
        for leaf in all() {
            let alone = change.loss(leaf, &self.losses);
            let loss = if leaf.cause == NO_CAUSE {
                alone
            } else {
                let both = change.and(leaf.change).loss(leaf, &self.losses);
                if nested { alone.min(both) } else { alone.min(both).min(leaf.loss) }
            };
            let nats = (leaf.loss - loss).clamp(-leaf.nats_max, leaf.nats_max);
            gain += nats;
            if nested || leaf.cause == NO_CAUSE {
                // Its own leaves are on its side of the middle, but for noise.
                let share = normal_share(change.effect.abs() / (2.0 * leaf.scale * change.scatter));
                for_it += if nats > 0.0 { 1.0 } else { 0.0 };
                expected += share;
                variance += share * (1.0 - share);
            }
        }
        let gain = gain - cost;
        let alike = for_it >= 0.85 * expected - 2.0 * f64::sqrt(variance);
        (gain > 0.0 && alike).then_some((Cause { cuboid, cell, change, is_silent }, gain))
    }

    /// Explains the leaves of a cause by it.
    fn take(&mut self, cause: Cause) {
        let Cause { cuboid, cell, change, .. } = cause;
        let number = u32::try_from(self.causes.len()).unwrap_or(NO_CAUSE);
        let Some(entry) = self.cuboids.get_mut(cuboid) else { return };
        let members = entry.members(cell).to_vec();
        let nested = is_nested(members.iter().filter_map(|leaf| self.leaves.get(*leaf as usize)));
        let mut moved: Vec<(u32, f64)> = Vec::with_capacity(members.len());
        for index in members {
            let Some(leaf) = self.leaves.get_mut(index as usize) else { continue };
            let before = leaf.screened;
            if leaf.cause == NO_CAUSE {
                leaf.settle(number, change, &self.losses);
            } else {
                let both = change.and(leaf.change);
                let (alone_loss, both_loss) =
                    (change.loss(leaf, &self.losses), both.loss(leaf, &self.losses));
                if nested || alone_loss.min(both_loss) < leaf.loss {
                    let better = if alone_loss <= both_loss { change } else { both };
                    leaf.settle(if nested { number } else { leaf.cause }, better, &self.losses);
                }
            }
            moved.push((index, leaf.screened - before));
        }
        let touched = self.causes.len().saturating_add(1);
        for (cuboid, sums) in self.cuboids.iter().zip(&mut self.sums) {
            for (leaf, by) in &moved {
                let cell = cuboid.cell_of.get(*leaf as usize).copied().unwrap_or(u32::MAX);
                if let Some(sum) = sums.get_mut(cell as usize) {
                    sum.screened += by;
                    sum.touched = touched;
                }
            }
        }
        self.causes.push(cause);
    }

    /// Whether a cause may be the tail of the noise rather than a cause.
    fn is_small(&self, cause: u32) -> bool {
        self.causes
            .get(cause as usize)
            .and_then(|cause| self.cuboids.get(cause.cuboid)?.leaves.get(cause.cell))
            .is_none_or(|count| *count < 3)
    }

    fn regions(mut self, common: f64, codes: &[Vec<u32>]) -> Vec<Region> {
        let causes = std::mem::take(&mut self.causes);
        causes
            .into_iter()
            .filter(|cause| !cause.is_silent)
            .map(|cause| {
                let cuboid = self.cuboids.get_mut(cause.cuboid);
                let fixed = cuboid.map(|cuboid| {
                    let first = cuboid.members(cause.cell).first().copied().unwrap_or_default();
                    let code =
                        |dimension: usize| codes.get(dimension)?.get(first as usize).copied();
                    cuboid.dimensions.iter().filter_map(|d| Some((*d, code(*d)?))).collect()
                });
                Region {
                    fixed: fixed.unwrap_or_default(),
                    ratio: common * ratio(cause.change.effect),
                }
            })
            .collect()
    }
}
