//! The in-house SDK's call log: CSV in a form of Halden's own. `input_tokens` includes
//! `cached_tokens`, `output_tokens` includes `reasoning_tokens`.

use std::io;

use centinel_engine::usage::CallStatus;
use jiff::Timestamp;
use serde::Serialize;

use super::sink::Sink;
use crate::{organisation::Family, traffic::Call};

#[derive(Serialize)]
struct Row {
    request_id: String,
    timestamp: Timestamp,
    provider: &'static str,
    model: &'static str,
    input_tokens: u64,
    cached_tokens: u64,
    output_tokens: u64,
    reasoning_tokens: u64,
    feature: &'static str,
    team: &'static str,
    environment: &'static str,
    agent: &'static str,
    customer: String,
    latency_ms: u64,
    status: &'static str,
}

/// Writes one call; the first one writes the header.
pub(crate) fn write(out: &mut csv::Writer<Sink>, call: &Call) -> io::Result<()> {
    let tagged = |text| if call.is_tagged { text } else { "" };
    let is_agent = call.feature.family == Family::Agent;
    out.serialize(Row {
        request_id: format!("req_{:032x}", call.id),
        timestamp: call.at,
        provider: call.model.provider.litellm_name(),
        model: call.model.id,
        input_tokens: call.input,
        cached_tokens: call.cache_read,
        output_tokens: call.output,
        reasoning_tokens: call.reasoning,
        feature: tagged(call.feature.name),
        team: tagged(call.feature.team),
        environment: "production",
        agent: if is_agent { call.feature.application } else { "" },
        customer: format!("customer-{:04}", call.customer),
        latency_ms: call.latency_ms,
        status: match call.status {
            CallStatus::Ok => "ok",
            CallStatus::Error => "error",
            CallStatus::Aborted => "aborted",
            CallStatus::GatewayCache => "cached",
        },
    })?;
    Ok(())
}
