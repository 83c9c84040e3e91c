//! Whether figures stand with the names and times that they are about.

use std::collections::BTreeSet;

use super::{
    claims::{Claim, Fault},
    dates::DateSaid,
    fit,
    names::Names,
    scan::Kind,
    sentence::Sentence,
};
use crate::facts::{Fact, FactKind};

/// What the sentences before said a paragraph is about, by dimension: the one name of the last sentence
/// that named any.
pub(super) type Topic = std::collections::BTreeMap<String, String>;

/// Figures that stand with the name of something else.
pub(super) fn names(
    sentence: &Sentence<'_>,
    facts: &[Fact],
    known: &Names,
    topic: &mut Topic,
) -> Vec<Claim> {
    let dimensions: BTreeSet<&String> = facts.iter().flat_map(|fact| fact.dims.keys()).collect();
    let mut claims = Vec::new();
    for dimension in dimensions {
        if !known.tells_apart(dimension) {
            continue;
        }
        let named = named(sentence, facts, known, dimension);
        let distinct: BTreeSet<&str> = named.iter().map(|(_, name)| *name).collect();
        let figures: Vec<(usize, &Fact, String)> = (0..sentence.items.len())
            .filter_map(|item| {
                let fact = facts.get(sentence.fact_of(item)?)?;
                let is_figure = !matches!(fact.kind, FactKind::Entity | FactKind::Date);
                let value = fact.dims.get(dimension).filter(|_| is_figure)?;
                Some((item, fact, super::names::visible(value)))
            })
            .collect();
        // A driver of one feature says which feature is meant, where no feature is named.
        let drivers: BTreeSet<&str> = (0..sentence.items.len())
            .filter_map(|item| facts.get(sentence.fact_of(item)?))
            .filter(|fact| fact.kind == FactKind::Entity)
            .filter_map(|fact| fact.dims.get(dimension).map(String::as_str))
            .collect();
        let distinct = if distinct.is_empty() && drivers.len() == 1 { drivers } else { distinct };
        let about = topic.get(dimension).cloned();
        let wrong = match (distinct.len(), about) {
            (0, None) => Vec::new(),
            (0, Some(topic)) => figures
                .iter()
                // How long something took is told without saying whose.
                .filter(|(_, fact, value)| *value != topic && fact.kind != FactKind::Duration)
                .collect(),
            (1, topic) => {
                let first = named.first().map_or(0, |(at, _)| *at);
                let goes_on = |item: usize, value: &str| {
                    topic.as_deref() == Some(value)
                        && item < first
                        && sentence.clause_of(item) != sentence.clause_of(first)
                };
                let is_wrong = |(item, _, value): &&About<'_>| {
                    !distinct.contains(value.as_str()) && !goes_on(*item, value)
                };
                figures.iter().filter(is_wrong).collect()
            }
            _ => unpaired(sentence, &named, &figures),
        };
        for (item, fact, _) in wrong {
            let reason =
                format!("`{}` is {}, of another {}", fact.id, fit::told(fact), kind_of(dimension));
            claims.push(Claim {
                from: *item,
                to: *item,
                fact: sentence.fact_of(*item),
                fault: Some(Fault::Contradicted(reason)),
            });
        }
        let mut distinct = distinct.into_iter();
        match (distinct.next(), distinct.next()) {
            (Some(one), None) => {
                topic.insert(dimension.clone(), one.to_owned());
            }
            (Some(_), Some(_)) => {
                topic.remove(dimension);
            }
            (None, _) => {}
        }
    }
    claims
}

/// A dimension as reasons name it; the key of a tag came with the data, and is left out.
fn kind_of(dimension: &str) -> &str {
    if dimension.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
        dimension
    } else {
        "tag"
    }
}

