//! The price of a call on its way into the ledger, at import and when it is restated.

use std::{collections::HashMap, hash::Hash};

use centinel_engine::{
    money::Pico,
    pricing::{Price, PriceBook, PriceQuery, Terms, Unpriced},
    series::Dimension,
    usage::{BookedCost, CostClass, Usage, UsageClass},
};
use centinel_store::{Database, StoreError};
use jiff::Timestamp;

/// What is asked about a call.
pub(crate) struct AskedCall<'a> {
    /// Its labels.
    pub(crate) labels: &'a dyn Fn(&Dimension) -> Option<&'a str>,
    /// When it was made.
    pub(crate) at: Timestamp,
    /// What it used.
    pub(crate) usage: &'a Usage,
    /// Calls that the row stands for.
    pub(crate) calls: u64,
}

/// Where prices get their numbers: a price identity has the same number for ever.
pub(crate) struct Numbers {
    db: Database,
    runtime: tokio::runtime::Handle,
    known: HashMap<String, u32>,
}

impl Numbers {
    /// `runtime` is blocked on when a price is met for the first time: not for use on its threads.
    pub(crate) fn new(db: Database, runtime: tokio::runtime::Handle) -> Self {
        Self { db, runtime, known: HashMap::new() }
    }

    fn of(&mut self, identity: String) -> Result<u32, StoreError> {
        if let Some(&number) = self.known.get(&identity) {
            return Ok(number);
        }
        let interned = self.db.intern_prices(std::slice::from_ref(&identity));
        let number = self.runtime.block_on(interned)?.first().copied().unwrap_or_default();
        self.known.insert(identity, number);
        Ok(number)
    }
}

/// Prices calls, and remembers prices by label set `K`.
pub(crate) struct CallPricer<'b, K> {
    book: &'b PriceBook,
    /// `None` where nothing will be written: prices then have the number 0.
    numbers: Option<Numbers>,
    resolved: HashMap<K, Vec<(Price, u32)>>,
}

/// Why a call is not booked.
pub(crate) enum NotBooked {
    /// It has no price.
    Unpriced(Unpriced),
    /// The catalogue failed.
    Failed(StoreError),
}

impl<'b, K: Eq + Hash> CallPricer<'b, K> {
    pub(crate) fn new(book: &'b PriceBook, numbers: Option<Numbers>) -> Self {
        Self { book, numbers, resolved: HashMap::new() }
    }

    /// The cost of a call whose labels are those of `series`.
    pub(crate) fn book(
        &mut self,
        series: K,
        call: &AskedCall<'_>,
    ) -> Result<BookedCost, NotBooked> {
        let terms = Terms { calls: calls(call), free: None };
        let known = self.resolved.get(&series).and_then(|prices| {
            let (price, number) =
                prices.iter().find(|(price, _)| price.validity().contains(call.at))?;
            Some(price.book_of(call.usage, &terms, *number))
        });
        if let Some(booked) = known {
            return booked.map_err(NotBooked::Unpriced);
        }
        let label = |dimension| (call.labels)(&dimension);
        let query = PriceQuery {
            provider: label(Dimension::Provider).unwrap_or_default(),
            model: label(Dimension::Model).unwrap_or_default(),
            service_tier: label(Dimension::ServiceTier),
            region: label(Dimension::Region),
            at: Some(call.at),
        };
        let price = self.book.resolve(&query).map_err(NotBooked::Unpriced)?;
        let number = self.number(identity_of(&price, self.book)).map_err(NotBooked::Failed)?;
        let booked = price.book_of(call.usage, &terms, number).map_err(NotBooked::Unpriced);
        self.resolved.entry(series).or_default().push((price, number));
        booked
    }

    /// What a call costs that a gateway's own cache answered: no provider was asked, none is paid.
    pub(crate) fn gateway_cache(&mut self) -> Result<BookedCost, StoreError> {
        let number = self.number("\"gateway cache: no provider was asked\"".to_owned())?;
        Ok(BookedCost {
            amount: Pico::ZERO,
            remainder_quecto: 0,
            by_class: [Pico::ZERO; CostClass::COUNT],
            price: number,
        })
    }

    fn number(&mut self, identity: String) -> Result<u32, StoreError> {
        match &mut self.numbers {
            Some(numbers) => numbers.of(identity),
            None => Ok(0),
        }
    }
}

/// How many calls a row is priced as: their mean length chooses the context's price. Where a report
/// does not tell their number, the context window that it tells does, else they are taken as short.
fn calls(call: &AskedCall<'_>) -> u64 {
    const SHORT: u64 = 100_000;
    const LONG: u64 = 200_001;
    let input = call.usage.get(UsageClass::InputTokensTotal);
    match (call.labels)(&Dimension::Tag("context_window".into())) {
        _ if call.calls > 0 || input == 0 => call.calls,
        Some("200k-1M") => (input / LONG).max(1),
        _ => input.div_ceil(SHORT),
    }
}

/// What the catalogue keeps about a price: its identity, and the version of the book it is from, as
/// two versions of a book may state one price differently.
fn identity_of(price: &Price, book: &PriceBook) -> String {
    let mut identity = serde_json::to_value(price.identity()).unwrap_or_default();
    if let Some(identity) = identity.as_object_mut() {
        let version: String = book.digest().chars().take(16).collect();
        identity.insert("book_version".to_owned(), version.into());
    }
    identity.to_string()
}

/// A reason without what differs from call to call, so that it is counted once for all of them.
pub(crate) fn common_reason(reason: &Unpriced) -> String {
    match reason {
        Unpriced::BeforeFirstPrice { model, first, .. } => {
            format!("no price for model `{model}` before {first}")
        }
        Unpriced::PriceEnded { model, .. } => {
            format!("the price of model `{model}` ended before the call")
        }
        Unpriced::NoRate { model, meter, .. } => {
            format!("no price for `{}` of model `{model}`", meter.name())
        }
        other => other.to_string(),
    }
}
