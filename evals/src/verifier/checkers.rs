//! What is measured: the checker, and simpler ones beside it.

use std::sync::LazyLock;

use centinel_engine::{facts::Fact, narrative};
use num_traits::Signed as _;
use regex_lite::Regex;

use super::{
    cited::{self, Reading},
    day,
    exact::{Exact, Shown, ratio},
    figure::size,
};

/// Whether a text is taken as it is; otherwise what was objected to.
pub(crate) type Checker = fn(&[Fact], &str) -> Result<(), String>;

/// By name, ours first.
pub(crate) const ALL: [(&str, Checker); 4] = [
    ("centinel", ours),
    ("bound by value alone", bound),
    ("any fact, correct rounding", any_rounding),
    ("any fact, ±1 %", any_near),
];

/// The checker: every mention must be verified.
fn ours(facts: &[Fact], text: &str) -> Result<(), String> {
    let refused = narrative::check(facts, text)
        .into_iter()
        .find(|mention| mention.status != narrative::Status::Verified);
    refused.map_or(Ok(()), |mention| {
        let reason = mention.reason.unwrap_or_default();
        Err(format!("{:?} `{}`: {reason}", mention.status, mention.mention))
    })
}

/// Each cited figure, date and name is held against its own fact, and nothing else is looked at.
fn bound(facts: &[Fact], text: &str) -> Result<(), String> {
    for cited in cited::read(text, facts) {
        let fact = &facts[cited.fact];
        let is_right = match &cited.reading {
            Reading::Figure(figure) => figure.may_be(text, fact),
            Reading::Day(read) => {
                day::of_value(&fact.value).is_some_and(|date| read.is(text, date))
            }
            Reading::Name => true,
            // A rank or a ratio in words, or a name or figure that is not the fact's.
            Reading::Other => !matches!(
                fact.kind,
                centinel_engine::facts::FactKind::Entity
                    | centinel_engine::facts::FactKind::Date
                    | centinel_engine::facts::FactKind::Money
                    | centinel_engine::facts::FactKind::Count
            ),
        };
        if !is_right {
            return Err(text[cited.span.start..cited.cite.end].to_owned());
        }
    }
    Ok(())
}

fn any_rounding(facts: &[Fact], text: &str) -> Result<(), String> {
    any(facts, text, Shown::may_round)
}

fn any_near(facts: &[Fact], text: &str) -> Result<(), String> {
    any(facts, text, |shown, size| (shown.value() - size).abs() <= size * ratio(1, 100))
}

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"([0-9][0-9,]*(?:\.[0-9]+)?)(\s?(?:k|K|M|bn)\b|\s(?:thousand|million|billion)\b)?")
        .expect("the pattern is one")
});

/// Every number of the text, without names and dates, is near to some fact.
fn any(facts: &[Fact], text: &str, near: fn(&Shown, &Exact) -> bool) -> Result<(), String> {
    let mut left = text.to_owned();
    for cited in cited::read(text, facts).iter().rev() {
        let is_figure = matches!(cited.reading, Reading::Figure(_) | Reading::Other);
        let range = if is_figure { cited.cite.clone() } else { cited.whole() };
        left.replace_range(range, " ");
    }
    let sizes: Vec<Exact> = facts.iter().filter_map(size).collect();
    for found in NUMBER.captures_iter(&left) {
        let digits = found.get(1).map_or("", |part| part.as_str()).trim_end_matches(',');
        let power = match found.get(2).map_or("", |part| part.as_str().trim()) {
            "k" | "K" | "thousand" => 3,
            "M" | "million" => 6,
            "bn" | "billion" => 9,
            _ => 0,
        };
        let shown = Shown::read(digits, power);
        let is_near = shown.is_some_and(|shown| sizes.iter().any(|size| near(&shown, size)));
        if !is_near {
            return Err(digits.to_owned());
        }
    }
    Ok(())
}
