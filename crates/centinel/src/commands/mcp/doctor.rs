//! `mcp doctor`: starts this server as a client would, asks it in both eras of the protocol, and looks
//! where clients keep it.

use std::{collections::BTreeSet, path::Path};

use anyhow::Context as _;
use centinel_engine::facts::{canonical_json, sha256_hex};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    clients,
    conversation::{Conversation, LEGACY, MODERN},
    entry::{Entry, NAME},
    install,
};
use crate::{
    commands::surface::Surface,
    context::{Context, folders, now, secret_variable},
    output::{Outcome, Output},
    text::printable,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Examine the server at this address instead: that of a running `centinel serve`, with `/mcp` at its
    /// end.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// As it should be.
    Ok,
    /// Nothing is wrong, but something is missing.
    Note,
    /// A client would fail here.
    Failed,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    what: String,
    state: State,
    found: String,
}

impl Finding {
    fn new(what: &str, state: State, found: impl Into<String>) -> Self {
        Self { what: what.to_owned(), state, found: found.into() }
    }
}

pub(super) fn run(
    args: &Args,
    surface: Surface,
    token_env: Option<&str>,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let entry = install::entry(args.url.as_deref(), surface, token_env, context)?;
    let secret = token_env.map(secret_variable).transpose()?;
    let mut findings = Vec::new();
    let modern = Examined::of(&entry, secret.as_deref(), MODERN);
    let legacy = Examined::of(&entry, secret.as_deref(), LEGACY);
    for (revision, examined) in [(MODERN, &modern), (LEGACY, &legacy)] {
        findings.extend(told(&entry, revision, examined));
    }
    if let (Ok(modern), Ok(legacy)) = (&modern, &legacy)
        && modern.fingerprint != legacy.fingerprint
    {
        let found = "the two eras of the protocol list different tools";
        findings.push(Finding::new("tools", State::Failed, found));
    }
    if args.url.is_none() {
        findings.extend(kept_by_clients(&entry)?);
    }
    let has_failed = findings.iter().any(|finding| finding.state == State::Failed);
    if output.json {
        let fingerprint = modern.as_ref().ok().map(|examined| &examined.fingerprint);
        output.json_line(&json!({
            "ok": !has_failed, "tool_list_sha256": fingerprint, "findings": findings,
        }))?;
    } else {
        let width = findings.iter().map(|one| one.what.chars().count()).max().unwrap_or_default();
        for Finding { what, state, found } in &findings {
            let mark = match state {
                State::Ok => "ok     ",
                State::Note => "note   ",
                State::Failed => "FAILED ",
            };
            output.line(format_args!("{mark}{what:width$}  {found}"))?;
        }
    }
    Ok(if has_failed { Outcome::Refused } else { Outcome::Done })
}

/// What a client of one revision met.
struct Examined {
    /// The revision that holds.
    revision: String,
    tools: Vec<String>,
    /// Bytes of the list of tools.
    list_bytes: usize,
    /// SHA-256 of the list of tools in canonical JSON.
    fingerprint: String,
    prompts: usize,
    resources: usize,
    /// What the first call said, and in how many milliseconds.
    call: Result<(String, i64), String>,
}

impl Examined {
    fn of(entry: &Entry, secret: Option<&str>, revision: &str) -> anyhow::Result<Self> {
        let mut conversation = Conversation::begin(entry, secret)?;
        let holds = if revision == MODERN {
            let found = conversation.ask(MODERN, "server/discover", json!({}))?;
            let versions = found.get("supportedVersions").and_then(Value::as_array);
            let serves = versions.is_some_and(|known| known.contains(&json!(MODERN)));
            anyhow::ensure!(serves, "the server does not serve revision {MODERN}");
            MODERN.to_owned()
        } else {
            conversation.shake_hands()?
        };
        let mut listed = |method: &str, member: &str| -> anyhow::Result<Vec<Value>> {
            let result = conversation.ask(revision, method, json!({}))?;
            let items = result.get(member).and_then(Value::as_array);
            Ok(items.with_context(|| format!("`{method}` lists no {member}"))?.clone())
        };
        let tools = listed("tools/list", "tools")?;
        let prompts = listed("prompts/list", "prompts")?.len();
        // A server may have no resources.
        let resources = listed("resources/list", "resources").map_or(0, |list| list.len());
        let names = tools.iter().filter_map(|tool| Some(tool.get("name")?.as_str()?.to_owned()));
        let names: Vec<String> = names.collect();
        let started = now();
        let call = conversation
            .ask(revision, "tools/call", json!({ "name": "data_health", "arguments": {} }))
            .and_then(|result| first_call(&result));
        let millis = now().duration_since(started).as_millis();
        Ok(Self {
            revision: holds,
            list_bytes: json!({ "tools": tools }).to_string().len(),
            fingerprint: sha256_hex(
                canonical_json(&tools).context("reading the tools")?.as_bytes(),
            ),
            tools: names,
            prompts,
            resources,
            call: call
                .map(|summary| (summary, i64::try_from(millis).unwrap_or(i64::MAX)))
                .map_err(|error| format!("{error:#}")),
        })
    }
}

