//! What the engine parses itself: decimals, usage records, price books, policies, offers.

use centinel_engine::{
    attribution::OwnershipPolicy,
    commitment::parse_offers,
    money::{Decimal, Pico},
    pricing::{self, PriceBook, PriceQuery},
    proposal::ApprovalPolicy,
    series::Dimension,
    usage::{Usage, UsageClass, extract::Extractor},
};

use crate::driver::{Seen, Target, check_for};

fn seeds(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Runs a target of text; bytes that are no UTF-8 are replaced.
fn text_target(
    name: &'static str,
    texts: &[&str],
    words: &'static [&'static str],
    usual: u64,
    run: impl Fn(&str) -> Seen,
) {
    let run = |input: &[u8]| run(&String::from_utf8_lossy(input));
    check_for(&Target { name, seeds: seeds(texts), words, run: &run }, usual);
}

/// A decimal that was read prints as itself, and its arithmetic is exact or an error.
#[test]
fn decimals() {
    let texts = ["0", "-1.5", "1e-6", "0.000000000001", "123456789012345678901234567890", "9.9E+3"];
    text_target("decimals", &texts, &["e", "E-", ".", "-"], 200_000, |text| {
        let mut seen = Seen::default();
        let parsed: Result<Decimal, _> = text.parse();
        seen.result(&parsed);
        if let Ok(value) = parsed {
            seen.count(value.scale().into());
            assert_eq!(value.to_string().parse(), Ok(value), "{text}");
            let zero = value.checked_neg().and_then(|negative| negative.checked_add(value));
            assert!(zero.is_err() || zero == Ok(Decimal::ZERO), "{text}");
            if let Ok(rounded) = Pico::round_half_even(value) {
                let rest = Decimal::new(rounded.remainder_quecto.into(), 30).unwrap();
                let whole = rounded.amount.to_decimal().checked_add(rest);
                // Digits beyond the thirtieth are cut off.
                assert!(value.scale() > 30 || whole.is_err() || whole == Ok(value), "{text}");
            }
        }
        let _: Result<Dimension, _> = text.parse();
        seen
    });
}

#[test]
fn usage_records() {
    let texts = [
        r#"{"input_tokens_total":1000,"cache_read_tokens":400,"output_tokens_total":10,"reasoning_tokens":3}"#,
        r#"{"output_images":1,"web_search_requests":2}"#,
    ];
    text_target("usage_records", &texts, &["\"cache_write_1h_tokens\":"], 100_000, |text| {
        let mut seen = Seen::default();
        let parsed: Result<Usage, _> = serde_json::from_str(text);
        seen.result(&parsed);
        if let Ok(usage) = parsed {
            seen.result(&usage.check());
            let written = serde_json::to_string(&usage).unwrap();
            assert_eq!(serde_json::from_str::<Usage>(&written).unwrap(), usage);
        }
        seen
    });
}

/// Prices a few calls with whatever was read: a cost is the sum of its lines, and no rate is negative.
fn price_with(book: &PriceBook, seen: &mut Seen) {
    for (provider, model) in [("openai", "gpt-x"), ("p", "m"), ("anthropic", "claude-x")] {
        for at in [None, Some("2026-08-01T00:00:00Z".parse().unwrap())] {
            let query = PriceQuery { provider, model, service_tier: None, region: None, at };
            let price = book.resolve(&query);
            seen.result(&price);
            let Ok(price) = price else { continue };
            let usage = Usage::ZERO
                .with(UsageClass::InputTokensTotal, 300_000)
                .with(UsageClass::CacheReadTokens, 1000)
                .with(UsageClass::OutputTokensTotal, 77);
            let exact = price.cost(&usage);
            seen.result(&exact);
            let (Ok(exact), Ok(lines)) = (exact, price.lines(&usage)) else { continue };
            let Ok(cost) = exact.to_decimal() else { continue };
            assert!(!cost.is_negative(), "a negative cost");
            // A fraction is shown rounded, and so are its lines.
            if exact.fraction().is_none() {
                let sum =
                    lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount));
                assert_eq!(sum, Ok(cost));
            }
        }
    }
}

