//! Whatever the bytes: no panic, and nothing lost.

use proptest::prelude::*;

use super::{Notes, Options, read, read_detected};
use crate::Format;

const FORMATS: [Format; 30] = [
    Format::AwsCur,
    Format::AzureCost,
    Format::GoogleBilling,
    Format::Invoice,
    Format::ContractCommitments,
    Format::FocusCsv,
    Format::CallLogCsv,
    Format::CallLogNdjson,
    Format::CallEvents,
    Format::LiteLlmJson,
    Format::LiteLlmCsv,
    Format::OtlpJson,
    Format::OtlpNdjson,
    Format::OtlpProtobuf,
    Format::Outcomes,
    Format::OpenAiUsage,
    Format::OpenAiCosts,
    Format::AnthropicUsage,
    Format::AnthropicCosts,
    Format::OpenRouterActivity,
    Format::LiteLlmCallback,
    Format::OpenCost,
    Format::BedrockLog,
    Format::VertexLog,
    Format::ClaudeCode,
    Format::Codex,
    Format::LangfuseJson,
    Format::LangfuseCsv,
    Format::HeliconeJson,
    Format::HeliconeCsv,
];

const SEEDS: [&[u8]; 32] = [
    include_bytes!("../../testdata/aws_cur_2_0.csv"),
    include_bytes!("../../testdata/azure_actual.csv"),
    include_bytes!("../../testdata/google_billing.ndjson"),
    include_bytes!("../../testdata/invoice.csv"),
    include_bytes!("../../testdata/contract_commitments.csv"),
    include_bytes!("../../testdata/calls.csv"),
    include_bytes!("../../testdata/calls.ndjson"),
    include_bytes!("../../testdata/litellm_spend_logs.json"),
    include_bytes!("../../testdata/litellm_spend_logs.csv"),
    include_bytes!("../../testdata/otlp_trace.json"),
    include_bytes!("../../testdata/focus_1_0.csv"),
    include_bytes!("../../testdata/focus_draft_ai.csv"),
    include_bytes!("../../testdata/outcomes.ndjson"),
    include_bytes!("../../testdata/openai/completions.json"),
    include_bytes!("../../testdata/openai/other_kinds.ndjson"),
    include_bytes!("../../testdata/openai/costs.json"),
    include_bytes!("../../testdata/anthropic/usage.json"),
    include_bytes!("../../testdata/anthropic/costs.ndjson"),
    include_bytes!("../../testdata/openrouter/activity.json"),
    include_bytes!("../../testdata/litellm/callbacks.json"),
    include_bytes!("../../testdata/bedrock/invocations.ndjson"),
    include_bytes!("../../testdata/bedrock/cloudwatch.json"),
    include_bytes!("../../testdata/vertex/request_response.ndjson"),
    include_bytes!("../../testdata/opencost/allocation.json"),
    include_bytes!("../../testdata/otlp/conventions.json"),
    include_bytes!("../../testdata/sessions/claude_code.jsonl"),
    include_bytes!("../../testdata/sessions/rollout-parent.jsonl"),
    include_bytes!("../../testdata/sessions/rollout-fork.jsonl"),
    include_bytes!("../../testdata/langfuse/observations.ndjson"),
    include_bytes!("../../testdata/langfuse/observations.csv"),
    include_bytes!("../../testdata/helicone/requests.jsonl"),
    include_bytes!("../../testdata/helicone/requests.csv"),
];

fn run(format: Option<Format>, bytes: &[u8]) {
    let mut notes = Notes::default();
    let options = Options::default();
    let result = match format {
        Some(format) => read(format, bytes, &options, &mut notes),
        None => read_detected("", bytes, &options, &mut notes),
    };
    if let Ok(summary) = result {
        assert_eq!(summary.accepted + summary.rejected, summary.rows);
        assert_eq!(summary.accepted, notes.accepted);
        assert_eq!(summary.rejected, notes.rejected.len() as u64);
    }
    for rejected in &notes.rejected {
        assert!(!rejected.reason.is_empty() && !rejected.reason.contains('\n'));
        assert!(rejected.raw.len() <= crate::Rejected::RAW_BYTES_MAX);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), format in 0..FORMATS.len()) {
        run(Some(FORMATS[format]), &bytes);
        run(None, &bytes);
    }

    /// Files of ours with bytes changed, taken out and put in.
    #[test]
    fn damaged_files(
        seed in 0..SEEDS.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"\",\n\r{}[]:-0 \\\xff\x00N"[..]), 0..3_u8), 1..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = SEEDS[seed].to_vec();
        for (index, byte, kind) in damage {
            let position = index.index(bytes.len());
            match kind {
                0 => bytes[position] = byte,
                1 => bytes.insert(position, byte),
                _ => { bytes.remove(position); }
            }
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        run(None, &bytes);
    }
}
