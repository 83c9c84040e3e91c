//! What is no usage says why; what is not read is counted by name; nothing makes a panic.

use proptest::prelude::*;

use super::*;

#[test]
fn a_bad_count_is_named_with_its_value() {
    for (value, reason) in [
        ("-1", "`usage.prompt_tokens` is `-1`, which is negative"),
        ("-1.5", "`usage.prompt_tokens` is `-1.5`, which is negative"),
        ("1e30", "`usage.prompt_tokens` is `1e30`, more than one response can hold"),
        (
            "9007199254740992",
            "`usage.prompt_tokens` is `9007199254740992`, more than one response can hold",
        ),
        (
            "99999999999999999999",
            "`usage.prompt_tokens` is `1e20`, more than one response can hold",
        ),
        ("1.5", "`usage.prompt_tokens` is `1.5`, which is no whole number"),
        ("\"many\"", "`usage.prompt_tokens` is `many`, which is no number"),
        ("\"-5\"", "`usage.prompt_tokens` is `-5`, which is no number"),
        ("true", "`usage.prompt_tokens` is `true`, which is no number"),
        ("[5]", "`usage.prompt_tokens` is `[…]`, which is no number"),
        ("{\"a\":5}", "`usage.prompt_tokens` is `{…}`, which is no number"),
        ("NaN", "`prompt_tokens` is `NaN`, which is no JSON (column 36)"),
        ("Infinity", "`prompt_tokens` is `Infinity`, which is no JSON (column 36)"),
        ("0x10", "no JSON: expected `,` or `}` (column 37)"),
        ("null", "the body has no `usage.prompt_tokens`"),
        ("5,\"prompt_tokens\":6", "`usage.prompt_tokens` is stated twice, as `5` and as `6`"),
    ] {
        let body =
            format!(r#"{{"id":"a","usage":{{"prompt_tokens":{value},"completion_tokens":1}}}}"#);
        check("openai", "chat", &body, &format!(r#""a" rejected: {reason}"#));
    }
    // Whole numbers in other spellings are counts.
    for value in ["5", "5.0", "\"5\"", "5e0", "5,\"prompt_tokens\":5"] {
        let body = format!(r#"{{"usage":{{"prompt_tokens":{value},"completion_tokens":1}}}}"#);
        check("openai", "chat", &body, "m input_total:5,output_total:1");
    }
}

#[test]
fn parts_that_exceed_their_total_are_contradictions() {
    for (provider, flavor, body, reason) in [
        (
            "openai",
            "",
            r#"{"usage":{"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":50}}}"#,
            "`usage.prompt_tokens_details.cached_tokens` is `50`, more than `usage.prompt_tokens`, which is `10` and contains it",
        ),
        (
            "openai",
            "",
            r#"{"usage":{"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":7}}"#,
            "`usage.prompt_tokens_details` is `7`, which is no object",
        ),
        (
            "openai",
            "responses",
            r#"{"usage":{"input_tokens":10,"output_tokens":5,"output_tokens_details":{"reasoning_tokens":6}}}"#,
            "`usage.output_tokens_details.reasoning_tokens` is `6`, more than `usage.output_tokens`, which is `5` and contains it",
        ),
        (
            "anthropic",
            "",
            r#"{"usage":{"input_tokens":1,"output_tokens":1,"cache_creation_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":3}}}"#,
            "`usage.cache_creation.ephemeral_1h_input_tokens` is `3` with the other parts, more than `usage.cache_creation_input_tokens`, which is `5` and contains it",
        ),
        (
            "aws",
            "",
            r#"{"usage":{"inputTokens":1,"outputTokens":1,"cacheWriteInputTokens":5,"cacheDetails":[{"ttl":"2h","inputTokens":5}]}}"#,
            "`usage.cacheDetails[].ttl` is lifetime `2h`, which is not known",
        ),
        (
            "google",
            "",
            r#"{"usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":11,"candidatesTokenCount":1}}"#,
            "`usageMetadata.cachedContentTokenCount` is `11`, more than `usageMetadata.promptTokenCount`, which is `10` and contains it",
        ),
        (
            "openai",
            "chat",
            r#"{"usage":{"prompt_tokens":10}}"#,
            "the body has no `usage.completion_tokens`",
        ),
        (
            "openai",
            "responses",
            r#"{"usage":{"prompt_tokens":10,"completion_tokens":1}}"#,
            "the body has no `usage.input_tokens`",
        ),
        ("openai", "", r#"{"usage":null}"#, "the body states no usage"),
        ("openai", "", "{}", "the body states no usage"),
        (
            "openai",
            "",
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota"}}"#,
            "the response is an error: You exceeded your current quota",
        ),
        ("openai", "", r#"{"usage":{"prompt"#, "the JSON ends in the middle: the body is cut"),
        (
            "openai",
            "",
            "7",
            "no JSON: invalid type: integer `7`, expected a JSON object (column 1)",
        ),
        ("openai", "", "", "the JSON ends in the middle: the body is cut"),
    ] {
        check(provider, flavor, body, &format!("rejected: {reason}"));
    }
    let body = r#"{"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let found =
        Extractor::new("openai", None, None).unwrap().extract(body).map(|found| found.usage);
    assert_eq!(found.unwrap_err().reason, "the body names no model, and none was stated");
    let unknown = Extractor::new("openai", Some("chatt"), None).unwrap_err();
    assert_eq!(unknown.to_string(), "`chatt` is no API flavor");
}

#[test]
fn numbers_that_are_not_read_are_counted_by_name() {
    let mut extractor = Extractor::new("openai", Some("chat"), Some("m")).unwrap();
    for body in [
        r#"{"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"prompt_tokens_details":{"hologram_tokens":5},"extra":{"deep":{"x":1.5,"zero":0}},"note":"7"}}"#,
        r#"{"usage":{"prompt_tokens":1,"completion_tokens":1,"prompt_tokens_details":{"hologram_tokens":1},"cache_creation":{"ephemeral_1h_input_tokens":4}}}"#,
    ] {
        extractor.extract(body).unwrap();
    }
    let unread: Vec<_> =
        extractor.unread().iter().map(|(path, count)| format!("{path} {count}")).collect();
    assert_eq!(
        unread,
        [
            "usage.cache_creation.ephemeral_1h_input_tokens 1",
            "usage.extra.deep.x 1",
            "usage.prompt_tokens_details.hologram_tokens 2",
        ]
    );
}

/// Bodies of every dialect, to be damaged.
const BODIES: [&str; 6] = [
    r#"{"model":"a","usage":{"prompt_tokens":5,"completion_tokens":6,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":3},"total_tokens":11}}"#,
    r#"{"model":"a","usage":{"input_tokens":5,"output_tokens":6,"cache_read_input_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":4},"iterations":[{"type":"compaction","input_tokens":8,"output_tokens":1}]}}"#,
    r#"{"usage":{"inputTokens":5,"outputTokens":6,"cacheWriteInputTokens":7,"cacheDetails":[{"ttl":"1h","inputTokens":7}]}}"#,
    r#"{"modelVersion":"a","usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":6,"thoughtsTokenCount":7,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":3}]}}"#,
    r#"{"custom_id":"x","response":{"body":{"model":"a","usage":{"billed_units":{"input_tokens":5,"output_tokens":6}}}}}"#,
    "data: {\"type\":\"message_start\",\"message\":{\"model\":\"a\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\ndata: [DONE]\n",
];

proptest! {
    #[test]
    fn damaged_bodies_never_panic_and_never_contradict(
        which in 0..BODIES.len(),
        at in 0..200_usize,
        with in prop::sample::select(vec!["", "-", "9999999999999999999", "null", "\"", "[", "}", ",", "1e400", "\\u00"]),
        cut in 0..4_usize,
        flavor in prop::option::of(prop::sample::select(UnknownFlavor::KNOWN.to_vec())),
    ) {
        let mut body = BODIES[which].to_owned();
        let at = at.min(body.len());
        let end = (at + cut).min(body.len());
        prop_assume!(body.is_char_boundary(at) && body.is_char_boundary(end));
        body.replace_range(at..end, with);
        let mut extractor = Extractor::new("p", flavor, Some("m")).unwrap();
        if let Ok(found) = extractor.extract(&body) {
            prop_assert_eq!(found.usage.check(), Ok(()));
        }
    }

    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,200}") {
        let mut assembler = Assembler::new(Extractor::new("openai", None, None).unwrap());
        let mut count = 0;
        let mut emit = |_: Extracted<'_>| -> Result<(), ()> { count += 1; Ok(()) };
        assembler.push(&text, &mut emit).unwrap();
        assembler.finish(&mut emit).unwrap();
        prop_assert!(count == 1 || text.contains(':'));
    }
}
