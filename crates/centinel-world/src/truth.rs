//! `truth.json`: what was planted, and what it cost.
//!
//! Every planted event comes with both sides, from the same draws: what happened, and what would have
//! happened without it. A call's cost is list price times tokens.

use std::collections::BTreeMap;

use centinel_engine::money::Pico;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    World, calendar,
    organisation::{CallSource, FEATURES, Feature},
    scenario::{Event, Target},
    traffic::Day,
};

/// The truth about a generated company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// [`crate::COMPANY`].
    pub company: String,
    /// Always true.
    pub generated: bool,
    /// Seed of every draw.
    pub seed: u64,
    /// First day of the window, UTC.
    pub first_day: Date,
    /// Last day of the window, UTC, counted whole.
    pub last_day: Date,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// What should be found.
    pub incidents: Vec<Planted>,
    /// What should not be reported.
    pub decoys: Vec<Planted>,
    /// Who owns what.
    pub features: Vec<FeatureTruth>,
    /// Calls that carry no feature and no team, by their true owner.
    pub unowned: Vec<UnownedCalls>,
    /// Models in no price list.
    pub unpriced_models: Vec<String>,
    /// Calls and their cost at list price.
    pub totals: Totals,
    /// Why the providers' invoices differ from the calls.
    pub invoices: InvoiceTruth,
}

/// The way from the logged calls to what the model providers bill: the causes add up exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvoiceTruth {
    /// All logged calls of priced models, at list price.
    pub logged_at_list_price: Pico,
    /// Usage that no log holds, at list price.
    pub unlogged_usage: Pico,
    /// Contract prices below list prices; negative.
    pub contract_discount: Pico,
    /// A model that is billed and in no price list.
    pub unpriced_model: Pico,
    /// Each line is billed in whole cents.
    pub rounding: Pico,
    /// `BilledCost` of all invoice rows.
    pub invoiced: Pico,
}

/// One planted event, as far as it falls into the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planted {
    /// `I-1` for incidents, `D-1` for decoys.
    pub id: String,
    /// `masked_bloat`, `mix_shift`, `retry_storm`, `cache_loss`, `model_swap`, `drift`, `idle_node`,
    /// `spike`; `planned_change`, `holiday`, `month_start_job`, `drop`, `launch`,
    /// `moved_between_accounts`.
    pub kind: String,
    /// What happened, in words.
    pub title: String,
    /// Where, by dimension.
    pub scope: BTreeMap<String, String>,
    /// First instant affected.
    pub start: Timestamp,
    /// Last day affected; absent while it goes on.
    pub last_day: Option<Date>,
    /// `volume`, `calls_per_output`, `tokens_per_call`, `cache`, `mix`, `idle`; `none` for decoys.
    pub driver: String,
    /// The affected days as they happened.
    pub actual: Side,
    /// The same days without the event.
    pub counterfactual: Side,
    /// Actual cost less counterfactual cost.
    pub impact: Pico,
}

/// One side of a planted event: sums over the affected days of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Side {
    /// `EffectiveCost` of charges, list price of calls; unpriced calls count nothing here.
    pub cost: Pico,
    /// For events in model calls.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub traffic: Option<Traffic>,
}

/// Sums over model calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Business outputs that succeeded.
    pub outputs: u64,
    /// Calls, failed ones and retries included.
    pub calls: u64,
    /// Input tokens, cached ones included.
    pub input_tokens: u64,
    /// Input tokens read from a cache.
    pub cached_tokens: u64,
    /// Output tokens, reasoning included.
    pub output_tokens: u64,
}

/// A feature and its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureTruth {
    /// Name, as in every file.
    pub feature: String,
    /// Team that owns it.
    pub team: String,
    /// Application that makes its calls.
    pub application: String,
    /// Business process it serves.
    pub process: String,
    /// Business output it makes.
    pub output_kind: String,
    /// Source that records its calls.
    pub source: String,
    /// What identifies its calls where they carry no feature: the gateway key's alias or the
    /// service's name; absent where nothing does.
    pub recoverable_by: Option<String>,
}

/// Calls without an owner in the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnownedCalls {
    /// True owner.
    pub feature: String,
    /// How many.
    pub calls: u64,
    /// Their cost at list price.
    pub cost: Pico,
}

