//! What models said once: cassettes as the narrator's own (`centinel_agent::Recorded`), one exchange a
//! line, found by the digest of the question. And the way to a server that answers now.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use centinel_agent::{Recorded, client::Exchange};
use centinel_engine::facts::{canonical_json, sha256_hex};
use serde_json::{Value, json};

use super::{MODEL, Said, completion};

/// Where a request of the kind goes, on every server.
const PATH: &str = "/v1/chat/completions";
/// Longest answer of a server.
const ANSWER_MAX: u64 = 4 << 20;

/// Recorded answers by the digest of their question.
#[derive(Debug, Default)]
pub(crate) struct Cassettes {
    answers: BTreeMap<String, Value>,
}

/// The digest of a question, as cassettes have it.
pub(crate) fn key_of(request: &Value) -> String {
    let whole = json!({ "path": PATH, "body": request });
    // A fraction has no canonical form, and no request of the product holds one.
    let text = canonical_json(&whole).unwrap_or_else(|_| whole.to_string());
    sha256_hex(text.as_bytes())
}

impl Cassettes {
    /// Every `.jsonl` of a folder.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut answers = BTreeMap::new();
        let entries =
            std::fs::read_dir(folder).with_context(|| format!("reading `{}`", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_none_or(|end| end != "jsonl") {
                continue;
            }
            for (number, line) in (1..).zip(std::fs::read_to_string(&path)?.lines()) {
                let one: Recorded = serde_json::from_str(line)
                    .with_context(|| format!("line {number} of `{}`", path.display()))?;
                let body = serde_json::from_str(&one.answer.body).unwrap_or(Value::Null);
                answers.insert(one.key, body);
            }
        }
        ensure!(!answers.is_empty(), "no cassette in `{}`", folder.display());
        Ok(Self { answers })
    }

    /// The body that was recorded for a question, what it says, and its tokens.
    pub(super) fn answer(&self, request: &Value) -> Option<(Value, Said, [u64; 2])> {
        let body = self.answers.get(&key_of(request))?.clone();
        let (said, tokens) = read(&body);
        Some((body, said, tokens))
    }
}

/// A line of a cassette: a question, and a reply that was got for it elsewhere. A reply is a text, or a
/// message of the API with its `content` and `tool_calls`.
pub(crate) fn line_of(request: &Value, reply: &Value) -> anyhow::Result<String> {
    let said = match reply {
        Value::String(text) => Said { text: text.clone(), ..Said::default() },
        message => read(&json!({ "choices": [{ "message": message }] })).0,
    };
    let tokens = [request.to_string().len(), said.text.len()].map(|bytes| (bytes / 4) as u64);
    let recorded = Recorded {
        key: key_of(request),
        path: PATH.to_owned(),
        request: request.clone(),
        answer: Exchange {
            status: 200,
            retry_after_ms: None,
            body: completion(&said, tokens).to_string(),
        },
    };
    Ok(serde_json::to_string(&recorded)?)
}

/// What a chat completion says, and the tokens that it states.
pub(super) fn read(body: &Value) -> (Said, [u64; 2]) {
    let message = body.pointer("/choices/0/message").unwrap_or(&Value::Null);
    let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    let calls = calls.iter().filter_map(|call| {
        let name = call.pointer("/function/name")?.as_str()?.to_owned();
        let arguments = call.pointer("/function/arguments")?;
        let read = arguments.as_str().and_then(|text| serde_json::from_str(text).ok());
        Some((name, read.unwrap_or_else(|| arguments.clone())))
    });
    let said = Said {
        text: message["content"].as_str().unwrap_or_default().to_owned(),
        calls: calls.collect(),
        ..Said::default()
    };
    let count = |name: &str| body["usage"][name].as_u64().unwrap_or(0);
    (said, [count("prompt_tokens"), count("completion_tokens")])
}

/// Hands a question to a server over plain HTTP: one on this machine, which may be a gateway to others.
pub(super) fn forward(base: &str, body: &[u8]) -> anyhow::Result<Value> {
    let rest = base
        .strip_prefix("http://")
        .context("an address as `http://127.0.0.1:4000/v1`: for others, put a gateway between")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut request: Value = serde_json::from_slice(body)?;
    request["model"] = Value::String(live_model().unwrap_or_else(|| MODEL.to_owned()));
    let body = request.to_string();
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_mins(2)))?;
    let key = live_key().map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    write!(
        stream,
        "POST /{path}/chat/completions HTTP/1.0\r\nhost: {host}\r\ncontent-type: application/json\r\n{key}content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, text) = answer.split_once("\r\n\r\n").context("an answer without a body")?;
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.split(' ').nth(1) == Some("200"), "the server says `{status}`");
    Ok(serde_json::from_str(text.trim())?)
}

/// What a live server calls its model.
#[expect(clippy::disallowed_methods, reason = "which model to measure is the caller's choice")]
fn live_model() -> Option<String> {
    std::env::var("CENTINEL_EVAL_MODEL").ok()
}

/// A live server's key; sent to it, and written nowhere.
#[expect(clippy::disallowed_methods, reason = "a key is the caller's, and in no file")]
fn live_key() -> Option<String> {
    std::env::var("CENTINEL_EVAL_KEY").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_become_cassettes_that_are_played() {
        let folder = tempfile::tempdir().unwrap();
        let request = |text: &str| json!({ "model": MODEL, "messages": [{ "role": "user", "content": text }] });
        let call = json!({ "content": null, "tool_calls": [{ "function": { "name": "savings", "arguments": "{\"a\":1}" } }] });
        let lines =
            [line_of(&request("a"), &json!("{}")).unwrap(), line_of(&request("b"), &call).unwrap()];
        std::fs::write(folder.path().join("a.jsonl"), lines.join("\n")).unwrap();
        let cassettes = Cassettes::read(folder.path()).unwrap();
        assert_eq!(cassettes.answer(&request("a")).unwrap().1.text, "{}");
        assert_eq!(
            cassettes.answer(&request("b")).unwrap().1.calls,
            [("savings".to_owned(), json!({ "a": 1 }))]
        );
        assert!(cassettes.answer(&request("c")).is_none());
        // The narrator's own reader takes them, too.
        assert_eq!(centinel_agent::Cassette::of_lines(&lines.join("\n")).unwrap().len(), 2);
    }
}
