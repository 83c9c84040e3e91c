//! The inclusive usage record.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::SerializeMap,
};

/// One thing that a provider counts and may bill. The order is the column order of the ledger; new
/// classes go to the end.
///
/// Names on the wire ([`UsageClass::name`]) are those of `INTERFACES`: `input_tokens_total`, ….
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum UsageClass {
    /// All input tokens, cached and cache-written ones included.
    InputTokensTotal,
    /// Input tokens served from a prompt cache; part of the input total.
    CacheReadTokens,
    /// Input tokens written to a cache that lives 5 minutes; part of the input total.
    CacheWrite5mTokens,
    /// Input tokens written to a cache that lives 30 minutes; part of the input total.
    CacheWrite30mTokens,
    /// Input tokens written to a cache that lives 1 hour; part of the input total.
    CacheWrite1hTokens,
    /// Input tokens written to a cache that lives 12 hours; part of the input total.
    CacheWrite12hTokens,
    /// Audio tokens in, cached ones included; part of the input total.
    InputAudioTokens,
    /// Image tokens in, cached ones included; part of the input total.
    InputImageTokens,
    /// Video tokens in, cached ones included; part of the input total.
    InputVideoTokens,
    /// Audio tokens served from a cache; part of the cache reads and of the audio in.
    CacheReadAudioTokens,
    /// Image tokens served from a cache; part of the cache reads and of the images in.
    CacheReadImageTokens,
    /// Video tokens served from a cache; part of the cache reads and of the video in.
    CacheReadVideoTokens,
    /// All output tokens, reasoning included.
    OutputTokensTotal,
    /// Tokens spent on reasoning; part of the output total.
    ReasoningTokens,
    /// Audio tokens out; part of the output total.
    OutputAudioTokens,
    /// Image tokens out; part of the output total.
    OutputImageTokens,
    /// Video tokens out; part of the output total.
    OutputVideoTokens,
    /// Tokens of cited sources (Perplexity); part of the output total.
    CitationTokens,
    /// Web searches run by the provider during the call, in requests.
    WebSearchRequests,
    /// Searches of stored files run by the provider during the call, in requests.
    FileSearchRequests,
    /// Map look-ups run by the provider during the call, in requests.
    MapsRequests,
    /// Code execution containers opened by the provider, in sessions.
    CodeSessions,
    /// Images taken in where they are billed by the image, in images.
    InputImages,
    /// Images made, in images.
    OutputImages,
    /// Audio or video taken in where it is billed by time, in milliseconds.
    InputMediaMilliseconds,
    /// Audio or video made where it is billed by time, in milliseconds.
    OutputMediaMilliseconds,
    /// Text taken in where it is billed by length (speech, translation), in characters.
    InputCharacters,
    /// Pages read by a document model, in pages.
    DocumentPages,
    /// Units of a reranking model, as its provider counts them.
    SearchUnits,
    /// Tokens kept in an explicit cache, times the hours that they were kept.
    CacheStorageTokenHours,
}

impl UsageClass {
    /// Every class, in ledger order.
    pub const ALL: [Self; 30] = [
        Self::InputTokensTotal,
        Self::CacheReadTokens,
        Self::CacheWrite5mTokens,
        Self::CacheWrite30mTokens,
        Self::CacheWrite1hTokens,
        Self::CacheWrite12hTokens,
        Self::InputAudioTokens,
        Self::InputImageTokens,
        Self::InputVideoTokens,
        Self::CacheReadAudioTokens,
        Self::CacheReadImageTokens,
        Self::CacheReadVideoTokens,
        Self::OutputTokensTotal,
        Self::ReasoningTokens,
        Self::OutputAudioTokens,
        Self::OutputImageTokens,
        Self::OutputVideoTokens,
        Self::CitationTokens,
        Self::WebSearchRequests,
        Self::FileSearchRequests,
        Self::MapsRequests,
        Self::CodeSessions,
        Self::InputImages,
        Self::OutputImages,
        Self::InputMediaMilliseconds,
        Self::OutputMediaMilliseconds,
        Self::InputCharacters,
        Self::DocumentPages,
        Self::SearchUnits,
        Self::CacheStorageTokenHours,
    ];
    /// How many classes there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Position in [`Self::ALL`].
    pub fn index(self) -> usize {
        usize::from(self as u8)
    }

