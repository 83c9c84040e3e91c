//! The names that facts carry, and where a text has one.

use std::collections::{BTreeMap, BTreeSet};

use super::glyphs::Glyph;
use crate::facts::{Fact, FactKind};

/// Longest name that is looked for, in characters; a longer one is no name that a text repeats.
const NAME_MAX: usize = 300;

/// Names by index.
#[derive(Debug)]
pub(super) struct Names {
    names: Vec<Name>,
    /// Indices by the first character in lowercase, the longest name first.
    by_first: BTreeMap<char, Vec<usize>>,
}

#[derive(Debug)]
struct Name {
    value: String,
    chars: Vec<char>,
    /// The dimensions that it is a value of.
    dimensions: BTreeSet<String>,
    /// A fact is this name, so that a text can cite it.
    is_entity: bool,
    /// Ordinary lowercase words: a name only where it is cited or set off.
    is_plain: bool,
}

impl Names {
    pub(super) fn of(facts: &[Fact]) -> Self {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let is_entity = |value: &str| {
            facts.iter().any(|fact| fact.kind == FactKind::Entity && visible(&fact.value) == value)
        };
        for fact in facts {
            if fact.kind == FactKind::Entity {
                let dimensions = found.entry(visible(&fact.value)).or_default();
                dimensions.extend(
                    fact.dims
                        .iter()
                        .filter(|(_, value)| **value == fact.value)
                        .map(|(key, _)| key.clone()),
                );
                dimensions.extend(dimension_of_role(&fact.role).map(str::to_owned));
            }
            for (key, value) in &fact.dims {
                found.entry(visible(value)).or_default().insert(key.clone());
            }
        }
        let mut names: Vec<Name> = found
            .into_iter()
            .filter(|(value, _)| !value.trim().is_empty() && value.chars().count() <= NAME_MAX)
            .map(|(value, dimensions)| Name {
                chars: value.chars().collect(),
                is_entity: is_entity(&value),
                is_plain: is_plain(&value),
                value,
                dimensions,
            })
            .collect();
        names.sort_by(|a, b| b.chars.len().cmp(&a.chars.len()).then_with(|| a.value.cmp(&b.value)));
        let mut by_first: BTreeMap<char, Vec<usize>> = BTreeMap::new();
        for (index, name) in names.iter().enumerate() {
            if let Some(first) = name.chars.first() {
                by_first.entry(folded(*first)).or_default().push(index);
            }
        }
        Self { names, by_first }
    }

    /// The name, as the facts have it.
    pub(super) fn value(&self, index: usize) -> &str {
        self.names.get(index).map_or("", |name| &name.value)
    }

    /// The name that is this word and nothing else.
    pub(super) fn plain(&self, word: &str) -> Option<usize> {
        self.names.iter().position(|name| name.is_plain && name.is_entity && name.value == word)
    }

    pub(super) fn is_plain(&self, index: usize) -> bool {
        self.names.get(index).is_some_and(|name| name.is_plain)
    }

    /// Whether the facts use it as a value of a dimension.
    pub(super) fn is_of(&self, index: usize, dimension: &str) -> bool {
        self.names.get(index).is_some_and(|name| name.dimensions.contains(dimension))
    }

    /// Whether the facts say of which dimension it is.
    pub(super) fn has_dimension(&self, index: usize) -> bool {
        self.names.get(index).is_some_and(|name| !name.dimensions.is_empty())
    }

    /// Whether a dimension has several values and a text can cite one: then a figure can stand with the
    /// name of another.
    pub(super) fn tells_apart(&self, dimension: &str) -> bool {
        let mut values = self.names.iter().filter(|name| name.dimensions.contains(dimension));
        values.clone().count() > 1 && values.any(|name| name.is_entity)
    }

    /// The longest name that stands at `at`, as a whole, with its length in glyphs and whether it is
    /// written exactly so.
    pub(super) fn at(&self, glyphs: &[Glyph], at: usize) -> Option<(usize, usize, bool)> {
        let first = glyphs.get(at)?;
        let candidates = self.by_first.get(&folded(first.c))?;
        candidates.iter().find_map(|&index| {
            let name = self.names.get(index)?;
            let end = at.checked_add(name.chars.len())?;
            let here = glyphs.get(at..end)?;
            let equal = here.iter().zip(&name.chars).all(|(glyph, c)| {
                // Signs that Markdown or a chat acts on are part of a name only behind a backslash or in code.
                let is_inert = glyph.is_literal || !matches!(c, '[' | '<' | '!');
                is_inert && same(glyph.c, *c)
            });
            let is_exact = here.iter().zip(&name.chars).all(|(glyph, c)| glyph.c == *c);
            (equal && !goes_on(glyphs, end)).then_some((index, name.chars.len(), is_exact))
        })
    }
}

/// Ordinary words of prose: lowercase, and with a digit only where there are several (`p95 latency`).
fn is_plain(name: &str) -> bool {
    let has_space = name.contains(' ');
    name.chars().all(|c| c.is_ascii_lowercase() || c == ' ' || has_space && c.is_ascii_digit())
}

/// Whether the word at the end of a name goes on: `search` in `search-api`, `gpt-5` in `gpt-5.1`.
fn goes_on(glyphs: &[Glyph], end: usize) -> bool {
    let c = |ahead: usize| glyphs.get(end.saturating_add(ahead)).map(|glyph| glyph.c);
    let after = c(1).is_some_and(char::is_alphanumeric);
    match c(0) {
        Some('-' | '_' | '.' | '/' | '@' | ':') => after,
        Some('\'' | '’') => {
            after && !matches!((c(1), c(2)), (Some('s'), None | Some(' ' | ',' | '.')))
        }
        Some(c) => c.is_alphanumeric(),
        None => false,
    }
}

/// A name in prose may begin with a capital, and may have spaces for what joins its words.
fn same(seen: char, name: char) -> bool {
    folded(seen) == folded(name) || matches!((seen, name), (' ' | '-' | '_', '-' | '_' | ' '))
}

fn folded(c: char) -> char {
    c.to_ascii_lowercase()
}

/// As a name is shown: without control characters.
pub(super) fn visible(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).collect()
}

/// `feature` of `about.feature`, `team` of `place.1.team`.
fn dimension_of_role(role: &str) -> Option<&str> {
    role.rsplit_once('.').map(|(_, dimension)| dimension)
}
