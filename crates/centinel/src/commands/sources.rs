//! `centinel sources`: what delivers, how it stands, and how it is tried out and synced.

use centinel_app::{
    Role,
    live::{Check, ConnectionState, NewSource, SourceState, Synced, default_role},
};
use centinel_ingest::live::Kind;
use jiff::civil::Date;

use crate::{
    context::{self, Context, explain, now},
    failure::{hinted, usage},
    output::{Outcome, Output},
    text::{count, printable, table},
};

/// Every source: what it is, what it delivered, how its last sync went.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Every source: what it is, what it delivered, how its last sync went.
    List,
    /// The kinds of live source that there are.
    Kinds,
    /// Add a live source to the configuration. A credential is named, never stated.
    Add(AddArgs),
    /// Try a source out: credential, rights, first page, clock. Nothing is kept; exits with 1 if
    /// something does not work.
    Test {
        /// Its name.
        name: String,
    },
    /// Fetch what is new, of the sources named or of all.
    Sync {
        /// Their names.
        names: Vec<String>,
        /// Ask again for everything from this day on (UTC).
        #[arg(long, value_name = "DATE")]
        since: Option<Date>,
    },
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// What it is; `centinel sources kinds` lists them.
    #[arg(value_parser = parse_kind)]
    kind: Kind,
    /// Its name; the kind's where absent.
    #[arg(long)]
    name: Option<String>,
    /// Where its credential is kept: `env:NAME` or `file:PATH`.
    #[arg(long, value_name = "PLACE")]
    credential: Option<String>,
    /// The public part of a credential that has two: a key's id, a storage account.
    #[arg(long)]
    user: Option<String>,
    /// Where it is, without the path of its API; of `objects`, `s3://BUCKET/PREFIX`,
    /// `az://CONTAINER/PREFIX`, `gs://BUCKET/PREFIX` or `file:///FOLDER`.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// `spend` (in totals), `invoice` or `allocation` (in none); by the kind where absent.
    #[arg(long)]
    role: Option<Role>,
    /// First day of the first sync.
    #[arg(long, value_name = "DATE")]
    since: Option<Date>,
    /// How far before its cursor it is asked again, as in `36h` or `3d`.
    #[arg(long, value_name = "TIME")]
    overlap: Option<String>,
    /// Let the credential go there without encryption: a network of your own.
    #[arg(long)]
    plain_http: bool,
    /// An option of the kind, as `NAME=VALUE`.
    #[arg(long = "option", value_name = "NAME=VALUE")]
    options: Vec<String>,
}

fn parse_kind(text: &str) -> Result<Kind, String> {
    text.parse()
        .map_err(|error: centinel_ingest::live::UnknownKind| format!("{error}; {}", error.hint()))
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    match &args.command {
        None | Some(Command::List) => list(context, output),
        Some(Command::Kinds) => kinds(output),
        Some(Command::Add(args)) => add(args, context, output),
        Some(Command::Test { name }) => test(name, context, output),
        Some(Command::Sync { names, since }) => sync(names, *since, context, output),
    }
}

fn list(context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let states = app.source_states().await.map_err(explain)?;
        let twice = app.counted_twice(now()).await.map_err(explain)?;
        let findings: Vec<String> = states
            .iter()
            .filter_map(|state| {
                Some(format!("`{}`: {}", state.health.source, state.finding.as_ref()?))
            })
            .chain(twice.iter().map(centinel_app::live::CountedTwice::message))
            .collect();
        if output.json {
            output.json_line(&serde_json::json!({
                "sources": states, "counted_twice": twice, "findings": findings,
            }))?;
            return Ok(Outcome::Done);
        }
        if states.is_empty() {
            output
                .line("no sources yet: `centinel import FILE`, or `centinel sources add KIND`")?;
        } else {
            let header =
                ["source", "kind", "role", "state", "data until", "reached", "rows", "rejected"];
            output.line(table(&header, states.iter().map(line).collect(), 6))?;
        }
        for state in &states {
            if let Some(error) = &state.error {
                output.line(format!(
                    "{}: {}",
                    printable(&state.health.source),
                    printable(error)
                ))?;
            }
            if let (Some(first), Some(last)) = (state.provisional.first(), state.provisional.last())
            {
                let more = if first == last { String::new() } else { format!(" to `{last}`") };
                let name = printable(&state.health.source);
                output.line(format!("{name}: provisional, will still grow: `{first}`{more}"))?;
            }
        }
        for finding in findings {
            output.line(format!("finding: {}", printable(&finding)))?;
        }
        Ok(Outcome::Done)
    })
}

