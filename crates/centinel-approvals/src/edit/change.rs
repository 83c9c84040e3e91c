//! One planned change as replacements of byte spans: replace a value, add an entry, remove one.

mod add;
mod list;
mod remove;

use std::ops::Range;

use super::{
    EditError, Format, Planned, hcl,
    path::{Path, Step},
    toml,
    tree::{self, Found, Kind, Layout, Quote},
    value::{Scalar, Type, Value, is_number, is_quantity},
    yaml,
};

/// A span of the text and what comes in its place.
struct Splice {
    span: Range<usize>,
    text: String,
}

/// One change of one text.
struct Change<'c> {
    text: &'c str,
    format: Format,
    path: &'c Path,
}

/// The text with one planned change applied.
pub(super) fn apply(
    text: &str,
    format: Format,
    planned: &Planned,
    path: &Path,
) -> Result<String, EditError> {
    let tree = format.read(text)?;
    let root = tree.document(path)?;
    let change = Change { text, format, path };
    let found = tree::find(root, &path.steps, path)?;
    let splices = match (&planned.old, &planned.new, found) {
        (Some(old), Some(new), Some(found)) => change.replace(&found, old, new)?,
        (Some(old), None, Some(found)) => change.remove(&found, old)?,
        (None, Some(new), None) => {
            let Some((steps, key)) = path.split_last_key() else {
                return Err(change.layout("a new item of a list is planned as the whole list"));
            };
            // A path of one step adds to the root.
            match tree::find(root, steps, path)? {
                Some(parent) => vec![change.add(&parent, key, new)?],
                None => return Err(tree::missing(root, steps, path)),
            }
        }
        (None, _, Some(found)) => {
            let found = found.node().map_or_else(String::new, |node| described(&node.kind));
            return Err(EditError::Present { path: path.to_string(), found });
        }
        (_, _, None) => return Err(tree::missing(root, &path.steps, path)),
    };
    change.spliced(splices)
}

/// What a place holds, in words.
fn described(kind: &Kind) -> String {
    match kind {
        Kind::Scalar(scalar, _) => scalar.to_string(),
        Kind::Map(map) if map.layout == Layout::Words => "a table or block".to_owned(),
        Kind::Map(_) => "a mapping of several values".to_owned(),
        Kind::List { .. } => "a list".to_owned(),
        Kind::Fixed { what, .. } => (*what).to_owned(),
    }
}

