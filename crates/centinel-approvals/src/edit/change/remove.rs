//! An entry less: with its line, or out of its braces.

use super::{Change, Splice, described};
use crate::edit::{
    EditError, Format,
    tree::{Entry, Found, Kind, Layout, Map},
    value::{Scalar, Type, Value},
};

impl Change<'_> {
    pub(super) fn remove(&self, found: &Found<'_>, old: &Value) -> Result<Vec<Splice>, EditError> {
        self.check_shared(found)?;
        let Some(node) = found.node() else { return Err(self.layout("there is no such place")) };
        match &node.kind {
            Kind::Scalar(scalar, _) if scalar.is(old) => {}
            Kind::Scalar(scalar, _) => return Err(self.differs(scalar, old)),
            Kind::List { items, .. } => self.check_list(items, old)?,
            kind => return Err(self.uneditable(kind)),
        }
        let Some(map) = found.parent() else {
            return Err(self.layout("an item of a list is removed by planning the list without it"));
        };
        let Some(entry) = map.entries.get(found.index) else {
            return Err(self.layout("there is no such place"));
        };
        if map.layout == Layout::Block && map.entries.len() == 1 {
            return Err(self.layout("without its only key the mapping would become null"));
        }
        let splice = match map.layout {
            Layout::Flow => self.out_of_braces(map, found.index, entry)?,
            _ => self.whole_line(map, found.index, entry)?,
        };
        Ok(vec![splice])
    }

    fn check_list(&self, items: &[crate::edit::tree::Node], old: &Value) -> Result<(), EditError> {
        let Value::Texts(texts) = old else {
            return Err(self.differs(&"a list", old));
        };
        let is = |(node, text): (&crate::edit::tree::Node, &String)| {
            matches!(&node.kind, Kind::Scalar(Scalar { kind: Type::Text, text: found }, _) if found == text)
                && node.shared.is_none()
        };
        if items.len() == texts.len() && items.iter().zip(texts).all(is) {
            return Ok(());
        }
        let found: Vec<String> = items.iter().take(5).map(|item| described(&item.kind)).collect();
        Err(self.differs(&format!("a list of {}", found.join(", ")), old))
    }

    /// The line of an entry, with its line break.
    fn whole_line(&self, map: &Map, index: usize, entry: &Entry) -> Result<Splice, EditError> {
        let (start, end) = (entry.key_span.start, entry.node.span.end);
        let is_one_line = !self.slice(start..end).contains('\n') && self.is_last_on_line(end);
        if !is_one_line {
            return Err(self.layout("the entry shares its lines with others, or has several"));
        }
        if self.indent(start).is_some() {
            let from = self.line_start(start);
            let to = self.next_line(end);
            let is_last_line = to == self.text.len() && !self.text.ends_with('\n');
            // The file keeps its way of ending.
            let from = if is_last_line { self.line_end_before(from) } else { from };
            return Ok(Splice { span: from..to, text: String::new() });
        }
        // The first key behind a dash: the next one comes into its place.
        let next = map.entries.get(index + 1).map(|next| next.key_span.start);
        let Some(next) = next.filter(|_| self.format == Format::Yaml) else {
            return Err(self.layout("the entry does not begin its line"));
        };
        let is_bare = self.slice(end..next).chars().all(char::is_whitespace);
        let before = self.slice(self.line_start(start)..start);
        if !is_bare || !before.bytes().all(|byte| matches!(byte, b' ' | b'-')) {
            return Err(self.layout("a comment stands between the entry and the next one"));
        }
        Ok(Splice { span: start..next, text: String::new() })
    }

    /// Before the line break that ends the line above.
    fn line_end_before(&self, line_start: usize) -> usize {
        let before = self.slice(0..line_start);
        let before = before.strip_suffix('\n').unwrap_or(before);
        before.strip_suffix('\r').unwrap_or(before).len()
    }

    /// An entry with the comma that separates it.
    fn out_of_braces(&self, map: &Map, index: usize, entry: &Entry) -> Result<Splice, EditError> {
        let (start, end) = (entry.key_span.start, entry.node.span.end);
        if self.format == Format::Hcl && self.indent(start).is_some() {
            let comma = self.slice(end..self.line_end(end)).trim_start().starts_with(',');
            let behind = if comma {
                end + self.slice(end..self.text.len()).find(',').map_or(0, |at| at + 1)
            } else {
                end
            };
            if self.slice(start..end).contains('\n') || !self.is_last_on_line(behind) {
                return Err(self.layout("the entry shares its lines with others, or has several"));
            }
            let span = self.line_start(start)..self.next_line(behind);
            return Ok(Splice { span, text: String::new() });
        }
        let before = index.checked_sub(1).and_then(|index| map.entries.get(index));
        let (span, between) = match (before, map.entries.get(index + 1)) {
            (Some(before), _) => {
                let from = before.node.span.end;
                (from..end, from..start)
            }
            (None, Some(next)) => (start..next.key_span.start, end..next.key_span.start),
            (None, None) => (start..end, start..start),
        };
        let is_bare = |c: char| c.is_whitespace() || c == ',';
        if !self.slice(between).chars().all(is_bare) {
            return Err(self.layout("a comment stands beside the entry"));
        }
        Ok(Splice { span, text: String::new() })
    }
}
