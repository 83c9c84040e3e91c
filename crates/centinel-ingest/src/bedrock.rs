//! Bedrock's model-invocation logs: records of S3 objects, CloudWatch exports of them, and saved ones.
//!
//! The usage is read by the engine, from the log's own counts and the body that the model answered,
//! streamed or not. A profile of an application's own has an opaque name; where the answer tells the
//! model, that is the call's, and the profile is a tag.
//!
//! # Source
//!
//! Amazon Bedrock user guide, "Monitor model invocation using CloudWatch Logs and Amazon S3",
//! `ModelInvocationLog` 1.0; CloudWatch Logs API, `GetLogEvents`, for what wraps a record.

use centinel_engine::{
    series::Dimension,
    usage::{Call, CallStatus, Usage, extract::Extractor},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    fields::Fields,
    finding::{FindingStatus, Findings},
    json,
    records::{Output, Piece, Record, Records, set_owners},
    sanitize::set_text,
};

const PROVIDER: &str = "bedrock";

/// A record, or what carries records: a page of log events, one event, a row of a log query.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Wrapper<'a> {
    #[serde(borrow, default, rename = "schemaType")]
    schema_type: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "logEvents", alias = "events")]
    events: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default, alias = "@message")]
    message: Option<&'a RawValue>,
}

/// Reads records.
#[derive(Default)]
pub(crate) struct Invocations;

impl Records for Invocations {
    fn split<'d>(&mut self, document: &'d str, _: &mut Findings) -> Result<Vec<Piece<'d>>, String> {
        let mut pieces = Vec::new();
        unwrap(document, 0, &mut pieces)?;
        Ok(pieces)
    }

    fn read(&mut self, record: Record<'_>) -> Result<(), String> {
        let Record { text, fields, row, options, findings, out, .. } = record;
        let at = fields.instant(&["timestamp"], row, findings)?.ok_or("no `timestamp`")?;
        let mut call = Call::new(at);
        set_text(&mut call.call_id, fields.get("requestId").ok_or("no `requestId`")?);
        let asked = fields.get("modelId").ok_or("no `modelId`")?;
        call.status = status(fields);
        let mut extractor =
            Extractor::new(PROVIDER, None, Some(asked)).map_err(|error| error.to_string())?;
        let mut tier = None;
        match extractor.extract(text) {
            Ok(extraction) => {
                call.usage = extraction.usage;
                tier = extraction.service_tier.map(std::borrow::Cow::into_owned);
                if !extraction.other_models.is_empty() {
                    let message = "other models were asked within the call: not read";
                    findings.row("", FindingStatus::Ignored, message, row);
                }
            }
            // What failed may have used nothing.
            Err(_) if call.status != CallStatus::Ok => call.usage = Usage::ZERO,
            Err(rejection) => return Err(rejection.reason),
        }
        for path in extractor.unread().keys() {
            findings.row(path, FindingStatus::Ignored, "is a number that is not read", row);
        }
        let labels = &mut call.labels;
        labels.set(Dimension::Provider, PROVIDER);
        let answered = fields.get("output.outputBodyJson.model");
        let model = match answered.filter(|_| is_own_profile(asked)) {
            Some(answered) => {
                labels.set(Dimension::Tag("inference_profile".into()), asked);
                answered
            }
            None => bare(asked),
        };
        labels.set(Dimension::Model, model);
        if let Some(tier) = &tier {
            labels.set(Dimension::ServiceTier, tier);
        } else if asked.contains(":provisioned-model/") {
            labels.set(Dimension::ServiceTier, "provisioned");
        }
        let get = |path| fields.get(path).unwrap_or_default();
        labels.set(Dimension::Region, get("region"));
        labels.set(Dimension::BillingAccount, get("accountId"));
        labels.set(Dimension::ApiKey, principal(get("identity.arn")));
        set_owners(labels, fields.below("requestMetadata"), options);
        let latency = [
            "output.outputBodyJson.metrics.latencyMs",
            "output.outputBodyJson.amazon-bedrock-invocationMetrics.invocationLatency",
        ];
        call.latency_ms = fields.count(&latency).ok().flatten();
        out.push(Output::Call(call));
        Ok(())
    }
}

fn unwrap<'d>(text: &'d str, depth: u8, pieces: &mut Vec<Piece<'d>>) -> Result<(), String> {
    let wrapper: Wrapper<'d> = serde_json::from_str(text).map_err(|error| json::reason(&error))?;
    match (wrapper.schema_type, wrapper.events, wrapper.message) {
        (None, Some(events), _) if depth == 0 => {
            for event in events {
                if let Err(reason) = unwrap(event.get(), 1, pieces) {
                    pieces.push(Piece { bucket: Err(reason), ..Piece::from(event.get()) });
                }
            }
        }
        (None, None, Some(message)) => {
            // CloudWatch keeps a record as text.
            pieces.push(match serde_json::from_str::<String>(message.get()) {
                Ok(record) => Piece::from(record),
                Err(_) => Piece::from(message.get()),
            });
        }
        _ => pieces.push(Piece::from(text)),
    }
    Ok(())
}

fn status(fields: &Fields) -> CallStatus {
    match fields.get("errorCode") {
        None => CallStatus::Ok,
        Some("ModelStreamErrorException") => CallStatus::Aborted,
        Some(_) => CallStatus::Error,
    }
}

/// Whether the model is asked by a name that says nothing of it.
fn is_own_profile(model: &str) -> bool {
    model.contains(":application-inference-profile/")
}

/// The model without the resource path that only says where it is.
fn bare(model: &str) -> &str {
    ["foundation-model/", ":inference-profile/"]
        .into_iter()
        .find_map(|kind| Some(model.split_once(kind)?.1))
        .unwrap_or(model)
}

/// Who asked: of an assumed role the role, not the session, of which there may be one a call.
fn principal(arn: &str) -> &str {
    let Some((_, resource)) = arn.split_once(":assumed-role/") else { return arn };
    resource.split('/').next().unwrap_or(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (model, expected) in [
            (
                "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5",
                "anthropic.claude-opus-5",
            ),
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0",
                "us.amazon.nova-lite-v1:0",
            ),
            ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ] {
            assert_eq!(bare(model), expected);
        }
        assert_eq!(principal("arn:aws:sts::1:assumed-role/answers-api/i-0123"), "answers-api");
        assert_eq!(principal("arn:aws:iam::1:user/dev"), "arn:aws:iam::1:user/dev");
    }
}
