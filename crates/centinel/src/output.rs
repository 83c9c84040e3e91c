//! What a command prints: JSON for programs, tables for people.

use std::{
    fmt::Display,
    io::{self, BufWriter, IsTerminal, Stdout, Write as _},
    process::ExitCode,
};

use serde::Serialize;

/// How a command ended, when it did not fail (`INTERFACES`, exit codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 0: done.
    Done,
    /// 3: done, but some input rows were rejected; the counts went to standard error.
    SomeRejected,
    /// 4: refused by policy, or a check is not satisfied.
    Refused,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::SomeRejected => Self::from(3),
            Outcome::Refused => Self::from(4),
        }
    }
}

/// Standard output and error, as the global flags want them.
pub(crate) struct Output {
    /// Machine output: JSON objects or lines, nothing else on standard output.
    pub(crate) json: bool,
    /// No notes on standard error.
    quiet: bool,
    out: BufWriter<Stdout>,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, out: BufWriter::with_capacity(1 << 16, io::stdout()) }
    }

    /// Writes one JSON value and a newline.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }

    /// Writes a line for people.
    pub(crate) fn line(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Writes a note to standard error, unless `--quiet`.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.quiet {
            // A closed standard error must not fail the command.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Whether progress bars make sense.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && !self.json && io::stderr().is_terminal()
    }

    /// Standard output itself, for what writes a format of its own.
    pub(crate) fn writer(&mut self) -> &mut impl io::Write {
        &mut self.out
    }

    /// Hands everything to the terminal or pipe.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
