//! LiteLLM spend logs: rows of `LiteLLM_SpendLogs`, one JSON object a line.
//!
//! Source: `LiteLLM_SpendLogs` in that project's `schema.prisma` (1.109). As there, `prompt_tokens`
//! includes cache reads and writes for every provider, and the split is inside
//! `metadata.usage_object`.

use std::io;

use centinel_engine::{money::Pico, usage::CallStatus};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::sink::Sink;
use crate::{organisation::Feature, traffic::Call};

#[derive(Serialize)]
struct SpendLog<'a> {
    request_id: String,
    call_type: &'static str,
    api_key: &'a str,
    /// LiteLLM computes and stores a float; 0 where it knows no price.
    spend: f64,
    total_tokens: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    #[serde(rename = "startTime")]
    start_time: Timestamp,
    #[serde(rename = "endTime")]
    end_time: Timestamp,
    request_duration_ms: u64,
    model: &'static str,
    model_group: &'static str,
    custom_llm_provider: &'static str,
    api_base: &'static str,
    metadata: Metadata<'a>,
    cache_hit: &'static str,
    request_tags: &'a [String],
    team_id: Option<&'static str>,
    end_user: Option<String>,
    session_id: String,
    status: &'static str,
}

#[derive(Serialize)]
struct Metadata<'a> {
    user_api_key_alias: &'a str,
    user_api_key_team_alias: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempted_retries: Option<u8>,
    usage_object: UsageObject,
}

#[derive(Serialize)]
struct UsageObject {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
    cache_read_input_tokens: u64,
    cache_creation_input_tokens: u64,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
}

/// What every row of a feature repeats.
pub(crate) struct Key {
    alias: String,
    hash: String,
    tags: Vec<String>,
}

/// The alias of the gateway key that a feature's application uses.
pub(crate) fn key_alias(feature: &Feature) -> String {
    format!("{}-{}", feature.application, feature.name)
}

impl Key {
    pub(crate) fn of(feature: &Feature) -> Self {
        let alias = key_alias(feature);
        Self {
            hash: format!("{:064x}", Sha256::digest(alias.as_bytes())),
            tags: vec![
                format!("feature:{}", feature.name),
                format!("process:{}", feature.process),
                format!("application:{}", feature.application),
                "environment:production".to_owned(),
                format!("region:{}", feature.region),
            ],
            alias,
        }
    }
}

/// Writes one call.
pub(crate) fn write(sink: &mut Sink, call: &Call, key: &Key) -> io::Result<()> {
    let from_cache = call.status == CallStatus::GatewayCache;
    let duration = SignedDuration::from_millis(i64::try_from(call.latency_ms).unwrap_or(i64::MAX));
    let total = call.input + call.output;
    sink.json_line(&SpendLog {
        request_id: format!("chatcmpl-{:032x}", call.id),
        call_type: "acompletion",
        api_key: &key.hash,
        spend: call.cost().map_or(0.0, Pico::to_f64),
        total_tokens: total,
        prompt_tokens: call.input,
        completion_tokens: call.output,
        start_time: call.at,
        end_time: call.at.checked_add(duration).unwrap_or(call.at),
        request_duration_ms: call.latency_ms,
        model: call.model.id,
        model_group: call.model.id,
        custom_llm_provider: call.model.provider.litellm_name(),
        api_base: call.model.provider.api_base(),
        metadata: Metadata {
            user_api_key_alias: &key.alias,
            user_api_key_team_alias: call.is_tagged.then_some(call.feature.team),
            attempted_retries: call.is_retry.then_some(1),
            usage_object: UsageObject {
                prompt_tokens: call.input,
                completion_tokens: call.output,
                total_tokens: total,
                prompt_tokens_details: PromptDetails { cached_tokens: call.cache_read },
                completion_tokens_details: CompletionDetails { reasoning_tokens: call.reasoning },
                cache_read_input_tokens: call.cache_read,
                cache_creation_input_tokens: call.cache_write,
            },
        },
        cache_hit: if from_cache { "True" } else { "False" },
        request_tags: if call.is_tagged { &key.tags } else { &[] },
        team_id: call.is_tagged.then_some(call.feature.team),
        end_user: call.is_tagged.then(|| format!("customer-{:04}", call.customer)),
        session_id: format!("{:032x}", call.trace),
        status: if call.status == CallStatus::Error { "failure" } else { "success" },
    })
}
