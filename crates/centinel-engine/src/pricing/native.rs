//! Centinel's own price book format: TOML, every price with its source and the time it holds.
//!
//! ```toml
//! format = 1
//! name = "contract-2026"
//! currency = "USD"
//! recorded = "2026-11-22"
//!
//! [[model]]
//! provider = "openai"
//! model = "gpt-5.6-luna"
//! aliases = ["gpt-5.6-luna-2026-07-09"]
//!
//! [[model.price]]
//! effective_from = "2026-07-30"
//! source = "OpenAI API pricing"
//! regions = { eu = "1.1", us = "1.1" }
//! rates.standard = { input = "0.2", cache_read = "0.02", output = "1.2" }
//! rates.batch = { input = "0.1", cache_read = "0.01", output = "0.6" }
//! [[model.price.context]]
//! above = 272000
//! rates.standard = { input = "0.4", cache_read = "0.04", output = "1.8" }
//! ```
//!
//! Prices are strings: per million tokens, per second of media, per search, image or call; they and
//! the factors may be fractions (`"11/10"`, `"1/3"`). `docs/reference/price-books.md` has all fields.

pub(super) mod fields;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{Timestamp, civil::Date};

use self::fields::{BookFile, ContextApplies, ModelFile, PriceFile, Rates};
use super::{
    BookError, EffectiveFrom, Hours, Meter, PriceBook, Quota, Ratio, ServiceTier,
    book::cut,
    listed::{ListedPrice, Model},
    rates::RateTable,
    rule::Rule,
};
use crate::{facts::sha256_hex, period::start_of_day};

/// Free quotas of a book, by name.
type Quotas = BTreeMap<String, Arc<Quota>>;

/// Reads a native price book.
///
/// # Errors
///
/// [`BookError::Toml`] for text that is not in the format, [`BookError::Model`] for a value that
/// makes no sense: an unknown tier or class, a negative price, times that overlap, a key used
/// twice.
pub fn read(text: &str) -> Result<PriceBook, BookError> {
    read_all(&[text])
}

/// Reads a book that is kept in several files of one currency; the name is the first one's.
pub(super) fn read_all(texts: &[&str]) -> Result<PriceBook, BookError> {
    let mut name = None;
    let mut currency = None;
    let mut recorded = None;
    let mut models = Vec::new();
    for text in texts {
        let file: BookFile =
            toml::from_str(text).map_err(|error| BookError::Toml(one_line(&error, text)))?;
        if file.format != 1 {
            return Err(BookError::Toml(format!("format {} is not known, 1 is", file.format)));
        }
        name.get_or_insert(file.name);
        if *currency.get_or_insert(file.currency) != file.currency {
            return Err(BookError::Toml("two currencies in one book".to_owned()));
        }
        recorded = recorded.max(Some(file.recorded));
        let quotas = fields::quotas(file.quotas).map_err(BookError::Toml)?;
        for model in file.models {
            let key = cut(&model.model);
            let read = read_model(model, file.recorded, &quotas);
            models.push(read.map_err(|reason| BookError::Model { model: key, reason })?);
        }
    }
    check_keys(&models)?;
    let (Some(name), Some(currency), [_, ..]) = (name, currency, models.as_slice()) else {
        return Err(BookError::Empty);
    };
    let digest = sha256_hex(texts.concat().as_bytes());
    Ok(PriceBook::new(&name, digest, recorded, currency, models))
}

pub(super) fn one_line(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    format!("line {line}: {}", error.message().replace('\n', ", "))
}

fn check_keys(models: &[Model]) -> Result<(), BookError> {
    let mut seen = BTreeSet::new();
    for model in models {
        for key in model.aliases.iter().map(String::as_str).chain([model.id.as_str()]) {
            if !seen.insert((model.provider.as_str(), key)) {
                let reason = format!("listed twice at provider `{}`", model.provider);
                return Err(BookError::Model { model: cut(key), reason });
            }
        }
    }
    Ok(())
}

fn read_model(file: ModelFile, recorded: Date, quotas: &Quotas) -> Result<Model, String> {
    let mut prices = file
        .prices
        .into_iter()
        .map(|price| read_price(price, recorded, quotas))
        .collect::<Result<Vec<_>, _>>()?;
    prices.sort_by_key(|price| price.effective_from);
    // Each price ends where the next one of the same hours starts, or earlier.
    for at in (0..prices.len()).rev() {
        let (Some(price), Some(later)) = (prices.get(at), prices.get(at.saturating_add(1)..))
        else {
            continue;
        };
        let next = later.iter().find(|other| other.hours == price.hours);
        let next = next.map(|next| next.span().from.unwrap_or(Timestamp::MIN));
        let start = price.span().from.unwrap_or(Timestamp::MIN);
        let until = price.effective_until.or(next);
        if let Some(until) = until {
            if next.is_some_and(|next| until > next) {
                return Err(format!("the price that ends at {until} overlaps the next one"));
            }
            if start >= until {
                return Err(format!("a price ends at {until}, which is not after its start"));
            }
        }
        if let Some(price) = prices.get_mut(at) {
            price.effective_until = until;
        }
    }
    check_hours(&prices)?;
    let [_, ..] = prices.as_slice() else {
        return Err("has no price".to_owned());
    };
    Ok(Model {
        provider: super::provider_id(&file.provider),
        id: file.model,
        aliases: file.aliases,
        rule: file.matches.as_ref().map(Rule::compile).transpose()?,
        prices,
    })
}

