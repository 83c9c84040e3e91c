//! Operators on words: direction, negation, rank, ratio.

use std::ops::Range;

use centinel_engine::facts::{Direction, FactKind};

use super::{Case, Made, made, pick};
use crate::random::Random;

const DIRECTIONS: [(&str, &str); 33] = [
    ("rose", "fell"),
    ("increased", "decreased"),
    ("increase", "decrease"),
    ("up", "down"),
    ("more", "less"),
    ("higher", "lower"),
    ("grew", "shrank"),
    ("climbed", "dropped"),
    ("jumped", "dropped"),
    ("rise", "fall"),
    ("growth", "decline"),
    ("above", "below"),
    ("gained", "lost"),
    ("rises", "falls"),
    ("rising", "falling"),
    ("upward", "downward"),
    ("added", "removed"),
    ("went up", "went down"),
    ("expanded", "contracted"),
    ("surged", "plunged"),
    ("jump", "drop"),
    ("increases", "decreases"),
    ("ticked up", "ticked down"),
    ("dearer", "cheaper"),
    ("over", "under"),
    ("spike", "dip"),
    ("gain", "loss"),
    ("worsened", "improved"),
    ("rose", "dropped"),
    ("rose", "declined"),
    ("increased", "shrank"),
    ("up", "lower by"),
    ("higher", "down"),
];

fn words(text: &str, word: &str) -> Vec<Range<usize>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(word)
        .map(|(at, _)| at..at + word.len())
        .filter(|range| {
            !text[..range.start].ends_with(is_part) && !text[range.end..].starts_with(is_part)
        })
        .collect()
}

/// Outside of mentions and citations.
fn is_free(case: &Case<'_>, range: &Range<usize>) -> bool {
    !case.cited.iter().any(|cited| range.start < cited.cite.end && cited.span.start < range.end)
}

