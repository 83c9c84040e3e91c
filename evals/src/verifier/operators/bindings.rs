//! Operators on what is bound to what: figures, names and citations that change places.

use std::ops::Range;

use centinel_engine::facts::{Fact, FactKind};
use jiff::civil::Date;

use super::{Case, Made, made, pick};
use crate::{
    random::Random,
    verifier::{
        cited::Cited,
        day,
        exact::exact,
        figure::{self, size},
    },
};

fn is_figure(cited: &Cited) -> bool {
    cited.figure().is_some()
}

/// Two figures of a sentence change places, their citations stay.
pub(super) fn figures_swapped(case: &Case<'_>, random: &mut Random) -> Made {
    let pairs = case.pairs(is_figure, |a, b| {
        case.sentence(a) == case.sentence(b)
            && case.text[a.span.clone()] != case.text[b.span.clone()]
    });
    let Some((a, b)) = pick(random, &pairs).copied() else { return Made::Nothing };
    let (first, second) = (&case.text[a.span.clone()], &case.text[b.span.clone()]);
    let text = case.both_replaced((a.span.clone(), second), (b.span.clone(), first));
    let is_true = |figure: &str, at: &Cited| {
        figure::ending_at(figure, figure.len())
            .is_some_and(|read| read.may_be(figure, case.fact(at)))
    };
    if is_true(second, a) && is_true(first, b) { Made::Equivalent } else { Made::Mutant(text) }
}

/// Whether two facts are amounts of the same measure with different values: one in the other's place says
/// something else.
fn differ_alike(a: &Fact, b: &Fact) -> bool {
    a.kind == b.kind
        && a.currency == b.currency
        && a.unit == b.unit
        && exact(&a.value) != exact(&b.value)
}

/// Words that give the two figures beside them different parts: one was before, the other after.
fn is_ordered(before_first: &str, between: &str) -> bool {
    let between = between.to_lowercase();
    let to = between.trim() == "to" && before_first.trim_end().to_lowercase().ends_with("from");
    to || ["baseline", "compared with", "compared to", "up from", "down from", "against"]
        .iter()
        .any(|word| between.contains(word))
}

/// A dimension whose value one fact has and another has not.
fn is_about(fact: &Fact, name: &Fact) -> bool {
    fact.dims.values().any(|value| *value == name.value)
}

fn is_about_another(fact: &Fact, name: &Fact) -> bool {
    let dimension = name.dims.iter().find(|(_, value)| **value == name.value).map(|(key, _)| key);
    dimension.is_some_and(|key| fact.dims.get(key).is_some_and(|value| *value != name.value))
}

/// The only name of a sentence or row that a figure can be about.
fn sole_name<'a>(case: &Case<'a>, cited: &Cited) -> Option<&'a Fact> {
    let sentence = case.sentence(cited);
    let mut names = case
        .names()
        .map(|(_, name)| name)
        .filter(|name| case.sentence(name) == sentence)
        .map(|name| case.fact(name));
    let first = names.next()?;
    names.all(|name| name.value == first.value).then_some(first)
}

/// The name right before a figure, without another figure between.
fn name_before<'a>(case: &Case<'a>, figure: &Cited) -> Option<&'a Fact> {
    let at = case.cited.iter().position(|cited| cited == figure)?;
    let before = case.cited[..at]
        .iter()
        .rev()
        .take_while(|cited| !is_figure(cited))
        .find(|cited| cited.is_name())?;
    (case.sentence(before) == case.sentence(figure)).then(|| case.fact(before))
}

fn swapped_whole(case: &Case<'_>, a: &Cited, b: &Cited) -> String {
    let (first, second) = (&case.text[a.whole()], &case.text[b.whole()]);
    case.both_replaced((a.whole(), second), (b.whole(), first))
}

/// Whether each figure follows a date on which its window begins and the other's does not.
fn is_dated(case: &Case<'_>, a: &Cited, b: &Cited) -> bool {
    let date_before = |figure: &Cited| {
        let at = case.cited.iter().position(|cited| cited == figure)?;
        let mut before = case.cited[..at].iter().rev().take_while(|cited| !is_figure(cited));
        let date = before.find(|cited| cited.day().is_some())?;
        (case.sentence(date) == case.sentence(figure))
            .then(|| day::of_value(&case.fact(date).value))?
    };
    let holds = |figure: &Cited, date: Date| {
        case.fact(figure).window.is_some_and(|window| {
            let (first, end) = window.dates();
            first <= date && date <= end
        })
    };
    match (date_before(a), date_before(b)) {
        (Some(of_a), Some(of_b)) => {
            holds(a, of_a) && holds(b, of_b) && !holds(a, of_b) && !holds(b, of_a)
        }
        _ => false,
    }
}

