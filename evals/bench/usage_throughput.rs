//! How fast response bodies become usage and cost, on one core.
//!
//!     cargo run --release -p centinel-engine --example usage_throughput -- [RECORDS] [CALLS_FILE]
//!
//! Bodies of five dialects are made in batches from a fixed seed, so that memory stays flat whatever
//! their number. Four passes go over each batch, each timed by itself: parsing alone, with serde_json,
//! into the structure that the extractor reads; parsing alone into derived structs of the same fields;
//! extraction and pricing; pricing of the usage that was extracted. Prints one line of JSON. With
//! `CALLS_FILE` the calls are also written as JSON lines, for others to price.

use std::{
    error::Error,
    fmt::Write as _,
    fs::File,
    hint::black_box,
    io::{BufWriter, Write},
    time::{Duration, Instant},
};

use centinel_engine::{
    pricing::{PriceQuery, Pricer, builtin},
    usage::{
        Usage,
        extract::{Body, Extractor},
    },
};
use serde::Deserialize;

const BATCH: u64 = 10_000;
const RECORDS: u64 = 1_000_000;

/// Provider, model, and the shape of its bodies.
const SERIES: [(&str, &str, Shape); 10] = [
    ("openai", "gpt-4o", Shape::Chat),
    ("openai", "gpt-4o-mini", Shape::Chat),
    ("openai", "gpt-4.1", Shape::Responses),
    ("openai", "o4-mini", Shape::Responses),
    ("anthropic", "claude-sonnet-4-5", Shape::Messages),
    ("anthropic", "claude-haiku-4-5", Shape::Messages),
    ("anthropic", "claude-opus-4-5", Shape::Messages),
    ("gemini", "gemini-2.5-flash", Shape::Gemini),
    ("gemini", "gemini-2.5-pro", Shape::Gemini),
    ("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", Shape::Converse),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Chat,
    Responses,
    Messages,
    Gemini,
    Converse,
}

/// A fixed sequence of numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

struct Record {
    series: usize,
    body: String,
}

const WORDS: &str = "The invoice of last month lists three commitments, of which two were used in \
    full; the third one covered 61 % of what it could have. \\\"Renew it smaller\\\" is what follows \
    from that, unless the new service moves to the same region before the term ends. ";

fn record(numbers: &mut Numbers, number: u64) -> Result<Record, std::fmt::Error> {
    let series = usize::try_from(numbers.below(10)).unwrap_or(0);
    let (_, model, shape) = SERIES.get(series).copied().unwrap_or(SERIES[0]);
    let text = WORDS.repeat(usize::try_from(1 + numbers.below(3)).unwrap_or(1));
    let input = 1_000 + numbers.below(8_000);
    let cached = input * numbers.below(8) / 10;
    let output = 20 + numbers.below(900);
    let thought = output * numbers.below(5) / 10;
    let mut body = String::new();
    match shape {
        Shape::Chat => write!(
            body,
            r#"{{"id":"chatcmpl-{number:012}","object":"chat.completion","created":1787000000,"model":"{model}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{cached},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{thought},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}},"service_tier":"default","system_fingerprint":"fp_1"}}"#,
            input + output
        )?,
        Shape::Responses => write!(
            body,
            r#"{{"id":"resp_{number:012}","object":"response","created_at":1787000000,"status":"completed","error":null,"model":"{model}","output":[{{"type":"message","id":"msg_{number}","role":"assistant","content":[{{"type":"output_text","text":"{text}","annotations":[]}}]}}],"parallel_tool_calls":true,"service_tier":"default","usage":{{"input_tokens":{input},"input_tokens_details":{{"cached_tokens":{cached}}},"output_tokens":{output},"output_tokens_details":{{"reasoning_tokens":{thought}}},"total_tokens":{}}},"user":null,"metadata":{{}}}}"#,
            input + output
        )?,
        Shape::Messages => write!(
            body,
            r#"{{"id":"msg_{number:012}","type":"message","role":"assistant","model":"{model}","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":{},"cache_creation_input_tokens":{},"cache_read_input_tokens":{cached},"cache_creation":{{"ephemeral_5m_input_tokens":{},"ephemeral_1h_input_tokens":0}},"output_tokens":{output},"service_tier":"standard"}}}}"#,
            input - cached,
            thought,
            thought
        )?,
        Shape::Gemini => write!(
            body,
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}],"role":"model"}},"finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":{input},"candidatesTokenCount":{output},"totalTokenCount":{},"cachedContentTokenCount":{cached},"promptTokensDetails":[{{"modality":"TEXT","tokenCount":{input}}}],"thoughtsTokenCount":{thought}}},"modelVersion":"{model}","responseId":"r{number:012}"}}"#,
            input + output + thought
        )?,
        Shape::Converse => write!(
            body,
            r#"{{"output":{{"message":{{"role":"assistant","content":[{{"text":"{text}"}}]}}}},"stopReason":"end_turn","usage":{{"inputTokens":{input},"outputTokens":{output},"totalTokens":{}}},"metrics":{{"latencyMs":1275}}}}"#,
            input + output
        )?,
    }
    Ok(Record { series, body })
}

