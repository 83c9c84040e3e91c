//! The dialects that usage is reported in, which of them a body speaks, and the tools that turn
//! counts into the inclusive record.

use super::{
    Rejected,
    field::{Field, Label},
    found::{Found, bit},
};
use crate::usage::{Usage, UsageClass};

/// A way of reporting usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `usage.prompt_tokens`: totals contain their parts.
    Chat,
    /// `usage.input_tokens` with details: totals contain their parts.
    Responses,
    /// As responses; the body lies in an event.
    Realtime,
    /// As responses, for images.
    Images,
    /// `usage.prompt_tokens` alone.
    Embeddings,
    /// `usage.input_tokens` beside cache reads and writes: disjoint.
    Anthropic,
    /// `usage.inputTokens` beside cache reads and writes: disjoint.
    Converse,
    /// Whatever a model family on Bedrock's `InvokeModel` answers.
    Invoke,
    /// `usageMetadata`: cached inside the prompt, thoughts beside the candidates.
    Gemini,
    /// What Cohere bills.
    CohereBilled,
    /// What Cohere counted.
    CohereTokens,
    /// What Cohere bills for embeddings and reranking.
    CohereMeta,
    /// Ollama's own counts.
    Ollama,
    /// Pages of a document model.
    Pages,
    /// OpenRouter's record of a generation.
    Generation,
}

/// Providers whose bodies mean something particular, where their dialect alone does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    Anthropic,
    /// Its record of a call names the model that has a price; it runs no tools itself.
    Bedrock,
    /// Cache writes live 30 minutes: OpenAI, and Azure with it.
    OpenAi,
    /// Reasoning and citations are counted beside the completion, and the total leaves them out.
    Perplexity,
    /// Reasoning is counted beside the completion, unless the total says otherwise.
    Xai,
    Other,
}

impl Host {
    /// By the provider's one spelling.
    pub(super) fn of(provider: &str) -> Self {
        match provider {
            "anthropic" => Self::Anthropic,
            "bedrock" => Self::Bedrock,
            "openai" | "azure" | "azure_ai" => Self::OpenAi,
            "perplexity" => Self::Perplexity,
            "xai" => Self::Xai,
            _ => Self::Other,
        }
    }
}

/// The dialect that a flavor's name stands for at a provider; the names are those of the
/// genai-prices data, and Bedrock's own operations beside them. `default` without a dialect of its
/// own is found from the body.
pub(super) fn named(provider: &str, flavor: &str) -> Result<Option<Dialect>, ()> {
    Ok(Some(match (provider, flavor) {
        ("anthropic" | "minimax", "default") => Dialect::Anthropic,
        ("bedrock", "default") => Dialect::Converse,
        ("gemini" | "vertex_ai", "default") => Dialect::Gemini,
        ("cohere", "default") => Dialect::CohereBilled,
        ("groq" | "mistral" | "perplexity" | "xai", "default") => Dialect::Chat,
        ("ollama", "default") => Dialect::Ollama,
        (_, "default") => return Ok(None),
        ("cohere", "embeddings") => Dialect::CohereMeta,
        (_, "chat") => Dialect::Chat,
        (_, "responses") => Dialect::Responses,
        (_, "anthropic") => Dialect::Anthropic,
        (_, "embeddings") => Dialect::Embeddings,
        (_, "images") => Dialect::Images,
        (_, "realtime") => Dialect::Realtime,
        (_, "tokens") => Dialect::CohereTokens,
        (_, "converse") => Dialect::Converse,
        (_, "invoke") => Dialect::Invoke,
        (_, "gemini") => Dialect::Gemini,
        _ => return Err(()),
    }))
}

/// Sums of other counts: not reading them loses nothing.
pub(super) const SUMS: u128 =
    bit(Field::TotalTokens) | bit(Field::ConverseTotal) | bit(Field::GeminiTotal);

/// Every name that [`named`] knows.
pub(super) const FLAVORS: [&str; 11] = [
    "default",
    "chat",
    "responses",
    "anthropic",
    "embeddings",
    "images",
    "realtime",
    "tokens",
    "converse",
    "invoke",
    "gemini",
];

