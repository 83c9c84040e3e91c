//! Figures in prose: what stands right before a place in a text.

use std::{ops::Range, sync::LazyLock};

use centinel_engine::facts::{Direction, Fact, FactKind};
use num_traits::{Signed as _, Zero as _};
use regex_lite::Regex;

use super::exact::{Exact, Shown, exact};

/// What marks a figure as something else than an amount or a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing does.
    None,
    /// `%`, `percent`.
    Percent,
    /// `points`, `pp`.
    Points,
    /// `x`, `times`, `-fold`.
    Times,
}

/// One figure in a text; ranges are of bytes in the whole text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figure {
    /// All of it: sign, currency, digits, scale, mark, unit.
    pub(crate) span: Range<usize>,
    /// `+`, `-` or `−`.
    pub(crate) sign: Option<Range<usize>>,
    /// Where its currency stands, and which it is.
    pub(crate) currency: Option<(Range<usize>, &'static str)>,
    /// Where its digits stand.
    pub(crate) digits: Range<usize>,
    /// The digits as a number.
    pub(crate) shown: Shown,
    /// `k`, `million`, with its power of ten.
    pub(crate) scale: Option<(Range<usize>, u32)>,
    /// `%`, `points`.
    pub(crate) mark: Option<Range<usize>>,
    /// What the mark means.
    pub(crate) marked: Mark,
    /// Words after it that may be a unit.
    pub(crate) unit: Range<usize>,
}

static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?P<sign>[+\-−–])?\s?
        (?:(?P<before>US\$|\$|€|£|¥|[A-Z]{3}\s)(?P<inner>[+\-−])?)?
        (?P<digits>[0-9][0-9,]*(?:\.[0-9]+)?)
        (?P<scale>\s?(?:k|K|M|m|bn|B|b)\b|\s(?:thousand|million|billion|trillion)\b)?
        (?P<mark>\s?%|[\s-]?(?:per\scent|percentage[\s-]points?|percent|points?|pp|times|fold|x)\b|\s?×)?
        (?P<after>\s?[€£¥]|\s(?:[A-Z]{3}|(?:US\s)?dollars?|euros?|pounds?|yen)\b)?
        (?P<unit>(?:[\s-][A-Za-z/]+){0,4})$",
    )
    .expect("the pattern is one")
});

/// ISO code of a sign, code or word.
pub(crate) fn currency_of(text: &str) -> Option<&'static str> {
    const CURRENCIES: [(&str, &[&str]); 10] = [
        ("USD", &["$", "US$", "USD", "dollar", "dollars", "US dollars"]),
        ("EUR", &["€", "EUR", "euro", "euros"]),
        ("GBP", &["£", "GBP", "pound", "pounds"]),
        ("JPY", &["¥", "JPY", "yen"]),
        ("CHF", &["CHF"]),
        ("SEK", &["SEK"]),
        ("INR", &["INR"]),
        ("AUD", &["AUD"]),
        ("CAD", &["CAD"]),
        ("BRL", &["BRL"]),
    ];
    CURRENCIES.iter().find(|(_, names)| names.contains(&text.trim())).map(|(code, _)| *code)
}

fn power_of(scale: &str) -> u32 {
    match scale.trim() {
        "k" | "K" | "thousand" => 3,
        "M" | "m" | "million" => 6,
        "bn" | "B" | "b" | "billion" => 9,
        "trillion" => 12,
        _ => 0,
    }
}

/// The figure that ends at a place, if one does.
pub(crate) fn ending_at(text: &str, end: usize) -> Option<Figure> {
    let mut from = end.saturating_sub(96);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let found = BEFORE.captures(&text[from..end])?;
    let range = |name: &str| found.name(name).map(|part| from + part.start()..from + part.end());
    let digits = range("digits")?;
    let whole = found.get(0)?;
    let mut start = from + whole.start();
    let mut sign = range("sign");
    let before = text[..start].chars().next_back();
    if sign.clone().is_some_and(|sign| &text[sign] == "-")
        && before.is_some_and(char::is_alphabetic)
    {
        return None;
    }
    let line = text[..start].rsplit('\n').next().unwrap_or_default();
    let is_bullet = line.trim().is_empty()
        && sign.clone().is_some_and(|sign| text[sign.end..].starts_with(' '));
    if sign.is_some() && (is_bullet || before.is_some_and(|c| c.is_alphanumeric() || c == '%')) {
        // A bullet, a range (`5–7`) or a name (`gpt-5`), not a sign.
        sign = None;
        start = range("before").map_or(digits.start, |before| before.start);
    } else if sign.is_none() {
        sign = range("inner");
        start = range("before").map_or(digits.start, |before| before.start);
    }
    let just_before = text[..digits.start].chars().next_back();
    if just_before.is_some_and(|c| c.is_alphanumeric() || c == '.' || c == ',')
        && range("before").is_none()
    {
        return None;
    }
    let currency = range("before")
        .or_else(|| range("after"))
        .and_then(|part| Some((part.clone(), currency_of(&text[part])?)));
    // Three capitals that are no currency belong to whatever stands before.
    if range("before").is_some() && currency.is_none() {
        start = digits.start;
    }
    let mark = range("mark");
    let marked =
        match mark.clone().map(|part| text[part].trim_matches([' ', '-']).to_owned()).as_deref() {
            None => Mark::None,
            Some("%" | "percent" | "per cent") => Mark::Percent,
            Some("x" | "×" | "times" | "fold") => Mark::Times,
            Some(_) => Mark::Points,
        };
    let scale = range("scale").map(|part| (part.clone(), power_of(&text[part])));
    let power = scale.as_ref().map_or(0, |(_, power)| *power);
    let shown = Shown::read(&text[digits.clone()], power)?;
    let unit = range("unit")?;
    Some(Figure { span: start..end, sign, currency, digits, shown, scale, mark, marked, unit })
}

