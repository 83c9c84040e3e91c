//! Statements as JSON and as tables.

use centinel_engine::{
    money::{Decimal, Money, Pico},
    reconcile::{Cause, Part, Statement},
};
use serde::Serialize;

use super::{is_finding, sides::Rejections};
use crate::{
    output::Output,
    text::{percent, printable, table},
};

/// A finding: too much of the invoice is unexplained.
#[derive(Serialize)]
struct Finding {
    kind: &'static str,
    share: Option<Decimal>,
    threshold: Decimal,
    amount: Decimal,
}

/// A statement with at most so many parts.
#[derive(Serialize)]
struct Shown<'s> {
    #[serde(flatten)]
    statement: &'s Statement,
    finding: Option<Finding>,
    parts_left_out: usize,
}

#[derive(Serialize)]
struct One<'s> {
    #[serde(flatten)]
    statement: Shown<'s>,
    rejected: &'s Rejections,
}

#[derive(Serialize)]
struct Several<'s> {
    statements: Vec<Shown<'s>>,
    rejected: &'s Rejections,
}

pub(super) fn json(
    statements: &[Statement],
    rejected: &Rejections,
    share: Decimal,
    parts: usize,
    output: &mut Output,
) -> anyhow::Result<()> {
    let cut: Vec<(Statement, usize)> = statements
        .iter()
        .map(|statement| {
            let mut statement = statement.clone();
            let all = statement.parts.len();
            if parts > 0 {
                statement.parts.truncate(parts);
            }
            let left_out = all.saturating_sub(statement.parts.len());
            (statement, left_out)
        })
        .collect();
    let mut shown: Vec<Shown<'_>> = cut
        .iter()
        .map(|(statement, parts_left_out)| Shown {
            statement,
            finding: is_finding(statement, share).then_some(Finding {
                kind: "unexplained_gap",
                share: statement.unexplained_share,
                threshold: share,
                amount: statement.unexplained,
            }),
            parts_left_out: *parts_left_out,
        })
        .collect();
    if let [_] = shown.as_slice()
        && let Some(statement) = shown.pop()
    {
        output.json_line(&One { statement, rejected })?;
    } else {
        output.json_line(&Several { statements: shown, rejected })?;
    }
    Ok(())
}

pub(super) fn tables(
    statements: &[Statement],
    share: Decimal,
    parts: usize,
    output: &mut Output,
) -> anyhow::Result<()> {
    if statements.is_empty() {
        output.line("nothing to compare: no calls and no rows of an invoice")?;
    }
    for statement in statements {
        one(statement, share, parts, output)?;
    }
    Ok(())
}

fn one(
    statement: &Statement,
    share: Decimal,
    parts: usize,
    output: &mut Output,
) -> anyhow::Result<()> {
    let amount = |amount: Decimal| {
        let pico = Pico::round_half_even(amount).map_or(Pico::ZERO, |rounded| rounded.amount);
        Money { amount: pico, currency: statement.currency }.to_string()
    };
    let period = statement.period.map_or_else(|| "all".to_owned(), |period| period.to_string());
    let ledger = match statement.ledger_currency {
        Some(other) => format!("{} {other}, taken at par", statement.ledger),
        None => amount(statement.ledger),
    };
    output.line(format!("Reconciliation {period}, {}", statement.currency))?;
    output.line(format!("  invoice  {}  ({} rows)", amount(statement.invoice), statement.rows))?;
    output.line(format!("  ledger   {ledger}  ({} calls)", statement.calls))?;
    output.line(format!("  gap      {}  (exactly {})", amount(statement.gap), statement.gap))?;
    if statement.excluded.rows > 0 {
        output.line(format!(
            "  {} rows of {} are not about models, and in neither sum",
            statement.excluded.rows,
            amount(statement.excluded.amount)
        ))?;
    }
    output.line("")?;
    let rows = statement.causes.iter().map(|total| {
        let evidence = match total.cause {
            Cause::Unexplained => format!("one of: {}", names(&total.candidates)),
            _ => total.evidence.first().cloned().unwrap_or_default(),
        };
        vec![total.cause.words().to_owned(), evidence, total.amount.to_string()]
    });
    output.line(table(&["Cause", "Evidence", statement.currency.as_str()], rows.collect(), 2))?;
    let largest: Vec<&Part> = statement.parts.iter().take(parts.min(12)).collect();
    if !largest.is_empty() {
        output.line("")?;
        let rows = largest.iter().map(|part| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            vec![
                part.cause.words().to_owned(),
                text(&part.day),
                part.provider.clone(),
                text(&part.model),
                part.token_class.map(|meter| meter.to_string()).unwrap_or_default(),
                part.amount.to_string(),
            ]
        });
        let header = ["Largest parts", "Day", "Provider", "Model", "Class", "Amount"];
        output.line(table(&header, rows.collect(), 5))?;
    }
    if is_finding(statement, share) {
        let part = statement
            .unexplained_share
            .map_or_else(String::new, |share| format!(", {} of the invoice", percent(share)));
        output.line(format!("\nfinding: {} unexplained{part}", amount(statement.unexplained)))?;
    }
    for note in &statement.notes {
        output.line(format!("note: {}", printable(note)))?;
    }
    output.line("")?;
    Ok(())
}

fn names(causes: &[Cause]) -> String {
    causes.iter().map(|cause| cause.words()).collect::<Vec<_>>().join("; ")
}
