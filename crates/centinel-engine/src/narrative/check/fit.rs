//! Whether a figure says what the fact that it is bound to says: size, unit, currency, sign.

use super::{
    dates::{DateKnown, DateSaid},
    figure::{Bound, Figure, Marker, is_between, magnitude},
    scan::Kind,
    sentence::Sentence,
    words,
};
use crate::{
    facts::{Direction, Fact, FactKind},
    money::Decimal,
};

/// How many words around a figure may say what it is a figure of.
const UNIT_REACH: usize = 4;

/// Whether the mention at `index` fits its fact; the reason when it does not.
pub(super) fn mention(
    sentence: &Sentence<'_>,
    index: usize,
    fact: &Fact,
    all: &[Fact],
) -> Result<(), String> {
    match sentence.kind(index) {
        Some(Kind::Figure(figure)) => figure_fits(sentence, index, figure, fact, all),
        Some(Kind::Date(said)) => date(said, fact),
        Some(Kind::Word) => in_words(
            sentence,
            index,
            sentence.items.get(index).map_or("", |item| &item.lower),
            fact,
        ),
        // A name was compared when it was bound.
        _ => Ok(()),
    }
}

fn date(said: &DateSaid, fact: &Fact) -> Result<(), String> {
    match DateKnown::read(&fact.value) {
        Some(known) if said.fits(known) => Ok(()),
        _ => Err(format!("`{}` is {}", fact.id, fact.value)),
    }
}

fn figure_fits(
    sentence: &Sentence<'_>,
    index: usize,
    figure: &Figure,
    fact: &Fact,
    all: &[Fact],
) -> Result<(), String> {
    if let Some(fault) = figure.fault {
        return Err(fault.to_owned());
    }
    let is = || format!("`{}` is {}", fact.id, told(fact));
    if fact.kind == FactKind::Date {
        // Only the day of a range, whose month is said with its end.
        let said = DateSaid { day: figure.size.to_string().parse().ok(), ..DateSaid::default() };
        return if said.day.is_some()
            && figure.marker != Marker::Percent
            && figure.currency.is_none()
        {
            date(&said, fact)
        } else {
            Err(is())
        };
    }
    let Ok(value) = fact.value.parse::<Decimal>() else { return Err(is()) };
    let exact = in_unit(sentence, index, figure, fact, value)?;
    sign(sentence, index, figure, fact, value)?;
    let fits = match bound(sentence, index) {
        Some(bound) => {
            figure.bounds(bound, exact)
                || figure.rounds(exact) && bound == Bound::Below && magnitude(exact) < figure.size
        }
        None => figure.rounds(exact),
    };
    if !fits {
        return Err(is());
    }
    units(sentence, index, fact, all)
}

/// The fact's value in what the figure is shown in, when their kinds agree.
fn in_unit(
    sentence: &Sentence<'_>,
    index: usize,
    figure: &Figure,
    fact: &Fact,
    value: Decimal,
) -> Result<Decimal, String> {
    let wrong = || Err(format!("`{}` is {}", fact.id, told(fact)));
    match (fact.kind, figure.marker) {
        (FactKind::Money, Marker::None) => match (figure.currency, fact.currency) {
            (Some(said), Some(known)) if said == known => Ok(value),
            (Some(said), None) if said == crate::money::Currency::USD => Ok(value),
            (None, None) => Ok(value),
            (None, _) => Err(format!("`{}` is money: its currency is missing", fact.id)),
            _ => wrong(),
        },
        _ if figure.currency.is_some() => wrong(),
        (FactKind::Percent, Marker::Percent)
        | (FactKind::Points, Marker::Points)
        | (FactKind::Count | FactKind::Duration, Marker::None)
        | (FactKind::Ratio, Marker::Times | Marker::None) => Ok(value),
        (FactKind::Rank, Marker::Place) => Ok(value),
        (FactKind::Rank, Marker::None) => {
            let says_place = |word: Option<&str>| {
                word.is_some_and(|word| {
                    matches!(
                        word,
                        "rank"
                            | "ranks"
                            | "ranked"
                            | "place"
                            | "position"
                            | "number"
                            | "no"
                            | "spot"
                            | "ranking"
                    )
                })
            };
            let near = (1..=3)
                .any(|back| says_place(index.checked_sub(back).and_then(|at| sentence.word(at))));
            if near || says_place(sentence.word_after(index)) { Ok(value) } else { wrong() }
        }
        _ => wrong(),
    }
    .and_then(|value| converted(sentence, index, fact, value))
}

