//! What is billed: the disjoint quantities that a usage record splits into.

use std::{fmt, str::FromStr};

use super::{Ratio, Unpriced};
use crate::{
    money::DecimalError,
    usage::{Usage, UsageClass},
};

/// One billed quantity. Meters of a call are disjoint, where usage classes contain each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Meter {
    /// Input tokens that no other input meter counts.
    Input,
    /// Input tokens read from a cache that no other cache meter counts.
    CacheRead,
    /// Input tokens written to a cache for 5 minutes.
    CacheWrite5m,
    /// Input tokens written to a cache for 30 minutes.
    CacheWrite30m,
    /// Input tokens written to a cache for 1 hour.
    CacheWrite1h,
    /// Input tokens written to a cache for 12 hours or more.
    CacheWrite12h,
    /// Audio tokens in, where they have a price of their own.
    InputAudio,
    /// Image tokens in, where they have a price of their own.
    InputImage,
    /// Video tokens in, where they have a price of their own.
    InputVideo,
    /// Audio tokens read from a cache, where they have a price of their own.
    CacheReadAudio,
    /// Image tokens read from a cache, where they have a price of their own.
    CacheReadImage,
    /// Video tokens read from a cache, where they have a price of their own.
    CacheReadVideo,
    /// Output tokens that no other output meter counts.
    Output,
    /// Reasoning tokens, where they have a price of their own.
    Reasoning,
    /// Audio tokens out, where they have a price of their own.
    OutputAudio,
    /// Image tokens out, where they have a price of their own.
    OutputImage,
    /// Video tokens out, where they have a price of their own.
    OutputVideo,
    /// Tokens of cited sources, where they have a price of their own.
    Citation,
    /// Web searches.
    WebSearch,
    /// Searches of stored files.
    FileSearch,
    /// Map look-ups.
    Maps,
    /// Code execution sessions.
    CodeSession,
    /// Images taken in.
    InputImageCount,
    /// Images made.
    Image,
    /// Milliseconds of audio or video taken in.
    InputMediaMillisecond,
    /// Milliseconds of audio or video made.
    MediaMillisecond,
    /// Characters taken in.
    Character,
    /// Pages read.
    Page,
    /// Units of a reranking model.
    SearchUnit,
    /// Token-hours in an explicit cache.
    CacheStorage,
    /// The call itself.
    Call,
}

/// Quantities by meter, in [`Meter::ALL`] order.
pub(super) type Quantities = [u64; Meter::COUNT];

/// A set of meters, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct MeterSet(u32);

impl MeterSet {
    pub(super) fn contains(self, meter: Meter) -> bool {
        self.0 & meter.bit() != 0
    }

