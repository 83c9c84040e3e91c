//! What a server sent, in whatever dialect, as a reply or a fault. Nothing here fails for a field that
//! is missing, of another type or unknown: servers of this kind agree on little.

use std::time::Duration;

use centinel_engine::usage::{Usage, extract::Extractor};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stream::{self, Streamed};
use crate::Fault;

/// Longest text of a server that is shown to a person.
const SAID_CHARS_MAX: usize = 200;

/// What came over the wire, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The status.
    pub status: u16,
    /// How long the server asks to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The body, as text.
    pub body: String,
}

/// How an answer ended, as far as the server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// By itself.
    Stop,
    /// At the limit of tokens.
    Length,
    /// A filter ended it.
    Filtered,
    /// With calls of tools.
    ToolCalls,
    /// The server failed within.
    Error,
    /// In a word of the server's own, or none.
    Other,
}

/// A tool that the model wants called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Its id; empty where the server gives none.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments: JSON where they are.
    pub arguments: Value,
}

/// A usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What the model wrote.
    pub text: String,
    /// How it ended.
    pub finish: Finish,
    /// Tools that it wants called.
    pub tool_calls: Vec<ToolCall>,
    /// The model, as the answer names it.
    pub model: Option<String>,
    /// What it used; `None` where the answer does not tell, which is not zero.
    pub usage: Option<Usage>,
}

/// A reply or a fault, and what was used in either case, where it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) outcome: Result<Reply, Fault>,
    pub(crate) usage: Option<Usage>,
}

/// Reads an exchange. `provider` and `model` say how usage is counted.
pub(crate) fn read(
    exchange: &Exchange,
    provider: &str,
    model: &str,
    secret: &SecretString,
) -> Read {
    let text = exchange.body.trim_start_matches('\u{feff}').trim();
    if !(200..300).contains(&exchange.status) {
        return Read { outcome: Err(refused(exchange, text, secret)), usage: None };
    }
    let body = match body_of(text) {
        Ok(body) => body,
        Err(Unread::Failed(said)) => {
            let said = clean(&said, secret);
            return Read {
                outcome: Err(Fault::Failed { said }),
                usage: usage(text, provider, model),
            };
        }
        Err(Unread::Fault(fault)) => {
            return Read { outcome: Err(fault), usage: usage(text, provider, model) };
        }
    };
    let usage = usage(text, provider, model).or_else(|| {
        // Chunks that were put together are read as what they are together.
        self::usage(&body.to_string(), provider, model)
    });
    let outcome = reply(&body, secret).map(|reply| Reply { usage, ..reply });
    Read { outcome, usage }
}

/// A body that is none.
enum Unread {
    /// An error in the server's words.
    Failed(String),
    Fault(Fault),
}

fn body_of(text: &str) -> Result<Value, Unread> {
    if text.is_empty() {
        return Err(Unread::Fault(Fault::Empty));
    }
    if stream::is_events(text) {
        return match stream::merged(text) {
            Streamed::Whole(body) => Ok(body),
            Streamed::Failed(body) => Err(Unread::Failed(words_of(&body).unwrap_or_default())),
            Streamed::Cut => Err(Unread::Fault(Fault::Cut)),
        };
    }
    match serde_json::from_str::<Value>(text) {
        Ok(body) => Ok(body),
        Err(error) if error.is_eof() => Err(Unread::Fault(Fault::Cut)),
        Err(_) => Err(Unread::Fault(Fault::NotACompletion)),
    }
}

fn reply(body: &Value, secret: &SecretString) -> Result<Reply, Fault> {
    let choice = body.pointer("/choices/0");
    if choice.is_none()
        && !body.is_string()
        && let Some(said) = words_of(body)
    {
        return Err(Fault::Failed { said: clean(&said, secret) });
    }
    let Some(choice) = choice else {
        let is_chat = body.get("choices").is_some() || body.get("usage").is_some();
        return Err(if is_chat { Fault::Empty } else { Fault::NotACompletion });
    };
    let message = choice.get("message").or_else(|| choice.get("delta"));
    let of_message = |name| message.and_then(|message| message.get(name));
    let content = of_message("content").or_else(|| choice.get("text"));
    let text = content.map(text_of).unwrap_or_default();
    let tool_calls = tool_calls(message);
    let finish = finish(choice.get("finish_reason"));
    let refusal = of_message("refusal").and_then(Value::as_str).unwrap_or_default();
    let has_answer = !text.trim().is_empty() || !tool_calls.is_empty();
    match finish {
        Finish::Error => {
            let said = choice.get("error").or_else(|| body.get("error")).and_then(words_of);
            return Err(Fault::Failed { said: clean(&said.unwrap_or_default(), secret) });
        }
        Finish::Length => return Err(Fault::TooLong),
        Finish::Filtered => return Err(Fault::Filtered),
        _ if !refusal.is_empty() => return Err(Fault::Declined),
        _ if !has_answer => return Err(Fault::Empty),
        _ => {}
    }
    let model = body.get("model").and_then(Value::as_str).map(|model| printable(model, 120));
    Ok(Reply { text, finish, tool_calls, model, usage: None })
}

