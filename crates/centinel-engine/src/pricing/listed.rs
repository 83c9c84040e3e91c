//! Prices as a book lists them: models, the spans of time their prices hold, and which is in force.

use std::{collections::BTreeMap, fmt, sync::Arc};

use jiff::{Timestamp, civil::Date};
use serde::{Serialize, Serializer};

use super::{Hours, Meter, Quota, Ratio, Unpriced, rates::RateTable, rule::Rule};

/// From when a listed price holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EffectiveFrom {
    /// The book has no history at all: it says what prices are, not since when.
    Undated,
    /// In force since before anything that the book knows: taken to hold back to the model's
    /// release.
    Unknown,
    /// In force since then.
    At(Timestamp),
}

/// When a price is in force: from an instant (or always) until another one, exclusive (or open),
/// and in which hours of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validity {
    /// First instant; `None` when there is no earlier price.
    pub from: Option<Timestamp>,
    /// First instant after; `None` while no end is known.
    pub until: Option<Timestamp>,
    /// The hours of the week; `None` is all of them.
    pub hours: Option<Arc<Hours>>,
}

/// A model at a provider.
#[derive(Debug, Clone)]
pub(super) struct Model {
    /// As the book spells it.
    pub(super) provider: String,
    pub(super) id: String,
    pub(super) aliases: Vec<String>,
    /// Recognises further names of the model.
    pub(super) rule: Option<Rule>,
    /// By start, all-day prices and those of the same hours without overlap. Empty for a model
    /// that the book knows, and has no price for that can be read: its names must not go to
    /// another model.
    pub(super) prices: Vec<ListedPrice>,
}

/// One price as a book lists it: every tier and context length, for one span of time.
#[derive(Debug, Clone)]
pub(super) struct ListedPrice {
    pub(super) effective_from: EffectiveFrom,
    pub(super) effective_until: Option<Timestamp>,
    /// In force in these hours only; there it goes before a price of all hours.
    pub(super) hours: Option<Arc<Hours>>,
    pub(super) source: Arc<str>,
    /// The day the price was taken from its source, where the book says so.
    pub(super) recorded: Option<Date>,
    pub(super) rates: RateTable,
    /// Factors on token prices by region; `*` is any region but `global`.
    pub(super) regions: BTreeMap<String, Ratio>,
    /// What is free up to a count, by the meter that it counts.
    pub(super) quotas: Vec<(Meter, Arc<Quota>)>,
}

/// The price that applies, and what else might where the time is not fully known.
pub(super) struct InForce<'m> {
    pub(super) listed: &'m ListedPrice,
    pub(super) validity: Validity,
    /// Prices that may apply instead: those of other hours or dates, the time being unknown.
    pub(super) others: Vec<&'m ListedPrice>,
}

