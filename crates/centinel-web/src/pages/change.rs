//! A proposed change in words.

use centinel_engine::{
    money::Money,
    proposal::{BudgetPeriod, Change, Edit, Payment, Proposal, ResourceUse},
};

use super::Term;
use crate::text::{cell, count, grouped};

/// What would change, line by line, and where in files.
pub(super) fn terms(proposal: &Proposal) -> Vec<Term> {
    let mut terms = of_change(&proposal.change);
    terms.extend(proposal.reverts.map(|id| Term::new("Takes back", id.to_string())));
    terms.extend(proposal.edits.iter().map(edit));
    terms
}

fn of_change(change: &Change) -> Vec<Term> {
    match change {
        Change::Budget { scope, period, limit, previous_limit } => vec![
            Term::new("Sets", "a budget"),
            Term::new("For", matching(scope, "all spend")),
            Term::new("Limit", format!("{limit} {}", per(*period))),
            Term::new("Until now", known(*previous_limit, "no limit")),
        ],
        Change::VirtualTag { name, value, matches, previous_value } => vec![
            Term::new("Sets", format!("tag {} to {}", cell(name), cell(value))),
            Term::new("For", matching(matches, "all spend")),
            Term::new("Until now", previous_value.as_deref().map_or("no value".to_owned(), cell)),
        ],
        Change::Routing { feature, from_model, to_model, share_ratio } => vec![
            Term::new("Sends calls of", cell(feature)),
            Term::new("From", cell(from_model)),
            Term::new("To", cell(to_model)),
            Term::new("Share of the calls", crate::text::percent(*share_ratio)),
        ],
        Change::Caching { feature, model, ttl_seconds, previous_ttl_seconds } => vec![
            Term::new("Caches prompts of", format!("{}, {}", cell(feature), cell(model))),
            Term::new("Lifetime", seconds(*ttl_seconds)),
            Term::new("Until now", seconds(*previous_ttl_seconds)),
        ],
        Change::Commitment { provider, offer, commitment_per_hour, term_hours, payment } => vec![
            Term::new("Buys", format!("{} of {}", cell(offer), cell(provider))),
            Term::new("Commitment", format!("{commitment_per_hour} an hour")),
            Term::new("Term", format!("{} hours", grouped(i128::from(*term_hours)))),
            Term::new("Paid", paid(*payment)),
        ],
        Change::Rightsize { workload, container, from, to } => vec![
            Term::new("Resizes", format!("{}, container {}", cell(workload), cell(container))),
            Term::new("Asks for", resources(to)),
            Term::new("Until now", resources(from)),
        ],
        Change::Schedule { resource, time_zone, start_cron, stop_cron } => vec![
            Term::new("Runs only at certain hours", cell(resource)),
            Term::new("Starts", cell(start_cron)),
            Term::new("Stops", cell(stop_cron)),
            Term::new("Time zone", cell(time_zone)),
        ],
        Change::Cleanup { resource_ids } => {
            resource_ids.iter().map(|id| Term::new("Deletes", cell(id))).collect()
        }
    }
}

fn matching(scope: &std::collections::BTreeMap<String, String>, everything: &str) -> String {
    if scope.is_empty() {
        return everything.to_owned();
    }
    let parts: Vec<String> =
        scope.iter().map(|(name, value)| format!("{} {}", cell(name), cell(value))).collect();
    parts.join(", ")
}

fn per(period: BudgetPeriod) -> &'static str {
    match period {
        BudgetPeriod::Day => "a day",
        BudgetPeriod::Week => "a week",
        BudgetPeriod::Month => "a month",
        BudgetPeriod::Quarter => "a quarter",
        BudgetPeriod::Year => "a year",
    }
}

fn known(amount: Option<Money>, none: &str) -> String {
    amount.map_or_else(|| none.to_owned(), |amount| amount.to_string())
}

fn seconds(seconds: Option<u32>) -> String {
    seconds
        .map_or_else(|| "not cached".to_owned(), |s| format!("{} seconds", grouped(i128::from(s))))
}

fn paid(payment: Payment) -> &'static str {
    match payment {
        Payment::NoUpfront => "hour by hour",
        Payment::PartialUpfront => "half at once",
        Payment::AllUpfront => "all at once",
    }
}

fn resources(resources: &ResourceUse) -> String {
    let bytes = count(i128::from(resources.memory_bytes));
    format!("{} cores, {bytes} bytes of memory", resources.cpu_cores)
}

fn edit(edit: &Edit) -> Term {
    let value = |value: &Option<String>| value.as_deref().map_or("nothing".to_owned(), cell);
    Term::new(
        match edit.repository.as_str() {
            Edit::HOME => format!("{}, {}", cell(&edit.file), cell(&edit.path)),
            repository => {
                format!("{}: {}, {}", cell(repository), cell(&edit.file), cell(&edit.path))
            }
        },
        format!("{} → {}", value(&edit.from), value(&edit.to)),
    )
}
