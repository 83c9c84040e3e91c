//! Surgical edits of configuration files: the planned values change, and not one byte else.
//!
//! [`edit`] is a pure function of texts. It looks up each path in a tree of byte spans, compares the old
//! value, and replaces the span of the value, or adds or removes one entry. Then a second reader, which
//! shares no code with the first, reads both texts and must find exactly the plan (`guard`). Whatever
//! could touch more than planned is refused, with the reason and a way on.

mod change;
mod error;
mod guard;
mod hcl;
mod path;
mod toml;
mod tree;
mod value;
mod yaml;

use std::fmt;

pub use error::EditError;
pub use path::Path;
pub use value::Value;

use self::tree::Tree;

/// Largest file, in bytes.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// Most changes of one plan.
pub const PLAN_MAX: usize = 100;
/// Most items of a list.
pub const LIST_ITEMS_MAX: usize = 100;
/// Longest planned value, in bytes.
pub const VALUE_BYTES_MAX: usize = 4_096;
/// Deepest nesting that is read.
const DEPTH_MAX: usize = 64;

/// The language of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML, one document or several.
    Yaml,
    /// JSON.
    Json,
    /// Terraform's and OpenTofu's language, modules and `.tfvars`.
    Hcl,
    /// TOML.
    Toml,
}

/// One planned change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Where: see [`Path`].
    pub path: String,
    /// What must be there now; `None` when nothing may be there.
    pub old: Option<Value>,
    /// What shall be there; `None` removes it.
    pub new: Option<Value>,
}

impl From<&centinel_engine::proposal::Edit> for Planned {
    /// A proposal's edit; its values have the types that the file has there.
    fn from(edit: &centinel_engine::proposal::Edit) -> Self {
        let value = |text: &Option<String>| text.clone().map(Value::Untyped);
        Self { path: edit.path.clone(), old: value(&edit.from), new: value(&edit.to) }
    }
}

impl Format {
    /// The format of a file by its name; `None` where we know none.
    pub fn of_file(name: &str) -> Option<Self> {
        let name = name.rsplit(['/', '\\']).next()?.to_ascii_lowercase();
        match name.rsplit_once('.')?.1 {
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            "tf" | "tfvars" | "tofu" | "hcl" => Some(Self::Hcl),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }

    fn read(self, text: &str) -> Result<Tree, EditError> {
        match self {
            Self::Yaml | Self::Json => yaml::read(text, self),
            Self::Hcl => hcl::read(text),
            Self::Toml => toml::read(text),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Yaml => "YAML",
            Self::Json => "JSON",
            Self::Hcl => "HCL",
            Self::Toml => "TOML",
        })
    }
}

/// The file with the plan applied; every byte that the plan does not name is as it was.
///
/// Changes are applied in their order. A replaced value keeps its quoting style where the new value
/// allows it; an added entry goes behind its last sibling that stands on one line; a removed entry takes
/// its line along, and the comment on that line.
///
/// # Errors
///
/// [`EditError`]: the first change that cannot be made, or that would change more than itself.
pub fn edit(file: &[u8], format: Format, plan: &[Planned]) -> Result<String, EditError> {
    if plan.is_empty() || plan.len() > PLAN_MAX {
        return Err(EditError::Plan(plan.len()));
    }
    let paths = checked(plan)?;
    let text = readable(file)?;
    // A byte order mark is no part of any format's text.
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let mut edited = body.to_owned();
    for (planned, path) in plan.iter().zip(&paths) {
        edited = change::apply(&edited, format, planned, path)?;
    }
    guard::check(body, &edited, format, plan, &paths)?;
    Ok(format!("{mark}{edited}"))
}

/// The paths of a plan whose parts do not get in each other's way.
fn checked(plan: &[Planned]) -> Result<Vec<Path>, EditError> {
    let mut paths: Vec<Path> = Vec::new();
    for planned in plan {
        let path = Path::parse(&planned.path)?;
        if let Some(other) = paths.iter().find(|other| other.overlaps(&path)) {
            return Err(EditError::Overlap(other.to_string(), path.to_string()));
        }
        if planned.old == planned.new {
            return Err(EditError::NoChange(path.to_string()));
        }
        for value in [&planned.old, &planned.new].into_iter().flatten() {
            value.check().map_err(|why| EditError::Value { path: path.to_string(), why })?;
        }
        paths.push(path);
    }
    Ok(paths)
}

/// The file as text that an editor would show.
fn readable(file: &[u8]) -> Result<&str, EditError> {
    if file.len() > TEXT_BYTES_MAX {
        return Err(EditError::TooLarge(file.len()));
    }
    let text =
        std::str::from_utf8(file).map_err(|error| EditError::NotUtf8(error.valid_up_to()))?;
    let mut line = 1;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' => line += 1,
            '\t' => {}
            '\r' if rest.peek() == Some(&'\n') => {}
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                return Err(EditError::Control { line, code: u32::from(c) });
            }
            _ => {}
        }
    }
    Ok(text)
}

/// Whether a character is not seen, or changes what is seen.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A text of a file or plan in a message: short, visible, and inside its backticks.
fn shown(text: &str) -> String {
    let visible = |c: char| match c {
        '`' => '\'',
        c if is_hidden(c) => '\u{fffd}',
        c => c,
    };
    let mut short: String = text.chars().take(80).map(visible).collect();
    if text.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}

/// What another parser says, in a message: on one line, visible, bounded.
fn shown_long(text: &str) -> String {
    let visible = |c: char| if is_hidden(c) { ' ' } else { c };
    text.chars().take(300).map(visible).collect()
}

#[cfg(test)]
mod tests;