/// Content as text: a string, parts of which those of text count, or JSON that a server parsed already.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| {
                part.as_str().or_else(|| part.get("text").and_then(Value::as_str))
            });
            texts.collect()
        }
        Value::Object(_) => content.to_string(),
        _ => String::new(),
    }
}

fn tool_calls(message: Option<&Value>) -> Vec<ToolCall> {
    let read = |call: &Value| {
        let function = call.get("function").unwrap_or(call);
        let name = function.get("name").and_then(Value::as_str)?;
        let arguments = match function.get("arguments") {
            Some(Value::String(text)) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
            }
            Some(arguments) => arguments.clone(),
            None => Value::Null,
        };
        let id = call.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(ToolCall { id, name: name.to_owned(), arguments })
    };
    let of = |name| message.and_then(|message| message.get(name));
    let calls = of("tool_calls").and_then(Value::as_array).into_iter().flatten();
    calls.chain(of("function_call")).filter_map(read).collect()
}

fn finish(reason: Option<&Value>) -> Finish {
    match reason.and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase().as_str() {
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "complete" => Finish::Stop,
        "length" | "max_tokens" | "model_length" => Finish::Length,
        "content_filter" | "safety" | "recitation" => Finish::Filtered,
        "tool_calls" | "function_call" | "tool_use" => Finish::ToolCalls,
        "error" => Finish::Error,
        _ => Finish::Other,
    }
}

/// What an answer that is no success means.
fn refused(exchange: &Exchange, text: &str, secret: &SecretString) -> Fault {
    let body = serde_json::from_str::<Value>(text).ok();
    let said = body.as_ref().and_then(words_of).unwrap_or_default();
    let said = clean(&said, secret);
    let status = exchange.status;
    match status {
        300..=399 => Fault::Redirected,
        401 | 403 => Fault::Unauthorized { status, said },
        402 => Fault::NoQuota { said },
        429 if body.as_ref().is_some_and(is_out_of_quota) => Fault::NoQuota { said },
        408 | 425 | 429 | 500.. => {
            let retry_after = exchange.retry_after_ms.map(Duration::from_millis);
            // Some servers answer a format that they do not know with 501.
            if status == 501 {
                return Fault::Refused { status, said };
            }
            Fault::Busy { status, said, retry_after }
        }
        _ => Fault::Refused { status, said },
    }
}

fn is_out_of_quota(body: &Value) -> bool {
    let error = body.get("error").unwrap_or(body);
    ["code", "type"].iter().any(|name| {
        let word = error.get(name).and_then(Value::as_str).unwrap_or_default();
        matches!(word, "insufficient_quota" | "billing_hard_limit_reached")
    })
}

/// The words of an error: nested, flat, a string, a list, FastAPI's `detail`.
fn words_of(body: &Value) -> Option<String> {
    match body {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.iter().find_map(words_of),
        Value::Object(_) => {
            let names = ["error", "errors", "message", "msg", "detail", "title"];
            names.iter().find_map(|name| body.get(name).and_then(words_of))
        }
        _ => None,
    }
}

/// What the answer says that it used, by the engine's rules for bodies of providers.
fn usage(body: &str, provider: &str, model: &str) -> Option<Usage> {
    let mut extractor = Extractor::new(provider, None, Some(model)).ok()?;
    let usage = extractor.extract(body).ok()?.usage;
    // A server that fills in zeros has counted nothing: what was read has at least a token.
    (usage.tokens_total() > 0).then_some(usage)
}

/// One line of a stranger's text, without the credential.
fn clean(said: &str, secret: &SecretString) -> String {
    let mut text = said.to_owned();
    let secret = secret.expose_secret().trim();
    if !secret.is_empty() {
        text = text.replace(secret, "[credential]");
        let shares = |word: &str| {
            let letters: Vec<char> = secret.chars().collect();
            letters.windows(6).any(|part| word.contains(&String::from_iter(part)))
        };
        let words: Vec<&str> = text
            .split_whitespace()
            .map(|word| if shares(word) { "[credential]" } else { word })
            .collect();
        text = words.join(" ");
    }
    printable(&text, SAID_CHARS_MAX)
}

fn printable(text: &str, chars_max: usize) -> String {
    let one_line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    one_line.filter(|c| !is_invisible(*c)).take(chars_max).collect()
}

/// Characters that change how others are shown.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
