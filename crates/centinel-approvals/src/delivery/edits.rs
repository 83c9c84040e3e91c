//! Edits of a repository's files, each found by its old value and guarded as every edit is.

use centinel_engine::proposal::Edit;

use crate::edit::{Format, Planned, Value, edit};

/// The text of a file with all edits made; refuses where an old value is not there.
///
/// # Errors
///
/// One line for people: a format that is not edited, or what is there instead.
pub fn edit_text(file: &str, bytes: &[u8], edits: &[&Edit]) -> Result<String, String> {
    let format = Format::of_file(file).ok_or_else(|| {
        "files of this kind are not edited, only YAML, JSON, TOML, HCL and .tfvars".to_owned()
    })?;
    let value = |text: &Option<String>| text.clone().map(Value::Untyped);
    let plan: Vec<Planned> = edits
        .iter()
        .map(|edit| Planned {
            path: edit.path.clone(),
            old: value(&edit.from),
            new: value(&edit.to),
        })
        .collect();
    edit(bytes, format, &plan).map_err(|error| error.to_string())
}
