//! OpenRouter's list of models (`GET /api/v1/models`) as a price book.
//!
//! Prices are decimal strings in dollars per token, request, image or search; the list has no
//! history. Rules that are ours, where the list leaves something open:
//!
//! - `-1` is a price that depends on where the router sends the call: the model is known and
//!   unpriced.
//! - A zero for reasoning, searches or caches of a model that is paid for says that it has no such
//!   price: reasoning is then output, and the others are unpriced. All zeros are a price only where
//!   the name says `:free`.
//! - A priced class that is not read makes tokens in and out uncertain, as it may be part of them.
//!
//! # Source
//!
//! OpenRouter documentation, "Models", Pricing Object: `prompt`, `completion`, `request`, `image`,
//! `web_search`, `internal_reasoning`, `input_cache_read`, `input_cache_write`; `canonical_slug` is
//! the dated name of the same model.

use std::{collections::BTreeMap, str::FromStr as _, sync::Arc};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    BookError, EffectiveFrom, Import, Meter, PriceBook, ServiceTier,
    book::cut,
    listed::{ListedPrice, Model},
    rates::RateTable,
};
use crate::{
    facts::sha256_hex,
    money::{Currency, Decimal},
};

#[derive(Deserialize)]
struct List<'t> {
    #[serde(borrow)]
    data: Vec<Entry<'t>>,
}

#[derive(Deserialize)]
struct Entry<'t> {
    id: String,
    canonical_slug: Option<String>,
    #[serde(borrow)]
    pricing: Option<BTreeMap<String, &'t RawValue>>,
}

/// Keys, what they price, and whether a zero is a price.
const KEYS: [(&str, &[Meter], bool); 12] = [
    ("prompt", &[Meter::Input], true),
    ("completion", &[Meter::Output], true),
    ("request", &[Meter::Call], true),
    ("image", &[Meter::InputImageCount], true),
    ("audio", &[Meter::InputAudio], false),
    ("audio_output", &[Meter::OutputAudio], false),
    ("input_audio_cache", &[Meter::CacheReadAudio], false),
    ("web_search", &[Meter::WebSearch], false),
    ("internal_reasoning", &[Meter::Reasoning], false),
    ("input_cache_read", &[Meter::CacheRead], false),
    ("input_cache_write", &[Meter::CacheWrite5m, Meter::CacheWrite30m], false),
    ("input_cache_write_1h", &[Meter::CacheWrite1h], false),
];

/// What is no price of a unit.
const SETTINGS: [&str; 2] = ["discount", "currency"];

/// Reads the list. `name` is kept with every priced call.
///
/// # Errors
///
/// [`BookError::Json`] when the text is no list of models, [`BookError::Empty`] when none of them
/// has a price.
pub fn read(text: &str, name: &str) -> Result<Import, BookError> {
    let list: List<'_> = serde_json::from_str(text)?;
    let source: Arc<str> = "OpenRouter models".into();
    let mut models = Vec::new();
    let mut rejected = Vec::new();
    for entry in list.data {
        let rates = read_rates(&entry.pricing.unwrap_or_default());
        let rates = rates.unwrap_or_else(|reason| {
            rejected.push(BookError::Model { model: cut(&entry.id), reason });
            RateTable::default()
        });
        let price = ListedPrice {
            effective_from: EffectiveFrom::Undated,
            effective_until: None,
            hours: None,
            source: Arc::clone(&source),
            recorded: None,
            rates,
            regions: BTreeMap::new(),
            quotas: Vec::new(),
        };
        let prices = if price.rates.is_empty() { Vec::new() } else { vec![price] };
        // A variant shares the canonical name of its model, and not the price.
        let aliases = entry.canonical_slug.filter(|_| !entry.id.contains(':'));
        models.push(Model {
            provider: "openrouter".to_owned(),
            id: entry.id,
            aliases: aliases.into_iter().collect(),
            rule: None,
            prices,
        });
    }
    let digest = sha256_hex(text.as_bytes());
    let book = PriceBook::new(name, digest, None, Currency::USD, models);
    if book.is_empty() { Err(BookError::Empty) } else { Ok(Import { book, rejected }) }
}

