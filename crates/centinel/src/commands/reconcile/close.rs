//! `reconcile close` and `reconcile status`: closed periods and what came late.

use centinel_app::{PeriodStatus, PeriodTotal};
use centinel_engine::money::{Currency, Money};

use super::named_period;
use crate::{
    context::{Context, explain, now},
    output::{Outcome, Output},
    text::table,
};

/// Closed periods.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Close the books of a period: its totals with a digest, in the catalogue and the audit log.
    Close {
        /// `2026-10` or `2026-10-05`.
        #[arg(long, value_name = "MONTH|DAY")]
        period: String,
    },
    /// Closed periods, whether they still have their digest, and what became known afterwards.
    Status,
}

pub(super) fn run(
    command: &Command,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    context.run(async |app| match command {
        Command::Close { period } => {
            let period = named_period(period)?;
            let status = app.close_period(period, "terminal", now()).await.map_err(explain)?;
            if output.json {
                output.json_line(&status)?;
            } else {
                show(&status, output)?;
            }
            Ok(Outcome::Done)
        }
        Command::Status => {
            let periods = app.closed_periods(now()).await.map_err(explain)?;
            if output.json {
                output.json_line(&serde_json::json!({ "periods": periods }))?;
            } else if periods.is_empty() {
                output.line("no period is closed")?;
            }
            if !output.json {
                for status in &periods {
                    show(status, output)?;
                }
            }
            let is_intact = periods.iter().all(|status| status.is_intact);
            Ok(if is_intact { Outcome::Done } else { Outcome::Refused })
        }
    })
}

fn show(status: &PeriodStatus, output: &mut Output) -> anyhow::Result<()> {
    let state = if status.is_intact { "holds" } else { "NO LONGER HOLDS" };
    output.line(format!("{}  closed {} by {}", status.period, status.closed_at, status.actor))?;
    output.line(format!("  digest {} {state}", status.digest))?;
    output.line(totals(&status.totals))?;
    for restatement in &status.restatements {
        output.line(format!(
            "  known since {} ({}):",
            restatement.known_at,
            crate::text::printable(&restatement.sources.join(", "))
        ))?;
        output.line(totals(&restatement.changes))?;
    }
    if status.restatements.is_empty() {
        output.line("  nothing came late")?;
    }
    Ok(())
}

fn totals(totals: &[PeriodTotal]) -> impl std::fmt::Display {
    let rows = totals.iter().map(|total| {
        let currency: Option<Currency> =
            total.currency.as_deref().and_then(|code| code.parse().ok());
        let cost = match currency {
            Some(currency) => Money { amount: total.cost, currency }.to_string(),
            None => total.cost.to_string(),
        };
        vec![
            format!("    {}", total.provider.clone().unwrap_or_else(|| "no provider".to_owned())),
            cost,
            total.calls.to_string(),
            total.charges.to_string(),
        ]
    });
    table(&["    Provider", "Cost", "Calls", "Charges"], rows.collect(), 1)
}
