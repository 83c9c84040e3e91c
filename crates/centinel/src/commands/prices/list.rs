//! `centinel prices list`: models with the price in force.

use centinel_engine::pricing::{Meter, PriceEntry, ServiceTier, provider_id};
use jiff::civil::Date;
use serde::Serialize;

use super::{book, instant, plural, since};
use crate::{
    context::Context,
    output::{Outcome, Output},
    text::{printable, table},
};

/// Models with the price in force.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this provider, in any of its spellings.
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Only models whose name contains this.
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
    /// Another book than the one in use.
    #[arg(long, value_name = "BOOK")]
    book: Option<String>,
    /// Prices in force on this day, UTC; today by default.
    #[arg(long, value_name = "DAY")]
    at: Option<Date>,
}

#[derive(Serialize)]
struct Listed<'a> {
    book: &'a str,
    digest: &'a str,
    currency: centinel_engine::money::Currency,
    at: jiff::Timestamp,
    prices: Vec<PriceEntry<'a>>,
}

pub(super) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let book = book(args.book.as_deref(), context, output)?;
    let at = instant(args.at);
    let provider = args.provider.as_deref().map(provider_id);
    let wanted = args.model.as_deref().unwrap_or_default().to_lowercase();
    let is_wanted = |entry: &PriceEntry<'_>| {
        provider.as_deref().is_none_or(|provider| provider_id(entry.provider) == provider)
            && entry.model.to_lowercase().contains(&wanted)
    };
    let mut prices: Vec<_> = book.entries_at(at).filter(is_wanted).collect();
    prices.sort_by_key(|entry| (entry.provider, entry.model));
    if output.json {
        output.json_line(&Listed {
            book: book.name(),
            digest: book.digest(),
            currency: book.currency(),
            at,
            prices,
        })?;
        return Ok(Outcome::Done);
    }
    let price = |entry: &PriceEntry<'_>, meter| {
        let rate = entry.rate(ServiceTier::Standard, 0, meter);
        rate.map_or_else(|| "–".to_owned(), |rate| rate.price.to_string())
    };
    let rows = prices
        .iter()
        .map(|entry| {
            vec![
                entry.provider.to_owned(),
                entry.model.to_owned(),
                since(entry.effective_from),
                further(entry),
                price(entry, Meter::Input),
                price(entry, Meter::CacheRead),
                price(entry, Meter::Output),
            ]
        })
        .collect();
    let header = ["provider", "model", "since", "also priced", "input", "cache read", "output"];
    output.line(table(&header, rows, 4))?;
    output.line(format!(
        "{} of `{}` in {} per 1 M tokens, standard tier · `centinel prices show MODEL` has the rest",
        plural(prices.len(), "price"),
        printable(book.name()),
        book.currency()
    ))?;
    if let Some(contract) = book.contract() {
        output.line(format!(
            "list prices; `{}` changes them by {}",
            printable(contract.name()),
            plural(contract.len(), "term")
        ))?;
    }
    Ok(Outcome::Done)
}

/// Tiers beside the standard one, longer contexts, and the first class that is no token.
fn further(entry: &PriceEntry<'_>) -> String {
    let hours = entry.hours.as_ref().map(|hours| format!("only {hours}"));
    let tiers = ServiceTier::ALL
        .into_iter()
        .filter(|tier| *tier != ServiceTier::Standard)
        .filter(|tier| entry.rates.iter().any(|rate| rate.service_tier == *tier))
        .map(|tier| tier.name().to_owned());
    let mut words: Vec<String> = hours.into_iter().chain(tiers).collect();
    if let Some(above) = entry.rates.iter().map(|rate| rate.above).max().filter(|above| *above > 0)
    {
        words.push(format!(">{above}"));
    }
    if let Some(rate) = entry.rates.iter().find(|rate| !rate.token_class.is_token()) {
        words.push(rate.token_class.name().to_owned());
    }
    words.join(", ")
}
