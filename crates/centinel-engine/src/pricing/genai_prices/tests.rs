use super::*;
use crate::{
    money::Decimal,
    pricing::{Meter, PriceQuery, Unpriced},
    usage::Usage,
};

/// Ours, in the data's format.
const DATA: &str = r#"[
    {"id": "google", "name": "G", "api_pattern": "g", "pricing_urls": [],
     "provider_match": {"or": [{"contains": "google"}, {"contains": "vertex"}]},
     "fallback_model_providers": ["maker"],
     "models": [
        {"id": "flash", "match": {"or": [{"equals": "flash"}, {"regex": "^flash-\\d{3}$"}]},
         "prices": {"input_mtok": 0.30000, "output_mtok": 2.5, "input_audio_mtok": 1,
            "output_reasoning_mtok": 3.5, "web_searches_kcount": 35, "requests_kcount": 12}},
        {"id": "pro", "match": {"starts_with": "pro"},
         "prices": {"input_mtok": {"base": 1.25, "tiers": [{"start": 200000, "price": 2.5}]},
            "output_mtok": {"base": 10, "tiers": [{"start": 200000, "price": 15}]},
            "cache_write_mtok": 2, "input_text_mtok": {"base": 1.25,
            "tiers": [{"start": 200000, "price": 2.5}]}}},
        {"id": "listen", "match": {"equals": "listen"}, "prices": {"input_audio_hours": 0.11}},
        {"id": "tools", "match": {"equals": "tools"},
         "prices": {"input_mtok": 1, "input_tool_mtok": 2}},
        {"id": "odd", "match": {"equals": "odd"}, "prices": {"input_mtok": -1}},
        {"id": "gift:free", "match": {"equals": "gift:free"}, "prices": {}},
        {"id": "empty", "match": {"equals": "model-1"}, "prices": {}},
        {"id": "any", "match": {"contains": "-model"}, "prices": {"input_mtok": 1}}
     ]},
    {"id": "maker", "name": "M", "api_pattern": "m", "pricing_urls": [], "models": [
        {"id": "dated", "match": {"contains": "dated"}, "prices": [
            {"prices": {"input_mtok": 10}},
            {"constraint": {"start_date": "2026-07-30"}, "prices": {"input_mtok": 2}}]},
        {"id": "hourly", "match": {"equals": "hourly"}, "prices": [
            {"prices": {"input_mtok": 1}},
            {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"},
             "prices": {"input_mtok": 3}}]},
        {"id": "variants", "match": {"equals": "variants"}, "prices": {"input_mtok": 4},
         "price_variants": [{"when": {"processing": "batch"}, "prices": {"input_mtok": 2}},
            {"when": {"route": "eu"}, "prices": {"input_mtok": 9}}]},
        {"id": "gone", "match": {"like": "gone"}, "prices": {"input_mtok": 4}}
    ]}
]"#;

fn check(query: [&str; 4], usage: &str, expected: &str) {
    let book = read(DATA, "data").unwrap().book;
    let [provider, model, tier, at] = query;
    let query = PriceQuery {
        provider,
        model,
        service_tier: Some(tier),
        region: None,
        at: (!at.is_empty()).then(|| at.parse().unwrap()),
    };
    let usage: Usage = serde_json::from_str(usage).unwrap();
    let found = book.resolve(&query).and_then(|price| {
        let cost = price.cost(&usage)?;
        let mark = if cost.is_certain() { "" } else { " uncertain" };
        let range = price.range(&usage, &crate::pricing::Terms::ONE_CALL)?;
        let range = range.map_or_else(String::new, |(low, high)| format!(" {low}..{high}"));
        let lines = price.lines(&usage)?;
        let sum = lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount));
        assert_eq!(sum.unwrap(), cost.to_decimal()?, "lines add to the cost");
        let amount =
            cost.fraction().map_or(cost.to_decimal()?.to_string(), |ratio| ratio.to_string());
        Ok(format!("{amount}{mark}{range}"))
    });
    let found = found.unwrap_or_else(|unpriced| unpriced.to_string());
    assert_eq!(found, expected, "{query:?} {usage:?}");
}

const THOUSAND: &str = r#"{"input_tokens_total":1000,"output_tokens_total":0}"#;

