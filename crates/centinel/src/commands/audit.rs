//! `centinel audit`: the log of everything that was proposed and decided.

mod export;
mod verify;

use crate::{
    context::{self, Context, now},
    failure::usage,
    output::{Outcome, Output},
    text::{printable, table},
};

/// The append-only, hash-chained, signed log.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check every entry, link and signature, and the tables that are folds of the log; against heads
    /// that were published elsewhere, the end too.
    Verify(verify::Args),
    /// Where the log ends, signed: keep it somewhere else, so that a cut end is seen.
    Head,
    /// Entries as JSON lines or CSV; whole, an export can be verified anywhere.
    Export(export::Args),
    /// The keys that signed, oldest first.
    Keys,
    /// Replace the key by a new one, which the old one announces.
    Rotate,
    /// Write proposals, votes and people anew from the log, where somebody edited their tables.
    Rebuild,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Verify(args) => verify::run(args, context, output),
        Command::Export(args) => export::run(args, context, output),
        Command::Head => context.run(async |app| {
            let published = app.published_head().await.map_err(context::explain)?;
            if output.json {
                let head = published.head();
                output.json_line(&serde_json::json!({
                    "sequence": head.sequence, "hash": head.hash,
                    "published": published.to_string(),
                }))?;
            } else {
                output.line(&published)?;
            }
            Ok(Outcome::Done)
        }),
        Command::Keys => context.run(async |app| {
            let keys = centinel_store::audit::keys(app.database()).await?;
            if output.json {
                for key in &keys {
                    output.json_line(key)?;
                }
            } else {
                let ours = app.database().signer().map(|signer| signer.key().public().id());
                let rows = keys.iter().map(|key| {
                    let is_ours = if ours.as_ref() == Some(&key.key) { "held here" } else { "" };
                    let since = key.since.to_string();
                    vec![key.key.to_string(), key.public_key.to_string(), since, is_ours.to_owned()]
                });
                output.line(table(&["key", "public key", "since entry", ""], rows.collect(), 4))?;
            }
            Ok(Outcome::Done)
        }),
        Command::Rotate => context.run(async |app| {
            let key = app.rotate_audit_key(now()).await.map_err(context::explain)?;
            if output.json {
                output.json_line(&serde_json::json!({ "key": key }))?;
            } else {
                output.line(format_args!("key {key} signs from now on; the old one is gone"))?;
            }
            Ok(Outcome::Done)
        }),
        Command::Rebuild => context.run(async |app| {
            let found = centinel_store::audit::rebuild_projections(app.database(), now()).await?;
            for difference in &found {
                if output.json {
                    output.json_line(difference)?;
                } else {
                    output.line(printable(&difference.to_string()))?;
                }
            }
            let left = centinel_store::audit::compare_projections(app.database()).await?;
            if !output.json {
                output.line(format_args!(
                    "{} differences; {} left, of credentials and tokens: set those anew",
                    found.len(),
                    left.len()
                ))?;
            }
            Ok(if left.is_empty() { Outcome::Done } else { Outcome::Refused })
        }),
    }
}

/// An instant, or a day that begins in UTC.
fn instant(text: &str) -> anyhow::Result<i64> {
    let midnight = || format!("{text}T00:00:00Z").parse::<jiff::Timestamp>();
    let at = text.parse::<jiff::Timestamp>().or_else(|_| midnight());
    Ok(at
        .map_err(|_| {
            usage(
                format!("`{}` is no date and no instant", printable(text)),
                "write `2026-11-02` or `2026-11-02T08:00:00Z`",
            )
        })?
        .as_microsecond())
}
