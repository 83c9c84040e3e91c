//! Codex' session logs, `~/.codex/sessions/**/rollout-*.jsonl`.
//!
//! `token_count` events tell the session's usage so far, again and again: a call is the difference to
//! the event before, and an event that tells nothing new is none. A forked session starts with its
//! parent's events, at new times; such an event has the totals that it had, and the session whose
//! metadata stand before it, so that both copies have one id. Newer versions tell each response by its
//! id in a `token_usage_record`, and once more in the event after it.
//!
//! # Source
//!
//! Lines of Codex 0.40 to 0.153; ccusage issues 1370 and 1371, codeburn pull request 458 and tokscale
//! pull request 719 on what forks repeat.

use centinel_engine::{
    series::Dimension,
    usage::{
        Call, Usage,
        UsageClass::{
            CacheReadTokens, CacheWrite5mTokens, InputTokensTotal, OutputTokensTotal,
            ReasoningTokens,
        },
    },
};

use super::{lines_with, project};
use crate::{
    fields::Fields,
    finding::{FindingStatus, Findings},
    records::{Output, Piece, Record, Records, natural_id},
    sanitize::set_text,
};

/// Reads one session file.
#[derive(Default)]
pub(crate) struct Codex {
    // The session that the events at hand were first written in.
    session: String,
    provider: String,
    model: String,
    folder: String,
    so_far: Option<Counts>,
    // What was counted last, and has not been told a second time yet.
    counted: Option<(Told, Counts)>,
}

/// Which of the two lines told it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Record,
    Event,
}

/// The five counts of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    input: u64,
    cached: u64,
    written: u64,
    output: u64,
    reasoning: u64,
}

impl Counts {
    /// Reads them; `None` where the event has none.
    fn read(fields: &Fields, path: &str) -> Result<Option<Self>, String> {
        let count = |name: &str| fields.count(&[&format!("{path}.{name}")]);
        let (input, output) = (count("input_tokens")?, count("output_tokens")?);
        if input.is_none() && output.is_none() {
            return Ok(None);
        }
        let cached = count("cached_input_tokens")?.or(count("cache_read_input_tokens")?);
        Ok(Some(Self {
            input: input.unwrap_or(0),
            cached: cached.unwrap_or(0),
            written: count("cache_write_input_tokens")?.unwrap_or(0),
            output: output.unwrap_or(0),
            reasoning: count("reasoning_output_tokens")?.unwrap_or(0),
        }))
    }

    /// What was added since an earlier event; `None` where the totals went back.
    fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            input: self.input.checked_sub(earlier.input)?,
            cached: self.cached.checked_sub(earlier.cached)?,
            written: self.written.checked_sub(earlier.written)?,
            output: self.output.checked_sub(earlier.output)?,
            reasoning: self.reasoning.checked_sub(earlier.reasoning)?,
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cached: self.cached.saturating_add(other.cached),
            written: self.written.saturating_add(other.written),
            output: self.output.saturating_add(other.output),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }

    fn usage(self) -> Result<Usage, String> {
        let usage = Usage::ZERO
            .with(InputTokensTotal, self.input)
            .with(CacheReadTokens, self.cached)
            .with(CacheWrite5mTokens, self.written)
            .with(OutputTokensTotal, self.output)
            .with(ReasoningTokens, self.reasoning);
        usage.check().map_err(|error| error.to_string())?;
        Ok(usage)
    }

    fn text(self) -> String {
        let Self { input, cached, written, output, reasoning } = self;
        format!("{input} {cached} {written} {output} {reasoning}")
    }
}

impl Records for Codex {
    fn split<'d>(&mut self, document: &'d str, _: &mut Findings) -> Result<Vec<Piece<'d>>, String> {
        let markers =
            ["\"session_meta\"", "\"turn_context\"", "\"token_count\"", "\"token_usage_record\""];
        Ok(lines_with(document, &markers))
    }

    fn read(&mut self, record: Record<'_>) -> Result<(), String> {
        let fields = record.fields;
        match (fields.get("type"), fields.get("payload.type")) {
            (Some("session_meta"), _) => {
                self.enter_session(fields);
                Ok(())
            }
            (Some("turn_context"), _) => {
                let model = fields.get("payload.model").unwrap_or_default();
                model.clone_into(&mut self.model);
                if let Some(folder) = fields.get("payload.cwd") {
                    folder.clone_into(&mut self.folder);
                }
                Ok(())
            }
            (Some("event_msg"), Some("token_count")) => self.event(record),
            (Some("token_usage_record"), _) => self.record(record),
            _ => Ok(()),
        }
    }
}

