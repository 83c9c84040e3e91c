//! `centinel import`: files into the ledger, each all or nothing, each once; of a folder, the files
//! below it.

mod walk;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use centinel_app::{App, AppError, ImportRequest, Imported, OnOverlap, Progress, Role};
use centinel_ingest::{Convention, Options, ReadError};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    context::{Context, explain, nonce, now},
    failure::hinted,
    output::{Outcome, Output},
    text::{count, printable},
};

/// Imports bills, call logs, provider reports, gateway and session logs, OTLP traces and outcomes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files, or folders of files; `.gz`, `.zst` and `.zip` with one file are read through.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Source that the rows belong to; by default one for each format.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The rows are an invoice to reconcile with: kept, but in no total.
    #[arg(long)]
    invoice: bool,
    /// What the rows are for: `spend` is counted, `invoice` and `allocation` are in no total; by the
    /// format where nothing is stated.
    #[arg(long, value_name = "ROLE", conflicts_with = "invoice")]
    role: Option<Role>,
    /// What to do with a bill that the source has already, in part or in whole. By default exports
    /// of AWS, Azure and Google are refused, and other bills are added, which is said. The files of
    /// one command are one delivery.
    #[arg(long, value_enum)]
    overlap: Option<OverlapArg>,
    /// A column and what it means (`COLUMN=FIELD`), or `COLUMN=-` to leave it out.
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    /// A value for every row, as in `provider=openai`.
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// A tag that may become a dimension; repeat for more.
    #[arg(long, value_name = "KEY")]
    tag: Vec<String>,
    /// Whether input tokens include cached ones; guessed by provider and column names.
    #[arg(long, value_enum)]
    convention: Option<ConventionArg>,
    /// What numbers in the time column count from.
    #[arg(long, value_name = "TIME")]
    start: Option<Timestamp>,
    /// Currency of amounts that state none.
    #[arg(long, value_name = "CODE", default_value = "USD")]
    currency: String,
    /// Price calls with this book instead of the configured one.
    #[arg(long, value_name = "BOOK")]
    book: Option<String>,
    /// Take prices of a book without dates to hold for all time.
    #[arg(long)]
    undated_prices: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum OverlapArg {
    /// It is another part of the bill: keep both.
    Add,
    /// It would count twice: import nothing.
    Refuse,
    /// It is a later delivery: it takes the place of the earlier one.
    Replace,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ConventionArg {
    /// Totals contain their parts.
    Inclusive,
    /// Cached tokens are beside the input tokens.
    Disjoint,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let request = request(args)?;
    context.ensure_home(output)?;
    context.run(async |app| {
        let swept = app.ledger().sweep().await?;
        if swept > 0 {
            output.note(format!("removed {swept} files of an import that never finished"));
        }
        let mut outcome = Outcome::Done;
        for file in &args.files {
            let has_rejected = if file.is_dir() {
                import_folder(&app, file, &request, output).await?
            } else {
                let imported = import_one(&app, file, request.clone(), output).await?;
                print(file, &imported, output)?
            };
            if has_rejected {
                outcome = Outcome::SomeRejected;
            }
        }
        Ok(outcome)
    })
}

/// Imports the files below a folder, each by itself, so that only new and changed ones are read again.
/// Files that hold no rows of any format are passed over, said; `true` when rows were rejected.
async fn import_folder(
    app: &App,
    folder: &Path,
    request: &ImportRequest,
    output: &mut Output,
) -> anyhow::Result<bool> {
    let files = walk::files_below(folder)?;
    let (mut imported_now, mut known, mut passed_over) = (0_usize, 0_usize, 0_usize);
    let mut has_rejected = false;
    for file in &files {
        match try_import(app, file, request.clone(), output).await {
            Ok(imported) if imported.report.already_known => {
                known += 1;
                if output.json {
                    print(file, &imported, output)?;
                }
            }
            Ok(imported) => {
                imported_now += 1;
                has_rejected |= print(file, &imported, output)?;
            }
            Err(AppError::Read { source, .. }) if is_of_another_tool(&source) => {
                passed_over += 1;
                let reason = printable(&source.to_string());
                if output.json {
                    let file = file.display().to_string();
                    output.json_line(&PassedOver { file, status: "passed_over", reason })?;
                } else {
                    output.note(format!("passed over: {}: {reason}", named(file)));
                }
            }
            Err(error) => return Err(explain(error)),
        }
    }
    if imported_now + known == 0 {
        let message = format!("no file below `{}` could be read", folder.display());
        return Err(hinted(
            message,
            "read are JSON, JSON lines, CSV and Parquet, `.gz` and `.zst`",
        ));
    }
    if !output.json {
        output.line(format!(
            "{}: {} files imported, {} imported before, {} passed over",
            folder.display(),
            count(i128::try_from(imported_now)?),
            count(i128::try_from(known)?),
            count(i128::try_from(passed_over)?),
        ))?;
    }
    Ok(has_rejected)
}

/// Whether a file is none of ours, rather than a damaged one of ours.
fn is_of_another_tool(error: &ReadError) -> bool {
    matches!(error, ReadError::Format(_) | ReadError::Empty)
}

#[derive(Serialize)]
struct PassedOver {
    file: String,
    status: &'static str,
    reason: String,
}

fn request(args: &Args) -> anyhow::Result<ImportRequest> {
    let mut options = Options {
        convention: args.convention.map(|convention| match convention {
            ConventionArg::Inclusive => Convention::Inclusive,
            ConventionArg::Disjoint => Convention::Disjoint,
        }),
        start: args.start,
        currency: args.currency.parse()?,
        ..Options::default()
    };
    options.tags.extend(args.tag.iter().cloned());
    for pair in &args.map {
        options.state_column(pair)?;
    }
    for pair in &args.set {
        options.set_constant(pair)?;
    }
    let book = match &args.book {
        None if args.undated_prices => {
            return Err(hinted("`--undated-prices` needs `--book`", "as in `--book litellm:FILE`"));
        }
        None => None,
        Some(name) => {
            let book = centinel_app::open_book(name, Path::new("")).map_err(explain)?.book;
            Some(Arc::new(if args.undated_prices { book.holding_for_all_time() } else { book }))
        }
    };
    let on_overlap = args.overlap.map(|overlap| match overlap {
        OverlapArg::Add => OnOverlap::Add,
        OverlapArg::Refuse => OnOverlap::Refuse,
        OverlapArg::Replace => OnOverlap::Replace,
    });
    Ok(ImportRequest {
        source: args.source.clone(),
        is_invoice: args.invoice,
        role: args.role,
        on_overlap,
        delivery_since: Some(now()),
        options,
        book,
        delivery: None,
    })
}

/// Imports one file, with a progress bar where somebody watches.
pub(crate) async fn import_one(
    app: &App,
    file: &Path,
    request: ImportRequest,
    output: &Output,
) -> anyhow::Result<Imported> {
    try_import(app, file, request, output).await.map_err(explain)
}

async fn try_import(
    app: &App,
    file: &Path,
    request: ImportRequest,
    output: &Output,
) -> Result<Imported, AppError> {
    let progress = Arc::new(Progress::default());
    let bar =
        if output.shows_progress() { ProgressBar::no_length() } else { ProgressBar::hidden() };
    let style = "{spinner} {msg}  {human_pos} rows  {elapsed}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    let name = printable(&file.file_name().unwrap_or_default().to_string_lossy());
    let started = Instant::now();
    let nonce = nonce().map_err(|_| AppError::Interrupted)?;
    let import = app.import_file(file, request, progress.clone(), now(), nonce);
    tokio::pin!(import);
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    let result = loop {
        tokio::select! {
            result = &mut import => break result,
            _ = tick.tick() => {
                let rows = progress.rows.load(Ordering::Relaxed);
                let millis = started.elapsed().as_millis().max(1);
                let rate = u128::from(rows).saturating_mul(1000) / millis;
                bar.set_position(rows);
                bar.set_message(format!("{name}  {} rows/s", count(rate.cast_signed())));
            }
        }
    };
    bar.finish_and_clear();
    result
}

#[derive(Serialize)]
struct Report<'a> {
    file: String,
    status: &'static str,
    batch: i64,
    source: &'a str,
    format: &'a str,
    rows: i64,
    accepted: i64,
    duplicate: i64,
    rejected: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_file: Option<&'a str>,
    unpriced: Vec<Unpriced<'a>>,
    findings: Vec<String>,
    raw_bytes: u64,
    cell_bytes: u64,
}

