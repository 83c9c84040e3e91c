//! A book as it lists its prices, one price a line: what people look through, compare and check.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{
    EffectiveFrom, Meter, PriceBook, PriceQuery, Ratio, ServiceTier, Validity,
    listed::{ListedPrice, Model},
};
use crate::money::Decimal;

/// One price of a model, for one span of time: every tier, context and class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceEntry<'b> {
    /// Who sells it, as the book spells it.
    pub provider: &'b str,
    /// The model, as the book spells it.
    pub model: &'b str,
    /// Further names of the model.
    pub aliases: &'b [String],
    /// From when the price holds.
    pub effective_from: EffectiveFrom,
    /// First instant after; `None` while no end is known.
    pub effective_until: Option<Timestamp>,
    /// The hours of the week in which it holds; `None` is all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// Where the book has it from.
    pub source: &'b str,
    /// The day on which it was taken from there, where the book says so.
    pub recorded: Option<Date>,
    /// Factors on token prices by region; `*` is any region but `global`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub regions: BTreeMap<&'b str, Ratio>,
    /// Each part of the tokens is priced by the context that it lies in, instead of the whole
    /// request by its length.
    pub is_marginal: bool,
    /// How many units of a class are free, and in which time: name of the quota by class.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub free: BTreeMap<&'static str, String>,
    /// Every rate that is stated, in the order of tier, context and class.
    pub rates: Vec<ListedRate>,
    #[serde(skip)]
    validity: Validity,
}

/// One stated rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ListedRate {
    /// For which service tier.
    pub service_tier: ServiceTier,
    /// For requests with more input tokens than this; 0 is every request.
    pub above: u64,
    /// For what.
    pub token_class: Meter,
    /// The price as people write it: of as many units as `per` says.
    pub price: Ratio,
    /// What the price is for: `1 M tokens`, `search`, `second`, ….
    pub per: &'static str,
    /// The price of one unit.
    pub unit_price: Ratio,
}

impl PriceBook {
    /// Every price of the book, model by model in the book's order, earlier prices first.
    pub fn price_entries(&self) -> impl Iterator<Item = PriceEntry<'_>> {
        self.listed().flat_map(|model| {
            model.prices.iter().map(|listed| PriceEntry::of(model, listed, self.recorded()))
        })
    }

    /// The price of every model that has one at an instant, in the book's order.
    pub fn entries_at(&self, at: Timestamp) -> impl Iterator<Item = PriceEntry<'_>> {
        self.listed().filter_map(move |model| self.entry_of(model, at))
    }

    /// The price of a model at an instant, found as calls find it; `None` where the book has no such
    /// model, or none then.
    pub fn entry(&self, provider: &str, model: &str, at: Timestamp) -> Option<PriceEntry<'_>> {
        self.entry_of(self.model_of(provider, model)?, at)
    }

    /// Every price of a model, found as calls find it.
    pub fn entries_named(&self, provider: &str, model: &str) -> Vec<PriceEntry<'_>> {
        let found = self.model_of(provider, model);
        let prices = found.into_iter().flat_map(|model| {
            model.prices.iter().map(move |listed| PriceEntry::of(model, listed, self.recorded()))
        });
        prices.collect()
    }

    fn model_of(&self, provider: &str, model: &str) -> Option<&Model> {
        let query = PriceQuery { provider, model, service_tier: None, region: None, at: None };
        self.find(&query).map(|(model, _)| model)
    }

    fn entry_of<'b>(&'b self, model: &'b Model, at: Timestamp) -> Option<PriceEntry<'b>> {
        let in_force = model.at(at).ok()?;
        Some(PriceEntry::of(model, in_force.listed, self.recorded()))
    }
}

