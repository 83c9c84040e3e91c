//! Bugs that other tools shipped, with the figures of their threads: each would have made the number
//! shown differ from the number billed. A test carries the project and number of its thread.
//!
//! Bodies go through `usage extract` and `price` as a user would send them; the prices are those that
//! the thread states.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::product::{Home, Ran};

/// One model with its prices per million tokens, as a book of ours.
fn book(provider: &str, model: &str, prices: &str) -> String {
    format!(
        "format = 1\nname = \"thread\"\ncurrency = \"USD\"\nrecorded = \"2026-11-22\"\n\
         [[model]]\nprovider = \"{provider}\"\nmodel = \"{model}\"\n\
         [[model.price]]\neffective_from = \"unknown\"\nsource = \"thread\"\n{prices}\n"
    )
}

/// One a line.
fn lines(values: impl IntoIterator<Item = Value>) -> String {
    values.into_iter().fold(String::new(), |mut text, value| {
        let _ = writeln!(text, "{value}");
        text
    })
}

/// Extracts the usage of response bodies.
fn extract(home: &Home, provider: &str, api: Option<&str>, body: &str) -> Ran {
    let mut args = vec!["--json", "usage", "extract", "--provider", provider];
    args.extend(api.iter().flat_map(|api| ["--api", api]));
    args.push("-");
    home.with_input(&args, body).ok()
}

/// Prices what `usage extract` gave.
fn price(home: &Home, book: &str, calls: &str) -> Vec<Value> {
    let book = home.file("book.toml", book).display().to_string();
    let priced = home.with_input(&["--json", "price", "--book", &book, "--usage", "-"], calls).ok();
    priced.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A body's cost under a book, and its extracted usage.
fn cost(
    provider: &str,
    api: Option<&str>,
    body: &Value,
    model: &str,
    prices: &str,
) -> (String, Value) {
    let home = Home::new();
    let extracted = extract(&home, provider, api, &body.to_string());
    let usage = extracted.json()["usage"].clone();
    let priced = price(&home, &book(provider, model, prices), &extracted.out);
    let [one] = priced.as_slice() else { panic!("{priced:?}") };
    assert_eq!(one["status"], "priced", "{one}");
    (one["cost"].as_str().unwrap().to_owned(), usage)
}

fn check(provider: &str, api: &str, body: &Value, model: &str, prices: &str, expected: &str) {
    let api = Some(api).filter(|api| !api.is_empty());
    assert_eq!(cost(provider, api, body, model, prices).0, expected, "{body}");
}

/// Every streamed call of a model was booked with zero: 1,012 of 1,283 requests, 830 EUR invoiced
/// against 1.47 USD shown.
#[test]
fn litellm_37923_a_stream_costs_what_the_same_answer_costs() {
    let whole = json!({"model": "claude-opus-5", "type": "message",
        "usage": {"input_tokens": 9, "output_tokens": 42}});
    let stream = "event: message_start\n\
        data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"claude-opus-5\",\
        \"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
        \"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\
        \"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":42}}\n\n\
        event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let home = Home::new();
    let prices =
        book("vertex_ai", "claude-opus-5", r#"rates.standard = { input = "5", output = "25" }"#);
    let mut costs = Vec::new();
    for body in [whole.to_string(), stream.to_owned()] {
        let extracted = extract(&home, "vertex_ai", Some("anthropic"), &body);
        assert_eq!(extracted.out.lines().count(), 1, "{}", extracted.out);
        let priced = price(&home, &prices, &extracted.out);
        costs.push(priced.first().map(|call| call["cost"].clone()));
    }
    assert_eq!(costs, [Some(json!("0.001095")), Some(json!("0.001095"))]);
}

/// A model without a price was free: $1.16 shown for 365 calls and 37.4 million tokens, about $185 true.
#[test]
fn litellm_35913_no_price_is_no_zero() {
    let home = Home::new();
    let mut calls = String::new();
    for call in 0..365 {
        let _ = writeln!(
            calls,
            r#"{{"call_id":"{call}","at":"2026-08-01T00:00:00Z","provider":"snowflake","model":"claude-opus-4-7","usage":{{"input_tokens_total":100000,"output_tokens_total":2465}}}}"#
        );
    }
    let calls = home.file("calls.jsonl", &calls).display().to_string();
    let imported = home.run(&["--json", "import", &calls]).ok().json();
    assert_eq!(imported["unpriced"][0]["calls"], 365, "{imported}");
    let spend = home.run(&["--json", "spend", "--by", "model", "--period", "all"]).ok().json();
    assert_eq!(spend["total"]["unpriced_calls"], 365, "{spend}");
    assert_eq!(spend["total"]["input_tokens"], 36_500_000, "{spend}");
    assert_eq!(spend["total"]["cost"], json!(null), "unknown, not zero: {spend}");
    let text = home.run(&["spend", "--by", "model", "--period", "all"]).ok().out;
    assert!(text.contains("unpriced"), "{text}");
}