/// A length of time in the unit that the text shows it in.
fn converted(
    sentence: &Sentence<'_>,
    index: usize,
    fact: &Fact,
    value: Decimal,
) -> Result<Decimal, String> {
    let known = fact.unit.as_deref().and_then(unit_of);
    let said = shown_unit(sentence, index).and_then(|(_, unit)| unit);
    let (Some(known), Some(said)) = (known, said) else { return Ok(value) };
    let (Some(from), Some(to)) = (words::time_unit(known), words::time_unit(said)) else {
        return Ok(value);
    };
    if from == to || !matches!(fact.kind, FactKind::Duration | FactKind::Count) {
        return Ok(value);
    }
    let micros = value.checked_mul_integer(from).ok();
    let shown =
        micros.and_then(|micros| micros.quotient(Decimal::from_integer(to), 9).ok().flatten());
    shown.ok_or_else(|| format!("`{}` is {}", fact.id, told(fact)))
}

/// The sign: written, or said by a word, or not needed.
fn sign(
    sentence: &Sentence<'_>,
    index: usize,
    figure: &Figure,
    fact: &Fact,
    value: Decimal,
) -> Result<(), String> {
    if value.is_zero() {
        return Ok(());
    }
    // `was - $5` reads as below zero, and is no sign.
    let dash = index.checked_sub(1).and_then(|at| sentence.kind(at));
    let is_after_verb = index.checked_sub(2).and_then(|at| sentence.word(at)).is_some_and(|word| {
        matches!(
            word,
            "was" | "is" | "were" | "are" | "of" | "by" | "to" | "at" | "cost" | "costs" | "spent"
        )
    });
    let is_dash = matches!(dash, Some(Kind::Pause('-' | '–'))) && is_after_verb;
    if is_dash || matches!(dash, Some(Kind::Sign('−'))) {
        return Err("a dash before it reads as a minus".to_owned());
    }
    let points_down = fact.direction == Some(Direction::Down) || value.is_negative();
    let points_up = fact.direction == Some(Direction::Up) && !value.is_negative();
    if let Some(is_negative) = figure.is_negative {
        let is_wrong = if is_negative { !points_down } else { points_down };
        return if is_wrong { Err(format!("`{}` is {}", fact.id, told(fact))) } else { Ok(()) };
    }
    let is_lost = value.is_negative();
    if !is_lost && fact.direction.is_none() {
        return Ok(());
    }
    let said = governing(sentence, index);
    match said {
        Some(Direction::Up) if points_down => {
            Err(format!("`{}` is {}, which is no rise", fact.id, told(fact)))
        }
        Some(Direction::Down) if points_up && !takes_away_near(sentence, index) => {
            Err(format!("`{}` is {}, which is no fall", fact.id, told(fact)))
        }
        Some(Direction::Down) => Ok(()),
        _ if is_lost && !takes_away_near(sentence, index) => {
            Err(format!("`{}` is below zero: its sign is missing", fact.id))
        }
        _ => Ok(()),
    }
}

fn takes_away_near(sentence: &Sentence<'_>, index: usize) -> bool {
    let clause = sentence.clause_of(index);
    let near = [clause.checked_sub(1), Some(clause), clause.checked_add(1)];
    // Parts of a fall need no sign of their own: `of the $2 reduction, X contributed $1`.
    let falls = sentence.is_of_a_fall
        || (0..sentence.items.len())
            .any(|item| super::claims::direction_at(sentence, item) == Some(Direction::Down));
    let rises = (0..sentence.items.len())
        .any(|item| super::claims::direction_at(sentence, item) == Some(Direction::Up));
    if falls && !rises {
        return true;
    }
    near.into_iter().flatten().any(|clause| {
        sentence.in_clause(clause).any(|item| sentence.word(item).is_some_and(words::takes_away))
    }) || is_in_parentheses(sentence, index)
}

