//! Sentences, and which mention of one is bound to which fact.

use std::ops::Range;

use super::{
    scan::{Item, Kind},
    words,
};
use crate::facts::{Fact, FactKind};

/// Words between a figure and the citation that it is bound to, at most.
const REACH: usize = 8;
/// The same for a number in words, which more words are.
const REACH_OF_WORDS: usize = 4;

/// A sentence whose citations are bound.
#[derive(Debug)]
pub(super) struct Sentence<'a> {
    pub(super) items: &'a [Item],
    /// By item: the fact that it is bound to.
    pub(super) bound: Vec<Option<usize>>,
    /// By item: its clause, counted from 0.
    pub(super) clause: Vec<usize>,
    /// Every fact cited, with the item of its citation.
    pub(super) cited: Vec<(usize, usize)>,
    /// Citations of names that do not stand behind that name.
    pub(super) misplaced: Vec<(usize, usize)>,
    /// Citations of ids that no fact has, by item.
    pub(super) unknown: Vec<usize>,
    /// The sentence before it in the paragraph was of something that fell.
    pub(super) is_of_a_fall: bool,
}

/// The ranges of items that are sentences. Citations behind a full stop belong to what they follow.
pub(super) fn split(items: &[Item]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0_usize;
    let mut index = 0_usize;
    while let Some(item) = items.get(index) {
        index = index.saturating_add(1);
        if item.kind != Kind::Stop {
            continue;
        }
        while items.get(index).is_some_and(|item| matches!(item.kind, Kind::Cite(_) | Kind::Stop)) {
            index = index.saturating_add(1);
        }
        // A dot inside a word that is no abbreviation ends nothing: the next word begins in lowercase.
        let goes_on = items.get(index).is_some_and(|next| next.is_joined && item.text == ".");
        if !goes_on {
            ranges.push(start..index);
            start = index;
        }
    }
    if start < items.len() {
        ranges.push(start..items.len());
    }
    ranges
}

impl<'a> Sentence<'a> {
    pub(super) fn new(items: &'a [Item], facts: &[Fact], names: &super::names::Names) -> Self {
        let mut sentence = Self {
            items,
            bound: vec![None; items.len()],
            clause: clauses(items),
            cited: Vec::new(),
            misplaced: Vec::new(),
            unknown: Vec::new(),
            is_of_a_fall: false,
        };
        sentence.bind(facts, names);
        sentence
    }

    pub(super) fn kind(&self, index: usize) -> Option<&Kind> {
        self.items.get(index).map(|item| &item.kind)
    }

    /// The word at an item, in lowercase; also one that is a name elsewhere and none here.
    pub(super) fn word(&self, index: usize) -> Option<&str> {
        let item = self.items.get(index)?;
        let is_word = match item.kind {
            Kind::Word => true,
            Kind::Name(_, is_sure) => {
                !is_sure && self.fact_of(index).is_none() && !item.lower.contains(' ')
            }
            _ => false,
        };
        is_word.then_some(item.lower.as_str())
    }

    /// The word before an item, if a word is there.
    pub(super) fn word_before(&self, index: usize) -> Option<&str> {
        self.word(index.checked_sub(1)?)
    }

    pub(super) fn word_after(&self, index: usize) -> Option<&str> {
        self.word(index.checked_add(1)?)
    }

    pub(super) fn fact_of(&self, index: usize) -> Option<usize> {
        self.bound.get(index).copied().flatten()
    }

    pub(super) fn clause_of(&self, index: usize) -> usize {
        self.clause.get(index).copied().unwrap_or(0)
    }

