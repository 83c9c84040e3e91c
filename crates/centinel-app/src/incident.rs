//! An episode as people are told of it.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    anomaly::{Alarm, Metric},
    money::{Currency, Decimal, Pico},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::events::Verdict;

/// An episode as people see it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Incident {
    /// `E-1`, …: the same for as long as the episode is known.
    pub id: String,
    /// What it is about, by dimension.
    pub scope: BTreeMap<String, String>,
    /// What was unusually high.
    pub metrics: BTreeSet<Metric>,
    /// The one of them that exceeded its usual value most, as a share.
    pub main_metric: Metric,
    /// Its value over the window of its latest alarm; `None` where a day of the window does not state
    /// what it is made of. Estimate.
    pub observed: Option<Decimal>,
    /// What it would usually have been. Estimate.
    pub expected: Option<Decimal>,
    /// First day.
    pub start: Date,
    /// Last day so far.
    pub last: Date,
    /// The last day with data is part of it, and nobody said that it was meant or muted it.
    pub is_open: bool,
    /// Where it stands.
    pub state: IncidentState,
    /// The last thing that a person said of it.
    pub verdict: Option<Verdict>,
    /// Cost beyond the expected, an estimate.
    pub impact: Pico,
    /// Of `impact`.
    pub currency: Currency,
    /// The largest excess of a metric, as a share: 0.68 is 68 % more.
    pub effects: BTreeMap<String, String>,
    /// Who is accountable, if that is known.
    pub owner: Option<String>,
    /// The impact is below the minimum that people asked for.
    pub is_small: bool,
    /// Further parts of the spend that show it.
    pub seen_in: Vec<String>,
    /// The start of its first unusual hour, where the hours of the last days show it.
    #[serde(default)]
    pub began_at: Option<Timestamp>,
    /// The start of its last unusual hour so far, of an episode that hours show and days do not (yet).
    #[serde(default)]
    pub last_hour: Option<Timestamp>,
    /// Of an episode of everything: where at least half of its change is; empty where no place holds
    /// that much. `None` for an episode that has a scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<BTreeMap<String, String>>,
}

impl Incident {
    /// Whether people are shown it without asking: nobody muted it or said that it was meant.
    pub fn is_shown(&self) -> bool {
        matches!(self.state, IncidentState::Open | IncidentState::Ended)
    }
}

/// Where an episode stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// The last day with data is part of it.
    Open,
    /// Its level is usual again.
    Ended,
    /// A person said that it was meant.
    Expected,
    /// A mute of somebody's holds it.
    Muted,
}

/// The largest excess of each metric, as text.
pub(crate) fn effects(alarms: &[Alarm]) -> BTreeMap<String, String> {
    let mut effects: BTreeMap<String, f64> = BTreeMap::new();
    for alarm in alarms {
        let effect = effects.entry(metric_name(alarm.metric)).or_default();
        *effect = effect.max(alarm.effect_ratio);
    }
    effects.into_iter().map(|(name, ratio)| (name, ratio_text(ratio))).collect()
}

/// The latest alarm of the metric with the largest excess; one whose value is known, if there is one.
pub(crate) fn main_alarm(alarms: &[Alarm]) -> Option<&Alarm> {
    let rank = |alarm: &&Alarm| (!alarm.observed.is_zero(), alarm.effect_ratio);
    let largest = alarms.iter().max_by(|a, b| {
        let ((known, ratio), (other_known, other_ratio)) = (rank(a), rank(b));
        known.cmp(&other_known).then(ratio.total_cmp(&other_ratio))
    })?;
    alarms
        .iter()
        .filter(|alarm| alarm.metric == largest.metric)
        .max_by_key(|alarm| (!alarm.observed.is_zero(), alarm.date))
}

/// `tokens_per_call`.
pub(crate) fn metric_name(metric: Metric) -> String {
    serde_json::to_value(metric)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// A ratio at four decimals, as text: statistics travel as strings as well.
fn ratio_text(ratio: f64) -> String {
    format!("{ratio:.4}")
}