/// Accounting writes what is below zero in parentheses.
fn is_in_parentheses(sentence: &Sentence<'_>, index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|at| sentence.kind(at));
    let after = sentence.kind(index.saturating_add(1));
    matches!(before, Some(Kind::Pause('('))) && matches!(after, Some(Kind::Pause(')')))
}

/// The word of direction that a figure is read with: right behind its citation, else the last before it.
fn governing(sentence: &Sentence<'_>, index: usize) -> Option<Direction> {
    let clause = sentence.clause_of(index);
    let after = (index.saturating_add(1)..sentence.items.len())
        .take_while(|item| sentence.clause_of(*item) == clause)
        .take(5)
        .take_while(|item| !matches!(sentence.kind(*item), Some(Kind::Figure(_))))
        .find_map(|item| super::claims::direction_at(sentence, item));
    // A semicolon or colon ends what a word of direction governs.
    let mut before = (0..index)
        .rev()
        .take_while(|item| {
            !matches!(sentence.kind(*item), Some(Kind::Pause(';' | ':' | '—' | '|')))
        })
        .map(|item| super::claims::direction_at(sentence, item));
    let in_clause = (0..index)
        .rev()
        .take_while(|item| sentence.clause_of(*item) == clause)
        .find_map(|item| super::claims::direction_at(sentence, item));
    in_clause.or(after).or_else(|| before.find_map(|direction| direction))
}

/// A bound that stands right before a figure.
fn bound(sentence: &Sentence<'_>, index: usize) -> Option<Bound> {
    let word = |back: usize| index.checked_sub(back).and_then(|at| sentence.word(at));
    match (word(2), word(1)) {
        (Some("more" | "higher" | "greater" | "larger"), Some("than")) => Some(Bound::Above),
        (Some("less" | "fewer" | "lower" | "smaller"), Some("than")) => Some(Bound::Below),
        (Some("just"), Some("over" | "above")) => Some(Bound::Above),
        (_, Some("over")) => Some(Bound::Over),
        (Some("just"), Some("under" | "below" | "shy")) => Some(Bound::Below),
        (_, Some("nearly" | "almost" | "under")) => Some(Bound::Below),
        (Some("at"), Some("least")) => Some(Bound::AtLeast),
        (Some("at"), Some("most")) | (Some("up"), Some("to")) => Some(Bound::AtMost),
        _ => None,
    }
}

/// A number in words: exact, of a count, a length of time, a rank or a ratio.
fn in_words(sentence: &Sentence<'_>, index: usize, word: &str, fact: &Fact) -> Result<(), String> {
    let wrong = || Err(format!("`{}` is {}", fact.id, told(fact)));
    let Ok(value) = fact.value.parse::<Decimal>() else { return wrong() };
    if let Some(rank) = words::ordinal(word).filter(|_| fact.kind == FactKind::Rank) {
        return if value == Decimal::from_integer(i128::from(rank)) { Ok(()) } else { wrong() };
    }
    let Some(said) = words::number_word(word) else {
        // An ordinal that counts nothing here.
        return Ok(());
    };
    let shares = words::share_word(Some(word), sentence.word_after(index).unwrap_or_default());
    if shares.is_some() {
        return Ok(());
    }
    let exact = match fact.kind {
        FactKind::Count | FactKind::Duration => converted(sentence, index, fact, value)?,
        FactKind::Rank | FactKind::Ratio => value,
        FactKind::Percent | FactKind::Points => value,
        FactKind::Money | FactKind::Date | FactKind::Entity => return wrong(),
    };
    let whole = Decimal::from_integer(said);
    let next = Decimal::from_integer(said.saturating_add(1));
    let is_more = bound(sentence, index) == Some(Bound::Above)
        && magnitude(exact) > whole
        && magnitude(exact) < next;
    if magnitude(exact) == whole || is_more {
        unit_agrees(sentence, index, fact, &[])
    } else {
        wrong()
    }
}

/// Whether the units around a figure are those of its fact.
fn units(sentence: &Sentence<'_>, index: usize, fact: &Fact, all: &[Fact]) -> Result<(), String> {
    match fact.kind {
        FactKind::Count | FactKind::Duration | FactKind::Ratio => {
            unit_agrees(sentence, index, fact, all)?;
            if fact.unit.is_some() { rate_agrees(sentence, index, fact) } else { Ok(()) }
        }
        FactKind::Money => rate_agrees(sentence, index, fact),
        FactKind::Percent
        | FactKind::Points
        | FactKind::Rank
        | FactKind::Date
        | FactKind::Entity => Ok(()),
    }
}

