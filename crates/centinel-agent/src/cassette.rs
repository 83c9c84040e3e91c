//! Exchanges with a model, recorded once and played back: the same questions have the same answers.
//!
//! A cassette is a value; whoever has files reads and writes them ([`Cassette::to_lines`],
//! [`Cassette::of_lines`]). Headers are not kept, so no credential is, and one that a server repeats
//! within a body is taken out.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use centinel_engine::facts::{canonical_json, sha256_hex};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::Exchange;

/// Longest part of a text that a difference shows.
const SHOWN_CHARS_MAX: usize = 120;

/// One recorded exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// SHA-256 of the canonical request: path and body.
    pub key: String,
    /// The path of the request.
    pub path: String,
    /// The body of the request.
    pub request: Value,
    /// What came.
    pub answer: Exchange,
}

/// Recorded exchanges, in their order. The same question asked again is the next one recorded for it,
/// and after the last, the last again.
#[derive(Debug, Default)]
pub struct Cassette {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    recorded: Vec<Recorded>,
    /// How often each request was answered.
    played: BTreeMap<String, usize>,
    /// How many requests were asked, to tell which recorded one a missing one stands for.
    asked: usize,
}

/// Why a text is no cassette.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the cassette: {reason}")]
pub struct BadCassette {
    /// Which line, from 1.
    line: usize,
    /// Why.
    reason: String,
}

/// Where a request differs from the recorded one that stands in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Where in the request, as a JSON pointer; empty when nothing is recorded there.
    pub at: String,
    /// What was recorded.
    pub recorded: String,
    /// What is asked.
    pub asked: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, recorded, asked } = self;
        if at.is_empty() {
            f.write_str("nothing is recorded in its place")
        } else {
            write!(f, "`{at}` was `{recorded}`, and is `{asked}`")
        }
    }
}

impl Cassette {
    /// Reads what [`Self::to_lines`] wrote.
    ///
    /// # Errors
    ///
    /// [`BadCassette`] with the line, also when a key is not that of its request: an edited request
    /// would never be asked.
    pub fn of_lines(text: &str) -> Result<Self, BadCassette> {
        let mut recorded = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let bad = |reason: String| BadCassette { line: index.saturating_add(1), reason };
            let one: Recorded =
                serde_json::from_str(line).map_err(|error| bad(error.to_string()))?;
            if key(&one.path, &one.request) != one.key {
                return Err(bad(format!("`{}` is not the key of its request", one.key)));
            }
            recorded.push(one);
        }
        Ok(Self { inner: Mutex::new(Inner { recorded, ..Inner::default() }) })
    }

    /// One JSON object a line, in the order of the recording.
    ///
    /// # Errors
    ///
    /// Never: its values are texts and JSON.
    pub fn to_lines(&self) -> Result<String, serde_json::Error> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Result<Vec<String>, _> = inner
            .recorded
            .iter()
            .map(|one| serde_json::to_string(one).map(|line| line + "\n"))
            .collect();
        lines.map(|lines| lines.concat())
    }

    /// How many exchanges there are.
    pub fn len(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).recorded.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn answer(&self, path: &str, body: &[u8]) -> Result<Exchange, Difference> {
        let request = read(body);
        let key = key(path, &request);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let place = inner.asked;
        inner.asked = inner.asked.saturating_add(1);
        let played = inner.played.get(&key).copied().unwrap_or(0);
        let of_key = inner.recorded.iter().filter(|one| one.key == key);
        let found = of_key.take(played.saturating_add(1)).last().map(|one| one.answer.clone());
        let Some(found) = found else {
            let stands_for = inner.recorded.get(place).or_else(|| inner.recorded.last());
            return Err(stands_for.map_or_else(
                || Difference { at: String::new(), recorded: String::new(), asked: String::new() },
                |one| {
                    difference(
                        &json!({ "path": one.path, "body": one.request }),
                        &json!({ "path": path, "body": request }),
                    )
                },
            ));
        };
        inner.played.insert(key, played.saturating_add(1));
        Ok(found)
    }

    pub(crate) fn record(&self, path: &str, body: &[u8], answer: &Exchange, secret: &SecretString) {
        let request = read(body);
        let mut answer = answer.clone();
        let secret = secret.expose_secret().trim();
        if !secret.is_empty() {
            answer.body = answer.body.replace(secret, "[credential]");
        }
        let key = key(path, &request);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.recorded.push(Recorded { key, path: path.to_owned(), request, answer });
    }
}

