//! Daily cost anomalies: which days, by which driver, and how much they cost.
//!
//! Days are judged in order, each from that day and earlier ones only: the mean excess of the last 1,
//! 3, 7, 14 and 21 days over a robust baseline of the usual days before, in units of how far such
//! means usually stray. An alarm stays while the excess does and ends with it; days of an episode are
//! no part of later baselines until they have lasted. Five metrics are judged alike: the total, and the
//! ratios whose product it is, because a total cannot show a prompt that doubled while traffic halved.
//!
//! Everything is done on logarithms, so that alarms depend on no currency, no unit and no minimum
//! amount. `observed`, `expected`, `low`, `high` and `impact` are estimates from floating-point
//! statistics, printed as decimals; they are never booked.

mod baseline;
mod calendar;
pub mod cause;
mod detect;
mod episode;
pub mod holidays;
mod hourly;
mod metric;
mod prior;
mod ranked;
mod scale;
mod shape;
mod track;
pub mod watch;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::money::{Decimal, Pico};

pub(crate) use baseline::median;
pub use calendar::{Calendar, Planned};
pub use detect::{detect, detect_among};
pub use episode::{Episode, episodes};
pub use hourly::{
    HourlyAlarm, HourlyConfig, HourlyEpisode, HourlySeries, detect_hourly, hourly_episodes,
};
pub use metric::{MetricConfig, MetricDetector};
pub use prior::{Kin, Siblings};

/// One day of a series. Counts that a series does not have are `None`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Settled cost of the day, in any currency.
    pub cost: f64,
    /// Share of that cost that was visible when the day was first judged, above 0 and at most 1.
    pub visible_share: f64,
    /// Business outputs.
    pub outputs: Option<f64>,
    /// Model calls.
    pub calls: Option<f64>,
    /// Input tokens, cached ones included.
    pub tokens_in: Option<f64>,
    /// Those of them that were read from a cache.
    pub tokens_cached: Option<f64>,
    /// Output tokens.
    pub tokens_out: Option<f64>,
    /// Calls that failed, and calls that repeat a failed one.
    pub failed_calls: Option<f64>,
}

impl Point {
    /// A day that has nothing but a cost, all of it visible at once.
    pub const fn of_cost(cost: f64) -> Self {
        Self {
            cost,
            visible_share: 1.0,
            outputs: None,
            calls: None,
            tokens_in: None,
            tokens_cached: None,
            tokens_out: None,
            failed_calls: None,
        }
    }
}

/// The days of one series without a gap; a day without data has a cost of zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in answers and calendars.
    pub name: String,
    /// The day of the first point.
    pub first_day: Date,
    /// One point a day.
    pub points: Vec<Point>,
}

/// What is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Cost of the day.
    Total,
    /// Cost over outputs.
    CostPerOutput,
    /// Weighted tokens over calls; an output token weighs [`OUTPUT_TOKEN_WEIGHT`] input tokens.
    TokensPerCall,
    /// Cost over weighted tokens.
    PricePerToken,
    /// Calls over outputs.
    CallsPerOutput,
    /// Input tokens that were not read from a cache, over input tokens: 1 less the cache-hit share.
    CacheMissShare,
    /// Calls that failed or repeat a failed one, over calls.
    FailedCallShare,
}

impl Metric {
    /// What a series file tells, in the order of answers.
    pub const OF_SERIES: [Self; 5] = [
        Self::Total,
        Self::CostPerOutput,
        Self::TokensPerCall,
        Self::PricePerToken,
        Self::CallsPerOutput,
    ];

    /// What a ledger tells.
    pub const OF_LEDGER: [Self; 7] = [
        Self::Total,
        Self::CostPerOutput,
        Self::TokensPerCall,
        Self::PricePerToken,
        Self::CallsPerOutput,
        Self::CacheMissShare,
        Self::FailedCallShare,
    ];
}

/// How many input tokens an output token counts for: list prices of current models ask 4 to 8 times
/// as much for it, and a wrong weight moves excess between tokens and price, not out of sight.
pub const OUTPUT_TOKEN_WEIGHT: f64 = 4.0;

/// How many input tokens a cached one counts for: the list prices of most current models ask a tenth.
pub const CACHED_TOKEN_WEIGHT: f64 = 0.1;