/// Whether a cited fact of the same sentence points somewhere, and all that do point there.
fn directed(case: &Case<'_>, at: &Range<usize>) -> Option<Direction> {
    let sentence = crate::verifier::cited::sentence(case.text, at.start);
    let mut found = case
        .cited
        .iter()
        .filter(|cited| sentence.contains(&cited.cite.start))
        .filter_map(|cited| case.fact(cited).direction);
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// A word of direction becomes its opposite.
pub(super) fn direction(case: &Case<'_>, random: &mut Random) -> Made {
    let mut found = Vec::new();
    for (up, down) in DIRECTIONS {
        for (word, other, points) in [(up, down, Direction::Up), (down, up, Direction::Down)] {
            for range in words(case.text, word) {
                // Words that a sentence uses otherwise (`more` of a threshold, `over` of a period) are told by
                // that no fact of it points that way.
                if is_free(case, &range)
                    && directed(case, &range) == Some(points)
                    && !is_threshold(case, &range)
                {
                    found.push((range, other));
                }
            }
        }
    }
    made(pick(random, &found).map(|(range, other)| case.replaced(range.clone(), other)))
}

/// `more than $10`, `over 3 days`, `up to`: bounds and spans, not changes.
fn is_threshold(case: &Case<'_>, range: &Range<usize>) -> bool {
    let word = &case.text[range.clone()];
    let after = case.text[range.end..].trim_start();
    let before = case.text[..range.start].trim_end();
    match word {
        "more" | "less" | "higher" | "lower" => after.starts_with("than") && !before.ends_with(']'),
        "over" | "under" | "above" | "below" => {
            !after.starts_with("budget") && !after.starts_with("the budget")
        }
        "up" => {
            after.starts_with("to ")
                || !(after.starts_with(|c: char| c.is_ascii_digit() || "+$€£¥*`by".contains(c))
                    || before.ends_with("is")
                    || before.ends_with(']'))
        }
        "down" => after.starts_with("to ") || after.starts_with("comes"),
        "added" | "gain" | "loss" | "growth" | "lost" => true,
        _ => false,
    }
}

/// A statement becomes its opposite: `not` after an auxiliary, or `did not` before a plain past.
pub(super) fn negation(case: &Case<'_>, random: &mut Random) -> Made {
    const FORMS: [(&str, &[&str]); 20] = [
        ("cost", &["did not cost"]),
        ("costs", &["does not cost", "doesn't cost"]),
        ("rose", &["did not rise", "didn't rise", "never rose"]),
        ("fell", &["did not fall", "didn't fall"]),
        ("increased", &["did not increase", "hardly increased"]),
        ("decreased", &["did not decrease"]),
        ("spent", &["did not spend", "never spent"]),
        ("is", &["is not", "isn't", "is no longer"]),
        ("was", &["was not", "wasn't", "was never"]),
        ("were", &["were not"]),
        ("are", &["are not", "aren't"]),
        ("came", &["did not come"]),
        ("invoiced", &["did not invoice"]),
        ("paid", &["did not pay"]),
        ("grew", &["did not grow"]),
        ("contributed", &["did not contribute"]),
        ("holds", &["does not hold"]),
        ("takes", &["does not take"]),
        ("accounts", &["does not account"]),
        ("saved", &["failed to save", "did not save"]),
    ];
    let mut found = Vec::new();
    for (word, others) in FORMS {
        for range in words(case.text, word) {
            let sentence = crate::verifier::cited::sentence(case.text, range.start);
            let has_figure = |place: &Range<usize>| {
                case.figures().any(|(_, figure)| {
                    place.contains(&figure.cite.start) && figure.cite.start > range.end
                })
            };
            let is_noun =
                word == "cost" && !case.text[..range.start].trim_end().ends_with([']', '*', '`']);
            let is_negated = case.text[sentence.clone()].contains(" not ")
                || case.text[sentence.clone()].contains("n't");
            if is_free(case, &range) && has_figure(&sentence) && !is_noun && !is_negated {
                found.push((range, others));
            }
        }
    }
    match pick(random, &found) {
        Some((range, others)) => {
            let other = *random.clone().one_of(others);
            Made::Mutant(case.replaced(range.clone(), other))
        }
        None => Made::Nothing,
    }
}

const RANKS: [&str; 6] = [
    "largest",
    "second-largest",
    "third-largest",
    "fourth-largest",
    "fifth-largest",
    "sixth-largest",
];

/// A rank becomes another, or a superlative is added that no rank carries.
pub(super) fn rank(case: &Case<'_>, random: &mut Random) -> Made {
    let mut found: Vec<(Range<usize>, String)> = Vec::new();
    for cited in case.cited.iter().filter(|cited| case.fact(cited).kind == FactKind::Rank) {
        let before = case.text[..cited.cite.start].trim_end_matches([' ', '*', '`']);
        let Ok(rank) = case.fact(cited).value.parse::<usize>() else { continue };
        let other = 1 + (rank + random.whole(0, 4)) % 6;
        let other = if other == rank { rank + 1 } else { other };
        let own = RANKS
            .iter()
            .rev()
            .find(|word| before.ends_with(**word) && RANKS.get(rank - 1) == Some(word));
        if let Some(own) = own {
            let range = before.len() - own.len()..before.len();
            found.push((range, RANKS.get(other - 1).map_or("last", |word| word).to_owned()));
        }
        let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 {
            found.push((before.len() - digits..before.len(), other.to_string()));
        }
    }
    if !found.is_empty() && random.unit() < 0.7 {
        return made(
            pick(random, &found).map(|(range, other)| case.replaced(range.clone(), other)),
        );
    }
    if case.cited.iter().any(|cited| case.fact(cited).kind == FactKind::Rank) {
        return Made::Equivalent;
    }
    let what = *random.one_of(&[
        ", the largest of all",
        ", a record",
        ", the highest ever",
        ", more than any other",
        ", first among them",
        ", the most expensive item",
        ", the smallest change",
        ", second to none",
        ", the worst so far",
        ", the top spender",
        ", ahead of every other team",
        ", the lowest level yet",
    ]);
    made(case.inserted(random, what))
}

/// A ratio in words becomes another, or one is added that no fact carries.
pub(super) fn ratio(case: &Case<'_>, random: &mut Random) -> Made {
    const WORDS: [(&str, &[&str]); 12] = [
        ("doubled", &["tripled", "quadrupled"]),
        ("tripled", &["doubled", "halved"]),
        ("halved", &["doubled", "fell by a third"]),
        ("twice", &["three times", "half"]),
        ("half", &["a third", "a quarter"]),
        ("Half", &["A third"]),
        ("Most", &["Half", "A minority"]),
        ("most", &["a minority", "a quarter"]),
        ("double", &["triple"]),
        ("a third", &["half"]),
        ("quarter", &["third"]),
        ("two-thirds", &["a third", "half"]),
    ];
    let mut found = Vec::new();
    for (word, others) in WORDS {
        for range in words(case.text, word) {
            let sentence = crate::verifier::cited::sentence(case.text, range.start);
            if case.cited.iter().any(|cited| sentence.contains(&cited.cite.start)) {
                found.push((range, others));
            }
        }
    }
    if let Some((range, others)) = pick(random, &found)
        && random.clone().unit() < 0.8
    {
        let other = *random.one_of(others);
        return Made::Mutant(case.replaced(range.clone(), other));
    }
    if super::added::has_part(case) {
        return Made::Equivalent;
    }
    let what = *random.one_of(&[
        ", so it doubled",
        ", it tripled",
        ", half the usual",
        ", twice as much as before",
        ", three times the usual",
        ", most of the total",
        ", nearly all of it",
        ", a tenfold rise",
        ", two-thirds of it",
    ]);
    made(case.inserted(random, what))
}
