//! A proposal as facts: what it asks for, what it promises, what came of it.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

use super::{change, outlook::every};
use crate::{
    facts::{Bundle, BundleBuilder, FactKind, FactStatus},
    money::{Decimal, Money},
    period::{date_of, start_of_day},
    proposal::{Change, Payment, Proposal, Stage},
};

/// A realised saving, as measured last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whole days after the change.
    pub days: u32,
    /// A month; negative when the change cost more.
    pub realised: Money,
}

/// A proposal, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct ProposalFacts<'a> {
    /// The proposal.
    pub proposal: &'a Proposal,
    /// How far it is.
    pub stage: Stage,
    /// Its promise, seen through what became of earlier ones of its kind.
    pub expected: Option<Money>,
    /// When it was carried out.
    pub executed_on: Option<Date>,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// What is known, up to when.
    pub as_of: Option<Timestamp>,
}

/// Resources of a cleanup that are named.
const RESOURCES_MAX: usize = 3;

impl ProposalFacts<'_> {
    /// The facts.
    ///
    /// Roles: `id`, `owner`; of the change, after its kind, as `routing.from_model`; `saving.low`,
    /// `saving.mid`, `saving.high`, `saving.expected`; `realised`, `realised_days`, `realised_share`;
    /// `executed_on`, `expires_on`, `risk`. Whether it can be undone is a caveat.
    pub fn bundle(&self) -> Bundle {
        let Self { proposal, .. } = *self;
        let mut facts = BundleBuilder::new("proposal", self.as_of);
        facts.about(scope(&proposal.change), None);
        facts.entity("id", &proposal.id.to_string());
        facts.required();
        facts.entity("owner", &proposal.owner);
        add_change(&mut facts, &proposal.change);
        facts.status(FactStatus::Estimated);
        if let Some(saving) = proposal.saving {
            facts.monthly("saving.mid", saving.mid);
            facts.required();
            if saving.low != saving.high {
                facts.monthly("saving.low", saving.low);
                facts.monthly("saving.high", saving.high);
            }
        }
        if let Some(expected) = self.expected.filter(|_| self.outcome.is_none()) {
            facts.monthly("saving.expected", expected);
        }
        facts.status(FactStatus::Final);
        if let Some(day) = self.executed_on {
            facts.instant("executed_on", start_of_day(day));
        }
        if let Some(Outcome { days, realised }) = self.outcome {
            facts.count("realised_days", days, "days");
            let realised_id = facts.monthly("realised", realised);
            facts.required();
            let promised = proposal.saving.map(|saving| saving.mid);
            let promised = promised.filter(|promised| promised.currency == realised.currency);
            if let Some(share) =
                promised.and_then(|promised| change::share(realised.amount, promised.amount))
            {
                facts.percent("realised_share", share);
                facts.derived("quotient", &[&realised_id]);
            }
        }
        if self.stage == Stage::Open {
            facts.instant("expires_on", start_of_day(date_of(proposal.expires_at)));
        }
        facts.entity("risk", risk(proposal));
        facts.caveat(match self.stage {
            Stage::Open => "It waits for a decision.",
            Stage::Approved => "It is approved, and yet to be carried out.",
            Stage::Executed => "It is carried out, and yet to be measured.",
            Stage::Realised => "It is carried out and measured.",
            Stage::Ended => "It ended, and nothing of it is in force.",
        });
        facts.caveat(if proposal.reversible {
            "It can be undone."
        } else {
            "It cannot be undone."
        });
        facts.build()
    }
}

fn risk(proposal: &Proposal) -> &'static str {
    match proposal.risk {
        crate::proposal::Risk::Low => "low",
        crate::proposal::Risk::Medium => "medium",
        crate::proposal::Risk::High => "high",
    }
}

fn scope(change: &Change) -> BTreeMap<String, String> {
    let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    match change {
        Change::Budget { scope, .. } => scope.clone(),
        Change::VirtualTag { matches, .. } => matches.clone(),
        Change::Routing { feature, .. } | Change::Caching { feature, .. } => {
            one("feature", feature)
        }
        Change::Commitment { provider, .. } => one("provider", provider),
        Change::Rightsize { workload, .. } => one("workload", workload),
        Change::Schedule { .. } | Change::Cleanup { .. } => BTreeMap::new(),
    }
}