#[derive(Serialize)]
struct Unpriced<'a> {
    reason: &'a str,
    calls: u64,
}

/// A file's name, as a terminal may show it.
fn named(file: &Path) -> String {
    printable(&file.display().to_string())
}

/// Prints what an import did; `true` when rows were rejected.
fn print(file: &Path, imported: &Imported, output: &mut Output) -> anyhow::Result<bool> {
    let Imported { report, format, findings, mapping, unpriced } = imported;
    let batch = &report.batch;
    // Names of files, sources, columns and models came with the data: they move no cursor.
    let (name, source) = (named(file), printable(&batch.source));
    let rejected = !report.already_known && batch.rows_rejected > 0;
    if output.json {
        output.json_line(&Report {
            file: file.display().to_string(),
            status: if report.already_known { "already_imported" } else { "imported" },
            batch: batch.id,
            source: &batch.source,
            format,
            rows: batch.rows_read,
            accepted: batch.rows_accepted,
            duplicate: batch.rows_duplicate,
            rejected: batch.rows_rejected,
            rejected_file: report.rejected_file.as_deref(),
            unpriced: unpriced
                .iter()
                .map(|(reason, calls)| Unpriced { reason, calls: *calls })
                .collect(),
            findings: findings.iter().map(ToString::to_string).collect(),
            raw_bytes: report.raw_bytes,
            cell_bytes: report.cell_bytes,
        })?;
    } else if report.already_known {
        output.line(format!(
            "{name}: imported before (batch {}, source {source}); nothing changed",
            batch.id
        ))?;
    } else {
        output.line(format!(
            "{name}: {format}, {} rows into source {source}: {} new, {} known, {} rejected",
            count(batch.rows_read.into()),
            count(batch.rows_accepted.into()),
            count(batch.rows_duplicate.into()),
            count(batch.rows_rejected.into()),
        ))?;
        if let Some(mapping) = mapping {
            for line in mapping.to_string().lines() {
                output.line(printable(line))?;
            }
        }
    }
    for finding in findings {
        output.note(printable(&finding.to_string()));
    }
    for (reason, calls) in unpriced {
        let reason = printable(reason);
        output.note(format!("unpriced: {} calls: {reason}", count((*calls).into())));
    }
    if rejected {
        output.note(format!("rejected: {} rows, kept with their reasons", batch.rows_rejected));
        for row in report.first_rejected.iter().take(5) {
            output.note(format!("  row {}: {}", row.row, printable(&row.reason)));
        }
        if let Some(name) = &report.rejected_file {
            output.note(format!("  all of them: rejected/{name} in the home"));
        }
    }
    Ok(rejected)
}
