//! A stored bundle as data: every name in it a label, as many facts as fit.

use centinel_engine::{
    facts::{Bundle, Derivation, Direction, Fact, FactKind, FactStatus},
    money::Currency,
    period::Period,
};
use jiff::Timestamp;
use serde::Serialize;

use super::{Desk, NOTES_MAX, PAPER_BYTES_MAX};
use crate::{
    answer::Scope,
    imported::{Label, Sentence},
    ports::Refusal,
};

#[derive(Serialize)]
struct Evidence {
    #[serde(rename = "evidence_id")]
    address: String,
    question: Label,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Timestamp>,
    engine: Label,
    caveats: Vec<Sentence>,
    facts: Vec<ShownFact>,
    fact_count: usize,
    truncated: bool,
}

#[derive(Serialize)]
struct ShownFact {
    id: Label,
    role: Label,
    kind: FactKind,
    value: Label,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<Label>,
    #[serde(skip_serializing_if = "Scope::is_empty")]
    scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<Period>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    derived_by: Option<Label>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    derived_from: Vec<Label>,
    status: FactStatus,
}

/// The bundle of an address, as JSON.
///
/// # Errors
///
/// That of [`Documents::evidence`](crate::Documents::evidence).
pub(crate) async fn evidence(desk: Desk<'_>, evidence_id: &str) -> Result<String, Refusal> {
    let Some(documents) = desk.documents else {
        return Err(Refusal::mistaken("no evidence is kept here", "ask with a tool"));
    };
    let bundle = documents.evidence(desk.caller, evidence_id).await?;
    let mut shown = shown(&bundle);
    loop {
        let text = serde_json::to_string_pretty(&shown).map_err(Refusal::failed)?;
        if text.len() <= PAPER_BYTES_MAX {
            return Ok(text);
        }
        // In proportion to what is too much, at least one.
        let keep = shown.facts.len().saturating_mul(PAPER_BYTES_MAX) / text.len().max(1);
        let fewer = shown.facts.len().saturating_sub(1);
        if shown.facts.is_empty() {
            return Err(Refusal::failed("evidence without facts exceeds the size limit"));
        }
        shown.facts.truncate(keep.min(fewer));
        shown.truncated = true;
    }
}

fn shown(bundle: &Bundle) -> Evidence {
    Evidence {
        address: bundle.address(),
        question: Label::from(&bundle.question),
        as_of: bundle.as_of,
        engine: Label::from(&bundle.engine),
        caveats: bundle.caveats.iter().take(NOTES_MAX).map(|text| Sentence::worded(text)).collect(),
        facts: bundle.facts.iter().map(shown_fact).collect(),
        fact_count: bundle.facts.len(),
        truncated: false,
    }
}

fn shown_fact(fact: &Fact) -> ShownFact {
    let (derived_by, derived_from) = match &fact.derivation {
        Some(Derivation { op, inputs }) => {
            (Some(Label::from(op)), inputs.iter().map(Label::from).collect())
        }
        None => (None, Vec::new()),
    };
    ShownFact {
        id: Label::from(&fact.id),
        role: Label::from(&fact.role),
        kind: fact.kind,
        value: Label::from(&fact.value),
        currency: fact.currency,
        unit: fact.unit.as_ref().map(Label::from),
        scope: fact.dims.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        period: fact.window,
        direction: fact.direction,
        derived_by,
        derived_from,
        status: fact.status,
    }
}