fn add_change(facts: &mut BundleBuilder, change: &Change) {
    match change {
        Change::Budget { scope, period, limit, previous_limit } => {
            for (dimension, value) in scope {
                facts.entity(&format!("budget.scope.{dimension}"), value);
            }
            facts.money(&format!("budget.limit.{}", every(*period)), *limit);
            if let Some(previous) = previous_limit {
                facts.money("budget.previous", *previous);
            }
        }
        Change::VirtualTag { name, value, matches, previous_value } => {
            facts.entity("tag.name", name);
            facts.entity("tag.value", value);
            for (dimension, value) in matches {
                facts.entity(&format!("tag.matches.{dimension}"), value);
            }
            if let Some(previous) = previous_value {
                facts.entity("tag.previous", previous);
            }
        }
        Change::Routing { feature, from_model, to_model, share_ratio } => {
            facts.entity("routing.feature", feature);
            facts.entity("routing.from_model", from_model);
            facts.entity("routing.to_model", to_model);
            if let Some(share) = change::in_percent(*share_ratio) {
                facts.percent("routing.share", share);
            }
        }
        Change::Caching { feature, model, ttl_seconds, previous_ttl_seconds } => {
            facts.entity("caching.feature", feature);
            facts.entity("caching.model", model);
            for (role, seconds) in
                [("caching.ttl", ttl_seconds), ("caching.previous_ttl", previous_ttl_seconds)]
            {
                if let Some(seconds) = seconds {
                    duration(facts, role, u64::from(*seconds), "seconds");
                }
            }
        }
        Change::Commitment { provider, offer, commitment_per_hour, term_hours, payment } => {
            facts.entity("commitment.provider", provider);
            facts.entity("commitment.offer", offer);
            facts.unit_cost("commitment.per_hour", *commitment_per_hour, "hour");
            duration(facts, "commitment.term", u64::from(*term_hours), "hours");
            facts.entity(
                "commitment.payment",
                match payment {
                    Payment::NoUpfront => "hourly",
                    Payment::PartialUpfront => "in part upfront",
                    Payment::AllUpfront => "upfront",
                },
            );
        }
        Change::Rightsize { workload, container, from, to } => {
            facts.entity("rightsize.workload", workload);
            facts.entity("rightsize.container", container);
            for (role, value, unit) in [
                ("rightsize.cpu_from", from.cpu_cores, "cores"),
                ("rightsize.cpu_to", to.cpu_cores, "cores"),
                ("rightsize.memory_from", mebibytes(from.memory_bytes), "MiB"),
                ("rightsize.memory_to", mebibytes(to.memory_bytes), "MiB"),
            ] {
                facts.count(role, value, unit);
            }
        }
        Change::Schedule { resource, time_zone, start_cron, stop_cron } => {
            facts.entity("schedule.resource", resource);
            facts.entity("schedule.time_zone", time_zone);
            facts.entity("schedule.start", start_cron);
            facts.entity("schedule.stop", stop_cron);
        }
        Change::Cleanup { resource_ids } => {
            facts.count("cleanup.count", resource_ids.len(), "resources");
            for (number, id) in (1_u32..).zip(resource_ids.iter().take(RESOURCES_MAX)) {
                facts.entity(&format!("cleanup.resource.{number}"), id);
            }
        }
    }
}

fn duration(facts: &mut BundleBuilder, role: &str, length: u64, unit: &str) {
    facts.add(role, FactKind::Duration, length);
    facts.with_unit(unit);
}

/// At six decimals, which are less than a byte.
fn mebibytes(bytes: u64) -> Decimal {
    let mebibyte = Decimal::from_integer(1 << 20);
    let bytes = Decimal::from_integer(bytes.into());
    bytes.quotient(mebibyte, 6).ok().flatten().unwrap_or(Decimal::ZERO)
}
