//! Pages of OpenAI's usage API: each result is a sum over the calls of a bucket.
//!
//! `input_tokens` includes cached and cache-write tokens; the splits by modality count what met no
//! cache, and stand beside those that did.
//!
//! # Source
//!
//! openai/openai-openapi, `openapi.json`, commit f85dbe22: `UsageResponse` and the schemas of its
//! results.

use centinel_engine::{
    series::Dimension,
    usage::{
        Call, Usage,
        UsageClass::{
            self, CacheReadAudioTokens, CacheReadImageTokens, CacheReadTokens, CacheWrite5mTokens,
            CodeSessions, FileSearchRequests, InputAudioTokens, InputCharacters, InputImageTokens,
            InputMediaMilliseconds, InputTokensTotal, OutputAudioTokens, OutputImageTokens,
            OutputImages, OutputTokensTotal, WebSearchRequests,
        },
    },
};

use super::PROVIDER;
use crate::{
    fields::Fields,
    finding::{FindingStatus, Findings},
    pages::{self, Follow},
    records::{Output, PageIds, Piece, Record, Records, natural_id},
    sanitize::{credential_id, set_text},
};

/// Results of one kind: the usage class of each number, and whether the row stands for model calls
/// (the tool calls of a completion are counted with it already).
struct Kind {
    name: &'static str,
    counts: &'static [(&'static str, UsageClass)],
    is_model_calls: bool,
}

const KINDS: [Kind; 9] = [
    Kind {
        name: "completions",
        counts: &[
            ("input_tokens", InputTokensTotal),
            ("input_cached_tokens", CacheReadTokens),
            ("input_cache_write_tokens", CacheWrite5mTokens),
            ("output_tokens", OutputTokensTotal),
            ("output_audio_tokens", OutputAudioTokens),
            ("output_image_tokens", OutputImageTokens),
        ],
        is_model_calls: true,
    },
    Kind {
        name: "embeddings",
        counts: &[("input_tokens", InputTokensTotal)],
        is_model_calls: true,
    },
    Kind {
        name: "moderations",
        counts: &[("input_tokens", InputTokensTotal)],
        is_model_calls: true,
    },
    Kind { name: "images", counts: &[("images", OutputImages)], is_model_calls: true },
    Kind {
        name: "audio_speeches",
        counts: &[("characters", InputCharacters)],
        is_model_calls: true,
    },
    // Seconds; a class counts milliseconds.
    Kind { name: "audio_transcriptions", counts: &[], is_model_calls: true },
    Kind {
        name: "code_interpreter_sessions",
        counts: &[("num_sessions", CodeSessions)],
        is_model_calls: false,
    },
    Kind {
        name: "file_searches",
        counts: &[("num_requests", FileSearchRequests)],
        is_model_calls: false,
    },
    Kind {
        name: "web_searches",
        counts: &[("num_requests", WebSearchRequests)],
        is_model_calls: false,
    },
];

