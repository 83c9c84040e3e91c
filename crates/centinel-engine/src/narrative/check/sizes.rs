//! Sizes in words: ranks, quotients, shares, numbers.

use super::{
    claims::{Claim, Fault, is_told, nearest},
    fit,
    scan::Kind,
    sentence::Sentence,
    words,
};
use crate::{
    facts::{Fact, FactKind},
    money::Decimal,
};

/// Every word that says a size, with the fact that carries it.
pub(super) fn sizes(sentence: &Sentence<'_>, facts: &[Fact]) -> Vec<Claim> {
    let mut claims = Vec::new();
    for index in 0..sentence.items.len() {
        let Some(word) = sentence.word(index) else { continue };
        if sentence.fact_of(index).is_some() && words::number_word(word).is_some() {
            // Judged as a figure.
            continue;
        }
        let claim = superlative(sentence, index, word)
            .or_else(|| rank(sentence, facts, index, word))
            .or_else(|| ratio(sentence, facts, index, word))
            .or_else(|| share(sentence, facts, index, word))
            .or_else(|| number(sentence, index, word));
        claims.extend(claim);
    }
    claims
}

fn claim(index: usize, fact: Option<usize>, fault: Option<Fault>) -> Claim {
    Claim { from: index, to: index, fact, fault }
}

fn unverified(index: usize, word: &str, what: &str) -> Claim {
    claim(index, None, Some(Fault::Unverified(format!("no cited {what} carries `{word}`"))))
}

/// Ranks over everything or over all time, which no fact carries: `a record`, `more than any other`.
fn superlative(sentence: &Sentence<'_>, index: usize, word: &str) -> Option<Claim> {
    let before = sentence.word_before(index);
    let next = sentence.word_after(index).unwrap_or_default();
    let later = sentence.word(index.saturating_add(2)).unwrap_or_default();
    let says = match word {
        "record" => {
            matches!(before, Some("a" | "new"))
                || matches!(next, "high" | "low" | "level" | "month" | "week")
        }
        "worst" | "unprecedented" | "unrivalled" => true,
        "than" => matches!(next, "any" | "ever" | "every" | "all" | "everything"),
        "ahead" => next == "of" && matches!(later, "every" | "all" | "any"),
        "second" => next == "to" && later == "none",
        "first" => next == "among" || next == "of" && matches!(later, "all" | "them"),
        _ => false,
    };
    says.then(|| unverified(index, word, "rank"))
}

/// `largest`, `second-largest`, `top spender`, `most expensive`, `smallest`.
fn rank(sentence: &Sentence<'_>, facts: &[Fact], index: usize, word: &str) -> Option<Claim> {
    let next = sentence.word_after(index).unwrap_or_default();
    if words::is_least(word) && sentence.word_before(index) != Some("at") {
        return Some(least(sentence, facts, index, word));
    }
    let (ordinal, superlative) = match word.split_once('-') {
        Some(("number", "one")) => (Some(1), "largest"),
        Some((ordinal, superlative)) => (words::ordinal(ordinal), superlative),
        None => (None, word),
    };
    let is_superlative = words::rank(superlative).is_some_and(|(_, is_superlative)| is_superlative)
        || word == "most" && matches!(next, "expensive" | "costly")
        || superlative == "most" && ordinal.is_some()
        || matches!(word, "top" | "leading")
            && matches!(
                next.trim_end_matches('s'),
                "spender"
                    | "driver"
                    | "cost"
                    | "feature"
                    | "team"
                    | "model"
                    | "service"
                    | "region"
                    | "contributor"
                    | "consumer"
                    | "provider"
                    | "position"
                    | "spot"
                    | "item"
                    | "line"
                    | "product"
                    | "account"
            );
    if !is_superlative {
        return None;
    }
    let before = sentence.word_before(index).and_then(words::ordinal).filter(|_| ordinal.is_none());
    let said = i128::from(ordinal.or(before).unwrap_or(1));
    let judge = |fact: &Fact| {
        (fact.kind == FactKind::Rank).then(|| {
            fact.value.parse::<Decimal>().is_ok_and(|value| value == Decimal::from_integer(said))
        })
    };
    match nearest(sentence, facts, index, judge) {
        Some((fact, true)) => Some(claim(index, Some(fact), None)),
        Some((fact, false)) => {
            // Several ranks in a sentence: the right one may stand a little further.
            let right = sentence
                .cited
                .iter()
                .find(|(cited, _)| facts.get(*cited).and_then(&judge) == Some(true));
            match right.filter(|_| ranks(sentence, facts) > 1) {
                Some((fact, _)) => Some(claim(index, Some(*fact), None)),
                None => Some(claim(
                    index,
                    Some(fact),
                    facts.get(fact).map(|fact| Fault::Contradicted(is_told(fact))),
                )),
            }
        }
        None if said == 1 && by_role(sentence, facts).is_some() => {
            Some(claim(index, by_role(sentence, facts), None))
        }
        None => Some(unverified(index, word, "rank")),
    }
}

