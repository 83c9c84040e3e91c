//! Files and payloads: of every input, accepted and rejected rows add up to the rows read.

use centinel_engine::{
    focus::Charge,
    usage::{Call, Outcome},
};
use centinel_ingest::{
    Format, Options, Position, ReadError, Rejected, Sink, SinkError, Summary, Table, detect_format,
    read, read_detected,
};

use crate::driver::{Seen, Target, check};

/// Counts what it gets, and looks at what must hold of every row.
#[derive(Default)]
struct Counts {
    accepted: u64,
    rejected: u64,
    seen: Seen,
}

impl Sink for Counts {
    fn call(&mut self, _at: &Position, call: &Call) -> Result<(), SinkError> {
        self.accepted += 1;
        let usage = call.usage.check();
        assert!(usage.is_ok(), "an accepted call contradicts itself: {usage:?}");
        Ok(())
    }

    fn charge(&mut self, _at: &Position, charge: &Charge) -> Result<(), SinkError> {
        self.accepted += 1;
        let period = charge.charge_period;
        assert!(period.start < period.end, "an accepted charge lasts no time");
        Ok(())
    }

    fn outcome(&mut self, _at: &Position, outcome: &Outcome) -> Result<(), SinkError> {
        self.accepted += 1;
        assert!(!outcome.quantity.is_negative(), "a negative outcome");
        Ok(())
    }

    fn rejected(&mut self, rejected: Rejected) -> Result<(), SinkError> {
        self.rejected += 1;
        let Rejected { reason, raw, .. } = rejected;
        assert!(!reason.is_empty() && !reason.contains(char::is_control), "reason: {reason:?}");
        assert!(raw.len() <= Rejected::RAW_BYTES_MAX, "{} bytes of a row kept", raw.len());
        self.seen.text(&reason);
        Ok(())
    }
}

fn judge(counts: Counts, result: Result<Summary, ReadError>) -> Seen {
    let mut seen = counts.seen;
    match result {
        Ok(summary) => {
            assert_eq!(summary.rows, summary.accepted + summary.rejected);
            assert_eq!((summary.accepted, summary.rejected), (counts.accepted, counts.rejected));
            seen.count(summary.accepted);
            for finding in &summary.findings {
                assert!(!finding.to_string().contains(char::is_control), "{finding}");
                seen.text(&finding.message);
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains(char::is_control), "{text:?}");
            seen.text(&text);
        }
    }
    seen
}

fn run(format: Format, input: &[u8]) -> Seen {
    let mut counts = Counts::default();
    let result = read(format, input, &Options::default(), &mut counts);
    judge(counts, result)
}

