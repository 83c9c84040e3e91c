//! Words that assert something without a figure: directions, causes, negations.

use super::{
    fit,
    scan::Kind,
    sentence::Sentence,
    words::{self, CAUSES, Causal},
};
use crate::{
    facts::{Direction, Fact, FactKind},
    money::Decimal,
};

/// Words that a sentence asserts something with, by item: from, to (inclusive), and what is wrong with it;
/// `None` where it is carried, with the fact.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) fact: Option<usize>,
    pub(super) fault: Option<Fault>,
}

/// Why a claim does not stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The facts say otherwise.
    Contradicted(String),
    /// Nothing cited carries it.
    Unverified(String),
}

/// The direction that the word at an item says.
pub(super) fn direction_at(sentence: &Sentence<'_>, index: usize) -> Option<Direction> {
    let word = sentence.word(index)?;
    let before = index.checked_sub(1).and_then(|before| sentence.kind(before));
    let direction = match word {
        "more" if matches!(before, Some(Kind::Cite(_))) => Direction::Up,
        "less" if matches!(before, Some(Kind::Cite(_))) => Direction::Down,
        _ => words::direction(word)?,
    };
    let before = sentence.word_before(index).unwrap_or_default();
    let after = sentence.word_after(index).unwrap_or_default();
    let goes_to_figure = matches!(sentence.kind(index.saturating_add(2)), Some(Kind::Figure(_)));
    let says_nothing = match word {
        "up" | "down" if words::takes_particle(before) => true,
        "up" if after == "to" => {
            !matches!(sentence.kind(index.saturating_add(2)), Some(Kind::Figure(_)))
                || !has_figure_before(sentence, index)
        }
        "up" | "down" if matches!(after, "for" | "front" | "the") => true,
        "down" if after == "to" => !goes_to_figure,
        "higher" | "lower" | "cheaper" | "fewer" if after == "than" && goes_to_figure => true,
        "flat" if matches!(after, "rate" | "fee" | "price") => true,
        _ => false,
    };
    (!says_nothing).then_some(direction)
}

/// The last direction that a sentence says.
pub(super) fn last_direction(sentence: &Sentence<'_>) -> Option<Direction> {
    (0..sentence.items.len()).rev().find_map(|item| direction_at(sentence, item))
}

fn has_figure_before(sentence: &Sentence<'_>, index: usize) -> bool {
    (0..index).any(|item| matches!(sentence.kind(item), Some(Kind::Figure(_))))
}

/// Every word of direction, with the fact that carries it.
pub(super) fn directions(sentence: &Sentence<'_>, facts: &[Fact]) -> Vec<Claim> {
    let at: Vec<(usize, Direction)> = (0..sentence.items.len())
        .filter_map(|index| direction_at(sentence, index).map(|direction| (index, direction)))
        .filter(|(index, _)| {
            // `$5 [F1] more` is a change only where the figure is one.
            let is_comparative = matches!(sentence.word(*index), Some("more" | "less"));
            let cited = sentence.cited.iter().find(|(_, at)| at.saturating_add(1) == *index);
            let is_change = cited.and_then(|(fact, _)| facts.get(*fact)).and_then(points);
            !is_comparative || is_change.is_some()
        })
        .collect();
    let mut claims = Vec::new();
    for (place, (index, said)) in at.iter().copied().enumerate() {
        let until = at.get(place.saturating_add(1)).map_or(usize::MAX, |next| next.0);
        let from =
            place.checked_sub(1).and_then(|before| at.get(before)).map_or(0, |before| before.0);
        let is_negated = is_negated(sentence, index);
        let carrier = carrier(sentence, facts, index, from, until);
        let word = sentence.word(index).unwrap_or_default();
        let ranged = ranged(sentence, facts, index, until);
        let fault = match carrier {
            _ if !is_negated && ranged.is_some_and(|ranged| ranged != said) => Some(
                Fault::Contradicted(format!("the figures compared do not go as `{word}` says")),
            ),
            Some((fact, known)) => {
                let fits = if is_negated {
                    known == Direction::Flat && said != Direction::Flat
                } else {
                    known == said
                };
                let id = facts.get(fact).map_or("", |fact| &fact.id);
                (!fits).then(|| Fault::Contradicted(format!("`{id}` points {}", name(known))))
            }
            None if !is_negated && compares(sentence, facts, index, from, until) == Some(said) => {
                None
            }
            None if compares(sentence, facts, index, from, until).is_some() => Some(
                Fault::Contradicted(format!("the figures compared do not go as `{word}` says")),
            ),
            None => Some(Fault::Unverified(format!("no cited change carries `{word}`"))),
        };
        let fact = carrier.map(|(fact, _)| fact);
        claims.push(Claim { from: index, to: index, fact, fault });
    }
    claims
}

fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "up",
        Direction::Down => "down",
        Direction::Flat => "nowhere: it is unchanged",
    }
}

/// Where a fact points: as it says, else by its sign.
fn points(fact: &Fact) -> Option<Direction> {
    let is_figure = !matches!(fact.kind, FactKind::Entity | FactKind::Date | FactKind::Rank);
    let is_lost = || is_figure && fact.value.parse::<Decimal>().is_ok_and(Decimal::is_negative);
    fact.direction.or_else(|| is_lost().then_some(Direction::Down))
}

/// The cited fact that a word of direction is read with: the next one that points anywhere, else the last.
fn carrier(
    sentence: &Sentence<'_>,
    facts: &[Fact],
    index: usize,
    from: usize,
    until: usize,
) -> Option<(usize, Direction)> {
    let pointing = |&(fact, at): &(usize, usize)| {
        let known = facts.get(fact).and_then(points)?;
        Some((fact, at, known))
    };
    let behind =
        sentence.cited.iter().filter_map(pointing).find(|(_, at, _)| *at > index && *at < until);
    let before = || {
        sentence
            .cited
            .iter()
            .rev()
            .filter_map(pointing)
            .find(|(_, at, _)| *at < index && *at >= from)
    };
    // `$350 [F7] higher than …`: what stands right before is nearer than what comes much later.
    let adjacent = before().filter(|(_, at, _)| at.saturating_add(2) >= index);
    let behind_is_far =
        behind.is_none_or(|(_, at, _)| sentence.clause_of(at) != sentence.clause_of(index));
    let found = if behind_is_far { adjacent.or(behind).or_else(before) } else { behind };
    // `Of the increase, …; the cost rose 4 % [F8]`: what carries it may stand with another word.
    let anywhere = || {
        let mut cited = sentence.cited.iter().filter_map(pointing);
        cited.clone().find(|(_, at, _)| *at > index).or_else(|| cited.next_back())
    };
    found.or_else(anywhere).map(|(fact, _, known)| (fact, known))
}

/// Where two cited figures point that a word compares: `from A to B`, `A, up from B`, `A is higher than B`.
fn compares(
    sentence: &Sentence<'_>,
    facts: &[Fact],
    index: usize,
    from: usize,
    until: usize,
) -> Option<Direction> {
    let figures: Vec<(usize, &Fact)> = (0..sentence.items.len())
        .filter_map(|item| {
            let fact = facts.get(sentence.fact_of(item)?)?;
            let is_figure = matches!(sentence.kind(item), Some(Kind::Figure(_)));
            is_figure.then_some((item, fact))
        })
        .collect();
    let behind: Vec<_> =
        figures.iter().filter(|(item, _)| *item > index && *item < until).collect();
    let before = figures.iter().rev().find(|(item, _)| *item < index && *item >= from);
    let has = |range: std::ops::Range<usize>, wanted: &[&str]| {
        range.into_iter().any(|item| sentence.word(item).is_some_and(|word| wanted.contains(&word)))
    };
    if let Some(direction) = ranged(sentence, facts, index, until) {
        return Some(direction);
    }
    let against =
        ["from", "than", "on", "against", "over", "versus", "vs", "compared", "above", "below"];
    let (first, last) = (behind.first()?, before?);
    has(index..first.0, &against).then(|| order(first.1, last.1)).flatten()
}

/// Where two cited figures point that a word moves between: `rose from A to B`, `rose to B from A`.
fn ranged(
    sentence: &Sentence<'_>,
    facts: &[Fact],
    index: usize,
    until: usize,
) -> Option<Direction> {
    let mut behind = (index..sentence.items.len().min(until)).filter_map(|item| {
        let fact = facts.get(sentence.fact_of(item)?)?;
        matches!(sentence.kind(item), Some(Kind::Figure(_))).then_some((item, fact))
    });
    let (first, second) = (behind.next()?, behind.next()?);
    let has = |range: std::ops::Range<usize>, wanted: &str| {
        range.into_iter().any(|item| sentence.word(item) == Some(wanted))
    };
    if has(index..first.0, "from") && has(first.0..second.0, "to") {
        return order(first.1, second.1);
    }
    (has(index..first.0, "to") && has(first.0..second.0, "from"))
        .then(|| order(second.1, first.1))
        .flatten()
}