fn ranks(sentence: &Sentence<'_>, facts: &[Fact]) -> usize {
    let is_rank = |fact: &usize| facts.get(*fact).is_some_and(|fact| fact.kind == FactKind::Rank);
    sentence.cited.iter().map(|(fact, _)| *fact).filter(is_rank).count()
}

/// A cited fact whose part in its bundle is to be the largest.
fn by_role(sentence: &Sentence<'_>, facts: &[Fact]) -> Option<usize> {
    sentence.cited.iter().map(|(fact, _)| *fact).find(|fact| {
        facts.get(*fact).is_some_and(|fact| {
            let largest = ["main", "largest", "top", "max", "peak", "where", "biggest", "highest"];
            fact.role.split(['.', '_']).any(|part| largest.contains(&part))
        })
    })
}

fn least(sentence: &Sentence<'_>, facts: &[Fact], index: usize, word: &str) -> Claim {
    let value =
        |fact: &Fact| fact.value.parse::<Decimal>().ok().filter(|_| fact.kind == FactKind::Rank);
    let last = facts.iter().filter_map(value).max();
    let found = sentence.cited.iter().map(|(fact, _)| *fact).find(|fact| {
        facts.get(*fact).is_some_and(|fact| {
            let least = ["min", "smallest", "lowest", "least", "cheapest", "last"];
            fact.role.split(['.', '_']).any(|part| least.contains(&part))
                || value(fact).is_some_and(|rank| Some(rank) == last && rank > Decimal::ONE)
        })
    });
    match found {
        Some(fact) => claim(index, Some(fact), None),
        None => unverified(index, word, "rank"),
    }
}

/// `doubled`, `more than tripled`, `halved`.
fn ratio(sentence: &Sentence<'_>, facts: &[Fact], index: usize, word: &str) -> Option<Claim> {
    let bounds = words::ratio_word(word)?;
    let next = sentence.word_after(index).unwrap_or_default();
    if matches!(
        next,
        "check" | "checked" | "checking" | "digit" | "digits" | "counting" | "counted"
    ) {
        return None;
    }
    let bounds = widened(sentence, index, bounds);
    let judge = |fact: &Fact| fit::ratio_is(fact, bounds);
    if let Some((fact, is_so)) = nearest(sentence, facts, index, judge) {
        let fault = (!is_so)
            .then(|| facts.get(fact).map(|fact| Fault::Contradicted(is_told(fact))))
            .flatten();
        return Some(claim(index, Some(fact), fault));
    }
    match pair(sentence, facts, index)
        .map(|quotient| super::figure::is_between(quotient, bounds, 1))
    {
        Some(true) => Some(claim(index, None, None)),
        Some(false) => Some(claim(
            index,
            None,
            Some(Fault::Contradicted(format!("the figures beside `{word}` are no such multiple"))),
        )),
        None => Some(unverified(index, word, "ratio")),
    }
}

/// The second of the two cited figures of one kind behind a word, over the first.
fn pair(sentence: &Sentence<'_>, facts: &[Fact], index: usize) -> Option<Decimal> {
    let mut figures = (index..sentence.items.len()).filter_map(|item| {
        let is_figure = matches!(sentence.kind(item), Some(Kind::Figure(_)));
        facts.get(sentence.fact_of(item)?).filter(|_| is_figure)
    });
    let (first, second) = (figures.next()?, figures.next()?);
    if first.kind != second.kind || first.currency != second.currency {
        return None;
    }
    let (first, second) =
        (first.value.parse::<Decimal>().ok()?, second.value.parse::<Decimal>().ok()?);
    second.quotient(first, 6).ok().flatten()
}

