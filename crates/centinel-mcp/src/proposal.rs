//! Proposals as an agent sees them: drafted, listed, withdrawn, never decided.

use centinel_engine::{
    facts::{canonical_json, sha256_hex},
    money::{Currency, Decimal, Money},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    answer::{Basis, Scope},
    imported::{Label, Sentence},
    portable::{Evidence, InstantText, MoneyShape},
    request::{Filter, Page},
};

/// What a proposal changes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A limit on the spend of a scope.
    Budget,
    /// Another model for a scope's calls.
    Routing,
    /// Other requests or limits for a workload.
    Rightsizing,
    /// A commitment purchase.
    Commitment,
    /// A rule that assigns owners.
    TagRule,
}

/// How long a budget lasts before it starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    /// A UTC day.
    Day,
    /// A week from Monday.
    Week,
    /// A calendar month.
    Month,
    /// A calendar quarter.
    Quarter,
    /// A calendar year.
    Year,
}

/// What happens when a budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBreach {
    /// People are told.
    #[default]
    Alert,
    /// Further calls are refused.
    Deny,
}

/// The exact change that is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProposedChange {
    /// Sets or replaces a budget.
    Budget {
        /// Whose spend it limits; everything when empty.
        scope: Filter,
        /// The limit, positive, in the ledger's currency unless `currency` says otherwise.
        amount: Decimal,
        /// As the caller named it; refuse one that the ledger does not keep.
        currency: Option<Currency>,
        /// How long it lasts.
        per: BudgetPeriod,
        /// What happens when it is spent.
        on_breach: OnBreach,
    },
    /// Sends a scope's calls to another model.
    Routing {
        /// Whose calls; never empty.
        scope: Filter,
        /// The model used now: the change applies only while it is.
        from: String,
        /// The model to use.
        to: String,
    },
    /// Changes a workload's requests or limits.
    Rightsizing {
        /// The workload, as its source names it.
        target: String,
        /// The value now, as in `cpu=2`: the change applies only while it holds.
        from: String,
        /// The value wanted, as in `cpu=600m`.
        to: String,
    },
    /// Buys a commitment.
    Commitment {
        /// Name of the offer.
        target: String,
        /// Paid per hour, positive.
        amount: Decimal,
        /// As the caller named it.
        currency: Option<Currency>,
    },
    /// Adds or replaces the rule of a virtual tag.
    TagRule {
        /// Key of the virtual tag.
        target: String,
        /// The rule now; absent when there is none yet.
        from: Option<String>,
        /// The rule wanted.
        to: String,
    },
}

/// What an agent proposes. The sink adds what the engine computes: evidence, saving, risk, expiry,
/// policy version, digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposalDraft {
    /// The change.
    pub change: ProposedChange,
    /// Why, in the agent's words: untrusted, and shown to people as such. 1 to 500 characters, on
    /// one line, cleaned.
    pub reason: String,
    /// The bundle that the agent rests it on, as an answer's `evidence_id` gave it.
    pub evidence_id: Option<String>,
}

impl ProposalDraft {
    /// SHA-256 of the canonical change, lowercase hex. The reason is not part of it: saying the same
    /// change in other words proposes nothing new.
    pub fn fingerprint(&self) -> String {
        let canonical = canonical_json(&self.change).unwrap_or_default();
        sha256_hex(canonical.as_bytes())
    }
}

impl ProposedChange {
    /// Its kind.
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Budget { .. } => ChangeKind::Budget,
            Self::Routing { .. } => ChangeKind::Routing,
            Self::Rightsizing { .. } => ChangeKind::Rightsizing,
            Self::Commitment { .. } => ChangeKind::Commitment,
            Self::TagRule { .. } => ChangeKind::TagRule,
        }
    }
}

impl ChangeKind {
    /// Every kind, in the order in which they are listed.
    pub const ALL: [Self; 5] =
        [Self::Budget, Self::Routing, Self::Rightsizing, Self::Commitment, Self::TagRule];

    /// As on the wire: `tag_rule`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Routing => "routing",
            Self::Rightsizing => "rightsizing",
            Self::Commitment => "commitment",
            Self::TagRule => "tag_rule",
        }
    }
}

/// Where a proposal stands. An agent brings about the first and `withdrawn`; people the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposalStatus {
    /// Waits for a person.
    PendingApproval,
    /// Its facts changed since it was written; votes are void until it is proposed anew.
    Stale,
    /// Approved, not yet carried out.
    Approved,
    /// Being carried out.
    Executing,
    /// Carried out.
    Executed,
    /// Carrying it out failed.
    Failed,
    /// Carried out and undone.
    RolledBack,
    /// Refused by a person or by policy.
    Rejected,
    /// Taken back by its proposer.
    Withdrawn,
    /// Nobody decided in time.
    Expired,
    /// Replaced by another.
    Superseded,
}

