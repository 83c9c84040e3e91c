//! Resolution done once per series, not once per call.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{Price, PriceBook, PriceQuery, Unpriced};

/// Resolves prices of a book, and remembers them.
#[derive(Debug)]
pub struct Pricer<'b> {
    book: &'b PriceBook,
    /// By label set, a position in `prices`, so that a name is hashed once a call.
    series: HashMap<Vec<u8>, usize, RandomState>,
    prices: Vec<Vec<Price>>,
    key: Vec<u8>,
}

impl<'b> Pricer<'b> {
    /// Most label sets remembered; then the memory starts afresh, so that hostile names cannot
    /// fill it.
    const SERIES_MAX: usize = 50_000;

    /// A pricer that remembers nothing yet.
    pub fn new(book: &'b PriceBook) -> Self {
        Self { book, series: HashMap::default(), prices: Vec::new(), key: Vec::new() }
    }

    /// The price in force, as [`PriceBook::resolve`] gives it.
    ///
    /// # Errors
    ///
    /// As for [`PriceBook::resolve`].
    pub fn price(&mut self, query: &PriceQuery<'_>) -> Result<&Price, Unpriced> {
        self.write_key(query);
        let series = self.series.get(&self.key).copied();
        let known = series.and_then(|series| position(self.prices.get(series)?, query));
        let (series, position) = match series.zip(known) {
            Some(found) => found,
            None => self.remember(series, self.book.resolve(query)?),
        };
        // INVARIANT: found or remembered just above, so there is one.
        let price = self.prices.get(series).and_then(|prices| prices.get(position));
        price.ok_or(Unpriced::Overflow)
    }

    fn remember(&mut self, series: Option<usize>, price: Price) -> (usize, usize) {
        let series = series.unwrap_or_else(|| {
            if self.series.len() >= Self::SERIES_MAX {
                self.series.clear();
                self.prices.clear();
            }
            self.series.insert(self.key.clone(), self.prices.len());
            self.prices.push(Vec::new());
            self.prices.len().saturating_sub(1)
        });
        let position = self.prices.get_mut(series).map_or(0, |prices| {
            prices.push(price);
            prices.len().saturating_sub(1)
        });
        (series, position)
    }

    /// Lengths first, so that no two label sets write the same key.
    fn write_key(&mut self, query: &PriceQuery<'_>) {
        let PriceQuery { provider, model, service_tier, region, at } = query;
        let texts = [provider, model, service_tier.unwrap_or_default(), region.unwrap_or_default()];
        self.key.clear();
        self.key.push(u8::from(at.is_some()));
        for text in texts {
            self.key.extend_from_slice(&text.len().to_le_bytes());
        }
        for text in texts {
            self.key.extend_from_slice(text.as_bytes());
        }
    }
}

/// Without a time the book has one answer; with one, the price must be in force then.
fn position(prices: &[Price], query: &PriceQuery<'_>) -> Option<usize> {
    prices.iter().position(|price| query.at.is_none_or(|at| price.validity().contains(at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::builtin;

    #[test]
    fn remembers_each_price_of_a_series() {
        let book = builtin().unwrap();
        let mut pricer = Pricer::new(&book);
        let mut check = |model: &str, at: &str| {
            let query = PriceQuery {
                provider: "openai",
                model,
                service_tier: None,
                region: None,
                at: Some(at.parse().unwrap()),
            };
            let fresh = book.resolve(&query);
            assert_eq!(pricer.price(&query).cloned(), fresh, "{model} at {at}");
        };
        for _ in 0..2 {
            check("gpt-5.6-luna", "2026-07-01T00:00:00Z");
            check("gpt-5.6-luna", "2026-08-01T00:00:00Z");
            check("gpt-5.6", "2026-08-01T00:00:00Z");
            check("no-such-model", "2026-08-01T00:00:00Z");
        }
        assert_eq!((pricer.series.len(), pricer.prices.len()), (2, 2));
        assert!(pricer.prices.iter().all(|prices| (1..=2).contains(&prices.len())));
    }
}