/// Names of a dimension in a sentence, by item.
fn named<'n>(
    sentence: &Sentence<'_>,
    facts: &[Fact],
    known: &'n Names,
    dimension: &str,
) -> Vec<(usize, &'n str)> {
    (0..sentence.items.len())
        .filter_map(|item| match sentence.kind(item)? {
            Kind::Name(name, _) if known.is_of(*name, dimension) => {
                // A name of several dimensions means the one that its citation says.
                let bound = sentence.fact_of(item).and_then(|fact| facts.get(fact));
                let is_other = bound.is_some_and(|fact| {
                    !fact.dims.is_empty() && !fact.dims.contains_key(dimension)
                });
                (!is_other).then(|| (item, known.value(*name)))
            }
            // An ordinary word that is a name too, and may well be meant as one.
            Kind::Word => {
                let name = known
                    .plain(sentence.word(item)?)
                    .filter(|name| known.is_of(*name, dimension))?;
                Some((item, known.value(name)))
            }
            _ => None,
        })
        .collect()
}

/// A figure with its fact and the name that the fact is about.
type About<'a> = (usize, &'a Fact, String);

/// Figures that no usual order of names and figures gives to their own name: name before figures, figure
/// before name, clause by clause, or `A and B cost X and Y`.
fn unpaired<'f, 'a>(
    sentence: &Sentence<'_>,
    named: &[(usize, &str)],
    figures: &'f [About<'a>],
) -> Vec<&'f About<'a>> {
    let preceding =
        |item: usize| named.iter().rev().find(|(at, _)| *at < item).map(|(_, name)| *name);
    let following = |item: usize| named.iter().find(|(at, _)| *at > item).map(|(_, name)| *name);
    let by_clause = |item: usize| {
        let clause = sentence.clause_of(item);
        let here: Vec<_> =
            named.iter().filter(|(at, _)| sentence.clause_of(*at) == clause).collect();
        match here.as_slice() {
            [] => preceding(item).or_else(|| following(item)),
            [(_, name)] => Some(*name),
            many => {
                many.iter().rev().find(|(at, _)| *at < item).or(many.first()).map(|(_, name)| *name)
            }
        }
    };
    let in_own_clause = |item: usize| {
        let clause = sentence.clause_of(item);
        let here = named.iter().any(|(at, _)| sentence.clause_of(*at) == clause);
        here.then(|| by_clause(item)).flatten()
    };
    let mut best: Option<Vec<&About<'a>>> = None;
    for scheme in 0..4_u8 {
        let failed: Vec<&About<'a>> = figures
            .iter()
            .filter(|(item, _, value)| {
                let name = match scheme {
                    0 => preceding(*item),
                    1 => following(*item),
                    2 => by_clause(*item),
                    // `A costs more than B, but it fell by X`: what follows is about the subject.
                    _ => in_own_clause(*item).or_else(|| named.first().map(|(_, name)| *name)),
                };
                name != Some(value.as_str())
            })
            .collect();
        if best.as_ref().is_none_or(|best| failed.len() < best.len()) {
            best = Some(failed);
        }
    }
    let failed = best.unwrap_or_default();
    if failed.is_empty() || in_order(named, figures) { Vec::new() } else { failed }
}