/// The same fields in derived structs: what a program that knows its dialect would write.
#[expect(
    dead_code,
    clippy::struct_field_names,
    reason = "the names are the providers', and what is measured is that fields are parsed"
)]
mod derived {
    use std::borrow::Cow;

    use serde::Deserialize;

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(crate) struct ChatDetails {
        pub(crate) cached_tokens: Option<u64>,
        pub(crate) audio_tokens: Option<u64>,
        pub(crate) reasoning_tokens: Option<u64>,
    }

    #[derive(Deserialize)]
    pub(crate) struct ChatUsage {
        pub(crate) prompt_tokens: u64,
        pub(crate) completion_tokens: u64,
        pub(crate) total_tokens: Option<u64>,
        pub(crate) prompt_tokens_details: Option<ChatDetails>,
        pub(crate) completion_tokens_details: Option<ChatDetails>,
    }

    #[derive(Deserialize)]
    pub(crate) struct InOutUsage {
        pub(crate) input_tokens: u64,
        pub(crate) output_tokens: u64,
        pub(crate) total_tokens: Option<u64>,
        pub(crate) input_tokens_details: Option<ChatDetails>,
        pub(crate) output_tokens_details: Option<ChatDetails>,
        pub(crate) cache_creation_input_tokens: Option<u64>,
        pub(crate) cache_read_input_tokens: Option<u64>,
        pub(crate) cache_creation: Option<Lifetimes>,
    }

