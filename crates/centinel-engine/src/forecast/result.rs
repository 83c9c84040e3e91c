//! What a forecast says.

use jiff::civil::Date;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::money::Decimal;

/// How a forecast was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The whole period was seen.
    Seen,
    /// Level, trend, weekdays, holidays.
    Course,
    /// The same, with a change that is under way.
    CourseAndEvent,
    /// Fewer than two weeks: a level, and the weekdays of the other series.
    Young,
    /// Means by weekday, for series with cost on few days or with credits.
    Means,
    /// One cost a month, on the same day.
    Monthly,
    /// No cost for a week or more.
    Stopped,
    /// Forecasts of the series, added up.
    Sum,
    /// Nothing was seen: no forecast.
    NoHistory,
}

/// A range that is meant to hold the outcome with some probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// In percent.
    pub level: u32,
    /// Lower end. Estimate.
    pub low: Decimal,
    /// Upper end. Estimate.
    pub high: Decimal,
}

/// One day of a forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayCost {
    /// The day.
    pub date: Date,
    /// Its cost: exact where seen, otherwise an estimate.
    pub cost: Decimal,
    /// Whether it was seen.
    pub seen: bool,
    /// Of the day alone, by level, when they were asked for; those of days do not add up to those of a
    /// period, as errors of days cancel.
    pub bands: Vec<Band>,
}

impl Serialize for DayCost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("date", &self.date)?;
        map.serialize_entry("cost", &self.cost)?;
        map.serialize_entry("seen", &self.seen)?;
        serialize_bands(&self.bands, &mut map)?;
        map.end()
    }
}

fn serialize_bands<M: SerializeMap>(bands: &[Band], map: &mut M) -> Result<(), M::Error> {
    for band in bands {
        map.serialize_entry(&format!("low_{}", band.level), &band.low)?;
        map.serialize_entry(&format!("high_{}", band.level), &band.high)?;
    }
    Ok(())
}

/// Whether and when an amount is passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Passing {
    /// Probability that the period costs more, four digits.
    pub probability_above: f64,
    /// The first day on which seen and expected costs reach it; `None` within the period.
    pub date_expected: Option<Date>,
}

/// The forecast of one series, or of all.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Name of the series, or [`TOTAL`](super::TOTAL).
    pub series: String,
    /// Seen days and days ahead, added exactly; `None` without history.
    pub period_total: Option<Decimal>,
    /// Exact sum of the seen days of the period.
    pub seen: Decimal,
    /// By level, as asked.
    pub bands: Vec<Band>,
    /// How it was made.
    pub method: Method,
    /// Every day of the period; they add up to `period_total` exactly.
    pub days: Vec<DayCost>,
    /// When an amount was asked about.
    pub passing: Option<Passing>,
}

impl Serialize for Forecast {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("series", &self.series)?;
        map.serialize_entry("period_total", &self.period_total)?;
        map.serialize_entry("seen", &self.seen)?;
        serialize_bands(&self.bands, &mut map)?;
        map.serialize_entry("method", &self.method)?;
        if let Some(passing) = &self.passing {
            map.serialize_entry("probability_above", &passing.probability_above)?;
            map.serialize_entry("date_expected", &passing.date_expected)?;
        }
        map.end()
    }
}

/// The forecasts of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecasts {
    /// In the order of the series.
    pub series: Vec<Forecast>,
    /// All of them. Its point and days are the sums of the parts; its bands are not: errors of parts
    /// cancel as far as they did before.
    pub total: Forecast,
}
