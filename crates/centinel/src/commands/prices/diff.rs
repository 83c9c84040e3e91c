//! `centinel prices diff`: two books side by side.

use centinel_engine::pricing::{BookDiff, PriceBook, ServiceTier, provider_id};
use jiff::civil::Date;
use serde::Serialize;

use super::{instant, open, plural, since};
use crate::{
    context::Context,
    output::{Outcome, Output},
    text::{printable, table},
};

/// Two books side by side. Nothing is averaged: both prices are shown, with both sources.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The first book.
    #[arg(value_name = "BOOK")]
    left: String,
    /// The second book.
    #[arg(value_name = "BOOK")]
    right: String,
    /// Prices in force on this day, UTC; today by default.
    #[arg(long, value_name = "DAY")]
    at: Option<Date>,
    /// Only this provider, in any of its spellings.
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Name the models that only one of the books has, too.
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Compared<'a> {
    left: Named<'a>,
    right: Named<'a>,
    #[serde(flatten)]
    diff: &'a BookDiff,
}

#[derive(Serialize)]
struct Named<'a> {
    book: &'a str,
    digest: &'a str,
    currency: centinel_engine::money::Currency,
    recorded: Option<Date>,
}

impl<'a> Named<'a> {
    fn of(book: &'a PriceBook) -> Self {
        let (name, digest, currency) = (book.name(), book.digest(), book.currency());
        Self { book: name, digest, currency, recorded: book.recorded() }
    }
}

pub(super) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let left = open(&args.left, context, output)?.book;
    let right = open(&args.right, context, output)?.book;
    if left.currency() != right.currency() {
        return Err(crate::failure::hinted(
            format!("the books are in {} and {}", left.currency(), right.currency()),
            "prices in two currencies cannot be compared without a rate, which no book has",
        ));
    }
    let mut diff = left.compare(&right, instant(args.at));
    if let Some(provider) = args.provider.as_deref().map(provider_id) {
        diff.differing.retain(|model| provider_id(&model.provider) == provider);
        diff.only_left.retain(|(of, _)| provider_id(of) == provider);
        diff.only_right.retain(|(of, _)| provider_id(of) == provider);
    }
    if output.json {
        let compared = Compared { left: Named::of(&left), right: Named::of(&right), diff: &diff };
        output.json_line(&compared)?;
        return Ok(Outcome::Done);
    }
    print(args, &diff, &left, &right, output)?;
    Ok(Outcome::Done)
}

/// The last part of a book's name: `litellm:prices.json` of one that was opened by a long path.
fn short(book: &PriceBook) -> String {
    let name = book.name();
    match (name.split_once(':'), name.rsplit_once('/')) {
        (Some((format, _)), Some((_, file))) => format!("{format}:{file}"),
        _ => name.to_owned(),
    }
}

fn print(
    args: &Args,
    diff: &BookDiff,
    left: &PriceBook,
    right: &PriceBook,
    output: &mut Output,
) -> anyhow::Result<()> {
    let names = (short(left), short(right));
    for model in &diff.differing {
        output.line(printable(&format!("{} · {}", model.provider, model.model)))?;
        for (book, side) in [(left, &model.left), (right, &model.right)] {
            let recorded =
                side.recorded.map_or_else(String::new, |day| format!(", taken on {day}"));
            output.line(printable(&format!(
                "  `{}` says {} since {}: {}{recorded}",
                short(book),
                side.model,
                since(side.effective_from),
                side.source
            )))?;
        }
        let rows = model
            .rates
            .iter()
            .map(|rate| {
                let tier = if rate.service_tier == ServiceTier::Standard && rate.above == 0 {
                    String::new()
                } else if rate.above == 0 {
                    rate.service_tier.to_string()
                } else {
                    format!("{}, >{}", rate.service_tier, rate.above)
                };
                let price = |price: Option<centinel_engine::pricing::Ratio>| {
                    price.map_or_else(|| "not stated".to_owned(), |price| price.to_string())
                };
                vec![
                    format!("  {}", rate.token_class),
                    tier,
                    format!("per {}", rate.per),
                    price(rate.left),
                    price(rate.right),
                ]
            })
            .collect();
        output.line(table(&["  class", "", "", &names.0, &names.1], rows, 3))?;
        output.line("")?;
    }
    output.line(printable(&format!(
        "{} differ, {} the same, {} only in `{}`, {} only in `{}`",
        plural(diff.differing.len(), "model"),
        diff.same,
        diff.only_left.len(),
        names.0,
        diff.only_right.len(),
        names.1
    )))?;
    if args.all {
        for (book, models) in [(left, &diff.only_left), (right, &diff.only_right)] {
            for (provider, model) in models {
                let name = short(book);
                output.line(printable(&format!("only in `{name}`: {provider} · {model}")))?;
            }
        }
    } else if !diff.only_left.is_empty() || !diff.only_right.is_empty() {
        output.line("`--all` names the models that only one book has")?;
    }
    Ok(())
}