/// 15,741 of 65,304 cached tokens were read as fresh input: 8.5 % too much.
#[test]
fn litellm_34801_every_cached_token_is_a_cache_read() {
    let prices = r#"rates.standard = { input = "5", cache_read = "0.5", output = "30" }"#;
    let body = |cached: u64| {
        json!({"model": "gpt-5.6-sol", "object": "response", "usage": {"input_tokens": 73_550,
            "input_tokens_details": {"cached_tokens": cached}, "output_tokens": 20_480}})
    };
    check("openai", "responses", &body(65_304), "gpt-5.6-sol", prices, "0.688282");
    check("openai", "responses", &body(49_563), "gpt-5.6-sol", prices, "0.7591165");
}

/// Cache reads and writes of an OpenAI model behind another API were dropped: $0.86 for $0.16625.
#[test]
fn litellm_35127_cached_and_written_tokens_leave_the_fresh_input() {
    let prices = r#"rates.standard = { input = "5", cache_read = "0.5", cache_write_30m = "6.25", cache_write_5m = "6.25", output = "30" }"#;
    let body = json!({"model": "gpt-5.6-sol", "object": "response", "usage": {
        "input_tokens": 172_000, "output_tokens": 0,
        "input_tokens_details": {"cached_tokens": 155_000, "cache_write_tokens": 3_000}}});
    check("openai", "responses", &body, "gpt-5.6-sol", prices, "0.16625");
}

/// OpenAI's `cache_write_tokens` were dropped. The example of its prompt-caching guide: 2,000 read,
/// 400 written, 200 neither.
#[test]
fn litellm_33772_cache_writes_of_openai_are_billed() {
    let prices = r#"rates.standard = { input = "5", cache_read = "0.5", cache_write_30m = "6.25", cache_write_5m = "6.25", output = "30" }"#;
    let body = json!({"model": "gpt-5.6-sol", "object": "chat.completion", "usage": {
        "prompt_tokens": 2600, "completion_tokens": 0,
        "prompt_tokens_details": {"cached_tokens": 2000, "cache_write_tokens": 400}}});
    check("openai", "chat", &body, "gpt-5.6-sol", prices, "0.0045");
}

/// Own prices billed cached tokens as fresh: 6,074 in, 3,456 of them cached, 285 out.
#[test]
fn litellm_26807_own_prices_know_the_cache() {
    let body = json!({"model": "gpt-5.4", "object": "chat.completion", "usage": {
        "prompt_tokens": 6074, "completion_tokens": 285, "total_tokens": 6359,
        "prompt_tokens_details": {"cached_tokens": 3456, "audio_tokens": 0}}});
    let prices = r#"rates.standard = { input = "2.5", cache_read = "0.25", output = "15" }"#;
    check("openai", "chat", &body, "gpt-5.4", prices, "0.011684");
}

/// Anthropic's cache tokens were priced as input, or left out, in a gateway's spend log: $0.04708 for
/// 98,805 tokens in, 66,360 of them read and 32,435 written.
#[test]
fn litellm_11364_cache_tokens_in_a_spend_log_have_their_price() {
    let home = Home::new();
    let prices = r#"rates.standard = { input = "5.5", cache_read = "0.55", cache_write_5m = "6.875", output = "27.5" }"#;
    let model = "eu.anthropic.claude-opus-4-5-20251101-v1:0";
    let book = home.file("book.toml", &book("bedrock", model, prices)).display().to_string();
    let row = json!([{"request_id": "r", "call_type": "acompletion", "spend": 0.04708,
        "startTime": "2026-01-19T10:00:00Z", "model": model, "custom_llm_provider": "bedrock",
        "prompt_tokens": 98_805, "completion_tokens": 5120,
        "metadata": {"usage_object": {"prompt_tokens": 98_805, "completion_tokens": 5120,
            "prompt_tokens_details": {"cached_tokens": 66_360, "cache_creation_tokens": 32_435},
            "completion_tokens_details": {"reasoning_tokens": 1710},
            "cache_read_input_tokens": 66_360, "cache_creation_input_tokens": 32_435}}}]);
    let rows = home.file("spend.json", &row.to_string()).display().to_string();
    home.run(&["import", &rows, "--book", &book]).ok();
    let spend = home.run(&["--json", "spend", "--period", "all"]).ok().json();
    assert_eq!(spend["total"]["cost"], "0.400343625", "{spend}");
}

