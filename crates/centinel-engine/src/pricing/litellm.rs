//! LiteLLM's price map (`model_prices_and_context_window.json`) as a price book.
//!
//! The map has no history: it says what prices are. Its keys name a class, then bounds and a tier:
//! `cache_read_input_token_cost_above_200k_tokens_priority`. Rules that are ours, where the map
//! leaves something open:
//!
//! - A cache write costs the plain key up to 30 minutes, the `_above_1hr` and `_above_12hr` keys
//!   from there on; an hour also costs the plain key where the only longer bound is 12 hours.
//! - A web search has a price where it is one price, not three by context size; a free quota makes
//!   it a range until somebody counts.
//! - `tiered_pricing` is by the whole request: LiteLLM picks one tier by the input tokens, above its
//!   start and up to its end, for all of them.
//! - Prices by image size, video resolution, or kind of cache, which records do not carry, make the
//!   one without uncertain.
//! - A model listed with zeros only has no price here, unless its name says `:free`.
//! - Bounds are exclusive, xAI's inclusive ("reaches 200k").
//!
//! # Source
//!
//! LiteLLM 1.109.1: `model_prices_and_context_window.json`;
//! `litellm_core_utils/llm_cost_calc/tiered_pricing.py` (`select_tier_for_input`) and `utils.py`
//! (`_INCLUSIVE_THRESHOLD_PROVIDERS`, `apply_off_peak_pricing`).

mod off_peak;
mod units;

use std::{collections::BTreeMap, str::FromStr as _, sync::Arc};

use serde_json::value::RawValue;

use super::{
    BookError, EffectiveFrom, Import, Meter, PriceBook, Ratio, ServiceTier,
    book::cut,
    listed::{ListedPrice, Model},
    provider_id,
    rates::RateTable,
};
use crate::{
    facts::sha256_hex,
    money::{Currency, Decimal},
};

/// Fields of one model, each still as the text it was written in: numbers keep their digits.
type Fields<'t> = BTreeMap<String, &'t RawValue>;

/// Classes by the start of their key. A longer start comes before the one it contains.
const CLASSES: [(&str, &[Meter]); 16] = [
    ("input_cost_per_token", &[Meter::Input]),
    ("output_cost_per_token", &[Meter::Output]),
    ("cache_read_input_token_cost", &[Meter::CacheRead]),
    ("cache_creation_input_token_cost_above_12hr", &[Meter::CacheWrite12h]),
    ("cache_creation_input_token_cost_above_1hr", &[Meter::CacheWrite1h]),
    ("cache_creation_input_token_cost", &[Meter::CacheWrite5m, Meter::CacheWrite30m]),
    ("output_cost_per_reasoning_token", &[Meter::Reasoning]),
    ("input_cost_per_audio_token", &[Meter::InputAudio]),
    ("input_cost_per_image_token", &[Meter::InputImage]),
    ("input_cost_per_video_token", &[Meter::InputVideo]),
    ("output_cost_per_audio_token", &[Meter::OutputAudio]),
    ("output_cost_per_image_token", &[Meter::OutputImage]),
    ("output_cost_per_video_token", &[Meter::OutputVideo]),
    ("cache_read_input_audio_token_cost", &[Meter::CacheReadAudio]),
    ("cache_read_input_image_token_cost", &[Meter::CacheReadImage]),
    ("citation_cost_per_token", &[Meter::Citation]),
];

const TIERS: [(&str, ServiceTier); 5] = [
    ("_batches", ServiceTier::Batch),
    ("_flex", ServiceTier::Flex),
    ("_priority", ServiceTier::Priority),
    ("_ultrafast", ServiceTier::Ultrafast),
    ("_fast", ServiceTier::Fast),
];

