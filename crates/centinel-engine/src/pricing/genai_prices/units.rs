//! What the data's price keys mean, and per how much.

use std::{collections::BTreeMap, str::FromStr as _};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    money::Decimal,
    pricing::{Meter, Ratio, ServiceTier, book::cut, rates::RateTable},
};

/// Prices by key, each still as the text it was written in: numbers keep their digits.
pub(super) type Prices<'t> = BTreeMap<String, &'t RawValue>;

/// A price by the total input of the request: above a tier's start, its price for the whole.
#[derive(Deserialize)]
struct Tiered<'t> {
    #[serde(borrow)]
    base: &'t RawValue,
    #[serde(borrow)]
    tiers: Vec<Tier<'t>>,
}

#[derive(Deserialize)]
struct Tier<'t> {
    start: u64,
    #[serde(borrow)]
    price: &'t RawValue,
}

/// A price: above how many input tokens, and how much.
type Bands = Vec<(u64, Ratio)>;

/// Keys of classes that usage records carry, what they price, and per how many units.
const KEYS: [(&str, &[Meter], u64); 26] = [
    ("input_mtok", &[Meter::Input], 1_000_000),
    ("cache_read_mtok", &[Meter::CacheRead], 1_000_000),
    ("cache_write_5m_mtok", &[Meter::CacheWrite5m], 1_000_000),
    ("cache_write_1h_mtok", &[Meter::CacheWrite1h], 1_000_000),
    ("cache_write_mtok", &[Meter::CacheWrite5m, Meter::CacheWrite30m], 1_000_000),
    ("input_audio_mtok", &[Meter::InputAudio], 1_000_000),
    ("input_image_mtok", &[Meter::InputImage], 1_000_000),
    ("input_video_mtok", &[Meter::InputVideo], 1_000_000),
    ("cache_audio_read_mtok", &[Meter::CacheReadAudio], 1_000_000),
    ("cache_image_read_mtok", &[Meter::CacheReadImage], 1_000_000),
    ("cache_video_read_mtok", &[Meter::CacheReadVideo], 1_000_000),
    ("output_mtok", &[Meter::Output], 1_000_000),
    ("output_reasoning_mtok", &[Meter::Reasoning], 1_000_000),
    ("output_audio_mtok", &[Meter::OutputAudio], 1_000_000),
    ("output_image_mtok", &[Meter::OutputImage], 1_000_000),
    ("output_video_mtok", &[Meter::OutputVideo], 1_000_000),
    ("output_citation_mtok", &[Meter::Citation], 1_000_000),
    ("web_searches_kcount", &[Meter::WebSearch], 1000),
    ("storage_searches_kcount", &[Meter::FileSearch], 1000),
    ("rerank_searches_kcount", &[Meter::SearchUnit], 1000),
    ("requests_kcount", &[Meter::Call], 1000),
    ("input_document_kpages", &[Meter::Page], 1000),
    ("input_mchars", &[Meter::Character], 1_000_000),
    // Per hour; meters of media count milliseconds.
    ("audio_hours", &[Meter::InputMediaMillisecond], 3_600_000),
    ("input_audio_hours", &[Meter::InputMediaMillisecond], 3_600_000),
    ("output_audio_hours", &[Meter::MediaMillisecond], 3_600_000),
];

/// Classes that usage records do not carry apart, and the key of the class that contains them: a
/// price that differs from that one cannot be applied.
const CONTAINED: [(&str, &str); 28] = [
    ("input_text_mtok", "input_mtok"),
    ("input_tool_mtok", "input_mtok"),
    ("input_text_tool_mtok", "input_mtok"),
    ("input_audio_tool_mtok", "input_audio_mtok"),
    ("input_image_tool_mtok", "input_image_mtok"),
    ("input_video_tool_mtok", "input_video_mtok"),
    ("cache_text_read_mtok", "cache_read_mtok"),
    ("cache_text_write_mtok", "cache_write_mtok"),
    ("cache_audio_write_mtok", "cache_write_mtok"),
    ("cache_image_write_mtok", "cache_write_mtok"),
    ("cache_video_write_mtok", "cache_write_mtok"),
    ("cache_text_write_5m_mtok", "cache_write_5m_mtok"),
    ("cache_audio_write_5m_mtok", "cache_write_5m_mtok"),
    ("cache_image_write_5m_mtok", "cache_write_5m_mtok"),
    ("cache_video_write_5m_mtok", "cache_write_5m_mtok"),
    ("cache_text_write_1h_mtok", "cache_write_1h_mtok"),
    ("cache_audio_write_1h_mtok", "cache_write_1h_mtok"),
    ("cache_image_write_1h_mtok", "cache_write_1h_mtok"),
    ("cache_video_write_1h_mtok", "cache_write_1h_mtok"),
    ("output_text_mtok", "output_mtok"),
    ("output_text_reasoning_mtok", "output_reasoning_mtok"),
    ("output_audio_reasoning_mtok", "output_reasoning_mtok"),
    ("output_image_reasoning_mtok", "output_reasoning_mtok"),
    ("output_video_reasoning_mtok", "output_reasoning_mtok"),
    ("output_text_citation_mtok", "output_citation_mtok"),
    ("output_audio_citation_mtok", "output_citation_mtok"),
    ("output_image_citation_mtok", "output_citation_mtok"),
    ("output_video_citation_mtok", "output_citation_mtok"),
];

