//! `centinel audit`: the log of everything that was proposed and decided.

use centinel_store::{Head, audit};

use crate::{
    context::Context,
    failure::hinted,
    output::{Outcome, Output},
};

/// The append-only, hash-chained log.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check every entry and every link; against a head that was published elsewhere, the end too.
    Verify {
        /// `SEQUENCE:HASH`, as `audit head` printed it.
        #[arg(long, value_name = "HEAD")]
        head: Option<String>,
    },
    /// Where the log ends: keep it somewhere else, so that a cut end is seen.
    Head,
    /// Every entry, one JSON object a line.
    Export,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| match &args.command {
        Command::Verify { head } => {
            let published = head.as_deref().map(parse_head).transpose()?;
            let verification = audit::verify(app.database(), published.as_ref()).await?;
            if output.json {
                output.json_line(&verification)?;
            } else {
                match &verification.fault {
                    None => output.line(format_args!(
                        "{} entries, every link holds; head {}:{}",
                        verification.entries, verification.head.sequence, verification.head.hash
                    ))?,
                    Some(fault) => output.line(fault)?,
                }
            }
            Ok(if verification.fault.is_none() { Outcome::Done } else { Outcome::Refused })
        }
        Command::Head => {
            let head = audit::head(app.database()).await?;
            if output.json {
                output.json_line(&head)?;
            } else {
                output.line(format_args!("{}:{}", head.sequence, head.hash))?;
            }
            Ok(Outcome::Done)
        }
        Command::Export => {
            let mut after = 0;
            loop {
                let entries = audit::entries_after(app.database(), after).await?;
                let Some(last) = entries.last() else { return Ok(Outcome::Done) };
                after = last.sequence;
                for entry in &entries {
                    output.json_line(entry)?;
                }
            }
        }
    })
}

fn parse_head(text: &str) -> anyhow::Result<Head> {
    let parsed = text.split_once(':').and_then(|(sequence, hash)| {
        Some(Head { sequence: sequence.parse().ok()?, hash: hash.to_owned() })
    });
    parsed.ok_or_else(|| {
        hinted(
            format!("`{}` is no audit head", crate::text::printable(text)),
            "it is of the form `SEQUENCE:HASH`, as `centinel audit head` prints it",
        )
    })
}
