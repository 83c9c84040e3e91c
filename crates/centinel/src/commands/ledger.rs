//! `centinel ledger verify`: the proof that nothing was lost.

use crate::{
    context::Context,
    output::{Outcome, Output},
    text::count,
};

/// The ledger itself.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Read every segment: files are what was written, and rows, cells and batches say the same sums.
    Verify,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let Command::Verify = args.command;
    context.run(async |app| {
        let verification = app.ledger().verify().await?;
        if output.json {
            output.json_line(&verification)?;
        } else if verification.problems.is_empty() {
            output.line(format!(
                "{} batches, {} segments, {} rows: all sums agree",
                verification.batches,
                verification.segments,
                count(verification.raw_rows.into())
            ))?;
        } else {
            for problem in &verification.problems {
                output.line(problem)?;
            }
        }
        Ok(if verification.problems.is_empty() { Outcome::Done } else { Outcome::Refused })
    })
}
