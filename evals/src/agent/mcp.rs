//! A chat host over MCP: the real server over standard input and output, a model that picks tools, and a
//! loop that calls what it picks. It is what somebody's chat client does, no part of the product.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{
    product::Home,
    stand_in::{MODEL, StandIn},
};

/// A running server, and a conversation with it.
pub(crate) struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
    tools: Vec<Value>,
}

/// What a tool answered.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) is_error: bool,
    pub(crate) text: String,
}

impl Session {
    /// Starts the server of a home, and asks what tools there are.
    pub(crate) fn start(home: &Home) -> anyhow::Result<Self> {
        let mut child =
            home.command(&["mcp"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let mut session = Self { child, input, output, next: 0, tools: Vec::new() };
        session.ask(
            "initialize",
            json!({ "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "evals", "version": "1" } }),
        )?;
        session.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        let listed = session.ask("tools/list", json!({}))?;
        session.tools = listed["tools"].as_array().cloned().unwrap_or_default();
        ensure!(!session.tools.is_empty(), "the server has no tools: {listed}");
        Ok(session)
    }

    /// The tools, as chat completions take them.
    pub(crate) fn offered(&self) -> Vec<Value> {
        let one = |tool: &Value| {
            json!({ "type": "function", "function": { "name": tool["name"], "description": tool["description"],
                "parameters": tool["inputSchema"] } })
        };
        self.tools.iter().map(one).collect()
    }

    /// Calls a tool, whatever its name is.
    pub(crate) fn call(&mut self, name: &str, arguments: &Value) -> anyhow::Result<Answered> {
        let answer = self.ask("tools/call", json!({ "name": name, "arguments": arguments }))?;
        let text = answer
            .pointer("/content/0/text")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let is_error = answer["isError"].as_bool().unwrap_or(false) || answer.get("code").is_some();
        let text = if text.is_empty() {
            answer["message"].as_str().unwrap_or_default().to_owned()
        } else {
            text
        };
        Ok(Answered { is_error, text })
    }

    fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        let input = self.input.as_mut().context("the conversation is over")?;
        writeln!(input, "{message}").context("the server does not listen")?;
        Ok(input.flush()?)
    }

    /// The result of a request, or the error as it is.
    fn ask(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let mut line = String::new();
            ensure!(self.output.read_line(&mut line)? > 0, "the server ended within `{method}`");
            let message: Value = serde_json::from_str(&line).context("a line that is no JSON")?;
            if message["id"] == json!(id) {
                let result = message.get("result").or_else(|| message.get("error"));
                return Ok(result.cloned().unwrap_or(Value::Null));
            }
        }
    }
}

/// One call of a conversation, and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Called {
    pub(crate) tool: String,
    pub(crate) answered: Answered,
    /// The server has a tool of that name.
    pub(crate) is_known: bool,
}

/// Asks a model a question and calls what it picks, until it picks nothing or the turns are used up.
pub(crate) fn converse(
    session: &mut Session,
    model: &StandIn,
    question: &str,
    turns: usize,
) -> anyhow::Result<Vec<Called>> {
    let offered = session.offered();
    let mut talk = vec![json!({ "role": "user", "content": question })];
    let mut done = Vec::new();
    for _ in 0..turns {
        let said = model.ask(&json!({ "model": MODEL, "messages": talk, "tools": offered }));
        if said.calls.is_empty() {
            break;
        }
        talk.push(json!({ "role": "assistant", "content": said.text }));
        for (tool, arguments) in said.calls {
            let answered = session.call(&tool, &arguments)?;
            talk.push(json!({ "role": "tool", "content": answered.text }));
            let is_known =
                offered.iter().any(|known| known.pointer("/function/name") == Some(&json!(tool)));
            done.push(Called { tool, answered, is_known });
        }
    }
    Ok(done)
}

impl Drop for Session {
    fn drop(&mut self) {
        // The end of its input is the end of the server.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
