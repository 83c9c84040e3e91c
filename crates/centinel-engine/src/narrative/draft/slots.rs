//! Slots and what fills them.

use serde::{Deserialize, Serialize};

use crate::{
    facts::{Direction, Fact, FactKind},
    money::{Currency, Decimal},
    narrative::escaped,
};

/// A piece of a draft's sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Words between slots.
    Words(String),
    /// `{{F7|signed}}`
    Slot { id: String, format: Option<String> },
}

/// How a fact is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// As exact as prose needs: cents below 1,000, whole units to 10,000, then `k` and `M`.
    Plain,
    /// To the cent, or to the digits that the fact has.
    Exact,
    /// As `plain`, with a plus where it is positive.
    Signed,
    /// `rose`, `fell`, `did not change`; carries no figure.
    Verb,
    /// `rise`, `fall`, `no change`; carries no figure.
    Noun,
}

impl Format {
    /// Formats that a fact may be shown in, the default first.
    pub fn of(fact: &Fact) -> Vec<Self> {
        let mut formats = vec![Self::Plain];
        let is_figure = !matches!(fact.kind, FactKind::Entity | FactKind::Date | FactKind::Rank);
        if is_figure {
            formats.push(Self::Exact);
        }
        if is_figure && fact.direction.is_some() {
            formats.extend([Self::Signed, Self::Verb, Self::Noun]);
        }
        formats
    }

    fn read(name: &str) -> Option<Self> {
        Some(match name {
            "plain" => Self::Plain,
            "exact" => Self::Exact,
            "signed" => Self::Signed,
            "verb" => Self::Verb,
            "noun" => Self::Noun,
            _ => return None,
        })
    }
}

/// The words and slots of a sentence, in order.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((words, after)) = rest.split_once("{{") {
        pieces.push(Piece::Words(words.to_owned()));
        let Some((slot, after)) = after.split_once("}}") else {
            return Err("a slot is not closed: write `{{F1}}`".to_owned());
        };
        if slot.contains(['{', '}']) || slot.len() > 80 {
            return Err("a slot holds something else than `ID` or `ID|format`".to_owned());
        }
        let (id, format) = match slot.split_once('|') {
            Some((id, format)) => (id, Some(format.trim().to_owned())),
            None => (slot, None),
        };
        pieces.push(Piece::Slot { id: id.trim().to_owned(), format });
        rest = after;
    }
    pieces.push(Piece::Words(rest.to_owned()));
    Ok(pieces)
}

