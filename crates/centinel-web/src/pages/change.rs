//! A proposed change in words. Nothing of it is left out: people vote on what they read.

use centinel_engine::{
    money::Money,
    proposal::{BudgetPeriod, Change, Edit, Kind, Payment, Proposal, ResourceUse},
};

use super::Term;
use crate::text::{clean, count, grouped};

/// Characters of a value that are shown at once.
const START_CHARS: usize = 160;

/// What would change, line by line.
pub(super) fn terms(proposal: &Proposal) -> Vec<Term> {
    let mut terms = of_change(&proposal.change);
    terms.extend(proposal.reverts.map(|id| Term::new("Takes back", id.to_string())));
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
            Term::new("Sets", format!("tag {} to {}", clean(name), clean(value))),
            Term::new("For", matching(matches, "all spend")),
            Term::new("Until now", previous_value.as_deref().map_or("no value".to_owned(), clean)),
        ],
        Change::Routing { feature, from_model, to_model, share_ratio } => vec![
            Term::new("Sends calls of", clean(feature)),
            Term::new("From", clean(from_model)),
            Term::new("To", clean(to_model)),
            Term::new("Share of the calls", crate::text::percent(*share_ratio)),
        ],
        Change::Caching { feature, model, ttl_seconds, previous_ttl_seconds } => vec![
            Term::new("Caches prompts of", format!("{}, {}", clean(feature), clean(model))),
            Term::new("Lifetime", seconds(*ttl_seconds)),
            Term::new("Until now", seconds(*previous_ttl_seconds)),
        ],
        Change::Commitment { provider, offer, commitment_per_hour, term_hours, payment } => vec![
            Term::new("Buys", format!("{} of {}", clean(offer), clean(provider))),
            Term::new("Commitment", format!("{commitment_per_hour} an hour")),
            Term::new("Term", format!("{} hours", grouped(i128::from(*term_hours)))),
            Term::new("Paid", paid(*payment)),
        ],
        Change::Rightsize { workload, container, from, to } => vec![
            Term::new("Resizes", format!("{}, container {}", clean(workload), clean(container))),
            Term::new("Asks for", resources(to)),
            Term::new("Until now", resources(from)),
        ],
        Change::Schedule { resource, time_zone, start_cron, stop_cron } => vec![
            Term::new("Runs only at certain hours", clean(resource)),
            Term::new("Starts", clean(start_cron)),
            Term::new("Stops", clean(stop_cron)),
            Term::new("Time zone", clean(time_zone)),
        ],
        Change::Cleanup { resource_ids } => {
            resource_ids.iter().map(|id| Term::new("Deletes", clean(id))).collect()
        }
    }
}

fn matching(scope: &std::collections::BTreeMap<String, String>, everything: &str) -> String {
    if scope.is_empty() {
        return everything.to_owned();
    }
    let parts: Vec<String> =
        scope.iter().map(|(name, value)| format!("{} {}", clean(name), clean(value))).collect();
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

/// The name of a kind, as people say it.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Budget => "budget",
        Kind::VirtualTag => "virtual tag",
        Kind::Routing => "routing",
        Kind::Caching => "caching",
        Kind::Commitment => "commitment purchase",
        Kind::Rightsize => "right-sizing",
        Kind::Schedule => "schedule",
        Kind::Cleanup => "clean-up",
    }
}

/// One value in one file: what is there, and what shall be.
pub(super) struct EditRow {
    pub(super) place: String,
    pub(super) path: String,
    pub(super) from: Option<Text>,
    pub(super) to: Option<Text>,
}

/// A text that is too long to be read at once: its start, and all of it.
pub(super) struct Text {
    pub(super) start: String,
    pub(super) whole: Option<String>,
}

impl EditRow {
    pub(super) fn new(edit: &Edit) -> Self {
        Self {
            place: match edit.repository.as_str() {
                Edit::HOME => clean(&edit.file),
                repository => format!("{}: {}", clean(repository), clean(&edit.file)),
            },
            path: clean(&edit.path),
            from: edit.from.as_deref().map(Text::new),
            to: edit.to.as_deref().map(Text::new),
        }
    }
}

impl Text {
    fn new(text: &str) -> Self {
        let text = clean(text);
        match text.char_indices().nth(START_CHARS) {
            None => Self { start: text, whole: None },
            Some((end, _)) => {
                let start = text.get(..end).unwrap_or_default();
                Self { start: format!("{start}…"), whole: Some(text) }
            }
        }
    }
}
