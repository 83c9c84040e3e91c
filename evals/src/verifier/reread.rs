//! A second reading of published text, for the fuzzer: whatever it cannot trace to a fact is a fault.
//!
//! It knows nothing of drafts, slots and forms, and shares no code with the checker. It is stricter about
//! what stands outside of citations and knows nothing of truth beyond figures, names and dates.

use std::ops::Range;

use centinel_engine::facts::{Direction, Fact, FactKind};

use super::{
    cited::{self, Cited, Reading},
    day,
    exact::{exact, ratio},
    figure, names,
};

/// Words that are figures, or say one without digits.
const NUMBERS: [&str; 62] = [
    "zero",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "hundreds",
    "thousand",
    "thousands",
    "million",
    "millions",
    "billion",
    "billions",
    "trillion",
    "dozen",
    "dozens",
    "half",
    "halved",
    "third",
    "thirds",
    "quarter",
    "quarters",
    "fifth",
    "tenth",
    "double",
    "doubled",
    "triple",
    "tripled",
    "quadrupled",
    "twice",
    "thrice",
    "twofold",
    "threefold",
    "tenfold",
    "fourth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "couple",
];

const NOT_ITS_FACT: &str = "cited but not its fact";

/// What in a cited text no fact carries.
pub(crate) fn faults(text: &str, facts: &[Fact], caveats: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut covered: Vec<Range<usize>> = Vec::new();
    for cited in cited::read(text, facts) {
        let fact = &facts[cited.fact];
        let range = words_of(text, &cited, fact);
        if range.is_none() {
            let from =
                text[..cited.cite.start].char_indices().rev().nth(32).map_or(0, |(at, _)| at);
            faults.push(format!("{NOT_ITS_FACT}: `{}`", &text[from..cited.cite.end]));
        }
        covered.push(range.unwrap_or(cited.cite));
    }
    for caveat in caveats {
        covered.extend(text.match_indices(caveat.as_str()).map(|(at, _)| at..at + caveat.len()));
    }
    covered.sort_by_key(|range| range.start);
    let mut left = String::new();
    let mut at = 0;
    for range in covered {
        left.push_str(text.get(at..range.start).unwrap_or_default());
        left.push(' ');
        at = at.max(range.end);
    }
    left.push_str(&text[at..]);
    faults.extend(free_faults(&left));
    faults
}

/// What a citation stands behind, when that is the fact.
fn words_of(text: &str, cited: &Cited, fact: &Fact) -> Option<Range<usize>> {
    let is_right = match &cited.reading {
        Reading::Figure(figure) => figure.may_be(text, fact),
        Reading::Name => is_name(&text[cited.span.clone()], &fact.value),
        Reading::Day(read) => day::of_value(&fact.value).is_some_and(|date| read.is(text, date)),
        Reading::Other => false,
    };
    if is_right {
        return Some(cited.whole());
    }
    with_unit(text, cited, fact).or_else(|| in_words(text, cited, fact))
}

/// A figure before the fact's own unit, whatever that is.
fn with_unit(text: &str, cited: &Cited, fact: &Fact) -> Option<Range<usize>> {
    let plain: String = fact.unit.as_deref()?.chars().filter(|c| !c.is_control()).collect();
    let before = text[..cited.cite.start].trim_end();
    let left = before.strip_suffix(names::escaped(&plain).trim())?.trim_end();
    let left = left.strip_suffix(" per").unwrap_or(left).trim_end();
    let figure = figure::ending_at(text, left.len())?;
    figure.may_be(text, fact).then_some(figure.span.start..cited.cite.end)
}

/// Exactly the name; escapes and characters of control do not count.
fn is_name(shown: &str, name: &str) -> bool {
    let plain =
        |text: &str| -> String { text.chars().filter(|c| *c != '\\' && !c.is_control()).collect() };
    plain(shown) == plain(name)
}