#[test]
fn price_book_native() {
    const BOOK: &str = r#"
format = 1
name = "contract"
currency = "USD"
recorded = "2026-11-22"
[[model]]
provider = "p"
model = "m"
aliases = ["n"]
[[model.price]]
effective_from = "unknown"
source = "s"
rates.standard = { input = "5", cache_read = "0.5", output = "30" }
[[model.price]]
effective_from = "2026-08-21"
source = "s"
regions = { eu = "1.1", "*" = "1.2" }
rates.standard = { input = "4", cache_read = "0.4", output = "20", web_search = "0.01" }
rates.batch = { input = "2", output = "10" }
[[model.price.context]]
above = 272000
rates.standard = { input = "8", output = "30" }
"#;
    const WORDS: &[&str] = &[
        "effective_until = \"2026-09-01\"",
        "from = 5",
        "rates.flex = {",
        "[[model]]",
        "page = \"1\"",
    ];
    text_target("price_book_native", &[BOOK], WORDS, 10_000, |text| {
        let mut seen = Seen::default();
        let book = pricing::native::read(text);
        seen.result(&book);
        if let Ok(book) = &book {
            price_with(book, &mut seen);
        }
        seen
    });
}

#[test]
fn price_book_litellm() {
    const BOOK: &str = r#"{"gpt-x":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":1e-06,
"output_cost_per_token":2.5e-06,"cache_read_input_token_cost":1e-07,"input_cost_per_token_above_272k_tokens":2e-06,
"input_cost_per_token_batches":5e-07,"search_context_cost_per_query":{"search_context_size_low":0.01,
"search_context_size_medium":0.01,"search_context_size_high":0.01}},
"claude-x":{"litellm_provider":"anthropic","input_cost_per_token":3e-06,"output_cost_per_token":1.5e-05,
"cache_creation_input_token_cost":3.75e-06,"cache_creation_input_token_cost_above_1hr":6e-06,
"provider_specific_entry":{"us":1.1,"fast":2.0},"tiered_pricing":[{"range":[0,128000],"input_cost_per_token":1e-06,
"output_cost_per_token":2e-06}],"off_peak_pricing":{"a":1}}}"#;
    const WORDS: &[&str] = &[
        "\"input_cost_per_token_priority\":",
        "\"output_cost_per_reasoning_token\":",
        "_above_200k_tokens",
        "\"tiered_pricing\":[",
        "\"output_cost_per_image\":",
        "1e-10",
        "0.0",
    ];
    text_target("price_book_litellm", &[BOOK], WORDS, 20_000, |text| {
        let mut seen = Seen::default();
        let import = pricing::litellm::read(text, "litellm");
        seen.result(&import);
        if let Ok(import) = &import {
            for rejected in &import.rejected {
                seen.text(&rejected.to_string());
            }
            price_with(&import.book, &mut seen);
        }
        seen
    });
}

fn imported(import: Result<pricing::Import, pricing::BookError>) -> Seen {
    let mut seen = Seen::default();
    seen.result(&import);
    if let Ok(import) = &import {
        for rejected in &import.rejected {
            seen.text(&rejected.to_string());
        }
        price_with(&import.book, &mut seen);
    }
    seen
}

#[test]
fn price_book_genai_prices() {
    const DATA: &str = r#"[{"id":"openai","name":"O","api_pattern":"o","pricing_urls":[],
"provider_match":{"or":[{"contains":"openai"},{"contains":"azure"}]},"models":[
{"id":"gpt-x","match":{"or":[{"equals":"gpt-x"},{"regex":"^gpt-\\d{3}$"}]},
"prices":[{"prices":{"input_mtok":0.3,"output_mtok":2.5,"cache_read_mtok":0.03}},
{"constraint":{"start_date":"2026-09-01"},"prices":{"input_mtok":{"base":1.25,"tiers":[{"start":200000,"price":2.5}]},
"output_mtok":10}},{"constraint":{"start_time":"16:30:00Z","end_time":"00:30:00Z"},"prices":{"input_mtok":1}}]}]}]"#;
    const WORDS: &[&str] =
        &["\"regex\":\"(\"", "\"starts_with\":\"\"", "\"constraint\":{", "\"requests_kcount\":"];
    text_target("price_book_genai_prices", &[DATA], WORDS, 10_000, |text| {
        imported(pricing::genai_prices::read(text, "genai"))
    });
}