/// The same, streamed: $0.002059 for $0.000292.
#[test]
fn litellm_11789_streamed_cache_reads_are_cache_reads() {
    let body = json!({"model": "claude-3-5-haiku", "type": "message", "usage": {
        "input_tokens": 4, "cache_read_input_tokens": 2455, "cache_creation_input_tokens": 0,
        "output_tokens": 23}});
    let prices = r#"rates.standard = { input = "0.8", cache_read = "0.08", cache_write_5m = "1", output = "4" }"#;
    check("anthropic", "", &body, "claude-3-5-haiku", prices, "0.0002916");
}

/// Fireworks' cache reads at the full rate; the thread expects exactly this sum.
#[test]
fn litellm_31714_fireworks_reads_its_cache() {
    let body = json!({"model": "glm-5p2", "object": "chat.completion", "usage": {
        "prompt_tokens": 27_147, "completion_tokens": 351, "total_tokens": 27_498,
        "prompt_tokens_details": {"cached_tokens": 27_146}}});
    let prices = r#"rates.standard = { input = "1.4", cache_read = "0.26", output = "4.4" }"#;
    check("fireworks", "chat", &body, "glm-5p2", prices, "0.00860376");
}

/// xAI's cached tokens were charged twice: its `text_tokens` contain them.
#[test]
fn litellm_14874_cached_tokens_of_xai_are_charged_once() {
    for (prompt, cached, prices, expected) in [
        (
            2739,
            2634,
            r#"input = "0.0001", cache_read = "3000", output = "0.00001""#,
            "7.90200001055",
        ),
        (
            2693,
            2585,
            r#"input = "200", cache_read = "0.00001", output = "0.00001""#,
            "0.0216000259",
        ),
    ] {
        let body = json!({"model": "grok-4", "object": "chat.completion", "usage": {
            "prompt_tokens": prompt, "completion_tokens": 5, "total_tokens": prompt + 5,
            "prompt_tokens_details": {"text_tokens": prompt, "cached_tokens": cached}}});
        check("xai", "", &body, "grok-4", &format!("rates.standard = {{ {prices} }}"), expected);
    }
}

/// Only the reasoning was billed: 768 of 977 tokens out, 21 % too little.
#[test]
fn litellm_18599_the_answer_is_billed_with_its_reasoning() {
    let body = json!({"model": "gpt-5-nano", "object": "chat.completion", "usage": {
        "prompt_tokens": 0, "completion_tokens": 977, "total_tokens": 977,
        "completion_tokens_details": {"reasoning_tokens": 768}}});
    let prices = r#"rates.standard = { input = "0.05", output = "0.4" }"#;
    check("openai", "chat", &body, "gpt-5-nano", prices, "0.0003908");
}

/// Redacted thinking counted as no reasoning; the provider says how much it was.
#[test]
fn litellm_30099_redacted_thinking_is_counted() {
    for (input, output, thinking) in [(25, 577, 125), (29, 391, 180)] {
        let body = json!({"model": "claude-opus-4-8", "type": "message",
            "content": [{"type": "thinking", "thinking": "", "signature": "x"}],
            "usage": {"input_tokens": input, "output_tokens": output,
                "output_tokens_details": {"thinking_tokens": thinking}}});
        let prices = r#"rates.standard = { input = "5", output = "25" }"#;
        let (_, usage) = cost("vertex_ai", Some("anthropic"), &body, "claude-opus-4-8", prices);
        assert_eq!(usage["reasoning_tokens"], thinking, "{usage}");
        assert_eq!(usage["output_tokens_total"], output, "{usage}");
    }
}

