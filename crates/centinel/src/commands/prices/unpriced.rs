//! `centinel prices unpriced`: calls without a price.

use centinel_app::{UnpricedModel, When, plausible_total};
use centinel_engine::{
    money::{Currency, Money, Pico},
    pricing::{Basis, PlausibleCost},
};
use serde::Serialize;

use super::plural;
use crate::{
    context::{Context, explain},
    output::{Outcome, Output},
    period_args::PeriodArgs,
    text::{count, money, printable, table},
};

/// Calls without a price, most tokens first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    period: PeriodArgs,
}

#[derive(Serialize)]
struct Queue<'a> {
    period: centinel_engine::period::Period,
    models: &'a [UnpricedModel],
    /// Sums of the ranges above; not part of any total, and none where nothing is comparable.
    currency: Option<Currency>,
    plausible_low: Option<Pico>,
    plausible_high: Option<Pico>,
    models_without_range: usize,
}

pub(super) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    context.run(async |app| {
        let period = args.period.resolve(&app, When::All).await?.period;
        let models = app.unpriced_models(period).await.map_err(explain)?;
        let total = plausible_total(&models);
        if output.json {
            output.json_line(&Queue {
                period,
                models: &models,
                currency: total.map(|(low, ..)| low.currency),
                plausible_low: total.map(|(low, ..)| low.amount),
                plausible_high: total.map(|(_, high, _)| high.amount),
                models_without_range: models.iter().filter(|m| m.plausible.is_none()).count(),
            })?;
            return Ok(Outcome::Done);
        }
        if models.is_empty() {
            output.line(format!("every call of {period} has a price"))?;
            return Ok(Outcome::Done);
        }
        let rows = models
            .iter()
            .map(|model| {
                vec![
                    model.provider.clone(),
                    model.model.clone(),
                    model.reason.clone(),
                    format!("{} to {}", model.first_seen, model.last_seen),
                    model.sources.join(", "),
                    count(model.calls),
                    count(model.tokens),
                    range(model.plausible.as_ref()),
                ]
            })
            .collect();
        let header =
            ["provider", "model", "why", "seen", "sources", "calls", "tokens", "may have cost"];
        output.line(table(&header, rows, 5))?;
        output.line(printable(&format!(
            "{} without a price in {period}; in no total. {}",
            plural(models.len(), "model"),
            bounds(total)
        )))?;
        for model in &models {
            if let Some(cost) = &model.plausible {
                output.line(printable(&format!("  {}: {}", model.model, basis(cost))))?;
            }
        }
        let mappings: Vec<&str> =
            models.iter().filter_map(|model| model.mapping.as_deref()).collect();
        if !mappings.is_empty() {
            output.line("")?;
            output.line("a name of your own? say in centinel.toml which model it stands for:")?;
            output.line("[models]")?;
            for line in mappings {
                output.line(printable(line))?;
            }
        }
        if models.iter().any(|model| model.is_priced_now) {
            output.line("")?;
            output.line(
                "some have a price by now: `centinel prices restate --only-unpriced` books it",
            )?;
        }
        Ok(Outcome::Done)
    })
}

/// `$1.20 to $4.00`, or that nothing is comparable.
fn range(cost: Option<&PlausibleCost>) -> String {
    cost.map_or_else(
        || "no comparable price".to_owned(),
        |cost| format!("{} to {}", money(cost.low, cost.currency), money(cost.high, cost.currency)),
    )
}

fn bounds(total: Option<(Money, Money, usize)>) -> String {
    let Some((low, high, without)) = total else {
        return "What they cost is not known: no price is comparable.".to_owned();
    };
    let rest = match without {
        0 => String::new(),
        count => format!(", {} not included", plural(count, "model")),
    };
    format!("At comparable prices they may have cost {low} to {high}{rest}.")
}

fn basis(cost: &PlausibleCost) -> String {
    let compared = match &cost.basis {
        Basis::Family(words) => format!("like `{words}` at the provider"),
        Basis::FamilyElsewhere(words) => format!("like `{words}` at other providers"),
        Basis::Provider => "of the provider, none of them similar".to_owned(),
    };
    let models = plural(cost.models, "model");
    format!("{models} {compared}, from {} to {}", cost.cheapest, cost.dearest)
}
