//! Our own calls, as the ledger takes those of everybody.

use centinel_engine::usage::{CallStatus, Usage};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The feature that the narrator's spend is.
pub const FEATURE: &str = "centinel-narrator";

/// One call of a model that may be billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeteredCall {
    /// Unique for ever.
    pub call_id: String,
    /// When it began.
    pub at: Timestamp,
    /// Whose prices hold.
    pub provider: String,
    /// The model, as it is configured.
    pub model: String,
    /// What for: a task of the narrator, or `probe`.
    pub task: &'static str,
    /// What it used.
    pub usage: Usage,
    /// Nobody said what it used: the usage is the most that it can be.
    pub is_worst_case: bool,
    /// Whether it was answered.
    pub status: CallStatus,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
}

impl MeteredCall {
    /// As a line of `POST /v1/calls`.
    pub fn to_event(&self) -> String {
        let mut event = Map::new();
        let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
        put("call_id", json!(self.call_id));
        put("at", json!(self.at));
        put("provider", json!(self.provider));
        put("model", json!(self.model));
        put("feature", json!(FEATURE));
        put("process", json!(self.task));
        put("application", json!("centinel"));
        put("latency_ms", json!(self.latency_ms));
        let status = if self.status == CallStatus::Ok { "ok" } else { "error" };
        put("status", json!(status));
        if self.is_worst_case {
            put("tag:usage", json!("worst case"));
        }
        if let Ok(Value::Object(counts)) = serde_json::to_value(self.usage) {
            event.extend(counts);
        }
        Value::Object(event).to_string()
    }
}

#[cfg(test)]
mod tests {
    use centinel_engine::usage::UsageClass;

    use super::*;

    #[test]
    fn a_call_is_an_event() {
        let call = MeteredCall {
            call_id: "narrator-1-1".to_owned(),
            at: "2026-11-22T12:00:00Z".parse().unwrap(),
            provider: "openai".to_owned(),
            model: "gpt-5-mini".to_owned(),
            task: "explain",
            usage: Usage::ZERO
                .with(UsageClass::InputTokensTotal, 900)
                .with(UsageClass::CacheReadTokens, 100)
                .with(UsageClass::OutputTokensTotal, 70),
            is_worst_case: true,
            status: CallStatus::Error,
            latency_ms: 812,
        };
        insta::assert_snapshot!(call.to_event(), @r#"{"call_id":"narrator-1-1","at":"2026-11-22T12:00:00Z","provider":"openai","model":"gpt-5-mini","feature":"centinel-narrator","process":"explain","application":"centinel","latency_ms":812,"status":"error","tag:usage":"worst case","input_tokens_total":900,"cache_read_tokens":100,"output_tokens_total":70}"#);
    }
}
