//! The second opinion: what a reader that shares no code with the editor makes of the file before and
//! after. Every planned place must hold its old value before and its new value after, and all else must
//! be equal, in its order.
//!
//! YAML is read by libyaml, which is what Python and Go make of it; JSON by serde_json; TOML and HCL by
//! small readers of our own, since the editor uses the libraries.

mod cursor;
mod hcl;
mod json;
mod toml;
mod yaml;

use centinel_engine::money::Decimal;

use super::{
    EditError, Format, Planned, Value,
    path::{Path, Step},
    shown,
};

/// Deepest nesting that a reader follows.
const DEPTH_MAX: usize = 128;

/// A file as the second reader sees it.
#[derive(Debug, PartialEq)]
pub(super) struct File {
    /// Documents in their order.
    documents: Vec<Reading>,
    /// What is no value, but belongs to the file's meaning: anchors, in their order.
    marks: Vec<String>,
}

/// A value as the second reader sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    Leaf(Leaf, String),
    /// Keys may stand twice.
    Map(Vec<(String, Reading)>),
    /// A block of HCL: of several with one name, a selector chooses.
    Block(Vec<(String, Reading)>),
    List(Vec<Reading>),
}

/// Type of a single value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Leaf {
    Text,
    Number,
    Boolean,
    /// Anything else, told apart by its text: null, dates, expressions, aliases.
    Other,
}

/// Requires that exactly the plan lies between two texts.
///
/// # Errors
///
/// [`EditError::Guard`] with the first difference from the plan.
pub(super) fn check(
    before: &str,
    after: &str,
    format: Format,
    plan: &[Planned],
    paths: &[Path],
) -> Result<(), EditError> {
    compare(before, after, format, plan, paths)
        .map_err(|why| EditError::Guard(super::shown_long(&why)))
}

fn compare(
    before: &str,
    after: &str,
    format: Format,
    plan: &[Planned],
    paths: &[Path],
) -> Result<(), String> {
    let mut old = read(before, format)?;
    let mut new = read(after, format)?;
    if old.documents.len() != new.documents.len() {
        return Err("another number of documents".to_owned());
    }
    // All places are looked up before any is taken out.
    let mut places = Vec::new();
    for (planned, path) in plan.iter().zip(paths) {
        let was = place(&old, path)?;
        let is = place(&new, path)?;
        let value_was = was.as_deref().and_then(|place| old.at(place));
        let value_is = is.as_deref().and_then(|place| new.at(place));
        check_value(value_was, planned.old.as_ref(), None, path, "before")?;
        check_value(value_is, planned.new.as_ref(), value_was, path, "after")?;
        places.push((was, is));
    }
    let (mut of_old, mut of_new): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    for (was, is) in places {
        // A value that stays in its place is masked, so that its key and order still count.
        let is_replaced = was.is_some() && is.is_some();
        of_old.extend(was.map(|place| (place, is_replaced)));
        of_new.extend(is.map(|place| (place, is_replaced)));
    }
    old.take_out(of_old)?;
    new.take_out(of_new)?;
    if old == new { Ok(()) } else { Err("something else changed too".to_owned()) }
}

fn read(text: &str, format: Format) -> Result<File, String> {
    let single = |reading| File { documents: vec![reading], marks: Vec::new() };
    match format {
        Format::Yaml => yaml::read(text),
        Format::Json => json::read(text).map(single),
        Format::Hcl => hcl::read(text).map(single),
        Format::Toml => toml::read(text).map(single),
    }
}

fn check_value(
    found: Option<&Reading>,
    planned: Option<&Value>,
    before: Option<&Reading>,
    path: &Path,
    when: &str,
) -> Result<(), String> {
    let is_right = match (found, planned) {
        (None, None) => true,
        (Some(found), Some(planned)) => found.is(planned, before),
        _ => false,
    };
    if is_right {
        return Ok(());
    }
    let found = found.map_or_else(|| "nothing".to_owned(), Reading::shown);
    let planned = planned.map_or_else(|| "nothing".to_owned(), Value::to_string);
    Err(format!("`{path}` is {found} {when}, planned was {planned}"))
}

/// The one place that a path names: the document, then positions; `None` where there is none.
fn place(file: &File, path: &Path) -> Result<Option<Vec<usize>>, String> {
    let mut found = Vec::new();
    for (index, document) in file.documents.iter().enumerate() {
        let fits = path.document.as_ref().is_none_or(|wanted| {
            let metadata = document.entry("metadata");
            let name = metadata.and_then(|metadata| metadata.field("name"));
            let namespace = metadata.and_then(|metadata| metadata.field("namespace"));
            document.field("kind") == Some(&wanted.kind)
                && (wanted.name.is_none() || wanted.name.as_deref() == name)
                && (wanted.namespace.is_none() || wanted.namespace.as_deref() == namespace)
        });
        if fits {
            document.collect(&path.steps, vec![index], &mut found);
        }
    }
    if found.len() > 1 {
        return Err(format!("`{path}` is in {} places", found.len()));
    }
    Ok(found.pop())
}

impl File {
    fn at(&self, place: &[usize]) -> Option<&Reading> {
        let (document, rest) = place.split_first()?;
        rest.iter().try_fold(self.documents.get(*document)?, |at, index| match at {
            Reading::Map(entries) | Reading::Block(entries) => {
                entries.get(*index).map(|(_, reading)| reading)
            }
            Reading::List(items) => items.get(*index),
            Reading::Leaf(..) => None,
        })
    }