/// What makes a result the one it is, beside kind and bucket.
const GROUPS: [&str; 10] = [
    "project_id",
    "user_id",
    "api_key_id",
    "model",
    "batch",
    "service_tier",
    "source",
    "size",
    "context_level",
    "vector_store_id",
];

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
        let object = fields.get("object").ok_or("no `object`: not a result of the usage API")?;
        let name = object
            .strip_prefix("organization.usage.")
            .and_then(|rest| rest.strip_suffix(".result"))
            .unwrap_or_default();
        if name == "vector_stores" {
            let message = "stored bytes are no usage of a model: the costs API bills them";
            findings.row("usage_bytes", FindingStatus::Ignored, message, row);
            return Ok(());
        }
        let kind = KINDS
            .iter()
            .find(|kind| kind.name == name)
            .ok_or_else(|| crate::sink::bad_value("object", object, "is no known kind of usage"))?;
        let bucket = bucket.ok_or("a result outside a bucket has no time")?;
        let mut call = Call::new(bucket.start);
        call.usage = usage(kind, fields, row, findings)?;
        call.calls = calls(kind, fields)?;
        let mut parts = vec![kind.name, ""];
        let start = bucket.start.to_string();
        let end = bucket.end.to_string();
        parts.extend([start.as_str(), end.as_str()]);
        parts.extend(GROUPS.map(|group| fields.get(group).unwrap_or_default()));
        call.call_id = Some(self.ids.unique(natural_id(kind.name, &parts)));
        let labels = &mut call.labels;
        labels.set(Dimension::Provider, PROVIDER);
        labels.set(Dimension::SubAccount, fields.get("project_id").unwrap_or_default());
        let key = credential_id(fields.get("api_key_id").unwrap_or_default());
        labels.set(Dimension::ApiKey, &key);
        set_text(&mut call.end_user, fields.get("user_id").unwrap_or_default());
        match fields.get("model") {
            Some(model) => labels.set(Dimension::Model, model),
            None => {
                let message = "is not told, so the row has no price: query with `group_by=model`";
                findings.row("model", FindingStatus::Note, message, row);
            }
        }
        if fields.flag("batch") == Some(true) {
            labels.set(Dimension::ServiceTier, "batch");
        } else if let Some(tier) = fields.get("service_tier") {
            labels.set(Dimension::ServiceTier, tier);
        }
        note_sum(call.calls, row, findings);
        fields.note_unread("", row, findings);
        out.push(Output::Call(call));
        Ok(())
    }

    fn finish(&mut self, findings: &mut Findings, _: &mut Vec<(crate::sink::Position, Output)>) {
        self.follow.finish(findings);
    }
}

/// Tells of rows that add calls up: what depends on the single call cannot be seen in them.
pub(crate) fn note_sum(calls: u64, row: u64, findings: &mut Findings) {
    if calls > 1 {
        let message = "sums over several calls, dated at the start of their bucket: prices that \
                       depend on the length of a single call cannot be decided";
        findings.row("", FindingStatus::Note, message, row);
    }
}

fn calls(kind: &Kind, fields: &Fields) -> Result<u64, String> {
    let requests = fields.count(&["num_model_requests"])?;
    Ok(if kind.is_model_calls { requests.unwrap_or(1) } else { 0 })
}

fn usage(kind: &Kind, fields: &Fields, row: u64, findings: &mut Findings) -> Result<Usage, String> {
    let mut usage = Usage::ZERO;
    let mut has_any = false;
    for (name, class) in kind.counts {
        if let Some(count) = fields.count(&[name])? {
            has_any = true;
            usage.set(*class, count);
        }
    }
    if kind.name == "audio_transcriptions"
        && let Some(seconds) = fields.count(&["seconds"])?
    {
        has_any = true;
        usage.set(InputMediaMilliseconds, seconds.saturating_mul(1000));
    }
    if !has_any {
        return Err(format!("no count of {}", kind.name));
    }
    // What met no cache stands beside what did; a class counts both.
    for (uncached, cached, total, part) in [
        ("input_audio_tokens", "input_cached_audio_tokens", InputAudioTokens, CacheReadAudioTokens),
        ("input_image_tokens", "input_cached_image_tokens", InputImageTokens, CacheReadImageTokens),
    ] {
        let uncached = fields.count(&[uncached])?.unwrap_or(0);
        let cached = fields.count(&[cached])?.unwrap_or(0);
        usage.set(total, uncached.saturating_add(cached));
        usage.set(part, cached);
    }
    if usage.get(CacheWrite5mTokens) > 0 {
        let message = "have no lifetime: taken as 5 minutes";
        findings.row("input_cache_write_tokens", FindingStatus::Assumed, message, row);
    }
    usage.check().map_err(|error| error.to_string())?;
    // Told for people; the parts above say the same.
    for text in ["input_text_tokens", "output_text_tokens", "input_cached_text_tokens"] {
        fields.count(&[text])?;
    }
    if let Some(uncached) = fields.count(&["input_uncached_tokens"])?
        && usage.uncached_input_tokens() != Some(uncached)
    {
        let message = "is not what cached and written tokens leave of `input_tokens`: not used";
        findings.row("input_uncached_tokens", FindingStatus::Nonconforming, message, row);
    }
    Ok(usage)
}
