//! Words for what was read, and what makes sure that they say no more than the facts.

use std::{future::Future, pin::Pin};

use centinel_engine::{facts::Bundle, narrative};
use serde::{Deserialize, Serialize};

/// Longest text that is taken from a model, in characters.
const TEXT_MAX: usize = 8_000;

/// What is said where no wording is verified: it asserts nothing.
const NO_WORDS: &str = "There are no words for this analysis; its facts are in the evidence.\n";

/// Something that words facts: a model, behind whoever talks to it. It is not believed: what it returns is
/// checked here, and the standard wording stands where that fails.
pub trait Wording: Send + Sync {
    /// Cited Markdown over the facts of a bundle; `None` where there are no words in time.
    fn word<'a>(
        &'a self,
        bundle: &'a Bundle,
    ) -> Pin<Box<dyn Future<Output = Option<Candidate>> + Send + 'a>>;
}

/// Words of a model, and where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Cited Markdown.
    pub text: String,
    /// The model, as it was asked.
    pub model: String,
    /// Digest of the prompt.
    pub prompt: String,
}

/// Whose words a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wording", rename_all = "snake_case")]
pub enum Label {
    /// The product's own.
    Standard {
        /// Whether a model had worded it, and its words were refused.
        #[serde(default)]
        refused: bool,
    },
    /// A model's.
    Model {
        /// Figures, names and dates in it, each of them verified.
        verified: usize,
    },
}

impl Label {
    /// As people read it.
    pub fn in_words(self) -> String {
        match self {
            Self::Standard { .. } => "standard wording".to_owned(),
            Self::Model { verified } => {
                format!("worded by a model, {verified} of {verified} figures verified")
            }
        }
    }
}

/// A text that may be stored and shown.
pub(super) struct Worded {
    pub(super) text: String,
    pub(super) label: Label,
    pub(super) prompt: Option<String>,
    pub(super) model: Option<String>,
}

/// Words a bundle: as a model does, where every mention of its text is verified and it leaves nothing out
/// that has to be said; else in the standard wording, which is checked as well.
pub(super) async fn word(bundle: &Bundle, wording: Option<&dyn Wording>) -> Worded {
    let candidate = match wording {
        Some(wording) => wording.word(bundle).await,
        None => None,
    };
    let Some(Candidate { text, model, prompt }) = candidate else {
        let label = Label::Standard { refused: false };
        return Worded { text: standard(bundle), label, prompt: None, model: None };
    };
    let (prompt, model) = (Some(prompt), Some(model));
    match verified(bundle, &text) {
        Some(verified) => Worded { text, label: Label::Model { verified }, prompt, model },
        None => {
            let label = Label::Standard { refused: true };
            Worded { text: standard(bundle), label, prompt, model }
        }
    }
}

/// The standard wording, as much of it as the checker verifies.
fn standard(bundle: &Bundle) -> String {
    let texts = [narrative::analysis(bundle), narrative::explain(bundle)];
    let is_true = |text: &String| {
        let mentions = narrative::check(&bundle.facts, text);
        narrative::is_verified(&mentions)
    };
    texts.into_iter().find(is_true).unwrap_or_else(|| NO_WORDS.to_owned())
}

/// How many mentions a model's text has; `None` where one of them is not verified, or something is missing
/// that has to be said.
fn verified(bundle: &Bundle, text: &str) -> Option<usize> {
    if text.chars().count() > TEXT_MAX {
        return None;
    }
    let Bundle { facts, required, caveats, .. } = bundle;
    let mentions = narrative::check(facts, text);
    let is_whole = narrative::missing(facts, required, caveats, text).is_empty();
    (is_whole && narrative::is_verified(&mentions)).then_some(mentions.len())
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
}