impl Codex {
    fn enter_session(&mut self, fields: &Fields) {
        let get = |path| fields.get(path).unwrap_or_default();
        // Until the parent's own metadata come, its id is what the fork says.
        let parent = get("payload.forked_from_id");
        let id = if parent.is_empty() { get("payload.id") } else { parent };
        id.clone_into(&mut self.session);
        get("payload.model_provider").clone_into(&mut self.provider);
        if self.folder.is_empty() {
            get("payload.cwd").clone_into(&mut self.folder);
        }
    }

    /// A `token_count`: the session's usage so far.
    fn event(&mut self, record: Record<'_>) -> Result<(), String> {
        let fields = record.fields;
        let total = Counts::read(fields, "payload.info.total_token_usage")?;
        let last = Counts::read(fields, "payload.info.last_token_usage")?;
        let earlier = self.so_far;
        // An event of the rate limits alone has no counts.
        let Some(so_far) = total.or_else(|| Some(earlier.unwrap_or_default().plus(last?))) else {
            return Ok(());
        };
        let added = match (earlier, last) {
            (Some(earlier), _) if so_far == earlier => Counts::default(),
            // The totals go back where the history was compacted.
            (Some(earlier), last) => so_far.since(earlier).or(last).unwrap_or(so_far),
            (None, Some(last)) => {
                if last != so_far {
                    let message = "of the first event tells usage before this file: not counted";
                    let name = "total_token_usage";
                    record.findings.row(name, FindingStatus::Note, message, record.row);
                }
                last
            }
            (None, None) => so_far,
        };
        let id = natural_id("codex", &[&self.session, &so_far.text(), &last_text(last)]);
        self.so_far = Some(so_far);
        if added == Counts::default() {
            let message = "event that tells the usage of the one before once more";
            record.findings.row("token_count", FindingStatus::Ignored, message, record.row);
            return Ok(());
        }
        if self.counted == Some((Told::Record, added)) {
            self.counted = None;
            return Ok(());
        }
        self.counted = Some((Told::Event, added));
        self.push(record, id, added.usage()?)
    }

    /// A `token_usage_record`: the usage of one response.
    fn record(&mut self, record: Record<'_>) -> Result<(), String> {
        let Some(counts) = Counts::read(record.fields, "payload.usage")? else { return Ok(()) };
        if self.counted == Some((Told::Event, counts)) {
            self.counted = None;
            return Ok(());
        }
        let id = record.fields.get("payload.response_id").map(str::to_owned);
        self.counted = Some((Told::Record, counts));
        let id = id.unwrap_or_else(|| natural_id("codex", &[&self.session, &counts.text()]));
        let usage = counts.usage()?;
        self.push(record, id, usage)
    }

    fn push(&mut self, record: Record<'_>, id: String, usage: Usage) -> Result<(), String> {
        let Record { fields, row, findings, out, .. } = record;
        let at = fields.instant(&["timestamp"], row, findings)?.ok_or("no `timestamp`")?;
        let mut call = Call::new(at);
        call.call_id = Some(id);
        call.usage = usage;
        set_text(&mut call.trace_id, &self.session);
        let provider = if self.provider.is_empty() { "openai" } else { &self.provider };
        call.labels.set(Dimension::Provider, provider);
        call.labels.set(Dimension::Model, &self.model);
        if self.model.is_empty() {
            let message =
                "event without a `turn_context` before it: the call has no model, no price";
            findings.row("", FindingStatus::Note, message, row);
        }
        call.labels.set(Dimension::Application, "codex");
        call.labels.set(Dimension::SubAccount, project(&self.folder));
        out.push(Output::Call(call));
        Ok(())
    }
}

fn last_text(last: Option<Counts>) -> String {
    last.map(Counts::text).unwrap_or_default()
}
