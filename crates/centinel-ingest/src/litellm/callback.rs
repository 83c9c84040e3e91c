//! LiteLLM's `StandardLoggingPayload`: what its callbacks and webhooks send, one payload or arrays of
//! them, and what its bucket loggers store.
//!
//! `prompt_tokens` includes cached tokens, whoever the provider is. The id is the `request_id` that
//! the spend log has for the same call, so that both in one source are one call.
//!
//! # Source
//!
//! docs.litellm.ai, "StandardLoggingPayload Specification" and "Generic API"; LiteLLM 1.109.1,
//! `litellm/types/utils.py`.

use centinel_engine::{
    money::Currency,
    series::Dimension,
    usage::{
        Call, CallStatus, Usage,
        UsageClass::{
            self, CacheReadTokens, CacheWrite1hTokens, CacheWrite5mTokens, InputAudioTokens,
            InputImageTokens, InputTokensTotal, OutputAudioTokens, OutputTokensTotal,
            ReasoningTokens, WebSearchRequests,
        },
    },
};

use crate::{
    fields::Fields,
    finding::{FindingStatus, Findings},
    provider_guess::provider_of,
    records::{Output, Record, Records, set_owners},
    sanitize::{credential_id, set_text},
};

/// Reads payloads.
#[derive(Default)]
pub(crate) struct Callbacks;

impl Records for Callbacks {
    fn read(&mut self, record: Record<'_>) -> Result<(), String> {
        let Record { fields, row, options, findings, out, .. } = record;
        let at = fields.instant(&["startTime"], row, findings)?.ok_or("no `startTime`")?;
        let mut call = Call::new(at);
        let id = fields.text(&["id", "litellm_call_id"]).ok_or("no `id`")?;
        set_text(&mut call.call_id, id);
        call.status = status(fields);
        let model = fields.get("model").ok_or("no `model`")?;
        let provider = fields
            .get("custom_llm_provider")
            .or_else(|| Some(model.split_once('/')?.0))
            .or_else(|| provider_of(model))
            .ok_or("no `custom_llm_provider`")?;
        call.labels.set(Dimension::Provider, provider);
        call.labels.set(Dimension::Model, model);
        set_labels(fields, &mut call);
        set_owners(&mut call.labels, fields.below("metadata.spend_logs_metadata"), options);
        set_owners(&mut call.labels, fields.below("metadata.requester_metadata"), options);
        let tags: Vec<String> = fields
            .array("request_tags")
            .and_then(|tags| serde_json::from_str(tags).ok())
            .unwrap_or_default();
        let tags = tags.iter().filter_map(|tag| tag.split_once([':', '=']));
        set_owners(&mut call.labels, tags.map(|(key, value)| (key.trim(), value)), options);
        let text = |paths: &[&str]| fields.text(paths).unwrap_or_default();
        set_text(&mut call.trace_id, text(&["trace_id", "session_id"]));
        let user =
            ["end_user", "metadata.user_api_key_end_user_id", "metadata.user_api_key_user_id"];
        set_text(&mut call.end_user, text(&user));
        if let Ok(Some(ended)) = fields.instant(&["endTime"], row, findings) {
            let micros = ended.as_microsecond().saturating_sub(at.as_microsecond());
            call.latency_ms = u64::try_from(micros / 1_000).ok();
        }
        call.reported_cost = fields
            .decimal(&["response_cost", "cost_breakdown.total_cost"])?
            .map(|cost| (cost, Currency::USD));
        call.usage = usage(fields, call.status, row, findings)?;
        out.push(Output::Call(call));
        Ok(())
    }
}

fn status(fields: &Fields) -> CallStatus {
    if fields.flag("cache_hit") == Some(true) {
        return CallStatus::GatewayCache;
    }
    if fields.get("status") != Some("failure") {
        return CallStatus::Ok;
    }
    let class = fields.get("error_information.error_class").unwrap_or_default();
    let is_aborted = fields.get("error_information.error_code") == Some("499")
        || ["Cancelled", "Disconnect", "Abort"].iter().any(|word| class.contains(word));
    if is_aborted { CallStatus::Aborted } else { CallStatus::Error }
}