fn target(name: &'static str, format: Format, seeds: &[&[u8]], words: &'static [&'static str]) {
    let seeds = seeds.iter().flat_map(|seed| parts(seed)).collect();
    check(&Target { name, seeds, words, run: &|input| run(format, input) });
}

/// A file, and where it is one of rows also every pair of its rows as a file: short inputs run faster.
fn parts(seed: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![seed.to_vec()];
    let Ok(text) = str::from_utf8(seed) else { return parts };
    let lines: Vec<&str> = text.lines().collect();
    let is_json = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    let (head, rows) = match lines.split_first() {
        Some((_, [_, _, _, ..])) if lines.iter().all(is_json) => ("", &lines[..]),
        Some((head, rows @ [_, _, _, ..])) if head.contains(',') => (*head, rows),
        _ => return parts,
    };
    parts.extend(rows.chunks(2).map(|pair| [&[head], pair].concat().join("\n").into_bytes()));
    parts
}

macro_rules! seed {
    ($name:literal) => {
        include_bytes!(concat!("../../crates/centinel-ingest/testdata/", $name)).as_slice()
    };
}

#[test]
fn focus_csv() {
    let exported: &[u8] = b"BilledCost,BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,\
        EffectiveCost,ProviderName,Tags,x_CentinelAssumed,x_CostRemainder,x_Team,x_TokenClass,x_CentinelEscaped\n\
        1,USD,Usage,2026-10-02T00:00:00Z,2026-10-01T00:00:00Z,1,'=p,\"{\"\"a\"\":\"\"b\"\"}\",ChargeCategory,\
        0.0000000000000001,'-t,input,ProviderName x_Team\n";
    target(
        "focus_csv",
        Format::FocusCsv,
        &[seed!("focus_1_0.csv"), seed!("focus_draft_ai.csv"), exported],
        &[
            "EffectiveCost",
            "ChargePeriodStart",
            "ChargePeriodEnd",
            "Usage",
            "Credit",
            "Correction",
            "USD",
            "EUR",
            "Used",
            "Unused",
            "{\"team\":\"a\"}",
            "{'team': 'a'}",
            "\"team\": \"a\"",
            "[{\"key\":\"team\",\"value\":\"a\"}]",
            "x_CentinelAssumed",
            "x_CentinelEscaped",
        ],
    );
}

#[test]
fn call_log_csv() {
    target(
        "call_log_csv",
        Format::CallLogCsv,
        &[seed!("calls.csv"), seed!("stated.csv")],
        &[
            "timestamp",
            "provider",
            "model",
            "prompt_tokens",
            "cached_tokens",
            "status",
            "tag:a",
            "error",
        ],
    );
}

const CALL_KEYS: [&str; 12] = [
    "\"usage\":{",
    "\"at\":",
    "\"provider\":",
    "\"model\":",
    "\"input_tokens_total\":",
    "\"cached_tokens\":",
    "\"output_tokens\":",
    "\"status\":",
    "\"cost\":",
    "\"cache_creation\":{",
    "\"latency_ms\":",
    "\"calls\":",
];

#[test]
fn call_log_ndjson() {
    let array = b"{\"data\":[{\"at\":\"2026-11-03T14:05:00Z\",\"provider\":\"openai\",\"model\":\"m\",\"usage\":{\"prompt_tokens\":3}}]}";
    target("call_log_ndjson", Format::CallLogNdjson, &[seed!("calls.ndjson"), array], &CALL_KEYS);
}

#[test]
fn call_events() {
    target("call_events", Format::CallEvents, &[seed!("calls.ndjson")], &CALL_KEYS);
}

const LITELLM_KEYS: [&str; 8] = [
    "\"metadata\":",
    "\"usage_object\":{",
    "\"request_tags\":[",
    "\"startTime\":",
    "\"spend\":",
    "\"custom_llm_provider\":",
    "\"cache_hit\":",
    "additional_usage_values",
];

#[test]
fn litellm_json() {
    target("litellm_json", Format::LiteLlmJson, &[seed!("litellm_spend_logs.json")], &LITELLM_KEYS);
}

#[test]
fn litellm_csv() {
    target("litellm_csv", Format::LiteLlmCsv, &[seed!("litellm_spend_logs.csv")], &LITELLM_KEYS);
}

const OTLP_KEYS: [&str; 10] = [
    "\"resourceSpans\":[",
    "\"scopeSpans\":[",
    "\"spans\":[",
    "\"attributes\":[",
    "\"intValue\":",
    "\"stringValue\":",
    "gen_ai.usage.input_tokens",
    "gen_ai.operation.name",
    "invoke_agent",
    "\"traceId\":",
];

#[test]
fn otlp_json() {
    target("otlp_json", Format::OtlpJson, &[seed!("otlp_trace.json")], &OTLP_KEYS);
}

#[test]
fn otlp_ndjson() {
    let one_line: Vec<u8> =
        seed!("otlp_trace.json").iter().copied().filter(|&b| b != b'\n').collect();
    let twice = [&one_line[..], b"\n", &one_line, b"\n"].concat();
    target("otlp_ndjson", Format::OtlpNdjson, &[&twice], &OTLP_KEYS);
}

#[test]
fn otlp_protobuf() {
    target("otlp_protobuf", Format::OtlpProtobuf, &[&protobuf()], &["gen_ai.usage.input_tokens"]);
}

/// An OTLP request with one span, written by hand: tag, length, content.
fn protobuf() -> Vec<u8> {
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        let mut length = content.len();
        while length > 127 {
            bytes.push(u8::try_from(length % 128).unwrap() | 128);
            length /= 128;
        }
        bytes.push(u8::try_from(length).unwrap());
        bytes.extend_from_slice(content);
        bytes
    }
    let text = |key: &str, value: &str| {
        field(9, &[field(1, key.as_bytes()), field(2, &field(1, value.as_bytes()))].concat())
    };
    let whole = |key: &str, value: u8| {
        field(9, &[field(1, key.as_bytes()), field(2, &[0x18, value])].concat())
    };
    let mut start = vec![7 << 3 | 1];
    start.extend_from_slice(&1_790_000_000_000_000_000_u64.to_le_bytes());
    let span = [
        field(1, &[1; 16]),
        field(2, &[2; 8]),
        start,
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.provider.name", "openai"),
        text("gen_ai.request.model", "gpt-5.1"),
        whole("gen_ai.usage.input_tokens", 100),
        whole("gen_ai.usage.output_tokens", 7),
    ]
    .concat();
    field(1, &field(2, &field(2, &span)))
}

