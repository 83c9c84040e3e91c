//! Words that look like names and are names of nothing in the facts.

use super::{scan::Kind, sentence::Sentence, words};
use crate::facts::Fact;

/// Why a word is taken for a name that no fact has; `None` for an ordinary word.
pub(super) fn stranger(
    sentence: &Sentence<'_>,
    facts: &[Fact],
    index: usize,
    is_heading: bool,
) -> Option<&'static str> {
    const REASON: &str = "names nothing in the facts";
    let item = sentence.items.get(index).filter(|item| item.kind == Kind::Word)?;
    let lower = item.lower.as_str();
    let word = item.text.trim_end_matches("'s").trim_end_matches("’s");
    let is_pronoun = word.starts_with("I'") || word.starts_with("I’");
    if words::is_known_capital(word) || is_abbreviated(lower) || is_pronoun {
        return None;
    }
    // What facts count is no name: `kg CO2e`.
    let is_unit = |fact: &Fact| {
        fact.unit.as_deref().is_some_and(|unit| unit.split([' ', '/']).any(|part| part == word))
    };
    if facts.iter().any(is_unit) {
        return None;
    }
    if words::is_known_product(lower.trim_end_matches("'s")) {
        return Some(REASON);
    }
    let is_scaled = ["thousand", "million", "billion", "trillion"].iter().any(|scale| {
        lower.strip_prefix(scale).is_some_and(|rest| !matches!(rest, "" | "s" | "th"))
    });
    let is_roman = word.len() > 1 && word.chars().all(|c| matches!(c, 'I' | 'V' | 'X'));
    if is_scaled || is_roman {
        return Some(REASON);
    }
    let has_digit = word.chars().any(|c| c.is_ascii_digit());
    let is_percentile = lower
        .strip_prefix('p')
        .is_some_and(|rest| rest.len() == 2 && rest.chars().all(|c| c.is_ascii_digit()));
    if has_digit && !is_percentile || word.contains(['_', '.', '/']) {
        return Some(REASON);
    }
    if word.contains('-') {
        let is_known = |part: &str| {
            words::is_known_capital(part)
                || words::unit(&part.to_lowercase()).is_some()
                || words::is_plain_compound(part)
        };
        if word.split('-').all(is_known) {
            return None;
        }
        let is_word = words::is_plain_compound(lower)
            || words::number_word(lower).is_some()
            || is_rank(lower)
            || words::ratio_word(lower).is_some()
            || words::share_word(None, lower).is_some()
            || lower.split('-').next().is_some_and(|head| words::number_word(head).is_some());
        let is_capitalised =
            word.split('-').skip(1).any(|part| part.starts_with(|c: char| c.is_uppercase()));
        return (!is_word || is_capitalised && !is_heading).then_some(REASON);
    }
    let mut letters = word.chars();
    let first_is_capital = letters.next().is_some_and(char::is_uppercase);
    let has_inner_capital = letters.any(char::is_uppercase);
    let is_shout = word.len() > 1 && word.chars().all(char::is_uppercase);
    if has_inner_capital && !is_shout {
        return Some(REASON);
    }
    if first_is_capital && !is_heading && !begins(sentence, index) {
        return Some(REASON);
    }
    None
}

fn is_rank(word: &str) -> bool {
    word.split_once('-').is_some_and(|(ordinal, rest)| {
        words::ordinal(ordinal).is_some() && (words::rank(rest).is_some() || rest == "most")
            || ordinal == "number" && words::number_word(rest).is_some()
    })
}

fn is_abbreviated(word: &str) -> bool {
    matches!(word, "e.g" | "i.e" | "a.m" | "p.m" | "vs" | "u.s" | "u.k" | "n.b" | "p.s" | "no")
}

/// Whether a capital is due where a word stands: at the start, after a colon, a dash, a quote, a cell.
fn begins(sentence: &Sentence<'_>, index: usize) -> bool {
    if sentence.items.get(index).is_some_and(|item| item.is_first) {
        return true;
    }
    match index.checked_sub(1).and_then(|before| sentence.kind(before)) {
        None
        | Some(
            Kind::Stop | Kind::Pause(':' | '|' | '—' | '(' | '·' | '•' | '–' | '-') | Kind::Cite(_),
        ) => true,
        Some(Kind::Sign(c)) => {
            matches!(c, '"' | '“' | '‘' | '\'' | '*' | '→' | '✅' | '⚠' | '\u{fe0f}')
                || !c.is_ascii()
        }
        // A title: the word before has a capital too and began.
        Some(Kind::Word)
            if matches!(
                sentence.word_before(index),
                Some("dear" | "hi" | "hello" | "hey" | "morning")
            ) =>
        {
            true
        }
        Some(Kind::Word) => {
            let set_off = |at: usize| sentence.items.get(at).is_some_and(|item| item.is_set_off);
            set_off(index) && index.checked_sub(1).is_some_and(set_off)
        }
        _ => false,
    }
}