fn line(state: &SourceState) -> Vec<String> {
    let health = &state.health;
    let at = |at: Option<jiff::Timestamp>| {
        at.map_or_else(|| "–".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
    };
    let standing = match state.state {
        ConnectionState::Ok => format!("synced {}", at(state.synced_at)),
        ConnectionState::Failing => "failing".to_owned(),
        ConnectionState::NeverSynced => "never synced".to_owned(),
        ConnectionState::Files => format!("{} imports", count(health.batches as i128)),
    };
    vec![
        health.source.clone(),
        state.kind.unwrap_or("files").to_owned(),
        health.role.clone(),
        standing,
        at(health.data_until),
        at(state.reached),
        count(health.rows_accepted.into()),
        count(health.rows_rejected.into()),
    ]
}

fn kinds(output: &mut Output) -> anyhow::Result<Outcome> {
    if output.json {
        let kinds: Vec<_> = Kind::ALL
            .iter()
            .map(|kind| {
                serde_json::json!({
                    "kind": kind.name(), "summary": kind.summary(),
                    "role": default_role(*kind).name(), "base_url": kind.default_base(),
                    "options": kind.options().iter().map(|(name, _)| name).collect::<Vec<_>>(),
                })
            })
            .collect();
        output.json_line(&serde_json::json!({ "kinds": kinds }))?;
        return Ok(Outcome::Done);
    }
    let rows = Kind::ALL
        .iter()
        .map(|kind| {
            let role = default_role(*kind).name();
            vec![kind.name().to_owned(), role.to_owned(), kind.summary().to_owned()]
        })
        .collect();
    output.line(table(&["kind", "role", "what it is"], rows, 3))?;
    Ok(Outcome::Done)
}

fn add(args: &AddArgs, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.ensure_home(output)?;
    let mut options = Vec::new();
    for pair in &args.options {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(usage(
                "an option is written as `NAME=VALUE`",
                "as in `--option lists=images`",
            ));
        };
        options.push((name.to_owned(), value.to_owned()));
    }
    if let Some(place) = &args.credential
        && place.parse::<centinel_app::live::CredentialRef>().is_err()
    {
        // What was typed may be the credential itself: it is not repeated.
        return Err(usage(
            "a credential is named as `env:NAME` or `file:PATH`, and never stated itself",
            "put it into a file that only you can read, then `--credential file:PATH`",
        ));
    }
    let source = NewSource {
        name: args.name.clone().unwrap_or_else(|| args.kind.name().to_owned()),
        kind: args.kind,
        base_url: args.base_url.clone(),
        credential: args.credential.clone(),
        user: args.user.clone(),
        role: args.role,
        since: args.since.map(|since| since.to_string()),
        overlap: args.overlap.clone(),
        plain_http: args.plain_http,
        options,
    };
    let path = context.config_path();
    context.run(async |app| app.add_source(&path, &source).map_err(explain))?;
    if output.json {
        output.json_line(&serde_json::json!({ "added": source.name, "config": path }))?;
    } else {
        let name = &source.name;
        output.line(format!("added `{name}` to {}", path.display()))?;
        output.line(format!(
            "next: `centinel sources test {name}`, `centinel sources sync {name}`"
        ))?;
    }
    Ok(Outcome::Done)
}

