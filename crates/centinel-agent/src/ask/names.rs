//! Names of the data behind aliases: a model is shown `N3` where people read `search`.
//!
//! INVARIANT: what goes to a model is built from aliases, words of ours and words that the person typed. A
//! name that came with the data goes back in where a tool is called, and where people read.

use std::collections::BTreeSet;

use centinel_engine::{
    explain::Driver,
    facts::{Fact, FactKind},
    series::Dimension,
};
use serde_json::{Map, Value};

use super::words;

/// A name of the home: the value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The dimension: `team`, `tag:cost-center`; `tag_key` of a name that is a tag's key.
    pub dimension: String,
    /// Its value, as the data spells it.
    pub value: String,
}

/// Arguments whose text is a word of ours, a date or an id: a model may see it.
const OURS: [&str; 17] = [
    "amount",
    "anomaly_id",
    "compare_to",
    "currency",
    "detail",
    "end",
    "evidence_id",
    "group_by",
    "impact_min",
    "kind",
    "on_breach",
    "per",
    "period",
    "proposal_id",
    "stage",
    "start",
    "status",
];
/// What a name is that is the key of a tag.
pub(super) const TAG_KEY: &str = "tag_key";

/// Aliases of one conversation. A name keeps its alias.
#[derive(Debug, Clone, Default)]
pub(super) struct Aliases {
    names: Vec<(String, BTreeSet<String>)>,
    /// What the first alias counts from: behind what a person typed that looks like one.
    first: usize,
}

impl Aliases {
    /// The alias of a name.
    pub(super) fn of(&mut self, dimension: &str, value: &str) -> String {
        let known = self.names.iter().position(|(name, _)| name == value);
        let index = known.unwrap_or_else(|| {
            self.names.push((value.to_owned(), BTreeSet::new()));
            self.names.len().saturating_sub(1)
        });
        if let Some((_, dimensions)) = self.names.get_mut(index) {
            dimensions.insert(dimension.to_owned());
        }
        self.numbered(index)
    }

    fn numbered(&self, index: usize) -> String {
        format!("N{}", self.first.saturating_add(index).saturating_add(1))
    }

    /// What an alias is a name of, in words of ours: `team`, `feature or team`.
    pub(super) fn kind(&self, alias: &str) -> Option<String> {
        let (_, dimensions) = self.entry(alias)?;
        let kinds: BTreeSet<&str> = dimensions.iter().map(|name| shown_dimension(name)).collect();
        Some(kinds.into_iter().collect::<Vec<_>>().join(" or "))
    }

    fn entry(&self, alias: &str) -> Option<&(String, BTreeSet<String>)> {
        let number: usize = alias.strip_prefix('N')?.parse().ok()?;
        self.names.get(number.checked_sub(self.first)?.checked_sub(1)?)
    }

    /// The name of a fact behind an alias, where it is one of the data's. Numbers of ours (`E-12`, `P-7`) and
    /// drivers are none.
    pub(super) fn of_fact(&mut self, fact: &Fact) -> Option<String> {
        let is_driver = || Driver::ALL.into_iter().any(|driver| driver.label() == fact.value);
        let is_ours = is_number_of_ours(&fact.value) || fact.role == "main_driver" && is_driver();
        if fact.kind != FactKind::Entity || is_ours {
            return None;
        }
        let by_dims = fact.dims.iter().find(|(_, value)| **value == fact.value);
        let last = fact.role.rsplit('.').next().unwrap_or_default();
        // The key of a tag may hold a dot.
        let tag = fact.role.find("tag:").and_then(|at| fact.role.get(at..));
        let dimension = by_dims.map_or(tag.unwrap_or(last), |(dimension, _)| dimension);
        Some(self.of(dimension, &fact.value))
    }

    /// A question with aliases for the names in it, and these.
    pub(super) fn hide(&mut self, question: &str, found: &[Found]) -> (String, Vec<String>) {
        if self.names.is_empty() {
            self.first = typed_max(question);
        }
        let (mut hidden, mut aliases) = (String::new(), Vec::new());
        let mut at = 0;
        for one in found {
            let mut alias = String::new();
            for dimension in &one.dimensions {
                alias = self.of(dimension, &one.value);
            }
            hidden.push_str(question.get(at..one.from).unwrap_or_default());
            hidden.push_str(&alias);
            at = one.to;
            if !aliases.contains(&alias) {
                aliases.push(alias);
            }
        }
        hidden.push_str(question.get(at..).unwrap_or_default());
        (hidden, aliases)
    }