/// Flex was billed at twice its price: the tier is the one that the response reports.
#[test]
fn litellm_13810_flex_costs_what_flex_costs() {
    let prices = "rates.standard = { input = \"1.5\", output = \"9\" }\n\
        rates.flex = { input = \"0.75\", output = \"4.5\" }";
    let body = |tier: &str| {
        json!({"model": "gpt-5-nano", "object": "response", "service_tier": tier,
            "usage": {"input_tokens": 7, "output_tokens": 205}})
    };
    check("openai", "responses", &body("default"), "gpt-5-nano", prices, "0.0018555");
    check("openai", "responses", &body("flex"), "gpt-5-nano", prices, "0.00092775");
    // The same of Vertex, which says it in the usage (litellm #37724).
    let body = json!({"modelVersion": "gemini-3.5-flash", "usageMetadata": {
        "promptTokenCount": 7, "candidatesTokenCount": 205, "totalTokenCount": 212,
        "trafficType": "ON_DEMAND_FLEX"}});
    check("vertex_ai", "", &body, "gemini-3.5-flash", prices, "0.00092775");
}

/// Batches above 272,000 tokens were billed at the short-context price: half the input, two thirds of
/// the output. The bound is of a request: two short ones stay short, whatever they sum to.
#[test]
fn litellm_39861_long_batches_have_the_long_price() {
    let prices = "rates.standard = { input = \"0.2\", output = \"1.2\" }\n\
        rates.batch = { input = \"0.1\", output = \"0.6\" }\n\
        [[model.price.context]]\nabove = 272000\n\
        rates.standard = { input = \"0.4\", output = \"1.8\" }\n\
        rates.batch = { input = \"0.2\", output = \"0.9\" }";
    let home = Home::new();
    let line = |input: u64| {
        json!({"id": "b", "custom_id": "c", "response": {"status_code": 200, "body": {
            "object": "response", "model": "gpt-5.6-luna",
            "usage": {"input_tokens": input, "output_tokens": 1000}}}})
    };
    for (inputs, expected) in [(vec![301_113], "0.0611226"), (vec![150_556, 150_557], "0.0313113")]
    {
        let bodies = lines(inputs.into_iter().map(line));
        let extracted = extract(&home, "openai", None, &bodies).out;
        assert!(extracted.contains("\"service_tier\":\"batch\""), "{extracted}");
        let calls = home.file("calls.jsonl", &extracted).display().to_string();
        let book =
            home.file("b.toml", &book("openai", "gpt-5.6-luna", prices)).display().to_string();
        let args = ["--json", "price", "--book", &book, "--usage", &calls, "--summary"];
        let priced = home.run(&args).ok().out;
        let summary: Value = serde_json::from_str(priced.lines().last().unwrap()).unwrap();
        assert_eq!(summary["cost"], expected, "{priced}");
    }
}

/// Retired xAI names are served, and billed, as grok-4.3: $1.40 shown for $7.50.
#[test]
fn litellm_38730_redirected_names_cost_what_serves_them() {
    let home = Home::new();
    for model in ["grok-4-fast-reasoning", "grok-4-0709", "grok-4.3"] {
        let call = json!({"provider": "xai", "model": model, "at": "2026-08-29T00:00:00Z",
            "usage": {"input_tokens_total": 1_000_000, "output_tokens_total": 1_000_000}});
        let priced = home.with_input(&["--json", "price", "--usage", "-"], &call.to_string()).ok();
        assert_eq!(priced.json()["cost"], "7.5", "{model}: {}", priced.out);
    }
}

/// Cached tokens were added to an input that contained them: 35,720 for 17,903.
#[test]
fn langfuse_10592_cached_input_is_inside_the_input() {
    let body = json!({"model": "openai/gpt-5.1", "object": "chat.completion", "provider": "OpenAI",
        "usage": {"prompt_tokens": 17_903, "completion_tokens": 0,
            "prompt_tokens_details": {"cached_tokens": 17_817}}});
    let prices = r#"rates.standard = { input = "1", cache_read = "0", output = "1" }"#;
    let (cost, usage) = cost("openrouter", Some("chat"), &body, "openai/gpt-5.1", prices);
    assert_eq!(usage["input_tokens_total"], 17_903);
    assert_eq!(cost, "0.000086", "86 tokens met no cache");
}