/// Two prices of some hours must not hold at the same time.
fn check_hours(prices: &[ListedPrice]) -> Result<(), String> {
    for (at, left) in prices.iter().enumerate() {
        for right in prices.iter().skip(at.saturating_add(1)) {
            let end = |price: &ListedPrice| price.effective_until.unwrap_or(Timestamp::MAX);
            let start = |price: &ListedPrice| price.span().from.unwrap_or(Timestamp::MIN);
            let is_apart = end(left) <= start(right) || end(right) <= start(left);
            if let Some((left, right)) = left.hours.as_ref().zip(right.hours.as_ref())
                && left != right
                && !is_apart
                && left.overlaps(right)
            {
                return Err(format!("the hours `{left}` and `{right}` overlap"));
            }
        }
    }
    Ok(())
}

fn read_price(file: PriceFile, recorded: Date, quotas: &Quotas) -> Result<ListedPrice, String> {
    let effective_from = match file.effective_from.as_str() {
        "unknown" => EffectiveFrom::Unknown,
        time => EffectiveFrom::At(instant(time)?),
    };
    let mut rates = RateTable::default();
    add_rates(&mut rates, 0, &file.rates)?;
    for context in &file.context {
        add_rates(&mut rates, context.bound()?, &context.rates)?;
    }
    if rates.is_empty() {
        return Err("a price without rates".to_owned());
    }
    add_tier_factors(&mut rates, &file.tier_factors)?;
    rates.is_marginal = file.context_applies == ContextApplies::Part;
    if let Some((region, factor)) = file.regions.iter().find(|(_, factor)| **factor <= Ratio::ZERO)
    {
        return Err(format!("region `{}` has the factor {factor}, not above zero", cut(region)));
    }
    let mut free = Vec::new();
    for (class, name) in &file.free {
        let meter: Meter = class.parse().map_err(|error| format!("{error}"))?;
        if meter.counts().is_none() {
            return Err(format!("`{class}` is part of a total, and has no free quota"));
        }
        let quota = quotas.get(name);
        let quota = quota.ok_or_else(|| format!("there is no quota `{}`", cut(name)))?;
        free.push((meter, Arc::clone(quota)));
    }
    let hours = match &file.hours_utc {
        None if file.weekdays.is_some() => {
            return Err("`weekdays` go with `hours_utc`".to_owned());
        }
        None => None,
        Some(windows) => {
            let mut hours = Hours::never();
            let weekdays = fields::weekdays(file.weekdays.as_deref())?;
            for window in windows.iter() {
                hours.add(window, weekdays, 0)?;
            }
            if hours.is_empty() {
                return Err("`hours_utc` names no hours".to_owned());
            }
            Some(Arc::new(hours))
        }
    };
    Ok(ListedPrice {
        effective_from,
        effective_until: file.effective_until.as_deref().map(instant).transpose()?,
        source: file.source.into(),
        recorded: Some(file.recorded.unwrap_or(recorded)),
        rates,
        regions: file
            .regions
            .into_iter()
            .map(|(region, factor)| (region.to_ascii_lowercase(), factor))
            .collect(),
        hours,
        quotas: free,
    })
}

pub(super) fn add_rates(table: &mut RateTable, above: u64, rates: &Rates) -> Result<(), String> {
    for (tier, classes) in rates {
        let tier: ServiceTier = tier.parse().map_err(|error| format!("{error}"))?;
        for (class, price) in classes {
            let meter: Meter = class.parse().map_err(|error| format!("{error}"))?;
            if price.is_negative() {
                return Err(format!("`{class}` costs {price}, below zero"));
            }
            table.set(tier, above, meter, meter.unit_price(*price).map_err(|e| e.to_string())?);
        }
    }
    Ok(())
}

/// Tiers that are a multiple of the standard one, context by context; what a tier states itself
/// stays.
fn add_tier_factors(
    rates: &mut RateTable,
    factors: &BTreeMap<String, Ratio>,
) -> Result<(), String> {
    let stated: Vec<_> = rates.iter().collect();
    for (tier, factor) in factors {
        let tier: ServiceTier = tier.parse().map_err(|error| format!("{error}"))?;
        if *factor < Ratio::ZERO || tier == ServiceTier::Standard {
            return Err(format!("tier `{tier}` cannot have the factor {factor}"));
        }
        for ((from, above, meter), rate) in &stated {
            let is_stated = stated.iter().any(|(key, _)| *key == (tier, *above, *meter));
            if *from == ServiceTier::Standard && meter.is_token() && !is_stated {
                let unit_price = rate.unit_price.checked_mul(*factor);
                let unit_price = unit_price.map_err(|error| error.to_string())?;
                rates.set(tier, *above, *meter, unit_price);
            }
        }
    }
    Ok(())
}

/// A day is its first instant in UTC.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    let time = text.parse::<Timestamp>().ok();
    time.or_else(|| text.parse::<Date>().ok().map(start_of_day))
        .ok_or_else(|| format!("`{}` is neither a date nor a time in UTC", cut(text)))
}

#[cfg(test)]
mod tests;
