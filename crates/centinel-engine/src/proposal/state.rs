//! Where a proposal stands: a fold of its events.

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Channel, Principal, Proposal, ProposalId};
use crate::{facts::sha256_hex, money::Money};

/// Something that happened to a proposal. The audit log keeps these; nothing else is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Through whom.
    pub actor: Principal,
    /// What.
    pub what: Occurrence,
}

/// What can happen to a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Occurrence {
    /// A version was proposed; an earlier one is superseded and its votes are gone.
    Proposed {
        /// The version.
        proposal: Box<Proposal>,
        /// Its digest.
        digest: String,
    },
    /// Votes stopped counting.
    VotesVoided {
        /// Whose, by account name.
        people: Vec<String>,
        /// Why.
        why: VoidReason,
    },
    /// A person approved.
    VoteCast {
        /// The vote.
        vote: Vote,
        /// The version voted on.
        version: u32,
        /// Its digest.
        digest: String,
    },
    /// Enough people approved.
    Approved,
    /// A person rejected it: final.
    Rejected {
        /// Account name.
        name: String,
        /// The human behind it.
        human: String,
        /// Where.
        channel: Channel,
        /// Why.
        reason: String,
    },
    /// Its requester took it back: final.
    Withdrawn,
    /// Its time ran out: final.
    Expired,
    /// The facts behind it changed; a new version may follow.
    Stale {
        /// What is different.
        what: String,
    },
    /// An attempt to carry it out began.
    ExecutionBegun {
        /// The same for every attempt at this version; effects are idempotent under it.
        key: String,
        /// 1 first.
        attempt: u32,
    },
    /// It was carried out.
    Executed,
    /// A person says that they, or somebody else, carried it out by hand, outside of Centinel.
    Confirmed {
        /// Account name of whoever says so.
        name: String,
        /// The human behind it.
        human: String,
        /// Where they said it.
        channel: Channel,
        /// Under which it is known outside: an order number, a ticket.
        reference: String,
        /// When it was carried out.
        carried_out_at: Timestamp,
        /// The version that was carried out.
        version: u32,
        /// Its digest.
        digest: String,
    },
    /// An attempt had no effect.
    ExecutionFailed {
        /// Why.
        reason: String,
    },
    /// Nobody knows whether an attempt had its effect; somebody must look.
    ExecutionUnknown,
    /// No attempt is left, or its time ran out between attempts: final.
    Abandoned,
    /// The realised saving was measured.
    Measured {
        /// Realised saving per month.
        saving: Money,
        /// Days after the execution.
        days: u32,
    },
    /// A person carried it forward alone, in an emergency.
    GlassBroken {
        /// What they said.
        glass: Glass,
    },
    /// Somebody else looked at an emergency afterwards.
    EmergencyReviewed {
        /// Account name.
        name: String,
        /// The human behind it.
        human: String,
        /// What they found.
        note: String,
    },
    /// Another proposal took its effect back: final.
    RolledBack {
        /// That proposal.
        by: ProposalId,
    },
    /// It was carried out from outside, without an approval that Centinel knows of: final.
    Overtaken {
        /// By whom or what, as far as that is known.
        what: String,
    },
}

/// An emergency: one person in the place of a quorum.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Glass {
    /// Account name.
    pub name: String,
    /// The human behind it.
    pub human: String,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub channel: Channel,
    /// Why.
    pub reason: String,
    /// The incident that it belongs to.
    pub ticket: String,
    /// From when on it can no longer be executed on these grounds.
    pub expires_at: Timestamp,
    /// Until when somebody else has to have looked at it.
    pub review_until: Timestamp,
    /// Digest of the policy in force.
    pub policy_version: String,
}

/// What became of the saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Realised {
    /// Per month.
    pub saving: Money,
    /// Days after the execution.
    pub days: u32,
}

/// Why votes stopped counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoidReason {
    /// The approval policy is another one.
    PolicyChanged,
    /// The people's roles, links or activity changed.
    PersonChanged,
    /// The time of an emergency ran out before it was used.
    EmergencyOver,
}

