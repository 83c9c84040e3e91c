//! Whether a figure stands where its part in the bundle belongs: a change where something moved, a share
//! before `of`, a contribution behind `contributed`, the cost before where `before` is said.

use super::{
    claims::{Claim, Fault, direction_at, is_contribution},
    fit,
    names::Names,
    scan::Kind,
    sentence::Sentence,
    words,
};
use crate::facts::{Direction, Fact, FactKind};

/// Figures that are said to be something else than their facts are.
pub(super) fn roles(sentence: &Sentence<'_>, facts: &[Fact], names: &Names) -> Vec<Claim> {
    let mut claims = Vec::new();
    for index in 0..sentence.items.len() {
        let Some(bound) = sentence.fact_of(index) else { continue };
        let Some(fact) = facts.get(bound) else { continue };
        let reason = match sentence.kind(index) {
            Some(Kind::Figure(_)) => moved(sentence, facts, index, bound)
                .or_else(|| shared(sentence, index, fact))
                .or_else(|| contributed(sentence, facts, index, bound))
                .or_else(|| times(sentence, facts, index, bound))
                .or_else(|| called(sentence, facts, index, bound)),
            Some(Kind::Name(name, _)) => kind_of_name(sentence, facts, index, *name, names),
            _ => None,
        };
        if let Some(reason) = reason {
            claims.push(Claim {
                from: index,
                to: index,
                fact: Some(bound),
                fault: Some(Fault::Contradicted(reason)),
            });
        }
    }
    claims
}

fn told(fact: &Fact, is: &str) -> String {
    format!("`{}` ({}) is {is}", fact.id, fit::told(fact))
}