/// The first unit in words at a figure: before its citation, or else right behind it.
fn shown_unit(sentence: &Sentence<'_>, index: usize) -> Option<(usize, Option<&'static str>)> {
    let mut is_behind_citation = false;
    let mut seen = 0_usize;
    for at in index.saturating_add(1)..sentence.items.len() {
        match sentence.kind(at) {
            Some(Kind::Word) => {
                let word = sentence.word(at)?;
                if matches!(
                    word,
                    "per"
                        | "a"
                        | "an"
                        | "each"
                        | "every"
                        | "of"
                        | "and"
                        | "or"
                        | "in"
                        | "on"
                        | "at"
                        | "from"
                        | "to"
                        | "over"
                        | "for"
                ) {
                    return None;
                }
                // Compounds say their unit first: `56-day baseline`.
                let head = word.split('-').find(|part| !part.is_empty()).unwrap_or(word);
                if let Some(unit) = words::unit(word).or_else(|| words::unit(head)) {
                    return Some((at, Some(unit)));
                }
                seen = seen.saturating_add(1);
                if seen > UNIT_REACH || is_behind_citation {
                    return None;
                }
            }
            Some(Kind::Cite(_)) if !is_behind_citation => is_behind_citation = true,
            Some(Kind::Sign('-' | '‑' | '"' | '“' | '”')) => {}
            _ => return None,
        }
    }
    None
}

/// The unit of a fact, as the words know it: the last noun of `per call`, `resolved tickets`.
fn unit_of(unit: &str) -> Option<&'static str> {
    let unit = unit.to_lowercase();
    let counted = unit.split(" per ").next().unwrap_or(&unit);
    counted.split([' ', '_', '-', '/']).rev().find_map(words::unit)
}

fn unit_agrees(
    sentence: &Sentence<'_>,
    index: usize,
    fact: &Fact,
    all: &[Fact],
) -> Result<(), String> {
    let wrong = |said: &str| Err(format!("`{}` is {}, not {said}", fact.id, told(fact)));
    let Some(unit) = fact.unit.as_deref() else { return Ok(()) };
    let unit = unit.to_lowercase();
    let parts: Vec<&str> =
        unit.split([' ', '_', '-', '/']).filter(|part| !part.is_empty()).collect();
    let own = parts.iter().filter_map(|part| words::unit(part)).collect::<Vec<_>>();
    let near = near_words(sentence, index);
    let is_own = |word: &str| {
        let singular = word.trim_end_matches('s');
        parts.iter().any(|part| part.trim_end_matches('s') == singular)
            || words::unit(word).is_some_and(|said| own.contains(&said))
    };
    let before_citation = before_citation(sentence, index);
    let is_foreign_unit = |word: &str| {
        words::unit(word).is_some_and(|said| {
            let converts = own.iter().any(|own| words::time_unit(own).is_some())
                && words::time_unit(said).is_some();
            !(own.contains(&said) || is_own(word) || converts && own.len() == 1)
        })
    };
    // Of `GPU hours` the last word says the unit.
    let counted = near.iter().take(before_citation).rev().find(|word| words::unit(word).is_some());
    if let Some(said) = counted.filter(|word| is_foreign_unit(word)) {
        return wrong(said);
    }
    if near.iter().any(|word| word.split('-').any(is_own)) {
        return Ok(());
    }
    // A unit of another fact is as wrong as one that the words know.
    let is_other = |word: &str| {
        let singular = word.trim_end_matches('s');
        all.iter().any(|other| {
            other.unit.as_deref().is_some_and(|unit| {
                unit.to_lowercase()
                    .rsplit([' ', '_'])
                    .next()
                    .is_some_and(|last| last.trim_end_matches('s') == singular)
            })
        })
    };
    let foreign = near.iter().find(|word| {
        word.split('-').any(|part| {
            words::unit(part).is_some_and(|said| {
                let converts = own.iter().any(|own| words::time_unit(own).is_some())
                    && words::time_unit(said).is_some();
                !converts || !matches!(fact.kind, FactKind::Duration | FactKind::Count)
            }) || is_other(part)
        })
    });
    foreign.map_or(Ok(()), |said| wrong(said))
}

