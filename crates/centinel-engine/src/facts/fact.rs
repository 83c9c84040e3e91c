//! One fact.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{money::Currency, period::Period};

/// What a fact's `value` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactKind {
    /// An amount; `value` is a decimal, `currency` is set.
    Money,
    /// A whole number of `unit`.
    Count,
    /// A share in percent: `68` is 68 %.
    Percent,
    /// A difference of two percentages.
    Points,
    /// A quotient, such as cost per output.
    Ratio,
    /// A length of time in `unit`.
    Duration,
    /// An RFC 3339 instant or a calendar date.
    Date,
    /// A name from the data: a team, a feature, a model. Hostile text; escape it at every sink.
    Entity,
    /// A position in an order, 1 first.
    Rank,
}

/// Where a change points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More than before.
    Up,
    /// Less than before.
    Down,
    /// The same.
    Flat,
}

/// How settled a fact is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum FactStatus {
    /// The data behind it is complete.
    #[default]
    Final,
    /// Data may still arrive.
    Provisional,
    /// A model or an assumption is in it; the derivation says which.
    Estimated,
}

/// How a fact follows from other facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derivation {
    /// `difference`, `percent_change`, `share`, `quotient`, `rank`, `shapley`, ….
    pub op: String,
    /// Ids of the facts it was computed from, in the operation's order.
    pub inputs: Vec<String>,
}

/// One figure, name or date, with all that is needed to say it correctly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// `F1`, `F2`, … in the order of the bundle.
    pub id: String,
    /// What it is in this bundle, by a stable name: `cost_before`, `effect.tokens_per_call`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// What `value` is.
    pub kind: FactKind,
    /// The exact value as text: a decimal, a date, a name.
    pub value: String,
    /// Of money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Of counts, ratios, durations; of money, what it is the cost of one of (`call`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it is about: `feature` → `support-answers`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dims: BTreeMap<String, String>,
    /// When it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Period>,
    /// Of a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Where it came from, when from other facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derivation: Option<Derivation>,
    /// How settled it is.
    #[serde(default)]
    pub status: FactStatus,
}
