//! The models that Halden calls, with the list prices that the truth file is computed from.

use centinel_engine::money::Pico;

/// Who sells a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Provider {
    OpenAi,
    Anthropic,
    VertexAi,
    Bedrock,
    Azure,
    /// Halden's own servers.
    SelfHosted,
}

/// One model as Halden calls it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) provider: Provider,
    /// As the provider spells it.
    pub(crate) id: &'static str,
    /// `None` for a model that no price list holds.
    pub(crate) price: Option<Price>,
}

/// List prices in pico-dollars a token, which is dollars a million tokens times 1,000,000.
///
/// The same on every day from May to October 2026, so that dated price books agree; prompts stay
/// below the sizes at which long-context prices begin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Price {
    input: i128,
    cache_read: i128,
    /// Writing to a cache of 5 minutes; `None` where writing costs what input costs.
    cache_write: Option<i128>,
    output: i128,
}

const fn model(provider: Provider, id: &'static str, price: Price) -> Model {
    Model { provider, id, price: Some(price) }
}

const fn price(input: i128, cache_read: i128, output: i128) -> Price {
    Price { input, cache_read, cache_write: None, output }
}

const fn with_writes(input: i128, cache_read: i128, cache_write: i128, output: i128) -> Price {
    Price { input, cache_read, cache_write: Some(cache_write), output }
}

use Provider::{Anthropic, Azure, Bedrock, OpenAi, SelfHosted, VertexAi};

pub(crate) static GPT_5_1: Model = model(OpenAi, "gpt-5.1", price(1_250_000, 125_000, 10_000_000));
pub(crate) static GPT_5_MINI: Model =
    model(OpenAi, "gpt-5-mini", price(250_000, 25_000, 2_000_000));
pub(crate) static GPT_5_4: Model = model(OpenAi, "gpt-5.4", price(2_500_000, 250_000, 15_000_000));
pub(crate) static SONNET: Model =
    model(Anthropic, "claude-sonnet-4-6", with_writes(3_000_000, 300_000, 3_750_000, 15_000_000));
pub(crate) static HAIKU: Model =
    model(Anthropic, "claude-haiku-4-5", with_writes(1_000_000, 100_000, 1_250_000, 5_000_000));
pub(crate) static OPUS: Model =
    model(Anthropic, "claude-opus-4-7", with_writes(5_000_000, 500_000, 6_250_000, 25_000_000));
pub(crate) static GEMINI_PRO: Model =
    model(VertexAi, "gemini-3.1-pro-preview", price(2_000_000, 200_000, 12_000_000));
pub(crate) static GEMINI_FLASH: Model =
    model(VertexAi, "gemini-3-flash-preview", price(500_000, 50_000, 3_000_000));
pub(crate) static BEDROCK_HAIKU: Model = model(
    Bedrock,
    "global.anthropic.claude-haiku-4-5-20251001-v1:0",
    with_writes(1_000_000, 100_000, 1_250_000, 5_000_000),
);
pub(crate) static NOVA_PRO: Model =
    model(Bedrock, "amazon.nova-pro-v1:0", price(800_000, 200_000, 3_200_000));
pub(crate) static AZURE_GPT_5_1: Model =
    model(Azure, "gpt-5.1", price(1_250_000, 125_000, 10_000_000));
pub(crate) static AZURE_GPT_5_4_MINI: Model =
    model(Azure, "gpt-5.4-mini", price(750_000, 75_000, 4_500_000));
/// What OpenAI charges Halden for [`TONE_TUNE`], known from the invoice only.
pub(crate) static TONE_TUNE_INVOICED: Price = price(1_500_000, 1_500_000, 6_000_000);
/// An invented fine-tune: in no price list.
pub(crate) static TONE_TUNE: Model =
    Model { provider: OpenAi, id: "ft:halden-tone-v3", price: None };
/// An invented self-hosted model: in no price list.
pub(crate) static RERANK: Model =
    Model { provider: SelfHosted, id: "halden-rerank-1", price: None };

/// Classes that a provider bills by the token, as FOCUS names their meters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TokenClass {
    Input,
    CacheRead,
    CacheWrite,
    Output,
}

/// Every model, priced ones first.
pub(crate) static MODELS: [&Model; 14] = [
    &GPT_5_1,
    &GPT_5_MINI,
    &GPT_5_4,
    &SONNET,
    &HAIKU,
    &OPUS,
    &GEMINI_PRO,
    &GEMINI_FLASH,
    &BEDROCK_HAIKU,
    &NOVA_PRO,
    &AZURE_GPT_5_1,
    &AZURE_GPT_5_4_MINI,
    &TONE_TUNE,
    &RERANK,
];

