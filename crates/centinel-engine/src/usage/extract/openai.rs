//! OpenAI and the many that follow it: chat completions, responses, embeddings, images, audio,
//! realtime.
//!
//! Totals contain their parts: `prompt_tokens` and `input_tokens` include cached and cache-written
//! tokens, `completion_tokens` and `output_tokens` include reasoning. Two providers differ in the
//! latter. xAI counts reasoning beside the completion, and its total shows it; so a total decides,
//! whoever the provider is. Perplexity counts reasoning and citations beside the completion and
//! leaves both out of its total.
//!
//! # Source
//!
//! OpenAI API description, `CompletionUsage`, `ResponseUsage`, `TranscriptTextUsageDuration`,
//! `ImagesUsage`, `RealtimeResponse.usage`; OpenAI and Azure OpenAI, "Prompt caching" (cache writes
//! are billed from GPT-5.6 on, and live 30 minutes); DeepSeek API, `prompt_cache_hit_tokens`; Moonshot
//! and Claude's compatibility endpoint, `usage.cached_tokens`; Mistral, `num_cached_tokens` and
//! `prompt_audio_seconds`; xAI API, `Usage`; Google Cloud, "Reasoning for Grok models" (reasoning is
//! separate from `completion_tokens`); Perplexity, Sonar deep research; LiteLLM, `Usage`
//! (`cache_creation_input_tokens` inside `prompt_tokens`).

use super::{
    Rejected,
    dialect::{Host, Reader, sum},
    field::Field,
};
use crate::usage::UsageClass as Class;

/// Chat completions.
pub(super) fn chat(reader: &mut Reader<'_, '_>, host: Host) -> Result<(), Rejected> {
    let input = (reader.need(Field::PromptTokens)?, Field::PromptTokens.path());
    let completion = reader.need(Field::CompletionTokens)?;
    let cached = reader.largest(&[
        Field::PromptCached,
        Field::CachedTokens,
        Field::NumCachedTokens,
        Field::CacheHitTokens,
        Field::CachedPromptText,
        Field::CacheReadInput,
    ]);
    let write = reader.largest(&[Field::PromptCacheWrite, Field::CacheCreationInput]);
    Reader::within(input, &[cached, write])?;
    reader.set(Class::InputTokensTotal, input.0);
    reader.set(Class::CacheReadTokens, cached.0);
    // A gateway that hands on Claude's counts hands on their lifetimes.
    let has_lifetimes = write.1 == Field::CacheCreationInput.path();
    writes(reader, host, write, has_lifetimes)?;
    for (class, field) in [
        (Class::InputAudioTokens, Field::PromptAudio),
        (Class::InputImageTokens, Field::PromptImage),
        (Class::InputVideoTokens, Field::PromptVideo),
    ] {
        let part = (reader.or_zero(field), field.path());
        Reader::within(input, &[part])?;
        reader.set(class, part.0);
    }
    output(
        reader,
        host,
        (completion, Field::CompletionTokens.path()),
        input.0,
        [Field::Reasoning, Field::ReasoningTokens],
        [Field::CompletionAudio, Field::CompletionImage, Field::CompletionVideo],
    )?;
    let seconds = reader.or_zero(Field::PromptAudioMillis);
    reader.set(Class::InputMediaMilliseconds, seconds);
    tools(reader)
}

/// Responses, images, transcriptions and realtime responses.
pub(super) fn responses(
    reader: &mut Reader<'_, '_>,
    host: Host,
    may_be_partial: bool,
) -> Result<(), Rejected> {
    // A transcription that is billed by its length has no tokens.
    if let Some(milliseconds) = reader.take(Field::DurationMillis) {
        reader.set(Class::InputMediaMilliseconds, milliseconds);
        if reader.take(Field::InputTokens).is_none() {
            return Ok(());
        }
    }
    let (stated_input, stated_output) =
        (reader.take(Field::InputTokens), reader.take(Field::OutputTokens));
    let (input, completion) = match (stated_input, stated_output) {
        (Some(input), Some(output)) => (input, output),
        // Realtime leaves out what there was none of.
        (Some(_), None) | (None, Some(_)) if may_be_partial => {
            (stated_input.unwrap_or(0), stated_output.unwrap_or(0))
        }
        (None, _) => return Err(Rejected::Missing(Field::InputTokens.path())),
        (_, None) => return Err(Rejected::Missing(Field::OutputTokens.path())),
    };
    let input = (input, Field::InputTokens.path());
    let cached = (reader.or_zero(Field::InputCached), Field::InputCached.path());
    let write = (reader.or_zero(Field::InputCacheWrite), Field::InputCacheWrite.path());
    Reader::within(input, &[cached, write])?;
    reader.set(Class::InputTokensTotal, input.0);
    reader.set(Class::CacheReadTokens, cached.0);
    writes(reader, host, write, false)?;
    for (class, field, cached_class, cached_field) in [
        (
            Class::InputAudioTokens,
            Field::InputAudio,
            Class::CacheReadAudioTokens,
            Field::CachedAudio,
        ),
        (
            Class::InputImageTokens,
            Field::InputImage,
            Class::CacheReadImageTokens,
            Field::CachedImage,
        ),
    ] {
        let part = (reader.or_zero(field), field.path());
        let cached_part = (reader.or_zero(cached_field), cached_field.path());
        Reader::within(input, &[part])?;
        Reader::within(part, &[cached_part])?;
        Reader::within(cached, &[cached_part])?;
        reader.set(class, part.0);
        reader.set(cached_class, cached_part.0);
    }
    output(
        reader,
        host,
        (completion, Field::OutputTokens.path()),
        input.0,
        [Field::OutputReasoning, Field::ReasoningTokens],
        [Field::OutputAudio, Field::OutputImage, Field::CompletionVideo],
    )?;
    tools(reader)
}