    /// Items of a clause.
    pub(super) fn in_clause(&self, clause: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.items.len()).filter(move |index| self.clause_of(*index) == clause)
    }

    fn bind(&mut self, facts: &[Fact], names: &super::names::Names) {
        let mut open: Vec<usize> = Vec::new();
        let mut index = 0_usize;
        while index < self.items.len() {
            match self.kind(index) {
                Some(Kind::Figure(_) | Kind::Date(_) | Kind::Name(..)) => open.push(index),
                Some(Kind::Cite(_)) => {
                    let (group, end) = self.group(index);
                    self.bind_group(&group, index, &mut open, facts, names);
                    index = end;
                    continue;
                }
                _ => {}
            }
            index = index.saturating_add(1);
        }
    }

    /// Citations in a row, as one, with the item after them.
    fn group(&mut self, start: usize) -> (Vec<usize>, usize) {
        let mut group = Vec::new();
        let mut end = start;
        while let Some(Kind::Cite(ids)) = self.kind(end).cloned() {
            for id in ids {
                match id {
                    Some(fact) => {
                        group.push(fact);
                        self.cited.push((fact, end));
                    }
                    None => self.unknown.push(end),
                }
            }
            end = end.saturating_add(1);
        }
        (group, end)
    }

    fn bind_group(
        &mut self,
        group: &[usize],
        at: usize,
        open: &mut Vec<usize>,
        facts: &[Fact],
        names: &super::names::Names,
    ) {
        let class = |fact: &usize| facts.get(*fact).map(|fact| class_of(fact.kind));
        let of_class = |wanted| -> Vec<usize> {
            group.iter().copied().filter(|fact| class(fact) == Some(wanted)).collect()
        };
        let (figures, dates) = (of_class(Class::Figure), of_class(Class::Date));
        self.bind_names(&of_class(Class::Name), at, open, facts, names);
        self.bind_kind(&dates, at, open, |kind| matches!(kind, Kind::Date(_)));
        if !self.bind_kind(&figures, at, open, |kind| matches!(kind, Kind::Figure(_)))
            && let [fact] = figures.as_slice()
        {
            self.bind_words(*fact, at);
        }
        // The day of a range whose month comes later: `14 [F2] to 20 October [F3]`.
        if let [fact] = dates.as_slice()
            && !self.bound.contains(&Some(*fact))
        {
            self.bind_kind(&dates, at, open, |kind| matches!(kind, Kind::Figure(_)));
        }
    }

    /// Binds the last mentions of a kind, in order, to as many facts; whether any was bound.
    fn bind_kind(
        &mut self,
        facts: &[usize],
        at: usize,
        open: &mut Vec<usize>,
        is_kind: impl Fn(&Kind) -> bool,
    ) -> bool {
        let found: Vec<usize> = open
            .iter()
            .copied()
            .filter(|index| self.kind(*index).is_some_and(&is_kind))
            .filter(|index| self.reaches(*index, at, facts.len()))
            .collect();
        if facts.is_empty() || found.is_empty() {
            return false;
        }
        let pairs: Vec<(usize, usize)> = if found.len() >= facts.len() {
            let skipped = found.len().saturating_sub(facts.len());
            found.iter().copied().skip(skipped).zip(facts.iter().copied()).collect()
        } else {
            found.iter().copied().zip(facts.iter().copied()).collect()
        };
        for (index, fact) in pairs {
            if let Some(bound) = self.bound.get_mut(index) {
                *bound = Some(fact);
            }
            open.retain(|item| *item != index);
        }
        true
    }

    /// Whether nothing between a mention and a citation parts them.
    fn reaches(&self, index: usize, at: usize, count: usize) -> bool {
        let between = self.items.get(index.saturating_add(1)..at).unwrap_or_default();
        let words = between.iter().filter(|item| item.kind == Kind::Word).count();
        let parted = between.iter().any(|item| match &item.kind {
            Kind::Cite(_) | Kind::Stop => true,
            Kind::Pause(c) => count < 2 && !matches!(c, '(' | ')' | '|') || *c == '|',
            _ => false,
        });
        let most = if count < 2 { REACH } else { REACH.saturating_mul(count) };
        !parted && words <= most
    }

    fn bind_names(
        &mut self,
        facts: &[usize],
        at: usize,
        open: &mut Vec<usize>,
        known: &[Fact],
        names: &super::names::Names,
    ) {
        let found: Vec<usize> = open
            .iter()
            .copied()
            .filter(|index| matches!(self.kind(*index), Some(Kind::Name(..))))
            .collect();
        let skipped = found.len().saturating_sub(facts.len());
        let mut last: Vec<usize> = found.into_iter().skip(skipped).collect();
        for (place, fact) in facts.iter().copied().enumerate().rev() {
            let value =
                known.get(fact).map(|fact| super::names::visible(&fact.value)).unwrap_or_default();
            let is_last = place.saturating_add(1) == facts.len();
            let candidate = last.pop().filter(|index| !is_last || self.is_right_before(*index, at));
            let is_it = candidate.is_some_and(|index| match self.kind(index) {
                Some(Kind::Name(name, _)) => names.value(*name) == value,
                _ => false,
            });
            match candidate {
                Some(index) if is_it => {
                    if let Some(bound) = self.bound.get_mut(index) {
                        *bound = Some(fact);
                    }
                    open.retain(|item| *item != index);
                }
                _ => self.misplaced.push((fact, at)),
            }
        }
    }

    /// Only what belongs to a name stands between it and its citation: `the NAME team`, `NAME's`.
    fn is_right_before(&self, index: usize, at: usize) -> bool {
        let between = self.items.get(index.saturating_add(1)..at).unwrap_or_default();
        between.len() <= 4
            && between.iter().all(|item| match &item.kind {
                Kind::Word => {
                    words::is_kind_noun(item.lower.trim_end_matches('s'))
                        || matches!(item.lower.as_str(), "s" | "'s")
                }
                Kind::Sign(_) | Kind::Pause('(' | ')' | ',') => true,
                _ => false,
            })
    }

    /// A number in words right before a citation.
    fn bind_words(&mut self, fact: usize, at: usize) {
        let from = at.saturating_sub(REACH_OF_WORDS.saturating_add(1));
        for index in (from..at).rev() {
            let word = self.items.get(index).map_or("", |item| item.lower.as_str());
            match self.kind(index) {
                Some(Kind::Word) => {
                    if words::number_word(word)
                        .is_some_and(|_| word != "one" || self.counts_one(index))
                        || words::ordinal(word).is_some()
                    {
                        if let Some(bound) = self.bound.get_mut(index) {
                            *bound = Some(fact);
                        }
                        return;
                    }
                }
                Some(Kind::Sign(_)) => {}
                _ => return,
            }
        }
    }

    /// Whether `one` counts something here, and is not the pronoun.
    pub(super) fn counts_one(&self, index: usize) -> bool {
        let is_pronoun = matches!(
            self.word_before(index),
            Some(
                "the"
                    | "this"
                    | "that"
                    | "which"
                    | "no"
                    | "any"
                    | "each"
                    | "every"
                    | "some"
                    | "another"
                    | "only"
                    | "by"
                    | "last"
                    | "next"
                    | "previous"
                    | "new"
                    | "other"
            )
        );
        let counted = self.word_after(index).is_some_and(|next| words::unit(next).is_some());
        !is_pronoun
            && (counted || matches!(self.kind(index.saturating_add(1)), Some(Kind::Cite(_))))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Figure,
    Date,
    Name,
}

fn class_of(kind: FactKind) -> Class {
    match kind {
        FactKind::Entity => Class::Name,
        FactKind::Date => Class::Date,
        _ => Class::Figure,
    }
}

/// By item, the number of its clause.
fn clauses(items: &[Item]) -> Vec<usize> {
    let mut clause = 0_usize;
    let mut clauses = Vec::with_capacity(items.len());
    for item in items {
        let parts = match &item.kind {
            Kind::Pause(_) => true,
            Kind::Word => matches!(
                item.lower.as_str(),
                "and"
                    | "but"
                    | "while"
                    | "whereas"
                    | "although"
                    | "though"
                    | "which"
                    | "or"
                    | "yet"
                    | "then"
            ),
            _ => false,
        };
        if parts {
            clause = clause.saturating_add(1);
        }
        clauses.push(clause);
    }
    clauses
}
