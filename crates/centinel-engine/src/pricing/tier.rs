//! Service tiers: how urgently, and on which capacity, a call was served.

use std::{fmt, str::FromStr};

use super::Unpriced;

/// The service tier that the response reports (not the one that was asked for).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ServiceTier {
    /// On demand.
    #[default]
    Standard,
    /// Answered within hours.
    Batch,
    /// Slower, cheaper, may be refused.
    Flex,
    /// Faster, dearer.
    Priority,
    /// Faster output at a multiple (Anthropic's fast mode).
    Fast,
    /// Faster still (OpenAI).
    Ultrafast,
    /// OpenAI's Scale Tier: capacity bought ahead.
    Scale,
    /// Provisioned throughput, PTU: capacity bought ahead.
    Provisioned,
}

impl ServiceTier {
    /// Every tier.
    pub const ALL: [Self; 8] = [
        Self::Standard,
        Self::Batch,
        Self::Flex,
        Self::Priority,
        Self::Fast,
        Self::Ultrafast,
        Self::Scale,
        Self::Provisioned,
    ];

    /// The name in books, calls and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Batch => "batch",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Fast => "fast",
            Self::Ultrafast => "ultrafast",
            Self::Scale => "scale",
            Self::Provisioned => "provisioned",
        }
    }

    /// Whether the tokens are paid by capacity, so that their own price is a known zero.
    pub fn is_capacity(self) -> bool {
        matches!(self, Self::Scale | Self::Provisioned)
    }
}

impl fmt::Display for ServiceTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ServiceTier {
    type Err = Unpriced;

    /// Reads the names above and the providers' own words for them, in either case; no word is
    /// `standard`. `auto` is a wish, not a tier, and is refused.
    fn from_str(text: &str) -> Result<Self, Unpriced> {
        let text = text.trim();
        let is = |name: &str| text.eq_ignore_ascii_case(name);
        if let Some(tier) = Self::ALL.into_iter().find(|tier| is(tier.name())) {
            return Ok(tier);
        }
        // OpenAI and Bedrock say `default`, Vertex `ON_DEMAND…`, Azure PTU.
        Ok(match () {
            () if ["", "default", "on_demand", "on-demand", "regular"].into_iter().any(is) => {
                Self::Standard
            }
            () if is("batches") => Self::Batch,
            () if ["on_demand_priority", "on-demand-priority"].into_iter().any(is) => {
                Self::Priority
            }
            () if ["on_demand_flex", "on-demand-flex"].into_iter().any(is) => Self::Flex,
            () if ["ptu", "provisioned_throughput", "reserved"].into_iter().any(is) => {
                Self::Provisioned
            }
            () => return Err(Unpriced::UnknownTier(text.chars().take(40).collect())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_words_of_providers() {
        for tier in ServiceTier::ALL {
            assert_eq!(tier.name().parse(), Ok(tier));
        }
        assert_eq!("".parse(), Ok(ServiceTier::Standard));
        assert_eq!("Default".parse(), Ok(ServiceTier::Standard));
        assert_eq!("PTU".parse(), Ok(ServiceTier::Provisioned));
        assert!(matches!("auto".parse::<ServiceTier>(), Err(Unpriced::UnknownTier(_))));
    }
}