/// Where the second of two comparable facts stands to the first.
pub(super) fn order(first: &Fact, second: &Fact) -> Option<Direction> {
    let same =
        first.kind == second.kind && first.currency == second.currency && first.unit == second.unit;
    let (first, second) =
        (first.value.parse::<Decimal>().ok()?, second.value.parse::<Decimal>().ok()?);
    same.then(|| match second.cmp(&first) {
        std::cmp::Ordering::Greater => Direction::Up,
        std::cmp::Ordering::Less => Direction::Down,
        std::cmp::Ordering::Equal => Direction::Flat,
    })
}

/// `from A to B` where B was before A: the order of two windows tells.
pub(super) fn swapped_ranges(sentence: &Sentence<'_>, facts: &[Fact]) -> Vec<Claim> {
    let mut claims = Vec::new();
    for index in 0..sentence.items.len() {
        if sentence.word(index) != Some("from") {
            continue;
        }
        let mut found = (index..sentence.items.len()).filter_map(|item| {
            let fact = facts.get(sentence.fact_of(item)?)?;
            matches!(sentence.kind(item), Some(Kind::Figure(_))).then_some((item, fact))
        });
        let (Some((first_at, first)), Some((second_at, second))) = (found.next(), found.next())
        else {
            continue;
        };
        let is_range = (first_at..second_at).any(|item| sentence.word(item) == Some("to"))
            && first_at.saturating_sub(index) <= 3
            && second_at.saturating_sub(first_at) <= 8;
        let windows = first.window.zip(second.window);
        let is_swapped = windows.is_some_and(|(first, second)| first.start >= second.end)
            || first.role.contains("after") && second.role.contains("before");
        let same_kind = first.kind == second.kind && first.currency == second.currency;
        if is_range && same_kind && is_swapped {
            let reason = format!("`{}` is later than `{}`", first.id, second.id);
            let fault = Some(Fault::Contradicted(reason));
            claims.push(Claim {
                from: first_at,
                to: second_at,
                fact: sentence.fact_of(first_at),
                fault,
            });
        }
    }
    claims
}

/// Whether a negation governs the word at an item.
fn is_negated(sentence: &Sentence<'_>, index: usize) -> bool {
    let clause = sentence.clause_of(index);
    (index.saturating_sub(5)..index)
        .filter(|item| sentence.clause_of(*item) == clause)
        .any(|item| negation_at(sentence, item))
}

fn negation_at(sentence: &Sentence<'_>, index: usize) -> bool {
    let Some(word) = sentence.word(index) else { return false };
    let after = sentence.word_after(index).unwrap_or_default();
    let later = sentence.word(index.saturating_add(2)).unwrap_or_default();
    (words::negates(word) || matches!(word, "failed" | "fails" | "fail") && after == "to")
        && !matches!(
            after,
            "only"
                | "yet"
                | "just"
                | "including"
                | "counting"
                | "later"
                | "matter"
                | "doubt"
                | "least"
                | "surprisingly"
        )
        && !(matches!(after, "more" | "less" | "fewer") && later == "than")
        && !(word == "no"
            && matches!(sentence.kind(index.saturating_add(1)), Some(Kind::Sign('.'))))
}

