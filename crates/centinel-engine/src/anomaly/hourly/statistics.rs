//! Robust statistics of a few values; what is unknown is `NaN`.

/// Standard deviation of a normal distribution over its median absolute deviation: 1 / Φ⁻¹(3/4).
const DEVIATION_PER_MAD: f64 = 1.482_602_218_505_602;
/// Share of the values left out at either end of a mean.
const TRIMMED: f64 = 0.1;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number of values"
)]
pub(super) fn quantile_index(count: usize, share: f64) -> usize {
    (to_float(count.saturating_sub(1)) * share).round() as usize
}

pub(super) fn trimmed_mean(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = trimmed(sorted.len());
    let kept = sorted.get(cut..sorted.len().saturating_sub(cut)).unwrap_or_default();
    kept.iter().sum::<f64>() / to_float(kept.len())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number of values"
)]
fn trimmed(count: usize) -> usize {
    (to_float(count) * TRIMMED) as usize
}

pub(super) fn mad(mut values: Vec<f64>, middle: f64) -> f64 {
    for value in &mut values {
        *value = (*value - middle).abs();
    }
    median(values).unwrap_or(0.0) * DEVIATION_PER_MAD
}

/// Median of the finite values.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let is_even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if !is_even {
        return Some(upper);
    }
    let lower = below.iter().copied().max_by(f64::total_cmp)?;
    Some(f64::midpoint(lower, upper))
}

pub(super) fn at(values: &[f64], index: usize) -> f64 {
    values.get(index).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of hours")]
pub(super) fn to_float(count: usize) -> f64 {
    count as f64
}
