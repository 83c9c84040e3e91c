//! `commit report`: use, waste, coverage and savings of each commitment.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::Context as _;
use centinel_engine::{
    commitment::{CommitmentReport, CommitmentSummary, commitment_report},
    money::{Currency, Decimal},
};
use serde::Serialize;

use super::{RejectedRow, focus_rows::FocusRows, money, note_rejected, percent, printable, table};
use crate::output::{Outcome, Output};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// FOCUS Cost and Usage rows, CSV; `-` is standard input.
    #[arg(value_name = "F.csv")]
    file: PathBuf,
}

/// The machine answer.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    report: &'a CommitmentReport,
    rejected: &'a [RejectedRow],
}

pub(super) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    let name = args.file.display().to_string();
    let mut rows = FocusRows::open(centinel_ingest::open(&args.file)?, &name)?;
    let report = commitment_report(rows.by_ref()).with_context(|| format!("adding up `{name}`"))?;
    if let Some(error) = rows.failure {
        return Err(error).with_context(|| format!("reading `{name}`"));
    }
    let mut rejected = rows.rejected;
    rejected.extend(
        report
            .rejected
            .iter()
            .map(|(row, reason)| RejectedRow { row: *row, reason: reason.to_string() }),
    );
    rejected.sort_unstable();
    note_rejected(output, &args.file, &rejected);
    if output.json {
        output.json_line(&Answer { report: &report, rejected: &rejected })?;
    } else {
        for line in text(&report) {
            output.line(line)?;
        }
    }
    Ok(if rejected.is_empty() { Outcome::Done } else { Outcome::SomeRejected })
}

/// What people read.
fn text(report: &CommitmentReport) -> Vec<String> {
    if report.commitments.is_empty() {
        return vec!["No row names a commitment (CommitmentDiscountId).".into()];
    }
    let header =
        ["commitment", "used", "unused", "utilisation", "coverage", "waste", "savings rate"];
    let mut lines =
        vec![table(header, report.commitments.iter().map(row)).to_string(), String::new()];
    for total in &report.totals {
        lines.push(format!(
            "{} commitments: {} amortised, {} of it wasted; coverage {}, effective savings rate {} \
             with the on-demand usage beside them.",
            total.commitments,
            amount(total.effective_cost, total.currency),
            amount(total.waste, total.currency),
            percent(total.coverage),
            percent(total.effective_savings_rate),
        ));
    }
    for plan in &report.commitments {
        if !plan.purchase_billed_cost.is_zero() {
            lines.push(format!(
                "{}: purchases billed {}, stated apart: the amortised cost above is the same money.",
                printable(&plan.commitment_discount_id),
                money(plan.purchase_billed_cost, plan.currency),
            ));
        }
    }
    lines.push(format!("Coverage counts as eligible: {}.", report.eligible));
    for plan in &report.commitments {
        let mut by_reason: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (figure, reason) in &plan.unknown {
            by_reason.entry(reason.to_string()).or_default().push(figure);
        }
        for (reason, figures) in by_reason {
            let id = printable(&plan.commitment_discount_id);
            let figures = figures.join(", ").replace('_', " ");
            lines.push(format!("{id}: not known: {figures}: {}.", printable(&reason)));
        }
    }
    lines
}

fn row(plan: &CommitmentSummary) -> [String; 7] {
    let unit = plan.unit.as_deref().map(printable).unwrap_or_default();
    let quantity =
        |value: Option<_>| value.map_or_else(|| "–".into(), |value| format!("{value} {unit}"));
    [
        printable(&plan.commitment_discount_id),
        quantity(plan.used),
        quantity(plan.unused),
        percent(plan.utilization),
        percent(plan.coverage),
        amount(plan.waste, plan.currency),
        percent(plan.effective_savings_rate),
    ]
}

fn amount(value: Option<Decimal>, currency: Currency) -> String {
    value.map_or_else(|| "–".into(), |value| money(value, currency))
}
