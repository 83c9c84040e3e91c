//! Documents of ours as markdown: built piece by piece, so that no imported string speaks in our voice.

mod evidence;
mod proposal;
mod weekly;

use std::fmt;

use centinel_engine::money::{Currency, Money, Pico};
use serde::Serialize;

pub(crate) use self::{evidence::evidence, proposal::proposal, weekly::weekly};
use crate::{
    answer::{Basis, Scope},
    documents::Documents,
    imported::{Sentence, clean, is_hidden, quoted},
    ports::{Answers, Principal, ProposalSink},
};

/// Bytes of a document at most.
pub(crate) const PAPER_BYTES_MAX: usize = 32 * 1024;
/// Notes of a document at most.
const NOTES_MAX: usize = 8;

/// The ports, as one caller asks them.
#[derive(Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) answers: &'a dyn Answers,
    pub(crate) proposals: &'a dyn ProposalSink,
    pub(crate) documents: Option<&'a dyn Documents>,
    pub(crate) caller: &'a Principal,
}

/// A document in the making.
struct Paper(String);

impl Paper {
    /// A document with a title; what is added next belongs to the title.
    fn new(title: &'static str) -> Self {
        Self(format!("# {title}"))
    }

    /// Words of our own.
    fn text(&mut self, words: &'static str) -> &mut Self {
        self.0.push_str(words);
        self
    }

    /// A figure, an amount, a date or an id of ours.
    fn figure(&mut self, figure: impl fmt::Display) -> &mut Self {
        self.0.push_str(&clean(&figure.to_string(), 80));
        self
    }

    /// A word of ours, as it stands in answers: `pending_approval`.
    fn word(&mut self, word: &impl Serialize) -> &mut Self {
        let word = serde_json::to_value(word).ok();
        let word = word.as_ref().and_then(|word| word.as_str()).unwrap_or_default();
        self.0.push_str(&clean(&word.replace('_', " "), 40));
        self
    }

    /// An imported name, in backticks.
    fn name(&mut self, imported: &str) -> &mut Self {
        self.0.push_str(&quoted(imported));
        self
    }

    /// A sentence of an answer.
    fn sentence(&mut self, sentence: &Sentence) -> &mut Self {
        self.0.push_str(&clean(sentence.as_str(), crate::imported::SENTENCE_CHARS_MAX));
        self
    }

    /// A refusal's message: words of ours, and names in backticks.
    fn message(&mut self, message: &str) -> &mut Self {
        self.0.push_str(&clean(message, 300));
        self
    }

    /// Dimension values; words for everything where there are none.
    fn scope(&mut self, scope: &Scope) -> &mut Self {
        if scope.is_empty() {
            return self.text("all spend");
        }
        for (number, (name, value)) in scope.iter().enumerate() {
            self.text(if number == 0 { "" } else { ", " });
            self.name(name.as_str()).text(" ").name(value.as_str());
        }
        self
    }

    /// Begins a part with a heading.
    fn heading(&mut self, words: &'static str) -> &mut Self {
        self.text("\n\n## ").text(words)
    }

    /// Begins a paragraph.
    fn paragraph(&mut self) -> &mut Self {
        self.text("\n\n")
    }

    /// Begins an item of a list, and a list where there is none yet.
    fn item(&mut self) -> &mut Self {
        let is_in_list = self.0.lines().next_back().is_some_and(|line| line.starts_with("- "));
        self.text(if is_in_list { "\n- " } else { "\n\n- " })
    }

    /// What the figures stand on: each basis with its name, notes once.
    fn grounds(&mut self, bases: &[(&'static str, &Basis)]) -> &mut Self {
        let mut notes: Vec<&Sentence> = Vec::new();
        for note in bases.iter().flat_map(|(_, basis)| &basis.notes) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        for note in notes.into_iter().take(NOTES_MAX) {
            self.item().sentence(note);
        }
        self.heading("Evidence");
        for (name, basis) in bases {
            self.item().text(name).text(": ").figure(&basis.evidence_id);
            self.text(", as of ").figure(basis.as_of);
            if let Some(fresh_until) = basis.fresh_until {
                self.text(", all sources delivered up to ").figure(fresh_until);
            }
        }
        self
    }

    /// The document, cut after a whole line where it is too long.
    fn finish(self) -> String {
        let mut text = capped(self.0);
        text.push('\n');
        text
    }
}

/// A text of at most [`PAPER_BYTES_MAX`] bytes, cut after a whole line, and saying so.
pub(crate) fn capped(text: String) -> String {
    const CUT: &str = "\n\n(cut here: the document is longer)";
    if text.len() <= PAPER_BYTES_MAX {
        return text;
    }
    let mut kept = String::new();
    for line in text.lines() {
        let room = PAPER_BYTES_MAX.saturating_sub(CUT.len().saturating_add(kept.len()));
        if line.len().saturating_add(2) > room {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept.truncate(kept.trim_end().len());
    kept.push_str(CUT);
    kept
}

/// A file's text without control and invisible characters but for tabs and line ends, and capped.
pub(crate) fn file_text(text: &str) -> String {
    capped(text.chars().filter(|&c| matches!(c, '\n' | '\t') || !is_hidden(c)).collect())
}

fn money(amount: Pico, currency: Currency) -> Money {
    Money { amount, currency }
}

/// A change with its sign: `+$20.00`, `−$3.10`.
fn signed(amount: Pico, currency: Currency) -> String {
    let sign = if amount > Pico::ZERO { "+" } else { "" };
    format!("{sign}{}", money(amount, currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_documents_end_after_a_whole_line() {
        let line = "x".repeat(99);
        let long = capped(format!("{line}\n").repeat(1_000));
        assert!(long.len() <= PAPER_BYTES_MAX && long.len() > PAPER_BYTES_MAX - 200);
        let lines: Vec<_> = long.lines().collect();
        let (last, whole) = lines.split_last().unwrap();
        assert_eq!(*last, "(cut here: the document is longer)");
        assert!(whole.iter().all(|whole| whole.is_empty() || *whole == line));
        assert_eq!(capped("short\n".to_owned()), "short\n");
        assert!(capped("y".repeat(PAPER_BYTES_MAX * 2)).len() < 100, "one line that never ends");
    }

    #[test]
    fn files_keep_what_can_be_seen() {
        let shown = file_text("a = 1\t# \u{e9}\r\n\u{1b}[31mred\u{202e}\u{200b}\n");
        assert_eq!(shown, "a = 1\t# \u{e9}\n[31mred\n");
    }

    #[test]
    fn names_cannot_end_their_quotes() {
        let mut paper = Paper::new("Test");
        paper.item().name("x` [a](https://evil.example) `y").text(" cost ").figure("$1");
        assert_eq!(paper.finish(), "# Test\n\n- `x' [a] (https: //evil.example) 'y` cost $1\n");
    }
}
