//! Booking a call: its exact cost rounded once, and split into the classes that the ledger keeps.

use super::{ExactCost, Meter, Price, Terms, Unpriced};
use crate::{
    money::Pico,
    usage::{BookedCost, CostClass, Usage},
};

impl Price {
    /// The cost of a call as the ledger books it. `number` is the catalogue's number of this price.
    ///
    /// Classes are cut at 12 decimals; what that leaves of the amount is in the largest class, so
    /// that the classes add up to it.
    ///
    /// # Errors
    ///
    /// As for [`Price::cost`].
    pub fn book(&self, usage: &Usage, number: u32) -> Result<BookedCost, Unpriced> {
        self.book_of(usage, &Terms::ONE_CALL, number)
    }

    /// The cost of a row as the ledger books it; see [`Price::cost_of`].
    ///
    /// # Errors
    ///
    /// As for [`Price::cost_of`].
    pub fn book_of(
        &self,
        usage: &Usage,
        terms: &Terms<'_>,
        number: u32,
    ) -> Result<BookedCost, Unpriced> {
        let mut exact = ExactCost::zero(self.scale, self.divisor);
        let mut by_class = [0_i128; CostClass::COUNT];
        self.each_part(self.band(usage, terms), usage, terms, |part| {
            exact.mantissa = exact.mantissa.checked_add(part.amount).ok_or(Unpriced::Overflow)?;
            if let Some(sum) = by_class.get_mut(class_of(part.meter).index()) {
                *sum = sum.checked_add(part.amount).ok_or(Unpriced::Overflow)?;
            }
            Ok(())
        })?;
        let booked = exact.booked().map_err(|_| Unpriced::Overflow)?;
        let unit = self.unit();
        let mut left = booked.amount.0;
        let mut largest = 0;
        let mut classes = [Pico::ZERO; CostClass::COUNT];
        for (index, (class, exact)) in classes.iter_mut().zip(by_class).enumerate() {
            class.0 = exact.checked_div(unit).ok_or(Unpriced::Overflow)?;
            left = left.checked_sub(class.0).ok_or(Unpriced::Overflow)?;
            if by_class.get(largest).is_some_and(|sum| sum.abs() < exact.abs()) {
                largest = index;
            }
        }
        if let Some(class) = classes.get_mut(largest) {
            class.0 = class.0.checked_add(left).ok_or(Unpriced::Overflow)?;
        }
        Ok(BookedCost {
            amount: booked.amount,
            remainder_quecto: booked.remainder_quecto,
            by_class: classes,
            price: number,
        })
    }
}

fn class_of(meter: Meter) -> CostClass {
    match meter {
        Meter::Input | Meter::InputAudio | Meter::InputImage | Meter::InputVideo => {
            CostClass::Input
        }
        Meter::CacheRead
        | Meter::CacheReadAudio
        | Meter::CacheReadImage
        | Meter::CacheReadVideo => CostClass::CacheRead,
        Meter::CacheWrite5m | Meter::CacheWrite30m | Meter::CacheWrite1h | Meter::CacheWrite12h => {
            CostClass::CacheWrite
        }
        Meter::Output
        | Meter::Reasoning
        | Meter::OutputAudio
        | Meter::OutputImage
        | Meter::OutputVideo
        | Meter::Citation => CostClass::Output,
        Meter::WebSearch
        | Meter::FileSearch
        | Meter::Maps
        | Meter::CodeSession
        | Meter::InputImageCount
        | Meter::Image
        | Meter::InputMediaMillisecond
        | Meter::MediaMillisecond
        | Meter::Character
        | Meter::Page
        | Meter::SearchUnit
        | Meter::CacheStorage
        | Meter::Call => CostClass::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        money::Decimal,
        pricing::{PriceQuery, native},
        usage::UsageClass,
    };

    const BOOK: &str = r#"
        format = 1
        name = "test"
        currency = "USD"
        recorded = "2026-11-22"
        [[model]]
        provider = "p"
        model = "m"
        [[model.price]]
        effective_from = "2026-01-01"
        source = "s"
        rates.standard = { input = "3.0000000000007", cache_read = "0.3000000000000001", cache_write_5m = "3.75", output = "15", web_search = "0.01" }
    "#;

    fn exact_of(cost: &BookedCost) -> Decimal {
        let remainder = Decimal::new(cost.remainder_quecto.into(), 30).unwrap();
        cost.amount.to_decimal().checked_add(remainder).unwrap()
    }

    proptest! {
        #[test]
        fn classes_add_up_and_nothing_is_lost(
            input in 0_u64..1_000_000, cached in 0_u64..1_000_000, written in 0_u64..1000,
            output in 0_u64..100_000, searches in 0_u64..5,
        ) {
            let query = PriceQuery { provider: "p", model: "m", service_tier: None, region: None, at: None };
            let price = native::read(BOOK).unwrap().resolve(&query).unwrap();
            let usage = Usage::ZERO
                .with(UsageClass::InputTokensTotal, input + cached + written)
                .with(UsageClass::CacheReadTokens, cached)
                .with(UsageClass::CacheWrite5mTokens, written)
                .with(UsageClass::OutputTokensTotal, output)
                .with(UsageClass::WebSearchRequests, searches);
            let booked = price.book(&usage, 7).unwrap();
            prop_assert_eq!(Pico::checked_sum(booked.by_class), Ok(booked.amount));
            prop_assert_eq!(exact_of(&booked), price.cost(&usage).unwrap().to_decimal().unwrap());
            prop_assert_eq!(booked.by_class[CostClass::Other.index()].to_string(), Decimal::new(i128::from(searches), 2).unwrap().to_string());
        }
    }
}
