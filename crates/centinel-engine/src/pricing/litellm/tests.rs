use serde::Deserialize;

use super::*;
use crate::{
    pricing::{PriceQuery, Unpriced},
    usage::Usage,
};

/// Ours, in the map's format.
const MAP: &str = r#"{
    "sample_spec": {"litellm_provider": "one of many", "input_cost_per_token": 1.0},
    "acme-1": {
        "litellm_provider": "openai", "mode": "chat",
        "input_cost_per_token": 2.5e-06, "output_cost_per_token": "1e-05",
        "cache_read_input_token_cost": 2.5e-07,
        "cache_creation_input_token_cost": 3.125e-06,
        "cache_creation_input_token_cost_above_12hr": 5e-06,
        "input_cost_per_token_above_200k_tokens": 5e-06,
        "output_cost_per_token_above_200k_tokens": 1.5e-05,
        "input_cost_per_token_batches": 1.25e-06, "output_cost_per_token_batches": 5e-06,
        "search_context_cost_per_query": {"search_context_size_low": 0.01,
            "search_context_size_medium": 0.01, "search_context_size_high": 0.010},
        "regional_processing_uplift_multiplier_eu": 1.1,
        "provider_specific_entry": {"us": 1.1, "fast": 2.0, "schema": "v2"}
    },
    "xai/acme-2": {
        "litellm_provider": "xai", "input_cost_per_token": 1e-06,
        "output_cost_per_token": 2e-06, "input_cost_per_token_above_200k_tokens": 3e-06,
        "output_cost_per_token_above_200k_tokens": 4e-06,
        "output_cost_per_reasoning_token": 2.5e-06,
        "search_context_cost_per_query": {"search_context_size_low": 0.01,
            "search_context_size_high": 0.02}
    },
    "ranged": {
        "litellm_provider": "acme", "output_cost_per_token": 9e-06, "tiered_pricing": [
        {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
        {"range": [32000.0, 1e6], "input_cost_per_token": 3e-06, "output_cost_per_token": 4e-06}]
    },
    "hourly": {"litellm_provider": "acme", "input_cost_per_token": 1e-06,
        "output_cost_per_token": 1e-06, "off_peak_pricing": {"hours_utc": "16:30-00:30"}},
    "free?": {"litellm_provider": "acme", "input_cost_per_token": 0,
        "output_cost_per_token": 0.0},
    "transcriber": {"litellm_provider": "acme", "input_cost_per_second": 0.0001,
        "output_cost_per_second": 0.0},
    "reader": {"litellm_provider": "acme", "mode": "ocr", "ocr_cost_per_page": 0.004,
            "ocr_cost_per_page_batches": 0.002},
        "speaker": {"litellm_provider": "acme", "mode": "audio_speech",
            "input_cost_per_character": 1.5e-05},
        "ranker": {"litellm_provider": "acme", "mode": "rerank", "input_cost_per_query": 0.002,
            "input_cost_per_token": 0.0},
        "seeker": {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": 1e-06,
            "google_maps_grounding_cost_per_query": 0.025,
            "search_context_cost_per_query": {"search_context_size_medium": 0.035},
            "search_free_requests": {"count": 1500, "period": "day", "shared_group": "g"},
            "cache_read_input_token_cost": 1e-07, "cache_read_input_audio_token_cost": 2e-07,
            "input_cost_per_audio_token": 4e-06, "citation_cost_per_token": 3e-06,
            "output_cost_per_token": 2e-06},
        "painter": {"litellm_provider": "acme", "mode": "image_generation",
            "output_cost_per_image": 0.08, "output_cost_per_image_4K": 0.16},
        "filmer": {"litellm_provider": "acme", "mode": "video_generation",
            "output_cost_per_second": 0.1, "output_cost_per_second_720p": 0.1},
        "embedder": {"litellm_provider": "acme", "mode": "embedding",
            "input_cost_per_token": 1e-07, "input_cost_per_image": 6e-05,
            "input_cost_per_audio_per_second": 0.0001, "input_cost_per_video_per_second": 0.0007},
        "acme/container": {"litellm_provider": "acme", "code_interpreter_cost_per_session": 0.03},
        "two caches": {"litellm_provider": "acme", "input_cost_per_token": 2e-06,
            "cache_read_input_token_cost": 5e-07, "explicit_cache_read_input_token_cost": 2e-07},
        "no price": {"litellm_provider": "acme", "mode": "chat"},
    "broken": {"litellm_provider": "acme", "input_cost_per_token": "1,5"},
    "negative": {"litellm_provider": "acme", "input_cost_per_token": -1}
}"#;

