//! The steps of the plan, each as a bundle of its own.

use std::{collections::BTreeMap, sync::Arc};

use centinel_approvals::View;
use centinel_engine::{
    attribution::{RepositoryOwners, Routed},
    explain::percent,
    facts::{Bundle, BundleBuilder, FactStatus},
    forecast::CalendarPeriod,
    money::{Decimal, Money, Pico},
    period::Period,
    proposal::{Change, ExpectedSaving, Status},
    series::Dimension,
};
use centinel_ledger::{Condition, Measure, SpendQuery};
use jiff::Timestamp;

use super::{
    join::append,
    plan::{PLAN, Step, StepOutcome, StepTaken},
};
use crate::{
    App, AppError, ExplainRequest, Explained, Incident, cost_per_output, in_one_line, ranked,
    wording::facts_digest,
};

/// Limits and proposals that are told at most.
const TOLD_MAX: usize = 5;

/// What was read of an episode.
pub(super) struct Read {
    /// All of it.
    pub(super) bundle: Bundle,
    /// Digest of the facts that are of the episode itself.
    pub(super) facts: String,
    pub(super) steps: Vec<StepTaken>,
    pub(super) routed: Routed,
    pub(super) proposals: Vec<View>,
}

impl App {
    /// Follows the plan. A step that fails is stated, and the others go on; without knowing whose it is
    /// nobody can be told, so that alone ends it.
    pub(super) async fn read_episode(
        &self,
        incident: &Incident,
        owners: &Arc<Vec<RepositoryOwners>>,
        now: Timestamp,
    ) -> Result<Read, AppError> {
        let app = self.settled().await?;
        let incidents = app.incidents(now).await?;
        let request = app.incident_request(incident, &incidents, now).await?;
        let about = about(incident);
        let explained = app.explain_change(&request, now).await;
        let routed = app.route_change(&request, owners, now).await?;
        let proposals = app.proposals_about(&about, now).await;
        let as_of = app.ledger.span().await?.map(|(_, last)| last);
        let mut bundle = Bundle { as_of, ..BundleBuilder::new("analysis", as_of).build() };
        let mut of_the_episode = bundle.clone();
        let mut steps = Vec::new();
        for step in PLAN {
            let found = match step {
                Step::Explain => match &explained {
                    Ok(explained) => Ok(Some(explained.bundle.clone())),
                    Err(error) => Err(in_one_line(error)),
                },
                // Their facts came with the explanation.
                Step::Places | Step::Links => {
                    steps.push(StepTaken {
                        step,
                        outcome: explained_part(step, &explained, &bundle),
                    });
                    continue;
                }
                Step::CostPerOutput => told(app.output_cost(&request, now).await),
                Step::Outlook => told(app.outlook_of_scope(&about, now).await),
                Step::Proposals => match &proposals {
                    Ok(found) => Ok(proposal_facts(found)),
                    Err(error) => Err(in_one_line(error)),
                },
                Step::Owner => Ok(Some(app.owner_facts(&routed, &about))),
            };
            let outcome = match found {
                Ok(Some(found)) => {
                    if step.is_of_the_episode() {
                        append(&mut of_the_episode, found.clone());
                    }
                    StepOutcome::Found { facts: append(&mut bundle, found) }
                }
                Ok(None) => StepOutcome::Nothing,
                Err(reason) => StepOutcome::Failed { reason },
            };
            steps.push(StepTaken { step, outcome });
        }
        let facts = facts_digest(&of_the_episode);
        let proposals = proposals
            .unwrap_or_default()
            .into_iter()
            .map(|(view, _)| view)
            .take(TOLD_MAX)
            .collect();
        Ok(Read { bundle, facts, steps, routed, proposals })
    }