    /// Arguments as a tool takes them: names for aliases.
    pub(super) fn filled(&self, arguments: &Map<String, Value>) -> Map<String, Value> {
        let fill = |(name, value): (&String, &Value)| {
            let value = match value {
                Value::String(text) if name == "reason" => Value::from(self.in_prose(text)),
                Value::String(text) => Value::from(self.filled_text(name, text)),
                Value::Object(inner) => Value::Object(self.filled(inner)),
                other => other.clone(),
            };
            (name.clone(), value)
        };
        arguments.iter().map(fill).collect()
    }

    fn filled_text(&self, argument: &str, text: &str) -> String {
        if argument == "tag"
            && let Some((key, value)) = text.split_once('=')
        {
            let name = |part: &str| self.entry(part.trim()).map(|(name, _)| name.clone());
            let or_own = |part: &str| name(part).unwrap_or_else(|| part.to_owned());
            return format!("{}={}", or_own(key), or_own(value));
        }
        let Some((value, dimensions)) = self.entry(text.trim()) else { return text.to_owned() };
        let key = dimensions.iter().find_map(|name| name.strip_prefix("tag:"));
        match key.filter(|_| argument == "tag") {
            Some(key) => format!("{key}={value}"),
            None => value.clone(),
        }
    }

    fn in_prose(&self, text: &str) -> String {
        let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
        let fill = |word: &str| {
            let end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
            let (alias, rest) = word.split_at(end);
            self.entry(alias).map_or_else(|| word.to_owned(), |(name, _)| format!("{name}{rest}"))
        };
        words.map(fill).collect()
    }

    /// Arguments as a model may see them: aliases for names, and nothing of which it is not known what it is.
    pub(super) fn hidden(&mut self, arguments: &Map<String, Value>) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, value) in arguments {
            match value {
                Value::String(text) if OURS.contains(&name.as_str()) && is_plain(text) => {
                    shown.insert(name.clone(), Value::from(text.as_str()));
                }
                Value::String(text) if name == TAG_KEY => {
                    shown.insert(name.clone(), Value::from(self.of(TAG_KEY, text)));
                }
                Value::Object(inner) => {
                    let names = inner.iter().filter_map(|(dimension, value)| {
                        let text = value.as_str()?;
                        let (dimension, text) = match text.split_once('=') {
                            Some((key, value)) if dimension == "tag" => {
                                (format!("tag:{key}"), value)
                            }
                            _ => (dimension.clone(), text),
                        };
                        let alias = self.of(&dimension, text);
                        Some((shown_dimension(&dimension).to_owned(), Value::from(alias)))
                    });
                    let names: Map<String, Value> = names.collect();
                    shown.insert(name.clone(), Value::Object(names));
                }
                _ => {}
            }
        }
        shown
    }

    /// Words of the product with names in backticks: each of these behind an alias, or left out, unless it
    /// is a word of ours.
    pub(super) fn without_names(&self, message: &str, is_ours: impl Fn(&str) -> bool) -> String {
        let mut shown = String::new();
        for (index, part) in message.split('`').enumerate() {
            if index % 2 == 0 || is_ours(part) {
                shown.push_str(part);
            } else if let Some(index) = self.names.iter().position(|(name, _)| name == part) {
                shown.push_str(&self.numbered(index));
            } else {
                shown.push_str("[a name]");
            }
        }
        shown
    }
}

/// A dimension in words of ours: keys of tags came with the data.
fn shown_dimension(name: &str) -> &str {
    let is_known = matches!(name, "owner" | "source" | "kind" | "name")
        || matches!(name.parse::<Dimension>(), Ok(dimension) if !matches!(dimension, Dimension::Tag(_)));
    match name {
        _ if is_known => name,
        TAG_KEY => "tag key",
        _ if name.starts_with("tag:") => "tag",
        _ => "label",
    }
}