fn check(query: [&str; 4], usage: &str, expected: &str) {
    let book = read(MAP, "map").unwrap().book;
    let [provider, model, tier, region] = query;
    let query =
        PriceQuery { provider, model, service_tier: Some(tier), region: Some(region), at: None };
    let usage: Usage = serde_json::from_str(usage).unwrap();
    let found = book.resolve(&query).and_then(|price| {
        let cost = price.cost(&usage)?;
        let mark = if cost.is_certain() { "" } else { " uncertain" };
        let lines = price.lines(&usage)?;
        let sum = lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount));
        assert_eq!(sum.unwrap(), cost.to_decimal()?, "lines add to the cost");
        Ok(format!("{}{mark}", cost.to_decimal()?))
    });
    let found = found.unwrap_or_else(|unpriced| unpriced.to_string());
    assert_eq!(found, expected, "{query:?} {usage:?}");
}

const MILLION: &str = r#"{"input_tokens_total":100000,"output_tokens_total":10000}"#;

#[test]
fn tiers_regions_and_names() {
    let openai = |tier, region| ["openai", "acme-1", tier, region];
    check(openai("", ""), MILLION, "0.35");
    check(openai("batch", ""), MILLION, "0.175");
    check(openai("", "eu"), MILLION, "0.385");
    check(openai("", "global"), MILLION, "0.35");
    check(openai("fast", ""), MILLION, "0.7");
    check(openai("flex", ""), MILLION, "model `acme-1` has no price for service tier `flex`");
    check(openai("provisioned", ""), MILLION, "0");
    check(openai("auto", ""), MILLION, "service tier `auto` is not known");
    check(["openai", "openai/acme-1", "", ""], MILLION, "0.35");
    check(["azure", "acme-1", "", ""], MILLION, "no price for model `acme-1` at provider `azure`");
    check(["xai", "acme-2", "", ""], MILLION, "0.12");
}