/// Empty where the price depends on where the call is sent.
fn read_rates(pricing: &BTreeMap<String, &RawValue>) -> Result<RateTable, String> {
    let mut rates = RateTable::default();
    let mut has_unread = false;
    for (key, value) in pricing {
        if value.get() == "null" || SETTINGS.contains(&key.as_str()) {
            continue;
        }
        let known = KEYS.iter().find(|(known, ..)| known == key);
        let number = Decimal::from_str(value.get().trim_matches('"'));
        let Some((_, meters, zero_is_price)) = known else {
            has_unread |= number.map_or(true, |number| !number.is_zero());
            continue;
        };
        let number = number.map_err(|error| format!("`{}`: {error}", cut(key)))?;
        if number == Decimal::from_integer(-1) {
            return Ok(RateTable::default());
        }
        if number.is_negative() {
            return Err(format!("`{}` is {number}, below zero", cut(key)));
        }
        for meter in meters.iter().filter(|_| *zero_is_price || !number.is_zero()) {
            rates.set(ServiceTier::Standard, 0, *meter, number);
        }
    }
    // Writes of an hour where only those of minutes have a price: a lower bound at best.
    for longer in [Meter::CacheWrite1h, Meter::CacheWrite12h] {
        if let Some(unit_price) = rates.stated(ServiceTier::Standard, Meter::CacheWrite5m) {
            rates.assume(ServiceTier::Standard, 0, longer, unit_price);
        }
    }
    if has_unread {
        rates.doubt(Meter::Input);
        rates.doubt(Meter::Output);
    }
    Ok(rates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pricing::{PriceQuery, Unpriced},
        usage::Usage,
    };

    /// Ours, in the list's format.
    const LIST: &str = r#"{"data": [
        {"id": "acme/one", "canonical_slug": "acme/one-2026-01-02", "name": "One", "pricing":
            {"prompt": "0.000002", "completion": "0.000012", "request": "0", "image": "0.001",
             "web_search": "0.01", "internal_reasoning": "0", "input_cache_read": "0.0000002",
             "input_cache_write": "0.0000025", "discount": 0}},
        {"id": "acme/one:free", "canonical_slug": "acme/one-2026-01-02",
         "pricing": {"prompt": "0", "completion": "0"}},
        {"id": "acme/zero", "pricing": {"prompt": "0", "completion": "0"}},
        {"id": "acme/new", "pricing": {"prompt": "1e-6", "completion": "2e-6", "image_token": "3e-6"}},
        {"id": "router/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        {"id": "acme/odd", "pricing": {"prompt": "-2", "completion": "1"}},
        {"id": "acme/none"}
    ]}"#;

    fn check(model: &str, usage: &str, expected: &str) {
        let book = read(LIST, "list").unwrap().book;
        let query = PriceQuery {
            provider: "openrouter",
            model,
            service_tier: None,
            region: None,
            at: None,
        };
        let usage: Usage = serde_json::from_str(usage).unwrap();
        let found = book.resolve(&query).and_then(|price| {
            let cost = price.cost(&usage)?;
            let mark = if cost.is_certain() { "" } else { " uncertain" };
            Ok(format!("{}{mark}", cost.to_decimal()?))
        });
        let found = found.unwrap_or_else(|unpriced| unpriced.to_string());
        assert_eq!(found, expected, "{model} {usage:?}");
    }

    const THOUSAND: &str = r#"{"input_tokens_total":1000,"output_tokens_total":1000}"#;

    #[test]
    fn what_a_token_costs() {
        check("acme/one", THOUSAND, "0.014");
        check("openrouter/acme/one", THOUSAND, "0.014");
        check("acme/one-2026-01-02", THOUSAND, "0.014");
        check("acme/one:nitro", THOUSAND, "0.014 uncertain");
        check("acme/one:free", THOUSAND, "0");
        check("acme/new", THOUSAND, "0.003 uncertain");
        let all = r#"{"input_tokens_total":1000,"cache_read_tokens":500,"cache_write_5m_tokens":100,
            "output_tokens_total":10,"reasoning_tokens":10,"web_search_requests":2,"input_images":1}"#;
        check("acme/one", all, "0.02227");
        let hour = r#"{"input_tokens_total":1000,"cache_write_1h_tokens":1000}"#;
        check("acme/one", hour, "0.0025 uncertain");
    }

    #[test]
    fn what_has_no_price() {
        let unreadable =
            |model| format!("the book lists model `{model}` without a price that can be read");
        for model in ["router/auto", "acme/odd", "acme/none"] {
            check(model, THOUSAND, &unreadable(model));
        }
        check(
            "acme/zero",
            THOUSAND,
            "the book lists model `acme/zero` with zero prices only, which says free or unknown",
        );
        check(
            "acme/one:extended",
            THOUSAND,
            "no price for model `acme/one:extended` at provider `openrouter`",
        );
        let import = read(LIST, "list").unwrap();
        assert_eq!(import.rejected.len(), 1);
        assert_eq!(import.rejected[0].to_string(), "model `acme/odd`: `prompt` is -2, below zero");
        let query = PriceQuery {
            provider: "openrouter",
            model: "acme/one",
            service_tier: None,
            region: None,
            at: Some(jiff::Timestamp::UNIX_EPOCH),
        };
        assert_eq!(import.book.resolve(&query), Err(Unpriced::BookWithoutHistory));
        assert!(matches!(read("[]", "list"), Err(BookError::Json(_))));
        assert!(matches!(read(r#"{"data":[]}"#, "list"), Err(BookError::Empty)));
    }
}