impl Model {
    /// The price in force at an instant.
    pub(super) fn at(&self, at: Timestamp) -> Result<InForce<'_>, Unpriced> {
        let candidates = self.prices.iter().filter(|listed| listed.span().contains(at));
        let (special, always): (Vec<_>, Vec<_>) =
            candidates.partition(|listed| listed.hours.is_some());
        let hours = || special.iter().filter_map(|listed| listed.hours.as_deref());
        let inside = special
            .iter()
            .find(|listed| listed.hours.as_ref().is_some_and(|hours| hours.contains(at)));
        let (listed, hours) = match (inside, always.as_slice()) {
            (Some(listed), _) => (*listed, listed.hours.clone()),
            (None, [listed, ..]) if special.is_empty() => (*listed, None),
            (None, [listed, ..]) => (*listed, Some(Arc::new(Hours::outside(hours())))),
            (None, []) => return Err(self.not_in_force(at)),
        };
        let mut span = listed.span();
        // Where hours matter, the candidates must stay the same as long as the price is kept.
        if self.prices.iter().any(|listed| listed.hours.is_some()) {
            let bounds = self.prices.iter().flat_map(|listed| {
                let span = listed.span();
                [span.from, span.until]
            });
            for bound in bounds.flatten() {
                if bound <= at {
                    span.from = span.from.max(Some(bound));
                } else {
                    span.until = Some(span.until.map_or(bound, |until| until.min(bound)));
                }
            }
        }
        Ok(InForce { listed, validity: Validity { hours, ..span }, others: Vec::new() })
    }

    /// The price on a day whose hour is not known: the dearer one, beside those of other hours.
    pub(super) fn on_day(&self, at: Timestamp) -> Result<InForce<'_>, Unpriced> {
        let candidates: Vec<_> =
            self.prices.iter().filter(|listed| listed.span().contains(at)).collect();
        let listed = *candidates
            .iter()
            .max_by(|left, right| left.dearness().cmp(&right.dearness()))
            .ok_or_else(|| self.not_in_force(at))?;
        Ok(InForce::among(listed, &candidates))
    }

    /// The price where no day is known: the last one listed (of its hours the dearest), beside all
    /// the others.
    pub(super) fn latest(&self) -> Result<InForce<'_>, Unpriced> {
        let latest = self.prices.iter().map(|listed| listed.effective_from).max();
        let listed = self
            .prices
            .iter()
            .filter(|listed| Some(listed.effective_from) == latest)
            .max_by(|left, right| left.dearness().cmp(&right.dearness()))
            .ok_or_else(|| Unpriced::NoPrice(self.id.clone()))?;
        Ok(InForce::among(listed, &self.prices.iter().collect::<Vec<_>>()))
    }

    /// The price that is listed without a date, where one is (of its hours the dearest).
    pub(super) fn without_date(&self) -> Option<InForce<'_>> {
        let undated: Vec<_> = self
            .prices
            .iter()
            .filter(|listed| !matches!(listed.effective_from, EffectiveFrom::At(_)))
            .collect();
        let listed =
            undated.iter().max_by(|left, right| left.dearness().cmp(&right.dearness())).copied()?;
        Some(InForce::among(listed, &undated))
    }

    fn not_in_force(&self, at: Timestamp) -> Unpriced {
        let model = self.id.clone();
        match self.prices.first().map(|first| first.span().from) {
            None => Unpriced::NoPrice(model),
            Some(Some(first)) if at < first => Unpriced::BeforeFirstPrice { model, at, first },
            Some(_) => Unpriced::PriceEnded { model, at },
        }
    }
}

impl<'m> InForce<'m> {
    fn among(listed: &'m ListedPrice, candidates: &[&'m ListedPrice]) -> Self {
        let others =
            candidates.iter().copied().filter(|other| !std::ptr::eq(*other, listed)).collect();
        let validity = Validity { hours: listed.hours.clone(), ..listed.span() };
        Self { listed, validity, others }
    }
}

impl ListedPrice {
    /// The span of time, whatever the hour.
    pub(super) fn span(&self) -> Validity {
        let from = match self.effective_from {
            EffectiveFrom::At(from) => Some(from),
            EffectiveFrom::Undated | EffectiveFrom::Unknown => None,
        };
        Validity { from, until: self.effective_until, hours: None }
    }

    /// Whether its book has no history at all.
    pub(super) fn is_undated(&self) -> bool {
        self.effective_from == EffectiveFrom::Undated
    }

    /// What prices of one model are compared by where one must stand for all: input, then output.
    fn dearness(&self) -> (Option<Ratio>, Option<Ratio>) {
        (self.rates.first(Meter::Input), self.rates.first(Meter::Output))
    }

    /// The region whose factor applies, and the factor.
    pub(super) fn regional(&self, region: Option<&str>) -> (Option<String>, Ratio) {
        let region = region.unwrap_or_default().trim().to_ascii_lowercase();
        let factor = match region.as_str() {
            "" | "global" => None,
            name => self.regions.get(name).or_else(|| self.regions.get("*")),
        };
        factor.map_or((None, Ratio::ONE), |factor| (Some(region.clone()), *factor))
    }
}

impl Validity {
    /// Whether the price is in force at an instant.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at)
            && self.until.is_none_or(|until| at < until)
            && self.hours.as_ref().is_none_or(|hours| hours.contains(at))
    }
}

impl fmt::Display for EffectiveFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undated => f.pad("undated"),
            Self::Unknown => f.pad("unknown"),
            Self::At(from) => fmt::Display::fmt(from, f),
        }
    }
}

impl Serialize for EffectiveFrom {
    /// An RFC 3339 time; `"unknown"` for an open start; `null` when the book has no history.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Undated => serializer.serialize_none(),
            Self::Unknown => serializer.serialize_str("unknown"),
            Self::At(from) => serializer.collect_str(from),
        }
    }
}
