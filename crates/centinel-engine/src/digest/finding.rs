//! An episode as facts: what left its usual range, since when, by how much, and whose it is.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::{
    anomaly::Metric,
    facts::{BundleBuilder, FactStatus},
    money::{Decimal, Money, Pico},
    period::{Period, start_of_day},
};

/// An episode.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// `E-12`.
    pub id: String,
    /// Dimension values of what it is about; empty for all spend.
    pub scope: BTreeMap<String, String>,
    /// Of an episode of all spend, the place that holds at least half of its change.
    pub within: BTreeMap<String, String>,
    /// Its first day.
    pub since: Date,
    /// Its last day, when it is over.
    pub until: Option<Date>,
    /// Cost beyond the expected. Estimate.
    pub impact: Money,
    /// What was unusually high, most of all.
    pub metric: Metric,
    /// By how much that exceeded its usual value, in percent.
    pub excess: Option<Decimal>,
    /// Who is accountable, if that is known.
    pub owner: Option<String>,
    /// Open proposals about the same part.
    pub proposals: Vec<String>,
}

/// The facts of an episode.
///
/// Roles, each after a prefix: `id`, `scope.DIMENSION`, `within.DIMENSION`, `since`, `until` where it is
/// over, `impact`, `excess.METRIC`, `owner`, `proposal.N`.
pub fn add_finding(facts: &mut BundleBuilder, prefix: &str, finding: &Finding) {
    let role = |name: &str| format!("{prefix}{name}");
    let last = finding.until.unwrap_or(finding.since).max(finding.since);
    let window = Period::days(finding.since, last.tomorrow().unwrap_or(last)).ok();
    facts.about(finding.scope.clone(), window).status(FactStatus::Final);
    facts.entity(&role("id"), &finding.id);
    for (dimension, value) in &finding.scope {
        facts.entity(&role(&format!("scope.{dimension}")), value);
    }
    for (dimension, value) in &finding.within {
        facts.entity(&role(&format!("within.{dimension}")), value);
    }
    facts.instant(&role("since"), start_of_day(finding.since));
    if let Some(until) = finding.until {
        facts.instant(&role("until"), start_of_day(until));
    }
    facts.status(FactStatus::Estimated);
    facts.money(&role("impact"), finding.impact);
    facts.direction(finding.impact.amount.cmp(&Pico::ZERO));
    facts.required();
    if let Some(excess) = finding.excess {
        facts.percent(&role(&format!("excess.{}", name_of(finding.metric))), excess);
        facts.direction(excess.cmp(&Decimal::ZERO));
    }
    facts.status(FactStatus::Final);
    if let Some(owner) = &finding.owner {
        facts.entity(&role("owner"), owner);
    }
    for (number, id) in (1_u32..).zip(&finding.proposals) {
        facts.entity(&role(&format!("proposal.{number}")), id);
    }
}

/// As a role names it.
fn name_of(metric: Metric) -> &'static str {
    match metric {
        Metric::Total => "cost",
        Metric::CostPerOutput => "cost_per_output",
        Metric::TokensPerCall => "tokens_per_call",
        Metric::PricePerToken => "price_per_token",
        Metric::CallsPerOutput => "calls_per_output",
        Metric::CacheMissShare => "cache_miss_share",
        Metric::FailedCallShare => "failed_call_share",
    }
}