impl Change<'_> {
    fn replace(
        &self,
        found: &Found<'_>,
        old: &Value,
        new: &Value,
    ) -> Result<Vec<Splice>, EditError> {
        self.check_shared(found)?;
        let Some(node) = found.node() else { return Err(self.layout("there is no such place")) };
        match &node.kind {
            Kind::Scalar(scalar, quote) => {
                if !scalar.is(old) {
                    return Err(self.differs(scalar, old));
                }
                let target = self.retyped(scalar, old, new)?;
                let text = self.written(&target, *quote, found.is_in_flow())?;
                Ok(vec![Splice { span: node.span.clone(), text }])
            }
            Kind::List { items, is_flow } => {
                let Value::Texts(new) = new else {
                    return Err(EditError::TypeChange {
                        path: self.path.to_string(),
                        found: described(&node.kind),
                        planned: new.to_string(),
                    });
                };
                self.replace_list(node, items, *is_flow || found.is_in_flow(), old, new)
            }
            kind => Err(self.uneditable(kind)),
        }
    }

    /// The new value with the type that it shall have.
    fn retyped(&self, found: &Scalar, old: &Value, new: &Value) -> Result<Scalar, EditError> {
        let change = || EditError::TypeChange {
            path: self.path.to_string(),
            found: found.to_string(),
            planned: new.to_string(),
        };
        let mut target = match new {
            Value::Untyped(text) => self.of_type_of(found, text).ok_or_else(change)?,
            _ => new.scalar().ok_or_else(change)?,
        };
        // TOML tells whole numbers from decimal ones; a decimal stays one.
        if self.format == Format::Toml
            && found.kind == Type::Decimal
            && target.kind == Type::Integer
        {
            target = Scalar { kind: Type::Decimal, text: format!("{}.0", target.text) };
        }
        let is_same = found.kind == target.kind
            || (self.format != Format::Toml && found.kind.is_number() && target.kind.is_number());
        let is_stated = !matches!(old, Value::Untyped(_)) && !matches!(new, Value::Untyped(_));
        if is_same || is_stated || self.is_quantity_of(found, &target) {
            Ok(target)
        } else {
            Err(change())
        }
    }

    /// A text as a value of the type that is there; `None` where it is none of that type.
    fn of_type_of(&self, found: &Scalar, text: &str) -> Option<Scalar> {
        let guessed = Scalar::guessed(text);
        match found.kind {
            Type::Text => Some(Scalar::text(text)),
            Type::Integer | Type::Decimal if is_number(text) => Some(guessed),
            Type::Boolean if guessed.kind == Type::Boolean => Some(guessed),
            _ => self.is_quantity_of(found, &guessed).then_some(guessed),
        }
    }

    /// `cpu: 2` may become `cpu: 1500m`: Kubernetes takes a quantity as number or text.
    fn is_quantity_of(&self, found: &Scalar, target: &Scalar) -> bool {
        let is_resource =
            |step: &Step| matches!(step, Step::Key(key) if key == "requests" || key == "limits");
        let parent = self.path.steps.iter().rev().nth(1);
        self.format != Format::Toml
            && parent.is_some_and(is_resource)
            && is_quantity(&found.text)
            && is_quantity(&target.text)
    }

    /// Refuses places that aliases use too.
    fn check_shared(&self, found: &Found<'_>) -> Result<(), EditError> {
        match found.chain.iter().find_map(|node| node.shared.as_deref()) {
            None => Ok(()),
            Some(anchor) => {
                Err(EditError::Shared { path: self.path.to_string(), anchor: super::shown(anchor) })
            }
        }
    }

    fn written(
        &self,
        scalar: &Scalar,
        quote: Quote,
        is_in_flow: bool,
    ) -> Result<String, EditError> {
        let text = match self.format {
            Format::Yaml | Format::Json => yaml::write(scalar, quote, is_in_flow, self.format),
            Format::Hcl => hcl::write(scalar),
            Format::Toml => Ok(toml::write(scalar, quote)),
        };
        text.map_err(|why| EditError::Value { path: self.path.to_string(), why })
    }

    /// A list of texts in brackets, as a new value.
    fn written_list(&self, texts: &[String]) -> Result<String, EditError> {
        let quote = if self.format == Format::Yaml { Quote::Plain } else { Quote::Double };
        let items: Result<Vec<String>, EditError> = texts
            .iter()
            .map(|text| self.written(&Scalar::text(text.as_str()), quote, true))
            .collect();
        Ok(format!("[{}]", items?.join(", ")))
    }

    fn written_key(&self, key: &str, is_in_flow: bool) -> Result<String, EditError> {
        let text = match self.format {
            Format::Yaml | Format::Json => yaml::write_key(key, is_in_flow, self.format),
            Format::Hcl => hcl::write_key(key, is_in_flow),
            Format::Toml => Ok(toml::write_key(key)),
        };
        text.map_err(|why| EditError::Value { path: self.path.to_string(), why })
    }

    fn spliced(&self, mut splices: Vec<Splice>) -> Result<String, EditError> {
        splices.sort_by_key(|splice| splice.span.start);
        let mut edited = String::with_capacity(self.text.len() + 64);
        let mut at = 0;
        for Splice { span, text } in splices {
            let kept = self.text.get(at..span.start);
            edited.push_str(kept.ok_or_else(|| self.layout("two changes meet in one place"))?);
            edited.push_str(&text);
            at = span.end;
        }
        let rest = self.text.get(at..);
        edited.push_str(rest.ok_or_else(|| self.layout("a place lies outside the text"))?);
        Ok(edited)
    }

    fn differs(&self, found: &impl ToString, planned: &Value) -> EditError {
        EditError::Differs {
            path: self.path.to_string(),
            found: found.to_string(),
            planned: planned.to_string(),
        }
    }

    fn uneditable(&self, kind: &Kind) -> EditError {
        let how = match kind {
            Kind::Fixed { how, .. } => how,
            _ => "plan the single values in it",
        };
        EditError::Uneditable { path: self.path.to_string(), what: described(kind), how }
    }

    fn layout(&self, why: &'static str) -> EditError {
        EditError::Layout { path: self.path.to_string(), why }
    }

    fn slice(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }

    /// Where the line begins that holds a position.
    fn line_start(&self, at: usize) -> usize {
        self.slice(0..at).rfind('\n').map_or(0, |found| found + 1)
    }

    /// Where the line ends that holds a position, before its line break.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let end = rest.find('\n').unwrap_or(rest.len());
        let line = rest.get(..end).unwrap_or_default();
        at + line.strip_suffix('\r').unwrap_or(line).len()
    }

    /// Behind the line break of the line that holds a position.
    fn next_line(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |found| at + found + 1)
    }

    /// How lines of this file end.
    fn line_break(&self) -> &'static str {
        let first = self.text.find('\n').unwrap_or(0);
        if self.slice(0..first).ends_with('\r') { "\r\n" } else { "\n" }
    }

    /// What stands before a position on its line, when that is white space only.
    fn indent(&self, at: usize) -> Option<&str> {
        let before = self.slice(self.line_start(at)..at);
        before.bytes().all(|byte| byte == b' ' || byte == b'\t').then_some(before)
    }

    /// Whether nothing but a comment follows on the line.
    fn is_last_on_line(&self, at: usize) -> bool {
        let rest = self.slice(at..self.line_end(at));
        let trimmed = rest.trim_start_matches([' ', '\t']);
        let is_apart = self.format != Format::Yaml || trimmed.len() < rest.len();
        let is_comment = match self.format {
            Format::Json => false,
            Format::Hcl => trimmed.starts_with('#') || trimmed.starts_with("//"),
            Format::Yaml | Format::Toml => trimmed.starts_with('#'),
        };
        trimmed.is_empty() || (is_comment && is_apart)
    }
}
