//! What others would say on the eleventh.

use crate::{
    costbench::{family, generate::World},
    statistics::quantile,
};

/// Days of the robust weekday shape.
const SHAPE_DAYS: usize = 56;
/// Days of its level.
const LEVEL_DAYS: usize = 21;
/// Smallest scale of a series' errors.
const SCALE_MIN: f64 = 0.01;

/// The costs of a world, and which days are holidays.
pub(super) struct Peers {
    costs: Vec<Vec<f64>>,
    holidays: Vec<bool>,
}

/// The month of one series.
pub(super) struct Month {
    /// Run rate, seasonal naive, mean of 28 days, robust weekday level.
    pub(super) points: [f64; 4],
    /// Pooled conformal bands around the last, 80 and 95 %.
    pub(super) bands: [(f64, f64); 2],
}

impl Peers {
    pub(super) fn of(world: &World) -> Self {
        let costs: Vec<Vec<f64>> = world
            .series
            .iter()
            .map(|series| series.days.iter().map(|day| day.cost).collect())
            .collect();
        let mut holidays = vec![false; costs.first().map_or(0, Vec::len)];
        for day in family::holidays() {
            holidays[day] = true;
        }
        Self { costs, holidays }
    }

    /// Every series of a month from `from` to `until`, seen up to `origin`.
    ///
    /// Bands: logarithms of actual over forecast at earlier origins, over their median absolute
    /// deviation by series, in one pool.
    pub(super) fn month(&self, from: usize, origin: usize, until: usize) -> Vec<Month> {
        let ahead = until - origin;
        let errors: Vec<Vec<f64>> = self
            .costs
            .iter()
            .map(|costs| {
                (origin.saturating_sub(84).max(70)..=origin - ahead)
                    .step_by(4)
                    .map(|at| {
                        let actual: f64 = costs[at..at + ahead].iter().sum();
                        (actual / self.weekday_level(costs, at, at + ahead).max(1e-9)).ln()
                    })
                    .collect()
            })
            .collect();
        let scales: Vec<f64> = errors
            .iter()
            .map(|errors| {
                let middle = median(errors);
                let off: Vec<f64> = errors.iter().map(|error| (error - middle).abs()).collect();
                (1.4826 * median(&off)).max(SCALE_MIN)
            })
            .collect();
        let pool: Vec<f64> = errors
            .iter()
            .zip(&scales)
            .flat_map(|(errors, scale)| errors.iter().map(move |error| error / scale))
            .collect();
        let ends = [(0.1, 0.9), (0.025, 0.975)]
            .map(|(low, high)| [low, high].map(|share| quantile(&pool, share).unwrap_or(f64::NAN)));
        self.costs
            .iter()
            .zip(&scales)
            .map(|(costs, scale)| {
                let seen: f64 = costs[from..origin].iter().sum();
                let level = self.weekday_level(costs, origin, until);
                let naive: f64 = (0..ahead).map(|day| costs[origin - 7 + day % 7]).sum();
                let mean: f64 = costs[origin - 28..origin].iter().sum::<f64>() / 28.0;
                let rate = seen / (origin - from) as f64;
                Month {
                    points: [
                        rate * (until - from) as f64,
                        seen + naive,
                        seen + mean * ahead as f64,
                        seen + level,
                    ],
                    bands: ends.map(|[low, high]| {
                        (seen + level * (low * scale).exp(), seen + level * (high * scale).exp())
                    }),
                }
            })
            .collect()
    }

    /// Medians by weekday over eight weeks, times the median level of three, holidays by the median of
    /// earlier ones over the same weekday before them.
    fn weekday_level(&self, costs: &[f64], origin: usize, until: usize) -> f64 {
        let days: Vec<usize> = (origin.saturating_sub(SHAPE_DAYS)..origin)
            .filter(|day| !self.holidays[*day])
            .collect();
        let medians: Vec<f64> = (0..7)
            .map(|weekday| {
                let same = days.iter().filter(|day| **day % 7 == weekday);
                median(&same.map(|day| costs[*day]).collect::<Vec<_>>())
            })
            .collect();
        let whole = medians.iter().sum::<f64>() / 7.0;
        let shape: Vec<f64> = medians.iter().map(|median| median / whole).collect();
        let recent: Vec<f64> = days
            .iter()
            .filter(|day| **day + LEVEL_DAYS >= origin)
            .map(|day| costs[*day] / shape[day % 7].max(1e-9))
            .collect();
        let level = if recent.is_empty() { whole } else { median(&recent) };
        let past: Vec<f64> = (21..origin)
            .filter(|day| self.holidays[*day])
            .map(|day| costs[day] / median(&[costs[day - 7], costs[day - 14]]).max(1e-9))
            .collect();
        let holiday = if past.is_empty() { 1.0 } else { median(&past) };
        (origin..until)
            .map(|day| level * shape[day % 7] * if self.holidays[day] { holiday } else { 1.0 })
            .sum()
    }
}

fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5).unwrap_or(f64::NAN)
}
