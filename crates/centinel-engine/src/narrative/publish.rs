//! The ladder: what of a draft is published, and what the label says.
//!
//! The standard wording is there before any model is asked. A draft replaces it where enough of it
//! passes both gates to say everything that must be said; its other sentences are dropped. Whatever is
//! published is checked once more as a whole.

use serde::Serialize;

use super::{
    check::{Status, check, missing},
    draft::{Draft, Fault, judge},
};
use crate::facts::{Bundle, Fact, FactStatus};

/// Who worded a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "worded_by")]
pub enum WordedBy {
    /// A model; so many of its sentences were left out.
    Model {
        /// Sentences that did not pass.
        dropped: usize,
    },
    /// The standard wording.
    Standard,
}

/// A text that may reach people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Cited Markdown.
    pub text: String,
    /// Who worded it.
    #[serde(flatten)]
    pub worded_by: WordedBy,
    /// Mentions of facts that were verified.
    pub verified: usize,
    /// Mentions of facts: the same number, for whatever is published.
    pub mentions: usize,
}

impl Published {
    /// `worded by a model, 11 of 11 figures verified` or `standard wording, …`.
    pub fn label(&self) -> String {
        let who = match self.worded_by {
            WordedBy::Model { dropped: 0 } => "worded by a model".to_owned(),
            WordedBy::Model { dropped: 1 } => "worded by a model, 1 sentence left out".to_owned(),
            WordedBy::Model { dropped } => {
                format!("worded by a model, {dropped} sentences left out")
            }
            WordedBy::Standard => "standard wording".to_owned(),
        };
        format!("{who}, {} of {} figures verified", self.verified, self.mentions)
    }
}

/// What to do with a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It stands as it is.
    Publish(Published),
    /// Ask once more with these faults, or, when no more is asked, take [`settle`].
    Repair(Vec<Fault>),
}

/// A text that the bundle's own standard wording is not verified for: a fault of ours, and nothing is
/// published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the standard wording has {0} mentions that its facts do not carry, the first `{1}`")]
pub struct Unpublishable(pub usize, pub String);

/// Whether a draft is published as it is.
pub fn step(bundle: &Bundle, draft: &Draft) -> Step {
    let judged = judge(bundle, draft);
    if !judged.faults.is_empty() {
        return Step::Repair(judged.faults);
    }
    match whole(bundle, &judged.passed, 0) {
        Some(published) => Step::Publish(published),
        None => Step::Repair(vec![Fault {
            sentence: 0,
            rule: "check",
            message: "together the sentences say something that the facts do not carry".to_owned(),
        }]),
    }
}

/// The best that may be published: a draft without the sentences that failed, where what is left says
/// everything that must be said, else the standard wording.
///
/// # Errors
///
/// [`Unpublishable`] when the standard wording itself is not verified.
pub fn settle(
    bundle: &Bundle,
    standard: &str,
    draft: Option<&Draft>,
) -> Result<Published, Unpublishable> {
    if let Some(draft) = draft {
        let judged = judge(bundle, draft);
        let dropped = draft.sentences.len().saturating_sub(judged.passed.len());
        if judged.missing.is_empty()
            && !judged.passed.is_empty()
            && let Some(published) = whole(bundle, &judged.passed, dropped)
        {
            return Ok(published);
        }
    }
    standard_wording(bundle, standard)
}

/// The standard wording, checked.
///
/// # Errors
///
/// [`Unpublishable`] when it is not verified.
pub fn standard_wording(bundle: &Bundle, standard: &str) -> Result<Published, Unpublishable> {
    let mentions = check(&bundle.facts, standard);
    let refused: Vec<_> =
        mentions.iter().filter(|mention| mention.status != Status::Verified).collect();
    match refused.first() {
        Some(first) => Err(Unpublishable(refused.len(), first.mention.clone())),
        None => Ok(Published {
            text: standard.to_owned(),
            worded_by: WordedBy::Standard,
            verified: mentions.len(),
            mentions: mentions.len(),
        }),
    }
}

/// Sentences with the caveats of the bundle, when all of it is verified.
fn whole(bundle: &Bundle, passed: &[(usize, String)], dropped: usize) -> Option<Published> {
    let mut sentences: Vec<String> = passed.iter().map(|(_, text)| text.clone()).collect();
    sentences.extend(provisional(&bundle.facts, &sentences));
    sentences.extend(bundle.caveats.iter().cloned());
    let text = format!("{}\n", sentences.join(" "));
    let mentions = check(&bundle.facts, &text);
    let is_whole = missing(&bundle.facts, &bundle.required, &bundle.caveats, &text).is_empty();
    let verified = mentions.iter().filter(|mention| mention.status == Status::Verified).count();
    (is_whole && verified == mentions.len() && verified > 0).then(|| Published {
        text,
        worded_by: WordedBy::Model { dropped },
        verified,
        mentions: mentions.len(),
    })
}

/// What has to be said where a cited figure is not settled.
fn provisional(facts: &[Fact], sentences: &[String]) -> Option<String> {
    let is_cited = |fact: &&Fact| {
        sentences.iter().any(|sentence| sentence.contains(&format!("[{}]", fact.id)))
    };
    let open = facts.iter().filter(is_cited).any(|fact| fact.status == FactStatus::Provisional);
    open.then(|| "Figures are provisional: data may still arrive.".to_owned())
}

/// A text without its citations, as people read it. Markdown escapes stay.
pub fn without_citations(facts: &[Fact], text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        let (before, from) = rest.split_at(at);
        let is_escaped = before.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1;
        let inside = from.get(1..).and_then(|inside| inside.split_once(']'));
        let is_citation = inside.is_some_and(|(ids, _)| {
            let mut ids = ids.split([',', ';', ' ']).filter(|id| !id.is_empty()).peekable();
            ids.peek().is_some() && ids.all(|id| facts.iter().any(|fact| fact.id == id))
        });
        match inside {
            Some((_, after)) if is_citation && !is_escaped => {
                shown.push_str(before.strip_suffix(' ').unwrap_or(before));
                rest = after;
            }
            _ => {
                shown.push_str(before);
                shown.push('[');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    shown.push_str(rest);
    shown
}