/// One person's approval, bound to one version, one policy and one state of their account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// Account name.
    pub name: String,
    /// The human behind it.
    pub human: String,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub channel: Channel,
    /// Digest of the policy in force.
    pub policy_version: String,
}

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for people.
    Pending,
    /// Enough people approved; nothing has been done.
    Approved,
    /// Is being carried out.
    Executing,
    /// Whether it was carried out has to be found out.
    Unknown,
    /// The last attempt had no effect; there may be another.
    Failed,
    /// Carried out.
    Executed,
    /// Carried out, and its saving measured.
    Measured,
    /// A person said no.
    Rejected,
    /// The requester took it back.
    Withdrawn,
    /// Nobody decided, or nobody carried it out, in time.
    Expired,
    /// The facts changed; only a new version can go on.
    Stale,
    /// Could not be carried out.
    Abandoned,
    /// Its effect was taken back.
    RolledBack,
    /// Carried out from outside, without an approval.
    Overtaken,
}

/// A proposal over all its versions, as its events left it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The current version.
    pub proposal: Proposal,
    /// Its digest.
    pub digest: String,
    /// Where it stands.
    pub status: Status,
    /// Everybody who wrote a version: none of them counts as an approver.
    pub authors: Vec<Principal>,
    /// Approvals of the current version that were not voided.
    pub votes: Vec<Vote>,
    /// How often votes of the current version were voided.
    pub round: u32,
    /// When the last missing approval came.
    pub approved_at: Option<Timestamp>,
    /// Attempts to carry it out.
    pub attempts: u32,
    /// When it was carried out.
    pub executed_at: Option<Timestamp>,
    /// The emergency in which the current version was carried forward.
    pub glass: Option<Glass>,
    /// The humans behind emergencies that nobody else has looked at yet.
    pub unreviewed: BTreeSet<String>,
    /// What became of its saving, as measured last.
    pub realised: Option<Realised>,
    /// When it changed last.
    pub changed_at: Timestamp,
}

/// The state after a list of events; `None` when it does not begin with a proposal.
pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<State> {
    events.into_iter().fold(None, State::after)
}

/// The emergencies that nobody else has looked at yet, oldest first.
pub fn unreviewed(events: &[Event]) -> Vec<&Glass> {
    let mut due = Vec::new();
    for event in events {
        match &event.what {
            Occurrence::GlassBroken { glass } => due.push(glass),
            Occurrence::EmergencyReviewed { .. } => due.clear(),
            _ => {}
        }
    }
    due
}

impl State {
    /// The state after one more event. Total: an event before any proposal leaves nothing.
    pub fn after(state: Option<Self>, event: &Event) -> Option<Self> {
        if let Occurrence::Proposed { proposal, digest } = &event.what {
            let unreviewed = state.as_ref().map_or_else(BTreeSet::new, |s| s.unreviewed.clone());
            let mut authors = state.map_or_else(Vec::new, |state| state.authors);
            if !authors.contains(&event.actor) {
                authors.push(event.actor.clone());
            }
            return Some(Self {
                proposal: Proposal::clone(proposal),
                digest: digest.clone(),
                status: Status::Pending,
                authors,
                votes: Vec::new(),
                round: 0,
                approved_at: None,
                attempts: 0,
                executed_at: None,
                glass: None,
                unreviewed,
                realised: None,
                changed_at: event.at,
            });
        }
        let mut state = state?;
        state.changed_at = event.at;
        match &event.what {
            Occurrence::Proposed { .. } => {}
            Occurrence::VotesVoided { people, .. } => {
                state.votes.retain(|vote| !people.contains(&vote.name));
                state.round = state.round.saturating_add(1);
                state.approved_at = None;
                state.glass = None;
                state.status = Status::Pending;
            }
            Occurrence::VoteCast { vote, .. } => state.votes.push(vote.clone()),
            Occurrence::Approved => {
                state.status = Status::Approved;
                state.approved_at = Some(event.at);
            }
            Occurrence::Rejected { .. } => state.status = Status::Rejected,
            Occurrence::Withdrawn => state.status = Status::Withdrawn,
            Occurrence::Expired => state.status = Status::Expired,
            Occurrence::Stale { .. } => {
                state.votes.clear();
                state.approved_at = None;
                state.glass = None;
                state.status = Status::Stale;
            }
            Occurrence::ExecutionBegun { attempt, .. } => {
                state.attempts = *attempt;
                state.status = Status::Executing;
            }
            Occurrence::Executed => {
                state.status = Status::Executed;
                state.executed_at = Some(event.at);
            }
            Occurrence::Confirmed { carried_out_at, .. } => {
                state.status = Status::Executed;
                state.executed_at = Some(*carried_out_at);
            }
            Occurrence::ExecutionFailed { .. } => state.status = Status::Failed,
            Occurrence::ExecutionUnknown => state.status = Status::Unknown,
            Occurrence::Abandoned => state.status = Status::Abandoned,
            Occurrence::Measured { saving, days } => {
                state.status = Status::Measured;
                state.realised = Some(Realised { saving: *saving, days: *days });
            }
            Occurrence::GlassBroken { glass } => {
                state.status = Status::Approved;
                state.approved_at = Some(event.at);
                state.glass = Some(glass.clone());
                state.unreviewed.insert(glass.human.clone());
            }
            Occurrence::EmergencyReviewed { .. } => state.unreviewed.clear(),
            Occurrence::RolledBack { .. } => state.status = Status::RolledBack,
            Occurrence::Overtaken { .. } => state.status = Status::Overtaken,
        }
        Some(state)
    }