    /// The wire name, also the ledger column.
    pub fn name(self) -> &'static str {
        match self {
            Self::InputTokensTotal => "input_tokens_total",
            Self::CacheReadTokens => "cache_read_tokens",
            Self::CacheWrite5mTokens => "cache_write_5m_tokens",
            Self::CacheWrite30mTokens => "cache_write_30m_tokens",
            Self::CacheWrite1hTokens => "cache_write_1h_tokens",
            Self::CacheWrite12hTokens => "cache_write_12h_tokens",
            Self::InputAudioTokens => "input_audio_tokens",
            Self::InputImageTokens => "input_image_tokens",
            Self::InputVideoTokens => "input_video_tokens",
            Self::CacheReadAudioTokens => "cache_read_audio_tokens",
            Self::CacheReadImageTokens => "cache_read_image_tokens",
            Self::CacheReadVideoTokens => "cache_read_video_tokens",
            Self::OutputTokensTotal => "output_tokens_total",
            Self::ReasoningTokens => "reasoning_tokens",
            Self::OutputAudioTokens => "output_audio_tokens",
            Self::OutputImageTokens => "output_image_tokens",
            Self::OutputVideoTokens => "output_video_tokens",
            Self::CitationTokens => "citation_tokens",
            Self::WebSearchRequests => "web_search_requests",
            Self::FileSearchRequests => "file_search_requests",
            Self::MapsRequests => "maps_requests",
            Self::CodeSessions => "code_sessions",
            Self::InputImages => "input_images",
            Self::OutputImages => "output_images",
            Self::InputMediaMilliseconds => "input_media_milliseconds",
            Self::OutputMediaMilliseconds => "output_media_milliseconds",
            Self::InputCharacters => "input_characters",
            Self::DocumentPages => "document_pages",
            Self::SearchUnits => "search_units",
            Self::CacheStorageTokenHours => "cache_storage_token_hours",
        }
    }

    /// The class that must contain this one, if it is a part of one. A cached part of a modality is
    /// listed under the cache reads; [`Usage::check`] also holds it to its modality.
    pub fn part_of(self) -> Option<Self> {
        match self {
            Self::CacheReadTokens
            | Self::CacheWrite5mTokens
            | Self::CacheWrite30mTokens
            | Self::CacheWrite1hTokens
            | Self::CacheWrite12hTokens
            | Self::InputAudioTokens
            | Self::InputImageTokens
            | Self::InputVideoTokens => Some(Self::InputTokensTotal),
            Self::CacheReadAudioTokens
            | Self::CacheReadImageTokens
            | Self::CacheReadVideoTokens => Some(Self::CacheReadTokens),
            Self::ReasoningTokens
            | Self::OutputAudioTokens
            | Self::OutputImageTokens
            | Self::OutputVideoTokens
            | Self::CitationTokens => Some(Self::OutputTokensTotal),
            Self::InputTokensTotal
            | Self::OutputTokensTotal
            | Self::WebSearchRequests
            | Self::FileSearchRequests
            | Self::MapsRequests
            | Self::CodeSessions
            | Self::InputImages
            | Self::OutputImages
            | Self::InputMediaMilliseconds
            | Self::OutputMediaMilliseconds
            | Self::InputCharacters
            | Self::DocumentPages
            | Self::SearchUnits
            | Self::CacheStorageTokenHours => None,
        }
    }
}

impl FromStr for UsageClass {
    type Err = UsageError;

    fn from_str(name: &str) -> Result<Self, UsageError> {
        Self::ALL
            .into_iter()
            .find(|class| class.name() == name)
            .ok_or_else(|| UsageError::UnknownClass(name.chars().take(40).collect()))
    }
}

impl fmt::Display for UsageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why counts are no usage record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// A key that names no class.
    #[error("unknown usage class `{0}`")]
    UnknownClass(String),
    /// The parts of a total exceed it.
    #[error("`{part}` ({count}) exceeds `{total}` ({limit}); totals contain their parts")]
    PartExceedsTotal {
        /// The part, or the list of parts, that is too large.
        part: &'static str,
        /// Its count.
        count: u64,
        /// The total.
        total: &'static str,
        /// The total's count.
        limit: u64,
    },
}

/// Counts of one call, or sums over many: one `u64` a class, in the class's own unit.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage([u64; UsageClass::COUNT]);

impl Usage {
    /// Nothing used.
    pub const ZERO: Self = Self([0; UsageClass::COUNT]);

    /// The count of a class.
    pub fn get(&self, class: UsageClass) -> u64 {
        self.0.get(class.index()).copied().unwrap_or(0)
    }

    /// Sets the count of a class.
    pub fn set(&mut self, class: UsageClass, count: u64) {
        if let Some(slot) = self.0.get_mut(class.index()) {
            *slot = count;
        }
    }

    /// The same record with one class set.
    #[must_use]
    pub fn with(mut self, class: UsageClass, count: u64) -> Self {
        self.set(class, count);
        self
    }

