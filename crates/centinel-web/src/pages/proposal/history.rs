//! What happened to a proposal, in words.

use centinel_engine::proposal::{Channel, Event, Occurrence, Principal, VoidReason};

use super::standing::list;
use crate::text::{self, cell, clean};

/// One event as a row.
pub(super) struct Happened {
    pub(super) at: String,
    pub(super) who: String,
    pub(super) what: String,
}

/// Somebody, as people call them.
pub(super) fn who(principal: &Principal) -> String {
    match principal {
        Principal::Person { name } => cell(name),
        Principal::Agent { token, acts_for: Some(person) } => {
            format!("agent {} for {}", cell(token), cell(person))
        }
        Principal::Agent { token, acts_for: None } => format!("agent {}", cell(token)),
        Principal::System => "Centinel's analysis".to_owned(),
    }
}

impl Happened {
    pub(super) fn new(event: &Event) -> Self {
        Self { at: text::instant(event.at), who: who(&event.actor), what: what(&event.what) }
    }
}

/// An event without its moment: `ben approved version 1 on the page`.
pub(super) fn what(occurrence: &Occurrence) -> String {
    match occurrence {
        Occurrence::Proposed { proposal, .. } => format!("proposed version {}", proposal.version),
        Occurrence::VotesVoided { people, why } => {
            let why = match why {
                VoidReason::PolicyChanged => "the approval policy changed",
                VoidReason::PersonChanged => "the account changed",
                VoidReason::EmergencyOver => "the time of the emergency is over",
            };
            if people.is_empty() {
                return format!("the emergency no longer counts: {why}");
            }
            format!("approval of {} no longer counts: {why}", list(people))
        }
        Occurrence::VoteCast { vote, version, .. } => {
            format!("{} approved version {version} {}", cell(&vote.name), channel(vote.channel))
        }
        Occurrence::Approved => "approved".to_owned(),
        Occurrence::Rejected { name, channel: at, reason, .. } => {
            format!("{} rejected it {}: {}", cell(name), channel(*at), clean(reason))
        }
        Occurrence::Withdrawn => "withdrawn".to_owned(),
        Occurrence::Expired => "expired".to_owned(),
        Occurrence::Stale { what } => format!("out of date: {}", clean(what)),
        Occurrence::ExecutionBegun { attempt, .. } => format!("execution began, attempt {attempt}"),
        Occurrence::Executed => "executed".to_owned(),
        Occurrence::Confirmed { name, channel: at, reference, carried_out_at, .. } => format!(
            "{} said {} that it was carried out by hand on {}: {}",
            cell(name),
            channel(*at),
            text::instant(*carried_out_at),
            cell(reference)
        ),
        Occurrence::ExecutionFailed { reason } => {
            format!("execution had no effect: {}", clean(reason))
        }
        Occurrence::ExecutionUnknown => "nobody knows whether it was executed".to_owned(),
        Occurrence::Abandoned => "abandoned".to_owned(),
        Occurrence::Measured { saving, days } => {
            format!("saves {saving} a month, measured over {days} days")
        }
        Occurrence::GlassBroken { glass } => format!(
            "{} took it forward alone in an emergency ({}) {}: {}",
            cell(&glass.name),
            cell(&glass.ticket),
            channel(glass.channel),
            clean(&glass.reason)
        ),
        Occurrence::EmergencyReviewed { name, note, .. } => {
            format!("{} looked at the emergency: {}", cell(name), clean(note))
        }
        Occurrence::RolledBack { by } => format!("taken back by {by}"),
        Occurrence::Overtaken { what } => format!("carried out from outside: {}", clean(what)),
    }
}

fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Cli => "in the terminal",
        Channel::Web => "on the page",
        Channel::Slack => "in Slack",
        Channel::PullRequest => "in a pull request",
    }
}
