//! Single things in the standard wording: an episode, a proposal, where a period ends.

use centinel_app::{App, Standard};
use serde::Serialize;

use crate::{
    output::{Outcome, Output},
    text::printable,
};

/// A text with the facts behind it, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct InWords {
    /// Numbers as the organisation's place writes them.
    text: String,
    /// Markdown, every mention cited by the id of its fact, as `centinel verify` checks it.
    cited: String,
    label: &'static str,
    evidence: String,
}

impl InWords {
    pub(crate) fn of(app: &App, standard: &Standard) -> Self {
        Self {
            text: standard.document.plain(&app.number_format()),
            cited: standard.document.cited(),
            label: "standard wording",
            evidence: standard.evidence.clone(),
        }
    }

    /// The text alone. Each line by itself: names in it move no cursor.
    pub(crate) fn print_text(&self, output: &mut Output) -> anyhow::Result<()> {
        for line in self.text.lines() {
            output.line(printable(line))?;
        }
        Ok(())
    }

    /// The whole answer of a command.
    pub(crate) fn answer(&self, output: &mut Output) -> anyhow::Result<Outcome> {
        if output.json {
            output.json_line(self)?;
            return Ok(Outcome::Done);
        }
        self.print_text(output)?;
        output.line("")?;
        output.line(self.label)?;
        output.line(format_args!("evidence {}", self.evidence))?;
        Ok(Outcome::Done)
    }
}
