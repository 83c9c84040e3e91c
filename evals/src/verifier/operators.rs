//! Operators: ways in which a true text becomes false. Each makes one change by a seeded choice and says
//! whether the result may still be true; those are dropped and counted.

mod added;
mod bindings;
mod days;
mod figures;
mod glyphs;
mod words;

use std::ops::Range;

use centinel_engine::facts::Fact;

use super::cited::{self, Cited};
use crate::random::Random;

/// What an operator made of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Made {
    /// A text that is not true, or not carried by what it cites.
    Mutant(String),
    /// The change left it true, or it cannot be said that it did not.
    Equivalent,
    /// There is nothing in the text that it could change.
    Nothing,
}

/// Share of mutants that has to be caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bar {
    /// All.
    All,
    /// 99 %.
    Most,
    /// 95 %.
    Many,
    /// Counted only: whether it is false depends on what no fact says.
    None,
}

impl Bar {
    /// As a share.
    pub(crate) fn share(self) -> f64 {
        match self {
            Self::All => 1.0,
            Self::Most => 0.99,
            Self::Many => 0.95,
            Self::None => 0.0,
        }
    }
}

/// A text with what is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) text: &'a str,
    pub(crate) facts: &'a [Fact],
    pub(crate) cited: &'a [Cited],
}

type Make = fn(&Case<'_>, &mut Random) -> Made;

/// One way of making a text false.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operator {
    /// In the report.
    pub(crate) name: &'static str,
    /// What has to be caught.
    pub(crate) bar: Bar,
    pub(crate) make: Make,
}

const fn operator(name: &'static str, bar: Bar, make: Make) -> Operator {
    Operator { name, bar, make }
}

/// Every operator, in the order of the report.
pub(crate) const ALL: [Operator; 37] = [
    operator("digit", Bar::All, figures::digit),
    operator("last digit by one", Bar::All, figures::last_digit),
    operator("3 to 8 % off", Bar::All, figures::off),
    operator("scale: point, k, M", Bar::All, figures::scale),
    operator("unit", Bar::All, figures::unit),
    operator("currency", Bar::All, figures::currency),
    operator("percent and points", Bar::All, figures::percent_and_points),
    operator("figures swapped, citations not", Bar::All, bindings::figures_swapped),
    operator("figures swapped with citations", Bar::All, bindings::figures_swapped_with_citations),
    operator("locale", Bar::All, figures::locale),
    operator("name swapped, citation not", Bar::All, bindings::name_swapped),
    operator("name swapped with citation", Bar::All, bindings::name_swapped_with_citation),
    operator("invented name", Bar::All, added::name),
    operator("date shifted", Bar::All, days::shifted),
    operator("window shifted", Bar::All, days::window_shifted),
    operator("invented date", Bar::All, added::date),
    operator("link", Bar::All, added::link),
    operator("image", Bar::All, added::image),
    operator("bare address", Bar::All, added::address),
    operator("HTML", Bar::All, added::html),
    operator("look-alike in a figure", Bar::All, glyphs::in_figure),
    operator("look-alike in a name", Bar::All, glyphs::in_name),
    operator("invisible character", Bar::All, glyphs::invisible),
    operator("figure in look-alike digits, uncited", Bar::All, glyphs::uncited_figure),
    operator("citation left out", Bar::All, bindings::uncited),
    operator("invented figure", Bar::All, added::figure),
    operator("direction of a verb", Bar::Most, words::direction),
    operator("sign", Bar::Most, figures::sign),
    operator("negation", Bar::Most, words::negation),
    operator("right figure, wrong fact", Bar::Most, bindings::wrong_fact),
    operator("right fact, wrong sentence", Bar::Most, bindings::wrong_sentence),
    operator("right fact, wrong window", Bar::Most, days::wrong_window),
    operator("invented cause", Bar::Many, added::cause),
    operator("rank and superlative", Bar::Many, words::rank),
    operator("ratio word", Bar::Many, words::ratio),
    operator("invented number word", Bar::Many, added::number_word),
    operator("relative span", Bar::None, added::relative_span),
];

