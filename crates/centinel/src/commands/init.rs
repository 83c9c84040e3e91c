//! `centinel init`: makes a home.

use crate::{
    context::{Context, explain},
    output::{Outcome, Output},
};

/// Makes a home: folders, configuration, policies, and the first person who may approve.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let written = centinel_app::create_home(&context.home).map_err(explain)?;
    context.run(async |_app| Ok(()))?;
    for path in &written {
        output.note(format!("wrote {}", path.display()));
    }
    if output.json {
        output.json_line(&serde_json::json!({ "home": context.home, "written": written }))?;
    } else {
        output.line(format!("home {}", context.home.display()))?;
    }
    Ok(Outcome::Done)
}
