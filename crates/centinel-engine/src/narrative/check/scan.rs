//! From glyphs to items: figures, dates, names, citations, words, and what ends a clause or sentence.

use super::{
    dates::{DateSaid, dates_at},
    figure::{self, Figure, Marker},
    glyphs::{Block, Glyph},
    names::Names,
    words,
};
use crate::money::{Currency, Decimal};

/// Longest list of citations in one pair of brackets, in characters.
const CITATION_MAX: usize = 120;
/// How much of a text one date may take, in characters.
const DATE_MAX: usize = 60;

/// A piece of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) kind: Kind,
    /// Where it starts in the source, in characters.
    pub(super) from: usize,
    /// Where it ends, exclusive.
    pub(super) to: usize,
    /// As written.
    pub(super) text: String,
    /// The same in lowercase.
    pub(super) lower: String,
    /// Set off from the text around it, as names are.
    pub(super) is_set_off: bool,
    /// Stands directly after what is before it, without a space.
    pub(super) is_joined: bool,
    /// Begins a line of the source.
    pub(super) is_first: bool,
}

/// What a piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word.
    Word,
    Figure(Figure),
    Date(DateSaid),
    /// A name of the facts, by its index, and whether it can be nothing else than that name.
    Name(usize, bool),
    /// Facts by their index; `None` for an id that no fact has.
    Cite(Vec<Option<usize>>),
    /// Ends a clause: a comma, a dash, a parenthesis, the border of a cell.
    Pause(char),
    /// Ends a sentence.
    Stop,
    /// Any other sign.
    Sign(char),
    /// A link, HTML, a mention of a person: never part of a checked text.
    Stray(&'static str),
}

/// What the facts give to read a text with.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// The ids of the facts, in their order.
    pub(super) ids: Vec<&'a str>,
    pub(super) names: Names,
}

/// The items of a block, in order.
pub(super) fn items(block: &Block, known: &Known<'_>) -> Vec<Item> {
    let mut scanner = Scanner { glyphs: &block.glyphs, at: 0, items: Vec::new(), known };
    while scanner.at < scanner.glyphs.len() {
        scanner.step();
    }
    scanner.items
}

struct Scanner<'a> {
    glyphs: &'a [Glyph],
    at: usize,
    items: Vec<Item>,
    known: &'a Known<'a>,
}

