//! Spans into calls.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use centinel_engine::{
    money::{Currency, Decimal},
    series::Dimension,
    usage::{Call, CallStatus, Usage, UsageClass},
};
use jiff::Timestamp;
use opentelemetry_proto::tonic::{
    common::v1::KeyValue,
    trace::v1::{Span, status::StatusCode},
};

use super::attributes::{
    Attributes, CACHE_WRITE, CONVENTION, COST, INPUT_TOKENS, MODEL, OPERATION, OUTPUT_TOKENS,
    PROVIDER, RESPONSE_ID, SERVICE_TIER, USAGE, USAGE_DETAILS,
};
use crate::{
    calls::Convention,
    fields::Fields,
    finding::{FindingStatus, Findings},
    instant::check_era,
    langfuse,
    number::{parse_bool, parse_count},
    provider_guess::provider_of,
    read::{Intake, Options, ReadError},
    sanitize::{credential_id, set_text},
    sink::{Position, bad_value},
};

/// The spans of one payload.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) groups: Vec<Group>,
}

/// The spans of one resource; one that could not be decoded with its reason and text.
pub(super) struct Group {
    pub(super) resource: Vec<KeyValue>,
    pub(super) spans: Vec<Result<Span, (String, String)>>,
}

/// Operations whose spans repeat what their children used, or use nothing.
const NO_INFERENCE: [&str; 26] = [
    "invoke_agent",
    "create_agent",
    "execute_tool",
    "invoke_workflow",
    "workflow",
    "plan",
    "retrieval",
    "search_memory",
    "create_memory",
    "update_memory",
    "upsert_memory",
    "delete_memory",
    "create_memory_store",
    "delete_memory_store",
    "agent",
    "task",
    "tool",
    "chain",
    "retriever",
    "reranker",
    "guardrail",
    "evaluator",
    "prompt",
    "decision",
    "span",
    "event",
];

/// Dimensions and the attributes that carry them, best first. `centinel.<dimension>` goes before all.
const LABELS: [(Dimension, &[&str]); 7] = [
    (Dimension::Feature, &["feature", "feature.name"]),
    (Dimension::Team, &["team", "team.name", "service.owner"]),
    (Dimension::Process, &["business.process"]),
    (
        Dimension::Environment,
        &["deployment.environment.name", "deployment.environment", "langfuse.environment"],
    ),
    (Dimension::Agent, &["gen_ai.agent.name", "gen_ai.agent.id"]),
    (Dimension::Application, &["service.name"]),
    (Dimension::ServiceTier, SERVICE_TIER),
];

/// Dimensions that only `centinel.<dimension>` sets.
const OWN_LABELS: [Dimension; 4] =
    [Dimension::Region, Dimension::ApiKey, Dimension::SubAccount, Dimension::BillingAccount];

/// Hands the calls of a batch on. `count` numbers the spans of the whole input.
pub(super) fn read_batch(
    batch: &Batch,
    position: Position,
    count: &mut u64,
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let wrappers = wrappers(batch);
    let mut call = Call::new(Timestamp::UNIX_EPOCH);
    for group in &batch.groups {
        for span in &group.spans {
            *count += 1;
            let at = Position { row: *count, ..position };
            let span = match span {
                Ok(span) => span,
                Err((reason, raw)) => {
                    intake.reject(at, reason.clone(), raw.as_bytes())?;
                    continue;
                }
            };
            let attributes = Attributes { span: &span.attributes, resource: &group.resource };
            if let Some(message) = not_counted(&attributes) {
                intake.findings.row("", FindingStatus::Ignored, message, at.row);
                continue;
            }
            if wrappers.contains(&id(span)) {
                let message = "span that wraps another one of the same answer: not counted twice";
                intake.findings.row("", FindingStatus::Ignored, message, at.row);
                continue;
            }
            match fill(span, &attributes, at.row, options, &mut call, &mut intake.findings) {
                Ok(()) => intake.call(&at, &call)?,
                Err(reason) => {
                    let raw = serde_json::to_string(span).unwrap_or_default();
                    intake.reject(at, reason, raw.as_bytes())?;
                }
            }
        }
    }
    Ok(())
}