/// What is measured of a text with its bundle: whether it says all that has to be said.
pub(crate) const OMISSIONS: [(&str, Bar); 2] =
    [("required fact left out", Bar::All), ("caveat left out", Bar::All)];

/// Names and bars of all, in the order of the report.
pub(crate) fn rows() -> impl Iterator<Item = (&'static str, Bar)> {
    ALL.into_iter().map(|operator| (operator.name, operator.bar)).chain(OMISSIONS)
}

impl<'a> Case<'a> {
    /// Citations of figures.
    pub(crate) fn figures(&self) -> impl Iterator<Item = (usize, &'a Cited)> {
        self.cited.iter().enumerate().filter(|(_, cited)| cited.figure().is_some())
    }

    /// Citations of names.
    pub(crate) fn names(&self) -> impl Iterator<Item = (usize, &'a Cited)> {
        self.cited.iter().enumerate().filter(|(_, cited)| cited.is_name())
    }

    /// Citations of dates.
    pub(crate) fn days(&self) -> impl Iterator<Item = (usize, &'a Cited)> {
        self.cited.iter().enumerate().filter(|(_, cited)| cited.day().is_some())
    }

    /// The fact behind a citation.
    pub(crate) fn fact(&self, cited: &Cited) -> &'a Fact {
        &self.facts[cited.fact]
    }

    /// The sentence around a citation.
    pub(crate) fn sentence(&self, cited: &Cited) -> Range<usize> {
        cited::sentence(self.text, cited.span.start)
    }

    /// Pairs of citations for which a relation holds.
    pub(crate) fn pairs(
        &self,
        of: impl Fn(&Cited) -> bool,
        relation: impl Fn(&Cited, &Cited) -> bool,
    ) -> Vec<(&'a Cited, &'a Cited)> {
        let mut pairs = Vec::new();
        for (index, first) in self.cited.iter().enumerate() {
            for second in &self.cited[index + 1..] {
                if of(first) && of(second) && relation(first, second) {
                    pairs.push((first, second));
                }
            }
        }
        pairs
    }

    /// The text with one part replaced.
    pub(crate) fn replaced(&self, range: Range<usize>, with: &str) -> String {
        format!("{}{with}{}", &self.text[..range.start], &self.text[range.end..])
    }

    /// The text with two parts replaced, the first before the second.
    pub(crate) fn both_replaced(
        &self,
        first: (Range<usize>, &str),
        second: (Range<usize>, &str),
    ) -> String {
        let (first, second) =
            if first.0.start <= second.0.start { (first, second) } else { (second, first) };
        format!(
            "{}{}{}{}{}",
            &self.text[..first.0.start],
            first.1,
            &self.text[first.0.end..second.0.start],
            second.1,
            &self.text[second.0.end..]
        )
    }

    /// The text with something put before the end of a sentence that holds a citation, or after one.
    pub(crate) fn inserted(&self, random: &mut Random, what: &str) -> Option<String> {
        let cited = pick(random, self.cited)?;
        let end = if random.unit() < 0.5 {
            cited.cite.end
        } else {
            let sentence = self.sentence(cited);
            let body = self.text[sentence.clone()].trim_end();
            sentence.start + body.trim_end_matches(['.', '!', '?', '|', ' ']).len()
        };
        let end = end.max(cited.cite.end);
        Some(format!("{}{what}{}", &self.text[..end], &self.text[end..]))
    }
}

/// One of several; `None` of none.
pub(crate) fn pick<'t, T>(random: &mut Random, of: &'t [T]) -> Option<&'t T> {
    (!of.is_empty()).then(|| random.one_of(of))
}

/// A mutant, or nothing.
pub(crate) fn made(text: Option<String>) -> Made {
    text.map_or(Made::Nothing, Made::Mutant)
}
