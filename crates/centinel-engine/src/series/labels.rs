//! Label sets: built without allocation by connectors, kept as keys by the catalogue.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Dimension;

/// Dimension values of one row, in a buffer that is re-used from row to row.
///
/// Values are trimmed, control characters are dropped, and 200 characters are kept; an empty value
/// is no value.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    text: String,
    // Sorted by dimension; (start, end) into `text`.
    spans: Vec<(Dimension, usize, usize)>,
}

impl Labels {
    /// Longest value kept, in characters.
    pub const VALUE_CHARS_MAX: usize = 200;

    /// Forgets all values, keeps the buffers.
    pub fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }

    /// Sets a dimension's value; an empty value removes it.
    pub fn set(&mut self, dimension: Dimension, value: &str) {
        let start = self.text.len();
        let value = value.trim();
        if value.len() <= Self::VALUE_CHARS_MAX
            && value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        {
            self.text.push_str(value);
        } else {
            self.text.extend(value.chars().filter(|c| !c.is_control()).take(Self::VALUE_CHARS_MAX));
        }
        let end = self.text.len();
        match (self.spans.binary_search_by(|(other, ..)| other.cmp(&dimension)), start < end) {
            (Ok(index), true) => {
                if let Some(span) = self.spans.get_mut(index) {
                    *span = (dimension, start, end);
                }
            }
            (Ok(index), false) => {
                self.spans.remove(index);
            }
            (Err(index), true) => self.spans.insert(index, (dimension, start, end)),
            (Err(_), false) => {}
        }
    }

    /// The value of a dimension.
    pub fn get(&self, dimension: &Dimension) -> Option<&str> {
        let index = self.spans.binary_search_by(|(other, ..)| other.cmp(dimension)).ok()?;
        let (_, start, end) = self.spans.get(index)?;
        self.text.get(*start..*end)
    }

    /// Dimension and value, in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = (&Dimension, &str)> {
        self.spans
            .iter()
            .filter_map(|(dimension, start, end)| Some((dimension, self.text.get(*start..*end)?)))
    }

    /// Writes the canonical text of the label set, the same text for equal sets: what interning
    /// looks up. Never parsed; values cannot hold the separators (control characters).
    pub fn encode(&self, into: &mut String) {
        use std::fmt::Write as _;
        into.clear();
        for (dimension, value) in self.iter() {
            // Writing to a String cannot fail.
            let _ = write!(into, "{dimension}\u{1}{value}\u{2}");
        }
    }

    /// An owned key.
    pub fn to_key(&self) -> SeriesKey {
        SeriesKey(
            self.iter().map(|(dimension, value)| (dimension.clone(), value.to_owned())).collect(),
        )
    }
}

/// The identity of a series: its dimension values, in canonical order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct SeriesKey(pub BTreeMap<Dimension, String>);

impl SeriesKey {
    /// The value of a dimension.
    pub fn get(&self, dimension: &Dimension) -> Option<&str> {
        self.0.get(dimension).map(String::as_str)
    }
}

impl<S: Into<String>> FromIterator<(Dimension, S)> for SeriesKey {
    fn from_iter<I: IntoIterator<Item = (Dimension, S)>>(values: I) -> Self {
        Self(values.into_iter().map(|(dimension, value)| (dimension, value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_encode_equally() {
        let (mut one, mut two) = (Labels::default(), Labels::default());
        one.set(Dimension::Model, "gpt-5.1");
        one.set(Dimension::Provider, " openai ");
        two.set(Dimension::Provider, "azure");
        two.set(Dimension::Team, "search");
        two.set(Dimension::Model, "gpt-\u{1}5.1");
        two.set(Dimension::Team, "");
        two.set(Dimension::Provider, "openai");
        let (mut left, mut right) = (String::new(), String::new());
        one.encode(&mut left);
        two.encode(&mut right);
        assert_eq!(left, right);
        assert_eq!(one.to_key(), two.to_key());
        assert_eq!(two.get(&Dimension::Provider), Some("openai"));
        assert_eq!(two.get(&Dimension::Team), None);
    }

    #[test]
    fn values_are_capped() {
        let mut labels = Labels::default();
        labels.set(Dimension::Feature, &"ß".repeat(500));
        assert_eq!(labels.get(&Dimension::Feature).unwrap().chars().count(), 200);
    }
}