#[test]
fn models_and_providers_are_found_by_rules() {
    for (provider, model) in [
        ("google", "flash"),
        ("gemini", "FLASH"),
        ("Google", "models/flash-001"),
        ("vertex_ai", "publishers/google/models/flash"),
    ] {
        check([provider, model, "", ""], r#"{"input_tokens_total":10}"#, "0.012003");
    }
    for (provider, model) in [("google", "flash-1"), ("bedrock", "flash"), ("maker", "flash")] {
        let expected = format!("no price for model `{model}` at provider `{provider}`");
        check([provider, model, "", ""], THOUSAND, &expected);
    }
    // Served by another provider at its price; one step only.
    check(["google", "x-dated-2", "", "2026-08-01T00:00:00Z"], THOUSAND, "0.002");
    // A fine-tune holds its base model's name, and is another model.
    let expected = "no price for model `ft:dated:acme` at provider `maker`";
    check(["maker", "ft:dated:acme", "", "2026-08-01T00:00:00Z"], THOUSAND, expected);
}

#[test]
fn what_has_no_price_keeps_its_names() {
    let no_price =
        |model| format!("the book lists model `{model}` without a price that can be read");
    check(["google", "model-1", "", ""], THOUSAND, &no_price("empty"));
    check(["google", "tools", "", ""], THOUSAND, &no_price("tools"));
    check(["google", "odd", "", ""], THOUSAND, &no_price("odd"));
    check(["google", "a-model", "", ""], THOUSAND, "0.001");
    check(["google", "gift:free", "", ""], THOUSAND, "0");
    let import = read(DATA, "data").unwrap();
    let reasons: Vec<_> = import.rejected.iter().map(ToString::to_string).collect();
    assert_eq!(
        reasons,
        [
            "model `tools`: `input_tool_mtok` has a price of its own, which usage records do not \
             carry apart",
            "model `odd`: `input_mtok` is -1, below zero",
            "model `gone`: unknown variant `like`, expected one of `equals`, `contains`, \
             `starts_with`, `ends_with`, `regex`, `or`, `and` at line 1 column 31",
        ]
    );
    assert!(matches!(read("{}", "data"), Err(BookError::Json(_))));
    assert!(matches!(read("[]", "data"), Err(BookError::Empty)));
}

#[test]
fn classes_and_tiers() {
    let pro = ["google", "pro-1", "", ""];
    check(pro, r#"{"input_tokens_total":200000,"output_tokens_total":1000}"#, "0.26");
    check(pro, r#"{"input_tokens_total":200001,"output_tokens_total":1000}"#, "0.5150025");
    let cached = r#"{"input_tokens_total":1000,"cache_read_tokens":400}"#;
    check(pro, cached, "0.00125 uncertain");
    let written = r#"{"input_tokens_total":1000,"cache_write_5m_tokens":1000}"#;
    check(pro, written, "0.002");
    let written = r#"{"input_tokens_total":1000,"cache_write_1h_tokens":1000}"#;
    check(pro, written, "0.002 uncertain");
    let flash = ["google", "flash", "", ""];
    let mixed = r#"{"input_tokens_total":100,"input_audio_tokens":50,"output_tokens_total":100,
        "reasoning_tokens":40,"web_search_requests":2}"#;
    check(flash, mixed, "0.082355");
    let listened = r#"{"input_media_milliseconds":60000}"#;
    check(["google", "listen", "", ""], listened, "11/6000");
    check(["google", "listen", "", ""], r#"{"input_media_milliseconds":3600000}"#, "0.11");
    check(["maker", "variants", "batch", ""], THOUSAND, "0.002");
    check(["maker", "variants", "", ""], THOUSAND, "0.004");
    let expected = "model `variants` has no price for service tier `flex`";
    check(["maker", "variants", "flex", ""], THOUSAND, expected);
}

#[test]
fn days_and_hours() {
    let dated = |at| ["maker", "dated", "", at];
    check(dated("2026-07-29T23:59:59Z"), THOUSAND, "0.01");
    check(dated("2026-07-30T00:00:00Z"), THOUSAND, "0.002");
    check(dated(""), THOUSAND, "0.002 uncertain 0.002..0.01");
    let hourly = |at| ["maker", "hourly", "", at];
    check(hourly("2026-07-30T00:29:59Z"), THOUSAND, "0.001");
    check(hourly("2026-07-30T00:30:00Z"), THOUSAND, "0.003");
    check(hourly("2026-07-30T16:30:00Z"), THOUSAND, "0.001");
    check(hourly(""), THOUSAND, "0.003 uncertain 0.001..0.003");
    let book = read(DATA, "data").unwrap().book.holding_for_all_time();
    let query = PriceQuery {
        provider: "maker",
        model: "dated",
        service_tier: None,
        region: None,
        at: None,
    };
    let usage: Usage = serde_json::from_str(THOUSAND).unwrap();
    let cost = book.resolve(&query).unwrap().cost(&usage).unwrap();
    assert_eq!(cost.to_decimal().unwrap().to_string(), "0.01");
    assert!(cost.is_certain());
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    extracted: Vec<Extracted>,
}

#[derive(Deserialize)]
struct Extracted {
    usage: BTreeMap<String, u64>,
    extractors: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    provider_id: String,
    input_price: Option<Decimal>,
    output_price: Option<Decimal>,
}

/// The data's words for what a record carries; a write without a lifetime is the shortest.
fn usage(counts: &BTreeMap<String, u64>) -> Result<Usage, String> {
    use crate::usage::UsageClass as Class;
    let mut usage = Usage::ZERO;
    let get = |key: &str| counts.get(key).copied().unwrap_or(0);
    for (key, count) in counts {
        let class = match key.as_str() {
            "input_tokens" => Class::InputTokensTotal,
            "output_tokens" => Class::OutputTokensTotal,
            "cache_read_tokens" => Class::CacheReadTokens,
            "cache_write_tokens" => Class::CacheWrite5mTokens,
            "cache_write_1h_tokens" => Class::CacheWrite1hTokens,
            "input_audio_tokens" => Class::InputAudioTokens,
            "input_image_tokens" => Class::InputImageTokens,
            "input_video_tokens" => Class::InputVideoTokens,
            "cache_audio_read_tokens" => Class::CacheReadAudioTokens,
            "cache_image_read_tokens" => Class::CacheReadImageTokens,
            "cache_video_read_tokens" => Class::CacheReadVideoTokens,
            "output_reasoning_tokens" => Class::ReasoningTokens,
            "output_audio_tokens" => Class::OutputAudioTokens,
            "output_image_tokens" => Class::OutputImageTokens,
            "web_searches" => Class::WebSearchRequests,
            "cache_write_5m_tokens"
            | "input_text_tokens"
            | "output_text_tokens"
            | "cache_text_read_tokens"
            | "input_tool_tokens"
            | "input_text_tool_tokens" => continue,
            other => return Err(other.to_owned()),
        };
        usage.set(class, *count);
    }
    let written = get("cache_write_tokens").saturating_sub(get("cache_write_1h_tokens"));
    usage.set(Class::CacheWrite5mTokens, written.max(get("cache_write_5m_tokens")));
    Ok(usage)
}

/// Whether a line belongs to the data's input side; fees belong to neither.
fn side(meter: Meter) -> Option<bool> {
    meter.is_token().then(|| meter < Meter::Output)
}

/// Real bodies and their expected prices, when the public dataset is there.
#[test]
fn expected_prices_are_exact() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/genai_prices");
    let (Ok(prices), Ok(bodies)) = (
        std::fs::read_to_string(format!("{data}/v2_data_2026-08-21.json")),
        std::fs::read_to_string(format!("{data}/usages_dev.json")),
    ) else {
        return;
    };
    let import = read(&prices, "genai-prices").unwrap();
    assert_eq!(import.rejected.len(), 0, "{:?}", import.rejected);
    let book = import.book.holding_for_all_time();
    let bodies: Vec<Body> = serde_json::from_str(&bodies).unwrap();
    let (mut exact, mut wrong) = (0, Vec::new());
    for body in &bodies {
        for extracted in &body.extracted {
            let usage = usage(&extracted.usage).unwrap();
            for expected in &extracted.extractors {
                let (Some(model), Some(input), Some(output)) =
                    (&body.model, expected.input_price, expected.output_price)
                else {
                    continue;
                };
                let provider = expected.provider_id.as_str();
                let query =
                    PriceQuery { provider, model, service_tier: None, region: None, at: None };
                let found = book.resolve(&query).and_then(|price| {
                    let mut sides = [Decimal::ZERO; 2];
                    for line in price.lines(&usage)? {
                        if let Some(is_input) = side(line.meter) {
                            let sum = &mut sides[usize::from(!is_input)];
                            *sum = sum.checked_add(line.amount).unwrap();
                        }
                    }
                    Ok(sides)
                });
                match found {
                    Ok(sides) if sides == [input, output] => exact += 1,
                    Err(Unpriced::NoPrice(_)) if input.is_zero() && output.is_zero() => {
                        // A model without any price costs nothing there; here it has no price.
                        wrong.push(format!("{provider} {model} no price"));
                    }
                    found => wrong.push(format!("{provider} {model} {usage:?} {found:?}")),
                }
            }
        }
    }
    assert_eq!(wrong, ["cerebras qwen-3-coder-480b no price"]);
    assert_eq!(exact, 1837);
}
