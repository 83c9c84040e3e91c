//! Usage from a provider's response body, exactly as it came, to the inclusive record.
//!
//! Three steps. A body is read in one pass into its counts, whatever it is wrapped in (`field` says
//! which there are, `read` how, `locate` where). The dialect, stated by the caller or found from the
//! counts, says what they mean: which totals contain their parts, and which are to be added. What
//! results is a [`Usage`](super::Usage) with the model, service tier and region that the response
//! itself reports.
//!
//! | flavor | counts | input contains | output contains |
//! |---|---|---|---|
//! | `chat`, `embeddings` | `usage.prompt_tokens`, … | cache reads and writes | reasoning (xAI: beside, by the total; Perplexity: beside, with citations) |
//! | `responses`, `images`, `realtime` | `usage.input_tokens`, … | cache reads and writes | reasoning |
//! | `anthropic` | `usage.input_tokens`, … | neither: they are added, and so are compaction rounds | reasoning |
//! | `converse`, `invoke` | `usage.inputTokens`, … | neither: they are added | reasoning |
//! | `gemini` | `usageMetadata` | cached content; tool results are added | neither: thoughts are added |
//! | Cohere `default`, `embeddings` | `billed_units` | what is billed | what is billed |
//! | `tokens` | `usage.tokens` | cache reads | everything |
//!
//! INVARIANT: nothing unknown is zero. A count that a dialect needs and that is missing, a count that
//! is no whole number, and parts that exceed their total make the body rejected, with path and value.
//! Numbers that no dialect knows are counted by name ([`Extractor::unread`]).

mod anthropic;
mod assembler;
mod bedrock;
mod cohere;
mod dialect;
mod extractor;
mod field;
mod found;
mod gemini;
mod lists;
mod locate;
mod openai;
mod others;
mod read;
mod stream;
#[cfg(test)]
mod tests;
mod unknown;

pub use assembler::Assembler;
pub use extractor::{Body, Extracted, Extraction, Extractor, OtherModel, Rejection, UnknownFlavor};

/// Why a body yields no usage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Rejected {
    #[error("{0}")]
    NotJson(String),
    #[error("the response is an error: {0}")]
    Failed(String),
    #[error("the body states no usage")]
    NoUsage,
    #[error("the stream ended without stating its usage")]
    StreamWithoutUsage,
    #[error("the body has no `{0}`")]
    Missing(&'static str),
    #[error("`{path}` is {what}")]
    BadCount { path: String, what: String },
    #[error("{0}")]
    Contradiction(String),
    #[error("the body names no model, and none was stated")]
    NoModel,
}
