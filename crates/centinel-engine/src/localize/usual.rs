//! How far the values of a dimension usually are apart.

use super::{
    change::Leaf,
    lattice::{Cuboid, float},
    noise::spread,
    search::CellSum,
};

/// Fewer values of a dimension do not show by themselves how far they usually are apart.
const OWN_VALUES_MIN: usize = 8;

/// How far the values of each dimension usually are apart beyond the noise of their leaves: the
/// variance of their mean deviations by its densest half, which a few causes do not move. No
/// dimension has less than the median of those with enough values to tell.
pub(super) fn usual(cuboids: &[Cuboid], sums: &[Vec<CellSum>], leaves: &[Leaf]) -> Vec<f64> {
    let mean_scale = leaves.iter().map(|leaf| leaf.scale).sum::<f64>() / float(leaves.len().max(1));
    let mut of_dimension: Vec<(usize, f64)> = Vec::new();
    for (cuboid, sums) in cuboids.iter().zip(sums) {
        let [dimension] = cuboid.dimensions.as_slice() else { continue };
        if sums.len() < OWN_VALUES_MIN {
            continue;
        }
        let cells = || {
            sums.iter().zip(&cuboid.leaves).map(|(sum, count)| (sum.screened, f64::from(*count)))
        };
        let mut means: Vec<f64> = cells().map(|(sum, count)| sum / count).collect();
        means.sort_unstable_by(f64::total_cmp);
        let sampling =
            cells().map(|(_, count)| 1.0 / count).sum::<f64>() / float(sums.len().max(1));
        let variance = (spread(&means).powi(2) - sampling).max(0.0);
        of_dimension.push((*dimension, variance * mean_scale * mean_scale));
    }
    let mut variances: Vec<f64> = of_dimension.iter().map(|(_, variance)| *variance).collect();
    variances.sort_unstable_by(f64::total_cmp);
    let median = variances.get(variances.len() / 2).copied().unwrap_or(0.0);
    let dimensions = cuboids
        .iter()
        .flat_map(|cuboid| &cuboid.dimensions)
        .max()
        .map_or(0, |last| last.saturating_add(1));
    let mut usual = vec![median; dimensions];
    for (dimension, variance) in of_dimension {
        if let Some(slot) = usual.get_mut(dimension) {
            *slot = slot.max(variance);
        }
    }
    usual
}
