//! Small files of every format, whole: what a person would see.

use super::{Notes, describe, report};
use crate::{Format, Options, read};

/// Reads `testdata/<name>` and compares with `testdata/<name>.snap`.
fn check(name: &str, options: &Options) {
    let path = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(&path).unwrap();
    let (folder, name) = path.rsplit_once('/').unwrap();
    insta::with_settings!({
        snapshot_path => folder,
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, report(name, text, options));
    });
}

fn options(state: &[&str], set: &[&str]) -> Options {
    let mut options = Options::default();
    for pair in state {
        options.state_column(pair).unwrap();
    }
    for pair in set {
        options.set_constant(pair).unwrap();
    }
    options
}

#[test]
fn call_log_csv() {
    check("calls.csv", &Options::default());
}

#[test]
fn call_log_with_a_stated_mapping() {
    let mut options = options(
        &["when=at", "in=input_tokens_total", "out=output_tokens_total"],
        &["provider=openai"],
    );
    options.start = Some("2026-11-01T00:00:00Z".parse().unwrap());
    check("stated.csv", &options);
}

#[test]
fn call_log_ndjson() {
    check("calls.ndjson", &Options::default());
}

#[test]
fn litellm_json() {
    check("litellm_spend_logs.json", &Options::default());
}

#[test]
fn litellm_csv() {
    check("litellm_spend_logs.csv", &Options::default());
}

#[test]
fn otlp_json() {
    check("otlp_trace.json", &Options::default());
}

#[test]
fn focus_1_0() {
    check("focus_1_0.csv", &Options::default());
}

#[test]
fn focus_draft_ai() {
    check("focus_draft_ai.csv", &Options::default());
}

#[test]
fn focus_1_4_corrections() {
    check("focus_1_4_corrections.csv", &Options::default());
}

#[test]
fn bills_in_a_providers_own_columns() {
    for name in [
        "aws_cur_2_0.csv",
        "aws_cur_net.csv",
        "azure_actual.csv",
        "azure_amortized_mca.csv",
        "google_billing.ndjson",
        "invoice.csv",
        "contract_commitments.csv",
        "focus_1_2.parquet",
        "calls.parquet",
    ] {
        check(name, &Options::default());
    }
}

/// A bill is the same whatever file holds it.
#[test]
fn bills_as_parquet() {
    for (csv, parquet) in [
        ("aws_cur_2_0.csv", "aws_cur_2_0.parquet"),
        ("google_billing.ndjson", "google_billing.parquet"),
    ] {
        let run = |name: &str| {
            let path = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
            let report = report(name, std::fs::read(path).unwrap(), &Options::default());
            let rows = report.split_once("\n\n").unwrap().1;
            // Lines of positions differ, and so does the row that only a text can have wrong.
            let lines = rows.lines().filter(|line| line.starts_with("  "));
            lines.take_while(|line| !line.contains("rejected")).map(str::to_owned).collect()
        };
        let (mut expected, found): (Vec<String>, Vec<String>) = (run(csv), run(parquet));
        expected.truncate(found.len());
        assert!(found.len() > 15, "{found:?}");
        assert_eq!(found, expected, "{parquet}");
    }
}

/// Parquet that is cut or damaged is one error, and never more than that.
#[test]
fn damaged_parquet() {
    let path = format!("{}/testdata/focus_1_2.parquet", env!("CARGO_MANIFEST_DIR"));
    let whole = std::fs::read(path).unwrap();
    for end in [4, 5, 100, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        let found = report("focus.parquet", &whole[..end], &Options::default());
        assert!(found.starts_with("error: the Parquet file cannot be read: `"), "{end}: {found}");
        assert!(found.contains("hint: is the file whole?"), "{found}");
    }
    let options = Options { bytes_max: whole.len() as u64 - 1, ..Options::default() };
    assert!(report("focus.parquet", &whole, &options).contains("more than"));
    for position in (0..whole.len()).step_by(97) {
        let mut damaged = whole.clone();
        damaged[position] ^= 0xff;
        let found = report("focus.parquet", &damaged, &Options::default());
        assert!(found.lines().next().is_some_and(|line| line.len() < 600), "{found}");
    }
}

#[test]
fn outcomes() {
    check("outcomes.ndjson", &Options::default());
}

#[test]
fn usage_and_cost_reports() {
    for name in [
        "openai/completions.json",
        "openai/other_kinds.ndjson",
        "openai/costs.json",
        "anthropic/usage.json",
        "anthropic/costs.ndjson",
        "openrouter/activity.json",
    ] {
        check(name, &Options::default());
    }
}

#[test]
fn tracing_tools() {
    for name in [
        "langfuse/observations.ndjson",
        "langfuse/observations.csv",
        "helicone/requests.jsonl",
        "helicone/requests.csv",
        "litellm/callbacks.json",
        "bedrock/invocations.ndjson",
        "bedrock/cloudwatch.json",
        "vertex/request_response.ndjson",
        "otlp/conventions.json",
        "opencost/allocation.json",
        "opencost/failed.json",
    ] {
        check(name, &Options::default());
    }
}

#[test]
fn agent_sessions() {
    for name in [
        "sessions/claude_code.jsonl",
        "sessions/rollout-parent.jsonl",
        "sessions/rollout-fork.jsonl",
    ] {
        check(name, &Options::default());
    }
}

/// The same spans as protobuf and as JSON lines are the same calls.
#[test]
fn otlp_in_its_three_forms() {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message as _;
    let json = include_str!("../../testdata/otlp_trace.json");
    let request: ExportTraceServiceRequest = serde_json::from_str(json).unwrap();
    let protobuf = request.encode_to_vec();
    let line = serde_json::to_string(&request).unwrap();
    let run = |format, bytes: &[u8]| {
        let mut notes = Notes::default();
        let result = read(format, bytes, &Options::default(), &mut notes);
        describe(notes, result).split_once("rows").unwrap().1.to_owned()
    };
    let expected = run(Format::OtlpJson, json.as_bytes());
    assert_eq!(run(Format::OtlpProtobuf, &protobuf), expected);
    assert_eq!(run(Format::OtlpNdjson, line.as_bytes()), expected);
}

/// `POST /v1/calls`: each row is judged for itself, and the canonical names are read as they are.
#[test]
fn call_events() {
    let body = br#"{"call_id":"a","at":"2026-11-03T14:05:00Z","provider":"openai","model":"gpt-5.1","feature":"search","usage":{"input_tokens_total":10,"cache_read_tokens":4,"output_tokens_total":2},"cost":0.0000125}
{"call_id":"b","at":"2026-11-03T14:05:00Z","provider":"openai","usage":{"input_tokens_total":10}}
not json
"#;
    let mut notes = Notes::default();
    let result = read(Format::CallEvents, &body[..], &Options::default(), &mut notes);
    insta::assert_snapshot!(describe(notes, result));
}
