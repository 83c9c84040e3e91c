//! Attribute names, new and old, and their values.
//!
//! # Source
//!
//! OpenTelemetry GenAI semantic conventions, `gen-ai-spans.md`; the older names of releases up to
//! 1.36 and of Sentry's and Traceloop's SDKs; OpenInference semantic conventions, "LLM Spans";
//! Langfuse's OpenTelemetry property mapping.

use std::borrow::Cow;

use centinel_engine::usage::UsageClass;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};

/// What a span is of, in each convention's own word for it.
pub(super) const OPERATION: &[&str] = &[
    "gen_ai.operation.name",
    "openinference.span.kind",
    "traceloop.span.kind",
    "langfuse.observation.type",
    "llm.request.type",
];
pub(super) const PROVIDER: &[&str] =
    &["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "llm.vendor"];
pub(super) const MODEL: &[&str] = &[
    "gen_ai.response.model",
    "llm.response.model_name",
    "llm.response.model",
    "gen_ai.request.model",
    "llm.model_name",
    "llm.request.model",
    "embedding.model_name",
    "langfuse.observation.model.name",
];
pub(super) const RESPONSE_ID: &[&str] = &["gen_ai.response.id", "llm.response.id"];
pub(super) const SERVICE_TIER: &[&str] = &[
    "openai.response.service_tier",
    "gen_ai.openai.response.service_tier",
    "gen_ai.response.service_tier",
];
pub(super) const COST: &[&str] =
    &["gen_ai.usage.cost", "gen_ai.cost.total", "gen_ai.usage.total_cost", "llm.cost.total"];
pub(super) const CONVENTION: &[&str] = &["centinel.usage.convention"];
/// Usage by kind as JSON text, disjoint as Langfuse keeps it.
pub(super) const USAGE_DETAILS: &str = "langfuse.observation.usage_details";
pub(super) const CACHE_WRITE: &[&str] = &[
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.input_tokens.cache_write",
    "llm.usage.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
];
pub(super) const INPUT_TOKENS: &[&str] = &[
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.usage.prompt_tokens",
    "llm.token_count.prompt",
];
pub(super) const OUTPUT_TOKENS: &[&str] = &[
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.usage.completion_tokens",
    "llm.token_count.completion",
];

/// Classes and the attributes that carry them, best first.
pub(super) const USAGE: [(UsageClass, &[&str]); 9] = [
    (UsageClass::InputTokensTotal, INPUT_TOKENS),
    (UsageClass::OutputTokensTotal, OUTPUT_TOKENS),
    (
        UsageClass::CacheReadTokens,
        &[
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.input_tokens.cached",
            "llm.usage.cache_read_input_tokens",
            "llm.token_count.prompt_details.cache_read",
        ],
    ),
    (
        UsageClass::ReasoningTokens,
        &[
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.output_tokens.reasoning",
            "gen_ai.usage.reasoning_tokens",
            "llm.usage.reasoning_tokens",
            "llm.token_count.completion_details.reasoning",
        ],
    ),
    (
        UsageClass::InputAudioTokens,
        &["gen_ai.usage.audio.input_tokens", "llm.token_count.prompt_details.audio"],
    ),
    (UsageClass::InputImageTokens, &["gen_ai.usage.image.input_tokens"]),
    (UsageClass::InputVideoTokens, &["gen_ai.usage.video.input_tokens"]),
    (
        UsageClass::OutputAudioTokens,
        &["gen_ai.usage.audio.output_tokens", "llm.token_count.completion_details.audio"],
    ),
    (UsageClass::OutputImageTokens, &["gen_ai.usage.image.output_tokens"]),
];

/// What the names of attributes of model calls start with, in any of the conventions.
const PREFIXES: [&str; 6] = [
    "gen_ai.",
    "llm.",
    "openinference.",
    "traceloop.span.kind",
    "langfuse.observation.",
    "embedding.",
];

/// The attributes of a span over those of its resource.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a> {
    pub(super) span: &'a [KeyValue],
    pub(super) resource: &'a [KeyValue],
}

impl<'a> Attributes<'a> {
    /// The first of these names that has a value, with its name.
    pub(super) fn find(&self, names: &[&'static str]) -> Option<(&'static str, Cow<'a, str>)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// The value of an attribute as text.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let in_list = |list: &'a [KeyValue]| {
            list.iter()
                .find(|attribute| attribute.key == name)
                .and_then(|attribute| text(attribute.value.as_ref()?))
        };
        in_list(self.span).or_else(|| in_list(self.resource))
    }

    /// Whether the span itself carries an attribute of GenAI.
    pub(super) fn is_gen_ai(&self) -> bool {
        self.span
            .iter()
            .any(|attribute| PREFIXES.iter().any(|prefix| attribute.key.starts_with(prefix)))
    }
}

/// A scalar as text; a double by its shortest digits, which are those that were written.
fn text(value: &AnyValue) -> Option<Cow<'_, str>> {
    Some(match value.value.as_ref()? {
        Value::StringValue(text) if text.is_empty() => return None,
        Value::StringValue(text) => Cow::Borrowed(text),
        Value::BoolValue(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Value::IntValue(value) => Cow::Owned(value.to_string()),
        Value::DoubleValue(value) => Cow::Owned(value.to_string()),
        _ => return None,
    })
}
