//! Cohere: what is billed, and what was counted.
//!
//! `billed_units` are what the invoice counts; `tokens` include what Cohere adds to a prompt and does
//! not bill. Image tokens of an embedding are billed beside its text.
//!
//! # Source
//!
//! Cohere API v2, Chat (`usage.billed_units`, `usage.tokens`, `usage.cached_tokens`), Embed and Rerank
//! (`meta.billed_units`); API v1, Chat (`meta`).

use super::{
    Rejected,
    dialect::{Reader, sum},
    field::Field,
};
use crate::usage::UsageClass as Class;

/// What is billed.
pub(super) fn billed(reader: &mut Reader<'_, '_>) -> Result<(), Rejected> {
    let text = reader.take(Field::BilledInput);
    let output = reader.take(Field::BilledOutput);
    let pictures = reader.or_zero(Field::BilledImageTokens);
    let images = reader.take(Field::BilledImages);
    let units = reader.take(Field::BilledSearchUnits);
    if text.is_none() && output.is_none() && images.is_none() && units.is_none() {
        return Err(Rejected::Missing(Field::BilledInput.path()));
    }
    reader.set(Class::InputTokensTotal, sum(&[text.unwrap_or(0), pictures])?);
    reader.set(Class::InputImageTokens, pictures);
    reader.set(Class::InputImages, images.unwrap_or(0));
    reader.set(Class::OutputTokensTotal, output.unwrap_or(0));
    reader.set(Class::SearchUnits, units.unwrap_or(0));
    Ok(())
}

/// What was counted.
pub(super) fn counted(reader: &mut Reader<'_, '_>) -> Result<(), Rejected> {
    let input = reader.take(Field::CohereInput);
    let output = reader.take(Field::CohereOutput);
    let cached = (reader.or_zero(Field::CachedTokens), Field::CachedTokens.path());
    if input.is_none() && output.is_none() {
        return Err(Rejected::Missing(Field::CohereInput.path()));
    }
    Reader::within((input.unwrap_or(0), Field::CohereInput.path()), &[cached])?;
    reader.set(Class::InputTokensTotal, input.unwrap_or(0));
    reader.set(Class::CacheReadTokens, cached.0);
    reader.set(Class::OutputTokensTotal, output.unwrap_or(0));
    Ok(())
}
