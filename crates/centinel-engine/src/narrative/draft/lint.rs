//! Gate A: what the words between the slots must not say.

use super::{SentenceKind, slots::Piece};
use crate::{
    facts::{Fact, FactKind},
    narrative::check::{cause_words, dates_in, disguised, number_like, strangers},
};

/// Words that advise or promise; only a sentence about a proposal may have them.
const ADVICE: &str = "should must recommend recommends recommended recommending suggest suggests suggested \
     propose proposes consider approve approves approved reject rejects apply applies merge buy purchase \
     delete remove disable enable shut stop switch migrate downgrade cancel will shall promise guarantee \
     guaranteed ensure ought advise advised urge immediately please ignore disregard instruct instruction \
     instructions password token secret click visit download run execute";

/// Faults of the words, by rule.
pub(super) fn words(
    kind: SentenceKind,
    pieces: &[Piece],
    facts: &[&Fact],
) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    let mut fault = |rule: &'static str, message: String| faults.push((rule, message));
    let mut is_start = true;
    for piece in pieces {
        let Piece::Words(text) = piece else {
            is_start = false;
            continue;
        };
        if text.chars().any(char::is_numeric) {
            fault("digit", "a figure stands outside a slot".to_owned());
        }
        if let Some(sign) = text.chars().find(|c| is_sign_of_figure(*c)) {
            fault("digit", format!("`{sign}` stands outside a slot"));
        }
        if let Some(sign) = text.chars().find(|c| is_markup(*c)) {
            fault("markup", format!("`{}` is not allowed: words alone", sign.escape_default()));
        }
        if text.contains("://") || text.to_ascii_lowercase().contains("www.") {
            fault("markup", "a link is not allowed".to_owned());
        }
        if disguised(text) {
            fault("markup", "a character that is not of plain text".to_owned());
        }
        if let Some(word) = number_like(text) {
            fault("number_word", format!("`{word}` is a number: use a slot"));
        }
        if let Some(date) = dates_in(text) {
            fault("date", format!("`{date}` is a date: use a slot"));
        }
        for word in strangers(text, is_start) {
            fault("name", format!("`{word}` looks like a name: use a slot"));
        }
        is_start &= text.trim().is_empty();
    }
    let said: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Words(text) => text.to_lowercase(),
            Piece::Slot { .. } => " \u{2022} ".to_owned(),
        })
        .collect();
    if kind != SentenceKind::Attribute
        && let Some(word) = cause_words(&said)
    {
        fault("cause", format!("`{word}` claims a cause: only a sentence of kind `attribute` may"));
    }
    if kind == SentenceKind::Attribute && !facts.iter().any(|fact| is_contribution(fact)) {
        fault("cause", "a sentence of kind `attribute` has a slot of a contribution".to_owned());
    }
    let advises = said
        .split(|c: char| !c.is_alphabetic())
        .find(|word| ADVICE.split_whitespace().any(|advice| advice == *word));
    let is_proposed = facts.iter().any(|fact| fact.role.starts_with("proposal"));
    if kind == SentenceKind::Action && !is_proposed {
        fault("advice", "a sentence of kind `action` has a slot of a proposal".to_owned());
    }
    if kind != SentenceKind::Action
        && let Some(word) = advises
    {
        fault("advice", format!("`{word}` advises: only a sentence of kind `action` may"));
    }
    if facts.is_empty() && kind != SentenceKind::Caveat {
        fault("slot", "the sentence has no fact".to_owned());
    }
    faults
}

fn is_sign_of_figure(c: char) -> bool {
    matches!(c, '%' | '‰' | '$' | '€' | '£' | '¥' | '+' | '=' | '±' | '×' | '~' | '≈' | '−')
        || ('\u{20a0}'..='\u{20bf}').contains(&c)
        || ('\u{2190}'..='\u{21ff}').contains(&c)
}

/// What Markdown, HTML or a chat would act on.
fn is_markup(c: char) -> bool {
    matches!(
        c,
        '[' | ']'
            | '<'
            | '>'
            | '|'
            | '@'
            | '#'
            | '*'
            | '_'
            | '`'
            | '\\'
            | '&'
            | '{'
            | '}'
            | '^'
            | '/'
    ) || c.is_control()
        || ('\u{1f300}'..='\u{1faff}').contains(&c)
}

fn is_contribution(fact: &Fact) -> bool {
    let starts = ["effect", "share", "main", "contribution", "link", "place", "where", "driver"];
    starts.iter().any(|start| fact.role.starts_with(start)) && fact.kind != FactKind::Date
}