/// How many words stand between a figure and its citation.
fn before_citation(sentence: &Sentence<'_>, index: usize) -> usize {
    (index.saturating_add(1)..sentence.items.len())
        .take_while(|at| !matches!(sentence.kind(*at), Some(Kind::Cite(_))))
        .take_while(|at| {
            let word = sentence.word(*at);
            word.is_some_and(|word| !matches!(word, "per" | "of" | "a" | "in" | "for"))
        })
        .count()
}

/// The words that say what a figure counts: up to its citation, then the one or two behind it.
fn near_words<'s>(sentence: &'s Sentence<'_>, index: usize) -> Vec<&'s str> {
    let mut near = Vec::new();
    let mut behind = 0_usize;
    let mut is_behind = false;
    for at in index.saturating_add(1)..sentence.items.len() {
        match sentence.kind(at) {
            Some(Kind::Word | Kind::Name(_, false)) => {
                let Some(word) = sentence.word(at) else { break };
                let ends = matches!(
                    word,
                    "per"
                        | "a"
                        | "an"
                        | "of"
                        | "in"
                        | "for"
                        | "to"
                        | "from"
                        | "on"
                        | "at"
                        | "and"
                        | "or"
                        | "with"
                        | "by"
                        | "was"
                        | "were"
                        | "is"
                        | "are"
                        | "than"
                        | "as"
                        | "that"
                        | "which"
                        | "while"
                        | "each"
                        | "every"
                        | "over"
                        | "against"
                        | "since"
                        | "the"
                );
                if ends {
                    break;
                }
                near.push(word);
                if is_behind {
                    behind = behind.saturating_add(1);
                    if behind >= 2 {
                        break;
                    }
                }
            }
            Some(Kind::Cite(_)) if !is_behind => is_behind = true,
            Some(Kind::Sign(_)) => {}
            _ => break,
        }
    }
    near
}

/// `per call`, `a day`: what one of many costs must be what the fact is per.
fn rate_agrees(sentence: &Sentence<'_>, index: usize, fact: &Fact) -> Result<(), String> {
    for said in rates(sentence, index) {
        one_rate_agrees(fact, said)?;
    }
    Ok(())
}

fn one_rate_agrees(fact: &Fact, said: &str) -> Result<(), String> {
    let singular = |word: &str| {
        words::unit(word).map_or_else(|| word.trim_end_matches('s').to_owned(), str::to_owned)
    };
    let said_one = singular(said);
    let carries = |text: &str| {
        text.to_lowercase().split([' ', '_', '-', '/', '.']).any(|part| singular(part) == said_one)
    };
    let short = match said {
        "million" => ["1m", "mtok", "m"].as_slice(),
        "thousand" => ["1k", "ktok", "k", "1000"].as_slice(),
        _ => [].as_slice(),
    };
    let is_short = |text: &str| {
        text.to_lowercase().split([' ', '_', '-', '/', '.']).any(|part| short.contains(&part))
    };
    let known = fact.unit.as_deref().is_some_and(|unit| carries(unit) || is_short(unit))
        || is_short(&fact.role)
        || carries(&fact.role)
        || (said_one == "month" && fact.role.contains("monthly"))
        || (said_one == "day" && fact.role.contains("daily"))
        || fact.dims.values().any(|value| carries(value));
    if known { Ok(()) } else { Err(format!("`{}` is {}, not per {said}", fact.id, told(fact))) }
}