/// `A, B and C cost X, Y and Z respectively`, also with several figures for each, one kind after the other.
fn in_order(named: &[(usize, &str)], figures: &[About<'_>]) -> bool {
    let mut names: Vec<&str> = Vec::new();
    for (_, name) in named {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let last_name = named.last().map_or(0, |(at, _)| *at);
    let all_behind = figures.iter().all(|(item, _, _)| *item > last_name);
    let rounds = figures.len().checked_rem(names.len()) == Some(0);
    let fits = figures.iter().zip(names.iter().cycle()).all(|((_, _, value), name)| value == name);
    all_behind && rounds && fits
}

/// Figures that stand in a clause about another time.
pub(super) fn windows(sentence: &Sentence<'_>, facts: &[Fact]) -> Vec<Claim> {
    let mut claims = Vec::new();
    for item in 0..sentence.items.len() {
        let Some(fact) = sentence.fact_of(item).and_then(|fact| facts.get(fact)) else { continue };
        let is_figure = !matches!(fact.kind, FactKind::Entity | FactKind::Date);
        let Some(window) = fact.window.filter(|_| is_figure) else { continue };
        let clause = sentence.clause_of(item);
        let said: Vec<DateSaid> = times_of(sentence, clause, item);
        if !said.is_empty() && !said.iter().any(|said| said.meets(&window)) {
            let reason = format!("`{}` is of {window}", fact.id);
            let fault = Some(Fault::Contradicted(reason));
            claims.push(Claim { from: item, to: item, fact: sentence.fact_of(item), fault });
        }
    }
    claims
}

/// Figures between two dates that are not the first and last day of their time: `from D to D it cost X`.
pub(super) fn frames(sentence: &Sentence<'_>, facts: &[Fact]) -> Vec<Claim> {
    let dates: Vec<usize> = (0..sentence.items.len())
        .filter(|item| matches!(sentence.kind(*item), Some(Kind::Date(_))))
        .collect();
    let mut claims = Vec::new();
    for pair in dates.windows(2) {
        let [first, second] = pair else { continue };
        let between: Vec<&str> = (*first..*second).filter_map(|item| sentence.word(item)).collect();
        let opens = matches!(sentence.word_before(*first), Some("from" | "between" | "cost"));
        let joins = matches!(between.as_slice(), ["to" | "and" | "until" | "through"]);
        let (Some(Kind::Date(from)), Some(Kind::Date(to))) =
            (sentence.kind(*first), sentence.kind(*second))
        else {
            continue;
        };
        if !opens || !joins {
            continue;
        }
        let figures: Vec<(usize, &Fact)> = (0..sentence.items.len())
            .filter_map(|item| Some((item, facts.get(sentence.fact_of(item)?)?)))
            .filter(|(_, fact)| {
                !matches!(fact.kind, FactKind::Entity | FactKind::Date) && fact.window.is_some()
            })
            .collect();
        let is_framed = |fact: &Fact| {
            fact.window.is_some_and(|window| from.is_first_of(&window) && to.is_end_of(&window))
        };
        if figures.iter().any(|(_, fact)| is_framed(fact)) {
            continue;
        }
        let nearest = figures.iter().find(|(item, _)| item > second).or(figures.last());
        if let Some((item, fact)) = nearest {
            let window = fact.window.map(|window| window.to_string()).unwrap_or_default();
            let fault = Some(Fault::Contradicted(format!("`{}` is of {window}", fact.id)));
            claims.push(Claim { from: *item, to: *item, fact: sentence.fact_of(*item), fault });
        }
    }
    claims
}

/// The times that a clause says its figures are of: `in September`, `from 14 to 20 October`.
fn times_of(sentence: &Sentence<'_>, clause: usize, figure: usize) -> Vec<DateSaid> {
    let places = [
        "in",
        "during",
        "for",
        "on",
        "of",
        "throughout",
        "from",
        "between",
        "to",
        "through",
        "until",
        "and",
    ];
    let mut said = Vec::new();
    for item in sentence.in_clause(clause) {
        let Some(Kind::Date(date)) = sentence.kind(item) else { continue };
        let before = sentence.word_before(item).unwrap_or_default();
        let is_event = sentence.in_clause(clause).filter(|other| *other < item).any(|other| {
            matches!(
                sentence.word(other),
                Some(
                    "after"
                        | "before"
                        | "since"
                        | "against"
                        | "than"
                        | "versus"
                        | "vs"
                        | "began"
                        | "started"
                        | "ended"
                        | "dated"
                        | "deployed"
                        | "released"
                        | "enabled"
                        | "until"
                        | "by"
                        | "due"
                        | "expires"
                        | "renewal"
                        | "when"
                )
            )
        });
        // `for October $5, against $4 before`: the second is of another time.
        let is_parted = (item.min(figure)..item.max(figure)).any(|between| {
            matches!(
                sentence.word(between),
                Some("against" | "versus" | "vs" | "than" | "compared")
            )
        });
        if places.contains(&before) && !is_event && !is_parted {
            said.push(*date);
        }
    }
    said
}