/// Reads the map. `name` is kept with every priced call.
///
/// # Errors
///
/// [`BookError::Json`] when the text is no map of models, [`BookError::Empty`] when none of them
/// has a price.
pub fn read(text: &str, name: &str) -> Result<Import, BookError> {
    let entries: BTreeMap<String, Fields<'_>> = serde_json::from_str(text)?;
    let source: Arc<str> = "LiteLLM price map".into();
    let mut models = Vec::new();
    let mut rejected = Vec::new();
    for (key, fields) in &entries {
        // The map's first entry explains the format.
        if key == "sample_spec" {
            continue;
        }
        match read_model(key, fields, &source) {
            Ok(Some(model)) => models.push(model),
            Ok(None) => {}
            Err(reason) => rejected.push(BookError::Model { model: cut(key), reason }),
        }
    }
    if models.is_empty() {
        return Err(BookError::Empty);
    }
    units::share_sessions(&mut models);
    let book = PriceBook::new(name, sha256_hex(text.as_bytes()), None, Currency::USD, models);
    Ok(Import { book, rejected })
}

/// `None` when the entry has no price of a class that we know.
fn read_model(key: &str, fields: &Fields<'_>, source: &Arc<str>) -> Result<Option<Model>, String> {
    let Some(provider) = text(fields, "litellm_provider")? else {
        return Ok(None);
    };
    let provider = provider_id(&provider);
    let mut rates = RateTable::default();
    let is_inclusive = provider == "xai";
    add_rates(&mut rates, fields, 0, is_inclusive)?;
    add_length_tiers(&mut rates, fields)?;
    add_cache_aliases(&mut rates, fields)?;
    if fields.contains_key("explicit_cache_read_input_token_cost") {
        // Two kinds of cache with a price each; records do not say which one answered.
        rates.doubt(Meter::CacheRead);
    }
    let quotas = units::add(&mut rates, fields)?;
    let regions = regions(&mut rates, fields)?;
    if rates.is_empty() {
        return Ok(None);
    }
    let price = ListedPrice {
        effective_from: EffectiveFrom::Undated,
        effective_until: None,
        source: Arc::clone(source),
        recorded: None,
        rates,
        regions,
        hours: None,
        quotas,
    };
    let mut prices = vec![price];
    off_peak::add(&mut prices, fields)?;
    let aliases = Vec::new();
    Ok(Some(Model { provider, id: key.to_owned(), aliases, rule: None, prices }))
}

/// Every per-token key; `base` is the bound of a key that names none.
fn add_rates(
    rates: &mut RateTable,
    fields: &Fields<'_>,
    base: u64,
    is_inclusive: bool,
) -> Result<(), String> {
    for (key, value) in fields {
        let Some((meters, tier, above)) = parse_key(key) else {
            continue;
        };
        let Some(unit_price) = price(key, value)? else {
            continue;
        };
        let above = above.map_or(base, |above| above.saturating_sub(u64::from(is_inclusive)));
        for meter in meters {
            rates.set(tier, above, *meter, unit_price);
        }
    }
    Ok(())
}

/// Splits a key into class, tier and bound; `None` for keys of anything else.
fn parse_key(key: &str) -> Option<(&'static [Meter], ServiceTier, Option<u64>)> {
    let (meters, mut rest) =
        CLASSES.iter().find_map(|(start, meters)| Some((*meters, key.strip_prefix(start)?)))?;
    let mut tier = ServiceTier::Standard;
    let mut above = None;
    while !rest.is_empty() {
        if let Some((found, after)) =
            TIERS.iter().find_map(|(suffix, tier)| Some((*tier, rest.strip_prefix(suffix)?)))
        {
            (tier, rest) = (found, after);
        } else {
            let (bound, after) = rest.strip_prefix("_above_")?.split_once("_tokens")?;
            above = Some(match bound.strip_suffix('k') {
                Some(thousands) => thousands.parse::<u64>().ok()?.checked_mul(1000)?,
                None => bound.parse().ok()?,
            });
            rest = after;
        }
    }
    Some((meters, tier, above))
}

