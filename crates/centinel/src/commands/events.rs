//! `centinel events`: what people and pipelines tell of time.

use std::{collections::BTreeMap, path::PathBuf, process::Command as Process};

use anyhow::Context as _;
use centinel_app::{Event, EventKind, EventRequest};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    context::{Context, explain, now},
    failure::usage,
    output::{Outcome, Output},
    text::{count, printable, table},
};

/// Events: planned changes, deploys, maintenance, holidays, mutes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Every event that holds.
    List,
    /// Tell of an event. A planned change restarts the usual level and is quiet for a week; a mute
    /// keeps episodes from being shown, until it ends.
    Add(AddArgs),
    /// Take an event back.
    Remove {
        /// Its number.
        id: i64,
    },
    /// Tell of every tag of a Git repository as a deploy. Tags that are known add nothing.
    ImportGit {
        /// The repository.
        repository: PathBuf,
        /// Only tags of this pattern, as `git tag --list` takes it.
        #[arg(long, value_name = "PATTERN")]
        tags: Option<String>,
        /// What is deployed from it, as in `feature=search`; everything where absent.
        #[arg(long, value_name = "DIMENSION=VALUE", value_parser = scope_part)]
        only: Vec<(String, String)>,
    },
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// `planned`, `deploy`, `maintenance`, `holiday` or `mute`.
    #[arg(value_parser = kind)]
    kind: EventKind,
    /// When it begins: an instant (RFC 3339) or a day, UTC.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<Timestamp>,
    /// First instant after it, or the first day after it, UTC.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Timestamp>,
    /// What it is about, as in `feature=search`; everything where absent.
    #[arg(long, value_name = "DIMENSION=VALUE", value_parser = scope_part)]
    only: Vec<(String, String)>,
    /// Why.
    #[arg(long, default_value = "")]
    note: String,
}

fn kind(text: &str) -> Result<EventKind, String> {
    EventKind::of_name(text).ok_or_else(|| {
        let known: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("known kinds: {}", known.join(", "))
    })
}

fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<Date>()
        && !text.contains(['T', ' '])
    {
        return day.to_zoned(TimeZone::UTC).map(|at| at.timestamp()).map_err(|e| e.to_string());
    }
    text.parse().map_err(|_| "neither a day nor an instant, as in 2026-11-03T14:05:00Z".to_owned())
}

fn scope_part(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
    parts
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "not of the form DIMENSION=VALUE".to_owned())
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| match args.command.as_ref().unwrap_or(&Command::List) {
        Command::List => {
            let events = app.events(now()).await.map_err(explain)?;
            if output.json {
                output.json_line(&serde_json::json!({ "events": events }))?;
            } else if events.is_empty() {
                output.line("no events: `centinel events add planned --at 2026-11-03 --note …`")?;
            } else {
                let header = ["id", "kind", "about", "from", "until", "by", "note"];
                output.line(table(&header, events.iter().map(row).collect(), 7))?;
            }
            Ok(Outcome::Done)
        }
        Command::Add(add) => {
            let request = EventRequest {
                kind: add.kind,
                scope: add.only.iter().cloned().collect(),
                start: add.at.unwrap_or_else(now),
                end: add.until,
                note: add.note.clone(),
                origin: "person".to_owned(),
                external_id: None,
                actor: "terminal".to_owned(),
            };
            let (id, _) = app.add_event(&request, now()).await.map_err(explain)?;
            if output.json {
                output.json_line(&serde_json::json!({ "id": id }))?;
            } else {
                output.line(format!("event {id} is kept"))?;
            }
            Ok(Outcome::Done)
        }
        Command::Remove { id } => {
            app.remove_event(*id, "terminal", now()).await.map_err(explain)?;
            output.line(format!("event {id} no longer holds"))?;
            Ok(Outcome::Done)
        }
        Command::ImportGit { repository, tags, only } => {
            let scope: BTreeMap<String, String> = only.iter().cloned().collect();
            let (mut told, mut known) = (0_u64, 0_u64);
            for tag in git_tags(repository, tags.as_deref())? {
                let request = EventRequest {
                    kind: EventKind::Deploy,
                    scope: scope.clone(),
                    start: tag.at,
                    end: None,
                    note: tag.name.clone(),
                    origin: tag.origin,
                    external_id: Some(tag.name),
                    actor: "terminal".to_owned(),
                };
                let (_, is_new) = app.add_event(&request, now()).await.map_err(explain)?;
                if is_new { told += 1 } else { known += 1 }
            }
            if output.json {
                output.json_line(&serde_json::json!({ "added": told, "known": known }))?;
            } else {
                output.line(format!(
                    "{} new, {} known",
                    count(told.into()),
                    count(known.into())
                ))?;
            }
            Ok(Outcome::Done)
        }
    })
}

fn row(event: &Event) -> Vec<String> {
    let about: Vec<String> =
        event.scope.iter().map(|(name, value)| format!("{name}={value}")).collect();
    vec![
        event.id.to_string(),
        event.kind.name().to_owned(),
        if about.is_empty() { "everything".to_owned() } else { printable(&about.join(", ")) },
        event.start.to_string(),
        event.end.to_string(),
        printable(&format!("{} ({})", event.actor, event.origin)),
        printable(&event.note),
    ]
}

struct Tag {
    name: String,
    at: Timestamp,
    /// The repository by its first commit, so that a clone tells of the same tags.
    origin: String,
}

/// Most tags that are read.
const TAGS_MAX: usize = 10_000;

fn git_tags(repository: &PathBuf, pattern: Option<&str>) -> anyhow::Result<Vec<Tag>> {
    let roots = git(repository, &["rev-list", "--max-parents=0", "HEAD"])?;
    let root: String = roots.lines().last().unwrap_or_default().chars().take(12).collect();
    let pattern = format!("refs/tags/{}", pattern.unwrap_or("*"));
    let format = "--format=%(creatordate:unix)%09%(refname:strip=2)";
    let listed = git(repository, &["for-each-ref", "--sort=creatordate", format, &pattern])?;
    let tag = |line: &str| {
        let (at, name) = line.split_once('\t')?;
        let at = Timestamp::from_second(at.parse().ok()?).ok()?;
        Some(Tag { name: name.to_owned(), at, origin: format!("git:{root}") })
    };
    Ok(listed.lines().take(TAGS_MAX).filter_map(tag).collect())
}

fn git(repository: &PathBuf, arguments: &[&str]) -> anyhow::Result<String> {
    let done = Process::new("git")
        .arg("-C")
        .arg(repository)
        .args(arguments)
        .output()
        .context("`git` cannot be run")?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let said = said.lines().next().unwrap_or("it failed").trim_start_matches("fatal: ");
        return Err(usage(
            format!("`{}`: {}", printable(&repository.display().to_string()), printable(said)),
            "name a folder with a Git repository that has commits",
        ));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
