//! Operators on one figure: digits, size, unit, currency, sign, spelling.

use centinel_engine::facts::{Fact, FactKind};

use num_traits::{Signed as _, Zero as _};

use super::{Case, Made, made, pick};
use crate::{
    random::Random,
    verifier::{
        cited::Cited,
        exact::{Exact, exact, grouped, plain, ratio, ten},
        figure::{self, Figure, Mark},
    },
};

fn one<'a>(
    case: &Case<'a>,
    random: &mut Random,
    of: impl Fn(&Figure) -> bool,
) -> Option<(&'a Cited, &'a Figure)> {
    let figures: Vec<_> = case
        .figures()
        .filter_map(|(_, cited)| Some((cited, cited.figure()?)))
        .filter(|(_, f)| of(f))
        .collect();
    pick(random, &figures).copied()
}

/// With other digits: equivalent when these are a rounding of the fact, too.
fn with_digits(case: &Case<'_>, cited: &Cited, figure: &Figure, digits: &str) -> Made {
    if digits == &case.text[figure.digits.clone()] {
        return Made::Nothing;
    }
    let text = case.replaced(figure.digits.clone(), digits);
    let end = figure.span.end + digits.len() - figure.digits.len();
    let is_true = figure::ending_at(&text, end).is_some_and(|changed| {
        changed.may_be(&text, case.fact(cited)) || is_bound(&text, &changed, case.fact(cited))
    });
    if is_true { Made::Equivalent } else { Made::Mutant(text) }
}

/// One digit becomes another.
pub(super) fn digit(case: &Case<'_>, random: &mut Random) -> Made {
    let Some((cited, figure)) = one(case, random, |_| true) else { return Made::Nothing };
    let digits = &case.text[figure.digits.clone()];
    let places: Vec<usize> =
        digits.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
    let Some(at) = pick(random, &places).copied() else { return Made::Nothing };
    let old = digits.as_bytes()[at] - b'0';
    let low = u8::from(at == 0 && places.len() > 1);
    let new = (low..=9).filter(|new| *new != old).collect::<Vec<_>>();
    let new = char::from(b'0' + *random.one_of(&new));
    with_digits(case, cited, figure, &format!("{}{new}{}", &digits[..at], &digits[at + 1..]))
}

/// `more than $7,100` and `nearly $4,150` are true of every amount on that side, near by.
fn is_bound(text: &str, figure: &Figure, fact: &Fact) -> bool {
    let before = text[..figure.span.start].trim_end().to_lowercase();
    let ends = |words: &[&str]| words.iter().any(|word| before.ends_with(word));
    let Some(size) = figure::size(fact) else { return false };
    let shown = figure.shown.value();
    let is_near = (shown - &size).abs() <= &size * ratio(1, 20);
    let is_below = ends(&["more than", "over", "above", "at least", "past"]);
    let is_above =
        ends(&["nearly", "almost", "under", "less than", "below", "at most", "close to"]);
    is_near && ((is_below && *shown <= size) || (is_above && *shown >= size))
}

fn again(figure: &Figure, value: &Exact, text: &str) -> String {
    let digits = &text[figure.digits.clone()];
    let decimals = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let plain = plain(value, decimals as u32);
    if digits.contains(',') { grouped(&plain) } else { plain }
}

/// The value in steps of its scale: `4.1` of `4.1k`.
fn unscaled(figure: &Figure) -> Exact {
    let power = figure.scale.as_ref().map_or(0, |(_, power)| *power);
    figure.shown.value() / Exact::from(ten(power))
}

/// One more or less in the last place shown.
pub(super) fn last_digit(case: &Case<'_>, random: &mut Random) -> Made {
    let Some((cited, figure)) = one(case, random, |_| true) else { return Made::Nothing };
    let power = figure.scale.as_ref().map_or(0, |(_, power)| *power);
    let step = figure.shown.step() / Exact::from(ten(power));
    let value = unscaled(figure);
    let moved = if random.unit() < 0.5 && value >= step { &value - step } else { &value + step };
    with_digits(case, cited, figure, &again(figure, &moved, case.text))
}

