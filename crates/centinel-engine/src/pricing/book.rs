//! Price books: prices with their source, the time they hold, and how one is chosen.

use std::{collections::BTreeMap, fmt, sync::Arc};

use jiff::{Timestamp, civil::Date};
use serde::{Serialize, Serializer};

use super::{
    Price, PriceIdentity, ServiceTier, Unpriced,
    name::{bare_model, model_keys, provider_id},
    rates::RateTable,
};
use crate::{
    money::{Currency, Decimal},
    period::start_of_day,
};

/// Why a text is no price book.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The TOML does not parse, or has fields that the format does not know.
    #[error("not a price book: {0}")]
    Toml(String),
    /// The JSON does not parse as a map of models.
    #[error("not a price map: {0}")]
    Json(#[from] serde_json::Error),
    /// A value is wrong.
    #[error("model `{model}`: {reason}")]
    Model {
        /// Which model, cut at 80 characters.
        model: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A book without a single price.
    #[error("the book holds no price")]
    Empty,
}

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

/// When a price is in force: from an instant (or always) until another one, exclusive (or open).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First instant; `None` when there is no earlier price.
    pub from: Option<Timestamp>,
    /// First instant after; `None` while no end is known.
    pub until: Option<Timestamp>,
}

/// What is asked of a book.
#[derive(Debug, Clone, Copy)]
pub struct PriceQuery<'q> {
    /// Any known spelling of the provider.
    pub provider: &'q str,
    /// As the provider spells it.
    pub model: &'q str,
    /// As the response reports it; `None` is standard.
    pub service_tier: Option<&'q str>,
    /// Where it was served, as the provider spells it; `None` is not known, and so no surcharge.
    pub region: Option<&'q str>,
    /// When the call was made; `None` asks for the price on the day the book was recorded.
    pub at: Option<Timestamp>,
}

/// Prices of models, as one source gives them.
#[derive(Debug, Clone)]
pub struct PriceBook {
    name: String,
    digest: String,
    /// The day on which the book says what prices are; `None` when it has no history.
    recorded: Option<Date>,
    currency: Currency,
    holds_for_all_time: bool,
    models: Vec<Model>,
    /// Provider, then any of its models' keys, to the position in `models`.
    index: BTreeMap<String, BTreeMap<String, usize>>,
}

/// A model at a provider.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) provider: String,
    pub(super) id: String,
    pub(super) aliases: Vec<String>,
    /// In time order, without overlap.
    pub(super) prices: Vec<ListedPrice>,
}

/// One price as a book lists it: every tier and context length, for one span of time.
#[derive(Debug, Clone)]
pub(super) struct ListedPrice {
    pub(super) effective_from: EffectiveFrom,
    pub(super) effective_until: Option<Timestamp>,
    pub(super) source: Arc<str>,
    /// The day the price was taken from its source, where the book says so.
    pub(super) recorded: Option<Date>,
    pub(super) rates: RateTable,
    /// Factors on token prices by region; `*` is any region but `global`.
    pub(super) regions: BTreeMap<String, Decimal>,
    pub(super) has_hours: bool,
}

impl PriceBook {
    /// Indexes models; the first of two with the same key wins, exact keys before shortened ones.
    pub(super) fn new(
        name: &str,
        digest: String,
        recorded: Option<Date>,
        currency: Currency,
        models: Vec<Model>,
    ) -> Self {
        let mut index: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        let mut register = |provider: &str, key: &str, position: usize| {
            let keys = index.entry(provider.to_owned()).or_default();
            keys.entry(key.to_owned()).or_insert(position);
        };
        for (position, model) in models.iter().enumerate() {
            register(&model.provider, &model.id, position);
        }
        for (position, model) in models.iter().enumerate() {
            for alias in &model.aliases {
                register(&model.provider, alias, position);
            }
        }
        for (position, model) in models.iter().enumerate() {
            if let Some(bare) = bare_model(&model.provider, &model.id) {
                register(&model.provider, bare, position);
            }
        }
        Self {
            name: name.to_owned(),
            digest,
            recorded,
            currency,
            holds_for_all_time: false,
            models,
            index,
        }
    }

    /// The same book, with prices that lack a date taken to hold for all time.
    #[must_use]
    pub fn holding_for_all_time(mut self) -> Self {
        self.holds_for_all_time = true;
        self
    }