/// Negations in a clause that has a verified figure or a word that a fact carries: `did not cost $10 [F1]`,
/// `is not the largest [F2]`.
pub(super) fn negations(sentence: &Sentence<'_>, facts: &[Fact], carried: &[Claim]) -> Vec<Claim> {
    let mut claims = Vec::new();
    for index in (0..sentence.items.len()).filter(|index| negation_at(sentence, *index)) {
        let clause = sentence.clause_of(index);
        // `did not change` says what a flat fact says; `was not unchanged` does not.
        let says_flat = sentence
            .in_clause(clause)
            .any(|item| direction_at(sentence, item) == Some(Direction::Flat));
        let is_void = !says_flat
            && sentence.cited.iter().any(|(fact, at)| {
                let near = sentence.clause_of(*at) == clause;
                facts.get(*fact).is_some_and(|fact| {
                    let is_zero = fact.value.parse::<Decimal>().is_ok_and(Decimal::is_zero);
                    near && (fact.direction == Some(Direction::Flat) || is_zero)
                })
            });
        let is_bound = |item: &usize| {
            sentence.fact_of(*item).is_some()
                && !matches!(sentence.kind(*item), Some(Kind::Name(..)))
        };
        // A comma or colon does not end what is negated; `but`, `and` and a semicolon do.
        let ends = |item: &usize| {
            matches!(sentence.kind(*item), Some(Kind::Pause(';' | '—' | '|')))
                || matches!(
                    sentence.word(*item),
                    Some("but" | "and" | "while" | "although" | "though" | "whereas")
                )
        };
        let reach: Vec<usize> = sentence
            .in_clause(clause)
            .filter(|item| *item < index)
            .chain((index..sentence.items.len()).take_while(|item| !ends(item)))
            .collect();
        let figure = reach.iter().copied().find(is_bound).and_then(|item| sentence.fact_of(item));
        let words = carried.iter().filter(|claim| claim.fault.is_none());
        let word = words
            .filter(|claim| reach.contains(&claim.from))
            .filter(|claim| direction_at(sentence, claim.from).is_none())
            .find_map(|claim| claim.fact);
        if let Some(fact) = figure.or(word).filter(|_| !is_void) {
            let reason = "a negation stands with what a fact says: say what is so".to_owned();
            let fault = Some(Fault::Contradicted(reason));
            claims.push(Claim { from: index, to: index, fact: Some(fact), fault });
        }
    }
    claims
}

/// Claims of causes: each needs a contribution on the side where its cause stands.
pub(super) fn causes(sentence: &Sentence<'_>, facts: &[Fact]) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    for index in 0..sentence.items.len() {
        let Some((causal, length)) = cause_at(sentence, index) else { continue };
        let to = index.saturating_add(length).saturating_sub(1);
        if claims.last().is_some_and(|last| last.to >= index) {
            continue;
        }
        let fact = match causal {
            Causal::After => {
                let behind = to.saturating_add(1)..sentence.items.len();
                mentioned(sentence, facts, behind.clone().take(9), false).or_else(|| {
                    named_in_words(sentence, facts, behind.start..behind.start.saturating_add(6))
                })
            }
            Causal::Before => {
                let before = (0..index).rev().take(14);
                mentioned(sentence, facts, before, true)
                    .or_else(|| named_in_words(sentence, facts, index.saturating_sub(8)..index))
            }
            Causal::Either => sentence
                .cited
                .iter()
                .map(|(fact, _)| *fact)
                .find(|fact| is_contribution(facts, *fact)),
        };
        let said: Vec<&str> = (index..=to).filter_map(|item| sentence.word(item)).collect();
        let fault = fact.is_none().then(|| {
            Fault::Unverified(format!(
                "`{}` claims a cause, and no cited contribution carries it",
                said.join(" ")
            ))
        });
        claims.push(Claim { from: index, to, fact, fault });
    }
    claims
}

/// The cause that a word begins to claim, and how many words it takes.
fn cause_at(sentence: &Sentence<'_>, index: usize) -> Option<(Causal, usize)> {
    sentence.word(index)?;
    let mut best: Option<(Causal, usize)> = None;
    for (causal, phrases) in CAUSES {
        for phrase in phrases.split('/').map(str::trim) {
            let words: Vec<&str> = phrase.split(' ').collect();
            let here = words
                .iter()
                .enumerate()
                .all(|(ahead, word)| sentence.word(index.saturating_add(ahead)) == Some(*word));
            if here && best.is_none_or(|(_, length)| words.len() > length) {
                best = Some((causal, words.len()));
            }
        }
    }
    // `down to $5` is a level; `driver` of `driver update` is a thing.
    let opens = matches!(
        sentence.word_after(index),
        Some(
            "the"
                | "a"
                | "an"
                | "our"
                | "their"
                | "its"
                | "it"
                | "we"
                | "they"
                | "someone"
                | "somebody"
        )
    );
    if best.is_none() && opens && matches!(sentence.word(index), Some("since" | "following")) {
        best = Some((Causal::After, 1));
    }
    let (causal, length) = best?;
    let next = sentence.kind(index.saturating_add(length));
    let thanks = sentence.word(index) == Some("thanks")
        && sentence.word(index.saturating_add(length)).is_some_and(|next| {
            matches!(next, "everyone" | "all" | "you" | "everybody" | "those" | "both")
        })
        && !matches!(
            sentence.kind(index.saturating_add(3)),
            Some(Kind::Name(..) | Kind::Figure(_))
        );
    if thanks {
        return None;
    }
    let is_level = sentence.word(index) == Some("down") && matches!(next, Some(Kind::Figure(_)));
    (!is_level).then_some((causal, length))
}