    /// Masks or removes places, the last first, so that the others keep their positions.
    fn take_out(&mut self, mut places: Vec<(Vec<usize>, bool)>) -> Result<(), String> {
        places.sort();
        for (place, is_masked) in places.into_iter().rev() {
            let Some((last, above)) = place.split_last() else { continue };
            let Some((document, steps)) = above.split_first() else {
                return Err("a whole document was planned".to_owned());
            };
            let mut at = self.documents.get_mut(*document);
            for index in steps {
                at = match at {
                    Some(Reading::Map(entries) | Reading::Block(entries)) => {
                        entries.get_mut(*index).map(|(_, reading)| reading)
                    }
                    Some(Reading::List(items)) => items.get_mut(*index),
                    _ => None,
                };
            }
            let mask = Reading::Leaf(Leaf::Other, "planned".to_owned());
            match at {
                Some(Reading::Map(entries) | Reading::Block(entries)) if *last < entries.len() => {
                    if !is_masked {
                        entries.remove(*last);
                    } else if let Some((_, reading)) = entries.get_mut(*last) {
                        *reading = mask;
                    }
                }
                Some(Reading::List(items)) if is_masked => {
                    if let Some(item) = items.get_mut(*last) {
                        *item = mask;
                    }
                }
                _ => return Err("a place is lost".to_owned()),
            }
        }
        Ok(())
    }
}

impl Reading {
    fn entries(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Map(entries) | Self::Block(entries) => Some(entries),
            Self::Leaf(..) | Self::List(_) => None,
        }
    }

    fn entry(&self, name: &str) -> Option<&Self> {
        self.entries()?.iter().find(|(key, _)| key == name).map(|(_, reading)| reading)
    }

    fn field(&self, name: &str) -> Option<&str> {
        match self.entry(name)? {
            Self::Leaf(_, text) => Some(text),
            _ => None,
        }
    }

    /// All places below this one that the steps fit.
    fn collect(&self, steps: &[Step], at: Vec<usize>, found: &mut Vec<Vec<usize>>) {
        let Some((step, rest)) = steps.split_first() else {
            found.push(at);
            return;
        };
        let deeper = |index: usize| [at.as_slice(), &[index]].concat();
        match (self, step) {
            (Self::Map(entries) | Self::Block(entries), Step::Key(key)) => {
                let mut nth = 0;
                for (index, (_, reading)) in
                    entries.iter().enumerate().filter(|(_, (name, _))| name == key)
                {
                    match (reading, rest.split_first()) {
                        (Self::Block(_), Some((selector, below)))
                            if !matches!(selector, Step::Key(_)) =>
                        {
                            if reading.is_selected(selector, nth) {
                                reading.collect(below, deeper(index), found);
                            }
                            nth += 1;
                        }
                        _ => reading.collect(rest, deeper(index), found),
                    }
                }
            }
            (Self::List(items), selector) => {
                for (index, item) in
                    items.iter().enumerate().filter(|(nth, item)| item.is_selected(selector, *nth))
                {
                    item.collect(rest, deeper(index), found);
                }
            }
            _ => {}
        }
    }

    fn is_selected(&self, selector: &Step, nth: usize) -> bool {
        match selector {
            Step::Index(index) => *index == nth,
            Step::Field { name, value } => self.field(name) == Some(value),
            Step::Key(_) => false,
        }
    }

    /// Whether this is a planned value; an untyped one has the type of what was there before.
    fn is(&self, planned: &Value, before: Option<&Self>) -> bool {
        let number = |text: &str| text.replace('_', "").parse::<Decimal>().ok();
        match (self, planned) {
            (Self::Leaf(kind, text), Value::Text(planned)) => {
                *kind == Leaf::Text && text == planned
            }
            (Self::Leaf(kind, text), Value::Number(planned)) => {
                *kind == Leaf::Number && number(text) == Some(*planned)
            }
            (Self::Leaf(kind, text), Value::Boolean(planned)) => {
                *kind == Leaf::Boolean && text == if *planned { "true" } else { "false" }
            }
            (Self::Leaf(kind, text), Value::Untyped(planned)) => {
                let is_equal = text == planned
                    || (*kind == Leaf::Number
                        && number(text).is_some()
                        && number(text) == number(planned));
                let is_type = match before {
                    Some(Self::Leaf(before, _)) => {
                        let is_quantity = *before == Leaf::Number && *kind == Leaf::Text;
                        before == kind || (is_quantity && number(planned).is_none())
                    }
                    _ => *kind != Leaf::Other,
                };
                is_equal && is_type
            }
            (Self::List(items), Value::Texts(planned)) => {
                let texts = planned.iter().map(|text| (Leaf::Text, text.as_str()));
                let items = items.iter().map(|item| match item {
                    Self::Leaf(kind, text) => (*kind, text.as_str()),
                    _ => (Leaf::Other, ""),
                });
                items.eq(texts)
            }
            _ => false,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Leaf(kind, text) => format!("{kind:?} `{}`", shown(text)).to_lowercase(),
            Self::Map(_) | Self::Block(_) => "a mapping".to_owned(),
            Self::List(_) => "a list".to_owned(),
        }
    }
}