/// Two figures of a sentence change places with their citations, where words or names give them parts.
pub(super) fn figures_swapped_with_citations(case: &Case<'_>, random: &mut Random) -> Made {
    let pairs = case.pairs(is_figure, |a, b| {
        case.sentence(a) == case.sentence(b)
            && differ_alike(case.fact(a), case.fact(b))
            && case.text[a.whole()] != case.text[b.whole()]
    });
    let Some((a, b)) = pick(random, &pairs).copied() else { return Made::Nothing };
    let between = &case.text[a.cite.end..b.span.start];
    let is_next = !between.contains('[');
    let ordered = is_next && is_ordered(&case.text[..a.span.start], between);
    let named = match (name_before(case, a), name_before(case, b)) {
        (Some(of_a), Some(of_b)) => {
            is_about(case.fact(a), of_a)
                && is_about(case.fact(b), of_b)
                && is_about_another(case.fact(a), of_b)
                && is_about_another(case.fact(b), of_a)
        }
        _ => false,
    };
    if ordered || named || is_dated(case, a, b) {
        Made::Mutant(swapped_whole(case, a, b))
    } else {
        Made::Equivalent
    }
}

/// Whether both are values of one dimension.
fn share_dimension(a: &Fact, b: &Fact) -> bool {
    let of = |fact: &Fact| -> Vec<String> {
        let own = fact.dims.iter().filter(|(_, value)| **value == fact.value);
        own.map(|(key, _)| key.clone()).collect()
    };
    of(a).iter().any(|key| of(b).contains(key))
}

fn other_names<'a>(case: &Case<'a>, name: &Cited) -> Vec<&'a Fact> {
    let own = case.fact(name);
    let is_other = |fact: &&Fact| {
        fact.kind == FactKind::Entity
            && !fact.value.is_empty()
            && fact.value.to_lowercase() != own.value.to_lowercase()
    };
    case.facts.iter().filter(is_other).collect()
}

fn shown(case: &Case<'_>, range: Range<usize>, name: &str) -> String {
    let plain: String = name.chars().filter(|c| !c.is_control()).collect();
    let is_code = case.text[..range.start].ends_with('`') && !plain.contains('`');
    if is_code { plain } else { crate::verifier::names::escaped(&plain) }
}

/// Another name of the bundle, or one that is none, before the same citation.
pub(super) fn name_swapped(case: &Case<'_>, random: &mut Random) -> Made {
    let names: Vec<&Cited> = case.names().map(|(_, cited)| cited).collect();
    let Some(name) = pick(random, &names).copied() else { return Made::Nothing };
    let others = other_names(case, name);
    let other = match pick(random, &others) {
        Some(other) if random.unit() < 0.7 => other.value.as_str(),
        _ => *random.one_of(&["checkout-v2", "team-nova", "gpt-9", "Payments EU", "m7i.large"]),
    };
    let own = &case.fact(name).value;
    if own.ends_with(other) {
        // What is left of the old name in front would make the new one true again.
        return Made::Equivalent;
    }
    Made::Mutant(case.replaced(name.span.clone(), &shown(case, name.span.clone(), other)))
}

/// Another name of the same dimension with its own citation, beside a figure that is about the old one.
pub(super) fn name_swapped_with_citation(case: &Case<'_>, random: &mut Random) -> Made {
    let mut found = Vec::new();
    for (_, name) in case.names() {
        let own = case.fact(name);
        let sentence = case.sentence(name);
        let carries = |cited: &Cited| {
            case.sentence(cited) == sentence
                && is_figure(cited)
                && is_about(case.fact(cited), own)
                && name_before(case, cited)
                    .or_else(|| sole_name(case, cited))
                    .is_some_and(|fact| fact == own)
        };
        let others = other_names(case, name);
        for other in others.into_iter().filter(|other| share_dimension(own, other)) {
            if case
                .cited
                .iter()
                .any(|cited| carries(cited) && is_about_another(case.fact(cited), other))
            {
                found.push((name, other));
            }
        }
    }
    made(pick(random, &found).map(|(name, other)| {
        let shown = shown(case, name.span.clone(), &other.value);
        case.both_replaced(
            (name.span.clone(), &shown),
            (name.cite.clone(), &format!("[{}]", other.id)),
        )
    }))
}