/// Three to eight percent more or less, with as many decimals.
pub(super) fn off(case: &Case<'_>, random: &mut Random) -> Made {
    let Some((cited, figure)) = one(case, random, |_| true) else { return Made::Nothing };
    let part = random.whole(3, 9) as i64 * if random.unit() < 0.5 { 1 } else { -1 };
    let moved = unscaled(figure) * ratio(100 + part, 100);
    with_digits(case, cited, figure, &again(figure, &moved, case.text))
}

/// The point moved, or `k` for `M`, or a scale more or less.
pub(super) fn scale(case: &Case<'_>, random: &mut Random) -> Made {
    let Some((cited, figure)) = one(case, random, |figure| !figure.shown.value().is_zero()) else {
        return Made::Nothing;
    };
    let value = unscaled(figure);
    if random.unit() < 0.5 {
        let (up, down) = *random.one_of(&[(10, 1), (100, 1), (1_000, 1), (1, 10), (1, 1_000)]);
        let moved = value * ratio(up, down);
        // Too small for the decimals shown: more of them.
        let decimals = if moved < ratio(1, 1) { 4 } else { 0 };
        let own = again(figure, &moved, case.text);
        let digits =
            if decimals > 0 && exact(&own.replace(',', "")).is_some_and(|shown| shown != moved) {
                plain(&moved, 6).trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                own
            };
        return with_digits(case, cited, figure, &digits);
    }
    let text = match &figure.scale {
        Some((range, _)) => {
            let now = case.text[range.clone()].trim().to_owned();
            let other = match now.as_str() {
                "k" | "K" => *random.one_of(&["M", "", "bn"]),
                "M" | "m" => *random.one_of(&["k", "bn", ""]),
                "thousand" => "million",
                "million" => *random.one_of(&["thousand", "billion"]),
                "billion" => "million",
                _ => "k",
            };
            let lead = if case.text[range.clone()].starts_with(' ') && !other.is_empty() {
                " "
            } else {
                ""
            };
            case.replaced(range.clone(), &format!("{lead}{other}"))
        }
        None => {
            let scale = *random.one_of(&["k", "M", " thousand", " million"]);
            case.replaced(figure.digits.end..figure.digits.end, scale)
        }
    };
    Made::Mutant(text)
}

const UNITS: [(&str, &str); 26] = [
    ("calls", "tokens"),
    ("tokens", "calls"),
    ("hours", "days"),
    ("days", "hours"),
    ("minutes", "hours"),
    ("min", "hours"),
    ("seconds", "minutes"),
    ("weeks", "days"),
    ("outputs", "calls"),
    ("requests", "tokens"),
    ("a call", "a token"),
    ("per call", "per token"),
    ("a token", "a call"),
    ("per token", "per call"),
    ("features", "teams"),
    ("teams", "models"),
    ("models", "features"),
    ("images", "documents"),
    ("documents", "images"),
    ("users", "requests"),
    ("seats", "requests"),
    ("per seat", "per day"),
    ("per image", "per call"),
    ("per day", "per month"),
    ("a month", "a day"),
    ("months", "years"),
];

/// A unit word at the figure, within it or right after its citation, becomes another.
pub(super) fn unit(case: &Case<'_>, random: &mut Random) -> Made {
    let mut found = Vec::new();
    for (_, cited) in case.figures() {
        let Some(figure) = cited.figure() else { continue };
        let fact = case.fact(cited);
        let Some(own) = fact.unit.as_deref() else { continue };
        let after_end = (cited.cite.end..case.text.len().min(cited.cite.end + 14))
            .rev()
            .find(|end| case.text.is_char_boundary(*end))
            .unwrap_or(cited.cite.end);
        for region in [figure.unit.clone(), cited.cite.end..after_end] {
            let words = &case.text[region.clone()];
            for (word, other) in UNITS {
                // Whole words, of the fact's own unit.
                let Some(at) = words.find(&format!(" {word}")) else { continue };
                let end = at + 1 + word.len();
                let is_whole = !words[end..].starts_with(|c: char| c.is_alphanumeric());
                let stem =
                    word.trim_start_matches("a ").trim_start_matches("per ").trim_end_matches('s');
                let is_first = region.start == figure.unit.start || words[..at].is_empty();
                if is_whole
                    && is_first
                    && own.contains(stem)
                    && !own.contains(
                        other
                            .trim_start_matches("a ")
                            .trim_start_matches("per ")
                            .trim_end_matches('s'),
                    )
                {
                    found.push((region.start + at + 1..region.start + end, other));
                }
            }
        }
    }
    made(pick(random, &found).map(|(range, other)| case.replaced(range.clone(), other)))
}

