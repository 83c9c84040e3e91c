//! The price data of genai-prices (v2 JSON: a list of providers) as a price book.
//!
//! Models are recognised by the data's own rules, tried in its order; a provider may name others
//! whose models it serves at their price. Prices have a start day or hours of the day. Rules that
//! are ours, where the data leaves something open:
//!
//! - It has no day on which it was recorded, and its own software prices a call without a time as
//!   of now. Here such a call gets the price that starts last (of hours the dearest one), marked
//!   uncertain where the model has others; with [`PriceBook::holding_for_all_time`], the price
//!   that is listed without a date.
//! - A class without a price of its own is counted with the class that contains it, as the data
//!   means it; cached input and audio that have no price are marked uncertain, and so are caches
//!   of an hour and more at the price of shorter ones.
//! - Classes that usage records do not carry apart (text, tool tokens) may not differ from the
//!   class that contains them; else the model has no price here.
//! - A model without any price is known and unpriced, unless its name says `:free`: its names must
//!   not go to another rule.
//!
//! # Source
//!
//! pydantic/genai-prices: `prices/new_data/v2/data.schema.json`; `packages/python/genai_prices`,
//! `types.py` (tiers by total input, the tier above its start for the whole request; the last
//! active entry wins; times of day in UTC, start inclusive) and `units.yml` (what a price is per).

mod units;

use std::{collections::BTreeMap, sync::Arc};

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::units::Prices;
use super::{
    BookError, EffectiveFrom, Hours, Import, PriceBook, ServiceTier,
    book::{ProviderRule, cut},
    listed::{ListedPrice, Model},
    rates::RateTable,
    rule::{Clause, Rule},
};
use crate::{facts::sha256_hex, money::Currency, period::start_of_day};

#[derive(Deserialize)]
struct ProviderFile<'t> {
    id: String,
    provider_match: Option<Clause>,
    fallback_model_providers: Option<Vec<String>>,
    #[serde(borrow)]
    models: Vec<&'t RawValue>,
}

#[derive(Deserialize)]
struct ModelFile<'t> {
    id: String,
    #[serde(rename = "match")]
    matches: Clause,
    #[serde(borrow)]
    prices: &'t RawValue,
    #[serde(borrow, default)]
    price_variants: Vec<VariantFile<'t>>,
}

#[derive(Deserialize)]
struct ConditionalFile<'t> {
    constraint: Option<Constraint>,
    #[serde(borrow)]
    prices: Prices<'t>,
}

/// Prices of a service tier, in newer data.
#[derive(Deserialize)]
struct VariantFile<'t> {
    when: BTreeMap<String, String>,
    constraint: Option<Constraint>,
    #[serde(borrow)]
    prices: Prices<'t>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Constraint {
    From { start_date: Date },
    Daily { start_time: String, end_time: String },
}

/// Only what names a model that cannot be read.
#[derive(Deserialize)]
struct OnlyId {
    id: Option<String>,
}

/// Reads the data. `name` is kept with every priced call.
///
/// # Errors
///
/// [`BookError::Json`] when the text is no list of providers, [`BookError::Empty`] when none of
/// their models has a price.
pub fn read(text: &str, name: &str) -> Result<Import, BookError> {
    let providers: Vec<ProviderFile<'_>> = serde_json::from_str(text)?;
    let source: Arc<str> = "genai-prices".into();
    let mut rules = Vec::new();
    let mut models = Vec::new();
    let mut rejected = Vec::new();
    for provider in &providers {
        let mut reject = |model: &str, reason| {
            rejected.push(BookError::Model { model: cut(model), reason });
        };
        let rule = provider.provider_match.as_ref().map(Rule::compile).transpose();
        let rule = rule.unwrap_or_else(|reason| {
            reject(&provider.id, reason);
            None
        });
        let fallbacks = provider.fallback_model_providers.clone().unwrap_or_default();
        rules.push(ProviderRule { id: provider.id.clone(), rule, fallbacks });
        for raw in &provider.models {
            let file: ModelFile<'_> = match serde_json::from_str(raw.get()) {
                Ok(file) => file,
                Err(error) => {
                    let only: Option<OnlyId> = serde_json::from_str(raw.get()).ok();
                    let id = only.and_then(|only| only.id).unwrap_or_else(|| provider.id.clone());
                    reject(&id, error.to_string());
                    continue;
                }
            };
            let rule = match Rule::compile(&file.matches) {
                Ok(rule) => rule,
                Err(reason) => {
                    reject(&file.id, reason);
                    continue;
                }
            };
            let prices = read_prices(&file, &source).unwrap_or_else(|reason| {
                reject(&file.id, reason);
                Vec::new()
            });
            models.push(Model {
                provider: provider.id.clone(),
                id: file.id,
                aliases: Vec::new(),
                rule: Some(rule),
                prices,
            });
        }
    }
    let digest = sha256_hex(text.as_bytes());
    let book = PriceBook::new(name, digest, None, Currency::USD, models);
    let book = book.with_provider_rules(rules);
    if book.is_empty() { Err(BookError::Empty) } else { Ok(Import { book, rejected }) }
}