    /// What an output cost on the days compared with, and what it costs: of one feature, which is all
    /// that outputs know.
    async fn output_cost(
        &self,
        request: &ExplainRequest,
        now: Timestamp,
    ) -> Result<Option<Bundle>, AppError> {
        let of_feature = |condition: &Condition| condition.dimension == Dimension::Feature;
        let is_one = request.filter.len() == 1 && request.filter.iter().all(of_feature);
        let Some(data) = self.ledger.span().await?.filter(|_| is_one) else { return Ok(None) };
        let usual = match self.usual(request, data.0, now).await {
            Err(AppError::NothingBefore) => return Ok(None),
            usual => usual?,
        };
        let before = self.each_output(request, usual.period).await?;
        let after = self.each_output(request, request.period).await?;
        let (Some(before), Some(after)) = (before, after) else { return Ok(None) };
        let (Ok(before), Ok(after)) = (Pico::round_half_even(before), Pico::round_half_even(after))
        else {
            return Ok(None);
        };
        let (before, after) = (before.amount, after.amount);
        let currency = self.config.organisation.currency;
        let money = |amount| Money { amount, currency };
        let dims = dims_of(request);
        let mut facts = BundleBuilder::new("cost_per_output", None);
        facts.about(dims.clone(), Some(usual.period));
        let old = facts.unit_cost("output_cost_before", money(before), "output");
        facts.about(dims, Some(request.period));
        let new = facts.unit_cost("output_cost_after", money(after), "output");
        let delta = after.checked_sub(before)?;
        if let Some(change) = percent(delta, before, 1) {
            facts.percent("output_cost_change", change);
            facts.derived("percent_change", &[&old, &new]).direction(delta.cmp(&Pico::ZERO));
        }
        Ok(Some(facts.build()))
    }

    /// Cost over outputs of a period; `None` without outputs.
    async fn each_output(
        &self,
        request: &ExplainRequest,
        period: Period,
    ) -> Result<Option<Decimal>, AppError> {
        let mut query = SpendQuery::new(period, vec![Measure::Cost, Measure::Outcomes]);
        query.filter.clone_from(&request.filter);
        let table = self.ledger.spend(&query).await?;
        let currency = self.config.organisation.currency;
        let (mut cost, mut outputs) = (Pico::ZERO, Pico::ZERO);
        for row in &table.rows {
            match row.currency.as_deref() {
                None => outputs = outputs.checked_add(row.amount(1))?,
                Some(code) if code == currency.as_str() => {
                    cost = cost.checked_add(row.amount(0))?;
                }
                Some(_) => {}
            }
        }
        Ok(cost_per_output(cost, outputs))
    }