impl Scanner<'_> {
    fn glyph(&self, ahead: usize) -> Option<&Glyph> {
        self.glyphs.get(self.at.saturating_add(ahead))
    }

    fn c(&self, ahead: usize) -> Option<char> {
        self.glyph(ahead).map(|glyph| glyph.c)
    }

    /// The character before the next one.
    fn before(&self) -> Option<char> {
        self.at.checked_sub(1).and_then(|at| self.glyphs.get(at)).map(|glyph| glyph.c)
    }

    /// The text from here on, at most `max` characters of it.
    fn ahead(&self, max: usize) -> String {
        self.glyphs.iter().skip(self.at).take(max).map(|glyph| glyph.c).collect()
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let end = self.at.saturating_add(length);
        let taken = self.glyphs.get(self.at..end).unwrap_or_default();
        let (Some(first), Some(last)) = (taken.first(), taken.last()) else {
            self.at = end.max(self.at.saturating_add(1));
            return;
        };
        let text: String = taken.iter().map(|glyph| glyph.c).collect();
        let item = Item {
            kind,
            from: first.at,
            to: last.at.saturating_add(1),
            lower: text.to_lowercase().replace('’', "'"),
            text,
            is_set_off: first.is_set_off,
            is_first: self.before().is_none_or(|c| c == '\n'),
            is_joined: self.before().is_some_and(|c| !is_space(c)),
        };
        self.items.push(item);
        self.at = end;
    }

    fn last_word(&self) -> &str {
        match self.items.last().map(|item| &item.kind) {
            Some(Kind::Word) => self.items.last().map_or("", |item| &item.lower),
            _ => "",
        }
    }

    fn step(&mut self) {
        let Some(glyph) = self.glyph(0).copied() else { return };
        let c = glyph.c;
        if is_space(c) {
            self.at = self.at.saturating_add(1);
            return;
        }
        if c == '[' && !glyph.is_literal && self.citation() {
            return;
        }
        let at_word_start = !self.before().is_some_and(char::is_alphanumeric);
        if at_word_start
            && let Some((name, length, is_exact)) = self.known.names.at(self.glyphs, self.at)
        {
            let is_sure = glyph.is_literal || is_exact && !self.known.names.is_plain(name);
            // A service may be called `May`; `May 2026` is a date all the same.
            let date = dates_at(&self.ahead(DATE_MAX), self.last_word())
                .last()
                .map_or(0, |(_, _, end)| *end);
            if date <= length && (is_sure || self.is_cited_behind(length)) {
                self.push(Kind::Name(name, is_sure), length);
                return;
            }
        }
        if let Some((reason, length)) = self.stray(glyph) {
            self.push(Kind::Stray(reason), length);
            return;
        }
        if at_word_start && (c.is_ascii_alphanumeric()) && self.date() {
            return;
        }
        if self.figure() {
            return;
        }
        if c.is_alphabetic() {
            let length = self.word_length();
            self.push(Kind::Word, length);
            return;
        }
        self.sign(c);
    }

    /// Whether a citation stands behind what takes `length` glyphs, with at most the noun of a kind between.
    fn is_cited_behind(&self, length: usize) -> bool {
        let rest: String = self.ahead(length.saturating_add(40)).chars().skip(length).collect();
        let Some((between, _)) = rest.split_once('[') else { return false };
        let mut words =
            between.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.all(|word| {
            word == "s" || words::is_kind_noun(word.to_lowercase().trim_end_matches('s'))
        })
    }

    /// `:warning:`, as chats write pictures, by its length.
    fn shortcode(&self) -> Option<usize> {
        let is_part =
            |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '+' | '-');
        let name: String = self.ahead(40).chars().skip(1).take_while(is_part).collect();
        let length = name.len().saturating_add(1);
        let has_letter = name.starts_with(|c: char| c.is_ascii_lowercase());
        (has_letter && self.c(length) == Some(':')).then(|| length.saturating_add(1))
    }

    fn sign(&mut self, c: char) {
        if c == ':'
            && let Some(length) = self.shortcode()
        {
            self.push(Kind::Sign(c), length);
            return;
        }
        let next_is_space = self.c(1).is_none_or(is_space);
        let kind = match c {
            '.' if self.is_abbreviation() => Kind::Sign(c),
            '.' | '!' | '?' | '…' => Kind::Stop,
            ',' | ';' | ':' | '(' | ')' | '|' | '—' | '·' | '•' => Kind::Pause(c),
            '–' | '-' if next_is_space && self.before().is_none_or(is_space) => Kind::Pause(c),
            _ if words::direction(c.encode_utf8(&mut [0; 4])).is_some() => Kind::Word,
            _ => Kind::Sign(c),
        };
        self.push(kind, 1);
    }

    /// The dot behind `e.g`, `vs` or a single capital letter ends no sentence.
    fn is_abbreviation(&self) -> bool {
        let Some(last) = self.items.last().filter(|item| item.kind == Kind::Word) else {
            return false;
        };
        let is_attached = self.at.checked_sub(1).and_then(|at| self.glyphs.get(at));
        let is_attached = is_attached.is_some_and(|glyph| glyph.at.saturating_add(1) >= last.to);
        let known = [
            "e.g", "i.e", "vs", "approx", "etc", "incl", "excl", "no", "ca", "cf", "resp", "est",
            "avg",
        ];
        is_attached && known.contains(&last.lower.as_str()) && self.c(1) == Some(' ')
    }

    /// `[F1]`, `[F1, F2]`.
    fn citation(&mut self) -> bool {
        let inside: String =
            self.ahead(CITATION_MAX).chars().skip(1).take_while(|c| *c != ']').collect();
        let length = inside.chars().count().saturating_add(2);
        let is_closed = self.c(length.saturating_sub(1)) == Some(']');
        let is_link = matches!(self.c(length), Some('(' | '['))
            && self.glyph(length).is_some_and(|glyph| glyph.c == '(' && !glyph.is_literal);
        let ids: Vec<&str> = inside.split([',', ';', ' ']).filter(|id| !id.is_empty()).collect();
        if !is_closed || is_link || ids.is_empty() {
            return false;
        }
        let facts: Vec<Option<usize>> =
            ids.iter().map(|id| self.known.ids.iter().position(|known| known == id)).collect();
        let looks_like_id = |id: &&str| {
            let letters = id.chars().take_while(char::is_ascii_alphabetic).count();
            let digits = id.chars().skip(letters).collect::<String>();
            (1..=3).contains(&letters)
                && !digits.is_empty()
                && digits.chars().all(|c| c.is_ascii_digit())
        };
        if !facts.iter().zip(&ids).all(|(fact, id)| fact.is_some() || looks_like_id(id)) {
            return false;
        }
        self.push(Kind::Cite(facts), length);
        true
    }

    /// Links, HTML and mentions, with how many characters they take.
    fn stray(&self, glyph: Glyph) -> Option<(&'static str, usize)> {
        let until_space = |max: usize| {
            self.ahead(max).chars().take_while(|c| !is_space(*c) && *c != ')').count().max(1)
        };
        let next = self.c(1);
        match glyph.c {
            _ if glyph.is_literal => self.address().map(|length| ("a link", length)),
            '<' if next.is_some_and(|c| {
                c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?' | '@' | '#')
            }) =>
            {
                Some(("HTML or a link", until_space(200)))
            }
            ']' if next == Some('(') && self.glyph(1).is_some_and(|glyph| !glyph.is_literal) => {
                Some(("a link", until_space(400)))
            }
            '&' if next == Some('#') => Some(("HTML", until_space(12))),
            '&' if self.entity().is_some() => Some(("HTML", self.entity().unwrap_or(1))),
            '@' if next.is_some_and(|c| c.is_alphanumeric() || c == '_') => {
                Some(("a mention of somebody", until_space(60)))
            }
            _ => self.address().map(|length| ("a link", length)),
        }
    }

    /// `&frac12;`
    fn entity(&self) -> Option<usize> {
        let name: String =
            self.ahead(12).chars().skip(1).take_while(char::is_ascii_alphanumeric).collect();
        let length = name.len().saturating_add(1);
        (name.len() > 1 && self.c(length) == Some(';')).then(|| length.saturating_add(1))
    }

    /// An address that begins here, by its length.
    fn address(&self) -> Option<usize> {
        if self.before().is_some_and(char::is_alphanumeric) {
            return None;
        }
        let text = self.ahead(400);
        let lower = text.to_ascii_lowercase();
        let scheme = lower
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-'))
            .count();
        let rest = lower.get(scheme..).unwrap_or_default();
        let is_address = scheme > 0 && rest.starts_with("://")
            || ["www.", "mailto:", "javascript:", "data:", "tel:"].iter().any(|start| {
                lower
                    .strip_prefix(start)
                    .is_some_and(|rest| rest.starts_with(|c: char| !is_space(c)))
            });
        is_address.then(|| text.chars().take_while(|c| !is_space(*c)).count())
    }

    fn date(&mut self) -> bool {
        let text = self.ahead(DATE_MAX);
        let found = dates_at(&text, self.last_word());
        let Some((_, _, end)) = found.last() else { return false };
        // A day is no part of a longer number or word: `2026-10-14-b`.
        let after: Vec<char> = text.get(*end..).unwrap_or_default().chars().take(2).collect();
        let goes_on = match after.as_slice() {
            [first, ..] if first.is_alphanumeric() || *first == '_' => true,
            ['-' | '.' | ',' | '/' | ':', second] => second.is_ascii_digit(),
            _ => false,
        };
        if goes_on {
            return false;
        }
        let start = self.at;
        for (said, from, to) in found {
            let chars = |bytes: usize| text.get(..bytes).map_or(0, |text| text.chars().count());
            self.at = start.saturating_add(chars(from));
            self.push(Kind::Date(said), chars(to).saturating_sub(chars(from)));
        }
        true
    }

    /// A number with its sign, currency and marker.
    fn figure(&mut self) -> bool {
        let start = self.at;
        let mut ahead = 0_usize;
        let mut is_negative = None;
        let before = self.before();
        let opens = before.is_none_or(|c| {
            is_space(c) || matches!(c, '(' | '|' | '~' | '≈' | '[' | '"' | '“' | ':' | '/')
        });
        if let Some(sign @ ('+' | '-' | '−' | '–' | '±')) = self.c(0) {
            if !opens {
                return false;
            }
            is_negative = Some(sign != '+' && sign != '±');
            ahead = 1;
        }
        let (mut currency, length) = self.currency_at(ahead);
        ahead = ahead.saturating_add(length);
        if length > 0 && is_negative.is_none() && matches!(self.c(ahead), Some('-' | '−')) {
            is_negative = Some(true);
            ahead = ahead.saturating_add(1);
        }
        let is_place = self.c(ahead) == Some('#');
        if is_place {
            ahead = ahead.saturating_add(1);
        }
        let number_at = ahead;
        while let Some(c) = self.c(ahead) {
            let next_is_digit = self.c(ahead.saturating_add(1)).is_some_and(|c| c.is_ascii_digit());
            if !(c.is_ascii_digit() || matches!(c, '.' | ',') && next_is_digit && ahead > number_at)
            {
                break;
            }
            ahead = ahead.saturating_add(1);
        }
        if ahead == number_at {
            return false;
        }
        let body: String = self.ahead(ahead).chars().skip(number_at).collect();
        let mut figure = figure::read(&body).unwrap_or_else(|fault| Figure {
            size: Decimal::ZERO,
            step: Decimal::ZERO,
            zeros: 0,
            digits: 0,
            is_negative: None,
            currency: None,
            marker: Marker::None,
            fault: Some(fault),
        });
        figure.is_negative = is_negative;
        if is_place {
            figure.marker = Marker::Place;
        }
        ahead = self.suffix(&mut figure, ahead, currency.is_some());
        if currency.is_none() {
            // Accounting: `(12,500.00) USD`.
            let is_accounting = before == Some('(') && self.c(ahead) == Some(')');
            let (named, length, by) = if is_accounting {
                let (named, length, by) = self.currency_behind(ahead.saturating_add(1));
                (named, length.saturating_add(usize::from(named.is_some())), by)
            } else {
                self.currency_behind(ahead)
            };
            if is_accounting && named.is_some() {
                figure.is_negative = Some(true);
            }
            if let Some(by) = by {
                figure = figure.scaled(by);
            }
            currency = named;
            ahead = ahead.saturating_add(length);
        }
        figure.currency = currency;
        self.at = start;
        self.push(Kind::Figure(figure), ahead);
        true
    }

    /// A currency sign or code before a number, and how many characters it takes with the space behind.
    fn currency_at(&self, ahead: usize) -> (Option<Currency>, usize) {
        let text: String = self.ahead(ahead.saturating_add(6)).chars().skip(ahead).collect();
        let signs = [
            ("US$", "USD"),
            ("A$", "AUD"),
            ("C$", "CAD"),
            ("CA$", "CAD"),
            ("AU$", "AUD"),
            ("NZ$", "NZD"),
            ("HK$", "HKD"),
            ("S$", "SGD"),
            ("R$", "BRL"),
            ("$", "USD"),
            ("€", "EUR"),
            ("£", "GBP"),
            ("¥", "JPY"),
            ("₹", "INR"),
            ("₩", "KRW"),
            ("₽", "RUB"),
            ("₺", "TRY"),
            ("₫", "VND"),
            ("₪", "ILS"),
        ];
        for (sign, code) in signs {
            if let Some(rest) = text.strip_prefix(sign) {
                let space = usize::from(rest.starts_with(is_space));
                let digit = rest.chars().nth(space);
                let starts = digit.is_some_and(|c| c.is_ascii_digit() || matches!(c, '-' | '−'));
                return if starts {
                    (code.parse().ok(), sign.chars().count().saturating_add(space))
                } else {
                    (None, 0)
                };
            }
        }
        let code: String = text.chars().take(3).collect();
        let rest: Vec<char> = text.chars().skip(3).take(2).collect();
        let space = usize::from(rest.first().is_some_and(|c| is_space(*c)));
        let starts = rest.get(space).is_some_and(char::is_ascii_digit);
        if is_currency_code(&code) && starts && !self.before().is_some_and(char::is_alphanumeric) {
            return (code.parse().ok(), 3_usize.saturating_add(space));
        }
        (None, 0)
    }

    /// A currency behind a number, with what its unit is worth where that is not 1: `4 USD`, `3 cents`.
    fn currency_behind(&self, ahead: usize) -> (Option<Currency>, usize, Option<Decimal>) {
        let text: String = self.ahead(ahead.saturating_add(16)).chars().skip(ahead).collect();
        let space = usize::from(text.starts_with(is_space));
        let rest = text
            .get(text.char_indices().nth(space).map_or(text.len(), |(at, _)| at)..)
            .unwrap_or_default();
        if let Some(sign) = rest.chars().next().filter(|c| matches!(c, '€' | '£' | '$' | '¥'))
            && !rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit())
        {
            let code = match sign {
                '€' => "EUR",
                '£' => "GBP",
                '¥' => "JPY",
                _ => "USD",
            };
            return (code.parse().ok(), space.saturating_add(1), None);
        }
        let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
        let length = space.saturating_add(word.len());
        let (code, is_hundredth) = match word.as_str() {
            code if is_currency_code(code) => (code, false),
            "dollar" | "dollars" => ("USD", false),
            "euro" | "euros" => ("EUR", false),
            "yen" => ("JPY", false),
            "cent" | "cents" => ("USD", true),
            "p" if space == 0 => ("GBP", true),
            "pence" => ("GBP", true),
            _ => return (None, 0, None),
        };
        let by = is_hundredth.then(|| Decimal::new(1, 2).ok()).flatten();
        (code.parse().ok(), length, by)
    }

    /// Scale and marker behind a number; the characters that are taken then.
    fn suffix(&self, figure: &mut Figure, ahead: usize, has_currency: bool) -> usize {
        let text: String = self.ahead(ahead.saturating_add(24)).chars().skip(ahead).collect();
        let attached: String = text.chars().take_while(|c| c.is_alphanumeric()).collect();
        let mut taken = ahead;
        let scale = |name: &str, is_attached: bool| -> Option<i128> {
            Some(match name {
                "k" | "K" => 1_000,
                "M" | "mn" | "mio" | "MM" => 1_000_000,
                "m" if is_attached && has_currency => 1_000_000,
                "B" | "bn" | "G" => 1_000_000_000,
                "T" | "tn" | "trn" => 1_000_000_000_000,
                "thousand" => 1_000,
                "million" => 1_000_000,
                "billion" => 1_000_000_000,
                "trillion" => 1_000_000_000_000,
                _ => return None,
            })
        };
        let spaced: String = text.chars().skip(1).take_while(char::is_ascii_alphabetic).collect();
        let gap = text.chars().next().filter(|c| is_space(*c) || *c == '-');
        let found = match scale(&attached, true) {
            Some(by) => Some((by, attached.chars().count())),
            None if attached.is_empty() && gap.is_some() => {
                scale(&spaced, false).map(|by| (by, spaced.chars().count().saturating_add(1)))
            }
            None => None,
        };
        if let Some((by, length)) = found {
            *figure = figure.clone().scaled(Decimal::from_integer(by));
            taken = taken.saturating_add(length);
        } else if !attached.is_empty() {
            match attached.as_str() {
                "st" | "nd" | "rd" | "th" => figure.marker = Marker::Place,
                "x" | "X" => figure.marker = Marker::Times,
                "pp" | "pts" => figure.marker = Marker::Points,
                "bps" | "bp" => {
                    figure.marker = Marker::Points;
                    *figure = figure.clone().scaled(Decimal::new(1, 2).unwrap_or(Decimal::ONE));
                }
                "p" => return taken,
                unit if words::unit(unit).is_some() || is_currency_code(unit) => return taken,
                _ => figure.fault = Some("is letters and digits in one"),
            }
            return taken.saturating_add(attached.chars().count());
        }
        self.marker(figure, taken)
    }

    /// `%`, `percentage points`, `times`: what follows with at most one space or hyphen.
    fn marker(&self, figure: &mut Figure, taken: usize) -> usize {
        let text: String = self.ahead(taken.saturating_add(24)).chars().skip(taken).collect();
        let gap = usize::from(text.starts_with(|c: char| is_space(c) || c == '-'));
        let rest: String = text.chars().skip(gap).collect::<String>().to_lowercase();
        let forms: [(&str, Marker); 19] = [
            ("percentage points", Marker::Points),
            ("percentage point", Marker::Points),
            ("percentage-point", Marker::Points),
            ("percent points", Marker::Points),
            ("%-points", Marker::Points),
            ("% points", Marker::Points),
            ("basis points", Marker::Points),
            ("points", Marker::Points),
            ("point", Marker::Points),
            ("pp", Marker::Points),
            ("pts", Marker::Points),
            ("bps", Marker::Points),
            ("percent", Marker::Percent),
            ("per cent", Marker::Percent),
            ("pct", Marker::Percent),
            ("%", Marker::Percent),
            ("times", Marker::Times),
            ("fold", Marker::Times),
            ("×", Marker::Times),
        ];
        for (form, marker) in forms {
            let ends = rest.strip_prefix(form).is_some_and(|rest| {
                !rest.starts_with(char::is_alphanumeric) || form.ends_with('%')
            });
            if ends {
                figure.marker = marker;
                if matches!(form, "basis points" | "bps") {
                    *figure = figure.clone().scaled(Decimal::new(1, 2).unwrap_or(Decimal::ONE));
                }
                return taken.saturating_add(gap).saturating_add(form.chars().count());
            }
        }
        taken
    }

    /// Letters, digits and what joins them inside a word.
    fn word_length(&self) -> usize {
        let mut length = 1_usize;
        while let Some(c) = self.c(length) {
            let next = self.c(length.saturating_add(1));
            let joins = matches!(c, '\'' | '’' | '-' | '_' | '.' | '&')
                && next.is_some_and(char::is_alphanumeric);
            if !(c.is_alphanumeric() || c == '_' || joins) {
                break;
            }
            length = length.saturating_add(1);
        }
        length
    }
}

/// Codes of currencies that amounts are in; other capitals before a number are no currency.
fn is_currency_code(code: &str) -> bool {
    [
        "USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "CNY", "INR", "BRL", "SEK", "NOK",
        "DKK", "PLN", "CZK", "HUF", "SGD", "HKD", "KRW", "ZAR", "MXN", "TRY", "ILS", "AED", "THB",
        "RUB", "TWD", "IDR", "RON",
    ]
    .contains(&code)
}

/// Spaces of any width.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace()
}