/// Another currency, in the form that it has.
pub(super) fn currency(case: &Case<'_>, random: &mut Random) -> Made {
    let Some((_, figure)) = one(case, random, |figure| figure.currency.is_some()) else {
        return Made::Nothing;
    };
    let Some((range, code)) = &figure.currency else { return Made::Nothing };
    let now = &case.text[range.clone()];
    let others: &[&str] = match now.trim() {
        "$" | "€" | "£" | "¥" | "US$" => &["$", "€", "£", "¥"],
        word if word.chars().all(|c| c.is_ascii_uppercase()) => {
            &["USD", "EUR", "GBP", "JPY", "CHF"]
        }
        _ => &["dollars", "euros", "pounds", "yen"],
    };
    let others: Vec<&&str> =
        others.iter().filter(|other| figure::currency_of(other) != Some(code)).collect();
    let other = **random.one_of(&others);
    let (lead, trail) = (&now[..now.len() - now.trim_start().len()], &now[now.trim_end().len()..]);
    Made::Mutant(case.replaced(range.clone(), &format!("{lead}{other}{trail}")))
}

/// Percent for points, points for percent.
pub(super) fn percent_and_points(case: &Case<'_>, random: &mut Random) -> Made {
    let is_marked = |figure: &Figure| matches!(figure.marked, Mark::Percent | Mark::Points);
    let Some((cited, figure)) = one(case, random, is_marked) else { return Made::Nothing };
    let Some(range) = figure.mark.clone() else { return Made::Nothing };
    let other = match (figure.marked, case.fact(cited).kind) {
        (Mark::Percent, FactKind::Percent) => {
            *random.one_of(&[" points", " percentage points", " basis points", "x"])
        }
        (Mark::Points, FactKind::Points) => {
            *random.one_of(&[" %", "%", " percent", " basis points"])
        }
        _ => return Made::Nothing,
    };
    Made::Mutant(case.replaced(range, other))
}

/// A sign becomes the other one.
pub(super) fn sign(case: &Case<'_>, random: &mut Random) -> Made {
    let is_signed = |figure: &Figure| figure.sign.is_some() && !figure.shown.value().is_zero();
    let Some((_, figure)) = one(case, random, is_signed) else { return Made::Nothing };
    let Some(range) = figure.sign.clone() else { return Made::Nothing };
    let other = if &case.text[range.clone()] == "+" { *random.one_of(&["−", "-"]) } else { "+" };
    Made::Mutant(case.replaced(range, other))
}

/// Digits as other languages write them.
pub(super) fn locale(case: &Case<'_>, random: &mut Random) -> Made {
    let is_written = |figure: &Figure| case.text[figure.digits.clone()].contains([',', '.']);
    let Some((cited, figure)) = one(case, random, is_written) else { return Made::Nothing };
    let digits = &case.text[figure.digits.clone()];
    let swapped: String = digits
        .chars()
        .map(|c| match c {
            ',' => '.',
            '.' => ',',
            other => other,
        })
        .collect();
    let other = match random.whole(0, 3) {
        0 if digits.contains(',') => digits.replace(',', "'"),
        1 if digits.contains(',') => swapped.replace('.', "\u{2009}"),
        _ => swapped,
    };
    with_digits(case, cited, figure, &other)
}
