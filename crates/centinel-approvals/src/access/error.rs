//! Why access policies are not taken.

/// Why access policies are not taken: where, what, and how to go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", place(file, *line))]
pub struct AccessError {
    /// File inside of `policies/access`, empty where it is about all of them.
    pub file: String,
    /// Line, from 1; 0 where it is about the whole file.
    pub line: usize,
    /// What is wrong: one lowercase line.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl AccessError {
    pub(super) fn new(
        (file, line): (&str, usize),
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let one_line = |text: String| {
            let text: String =
                text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect();
            text.trim_end_matches('.').to_owned()
        };
        Self {
            file: file.to_owned(),
            line,
            message: one_line(message.into()),
            hint: one_line(hint.into()),
        }
    }
}

fn place(file: &str, line: usize) -> String {
    match (file, line) {
        ("", _) => "access policies: ".to_owned(),
        (file, 0) => format!("access policy `{file}`: "),
        (file, line) => format!("access policy `{file}` line {line}: "),
    }
}

/// The line, from 1, of a byte of a text.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).matches('\n').count().saturating_add(1)
}
