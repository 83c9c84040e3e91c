//! Families of spend: how much, which weekdays, how noisy.

use super::{DAYS, date_of, tokens::Workload};
use crate::random::Random;

/// A kind of spend.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Family {
    /// Features that companies use on working days.
    B2b,
    /// Features that people use every day.
    Consumer,
    /// Jobs, one heavy weekday, often the first of the month.
    Batch,
    /// Agents: few calls of heavy-tailed size.
    Agent,
    /// A few dozen outputs a day.
    Smallfeature,
    /// Machines that run all the time.
    CloudSteady,
    /// Machines that follow traffic.
    CloudElastic,
}

/// Families with their share of the series.
pub(crate) const SHARES: [(Family, f64); 7] = [
    (Family::B2b, 0.20),
    (Family::Consumer, 0.15),
    (Family::Batch, 0.12),
    (Family::Agent, 0.18),
    (Family::Smallfeature, 0.12),
    (Family::CloudSteady, 0.11),
    (Family::CloudElastic, 0.12),
];

impl Family {
    /// The name in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::B2b => "b2b",
            Self::Consumer => "consumer",
            Self::Batch => "batch",
            Self::Agent => "agent",
            Self::Smallfeature => "smallfeature",
            Self::CloudSteady => "cloud_steady",
            Self::CloudElastic => "cloud_elastic",
        }
    }

    /// Spend without models: no calls, no tokens.
    pub(crate) fn is_cloud(self) -> bool {
        matches!(self, Self::CloudSteady | Self::CloudElastic)
    }

    /// What its calls are like.
    pub(crate) fn workload(self) -> Workload {
        match self {
            Self::Batch => Workload::Code,
            Self::Agent | Self::Smallfeature => Workload::Agent,
            Self::B2b | Self::Consumer | Self::CloudSteady | Self::CloudElastic => {
                Workload::Conversation
            }
        }
    }

    /// Logarithm of the usual outputs of each day: base, growth, noise, weekdays, holidays.
    pub(crate) fn log_outputs(self, random: &mut Random) -> Vec<f64> {
        let base = match self {
            Self::B2b => random.lognormal(8.5, 1.0),
            Self::Consumer => random.lognormal(9.5, 1.0),
            Self::Batch => random.lognormal(8.0, 1.0),
            Self::Agent => random.lognormal(6.3, 0.8),
            Self::Smallfeature => random.lognormal(4.2, 0.5),
            Self::CloudSteady | Self::CloudElastic => random.lognormal(6.0, 1.0),
        };
        let (weekdays, holiday) = self.weekdays_and_holiday(random);
        let growth = if self.is_cloud() {
            random.normal(0.0004, 0.0008)
        } else {
            random.normal(0.0012, 0.002)
        };
        let noise = match self {
            Self::B2b => 0.05,
            Self::Consumer => 0.06,
            Self::Batch => 0.04,
            Self::Agent | Self::Smallfeature => 0.12,
            Self::CloudSteady => 0.012,
            Self::CloudElastic => 0.045,
        } * random.uniform(0.7, 1.5);
        let persistence = random.uniform(0.2, 0.6);
        let wander = autoregression(random, persistence, noise);
        let month_start = if self == Self::Batch && random.unit() < 0.6 {
            random.uniform(1.4, 2.5).ln()
        } else {
            0.0
        };
        let usual = |(day, wander): (usize, f64)| {
            let date = date_of(day);
            let weekday = date.weekday().to_monday_zero_offset() as usize;
            let mut level = base.ln() + growth * day as f64 + wander + weekdays[weekday].ln();
            if is_federal_holiday(day) {
                level += holiday.ln();
            } else if is_christmas(day) && matches!(self, Self::B2b | Self::Agent) {
                level += (holiday * 1.6).min(1.0).ln();
            }
            if date.day() == 1 {
                level += month_start;
            }
            level
        };
        wander.into_iter().enumerate().map(usual).collect()
    }

    /// Factor by weekday, Monday first, and factor of a holiday.
    fn weekdays_and_holiday(self, random: &mut Random) -> ([f64; 7], f64) {
        let mut week = |working: (f64, f64), weekend: (f64, f64)| {
            std::array::from_fn(|weekday| {
                let (low, high) = if weekday < 5 { working } else { weekend };
                random.uniform(low, high)
            })
        };
        match self {
            Self::B2b => (week((0.92, 1.08), (0.08, 0.45)), random.uniform(0.1, 0.5)),
            Self::Consumer => (week((0.9, 1.05), (1.0, 1.35)), random.uniform(0.9, 1.25)),
            Self::Batch => {
                let mut weekdays = [1.0; 7];
                weekdays[random.whole(0, 7)] = random.uniform(1.3, 2.2);
                (weekdays, 1.0)
            }
            Self::Agent => (week((0.85, 1.15), (0.1, 0.6)), random.uniform(0.15, 0.6)),
            Self::Smallfeature => (week((0.85, 1.15), (0.3, 0.8)), random.uniform(0.3, 0.8)),
            Self::CloudSteady => ([1.0; 7], 1.0),
            Self::CloudElastic => (week((0.95, 1.05), (0.6, 0.9)), random.uniform(0.6, 0.9)),
        }
    }
}

/// First-order autoregression from zero.
pub(crate) fn autoregression(random: &mut Random, persistence: f64, noise: f64) -> Vec<f64> {
    let mut value = 0.0;
    (0..DAYS)
        .map(|day| {
            let shock = random.normal(0.0, noise);
            value = if day == 0 { 0.0 } else { persistence * value + shock };
            value
        })
        .collect()
}

/// Holidays of the United States in the span (5 U.S.C. 6103): Labor Day, Columbus Day, Veterans Day,
/// Thanksgiving, Christmas, New Year's Day, Martin Luther King Jr. Day, Washington's Birthday.
fn is_federal_holiday(day: usize) -> bool {
    let date = date_of(day);
    matches!(
        (date.month(), date.day()),
        (9, 1) | (10, 13) | (11, 11 | 27) | (12, 25) | (1, 1 | 19) | (2, 16)
    )
}

/// The quiet days around Christmas and the new year.
fn is_christmas(day: usize) -> bool {
    let date = date_of(day);
    (date.month() == 12 && date.day() >= 24) || (date.month() == 1 && date.day() <= 1)
}

/// Days that the calendar calls holidays.
pub(crate) fn holidays() -> Vec<usize> {
    (0..DAYS).filter(|day| is_federal_holiday(*day) || is_christmas(*day)).collect()
}
