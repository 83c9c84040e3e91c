//! `centinel commitments`: what contracts commit to.

use centinel_app::HeldCommitment;
use centinel_engine::money::Currency;
use jiff::Timestamp;

use crate::{
    context::{Context, explain},
    output::{Outcome, Output},
    text::table,
};

/// Lists the contract commitments of imported FOCUS Contract Commitment files: what was agreed, beside
/// what was charged.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let commitments = app.contract_commitments().await.map_err(explain)?;
        if output.json {
            output.json_line(&serde_json::json!({ "commitments": commitments }))?;
        } else if commitments.is_empty() {
            output.line("no contract commitment was imported")?;
        } else {
            let header = ["id", "provider", "kind", "status", "from", "until", "quantity", "cost"];
            output.line(table(&header, commitments.iter().map(row).collect(), 6))?;
        }
        Ok(Outcome::Done)
    })
}

fn row(held: &HeldCommitment) -> Vec<String> {
    let HeldCommitment { commitment, .. } = held;
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let day =
        |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| at.strftime("%Y-%m-%d").to_string());
    let amount = |amount: Option<String>, unit: Option<&str>| match (amount, unit) {
        (Some(amount), Some(unit)) => format!("{amount} {unit}"),
        (Some(amount), None) => amount,
        (None, _) => "-".to_owned(),
    };
    vec![
        commitment.id.clone(),
        text(&commitment.provider),
        text(&commitment.kind.clone().or_else(|| commitment.category.clone())),
        text(&commitment.status),
        day(commitment.start),
        day(commitment.end),
        amount(commitment.quantity.map(|q| q.to_string()), commitment.unit.as_deref()),
        amount(
            commitment.cost.map(|cost| cost.to_string()),
            commitment.currency.as_ref().map(Currency::as_str),
        ),
    ]
}
