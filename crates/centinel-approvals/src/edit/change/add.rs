//! A new entry: behind the last sibling that stands on one line, or before the first.

use super::{Change, Splice};
use crate::edit::{
    EditError, Format,
    tree::{Entry, Found, Kind, Layout, Map, Node, Quote},
    value::{Type, Value},
};

impl Change<'_> {
    pub(super) fn add(
        &self,
        parent: &Found<'_>,
        key: &str,
        new: &Value,
    ) -> Result<Splice, EditError> {
        self.check_shared(parent)?;
        let Some(node) = parent.node() else { return Err(self.layout("there is no such place")) };
        let Kind::Map(map) = &node.kind else { return Err(self.uneditable(&node.kind)) };
        if map.merges {
            return Err(EditError::Merged { path: self.path.to_string() });
        }
        let is_flow = map.layout == Layout::Flow || parent.is_in_flow();
        let key_text = self.written_key(key, is_flow)?;
        let value = match new {
            Value::Texts(texts) => self.written_list(texts)?,
            _ => {
                let Some(mut scalar) = new.scalar() else {
                    return Err(self.layout("a list cannot be written here"));
                };
                // Out of place a number would be another type than its neighbours of one table.
                if self.format == Format::Toml
                    && scalar.kind == Type::Decimal
                    && !scalar.text.contains('.')
                {
                    scalar.text.push_str(".0");
                }
                let quote = if self.format == Format::Yaml { Quote::Plain } else { Quote::Double };
                self.written(&scalar, quote, is_flow)?
            }
        };
        let mut pair = Pair { key: key_text, value, separator: self.separator(map, is_flow) };
        match map.layout {
            Layout::Flow => self.add_in_braces(node, map, &pair),
            Layout::Block => self.add_line(map, &mut pair),
            Layout::Lines { open } => self.add_in_lines(map, open, &mut pair),
            Layout::Words => Err(self.layout(
                "this table or block has no lines of its own; it is made of other headers or labels",
            )),
        }
    }

    /// What stands between key and value here.
    fn separator(&self, map: &Map, is_flow: bool) -> &'static str {
        match self.format {
            Format::Yaml | Format::Json => {
                let is_tight = map.entries.last().is_some_and(|entry| {
                    self.slice(entry.key_span.end..entry.node.span.start) == ":"
                });
                if is_tight && self.format == Format::Json { ":" } else { ": " }
            }
            Format::Toml => " = ",
            Format::Hcl => {
                let is_colon = is_flow
                    && map.entries.last().is_some_and(|entry| {
                        self.slice(entry.key_span.end..entry.node.span.start).contains(':')
                    });
                if is_colon { ": " } else { " = " }
            }
        }
    }

    /// Behind the last sibling that stands on one line, else before the first.
    fn add_line(&self, map: &Map, pair: &mut Pair) -> Result<Splice, EditError> {
        if let Some(splice) = self.behind_sibling(map, pair) {
            return Ok(splice);
        }
        let first = map.entries.first().map_or(0, |entry| entry.key_span.start);
        let before = self.slice(self.line_start(first)..first);
        if !before.bytes().all(|byte| matches!(byte, b' ' | b'-')) {
            return Err(self.layout("the first key does not begin its line"));
        }
        let indent = " ".repeat(before.len());
        let text = format!("{}{}{indent}", pair.line(""), self.line_break());
        Ok(Splice { span: first..first, text })
    }

    fn behind_sibling(&self, map: &Map, pair: &mut Pair) -> Option<Splice> {
        let sibling = map.entries.iter().rev().find(|entry| self.is_one_line(entry))?;
        let start = sibling.key_span.start;
        let before = self.slice(self.line_start(start)..start);
        let is_clear = before.bytes().all(|byte| {
            matches!(byte, b' ' | b'\t') || (byte == b'-' && self.format == Format::Yaml)
        });
        if !is_clear {
            return None;
        }
        let indent =
            if self.format == Format::Yaml { " ".repeat(before.len()) } else { before.to_owned() };
        // Signs of equality below each other stay so, where the new key is short enough.
        if self.format == Format::Hcl
            && let gap = self.slice(sibling.key_span.end..sibling.node.span.start)
            && let Some(sign) = gap.find('=')
        {
            let wide = (sibling.key_span.end - start) + sign;
            let own = pair.key.chars().count();
            pair.key.push_str(&" ".repeat(wide.saturating_sub(own + 1)));
        }
        let at = self.line_end(sibling.node.span.end);
        let text = format!("{}{}", self.line_break(), pair.line(&indent));
        Some(Splice { span: at..at, text })
    }

    /// Whether an entry is one line of this map, and ends it.
    fn is_one_line(&self, entry: &Entry) -> bool {
        let span = entry.key_span.start..entry.node.span.end;
        let is_inline = match &entry.node.kind {
            Kind::Scalar(..) | Kind::Fixed { .. } => !entry.node.span.is_empty(),
            Kind::List { is_flow, .. } => *is_flow,
            Kind::Map(map) => map.layout == Layout::Flow,
        };
        is_inline
            && span.start < span.end
            && !self.slice(span.clone()).contains('\n')
            && self.is_last_on_line(span.end)
    }

    /// Into a block or table of lines.
    fn add_in_lines(
        &self,
        map: &Map,
        open: Option<usize>,
        pair: &mut Pair,
    ) -> Result<Splice, EditError> {
        if let Some(splice) = self.behind_sibling(map, pair) {
            return Ok(splice);
        }
        let Some(open) = open else {
            if !map.entries.is_empty() {
                return Err(self.layout("the file's top level has no line to put this behind"));
            }
            let at = self.text.len();
            let is_ended = self.text.is_empty() || self.text.ends_with('\n');
            let line = pair.line("");
            let line_break = self.line_break();
            let text = if is_ended {
                format!("{line}{line_break}")
            } else {
                format!("{line_break}{line}")
            };
            return Ok(Splice { span: at..at, text });
        };
        let line = self.slice(self.line_start(open)..open);
        let outer: String = line.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
        if self.is_last_on_line(open) {
            let own = map.entries.first().and_then(|entry| self.indent(entry.key_span.start));
            let indent = match (self.format, own) {
                (Format::Hcl, Some(own)) => own.to_owned(),
                (Format::Hcl, None) => format!("{outer}  "),
                _ => outer,
            };
            let at = self.line_end(open);
            let text = format!("{}{}", self.line_break(), pair.line(&indent));
            return Ok(Splice { span: at..at, text });
        }
        let rest = self.slice(open..self.line_end(open));
        if map.entries.is_empty() && rest.trim_start().starts_with('}') {
            let space = if rest.starts_with('}') { " " } else { "" };
            return Ok(Splice { span: open..open, text: format!(" {}{space}", pair.line("")) });
        }
        Err(self.layout("a block on one line has room for one argument"))
    }

    /// Into braces.
    fn add_in_braces(&self, node: &Node, map: &Map, pair: &Pair) -> Result<Splice, EditError> {
        let inside = node.span.start + 1..node.span.end.saturating_sub(1);
        let Some(last) = map.entries.last() else {
            if !self.slice(inside.clone()).trim().is_empty() {
                return Err(self.layout("a comment stands between the braces"));
            }
            let pad = if matches!(self.format, Format::Hcl | Format::Toml) { " " } else { "" };
            return Ok(Splice { span: inside, text: format!("{pad}{}{pad}", pair.line("")) });
        };
        let end = last.node.span.end;
        let tail = self.slice(end..inside.end);
        let indent = self.indent(last.key_span.start);
        let has_comma = tail.trim() == ",";
        if let (Format::Hcl, Some(indent)) = (self.format, indent) {
            // Lines separate as commas do; the last one may have a comma, and a comment.
            let comma = tail.trim_start_matches([' ', '\t']).starts_with(',');
            let behind = end + if comma { tail.find(',').map_or(0, |found| found + 1) } else { 0 };
            if !self.is_last_on_line(behind) {
                return Err(self.layout("the last entry does not end its line"));
            }
            let at = self.line_end(behind);
            let comma = if comma { "," } else { "" };
            let text = format!("{}{}{comma}", self.line_break(), pair.line(indent));
            return Ok(Splice { span: at..at, text });
        }
        let separator = match indent {
            Some(indent) if self.format != Format::Toml => format!("{}{indent}", self.line_break()),
            Some(_) => return Err(self.layout("an inline table over several lines")),
            None => " ".to_owned(),
        };
        if has_comma && self.format == Format::Yaml && indent.is_some() {
            let at = end + tail.find(',').map_or(0, |found| found + 1);
            return Ok(Splice { span: at..at, text: format!("{separator}{},", pair.line("")) });
        }
        if !tail.trim().is_empty() {
            return Err(self.layout("a comma or comment stands behind the last entry"));
        }
        Ok(Splice { span: end..end, text: format!(",{separator}{}", pair.line("")) })
    }
}

/// A new entry as text.
struct Pair {
    key: String,
    value: String,
    separator: &'static str,
}

impl Pair {
    fn line(&self, indent: &str) -> String {
        format!("{indent}{}{}{}", self.key, self.separator, self.value)
    }
}
