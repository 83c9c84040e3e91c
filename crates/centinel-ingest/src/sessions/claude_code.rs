//! Claude Code's session logs, `~/.claude/projects/**/*.jsonl`.
//!
//! While an answer streams, each content block is a line with the same message id and the usage so
//! far; resumed and branched sessions copy lines into files of their own. A message is counted once:
//! within a file with its largest output, across files by its id, which is the call's id. The request
//! id is no part of it: compatible endpoints and subagents leave it out.
//!
//! # Source
//!
//! Lines of Claude Code 1.0 to 2.1; ccusage issues 797, 901, 938, 976 and 1762 and codeburn pull
//! request 201 on what repeats.

use std::collections::HashMap;

use centinel_engine::{
    money::Currency,
    series::Dimension,
    usage::{
        Call, Usage,
        UsageClass::{
            CacheReadTokens, CacheWrite1hTokens, CacheWrite5mTokens, InputTokensTotal,
            OutputTokensTotal, WebSearchRequests,
        },
    },
};

use super::{lines_with, project};
use crate::{
    fields::Fields,
    finding::{FindingStatus, Findings},
    provider_guess::provider_of,
    records::{Output, Piece, Record, Records, natural_id},
    sanitize::set_text,
    sink::Position,
};

/// Messages held before the first ones are handed out.
const HELD_MAX: usize = 100_000;

/// Reads one session file.
#[derive(Default)]
pub(crate) struct ClaudeCode {
    held: Vec<Held>,
    // By message id: position in `held`.
    known: HashMap<String, usize>,
    has_ends: bool,
}

struct Held {
    row: u64,
    call: Call,
    is_ended: bool,
}

impl Records for ClaudeCode {
    fn split<'d>(&mut self, document: &'d str, _: &mut Findings) -> Result<Vec<Piece<'d>>, String> {
        Ok(lines_with(document, &["\"usage\""]))
    }

    fn read(&mut self, record: Record<'_>) -> Result<(), String> {
        let Record { fields, row, findings, out, .. } = record;
        // Results of tools and progress of subagents repeat the usage of messages that have lines of
        // their own.
        if fields.get("type") != Some("assistant") {
            return Ok(());
        }
        let Some(model) = fields.get("message.model") else { return Ok(()) };
        if model == "<synthetic>" {
            let message = "message that the agent wrote itself: no provider was asked";
            findings.row("", FindingStatus::Ignored, message, row);
            return Ok(());
        }
        let Some(usage) = usage(fields, row, findings)? else { return Ok(()) };
        let is_ended = fields.get("message.stop_reason").is_some();
        self.has_ends |= is_ended;
        let id = message_id(fields);
        if let Some(held) = self.known.get(&id).and_then(|&index| self.held.get_mut(index)) {
            let message =
                "line of a message that was told before: counted once, with its whole usage";
            findings.row("", FindingStatus::Note, message, row);
            // The first line says when the call was made, the last one what it used.
            if usage.get(OutputTokensTotal) >= held.call.usage.get(OutputTokensTotal) {
                held.call.usage = usage;
            }
            held.is_ended |= is_ended;
            return Ok(());
        }
        let at = fields.instant(&["timestamp"], row, findings)?.ok_or("no `timestamp`")?;
        let mut call = Call::new(at);
        call.usage = usage;
        set_text(&mut call.call_id, &id);
        set_text(&mut call.trace_id, fields.get("sessionId").unwrap_or_default());
        let provider = provider_of(model).unwrap_or_else(|| {
            let message = "names no provider: taken as Anthropic's, whose interface was asked";
            findings.row("message.model", FindingStatus::Assumed, message, row);
            "anthropic"
        });
        let get = |path| fields.get(path).unwrap_or_default();
        let labels = &mut call.labels;
        labels.set(Dimension::Provider, provider);
        labels.set(Dimension::Model, model);
        labels.set(Dimension::Application, "claude-code");
        labels.set(Dimension::SubAccount, project(get("cwd")));
        let is_fast = get("message.usage.speed") == "fast";
        let tier = if is_fast { "fast" } else { get("message.usage.service_tier") };
        labels.set(Dimension::ServiceTier, tier);
        let region = get("message.usage.inference_geo");
        labels.set(Dimension::Region, if region == "not_available" { "" } else { region });
        if let Some(cost) = fields.decimal(&["costUSD"])? {
            call.reported_cost = Some((cost, Currency::USD));
        }
        if self.held.len() >= HELD_MAX {
            out.extend(self.held.drain(..).map(|held| Output::Call(held.call)));
            self.known.clear();
        }
        if !id.is_empty() {
            self.known.insert(id, self.held.len());
        }
        self.held.push(Held { row, call, is_ended });
        Ok(())
    }

    fn finish(&mut self, findings: &mut Findings, out: &mut Vec<(Position, Output)>) {
        // The session may still be written: a last answer without an end would be kept too small, and
        // by its id for good. Versions that never tell an end have nothing better.
        if self.has_ends && self.held.last().is_some_and(|held| !held.is_ended) {
            let row = self.held.pop().map_or(0, |held| held.row);
            let message = "last answer without its end: left for the next import of the file";
            findings.row("message.stop_reason", FindingStatus::Ignored, message, row);
        }
        out.extend(self.held.drain(..).map(|held| {
            let at = Position { row: held.row, ..Position::default() };
            (at, Output::Call(held.call))
        }));
        self.known.clear();
    }
}

/// What tells a message from all others: the provider's id. A relay may give every answer one id, and
/// no id of the request: then session and time tell them apart (ccusage issue 1635).
fn message_id(fields: &Fields) -> String {
    let id = fields.text(&["message.id", "uuid"]).unwrap_or_default();
    if id.is_empty() || id.starts_with("msg_") || fields.get("requestId").is_some() {
        return id.to_owned();
    }
    let get = |path| fields.get(path).unwrap_or_default();
    natural_id("claude-code", &[get("sessionId"), id, get("timestamp")])
}

/// The usage of a line; `None` where it has none.
fn usage(fields: &Fields, row: u64, findings: &mut Findings) -> Result<Option<Usage>, String> {
    let count = |name: &str| fields.count(&[&format!("message.usage.{name}")]);
    let (input, output) = (count("input_tokens")?, count("output_tokens")?);
    if input.is_none() && output.is_none() {
        return Ok(None);
    }
    let or_none = |name: &str| count(name).map(Option::unwrap_or_default);
    let read = or_none("cache_read_input_tokens")?;
    let written = or_none("cache_creation_input_tokens")?;
    let five = or_none("cache_creation.ephemeral_5m_input_tokens")?;
    let hour = or_none("cache_creation.ephemeral_1h_input_tokens")?;
    let rest = written.saturating_sub(five.saturating_add(hour));
    if rest > 0 {
        let message = "cache writes without a lifetime: taken as 5 minutes";
        findings.row("", FindingStatus::Assumed, message, row);
    }
    let five = five.saturating_add(rest);
    let total = [input.unwrap_or(0), read, five, hour].into_iter().fold(0, u64::saturating_add);
    let usage = Usage::ZERO
        .with(InputTokensTotal, total)
        .with(CacheReadTokens, read)
        .with(CacheWrite5mTokens, five)
        .with(CacheWrite1hTokens, hour)
        .with(OutputTokensTotal, output.unwrap_or(0))
        .with(WebSearchRequests, or_none("server_tool_use.web_search_requests")?);
    Ok(Some(usage))
}
