//! What is not billed by the token: searches, images, pages, seconds, sessions.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use super::{Fields, price, text};
use crate::{
    money::Decimal,
    pricing::{Meter, Quota, QuotaWindow, ServiceTier, book::cut, listed::Model, rates::RateTable},
};

/// Free quotas of the map's prices, by the meter that they count.
pub(super) type Quotas = Vec<(Meter, Arc<Quota>)>;

/// `search_free_requests`.
#[derive(Deserialize)]
struct FreeSearches {
    count: u64,
    period: Period,
    shared_group: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Period {
    Day,
    Month,
}

/// Keys of one price each, and what they price; a second one of a meter is read only where the
/// first is missing.
pub(super) const SINGLE: [(&str, Meter); 9] = [
    ("input_cost_per_request", Meter::Call),
    ("input_cost_per_character", Meter::Character),
    ("ocr_cost_per_page", Meter::Page),
    ("google_maps_grounding_cost_per_query", Meter::Maps),
    ("code_interpreter_cost_per_session", Meter::CodeSession),
    ("file_search_cost_per_1k_calls", Meter::FileSearch),
    ("input_cost_per_second", Meter::InputMediaMillisecond),
    ("output_cost_per_second", Meter::MediaMillisecond),
    ("output_cost_per_video_per_second", Meter::MediaMillisecond),
];

/// Prices by size or resolution, which usage records do not carry.
pub(super) fn is_variant(key: &str) -> bool {
    ["output_cost_per_image_", "output_cost_per_second_"].iter().any(|start| {
        let size = key.strip_prefix(start).unwrap_or_default();
        size.starts_with(|first: char| first.is_ascii_digit())
    })
}

/// Adds the rates, and returns the quotas that they are free up to.
pub(super) fn add(rates: &mut RateTable, fields: &Fields<'_>) -> Result<Quotas, String> {
    let get = |key: &str| fields.get(key).map_or(Ok(None), |value| price(key, value));
    let mode = text(fields, "mode")?.unwrap_or_default();
    let bills_tokens = get("input_cost_per_token")?.is_some_and(|rate| !rate.is_zero());
    // A commitment's price for each second that it lasts is no price of media.
    let is_commitment = fields.contains_key("cost_per_second");
    let mut set = |tier, meter: Meter, price: Option<Decimal>| -> Result<(), String> {
        if let Some(price) = price
            && rates.stated(tier, meter).is_none()
        {
            let unit_price = price_of_one(meter, price).map_err(|error| error.to_string())?;
            rates.set(tier, 0, meter, unit_price);
        }
        Ok(())
    };
    let standard = ServiceTier::Standard;
    for (key, meter) in SINGLE {
        if !(is_commitment && key.ends_with("_per_second")) {
            set(standard, meter, get(key)?)?;
        }
    }
    set(ServiceTier::Batch, Meter::Page, get("ocr_cost_per_page_batches")?)?;
    // Models that bill images as tokens list the price of a typical image beside them.
    if !fields.contains_key("output_cost_per_image_token") {
        set(standard, Meter::Image, get("output_cost_per_image")?)?;
    }
    if !bills_tokens || mode == "embedding" {
        set(standard, Meter::InputImageCount, get("input_cost_per_image")?)?;
        // Audio and video are one meter: where their prices differ, neither is sure.
        let heard = get("input_cost_per_audio_per_second")?;
        let seen = get("input_cost_per_video_per_second")?;
        if heard.is_some() || seen.is_some() {
            set(standard, Meter::InputMediaMillisecond, heard.max(seen))?;
            if heard != seen {
                rates.doubt(Meter::InputMediaMillisecond);
            }
        }
    }
    let per_query = get("input_cost_per_query")?;
    let mut set = |meter: Meter, price: Option<Decimal>| {
        if let Some(price) = price {
            rates.set(standard, 0, meter, price);
        }
    };
    match mode.as_str() {
        "rerank" => set(Meter::SearchUnit, per_query),
        "search" => set(Meter::WebSearch, per_query),
        "vector_store" => set(Meter::FileSearch, per_query),
        _ => set(Meter::Call, per_query),
    }
    set(Meter::WebSearch, web_search(fields)?);
    doubt_variants(rates, fields)?;
    let has_search = rates.stated(standard, Meter::WebSearch).is_some();
    let quota = free_searches(fields)?.filter(|_| has_search);
    Ok(quota.into_iter().map(|quota| (Meter::WebSearch, Arc::new(quota))).collect())
}

/// The map's price of one unit of a meter.
fn price_of_one(
    meter: Meter,
    price: Decimal,
) -> Result<crate::pricing::Ratio, crate::money::DecimalError> {
    let per = match meter {
        Meter::InputMediaMillisecond | Meter::MediaMillisecond | Meter::FileSearch => 1000,
        _ => 1,
    };
    crate::pricing::Ratio::from(price).checked_div_integer(per)
}

/// Where a size or resolution has a price of its own, the one without is not sure.
fn doubt_variants(rates: &mut RateTable, fields: &Fields<'_>) -> Result<(), String> {
    for (start, meter) in [
        ("output_cost_per_image", Meter::Image),
        ("output_cost_per_second", Meter::MediaMillisecond),
    ] {
        let plain = fields.get(start).map_or(Ok(None), |value| price(start, value))?;
        for (key, value) in fields.iter().filter(|(key, _)| is_variant(key)) {
            if key.starts_with(start) && price(key, value)? != plain {
                rates.doubt(meter);
            }
        }
    }
    Ok(())
}

/// The price of a search, where it is one: not three by context size.
fn web_search(fields: &Fields<'_>) -> Result<Option<Decimal>, String> {
    let key = "search_context_cost_per_query";
    let Some(value) = fields.get(key) else {
        return Ok(None);
    };
    let by_size: Fields<'_> =
        serde_json::from_str(value.get()).map_err(|_| format!("`{key}` is no object"))?;
    let unit = text(fields, "web_search_billing_unit")?;
    if unit.is_some_and(|unit| unit != "per_query") {
        return Ok(None);
    }
    let mut prices = Vec::new();
    for value in by_size.values() {
        prices.extend(price(key, value)?);
    }
    prices.dedup();
    Ok(match prices.as_slice() {
        [one] if !one.is_zero() => Some(*one),
        _ => None,
    })
}

fn free_searches(fields: &Fields<'_>) -> Result<Option<Quota>, String> {
    let key = "search_free_requests";
    let Some(value) = fields.get(key).filter(|value| value.get() != "null") else {
        return Ok(None);
    };
    let free: FreeSearches = serde_json::from_str(value.get())
        .map_err(|error| format!("`{key}`: {}", cut(&error.to_string())))?;
    Ok(Some(Quota {
        name: free.shared_group,
        free: free.count,
        window: match free.period {
            Period::Day => QuotaWindow::Day,
            Period::Month => QuotaWindow::Month,
        },
        starts_at_minute: 0,
    }))
}

/// Code sessions are listed once for a provider, as its model `container`: they cost the same
/// whatever model opened them.
pub(super) fn share_sessions(models: &mut [Model]) {
    let standard = ServiceTier::Standard;
    let sessions: BTreeMap<String, _> = models
        .iter()
        .filter(|model| model.id.ends_with("/container"))
        .filter_map(|model| {
            let rates = &model.prices.first()?.rates;
            Some((model.provider.clone(), rates.stated(standard, Meter::CodeSession)?))
        })
        .collect();
    for model in models {
        let Some(unit_price) = sessions.get(&model.provider) else {
            continue;
        };
        for listed in &mut model.prices {
            if listed.rates.stated(standard, Meter::Input).is_some()
                && listed.rates.stated(standard, Meter::CodeSession).is_none()
            {
                listed.rates.set(standard, 0, Meter::CodeSession, *unit_price);
            }
        }
    }
}
