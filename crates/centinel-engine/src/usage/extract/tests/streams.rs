//! Events of a stream become one record, whatever form they come in.

use super::*;

fn assembled(provider: &str, push: impl Fn(&mut Assembler, &mut Vec<String>)) -> Vec<String> {
    let mut assembler = Assembler::new(Extractor::new(provider, None, Some("m")).unwrap());
    let mut found = Vec::new();
    push(&mut assembler, &mut found);
    let mut emit = |extracted: Extracted<'_>| -> Result<(), ()> {
        found.push(shown(extracted));
        Ok(())
    };
    assembler.finish(&mut emit).unwrap();
    found
}

fn events(provider: &str, transcript: &str) -> Vec<String> {
    assembled(provider, |assembler, found| {
        let mut emit = |extracted: Extracted<'_>| -> Result<(), ()> {
            found.push(shown(extracted));
            Ok(())
        };
        assembler.push_events(transcript, &mut emit).unwrap();
    })
}

fn lines(provider: &str, bodies: &[&str]) -> Vec<String> {
    assembled(provider, |assembler, found| {
        let mut emit = |extracted: Extracted<'_>| -> Result<(), ()> {
            found.push(shown(extracted));
            Ok(())
        };
        for body in bodies {
            assembler.push(body, &mut emit).unwrap();
        }
    })
}

/// Claude API, "Streaming messages".
const MESSAGES: [&str; 5] = [
    r#"{"type":"message_start","message":{"id":"msg_1","type":"message","model":"claude-opus-4-8","content":[],"usage":{"input_tokens":25,"cache_read_input_tokens":100,"cache_creation_input_tokens":8,"cache_creation":{"ephemeral_1h_input_tokens":8},"output_tokens":1,"service_tier":"standard"}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}"#,
    r#"{"type":"message_stop"}"#,
];
const MESSAGE: &str = r#""msg_1" claude-opus-4-8/standard input_total:133,cache_read:100,cache_write_1h:8,output_total:15"#;

fn transcript(events: &[&str]) -> String {
    let lines: Vec<_> = events.iter().map(|data| format!("event: e\ndata: {data}\n\n")).collect();
    lines.concat()
}

#[test]
fn messages() {
    let once = transcript(&MESSAGES);
    assert_eq!(events("anthropic", &once), [MESSAGE]);
    assert_eq!(events("anthropic", &once.repeat(2)), [MESSAGE, MESSAGE]);
    // Without the end, what was stated so far still counts: it is billed.
    let aborted = r#""msg_1" claude-opus-4-8/standard input_total:133,cache_read:100,cache_write_1h:8,output_total:1"#;
    assert_eq!(events("anthropic", &transcript(&MESSAGES[..2])), [aborted]);
    assert_eq!(lines("anthropic", &MESSAGES), [MESSAGE]);
    let whole = r#"{"id":"w","model":"c","usage":{"input_tokens":1,"output_tokens":2}}"#;
    let mixed = [&MESSAGES[..3], &[whole], &MESSAGES[..]].concat();
    assert_eq!(
        lines("anthropic", &mixed),
        [aborted, r#""w" c input_total:1,output_total:2"#, MESSAGE]
    );
    let mut extractor = Extractor::new("aws", Some("anthropic"), None).unwrap();
    assert_eq!(shown(extractor.extract(&once)), MESSAGE);
}

/// OpenAI API, `stream_options.include_usage`; Responses streaming; Realtime.
#[test]
fn openai() {
    let chunks = [
        r#"{"id":"c1","object":"chat.completion.chunk","model":"gpt","choices":[{"delta":{"content":"a"}}],"usage":null}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","model":"gpt","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}"#,
        r#"{"id":"c2","object":"chat.completion.chunk","model":"gpt","choices":[{"delta":{"content":"b"}}],"usage":null}"#,
    ];
    let expected = [
        r#""c1" gpt input_total:9,output_total:4"#,
        r#""c2" rejected: the stream ended without stating its usage"#,
    ];
    assert_eq!(lines("openai", &chunks), expected);
    assert_eq!(events("openai", &(transcript(&chunks) + "data: [DONE]\n\n")), expected);
    let responses = [
        r#"{"type":"response.created","response":{"id":"resp_1","model":"gpt","usage":null}}"#,
        r#"{"type":"response.output_text.delta","delta":"usage"}"#,
        r#"{"type":"response.completed","response":{"id":"resp_1","model":"gpt","service_tier":"priority","usage":{"input_tokens":37,"input_tokens_details":{"cached_tokens":0},"output_tokens":11,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":48}}}"#,
    ];
    let expected = r#""resp_1" gpt/priority input_total:37,output_total:11"#;
    assert_eq!(events("openai", &transcript(&responses)), [expected]);
    assert_eq!(lines("openai", &responses), [expected]);
    let realtime = [
        r#"{"type":"session.created","session":{"id":"sess","model":"gpt-realtime"}}"#,
        r#"{"type":"response.done","response":{"id":"r1","usage":{"input_tokens":5,"output_tokens":6,"total_tokens":11}}}"#,
        r#"{"type":"response.done","response":{"id":"r2","usage":{"input_tokens":7,"output_tokens":8,"total_tokens":15}}}"#,
    ];
    assert_eq!(
        lines("openai", &realtime),
        [
            r#""r1" gpt-realtime input_total:5,output_total:6"#,
            r#""r2" gpt-realtime input_total:7,output_total:8"#,
        ]
    );
}

/// Gemini API, `streamGenerateContent`, as events and as an array; Cohere API v2, streaming; Ollama
/// API, streaming.
#[test]
fn others() {
    let gemini = [
        r#"{"candidates":[{}],"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":3}]},"modelVersion":"gemini","responseId":"r"}"#,
        r#"{"candidates":[{}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":6,"thoughtsTokenCount":2,"totalTokenCount":12,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":3}]},"modelVersion":"gemini","responseId":"r"}"#,
    ];
    let expected = "gemini input_total:4,input_audio:3,output_total:8,reasoning:2";
    assert_eq!(events("google", &transcript(&gemini)), [expected]);
    assert_eq!(lines("google", &[&format!("[{}]", gemini.join(","))]), [expected]);
    let chunks = assembled("google", |assembler, found| {
        for chunk in gemini {
            let mut emit = |extracted: Extracted<'_>| -> Result<(), ()> {
                found.push(shown(extracted));
                Ok(())
            };
            assembler.push_chunk(chunk, &mut emit).unwrap();
        }
    });
    assert_eq!(chunks, [expected]);
    let cohere = [
        r#"{"id":"29","type":"message-start","delta":{"message":{"role":"assistant"}}}"#,
        r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"LLMs"}}}}"#,
        r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":3,"output_tokens":4},"tokens":{"input_tokens":69,"output_tokens":5}}}}"#,
    ];
    assert_eq!(lines("cohere", &cohere), [r#""29" m input_total:3,output_total:4"#]);
    let ollama = [
        r#"{"model":"llama","message":{"content":"The"},"done":false}"#,
        r#"{"model":"llama","message":{"content":""},"done":true,"prompt_eval_count":26,"eval_count":290}"#,
    ];
    assert_eq!(lines("ollama", &ollama), ["llama input_total:26,output_total:290"]);
}
