//! `centinel prices show`: everything a book says of a model.

use centinel_engine::{
    period::date_of,
    pricing::{PriceBook, PriceEntry, PriceQuery, provider_id},
    usage::{Usage, UsageClass},
};
use jiff::civil::Date;
use serde::Serialize;

use super::{book, instant, since};
use crate::{
    context::Context,
    failure::hinted,
    output::{Outcome, Output},
    text::{printable, table},
};

/// Everything a book says of a model.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The model, as calls spell it.
    model: String,
    /// Only this provider, in any of its spellings.
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Another book than the one in use.
    #[arg(long, value_name = "BOOK")]
    book: Option<String>,
    /// Only the price in force on this day, UTC.
    #[arg(long, value_name = "DAY")]
    at: Option<Date>,
}

#[derive(Serialize)]
struct Shown<'a> {
    book: &'a str,
    digest: &'a str,
    currency: centinel_engine::money::Currency,
    prices: Vec<PriceEntry<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contracted: Vec<Contracted>,
}

/// What is paid under a contract.
#[derive(Serialize)]
struct Contracted {
    provider: String,
    model: String,
    contract: String,
    terms: Vec<String>,
    /// By class, per unit: list and contracted.
    rates: Vec<(String, String, String)>,
}

pub(super) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let book = book(args.book.as_deref(), context, output)?;
    let wanted = args.provider.as_deref().map(provider_id);
    let mut providers: Vec<&str> = book.models().map(|(provider, _)| provider).collect();
    providers.sort_unstable();
    providers.dedup();
    providers
        .retain(|provider| wanted.as_deref().is_none_or(|wanted| provider_id(provider) == wanted));
    let mut prices: Vec<PriceEntry<'_>> = Vec::new();
    for provider in providers {
        let named = book.entries_named(provider, &args.model).into_iter();
        prices
            .extend(named.filter(|entry| args.at.is_none_or(|_| entry.holds_at(instant(args.at)))));
    }
    prices.dedup();
    if prices.is_empty() {
        return Err(not_found(&book, &args.model));
    }
    let contracted = contracted(&book, &prices, args);
    if output.json {
        let (name, digest, currency) = (book.name(), book.digest(), book.currency());
        output.json_line(&Shown { book: name, digest, currency, prices, contracted })?;
        return Ok(Outcome::Done);
    }
    for entry in &prices {
        print(entry, &book, output)?;
    }
    for paid in &contracted {
        output.line(printable(&format!(
            "paid under contract `{}` ({}) for {} {}:",
            paid.contract,
            paid.terms.join(", "),
            paid.provider,
            paid.model
        )))?;
        let rows = paid
            .rates
            .iter()
            .map(|(class, list, paid)| vec![class.clone(), list.clone(), paid.clone()])
            .collect();
        output.line(table(&["class", "list per unit", "contracted per unit"], rows, 1))?;
    }
    Ok(Outcome::Done)
}

fn print(entry: &PriceEntry<'_>, book: &PriceBook, output: &mut Output) -> anyhow::Result<()> {
    let until = entry
        .effective_until
        .map_or_else(String::new, |until| format!(" until {}", date_of(until)));
    let recorded = entry.recorded.map_or_else(String::new, |day| format!(", taken on {day}"));
    output.line(printable(&format!("{} · {}", entry.provider, entry.model)))?;
    if !entry.aliases.is_empty() {
        output.line(printable(&format!("  also {}", entry.aliases.join(", "))))?;
    }
    output.line(printable(&format!(
        "  since {}{until} · {}{recorded} · book `{}`",
        since(entry.effective_from),
        entry.source,
        book.name()
    )))?;
    if let Some(hours) = &entry.hours {
        output.line(printable(&format!("  in these hours only, UTC: {hours}")))?;
    }
    if entry.is_marginal {
        output.line("  each part of the tokens is priced by the context that it lies in")?;
    }
    for (class, quota) in &entry.free {
        output.line(printable(&format!("  {class}: some are free, by the quota `{quota}`")))?;
    }
    if !entry.regions.is_empty() {
        let regions: Vec<String> =
            entry.regions.iter().map(|(region, factor)| format!("{region} ×{factor}")).collect();
        output.line(printable(&format!("  regions {}", regions.join(", "))))?;
    }
    let rows = entry
        .rates
        .iter()
        .map(|rate| {
            let above = if rate.above == 0 { String::new() } else { format!(">{}", rate.above) };
            vec![
                format!("  {}", rate.service_tier),
                above,
                rate.token_class.name().to_owned(),
                format!("per {}", rate.per),
                format!("{} {}", rate.price, book.currency()),
            ]
        })
        .collect();
    output.line(table(&["  tier", "input tokens", "class", "", "price"], rows, 4))?;
    output.line("")?;
    Ok(())
}

/// Unit prices of the classes that nearly every call has, list and contracted.
fn contracted(book: &PriceBook, prices: &[PriceEntry<'_>], args: &Args) -> Vec<Contracted> {
    let usage = Usage::ZERO
        .with(UsageClass::InputTokensTotal, 2)
        .with(UsageClass::CacheReadTokens, 1)
        .with(UsageClass::OutputTokensTotal, 1);
    let at = instant(args.at);
    let in_force = prices.iter().filter(|entry| entry.holds_at(at));
    let of = |entry: &PriceEntry<'_>| {
        let query = PriceQuery {
            provider: entry.provider,
            model: entry.model,
            service_tier: None,
            region: None,
            at: Some(at),
        };
        let paid = book.resolve(&query).ok()?;
        let applied = paid.identity().contract.clone()?;
        let list = book.resolve_list(&query).ok()?;
        let rates = paid.lines(&usage).ok()?.into_iter().zip(list.lines(&usage).ok()?);
        Some(Contracted {
            provider: entry.provider.to_owned(),
            model: entry.model.to_owned(),
            contract: applied.name,
            terms: applied.terms,
            rates: rates
                .map(|(paid, list)| {
                    let prices = (list.unit_price.to_string(), paid.unit_price.to_string());
                    (list.meter.to_string(), prices.0, prices.1)
                })
                .collect(),
        })
    };
    in_force.filter_map(of).collect()
}

fn not_found(book: &PriceBook, model: &str) -> anyhow::Error {
    let lower = model.to_lowercase();
    let mut similar: Vec<String> = book
        .models()
        .filter(|(_, name)| name.to_lowercase().contains(&lower))
        .map(|(provider, name)| format!("{provider}/{name}"))
        .collect();
    similar.dedup();
    similar.truncate(5);
    let hint = if similar.is_empty() {
        "see what there is: `centinel prices list`".to_owned()
    } else {
        format!("there is {}", similar.join(", "))
    };
    let message =
        format!("no price of model `{}` in book `{}`", printable(model), printable(book.name()));
    hinted(message, printable(&hint))
}
