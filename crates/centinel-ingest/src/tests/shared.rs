//! Real files, where they are at hand: everything in them is read.

use std::path::PathBuf;

use centinel_engine::{
    focus::Charge,
    money::Decimal,
    usage::{Call, Usage},
};

use crate::{Options, Position, Rejected, Sink, SinkError, Summary, open, read_detected};

/// Sums of what was read.
struct Totals {
    usage: Usage,
    billed: Decimal,
    effective: Decimal,
    rejected: Vec<Rejected>,
}

impl Sink for Totals {
    fn call(&mut self, _: &Position, call: &Call) -> Result<(), SinkError> {
        self.usage.add(&call.usage);
        Ok(())
    }

    fn charge(&mut self, _: &Position, charge: &Charge) -> Result<(), SinkError> {
        self.billed = self.billed.checked_add(charge.billed_cost).map_err(SinkError::new)?;
        self.effective =
            self.effective.checked_add(charge.effective_cost).map_err(SinkError::new)?;
        Ok(())
    }

    fn rejected(&mut self, rejected: Rejected) -> Result<(), SinkError> {
        self.rejected.push(rejected);
        Ok(())
    }
}

/// Reads a shared file, if it is there.
fn totals(file: &str, options: &Options) -> Option<(Summary, Totals)> {
    let path =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(file);
    if !path.exists() {
        return None;
    }
    let (usage, billed, effective) = (Usage::ZERO, Decimal::ZERO, Decimal::ZERO);
    let mut totals = Totals { usage, billed, effective, rejected: Vec::new() };
    let summary = read_detected(file, open(&path).unwrap(), options, &mut totals).unwrap();
    assert_eq!(totals.rejected, [], "{file}");
    Some((summary, totals))
}

fn tokens(input: u64, output: u64) -> Usage {
    use centinel_engine::usage::UsageClass::{InputTokensTotal, OutputTokensTotal};
    Usage::ZERO.with(InputTokensTotal, input).with(OutputTokensTotal, output)
}

#[test]
fn azure_trace_2023() {
    let mut options = Options::default();
    options.set_constant("provider=azure").unwrap();
    options.set_constant("model=gpt-4o").unwrap();
    let Some((summary, totals)) =
        totals("azure_llm_2023/AzureLLMInferenceTrace_conv.csv", &options)
    else {
        return;
    };
    // The last line has no line end.
    assert_eq!(summary.accepted, 19_366);
    assert_eq!(totals.usage, tokens(22_361_870, 4_088_665));
}

#[test]
fn mooncake_conversations() {
    let mut options = Options::default();
    options.set_constant("provider=moonshot").unwrap();
    options.set_constant("model=kimi").unwrap();
    options.start = Some("2024-11-01T00:00:00Z".parse().unwrap());
    let Some((summary, totals)) = totals("mooncake/conversation_trace.jsonl", &options) else {
        return;
    };
    assert_eq!(summary.accepted, 12_031);
    assert_eq!(totals.usage, tokens(144_793_823, 4_122_048));
}

#[test]
fn focus_sample_1_0() {
    let Some((summary, totals)) = totals("focus_sample_1_0/focus_sample.csv", &Options::default())
    else {
        return;
    };
    assert_eq!(summary.accepted, 1_000);
    // Sums by Python's decimal module.
    assert_eq!(totals.billed.to_string(), "20.52022672899");
    assert_eq!(totals.effective.to_string(), "14.97651418586");
    let findings: Vec<_> = summary.findings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(findings.join("\n"));
}

/// Exports of one month of one enrolment.
#[test]
fn azure_exports() {
    for (file, rows, billed, effective) in [
        ("EA_ActualCost_Small", 11, "8.5450077867419368", "8.5450077867419368"),
        (
            "EA_AmortizedCost_Small",
            28,
            "15.797780136168644627485419",
            "16.296932136636644627485419",
        ),
    ] {
        let file = format!("finops_toolkit/{file}.csv");
        let Some((summary, totals)) = totals(&file, &Options::default()) else { return };
        assert_eq!(summary.accepted, rows, "{file}");
        assert_eq!(totals.billed.to_string(), billed, "{file}");
        assert_eq!(totals.effective.to_string(), effective, "{file}");
    }
}

#[test]
fn focus_draft_examples() {
    for (file, billed) in
        [("ai_prompt_caching_a", "33.9"), ("cached_tokens_via_csp_marketplace", "47.5")]
    {
        let file = format!("focus_ai_examples/{file}.csv");
        let Some((_, totals)) = totals(&file, &Options::default()) else { return };
        assert_eq!(totals.billed.to_string(), billed, "{file}");
    }
}

/// The conventions' own example is a server span without a model call: read, and not a call.
#[test]
fn otlp_example() {
    let Some((summary, _)) = totals("otlp_examples/trace.json", &Options::default()) else {
        return;
    };
    assert_eq!(summary.rows, 0);
    assert_eq!(summary.findings.len(), 1);
}

/// The documented samples of OpenAI's organization API: each is read, and its numbers come through.
#[test]
fn openai_organization_samples() {
    use centinel_engine::usage::UsageClass::{
        CacheReadAudioTokens, CacheReadImageTokens, CacheReadTokens, CacheWrite5mTokens,
        CodeSessions, FileSearchRequests, InputAudioTokens, InputCharacters, InputImageTokens,
        InputMediaMilliseconds, OutputAudioTokens, OutputImageTokens, OutputImages,
        WebSearchRequests,
    };
    let completion = tokens(1000, 500)
        .with(CacheReadTokens, 400)
        .with(CacheWrite5mTokens, 100)
        .with(InputAudioTokens, 100)
        .with(InputImageTokens, 100)
        .with(CacheReadAudioTokens, 50)
        .with(CacheReadImageTokens, 50)
        .with(OutputAudioTokens, 50)
        .with(OutputImageTokens, 50);
    for (name, expected) in [
        ("completions", completion),
        ("embeddings", tokens(16, 0)),
        ("moderations", tokens(16, 0)),
        ("images", Usage::ZERO.with(OutputImages, 2)),
        ("audio_speeches", Usage::ZERO.with(InputCharacters, 45)),
        ("audio_transcriptions", Usage::ZERO.with(InputMediaMilliseconds, 20_000)),
        ("code_interpreter_sessions", Usage::ZERO.with(CodeSessions, 1)),
        ("file_search_calls", Usage::ZERO.with(FileSearchRequests, 2)),
        ("web_search_calls", Usage::ZERO.with(WebSearchRequests, 2)),
        ("vector_stores", Usage::ZERO),
    ] {
        let file = format!("provider_api_samples/openai_organization_usage_{name}.json");
        let Some((summary, totals)) = totals(&file, &Options::default()) else { return };
        assert_eq!(totals.usage, expected, "{name}");
        assert_eq!(summary.accepted, u64::from(name != "vector_stores"), "{name}");
    }
    let file = "provider_api_samples/openai_organization_costs.json";
    let Some((_, totals)) = totals(file, &Options::default()) else { return };
    assert_eq!(totals.billed.to_string(), "0.06");
}
