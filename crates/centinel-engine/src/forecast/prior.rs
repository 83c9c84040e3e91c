//! How far forecasts stray before a file says anything: quantiles of errors in stated deviations.
//!
//! Measured on generated months (CostBench-A, seeds 1 to 12, day 10 of January to March 2026), none of
//! which the published figures are taken from; `docs/concepts/forecast.md`, "What is assumed". A file
//! of many series outweighs them, a single series hardly does.

/// Quantiles (i + 1/2) / 40 without a change under way.
const USUAL: [f64; 40] = [
    -2.09, -1.64, -1.36, -1.18, -1.01, -0.9, -0.82, -0.74, -0.66, -0.58, -0.51, -0.42, -0.37,
    -0.31, -0.25, -0.18, -0.12, -0.06, -0.01, 0.04, 0.09, 0.16, 0.22, 0.29, 0.35, 0.4, 0.46, 0.52,
    0.59, 0.65, 0.74, 0.81, 0.91, 0.99, 1.09, 1.2, 1.36, 1.54, 1.88, 2.37,
];
/// The same while a change is on.
const EVENT: [f64; 40] = [
    -1.82, -1.44, -1.24, -1.05, -0.97, -0.85, -0.77, -0.67, -0.58, -0.51, -0.44, -0.36, -0.32,
    -0.27, -0.22, -0.19, -0.14, -0.1, -0.04, -0.01, 0.03, 0.09, 0.15, 0.2, 0.24, 0.29, 0.33, 0.4,
    0.43, 0.48, 0.53, 0.57, 0.65, 0.73, 0.86, 1.1, 1.65, 1.83, 2.66, 4.37,
];
/// How many errors of a file weigh as much.
pub(super) const USUAL_WEIGHT: f64 = 100.0;
/// The same while a change is on, which files show seldom.
const EVENT_WEIGHT: f64 = 60.0;

/// Errors without a change under way, with weights.
pub(super) fn usual() -> Vec<(f64, f64)> {
    USUAL.iter().map(|value| (*value, USUAL_WEIGHT / 40.0)).collect()
}

/// Errors while a change is on, with weights.
pub(super) fn event() -> Vec<(f64, f64)> {
    EVENT.iter().map(|value| (*value, EVENT_WEIGHT / 40.0)).collect()
}

/// Mean square of [`usual`].
pub(super) fn usual_square() -> f64 {
    USUAL.iter().map(|value| value * value).sum::<f64>() / 40.0
}
