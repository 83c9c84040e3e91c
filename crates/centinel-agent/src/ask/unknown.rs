//! Words that stand for a name which nothing has.
//!
//! An amount beside a name that was not found would be taken for that name's. So a question that names what
//! the data does not have is answered by that, and by the names that are nearest.

use super::{
    names::{Found, is_quote},
    plain::is_plain,
    words,
};

/// A name that nothing has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Absent {
    /// As it was typed.
    pub(super) word: String,
    /// What it was said to be a name of.
    pub(super) dimension: Option<String>,
}

/// Words before a name, where one stands.
const BEFORE_NAMES: &str = "on for of from in by with to at about did does do is has was are were only just and \
                            or vs versus than paying pay called named like without except via through using per \
                            if when does did";
/// Words that may stand between these and a name.
const ARTICLES: &str = "the our a an my your their its all";
/// Words behind a name: those of spending.
const BEHIND_NAMES: &str =
    "cost costs costing spend spends spent spending bill usage use uses used budget";
/// Words before a part that make it a question, not the kind of a name: `which team`.
const ASKING: &str = "which what by per each every how across any";

/// A word of a question, and what is known about it.
struct Word {
    /// Without the signs around it.
    text: String,
    /// In lower case.
    lower: String,
    /// Whether it is, or is in, a name of the home.
    is_named: bool,
    /// Whether a sentence begins with it.
    opens: bool,
}

/// A name that is stated as one: in quotation marks, or spelt as names are (`search-v2`), and nothing has it.
pub(super) fn stated(question: &str, found: &[Found]) -> Option<Absent> {
    let quoted = quotations(question).into_iter().find(|(from, to)| {
        let inner = question.get(*from..*to).unwrap_or_default().trim();
        let is_name = found.iter().any(|one| one.from <= *from && *to <= one.to);
        !inner.is_empty()
            && !is_name
            && words::id(&inner.to_lowercase(), 'P').is_none()
            && words::id(&inner.to_lowercase(), 'E').is_none()
    });
    if let Some((from, to)) = quoted {
        let word = question.get(from..to).unwrap_or_default().trim().to_owned();
        let (before, behind) = (question.get(..from), question.get(to..));
        let dimension = words::dimension_beside(before.unwrap_or(""), behind.unwrap_or(""));
        return Some(Absent { word, dimension: dimension.map(str::to_owned) });
    }
    let words = split(question, found);
    let at = words.iter().position(|word| !word.is_named && is_spelt_as_name(&word.lower))?;
    Some(absent(&words, at))
}

/// A name by where it stands (`what did marketing spend`), or by its capital, and nothing has it.
pub(super) fn meant(question: &str, found: &[Found]) -> Option<Absent> {
    let words = split(question, found);
    let at = words.iter().enumerate().position(|(at, word)| {
        if word.is_named || is_understood(&word.lower) {
            return false;
        }
        let has_capital = word.text.chars().next().is_some_and(char::is_uppercase) && !word.opens;
        has_capital || stands_as_name(&words, at)
    })?;
    Some(absent(&words, at))
}

/// Whether a question has a word that says nothing here.
pub(super) fn has_strange_words(question: &str, found: &[Found]) -> bool {
    split(question, found).iter().any(|word| !word.is_named && !is_understood(&word.lower))
}

fn absent(words: &[Word], at: usize) -> Absent {
    let of = |at: Option<usize>| at.and_then(|at| words.get(at)).filter(|word| !word.is_named);
    let dimension = |word: &Word| words::dimension(&word.lower);
    let before = of(at.checked_sub(1)).and_then(dimension);
    let behind = || of(at.checked_add(1)).and_then(dimension);
    let word = words.get(at).map(|word| word.text.clone()).unwrap_or_default();
    Absent { word, dimension: before.or_else(behind).map(str::to_owned) }
}

