//! `centinel prices`: price books as they are, side by side, and as versions; calls without a price.

mod check;
mod diff;
mod list;
mod restate;
mod show;
mod unpriced;
mod versions;

use std::{path::Path, sync::Arc};

use centinel_app::OpenedBook;
use centinel_engine::{
    period::start_of_day,
    pricing::{EffectiveFrom, PriceBook},
};
use jiff::{Timestamp, civil::Date};

use crate::{
    context::{Context, explain, now},
    output::{Outcome, Output},
    text::printable,
};

/// Price books: what calls cost, since when, and according to whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Models with the price in force.
    List(list::Args),
    /// Everything a book says of a model: every tier, context, class and span of time.
    Show(show::Args),
    /// Two books side by side: where they disagree, and what only one of them has.
    Diff(diff::Args),
    /// Keep a book in the home as a version; prices change only with `--activate`.
    Import(versions::ImportArgs),
    /// Price calls by another book from now on; what is booked keeps its price.
    Activate(versions::ActivateArgs),
    /// Versions in the home: when, by whom, and which one is in use.
    Versions,
    /// Hold a book to what prices usually are; exit code 4 where something looks wrong.
    Check(check::Args),
    /// Calls without a price, most tokens first, with what they may have cost.
    Unpriced(unpriced::Args),
    /// Price the calls of a period anew: shown first, booked with `--yes`, the past kept.
    Restate(restate::Args),
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::List(args) => list::run(args, context, output),
        Command::Show(args) => show::run(args, context, output),
        Command::Diff(args) => diff::run(args, context, output),
        Command::Import(args) => versions::import(args, context, output),
        Command::Activate(args) => versions::activate(args, context, output),
        Command::Versions => versions::list(context, output),
        Command::Check(args) => check::run(args, context, output),
        Command::Unpriced(args) => unpriced::run(args, context, output),
        Command::Restate(args) => restate::run(args, context, output),
    }
}

/// The named book; without a name the one that the home prices by, or the built-in one where there
/// is no home.
fn book(name: Option<&str>, context: &Context, output: &Output) -> anyhow::Result<Arc<PriceBook>> {
    let Some(name) = name else {
        if context.home.join("centinel.toml").exists() {
            return context.run(async |app| app.price_book().map_err(explain));
        }
        return Ok(Arc::new(open("builtin", context, output)?.book));
    };
    Ok(Arc::new(open(name, context, output)?.book))
}

/// Opens a book that is named on the command line: files count from the working directory, versions
/// from the home.
fn open(name: &str, context: &Context, output: &Output) -> anyhow::Result<OpenedBook> {
    let base = if name.starts_with("imported:") { context.home.as_path() } else { Path::new("") };
    let opened = centinel_app::open_book(name, base).map_err(explain)?;
    for entry in &opened.left_out {
        output.note(printable(&format!("left out: {entry}")));
    }
    Ok(opened)
}

/// The end of a day as it was asked for, or the present.
fn instant(at: Option<Date>) -> Timestamp {
    at.map_or_else(now, start_of_day)
}

/// `since 2026-07-30`, `since before the book`, `undated`.
fn since(from: EffectiveFrom) -> String {
    match from {
        EffectiveFrom::Undated => "undated".to_owned(),
        EffectiveFrom::Unknown => "before the book".to_owned(),
        EffectiveFrom::At(from) if from == start_of_day(centinel_engine::period::date_of(from)) => {
            centinel_engine::period::date_of(from).to_string()
        }
        EffectiveFrom::At(from) => from.to_string(),
    }
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