/// Embeddings and rerankers: input alone.
pub(super) fn embeddings(reader: &mut Reader<'_, '_>) -> Result<(), Rejected> {
    let input = match (reader.take(Field::PromptTokens), reader.take(Field::TotalTokens)) {
        (Some(prompt), _) => prompt,
        (None, Some(total)) => total,
        (None, None) => return Err(Rejected::Missing(Field::PromptTokens.path())),
    };
    reader.set(Class::InputTokensTotal, input);
    Ok(())
}

/// Cache writes: by the body's lifetimes where it has some, else by the provider's own.
fn writes(
    reader: &mut Reader<'_, '_>,
    host: Host,
    sum: (u64, &'static str),
    has_lifetimes: bool,
) -> Result<(), Rejected> {
    let parts = [
        (Class::CacheWrite5mTokens, Field::Ephemeral5m),
        (Class::CacheWrite1hTokens, Field::Ephemeral1h),
    ]
    .map(|(class, field)| {
        (class, if has_lifetimes { reader.or_zero(field) } else { 0 }, field.path())
    });
    let default = if host == Host::OpenAi || reader.model_contains("gpt-") {
        Class::CacheWrite30mTokens
    } else {
        Class::CacheWrite5mTokens
    };
    reader.writes(Some(sum), parts, default)?;
    Ok(())
}

/// The output with its parts; where reasoning belongs is the total's to say, else the provider's.
fn output(
    reader: &mut Reader<'_, '_>,
    host: Host,
    completion: (u64, &'static str),
    input: u64,
    [detail, beside]: [Field; 2],
    media: [Field; 3],
) -> Result<(), Rejected> {
    let (detail, apart) =
        ((reader.or_zero(detail), detail.path()), (reader.or_zero(beside), beside.path()));
    let reasoning = if apart.0 > detail.0 { apart } else { detail };
    let citations =
        if host == Host::Perplexity { reader.or_zero(Field::CitationTokens) } else { 0 };
    let inside = sum(&[input, completion.0])?;
    let total = reader.take(Field::TotalTokens);
    let is_beside = match total {
        // Perplexity's total leaves out what is beside, so it cannot say.
        _ if host == Host::Perplexity => apart.0 > 0,
        Some(total) if total == inside => false,
        Some(total) if total == sum(&[inside, reasoning.0])? => true,
        _ => host == Host::Xai,
    };
    let output = if is_beside {
        sum(&[completion.0, reasoning.0, citations])?
    } else {
        Reader::within(completion, &[reasoning])?;
        sum(&[completion.0, citations])?
    };
    reader.set(Class::OutputTokensTotal, output);
    reader.set(Class::ReasoningTokens, reasoning.0);
    reader.set(Class::CitationTokens, citations);
    let [audio, image, video] = media;
    for (class, field) in [
        (Class::OutputAudioTokens, audio),
        (Class::OutputImageTokens, image),
        (Class::OutputVideoTokens, video),
    ] {
        let part = (reader.or_zero(field), field.path());
        Reader::within((output, completion.1), &[part])?;
        reader.set(class, part.0);
    }
    Ok(())
}

/// Tools that the provider ran.
fn tools(reader: &mut Reader<'_, '_>) -> Result<(), Rejected> {
    let searches = sum(&[
        reader.or_zero(Field::SearchQueries),
        reader.or_zero(Field::XaiWebSearches),
        reader.or_zero(Field::XaiXSearches),
    ])?;
    reader.set(Class::WebSearchRequests, searches);
    let files = reader.or_zero(Field::XaiFileSearches);
    reader.set(Class::FileSearchRequests, files);
    Ok(())
}
