//! `centinel deliver`: proposals that change files of repositories become pull requests, and what people
//! did with these comes back.

use centinel_app::{App, AppError, Delivered, Repositories, Told};
use serde::Serialize;

use crate::{
    context::{Context, explain, now, outside, repositories},
    output::{Outcome, Output},
    text::printable,
};

/// Opens, updates, closes and follows the pull requests of proposals, and posts what is new of them in the
/// chats that are configured. `serve` does the same each minute.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Look at every open one now; else each is looked at every five minutes, and when something is new.
    #[arg(long)]
    now: bool,
}

/// What is new.
#[derive(Debug, Serialize)]
struct Done {
    delivered: Vec<Delivered>,
    told: Vec<Told>,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        if args.now {
            app.look_again(None).await.map_err(explain)?;
        }
        let delivered = step(&app, &repositories(&app).await?).await?;
        let told = app.slack_step(now(), &outside()?).await.map_err(explain);
        // What was delivered is said, also where nothing could be posted.
        let (told, failed) =
            told.map_or_else(|error| (Vec::new(), Some(error)), |told| (told, None));
        if output.json {
            output.json_line(&Done { delivered, told })?;
            return failed.map_or(Ok(Outcome::Done), Err);
        }
        if delivered.is_empty() {
            output.line("nothing is new in any repository")?;
        }
        for line in delivered.iter().map(line).chain(told.iter().map(told_line)) {
            output.line(line)?;
        }
        failed.map_or(Ok(Outcome::Done), Err)
    })
}

/// Delivers, then says on merged pull requests what they saved.
pub(crate) async fn step(
    app: &App,
    repositories: &Repositories,
) -> Result<Vec<Delivered>, AppError> {
    let delivered = Box::pin(app.deliver(repositories, now())).await?;
    app.tell_savings(repositories, now()).await?;
    Ok(delivered)
}

/// `posted proposal:P-7`.
fn told_line(told: &Told) -> String {
    match told {
        Told::Posted { key } => format!("posted {}", printable(key)),
        Told::Edited { key } => format!("brought up to date: {}", printable(key)),
        Told::Failed { key, reason } => {
            format!("not posted: {}, {}", printable(key), printable(reason))
        }
    }
}

/// `P-7 in infra: open, https://…`.
pub(crate) fn line(delivered: &Delivered) -> String {
    let Delivered { id, repository, seen } = delivered;
    let state = seen.state.replace('_', " ");
    let mut line = format!("{id} in {}: {}", printable(repository), printable(&state));
    for more in [&seen.url, &seen.note].into_iter().flatten() {
        line = format!("{line}, {}", printable(more));
    }
    line
}
