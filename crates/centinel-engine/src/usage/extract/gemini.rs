//! Gemini, on the Gemini API and on Vertex AI.
//!
//! `promptTokenCount` includes cached content; tool results that went into the prompt, and thoughts,
//! are counted beside prompt and candidates. Should a total show that the candidates include the
//! thoughts, as early versions had it, they are not added again.
//!
//! # Source
//!
//! Gemini API, `UsageMetadata`; Vertex AI, `GenerateContentResponse.UsageMetadata` (`trafficType`);
//! Live API, `UsageMetadata` (`responseTokenCount`).

use super::{
    Rejected,
    dialect::{Reader, sum},
    field::Field,
};
use crate::usage::UsageClass as Class;

pub(super) fn metadata(reader: &mut Reader<'_, '_>) -> Result<(), Rejected> {
    let prompt = reader.take(Field::GeminiPrompt);
    let candidates = reader.take(Field::GeminiCandidates);
    let thoughts = reader.take(Field::GeminiThoughts);
    let tools = reader.or_zero(Field::GeminiToolUse);
    let total = reader.take(Field::GeminiTotal);
    if prompt.is_none() && candidates.is_none() && thoughts.is_none() {
        return Err(Rejected::Missing(Field::GeminiPrompt.path()));
    }
    // Counts of zero are not written.
    let (prompt, candidates, thoughts) =
        (prompt.unwrap_or(0), candidates.unwrap_or(0), thoughts.unwrap_or(0));
    let input = sum(&[prompt, tools])?;
    let are_inside = thoughts > 0
        && thoughts <= candidates
        && total == Some(sum(&[input, candidates])?)
        && total != Some(sum(&[input, candidates, thoughts])?);
    let output = if are_inside { candidates } else { sum(&[candidates, thoughts])? };
    let cached = (reader.or_zero(Field::GeminiCached), Field::GeminiCached.path());
    Reader::within((prompt, Field::GeminiPrompt.path()), &[cached])?;
    reader.set(Class::InputTokensTotal, input);
    reader.set(Class::CacheReadTokens, cached.0);
    reader.set(Class::OutputTokensTotal, output);
    reader.set(Class::ReasoningTokens, thoughts);
    let mut parts = [(0, ""); 3];
    let mut cached_parts = [(0, ""); 3];
    let places = parts.iter_mut().zip(&mut cached_parts);
    for ((place, cached_place), (classes, fields)) in places.zip(MODALITIES) {
        let [prompt_field, tools_field, cached_field, output_field] = fields;
        let in_prompt = sum(&[reader.or_zero(prompt_field), reader.or_zero(tools_field)])?;
        *place = (in_prompt, prompt_field.path());
        *cached_place = (reader.or_zero(cached_field), cached_field.path());
        let in_output = (reader.or_zero(output_field), output_field.path());
        Reader::within(*place, &[*cached_place])?;
        Reader::within((candidates, Field::GeminiCandidates.path()), &[in_output])?;
        let [class, cached_class, output_class] = classes;
        reader.set(class, in_prompt);
        reader.set(cached_class, cached_place.0);
        reader.set(output_class, in_output.0);
    }
    Reader::within((input, Field::GeminiPrompt.path()), &parts)?;
    Reader::within(cached, &cached_parts)
}

/// Classes in, cached and out of each modality but text, and the fields that they are read from: in
/// the prompt, in tool results, in the cache, in the candidates.
const MODALITIES: [([Class; 3], [Field; 4]); 3] = [
    (
        [Class::InputAudioTokens, Class::CacheReadAudioTokens, Class::OutputAudioTokens],
        [
            Field::GeminiPromptAudio,
            Field::GeminiToolAudio,
            Field::GeminiCacheAudio,
            Field::GeminiOutputAudio,
        ],
    ),
    (
        [Class::InputImageTokens, Class::CacheReadImageTokens, Class::OutputImageTokens],
        [
            Field::GeminiPromptImage,
            Field::GeminiToolImage,
            Field::GeminiCacheImage,
            Field::GeminiOutputImage,
        ],
    ),
    (
        [Class::InputVideoTokens, Class::CacheReadVideoTokens, Class::OutputVideoTokens],
        [
            Field::GeminiPromptVideo,
            Field::GeminiToolVideo,
            Field::GeminiCacheVideo,
            Field::GeminiOutputVideo,
        ],
    ),
];
