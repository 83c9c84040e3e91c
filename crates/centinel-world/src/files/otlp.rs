//! OpenTelemetry GenAI spans: one OTLP `ExportTraceServiceRequest` a line, one trace in each.
//!
//! Source: the OTLP JSON encoding (ids in hex, 64-bit integers as strings) and the GenAI semantic
//! conventions: `gen_ai.usage.input_tokens` includes cache reads and writes, output includes
//! reasoning. The `invoke_agent` span on top repeats the sums of its children, as agents' SDKs do:
//! whoever counts it counts every token twice.

use std::io;

use centinel_engine::usage::CallStatus;
use serde::Serialize;

use super::sink::Sink;
use crate::traffic::Call;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    resource_spans: [ResourceSpans; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    resource: Resource,
    scope_spans: [ScopeSpans; 1],
}

#[derive(Serialize)]
struct Resource {
    attributes: Vec<Attribute>,
}

#[derive(Serialize)]
struct ScopeSpans {
    scope: Scope,
    spans: Vec<Span>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    trace_id: String,
    #[serde(rename = "spanId")]
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    name: String,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

#[derive(Serialize)]
struct Status {
    code: u8,
}

#[derive(Serialize)]
struct Attribute {
    key: &'static str,
    value: Value,
}

#[derive(Serialize)]
enum Value {
    #[serde(rename = "stringValue")]
    Text(String),
    #[serde(rename = "intValue")]
    Integer(String),
}

const KIND_INTERNAL: u8 = 1;
const KIND_CLIENT: u8 = 3;
const STATUS_ERROR: u8 = 2;

/// Writes the calls of one trace, and the agent's span above them.
pub(crate) fn write(sink: &mut Sink, calls: &[Call]) -> io::Result<()> {
    let (Some(first), Some(last)) = (calls.first(), calls.last()) else { return Ok(()) };
    let root = span_id(first.trace);
    let mut spans = vec![Span {
        trace_id: format!("{:032x}", first.trace),
        id: root.clone(),
        parent_span_id: None,
        name: format!("invoke_agent {}", first.feature.application),
        kind: KIND_INTERNAL,
        start_time_unix_nano: nanos(first, 0),
        end_time_unix_nano: nanos(last, last.latency_ms),
        attributes: agent_attributes(first, calls),
        status: None,
    }];
    spans.extend(calls.iter().map(|call| Span {
        trace_id: format!("{:032x}", call.trace),
        id: span_id(call.id),
        parent_span_id: Some(root.clone()),
        name: format!("chat {}", call.model.id),
        kind: KIND_CLIENT,
        start_time_unix_nano: nanos(call, 0),
        end_time_unix_nano: nanos(call, call.latency_ms),
        attributes: call_attributes(call),
        status: (call.status == CallStatus::Error).then_some(Status { code: STATUS_ERROR }),
    }));
    let resource = Resource {
        attributes: vec![
            text("service.name", first.feature.application),
            text("deployment.environment.name", "production"),
            text("cloud.region", first.feature.region),
        ],
    };
    let scope = Scope { name: "halden.agents", version: "3.2.0" };
    sink.json_line(&Request {
        resource_spans: [ResourceSpans { resource, scope_spans: [ScopeSpans { scope, spans }] }],
    })
}

fn agent_attributes(first: &Call, calls: &[Call]) -> Vec<Attribute> {
    let sum = |count: fn(&Call) -> u64| calls.iter().map(count).sum::<u64>();
    let mut attributes = vec![
        text("gen_ai.operation.name", "invoke_agent"),
        text("gen_ai.provider.name", first.model.provider.otel_name()),
        text("gen_ai.agent.name", first.feature.application),
        text("gen_ai.request.model", first.model.id),
        integer("gen_ai.usage.input_tokens", sum(|call| call.input)),
        integer("gen_ai.usage.cache_read.input_tokens", sum(|call| call.cache_read)),
        integer("gen_ai.usage.output_tokens", sum(|call| call.output)),
    ];
    attributes.extend(owner(first));
    attributes
}

fn call_attributes(call: &Call) -> Vec<Attribute> {
    let mut attributes = vec![
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.provider.name", call.model.provider.otel_name()),
        text("gen_ai.agent.name", call.feature.application),
        text("gen_ai.request.model", call.model.id),
        text("gen_ai.response.model", call.model.id),
        Attribute {
            key: "gen_ai.response.id",
            value: Value::Text(format!("resp_{:032x}", call.id)),
        },
        integer("gen_ai.usage.input_tokens", call.input),
        integer("gen_ai.usage.output_tokens", call.output),
    ];
    for (key, count) in [
        ("gen_ai.usage.cache_read.input_tokens", call.cache_read),
        ("gen_ai.usage.cache_creation.input_tokens", call.cache_write),
        ("gen_ai.usage.reasoning.output_tokens", call.reasoning),
    ] {
        if count > 0 {
            attributes.push(integer(key, count));
        }
    }
    if call.status == CallStatus::Error {
        attributes.push(text("error.type", "timeout"));
    }
    attributes.extend(owner(call));
    attributes
}

fn owner(call: &Call) -> impl Iterator<Item = Attribute> {
    let tags = [
        text("feature", call.feature.name),
        text("team", call.feature.team),
        text("process", call.feature.process),
    ];
    tags.into_iter().filter(|_| call.is_tagged)
}

fn text(key: &'static str, value: &str) -> Attribute {
    Attribute { key, value: Value::Text(value.to_owned()) }
}

fn integer(key: &'static str, value: u64) -> Attribute {
    Attribute { key, value: Value::Integer(value.to_string()) }
}

fn nanos(call: &Call, after_ms: u64) -> String {
    (call.at.as_nanosecond() + i128::from(after_ms) * 1_000_000).to_string()
}

/// The low half of a 128-bit id.
fn span_id(id: u128) -> String {
    format!("{:016x}", id & u128::from(u64::MAX))
}
