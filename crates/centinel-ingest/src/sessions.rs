//! Session logs of coding agents: JSON lines, one event each, of which a few tell usage.

mod claude_code;
mod codex;

pub(crate) use self::{claude_code::ClaudeCode, codex::Codex};

use crate::records::Piece;

/// The line as a record where it may tell usage, or is no whole object; other lines hold text only
/// and are not taken apart.
fn lines_with<'d>(line: &'d str, markers: &[&str]) -> Vec<Piece<'d>> {
    let trimmed = line.trim_ascii();
    let is_whole = trimmed.starts_with('{') && trimmed.ends_with('}');
    let is_marked = || {
        markers
            .iter()
            .any(|marker| memchr::memmem::find(trimmed.as_bytes(), marker.as_bytes()).is_some())
    };
    if is_whole && !is_marked() { Vec::new() } else { vec![Piece::from(line)] }
}

/// The name of a project: the last part of the folder that the agent worked in. The whole path is of
/// one machine, and two machines have one project.
fn project(folder: &str) -> &str {
    folder.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default()
}