/// Why a span is no call, if it is none.
fn not_counted(attributes: &Attributes<'_>) -> Option<&'static str> {
    if !attributes.is_gen_ai() {
        return Some("span without GenAI attributes: not read");
    }
    let operation = attributes.find(OPERATION).map(|(_, name)| name.to_ascii_lowercase());
    match operation.as_deref() {
        Some(operation) if NO_INFERENCE.contains(&operation) => {
            Some("span of an agent, tool or workflow: its children carry the tokens")
        }
        Some(_) => None,
        // Without an operation only tokens tell inference from the rest.
        None if counts(attributes) == (None, None) && attributes.get(USAGE_DETAILS).is_none() => {
            Some("GenAI span without operation or tokens")
        }
        None => None,
    }
}

type Counts<'a> = (Option<Cow<'a, str>>, Option<Cow<'a, str>>);

fn counts<'a>(attributes: &Attributes<'a>) -> Counts<'a> {
    let value = |names| attributes.find(names).map(|(_, value)| value);
    (value(INPUT_TOKENS), value(OUTPUT_TOKENS))
}

/// Trace and span id.
type Id<'a> = (&'a [u8], &'a [u8]);

fn id(span: &Span) -> Id<'_> {
    (&span.trace_id, &span.span_id)
}

/// Inference spans that enclose another inference span with the same response id, or the
/// same model and tokens: a framework and the SDK under it both report the call.
fn wrappers(batch: &Batch) -> BTreeSet<Id<'_>> {
    let spans = || {
        batch.groups.iter().flat_map(|group| {
            group.spans.iter().flatten().map(|span| {
                (span, Attributes { span: &span.attributes, resource: &group.resource })
            })
        })
    };
    let by_id: BTreeMap<Id<'_>, (&Span, Attributes<'_>)> =
        spans().map(|(span, attributes)| (id(span), (span, attributes))).collect();
    let mut wrappers = BTreeSet::new();
    for (span, attributes) in spans() {
        if not_counted(&attributes).is_some() {
            continue;
        }
        let mut parent = span.parent_span_id.as_slice();
        // A chain of parents is short; a cycle ends here, too.
        for _ in 0..32 {
            let Some((enclosing, others)) = by_id.get(&(span.trace_id.as_slice(), parent)) else {
                break;
            };
            let is_twin = not_counted(others).is_none()
                && enclosing.span_id != span.span_id
                && is_same_answer(&attributes, others);
            if is_twin {
                wrappers.insert(id(enclosing));
            }
            parent = enclosing.parent_span_id.as_slice();
        }
    }
    wrappers
}

fn is_same_answer(one: &Attributes<'_>, other: &Attributes<'_>) -> bool {
    let value = |of: &Attributes<'_>, names| of.find(names).map(|(_, value)| value.into_owned());
    if let (Some(one), Some(other)) = (value(one, RESPONSE_ID), value(other, RESPONSE_ID)) {
        return one == other;
    }
    let tokens = counts(one);
    tokens != (None, None) && tokens == counts(other) && value(one, MODEL) == value(other, MODEL)
}

fn fill(
    span: &Span,
    attributes: &Attributes<'_>,
    row: u64,
    options: &Options,
    call: &mut Call,
    findings: &mut Findings,
) -> Result<(), String> {
    let at = nanoseconds(span.start_time_unix_nano).ok_or_else(|| {
        bad_value("startTimeUnixNano", &span.start_time_unix_nano.to_string(), "is no time")
    })?;
    call.reset(at);
    if span.trace_id.len() != 16 || span.span_id.len() != 8 {
        return Err("no trace id of 16 bytes and span id of 8".to_owned());
    }
    let trace_id = hex(&span.trace_id);
    call.call_id = Some(format!("{trace_id}:{}", hex(&span.span_id)));
    call.trace_id = Some(trace_id);
    let (model_name, model) = attributes.find(MODEL).ok_or("no `gen_ai.response.model`")?;
    let provider = match attributes.find(PROVIDER) {
        Some((_, provider)) => provider,
        None => {
            let guess = provider_of(&model).ok_or("no `gen_ai.provider.name`")?;
            let message = "names the provider, which the span does not tell";
            findings.row(model_name, FindingStatus::Assumed, message, row);
            Cow::Borrowed(guess)
        }
    };
    if matches!(model_name, "gen_ai.request.model" | "llm.request.model") {
        let message = "stands in where the response names no model";
        findings.row(model_name, FindingStatus::Assumed, message, row);
    }
    call.labels.set(Dimension::Provider, &provider);
    call.labels.set(Dimension::Model, &model);
    set_labels(attributes, options, call);
    call.status = status(span, attributes);
    call.latency_ms = span
        .end_time_unix_nano
        .checked_sub(span.start_time_unix_nano)
        .map(|nanos| nanos / 1_000_000);
    call.is_retry =
        attributes.get("centinel.is_retry").and_then(|value| parse_bool(&value)).unwrap_or(false);
    for (slot, names) in [
        (
            &mut call.end_user,
            &[
                "centinel.end_user",
                "enduser.id",
                "user.id",
                "langfuse.user.id",
                "traceloop.association.properties.user_id",
            ][..],
        ),
        (&mut call.customer, &["centinel.customer", "customer.id", "tenant.id"]),
    ] {
        if let Some((_, value)) = attributes.find(names) {
            set_text(slot, &value);
        }
    }
    if let Some((name, value)) = attributes.find(COST) {
        let amount: Decimal = value.parse().map_err(|error| format!("`{name}` {error}"))?;
        call.reported_cost = Some((amount, Currency::USD));
    }
    call.usage = usage(attributes, call.status, options, row, findings)?;
    Ok(())
}

