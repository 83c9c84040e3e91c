//! Summaries of measured figures.

use crate::random::Random;

/// Draws behind a bootstrap interval.
const RESAMPLES: usize = 2000;

/// Mean; `None` of nothing.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The value below which a share of the values lies, between neighbours by interpolation (as numpy's
/// default); `None` of nothing.
pub(crate) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(below + (above - below) * (at - at.floor()))
}

/// 95 % percentile bootstrap interval of a statistic over independent units (seeds): units are drawn
/// with replacement, by a fixed seed.
pub(crate) fn bootstrap<T>(units: &[T], statistic: impl Fn(&[&T]) -> Option<f64>) -> [f64; 2] {
    let mut random = Random::new(&[20_261_122]);
    let values: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let drawn: Vec<&T> =
                units.iter().map(|_| &units[random.whole(0, units.len())]).collect();
            statistic(&drawn)
        })
        .collect();
    [0.025, 0.975].map(|share| quantile(&values, share).unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn an_interval_of_a_mean_is_as_wide_as_its_error() {
        let units: Vec<f64> = (0..100).map(|unit| f64::from(unit % 10)).collect();
        let [low, high] =
            bootstrap(&units, |drawn| mean(&drawn.iter().map(|unit| **unit).collect::<Vec<_>>()));
        // Standard error 2.87 / 10, so about 4.5 -+ 0.56.
        assert!((low - 3.94).abs() < 0.15 && (high - 5.06).abs() < 0.15, "{low} {high}");
    }
}