#[test]
fn the_protobuf_seed_is_a_call() {
    let mut counts = Counts::default();
    read(Format::OtlpProtobuf, &protobuf()[..], &Options::default(), &mut counts).unwrap();
    assert_eq!((counts.accepted, counts.rejected), (1, 0));
}

#[test]
fn outcomes() {
    target(
        "outcomes",
        Format::Outcomes,
        &[seed!("outcomes.ndjson")],
        &["\"quantity\":", "\"kind\":"],
    );
}

const REPORT_KEYS: [&str; 8] = [
    "\"results\":[",
    "\"start_time\":",
    "\"amount\":{",
    "\"value\":",
    "\"has_more\":",
    "\"input_tokens\":",
    "\"cache_creation\":{",
    "\"quantity\":",
];

#[test]
fn provider_reports() {
    for (name, format, seed) in [
        ("openai_usage", Format::OpenAiUsage, seed!("openai/completions.json")),
        ("openai_kinds", Format::OpenAiUsage, seed!("openai/other_kinds.ndjson")),
        ("openai_costs", Format::OpenAiCosts, seed!("openai/costs.json")),
        ("anthropic_usage", Format::AnthropicUsage, seed!("anthropic/usage.json")),
        ("anthropic_costs", Format::AnthropicCosts, seed!("anthropic/costs.ndjson")),
        ("openrouter", Format::OpenRouterActivity, seed!("openrouter/activity.json")),
        ("opencost", Format::OpenCost, seed!("opencost/allocation.json")),
    ] {
        target(name, format, &[seed], &REPORT_KEYS);
    }
}

#[test]
fn tracing_tools() {
    for (name, format, seed) in [
        ("langfuse_json", Format::LangfuseJson, seed!("langfuse/observations.ndjson")),
        ("langfuse_csv", Format::LangfuseCsv, seed!("langfuse/observations.csv")),
        ("helicone_json", Format::HeliconeJson, seed!("helicone/requests.jsonl")),
        ("helicone_csv", Format::HeliconeCsv, seed!("helicone/requests.csv")),
        ("litellm_callback", Format::LiteLlmCallback, seed!("litellm/callbacks.json")),
    ] {
        target(name, format, &[seed], &["\"usageDetails\":{", "\"metadata\":{", "\"model\":"]);
    }
}

#[test]
fn session_logs() {
    let claude = seed!("sessions/claude_code.jsonl");
    target("claude_code", Format::ClaudeCode, &[claude], &["\"message\":{", "\"usage\":{"]);
    let codex = [seed!("sessions/rollout-parent.jsonl"), seed!("sessions/rollout-fork.jsonl")];
    target("codex", Format::Codex, &codex, &["\"payload\":{", "\"total_token_usage\":{"]);
}

const CONTRACT_KEYS: [&str; 2] = ["ContractCommitmentCost", "ContractPeriodEnd"];
const GOOGLE_KEYS: [&str; 4] = ["\"credits\":[", "\"cost_type\":", "\"labels\":[", "\"usage\":{"];
const AZURE_KEYS: [&str; 4] =
    ["ChargeType", "UnusedReservation", "costInBillingCurrency", "Refund"];
const AWS_KEYS: [&str; 4] =
    ["line_item_line_item_type", "SavingsPlanCoveredUsage", "DiscountedUsage", "Tax"];
const CLOUD_LOG_KEYS: [&str; 3] =
    ["\"inputTokenCount\":", "\"outputBodyJson\":{", "\"logEvents\":["];

/// Bills in columns of a provider's own, and what stands beside a bill.
#[test]
fn bills() {
    let aws = [seed!("aws_cur_2_0.csv"), seed!("aws_cur_net.csv")];
    target("aws_cur", Format::AwsCur, &aws, &AWS_KEYS);
    let azure = [seed!("azure_actual.csv"), seed!("azure_amortized_mca.csv")];
    target("azure_cost", Format::AzureCost, &azure, &AZURE_KEYS);
    let google = [seed!("google_billing.ndjson")];
    target("google_billing", Format::GoogleBilling, &google, &GOOGLE_KEYS);
    target("invoice", Format::Invoice, &[seed!("invoice.csv")], &["amount", "period", "currency"]);
    let commitments = [seed!("contract_commitments.csv")];
    target("contract_commitments", Format::ContractCommitments, &commitments, &CONTRACT_KEYS);
}

