//! TOML with byte spans, and how its values are written.

use std::ops::Range;

use ::toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    EditError, Format,
    tree::{Entry, Kind, Layout, Map, Node, Quote, Tree},
    value::{Scalar, Type},
};

/// A document.
pub(super) fn read(text: &str) -> Result<Tree, EditError> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        EditError::Syntax {
            format: Format::Toml,
            why: super::shown_long(&format!("line {line}: {}", error.message())),
        }
    })?;
    let map = Reader { text }.table(table.get_ref(), Layout::Lines { open: None });
    Ok(Tree { documents: vec![Node::new(0..text.len(), Kind::Map(map))] })
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn source(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    fn table(&self, table: &DeTable<'_>, layout: Layout) -> Map {
        let mut entries: Vec<Entry> = table
            .iter()
            .map(|(key, value)| Entry {
                key: Some(key.get_ref().to_string()),
                key_span: key.span(),
                node: self.value(value),
            })
            .collect();
        // In the order of the file, which a table does not keep.
        entries.sort_by_key(|entry| entry.key_span.start);
        Map { entries, layout, merges: false }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let span = value.span();
        let source = self.source(&span);
        let plain =
            |kind, text: &str| Kind::Scalar(Scalar { kind, text: text.to_owned() }, Quote::Plain);
        let kind = match value.get_ref() {
            DeValue::String(text) => string(text, source),
            DeValue::Integer(number) if number.radix() == 10 => {
                plain(Type::Integer, number.as_str())
            }
            DeValue::Float(number) if !number.as_str().contains(['n', 'i']) => {
                plain(Type::Decimal, number.as_str())
            }
            DeValue::Integer(_) | DeValue::Float(_) => Kind::Fixed {
                what: "a number in another than the plain spelling",
                how: "write it as plain digits first",
            },
            DeValue::Boolean(truth) => plain(Type::Boolean, &truth.to_string()),
            DeValue::Datetime(_) => {
                Kind::Fixed { what: "a date or time", how: "make this change by hand" }
            }
            DeValue::Array(items) => {
                let is_tables = |item: &Spanned<DeValue<'_>>| {
                    self.source(&item.span()).starts_with("[[")
                        && matches!(item.get_ref(), DeValue::Table(_))
                };
                let is_flow = !items.iter().any(is_tables);
                let items = items.iter().map(|item| self.value(item)).collect();
                Kind::List { items, is_flow }
            }
            DeValue::Table(table) => {
                let layout = if source.starts_with('{') {
                    Layout::Flow
                } else if source.starts_with('[') {
                    Layout::Lines { open: Some(span.end) }
                } else {
                    Layout::Words
                };
                Kind::Map(self.table(table, layout))
            }
        };
        Node::new(span, kind)
    }
}

fn string(text: &str, source: &str) -> Kind {
    let quote = if source.starts_with("\"\"\"") || source.starts_with("'''") {
        return Kind::Fixed { what: "a text in three quotes", how: "make this change by hand" };
    } else if source.starts_with('\'') {
        Quote::Single
    } else {
        Quote::Double
    };
    Kind::Scalar(Scalar::text(text), quote)
}

/// A value as text of the file, in the style of the old one where that is safe.
pub(super) fn write(scalar: &Scalar, quote: Quote) -> String {
    let text = scalar.text.as_str();
    if scalar.kind != Type::Text {
        text.to_owned()
    } else if quote == Quote::Single && !text.contains('\'') {
        format!("'{text}'")
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// A key as text of the file.
pub(super) fn write_key(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(is_bare) {
        key.to_owned()
    } else {
        write(&Scalar::text(key), Quote::Double)
    }
}