fn read_prices(file: &ModelFile<'_>, source: &Arc<str>) -> Result<Vec<ListedPrice>, String> {
    let wrong = |error: serde_json::Error| format!("`prices`: {error}");
    let conditional: Vec<ConditionalFile<'_>> = if file.prices.get().starts_with('[') {
        serde_json::from_str(file.prices.get()).map_err(wrong)?
    } else {
        let prices = serde_json::from_str(file.prices.get()).map_err(wrong)?;
        vec![ConditionalFile { constraint: None, prices }]
    };
    let mut prices = Vec::new();
    for entry in &conditional {
        let mut rates = RateTable::default();
        units::read(&entry.prices, ServiceTier::Standard, &mut rates)?;
        // The data leaves out zeros; a name that says free is a statement.
        if rates.is_empty() && file.id.ends_with(":free") {
            units::set_free(&mut rates);
        }
        if rates.is_empty() {
            continue;
        }
        let (effective_from, hours) = validity(entry.constraint.as_ref())?;
        add_variants(file, effective_from, &mut rates)?;
        prices.push(ListedPrice {
            effective_from,
            effective_until: None,
            hours,
            source: Arc::clone(source),
            recorded: None,
            rates,
            regions: BTreeMap::new(),
            quotas: Vec::new(),
        });
    }
    order(prices)
}

fn validity(
    constraint: Option<&Constraint>,
) -> Result<(EffectiveFrom, Option<Arc<Hours>>), String> {
    Ok(match constraint {
        None => (EffectiveFrom::Unknown, None),
        Some(Constraint::From { start_date }) => {
            (EffectiveFrom::At(start_of_day(*start_date)), None)
        }
        Some(Constraint::Daily { start_time, end_time }) => {
            let mut hours = Hours::never();
            let window = format!("{}-{}", hour(start_time)?, hour(end_time)?);
            hours.add(&window, Hours::EVERY_DAY, 0)?;
            (EffectiveFrom::Unknown, Some(Arc::new(hours)))
        }
    })
}

/// `00:30:00Z` as `00:30`: whole minutes of UTC.
fn hour(text: &str) -> Result<&str, String> {
    let minutes = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")).unwrap_or(text);
    let minutes = minutes.strip_suffix(":00").filter(|rest| rest.len() == 5).unwrap_or(minutes);
    if minutes.len() == 5 {
        Ok(minutes)
    } else {
        Err(format!("`{}` is no time of whole minutes in UTC", cut(text)))
    }
}

/// Prices of service tiers, from the entries' own day on.
fn add_variants(
    file: &ModelFile<'_>,
    effective_from: EffectiveFrom,
    rates: &mut RateTable,
) -> Result<(), String> {
    for variant in &file.price_variants {
        let (since, hours) = validity(variant.constraint.as_ref())?;
        let tier = match variant.when.iter().collect::<Vec<_>>().as_slice() {
            [(key, value)] if ["service_tier", "processing", "speed"].contains(&key.as_str()) => {
                value.parse::<ServiceTier>().ok()
            }
            // Routes and kinds of search are not in a usage record.
            _ => None,
        };
        if let Some(tier) = tier
            && hours.is_none()
            && since <= effective_from
        {
            units::read(&variant.prices, tier, rates)?;
        }
    }
    Ok(())
}

/// In the order of their start, each ending where the next one of the same hours starts. Of two
/// with the same start the one listed last wins, as in the data.
fn order(mut prices: Vec<ListedPrice>) -> Result<Vec<ListedPrice>, String> {
    prices.sort_by_key(|price| price.effective_from);
    let mut ordered: Vec<ListedPrice> = Vec::new();
    for price in prices {
        let before = ordered.iter_mut().rev().find(|other| other.hours == price.hours);
        match before {
            Some(before) if before.effective_from == price.effective_from => *before = price,
            Some(before) => {
                before.effective_until = price.span().from;
                ordered.push(price);
            }
            None => ordered.push(price),
        }
    }
    let overlap = |left: &ListedPrice, right: &ListedPrice| {
        left.hours != right.hours
            && left.hours.as_ref().zip(right.hours.as_ref()).is_some_and(|(l, r)| l.overlaps(r))
    };
    let mut pairs = ordered.iter().enumerate();
    if pairs.any(|(at, left)| ordered.iter().skip(at).any(|right| overlap(left, right))) {
        return Err("two prices hold in the same hours".to_owned());
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests;