fn set_labels(attributes: &Attributes<'_>, options: &Options, call: &mut Call) {
    for (dimension, names) in LABELS {
        let own = attributes.get(&format!("centinel.{dimension}"));
        if let Some(value) = own.or_else(|| attributes.find(names).map(|(_, value)| value)) {
            call.labels.set(dimension, &value);
        }
    }
    for dimension in OWN_LABELS {
        if let Some(value) = attributes.get(&format!("centinel.{dimension}")) {
            call.labels.set(dimension, &credential_id(&value));
        }
    }
    for key in &options.tags {
        if let Some(value) = attributes.get(key) {
            call.labels.set(Dimension::Tag(key.as_str().into()), &value);
        }
    }
}

fn status(span: &Span, attributes: &Attributes<'_>) -> CallStatus {
    let error = attributes.get("error.type").unwrap_or_default().to_ascii_lowercase();
    if error.contains("cancel") || error.contains("abort") {
        return CallStatus::Aborted;
    }
    let is_error =
        span.status.as_ref().is_some_and(|status| status.code == StatusCode::Error as i32);
    if is_error || !error.is_empty() { CallStatus::Error } else { CallStatus::Ok }
}

fn usage(
    attributes: &Attributes<'_>,
    status: CallStatus,
    options: &Options,
    row: u64,
    findings: &mut Findings,
) -> Result<Usage, String> {
    let count = |names: &[&'static str]| match attributes.find(names) {
        None => Ok(None),
        Some((name, value)) => {
            parse_count(&value).map(Some).map_err(|problem| bad_value(name, &value, problem))
        }
    };
    let mut usage = Usage::ZERO;
    let mut has_any = false;
    if counts(attributes) == (None, None)
        && let Some(details) = attributes.get(USAGE_DETAILS)
    {
        let mut fields = Fields::default();
        fields.add_column("usageDetails", &details);
        return langfuse::usage(&fields, status, row, findings);
    }
    for (class, names) in USAGE {
        if let Some(count) = count(names)? {
            has_any = true;
            usage.set(class, count);
        }
    }
    if !has_any && status == CallStatus::Ok {
        return Err("no token counts".to_owned());
    }
    if let Some(written) = count(CACHE_WRITE)?.filter(|written| *written > 0) {
        usage.set(UsageClass::CacheWrite5mTokens, written);
        let message = "cache writes without a lifetime: taken as 5 minutes";
        findings.row("", FindingStatus::Assumed, message, row);
    }
    let stated = attributes.find(CONVENTION).map(|(_, value)| value == "disjoint");
    let stated = stated.or(options.convention.map(|stated| stated == Convention::Disjoint));
    let input = usage.get(UsageClass::InputTokensTotal);
    let cached = usage.get(UsageClass::CacheReadTokens).saturating_add(usage.cache_write_tokens());
    // An input smaller than its cached part does not contain it.
    if stated.unwrap_or(cached > input) {
        if stated.is_none() {
            let message = "input tokens are fewer than cached ones: taken to be beside them";
            findings.row("", FindingStatus::Assumed, message, row);
        }
        usage.set(UsageClass::InputTokensTotal, input.saturating_add(cached));
    }
    usage.check().map_err(|error| error.to_string())?;
    Ok(usage)
}

/// An instant, if it is one of our time.
fn nanoseconds(nanos: u64) -> Option<Timestamp> {
    check_era(Timestamp::from_nanosecond(i128::from(nanos)).ok()?)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