/// The figure stays, another fact is cited.
///
/// Where another fact has the same value, it is one of another kind, unit, currency, name or window.
pub(super) fn wrong_fact(case: &Case<'_>, random: &mut Random) -> Made {
    let (mut same, mut others) = (Vec::new(), Vec::new());
    for (_, cited) in case.figures() {
        let (Some(figure), own) = (cited.figure(), case.fact(cited)) else { continue };
        for fact in case.facts.iter().filter(|fact| fact.id != own.id && size(fact).is_some()) {
            let may_be = figure.may_be(case.text, fact);
            let names = name_before(case, cited).or_else(|| sole_name(case, cited));
            let is_elsewhere =
                names.is_some_and(|name| is_about(own, name) && is_about_another(fact, name));
            if !may_be {
                others.push((cited, fact));
            } else if is_elsewhere || fact.kind != own.kind || fact.currency != own.currency {
                same.push((cited, fact));
            }
        }
    }
    let found = if same.is_empty() || random.unit() < 0.2 { &others } else { &same };
    made(
        pick(random, found)
            .map(|(cited, fact)| case.replaced(cited.cite.clone(), &format!("[{}]", fact.id))),
    )
}

/// Two figures of different sentences change places with their citations, each about its sentence's name.
pub(super) fn wrong_sentence(case: &Case<'_>, random: &mut Random) -> Made {
    let pairs = case.pairs(is_figure, |a, b| {
        let names = (
            name_before(case, a).or_else(|| sole_name(case, a)),
            name_before(case, b).or_else(|| sole_name(case, b)),
        );
        let (Some(of_a), Some(of_b)) = names else { return false };
        case.sentence(a) != case.sentence(b)
            && is_about(case.fact(a), of_a)
            && is_about(case.fact(b), of_b)
            && is_about_another(case.fact(a), of_b)
            && is_about_another(case.fact(b), of_a)
    });
    made(pick(random, &pairs).map(|(a, b)| swapped_whole(case, a, b)))
}

/// A figure, name or date without its citation.
pub(super) fn uncited(case: &Case<'_>, random: &mut Random) -> Made {
    let bound: Vec<&Cited> = case.cited.iter().filter(|cited| !cited.span.is_empty()).collect();
    let Some(cited) = pick(random, &bound).copied() else { return Made::Nothing };
    if is_prose(case, cited) || is_carried(case, cited) {
        return Made::Equivalent;
    }
    let before = case.text[..cited.cite.start].trim_end_matches(' ').len();
    // A citation that follows at once would carry it.
    if case.text[cited.cite.end..].trim_start_matches([' ', ',']).starts_with('[') {
        return Made::Equivalent;
    }
    Made::Mutant(case.replaced(before..cited.cite.end, ""))
}

/// A name of plain words (`growth`, `price`) is also prose.
fn is_prose(case: &Case<'_>, cited: &Cited) -> bool {
    let name = &case.fact(cited).value;
    cited.is_name() && name.chars().all(|c| c.is_lowercase() || c == ' ')
}

/// Whether a figure that is cited in the same sentence is about this name, or of a window that begins or
/// ends on this day.
fn is_carried(case: &Case<'_>, cited: &Cited) -> bool {
    let (own, sentence) = (case.fact(cited), case.sentence(cited));
    let date = day::of_value(&own.value);
    let carries = |figure: &Cited| {
        let fact = case.fact(figure);
        let is_edge = |date: Date| {
            fact.window.is_some_and(|window| {
                let (first, end) = window.dates();
                date == first || date == end || Some(date) == end.yesterday().ok()
            })
        };
        case.sentence(figure) == sentence && (is_about(fact, own) || date.is_some_and(is_edge))
    };
    !is_figure(cited) && case.figures().any(|(_, figure)| carries(figure))
}
