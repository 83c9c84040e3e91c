//! Langfuse observations: pages of the API (v1 and v2), and exports as JSON, JSON lines or CSV.
//!
//! The kinds of usage of an observation are disjoint, as Langfuse writes them: of an OpenAI body, the
//! details are taken out of `input` and `output` and stand beside them. Whoever sends counts of their
//! own may not do so; `total` tells, where it is there. All names are read in the API's spelling and in
//! that of the exports (`usageDetails`, `usage_details`).
//!
//! # Source
//!
//! langfuse/langfuse, `packages/shared/src/server/ingestion/types.ts`, commit 0391b9a2 (how bodies
//! become usage); langfuse-client-base 0.17.0, `ObservationV2`; langfuse.com, "Token & Cost Tracking".

use centinel_engine::{
    money::{Currency, Decimal},
    series::Dimension,
    usage::{
        Call, CallStatus, Usage,
        UsageClass::{
            self, CacheReadTokens, CacheWrite1hTokens, CacheWrite5mTokens, InputAudioTokens,
            InputImageTokens, InputTokensTotal, InputVideoTokens, OutputAudioTokens,
            OutputImageTokens, OutputTokensTotal, ReasoningTokens, WebSearchRequests,
        },
    },
};

use crate::{
    fields::Fields,
    finding::{FindingStatus, Findings},
    number::parse_count,
    provider_guess::provider_of,
    records::{Output, Record, Records, is_disjoint_total, set_owners, stated},
    sanitize::set_text,
    sink::bad_value,
};

/// Observations that ask a model.
const GENERATIONS: [&str; 2] = ["GENERATION", "EMBEDDING"];

/// Reads observations.
#[derive(Default)]
pub(crate) struct Observations;

impl Records for Observations {
    fn read(&mut self, record: Record<'_>) -> Result<(), String> {
        let Record { fields, row, options, findings, out, .. } = record;
        let kind = fields.get("type").unwrap_or("GENERATION").to_ascii_uppercase();
        if !GENERATIONS.contains(&kind.as_str()) {
            let message = "observation that asks no model: not read";
            findings.row("type", FindingStatus::Ignored, message, row);
            return Ok(());
        }
        let at =
            fields.instant(&["startTime", "start_time"], row, findings)?.ok_or("no `startTime`")?;
        let mut call = Call::new(at);
        set_text(&mut call.call_id, fields.get("id").ok_or("no `id`")?);
        let is_error = fields.get("level").is_some_and(|level| level.eq_ignore_ascii_case("error"));
        call.status = if is_error { CallStatus::Error } else { CallStatus::Ok };
        let model = fields
            .text(&["model", "providedModelName", "provided_model_name", "internalModelId"])
            .ok_or("no `model`")?;
        let provider = provider(fields, model, row, findings);
        let provider = stated(options, &Dimension::Provider).or(provider).ok_or_else(|| {
            bad_value("model", model, "names no provider: state it, as in `--set provider=openai`")
        })?;
        call.labels.set(Dimension::Provider, provider);
        call.labels.set(Dimension::Model, model);
        let environment = fields.get("environment").filter(|name| *name != "default");
        call.labels.set(Dimension::Environment, environment.unwrap_or_default());
        let project = fields.text(&["projectId", "project_id"]);
        call.labels.set(Dimension::SubAccount, project.unwrap_or_default());
        set_owners(&mut call.labels, fields.below("metadata"), options);
        let text = |paths: &[&str]| fields.text(paths).unwrap_or_default();
        set_text(&mut call.trace_id, text(&["traceId", "trace_id"]));
        set_text(&mut call.end_user, text(&["userId", "user_id"]));
        if let Ok(Some(ended)) = fields.instant(&["endTime", "end_time"], row, findings) {
            let micros = ended.as_microsecond().saturating_sub(at.as_microsecond());
            call.latency_ms = u64::try_from(micros / 1_000).ok();
        }
        call.reported_cost = cost(fields)?.map(|cost| (cost, Currency::USD));
        call.usage = usage(fields, call.status, row, findings)?;
        out.push(Output::Call(call));
        Ok(())
    }
}

/// Langfuse keeps no provider; instrumentations leave their word for it in the metadata.
fn provider<'f>(
    fields: &'f Fields,
    model: &str,
    row: u64,
    findings: &mut Findings,
) -> Option<&'f str> {
    let told = fields.text(&[
        "metadata.attributes.gen_ai.provider.name",
        "metadata.attributes.gen_ai.system",
        "metadata.ls_provider",
        "metadata.provider",
        "modelParameters.provider",
        "model_parameters.provider",
    ]);
    told.or_else(|| {
        let guess = provider_of(model)?;
        let message = "names the provider, which the observation does not tell";
        findings.row("model", FindingStatus::Assumed, message, row);
        Some(guess)
    })
}

/// The whole cost: as told, or the sum of its kinds.
fn cost(fields: &Fields) -> Result<Option<Decimal>, String> {
    let total = fields.decimal(&[
        "costDetails.total",
        "cost_details.total",
        "totalCost",
        "total_cost",
        "calculatedTotalCost",
        "calculated_total_cost",
    ])?;
    if total.is_some() {
        return Ok(total);
    }
    let mut sum = None;
    for (key, value) in fields.below("costDetails").chain(fields.below("cost_details")) {
        let amount: Decimal =
            value.parse().map_err(|error| format!("`costDetails.{key}` {error}"))?;
        let sum_so_far = sum.unwrap_or(Decimal::ZERO);
        sum =
            Some(amount.checked_add(sum_so_far).map_err(|error| format!("`costDetails` {error}"))?);
    }
    Ok(sum)
}

