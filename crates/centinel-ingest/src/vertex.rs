//! Vertex AI's request-response logs: rows of the BigQuery table, exported as JSON.
//!
//! The usage is read by the engine from `full_response`, an object, an array of a stream's chunks, or
//! either as text. The table may hold a sample of the calls only; nothing in a row says so.
//!
//! # Source
//!
//! docs.cloud.google.com, "Log requests and responses" (the table's columns); Vertex AI API,
//! `GenerateContentResponse.UsageMetadata`.

use centinel_engine::{
    series::Dimension,
    usage::{Call, CallStatus, Usage, extract::Extractor},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    finding::FindingStatus,
    json,
    records::{Output, Record, Records, set_owners},
    sanitize::set_text,
};

const PROVIDER: &str = "vertex_ai";

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Row<'a> {
    #[serde(borrow, default)]
    full_response: Option<&'a RawValue>,
}

/// Reads rows.
#[derive(Default)]
pub(crate) struct Logs;

impl Records for Logs {
    fn read(&mut self, record: Record<'_>) -> Result<(), String> {
        let Record { text, fields, row, options, findings, out, .. } = record;
        let at = fields.instant(&["logging_time"], row, findings)?.ok_or("no `logging_time`")?;
        let mut call = Call::new(at);
        let id = fields.text(&["full_response.responseId", "request_id"]);
        set_text(&mut call.call_id, id.unwrap_or_default());
        let path = fields.text(&["model", "deployed_model_id"]).unwrap_or_default();
        let columns: Row<'_> = serde_json::from_str(text).map_err(|error| json::reason(&error))?;
        let response = columns.full_response.ok_or("no `full_response`")?.get();
        let decoded: Option<String> = serde_json::from_str(response).ok();
        let body = decoded.as_deref().unwrap_or(response);
        let has_failed = fields.get("full_response.error.code").is_some();
        call.status = if has_failed { CallStatus::Error } else { CallStatus::Ok };
        let mut extractor = Extractor::new(PROVIDER, None, Some(model_of(path)))
            .map_err(|error| error.to_string())?;
        let labels = &mut call.labels;
        match extractor.extract(body) {
            Ok(extraction) => {
                call.usage = extraction.usage;
                labels.set(Dimension::Model, model_of(&extraction.model));
                let tier = extraction.service_tier.as_deref().unwrap_or_default();
                labels.set(Dimension::ServiceTier, tier);
            }
            Err(_) if has_failed => {
                call.usage = Usage::ZERO;
                labels.set(Dimension::Model, model_of(path));
            }
            Err(rejection) => return Err(rejection.reason),
        }
        for path in extractor.unread().keys() {
            findings.row(path, FindingStatus::Ignored, "is a number that is not read", row);
        }
        if labels.get(&Dimension::Model).is_none() {
            return Err("no `model`".to_owned());
        }
        labels.set(Dimension::Provider, PROVIDER);
        let endpoint = fields.get("endpoint").unwrap_or_default();
        for source in [path, endpoint] {
            if let Some(project) = after(source, "projects/") {
                labels.set(Dimension::SubAccount, project);
            }
            if let Some(location) = after(source, "locations/") {
                labels.set(Dimension::Region, location);
            }
        }
        set_owners(labels, fields.below("full_request.labels"), options);
        out.push(Output::Call(call));
        Ok(())
    }
}

/// The model's own name, the last part of its resource path.
fn model_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The part of a resource path after a collection's name.
fn after<'p>(path: &'p str, collection: &str) -> Option<&'p str> {
    let (_, rest) = path.split_once(collection)?;
    rest.split('/').next().filter(|part| !part.is_empty())
}