/// Squared coefficient of variation of one call's cost, where only counts of calls are known.
pub const CALL_VARIATION_SQUARED: f64 = 2.0;

/// When to alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What is judged.
    pub metrics: Vec<Metric>,
    /// Lengths of the windows whose mean excess is judged, in days, shortest first; the first is 1.
    pub windows_days: Vec<usize>,
    /// Most usual days in a baseline.
    pub baseline_days: usize,
    /// How far back these days are looked for, when unusual ones are left out.
    pub lookback_days: usize,
    /// The last days of the baseline, which set its level.
    pub level_days: usize,
    /// Fewest usual days in a baseline.
    pub history_days_min: usize,
    /// Fewest usual days since a planned change, or since a level became usual by lasting.
    pub restart_days_min: usize,
    /// Smallest excess that alarms, as a share of the expected value.
    pub effect_ratio_min: f64,
    /// Score at which a total alarms.
    pub total_score_min: f64,
    /// Score at which another metric alarms.
    pub driver_score_min: f64,
    /// Short windows are judged more often and have wilder tails: the score of a window of n days is
    /// divided by 1 + this / n.
    pub short_window_caution: f64,
    /// A window counts half once its last day has less than this share of its excess.
    pub last_day_share: f64,
    /// Smallest usual deviation, as a share: calmer series are judged as if they strayed so far.
    pub deviation_min: f64,
    /// Usual size of the growth of series, as a share a day: a trend is believed as far as its error is
    /// small beside it.
    pub growth_deviation: f64,
    /// An excess that lasts for so many days is the new level.
    pub accepted_after_days: usize,
    /// Squared coefficient of variation of one call's cost, for the sampling error of small days.
    pub call_variation_squared: f64,
    /// Half width of `low` to `high`, in usual deviations.
    pub band_deviations: f64,
    /// Whether a day is judged with the share of its cost that was visible a day later.
    pub as_of: bool,
}

impl Config {
    /// The settings behind the published figures (`docs/concepts/anomalies.md`).
    pub fn published(as_of: bool) -> Self {
        Self {
            metrics: Metric::OF_SERIES.to_vec(),
            windows_days: vec![1, 3, 7, 14, 21],
            baseline_days: 84,
            lookback_days: 112,
            level_days: 28,
            history_days_min: 14,
            restart_days_min: 7,
            effect_ratio_min: 0.08,
            total_score_min: 3.0,
            driver_score_min: 3.5,
            short_window_caution: 0.4,
            last_day_share: 0.5,
            deviation_min: 0.01,
            growth_deviation: 0.003,
            accepted_after_days: 28,
            call_variation_squared: CALL_VARIATION_SQUARED,
            band_deviations: 3.0,
            as_of,
        }
    }
}

/// A day on which a metric was unusually high.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alarm {
    /// Name of the series.
    pub series: String,
    /// The day judged.
    pub date: Date,
    /// What was high.
    pub metric: Metric,
    /// How many days up to `date` the alarm is about: the window that stands out most.
    pub window_days: usize,
    /// The metric over the window: the sum of the total, the quotient of sums of a ratio. Estimate.
    pub observed: Decimal,
    /// What it would have been at the baseline. Estimate.
    pub expected: Decimal,
    /// Lower end of the usual range. Estimate.
    pub low: Decimal,
    /// Upper end of the usual range. Estimate.
    pub high: Decimal,
    /// Excess as a share of the expected value: 0.34 is 34 % more.
    pub effect_ratio: f64,
    /// Excess in usual deviations.
    pub score: f64,
    /// Cost of the window beyond what the expected value would have cost. Estimate, in the currency
    /// of the series.
    pub impact: Decimal,
    /// The part of `impact` that is the day's own.
    #[serde(skip)]
    pub impact_of_day: Decimal,
}

/// A statistic as a decimal: twelve significant digits, at most twelve places. Further digits of a
/// float that went through logarithms are noise.
pub(crate) fn estimate(value: f64) -> Decimal {
    let digits: Decimal = format!("{value:.11e}").parse().unwrap_or_default();
    Pico::round_half_even(digits).map_or(Decimal::ZERO, |rounded| rounded.amount.to_decimal())
}

#[cfg(test)]
mod tests;