/// `rose by $5 [F]`, `$5 [F] increase`: a change, and the whole of it.
fn moved(sentence: &Sentence<'_>, facts: &[Fact], index: usize, bound: usize) -> Option<String> {
    let fact = facts.get(bound)?;
    let is_filler = |word: &str| {
        matches!(
            word,
            "by" | "about"
                | "roughly"
                | "around"
                | "nearly"
                | "almost"
                | "approximately"
                | "some"
                | "just"
                | "over"
                | "under"
                | "a"
                | "another"
                | "more"
                | "than"
                | "of"
                | "further"
        )
    };
    let mut before = index;
    let verb = loop {
        before = before.checked_sub(1)?;
        match sentence.word(before) {
            Some(word) if is_filler(word) && index.saturating_sub(before) <= 4 => {}
            Some(_)
                if direction_at(sentence, before)
                    .is_some_and(|direction| direction != Direction::Flat) =>
            {
                break Some(before);
            }
            _ => break None,
        }
    };
    // `$5 [F] increase` and `$5 [F] higher`, but not `$5 [F] rose`.
    let behind = index.saturating_add(2);
    let noun = sentence.word(behind).filter(|word| {
        matches!(
            *word,
            "increase"
                | "rise"
                | "drop"
                | "decline"
                | "fall"
                | "reduction"
                | "growth"
                | "decrease"
                | "jump"
                | "surge"
                | "spike"
                | "uptick"
        )
    });
    let is_cited = matches!(sentence.kind(index.saturating_add(1)), Some(Kind::Cite(_)));
    let is_move = verb.is_some() || noun.is_some() && is_cited;
    if !is_move {
        return None;
    }
    let is_negative = fact.value.starts_with('-');
    let is_change = fact.direction.is_some() || is_negative;
    if !is_change
        && matches!(
            fact.kind,
            FactKind::Money
                | FactKind::Percent
                | FactKind::Count
                | FactKind::Points
                | FactKind::Duration
        )
    {
        return Some(told(fact, "no change"));
    }
    // A contribution moves nothing by itself, unless its driver is named.
    let has_driver = sentence.cited.iter().any(|(cited, _)| {
        facts
            .get(*cited)
            .is_some_and(|named| named.kind == FactKind::Entity && is_contribution(facts, *cited))
    });
    let is_part = ["effect", "share", "contribution", "link", "place"].iter().any(|role| {
        fact.role.strip_prefix(role).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    (is_part && !has_driver).then(|| told(fact, "a part of the change"))
}

/// `41 % [F] of …` is a share, and a relative change is none.
fn shared(sentence: &Sentence<'_>, index: usize, fact: &Fact) -> Option<String> {
    let is_cited = matches!(sentence.kind(index.saturating_add(1)), Some(Kind::Cite(_)));
    let is_of = sentence.word(index.saturating_add(2)) == Some("of")
        || !is_cited && sentence.word_after(index) == Some("of") && fact.kind == FactKind::Percent;
    let is_change =
        fact.direction.is_some() && fact.role != "share" && !fact.role.starts_with("share.");
    let is_part = fact.derivation.as_ref().is_some_and(|derivation| derivation.op == "share");
    let said_change =
        (index.saturating_sub(3)..index).any(|item| direction_at(sentence, item).is_some());
    (fact.kind == FactKind::Percent && is_of && is_change && !is_part && !said_change)
        .then(|| told(fact, "a change and no share"))
}

/// `contributed $5 [F]`, `accounts for $5 [F]`: a contribution, where the bundle tells them apart.
fn contributed(
    sentence: &Sentence<'_>,
    facts: &[Fact],
    index: usize,
    bound: usize,
) -> Option<String> {
    let says = |word: &str| {
        matches!(
            word,
            "contributed"
                | "contributes"
                | "contributing"
                | "contribution"
                | "effect"
                | "accounts"
                | "accounted"
                | "accounting"
        )
    };
    let clause = sentence.clause_of(index);
    let before = (index.saturating_sub(6)..index).rev().take_while(|item| {
        sentence.clause_of(*item) == clause
            && !matches!(sentence.kind(*item), Some(Kind::Figure(_)))
    });
    let is_said = before.into_iter().any(|item| sentence.word(item).is_some_and(says));
    let fact = facts.get(bound)?;
    let has_parts = facts.iter().any(|other| other.role.starts_with("effect"));
    let whole = ["delta", "change", "cost_before", "cost_after", "cost", "total"]
        .contains(&fact.role.as_str());
    (is_said && has_parts && whole && !is_contribution(facts, bound))
        .then(|| told(fact, "the whole and no contribution"))
}

/// `before`, `the previous week`, `now`: the earlier or later of two figures of the same thing.
fn times(sentence: &Sentence<'_>, facts: &[Fact], index: usize, bound: usize) -> Option<String> {
    let fact = facts.get(bound)?;
    if fact.direction.is_some()
        || !matches!(
            fact.kind,
            FactKind::Money | FactKind::Count | FactKind::Ratio | FactKind::Duration
        )
    {
        return None;
    }
    // Another figure of the same thing at another time.
    let twin = facts.iter().find(|other| {
        other.id != fact.id
            && other.kind == fact.kind
            && other.currency == fact.currency
            && other.unit == fact.unit
            && other.direction.is_none()
            && other.dims == fact.dims
            && other
                .window
                .zip(fact.window)
                .is_some_and(|(other, own)| other.end <= own.start || own.end <= other.start)
    })?;
    let is_later = fact.window?.start > twin.window?.start;
    let early = [
        "before",
        "previous",
        "previously",
        "prior",
        "baseline",
        "usual",
        "usually",
        "formerly",
        "earlier",
    ];
    let late = ["after", "now", "current", "currently", "latest", "new"];
    let clause = sentence.clause_of(index);
    let near: Vec<&str> = (index.saturating_sub(4)..index)
        .rev()
        .take_while(|item| sentence.clause_of(*item) == clause || is_label_end(sentence, index))
        .take_while(|item| !matches!(sentence.kind(*item), Some(Kind::Figure(_) | Kind::Cite(_))))
        .filter_map(|item| sentence.word(item))
        .collect();
    let behind: Vec<&str> = (index.saturating_add(2)..index.saturating_add(5))
        .map_while(|item| sentence.word(item))
        .collect();
    // `$5 [F] before`, `$5 [F] the week before`.
    let is_ago =
        matches!(behind.as_slice(), ["the" | "a" | "one", _, "before" | "earlier" | "previously"]);
    let said = |list: &[&str]| {
        near.iter().chain(behind.iter().take(1)).any(|word| list.contains(word))
            || is_ago && list.contains(&"before")
    };
    match (said(&early), said(&late), is_later) {
        (true, false, true) => Some(told(fact, "the later of the two")),
        (false, true, false) => Some(told(fact, "the earlier of the two")),
        _ => None,
    }
}

/// Names of figures that a budget, a forecast or an invoice has beside each other.
const LABELS: &str = "budget forecast gross net limit target baseline actual delta credit refund \
         discount tax unused waste list contracted effective outage response peak headroom";

/// `a budget of $5 [F]` where another figure of the sentence is the budget and this one is not.
fn called(sentence: &Sentence<'_>, facts: &[Fact], index: usize, bound: usize) -> Option<String> {
    let fact = facts.get(bound)?;
    let passed = [
        "of", "is", "was", "at", "to", "a", "the", "its", "came", "comes", "stands", "stood",
        "about", "nearly", "only", "just",
    ];
    let clause = sentence.clause_of(index);
    let mut before = (index.saturating_sub(5)..index)
        .rev()
        .take_while(|item| sentence.clause_of(*item) == clause || is_label_end(sentence, index))
        .filter(|item| !matches!(sentence.kind(*item), Some(Kind::Pause(':' | '|'))))
        .take_while(|item| sentence.word(*item).is_some())
        .filter_map(|item| sentence.word(item));
    let noun = before.find(|word| !passed.contains(word))?;
    LABELS.split_whitespace().find(|label| *label == noun)?;
    let is_called = |fact: &Fact| {
        let metric = fact.dims.get("metric").map_or("", String::as_str);
        fact.role
            .split(['.', '_', ' '])
            .chain(metric.split(['.', '_', ' ']))
            .any(|part| part == noun)
    };
    let other = facts.iter().find(|other| {
        other.id != fact.id
            && other.kind == fact.kind
            && other.currency == fact.currency
            && is_called(other)
    })?;
    (!is_called(fact)).then(|| told(fact, &format!("not the {noun}, which is `{}`", other.id)))
}

/// `Budget: $5`, `| Budget | $5 |`: the label stands before the sign right before the figure.
fn is_label_end(sentence: &Sentence<'_>, index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|before| sentence.kind(before));
    matches!(before, Some(Kind::Pause(':' | '|')))
}

/// `the NAME team`: a name of that dimension, where the bundle has it.
fn kind_of_name(
    sentence: &Sentence<'_>,
    facts: &[Fact],
    index: usize,
    name: usize,
    names: &Names,
) -> Option<String> {
    let after = (index.saturating_add(1)..index.saturating_add(3))
        .map_while(|item| sentence.word(item))
        .chain(sentence.word_before(index));
    for noun in after {
        let is_known =
            words::is_kind_noun(noun) && facts.iter().any(|fact| fact.dims.contains_key(noun));
        if is_known && names.has_dimension(name) && !names.is_of(name, noun) {
            return Some(format!("the name is no {noun}"));
        }
    }
    None
}
