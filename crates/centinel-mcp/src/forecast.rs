//! What the `forecast` tool is asked and answers.

use centinel_engine::{
    forecast::{Assumption, CalendarPeriod, Method},
    money::{Decimal, Pico},
    period::Period,
    series::Dimension,
};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    answer::{Basis, Scope},
    imported::{Label, Sentence},
    portable::{DayText, DecimalText, Word},
    proposal::BudgetPeriod,
    request::{Filter, Page},
};

/// Which days are forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForecastWindow {
    /// The period of the calendar that the first day without data is in.
    Calendar(CalendarPeriod),
    /// Exactly these days.
    Exact(Period),
}

/// Asks [`Answers::forecast`](crate::Answers::forecast).
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastRequest {
    /// Which days.
    pub window: ForecastWindow,
    /// What the rows stand for; `None` is the kind of spend.
    pub group_by: Option<Dimension>,
    /// What counts.
    pub filter: Filter,
    /// An amount whose passing is asked about.
    pub amount: Option<Decimal>,
    /// Scenario.
    pub assumptions: Vec<Assumption>,
    /// Which rows; their order is by expected cost, largest first, ties by name.
    pub page: Page,
}

/// Answers [`Answers::forecast`](crate::Answers::forecast).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ForecastAnswer {
    /// Expected total with its band, what is not in it.
    pub summary: Sentence,
    /// All rows together; its bands are its own, not the sums of theirs.
    pub total: Expected,
    /// Days before this one were seen, this and later ones are estimated.
    #[schemars(with = "DayText")]
    pub first_day_ahead: Date,
    /// Probability that the period costs more than the amount asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub probability_above: Option<Decimal>,
    /// The day on which that amount is expected to be reached; absent when not within the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DayText>")]
    pub reached_on: Option<Date>,
    /// What changes of model were computed from; at most eight.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models_assumed: Vec<ModelAssumed>,
    /// Limits of the home for this kind of period: that of the part asked about, else all of them, the
    /// likeliest to be passed first. At most ten are sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<BudgetOutlook>,
    /// One page.
    pub rows: Vec<ForecastRow>,
    /// Rows on all pages.
    pub row_count: u64,
    /// What it stands on; the coverage is that of the last 28 days seen.
    #[serde(flatten)]
    pub basis: Basis,
}

/// What something is expected to cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Expected {
    /// Of the period, exactly, so far.
    #[schemars(with = "DecimalText")]
    pub seen: Pico,
    /// Seen and estimated together; absent without history. Under the scenario, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub expected: Option<Pico>,
    /// Lower end of the band that holds 80 % of outcomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub low_80: Option<Pico>,
    /// Upper end of the band that holds 80 % of outcomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub high_80: Option<Pico>,
    /// Lower end of the band that holds 95 % of outcomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub low_95: Option<Pico>,
    /// Upper end of the band that holds 95 % of outcomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub high_95: Option<Pico>,
    /// `expected` without the scenario.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub without_assumptions: Option<Pico>,
}

/// One group of a forecast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ForecastRow {
    /// The value.
    pub group: Label,
    /// What it is expected to cost.
    #[serde(flatten)]
    pub expected: Expected,
    /// How it was forecast.
    #[schemars(with = "Word")]
    pub method: Method,
    /// Calls of the last 28 days seen without a price: what such calls cost is in no figure.
    pub unpriced_calls: u64,
}

/// A limit against what is expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BudgetOutlook {
    /// Whose spend it limits; empty for all of it.
    pub scope: Scope,
    /// How long it lasts.
    pub per: BudgetPeriod,
    /// The limit, in the answer's currency.
    #[schemars(with = "DecimalText")]
    pub limit: Pico,
    /// Of the period, exactly, so far; absent without history.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub seen: Option<Pico>,
    /// Seen and estimated together; absent without history.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub expected: Option<Pico>,
    /// Probability that the period costs more than the limit; absent without history.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    pub probability_above: Option<Decimal>,
    /// The day on which the limit is expected to be reached; absent when not within the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DayText>")]
    pub reached_on: Option<Date>,
}

/// A change of model, from the calls of the last 28 days seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModelAssumed {
    /// The model that calls are taken from.
    pub model: Label,
    /// The model whose price they get.
    pub instead: Label,
    /// Its calls.
    pub calls: u64,
    /// What they cost, as booked.
    #[schemars(with = "DecimalText")]
    pub cost: Pico,
    /// What the same tokens cost at the other model.
    #[schemars(with = "DecimalText")]
    pub cost_instead: Pico,
}
