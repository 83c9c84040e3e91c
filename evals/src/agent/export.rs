//! Questions out, replies in: what a model is asked by the suites, for whoever can ask one, and what it
//! said, as cassettes that the suites play.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stand_in::{Cassettes, Exchange, key_of, line_of};

/// One question, as the endpoint gets it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Suite and digest.
    id: String,
    suite: String,
    /// The body of the request.
    request: Value,
}

/// One reply to a question: a text, or a message of the API with `content` and `tool_calls`.
#[derive(Debug, Clone, Deserialize)]
struct Replied {
    id: String,
    reply: Value,
}

/// Writes each question that was asked once; of the forms of one question (stricter, looser) the first.
pub(crate) fn write(path: &Path, asked: &[(String, Vec<Exchange>)]) -> anyhow::Result<usize> {
    let mut file = BufWriter::new(
        std::fs::File::create(path).with_context(|| format!("writing `{}`", path.display()))?,
    );
    let mut known = BTreeSet::new();
    let mut count = 0;
    for (suite, exchanges) in asked {
        for Exchange { request, said, .. } in exchanges {
            // A looser form asks the same with the schema in words, where the stricter one was refused.
            let is_looser = request.get("tools").is_none()
                && request.pointer("/response_format/json_schema").is_none();
            if !said.is_missing || is_looser || !known.insert(key_of(request)) {
                continue;
            }
            let id = format!("{suite}-{}", &key_of(request)[..16]);
            writeln!(
                file,
                "{}",
                serde_json::to_string(&Asked {
                    id,
                    suite: suite.clone(),
                    request: request.clone()
                })?
            )?;
            count += 1;
        }
    }
    file.flush()?;
    Ok(count)
}

/// Replies as a cassette in a folder. `questions` is what was exported.
pub(crate) fn import(replies: &Path, questions: &Path, folder: &Path) -> anyhow::Result<usize> {
    let mut asked: BTreeMap<String, Value> = BTreeMap::new();
    for line in std::fs::read_to_string(questions)
        .with_context(|| format!("reading `{}`", questions.display()))?
        .lines()
    {
        let one: Asked = serde_json::from_str(line)?;
        asked.insert(one.id, one.request);
    }
    let mut lines = String::new();
    let mut count = 0;
    for (number, line) in (1..).zip(std::fs::read_to_string(replies)?.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let one: Replied =
            serde_json::from_str(line).with_context(|| format!("line {number} of the replies"))?;
        let request = asked.get(&one.id).with_context(|| format!("nobody asked `{}`", one.id))?;
        lines.push_str(&line_of(request, &one.reply)?);
        lines.push('\n');
        count += 1;
    }
    ensure!(count > 0, "no reply in `{}`", replies.display());
    std::fs::create_dir_all(folder)?;
    let name = replies.file_stem().and_then(|name| name.to_str()).unwrap_or("replies");
    std::fs::write(folder.join(format!("{name}.jsonl")), lines)?;
    // What was written is what is read.
    Cassettes::read(folder)?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::agent::stand_in::Said;

    #[test]
    fn questions_go_out_and_replies_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let request = |text: &str, format: &str| json!({ "messages": [{ "role": "user", "content": text }], "response_format": { format: {} } });
        let exchange = |request: Value, is_missing: bool| Exchange {
            request,
            said: Said { is_missing, ..Said::default() },
            tokens: [0, 0],
        };
        let asked = vec![
            exchange(request("a", "json_schema"), true),
            exchange(request("a", "json_schema"), true),
            exchange(request("a", "looser"), true),
            exchange(request("b", "json_schema"), false),
            exchange(json!({ "messages": [], "tools": [] }), true),
        ];
        let questions = folder.path().join("questions.jsonl");
        assert_eq!(write(&questions, &[("explain".to_owned(), asked)]).unwrap(), 2);
        let first: Asked = serde_json::from_str(
            std::fs::read_to_string(&questions).unwrap().lines().next().unwrap(),
        )
        .unwrap();
        let replies = folder.path().join("m.jsonl");
        std::fs::write(&replies, json!({ "id": first.id, "reply": "{}" }).to_string()).unwrap();
        assert_eq!(import(&replies, &questions, &folder.path().join("cassettes")).unwrap(), 1);
        std::fs::write(&replies, json!({ "id": "other", "reply": "{}" }).to_string()).unwrap();
        assert!(import(&replies, &questions, folder.path()).is_err());
    }
}
