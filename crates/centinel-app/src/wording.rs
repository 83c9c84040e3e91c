//! Words for facts, and what makes sure that they say no more than the facts.

use std::{future::Future, pin::Pin};

use centinel_engine::{
    facts::{Bundle, canonical_json, sha256_hex},
    narrative,
};
use serde::{Deserialize, Serialize};

/// Longest text that is taken from a model, in characters.
const TEXT_MAX: usize = 8_000;

/// Why a model's words are not taken.
const NOT_VERIFIED: &str = "its text is not verified";

/// Something that words facts: a model, behind whoever talks to it. It is not believed: what it returns is
/// checked here, and the standard wording stands where that fails.
pub trait Wording: Send + Sync {
    /// Cited Markdown over the facts of a bundle, whose standard wording is there already; or why there are
    /// no words in time, in words for people.
    fn word<'a>(
        &'a self,
        bundle: &'a Bundle,
        standard: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Candidate, String>> + Send + 'a>>;
}

/// Words of a model, and where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Cited Markdown.
    pub text: String,
    /// Sentences of its draft that were left out.
    pub dropped: usize,
    /// The model, as it was asked.
    pub model: String,
    /// Digest of the prompt.
    pub prompt: String,
}

/// Whose words a text is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wording", rename_all = "snake_case")]
pub enum Label {
    /// The product's own.
    Standard {
        /// Whether a model had worded it, and its words were refused.
        #[serde(default)]
        refused: bool,
        /// Why it is not a model's; none where no model was to be asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A model's.
    Model {
        /// Figures, names and dates in it, each of them verified.
        verified: usize,
        /// Sentences of its draft that were left out.
        #[serde(default, skip_serializing_if = "is_zero")]
        dropped: usize,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it by reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Label {
    /// The standard wording, where no model was to be asked.
    pub const STANDARD: Self = Self::Standard { refused: false, reason: None };

    /// As people read it.
    pub fn in_words(&self) -> String {
        match self {
            Self::Standard { .. } => "standard wording".to_owned(),
            Self::Model { verified, dropped } => {
                let dropped = match dropped {
                    0 => String::new(),
                    1 => ", 1 sentence left out".to_owned(),
                    more => format!(", {more} sentences left out"),
                };
                format!("worded by a model{dropped}, {verified} of {verified} figures verified")
            }
        }
    }

    /// Why it is the standard wording, where a model was to be asked; text of others in it as it is.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Standard { reason, .. } => reason.as_deref(),
            Self::Model { .. } => None,
        }
    }

    /// Whether a model chose the words.
    pub fn is_by_model(&self) -> bool {
        matches!(self, Self::Model { .. })
    }

    /// The standard wording in place of a model's words.
    pub(crate) fn refused() -> Self {
        Self::Standard { refused: true, reason: Some(NOT_VERIFIED.to_owned()) }
    }
}

/// A text that may be stored and shown.
pub(crate) struct Worded {
    pub(crate) text: String,
    pub(crate) label: Label,
    pub(crate) prompt: Option<String>,
    pub(crate) model: Option<String>,
}

/// Words a bundle: as a model does, where every mention of its text is verified and it leaves nothing out
/// that has to be said; else in its standard wording.
pub(crate) async fn word(bundle: &Bundle, standard: &str, wording: Option<&dyn Wording>) -> Worded {
    let unworded = |label| Worded { text: standard.to_owned(), label, prompt: None, model: None };
    let Some(wording) = wording else { return unworded(Label::STANDARD) };
    let Candidate { text, dropped, model, prompt } = match wording.word(bundle, standard).await {
        Ok(candidate) => candidate,
        Err(reason) => {
            return unworded(Label::Standard { refused: false, reason: Some(reason) });
        }
    };
    let (text, label) = match verified(bundle, &text) {
        Some(verified) => (text, Label::Model { verified, dropped }),
        None => (standard.to_owned(), Label::refused()),
    };
    Worded { text, label, prompt: Some(prompt), model: Some(model) }
}

/// How many mentions a model's text has; `None` where one of them is not verified, or something is missing
/// that has to be said.
pub(crate) fn verified(bundle: &Bundle, text: &str) -> Option<usize> {
    if text.chars().count() > TEXT_MAX {
        return None;
    }
    let Bundle { facts, required, caveats, .. } = bundle;
    let mentions = narrative::check(facts, text);
    let is_whole = narrative::missing(facts, required, caveats, text).is_empty();
    (is_whole && narrative::is_verified(&mentions)).then_some(mentions.len())
}

/// Digest of what a bundle says: facts and caveats, without the instant and the version that it was
/// computed at and by. The same facts computed again have the same.
pub(crate) fn facts_digest(bundle: &Bundle) -> String {
    let said = (&bundle.facts, &bundle.caveats);
    canonical_json(&said).map(|text| sha256_hex(text.as_bytes())).unwrap_or_default()
}

/// A cited text as people read it: without citations, and with nothing escaped. What is shown is what was
/// verified.
pub fn plain(cited: &str) -> String {
    let mut text = String::new();
    let mut rest = cited;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        if let Some(behind) = citation(rest) {
            rest = behind;
            continue;
        }
        // What is escaped stands for itself.
        let escaped = after.chars().next().filter(|next| c == '\\' && next.is_ascii_punctuation());
        let (shown, length) = match escaped {
            Some(next) => (next, c.len_utf8().saturating_add(next.len_utf8())),
            None => (c, c.len_utf8()),
        };
        text.push(shown);
        rest = rest.get(length..).unwrap_or_default();
    }
    text
}

/// What follows ` [F12]`, where a text begins so.
fn citation(text: &str) -> Option<&str> {
    let (id, behind) = text.strip_prefix(" [F")?.split_once(']')?;
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_the_text_without_its_citations() {
        for (cited, expected) in [
            ("a [F1] cost $1.00 [F12], b.", "a cost $1.00, b."),
            (r"\[F1\] a\_b \\ [F2]", r"[F1] a_b \"),
            (r"a \[F1] b", "a [F1] b"),
            ("a [F] [Fx1] [F1", "a [F] [Fx1] [F1"),
            ("é [F3]−", "é−"),
            ("\\", "\\"),
        ] {
            assert_eq!(plain(cited), expected, "{cited}");
        }
    }

    #[test]
    fn the_same_facts_have_the_same_digest_whenever_they_were_computed() {
        let mut facts = centinel_engine::facts::BundleBuilder::new("x", None);
        facts.entity("name", "a");
        let bundle = facts.build();
        let later = Bundle { as_of: Some(jiff::Timestamp::UNIX_EPOCH), ..bundle.clone() };
        assert_eq!(facts_digest(&later), facts_digest(&bundle));
        assert_ne!(later.digest(), bundle.digest());
        let other = Bundle { caveats: vec!["It is so.".to_owned()], ..bundle.clone() };
        assert_ne!(facts_digest(&other), facts_digest(&bundle));
    }
}
