//! What others do with a daily total, scored as ours is: a score a day, an alarm from a threshold on.
//!
//! All see what was visible a day later and nothing of the future, as the engine does. None of them has
//! a calendar or drivers; planned changes are muted for all by the scorer.

use super::{
    DAYS, FIRST_JUDGED,
    generate::{LabelledSeries, World},
};
use crate::statistics::{mean, quantile};

/// Standard deviation of a normal distribution over its median absolute deviation.
const DEVIATION_PER_MAD: f64 = 1.4826;
/// Days that a decomposition sees.
const DECOMPOSED_DAYS: usize = 84;

/// A method with its thresholds.
pub(crate) struct Baseline {
    /// As people call it.
    pub(crate) name: &'static str,
    /// Threshold as usually set.
    pub(crate) usual: f64,
    /// Thresholds to choose the best from.
    pub(crate) grid: Vec<f64>,
    /// Score of every judged day of a series.
    pub(crate) scores: fn(&LabelledSeries) -> Vec<f64>,
}

/// Every method.
pub(crate) fn all() -> Vec<Baseline> {
    let factors = || (1..60).map(|step| (1.0 + f64::from(step) * 0.05).ln()).collect();
    let deviations = || (3..80).map(|step| f64::from(step) * 0.25).collect();
    let mut all = vec![
        Baseline {
            name: "week over week",
            usual: 1.3_f64.ln(),
            grid: factors(),
            scores: week_over_week,
        },
        Baseline { name: "3-sigma, 28 days", usual: 3.0, grid: deviations(), scores: sigma },
        Baseline { name: "weekday MAD", usual: 3.5, grid: deviations(), scores: weekday_mad },
        Baseline { name: "S-H-ESD", usual: 3.3, grid: deviations(), scores: s_h_esd },
    ];
    if let Some(scores) = mstl_ets() {
        all.push(Baseline { name: "MSTL + ETS (augurs)", usual: 3.5, grid: deviations(), scores });
    }
    all
}

/// Scores of a world: by series and day.
pub(crate) fn scores(world: &World, baseline: &Baseline) -> Vec<Vec<f64>> {
    world.series.iter().map(baseline.scores).collect()
}

/// A score for each judged day from the costs seen then, the day's own last; no score before.
fn each_day(series: &LabelledSeries, score: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let settled: Vec<f64> = series.days.iter().map(|day| day.cost.max(1e-9)).collect();
    (0..DAYS)
        .map(|day| {
            if day < FIRST_JUDGED {
                return f64::NEG_INFINITY;
            }
            let mut seen = settled[..=day].to_vec();
            seen[day] *= series.days[day].visible_share;
            score(&seen)
        })
        .collect()
}

/// Growth over the same day of last week.
fn week_over_week(series: &LabelledSeries) -> Vec<f64> {
    each_day(series, |seen| (seen[seen.len() - 1] / seen[seen.len() - 8]).ln())
}

/// Distance from the mean of 28 days in their standard deviations.
fn sigma(series: &LabelledSeries) -> Vec<f64> {
    each_day(series, |seen| {
        let (day, past) = (seen[seen.len() - 1], &seen[seen.len() - 29..seen.len() - 1]);
        let middle = past.iter().sum::<f64>() / 28.0;
        let variance = past.iter().map(|cost| (cost - middle).powi(2)).sum::<f64>() / 27.0;
        (day - middle) / (variance.sqrt() + 1e-9)
    })
}

/// Distance of the logarithm from the median of the last six such weekdays, in robust deviations of
/// such distances over 42 days.
fn weekday_mad(series: &LabelledSeries) -> Vec<f64> {
    each_day(series, |seen| {
        let logs: Vec<f64> = seen.iter().map(|cost| cost.ln()).collect();
        let residual = |day: usize| {
            let same: Vec<f64> = (1..=6).map(|weeks| logs[day - 7 * weeks]).collect();
            logs[day] - median(&same)
        };
        let last = logs.len() - 1;
        let past: Vec<f64> = (last - 42..last).map(residual).collect();
        let (middle, spread) = robust(&past);
        (residual(last) - middle) / spread.max(0.01)
    })
}

