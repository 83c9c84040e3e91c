//! Where a change is: the few combinations of dimension values whose leaves changed alike.
//!
//! A leaf is a combination of values of all dimensions with what it really cost and what it was
//! predicted to cost (or cost before). A cause is a combination of values of some dimensions, such as
//! `feature=search, model=large`, whose leaves share one relative change: a change of the cause reaches
//! all of its leaves in proportion (the ripple effect of Squeeze, ISSRE 2019, and of RiskLoc, 2022).
//!
//! The search is for the shortest description. Noise is fitted first: its scale by the size of leaves,
//! and its tail (`noise`). Every combination of values is a candidate (`lattice`); one is taken when
//! stating it shortens the description of its leaves, in nats, by more than its name and a margin cost,
//! the one that shortens it most first, until none is left (`search`). A cause must also stray more
//! than the values of its dimensions usually do. No random numbers, no order of rows in it.
//!
//! Amounts are exact; the statistics only choose where to add.

mod change;
mod exact;
mod lattice;
mod leaves;
mod noise;
mod search;
mod usual;

use std::collections::BTreeMap;

use serde::Serialize;

pub use leaves::{Dimension, Leaves, LeavesError};

use crate::money::{Decimal, DecimalError};
use exact::Changes;
use search::{Region, Settings};

/// Decimals of a share.
const SHARE_PLACES: u32 = 6;

/// Settings of the search.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Smallest relative change of a cause; 0.10 is 10 % more, or as much less.
    pub change_ratio_min: f64,
    /// What a cause must shorten the description by beyond its own name, in nats: the logarithm of
    /// how much less likely chance must be.
    pub margin_nats: f64,
    /// Most dimensions that a cause names.
    pub dimensions_max: usize,
    /// Most causes that are looked for.
    pub causes_max: usize,
}

impl Config {
    /// The settings behind the published figures (`evals/README.md`).
    pub fn published() -> Self {
        Self { change_ratio_min: 0.10, margin_nats: 5.0, dimensions_max: 6, causes_max: 12 }
    }
}

/// Leaves that changed alike, and by how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Values by dimension; a dimension that is not named has all of its values.
    #[serde(rename = "where")]
    pub place: BTreeMap<String, String>,
    /// Real less predicted of its leaves; a leaf that is in several causes counts in the first.
    pub delta: Decimal,
    /// `delta` as a share of the whole change, at six decimals; `None` when the whole is zero.
    pub share_explained: Option<Decimal>,
    /// Its leaves that no earlier cause counts.
    pub leaves: usize,
    /// The relative change that its leaves share, as a ratio less one. Estimate.
    pub change_ratio: Decimal,
}

/// Where a change is.
///
/// INVARIANT: `real = predict + delta`, and `delta` is the sum of the causes' deltas and `residual`,
/// exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Localization {
    /// Sum over all leaves.
    pub real: Decimal,
    /// Sum over all leaves.
    pub predict: Decimal,
    /// Real less predicted.
    pub delta: Decimal,
    /// The largest amount first.
    pub causes: Vec<Cause>,
    /// What of `delta` is in no cause.
    pub residual: Decimal,
    /// There is a change, and no combination of values has more of it than chance would give it.
    pub spread: bool,
    /// The relative change of everything, as a ratio less one, where the causes are what differs from
    /// it. Estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_change_ratio: Option<Decimal>,
}

/// Why nothing can be located.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LocalizeError {
    /// No leaf was given.
    #[error("no leaves to look at")]
    NoLeaves,
    /// A sum beyond 128 bits.
    #[error("a sum of the leaves does not fit 128 bits")]
    Overflow,
}

impl From<DecimalError> for LocalizeError {
    fn from(_: DecimalError) -> Self {
        Self::Overflow
    }
}

/// Finds the combinations of values that explain a change, `top` at most.
///
/// # Errors
///
/// [`LocalizeError`].
pub fn localize(
    leaves: &Leaves,
    top: usize,
    config: &Config,
) -> Result<Localization, LocalizeError> {
    if leaves.is_empty() {
        return Err(LocalizeError::NoLeaves);
    }
    let table = leaves.in_order();
    let settings = Settings {
        // More by a ratio deviates less, as a share of the larger value, than less by it does.
        deviation_min: config.change_ratio_min / (1.0 + config.change_ratio_min),
        margin: config.margin_nats,
        depth_max: config.dimensions_max,
        causes_max: config.causes_max,
        unit: f64::midpoint(exact::unit(&table.real), exact::unit(&table.predict)),
    };
    let found = search::find(&table.codes, &table.nameless, &table.values(), settings);
    let (real, predict) = (exact::sum(&table.real)?, exact::sum(&table.predict)?);
    let delta = real.checked_sub(predict)?;
    let changes = Changes::of(&table.real, &table.predict)?;

    // The largest first, by all of its leaves; what is shared then counts there.
    let mut regions = Vec::with_capacity(found.regions.len());
    for region in found.regions {
        let members = members(&table.codes, leaves.len(), &region);
        let all = changes.sum(members.iter().copied())?;
        regions.push((if all.is_negative() { all.checked_neg()? } else { all }, region, members));
    }
    regions
        .sort_by(|left, right| right.0.cmp(&left.0).then_with(|| left.1.fixed.cmp(&right.1.fixed)));
    regions.truncate(top);
    let mut counted = vec![false; leaves.len()];
    let mut causes = Vec::with_capacity(regions.len());
    let mut residual = delta;
    for (_, region, members) in regions {
        let is_new = |leaf: &usize| {
            counted.get_mut(*leaf).is_some_and(|counted| !std::mem::replace(counted, true))
        };
        let own: Vec<usize> = members.into_iter().filter(is_new).collect();
        let of_cause = changes.sum(own.iter().copied())?;
        residual = residual.checked_sub(of_cause)?;
        causes.push(Cause {
            place: region
                .fixed
                .iter()
                .filter_map(|(dimension, code)| table.names.get(*dimension)?.name_of(*code))
                .collect(),
            delta: of_cause,
            share_explained: of_cause.quotient(delta, SHARE_PLACES)?,
            leaves: own.len(),
            change_ratio: estimate(region.ratio - 1.0),
        });
    }
    Ok(Localization {
        real,
        predict,
        delta,
        spread: causes.is_empty() && !delta.is_zero(),
        causes,
        residual,
        common_change_ratio: found.common.map(|ratio| estimate(ratio - 1.0)),
    })
}

/// Leaves of a region.
fn members(codes: &[Vec<u32>], leaf_count: usize, region: &Region) -> Vec<usize> {
    let mut inside = vec![true; leaf_count];
    for (dimension, code) in &region.fixed {
        for (inside, own) in inside.iter_mut().zip(codes.get(*dimension).into_iter().flatten()) {
            *inside &= own == code;
        }
    }
    inside.iter().enumerate().filter(|(_, inside)| **inside).map(|(leaf, _)| leaf).collect()
}

/// A statistic at three decimals.
fn estimate(value: f64) -> Decimal {
    format!("{value:.3}").parse().unwrap_or_default()
}

#[cfg(test)]
mod tests;