#[test]
fn price_book_openrouter() {
    const LIST: &str = r#"{"data":[{"id":"openai/gpt-x","canonical_slug":"openai/gpt-x-2026","name":"One","pricing":
{"prompt":"0.000002","completion":"0.000012","request":"0","image":"0.001","web_search":"0.01",
"input_cache_read":"0.0000002","input_cache_write":"0.0000025","discount":0}},{"id":"a/b:free",
"pricing":{"prompt":"0","completion":"0"}}]}"#;
    const WORDS: &[&str] =
        &["\"pricing\":{", "\"prompt\":\"-1\"", "\"internal_reasoning\":", "1e-6"];
    text_target("price_book_openrouter", &[LIST], WORDS, 20_000, |text| {
        imported(pricing::openrouter::read(text, "openrouter"))
    });
}

/// Response bodies: what is found does not contradict itself, and what is not found has a reason.
#[test]
fn usage_extraction() {
    const BODIES: [&str; 6] = [
        r#"{"id":"a","model":"gpt-x","usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}},"service_tier":"default"}"#,
        r#"{"model":"claude-x","usage":{"input_tokens":3,"cache_creation_input_tokens":7,"cache_read_input_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":2},"output_tokens":5,"server_tool_use":{"web_search_requests":1}}}"#,
        r#"{"modelVersion":"gemini-x","usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":3,"thoughtsTokenCount":2,"totalTokenCount":15}}"#,
        r#"{"usage":{"inputTokens":3,"outputTokens":5,"cacheReadInputTokens":9,"cacheWriteInputTokens":1,"totalTokens":18}}"#,
        "data: {\"model\":\"m\",\"choices\":[]}\n\ndata: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n",
        r#"[{"type":"message_start","message":{"usage":{"input_tokens":1}}},{"type":"message_delta","usage":{"output_tokens":2}}]"#,
    ];
    const WORDS: &[&str] =
        &["\"usage\":{", "event: message_delta\n", "data: ", "\"choices\":[", "\"meta\":{"];
    text_target("usage_extraction", &BODIES, WORDS, 20_000, |text| {
        let mut seen = Seen::default();
        for provider in ["openai", "anthropic", "google", "bedrock", "cohere", "unheard-of"] {
            let mut extractor = Extractor::new(provider, None, None).unwrap();
            match extractor.extract(text) {
                Ok(found) => {
                    assert!(found.usage.check().is_ok(), "{:?}", found.usage);
                    seen.count(found.usage.tokens_total());
                }
                Err(rejection) => {
                    assert!(!rejection.reason.is_empty());
                    seen.text(&rejection.reason);
                }
            }
        }
        seen
    });
}

#[test]
fn ownership_policy() {
    let text = include_str!("../../policies/owners.toml");
    text_target(
        "ownership_policy",
        &[text],
        &["[[rule]]", "owner = ", "match = {", "*"],
        10_000,
        |text| {
            let mut seen = Seen::default();
            let policy = OwnershipPolicy::parse(text);
            seen.result(&policy);
            if let Ok(policy) = policy {
                seen.count(policy.rules().len() as u64);
                let _ = policy.ownership(&centinel_engine::series::SeriesKey::default());
            }
            seen
        },
    );
}

#[test]
fn approval_policy() {
    const WORDS: &[&str] =
        &["[[rule]]", "[[freeze]]", "approvals = ", "monthly_impact", "\"budget\""];
    let text = include_str!("../../policies/approvals.toml");
    text_target("approval_policy", &[text], WORDS, 10_000, |text| {
        let mut seen = Seen::default();
        let policy = ApprovalPolicy::parse(text);
        seen.result(&policy);
        if let Ok(policy) = policy {
            assert_eq!(policy.digest(), ApprovalPolicy::parse(text).unwrap().digest());
        }
        seen
    });
}

#[test]
fn commitment_offers() {
    const OFFERS: &str = r#"
[[offer]]
name = "one year"
discount = "0.28"
term_hours = 8760
payment = "no_upfront"
increment = "0.001"
minimum = "0.1"
spill_over = true
existing = "1.5"
expires = "2027-01-01T00:00:00Z"
"#;
    const WORDS: &[&str] = &["\"all_upfront\"", "[[offer]]", "discount = \"1\"", "term_hours = 0"];
    text_target("commitment_offers", &[OFFERS], WORDS, 20_000, |text| {
        let mut seen = Seen::default();
        let offers = parse_offers(text);
        seen.result(&offers);
        seen.count(offers.map_or(0, |offers| offers.len() as u64));
        seen
    });
}
