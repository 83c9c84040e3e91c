//! Where in a file a value stands, in words that people write.

use std::fmt;

use super::EditError;

/// Longest path, in bytes.
const PATH_BYTES_MAX: usize = 2_000;
/// Most steps of a path.
const STEPS_MAX: usize = 64;

/// `Deployment/search: spec.containers[name=app].resources.limits.cpu`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Which document of a YAML stream; `None` where there is one.
    pub(super) document: Option<Document>,
    /// From the root to the value; never empty.
    pub(super) steps: Vec<Step>,
}

/// One document of a stream, as Kubernetes calls its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    /// `kind` of the document.
    pub(super) kind: String,
    /// `metadata.namespace`, where the path names one.
    pub(super) namespace: Option<String>,
    /// `metadata.name`, where the path names one.
    pub(super) name: Option<String>,
}

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a mapping, table, block or label.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
    /// Into the item of a list that has this field.
    Field {
        /// Key of the field.
        name: String,
        /// Its value as text.
        value: String,
    },
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    ///
    /// [`EditError::Path`] where it is none.
    pub fn parse(text: &str) -> Result<Self, EditError> {
        let wrong = |why: &'static str| EditError::Path { path: super::shown(text), why };
        if text.len() > PATH_BYTES_MAX {
            return Err(wrong("it is longer than 2,000 bytes"));
        }
        if text.chars().any(super::is_hidden) {
            return Err(wrong("it holds control or invisible characters"));
        }
        let (document, rest) = match split_document(text) {
            Some((document, rest)) => (Some(document.ok_or_else(|| wrong(DOCUMENT_FORM))?), rest),
            None => (None, text),
        };
        let mut reader = Reader { rest };
        let mut steps = Vec::new();
        loop {
            let key = reader.key().map_err(wrong)?;
            steps.push(Step::Key(key));
            while reader.rest.starts_with('[') {
                steps.push(reader.selector().map_err(wrong)?);
            }
            match reader.rest.strip_prefix('.') {
                Some(rest) => reader.rest = rest,
                None if reader.rest.is_empty() => break,
                None => return Err(wrong("after a selector comes `.`, `[` or the end")),
            }
        }
        if steps.len() > STEPS_MAX {
            return Err(wrong("it has more than 64 steps"));
        }
        Ok(Self { document, steps })
    }

    /// All but the last step, and the key that the last one names.
    pub(super) fn split_last_key(&self) -> Option<(&[Step], &str)> {
        match self.steps.split_last()? {
            (Step::Key(key), before) => Some((before, key)),
            _ => None,
        }
    }

    /// Whether one of both contains the other, or they are equal.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.document == other.document
            && self.steps.iter().zip(&other.steps).all(|(one, two)| one == two)
    }
}

const DOCUMENT_FORM: &str =
    "a document is `Kind:`, `Kind/name:` or `Kind/namespace/name:`, then a space";

