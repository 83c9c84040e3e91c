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
    resource_spans: Vec<ResourceSpans<'a>>,
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
    let mut batch = Batch::default();
    for resource_spans in payload.resource_spans {
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
    Ok(batch)
}

fn attributes(resource: Option<Resource>) -> Vec<KeyValue> {
    resource.map(|resource| resource.attributes).unwrap_or_default()
}
