//! Payloads on the wire, protobuf and JSON.
//!
//! JSON is taken apart span by span, so that one span in error costs only itself.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::KeyValue, resource::v1::Resource,
    trace::v1::Span,
};
use prost::Message as _;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::spans::{Batch, Group};
use crate::json;

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow, default, rename = "resourceSpans", alias = "resource_spans")]
    spans: Vec<ResourceSpans<'a>>,
    // What another signal sends; unknown keys are to be ignored, these two are known.
    #[serde(borrow, default, rename = "resourceMetrics", alias = "resource_metrics")]
    metrics: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "resourceLogs", alias = "resource_logs")]
    logs: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ResourceSpans<'a> {
    #[serde(default)]
    resource: Option<Resource>,
    // `instrumentationLibrarySpans` before OTLP 0.15.
    #[serde(
        borrow,
        default,
        rename = "scopeSpans",
        alias = "scope_spans",
        alias = "instrumentationLibrarySpans"
    )]
    scope_spans: Vec<ScopeSpans<'a>>,
}

#[derive(Deserialize)]
struct ScopeSpans<'a> {
    #[serde(borrow, default)]
    spans: Vec<&'a RawValue>,
}

/// Decodes a JSON payload; spans that are none are kept with their reason.
pub(super) fn decode_json(text: &str) -> Result<Batch, String> {
    let payload: Payload<'_> = serde_json::from_str(text).map_err(|error| json::reason(&error))?;
    for (signal, other) in [("metrics", payload.metrics), ("logs", payload.logs)] {
        if other.is_some() {
            return Err(format!("it holds {signal}; only traces are read"));
        }
    }
    let mut batch = Batch::default();
    for resource_spans in payload.spans {
        let spans = resource_spans
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
            .map(|raw| {
                serde_json::from_str::<Span>(raw.get())
                    .map_err(|error| (format!("not a span: {error}"), raw.get().to_owned()))
            })
            .collect();
        batch.groups.push(Group { resource: attributes(resource_spans.resource), spans });
    }
    Ok(batch)
}

/// Decodes a protobuf payload.
pub(super) fn decode_protobuf(payload: &[u8]) -> Result<Batch, String> {
    let request = ExportTraceServiceRequest::decode(payload).map_err(|error| error.to_string())?;
    let mut batch = Batch::default();
    for resource_spans in request.resource_spans {
        let spans = resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans);
        batch.groups.push(Group {
            resource: attributes(resource_spans.resource),
            spans: spans.map(Ok).collect(),
        });
    }
    // Metrics and logs have messages in the same places, which decode into spans without ids.
    let spans = || batch.groups.iter().flat_map(|group| group.spans.iter().flatten());
    let has_ids = |span: &Span| span.trace_id.len() == 16 && span.span_id.len() == 8;
    if spans().next().is_some() && !spans().any(has_ids) {
        return Err(
            "no span has ids of 16 and 8 bytes: perhaps it holds metrics or logs".to_owned()
        );
    }
    Ok(batch)
}

fn attributes(resource: Option<Resource>) -> Vec<KeyValue> {
    resource.map(|resource| resource.attributes).unwrap_or_default()
}
