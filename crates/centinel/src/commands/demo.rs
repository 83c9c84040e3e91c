//! `centinel demo`: a generated company, read through the real connectors, analysed.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context as _;
use centinel_app::{App, ImportRequest};
use centinel_approvals::Requester;
use centinel_engine::{
    money::{Money, Pico},
    proposal::BudgetPeriod,
    series::Dimension,
};
use centinel_world::{FileEntry, FileRole, Manifest, World, WorldConfig};

use crate::{
    commands::{import::import_one, report},
    context::{Context, explain, now},
    output::{Outcome, Output},
    text::count,
};

/// Shows Centinel on a generated company, in a home of its own; yours stays as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Everything drawn comes from this.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Print the first screen and stop, without serving page and MCP.
    #[arg(long)]
    no_serve: bool,
    /// Generate and import anew, even when the demo's home is there.
    #[arg(long)]
    fresh: bool,
    /// Port of the page.
    #[arg(long, default_value_t = 8787)]
    port: u16,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    // A home below the stated one: the demo never touches real data.
    let home = context.home.join(format!("demo-{}", args.seed));
    let context = Context::at(home.clone());
    if args.fresh && home.exists() {
        remove_demo(&home)?;
    }
    let started = Instant::now();
    let is_new = !home.join("ready").exists();
    if is_new {
        if home.exists() {
            remove_demo(&home)?;
        }
        build(args, &context, &home, output)?;
        std::fs::write(home.join("ready"), "")?;
    }
    context.run(async |app| {
        let screen = app.report(now()).await.map_err(explain)?;
        if output.json {
            output.json_line(&screen)?;
        } else {
            report::print(&app, &screen, output)?;
        }
        Ok(())
    })?;
    let verb = if is_new { "generated, imported and analysed" } else { "analysed" };
    output.note(format!("{verb} in {:.1} s", started.elapsed().as_secs_f64()));
    output.flush()?;
    if args.no_serve || output.json {
        return Ok(Outcome::Done);
    }
    crate::commands::serve::serve(&context, args.port, false, output)
}

/// Only what this command made is removed: a folder with its mark.
fn remove_demo(home: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        home.join("GENERATED").exists(),
        "`{}` is there already and no demo",
        home.display()
    );
    std::fs::remove_dir_all(home).with_context(|| format!("removing `{}`", home.display()))
}

fn build(args: &Args, context: &Context, home: &Path, output: &mut Output) -> anyhow::Result<()> {
    std::fs::create_dir_all(home)?;
    std::fs::write(home.join("GENERATED"), "A generated company. Safe to delete.\n")?;
    let config = WorldConfig { seed: args.seed, ..WorldConfig::halden() };
    output.note(format!(
        "generating {} · seed {} · {} days to {}",
        centinel_world::COMPANY,
        config.seed,
        config.days,
        config.end
    ));
    let files = home.join("provider-files");
    let manifest = World::generate(&config).write(&files)?;
    centinel_app::create_home(home).map_err(explain)?;
    std::fs::write(home.join("centinel.toml"), demo_config(&manifest))?;
    for entry in manifest.files.iter().filter(|entry| entry.role == FileRole::Calendar) {
        std::fs::copy(files.join(&entry.file), home.join("policies").join("calendar.csv"))?;
    }
    context.run(async |app| {
        for entry in manifest.files.iter().filter(|entry| is_imported(entry)) {
            import_entry(&app, &files, entry, output).await?;
        }
        propose(&app).await
    })
}

fn demo_config(manifest: &Manifest) -> String {
    format!(
        "# The demo's own configuration: a generated company.\n\n[organisation]\nname = \"Halden\"\n\
         currency = \"{}\"\ngenerated = true\n",
        manifest.currency
    )
}

fn is_imported(entry: &FileEntry) -> bool {
    matches!(
        entry.role,
        FileRole::Calls | FileRole::Charges | FileRole::Outcomes | FileRole::Invoice
    )
}

async fn import_entry(
    app: &App,
    folder: &Path,
    entry: &FileEntry,
    output: &Output,
) -> anyhow::Result<()> {
    let path: PathBuf = folder.join(&entry.file);
    let is_invoice = entry.role == FileRole::Invoice;
    let stem = Path::new(&entry.file).file_name().unwrap_or_default().to_string_lossy();
    let stem = stem.split('.').next().unwrap_or("file").to_owned();
    let request =
        ImportRequest { source: Some(stem.clone()), is_invoice, ..ImportRequest::default() };
    let started = Instant::now();
    let imported = import_one(app, &path, request, output).await?;
    let batch = &imported.report.batch;
    let millis = started.elapsed().as_millis().max(1).cast_signed();
    let rejected = match batch.rows_rejected {
        0 => String::new(),
        rows => format!(", {rows} rejected"),
    };
    output.note(format!(
        "read {stem:<20} {:>9} rows as {} ({} rows/s){rejected}",
        count(batch.rows_read.into()),
        imported.format,
        count(i128::from(batch.rows_read).saturating_mul(1000) / millis),
    ));
    Ok(())
}

/// The analysis asks for a budget where the largest open episode is: a proposal waits for a person.
async fn propose(app: &App) -> anyhow::Result<()> {
    let incidents = app.incidents(now()).await.map_err(explain)?;
    let open = incidents
        .iter()
        .filter(|incident| incident.is_open && incident.scope.contains_key("feature"));
    let Some(incident) = open.max_by_key(|incident| incident.impact) else { return Ok(()) };
    let Some(feature) = incident.scope.get("feature") else { return Ok(()) };
    // The usual level of the days before the episode, as a monthly limit.
    let (_, explained) = app.explain_incident(&incident.id, None, now()).await.map_err(explain)?;
    let days = (explained.period.end_micros() - explained.period.start_micros())
        / centinel_engine::period::DAY_MICROS;
    let per_month = explained.decomposition.before.0.saturating_mul(30) / i128::from(days.max(1));
    // Ten per cent of room, in whole currency units.
    let limit = per_month.saturating_mul(11) / 10 / Pico::ONE.0 * Pico::ONE.0;
    let request = centinel_app::BudgetRequest {
        scope: [(Dimension::Feature, feature.clone())].into(),
        period: BudgetPeriod::Month,
        limit: Money { amount: Pico(limit), currency: incident.currency },
    };
    app.propose_budget(request, &Requester::system(), now()).await.map_err(explain)?;
    Ok(())
}