    /// Limits of this spend for the month, and how likely it passes them.
    async fn outlook_of_scope(
        &self,
        about: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<Option<Bundle>, AppError> {
        if about.is_empty() {
            return Ok(None);
        }
        let filter = about.iter().map(|(name, value)| {
            let dimension: Result<Dimension, _> = name.parse();
            let dimension = dimension
                .map_err(|_| AppError::NotFound { what: "dimension", id: name.clone() })?;
            Ok(Condition { dimension, any_of: [value.clone()].into() })
        });
        let filter = filter.collect::<Result<Vec<_>, AppError>>()?;
        let outlooks = self.budget_outlooks(CalendarPeriod::Month, &filter, &[], now).await?;
        let mut facts = BundleBuilder::new("outlook", None);
        facts.about(about.clone(), None);
        for (number, outlook) in (1_u32..).zip(outlooks.limits.iter().take(TOLD_MAX)) {
            let role = |part: &str| format!("limit.{number}{part}");
            facts.status(FactStatus::Final);
            facts.money(&role(""), outlook.limit);
            let Some(forecast) = &outlook.forecast else { continue };
            facts.status(FactStatus::Estimated);
            let total = forecast.period_total.and_then(|total| Pico::round_half_even(total).ok());
            if let Some(total) = total {
                let currency = outlook.limit.currency;
                facts.money(&role(".forecast"), Money { amount: total.amount, currency });
            }
            if let Some(probability) =
                forecast.passing.and_then(|passing| in_percent(passing.probability_above))
            {
                facts.percent(&role(".probability"), probability);
            }
        }
        let built = facts.build();
        Ok((!built.facts.is_empty()).then_some(built))
    }

    /// Proposals about this spend that wait or are carried out, the largest expected saving first.
    pub(super) async fn proposals_about(
        &self,
        about: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<Vec<(View, Option<ExpectedSaving>)>, AppError> {
        let all = self.approvals.all(now).await?;
        let is_current = |view: &View| {
            matches!(
                view.status,
                Status::Pending
                    | Status::Approved
                    | Status::Executing
                    | Status::Unknown
                    | Status::Failed
            )
        };
        let found = all.into_iter().filter(|view| is_current(view) && is_about(view, about));
        let found: Vec<View> = found.collect();
        if found.is_empty() {
            return Ok(Vec::new());
        }
        Ok(ranked(found, &self.calibration(now).await?))
    }
}

/// The values that an episode is about: its scope, or where an episode of everything is.
pub(super) fn about(incident: &Incident) -> BTreeMap<String, String> {
    if incident.scope.is_empty() {
        incident.within.clone().unwrap_or_default()
    } else {
        incident.scope.clone()
    }
}

/// Whether two parts of the spend touch: they share a value, and contradict each other in none.
pub(super) fn touches(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> bool {
    let shared: Vec<bool> = one
        .iter()
        .filter_map(|(name, value)| other.get(name).map(|theirs| theirs == value))
        .collect();
    !shared.is_empty() && shared.iter().all(|same| *same)
}

/// Whether a proposal is about a part of the spend.
pub(super) fn is_about(view: &View, about: &BTreeMap<String, String>) -> bool {
    let proposal = &view.proposal;
    let counted = proposal.counterfactual.as_ref().map(|counted| counted.scope.clone());
    let named = |pairs: &[(&str, &String)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect()
    };
    let changed: Option<BTreeMap<String, String>> = match &proposal.change {
        Change::Budget { scope, .. } => Some(scope.clone()),
        Change::VirtualTag { matches, .. } => Some(matches.clone()),
        Change::Routing { feature, from_model, .. } => {
            Some(named(&[("feature", feature), ("model", from_model)]))
        }
        Change::Caching { feature, model, .. } => {
            Some(named(&[("feature", feature), ("model", model)]))
        }
        Change::Commitment { .. }
        | Change::Rightsize { .. }
        | Change::Schedule { .. }
        | Change::Cleanup { .. } => None,
    };
    [counted, changed].iter().flatten().any(|scope| touches(scope, about))
}

/// A probability of four digits, in percent.
fn in_percent(probability: f64) -> Option<Decimal> {
    format!("{:.2}", probability * 100.0).parse().ok()
}

fn dims_of(request: &ExplainRequest) -> BTreeMap<String, String> {
    let values = request.filter.iter().filter_map(|condition| {
        Some((condition.dimension.to_string(), condition.any_of.first()?.clone()))
    });
    values.collect()
}

fn told(found: Result<Option<Bundle>, AppError>) -> Result<Option<Bundle>, String> {
    found.map_err(|error| in_one_line(&error))
}

/// Which facts of the explanation a step is about.
fn explained_part(
    step: Step,
    explained: &Result<Explained, AppError>,
    bundle: &Bundle,
) -> StepOutcome {
    if explained.is_err() {
        let reason = "the change could not be explained".to_owned();
        return StepOutcome::Failed { reason };
    }
    let prefixes: &[&str] = if step == Step::Places {
        &["place.", "place_rest", "places", "where"]
    } else {
        &["link."]
    };
    let is_part = |role: &str| prefixes.iter().any(|prefix| role.starts_with(prefix));
    let facts: Vec<String> = bundle
        .facts
        .iter()
        .filter(|fact| is_part(&fact.role))
        .map(|fact| fact.id.clone())
        .collect();
    if facts.is_empty() { StepOutcome::Nothing } else { StepOutcome::Found { facts } }
}

fn proposal_facts(found: &[(View, Option<ExpectedSaving>)]) -> Option<Bundle> {
    let mut facts = BundleBuilder::new("proposals", None);
    for (number, (view, expected)) in (1_u32..).zip(found.iter().take(TOLD_MAX)) {
        facts.entity(&format!("proposal.{number}"), &view.proposal.id.to_string());
        if let Some(expected) = expected {
            facts.status(FactStatus::Estimated);
            facts.money(&format!("proposal.{number}.expected_saving"), expected.amount);
            facts.status(FactStatus::Final);
        }
    }
    let built = facts.build();
    (!built.facts.is_empty()).then_some(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_touch_where_they_share_a_value_and_contradict_in_none() {
        let scope = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        for (one, other, expected) in [
            (&[("feature", "a")][..], &[("feature", "a")][..], true),
            (&[("feature", "a"), ("model", "m")], &[("feature", "a")], true),
            (&[("feature", "a"), ("model", "m")], &[("feature", "a"), ("model", "n")], false),
            (&[("feature", "a")], &[("team", "t")], false),
            (&[], &[("team", "t")], false),
            (&[], &[], false),
        ] {
            assert_eq!(touches(&scope(one), &scope(other)), expected, "{one:?} {other:?}");
            assert_eq!(touches(&scope(other), &scope(one)), expected);
        }
    }
}