/// Whether a word stands where names do: behind `on`, `did`, `team`, or before `cost`.
fn stands_as_name(words: &[Word], at: usize) -> bool {
    let is_article = |word: &&Word| words::has(ARTICLES, &word.lower);
    let mut before = words.iter().take(at).rev().skip_while(is_article);
    let (last, earlier) = (before.next(), before.next());
    let is_kind =
        |word: &Word| words::dimension(&word.lower).is_some() && !word.lower.ends_with('s');
    let is_asked = earlier.is_some_and(|word| words::has(ASKING, &word.lower));
    let follows = match last {
        None => words.iter().filter(|word| !words::has(ARTICLES, &word.lower)).count() == 1,
        Some(word) if word.is_named => false,
        Some(word) => words::has(BEFORE_NAMES, &word.lower) || is_kind(word) && !is_asked,
    };
    let behind = at.checked_add(1).and_then(|at| words.get(at)).filter(|word| !word.is_named);
    let leads = |word: &Word| words::has(BEHIND_NAMES, &word.lower) || is_kind(word);
    follows || behind.is_some_and(leads)
}

/// `search-v2`, `no_such_feature`, `gpt5`: more than one part, or letters with digits; no date, no number with a
/// unit, and not made of plain words alone.
fn is_spelt_as_name(lower: &str) -> bool {
    let is_joint = |c: char| "-_./:@".contains(c);
    let has_letter = lower.chars().any(char::is_alphabetic);
    let is_number = lower.starts_with(|c: char| c.is_ascii_digit() || "$€£¥+<>~".contains(c));
    if !has_letter || is_number || is_understood(lower) {
        return false;
    }
    let has_digit = lower.chars().any(|c| c.is_ascii_digit());
    if !lower.contains(is_joint) {
        return has_digit;
    }
    !lower.split(is_joint).all(|part| part.is_empty() || is_understood(part))
}

/// Whether a word says something of itself: a word of a topic, of a part, of a time, of plain English.
fn is_understood(lower: &str) -> bool {
    let base = lower.split(['\'', '’']).next().unwrap_or(lower);
    let is_number = base.starts_with(|c: char| c.is_ascii_digit());
    let is_of_year = |letter| {
        let digits = base.strip_prefix(letter).unwrap_or_default();
        digits.len() == 1 && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let is_id = |letter| words::id(base, letter).is_some();
    base.is_empty()
        || is_number
        || is_of_year('q')
        || is_of_year('h')
        || is_id('E')
        || is_id('P')
        || words::is_known(base)
        || is_plain(base)
        || base.contains('-') && base.split('-').all(|part| words::is_known(part) || is_plain(part))
}

/// The words of a question, each with whether a name covers it.
fn split(question: &str, found: &[Found]) -> Vec<Word> {
    let mut words = Vec::new();
    let (mut at, mut opens) = (0_usize, true);
    for raw in question.split_inclusive(char::is_whitespace) {
        let (from, to) = (at, at.saturating_add(raw.len()));
        at = to;
        let is_around = |c: char| !(c.is_alphanumeric() || "$€£¥%".contains(c));
        let text = raw.trim().trim_matches(is_around);
        let text = text.strip_suffix("'s").or_else(|| text.strip_suffix("’s")).unwrap_or(text);
        if text.is_empty() {
            continue;
        }
        let is_named = found.iter().any(|one| one.from < to && from < one.to);
        words.push(Word { text: text.to_owned(), lower: text.to_lowercase(), is_named, opens });
        opens = raw.trim_end().ends_with(['.', '?', '!', ':']);
        if words.len() >= words::WORDS_MAX {
            break;
        }
    }
    words
}

/// What stands between quotation marks, in bytes. An apostrophe within a word opens nothing.
fn quotations(question: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, char)> = None;
    let mut before = ' ';
    for (at, c) in question.char_indices() {
        match open {
            Some((from, closes)) if c == closes => {
                found.push((from, at));
                open = None;
            }
            None if is_quote(c) && !before.is_alphanumeric() => {
                let closes = match c {
                    '“' => '”',
                    '‘' => '’',
                    other => other,
                };
                open = Some((at.saturating_add(c.len_utf8()), closes));
            }
            _ => {}
        }
        before = c;
    }
    found
}
