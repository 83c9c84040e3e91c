//! What a book holds, listed: every rate with its tier, context, validity and source.

use std::sync::Arc;

use jiff::civil::Date;

use super::{EffectiveFrom, Meter, PriceBook, Quota, Ratio, ServiceTier, Validity, listed::Model};

/// One model of a book, and all its prices.
#[derive(Debug, Clone)]
pub struct Entry<'b> {
    model: &'b Model,
}

/// One listed price: every tier, context and class, for one span of time.
#[derive(Debug, Clone)]
pub struct EntryPrice<'b> {
    /// From when it holds, as the book says it.
    pub effective_from: EffectiveFrom,
    /// When it holds.
    pub validity: Validity,
    /// Where the book has it from.
    pub source: &'b str,
    /// The day on which it was taken from there.
    pub recorded: Option<Date>,
    /// The rates, by tier, context and meter.
    pub rates: Vec<EntryRate>,
    /// Each part of the tokens is priced by the context that it lies in, instead of the whole
    /// request by its length.
    pub is_marginal: bool,
    /// Factors on token prices by region; `*` is any region but `global`.
    pub regions: Vec<(&'b str, Ratio)>,
    /// What is free up to a count.
    pub quotas: Vec<(Meter, Arc<Quota>)>,
}

/// What one unit of a class costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryRate {
    /// At which tier.
    pub tier: ServiceTier,
    /// For requests with more input tokens than this.
    pub above: u64,
    /// Of what.
    pub meter: Meter,
    /// Price of one unit: a token, a millisecond, a search.
    pub unit_price: Ratio,
    /// The list does not state it; a rule of the list says that it applies.
    pub is_assumed: bool,
}

impl PriceBook {
    /// Everything that the book holds, in its order; models that it knows without a price too.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.listed().map(|model| Entry { model })
    }
}

impl<'b> Entry<'b> {
    /// The provider, as the book spells it.
    pub fn provider(&self) -> &'b str {
        &self.model.provider
    }

    /// The model, as the book spells it.
    pub fn model(&self) -> &'b str {
        &self.model.id
    }

    /// Further names of the model, where the book lists them.
    pub fn aliases(&self) -> &'b [String] {
        &self.model.aliases
    }

    /// The prices, by start; empty where the book has none that can be read.
    pub fn prices(&self) -> impl Iterator<Item = EntryPrice<'b>> + use<'b> {
        self.model.prices.iter().map(|listed| {
            let rates = listed.rates.iter().map(|((tier, above, meter), stated)| EntryRate {
                tier,
                above,
                meter,
                unit_price: stated.unit_price,
                is_assumed: stated.is_assumed,
            });
            EntryPrice {
                effective_from: listed.effective_from,
                validity: Validity { hours: listed.hours.clone(), ..listed.span() },
                source: &listed.source,
                recorded: listed.recorded,
                rates: rates.collect(),
                is_marginal: listed.rates.is_marginal,
                regions: listed
                    .regions
                    .iter()
                    .map(|(region, factor)| (region.as_str(), *factor))
                    .collect(),
                quotas: listed.quotas.clone(),
            }
        })
    }
}

impl EntryRate {
    /// The price as people write it: per million tokens, per second, per search.
    ///
    /// # Errors
    ///
    /// [`crate::money::DecimalError::Overflow`] when the digits do not fit.
    pub fn written_price(&self) -> Result<Ratio, crate::money::DecimalError> {
        let per = crate::money::Decimal::from_integer(self.meter.written_per().into());
        self.unit_price.checked_mul(per.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::pricing::native;

    #[test]
    fn a_book_lists_what_it_holds() {
        let book = native::read(
            r#"
            format = 1
            name = "test"
            currency = "USD"
            recorded = "2026-11-22"
            [[model]]
            provider = "aws"
            model = "m"
            aliases = ["n"]
            [[model.price]]
            effective_from = "2026-01-01"
            hours_utc = "16:30-00:30"
            source = "s"
            regions = { eu = "11/10" }
            rates.standard = { input = "3", media_millisecond = "0.5" }
            [[model.price.context]]
            above = 1000
            rates.batch = { input = "1/3" }
        "#,
        )
        .unwrap();
        let entries: Vec<_> = book.entries().collect();
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!(
            (entry.provider(), entry.model(), entry.aliases()),
            ("bedrock", "m", &["n".to_owned()][..])
        );
        let prices: Vec<_> = entry.prices().collect();
        let [price] = prices.as_slice() else { panic!("{prices:?}") };
        assert_eq!(price.validity.hours.as_ref().unwrap().to_string(), "16:30-00:30");
        assert_eq!(price.regions, [("eu", "1.1".parse().unwrap())]);
        let rates: Vec<_> = price
            .rates
            .iter()
            .map(|rate| {
                let written = rate.written_price().unwrap();
                format!("{} {} {} {} {written}", rate.tier, rate.above, rate.meter, rate.unit_price)
            })
            .collect();
        assert_eq!(
            rates,
            [
                "standard 0 input 0.000003 3",
                "standard 0 media_millisecond 0.0005 0.5",
                "batch 1000 input 1/3000000 1/3",
            ]
        );
    }
}
