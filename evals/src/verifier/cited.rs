//! The mentions of a text: what stands right before each citation, read without the checker.

use std::ops::Range;

use centinel_engine::facts::{Fact, FactKind};

use super::{
    day::{self, Day},
    figure::{self, Figure},
};

/// What a mention is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A figure.
    Figure(Figure),
    /// The name that the fact has.
    Name,
    /// A date.
    Day(Day),
    /// Words (`doubled`, `second-largest`), or nothing that is understood here.
    Other,
}

/// One citation with what it stands behind; ranges are of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cited {
    /// Place of the fact in the list.
    pub(crate) fact: usize,
    /// What is bound, without emphasis around it; empty when not understood.
    pub(crate) span: Range<usize>,
    /// `[F7]`.
    pub(crate) cite: Range<usize>,
    /// What it is.
    pub(crate) reading: Reading,
}

impl Cited {
    /// The figure, if it is one.
    pub(crate) fn figure(&self) -> Option<&Figure> {
        if let Reading::Figure(figure) = &self.reading { Some(figure) } else { None }
    }

    /// The date, if it is one.
    pub(crate) fn day(&self) -> Option<&Day> {
        if let Reading::Day(day) = &self.reading { Some(day) } else { None }
    }

    /// Whether it is a name.
    pub(crate) fn is_name(&self) -> bool {
        self.reading == Reading::Name
    }

    /// From the start of what is bound to the end of its citation.
    pub(crate) fn whole(&self) -> Range<usize> {
        self.span.start..self.cite.end
    }
}

/// Every citation of a known fact, in the order of the text.
pub(crate) fn read(text: &str, facts: &[Fact]) -> Vec<Cited> {
    let mut cited = Vec::new();
    for (open, _) in text.match_indices('[') {
        let Some(length) = text[open..].find(']') else { break };
        let id = &text[open + 1..open + length];
        let Some(fact) = facts.iter().position(|fact| fact.id == id) else { continue };
        let end = text[..open].trim_end_matches([' ', '*', '`', '_', ')', '"', '”', '\n']).len();
        let (span, reading) = bound(text, end, &facts[fact]);
        cited.push(Cited { fact, span, cite: open..open + length + 1, reading });
    }
    cited
}

fn bound(text: &str, end: usize, fact: &Fact) -> (Range<usize>, Reading) {
    match fact.kind {
        FactKind::Entity => {
            // A name may itself end in what is trimmed as emphasis.
            let mut ends = [end, text[..end].len()].into_iter().chain(
                text[end..].char_indices().take(4).map(|(index, c)| end + index + c.len_utf8()),
            );
            ends.find_map(|end| {
                Some((start_of_name(&text[..end], &fact.value)?..end, Reading::Name))
            })
            .unwrap_or((end..end, Reading::Other))
        }
        FactKind::Date => day::ending_at(text, end)
            .map_or((end..end, Reading::Other), |day| (day.span.clone(), Reading::Day(day))),
        _ => figure::ending_at(text, end).map_or((end..end, Reading::Other), |figure| {
            (figure.span.clone(), Reading::Figure(figure))
        }),
    }
}

/// Where a name begins that a text ends with; escapes and case do not count.
pub(crate) fn start_of_name(text: &str, name: &str) -> Option<usize> {
    let mut left = text.char_indices().rev().filter(|(_, c)| *c != '\\');
    let mut start = None;
    for wanted in name.chars().rev().filter(|c| *c != '\\' && !c.is_control()) {
        let (index, found) = left.next()?;
        if !found.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
        start = Some(index);
    }
    let start = start?;
    let before = text[..start].chars().next_back();
    let first = text[start..].chars().next();
    let continues =
        before.is_some_and(char::is_alphanumeric) && first.is_some_and(char::is_alphanumeric);
    let escape = text[..start].ends_with('\\');
    (!continues).then_some(if escape { start - 1 } else { start })
}

/// The sentence, bullet, row or heading around a place.
pub(crate) fn sentence(text: &str, at: usize) -> Range<usize> {
    let mut start = 0;
    for end in ends_of_sentences(text) {
        if end > at {
            return start..end;
        }
        start = end;
    }
    start..text.len()
}

/// After each sentence, the last one included.
pub(crate) fn ends_of_sentences(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    for (index, c) in text.char_indices() {
        let after = index + c.len_utf8();
        let mut rest = text[after..].chars();
        let is_end = match c {
            '\n' => true,
            '.' | '!' | '?' => {
                rest.next().is_none_or(char::is_whitespace)
                    && rest.next().is_none_or(|next| !next.is_lowercase())
            }
            _ => false,
        };
        if is_end {
            // A line break right after a sentence belongs to it.
            if c == '\n' && ends.last() == Some(&index) {
                ends.pop();
            }
            ends.push(after);
        }
    }
    if ends.last() != Some(&text.len()) {
        ends.push(text.len());
    }
    ends
}

#[cfg(test)]
mod tests {
    use centinel_engine::facts::{BundleBuilder, FactKind};

    use super::*;

    #[test]
    fn mentions_are_what_stands_before_citations() {
        let mut facts = BundleBuilder::new("x", None);
        facts.entity("a", "a_[b]*");
        facts.add("b", FactKind::Date, "2026-10-14T00:00:00Z");
        facts.add("c", FactKind::Percent, "43.2");
        facts.add("d", FactKind::Rank, "2");
        let facts = facts.build().facts;
        let text =
            r"**a_\[b\]\*** [F1] on Oct 14 [F2]: (`43.2 %`) [F3], second-largest [F4], [F9] none.";
        let cited = read(text, &facts);
        let spans: Vec<&str> = cited.iter().map(|cited| &text[cited.span.clone()]).collect();
        assert_eq!(spans[1..], ["Oct 14", "43.2 %", ""]);
        assert!(spans[0].starts_with(r"a_\[b\]"), "{spans:?}");
        assert!(cited[0].is_name() && cited[1].day().is_some() && cited[2].figure().is_some());
        assert_eq!(cited[3].reading, Reading::Other);
    }

    #[test]
    fn sentences_end_where_people_end_them() {
        let text = "It cost $4.10 [F1] e.g. here. Then less.\n- One [F2]";
        let ends = ends_of_sentences(text);
        assert_eq!(ends.len(), 3, "{ends:?}");
        assert_eq!(text[sentence(text, 35)].trim(), "Then less.");
    }
}
