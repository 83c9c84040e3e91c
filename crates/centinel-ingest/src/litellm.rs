//! LiteLLM's `LiteLLM_SpendLogs` rows: a JSON array, NDJSON, or a CSV export of the table.
//!
//! `prompt_tokens` includes cached tokens, whoever the provider is; cache and reasoning tokens stand
//! only in the usage object inside `metadata`, which an export may hold as JSON text.
//!
//! # Source
//!
//! LiteLLM 1.109.1, `litellm/proxy/schema.prisma`, model `LiteLLM_SpendLogs`; the members of
//! `metadata` from `litellm/proxy/_types.py`, `SpendLogsMetadata`.

mod callback;

pub(crate) use self::callback::Callbacks;

use std::io::Read;

use centinel_engine::{series::Dimension, usage::UsageClass};

use crate::{
    calls::{
        Arena, Convention, Field, check_header, guess_owner, is_null, normalize, note_open_end,
        read_objects,
    },
    csv_rows::{CsvRows, Values, sniff_delimiter},
    input::Input,
    json::Leaf,
    read::{Intake, Options, ReadError},
};

/// Columns that only such rows have together.
pub(crate) const SIGNATURE: [&str; 4] = ["request_id", "spend", "startTime", "call_type"];

/// Reads the rows as JSON.
pub(crate) fn read_json<R: Read>(
    input: &mut Input<R>,
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let options = with_convention(options);
    let mut arena = Arena::new(&options, guess);
    let leaves = |text: &str, arena: &mut Arena<'_>| {
        let mut unread_metadata = String::new();
        arena.walk(text, "", |arena, path, leaf| {
            if path == "metadata" {
                leaf.text().clone_into(&mut unread_metadata);
            } else {
                add(arena, path, leaf);
            }
        })?;
        finish(arena, &unread_metadata);
        Ok(())
    };
    read_objects(input, &options, false, &mut arena, leaves, intake)
}

/// Reads the rows as CSV.
pub(crate) fn read_csv<R: Read>(
    input: &mut Input<R>,
    options: &Options,
    intake: &mut Intake<'_>,
) -> Result<(), ReadError> {
    let options = with_convention(options);
    let mut arena = Arena::new(&options, guess);
    let head = input.peek(1 << 16)?.to_vec();
    let delimiter = sniff_delimiter(&head);
    let mut rows = CsvRows::new(input, delimiter);
    let names = rows.header()?;
    check_header(&names)?;
    for name in names.iter().filter(|name| *name != "metadata") {
        arena.add(name, Leaf::Text(""));
    }
    let fill = |arena: &mut Arena<'_>, values: Values<'_>| {
        arena.clear();
        let mut metadata = "";
        for (index, name) in names.iter().enumerate() {
            match values.get(index) {
                value if name == "metadata" => metadata = value,
                value if is_null(value) => {}
                value => add(arena, name, Leaf::Text(value)),
            }
        }
        finish(arena, metadata);
    };
    // The first rows show what `metadata` holds.
    let mut head = Input::new(&head[..], u64::MAX);
    let mut first_rows = CsvRows::new(&mut head, delimiter);
    if first_rows.header().is_ok() {
        while let Ok(Some(row)) = first_rows.next() {
            if let Ok(values) = row.values {
                fill(&mut arena, values);
            }
        }
    }
    let mut reader = arena.reader(&options, &[], false)?;
    intake.mapping(&arena.mapping)?;
    while let Some(row) = rows.next()? {
        let read = row.values.and_then(|values| {
            fill(&mut arena, values);
            arena.read(&mut reader, row.position.row, intake)
        });
        match read {
            Ok(call) => intake.call(&row.position, call)?,
            Err(reason) => intake.reject(row.position, reason, row.raw)?,
        }
        intake.progress(rows.offset());
    }
    note_open_end(&rows, intake);
    intake.summary.mapping = Some(arena.mapping.clone());
    Ok(())
}

/// The proxy brings every provider's counts to one convention.
fn with_convention(options: &Options) -> Options {
    let mut options = options.clone();
    options.convention = options.convention.or(Some(Convention::Inclusive));
    options
}

/// Adds a leaf, and what is packed into it.
fn add(arena: &mut Arena<'_>, path: &str, leaf: Leaf<'_>) {
    match path {
        // A list of texts, `key:value` by habit; kept where the key is one that we read.
        "request_tags" => {
            let tags: Vec<String> = serde_json::from_str(leaf.text()).unwrap_or_default();
            for tag in tags {
                if let Some((key, value)) = tag.split_once([':', '=']) {
                    arena
                        .add(&format!("request_tags.{}", normalize(key)), Leaf::Text(value.trim()));
                }
            }
        }
        // `provider/model` tells the provider where the column does not.
        "model" => {
            if let Some((provider, _)) = leaf.text().split_once('/') {
                arena.add(MODEL_PREFIX, Leaf::Text(provider));
            }
            arena.add(path, leaf);
        }
        _ => arena.add(path, leaf),
    }
}