/// Asks [`ProposalSink::list`](crate::ProposalSink::list).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalsRequest {
    /// Only these; all when absent.
    pub status: Option<ProposalStatus>,
    /// Only these; all when absent.
    pub kind: Option<ChangeKind>,
    /// Which rows; newest first, ties by id. With `pending_approval` asked for, the largest expected
    /// saving first.
    pub page: Page,
}

/// What [`ProposalSink::create`](crate::ProposalSink::create) and
/// [`ProposalSink::withdraw`](crate::ProposalSink::withdraw) leave behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Receipt {
    /// What happened, and that a person decides.
    pub summary: Sentence,
    /// Short and stable, such as `P-7`.
    pub proposal_id: Label,
    /// Counts up when a proposal is proposed anew.
    pub version: u32,
    /// Where it stands.
    pub status: ProposalStatus,
    /// SHA-256 of the canonical proposal, lowercase hex; a decision is bound to it.
    pub digest: String,
    /// False when the same proposal was open already.
    pub created: bool,
    /// When it lapses without a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<InstantText>")]
    pub expires_at: Option<Timestamp>,
    /// How a person decides, outside MCP: the command, the page.
    pub how_to_decide: Sentence,
    /// Page for people, from the server's configuration. It carries no authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_url: Option<String>,
    /// The bundle behind it.
    #[schemars(with = "Evidence")]
    pub evidence_id: String,
}

/// Answers [`ProposalSink::list`](crate::ProposalSink::list).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProposalsAnswer {
    /// How many, how many wait, the oldest that waits.
    pub summary: Sentence,
    /// One page, newest first.
    pub rows: Vec<ProposalRow>,
    /// Rows on all pages.
    pub row_count: u64,
    /// What was known up to then.
    #[schemars(with = "InstantText")]
    pub as_of: Timestamp,
    /// Up to when every source that counts has delivered; absent when one never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<InstantText>")]
    pub fresh_until: Option<Timestamp>,
}

/// One proposal in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProposalRow {
    /// Short and stable, such as `P-7`.
    pub proposal_id: Label,
    /// What it changes.
    pub kind: ChangeKind,
    /// The change in one sentence.
    pub title: Sentence,
    /// Where it stands.
    pub status: ProposalStatus,
    /// Who proposed it: an agent, a person, or the system.
    pub proposed_by: Label,
    /// When.
    #[schemars(with = "InstantText")]
    pub created_at: Timestamp,
    /// When it lapses without a decision; absent once decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<InstantText>")]
    pub expires_at: Option<Timestamp>,
    /// What it saves; absent when it saves nothing or nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly_saving: Option<SavingInterval>,
}

/// An interval for a monthly saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SavingInterval {
    /// At least.
    #[schemars(with = "MoneyShape")]
    pub low: Money,
    /// At most.
    #[schemars(with = "MoneyShape")]
    pub high: Money,
}

/// Answers [`ProposalSink::get`](crate::ProposalSink::get).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProposalAnswer {
    /// What it changes, where it stands, what it saves.
    pub summary: Sentence,
    /// The list's row.
    #[serde(flatten)]
    pub row: ProposalRow,
    /// Counts up when a proposal is proposed anew.
    pub version: u32,
    /// SHA-256 of the canonical proposal, lowercase hex.
    pub digest: String,
    /// What it is about.
    pub scope: Scope,
    /// What is changed, from which value to which: at most 20 are sent.
    pub changes: Vec<FieldChange>,
    /// Why, as the proposer put it: untrusted. At most 64 characters are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
    /// Who may decide, by role or name; at most ten are sent.
    pub eligible: Vec<Label>,
    /// How a person decides, outside MCP.
    pub how_to_decide: Sentence,
    /// Page for people. It carries no authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_url: Option<String>,
    /// What its figures stand on.
    #[serde(flatten)]
    pub basis: Basis,
}

/// One value that a proposal changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldChange {
    /// The setting.
    pub field: Label,
    /// Its value when proposed; absent when it had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Label>,
    /// Its value afterwards; absent when it is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Label>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_of_the_change_alone() {
        let draft = |amount: &str, reason: &str| ProposalDraft {
            change: ProposedChange::Budget {
                scope: Filter::default(),
                amount: amount.parse().unwrap(),
                currency: None,
                per: BudgetPeriod::Month,
                on_breach: OnBreach::Alert,
            },
            reason: reason.to_owned(),
            evidence_id: None,
        };
        let first = draft("32000", "spend rose").fingerprint();
        assert_eq!(first.len(), 64);
        assert_eq!(first, draft("32000.00", "other words").fingerprint());
        assert_ne!(first, draft("32001", "spend rose").fingerprint());
    }
}