/// `E-12`, `P-7`.
fn is_number_of_ours(text: &str) -> bool {
    let digits = text.strip_prefix("E-").or_else(|| text.strip_prefix("P-")).unwrap_or_default();
    (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_plain(text: &str) -> bool {
    let is_ours = |c: char| c.is_ascii_alphanumeric() || "_-:.".contains(c);
    text.len() <= 40 && text.chars().all(is_ours)
}

/// The largest number of an alias that a person typed.
fn typed_max(question: &str) -> usize {
    let words = question.split(|c: char| !c.is_ascii_alphanumeric());
    let number = |word: &str| word.strip_prefix(['N', 'n'])?.parse::<u16>().ok();
    words.filter_map(number).max().map_or(0, usize::from)
}

/// A name that a question has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it stands, in bytes.
    pub(super) from: usize,
    /// The byte after its last.
    pub(super) to: usize,
    /// As the data spells it.
    pub(super) value: String,
    /// What it is a name of; several where the same name is one of each.
    pub(super) dimensions: Vec<String>,
}

/// The names of the home that a question has, in its order: whole words in any case, `-`, `_` and a space
/// alike, the longest first. A name that is a word of questions (`cost`, `risk`) counts in quotation marks, or
/// beside its dimension: `the risk team`.
pub(super) fn find(question: &str, names: &[Name]) -> Vec<Found> {
    let text: Vec<(usize, char)> = question.char_indices().collect();
    let folded: Vec<char> = text.iter().map(|(_, c)| fold(*c)).collect();
    let mut ordered: Vec<&Name> =
        names.iter().filter(|name| !name.value.trim().is_empty()).collect();
    ordered.sort_by(|a, b| b.value.len().cmp(&a.value.len()).then_with(|| a.cmp(b)));
    let mut found: Vec<Found> = Vec::new();
    for name in ordered {
        let wanted: Vec<char> = name.value.chars().map(fold).collect();
        let places = folded.windows(wanted.len()).enumerate();
        for (at, _) in places.filter(|(_, here)| *here == wanted.as_slice()) {
            let after = at.saturating_add(wanted.len());
            let before = at.checked_sub(1).and_then(|before| text.get(before)).map(|(_, c)| *c);
            let next = text.get(after).map(|(_, c)| *c);
            let behind = text.get(after.saturating_add(1)).map(|(_, c)| *c);
            if !is_whole(before, next, behind) {
                continue;
            }
            let from = text.get(at).map_or(0, |(byte, _)| *byte);
            let to = text.get(after).map_or(question.len(), |(byte, _)| *byte);
            let is_quoted = before.is_some_and(is_quote) && next.is_some_and(is_quote);
            let is_called = || {
                let (before, behind) = (question.get(..from), question.get(to..));
                let beside = words::dimension_beside(before.unwrap_or(""), behind.unwrap_or(""));
                beside == Some(name.dimension.as_str())
            };
            let is_tag = name.dimension == TAG_KEY || name.dimension.starts_with("tag:");
            let is_meant = match name.dimension.strip_prefix("tag:") {
                // A value of a tag is often a mere word or number: it counts beside its key.
                Some(key) => has_folded(&folded, key),
                None if is_tag => is_key(question, from, to),
                None => !words::is_known(&name.value.to_lowercase()) || is_called(),
            };
            if !is_quoted && !is_meant {
                continue;
            }
            match found.iter_mut().find(|one| one.from < to && from < one.to) {
                Some(same) if (same.from, same.to) == (from, to) => {
                    if same.value == name.value && !same.dimensions.contains(&name.dimension) {
                        same.dimensions.push(name.dimension.clone());
                    }
                }
                Some(_) => {}
                None => found.push(Found {
                    from,
                    to,
                    value: name.value.clone(),
                    dimensions: vec![name.dimension.clone()],
                }),
            }
        }
    }
    found.sort_by_key(|one| one.from);
    found
}

/// Whether a folded text has a name as whole words.
fn has_folded(folded: &[char], name: &str) -> bool {
    let wanted: Vec<char> = name.chars().map(fold).collect();
    let is_in_word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
    folded.windows(wanted.len().max(1)).enumerate().any(|(at, here)| {
        let before = at.checked_sub(1).and_then(|before| folded.get(before));
        let after = folded.get(at.saturating_add(wanted.len()));
        here == wanted.as_slice() && !is_in_word(before) && !is_in_word(after)
    })
}

/// Whether the key of a tag is meant as one: `by env`, `tag env`, `where env is …`, `env=…`.
fn is_key(question: &str, from: usize, to: usize) -> bool {
    let (before, behind) = (question.get(..from), question.get(to..).unwrap_or(""));
    let before = words::tokens(before.unwrap_or(""));
    let is_asked = before.last().is_some_and(|word| {
        words::has("by per each every tag tags label labels where with and tag's", word)
    });
    let is_set = behind.trim_start().starts_with(['=', ':'])
        || words::tokens(behind).first().is_some_and(|word| words::has("is equals value", word));
    is_asked || is_set
}

fn fold(c: char) -> char {
    match c {
        '-' | '_' => ' ',
        c => c.to_lowercase().next().unwrap_or(c),
    }
}

/// Whether a sign opens or closes a quotation.
pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '“' | '”' | '‘' | '’')
}

/// Whether a name ends where a word does: `gpt-5` is not in `gpt-5.1`, and is in `gpt-5.`
fn is_whole(before: Option<char>, next: Option<char>, behind: Option<char>) -> bool {
    let joins = |c: char| matches!(c, '-' | '_' | '.' | '/' | ':' | '@');
    let is_in_word = |c: char| c.is_alphanumeric();
    !before.is_some_and(|c| is_in_word(c) || joins(c))
        && !next.is_some_and(|c| is_in_word(c) || joins(c) && behind.is_some_and(is_in_word))
}
