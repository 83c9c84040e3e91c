//! What was looked up for a question, and its standard wording.

use centinel_engine::{
    facts::{Bundle, Fact, Union},
    narrative,
};

use serde_json::{Map, Value};

use super::{Answered, Made, reading::Call, shown::Part};

/// What was looked up so far for one question.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) calls: Vec<Made>,
    pub(super) parts: Vec<Part>,
    pub(super) union: Option<Union>,
}

impl Found {
    /// Notes an answer; returns its facts as they are named here.
    pub(super) fn add(&mut self, call: Call, answered: Answered) -> Vec<Bundle> {
        let Call { tool, arguments } = call;
        let mut made =
            Made { tool, arguments, evidence_id: None, refused: None, notes: Vec::new() };
        let mut bundles = Vec::new();
        match answered {
            Answered::Refused { message, .. } => made.refused = Some(message),
            Answered::Found { bundles: found, evidence_id, notes } => {
                let union = self.union.get_or_insert_with(|| Union::new("ask"));
                for (index, mut bundle) in found.into_iter().enumerate() {
                    if index > 0 {
                        bundle.required.clear();
                    }
                    let bundle = union.add(bundle);
                    self.parts.push(Part { tool: made.tool.clone(), bundle: bundle.clone() });
                    bundles.push(bundle);
                }
                made.evidence_id = evidence_id;
                made.notes = notes;
            }
        }
        self.calls.push(made);
        bundles
    }

    pub(super) fn has_facts(&self) -> bool {
        self.parts.iter().any(|part| !part.bundle.facts.is_empty())
    }

    /// What the last answer is about, as a filter says it: of an episode, its part of the spend.
    pub(super) fn about(&self) -> Map<String, Value> {
        let facts = self.parts.last().map_or(&[][..], |part| &part.bundle.facts);
        let entry = |fact: &Fact| {
            let dimension = fact.role.strip_prefix("about.")?;
            Some(match dimension.strip_prefix("tag:") {
                Some(key) => ("tag".to_owned(), format!("{key}={}", fact.value).into()),
                None => (dimension.to_owned(), fact.value.as_str().into()),
            })
        };
        facts.iter().filter_map(entry).collect()
    }

    /// The standard wording of what was found, answer by answer, and how many mentions it has.
    pub(super) fn standard(&self) -> (String, usize) {
        let (mut text, mut verified) = (String::new(), 0_usize);
        let mut said: Vec<String> = Vec::new();
        for part in &self.parts {
            let Some(words) = narrative::standard(&part.bundle) else { continue };
            if words.is_empty() || said.contains(&words) {
                continue;
            }
            let mentions = narrative::check(&part.bundle.facts, &words);
            if !narrative::is_verified(&mentions) {
                tracing::warn!(tool = part.tool, "a standard wording is not verified");
            }
            let sure = mentions.iter().filter(|of| of.status == narrative::Status::Verified);
            verified = verified.saturating_add(sure.count());
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&words);
            said.push(words);
        }
        (text, verified)
    }
}