/// What stands before `: `, outside quotes and brackets; `Some(None)` when that is no document.
fn split_document(text: &str) -> Option<(Option<Document>, &str)> {
    let end = text.find([':', '"', '['])?;
    let rest = text.get(end..)?.strip_prefix(": ")?;
    let parts: Vec<&str> = text.get(..end)?.split('/').collect();
    if parts.iter().any(|part| part.is_empty() || part.contains(char::is_whitespace)) {
        return Some((None, rest));
    }
    let document = |kind: &str, namespace: Option<&str>, name: Option<&str>| Document {
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
    };
    let document = match *parts.as_slice() {
        [kind] => Some(document(kind, None, None)),
        [kind, name] => Some(document(kind, None, Some(name))),
        [kind, namespace, name] => Some(document(kind, Some(namespace), Some(name))),
        _ => None,
    };
    Some((document, rest.trim_start_matches(' ')))
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    /// A bare or quoted key.
    fn key(&mut self) -> Result<String, &'static str> {
        if self.rest.starts_with('"') {
            return self.quoted();
        }
        let end = self.rest.find(['.', '[']).unwrap_or(self.rest.len());
        let (key, rest) = self.rest.split_at(end);
        if key.is_empty() {
            return Err("a key is empty; one that holds `.`, `[` or nothing stands in quotes");
        }
        let is_odd = |c: char| c.is_whitespace() || matches!(c, ']' | '"' | ':' | '=' | '#');
        if key.contains(is_odd) {
            return Err("a key with spaces or `]`, `\"`, `:`, `=`, `#` stands in quotes");
        }
        self.rest = rest;
        Ok(key.to_owned())
    }

    /// `[2]`, `[name=app]` or `[name="any, text]"]`.
    fn selector(&mut self) -> Result<Step, &'static str> {
        const FORM: &str = "a selector is `[2]` or `[name=value]`";
        let inside = self.rest.strip_prefix('[').ok_or(FORM)?;
        let end = inside.find(['=', ']']).ok_or(FORM)?;
        let name = inside.get(..end).ok_or(FORM)?;
        self.rest = inside.get(end..).ok_or(FORM)?;
        let Some(rest) = self.rest.strip_prefix('=') else {
            self.rest = self.rest.strip_prefix(']').ok_or(FORM)?;
            let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
            let index = if is_number { name.parse().ok() } else { None };
            return index.map(Step::Index).ok_or(FORM);
        };
        self.rest = rest;
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(FORM);
        }
        let value = if self.rest.starts_with('"') {
            self.quoted()?
        } else {
            let end = self.rest.find(']').ok_or(FORM)?;
            let (value, rest) = self.rest.split_at(end);
            self.rest = rest;
            value.to_owned()
        };
        self.rest = self.rest.strip_prefix(']').ok_or(FORM)?;
        Ok(Step::Field { name: name.to_owned(), value })
    }

    /// A string as in JSON.
    fn quoted(&mut self) -> Result<String, &'static str> {
        const FORM: &str = "a quoted part is a string as in JSON";
        let mut parts = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        let text = parts.next().ok_or(FORM)?.map_err(|_| FORM)?;
        let read = parts.byte_offset();
        self.rest = self.rest.get(read..).ok_or(FORM)?;
        Ok(text)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Document { kind, namespace, name }) = &self.document {
            f.write_str(kind)?;
            for part in [namespace, name].into_iter().flatten() {
                write!(f, "/{part}")?;
            }
            f.write_str(": ")?;
        }
        for (index, step) in self.steps.iter().enumerate() {
            match step {
                Step::Key(key) => {
                    let dot = if index > 0 { "." } else { "" };
                    let is_bare = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/');
                    if !key.is_empty() && key.chars().all(is_bare) {
                        write!(f, "{dot}{key}")?;
                    } else {
                        write!(f, "{dot}{}", serde_json::json!(key))?;
                    }
                }
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Field { name, value } if value.contains([']', '"']) => {
                    write!(f, "[{name}={}]", serde_json::json!(value))?;
                }
                Step::Field { name, value } => write!(f, "[{name}={value}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_shown() {
        for text in [
            "replicas",
            "a.b-c.d_e",
            "containers[name=app].resources.requests.cpu",
            "model_list[0].litellm_params.model",
            "Deployment/search: spec.template.spec.containers[0].image",
            "Deployment/prod/search: spec.replicas",
            "Kustomization: images[name=a/b].newTag",
            "metadata.annotations.\"example.com/a.b\"",
            "rule[name=above $10,000].approvers",
            "rule[name=\"a]b\"].approvers",
            "resource.aws_s3_bucket.\"my bucket\".tags.Owner",
            "matrix[0][1]",
        ] {
            assert_eq!(Path::parse(text).unwrap().to_string(), text, "{text}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_with_the_reason() {
        let long = "a".repeat(2_001);
        let deep = vec!["a"; 65].join(".");
        for (text, part) in [
            ("", "a key is empty"),
            ("a..b", "a key is empty"),
            (".a", "a key is empty"),
            ("a.", "a key is empty"),
            ("[0]", "a key is empty"),
            ("a[", "a selector is"),
            ("a[x]", "a selector is"),
            ("a[-1]", "a selector is"),
            ("a[99999999999999999999999]", "a selector is"),
            ("a[=x]", "a selector is"),
            ("a[n=x", "a selector is"),
            ("a[0]b", "after a selector"),
            ("\"a", "as in JSON"),
            ("a b", "stands in quotes"),
            ("a:b", "stands in quotes"),
            ("a/b/c/d: x", "a document is"),
            ("/x: y", "a document is"),
            ("a\nb", "invisible"),
            ("a\u{202e}b", "invisible"),
            (long.as_str(), "2,000 bytes"),
            (deep.as_str(), "64 steps"),
        ] {
            let error = Path::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