    /// The name kept with every priced call.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the text the book was read from, in hex: its version.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The day on which the book says what prices are; `None` when it has no history.
    pub fn recorded(&self) -> Option<Date> {
        self.recorded
    }

    /// The currency of every price.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// How many models have a price.
    pub fn len(&self) -> usize {
        self.models.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// Provider and model of every entry, in the book's order.
    pub fn models(&self) -> impl Iterator<Item = (&str, &str)> {
        self.models.iter().map(|model| (model.provider.as_str(), model.id.as_str()))
    }

    /// The price in force for what is asked.
    ///
    /// # Errors
    ///
    /// [`Unpriced`] with the reason: no such model, tier or time.
    pub fn resolve(&self, query: &PriceQuery<'_>) -> Result<Price, Unpriced> {
        let tier: ServiceTier = query.service_tier.unwrap_or_default().parse()?;
        let model = self.find(query).ok_or_else(|| Unpriced::NoModel {
            provider: cut(query.provider),
            model: cut(query.model),
        })?;
        let listed = self.in_force(model, query.at)?;
        if listed.has_hours {
            return Err(Unpriced::TimeOfDay(model.id.clone()));
        }
        let (region, factor) = regional_factor(&listed.regions, query.region);
        let identity = PriceIdentity {
            book: self.name.clone(),
            provider: model.provider.clone(),
            model: model.id.clone(),
            service_tier: tier,
            region,
            effective_from: listed.effective_from,
            source: listed.source.to_string(),
            recorded: listed.recorded,
        };
        let validity = listed.validity();
        if listed.rates.has_tier(tier) {
            if listed.rates.is_zero_only() {
                return Err(Unpriced::ZeroOnly(model.id.clone()));
            }
            Price::compile(identity, validity, self.currency, &listed.rates, factor)
        } else if tier.is_capacity() {
            Ok(Price::of_capacity(identity, validity, self.currency))
        } else {
            Err(Unpriced::NoTier { model: model.id.clone(), tier })
        }
    }

    fn find(&self, query: &PriceQuery<'_>) -> Option<&Model> {
        let provider = provider_id(query.provider);
        let keys = self.index.get(provider.as_str())?;
        let position = model_keys(&provider, query.model, query.region)
            .find_map(|key| keys.get(&key).copied())?;
        self.models.get(position)
    }

    fn in_force<'m>(
        &self,
        model: &'m Model,
        at: Option<Timestamp>,
    ) -> Result<&'m ListedPrice, Unpriced> {
        let is_undated = |listed: &&ListedPrice| listed.effective_from == EffectiveFrom::Undated;
        if let Some(undated) = model.prices.iter().find(is_undated) {
            return match at {
                Some(_) if !self.holds_for_all_time => Err(Unpriced::BookWithoutHistory),
                _ => Ok(undated),
            };
        }
        let at = at.or(self.recorded.map(start_of_day)).ok_or(Unpriced::BookWithoutHistory)?;
        if let Some(listed) = model.prices.iter().find(|listed| listed.validity().contains(at)) {
            return Ok(listed);
        }
        let name = model.id.clone();
        Err(match model.prices.first().and_then(|first| first.validity().from) {
            Some(first) if at < first => Unpriced::BeforeFirstPrice { model: name, at, first },
            _ => Unpriced::PriceEnded { model: name, at },
        })
    }
}

impl ListedPrice {
    pub(super) fn validity(&self) -> Validity {
        let from = match self.effective_from {
            EffectiveFrom::At(from) => Some(from),
            EffectiveFrom::Undated | EffectiveFrom::Unknown => None,
        };
        Validity { from, until: self.effective_until }
    }
}

impl Validity {
    /// Whether the price is in force at an instant.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

fn regional_factor(
    regions: &BTreeMap<String, Decimal>,
    region: Option<&str>,
) -> (Option<String>, Decimal) {
    let region = region.unwrap_or_default().trim().to_ascii_lowercase();
    let factor = match region.as_str() {
        "" | "global" => None,
        name => regions.get(name).or_else(|| regions.get("*")),
    };
    factor.map_or((None, Decimal::ONE), |factor| (Some(region.clone()), *factor))
}

/// Names from outside, short enough to print.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
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