/// Bounds under `more than`, `nearly`.
fn widened(sentence: &Sentence<'_>, index: usize, (low, high): (i128, i128)) -> (i128, i128) {
    let word = |back: usize| {
        let at = index.checked_sub(back)?;
        sentence.word(at).filter(|word| !matches!(*word, "a" | "the" | "one" | "two" | "three"))
    };
    let middle = low.saturating_add(high).checked_div(2).unwrap_or(low);
    let near = word(1).or_else(|| word(2));
    match near {
        Some("than" | "over") => {
            (middle.saturating_add(1), middle.saturating_mul(5).checked_div(4).unwrap_or(high))
        }
        Some("nearly" | "almost") => {
            (middle.saturating_mul(37).checked_div(40).unwrap_or(low), high)
        }
        Some("under") => (middle.saturating_mul(37).checked_div(40).unwrap_or(low), middle),
        _ => (low, high),
    }
}

/// `half`, `a third`, `most of`.
fn share(sentence: &Sentence<'_>, facts: &[Fact], index: usize, word: &str) -> Option<Claim> {
    let before = sentence.word_before(index);
    let next = sentence.word_after(index).unwrap_or_default();
    let cited_next = matches!(sentence.kind(index.saturating_add(1)), Some(Kind::Cite(_)));
    let is_share = match word {
        "third" | "fifth" | "tenth" => matches!(before, Some("a" | "one")),
        "quarter" => matches!(before, Some("a" | "one")) && (next == "of" || cited_next),
        "quarters" => before == Some("three"),
        "half" => {
            !matches!(before, Some("first" | "second" | "last" | "this" | "each"))
                && !matches!(next, "year" | "hour" | "day")
        }
        "most" => next == "of" && !matches!(before, Some("at" | "the")),
        _ => true,
    };
    let bounds = if word == "most" { Some((501, 1000)) } else { words::share_word(before, word) };
    let bounds = widened(sentence, index, bounds.filter(|_| is_share)?);
    match nearest(sentence, facts, index, |fact| fit::share_is(fact, bounds)) {
        Some((fact, true)) => Some(claim(index, Some(fact), None)),
        // Another share of the sentence may be the one meant.
        Some((fact, false)) => {
            let right = sentence.cited.iter().find(|(cited, _)| {
                facts.get(*cited).and_then(|fact| fit::share_is(fact, bounds)) == Some(true)
            });
            match right.filter(|_| word == "most") {
                Some((fact, _)) => Some(claim(index, Some(*fact), None)),
                None => Some(claim(
                    index,
                    Some(fact),
                    facts.get(fact).map(|fact| Fault::Contradicted(is_told(fact))),
                )),
            }
        }
        None => Some(unverified(index, word, "share")),
    }
}

/// A number in words that nothing carries.
fn number(sentence: &Sentence<'_>, index: usize, word: &str) -> Option<Claim> {
    let before = sentence.word_before(index);
    let next = sentence.word_after(index).unwrap_or_default();
    // `per million tokens` belongs to a figure, and is judged with it.
    if before == Some("per") && matches!(word, "million" | "thousand" | "billion" | "hundred") {
        return None;
    }
    if words::is_vague_number(word) {
        return Some(unverified(index, word, "count"));
    }
    let head = word.split('-').next().unwrap_or(word);
    let is_compound = head != word;
    let says = if is_compound { head } else { word };
    words::number_word(says)?;
    // `two thirds` is a share, `one` mostly a pronoun, `one-off` and `two-thirds` are words.
    let is_counted_elsewhere = words::share_word(Some(word), next).is_some()
        || words::share_word(None, word).is_some()
        || is_compound && matches!(head, "one" | "zero")
        || word == "one" && !sentence.counts_one(index)
        || word == "zero" && matches!(next, "trust" | "downtime")
        || word == "couple" && before != Some("a");
    if is_counted_elsewhere {
        return None;
    }
    Some(unverified(index, word, "count"))
}
