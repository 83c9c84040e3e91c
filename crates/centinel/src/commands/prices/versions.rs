//! `centinel prices import`, `activate` and `versions`: books as versions in the home.

use std::path::Path;

use centinel_app::Requester;

use super::plural;
use crate::{
    context::{Context, explain, now},
    output::{Outcome, Output},
    text::{printable, table},
};

/// Keeps a book in the home as a version.
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// `litellm:FILE`, `genai-prices:FILE`, … or the path of a native book.
    #[arg(value_name = "BOOK")]
    book: String,
    /// Also price calls by it from now on.
    #[arg(long)]
    activate: bool,
}

/// Prices calls by another book from now on.
#[derive(Debug, clap::Args)]
pub(super) struct ActivateArgs {
    /// `builtin`, `imported:DIGEST`, or any other book.
    #[arg(value_name = "BOOK")]
    book: String,
}

pub(super) fn import(
    args: &ImportArgs,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let actor = Requester::terminal().principal().to_string();
        let imported =
            app.import_book(&args.book, Path::new(""), &actor, now()).await.map_err(explain)?;
        for entry in &imported.opened.left_out {
            output.note(printable(&format!("left out: {entry}")));
        }
        let short: String = imported.version.digest.chars().take(12).collect();
        let name = format!("imported:{short}");
        if args.activate {
            app.activate_book(&name, &context.config_path(), &actor, now())
                .await
                .map_err(explain)?;
        }
        if output.json {
            output.json_line(&serde_json::json!({
                "book": name,
                "version": imported.version,
                "already_known": imported.already_known,
                "is_active": args.activate,
            }))?;
        } else {
            let known = if imported.already_known { "is here already" } else { "is kept" };
            output.line(printable(&format!(
                "{name} {known}: {} from `{}`, {} left out",
                plural(imported.version.models, "model"),
                imported.version.file,
                imported.version.left_out
            )))?;
            output.line(if args.activate {
                "calls are priced by it from now on; what is booked keeps its price".to_owned()
            } else {
                format!("no price changed; `centinel prices activate {name}` prices calls by it")
            })?;
        }
        // What was left out is kept with the version, and named above.
        Ok(if imported.version.left_out > 0 { Outcome::SomeRejected } else { Outcome::Done })
    })
}

pub(super) fn activate(
    args: &ActivateArgs,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let actor = Requester::terminal().principal().to_string();
        let config = context.config_path();
        app.activate_book(&args.book, &config, &actor, now()).await.map_err(explain)?;
        if output.json {
            output.json_line(&serde_json::json!({"book": args.book, "config": config}))?;
        } else {
            output.line(printable(&format!(
                "calls are priced by `{}` from now on; what is booked keeps its price",
                args.book
            )))?;
        }
        Ok(Outcome::Done)
    })
}

pub(super) fn list(context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let versions = app.book_versions().await.map_err(explain)?;
        let active = &app.config().prices.book;
        if output.json {
            output.json_line(&serde_json::json!({"active": active, "versions": versions}))?;
            return Ok(Outcome::Done);
        }
        let rows = versions
            .iter()
            .map(|known| {
                let short: String = known.version.digest.chars().take(12).collect();
                vec![
                    if known.is_active { "●" } else { "" }.to_owned(),
                    format!("imported:{short}"),
                    known.version.file.clone(),
                    known.version.recorded.map_or_else(String::new, |day| day.to_string()),
                    known.imported_at.strftime("%Y-%m-%d %H:%M").to_string(),
                    known.imported_by.clone(),
                    known.version.models.to_string(),
                ]
            })
            .collect::<Vec<_>>();
        if !rows.is_empty() {
            let header = ["", "book", "file", "recorded", "imported (UTC)", "by", "models"];
            output.line(table(&header, rows, 6))?;
        }
        output.line(printable(&format!(
            "{}; calls are priced by `{active}`",
            plural(versions.len(), "imported version")
        )))?;
        Ok(Outcome::Done)
    })
}