/// `tiered_pricing`: rates by the length of the whole request, above each range's start.
fn add_length_tiers(rates: &mut RateTable, fields: &Fields<'_>) -> Result<(), String> {
    let Some(value) = fields.get("tiered_pricing") else {
        return Ok(());
    };
    let tiers: Vec<Fields<'_>> =
        serde_json::from_str(value.get()).map_err(|_| "`tiered_pricing` is no list".to_owned())?;
    for tier in tiers {
        // Some search prices are tiered by results, without a range of tokens.
        let Some(range) = tier.get("range") else {
            continue;
        };
        let bounds: Vec<&RawValue> =
            serde_json::from_str(range.get()).map_err(|_| "`range` is no list".to_owned())?;
        let start = bounds.first().map(|bound| price("range", bound)).transpose()?.flatten();
        let start = start.unwrap_or_default();
        let above = start.mantissa_at(0).and_then(|start| u64::try_from(start).ok());
        add_rates(rates, &tier, above.ok_or("`range` starts at no whole number")?, false)?;
    }
    Ok(())
}

fn add_cache_aliases(rates: &mut RateTable, fields: &Fields<'_>) -> Result<(), String> {
    let listed: Vec<_> = rates.iter().collect();
    let has = |meter: Meter| listed.iter().any(|((_, _, other), _)| *other == meter);
    // DeepSeek's word for a cache read.
    if let Some(value) = fields.get("input_cost_per_token_cache_hit")
        && !has(Meter::CacheRead)
        && let Some(unit_price) = price("input_cost_per_token_cache_hit", value)?
    {
        rates.set(ServiceTier::Standard, 0, Meter::CacheRead, unit_price);
    }
    if has(Meter::CacheWrite12h) && !has(Meter::CacheWrite1h) {
        for ((tier, above, meter), stated) in listed {
            if meter == Meter::CacheWrite30m {
                rates.set(tier, above, Meter::CacheWrite1h, stated.unit_price);
            }
        }
    }
    Ok(())
}

/// Factors by region, and the prices of Anthropic's fast mode, which the map keeps beside them.
fn regions(rates: &mut RateTable, fields: &Fields<'_>) -> Result<BTreeMap<String, Ratio>, String> {
    let mut regions = BTreeMap::new();
    for (key, value) in fields {
        let region = match key.strip_prefix("regional_processing_uplift_multiplier_") {
            Some(region) => region,
            None if key == "regional_endpoint_uplift_multiplier" => "*",
            None => continue,
        };
        regions.extend(price(key, value)?.map(|factor| (region.to_owned(), factor.into())));
    }
    let Some(value) = fields.get("provider_specific_entry") else {
        return Ok(regions);
    };
    let specific: Fields<'_> = serde_json::from_str(value.get())
        .map_err(|_| "`provider_specific_entry` is no object".to_owned())?;
    for (key, value) in &specific {
        // The object also holds settings that are no factors.
        let Ok(Some(factor)) = price(key, value) else {
            continue;
        };
        if key == "fast" {
            let standard: Vec<_> = rates
                .iter()
                .filter(|((tier, _, meter), _)| *tier == ServiceTier::Standard && meter.is_token())
                .collect();
            for ((_, above, meter), stated) in standard {
                let fast = stated.unit_price.checked_mul(factor.into());
                let fast = fast.map_err(|error| error.to_string())?;
                rates.set(ServiceTier::Fast, above, meter, fast);
            }
        } else if ["us", "eu", "jp", "au", "apac"].contains(&key.as_str()) {
            regions.insert(key.clone(), factor.into());
        }
    }
    Ok(regions)
}

/// A number, or a string that holds one (as in hand-written maps); `None` for null.
fn price(key: &str, value: &RawValue) -> Result<Option<Decimal>, String> {
    let written = value.get();
    if written == "null" {
        return Ok(None);
    }
    let number = Decimal::from_str(written.trim_matches('"'));
    let number = number.map_err(|error| format!("`{}`: {error}", cut(key)))?;
    if number.is_negative() {
        return Err(format!("`{}` is {number}, below zero", cut(key)));
    }
    Ok(Some(number))
}

fn text(fields: &Fields<'_>, key: &str) -> Result<Option<String>, String> {
    fields.get(key).map_or(Ok(None), |value| {
        serde_json::from_str(value.get()).map_err(|_| format!("`{key}` is no text"))
    })
}

#[cfg(test)]
mod tests;
