//! `usage`: what calls used, from what providers answered.

mod bodies;
mod extract;

use clap::Subcommand;

use crate::output::{Outcome, Output};

/// Token usage: from response bodies to records that `price` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Usage records from response bodies, exactly as providers sent them.
    Extract(extract::Args),
}

pub(crate) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Extract(args) => extract::run(args, output),
    }
}