/// A cited contribution whose driver the words on a side name: `retries drove 91 % [F14] of …`.
fn named_in_words(
    sentence: &Sentence<'_>,
    facts: &[Fact],
    items: std::ops::Range<usize>,
) -> Option<usize> {
    let words: Vec<&str> = items.filter_map(|item| sentence.word(item)).collect();
    sentence.cited.iter().map(|(fact, _)| *fact).find(|fact| {
        let Some(known) = facts.get(*fact).filter(|_| is_contribution(facts, *fact)) else {
            return false;
        };
        let tail = known.role.rsplit('.').next().unwrap_or_default();
        let mut driver = tail.split('_').filter(|part| !part.is_empty()).peekable();
        known.role.contains('.')
            && driver.peek().is_some()
            && driver.all(|part| {
                words.iter().any(|word| word.trim_end_matches('s') == part.trim_end_matches('s'))
            })
    })
}

/// The first mention on a side, when it is a contribution.
fn mentioned(
    sentence: &Sentence<'_>,
    facts: &[Fact],
    items: impl Iterator<Item = usize>,
    is_before: bool,
) -> Option<usize> {
    for item in items {
        match sentence.kind(item)? {
            Kind::Pause(c) if !is_before && !matches!(c, '(' | ')') => return None,
            Kind::Name(..) | Kind::Figure(_) => {
                let bound = sentence.fact_of(item);
                if let Some(fact) = bound.filter(|fact| is_contribution(facts, *fact)) {
                    return Some(fact);
                }
                if !is_before {
                    // `due to X, …`: X itself has to be the contribution, or be cited with one.
                    let clause = sentence.clause_of(item);
                    let beside = sentence.cited.iter().find(|(fact, at)| {
                        sentence.clause_of(*at) == clause && is_contribution(facts, *fact)
                    });
                    return bound.and(beside.map(|(fact, _)| *fact));
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether a fact is a part of a change, or names one.
pub(super) fn is_contribution(facts: &[Fact], index: usize) -> bool {
    let Some(fact) = facts.get(index) else { return false };
    let is_part = |fact: &Fact| {
        let starts = [
            "effect",
            "share",
            "main",
            "contribution",
            "link",
            "place",
            "driver",
            "cause",
            "where",
        ];
        starts.iter().any(|start| fact.role.starts_with(start))
            || fact.derivation.as_ref().is_some_and(|derivation| {
                ["shapley", "contribution"].contains(&derivation.op.as_str())
            })
    };
    if is_part(fact) {
        return true;
    }
    // A name that a contribution is about: `tokens per call` of `effect.tokens_per_call`.
    let slug = |text: &str| text.to_lowercase().replace([' ', '-'], "_");
    fact.kind == FactKind::Entity
        && facts.iter().filter(|other| is_part(other)).any(|other| {
            let tail = other.role.rsplit('.').next().unwrap_or_default();
            slug(tail) == slug(&fact.value)
                || other.dims.iter().any(|(key, value)| {
                    matches!(key.as_str(), "driver" | "effect" | "cause" | "component")
                        && *value == fact.value
                })
        })
}

/// Words for quotients and shares, each with the fact that makes it true: see `sizes`.
pub(super) fn nearest<'f>(
    sentence: &Sentence<'_>,
    facts: &'f [Fact],
    index: usize,
    judge: impl Fn(&'f Fact) -> Option<bool>,
) -> Option<(usize, bool)> {
    let judged = |&(fact, at): &(usize, usize)| {
        let verdict = judge(facts.get(fact)?)?;
        Some((fact, at, verdict))
    };
    let behind = sentence.cited.iter().filter_map(judged).find(|(_, at, _)| *at > index);
    let before = sentence.cited.iter().rev().filter_map(judged).find(|(_, at, _)| *at < index);
    behind.or(before).map(|(fact, _, verdict)| (fact, verdict))
}

/// A reason for a figure that its fact does not bear out.
pub(super) fn is_told(fact: &Fact) -> String {
    format!("`{}` is {}", fact.id, fit::told(fact))
}
