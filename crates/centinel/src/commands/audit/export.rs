//! `centinel audit export`: entries as JSON lines, or as a table for spreadsheets.

use centinel_store::{
    StoreError,
    audit::{self, EntryFilter, ExportLine},
};

use super::instant;
use crate::{
    context::{self, Context},
    output::{Outcome, Output},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// JSON lines, which `audit verify --file` reads, or CSV, which spreadsheets do.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Entries written at this time or later: `2026-11-02`, `2026-11-02T08:00:00Z`.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Entries written before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Entries about one thing: `P-7`, `person:ana`.
    #[arg(long)]
    subject: Option<String>,
    /// Entries whose action begins so: `proposal.`, `login.failed`.
    #[arg(long, value_name = "PREFIX")]
    action: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Jsonl,
    Csv,
}

/// What writing can fail with.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Write(#[from] std::io::Error),
    #[error(transparent)]
    Csv(#[from] csv::Error),
}

pub(super) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let filter = EntryFilter {
        from: args.from.as_deref().map(instant).transpose()?,
        until: args.until.as_deref().map(instant).transpose()?,
        subject: args.subject.clone(),
        action: args.action.clone(),
    };
    context.run(async |app| {
        let published = app.published_head().await.map_err(context::explain)?;
        let database = app.database();
        match args.format {
            Format::Jsonl => {
                let write = |line: &ExportLine| Ok::<(), ExportError>(output.json_line(line)?);
                audit::export(database, &filter, &published, write).await?;
            }
            Format::Csv => {
                let mut table = csv::Writer::from_writer(output.writer());
                table.write_record(COLUMNS)?;
                audit::export(database, &filter, &published, |line| {
                    Ok::<(), ExportError>(table.write_record(cells(line).iter().map(safe))?)
                })
                .await?;
                table.flush()?;
            }
        }
        Ok(Outcome::Done)
    })
}

const COLUMNS: [&str; 8] =
    ["sequence", "at", "actor", "action", "subject", "payload", "previous", "hash"];

/// A line as a row. Signatures and the end have their kind in the first column and their text in the
/// last.
fn cells(line: &ExportLine) -> [String; 8] {
    let beside = |kind: &str, text: String| {
        let none = String::new;
        [kind.to_owned(), none(), none(), none(), none(), none(), none(), text]
    };
    match line {
        ExportLine::Entry(entry) => {
            let at = jiff::Timestamp::from_microsecond(entry.at);
            [
                entry.sequence.to_string(),
                at.map_or_else(|_| entry.at.to_string(), |at| at.to_string()),
                entry.actor.clone(),
                entry.action.clone(),
                entry.subject.clone(),
                entry.payload.to_string(),
                entry.previous.clone(),
                entry.hash.clone(),
            ]
        }
        ExportLine::Signature { signature } => beside("signature", signature.to_string()),
        ExportLine::End(end) => beside("head", end.head.clone()),
    }
}

/// A text that spreadsheets do not run: what begins like a formula gets an apostrophe in front.
fn safe(text: &String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, expected) in [
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("+1", "'+1"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("person:ana", "person:ana"),
            ("", ""),
        ] {
            assert_eq!(safe(&text.to_owned()), expected);
        }
    }
}
