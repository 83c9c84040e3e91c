//! (in progress)

use crate::output::{Outcome, Output};

/// (in progress)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, _output: &mut Output) -> anyhow::Result<Outcome> {
    Ok(Outcome::Done)
}