/// An application's own inference profile is opaque: no price, never zero, and never another model's.
#[test]
fn langfuse_13325_an_opaque_profile_has_no_price_until_it_is_named() {
    let home = Home::new();
    let arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123";
    let call = json!({"call_id": "1", "at": "2026-10-01T00:00:00Z", "provider": "bedrock",
        "model": arn, "usage": {"input_tokens_total": 1000, "output_tokens_total": 1000}});
    let calls = home.file("calls.jsonl", &call.to_string()).display().to_string();
    let imported = home.run(&["--json", "import", &calls]).ok().json();
    assert_eq!(imported["unpriced"][0]["calls"], 1, "{imported}");
    let spend = home.run(&["--json", "spend", "--period", "all"]).ok().json();
    assert_eq!(spend["total"]["unpriced_calls"], 1, "{spend}");
}

/// Grok 3 through OpenRouter at the price of its fast variant: $5.28 and $26.38 for $3 and $15.
#[test]
fn helicone_4893_a_variant_never_lends_its_price() {
    let mut books = book(
        "openrouter",
        "x-ai/grok-3-fast",
        r#"rates.standard = { input = "5.28", output = "26.38" }"#,
    );
    books.push_str(
        "[[model]]\nprovider = \"openrouter\"\nmodel = \"x-ai/grok-3\"\n\
         [[model.price]]\neffective_from = \"unknown\"\nsource = \"thread\"\n\
         rates.standard = { input = \"3\", output = \"15\" }\n",
    );
    let home = Home::new();
    let call = |model: &str| {
        json!({"provider": "openrouter", "model": model,
            "usage": {"input_tokens_total": 1_000_000, "output_tokens_total": 1_000_000}})
    };
    let priced = price(&home, &books, &call("x-ai/grok-3").to_string());
    assert_eq!(priced.first().unwrap()["cost"], "18");
    let priced = price(&home, &books, &call("x-ai/grok-3-mini").to_string());
    assert_eq!(priced.first().unwrap()["status"], "unpriced");
}

/// Reasoning was added to an output that contained it: $1.04 for $0.7923.
#[test]
fn opencode_17566_reasoning_is_inside_the_output() {
    let body = json!({"model": "gpt-5.4-pro", "object": "response", "usage": {
        "input_tokens": 14_746, "output_tokens": 1944,
        "output_tokens_details": {"reasoning_tokens": 1360}}});
    let prices = r#"rates.standard = { input = "30", output = "180" }"#;
    check("openai", "responses", &body, "gpt-5.4-pro", prices, "0.7923");
}

/// Models without a price for cache reads had them billed as fresh input ($0.08), elsewhere as free
/// ($0.008): neither is known.
#[test]
fn headroom_3032_a_missing_cache_price_is_no_guess() {
    let home = Home::new();
    let prices = book(
        "bedrock",
        "us.amazon.nova-pro-v1:0",
        r#"rates.standard = { input = "0.8", output = "3.2" }"#,
    );
    let call = json!({"provider": "bedrock", "model": "us.amazon.nova-pro-v1:0",
        "usage": {"input_tokens_total": 100_000, "cache_read_tokens": 90_000}});
    let priced = price(&home, &prices, &call.to_string());
    let one = priced.first().unwrap();
    assert_eq!(one["status"], "unpriced", "{one}");
    assert!(one["reason"].as_str().unwrap().contains("cache_read"), "{one}");
}