/// Fees of a unit of their own that no usage record counts: what is counted is not mispriced
/// without them.
const UNCOUNTED: [&str; 5] = [
    "input_text_messages_kcount",
    "input_gpixels",
    "input_annotated_document_kpages",
    "social_searches_kcount",
    "code_executions_kcount",
];

/// Classes counted with another one where they have no price: caches by the next one that has.
const STAND_INS: [(Meter, &[Meter]); 6] = [
    (Meter::CacheRead, &[Meter::Input]),
    (Meter::CacheWrite5m, &[Meter::Input]),
    (Meter::CacheWrite30m, &[Meter::CacheWrite5m, Meter::Input]),
    (Meter::CacheWrite1h, &[Meter::CacheWrite30m, Meter::CacheWrite5m, Meter::Input]),
    (Meter::CacheWrite12h, &[Meter::CacheWrite1h, Meter::CacheWrite30m, Meter::Input]),
    (Meter::InputAudio, &[Meter::Input]),
];

/// Reads the prices of one tier into a table.
pub(super) fn read(
    prices: &Prices<'_>,
    tier: ServiceTier,
    rates: &mut RateTable,
) -> Result<(), String> {
    for (key, value) in prices {
        if value.get() == "null" || UNCOUNTED.contains(&key.as_str()) {
            continue;
        }
        if let Some((_, meters, per)) = KEYS.iter().find(|(known, ..)| known == key) {
            for (above, price) in bands(key, value)? {
                let unit_price =
                    price.checked_div_integer(*per).map_err(|error| format!("`{key}`: {error}"))?;
                for meter in *meters {
                    // The general price of cache writes comes after that of their lifetime.
                    let has_own = prices.contains_key("cache_write_5m_mtok");
                    if key != "cache_write_mtok" || *meter != Meter::CacheWrite5m || !has_own {
                        rates.set(tier, above, *meter, unit_price);
                    }
                }
            }
        } else if let Some((_, parent)) = CONTAINED.iter().find(|(known, _)| known == key) {
            check_contained(prices, key, value, parent)?;
        } else {
            return Err(format!("`{}` is not a price that is known", cut(key)));
        }
    }
    let stated: Vec<_> = rates.iter().filter(|((other, ..), _)| *other == tier).collect();
    let above: std::collections::BTreeSet<u64> =
        stated.iter().map(|((_, above, _), _)| *above).collect();
    for (meter, stand_ins) in STAND_INS {
        if stated.iter().any(|((_, _, other), _)| *other == meter) {
            continue;
        }
        for above in &above {
            let rate = |meter: Meter| {
                let found = stated.iter().find(|(key, _)| *key == (tier, *above, meter));
                found.map(|(_, stated)| stated.unit_price)
            };
            if let Some(unit_price) = stand_ins.iter().find_map(|other| rate(*other)) {
                rates.assume(tier, *above, meter, unit_price);
            }
        }
    }
    Ok(())
}

/// Tokens that cost nothing.
pub(super) fn set_free(rates: &mut RateTable) {
    for meter in Meter::ALL.into_iter().filter(|meter| meter.is_token()) {
        rates.set(ServiceTier::Standard, 0, meter, Ratio::ZERO);
    }
}

/// A price that is contained in another must be that one.
fn check_contained(
    prices: &Prices<'_>,
    key: &str,
    value: &RawValue,
    parent: &str,
) -> Result<(), String> {
    // The next class that contains it and has a price: a lifetime's, any write's, any input's.
    let order = match parent {
        "cache_write_5m_mtok" | "cache_write_1h_mtok" => {
            vec![parent, "cache_write_mtok", "input_mtok"]
        }
        parent if parent.starts_with("output") => vec![parent, "output_mtok"],
        parent => vec![parent, "input_mtok"],
    };
    let containing = order.into_iter().find_map(|parent| Some((parent, prices.get(parent)?)));
    match containing {
        Some((parent, price)) if bands(parent, price)? == bands(key, value)? => Ok(()),
        _ => Err(format!("`{key}` has a price of its own, which usage records do not carry apart")),
    }
}

fn bands(key: &str, value: &RawValue) -> Result<Bands, String> {
    if !value.get().starts_with('{') {
        return Ok(vec![(0, price(key, value)?)]);
    }
    let tiered: Tiered<'_> =
        serde_json::from_str(value.get()).map_err(|error| format!("`{}`: {error}", cut(key)))?;
    let mut bands = vec![(0, price(key, tiered.base)?)];
    for tier in &tiered.tiers {
        if tier.start == 0 {
            return Err(format!("`{}` has a tier from the first token on", cut(key)));
        }
        bands.push((tier.start, price(key, tier.price)?));
    }
    Ok(bands)
}

/// A number, or a string that holds one.
fn price(key: &str, value: &RawValue) -> Result<Ratio, String> {
    let number = Decimal::from_str(value.get().trim_matches('"'));
    let number = number.map_err(|error| format!("`{}`: {error}", cut(key)))?;
    if number.is_negative() {
        return Err(format!("`{}` is {number}, below zero", cut(key)));
    }
    Ok(number.into())
}
