//! The service tier that the words of a meter, SKU or usage type name.

use centinel_engine::{pricing::ServiceTier, reconcile::tier_of};

/// The tier's name; `None` for the standard one, which no bill names.
///
/// # Source
///
/// Azure retail prices: `Prty` in meters of Azure OpenAI; Amazon Bedrock user guide: `ModelUnits` of
/// provisioned throughput.
pub(crate) fn service_tier(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    let has = |word: &str| lower.split(|c: char| !c.is_alphanumeric()).any(|part| part == word);
    let named = tier_of(text).or_else(|| {
        if has("prty") {
            Some(ServiceTier::Priority)
        } else {
            has("modelunits").then_some(ServiceTier::Provisioned)
        }
    });
    named.map(ServiceTier::name)
}

#[cfg(test)]
mod tests {
    use centinel_engine::{pricing::Meter, reconcile::meter_of};

    use super::*;

    #[test]
    fn tiers() {
        for (text, expected) in [
            ("USE1-Claude4.6Sonnet-input-tokens-batch", Some("batch")),
            ("USE1-Nova2Lite-input-tokens-flex", Some("flex")),
            ("gpt-4.1 Inp Prty glbl Tokens", Some("priority")),
            ("Provisioned Managed Global Unit", Some("provisioned")),
            ("USE1-Claude3Haiku-ProvisionedThroughput-ModelUnits", Some("provisioned")),
            ("USE1-Claude4.6Sonnet-input-tokens", None),
        ] {
            assert_eq!(service_tier(text), expected, "{text}");
        }
    }

    /// What bills of the three clouds call their token classes.
    #[test]
    fn token_classes() {
        for (text, expected) in [
            ("USE1-Claude4.6Sonnet-input-tokens", Some(Meter::Input)),
            ("USW2-Claude4.6Sonnet-output-tokens-batch", Some(Meter::Output)),
            ("USE1-Claude4.6Sonnet-cache-read-input-token-count", Some(Meter::CacheRead)),
            ("USE1-Claude4.6Sonnet-cache-write-input-token-count", Some(Meter::CacheWrite5m)),
            ("USE1-Claude4.6Sonnet-cache-write-1h-input-token-count", Some(Meter::CacheWrite1h)),
            ("MP:USE1_CacheReadInputTokenCount-Units", Some(Meter::CacheRead)),
            ("gpt-4o 0806 cchd Inp glbl Tokens", Some(Meter::CacheRead)),
            ("gpt-5 opt glbl 1M Tokens", Some(Meter::Output)),
            ("Gemini 2.5 Flash GA Audio Input - Predictions", Some(Meter::InputAudio)),
            ("Gemini 2.5 Pro Text Caching Storage", Some(Meter::CacheStorage)),
            ("Provisioned Managed Global Unit", None),
        ] {
            assert_eq!(meter_of(text), expected, "{text}");
        }
    }
}