/// Adds the members of a `metadata` that is JSON text. One that is no JSON adds nothing: the counts
/// that matter most are columns of their own.
fn finish(arena: &mut Arena<'_>, metadata: &str) {
    if metadata.starts_with('{') {
        let _ = arena.walk(metadata, "metadata", Arena::add);
    }
}

/// The path under which a model's prefix is shown.
const MODEL_PREFIX: &str = "model (prefix)";

fn guess(path: &str) -> Option<(Field, u8)> {
    use UsageClass::{
        CacheReadTokens, CacheWrite1hTokens, CacheWrite5mTokens, InputAudioTokens,
        InputImageTokens, InputTokensTotal, OutputAudioTokens, OutputTokensTotal, ReasoningTokens,
        WebSearchRequests,
    };
    let label = |dimension, rank| Some((Field::Label(dimension), rank));
    let count = |class, rank| Some((Field::Usage(class), rank));
    if let Some(usage) = path
        .strip_prefix("metadata.usage_object.")
        .or_else(|| path.strip_prefix("metadata.additional_usage_values."))
    {
        return match usage {
            "prompt_tokens" => count(InputTokensTotal, 2),
            "completion_tokens" => count(OutputTokensTotal, 2),
            "cache_read_input_tokens" => count(CacheReadTokens, 1),
            "prompt_tokens_details.cached_tokens" => count(CacheReadTokens, 2),
            "cache_creation_input_tokens" => Some((Field::CacheWrite, 1)),
            "prompt_tokens_details.cache_creation_tokens" => Some((Field::CacheWrite, 2)),
            "prompt_tokens_details.cache_creation_token_details.ephemeral_5m_input_tokens" => {
                count(CacheWrite5mTokens, 1)
            }
            "prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens" => {
                count(CacheWrite1hTokens, 1)
            }
            "prompt_tokens_details.audio_tokens" => count(InputAudioTokens, 1),
            "prompt_tokens_details.image_tokens" => count(InputImageTokens, 1),
            "prompt_tokens_details.web_search_requests" | "server_tool_use.web_search_requests" => {
                count(WebSearchRequests, 1)
            }
            "completion_tokens_details.reasoning_tokens" => count(ReasoningTokens, 1),
            "completion_tokens_details.audio_tokens" => count(OutputAudioTokens, 1),
            "service_tier" => label(Dimension::ServiceTier, 2),
            _ => None,
        };
    }
    // What the application says about its call; only as a dimension.
    if let Some(key) = path
        .strip_prefix("request_tags.")
        .or_else(|| path.strip_prefix("metadata.spend_logs_metadata."))
    {
        return guess_owner(key)
            .map(|(dimension, rank)| (Field::Label(dimension), rank.saturating_add(5)));
    }
    match path {
        "request_id" => Some((Field::CallId, 0)),
        "litellm_call_id" => Some((Field::CallId, 1)),
        "startTime" => Some((Field::At, 0)),
        "endTime" => Some((Field::EndedAt, 0)),
        "request_duration_ms" => Some((Field::LatencyMs, 0)),
        "spend" => Some((Field::CostUsd, 0)),
        "prompt_tokens" => count(InputTokensTotal, 0),
        "completion_tokens" => count(OutputTokensTotal, 0),
        "model" => label(Dimension::Model, 0),
        "custom_llm_provider" => label(Dimension::Provider, 0),
        MODEL_PREFIX => label(Dimension::Provider, 5),
        "metadata.cost_breakdown.service_tier" => label(Dimension::ServiceTier, 1),
        "api_key" => label(Dimension::ApiKey, 0),
        "team_id" => label(Dimension::Team, 0),
        "metadata.user_api_key_team_id" => label(Dimension::Team, 1),
        "organization_id" => label(Dimension::BillingAccount, 0),
        "agent_id" => label(Dimension::Agent, 0),
        "end_user" => Some((Field::EndUser, 0)),
        "user" => Some((Field::EndUser, 1)),
        "session_id" => Some((Field::TraceId, 0)),
        "cache_hit" => Some((Field::GatewayCache, 0)),
        "status" => Some((Field::Status, 0)),
        "metadata.status" => Some((Field::Status, 1)),
        _ => None,
    }
}
