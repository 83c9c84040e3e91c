//! `centinel prices restate`: the calls of a period priced anew.

use centinel_app::{RestateRequest, Restated};
use centinel_engine::{money::Pico, period::Period};
use jiff::civil::Date;

use crate::{
    commands::{
        inbox,
        secrets::{SecretArgs, Secrets},
    },
    context::{Context, explain, nonce, now},
    failure::usage,
    output::{Outcome, Output},
    text::{count, money, printable, table},
};

/// Prices the calls of a period anew. Without `--yes` it shows what would change and changes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// First day restated, UTC.
    #[arg(long, value_name = "DAY")]
    from: Date,
    /// The day after the last one restated, UTC.
    #[arg(long, value_name = "DAY")]
    until: Date,
    /// By which book; the one in use by default. A path counts from the home.
    #[arg(long, value_name = "BOOK")]
    book: Option<String>,
    /// Only calls that have no price so far.
    #[arg(long)]
    only_unpriced: bool,
    /// Why: kept in the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Book it. Needs a reason, and a person's password.
    #[arg(long, requires = "reason")]
    yes: bool,
    /// Account name of who restates; not needed where there is only one person.
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    secrets: SecretArgs,
}

pub(super) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let period = Period::days(args.from, args.until).map_err(|error| {
        usage(error.to_string(), "`--until` is the day after the last one restated")
    })?;
    context.run(async |app| {
        let request = RestateRequest {
            period,
            book: args.book.clone(),
            only_unpriced: args.only_unpriced,
            reason: args.reason.clone().unwrap_or_default(),
        };
        let actor = if args.yes {
            let name = match &args.name {
                Some(name) => name.clone(),
                None => inbox::only_person(&app).await?,
            };
            let proof = Secrets::new(&args.secrets).proof(app.approvals(), &name).await?;
            match app.approvals().authenticate(&name, proof, now()).await {
                Ok(person) => Some(person.principal().to_string()),
                Err(error) if error.is_refusal() => {
                    crate::failure::print(&inbox::explain(error));
                    return Ok(Outcome::Refused);
                }
                Err(error) => return Err(inbox::explain(error)),
            }
        } else {
            None
        };
        let restated =
            app.restate(&request, actor.as_deref(), now(), nonce()?).await.map_err(explain)?;
        if output.json {
            output.json_line(&restated)?;
        } else {
            print(args, &restated, output)?;
        }
        Ok(Outcome::Done)
    })
}

fn print(args: &Args, restated: &Restated, output: &mut Output) -> anyhow::Result<()> {
    let currency = restated.currency;
    let amount = |amount| money(amount, currency);
    let rows = restated
        .by_model
        .iter()
        .map(|model| {
            vec![
                model.provider.clone(),
                model.model.clone(),
                count(model.calls.into()),
                count(model.newly_priced.into()),
                // What had no price was not nothing.
                if model.newly_priced == model.calls {
                    "no price".to_owned()
                } else {
                    amount(model.before)
                },
                amount(model.after),
                amount(Pico(model.after.0.saturating_sub(model.before.0))),
            ]
        })
        .collect::<Vec<_>>();
    if !rows.is_empty() {
        let header = ["provider", "model", "calls", "newly priced", "booked", "restated", "change"];
        output.line(table(&header, rows, 2))?;
    }
    let short: String = restated.book_digest.chars().take(12).collect();
    output.line(printable(&format!(
        "{} by book `{}` ({short}): {} of {} calls change, {} of them had no price",
        restated.period,
        restated.book,
        count(restated.changed.into()),
        count(restated.calls.into()),
        count(restated.newly_priced.into()),
    )))?;
    output.line(format!(
        "the period's calls: {} booked, {} restated, {} of change",
        amount(restated.before),
        amount(restated.after),
        amount(Pico(restated.after.0.saturating_sub(restated.before.0)))
    ))?;
    for (calls, what) in [
        (restated.kept_without_price, "keep their price, as the book has none for them"),
        (restated.still_unpriced, "have no price and get none"),
        (restated.other_currency, "are booked in another currency than the book's and stay"),
    ] {
        if calls > 0 {
            output.line(format!("{} calls {what}", count(calls.into())))?;
        }
    }
    output.line(match restated.restatement {
        Some(number) => {
            format!("booked as restatement {number}; questions as of before are answered as before")
        }
        None if restated.changed == 0 => "nothing to book".to_owned(),
        None if args.yes => "nothing was booked".to_owned(),
        None => "nothing is booked yet: `--yes --reason TEXT` books it".to_owned(),
    })?;
    Ok(())
}
