//! Answers that come as server-sent events, whether they were asked for or not.
//!
//! # Source
//!
//! WHATWG HTML, section 9.2.6 "Interpreting an event stream": lines end in LF, CR or CRLF; a line that
//! starts with a colon is a comment; the `data` lines of an event are joined.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What a transcript holds.
#[derive(Debug, PartialEq)]
pub(super) enum Streamed {
    /// One answer, put together from its chunks, in the form of one that was not streamed.
    Whole(Value),
    /// An error among the events, as it came.
    Failed(Value),
    /// It ended before it said that it does.
    Cut,
}

/// Whether a text reads as a transcript of events.
pub(super) fn is_events(text: &str) -> bool {
    ["data:", "event:", "id:", "retry:", ":"].iter().any(|field| text.starts_with(field))
}

/// Puts a transcript together. An answer is whole when a chunk told its end, or the stream did.
pub(super) fn merged(text: &str) -> Streamed {
    let mut answer = Map::new();
    let mut content = String::new();
    let mut refusal = String::new();
    let mut finish = Value::Null;
    let mut calls: BTreeMap<u64, Map<String, Value>> = BTreeMap::new();
    let mut is_done = false;
    for data in events(text) {
        let data = data.trim();
        if data == "[DONE]" {
            is_done = true;
            break;
        }
        if data.is_empty() {
            continue;
        }
        let Ok(Value::Object(mut chunk)) = serde_json::from_str::<Value>(data) else {
            // What is broken after the end takes nothing from what was before it.
            break;
        };
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            return Streamed::Failed(Value::Object(chunk));
        }
        let choices = chunk.remove("choices");
        for (name, value) in chunk {
            // A chunk without usage says nothing about the one that has it.
            if !value.is_null() {
                answer.insert(name, value);
            }
        }
        let Some(Value::Array(choices)) = choices else { continue };
        for choice in &choices {
            // Only the first of several answers is read.
            if choice.get("index").and_then(Value::as_u64).unwrap_or(0) != 0 {
                continue;
            }
            let part = choice.get("delta").or_else(|| choice.get("message"));
            let text_of = |name| part.and_then(|part| part.get(name)).and_then(Value::as_str);
            content.push_str(text_of("content").unwrap_or_default());
            refusal.push_str(text_of("refusal").unwrap_or_default());
            content.push_str(choice.get("text").and_then(Value::as_str).unwrap_or_default());
            if let Some(reason) = choice.get("finish_reason").filter(|reason| !reason.is_null()) {
                finish = reason.clone();
            }
            add_calls(&mut calls, part);
        }
    }
    if !is_done && finish.is_null() {
        return Streamed::Cut;
    }
    let calls: Vec<Value> = calls.into_values().map(Value::Object).collect();
    let mut message = json!({ "role": "assistant", "content": content });
    if let Some(message) = message.as_object_mut() {
        if !refusal.is_empty() {
            message.insert("refusal".to_owned(), json!(refusal));
        }
        if !calls.is_empty() {
            message.insert("tool_calls".to_owned(), Value::Array(calls));
        }
    }
    let choice = json!({ "index": 0, "message": message, "finish_reason": finish });
    answer.insert("choices".to_owned(), json!([choice]));
    Streamed::Whole(Value::Object(answer))
}

/// Parts of tool calls, by their index: names once, arguments bit by bit.
fn add_calls(calls: &mut BTreeMap<u64, Map<String, Value>>, part: Option<&Value>) {
    let parts = part.and_then(|part| part.get("tool_calls")).and_then(Value::as_array);
    for (position, part) in parts.into_iter().flatten().enumerate() {
        let position = u64::try_from(position).unwrap_or(u64::MAX);
        let index = part.get("index").and_then(Value::as_u64).unwrap_or(position);
        let call = calls.entry(index).or_default();
        if let Some(id) = part.get("id").filter(|id| id.is_string()) {
            call.insert("id".to_owned(), id.clone());
        }
        let said = |name| part.pointer(name).and_then(Value::as_str).unwrap_or_default();
        let known = |call: &Map<String, Value>, name: &str| {
            let known = call.get("function").and_then(|function| function.get(name));
            known.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let name = known(call, "name") + said("/function/name");
        let arguments = known(call, "arguments") + said("/function/arguments");
        call.insert("function".to_owned(), json!({ "name": name, "arguments": arguments }));
    }
}

/// The data of each event.
fn events(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut lines = text.split('\n').flat_map(|line| {
        // A line that ends in CRLF has one end; a CR within is one of its own.
        line.strip_suffix('\r').unwrap_or(line).split('\r')
    });
    let mut is_over = false;
    std::iter::from_fn(move || {
        let mut data: Option<String> = None;
        while !is_over {
            let Some(line) = lines.next() else {
                is_over = true;
                break;
            };
            if line.is_empty() {
                if data.is_some() {
                    break;
                }
            } else if let Some(part) = line.strip_prefix("data:") {
                let part = part.strip_prefix(' ').unwrap_or(part);
                match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(part);
                    }
                    None => data = Some(part.to_owned()),
                }
            }
        }
        data
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, content: Result<&str, Streamed>) {
        match (merged(text), content) {
            (Streamed::Whole(answer), Ok(content)) => {
                assert_eq!(answer["choices"][0]["message"]["content"], content, "{text}");
            }
            (streamed, Err(expected)) => assert_eq!(streamed, expected, "{text}"),
            (streamed, expected) => panic!("{text}: {streamed:?}, not {expected:?}"),
        }
    }

    #[test]
    fn streams_are_put_together() {
        let chunk = |text: &str| json!({ "choices": [{ "delta": { "content": text } }] });
        let (a, b) = (chunk("Spend "), chunk("rose"));
        let end = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
        check(&format!("data: {a}\n\ndata: {b}\n\ndata: [DONE]\n\n"), Ok("Spend rose"));
        check(&format!("data:{a}\r\n\r\ndata:{b}\r\n\r\ndata: {end}\r\n\r\n"), Ok("Spend rose"));
        check(&format!(": hi\n\nevent: x\ndata: {a}\rid: 1\r\rdata: [DONE]\r\r"), Ok("Spend "));
        check(&format!("data: {a}\n\ndata: {b}\n\n"), Err(Streamed::Cut));
        check("data: {\"choices\":[{\"delta\":{\"con", Err(Streamed::Cut));
        check("data: [DONE]", Ok(""));
        let error = json!({ "error": { "message": "x" } });
        check(&format!("data: {a}\n\ndata: {error}\n\n"), Err(Streamed::Failed(error)));
    }

    #[test]
    fn tool_calls_come_in_parts() {
        let part = |text: &str| {
            json!({ "choices": [{ "delta": { "tool_calls": [
                { "index": 0, "id": "c1", "function": { "arguments": text } },
            ] } }] })
        };
        let (a, b) = (part("{\"a\""), part(":1}"));
        let text = format!("data: {a}\n\ndata: {b}\n\ndata: [DONE]\n\n");
        let Streamed::Whole(answer) = merged(&text) else { panic!("{text}") };
        let call = &answer["choices"][0]["message"]["tool_calls"][0];
        assert_eq!(call["function"]["arguments"], "{\"a\":1}");
    }
}
