//! Claude's Messages, wherever they are served.
//!
//! The parts are disjoint: `input_tokens` counts neither cache reads nor cache writes, so the three
//! are added. Rounds of sampling that made a summary of a long conversation are billed, and are in
//! no total of the response: they are added too.
//!
//! # Source
//!
//! Claude API, Messages (`usage`), "Prompt caching" (`cache_creation` by lifetime), "Compaction"
//! (`usage.iterations`: the top-level counts leave compaction rounds out, and what is billed is the
//! sum over all rounds), "Advisor tool" (rounds of another model are billed at that model's prices).

use super::{
    Rejected,
    dialect::{Host, Reader, sum},
    field::Field,
};
use crate::usage::UsageClass as Class;

pub(super) fn messages(reader: &mut Reader<'_, '_>, host: Host) -> Result<(), Rejected> {
    let uncached = reader.need(Field::InputTokens)?;
    let output = reader.need(Field::OutputTokens)?;
    let read = reader.or_zero(Field::CacheReadInput);
    let stated = reader.take(Field::CacheCreationInput);
    let lifetimes = [
        (Class::CacheWrite5mTokens, Field::Ephemeral5m),
        (Class::CacheWrite1hTokens, Field::Ephemeral1h),
    ]
    .map(|(class, field)| (class, reader.or_zero(field), field.path()));
    let write = reader.writes(
        stated.map(|count| (count, Field::CacheCreationInput.path())),
        lifetimes,
        Class::CacheWrite5mTokens,
    )?;
    // Summaries of the conversation, made on the way.
    let long = reader.or_zero(Field::CompactionWrite1h);
    let [more_input, more_output, more_read, more_write] = [
        Field::CompactionInput,
        Field::CompactionOutput,
        Field::CompactionRead,
        Field::CompactionWrite,
    ]
    .map(|field| reader.or_zero(field));
    reader.writes(
        Some((more_write, Field::CompactionWrite.path())),
        [
            (Class::CacheWrite5mTokens, 0, ""),
            (Class::CacheWrite1hTokens, long, Field::CompactionWrite1h.path()),
        ],
        Class::CacheWrite5mTokens,
    )?;
    let input = sum(&[uncached, read, write, more_input, more_read, more_write])?;
    reader.set(Class::InputTokensTotal, input);
    reader.set(Class::CacheReadTokens, sum(&[read, more_read])?);
    let reasoning = (reader.or_zero(Field::OutputThinking), Field::OutputThinking.path());
    Reader::within((output, Field::OutputTokens.path()), &[reasoning])?;
    reader.set(Class::OutputTokensTotal, sum(&[output, more_output])?);
    reader.set(Class::ReasoningTokens, reasoning.0);
    if host != Host::Bedrock {
        let searches = reader.or_zero(Field::ServerWebSearches);
        reader.set(Class::WebSearchRequests, searches);
    }
    Ok(())
}
