//! `centinel doctor`: whether everything is in place, and what to do where it is not.

mod checks;
mod narrator;

use serde::Serialize;
use serde_json::json;

use crate::{
    context::Context,
    failure::hinted,
    output::{Outcome, Output},
    text::printable,
};

/// Looks at home, configuration, policies, database, prices, attribution, data and narrator; says what is
/// wrong and what to do about it. Exit code 1 when something does not work.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Do not ask the narrator's endpoint: nothing goes out, nothing is spent.
    #[arg(long)]
    no_probe: bool,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// As it should be.
    Ok,
    /// It works, but less well than it could.
    Note,
    /// It does not work.
    Failed,
    /// Something before it does not work, so it was not looked at.
    Unknown,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    #[serde(rename = "check")]
    what: &'static str,
    state: State,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Check {
    fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, state: State::Ok, found: found.into(), hint: None }
    }

    fn note(what: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { state: State::Note, hint: Some(hint.into()), ..Self::ok(what, found) }
    }

    fn failed(what: &'static str, found: impl Into<String>, hint: Option<String>) -> Self {
        Self { state: State::Failed, hint, ..Self::ok(what, found) }
    }

    fn unknown(what: &'static str) -> Self {
        Self { state: State::Unknown, ..Self::ok(what, "not looked at: the home does not open") }
    }
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let (checks, probe) = checks::all(context, !args.no_probe)?;
    let failed = checks.iter().filter(|check| check.state == State::Failed).count();
    if output.json {
        output.json_line(&json!({ "ok": failed == 0, "checks": checks, "narrator": probe }))?;
    } else {
        let width = checks.iter().map(|one| one.what.len()).max().unwrap_or_default();
        for Check { what, state, found, hint } in &checks {
            let mark = match state {
                State::Ok => "ok",
                State::Note => "note",
                State::Failed => "FAILED",
                State::Unknown => "?",
            };
            output.line(format_args!("{mark:7}{what:width$}  {}", printable(found)))?;
            if let Some(hint) = hint {
                output.line(format_args!("{:7}{:width$}  hint: {}", "", "", printable(hint)))?;
            }
        }
    }
    if failed == 0 {
        return Ok(Outcome::Done);
    }
    output.flush()?;
    let hint = checks.into_iter().filter(|one| one.state == State::Failed).find_map(|c| c.hint);
    let message = match failed {
        1 => "1 thing does not work".to_owned(),
        more => format!("{more} things do not work"),
    };
    Err(match hint {
        Some(hint) => hinted(message, hint),
        None => anyhow::anyhow!(message),
    })
}
