//! A file as a tree of places: what stands where, in bytes. Every format is read into this one form.

use std::ops::Range;

use super::{
    EditError,
    path::{Document, Path, Step},
    value::Scalar,
};

/// A file: one document, or the documents of a YAML stream.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) documents: Vec<Node>,
}

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    /// From its first to behind its last byte; of block collections only a place inside.
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
    /// Name of the anchor that is defined here and used elsewhere.
    pub(super) shared: Option<String>,
}

/// What stands in a place.
#[derive(Debug)]
pub(super) enum Kind {
    Scalar(Scalar, Quote),
    Map(Map),
    List {
        items: Vec<Node>,
        is_flow: bool,
    },
    /// What an edit cannot change: what it is, and how to go on.
    Fixed {
        what: &'static str,
        how: &'static str,
    },
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    Plain,
    Single,
    Double,
}

/// A mapping, table, block or object.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) entries: Vec<Entry>,
    pub(super) layout: Layout,
    /// Whether a merge key brings further entries.
    pub(super) merges: bool,
}

/// One key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    /// `None` where the key is no plain text (a collection, an expression).
    pub(super) key: Option<String>,
    pub(super) key_span: Range<usize>,
    pub(super) node: Node,
}

/// How a map is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// YAML by indentation.
    Block,
    /// In braces.
    Flow,
    /// Lines of a block or table; the position behind its `{` or header, `None` at the root.
    Lines { open: Option<usize> },
    /// Words before a block or table: labels, parts of a header.
    Words,
}

/// A place that a path names.
#[derive(Debug, Clone)]
pub(super) struct Found<'t> {
    /// From the root to the place itself.
    pub(super) chain: Vec<&'t Node>,
    /// Which entry or item of the last but one it is.
    pub(super) index: usize,
}

impl Node {
    pub(super) fn fixed(span: Range<usize>, what: &'static str, how: &'static str) -> Self {
        Self { span, kind: Kind::Fixed { what, how }, shared: None }
    }

    pub(super) fn new(span: Range<usize>, kind: Kind) -> Self {
        Self { span, kind, shared: None }
    }

    /// The text of an entry that is a single value.
    fn field(&self, name: &str) -> Option<&str> {
        let Kind::Map(map) = &self.kind else { return None };
        let entry = map.entries.iter().find(|entry| entry.key.as_deref() == Some(name))?;
        match &entry.node.kind {
            Kind::Scalar(scalar, _) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The map that an entry of it is.
    fn entry(&self, name: &str) -> Option<&Self> {
        let Kind::Map(map) = &self.kind else { return None };
        map.entries.iter().find(|entry| entry.key.as_deref() == Some(name)).map(|found| &found.node)
    }
}

impl Map {
    /// Whether a key may stand here once only.
    fn is_unique(&self) -> bool {
        matches!(self.layout, Layout::Block | Layout::Flow)
    }
}

impl<'t> Found<'t> {
    /// The place itself.
    pub(super) fn node(&self) -> Option<&'t Node> {
        self.chain.last().copied()
    }

    /// The map that holds it.
    pub(super) fn parent(&self) -> Option<&'t Map> {
        match &self.chain.get(self.chain.len().checked_sub(2)?)?.kind {
            Kind::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Whether it stands inside braces or brackets.
    pub(super) fn is_in_flow(&self) -> bool {
        let around = self.chain.len().saturating_sub(1);
        self.chain.iter().take(around).any(|node| match &node.kind {
            Kind::Map(map) => map.layout == Layout::Flow,
            Kind::List { is_flow, .. } => *is_flow,
            _ => false,
        })
    }
}

impl Tree {
    /// The document that a path is about.
    pub(super) fn document(&self, path: &Path) -> Result<&Node, EditError> {
        let fits = |node: &&Node| match &path.document {
            None => true,
            Some(document) => is_document(node, document),
        };
        let found: Vec<&Node> = self.documents.iter().filter(fits).collect();
        match *found.as_slice() {
            [one] => Ok(one),
            _ => Err(EditError::Document { path: path.to_string(), count: found.len() }),
        }
    }
}

fn is_document(node: &Node, document: &Document) -> bool {
    let of_metadata = |name: &str| node.entry("metadata").and_then(|found| found.field(name));
    let is = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
    };
    node.field("kind") == Some(&document.kind)
        && is(&document.name, of_metadata("name"))
        && is(&document.namespace, of_metadata("namespace"))
}

/// The one place that `steps` name below `root`.
///
/// # Errors
///
/// Where there is none, or more than one, or a mapping on the way has the key twice; `path` is what
/// the messages call it.
pub(super) fn find<'t>(
    root: &'t Node,
    steps: &[Step],
    path: &Path,
) -> Result<Option<Found<'t>>, EditError> {
    let mut search = Search { found: Vec::new(), twice: None };
    search.walk(Found { chain: vec![root], index: 0 }, steps);
    if let Some(key) = search.twice {
        return Err(EditError::Duplicate { path: path.to_string(), key: super::shown(&key) });
    }
    let count = search.found.len();
    match search.found.pop() {
        found if count < 2 => Ok(found),
        _ => Err(EditError::Ambiguous { path: path.to_string(), count }),
    }
}

