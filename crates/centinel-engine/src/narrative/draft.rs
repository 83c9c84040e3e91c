//! Drafts: sentences with slots for facts, as a model writes them, and what becomes of each.
//!
//! A draft holds no figure, name or date of its own: `{{F7|signed}}` says where fact `F7` goes and how it
//! is shown. Gate A reads the words between the slots and refuses whatever could assert something beside
//! them; the renderer fills the slots, each with its citation; gate B ([`super::check`]) reads the result
//! anew. A sentence that fails either gate is not published.

mod lint;
mod slots;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::slots::Format;
use self::slots::{Piece, pieces};
use super::check::{Status, check};
use crate::facts::{Bundle, Fact, FactKind};

/// Most sentences of a draft.
pub const SENTENCES_MAX: usize = 16;
/// Longest sentence of a draft, in characters, slots included.
pub const SENTENCE_MAX: usize = 600;

/// What a sentence does, which says what it may claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentenceKind {
    /// States facts.
    Observe,
    /// Sets facts beside each other.
    Compare,
    /// Says what contributed: the only kind that may use words of cause.
    Attribute,
    /// Says what is not settled.
    Caveat,
    /// Says what is proposed: the only kind that may advise.
    Action,
}

/// A sentence with slots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// What it does.
    pub kind: SentenceKind,
    /// Words and slots: `{{F3}} cost {{F6}}.`
    pub text: String,
    /// Ids of the facts that its slots have.
    #[serde(default)]
    pub cites: Vec<String>,
}

/// What a model wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Draft {
    /// In order.
    pub sentences: Vec<Sentence>,
}

/// Why a sentence is not published, for whoever repairs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The sentence, counted from 1; 0 for the draft as a whole.
    pub sentence: usize,
    /// Which rule: `digit`, `number_word`, `date`, `name`, `markup`, `cause`, `advice`, `slot`, `format`,
    /// `length`, `check`, `required`.
    pub rule: &'static str,
    /// What is wrong, in one line. It quotes nothing from the facts.
    pub message: String,
}

/// A draft after both gates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judged {
    /// Sentences that passed, in cited Markdown, with their place in the draft from 1.
    pub passed: Vec<(usize, String)>,
    /// What is wrong with the others, and with the whole.
    pub faults: Vec<Fault>,
    /// Required facts that no sentence that passed has.
    pub missing: Vec<String>,
}

/// A fact as a model sees it: no name from the data, and no exact figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FactLine {
    /// Its id, which a slot names.
    pub id: String,
    /// What it is in the bundle; names of tags are left out.
    pub role: String,
    /// Its kind.
    pub kind: FactKind,
    /// The figure as it is shown by default; of a name, what it is a name of.
    pub shown: String,
    /// `up`, `down`, `flat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<crate::facts::Direction>,
    /// Whether every wording must have it.
    pub required: bool,
    /// Formats that it may be shown in, the default first.
    pub formats: Vec<Format>,
}

/// The facts of a bundle as a model sees them.
pub fn fact_lines(bundle: &Bundle) -> Vec<FactLine> {
    bundle
        .facts
        .iter()
        .map(|fact| FactLine {
            id: fact.id.clone(),
            role: without_imported(&fact.role),
            kind: fact.kind,
            shown: match fact.kind {
                FactKind::Entity => format!("a name ({})", without_imported(last_part(&fact.role))),
                _ => slots::shown_without_unit(fact),
            },
            direction: fact.direction,
            required: bundle.required.contains(&fact.id),
            formats: Format::of(fact),
        })
        .collect()
}

fn last_part(role: &str) -> &str {
    role.rsplit('.').next().unwrap_or(role)
}

/// A role without what an import named: tags' keys, and anything that is not a word of ours.
fn without_imported(role: &str) -> String {
    let is_ours = |part: &&str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let parts = role.split('.').map(|part| if is_ours(&part) { part } else { "dimension" });
    parts.collect::<Vec<_>>().join(".")
}

