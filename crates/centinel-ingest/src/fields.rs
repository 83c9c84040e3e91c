//! The scalars of one record by their path, digits kept; what nobody asked for can be told.

use std::{cell::Cell, ops::Range};

use centinel_engine::money::Decimal;
use jiff::Timestamp;

use crate::{
    calls::is_null,
    finding::{FindingStatus, Findings},
    instant::Instants,
    json::{self, Leaf},
    number::{parse_bool, parse_count},
    sink::bad_value,
};

/// The leaves of one JSON object, or the columns of one CSV row. Filled again for every record.
#[derive(Default)]
pub(crate) struct Fields {
    text: String,
    entries: Vec<Entry>,
    // A buffer for paths.
    path: String,
}

struct Entry {
    path: Range<usize>,
    value: Range<usize>,
    kind: Kind,
    is_read: Cell<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Plain,
    Array,
}

impl Fields {
    /// Forgets the record, keeps the buffers.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }

    /// Adds the leaves of a JSON object that has this path.
    ///
    /// # Errors
    ///
    /// Why the text is no object.
    pub(crate) fn add_object(&mut self, text: &str, prefix: &str) -> Result<(), String> {
        let mut path = std::mem::take(&mut self.path);
        path.clear();
        path.push_str(prefix);
        let walked = json::walk(text, &mut path, &mut |path, leaf| self.add(path, leaf));
        self.path = path;
        walked.map_err(|error| json::reason(&error))
    }

    /// Adds a column; one that holds a JSON object is added leaf by leaf.
    pub(crate) fn add_column(&mut self, name: &str, value: &str) {
        if !(value.starts_with('{') && self.add_object(value, name).is_ok()) {
            self.add(name, Leaf::Text(value));
        }
    }

    fn add(&mut self, path: &str, leaf: Leaf<'_>) {
        let kind = match leaf {
            Leaf::Text(_) => Kind::Text,
            Leaf::Plain(_) => Kind::Plain,
            Leaf::Array(_) => Kind::Array,
        };
        let start = self.text.len();
        self.text.push_str(path);
        let end = self.text.len();
        self.text.push_str(leaf.text());
        let value = end..self.text.len();
        self.entries.push(Entry { path: start..end, value, kind, is_read: Cell::new(false) });
    }

    fn part(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    fn entry(&self, path: &str) -> Option<&Entry> {
        // Of two with one path the later one counts, as in JSON.
        let entry = self.entries.iter().rev().find(|entry| self.part(&entry.path) == path)?;
        entry.is_read.set(true);
        Some(entry)
    }

    /// A scalar that is not null.
    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        let entry = self.entry(path).filter(|entry| entry.kind != Kind::Array)?;
        Some(self.part(&entry.value).trim_ascii()).filter(|value| !is_null(value))
    }

    /// The first of these that has a value, with its path.
    pub(crate) fn first<'p>(&self, paths: &[&'p str]) -> Option<(&'p str, &str)> {
        paths.iter().find_map(|path| Some((*path, self.get(path)?)))
    }

    /// The value of the first of these that has one.
    pub(crate) fn text(&self, paths: &[&str]) -> Option<&str> {
        Some(self.first(paths)?.1)
    }

    /// An array, as it is written.
    pub(crate) fn array(&self, path: &str) -> Option<&str> {
        let entry = self.entry(path).filter(|entry| entry.kind == Kind::Array)?;
        Some(self.part(&entry.value))
    }

    /// A count.
    ///
    /// # Errors
    ///
    /// The reason, naming path and value.
    pub(crate) fn count(&self, paths: &[&str]) -> Result<Option<u64>, String> {
        let Some((path, value)) = self.first(paths) else { return Ok(None) };
        parse_count(value).map(Some).map_err(|problem| bad_value(path, value, problem))
    }

    /// An amount or quantity, digit for digit.
    ///
    /// # Errors
    ///
    /// The reason, naming path and value.
    pub(crate) fn decimal(&self, paths: &[&str]) -> Result<Option<Decimal>, String> {
        let Some((path, value)) = self.first(paths) else { return Ok(None) };
        value.parse().map(Some).map_err(|error| format!("`{path}` {error}"))
    }

    /// A yes or no; what is neither is none.
    pub(crate) fn flag(&self, path: &str) -> Option<bool> {
        parse_bool(self.get(path)?)
    }

    /// An instant.
    ///
    /// # Errors
    ///
    /// The reason, naming path and value.
    pub(crate) fn instant(
        &self,
        paths: &[&str],
        row: u64,
        findings: &mut Findings,
    ) -> Result<Option<Timestamp>, String> {
        let Some((path, value)) = self.first(paths) else { return Ok(None) };
        let instant =
            Instants::ABSOLUTE.parse(value).map_err(|problem| bad_value(path, value, problem))?;
        if instant.is_zone_assumed {
            findings.row(path, FindingStatus::Assumed, "has no zone: read as UTC", row);
        }
        Ok(Some(instant.at))
    }

    /// The scalars below a path (`metadata.` and what follows), in order; they count as read.
    pub(crate) fn below<'f>(&'f self, prefix: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.entries.iter().filter_map(move |entry| {
            let rest = self.part(&entry.path).strip_prefix(prefix)?.strip_prefix('.')?;
            if entry.kind == Kind::Array {
                return None;
            }
            entry.is_read.set(true);
            Some((rest, self.part(&entry.value).trim_ascii())).filter(|(_, value)| !is_null(value))
        })
    }

    /// Tells of the numbers below a path that nobody asked for: a count of a new kind is money.
    pub(crate) fn note_unread(&self, prefix: &str, row: u64, findings: &mut Findings) {
        for entry in self.entries.iter().filter(|entry| !entry.is_read.get()) {
            let (path, value) = (self.part(&entry.path), self.part(&entry.value));
            if path.starts_with(prefix) && is_nonzero_number(value) && entry.kind == Kind::Plain {
                findings.row(path, FindingStatus::Ignored, "is a number that is not read", row);
            }
        }
    }
}

fn is_nonzero_number(value: &str) -> bool {
    value.parse::<Decimal>().is_ok_and(|number| !number.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_path() {
        let mut fields = Fields::default();
        let text = r#"{"a":{"b":1e3,"c":null,"d":"x"},"e":[1],"f":0.10,"g":true,"h":7,"a.b":5}"#;
        fields.add_object(text, "").unwrap();
        fields.add_column("usage", r#"{"input": 5}"#);
        fields.add_column("note", "{not json");
        assert_eq!(fields.count(&["a.c", "a.b"]), Ok(Some(5)));
        assert_eq!(fields.count(&["a.d"]), Err("`a.d` `x` is not a number".to_owned()));
        assert_eq!(fields.decimal(&["f"]).unwrap().unwrap().to_string(), "0.1");
        assert_eq!((fields.get("e"), fields.array("e")), (None, Some("[1]")));
        assert_eq!(fields.flag("g"), Some(true));
        assert_eq!(fields.count(&["usage.input"]), Ok(Some(5)));
        assert_eq!(fields.get("note"), Some("{not json"));
        assert_eq!(fields.below("a").collect::<Vec<_>>(), [("b", "1e3"), ("d", "x"), ("b", "5")]);
        let mut findings = Findings::default();
        fields.note_unread("", 3, &mut findings);
        let found: Vec<_> = findings.finish().iter().map(ToString::to_string).collect();
        assert_eq!(found, ["ignored: `h` is a number that is not read (row 3)"]);
    }
}