/// Logs that clouds keep of model calls.
#[test]
fn cloud_logs() {
    let bedrock = [seed!("bedrock/invocations.ndjson"), seed!("bedrock/cloudwatch.json")];
    target("bedrock_log", Format::BedrockLog, &bedrock, &CLOUD_LOG_KEYS);
    let vertex = [seed!("vertex/request_response.ndjson")];
    target(
        "vertex_log",
        Format::VertexLog,
        &vertex,
        &["\"full_response\":", "\"usageMetadata\":{"],
    );
}

/// Parquet files of each kind of row; the words are bytes of its encodings.
#[test]
fn parquet() {
    const WORDS: [&str; 4] = ["PAR1", "\u{15}", "\u{0}\u{0}\u{0}", "\u{7f}\u{7f}\u{7f}\u{7f}"];
    for (name, format, seed) in [
        ("focus_parquet", Format::FocusParquet, seed!("focus_1_2.parquet")),
        ("call_log_parquet", Format::CallLogParquet, seed!("calls.parquet")),
        ("google_parquet", Format::GoogleBilling, seed!("google_billing.parquet")),
    ] {
        target(name, format, &[seed], &WORDS);
    }
}

/// What nobody says: the format is seen from the bytes, so any target may be met.
#[test]
fn detected() {
    let seeds = vec![
        seed!("calls.csv").to_vec(),
        seed!("calls.ndjson").to_vec(),
        seed!("focus_1_0.csv").to_vec(),
        seed!("litellm_spend_logs.json").to_vec(),
        seed!("otlp_trace.json").to_vec(),
        seed!("outcomes.ndjson").to_vec(),
    ];
    let run = |input: &[u8]| {
        let _ = detect_format(input, "a.csv");
        let mut counts = Counts::default();
        let result = read_detected("", input, &Options::default(), &mut counts);
        judge(counts, result)
    };
    check(&Target { name: "detected", seeds, words: &["PAR1", "PK\u{3}\u{4}", "%PDF"], run: &run });
}

/// The tables of the engine's commands: a row has as many fields as the header, or a reason.
#[test]
fn tables() {
    let seeds = [
        "series,date,cost\na,2026-10-01,10\na,2026-10-02,\"11\"\n",
        "model;side;calls\r\nm;before;1\r\n\r\nm;after;2\r\n",
        "timestamp,usage_on_demand_cost\n2026-10-01T00:00:00Z,1.5\n",
    ];
    let run = |input: &[u8]| {
        let mut seen = Seen::default();
        let table = Table::open(input);
        seen.text(&table.as_ref().err().map_or("ok".to_owned(), ToString::to_string));
        let Ok(mut table) = table else { return seen };
        let width = table.header().len();
        let mut line = 1;
        while let Ok(Some(row)) = table.next_row() {
            // Lines are counted by `\n`: a lone `\r` ends a row, not a line.
            assert!(row.line >= line, "line {} after line {line}", row.line);
            line = row.line;
            match row.fields {
                Ok(fields) => assert_eq!(fields.iter().count(), width),
                Err(reason) => {
                    assert!(!reason.is_empty() && !reason.contains(char::is_control), "{reason:?}");
                    seen.text(&reason);
                }
            }
        }
        seen
    };
    let seeds = seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    check(&Target { name: "tables", seeds, words: &[], run: &run });
}

/// Instants in all their spellings, alone in the column of a call log.
#[test]
fn timestamps() {
    let seeds = [
        "2026-11-03T14:05:00Z",
        "2026-11-03 14:05:00.123456789",
        "2026-11-03T14:05:00+05:30",
        "1762178700",
        "1762178700123",
        "1762178700.5",
        "2026-11-03",
        "03/Nov/2026:14:05:00 +0000",
        "Tue, 3 Nov 2026",
    ];
    let run = |input: &[u8]| {
        let head = b"at,provider,model,input_tokens,output_tokens\n".as_slice();
        let file = [head, input, b",openai,gpt-5.1,1,2\n"].concat();
        run(Format::CallLogCsv, &file)
    };
    let seeds = seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    check(&Target {
        name: "timestamps",
        seeds,
        words: &["T", "Z", "+00:00", ":", "-", "."],
        run: &run,
    });
}