impl<'b> PriceEntry<'b> {
    fn of(model: &'b Model, listed: &'b ListedPrice, recorded: Option<Date>) -> Self {
        let rates =
            listed.rates.iter().map(|((service_tier, above, token_class), stated)| ListedRate {
                service_tier,
                above,
                token_class,
                price: token_class.listed_price(stated.unit_price),
                per: token_class.listed_per(),
                unit_price: stated.unit_price,
            });
        let free = listed.quotas.iter().map(|(meter, quota)| (meter.name(), quota.name.clone()));
        Self {
            provider: &model.provider,
            model: &model.id,
            aliases: &model.aliases,
            effective_from: listed.effective_from,
            effective_until: listed.effective_until,
            hours: listed.hours.as_ref().map(ToString::to_string),
            source: &listed.source,
            recorded: listed.recorded.or(recorded),
            regions: listed.regions.iter().map(|(name, factor)| (name.as_str(), *factor)).collect(),
            is_marginal: listed.rates.is_marginal,
            free: free.collect(),
            rates: rates.collect(),
            validity: Validity { hours: listed.hours.clone(), ..listed.span() },
        }
    }

    /// The rate stated for a tier, a context and a class.
    pub fn rate(&self, tier: ServiceTier, above: u64, meter: Meter) -> Option<&ListedRate> {
        let is = |rate: &&ListedRate| {
            (rate.service_tier, rate.above, rate.token_class) == (tier, above, meter)
        };
        self.rates.iter().find(is)
    }

    /// Whether the price is listed for an instant. A price without a date is, always.
    pub fn holds_at(&self, at: Timestamp) -> bool {
        self.validity.contains(at)
    }
}

impl Meter {
    /// The unit price as people write it: per million tokens, characters and token-hours, per
    /// second of media, else per unit.
    pub fn listed_price(self, unit_price: Ratio) -> Ratio {
        let per = Decimal::from_integer(self.written_per().into());
        // A price too large to be multiplied stays what it is per unit: no book has one.
        unit_price.checked_mul(per.into()).unwrap_or(unit_price)
    }

    /// What [`Self::listed_price`] is the price of.
    pub fn listed_per(self) -> &'static str {
        match self {
            Self::InputMediaMillisecond | Self::MediaMillisecond => "second",
            Self::Character => "1 M characters",
            Self::CacheStorage => "1 M token-hours",
            Self::WebSearch | Self::FileSearch => "search",
            Self::Maps => "look-up",
            Self::CodeSession => "session",
            Self::InputImageCount | Self::Image => "image",
            Self::Page => "page",
            Self::SearchUnit => "unit",
            Self::Call => "call",
            _ => "1 M tokens",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::native;

    #[test]
    fn a_book_comes_out_as_it_was_written() {
        let book = native::read(
            r#"
            format = 1
            name = "test"
            currency = "USD"
            recorded = "2026-11-22"
            [[model]]
            provider = "openai"
            model = "m"
            aliases = ["n"]
            [[model.price]]
            effective_from = "unknown"
            source = "first page"
            rates.standard = { input = "1.25", web_search = "0.01", media_millisecond = "0.5" }
            [[model.price]]
            effective_from = "2026-07-30"
            source = "second page"
            recorded = "2026-07-31"
            regions = { eu = "1.1" }
            rates.batch = { input = "0.1" }
            [[model.price.context]]
            above = 200000
            rates.batch = { input = "0.2" }
            "#,
        )
        .unwrap();
        let entries: Vec<_> = book.price_entries().collect();
        assert_eq!(entries.len(), 2);
        let (first, second) = (&entries[0], &entries[1]);
        assert_eq!((first.provider, first.model, first.source), ("openai", "m", "first page"));
        assert_eq!(first.aliases, ["n"]);
        assert_eq!(first.recorded, Some("2026-11-22".parse().unwrap()));
        assert_eq!(second.recorded, Some("2026-07-31".parse().unwrap()));
        let shown: Vec<_> = first
            .rates
            .iter()
            .map(|rate| format!("{} {} per {}", rate.token_class, rate.price, rate.per))
            .collect();
        assert_eq!(
            shown,
            [
                "input 1.25 per 1 M tokens",
                "web_search 0.01 per search",
                "media_millisecond 0.5 per second"
            ]
        );
        let day: Timestamp = "2026-07-30T00:00:00Z".parse().unwrap();
        assert!(!first.holds_at(day) && second.holds_at(day));
        let long = second.rate(ServiceTier::Batch, 200_000, Meter::Input).unwrap();
        assert_eq!(long.price.to_string(), "0.2");
        assert_eq!(second.rate(ServiceTier::Standard, 0, Meter::Input), None);
    }
}