/// Ranks and ratios said in words.
fn in_words(text: &str, cited: &Cited, fact: &Fact) -> Option<Range<usize>> {
    let value = exact(&fact.value)?;
    let directions: &[&str] = match fact.direction {
        Some(Direction::Up) => &["rose", "rise"],
        Some(Direction::Down) => &["fell", "fall"],
        Some(Direction::Flat) | None => &["did not change", "no change"],
    };
    let before = text[..cited.cite.start].trim_end_matches([' ', '*', '`']);
    if let Some(word) = directions.iter().find(|word| before.ends_with(**word))
        && fact.direction.is_some()
    {
        return Some(before.len() - word.len()..cited.cite.end);
    }
    let words: &[(&str, bool)] = match fact.kind {
        FactKind::Ratio | FactKind::Percent => &[
            ("doubled", value >= ratio(195, 100) && value <= ratio(205, 100)),
            ("tripled", value >= ratio(295, 100) && value <= ratio(305, 100)),
            ("halved", value >= ratio(49, 100) && value <= ratio(51, 100)),
            ("doubled", value >= ratio(95, 1) && value <= ratio(105, 1)),
            ("half", value >= ratio(49, 1) && value <= ratio(51, 1)),
            ("most", value > ratio(50, 1)),
        ],
        FactKind::Rank => &[
            ("first", value == ratio(1, 1)),
            ("largest", value == ratio(1, 1)),
            ("second", value == ratio(2, 1)),
            ("second-largest", value == ratio(2, 1)),
            ("third", value == ratio(3, 1)),
            ("third-largest", value == ratio(3, 1)),
        ],
        _ => return None,
    };
    let (word, _) = words
        .iter()
        .rev()
        .find(|(word, is_true)| *is_true && before.to_lowercase().ends_with(word))?;
    Some(before.len() - word.len()..cited.cite.end)
}

/// Figures, dates, links and markup where nothing is cited.
fn free_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for c in text.chars() {
        if c.is_numeric() || "%‰$€£¥₹".contains(c) || is_styled_digit(c) {
            faults.push(format!("`{c}` outside of a citation"));
        }
        if c.is_control() && c != '\n' || is_invisible(c) {
            faults.push(format!("{} in the text", c.escape_unicode()));
        }
    }
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        let lower = word.to_lowercase();
        if NUMBERS.contains(&lower.as_str()) {
            faults.push(format!("number word `{word}`"));
        }
        let is_month =
            day::MONTHS.iter().any(|month| *month == word && word != "May" && word != "March");
        if is_month || day::WEEKDAYS.contains(&word) {
            faults.push(format!("date word `{word}`"));
        }
    }
    for mark in ["://", "](", "][", "www.", "<", "mailto:", "javascript:", "@"] {
        if text.contains(mark) && !text.contains(&format!("\\{mark}")) {
            faults.push(format!("`{mark}` in the text"));
        }
    }
    faults
}

fn is_styled_digit(c: char) -> bool {
    matches!(c, '\u{1d7ce}'..='\u{1d7ff}' | '\u{1fbf0}'..='\u{1fbf9}' | '\u{ff10}'..='\u{ff19}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use centinel_engine::{
        facts::BundleBuilder,
        money::{Currency, Money},
    };

    use super::*;

    #[test]
    fn what_no_fact_carries_is_found() {
        let mut facts = BundleBuilder::new("x", None);
        facts.entity("name", "gpt-5.1");
        facts.money("cost", Money { amount: "1234.5".parse().unwrap(), currency: Currency::USD });
        facts.add("rank", FactKind::Rank, 2);
        facts.add("at", FactKind::Date, "2026-10-14");
        let facts = facts.build().facts;
        for (text, count) in [
            ("gpt-5.1 [F1] cost $1,234.50 [F2] on Oct 14 [F4], second-largest [F3].", 0),
            ("gpt-5.1 [F1] cost $1,234.51 [F2].", 1),
            ("gpt-5.2 [F1] cost $1.2k [F2].", 3),
            ("It is largest [F3].", 1),
            ("It cost ５ more, in March or on Monday, and doubled.", 3),
            ("See [x](http://evil.example).", 2),
            ("Of this, 5 % [F2].", 3),
            ("On Oct 15 [F4].", 2),
        ] {
            let found = faults(text, &facts, &[]);
            assert!(found.is_empty() == (count == 0), "{text}: {found:?}");
        }
        assert!(
            faults("Two days are known.", &facts, &["Two days are known.".to_owned()]).is_empty()
        );
    }
}
