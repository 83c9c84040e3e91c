//! `centinel export focus`: the ledger as a FOCUS dataset.

use std::{io::BufWriter, path::PathBuf};

use centinel_app::{Exported, When};
use centinel_ledger::{FocusExport, FocusVersion};
use serde::Serialize;

use crate::{
    context::{Context, explain},
    failure::usage,
    output::{Outcome, Output},
    period_args::PeriodArgs,
    text::count,
};

/// The ledger in a format that other tools read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// As a FOCUS Cost and Usage dataset, which imports to the same totals.
    Focus(FocusArgs),
}

/// As a FOCUS Cost and Usage dataset, which imports to the same totals.
#[derive(Debug, clap::Args)]
struct FocusArgs {
    /// Version of the specification: 1.2 or 1.4.
    #[arg(long, value_name = "VERSION", default_value = "1.4")]
    version: String,
    #[command(flatten)]
    period: PeriodArgs,
    /// Calls are put together by the day, or by the hour.
    #[arg(long, value_enum, default_value = "day")]
    grain: GrainArg,
    /// File to write, `.gz` and `.zst` compressed; standard output by default. Calls without a price go
    /// into a call log beside it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum GrainArg {
    Hour,
    Day,
}

#[derive(Serialize)]
struct Report<'a> {
    version: &'a str,
    period: String,
    file: Option<String>,
    unpriced_file: Option<String>,
    rows: u64,
    charges: u64,
    calls: u64,
    unpriced_calls: u64,
    list_cost_unknown: u64,
    contracted_cost_unknown: u64,
    totals: Vec<Total<'a>>,
}

#[derive(Serialize)]
struct Total<'a> {
    currency: &'a str,
    effective_cost: String,
    billed_cost: String,
    list_cost: String,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let Command::Focus(args) = &args.command;
    let version: FocusVersion =
        args.version.parse().map_err(|error: centinel_ledger::UnknownVersion| {
            usage(error.to_string(), "as in `--version 1.4`")
        })?;
    if output.json && args.out.is_none() {
        return Err(usage("`--json` needs `--out FILE`", "the dataset itself is CSV"));
    }
    context.run(async |app| {
        let period = args.period.resolve(&app, When::All).await?.period;
        let export = FocusExport { version, period, is_hourly: args.grain == GrainArg::Hour };
        let exported = match &args.out {
            Some(path) => app.export_focus_file(&export, path).await.map_err(explain)?,
            None => {
                let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout());
                app.export_focus(&export, &mut out).await.map_err(explain)?
            }
        };
        if output.json {
            output.json_line(&report(args, &export, &exported))?;
        } else {
            print(args, &export, &exported, output);
        }
        Ok(Outcome::Done)
    })
}

fn report<'a>(args: &'a FocusArgs, export: &FocusExport, exported: &'a Exported) -> Report<'a> {
    let written = &exported.report;
    let shown = |path: &PathBuf| path.display().to_string();
    Report {
        version: &args.version,
        period: export.period.to_string(),
        file: args.out.as_ref().map(shown),
        unpriced_file: exported.unpriced_file.as_ref().map(shown),
        rows: written.rows,
        charges: written.charges,
        calls: written.calls,
        unpriced_calls: written.unpriced_calls,
        list_cost_unknown: written.list_cost_unknown,
        contracted_cost_unknown: written.contracted_cost_unknown,
        totals: written
            .sums
            .iter()
            .map(|(currency, sums)| Total {
                currency,
                effective_cost: sums.effective_cost.to_string(),
                billed_cost: sums.billed_cost.to_string(),
                list_cost: sums.list_cost.to_string(),
            })
            .collect(),
    }
}

/// Says on standard error what was written, and what is not in it.
fn print(args: &FocusArgs, export: &FocusExport, exported: &Exported, output: &Output) {
    let written = &exported.report;
    output.note(format!(
        "FOCUS {}, {}: {} rows ({} charges, {} priced calls)",
        args.version,
        export.period,
        count(written.rows.into()),
        count(written.charges.into()),
        count(written.calls.into()),
    ));
    for (currency, sums) in &written.sums {
        output.note(format!(
            "effective {} {currency}, billed {} {currency}",
            sums.effective_cost, sums.billed_cost
        ));
    }
    for (unknown, column) in [
        (written.list_cost_unknown, "ListCost"),
        (written.contracted_cost_unknown, "ContractedCost"),
    ] {
        if unknown > 0 {
            let rows = count(unknown.into());
            output.note(format!("`{column}` is null in {rows} rows: the bill did not say it"));
        }
    }
    if written.unpriced_calls > 0 {
        let calls = count(written.unpriced_calls.into());
        output.note(match &exported.unpriced_file {
            Some(path) => format!("{calls} calls without a price are in `{}`", path.display()),
            None => format!(
                "{calls} calls without a price are not in the dataset; `--out FILE` writes them \
                 beside it"
            ),
        });
    }
}