fn set_labels(fields: &Fields, call: &mut Call) {
    for (dimension, paths) in [
        (
            Dimension::Team,
            &["metadata.user_api_key_team_alias", "metadata.user_api_key_team_id", "team_id"][..],
        ),
        (
            Dimension::ServiceTier,
            &[
                "cost_breakdown.service_tier",
                "response.service_tier",
                "metadata.usage_object.service_tier",
            ],
        ),
        (Dimension::Region, &["cost_breakdown.data_residency"]),
        (Dimension::BillingAccount, &["metadata.user_api_key_org_id", "organization_id"]),
        (Dimension::Agent, &["agent_id", "metadata.agent_id"]),
    ] {
        call.labels.set(dimension, fields.text(paths).unwrap_or_default());
    }
    let key = fields.text(&["metadata.user_api_key_alias", "metadata.user_api_key_hash"]);
    call.labels.set(Dimension::ApiKey, &credential_id(key.unwrap_or_default()));
}

/// Where the details of the usage stand, best first.
const USAGE_OBJECTS: [&str; 3] = ["metadata.usage_object", "response.usage", "usage_object"];

/// Parts of the usage and their names in it, best first.
const PARTS: [(UsageClass, &[&str]); 8] = [
    (CacheReadTokens, &["cache_read_input_tokens", "prompt_tokens_details.cached_tokens"]),
    (
        CacheWrite5mTokens,
        &["prompt_tokens_details.cache_creation_token_details.ephemeral_5m_input_tokens"],
    ),
    (
        CacheWrite1hTokens,
        &["prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens"],
    ),
    (InputAudioTokens, &["prompt_tokens_details.audio_tokens"]),
    (InputImageTokens, &["prompt_tokens_details.image_tokens"]),
    (ReasoningTokens, &["completion_tokens_details.reasoning_tokens"]),
    (OutputAudioTokens, &["completion_tokens_details.audio_tokens"]),
    (
        WebSearchRequests,
        &["prompt_tokens_details.web_search_requests", "server_tool_use.web_search_requests"],
    ),
];

fn usage(
    fields: &Fields,
    status: CallStatus,
    row: u64,
    findings: &mut Findings,
) -> Result<Usage, String> {
    let prompt = fields.count(&["prompt_tokens"])?;
    let completion = fields.count(&["completion_tokens"])?;
    if prompt.is_none() && completion.is_none() && status == CallStatus::Ok {
        return Err("no token counts".to_owned());
    }
    let part = |names: &[&str]| -> Result<u64, String> {
        for object in USAGE_OBJECTS {
            for name in names {
                if let Some(count) = fields.count(&[&format!("{object}.{name}")])? {
                    return Ok(count);
                }
            }
        }
        Ok(0)
    };
    let mut usage = Usage::ZERO
        .with(InputTokensTotal, prompt.unwrap_or(0))
        .with(OutputTokensTotal, completion.unwrap_or(0));
    for (class, names) in PARTS {
        usage.set(class, part(names)?);
    }
    let written = part(&[
        "cache_creation_input_tokens",
        "prompt_tokens_details.cache_creation_tokens",
        "prompt_tokens_details.cache_write_tokens",
    ])?;
    let rest = written.saturating_sub(usage.cache_write_tokens());
    if rest > 0 {
        let message = "cache writes without a lifetime: taken as 5 minutes";
        findings.row("", FindingStatus::Assumed, message, row);
        usage.set(CacheWrite5mTokens, usage.get(CacheWrite5mTokens).saturating_add(rest));
    }
    usage.check().map_err(|error| error.to_string())?;
    Ok(usage)
}