/// The JSON schema of a draft over a bundle, in the strict form: every key required, nothing else
/// allowed, ids as an enumeration.
pub fn draft_schema(bundle: &Bundle) -> Value {
    let ids: Vec<&str> = bundle.facts.iter().map(|fact| fact.id.as_str()).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["sentences"],
        "properties": {
            "sentences": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["kind", "text", "cites"],
                    "properties": {
                        "kind": { "type": "string", "enum": ["observe", "compare", "attribute", "caveat", "action"] },
                        "text": { "type": "string" },
                        "cites": { "type": "array", "items": { "type": "string", "enum": ids } }
                    }
                }
            }
        }
    })
}

/// Both gates over a draft: each sentence is linted, rendered and checked by itself.
pub fn judge(bundle: &Bundle, draft: &Draft) -> Judged {
    let mut judged = Judged::default();
    if draft.sentences.len() > SENTENCES_MAX {
        judged.faults.push(Fault {
            sentence: 0,
            rule: "length",
            message: format!("{} sentences; at most {SENTENCES_MAX}", draft.sentences.len()),
        });
    }
    let mut used: Vec<String> = Vec::new();
    for (index, sentence) in draft.sentences.iter().take(SENTENCES_MAX).enumerate() {
        let number = index.saturating_add(1);
        match rendered(bundle, sentence) {
            Ok((text, ids)) => {
                judged.passed.push((number, text));
                used.extend(ids);
            }
            Err(faults) => judged.faults.extend(faults.into_iter().map(|(rule, message)| Fault {
                sentence: number,
                rule,
                message,
            })),
        }
    }
    judged.missing = bundle.required.iter().filter(|id| !used.contains(id)).cloned().collect();
    for id in &judged.missing {
        judged.faults.push(Fault {
            sentence: 0,
            rule: "required",
            message: format!("no sentence that stands has `{id}`, which every wording must have"),
        });
    }
    judged
}

type Faults = Vec<(&'static str, String)>;

/// A sentence in cited Markdown, with the ids of its slots.
fn rendered(bundle: &Bundle, sentence: &Sentence) -> Result<(String, Vec<String>), Faults> {
    if sentence.text.chars().count() > SENTENCE_MAX {
        return Err(vec![("length", format!("longer than {SENTENCE_MAX} characters"))]);
    }
    let pieces = pieces(&sentence.text).map_err(|message| vec![("slot", message)])?;
    let mut faults = Faults::new();
    let mut text = String::new();
    let mut ids: Vec<String> = Vec::new();
    let mut facts: Vec<&Fact> = Vec::new();
    for piece in &pieces {
        match piece {
            Piece::Words(words) => text.push_str(words),
            Piece::Slot { id, format } => match bundle.facts.iter().find(|fact| fact.id == *id) {
                None => faults.push(("slot", "a slot has an id that no fact has".to_owned())),
                Some(fact) => match slots::fill(fact, format.as_deref()) {
                    Ok(filled) => {
                        text.push_str(&filled);
                        ids.push(fact.id.clone());
                        facts.push(fact);
                    }
                    Err(message) => faults.push(("format", message)),
                },
            },
        }
    }
    for cited in &sentence.cites {
        if !ids.contains(cited) {
            faults.push(("slot", "`cites` has an id that no slot of the sentence has".to_owned()));
        }
    }
    faults.extend(lint::words(sentence.kind, &pieces, &facts));
    if !faults.is_empty() {
        return Err(faults);
    }
    let text = finished(&text);
    let mentions = check(&bundle.facts, &text);
    let faults: Faults = mentions
        .iter()
        .filter(|mention| mention.status != Status::Verified)
        .map(|mention| {
            // What the model sees of it is the rule, not the value: reasons of names would tell them.
            let what =
                if mention.mention.chars().any(char::is_numeric) { "a figure" } else { "a word" };
            let word = mention
                .mention
                .chars()
                .filter(|c| c.is_ascii_alphabetic() || *c == ' ')
                .collect::<String>();
            let is_word_of_draft = sentence.text.to_lowercase().contains(&word.to_lowercase())
                && !word.trim().is_empty();
            let said =
                if is_word_of_draft { format!(" (`{}`)", word.trim()) } else { String::new() };
            ("check", format!("{what}{said} is not carried by the facts cited where it stands"))
        })
        .collect();
    if faults.is_empty() { Ok((text, ids)) } else { Err(faults) }
}

/// One space between words, a capital at the start, a full stop at the end.
fn finished(text: &str) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests;
