//! Streams: events of one response, as server-sent events or as JSON lines, become one body.
//!
//! Providers repeat their counts cumulatively, so of each count the largest holds.
//!
//! # Source
//!
//! WHATWG HTML, "Server-sent events"; OpenAI, `stream_options.include_usage` (a last chunk with the
//! usage), streaming and realtime events; Claude API, "Streaming messages" (`message_start` has the
//! input, `message_delta` cumulative counts); Cohere API, `message-end`; Ollama API, `done`.

use super::{
    field::{Label, Wrapped},
    found::Found,
    locate::locate,
};

/// Whether a text is a transcript of server-sent events.
pub(super) fn is_events(text: &str) -> bool {
    ["data:", "event:", "id:", "retry:", ": "].iter().any(|field| text.starts_with(field))
}

/// The events of a transcript that is one response, merged; what is no JSON among them is passed
/// over, as it states no counts.
pub(super) fn merged(text: &str) -> Found<'static> {
    let mut merged = Found::new();
    for data in Events::new(text) {
        if let Ok(event) = locate(&data) {
            merged.update(&mut event.into_owned());
        }
    }
    merged
}

/// The `data` of each event of a transcript.
pub(super) struct Events<'t> {
    lines: std::str::Lines<'t>,
}

impl<'t> Events<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { lines: text.lines() }
    }
}

impl Iterator for Events<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut data = String::new();
        for line in self.lines.by_ref() {
            if let Some(more) = line.strip_prefix("data:") {
                if !data.is_empty() {
                    data.push('\n');
                }
                data.push_str(more.strip_prefix(' ').unwrap_or(more));
            } else if line.trim().is_empty() && !data.is_empty() {
                return Some(data);
            }
        }
        (!data.is_empty()).then_some(data)
    }
}

/// What a body is to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A body of its own.
    Whole,
    /// The first event of a response.
    First,
    /// An event among others.
    Part,
    /// The event that ends a response.
    Last,
}

/// The step that a body is, by what it says it is.
pub(super) fn step(found: &Found<'_>) -> Step {
    let is = |label, texts: &[&str]| {
        found.text(label).is_some_and(|text| texts.contains(&text.as_ref()))
    };
    if is(Label::Object, &["chat.completion.chunk"]) || is(Label::Done, &["false"]) {
        return Step::Part;
    }
    if is(Label::Done, &["true"]) {
        return Step::Last;
    }
    let Some(kind) = found.text(Label::EventType) else { return Step::Whole };
    match kind.as_ref() {
        "message_start" | "message-start" | "stream-start" | "response.created" => Step::First,
        "message_stop"
        | "message-end"
        | "stream-end"
        | "response.completed"
        | "response.done"
        | "response.incomplete"
        | "response.failed" => Step::Last,
        "message_delta"
        | "content_block_start"
        | "content_block_delta"
        | "content_block_stop"
        | "ping"
        | "content-start"
        | "content-delta"
        | "content-end"
        | "text-generation"
        | "tool-plan-delta"
        | "tool-call-start"
        | "tool-call-delta"
        | "tool-call-end"
        | "citation-start"
        | "citation-end"
        | "session.created"
        | "session.updated" => Step::Part,
        other if other.starts_with("response.") => Step::Part,
        _ => Step::Whole,
    }
}

/// The model of a realtime session, which its responses do not repeat.
pub(super) fn session_model(found: &Found<'_>) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Session {
        model: Option<String>,
    }
    let raw = found.wrapped(Wrapped::Session)?.get();
    serde_json::from_str::<Session>(raw).ok()?.model
}
