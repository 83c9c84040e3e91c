//! `centinel prices check`: a book held to what prices usually are.

use centinel_engine::pricing::Doubt;
use serde::Serialize;

use super::{book, plural};
use crate::{
    context::{Context, now},
    output::{Outcome, Output},
    text::{printable, table},
};

/// Holds a book to what prices usually are.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Another book than the one in use.
    #[arg(value_name = "BOOK")]
    book: Option<String>,
}

#[derive(Serialize)]
struct Checked<'a> {
    book: &'a str,
    digest: &'a str,
    models: usize,
    is_satisfied: bool,
    findings: &'a [Doubt],
}

pub(super) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let book = book(args.book.as_deref(), context, output)?;
    let doubts = book.doubts(now());
    let serious = doubts.iter().filter(|doubt| doubt.is_serious).count();
    if output.json {
        output.json_line(&Checked {
            book: book.name(),
            digest: book.digest(),
            models: book.len(),
            is_satisfied: serious == 0,
            findings: &doubts,
        })?;
    } else {
        let rows = doubts
            .iter()
            .map(|doubt| {
                vec![
                    if doubt.is_serious { "wrong?" } else { "note" }.to_owned(),
                    format!("{} · {}", doubt.provider, doubt.model),
                    doubt.kind.to_string(),
                    doubt.detail.clone(),
                    doubt.source.clone(),
                ]
            })
            .collect::<Vec<_>>();
        if !rows.is_empty() {
            output.line(table(&["", "model", "finding", "", "source"], rows, 5))?;
        }
        output.line(printable(&format!(
            "{} of `{}`: {} in doubt, {} worth knowing",
            plural(book.len(), "model"),
            book.name(),
            plural(serious, "price"),
            doubts.len().saturating_sub(serious)
        )))?;
    }
    Ok(if serious == 0 { Outcome::Done } else { Outcome::Refused })
}
