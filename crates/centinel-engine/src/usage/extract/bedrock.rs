//! Amazon Bedrock: Converse, `InvokeModel` of each family, the counts that Bedrock itself adds to a
//! stream, and those of its invocation log.
//!
//! Bedrock's own counts are disjoint: input, cache reads and cache writes lie beside each other.
//!
//! # Source
//!
//! Amazon Bedrock API, `TokenUsage` and `CacheDetail`; user guide, "Inference request parameters and
//! response fields" (Nova, Titan text and embeddings, Llama, and the families that answer as their
//! makers' own APIs do: Claude, Mistral, Cohere, AI21, DeepSeek), "Monitor model invocation using
//! CloudWatch Logs" (`inputTokenCount`, `cacheReadInputTokenCount`, `cacheWriteInputTokenCount`).

use super::{
    Rejected, anthropic, cohere,
    dialect::{Host, Reader, sum},
    field::Field,
    found::Found,
    openai,
};
use crate::usage::UsageClass as Class;

/// Converse, and Nova on `InvokeModel`.
pub(super) fn converse(reader: &mut Reader<'_, '_>) -> Result<(), Rejected> {
    let uncached = reader.need(Field::ConverseInput)?;
    // An embedding has no output, and a model without one says so by leaving it out.
    let output = match reader.take(Field::ConverseOutput) {
        Some(output) => output,
        None if reader.take(Field::ConverseTotal) == Some(uncached) => 0,
        None => return Err(Rejected::Missing(Field::ConverseOutput.path())),
    };
    let read = reader.or_zero(Field::ConverseRead);
    let stated = reader.take(Field::ConverseWrite);
    let lifetimes = [
        (Class::CacheWrite5mTokens, Field::ConverseWrite5m),
        (Class::CacheWrite1hTokens, Field::ConverseWrite1h),
    ]
    .map(|(class, field)| (class, reader.or_zero(field), field.path()));
    let write = reader.writes(
        stated.map(|count| (count, Field::ConverseWrite.path())),
        lifetimes,
        Class::CacheWrite5mTokens,
    )?;
    reader.set(Class::InputTokensTotal, sum(&[uncached, read, write])?);
    reader.set(Class::CacheReadTokens, read);
    reader.set(Class::OutputTokensTotal, output);
    Ok(())
}

/// `InvokeModel`: as the family answers; what Bedrock counted itself where the family says nothing.
pub(super) fn invoke(
    reader: &mut Reader<'_, '_>,
    found: &Found<'_>,
    host: Host,
) -> Result<(), Rejected> {
    if found.has_any(&[Field::ConverseInput]) {
        return converse(reader);
    }
    if found.has(Field::InputTokens) {
        // Claude, and the families that speak as responses, of which only the latter total.
        return if found.has(Field::TotalTokens) {
            openai::responses(reader, host, false)
        } else {
            anthropic::messages(reader, host)
        };
    }
    if found.has(Field::PromptTokens) {
        return openai::chat(reader, host);
    }
    if found.has_any(&[Field::BilledInput, Field::BilledSearchUnits, Field::BilledImages]) {
        return cohere::billed(reader);
    }
    if found.has_any(&[Field::MetricInput, Field::MetricOutput]) {
        return counted(reader);
    }
    let (input, output) = if found.has_any(&[Field::LlamaInput, Field::LlamaOutput]) {
        (reader.need(Field::LlamaInput)?, reader.need(Field::LlamaOutput)?)
    } else {
        // Titan embeddings have no results.
        (reader.need(Field::TitanInput)?, reader.or_zero(Field::TitanOutput))
    };
    reader.set(Class::InputTokensTotal, input);
    reader.set(Class::OutputTokensTotal, output);
    Ok(())
}

/// Bedrock's own counts.
fn counted(reader: &mut Reader<'_, '_>) -> Result<(), Rejected> {
    let uncached = reader.need(Field::MetricInput)?;
    // The log of an embedding has no output.
    let output = reader.or_zero(Field::MetricOutput);
    let read = reader.or_zero(Field::MetricRead);
    let write = reader.or_zero(Field::MetricWrite);
    reader.set(Class::InputTokensTotal, sum(&[uncached, read, write])?);
    reader.set(Class::CacheReadTokens, read);
    reader.set(Class::CacheWrite5mTokens, write);
    reader.set(Class::OutputTokensTotal, output);
    Ok(())
}
