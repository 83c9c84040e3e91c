//! What is judged of an hour: each metric by its cost or tokens, and traffic by its counts too.

use super::{
    super::{Metric, OUTPUT_TOKEN_WEIGHT, Point},
    HourlyConfig,
    ratio::Chance,
};

/// A metric, and what it is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// By what it is.
    Metric(Metric),
    /// The total, by calls.
    Calls,
    /// The total, by business outputs.
    Outputs,
}

impl Judged {
    pub(super) const ALL: [Self; 7] = [
        Self::Metric(Metric::Total),
        Self::Metric(Metric::CostPerOutput),
        Self::Metric(Metric::TokensPerCall),
        Self::Metric(Metric::PricePerToken),
        Self::Metric(Metric::CallsPerOutput),
        Self::Calls,
        Self::Outputs,
    ];

    /// The metric that it is reported as.
    pub(super) fn metric(self) -> Metric {
        match self {
            Self::Metric(metric) => metric,
            Self::Calls | Self::Outputs => Metric::Total,
        }
    }

    pub(super) fn is_count(self) -> bool {
        matches!(self, Self::Calls | Self::Outputs)
    }

    /// Whether late cost makes it look smaller than it is.
    pub(super) fn is_of_cost(self) -> bool {
        match self {
            Self::Metric(metric) => {
                matches!(metric, Metric::Total | Metric::CostPerOutput | Metric::PricePerToken)
            }
            Self::Calls | Self::Outputs => false,
        }
    }

    /// What its chance is that of; without calls, nothing is sampled.
    pub(super) fn chance(self, has_calls: bool) -> Chance {
        match self {
            Self::Metric(Metric::Total) if has_calls => Chance::Traffic,
            Self::Metric(_) => Chance::Calls,
            Self::Calls | Self::Outputs => Chance::Counts,
        }
    }

    pub(super) fn score_min(self, config: &HourlyConfig) -> f64 {
        match self {
            Self::Metric(Metric::Total) => config.total_score_min,
            Self::Metric(_) => config.driver_score_min,
            Self::Calls | Self::Outputs => config.count_score_min,
        }
    }

    pub(super) fn above(self, point: &Point) -> Option<f64> {
        match self {
            Self::Metric(metric) => above(point, metric),
            Self::Calls => point.calls,
            Self::Outputs => point.outputs,
        }
    }
}

fn tokens(point: &Point) -> Option<f64> {
    Some(point.tokens_in? + OUTPUT_TOKEN_WEIGHT * point.tokens_out?)
}

/// What a metric is above the line.
pub(super) fn above(point: &Point, metric: Metric) -> Option<f64> {
    match metric {
        Metric::Total | Metric::CostPerOutput | Metric::PricePerToken => Some(point.cost),
        Metric::TokensPerCall => tokens(point),
        Metric::CallsPerOutput => point.calls,
        // Not judged by hours.
        Metric::CacheMissShare | Metric::FailedCallShare => None,
    }
}

/// What a metric is below the line.
pub(super) fn below(point: &Point, metric: Metric) -> Option<f64> {
    match metric {
        Metric::Total => Some(1.0),
        Metric::CostPerOutput | Metric::CallsPerOutput => point.outputs,
        Metric::TokensPerCall => point.calls,
        Metric::PricePerToken => tokens(point),
        Metric::CacheMissShare | Metric::FailedCallShare => None,
    }
}
