//! A piece of the gap, where it lies, and what it rests on.

use serde::Serialize;

use super::{Cause, group::SeriesKey};
use crate::{money::Decimal, pricing::Meter};

/// A piece of the gap. Pieces add to the gap exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Why.
    pub cause: Cause,
    /// Invoice less ledger.
    pub amount: Decimal,
    /// What fits equally well, where the cause is [`Cause::Unexplained`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Cause>,
    /// Who sells.
    pub provider: String,
    /// As the ledger spells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A day, or a month where the invoice has no days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// Project, workspace or subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// API key, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// The token class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_class: Option<Meter>,
    /// Units that the invoice has beyond the ledger, or that are priced otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Decimal>,
    /// What in the data says so.
    pub evidence: String,
}

/// Where a piece lies.
#[derive(Debug, Clone)]
pub(super) struct Place<'k> {
    pub(super) key: &'k SeriesKey,
    pub(super) day: Option<String>,
}

impl Place<'_> {
    pub(super) fn part(
        &self,
        verdict: &Verdict,
        meter: Option<Meter>,
        quantity: Option<Decimal>,
        amount: Decimal,
    ) -> Part {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Part {
            cause: verdict.cause,
            amount,
            candidates: verdict.candidates.clone(),
            provider: self.key.provider.clone(),
            model: text(&self.key.model),
            day: self.day.clone(),
            project: text(&self.key.project),
            api_key: text(&self.key.api_key),
            token_class: meter,
            quantity,
            evidence: verdict.evidence.clone(),
        }
    }
}

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) cause: Cause,
    pub(super) candidates: Vec<Cause>,
    pub(super) evidence: String,
}

impl Verdict {
    pub(super) fn of(cause: Cause, evidence: impl Into<String>) -> Self {
        Self { cause, candidates: Vec::new(), evidence: evidence.into() }
    }

    pub(super) fn open(
        candidates: impl IntoIterator<Item = Cause>,
        evidence: impl Into<String>,
    ) -> Self {
        let mut candidates: Vec<Cause> = candidates.into_iter().collect();
        candidates.sort();
        candidates.dedup();
        Self { cause: Cause::Unexplained, candidates, evidence: evidence.into() }
    }
}
