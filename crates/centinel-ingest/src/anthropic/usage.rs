//! Pages of the messages usage report: each result is a sum over the calls of a bucket.
//!
//! The parts of the input are disjoint; the report has no number of calls.

use centinel_engine::usage::{
    Call, Usage,
    UsageClass::{
        CacheReadTokens, CacheWrite1hTokens, CacheWrite5mTokens, CodeSessions, InputTokensTotal,
        OutputTokensTotal, WebSearchRequests,
    },
};

use super::{GROUPS, set_groups};
use crate::{
    fields::Fields,
    finding::{FindingStatus, Findings},
    pages::{self, Follow},
    records::{Output, PageIds, Piece, Record, Records, natural_id},
    sanitize::set_text,
};

/// Reads usage pages.
#[derive(Default)]
pub(crate) struct Usages {
    follow: Follow,
    ids: PageIds,
}

impl Records for Usages {
    fn split<'d>(&mut self, document: &'d str, _: &mut Findings) -> Result<Vec<Piece<'d>>, String> {
        self.ids.clear();
        pages::split(document, &mut self.follow)
    }

    fn read(&mut self, record: Record<'_>) -> Result<(), String> {
        let Record { fields, row, bucket, findings, out, .. } = record;
        let bucket = bucket.ok_or("a result outside a bucket has no time")?;
        let mut call = Call::new(bucket.start);
        call.calls = 0;
        call.usage = usage(fields, row, findings)?;
        let (start, end) = (bucket.start.to_string(), bucket.end.to_string());
        let mut parts = vec![start.as_str(), end.as_str()];
        parts.extend(GROUPS.map(|group| fields.get(group).unwrap_or_default()));
        call.call_id = Some(self.ids.unique(natural_id("messages", &parts)));
        set_groups(&mut call.labels, fields);
        let account = fields.text(&["account_id", "service_account_id"]);
        set_text(&mut call.end_user, account.unwrap_or_default());
        if fields.get("model").is_none() {
            let message = "is not told, so the row has no price: query with `group_by[]=model`";
            findings.row("model", FindingStatus::Note, message, row);
        }
        let message = "sums over calls whose number the report does not tell, dated at the start of \
                       their bucket: no calls are counted, and prices that depend on the length of a \
                       single call cannot be decided";
        findings.row("", FindingStatus::Note, message, row);
        fields.note_unread("", row, findings);
        out.push(Output::Call(call));
        Ok(())
    }

    fn finish(&mut self, findings: &mut Findings, _: &mut Vec<(crate::sink::Position, Output)>) {
        self.follow.finish(findings);
    }
}

fn usage(fields: &Fields, row: u64, findings: &mut Findings) -> Result<Usage, String> {
    let uncached = fields.count(&["uncached_input_tokens"])?;
    let output = fields.count(&["output_tokens"])?;
    if uncached.is_none() && output.is_none() {
        return Err("neither `uncached_input_tokens` nor `output_tokens`".to_owned());
    }
    let count = |paths: &[&str]| fields.count(paths).map(Option::unwrap_or_default);
    let read = count(&["cache_read_input_tokens"])?;
    // Derived descriptions of the report have the lifetimes at the top.
    let five = count(&[
        "cache_creation.ephemeral_5m_input_tokens",
        "cache_creation_5m_input_tokens",
        "ephemeral_5m_input_tokens",
    ])?;
    let hour = count(&[
        "cache_creation.ephemeral_1h_input_tokens",
        "cache_creation_1h_input_tokens",
        "ephemeral_1h_input_tokens",
    ])?;
    let all = count(&["cache_creation_input_tokens"])?;
    let rest = all.saturating_sub(five.saturating_add(hour));
    if rest > 0 {
        let message = "have no lifetime: taken as 5 minutes";
        findings.row("cache_creation_input_tokens", FindingStatus::Assumed, message, row);
    }
    let five = five.saturating_add(rest);
    let input = [uncached.unwrap_or(0), read, five, hour].into_iter().fold(0, u64::saturating_add);
    let usage = Usage::ZERO
        .with(InputTokensTotal, input)
        .with(CacheReadTokens, read)
        .with(CacheWrite5mTokens, five)
        .with(CacheWrite1hTokens, hour)
        .with(OutputTokensTotal, output.unwrap_or(0))
        .with(WebSearchRequests, count(&["server_tool_use.web_search_requests"])?)
        .with(CodeSessions, count(&["server_tool_use.code_execution_sessions"])?);
    Ok(usage)
}
