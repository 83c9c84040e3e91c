//! Talks MCP as a client does, over a child's pipes or HTTP: single questions in plain JSON-RPC, so that
//! what is examined is what other people's clients meet.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::entry::{Entry, tightening};
use crate::{commands::surface::Surface, text::printable};

/// The newest revision.
pub(super) const MODERN: &str = "2026-07-28";
/// The newest revision with a handshake.
pub(super) const LEGACY: &str = "2025-11-25";

/// Longest wait for one answer.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(1);
/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// A client's side of one connection.
pub(super) enum Conversation {
    /// With a program of our own.
    Pipes(Pipes),
    /// With a server at an address.
    Http(Http),
}

pub(super) struct Pipes {
    child: Child,
    input: ChildStdin,
    lines: Receiver<std::io::Result<String>>,
    asked: u64,
}

pub(super) struct Http {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    url: String,
    secret: Option<String>,
    surface: Surface,
    asked: u64,
}

impl Conversation {
    /// Begins one. `secret` is the value of the entry's variable.
    pub(super) fn begin(entry: &Entry, secret: Option<&str>) -> anyhow::Result<Self> {
        match entry {
            Entry::Stdio { command, args, .. } => Pipes::start(command, args).map(Self::Pipes),
            Entry::Http { url, surface, .. } => {
                // An error says that somebody installed a provider before: then that one holds.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let client = reqwest::Client::builder()
                    .timeout(ANSWER_TIME_MAX)
                    .redirect(reqwest::redirect::Policy::none())
                    .build()
                    .map_err(reqwest::Error::without_url)
                    .context("making an HTTP client")?;
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .context("starting the runtime")?;
                let (url, secret) = (url.clone(), secret.map(str::to_owned));
                Ok(Self::Http(Http { runtime, client, url, secret, surface: *surface, asked: 0 }))
            }
        }
    }

    /// Asks, in a revision, and returns the result.
    ///
    /// # Errors
    ///
    /// In one line: no answer in time, or the error that was answered.
    pub(super) fn ask(
        &mut self,
        revision: &str,
        method: &str,
        mut params: Value,
    ) -> anyhow::Result<Value> {
        if revision == MODERN
            && let Some(params) = params.as_object_mut()
        {
            params.insert(
                "_meta".to_owned(),
                json!({
                    "io.modelcontextprotocol/protocolVersion": revision,
                    "io.modelcontextprotocol/clientInfo": client_info(),
                    "io.modelcontextprotocol/clientCapabilities": {},
                }),
            );
        }
        let answer = match self {
            Self::Pipes(pipes) => pipes.ask(method, &params)?,
            Self::Http(http) => http.ask(revision, method, &params)?,
        };
        if let Some(error) = answer.get("error") {
            let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
            let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
            anyhow::bail!("`{method}` was answered with error {code}: {}", printable(message));
        }
        let result = answer.get("result").cloned();
        result.with_context(|| format!("`{method}` was answered without a result"))
    }

    /// The handshake of older revisions; returns the revision that the server chose.
    pub(super) fn shake_hands(&mut self) -> anyhow::Result<String> {
        let hello = json!({
            "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": client_info(),
        });
        let result = self.ask(LEGACY, "initialize", hello)?;
        if let Self::Pipes(pipes) = self {
            pipes.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        }
        let chosen = result.get("protocolVersion").and_then(Value::as_str);
        Ok(chosen.context("the handshake named no revision")?.to_owned())
    }
}

fn client_info() -> Value {
    json!({ "name": "centinel-doctor", "version": env!("CARGO_PKG_VERSION") })
}

impl Pipes {
    fn start(command: &str, args: &[String]) -> anyhow::Result<Self> {
        let mut child = Command::new(command)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting `{}`", printable(command)))?;
        let input = child.stdin.take().context("the child has no input")?;
        let output = child.stdout.take().context("the child has no output")?;
        let (sender, lines) = sync_channel(16);
        thread::spawn(move || {
            let mut output = BufReader::new(output.take(ANSWER_BYTES_MAX));
            loop {
                let mut line = String::new();
                let read = output.read_line(&mut line);
                let is_over = !matches!(read, Ok(bytes) if bytes > 0);
                if let Err(error) = read {
                    let _ = sender.send(Err(error));
                }
                if is_over || sender.send(Ok(line)).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, lines, asked: 0 })
    }

    fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        let mut line = message.to_string();
        line.push('\n');
        self.input.write_all(line.as_bytes()).context("writing to the server")?;
        Ok(())
    }

    fn ask(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            match self.lines.recv_timeout(ANSWER_TIME_MAX) {
                Ok(line) => {
                    let line = line.context("reading from the server")?;
                    let message: Value = serde_json::from_str(&line).with_context(|| {
                        format!("standard output holds what is not MCP: {}", start_of(&line))
                    })?;
                    // What comes unasked meanwhile is no answer.
                    if message.get("id").and_then(Value::as_u64) == Some(id) {
                        return Ok(message);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    anyhow::bail!("no answer to `{method}` within {} s", ANSWER_TIME_MAX.as_secs())
                }
                Err(RecvTimeoutError::Disconnected) => anyhow::bail!("{}", self.last_words()),
            }
        }
    }

    /// Why a server ended, as it told it itself.
    fn last_words(&mut self) -> String {
        let mut said = String::new();
        if let Some(error) = self.child.stderr.take() {
            let _ = error.take(4096).read_to_string(&mut said);
        }
        let said = said.trim();
        if said.is_empty() {
            "the server ended without a word".to_owned()
        } else {
            format!("the server ended: {}", start_of(said))
        }
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        // Our own child: it would end by itself once its input closes.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Http {
    fn ask(&mut self, revision: &str, method: &str, params: &Value) -> anyhow::Result<Value> {
        self.asked += 1;
        let body =
            json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params });
        let mut request = self
            .client
            .post(&self.url)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream")
            .header("MCP-Protocol-Version", revision)
            .body(body.to_string());
        if revision == MODERN {
            request = request.header("Mcp-Method", method);
            if let Some(name) = params.get("name").and_then(Value::as_str) {
                request = request.header("Mcp-Name", name);
            }
        }
        for (name, value) in tightening(self.surface) {
            request = request.header(name, value);
        }
        if let Some(secret) = &self.secret {
            request = request.header("Authorization", format!("Bearer {secret}"));
        }
        let answer = async move {
            let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
            let challenge = response.headers().get("www-authenticate");
            let challenge = challenge.and_then(|value| value.to_str().ok()).map(str::to_owned);
            let mut body = Vec::new();
            while let Some(part) = response.chunk().await.map_err(reqwest::Error::without_url)? {
                body.extend_from_slice(&part);
                let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
                anyhow::ensure!(length <= ANSWER_BYTES_MAX, "its answer is too long");
            }
            anyhow::Ok((response.status(), challenge, String::from_utf8_lossy(&body).into_owned()))
        };
        let (status, challenge, text) = self
            .runtime
            .block_on(answer)
            .with_context(|| format!("asking `{}`", printable(&self.url)))?;
        match serde_json::from_str(&text) {
            Ok(message) => Ok(message),
            Err(_) => {
                let challenge =
                    challenge.map(|words| format!(" ({})", printable(&words))).unwrap_or_default();
                anyhow::bail!(
                    "`{method}` was answered with status {status}{challenge}: {}",
                    start_of(&text)
                )
            }
        }
    }
}

/// The beginning of what somebody else wrote, on one line.
fn start_of(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    printable(&line.chars().take(200).collect::<String>())
}
