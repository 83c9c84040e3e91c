//! Why a file is left as it is.

use super::{Format, PLAN_MAX, TEXT_BYTES_MAX};

/// Why nothing was edited: which path, what was found. [`EditError::hint`] says how to go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Nothing is planned, or too much.
    #[error("a plan has 1 to {PLAN_MAX} changes; this one has {0}")]
    Plan(usize),
    /// Two changes of one plan meet in one place.
    #[error("`{0}` and `{1}` are planned together, and one contains the other")]
    Overlap(String, String),
    /// A change that changes nothing.
    #[error("`{0}`: the planned value is the value until now")]
    NoChange(String),
    /// The path cannot be read.
    #[error("`{path}` is no path: {why}")]
    Path {
        /// As given.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file is too large to be a configuration that people read.
    #[error("the file has {0} bytes, more than {TEXT_BYTES_MAX}")]
    TooLarge(usize),
    /// The file is no UTF-8.
    #[error("the file is not UTF-8: byte {0} is part of no character")]
    NotUtf8(usize),
    /// The file holds what no editor shows.
    #[error("line {line} holds the control character U+{code:04X}")]
    Control {
        /// From 1.
        line: usize,
        /// The character.
        code: u32,
    },
    /// The file does not follow its format.
    #[error("the file is not readable as {format}: {why}")]
    Syntax {
        /// As what it was read.
        format: Format,
        /// What its parser says.
        why: String,
    },
    /// The file is a template of a template language.
    #[error(
        "line {line} holds a template expression (`{{{{`): the file is rendered before it is used"
    )]
    Template {
        /// From 1.
        line: usize,
    },
    /// There is no such document in the stream.
    #[error("`{path}`: {count} documents of the file fit")]
    Document {
        /// The path.
        path: String,
        /// How many fit.
        count: usize,
    },
    /// A part of the path is not in the file.
    #[error("`{path}`: the file has no `{part}`")]
    Missing {
        /// The path.
        path: String,
        /// The path up to the part that is missing.
        part: String,
    },
    /// The path fits several places.
    #[error("`{path}`: {count} places of the file fit")]
    Ambiguous {
        /// The path.
        path: String,
        /// How many.
        count: usize,
    },
    /// A mapping on the way has a key twice.
    #[error("`{path}`: the key `{key}` stands there twice")]
    Duplicate {
        /// The path.
        path: String,
        /// The key.
        key: String,
    },
    /// The compare of compare-and-set: a value where none is expected.
    #[error("`{path}`: nothing was to be there, and {found} is")]
    Present {
        /// The path.
        path: String,
        /// What is there.
        found: String,
    },
    /// The compare of compare-and-set: another value.
    #[error("`{path}`: {planned} was to be there, and {found} is")]
    Differs {
        /// The path.
        path: String,
        /// What is there.
        found: String,
        /// What the plan says.
        planned: String,
    },
    /// The value would become one of another type.
    #[error("`{path}`: {found} would become {planned}, another type")]
    TypeChange {
        /// The path.
        path: String,
        /// What is there.
        found: String,
        /// What the plan says.
        planned: String,
    },
    /// A value that an edit of its text cannot change safely.
    #[error("`{path}` is {what}")]
    Uneditable {
        /// The path.
        path: String,
        /// What it is.
        what: String,
        /// How to go on.
        how: &'static str,
    },
    /// The value is used elsewhere by way of an anchor.
    #[error("`{path}` lies in the anchor `&{anchor}`, which other places of the file use")]
    Shared {
        /// The path.
        path: String,
        /// Name of the anchor.
        anchor: String,
    },
    /// A merge key supplies the mapping.
    #[error("`{path}`: a merge key (`<<`) supplies this mapping")]
    Merged {
        /// The path.
        path: String,
    },
    /// The planned value cannot be written.
    #[error("`{path}`: the planned value {why}")]
    Value {
        /// The path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The text around the place has a form in which an edit could touch more than planned.
    #[error("`{path}`: {why}")]
    Layout {
        /// The path.
        path: String,
        /// What is in the way.
        why: &'static str,
    },
    /// The second reader does not see exactly the planned change.
    #[error("a second reader of the edited file does not see exactly the plan: {0}")]
    Guard(String),
}

impl EditError {
    /// What the person can do now; `None` when the message says it all.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Plan(_) | Self::Overlap(..) | Self::NoChange(_) => {
                "plan each value once, with its new value"
            }
            Self::Path { .. } => {
                "`a.b[name=x].\"key with dots\"`, before it `Kind/name: ` for one document of several"
            }
            Self::TooLarge(_) => "split the file, or make the change by hand",
            Self::NotUtf8(_) | Self::Control { .. } => {
                "save the file as UTF-8 without control characters"
            }
            Self::Syntax { .. } => {
                "correct the file first; nothing is edited in a file that does not parse"
            }
            Self::Template { .. } => "edit the values file that the template reads instead",
            Self::Document { count: 0, .. } => {
                "name the document by its `kind` and `metadata.name`"
            }
            Self::Document { .. } => "put `Kind/name: ` or `Kind/namespace/name: ` before the path",
            Self::Missing { .. } => {
                "a key is added to a mapping, table or block that exists; only the last step may be new"
            }
            Self::Ambiguous { .. } => {
                "select one of them by an index (`[0]`) or a field (`[name=x]`)"
            }
            Self::Duplicate { .. } => {
                "remove one of both first: readers disagree about which counts"
            }
            Self::Present { .. } | Self::Differs { .. } => {
                "the file changed since the proposal was computed; compute it again"
            }
            Self::TypeChange { .. } => "state both values with their types if that is meant",
            Self::Uneditable { how, .. } => how,
            Self::Shared { .. } => {
                "give this place a value of its own first, or edit all uses by hand"
            }
            Self::Merged { .. } => "edit the mapping that is merged, or write the key here by hand",
            Self::Value { .. } => "plan another value",
            Self::Layout { .. } => "make this change by hand",
            Self::Guard(_) => "nothing was changed; make this change by hand",
        };
        Some(text.to_owned())
    }
}