/// The summary of an answer.
fn first_call(result: &Value) -> anyhow::Result<String> {
    if result.get("isError") == Some(&Value::Bool(true)) {
        let text = result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default();
        anyhow::bail!("{}", printable(&text.replace('\n', "; ")));
    }
    let summary = result.pointer("/structuredContent/summary").and_then(Value::as_str);
    Ok(printable(summary.context("the answer has no summary")?))
}

fn told(entry: &Entry, revision: &str, examined: &anyhow::Result<Examined>) -> Vec<Finding> {
    let transport = match entry {
        Entry::Stdio { .. } => "stdio",
        Entry::Http { .. } => "HTTP",
    };
    let what = format!("{transport}, {revision}");
    let examined = match examined {
        Ok(examined) => examined,
        Err(error) => {
            return vec![Finding::new(&what, State::Failed, format!("{error:#}"))];
        }
    };
    let Examined { revision, tools, list_bytes, fingerprint, prompts, resources, call } = examined;
    let mut findings = vec![Finding::new(
        &what,
        State::Ok,
        format!(
            "speaks {revision}; {} tools in {list_bytes} bytes ({}), {prompts} prompts, {resources} \
             resources",
            tools.len(),
            fingerprint.get(..12).unwrap_or_default(),
        ),
    )];
    // What the model could decide with has no place here.
    let deciding = ["approve", "reject", "apply", "execute", "decide"];
    let foreign: BTreeSet<&String> =
        tools.iter().filter(|name| deciding.iter().any(|verb| name.contains(verb))).collect();
    if let Some(name) = foreign.first() {
        let found = format!("tool `{}` sounds like a decision", printable(name));
        findings.push(Finding::new(&what, State::Failed, found));
    }
    findings.push(match call {
        Ok((summary, millis)) => {
            Finding::new("  a call", State::Ok, format!("in {millis} ms: {summary}"))
        }
        Err(error) if error.starts_with("the ledger is empty") => {
            Finding::new("  a call", State::Note, error.clone())
        }
        Err(error) => Finding::new("  a call", State::Failed, error.clone()),
    });
    findings
}

/// Which clients of this user and project start a server of ours, and whether they could.
fn kept_by_clients(entry: &Entry) -> anyhow::Result<Vec<Finding>> {
    let own = entry.words().next().cloned().unwrap_or_default();
    let folders = folders()?;
    let found = clients::with_files(&folders).filter_map(|(client, path)| {
        let program = clients::program_in(client, &path)?;
        let shown = printable(&program);
        let place = path.display();
        let is_address = program.contains("://");
        let (state, words) = if is_address || program == own {
            (State::Ok, format!("`{shown}` in {place}"))
        } else if !program.contains(['/', '\\']) || Path::new(&program).is_file() {
            (State::Note, format!("another program: `{shown}` in {place}"))
        } else {
            (State::Failed, format!("`{shown}` is gone, but {place} starts it"))
        };
        Some(Finding::new(client.title(), state, words))
    });
    let mut found: Vec<Finding> = found.collect();
    if found.is_empty() {
        let words = format!("none starts `{NAME}` yet: `centinel mcp install CLIENT --write`");
        found.push(Finding::new("clients", State::Note, words));
    }
    Ok(found)
}
