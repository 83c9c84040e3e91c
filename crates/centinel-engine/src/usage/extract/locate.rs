//! Where in what a caller kept the response body lies: bare, in a line of a batch's output, in an
//! event of a stream, in a gateway's or an invocation log's record, or as text within JSON.
//!
//! # Source
//!
//! OpenAI and Mistral Batch API (`custom_id`, `response.body`); Claude Message Batches
//! (`result.message`); Gemini API and Vertex AI batch (`key`, `response`); Amazon Bedrock batch
//! inference (`recordId`, `modelOutput`) and invocation log (`input`, `output.outputBodyJson`); Groq
//! (`x_groq.usage`); Converse stream (`metadata.usage`); OpenRouter `/generation` (`data`).

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    field::{Label, Node, Wrapped},
    found::Found,
    read::read,
    stream,
};

/// Deepest wrapping looked through.
const DEPTH_MAX: usize = 6;

/// The parts that may hold a body, in the order in which they are looked into.
const PARTS: [Wrapped; 9] = [
    Wrapped::Body,
    Wrapped::Response,
    Wrapped::Message,
    Wrapped::Result,
    Wrapped::ModelOutput,
    Wrapped::Metadata,
    Wrapped::Delta,
    Wrapped::XGroq,
    Wrapped::Data,
];

/// Reads a body, looking through whatever it is wrapped in.
///
/// # Errors
///
/// The reason when the text is no JSON object. A body that states no count is no error here.
pub(super) fn locate(text: &str) -> Result<Found<'_>, String> {
    let mut found = Found::new();
    locate_into(text, &mut found)?;
    Ok(found)
}

/// As [`locate`], into an empty [`Found`]: it is large, and moving it shows in the time a body takes.
pub(super) fn locate_into<'t>(text: &'t str, found: &mut Found<'t>) -> Result<(), String> {
    at_depth(text, found, DEPTH_MAX)
}

fn at_depth<'t>(text: &'t str, outer: &mut Found<'t>, depth: usize) -> Result<(), String> {
    if text.starts_with('[') {
        *outer = chunks(text, depth)?;
        return Ok(());
    }
    read(text, Node::Top, outer)?;
    if outer.is_empty() && outer.problem.is_none() && depth > 0 {
        look_inside(outer, depth.saturating_sub(1));
    }
    Ok(())
}

/// A body within another, on its own.
fn nested(text: &str, depth: usize) -> Result<Found<'_>, String> {
    let mut found = Found::new();
    at_depth(text, &mut found, depth)?;
    Ok(found)
}

/// Takes the counts of the first part that has some.
fn look_inside(outer: &mut Found<'_>, depth: usize) {
    for part in PARTS {
        let Some(raw) = outer.wrapped(part) else { continue };
        if let Some(inner) = inside(raw, depth) {
            // A line of a batch's output names the request that it answers.
            let is_batch = outer.given_id.is_some()
                && matches!(part, Wrapped::Response | Wrapped::Result | Wrapped::ModelOutput);
            adopt(outer, inner, is_batch);
            return;
        }
    }
    // An invocation log: Bedrock's own counts, and what the model answered beside them.
    if outer.text(Label::ModelId).is_some() {
        for part in [Wrapped::Input, Wrapped::Output] {
            if let Some(raw) = outer.wrapped(part).filter(|raw| raw.get().starts_with('{')) {
                // It was read as JSON already.
                let _ = read(raw.get(), Node::Metrics, outer);
            }
        }
        if let Some(inner) =
            outer.wrapped(Wrapped::OutputBodyJson).and_then(|raw| inside(raw, depth))
        {
            outer.forget_counts();
            adopt(outer, inner, false);
        }
    }
}

/// A part's counts; `None` when it states none.
fn inside(raw: &RawValue, depth: usize) -> Option<Found<'_>> {
    let text = raw.get();
    let found = match text.as_bytes().first() {
        Some(b'{' | b'[') => nested(text, depth).ok()?,
        Some(b'"') => {
            let text: String = serde_json::from_str(text).ok()?;
            let text = text.trim_start();
            if stream::is_events(text) {
                stream::merged(text)
            } else {
                nested(text, depth).ok()?.into_owned()
            }
        }
        _ => return None,
    };
    (!found.is_empty() || found.problem.is_some()).then_some(found)
}

/// The inner body's counts with what the outer one adds: its id and region, and a model where the
/// inner one names none.
fn adopt<'de>(outer: &mut Found<'de>, mut inner: Found<'de>, is_batch: bool) {
    let mut result = Found::new();
    std::mem::swap(outer, &mut result);
    let is_event = result.text(Label::EventType).is_some();
    let labels = [Label::Model, Label::ModelId, Label::Region, Label::EventType];
    for label in labels {
        if let Some(text) = result.take_text(label)
            && (inner.text(label).is_none() || label == Label::EventType)
        {
            inner.set_text(label, text);
        }
    }
    inner.given_id = result.given_id.take().or(inner.given_id.take());
    // An event's id is the event's; a record's id is the call's.
    if !is_event {
        inner.id = result.id.take().or(inner.id.take());
    }
    inner.is_batch |= is_batch;
    *outer = inner;
}

/// An array of a stream's chunks, as `streamGenerateContent` answers and as a log keeps events.
fn chunks(text: &str, depth: usize) -> Result<Found<'static>, String> {
    let elements: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    let mut merged = Found::new();
    for element in elements {
        if element.get().starts_with('{') {
            let mut chunk = nested(element.get(), depth.saturating_sub(1))?.into_owned();
            merged.update(&mut chunk);
        }
    }
    Ok(merged)
}

/// What an error response says, in short.
pub(super) fn error_of(found: &Found<'_>) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Said<'a> {
        #[serde(borrow)]
        message: Option<Cow<'a, str>>,
    }
    let raw = found.wrapped(Wrapped::Error)?.get();
    let said = serde_json::from_str::<Said<'_>>(raw).ok().and_then(|said| said.message);
    let text = said.as_deref().unwrap_or(raw);
    Some(text.chars().filter(|c| !c.is_control()).take(120).collect())
}