fn read(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or(Value::Null)
}

fn key(path: &str, request: &Value) -> String {
    let canonical = canonical_json(&json!({ "path": path, "body": request }));
    // A fraction has no canonical form, and no request of ours holds one.
    sha256_hex(canonical.unwrap_or_else(|_| request.to_string()).as_bytes())
}

/// The first place where two requests differ.
fn difference(recorded: &Value, asked: &Value) -> Difference {
    fn walk(recorded: &Value, asked: &Value, at: String) -> Option<Difference> {
        match (recorded, asked) {
            (Value::Object(a), Value::Object(b)) => {
                let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                names.into_iter().find_map(|name| {
                    let of = |map: &serde_json::Map<String, Value>| {
                        map.get(name).cloned().unwrap_or(Value::Null)
                    };
                    walk(&of(a), &of(b), format!("{at}/{name}"))
                })
            }
            (Value::Array(a), Value::Array(b)) => (0..a.len().max(b.len())).find_map(|index| {
                let of = |list: &[Value]| list.get(index).cloned().unwrap_or(Value::Null);
                walk(&of(a), &of(b), format!("{at}/{index}"))
            }),
            _ if recorded == asked => None,
            _ => {
                let (recorded, asked) = from_difference(recorded, asked);
                Some(Difference { at, recorded, asked })
            }
        }
    }
    walk(recorded, asked, String::new()).unwrap_or_else(|| Difference {
        at: "/".to_owned(),
        recorded: String::new(),
        asked: String::new(),
    })
}

/// Two values from where they begin to differ, with a few characters before.
fn from_difference(a: &Value, b: &Value) -> (String, String) {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (a, b) = (text(a), text(b));
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let part = |text: &str| {
        let shown = text.chars().skip(same.saturating_sub(20)).take(SHOWN_CHARS_MAX);
        shown.map(|c| if c.is_control() { ' ' } else { c }).collect()
    };
    (part(&a), part(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(body: &str) -> Exchange {
        Exchange { status: 200, retry_after_ms: None, body: body.to_owned() }
    }

    fn recorded() -> Cassette {
        let cassette = Cassette::default();
        let secret = SecretString::from("hunter2");
        for (question, answer) in [("a", "1"), ("b", "key hunter2"), ("a", "3")] {
            let body = json!({ "messages": [{ "content": question }], "model": "m" }).to_string();
            cassette.record("/v1/chat", body.as_bytes(), &exchange(answer), &secret);
        }
        cassette
    }

    #[test]
    fn what_was_recorded_is_played() {
        let lines = recorded().to_lines().unwrap();
        assert!(!lines.contains("hunter2"), "{lines}");
        let cassette = Cassette::of_lines(&lines).unwrap();
        // The order of members is not part of a request.
        let ask = |question: &str| {
            let body = json!({ "model": "m", "messages": [{ "content": question }] }).to_string();
            cassette.answer("/v1/chat", body.as_bytes()).map(|exchange| exchange.body)
        };
        assert_eq!(ask("a").unwrap(), "1");
        assert_eq!(ask("b").unwrap(), "key [credential]");
        assert_eq!(ask("a").unwrap(), "3");
        assert_eq!(ask("a").unwrap(), "3");
        assert_eq!(
            ask("c").unwrap_err().to_string(),
            "`/body/messages/0/content` was `a`, and is `c`"
        );
    }

    #[test]
    fn what_is_no_cassette_is_named() {
        let lines = recorded().to_lines().unwrap();
        let edited = lines.replacen("\"a\"", "\"x\"", 1);
        let error = Cassette::of_lines(&edited).unwrap_err().to_string();
        assert!(error.starts_with("line 1 of the cassette: `"), "{error}");
        assert!(Cassette::of_lines("\n\nno").unwrap_err().to_string().starts_with("line 3"));
        let empty = Cassette::of_lines("").unwrap().answer("/", b"{}").unwrap_err();
        assert_eq!(empty.to_string(), "nothing is recorded in its place");
    }
}