/// The dialect that a body speaks, by the counts that it holds; `None` when it holds none.
pub(super) fn detect(found: &Found<'_>, host: Host) -> Option<Dialect> {
    use Field as F;
    if found.has_any(&[F::GeminiPrompt, F::GeminiCandidates, F::GeminiTotal, F::GeminiThoughts]) {
        return Some(Dialect::Gemini);
    }
    if found.has_any(&[F::ConverseInput, F::ConverseOutput]) {
        return Some(Dialect::Converse);
    }
    if found.has_any(&[F::BilledInput, F::BilledOutput, F::BilledSearchUnits, F::BilledImages]) {
        return Some(Dialect::CohereBilled);
    }
    if found.has_any(&[F::CohereInput, F::CohereOutput]) {
        return Some(Dialect::CohereTokens);
    }
    if found.has(F::PromptTokens) {
        let is_list = found.text(Label::Object).is_some_and(|object| object == "list");
        let has_no_output = !found.has(F::CompletionTokens)
            && (is_list || found.get(F::TotalTokens) == found.get(F::PromptTokens));
        return Some(if has_no_output { Dialect::Embeddings } else { Dialect::Chat });
    }
    if found.has_any(&[F::InputTokens, F::OutputTokens, F::DurationMillis]) {
        // Only Messages reports cache writes and reads beside `input_tokens`; only the others say
        // what the input consists of, or how much it is with the output.
        let is_messages = found.has_any(&[
            F::CacheCreationInput,
            F::CacheReadInput,
            F::Ephemeral5m,
            F::Ephemeral1h,
            F::ServerWebSearches,
            F::OutputThinking,
        ]) || found.text(Label::Geo).is_some();
        let is_responses = found.has_any(&[
            F::TotalTokens,
            F::InputCached,
            F::InputCacheWrite,
            F::InputAudio,
            F::InputImage,
            F::OutputReasoning,
            F::DurationMillis,
        ]);
        let is_messages = is_messages || (host == Host::Anthropic && !is_responses);
        return Some(if is_messages { Dialect::Anthropic } else { Dialect::Responses });
    }
    if found.has_any(&[
        F::MetricInput,
        F::MetricOutput,
        F::LlamaInput,
        F::LlamaOutput,
        F::TitanInput,
        F::TitanOutput,
    ]) {
        return Some(Dialect::Invoke);
    }
    if found.has_any(&[F::OllamaInput, F::OllamaOutput]) {
        return Some(Dialect::Ollama);
    }
    if found.has(F::PagesProcessed) {
        return Some(Dialect::Pages);
    }
    if found.has_any(&[F::NativePrompt, F::NativeCompletion]) {
        return Some(Dialect::Generation);
    }
    // Voyage and Jina report a total alone: embeddings have no output.
    found.has(F::TotalTokens).then_some(Dialect::Embeddings)
}

/// Counts of a body on their way to a usage record; it remembers which ones were read.
pub(super) struct Reader<'f, 'de> {
    found: &'f Found<'de>,
    read: u128,
    usage: Usage,
}

impl<'f, 'de> Reader<'f, 'de> {
    pub(super) fn new(found: &'f Found<'de>) -> Self {
        Self { found, read: 0, usage: Usage::ZERO }
    }

    /// The record, and which fields it was made from.
    pub(super) fn finish(self) -> Result<(Usage, u128), Rejected> {
        match self.usage.check() {
            Ok(()) => Ok((self.usage, self.read)),
            Err(error) => Err(Rejected::Contradiction(error.to_string())),
        }
    }

    /// A count, if the body states it.
    pub(super) fn take(&mut self, field: Field) -> Option<u64> {
        self.read |= bit(field);
        self.found.get(field)
    }

    /// A count that is zero where it is not stated.
    pub(super) fn or_zero(&mut self, field: Field) -> u64 {
        self.take(field).unwrap_or(0)
    }

    /// A count without which the usage is not known.
    pub(super) fn need(&mut self, field: Field) -> Result<u64, Rejected> {
        self.take(field).ok_or(Rejected::Missing(field.path()))
    }

    /// The largest of counts that mean the same, and where it stands: some bodies say it twice, once
    /// in a narrower sense (text only).
    pub(super) fn largest(&mut self, fields: &[Field]) -> (u64, &'static str) {
        let mut largest = (0, fields.first().map_or("", |field| field.path()));
        for field in fields {
            let count = self.or_zero(*field);
            if count > largest.0 {
                largest = (count, field.path());
            }
        }
        largest
    }

    /// Sets a class, unless it is zero.
    pub(super) fn set(&mut self, class: UsageClass, count: u64) {
        self.usage.set(class, count);
    }

    /// The parts of a total, none of which may exceed it, nor all together where they are disjoint.
    pub(super) fn within(
        total: (u64, &'static str),
        parts: &[(u64, &'static str)],
    ) -> Result<(), Rejected> {
        let mut rest = total.0;
        for (count, path) in parts {
            rest = rest.checked_sub(*count).ok_or_else(|| {
                let others = if *count > total.0 { "" } else { " with the other parts" };
                Rejected::Contradiction(format!(
                    "`{path}` is `{count}`{others}, more than `{}`, which is `{}` and contains it",
                    total.1, total.0
                ))
            })?;
        }
        Ok(())
    }

    /// Cache writes by lifetime: what the body states by lifetime, and the rest of the sum at
    /// `default`.
    pub(super) fn writes(
        &mut self,
        sum: Option<(u64, &'static str)>,
        by_lifetime: [(UsageClass, u64, &'static str); 2],
        default: UsageClass,
    ) -> Result<u64, Rejected> {
        let stated = by_lifetime.iter().fold(0_u64, |sum, part| sum.saturating_add(part.1));
        let (total, path) = sum.unwrap_or((stated, ""));
        let parts = by_lifetime.map(|(_, count, path)| (count, path));
        Self::within((total, path), &parts)?;
        for (class, count, _) in by_lifetime {
            self.set(class, self.usage.get(class).saturating_add(count));
        }
        let rest = total.saturating_sub(stated);
        self.set(default, self.usage.get(default).saturating_add(rest));
        Ok(total)
    }

    pub(super) fn model_contains(&self, part: &str) -> bool {
        self.found.text(Label::Model).is_some_and(|model| model.contains(part))
    }
}

/// A sum that does not fit is no usage of one response.
pub(super) fn sum(counts: &[u64]) -> Result<u64, Rejected> {
    counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count)).ok_or_else(|| {
        Rejected::Contradiction("the counts add up to more than can be counted".to_owned())
    })
}