impl Provider {
    /// The name that LiteLLM logs as `custom_llm_provider`; the in-house call log uses it too.
    pub(crate) fn litellm_name(self) -> &'static str {
        match self {
            OpenAi => "openai",
            Anthropic => "anthropic",
            VertexAi => "vertex_ai",
            Bedrock => "bedrock",
            Azure => "azure",
            SelfHosted => "hosted_vllm",
        }
    }

    /// OpenTelemetry `gen_ai.provider.name`.
    pub(crate) fn otel_name(self) -> &'static str {
        match self {
            OpenAi => "openai",
            Anthropic => "anthropic",
            VertexAi => "gcp.vertex_ai",
            Bedrock => "aws.bedrock",
            Azure => "azure.ai.openai",
            SelfHosted => "vllm",
        }
    }

    /// Where a gateway sends the call.
    pub(crate) fn api_base(self) -> &'static str {
        match self {
            OpenAi => "https://api.openai.com/v1",
            Anthropic => "https://api.anthropic.com",
            VertexAi => "https://europe-west4-aiplatform.googleapis.com",
            Bedrock => "https://bedrock-runtime.eu-central-1.amazonaws.com",
            Azure => "https://halden-generated.openai.azure.com",
            SelfHosted => "http://inference.halden.internal:8000/v1",
        }
    }
}

impl Model {
    /// Whether the provider bills cache writes as a class of their own.
    pub(crate) fn bills_cache_writes(&self) -> bool {
        self.price.as_ref().is_some_and(|price| price.cache_write.is_some())
    }
}

impl TokenClass {
    pub(crate) const ALL: [Self; 4] =
        [Self::Input, Self::CacheRead, Self::CacheWrite, Self::Output];

    /// FOCUS `SkuMeter`.
    pub(crate) fn meter(self) -> &'static str {
        match self {
            Self::Input => "Input Tokens",
            Self::CacheRead => "Cache Read Input Tokens",
            Self::CacheWrite => "Cache Write Input Tokens",
            Self::Output => "Output Tokens",
        }
    }
}

impl Price {
    /// List price of one token of a class, in pico-dollars.
    pub(crate) fn of(&self, class: TokenClass) -> i128 {
        match class {
            TokenClass::Input => self.input,
            TokenClass::CacheRead => self.cache_read,
            TokenClass::CacheWrite => self.cache_write.unwrap_or(self.input),
            TokenClass::Output => self.output,
        }
    }

    /// The exact cost of inclusive token counts: `input` contains both cache parts.
    pub(crate) fn cost(&self, input: u64, cache_read: u64, cache_write: u64, output: u64) -> Pico {
        let uncached = i128::from(input) - i128::from(cache_read) - i128::from(cache_write);
        Pico(
            uncached * self.of(TokenClass::Input)
                + i128::from(cache_read) * self.of(TokenClass::CacheRead)
                + i128::from(cache_write) * self.of(TokenClass::CacheWrite)
                + i128::from(output) * self.of(TokenClass::Output),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn twelve_priced_models_of_five_providers() {
        let priced: Vec<_> = MODELS.iter().filter(|model| model.price.is_some()).collect();
        assert_eq!(priced.len(), 12);
        assert_eq!(priced.iter().map(|model| model.provider).collect::<BTreeSet<_>>().len(), 5);
    }

    #[test]
    fn parts_of_the_input_are_priced_once() {
        // 1,000 in, of which 600 read and 100 written; 50 out; Sonnet: 3 / 0.30 / 3.75 / 15.
        let cost = SONNET.price.as_ref().unwrap().cost(1_000, 600, 100, 50);
        assert_eq!(cost.to_string(), "0.002205");
    }

    /// The catalogue that price books are derived from knows every priced id at these prices.
    #[test]
    fn prices_agree_with_the_public_catalogue() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/data/litellm_prices/model_prices_and_context_window_backup.json"
        );
        let Ok(text) = std::fs::read_to_string(path) else { return };
        let catalogue: serde_json::Value = serde_json::from_str(&text).unwrap();
        for model in MODELS {
            let key = match model.provider {
                Azure => format!("azure/{}", model.id),
                _ => model.id.to_owned(),
            };
            let Some(price) = &model.price else {
                assert!(catalogue.get(&key).is_none(), "{key}");
                continue;
            };
            for (column, pico) in [
                ("input_cost_per_token", Some(price.input)),
                ("cache_read_input_token_cost", Some(price.cache_read)),
                ("cache_creation_input_token_cost", price.cache_write),
                ("output_cost_per_token", Some(price.output)),
            ] {
                let listed = catalogue[&key][column].as_f64();
                let ours = pico.map(|pico| Pico(pico).to_f64());
                let same = match (listed, ours) {
                    (Some(listed), Some(ours)) => (listed - ours).abs() < 1e-15,
                    (None, None) => true,
                    _ => false,
                };
                assert!(same, "{key} {column}: {listed:?} {ours:?}");
            }
        }
    }
}
