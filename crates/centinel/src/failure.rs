//! How a failure reads: one line, then a hint.

use std::{fmt, io::Write as _};

/// An error with a hint on how to go on.
#[derive(Debug)]
pub(crate) struct Hinted {
    message: String,
    hint: String,
    /// Whether the command was called wrongly.
    is_usage: bool,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Hinted {}

/// An error of one lowercase line, and what to do about it.
pub(crate) fn hinted(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Hinted { message: message.into(), hint: hint.into(), is_usage: false })
}

/// Whether a failure is only that nobody reads our output any more (`centinel … | head`).
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|json| json.io_error_kind() == Some(std::io::ErrorKind::BrokenPipe))
    })
}

/// Whether the command was called wrongly (exit code 2), rather than something failing.
pub(crate) fn is_usage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<Hinted>().is_some_and(|hinted| hinted.is_usage)
            || cause.is::<centinel_engine::series::DimensionError>()
            || cause.is::<centinel_engine::money::CurrencyError>()
            || cause.is::<centinel_engine::forecast::AssumptionError>()
            || cause.is::<centinel_app::UnknownPeriod>()
            || cause.is::<centinel_ingest::MappingError>()
    })
}

/// A wrong call of the command, with a hint.
pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Hinted { message: message.into(), hint: hint.into(), is_usage: true })
}

/// The hint of the innermost cause that has one.
pub(crate) fn hint_of(error: &anyhow::Error) -> Option<String> {
    let hinted = error.chain().filter_map(|cause| cause.downcast_ref::<Hinted>()).next_back();
    hinted.map(|hinted| hinted.hint.clone())
}

/// Prints `error: …`, the causes joined by colons, and the hint of the innermost cause that has one.
pub(crate) fn print(error: &anyhow::Error) {
    let mut text = String::from("error: ");
    let mut last = String::new();
    for cause in error.chain() {
        let message = single_line(&cause.to_string());
        // A wrapper that repeats its source adds nothing.
        if !message.is_empty() && (last.is_empty() || !last.ends_with(&message)) {
            if !last.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&message);
        }
        if !message.is_empty() {
            last = message;
        }
    }
    if let Some(hint) = hint_of(error) {
        text.push_str("\n\nhint: ");
        text.push_str(&hint);
    }
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Control characters (line breaks, terminal escapes from imported text) become spaces; what is invisible
/// goes.
pub(crate) fn single_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    crate::text::printable(&text)
}