fn test(name: &str, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let checks = context.run(async |app| {
        let outside = context::outside()?;
        app.test_source(name, &outside).await.map_err(explain)
    })?;
    let failed = checks.iter().filter(|check| !check.passed).count();
    if output.json {
        output.json_line(&serde_json::json!({
            "source": name, "passed": failed == 0, "checks": checks,
        }))?;
    } else {
        for check in &checks {
            output.line(shown(check))?;
        }
    }
    if failed == 0 {
        return Ok(Outcome::Done);
    }
    output.flush()?;
    let hint = checks.into_iter().filter(|check| !check.passed).find_map(|check| check.hint);
    let message = format!("{failed} checks of `{name}` did not pass");
    Err(match hint {
        Some(hint) => hinted(message, hint),
        None => anyhow::anyhow!(message),
    })
}

fn shown(check: &Check) -> String {
    let mark = if check.passed { "works" } else { "fails" };
    printable(&format!("{mark}  {}: {}", check.check, check.detail))
}

fn sync(
    names: &[String],
    since: Option<Date>,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let outside = context::outside()?;
        let configured = app.config().sources.iter().map(|source| source.name.clone());
        let all: Vec<String> = if names.is_empty() { configured.collect() } else { names.to_vec() };
        if all.is_empty() {
            let hint = "add one: `centinel sources add KIND`; `centinel sources kinds` lists them";
            return Err(hinted("no live source is configured", hint));
        }
        let (mut done, mut failures) = (Vec::new(), Vec::new());
        // One that fails does not keep the others from being synced.
        for name in &all {
            match app.sync_source(name, since, &outside).await {
                Ok(synced) => {
                    if !output.json {
                        print(&synced, output)?;
                        output.flush()?;
                    }
                    done.push(synced);
                }
                Err(error) => failures.push((name, error)),
            }
        }
        if output.json {
            let failed: Vec<_> = failures
                .iter()
                .map(|(name, error)| {
                    let error = centinel_app::in_one_line(error);
                    serde_json::json!({ "source": name, "error": error })
                })
                .collect();
            output.json_line(&serde_json::json!({ "synced": done, "failed": failed }))?;
        }
        let rejected = done.iter().any(|synced| {
            synced.rejected > 0 || synced.objects.is_some_and(|objects| objects.failed > 0)
        });
        let last = failures.pop();
        if let Some((name, error)) = last {
            for (name, error) in failures {
                output.note(format!("{name}: {}", printable(&centinel_app::in_one_line(&error))));
            }
            output.flush()?;
            return Err(explain(error).context(format!("source `{}`", printable(name))));
        }
        Ok(if rejected { Outcome::SomeRejected } else { Outcome::Done })
    })
}

/// The first names, and how many more there are.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let first = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("`, `");
    match names.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        Some(more) => {
            format!("{first}` and {more} more, such as `{}", names.last().map_or("", |n| n))
        }
        None => first,
    }
}

fn print(synced: &Synced, output: &mut Output) -> anyhow::Result<()> {
    let figures =
        [(synced.accepted, "new"), (synced.duplicate, "known"), (synced.rejected, "rejected")];
    let figures = figures.map(|(value, what)| format!("{} {what}", count(value.into())));
    let reached = synced.reached.map_or_else(|| "–".to_owned(), |at| at.to_string());
    output.line(printable(&format!(
        "{}: {}; reached {reached}",
        synced.source,
        figures.join(", ")
    )))?;
    if !synced.replaced.is_empty() {
        let days = few(&synced.replaced);
        output.line(printable(&format!("  replaced by later figures: `{days}`")))?;
    }
    if let Some(objects) = synced.objects {
        let figures = [
            (objects.imported, "imported"),
            (objects.unchanged, "unchanged"),
            (objects.superseded, "of earlier deliveries"),
            (objects.before, "from before `since`"),
            (objects.not_data + objects.passed_over, "passed over"),
            (objects.failed, "not to be read"),
        ];
        let figures = figures.map(|(value, what)| format!("{value} {what}"));
        output.line(format!("  objects: {} listed; {}", objects.listed, figures.join(", ")))?;
    }
    if synced.is_cut {
        output.line("  stopped by its time limit; the next sync goes on from there")?;
    }
    for reason in &synced.reasons {
        output.note(printable(&format!("  rejected: {reason}")));
    }
    for note in &synced.notes {
        output.note(printable(&format!("  {note}")));
    }
    Ok(())
}