/// What a kind of usage counts.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Input,
    Output,
    Total,
    OfInput(Option<UsageClass>),
    OfOutput(Option<UsageClass>),
    WebSearches,
    Unknown,
}

/// The usage of an observation, by its kinds.
///
/// # Errors
///
/// The reason, naming the kind and its value.
pub(crate) fn usage(
    fields: &Fields,
    status: CallStatus,
    row: u64,
    findings: &mut Findings,
) -> Result<Usage, String> {
    let mut usage = Usage::ZERO;
    let (mut input, mut output, mut total) = (None, None, None);
    let (mut input_parts, mut output_parts) = (0_u64, 0_u64);
    let groups = ["usageDetails", "usage_details"].map(|group| fields.below(group));
    for (key, value) in groups.into_iter().flatten() {
        let count = parse_count(value).map_err(|problem| bad_value(key, value, problem))?;
        match part(key) {
            Part::Input => input = Some(count),
            Part::Output => output = Some(count),
            Part::Total => total = Some(count),
            Part::OfInput(class) => {
                input_parts = input_parts.saturating_add(count);
                add(&mut usage, class, count);
            }
            Part::OfOutput(class) => {
                output_parts = output_parts.saturating_add(count);
                add(&mut usage, class, count);
            }
            Part::WebSearches => add(&mut usage, Some(WebSearchRequests), count),
            Part::Unknown if count > 0 => {
                let message = "is a kind of usage that is not read";
                findings.row(key, FindingStatus::Ignored, message, row);
            }
            Part::Unknown => {}
        }
    }
    // The older form, which knows two kinds.
    let older = |paths: &[&str]| fields.count(paths);
    input = input.or(older(&["usage.input", "promptTokens", "prompt_tokens", "inputUsage"])?);
    output = output.or(older(&[
        "usage.output",
        "completionTokens",
        "completion_tokens",
        "outputUsage",
    ])?);
    if input.is_none() && output.is_none() && input_parts + output_parts == 0 {
        return if status == CallStatus::Ok {
            Err("no token counts".to_owned())
        } else {
            Ok(usage)
        };
    }
    let (input, output) = (input.unwrap_or(0), output.unwrap_or(0));
    let parts = input_parts.saturating_add(output_parts);
    let is_disjoint = is_disjoint_total(total, input.saturating_add(output), parts).unwrap_or(true);
    let whole = |base: u64, parts| if is_disjoint { base.saturating_add(parts) } else { base };
    usage.set(InputTokensTotal, whole(input, input_parts));
    usage.set(OutputTokensTotal, whole(output, output_parts));
    if usage.get(CacheWrite5mTokens) > 0 {
        let message = "cache writes without a lifetime: taken as 5 minutes";
        findings.row("", FindingStatus::Assumed, message, row);
    }
    usage.check().map_err(|error| error.to_string())?;
    Ok(usage)
}

fn add(usage: &mut Usage, class: Option<UsageClass>, count: u64) {
    if let Some(class) = class {
        usage.set(class, usage.get(class).saturating_add(count));
    }
}

/// Kinds of usage are words of whoever sends them; `input` or `output` in them says where they belong.
fn part(key: &str) -> Part {
    let key = key.to_ascii_lowercase();
    match key.as_str() {
        "input" | "prompt_tokens" | "input_tokens" | "prompt" => return Part::Input,
        "output" | "completion_tokens" | "output_tokens" | "completion" => return Part::Output,
        "total" | "total_tokens" => return Part::Total,
        _ => {}
    }
    let has = |word: &str| key.contains(word);
    if has("web_search") {
        return Part::WebSearches;
    }
    if has("input") || has("prompt") || has("cache") {
        return Part::OfInput(match () {
            () if has("cache") && (has("creation") || has("write")) => {
                Some(if has("1h") { CacheWrite1hTokens } else { CacheWrite5mTokens })
            }
            () if has("cache") => Some(CacheReadTokens),
            () if has("audio") => Some(InputAudioTokens),
            () if has("image") => Some(InputImageTokens),
            () if has("video") => Some(InputVideoTokens),
            () => None,
        });
    }
    if has("output") || has("completion") || has("reasoning") || has("thought") {
        return Part::OfOutput(match () {
            () if has("reasoning") || has("thought") || has("thinking") => Some(ReasoningTokens),
            () if has("audio") => Some(OutputAudioTokens),
            () if has("image") => Some(OutputImageTokens),
            () => None,
        });
    }
    Part::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_usage() {
        for (key, expected) in [
            ("input", Part::Input),
            ("output_tokens", Part::Output),
            ("total", Part::Total),
            ("input_cached_tokens", Part::OfInput(Some(CacheReadTokens))),
            ("cache_read_input_tokens", Part::OfInput(Some(CacheReadTokens))),
            ("input_cache_creation", Part::OfInput(Some(CacheWrite5mTokens))),
            ("cache_creation_1h_input_tokens", Part::OfInput(Some(CacheWrite1hTokens))),
            ("input_text_tokens", Part::OfInput(None)),
            ("output_reasoning_tokens", Part::OfOutput(Some(ReasoningTokens))),
            ("output_accepted_prediction_tokens", Part::OfOutput(None)),
            ("web_search_requests", Part::WebSearches),
            ("seconds", Part::Unknown),
        ] {
            assert_eq!(part(key), expected, "{key}");
        }
    }
}