#[test]
fn long_requests() {
    let tokens =
        |input: u64| format!(r#"{{"input_tokens_total":{input},"output_tokens_total":0}}"#);
    let openai = ["openai", "acme-1", "", ""];
    check(openai, &tokens(200_000), "0.5");
    check(openai, &tokens(200_001), "1.000005");
    // xAI's threshold is inclusive.
    let xai = ["xai", "acme-2", "", ""];
    check(xai, &tokens(199_999), "0.199999");
    check(xai, &tokens(200_000), "0.6");
    let ranged = ["acme", "ranged", "", ""];
    check(ranged, &tokens(32_000), "0.032");
    check(ranged, &tokens(32_001), "0.096003");
    // A batch price that is stated for short requests only.
    check(["openai", "acme-1", "batch", ""], &tokens(200_001), "1.000005 uncertain");
}

#[test]
fn caches() {
    let cached = r#"{"input_tokens_total":1000,"cache_read_tokens":1000}"#;
    check(["openai", "acme-1", "", ""], cached, "0.00025");
    check(["openai", "acme-1", "batch", ""], cached, "0.00025 uncertain");
    check(
        ["xai", "acme-2", "", ""],
        cached,
        "1000 of `cache_read` used, which has no price for model `xai/acme-2`",
    );
    for (class, cost) in [
        ("cache_write_5m_tokens", "0.003125"),
        ("cache_write_30m_tokens", "0.003125"),
        ("cache_write_1h_tokens", "0.003125"),
        ("cache_write_12h_tokens", "0.005"),
    ] {
        let usage = format!(r#"{{"input_tokens_total":1000,"{class}":1000}}"#);
        check(["openai", "acme-1", "", ""], &usage, cost);
    }
}

#[test]
fn other_units() {
    let reasoning = r#"{"output_tokens_total":1000,"reasoning_tokens":400}"#;
    check(["openai", "acme-1", "", ""], reasoning, "0.01");
    check(["xai", "acme-2", "", ""], reasoning, "0.0022");
    check(["openai", "acme-1", "", ""], r#"{"web_search_requests":3}"#, "0.03");
    check(
        ["xai", "acme-2", "", ""],
        r#"{"web_search_requests":3}"#,
        "3 of `web_search` used, which has no price for model `xai/acme-2`",
    );
    check(["acme", "transcriber", "", ""], r#"{"input_media_milliseconds":1500}"#, "0.00015");
    for (model, tier, usage, expected) in [
        ("reader", "", r#"{"document_pages":3}"#, "0.012"),
        ("reader", "batch", r#"{"document_pages":3}"#, "0.006"),
        ("speaker", "", r#"{"input_characters":1000}"#, "0.015"),
        ("ranker", "", r#"{"search_units":2}"#, "0.004"),
        ("seeker", "", r#"{"web_search_requests":2}"#, "0.07 uncertain"),
        ("seeker", "", r#"{"maps_requests":2}"#, "0.05"),
        ("seeker", "", r#"{"output_tokens_total":3,"citation_tokens":1}"#, "0.000007"),
        (
            "seeker",
            "",
            r#"{"input_tokens_total":10,"cache_read_tokens":5,"input_audio_tokens":4,
                "cache_read_audio_tokens":3}"#,
            "0.0000088",
        ),
        ("seeker", "", r#"{"code_sessions":1}"#, "0.03"),
        ("painter", "", r#"{"output_images":1}"#, "0.08 uncertain"),
        ("filmer", "", r#"{"output_media_milliseconds":1500}"#, "0.15"),
        ("embedder", "", r#"{"input_images":1}"#, "0.00006"),
        ("embedder", "", r#"{"input_media_milliseconds":1000}"#, "0.0007 uncertain"),
        (
            "two caches",
            "",
            r#"{"input_tokens_total":2,"cache_read_tokens":2}"#,
            "0.000001 uncertain",
        ),
    ] {
        check(["acme", model, tier, ""], usage, expected);
    }
}

#[test]
fn what_the_map_leaves_open_is_not_priced() {
    check(
        ["acme", "free?", "", ""],
        MILLION,
        "the book lists model `free?` with zero prices only, which says free or unknown",
    );
    let import = read(MAP, "map").unwrap();
    let reasons: Vec<_> = import.rejected.iter().map(ToString::to_string).collect();
    assert_eq!(
        reasons,
        [
            "model `broken`: `input_cost_per_token`: `1,5` is not a decimal (no thousands \
             separators)",
            "model `negative`: `input_cost_per_token` is -1, below zero",
        ]
    );
    assert_eq!(import.book.len(), 15);
    let query = PriceQuery {
        provider: "openai",
        model: "acme-1",
        service_tier: None,
        region: None,
        at: Some(jiff::Timestamp::UNIX_EPOCH),
    };
    assert_eq!(import.book.resolve(&query), Err(Unpriced::BookWithoutHistory));
    assert!(import.book.holding_for_all_time().resolve(&query).is_ok());
    assert!(matches!(read("[]", "map"), Err(BookError::Json(_))));
    assert!(matches!(read("{}", "map"), Err(BookError::Empty)));
}

#[derive(Deserialize)]
struct Vector {
    model: String,
    provider: String,
    service_tier: String,
    usage: Usage,
    expected_usd: Decimal,
}

/// Public catalogue and 1,033 vectors on which two independent calculators agree.
#[test]
fn cost_vectors_are_exact() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let map = format!("{data}/litellm_prices/model_prices_and_context_window_backup.json");
    let (Ok(map), Ok(vectors)) = (
        std::fs::read_to_string(map),
        std::fs::read_to_string(format!("{data}/cost_vectors/dev.jsonl")),
    ) else {
        return;
    };
    let import = read(&map, "litellm").unwrap();
    unread_keys_are_known(&map);
    assert_eq!(import.rejected.len(), 0, "{:?}", import.rejected);
    let mut count = 0;
    for line in vectors.lines() {
        let vector: Vector = serde_json::from_str(line).unwrap();
        let query = PriceQuery {
            provider: &vector.provider,
            model: &vector.model,
            service_tier: Some(&vector.service_tier),
            region: None,
            at: None,
        };
        let price = import.book.resolve(&query);
        let cost = price.and_then(|price| price.cost(&vector.usage)?.to_decimal());
        assert_eq!(cost, Ok(vector.expected_usd), "{line}");
        count += 1;
    }
    assert_eq!(count, 1033);
}

/// Priced keys that are not read; `docs/reference/price-books.md` says why.
const UNREAD: [&str; 30] = [
    "annotation_cost_per_page",
    "annotation_cost_per_page_batches",
    "cache_creation_input_audio_token_cost",
    "cache_creation_input_token_cost_above_272k_tokens_decisions",
    "cache_creation_input_token_cost_decisions",
    "cache_read_input_token_cost_above_272k_tokens_decisions",
    "cache_read_input_token_cost_balanced",
    "cache_read_input_token_cost_decisions",
    "cost_per_second",
    "guardrail_cost_per_unit",
    "input_cost_per_audio_per_second_above_128k_tokens",
    "input_cost_per_character_above_128k_tokens",
    "input_cost_per_image_above_128k_tokens",
    "input_cost_per_pixel",
    "input_cost_per_text_message",
    "input_cost_per_token_above_272k_tokens_decisions",
    "input_cost_per_token_balanced",
    "input_cost_per_token_decisions",
    "input_cost_per_video_per_second_above_128k_tokens",
    "input_cost_per_video_per_second_above_15s_interval",
    "input_cost_per_video_per_second_above_8s_interval",
    "input_dbu_cost_per_token",
    "ocr_cost_per_credit",
    "output_cost_per_character",
    "output_cost_per_character_above_128k_tokens",
    "output_cost_per_pixel",
    "output_cost_per_token_above_272k_tokens_decisions",
    "output_cost_per_token_balanced",
    "output_cost_per_token_decisions",
    "output_dbu_cost_per_token",
];

fn unread_keys_are_known(map: &str) {
    let entries: BTreeMap<String, Fields<'_>> = serde_json::from_str(map).unwrap();
    let mut unread = std::collections::BTreeSet::new();
    for (_, fields) in entries.iter().filter(|(key, _)| *key != "sample_spec") {
        for key in fields.keys().filter(|key| key.contains("cost") || key.contains("pric")) {
            if parse_key(key).is_none() && !is_read(key) && key != "tiered_pricing" {
                unread.insert(key.as_str());
            }
        }
    }
    assert_eq!(unread.into_iter().collect::<Vec<_>>(), UNREAD);
}

/// Keys that are read beside those of the tables.
const READ: [&str; 12] = [
    "input_cost_per_token_cache_hit",
    "input_cost_per_image",
    "output_cost_per_image",
    "input_cost_per_audio_per_second",
    "input_cost_per_video_per_second",
    "input_cost_per_query",
    "ocr_cost_per_page_batches",
    "search_context_cost_per_query",
    "search_free_requests",
    "web_search_billing_unit",
    "explicit_cache_read_input_token_cost",
    "off_peak_pricing",
];

/// Whether a key of a single unit is read.
fn is_read(key: &str) -> bool {
    READ.contains(&key)
        || units::SINGLE.iter().any(|(known, _)| *known == key)
        || units::is_variant(key)
}