impl Figure {
    /// Whether a sign makes it negative (`Some(true)`) or positive.
    pub(crate) fn is_negative(&self, text: &str) -> Option<bool> {
        self.sign.clone().map(|sign| &text[sign] != "+")
    }

    /// Whether it may be what a fact says, under the most lenient reading: a correct rounding in the
    /// fact's currency and kind, with no other sign than the fact's.
    pub(crate) fn may_be(&self, text: &str, fact: &Fact) -> bool {
        let Some(value) = exact(&fact.value) else { return false };
        self.fits_kind(fact)
            && self.shown.may_round(&value)
            && self.is_negative(text).is_none_or(|negative| {
                let is_down = negative && fact.direction == Some(Direction::Down);
                negative == value.is_negative() || value.is_zero() || is_down
            })
    }

    fn fits_kind(&self, fact: &Fact) -> bool {
        let currency = self.currency.as_ref().map(|(_, code)| *code);
        let own = fact.currency.map(|currency| currency.to_string());
        match fact.kind {
            FactKind::Money => {
                self.marked == Mark::None && (currency.is_none() || currency == own.as_deref())
            }
            FactKind::Percent => {
                currency.is_none() && matches!(self.marked, Mark::Percent | Mark::None)
            }
            FactKind::Points => {
                currency.is_none() && matches!(self.marked, Mark::Points | Mark::None)
            }
            FactKind::Ratio => matches!(self.marked, Mark::Times | Mark::None),
            FactKind::Count | FactKind::Duration | FactKind::Rank => {
                currency.is_none() && self.marked == Mark::None
            }
            FactKind::Date | FactKind::Entity => false,
        }
    }
}

/// Size of a numeric fact; `None` of names and dates.
pub(crate) fn size(fact: &Fact) -> Option<Exact> {
    match fact.kind {
        FactKind::Date | FactKind::Entity => None,
        _ => exact(&fact.value).map(|value| value.abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_with_what_belongs_to_them() {
        for (text, span, currency, marked, negative) in [
            ("rose by +$4,147.68", "+$4,147.68", Some("USD"), Mark::None, Some(false)),
            ("was −12.5 EUR", "−12.5 EUR", Some("EUR"), Mark::None, Some(true)),
            ("$-3.20", "$-3.20", Some("USD"), Mark::None, Some(true)),
            ("about $4.1k", "$4.1k", Some("USD"), Mark::None, None),
            ("GBP 1.2 million", "GBP 1.2 million", Some("GBP"), Mark::None, None),
            ("up 43.2 %", "43.2 %", None, Mark::Percent, None),
            ("up 3 percentage points", "3 percentage points", None, Mark::Points, None),
            ("some 2.1x", "2.1x", None, Mark::Times, None),
            ("over 1,200 calls", "1,200 calls", None, Mark::None, None),
            ("5–7 days", "7 days", None, Mark::None, None),
            ("- $5", "$5", Some("USD"), Mark::None, None),
            ("was - $5", "- $5", Some("USD"), Mark::None, Some(true)),
        ] {
            let figure = ending_at(text, text.len()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(&text[figure.span.clone()], span);
            assert_eq!(figure.currency.as_ref().map(|(_, code)| *code), currency, "{text}");
            assert_eq!((figure.marked, figure.is_negative(text)), (marked, negative), "{text}");
        }
        for text in ["gpt-5.1", "1.234,56", "no figure", "m5.2xlarge", ""] {
            let found = ending_at(text, text.len());
            assert!(found.is_none(), "{text}: {found:?}");
        }
    }
}
