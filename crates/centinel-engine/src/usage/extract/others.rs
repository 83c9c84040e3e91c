//! Dialects of a few lines: Ollama, document models, OpenRouter's record of a generation.
//!
//! # Source
//!
//! Ollama API (`prompt_eval_count`, `eval_count`); Mistral OCR (`usage_info.pages_processed`);
//! OpenRouter API, `/generation` (native counts are what is billed; reasoning and cached tokens are
//! parts).

use super::{Rejected, dialect::Reader, field::Field};
use crate::usage::UsageClass as Class;

/// Ollama: an embedding has no output.
pub(super) fn ollama(reader: &mut Reader<'_, '_>) -> Result<(), Rejected> {
    let input = reader.need(Field::OllamaInput)?;
    let output = reader.or_zero(Field::OllamaOutput);
    reader.set(Class::InputTokensTotal, input);
    reader.set(Class::OutputTokensTotal, output);
    Ok(())
}

/// Pages that a document model read.
pub(super) fn pages(reader: &mut Reader<'_, '_>) -> Result<(), Rejected> {
    let pages = reader.need(Field::PagesProcessed)?;
    reader.set(Class::DocumentPages, pages);
    Ok(())
}

/// OpenRouter's record of a generation.
pub(super) fn generation(reader: &mut Reader<'_, '_>) -> Result<(), Rejected> {
    let input = (reader.need(Field::NativePrompt)?, Field::NativePrompt.path());
    let output = (reader.need(Field::NativeCompletion)?, Field::NativeCompletion.path());
    let cached = (reader.or_zero(Field::NativeCached), Field::NativeCached.path());
    let reasoning = (reader.or_zero(Field::NativeReasoning), Field::NativeReasoning.path());
    Reader::within(input, &[cached])?;
    Reader::within(output, &[reasoning])?;
    reader.set(Class::InputTokensTotal, input.0);
    reader.set(Class::CacheReadTokens, cached.0);
    reader.set(Class::OutputTokensTotal, output.0);
    reader.set(Class::ReasoningTokens, reasoning.0);
    Ok(())
}