/// A line of a Claude Code session.
fn claude(session: &str, message: &str, request: Option<&str>, at: &str, output: u64) -> String {
    let mut line = json!({"type": "assistant", "sessionId": session, "timestamp": at,
        "uuid": format!("{session}-{message}-{at}-{output}"), "version": "2.1.0",
        "message": {"id": message, "type": "message", "role": "assistant",
            "model": "claude-sonnet-4-6", "usage": {"input_tokens": 3,
                "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                "output_tokens": output}}});
    if let Some(request) = request {
        line["requestId"] = json!(request);
    }
    format!("{line}\n")
}

fn totals(home: &Home) -> (i64, i64) {
    let spend = home.run(&["--json", "spend", "--period", "all"]).ok().json();
    let count = |name: &str| spend["total"][name].as_i64().unwrap_or_else(|| panic!("{spend}"));
    (count("calls"), count("output_tokens"))
}

/// 540 of 3,292 messages stand in a second session's file too: counted twice, the day cost double.
#[test]
fn ccusage_1762_a_message_in_two_session_files_is_one_call() {
    let home = Home::new();
    let message = |n: u64, session: &str| {
        let at = format!("2026-09-17T{:02}:{:02}:{:02}.000Z", n / 3600, n / 60 % 60, n % 60);
        claude(session, &format!("msg_{n}"), Some(&format!("req_{n}")), &at, 100)
    };
    let first: String = (0..3292).map(|n| message(n, "a")).collect();
    let second: String = (0..540).map(|n| message(n, "b")).collect();
    for (name, text) in [("a.jsonl", first), ("b.jsonl", second)] {
        let path = home.file(name, &text).display().to_string();
        home.run(&["import", &path]).ok();
    }
    assert_eq!(totals(&home), (3292, 329_200));
}

/// A message is written while it streams: its last count holds, not its first (ccusage #888).
#[test]
fn ccusage_888_the_last_count_of_a_message_holds() {
    let home = Home::new();
    let lines = [
        ("2026-03-11T02:40:21.204Z", 2),
        ("2026-03-11T02:40:22.650Z", 2),
        ("2026-03-11T02:40:23.000Z", 412),
    ];
    let text: String =
        lines.iter().map(|(at, output)| claude("s", "msg_x", Some("req_x"), at, *output)).collect();
    let path = home.file("s.jsonl", &text).display().to_string();
    home.run(&["import", &path]).ok();
    assert_eq!(totals(&home), (1, 412));
}

/// A relay answers every request with one message id and no request id: 1.21 billion tokens became
/// 750 thousand (ccusage #1635).
#[test]
fn ccusage_1635_a_relays_shared_id_does_not_merge_calls() {
    let home = Home::new();
    for session in ["a", "b"] {
        let text: String = (0..10)
            .map(|n| claude(session, "ocgo", None, &format!("2026-08-20T10:00:{n:02}.000Z"), 50))
            .collect();
        let path = home.file(&format!("{session}.jsonl"), &text).display().to_string();
        home.run(&["import", &path]).ok();
    }
    assert_eq!(totals(&home), (20, 1000));
}

/// Codex session files: a header, then cumulative counts.
fn codex(session: &str, parent: Option<&str>, totals: &[u64], day: &str) -> String {
    let mut meta = json!({"timestamp": format!("{day}T10:00:00.000Z"), "type": "session_meta",
        "payload": {"id": session, "cwd": "/", "originator": "codex_cli", "cli_version": "0.140.0"}});
    if let Some(parent) = parent {
        meta["payload"]["forked_from_id"] = json!(parent);
    }
    let mut text = format!("{meta}\n");
    let turn = json!({"timestamp": format!("{day}T10:00:01.000Z"), "type": "turn_context",
        "payload": {"model": "gpt-5.1"}});
    let _ = writeln!(text, "{turn}");
    let mut before = 0;
    for (step, total) in totals.iter().enumerate() {
        let usage = |input: u64| {
            json!({"input_tokens": input, "cached_input_tokens": 0, "output_tokens": 0,
                "reasoning_output_tokens": 0, "total_tokens": input})
        };
        let event = json!({"timestamp": format!("{day}T10:{step:02}:30.000Z"), "type": "event_msg",
            "payload": {"type": "token_count", "info": {"total_token_usage": usage(*total),
                "last_token_usage": usage(*total - before)}}});
        before = *total;
        let _ = writeln!(text, "{event}");
    }
    text
}

/// Forked Codex sessions repeat their parent's history: 100 and a fork that ends at 150 are 150, not
/// 250 (ccusage #897, #988).
#[test]
fn ccusage_988_a_fork_adds_only_its_own_tokens() {
    let home = Home::new();
    let parent = codex("019e0000-0000-7000-8000-000000000001", None, &[40, 100], "2026-05-10");
    let fork = codex(
        "019e0000-0000-7000-8000-000000000002",
        Some("019e0000-0000-7000-8000-000000000001"),
        &[40, 100, 150],
        "2026-05-10",
    );
    for (name, text) in [("rollout-a.jsonl", parent), ("rollout-b.jsonl", fork)] {
        let path = home.file(name, &text).display().to_string();
        home.run(&["import", &path]).ok();
    }
    let spend = home.run(&["--json", "spend", "--period", "all"]).ok().json();
    assert_eq!(spend["total"]["input_tokens"], 150, "{spend}");
}

/// A closed week cost $2,472.81 or $1,923.92, whichever prices were loaded that day. Here a call
/// keeps the price that it was booked with, and each day has its own.
#[test]
fn ccusage_1636_a_closed_week_is_never_priced_again() {
    let old = r#"rates.standard = { input = "5", cache_read = "0.5", output = "30" }"#;
    let new = "effective_until = \"2026-08-21\"\n".to_owned()
        + old
        + "\n[[model.price]]\neffective_from = \"2026-08-21\"\nsource = \"thread\"\n"
        + r#"rates.standard = { input = "4", cache_read = "0.4", output = "20" }"#;
    let home = Home::new();
    let week = lines((17..=23).map(|day| {
        json!({"call_id": format!("c{day}"), "at": format!("2026-08-{day}T12:00:00Z"),
            "provider": "openai", "model": "gpt-5.6-sol", "usage": {
                "input_tokens_total": 509_988_695, "cache_read_tokens": 500_000_000,
                "output_tokens_total": 1_000_000}})
    }));
    let cost = || {
        let spend = home.run(&["--json", "spend", "--period", "all"]).ok().json();
        spend["total"]["cost"].as_str().unwrap().to_owned()
    };
    let calls = home.file("week.jsonl", &week).display().to_string();
    let first = home.file("old.toml", &book("openai", "gpt-5.6-sol", old)).display().to_string();
    home.run(&["import", &calls, "--source", "a", "--book", &first]).ok();
    let booked = cost();
    // 7 x (9,988,695 x $5 + 500,000,000 x $0.50 + 1,000,000 x $30) per million.
    assert_eq!(booked, "2309.604325");
    let second = home.file("new.toml", &book("openai", "gpt-5.6-sol", &new)).display().to_string();
    let again =
        home.run(&["--json", "import", &calls, "--source", "a", "--book", &second]).ok().json();
    assert_eq!(again["status"], "already_imported");
    assert_eq!(cost(), booked);
    // Booked afresh with dated prices: four days at the old ones, three at the new.
    let dated = Home::new();
    let calls = dated.file("week.jsonl", &week).display().to_string();
    dated.run(&["import", &calls, "--book", &second]).ok();
    let spend = dated.run(&["--json", "spend", "--period", "all"]).ok().json();
    assert_eq!(spend["total"]["cost"], "2099.63824");
}

/// Old usage was priced at the rates after a cut: here the built-in book knows the day.
#[test]
fn codexbar_2671_usage_has_the_price_of_its_day() {
    let home = Home::new();
    for (model, at, expected) in [
        ("gpt-5.6-luna", "2026-07-29T23:59:59Z", "1"),
        ("gpt-5.6-luna", "2026-07-30T00:00:00Z", "0.2"),
        ("gpt-5.6-terra", "2026-07-29T23:59:59Z", "2.5"),
        ("gpt-5.6-terra", "2026-07-30T00:00:00Z", "2"),
    ] {
        let call = json!({"provider": "openai", "model": model, "at": at,
            "usage": {"input_tokens_total": 100_000}});
        let calls = lines(std::iter::repeat_n(call, 10));
        let args = ["--json", "price", "--usage", "-", "--summary"];
        let priced = home.with_input(&args, &calls).ok().out;
        let summary: Value = serde_json::from_str(priced.lines().last().unwrap()).unwrap();
        assert_eq!(summary["cost"], expected, "{model} {at}");
    }
}

/// A price that changes with the hour was one number: DeepSeek's peak is twice the rest, from
/// 2026-08-16 16:00 UTC, 01:00 to 04:00 and 06:00 to 10:00 UTC on working days.
#[test]
fn tokentelemetry_307_a_call_has_the_price_of_its_hour() {
    let home = Home::new();
    for (at, expected) in [
        ("2026-08-16T15:59:59Z", "0.14"),
        ("2026-08-16T16:00:00Z", "0.22"), // a Sunday
        ("2026-08-17T00:59:59Z", "0.22"),
        ("2026-08-17T01:00:00Z", "0.44"),
        ("2026-08-17T04:00:00Z", "0.22"),
        ("2026-08-17T09:59:59Z", "0.44"),
        ("2026-08-22T02:00:00Z", "0.22"), // a Saturday
    ] {
        let call = json!({"provider": "deepseek", "model": "deepseek-v4-flash", "at": at,
            "usage": {"input_tokens_total": 1_000_000}});
        let priced = home.with_input(&["--json", "price", "--usage", "-"], &call.to_string()).ok();
        assert_eq!(priced.json()["cost"], expected, "{at}: {}", priced.out);
    }
}