    pub(super) fn insert(&mut self, meter: Meter) {
        self.0 |= meter.bit();
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Meter> {
        Meter::ALL.into_iter().filter(move |meter| self.contains(*meter))
    }
}

impl Meter {
    /// Every meter, in the order of lines.
    pub const ALL: [Self; 31] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite5m,
        Self::CacheWrite30m,
        Self::CacheWrite1h,
        Self::CacheWrite12h,
        Self::InputAudio,
        Self::InputImage,
        Self::InputVideo,
        Self::CacheReadAudio,
        Self::CacheReadImage,
        Self::CacheReadVideo,
        Self::Output,
        Self::Reasoning,
        Self::OutputAudio,
        Self::OutputImage,
        Self::OutputVideo,
        Self::Citation,
        Self::WebSearch,
        Self::FileSearch,
        Self::Maps,
        Self::CodeSession,
        Self::InputImageCount,
        Self::Image,
        Self::InputMediaMillisecond,
        Self::MediaMillisecond,
        Self::Character,
        Self::Page,
        Self::SearchUnit,
        Self::CacheStorage,
        Self::Call,
    ];
    /// How many meters there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The name in `token_class` and in native books.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite5m => "cache_write_5m",
            Self::CacheWrite30m => "cache_write_30m",
            Self::CacheWrite1h => "cache_write_1h",
            Self::CacheWrite12h => "cache_write_12h",
            Self::InputAudio => "input_audio",
            Self::InputImage => "input_image",
            Self::InputVideo => "input_video",
            Self::CacheReadAudio => "cache_read_audio",
            Self::CacheReadImage => "cache_read_image",
            Self::CacheReadVideo => "cache_read_video",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::OutputAudio => "output_audio",
            Self::OutputImage => "output_image",
            Self::OutputVideo => "output_video",
            Self::Citation => "citation",
            Self::WebSearch => "web_search",
            Self::FileSearch => "file_search",
            Self::Maps => "maps",
            Self::CodeSession => "code_session",
            Self::InputImageCount => "image_in",
            Self::Image => "image",
            Self::InputMediaMillisecond => "media_in_millisecond",
            Self::MediaMillisecond => "media_millisecond",
            Self::Character => "character",
            Self::Page => "page",
            Self::SearchUnit => "search_unit",
            Self::CacheStorage => "cache_storage",
            Self::Call => "call",
        }
    }

    /// Whether the unit is a token: such meters depend on tier, context and region.
    pub fn is_token(self) -> bool {
        self.index() < Self::WebSearch.index()
    }

    /// The price of one unit, from a price as people write it: per million tokens, characters and
    /// token-hours, per second of media, per search, session, image, page or call.
    pub(super) fn unit_price(self, price: impl Into<Ratio>) -> Result<Ratio, DecimalError> {
        let price: Ratio = price.into();
        price.checked_div_integer(self.written_per())
    }

    /// How many units a price is for, as people write it.
    pub(super) fn written_per(self) -> u64 {
        match self {
            Self::InputMediaMillisecond | Self::MediaMillisecond => 1000,
            Self::Character | Self::CacheStorage => 1_000_000,
            _ if self.is_token() => 1_000_000,
            _ => 1,
        }
    }

    /// The meter whose price also covers this one where it has none of its own: reasoning is
    /// output, an image is read as the tokens it became, a cached image is a cache read. Audio in,
    /// and caches, have no such rule.
    pub(super) fn billed_as(self) -> Option<Self> {
        match self {
            Self::InputImage | Self::InputVideo => Some(Self::Input),
            Self::CacheReadAudio | Self::CacheReadImage | Self::CacheReadVideo => {
                Some(Self::CacheRead)
            }
            Self::Reasoning
            | Self::OutputAudio
            | Self::OutputImage
            | Self::OutputVideo
            | Self::Citation => Some(Self::Output),
            _ => None,
        }
    }

    /// The usage class that the meter is the whole of; `None` for tokens, whose meters are parts,
    /// and for calls.
    pub(super) fn counts(self) -> Option<UsageClass> {
        OTHERS.iter().find(|(meter, _)| *meter == self).map(|(_, class)| *class)
    }

    /// Where a token of the meter stands in a request: what a cache held comes first, then what was
    /// written to one, then the rest of the input; the output after all of it.
    pub(super) fn place(self) -> u8 {
        match self {
            Self::CacheRead
            | Self::CacheReadAudio
            | Self::CacheReadImage
            | Self::CacheReadVideo => 0,
            Self::CacheWrite5m | Self::CacheWrite30m | Self::CacheWrite1h | Self::CacheWrite12h => {
                1
            }
            Self::Input | Self::InputAudio | Self::InputImage | Self::InputVideo => 2,
            other if other.is_token() => 3,
            _ => 4,
        }
    }

    pub(super) fn index(self) -> usize {
        usize::from(self as u8)
    }

    fn bit(self) -> u32 {
        1_u32.checked_shl(u32::from(self as u8)).unwrap_or(0)
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no meter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a priced class")]
pub struct UnknownMeter(pub String);

impl FromStr for Meter {
    type Err = UnknownMeter;

    fn from_str(name: &str) -> Result<Self, UnknownMeter> {
        Self::ALL
            .into_iter()
            .find(|meter| meter.name() == name)
            .ok_or_else(|| UnknownMeter(name.chars().take(40).collect()))
    }
}

const WRITES: [(Meter, UsageClass); 4] = [
    (Meter::CacheWrite5m, UsageClass::CacheWrite5mTokens),
    (Meter::CacheWrite30m, UsageClass::CacheWrite30mTokens),
    (Meter::CacheWrite1h, UsageClass::CacheWrite1hTokens),
    (Meter::CacheWrite12h, UsageClass::CacheWrite12hTokens),
];

// Modality, and what of it was read from a cache.
const INPUTS: [(Meter, UsageClass, Meter, UsageClass); 3] = [
    (
        Meter::InputAudio,
        UsageClass::InputAudioTokens,
        Meter::CacheReadAudio,
        UsageClass::CacheReadAudioTokens,
    ),
    (
        Meter::InputImage,
        UsageClass::InputImageTokens,
        Meter::CacheReadImage,
        UsageClass::CacheReadImageTokens,
    ),
    (
        Meter::InputVideo,
        UsageClass::InputVideoTokens,
        Meter::CacheReadVideo,
        UsageClass::CacheReadVideoTokens,
    ),
];

const OUTPUTS: [(Meter, UsageClass); 5] = [
    (Meter::Reasoning, UsageClass::ReasoningTokens),
    (Meter::OutputAudio, UsageClass::OutputAudioTokens),
    (Meter::OutputImage, UsageClass::OutputImageTokens),
    (Meter::OutputVideo, UsageClass::OutputVideoTokens),
    (Meter::Citation, UsageClass::CitationTokens),
];

/// What is counted by itself, part of no total.
const OTHERS: [(Meter, UsageClass); 12] = [
    (Meter::WebSearch, UsageClass::WebSearchRequests),
    (Meter::FileSearch, UsageClass::FileSearchRequests),
    (Meter::Maps, UsageClass::MapsRequests),
    (Meter::CodeSession, UsageClass::CodeSessions),
    (Meter::InputImageCount, UsageClass::InputImages),
    (Meter::Image, UsageClass::OutputImages),
    (Meter::InputMediaMillisecond, UsageClass::InputMediaMilliseconds),
    (Meter::MediaMillisecond, UsageClass::OutputMediaMilliseconds),
    (Meter::Character, UsageClass::InputCharacters),
    (Meter::Page, UsageClass::DocumentPages),
    (Meter::SearchUnit, UsageClass::SearchUnits),
    (Meter::CacheStorage, UsageClass::CacheStorageTokenHours),
];

/// Splits a usage record into disjoint quantities. Meters in `folded` are counted by the meter
/// they are [billed as](Meter::billed_as).
///
/// Cached tokens are taken to be text as far as they can be, unless the record says of which
/// modality they are; where parts of other kinds do not fit beside them, their overlap is unknown.
///
/// # Errors
///
/// [`Unpriced::Usage`] when totals do not contain their parts, [`Unpriced::PartsOverlap`] when
/// disjoint parts exceed a total.
pub(super) fn split(usage: &Usage, folded: MeterSet) -> Result<Quantities, Unpriced> {
    use UsageClass as Class;
    let mut quantities = [0; Meter::COUNT];
    let mut set = |meter: Meter, count: u64| {
        if let Some(slot) = quantities.get_mut(meter.index()) {
            *slot = count;
        }
    };
    let mut input = usage.get(Class::InputTokensTotal);
    for (meter, class) in WRITES {
        let count = usage.get(class);
        input = input.checked_sub(count).ok_or_else(|| contradiction(usage, class))?;
        set(meter, count);
    }
    let mut read = usage.get(Class::CacheReadTokens);
    input = input.checked_sub(read).ok_or_else(|| contradiction(usage, Class::CacheReadTokens))?;
    for (meter, class, read_meter, read_class) in INPUTS {
        let cached = usage.get(read_class);
        if !folded.contains(read_meter) {
            read = read.checked_sub(cached).ok_or_else(|| contradiction(usage, read_class))?;
            set(read_meter, cached);
        }
        if !folded.contains(meter) {
            let uncached = usage.get(class).checked_sub(cached);
            let count = uncached.ok_or_else(|| contradiction(usage, read_class))?;
            input = input.checked_sub(count).ok_or_else(|| contradiction(usage, class))?;
            set(meter, count);
        }
    }
    let mut output = usage.get(Class::OutputTokensTotal);
    for (meter, class) in OUTPUTS {
        if !folded.contains(meter) {
            let count = usage.get(class);
            output = output.checked_sub(count).ok_or_else(|| contradiction(usage, class))?;
            set(meter, count);
        }
    }
    for (meter, class) in OTHERS {
        set(meter, usage.get(class));
    }
    set(Meter::Input, input);
    set(Meter::CacheRead, read);
    set(Meter::Output, output);
    set(Meter::Call, u64::from(!folded.contains(Meter::Call)));
    Ok(quantities)
}

/// Usage classes, a bit each, of calls that [`plain`] splits: text and caches, and what is folded
/// into them.
pub(super) fn plain_classes(folded: MeterSet) -> u32 {
    use UsageClass as Class;
    let always = [
        Class::InputTokensTotal,
        Class::CacheReadTokens,
        Class::CacheWrite5mTokens,
        Class::CacheWrite30mTokens,
        Class::CacheWrite1hTokens,
        Class::CacheWrite12hTokens,
        Class::OutputTokensTotal,
    ];
    let read = INPUTS
        .into_iter()
        .flat_map(|(meter, class, read, cached)| [(meter, class), (read, cached)]);
    let parts = read.chain(OUTPUTS).filter(|(meter, _)| folded.contains(*meter));
    let classes = always.into_iter().chain(parts.map(|(_, class)| class));
    classes.fold(0, |set, class| set | 1_u32.checked_shl(class as u32).unwrap_or(0))
}

/// Splits a record of text and caches; `None` when its parts exceed their total.
pub(super) fn plain(usage: &Usage) -> Option<[(Meter, u64); 7]> {
    let read = usage.get(UsageClass::CacheReadTokens);
    let mut parts = [
        (Meter::Input, usage.get(UsageClass::InputTokensTotal).checked_sub(read)?),
        (Meter::CacheRead, read),
        (Meter::CacheWrite5m, usage.get(UsageClass::CacheWrite5mTokens)),
        (Meter::CacheWrite30m, usage.get(UsageClass::CacheWrite30mTokens)),
        (Meter::CacheWrite1h, usage.get(UsageClass::CacheWrite1hTokens)),
        (Meter::CacheWrite12h, usage.get(UsageClass::CacheWrite12hTokens)),
        (Meter::Output, usage.get(UsageClass::OutputTokensTotal)),
    ];
    let [input, _, writes @ .., _] = &mut parts;
    for (_, written) in writes {
        input.1 = input.1.checked_sub(*written)?;
    }
    Some(parts)
}

fn contradiction(usage: &Usage, class: UsageClass) -> Unpriced {
    match usage.check() {
        Err(error) => Unpriced::Usage(error),
        Ok(()) => Unpriced::PartsOverlap { total: class.part_of().unwrap_or(class).name() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indexes_go_both_ways() {
        for (position, meter) in Meter::ALL.into_iter().enumerate() {
            assert_eq!(meter.index(), position);
            assert_eq!(meter.name().parse(), Ok(meter));
        }
        assert!("tokens".parse::<Meter>().is_err());
    }

    #[test]
    fn quantities_are_disjoint() {
        let usage = Usage::ZERO
            .with(UsageClass::InputTokensTotal, 1000)
            .with(UsageClass::CacheReadTokens, 600)
            .with(UsageClass::CacheWrite1hTokens, 100)
            .with(UsageClass::InputAudioTokens, 50)
            .with(UsageClass::OutputTokensTotal, 90)
            .with(UsageClass::ReasoningTokens, 40);
        let of = |folded: MeterSet, meter: Meter| split(&usage, folded).unwrap()[meter.index()];
        assert_eq!(of(MeterSet::default(), Meter::Input), 250);
        assert_eq!(of(MeterSet::default(), Meter::Output), 50);
        assert_eq!(of(MeterSet::default(), Meter::Reasoning), 40);
        let mut folded = MeterSet::default();
        folded.insert(Meter::Reasoning);
        assert_eq!(of(folded, Meter::Output), 90);
        assert_eq!(of(folded, Meter::Reasoning), 0);
    }

    #[test]
    fn an_unknown_overlap_has_no_price() {
        let usage = Usage::ZERO
            .with(UsageClass::InputTokensTotal, 1000)
            .with(UsageClass::CacheReadTokens, 800)
            .with(UsageClass::InputAudioTokens, 300);
        assert_eq!(usage.check(), Ok(()));
        let error = split(&usage, MeterSet::default()).unwrap_err();
        assert_eq!(error, Unpriced::PartsOverlap { total: "input_tokens_total" });
    }

    #[test]
    fn a_contradictory_record_is_named() {
        let usage = Usage::ZERO.with(UsageClass::CacheReadTokens, 1);
        assert!(matches!(split(&usage, MeterSet::default()), Err(Unpriced::Usage(_))));
    }
}