/// Sums over all calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Calls in all files.
    pub calls: u64,
    /// Calls of unpriced models.
    pub unpriced_calls: u64,
    /// Their tokens, input and output.
    pub unpriced_tokens: u64,
    /// List price of all priced calls.
    pub cost: Pico,
    /// List price of the calls that carry no owner.
    pub unowned_cost: Pico,
    /// By month, `2026-10`.
    pub months: BTreeMap<String, MonthTotal>,
    /// List price by feature.
    pub features: BTreeMap<String, Pico>,
    /// `EffectiveCost` of all charges by category and month.
    pub charges: BTreeMap<String, BTreeMap<String, Pico>>,
}

/// Calls of one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonthTotal {
    /// Calls.
    pub calls: u64,
    /// Their list price.
    pub cost: Pico,
}

impl World {
    /// Incidents and decoys that fall into the window, with both sides of each.
    ///
    /// Two events with one id, a move between two accounts, become one entry.
    pub fn planted(&self) -> (Vec<Planted>, Vec<Planted>) {
        let (mut incidents, mut decoys) = (Vec::new(), Vec::<Planted>::new());
        for event in &self.events {
            let Some((first, last)) = self.affected(event) else { continue };
            let list = if event.is_incident { &mut incidents } else { &mut decoys };
            if list.iter().any(|planted: &Planted| planted.id == event.id) {
                continue;
            }
            let actual = self.side(event, first, last, None);
            let counterfactual = self.side(event, first, last, Some(event.id));
            list.push(Planted {
                id: event.id.to_owned(),
                kind: event.kind.to_owned(),
                title: event.title.to_owned(),
                scope: scope(event),
                start: event
                    .start
                    .to_zoned(TimeZone::UTC)
                    .map_or(Timestamp::MIN, |start| start.timestamp()),
                last_day: event.last_day,
                driver: event.driver.to_owned(),
                actual,
                counterfactual,
                impact: Pico(actual.cost.0 - counterfactual.cost.0),
            });
        }
        (incidents, decoys)
    }

    fn affected(&self, event: &Event) -> Option<(Date, Date)> {
        event.days_within(self.first_day, self.config.end)
    }

    fn side(&self, event: &Event, first: Date, last: Date, without: Option<&str>) -> Side {
        let mut side = Side::default();
        for day in calendar::days(first, last) {
            match event.target {
                Target::Charges(_) => {
                    side.cost.0 += self.charged(event.id, day, without).0;
                }
                Target::Feature(name) => {
                    for feature in FEATURES.iter().filter(|feature| feature.name == name) {
                        side.add(&self.feature_day(feature, day, without));
                    }
                }
                Target::AllFeatures if calendar::is_holiday(day) => {
                    for feature in &FEATURES {
                        side.add(&self.feature_day(feature, day, without));
                    }
                }
                Target::AllFeatures => {}
            }
        }
        side
    }
}

fn scope(event: &Event) -> BTreeMap<String, String> {
    let pairs: Vec<(&str, &str)> = match event.target {
        Target::Feature(name) => FEATURES
            .iter()
            .filter(|feature| feature.name == name)
            .flat_map(|feature| [("feature", feature.name), ("team", feature.team)])
            .collect(),
        Target::AllFeatures => Vec::new(),
        Target::Charges(label) => crate::charges::charge_scope(label),
    };
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

impl Side {
    fn add(&mut self, day: &Day) {
        let traffic = self.traffic.get_or_insert_default();
        traffic.outputs += u64::try_from(day.outputs.len()).unwrap_or_default();
        for call in &day.calls {
            traffic.calls += 1;
            traffic.input_tokens += call.input;
            traffic.cached_tokens += call.cache_read;
            traffic.output_tokens += call.output;
            self.cost.0 += call.cost().map_or(0, |cost| cost.0);
        }
    }
}

/// Who owns what, and how ownership could be recovered.
pub(crate) fn feature_truth() -> Vec<FeatureTruth> {
    FEATURES.iter().map(feature_row).collect()
}

fn feature_row(feature: &Feature) -> FeatureTruth {
    let (source, recoverable_by) = match feature.source {
        CallSource::Gateway => ("gateway", Some(crate::files::litellm::key_alias(feature))),
        CallSource::Sdk => ("sdk", None),
        CallSource::Telemetry => ("telemetry", Some(feature.application.to_owned())),
    };
    FeatureTruth {
        feature: feature.name.to_owned(),
        team: feature.team.to_owned(),
        application: feature.application.to_owned(),
        process: feature.process.to_owned(),
        output_kind: feature.output_kind.to_owned(),
        source: source.to_owned(),
        recoverable_by,
    }
}