/// What a slot becomes, its citation included.
pub(super) fn fill(fact: &Fact, format: Option<&str>) -> Result<String, String> {
    let known = || {
        Format::of(fact)
            .iter()
            .map(|format| format!("`{}`", name(*format)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let format = match format {
        None => Format::Plain,
        Some(format) => Format::read(format)
            .filter(|format| Format::of(fact).contains(format))
            .ok_or_else(|| format!("`{}` may be shown as {}", fact.id, known()))?,
    };
    let shown = match (format, fact.direction) {
        (Format::Verb, Some(Direction::Up)) => "rose".to_owned(),
        (Format::Verb, Some(Direction::Down)) => "fell".to_owned(),
        (Format::Verb, _) => "did not change".to_owned(),
        (Format::Noun, Some(Direction::Up)) => "rise".to_owned(),
        (Format::Noun, Some(Direction::Down)) => "fall".to_owned(),
        (Format::Noun, _) => "no change".to_owned(),
        _ => value(fact, format),
    };
    Ok(format!("{shown} [{}]", fact.id))
}

fn name(format: Format) -> &'static str {
    match format {
        Format::Plain => "plain",
        Format::Exact => "exact",
        Format::Signed => "signed",
        Format::Verb => "verb",
        Format::Noun => "noun",
    }
}

/// A fact as prose shows it, without a unit that an import may have named.
pub(super) fn shown_without_unit(fact: &Fact) -> String {
    let bare = Fact { unit: None, ..fact.clone() };
    value(&bare, Format::Plain)
}

fn value(fact: &Fact, format: Format) -> String {
    match fact.kind {
        FactKind::Entity => escaped(&fact.value),
        FactKind::Date => fact.value.split('T').next().unwrap_or_default().to_owned(),
        FactKind::Rank => format!("#{}", fact.value),
        _ => figure(fact, format),
    }
}

fn figure(fact: &Fact, format: Format) -> String {
    let Ok(value) = fact.value.parse::<Decimal>() else { return String::new() };
    let is_down =
        value.is_negative() || fact.direction == Some(Direction::Down) && format == Format::Signed;
    let size = if value.is_negative() { value.checked_neg().unwrap_or(value) } else { value };
    let digits = match (format, fact.kind) {
        (Format::Exact, FactKind::Money) => grouped(size, places_of(size, 2)),
        (Format::Exact, _) => grouped(size, size.scale()),
        (_, FactKind::Percent | FactKind::Points) => percent(size),
        _ => short(size, fact.kind),
    };
    let sign = match (is_down, format, value.is_zero()) {
        (true, _, false) => "−",
        (false, Format::Signed, false) => "+",
        _ => "",
    };
    let unit = fact
        .unit
        .as_deref()
        .map(|unit| unit.chars().filter(|c| !c.is_control()).collect::<String>());
    let unit = unit.map(|unit| escaped(&unit)).filter(|unit| !unit.is_empty());
    match fact.kind {
        FactKind::Money => {
            let per = unit
                .map(|unit| format!(" per {}", unit.trim_start_matches("per ")))
                .unwrap_or_default();
            match fact.currency.unwrap_or(Currency::USD).as_str() {
                "USD" => format!("{sign}${digits}{per}"),
                "EUR" => format!("{sign}€{digits}{per}"),
                "GBP" => format!("{sign}£{digits}{per}"),
                "JPY" => format!("{sign}¥{digits}{per}"),
                code => format!("{sign}{digits} {code}{per}"),
            }
        }
        FactKind::Percent => format!("{sign}{digits} %"),
        FactKind::Points => format!("{sign}{digits} points"),
        FactKind::Ratio if unit.is_none() => format!("{sign}{digits}x"),
        _ => match unit {
            Some(unit) => format!("{sign}{digits} {unit}"),
            None => format!("{sign}{digits}"),
        },
    }
}

/// One decimal, none above 100; two digits at least.
fn percent(size: Decimal) -> String {
    let hundred = Decimal::from_integer(100);
    let places = if size >= hundred { 0 } else { 1 };
    grouped(size, places_of(size, places))
}

/// Cents below 1,000, whole units to 10,000, then thousands, millions and billions with one decimal.
fn short(size: Decimal, kind: FactKind) -> String {
    let is_whole = kind == FactKind::Count && size.scale() == 0;
    for (from, suffix) in [(1_000_000_000_i128, "B"), (1_000_000, "M"), (10_000, "k")] {
        let unit = if suffix == "k" { 1_000 } else { from };
        if size >= Decimal::from_integer(from) {
            let scaled =
                size.quotient(Decimal::from_integer(unit), 12).ok().flatten().unwrap_or(size);
            return format!("{}{suffix}", grouped(scaled, 1));
        }
    }
    if is_whole || size >= Decimal::from_integer(1_000) {
        return grouped(size, 0);
    }
    grouped(size, places_of(size, 2))
}

/// As many decimals as asked for, and more where fewer than three digits would be seen.
fn places_of(size: Decimal, least: u32) -> u32 {
    if size.is_zero() {
        return least;
    }
    let digits = size.mantissa().unsigned_abs().checked_ilog10().unwrap_or(0);
    // Of 0.0123 (mantissa 123, scale 4) the first digit stands at the second decimal.
    let first = size.scale().saturating_sub(digits);
    if first == 0 || size >= Decimal::ONE {
        least
    } else {
        least.max(first.saturating_add(2)).min(size.scale().max(least))
    }
}

/// Rounded half to even at some decimals, in groups of three.
fn grouped(size: Decimal, places: u32) -> String {
    let rounded = size.quotient(Decimal::ONE, places).ok().flatten().unwrap_or(size);
    let text = rounded.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((text.as_str(), ""));
    let count = whole.len();
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let rest = count.saturating_sub(index);
        if index > 0 && rest.checked_rem(3) == Some(0) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if places > 0 {
        grouped.push('.');
        grouped.push_str(fraction);
        let missing = usize::try_from(places).unwrap_or(0).saturating_sub(fraction.len());
        grouped.extend(std::iter::repeat_n('0', missing));
    }
    grouped
}
