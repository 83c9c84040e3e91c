//! `centinel savings`: the ledger of savings.

use centinel_app::{MeasuredAt, Savings, SavingsLine};
use centinel_engine::proposal::{Calibration, Stage};

use crate::{
    context::{Context, explain, now},
    output::{Outcome, Output},
    text::{percent, printable, table},
};

/// What proposals promised, how far they are, what came of it, and how much a promise of each kind is
/// worth. Amounts are a month.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let savings = app.savings(now()).await.map_err(explain)?;
        if output.json {
            output.json_line(&savings)?;
        } else {
            print(&savings, output)?;
        }
        Ok(Outcome::Done)
    })
}

fn print(savings: &Savings, output: &mut Output) -> anyhow::Result<()> {
    output.line(&savings.summary)?;
    if savings.lines.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let header = ["id", "what", "stage", "traced to", "promised", "expected", "7 days", "30 days"];
    output.line(table(&header, savings.lines.iter().map(row).collect(), 4))?;
    let unknown: Vec<&SavingsLine> = savings
        .lines
        .iter()
        .filter(|line| matches!(line.stage, Stage::Executed | Stage::Realised))
        .filter(|line| line.not_measured.is_some())
        .collect();
    if !unknown.is_empty() {
        output.line("")?;
    }
    for line in unknown {
        if let Some(why) = line.not_measured {
            output.line(format_args!("{}: {}", line.id, why.in_words()))?;
        }
    }
    output.line("")?;
    output.line(table(&["stage", "proposals", "promised", "came"], stages(savings), 1))?;
    if !savings.calibration.is_empty() {
        output.line("")?;
        let rows = savings.calibration.iter().map(kind).collect();
        let header = ["kind", "measured", "promised", "came", "share", "typical", "counts as"];
        output.line(table(&header, rows, 1))?;
    }
    Ok(())
}

fn row(line: &SavingsLine) -> Vec<String> {
    let measured = |days: u32| {
        let found = line.measured.iter().find(|measured| measured.days == days);
        found.map_or("—".to_owned(), |MeasuredAt { saving, share_percent, .. }| {
            match share_percent {
                Some(share) => format!("{saving} ({share} %)"),
                None => saving.to_string(),
            }
        })
    };
    vec![
        line.id.to_string(),
        line.title.clone(),
        line.stage.name().to_owned(),
        format!("{} · log {}", line.evidence, line.audit_entry),
        line.promised.map_or("unknown".to_owned(), |promised| {
            format!("{} ({} to {})", promised.mid, promised.low, promised.high)
        }),
        line.expected.map_or("unknown".to_owned(), |expected| expected.amount.to_string()),
        measured(7),
        measured(30),
    ]
}

/// One line for each stage and currency; what promises nothing that is known has its own.
fn stages(savings: &Savings) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for sum in savings.stages.iter().filter(|sum| sum.proposals > 0) {
        for of in &sum.amounts {
            rows.push(vec![
                sum.stage.name().to_owned(),
                of.promised_by.max(of.realised_by).to_string(),
                of.promised.map_or("unknown".to_owned(), |promised| promised.mid.to_string()),
                of.realised.map_or("—".to_owned(), |realised| realised.to_string()),
            ]);
        }
        if sum.without_promise > 0 {
            rows.push(vec![
                sum.stage.name().to_owned(),
                sum.without_promise.to_string(),
                "unknown".to_owned(),
                "—".to_owned(),
            ]);
        }
    }
    rows
}

fn kind(of: &Calibration) -> Vec<String> {
    let typical = of.median_ratio.map_or("too few to say".to_owned(), |median| {
        format!("{} to {}", percent(median.low), percent(median.high))
    });
    vec![
        printable(of.kind.as_str()),
        of.measured.to_string(),
        of.promised.to_string(),
        of.realised.to_string(),
        of.ratio.map_or("—".to_owned(), percent),
        typical,
        percent(of.factor),
    ]
}
