//! The built-in book: models in use, with the time each price holds.
//!
//! One file a provider, in the [native] format. `docs/reference/price-books.md`
//! says where the prices come from and where sources disagree.

use super::{BookError, PriceBook, native};

const FILES: [&str; 19] = [
    include_str!("../../prices/anthropic.toml"),
    include_str!("../../prices/azure.toml"),
    include_str!("../../prices/azure_ai.toml"),
    include_str!("../../prices/bedrock.toml"),
    include_str!("../../prices/cerebras.toml"),
    include_str!("../../prices/cohere.toml"),
    include_str!("../../prices/dashscope.toml"),
    include_str!("../../prices/deepseek.toml"),
    include_str!("../../prices/fireworks.toml"),
    include_str!("../../prices/gemini.toml"),
    include_str!("../../prices/groq.toml"),
    include_str!("../../prices/mistral.toml"),
    include_str!("../../prices/moonshot.toml"),
    include_str!("../../prices/openai.toml"),
    include_str!("../../prices/perplexity.toml"),
    include_str!("../../prices/together.toml"),
    include_str!("../../prices/vertex.toml"),
    include_str!("../../prices/xai.toml"),
    include_str!("../../prices/zai.toml"),
];

/// Reads the built-in book.
///
/// # Errors
///
/// None that a test would not have found: the files are part of the program.
pub fn builtin() -> Result<PriceBook, BookError> {
    native::read_all(&FILES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        money::Decimal,
        pricing::{PriceQuery, ServiceTier, Unpriced},
        usage::{Usage, UsageClass},
    };

    fn million(query: &PriceQuery<'_>) -> Result<String, Unpriced> {
        let usage = Usage::ZERO.with(UsageClass::InputTokensTotal, 100_000);
        let cost = builtin().unwrap().resolve(query)?.cost(&usage)?.to_decimal()?;
        Ok(cost.checked_mul_integer(10).unwrap().to_string())
    }

    fn check(provider: &str, model: &str, at: &str, input_per_million: &str) {
        let query = PriceQuery {
            provider,
            model,
            service_tier: None,
            region: None,
            at: Some(at.parse().unwrap()),
        };
        assert_eq!(million(&query), Ok(input_per_million.to_owned()), "{model} at {at}");
    }

    #[test]
    fn every_price_compiles() {
        let book = builtin().unwrap();
        assert!(book.len() > 900, "{}", book.len());
        let usage = Usage::ZERO.with(UsageClass::InputTokensTotal, 300_000);
        for (provider, model) in book.models() {
            let mut priced = 0;
            for tier in ServiceTier::ALL.into_iter().filter(|tier| !tier.is_capacity()) {
                // The last day of the book and one in the time that the demo covers.
                for at in [None, Some("2026-06-01T00:00:00Z".parse().unwrap())] {
                    let service_tier = Some(tier.name());
                    let query = PriceQuery { provider, model, service_tier, region: None, at };
                    match book.resolve(&query) {
                        Ok(price) => {
                            match price.cost(&usage) {
                                Ok(cost) => {
                                    let cost = cost.to_decimal().unwrap();
                                    assert!(cost > Decimal::ZERO, "{provider} {model} {tier}");
                                }
                                // Images, seconds, pages: what takes no text has no price for it.
                                Err(Unpriced::NoRate { .. }) => {}
                                Err(other) => panic!("{provider} {model}: {other}"),
                            }
                            priced += 1;
                        }
                        Err(
                            Unpriced::NoTier { .. }
                            | Unpriced::PriceEnded { .. }
                            | Unpriced::BeforeFirstPrice { .. },
                        ) => {}
                        Err(other) => panic!("{provider} {model}: {other}"),
                    }
                }
            }
            assert!(priced > 0, "{provider} {model} has no price at all");
        }
    }

    #[test]
    fn prices_change_on_their_day() {
        check("openai", "gpt-5.6-luna", "2026-07-29T23:59:59Z", "1");
        check("openai", "gpt-5.6-luna", "2026-07-30T00:00:00Z", "0.2");
        check("openai", "gpt-5.6", "2026-08-20T12:00:00Z", "5");
        check("openai", "gpt-5.6", "2026-08-21T00:00:00Z", "4");
        check("aws.bedrock", "us.openai.gpt-5.6-terra", "2026-07-01T00:00:00Z", "2.75");
        check("google", "gemini-3.6-flash", "2026-12-31T23:59:59Z", "0.75");
        check("google", "models/gemini-3.6-flash", "2027-01-01T00:00:00Z", "1.5");
        check("anthropic", "claude-sonnet-5", "2026-10-01T00:00:00Z", "2");
    }

    #[test]
    fn common_models_have_prices_from_may_to_november() {
        for (provider, model, input_per_million) in [
            ("openai", "gpt-5.4", "2.5"),
            ("openai", "gpt-5.4-mini-2026-03-17", "0.75"),
            ("openai", "gpt-5.5", "5"),
            ("openai", "text-embedding-3-small", "0.02"),
            ("anthropic", "claude-haiku-4-5-20251001", "1"),
            ("anthropic", "claude-sonnet-4-6", "3"),
            ("anthropic", "claude-opus-4-7", "5"),
            ("google", "gemini-2.5-flash", "0.3"),
            ("vertex_ai", "gemini-2.5-pro", "1.25"),
            ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "3.3"),
            ("bedrock", "amazon.nova-lite-v1:0", "0.06"),
            ("azure", "gpt-5.1", "1.25"),
            ("mistral", "mistral-large-latest", "0.5"),
            ("groq", "openai/gpt-oss-120b", "0.15"),
        ] {
            for at in ["2026-05-01T00:00:00Z", "2026-10-31T23:59:59Z"] {
                check(provider, model, at, input_per_million);
            }
        }
    }

    #[test]
    fn deepseek_costs_twice_as_much_in_the_hours_of_a_working_day() {
        // 2026-10-01 is a Thursday.
        check("deepseek", "deepseek-v4-pro", "2026-08-15T23:59:59Z", "0.435");
        check("deepseek", "deepseek-v4-pro", "2026-10-01T00:59:59Z", "0.66");
        check("deepseek", "deepseek-v4-pro", "2026-10-01T01:00:00Z", "1.32");
        check("deepseek", "deepseek-v4-pro", "2026-10-01T04:00:00Z", "0.66");
        check("deepseek", "deepseek-v4-flash", "2026-09-03T09:59:59Z", "0.44");
        check("deepseek", "deepseek-v4-flash", "2026-09-05T09:00:00Z", "0.22"); // a Saturday
        check("deepseek", "deepseek-v4-flash", "2026-11-23T09:00:00Z", "0.3");
        check("deepseek", "deepseek-v4-flash", "2026-11-22T09:00:00Z", "0.15");
    }

    #[test]
    fn a_price_that_ended_is_no_price() {
        let query = PriceQuery {
            provider: "deepseek",
            model: "deepseek-chat",
            service_tier: None,
            region: None,
            at: Some("2026-10-01T00:00:00Z".parse().unwrap()),
        };
        assert!(matches!(million(&query), Err(Unpriced::PriceEnded { .. })));
        let late = PriceQuery {
            provider: "azure",
            model: "gpt-5.6-luna",
            at: Some("2026-09-01T00:00:00Z".parse().unwrap()),
            ..query
        };
        assert!(matches!(million(&late), Err(Unpriced::BeforeFirstPrice { .. })));
    }

    #[test]
    fn without_a_time_the_recorded_day_counts() {
        let query = PriceQuery {
            provider: "google",
            model: "gemini-3.6-flash",
            service_tier: None,
            region: None,
            at: None,
        };
        assert_eq!(million(&query), Ok("0.75".to_owned()));
    }
}