/// Why there is no such place: the first step that leads nowhere, or what stands in the way.
pub(super) fn missing(root: &Node, steps: &[Step], path: &Path) -> EditError {
    for length in (0..steps.len()).rev() {
        let Ok(Some(found)) = find(root, steps.get(..length).unwrap_or_default(), path) else {
            continue;
        };
        match found.node().map(|node| &node.kind) {
            Some(Kind::Fixed { what, how }) => {
                return EditError::Uneditable {
                    path: path.to_string(),
                    what: format!("inside {what}"),
                    how,
                };
            }
            Some(Kind::Map(map)) if map.merges => {
                return EditError::Merged { path: path.to_string() };
            }
            _ => {}
        }
        let part = steps.get(..=length).unwrap_or(steps).to_vec();
        let part = Path { document: None, steps: part }.to_string();
        return EditError::Missing { path: path.to_string(), part };
    }
    EditError::Missing { path: path.to_string(), part: path.to_string() }
}

struct Search<'t> {
    found: Vec<Found<'t>>,
    twice: Option<String>,
}

impl<'t> Search<'t> {
    fn walk(&mut self, at: Found<'t>, steps: &[Step]) {
        let Some((step, rest)) = steps.split_first() else {
            self.found.push(at);
            return;
        };
        let Some(node) = at.node() else { return };
        match (&node.kind, step) {
            (Kind::Map(map), Step::Key(key)) => {
                let same: Vec<(usize, &Node)> = map
                    .entries
                    .iter()
                    .enumerate()
                    .filter(|(_, entry)| entry.key.as_deref() == Some(key))
                    .map(|(index, entry)| (index, &entry.node))
                    .collect();
                if map.is_unique() && same.len() > 1 {
                    self.twice = Some(key.clone());
                    return;
                }
                // Blocks of one type stand side by side; a selector chooses among them.
                let is_block = |node: &Node| matches!(&node.kind, Kind::Map(map) if map.layout != Layout::Flow);
                let blocks: Vec<(usize, &Node)> =
                    same.iter().copied().filter(|(_, node)| is_block(node)).collect();
                if let Some((selector @ (Step::Index(_) | Step::Field { .. }), below)) =
                    rest.split_first()
                    && !map.is_unique()
                    && !blocks.is_empty()
                {
                    for (_, (index, node)) in blocks
                        .iter()
                        .enumerate()
                        .filter(|(nth, (_, node))| fits(selector, *nth, node))
                    {
                        self.walk(below_of(&at, *index, node), below);
                    }
                    return;
                }
                for (index, node) in same {
                    self.walk(below_of(&at, index, node), rest);
                }
            }
            (Kind::List { items, .. }, selector @ (Step::Index(_) | Step::Field { .. })) => {
                for (index, item) in
                    items.iter().enumerate().filter(|(nth, item)| fits(selector, *nth, item))
                {
                    self.walk(below_of(&at, index, item), rest);
                }
            }
            _ => {}
        }
    }
}

fn below_of<'t>(at: &Found<'t>, index: usize, node: &'t Node) -> Found<'t> {
    let mut chain = at.chain.clone();
    chain.push(node);
    Found { chain, index }
}

fn fits(selector: &Step, nth: usize, node: &Node) -> bool {
    match selector {
        Step::Index(index) => nth == *index,
        Step::Field { name, value } => node.field(name) == Some(value),
        Step::Key(_) => false,
    }
}
