//! Helicone's requests: pages of its API, and exports as JSON, JSON lines or CSV.
//!
//! `prompt_tokens` is what the provider's body says: with Anthropic without cached tokens, else with
//! them. `total_tokens` tells which, where it is there.
//!
//! # Source
//!
//! docs.helicone.ai, "Get Requests", `POST /v1/request/query-clickhouse`, schema `HeliconeRequest`;
//! Helicone/helicone pull request 4655 on what the total counts.

use centinel_engine::{
    money::Currency,
    series::Dimension,
    usage::{
        Call, CallStatus, Usage,
        UsageClass::{
            CacheReadTokens, CacheWrite5mTokens, InputAudioTokens, InputTokensTotal,
            OutputAudioTokens, OutputTokensTotal, ReasoningTokens,
        },
    },
};

use crate::{
    calls::{is_disjoint_provider, parse_status},
    fields::Fields,
    finding::{FindingStatus, Findings},
    records::{Output, Record, Records, is_disjoint_total, set_owners, stated},
    sanitize::set_text,
};

/// The id that stands for "no cache".
const NO_CACHE: &str = "00000000-0000-0000-0000-000000000000";

/// Reads requests.
#[derive(Default)]
pub(crate) struct Requests;

impl Records for Requests {
    fn read(&mut self, record: Record<'_>) -> Result<(), String> {
        let Record { fields, row, options, findings, out, .. } = record;
        let at = fields
            .instant(&["request_created_at", "created_at"], row, findings)?
            .ok_or("no `request_created_at`")?;
        let mut call = Call::new(at);
        set_text(&mut call.call_id, fields.text(&["request_id", "id"]).ok_or("no `request_id`")?);
        let model = fields
            .text(&["model_override", "response_model", "model", "request_model"])
            .ok_or("no model")?;
        let provider = stated(options, &Dimension::Provider)
            .or_else(|| fields.get("provider"))
            .ok_or("no provider")?;
        // Helicone shouts (`OPENAI`, `X`); one provider is one series.
        call.labels.set(Dimension::Provider, &provider_name(provider));
        call.labels.set(Dimension::Model, model);
        call.status = status(fields, row, findings);
        call.latency_ms = fields.count(&["delay_ms", "latency"]).ok().flatten();
        set_text(
            &mut call.end_user,
            fields.text(&["request_user_id", "user_id"]).unwrap_or_default(),
        );
        for prefix in ["request_properties", "properties"] {
            set_owners(&mut call.labels, fields.below(prefix), options);
            let session = fields
                .below(prefix)
                .find(|(key, _)| key.eq_ignore_ascii_case("Helicone-Session-Id"));
            if let Some((_, session)) = session {
                set_text(&mut call.trace_id, session);
            }
        }
        if let Some(cost) = fields.decimal(&["costUSD", "cost_usd", "cost"])? {
            call.reported_cost = Some((cost, Currency::USD));
        }
        let is_by_name = is_disjoint_provider(provider, model);
        call.usage = usage(fields, call.status, is_by_name, row, findings)?;
        out.push(Output::Call(call));
        Ok(())
    }
}

fn provider_name(provider: &str) -> String {
    let name = provider.to_ascii_lowercase();
    match name.as_str() {
        "x" => "xai".to_owned(),
        "google" | "google-ai-studio" => "gemini".to_owned(),
        "aws" => "bedrock".to_owned(),
        "vertex" => "vertex_ai".to_owned(),
        _ => name,
    }
}

fn status(fields: &Fields, row: u64, findings: &mut Findings) -> CallStatus {
    let cache = fields.get("cache_reference_id").filter(|id| *id != NO_CACHE);
    if cache.is_some() || fields.flag("cache_hit") == Some(true) {
        return CallStatus::GatewayCache;
    }
    match fields.text(&["response_status", "status"]) {
        None => CallStatus::Ok,
        // Helicone's own codes: cancelled by the caller, and what never came to an answer.
        Some("-3") => CallStatus::Aborted,
        Some(code) if code.starts_with('-') => CallStatus::Error,
        Some(code) => parse_status(code).unwrap_or_else(|| {
            let message = "holds no known status: taken as answered";
            findings.row("response_status", FindingStatus::Nonconforming, message, row);
            CallStatus::Ok
        }),
    }
}

fn usage(
    fields: &Fields,
    status: CallStatus,
    is_disjoint_by_name: bool,
    row: u64,
    findings: &mut Findings,
) -> Result<Usage, String> {
    let prompt = fields.count(&["prompt_tokens"])?;
    let completion = fields.count(&["completion_tokens"])?;
    if prompt.is_none() && completion.is_none() && status == CallStatus::Ok {
        return Err("no token counts".to_owned());
    }
    let count = |paths: &[&str]| fields.count(paths).map(Option::unwrap_or_default);
    let (prompt, completion) = (prompt.unwrap_or(0), completion.unwrap_or(0));
    let read = count(&["prompt_cache_read_tokens"])?;
    let written = count(&["prompt_cache_write_tokens"])?;
    let cached = read.saturating_add(written);
    let total = fields.count(&["total_tokens"])?;
    let is_disjoint = is_disjoint_total(total, prompt.saturating_add(completion), cached)
        .unwrap_or(is_disjoint_by_name);
    if written > 0 {
        let message = "have no lifetime: taken as 5 minutes";
        findings.row("prompt_cache_write_tokens", FindingStatus::Assumed, message, row);
    }
    let usage = Usage::ZERO
        .with(InputTokensTotal, if is_disjoint { prompt.saturating_add(cached) } else { prompt })
        .with(CacheReadTokens, read)
        .with(CacheWrite5mTokens, written)
        .with(InputAudioTokens, count(&["prompt_audio_tokens"])?)
        .with(OutputTokensTotal, completion)
        .with(OutputAudioTokens, count(&["completion_audio_tokens"])?)
        .with(ReasoningTokens, count(&["reasoning_tokens"])?);
    usage.check().map_err(|error| error.to_string())?;
    Ok(usage)
}