    #[derive(Deserialize)]
    pub(crate) struct Lifetimes {
        pub(crate) ephemeral_5m_input_tokens: Option<u64>,
        pub(crate) ephemeral_1h_input_tokens: Option<u64>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(crate) struct Metadata<'a> {
        pub(crate) prompt_token_count: Option<u64>,
        pub(crate) candidates_token_count: Option<u64>,
        pub(crate) total_token_count: Option<u64>,
        pub(crate) cached_content_token_count: Option<u64>,
        pub(crate) thoughts_token_count: Option<u64>,
        #[serde(borrow)]
        pub(crate) prompt_tokens_details: Vec<Modality<'a>>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(crate) struct Modality<'a> {
        #[serde(borrow)]
        pub(crate) modality: Cow<'a, str>,
        pub(crate) token_count: Option<u64>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(crate) struct Tokens {
        pub(crate) input_tokens: u64,
        pub(crate) output_tokens: u64,
        pub(crate) total_tokens: Option<u64>,
        pub(crate) cache_read_input_tokens: Option<u64>,
        pub(crate) cache_write_input_tokens: Option<u64>,
    }

    #[derive(Deserialize)]
    pub(crate) struct Response<'a, U> {
        #[serde(borrow)]
        pub(crate) id: Option<Cow<'a, str>>,
        #[serde(borrow)]
        pub(crate) model: Option<Cow<'a, str>>,
        #[serde(borrow)]
        pub(crate) service_tier: Option<Cow<'a, str>>,
        pub(crate) usage: U,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(crate) struct Generated<'a> {
        #[serde(borrow)]
        pub(crate) model_version: Cow<'a, str>,
        #[serde(borrow)]
        pub(crate) response_id: Option<Cow<'a, str>>,
        #[serde(borrow)]
        pub(crate) usage_metadata: Metadata<'a>,
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a str) -> Result<(), serde_json::Error> {
    black_box(serde_json::from_str::<T>(body)?);
    Ok(())
}

fn parse_derived(shape: Shape, body: &str) -> Result<(), serde_json::Error> {
    match shape {
        Shape::Chat => parse::<derived::Response<'_, derived::ChatUsage>>(body),
        Shape::Responses | Shape::Messages => {
            parse::<derived::Response<'_, derived::InOutUsage>>(body)
        }
        Shape::Gemini => parse::<derived::Generated<'_>>(body),
        Shape::Converse => parse::<derived::Response<'_, derived::Tokens>>(body),
    }
}

#[derive(Default)]
struct Passes {
    parsed: Duration,
    derived: Duration,
    priced: Duration,
    pricing: Duration,
}

#[expect(clippy::cast_precision_loss, reason = "rates for people to read")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let records: u64 = arguments.first().map_or(Ok(RECORDS), |text| text.parse())?;
    let mut calls = arguments.get(1).map(File::create).transpose()?.map(BufWriter::new);
    let book = builtin()?;
    let mut pricer = Pricer::new(&book);
    // One extractor a provider, each finding the dialect from the body.
    let mut extractors = Vec::new();
    for (provider, model, _) in SERIES {
        extractors.push(Extractor::new(provider, None, Some(model))?);
    }
    let mut numbers = Numbers(20_261_122);
    let mut passes = Passes::default();
    let (mut bytes, mut done, mut total) = (0_u64, 0_u64, 0_i128);
    let mut memory_early = 0;
    while done < records {
        let count = BATCH.min(records - done);
        let batch: Vec<Record> = (done..done + count)
            .map(|number| record(&mut numbers, number))
            .collect::<Result<_, _>>()?;
        bytes += batch.iter().map(|record| record.body.len() as u64).sum::<u64>();

        let start = Instant::now();
        for record in &batch {
            parse::<Body<'_>>(&record.body)?;
        }
        passes.parsed += start.elapsed();

        let start = Instant::now();
        for record in &batch {
            let (_, _, shape) = SERIES.get(record.series).copied().unwrap_or(SERIES[0]);
            parse_derived(shape, &record.body)?;
        }
        passes.derived += start.elapsed();

        let start = Instant::now();
        for record in &batch {
            let (provider, _, _) = SERIES.get(record.series).copied().unwrap_or(SERIES[0]);
            let extractor = extractors.get_mut(record.series).ok_or("no extractor")?;
            let found = extractor.extract(&record.body).map_err(|rejection| rejection.reason)?;
            let query = PriceQuery {
                provider,
                model: &found.model,
                service_tier: found.service_tier.as_deref(),
                region: None,
                at: None,
            };
            let cost = pricer.price(&query)?.cost(&found.usage)?;
            total += black_box(cost).to_decimal()?.mantissa_at(18).ok_or("too fine")?;
        }
        passes.priced += start.elapsed();

        let mut used: Vec<(usize, Usage)> = Vec::with_capacity(batch.len());
        for record in &batch {
            let extractor = extractors.get_mut(record.series).ok_or("no extractor")?;
            let found = extractor.extract(&record.body).map_err(|rejection| rejection.reason)?;
            used.push((record.series, found.usage));
        }
        let start = Instant::now();
        let mut again = 0_i128;
        for (series, usage) in &used {
            let (provider, model, _) = SERIES.get(*series).copied().unwrap_or(SERIES[0]);
            let query = PriceQuery { provider, model, service_tier: None, region: None, at: None };
            let cost = pricer.price(&query)?.cost(usage)?;
            again += black_box(cost).to_decimal()?.mantissa_at(18).ok_or("too fine")?;
        }
        passes.pricing += start.elapsed();
        black_box(again);

        if let Some(file) = &mut calls {
            for (series, usage) in &used {
                let (provider, model, _) = SERIES.get(*series).copied().unwrap_or(SERIES[0]);
                let usage = serde_json::to_string(usage)?;
                writeln!(file, r#"{{"provider":"{provider}","model":"{model}","usage":{usage}}}"#)?;
            }
        }
        done += count;
        if memory_early == 0 && done * 10 >= records {
            memory_early = peak_kib();
        }
    }
    if let Some(mut file) = calls {
        file.flush()?;
    }
    let Passes { parsed, derived, priced, pricing } = passes;
    let seconds = priced.as_secs_f64();
    let line = serde_json::json!({
        "records": records,
        "bytes": bytes,
        "parse_seconds": parsed.as_secs_f64(),
        "parse_derived_seconds": derived.as_secs_f64(),
        "extract_and_price_seconds": seconds,
        "price_seconds": pricing.as_secs_f64(),
        "over_parse": seconds / parsed.as_secs_f64(),
        "over_parse_derived": seconds / derived.as_secs_f64(),
        "records_per_second": records as f64 / seconds,
        "bytes_per_second": bytes as f64 / seconds,
        "peak_kib_after_a_tenth": memory_early,
        "peak_kib": peak_kib(),
        "cost_in_10^-18": total.to_string(),
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// Most memory held so far, where the system says it.
fn peak_kib() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        })
        .unwrap_or(0)
}