    /// Counts in ledger order.
    pub fn iter(&self) -> impl Iterator<Item = (UsageClass, u64)> + '_ {
        UsageClass::ALL.into_iter().zip(self.0)
    }

    /// The classes that are not zero, a bit each, by [`UsageClass::index`].
    pub(crate) fn used(&self) -> u32 {
        let bits = self.0.iter().enumerate().map(|(index, count)| {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            u32::from(*count > 0).checked_shl(index).unwrap_or(0)
        });
        bits.fold(0, |set, bit| set | bit)
    }

    /// Adds another record, class by class; counts stop at `u64::MAX`.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(count);
        }
    }

    /// Tokens written to a cache of any lifetime.
    pub fn cache_write_tokens(&self) -> u64 {
        self.get(UsageClass::CacheWrite5mTokens)
            .saturating_add(self.get(UsageClass::CacheWrite30mTokens))
            .saturating_add(self.get(UsageClass::CacheWrite1hTokens))
            .saturating_add(self.get(UsageClass::CacheWrite12hTokens))
    }

    /// Input tokens that were neither read from nor written to a cache; `None` when the parts
    /// exceed the total.
    pub fn uncached_input_tokens(&self) -> Option<u64> {
        self.get(UsageClass::InputTokensTotal)
            .checked_sub(self.get(UsageClass::CacheReadTokens))?
            .checked_sub(self.cache_write_tokens())
    }

    /// Input and output tokens together.
    pub fn tokens_total(&self) -> u64 {
        self.get(UsageClass::InputTokensTotal)
            .saturating_add(self.get(UsageClass::OutputTokensTotal))
    }

    /// Checks that totals contain their parts.
    ///
    /// # Errors
    ///
    /// [`UsageError::PartExceedsTotal`], naming the first part that does not fit.
    pub fn check(&self) -> Result<(), UsageError> {
        for (part, count) in self.iter() {
            if let Some(total) = part.part_of()
                && count > self.get(total)
            {
                let limit = self.get(total);
                return Err(UsageError::PartExceedsTotal {
                    part: part.name(),
                    count,
                    total: total.name(),
                    limit,
                });
            }
        }
        for (part, total) in [
            (UsageClass::CacheReadAudioTokens, UsageClass::InputAudioTokens),
            (UsageClass::CacheReadImageTokens, UsageClass::InputImageTokens),
            (UsageClass::CacheReadVideoTokens, UsageClass::InputVideoTokens),
        ] {
            let (count, limit) = (self.get(part), self.get(total));
            if count > limit {
                let (part, total) = (part.name(), total.name());
                return Err(UsageError::PartExceedsTotal { part, count, total, limit });
            }
        }
        if self.uncached_input_tokens().is_none() {
            return Err(UsageError::PartExceedsTotal {
                part: "cache_read_tokens + cache_write_tokens",
                count: self
                    .get(UsageClass::CacheReadTokens)
                    .saturating_add(self.cache_write_tokens()),
                total: UsageClass::InputTokensTotal.name(),
                limit: self.get(UsageClass::InputTokensTotal),
            });
        }
        Ok(())
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().filter(|(_, count)| *count > 0)).finish()
    }
}

impl Serialize for Usage {
    /// A JSON object with the classes that are not zero, and always the two totals.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (class, count) in self.iter() {
            let is_total =
                matches!(class, UsageClass::InputTokensTotal | UsageClass::OutputTokensTotal);
            if count > 0 || is_total {
                map.serialize_entry(class.name(), &count)?;
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Usage {
    /// A JSON object of classes; missing or null ones are zero, unknown ones are an error, and so
    /// are negative or fractional counts, classes given twice and parts that exceed their total.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counts;
        impl<'de> Visitor<'de> for Counts {
            type Value = Usage;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of token counts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Usage, A::Error> {
                let mut usage = Usage::ZERO;
                let mut seen = [false; UsageClass::COUNT];
                while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    let class: UsageClass = name.parse().map_err(A::Error::custom)?;
                    // A count that is given twice contradicts itself.
                    if seen.get_mut(class.index()).is_some_and(|seen| std::mem::replace(seen, true))
                    {
                        return Err(A::Error::duplicate_field(class.name()));
                    }
                    usage.set(class, map.next_value::<Option<u64>>()?.unwrap_or(0));
                }
                usage.check().map_err(A::Error::custom)?;
                Ok(usage)
            }
        }
        deserializer.deserialize_map(Counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_exceed_their_total() {
        let usage = Usage::ZERO
            .with(UsageClass::InputTokensTotal, 1000)
            .with(UsageClass::CacheReadTokens, 600)
            .with(UsageClass::CacheWrite5mTokens, 300);
        assert_eq!(usage.check(), Ok(()));
        assert_eq!(usage.uncached_input_tokens(), Some(100));
        let both = usage.with(UsageClass::CacheWrite1hTokens, 101);
        assert!(matches!(both.check(), Err(UsageError::PartExceedsTotal { count: 1001, .. })));
        assert!(Usage::ZERO.with(UsageClass::ReasoningTokens, 1).check().is_err());
    }

    #[test]
    fn json_names_the_classes() {
        let text = r#"{"input_tokens_total":10,"cache_read_tokens":4,"output_tokens_total":2}"#;
        let usage: Usage = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&usage).unwrap(), text);
        for bad in [
            r#"{"input_tokens_total":-1}"#,
            r#"{"input_tokens_total":1.5}"#,
            r#"{"prompt_tokens":1}"#,
            r#"{"cache_read_tokens":1}"#,
        ] {
            assert!(serde_json::from_str::<Usage>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn index_matches_the_table() {
        for (position, class) in UsageClass::ALL.into_iter().enumerate() {
            assert_eq!(class.index(), position);
            assert_eq!(class.name().parse(), Ok(class));
        }
    }
}