    /// What makes the effect of this version happen at most once.
    pub fn execution_key(&self) -> String {
        let Self { proposal: Proposal { id, version, .. }, digest, .. } = self;
        sha256_hex(format!("{id}/{version}/{digest}").as_bytes())
    }
}

impl Event {
    /// When a version was carried out, if this is what the event says.
    pub fn carried_out_at(&self) -> Option<Timestamp> {
        match self.what {
            Occurrence::Executed => Some(self.at),
            Occurrence::Confirmed { carried_out_at, .. } => Some(carried_out_at),
            _ => None,
        }
    }
}

impl Occurrence {
    /// The word of the wire form, for columns and lists.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Proposed { .. } => "proposed",
            Self::VotesVoided { .. } => "votes_voided",
            Self::VoteCast { .. } => "vote_cast",
            Self::Approved => "approved",
            Self::Rejected { .. } => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Stale { .. } => "stale",
            Self::ExecutionBegun { .. } => "execution_begun",
            Self::Executed => "executed",
            Self::Confirmed { .. } => "confirmed",
            Self::ExecutionFailed { .. } => "execution_failed",
            Self::ExecutionUnknown => "execution_unknown",
            Self::Abandoned => "abandoned",
            Self::Measured { .. } => "measured",
            Self::GlassBroken { .. } => "glass_broken",
            Self::EmergencyReviewed { .. } => "emergency_reviewed",
            Self::RolledBack { .. } => "rolled_back",
            Self::Overtaken { .. } => "overtaken",
        }
    }
}

impl Status {
    /// Whether it can neither be decided nor carried out any more, nor measured or taken back. The review
    /// of an emergency may still follow.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Rejected
                | Self::Withdrawn
                | Self::Expired
                | Self::Abandoned
                | Self::RolledBack
                | Self::Overtaken
        )
    }

    /// Whether it takes part in daily life: waits for people, for execution, or for a new version.
    pub fn is_open(self) -> bool {
        !self.is_final() && !matches!(self, Self::Executed | Self::Measured)
    }

    /// The word of the wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Executing => "executing",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Executed => "executed",
            Self::Measured => "measured",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Stale => "stale",
            Self::Abandoned => "abandoned",
            Self::RolledBack => "rolled_back",
            Self::Overtaken => "overtaken",
        }
    }
}

impl fmt::Display for Status {
    /// As people say it, after "is".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "waiting for approval",
            Self::Approved => "already approved",
            Self::Executing => "being executed",
            Self::Unknown => "in an unknown state of execution",
            Self::Failed => "between two attempts of execution",
            Self::Executed | Self::Measured => "already executed",
            Self::Rejected => "already rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Stale => "out of date and needs a new version",
            Self::Abandoned => "abandoned",
            Self::RolledBack => "rolled back",
            Self::Overtaken => "already carried out from outside",
        })
    }
}