/// The nouns of `per NOUN`, `per million NOUN`, `per NOUN per NOUN` or `a UNIT` right behind a figure or its
/// citation.
fn rates<'s>(sentence: &'s Sentence<'_>, index: usize) -> Vec<&'s str> {
    let mut rates = Vec::new();
    let mut at = index.saturating_add(1);
    let mut is_behind = false;
    while let Some(kind) = sentence.kind(at) {
        let word = sentence.word(at).unwrap_or_default();
        let next = sentence.word_after(at);
        let step = match (kind, word) {
            (Kind::Cite(_), _) if !is_behind => {
                is_behind = true;
                1
            }
            (Kind::Sign('/'), _) => {
                rates.extend(next);
                2
            }
            (_, "per" | "each" | "every") => {
                let Some(first) = next else { break };
                let second = sentence.word(at.saturating_add(2));
                let second = second.filter(|word| words::unit(word).is_some());
                let is_scale = matches!(first, "million" | "thousand" | "billion");
                match second {
                    Some(second) if is_scale => rates.extend([first, second]),
                    // `per resolved ticket`: the noun that the words know.
                    Some(second) if words::unit(first).is_none() => rates.push(second),
                    _ => rates.push(first),
                }
                if second.is_some() && (is_scale || words::unit(first).is_none()) { 3 } else { 2 }
            }
            (_, "a" | "an") => {
                const KNOWN: &str =
                    "day week month year hour minute second call request ticket token";
                let unit = next.and_then(words::unit);
                let is_known = unit.is_some_and(|unit| KNOWN.split(' ').any(|known| known == unit));
                rates.extend(next.filter(|_| is_known));
                break;
            }
            (_, word) if rates.is_empty() && words::unit(word).is_some() => 1,
            _ => break,
        };
        at = at.saturating_add(step);
    }
    rates
}

/// Whether a figure without a citation has the value and the kind of a fact.
pub(super) fn could_be(figure: &Figure, fact: &Fact) -> bool {
    let is_kind = match fact.kind {
        FactKind::Money => figure.currency.is_some() && figure.currency == fact.currency,
        FactKind::Percent => figure.marker == Marker::Percent,
        FactKind::Points => figure.marker == Marker::Points,
        FactKind::Ratio => figure.marker == Marker::Times,
        FactKind::Count | FactKind::Duration => {
            figure.currency.is_none() && figure.marker == Marker::None
        }
        FactKind::Rank | FactKind::Date | FactKind::Entity => false,
    };
    is_kind && fact.value.parse::<Decimal>().is_ok_and(|value| figure.rounds(value))
}

/// A fact's value as reasons show it. Reasons quote nothing that came with the data, and so no unit that
/// is not a word of ours.
pub(super) fn told(fact: &Fact) -> String {
    let value = &fact.value;
    let is_ours = |unit: &&str| {
        unit.split([' ', '_']).all(|word| word == "per" || words::unit(word).is_some())
    };
    let unit = fact.unit.as_deref().filter(is_ours);
    match fact.kind {
        FactKind::Money => {
            let currency = fact.currency.map(|currency| format!(" {currency}")).unwrap_or_default();
            let per = unit.map(|unit| format!(" per {}", unit.trim_start_matches("per ")));
            format!("{value}{currency}{}", per.unwrap_or_default())
        }
        FactKind::Percent => format!("{value} %"),
        FactKind::Points => format!("{value} points"),
        FactKind::Rank => format!("rank {value}"),
        FactKind::Entity => "a name".to_owned(),
        _ => unit.map_or_else(|| value.clone(), |unit| format!("{value} {unit}")),
    }
}

/// Whether a fact makes a word for a quotient true, between bounds in thousandths.
pub(super) fn ratio_is(fact: &Fact, bounds: (i128, i128)) -> Option<bool> {
    let value: Decimal = fact.value.parse().ok()?;
    match fact.kind {
        FactKind::Ratio => Some(is_between(value, bounds, 1)),
        FactKind::Percent if fact.direction.is_some() => {
            let change = if fact.direction == Some(Direction::Down) && !value.is_negative() {
                value.checked_neg().ok()?
            } else {
                value
            };
            let whole = Decimal::from_integer(100).checked_add(change).ok()?;
            Some(is_between(whole, bounds, 100))
        }
        _ => None,
    }
}

/// Whether a fact makes a word for a share true, between bounds in thousandths.
pub(super) fn share_is(fact: &Fact, bounds: (i128, i128)) -> Option<bool> {
    let value: Decimal = fact.value.parse().ok().map(magnitude)?;
    match fact.kind {
        FactKind::Percent => Some(is_between(value, bounds, 100)),
        FactKind::Ratio => Some(is_between(value, bounds, 1)),
        _ => None,
    }
}