/// Seasonal hybrid ESD on the last point: the weekly component is removed, the median is the level, the
/// MAD the scale (Hochenbaum, Vallis and Kejariwal 2017).
fn s_h_esd(series: &LabelledSeries) -> Vec<f64> {
    each_day(series, |seen| {
        let window = &seen[seen.len() - DECOMPOSED_DAYS..];
        let seasonal = weekly_component(window);
        let level = median(window);
        let residuals: Vec<f64> =
            window.iter().enumerate().map(|(day, cost)| cost - seasonal[day % 7] - level).collect();
        let (middle, spread) = robust(&residuals);
        (residuals[residuals.len() - 1] - middle) / spread.max(1e-9)
    })
}

/// Mean deviation of each weekday from a centred moving average of a week.
fn weekly_component(window: &[f64]) -> [f64; 7] {
    let mut by_weekday: [Vec<f64>; 7] = Default::default();
    for (start, week) in window.windows(7).enumerate() {
        let day = start + 3;
        by_weekday[day % 7].push(window[day] - week.iter().sum::<f64>() / 7.0);
    }
    by_weekday.map(|deviations| mean(&deviations).unwrap_or(0.0))
}

#[cfg(not(feature = "augurs"))]
fn mstl_ets() -> Option<fn(&LabelledSeries) -> Vec<f64>> {
    None
}

/// Distance of the logarithm from the forecast of MSTL with ETS on the 84 days before, fitted anew every
/// week, in robust deviations of its errors in the sample.
#[cfg(feature = "augurs")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature there is none")]
fn mstl_ets() -> Option<fn(&LabelledSeries) -> Vec<f64>> {
    use augurs_core::{Fit as _, Predict as _};
    fn scores(series: &LabelledSeries) -> Vec<f64> {
        let settled: Vec<f64> = series.days.iter().map(|day| day.cost.max(1e-9).ln()).collect();
        let mut scores = vec![f64::NEG_INFINITY; DAYS];
        for first in (FIRST_JUDGED..DAYS).step_by(7) {
            let past = &settled[first - DECOMPOSED_DAYS..first];
            let trend = augurs_ets::AutoETS::non_seasonal().into_trend_model();
            let model = augurs_mstl::MSTLModel::new(vec![7], trend);
            let Ok(fitted) = model.fit(past) else { continue };
            let (Ok(ahead), Ok(inside)) = (fitted.predict(7, None), fitted.predict_in_sample(None))
            else {
                continue;
            };
            let errors: Vec<f64> =
                past.iter().zip(&inside.point).map(|(value, fit)| value - fit).collect();
            let (middle, spread) = robust(&errors);
            for (step, expected) in ahead.point.iter().enumerate() {
                if let Some(day) = series.days.get(first + step) {
                    let seen = settled[first + step] + day.visible_share.ln();
                    scores[first + step] = (seen - expected - middle) / spread.max(0.01);
                }
            }
        }
        scores
    }
    Some(scores)
}

fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5).unwrap_or(f64::NAN)
}

/// Median and robust standard deviation.
fn robust(values: &[f64]) -> (f64, f64) {
    let middle = median(values);
    let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    (middle, DEVIATION_PER_MAD * median(&distances))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costbench::generate::{Events, world};

    #[test]
    fn every_method_finds_a_tenfold_day() {
        let mut series = world(1, 1, Events::PlannedOnly, 1.0).series.remove(0);
        for day in &mut series.days {
            day.cost = 5.0;
            day.visible_share = 1.0;
        }
        for (day, values) in series.days.iter_mut().enumerate() {
            values.cost *= 1.0 + 0.01 * (day * 7919 % 13) as f64;
        }
        series.days[200].cost *= 10.0;
        for baseline in all() {
            let scores = (baseline.scores)(&series);
            assert!(scores[200] > baseline.usual, "{}", baseline.name);
            assert!(scores[150] < baseline.usual, "{}", baseline.name);
        }
    }
}
