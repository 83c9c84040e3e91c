//! Small statistics on plain numbers: robust spread, weighted least squares, weighted quantiles.

use crate::anomaly::median;

/// Standard deviation of a normal distribution over its median absolute deviation: 1 / Φ⁻¹(3/4).
const DEVIATION_PER_MAD: f64 = 1.482_602_218_505_602;

/// Robust standard deviation of values that should be zero.
pub(super) fn spread_around_zero(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sizes: Vec<f64> = values.map(f64::abs).collect();
    Some(DEVIATION_PER_MAD * median(&mut sizes)?)
}

/// Middle value of those that are finite.
pub(super) fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    median(&mut values.filter(|value| value.is_finite()).collect::<Vec<_>>())
}

/// Mean; `None` of nothing.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / float(values.len()))
}

/// Coefficients of a weighted ridge regression by its normal equations; `None` when they have no
/// solution. A row is its features and its value; `ridge` has one entry a feature.
pub(super) fn regression(
    rows: &[(Vec<f64>, f64)],
    weights: &[f64],
    ridge: &[f64],
) -> Option<Vec<f64>> {
    let count = ridge.len();
    let mut equations = vec![vec![0.0; count.saturating_add(1)]; count];
    for ((features, value), weight) in rows.iter().zip(weights).filter(|(_, weight)| **weight > 0.0)
    {
        for (equation, feature) in equations.iter_mut().zip(features) {
            let scaled = weight * feature;
            if scaled != 0.0 {
                let sides = features.iter().chain(std::iter::once(value));
                for (sum, side) in equation.iter_mut().zip(sides) {
                    *sum += scaled * side;
                }
            }
        }
    }
    for (index, (equation, ridge)) in equations.iter_mut().zip(ridge).enumerate() {
        if let Some(diagonal) = equation.get_mut(index) {
            *diagonal += ridge;
        }
    }
    solve(&equations)
}

/// Solves equations with a positive definite left side, the right side last in each.
fn solve(equations: &[Vec<f64>]) -> Option<Vec<f64>> {
    let Some((first, rest)) = equations.split_first() else { return Some(Vec::new()) };
    let (pivot, first) = first.split_first()?;
    if !pivot.is_finite() || *pivot <= 1e-12 {
        return None;
    }
    let reduced: Vec<Vec<f64>> = rest
        .iter()
        .filter_map(|equation| {
            let (head, tail) = equation.split_first()?;
            let factor = head / pivot;
            Some(tail.iter().zip(first).map(|(value, pivot)| value - factor * pivot).collect())
        })
        .collect();
    let mut solution = solve(&reduced)?;
    let known: f64 = first.iter().zip(&solution).map(|(factor, value)| factor * value).sum();
    solution.insert(0, (first.last()? - known) / pivot);
    Some(solution)
}

/// Values with weights, sorted: an empirical distribution.
#[derive(Debug, Clone, Default)]
pub(super) struct Distribution {
    values: Vec<(f64, f64)>,
    weight: f64,
}

impl Distribution {
    pub(super) fn of(mut values: Vec<(f64, f64)>) -> Self {
        values.retain(|(value, weight)| value.is_finite() && *weight > 0.0);
        values.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let weight = values.iter().map(|(_, weight)| weight).sum();
        Self { values, weight }
    }

    /// The value below which a further draw falls with this probability.
    ///
    /// # Source
    ///
    /// Order statistic number p (n + 1), the finite-sample correction of split conformal prediction
    /// (Lei et al., "Distribution-free predictive inference for regression", 2018, section 2),
    /// interpolated.
    pub(super) fn quantile(&self, probability: f64) -> f64 {
        let wanted = probability * (self.weight + 1.0) - 0.5;
        let mut below = 0.0;
        let mut previous: Option<(f64, f64)> = None;
        for (value, weight) in &self.values {
            let at = below + weight / 2.0;
            if at >= wanted {
                return match previous {
                    Some((left, from)) if at > from => {
                        left + (value - left) * (wanted - from) / (at - from)
                    }
                    _ => *value,
                };
            }
            previous = Some((*value, at));
            below += weight;
        }
        previous.map_or(0.0, |(value, _)| value)
    }

    /// The probability that a further draw is above a value: the inverse of [`Self::quantile`],
    /// never quite 0 or 1.
    pub(super) fn probability_above(&self, value: f64) -> f64 {
        let mut below = 0.0;
        let mut previous: Option<(f64, f64)> = None;
        let mut position = None;
        for (right, weight) in &self.values {
            let at = below + weight / 2.0;
            if *right >= value {
                position = Some(match previous {
                    Some((left, from)) if *right > left => {
                        from + (at - from) * (value - left) / (right - left)
                    }
                    _ => at,
                });
                if previous.is_none() && *right > value {
                    position = Some(0.0);
                }
                break;
            }
            previous = Some((*right, at));
            below += weight;
        }
        let position = position.unwrap_or(self.weight);
        (1.0 - (position + 0.5) / (self.weight + 1.0)).clamp(0.0, 1.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of days and series are small")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regression_finds_the_line_through_its_points() {
        let rows: Vec<_> =
            (0..9).map(|x| (vec![1.0, f64::from(x)], 3.0 - 0.5 * f64::from(x))).collect();
        let found = regression(&rows, &[1.0; 9], &[0.0, 0.0]).unwrap();
        assert!((found[0] - 3.0).abs() < 1e-9 && (found[1] + 0.5).abs() < 1e-9, "{found:?}");
        assert_eq!(regression(&rows, &[0.0; 9], &[0.0, 0.0]), None);
    }

    #[test]
    fn quantile_and_probability_are_inverse() {
        let values: Vec<_> = (1..=99).map(|value| (f64::from(value), 1.0)).collect();
        let distribution = Distribution::of(values);
        assert!((distribution.quantile(0.1) - 10.0).abs() < 1e-9);
        assert!((distribution.quantile(0.975) - 97.5).abs() < 1e-9);
        for tenth in 1..10 {
            let probability = f64::from(tenth) / 10.0;
            let back = 1.0 - distribution.probability_above(distribution.quantile(probability));
            assert!((back - probability).abs() < 1e-9, "{probability} {back}");
        }
        assert!(distribution.probability_above(1000.0) <= 0.01);
        assert!(distribution.probability_above(-5.0) >= 0.99);
    }
}
