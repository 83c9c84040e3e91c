//! One price in force, compiled to integers, and the exact cost of a call under it.

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use super::{
    EffectiveFrom, Meter, ServiceTier, Unpriced, Validity,
    meter::{MeterSet, split},
    rates::{Rate, RateTable},
};
use crate::{
    money::{Currency, Decimal, MoneyError, Pico, Rounded, power_of_ten},
    usage::{Usage, UsageClass},
};

/// Which price was applied: kept with every priced call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceIdentity {
    /// Name of the book.
    pub book: String,
    /// The provider, as the book spells it.
    pub provider: String,
    /// The model, as the book spells it.
    pub model: String,
    /// The tier priced.
    pub service_tier: ServiceTier,
    /// The region whose multiplier is in the price, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// From when the price holds.
    pub effective_from: EffectiveFrom,
    /// Where the book has it from.
    pub source: String,
    /// The day on which it was taken from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Date>,
}

/// The price in force for one provider, model, tier and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    identity: PriceIdentity,
    validity: Validity,
    currency: Currency,
    /// Every rate of every band is a whole number of 10^-scale currency units, none below zero.
    scale: u32,
    /// Longest context first; the last one holds for every request.
    bands: Vec<Band>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Band {
    /// The band prices requests with more input tokens than this; the last band prices the rest.
    above: u64,
    /// By [`Meter::index`]; meaningless where `priced` does not contain the meter.
    rates: [u128; Meter::COUNT],
    priced: MeterSet,
    folded: MeterSet,
    borrowed: MeterSet,
}

/// The exact cost of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExactCost {
    mantissa: i128,
    scale: u32,
    borrowed: MeterSet,
}

/// One line of a cost: the lines of a call add to its cost exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CostLine {
    /// What was billed.
    #[serde(rename = "token_class")]
    pub meter: Meter,
    /// How much of it: tokens, requests, images, milliseconds or calls.
    pub quantity: u64,
    /// Price of one unit.
    pub unit_price: Decimal,
    /// `quantity × unit_price`, exactly.
    pub amount: Decimal,
}

impl Price {
    /// Compiles the rates of one tier, token rates multiplied by a regional factor.
    pub(super) fn compile(
        identity: PriceIdentity,
        validity: Validity,
        currency: Currency,
        table: &RateTable,
        factor: Decimal,
    ) -> Result<Self, Unpriced> {
        let tier = identity.service_tier;
        let mut exact = Vec::new();
        // Booked amounts have 12 decimals: at that scale or a finer one, booking is cheap.
        let mut scale = Pico::SCALE;
        for above in table.bands() {
            let mut band = Band::empty(above);
            let mut unit_prices = [Decimal::ZERO; Meter::COUNT];
            for (meter, slot) in Meter::ALL.into_iter().zip(&mut unit_prices) {
                match table.rate(tier, above, meter) {
                    Rate::Stated { unit_price, is_borrowed } => {
                        *slot = if meter.is_token() {
                            unit_price.checked_mul(factor).map_err(|_| Unpriced::Overflow)?
                        } else {
                            unit_price
                        };
                        scale = scale.max(slot.scale());
                        band.priced.insert(meter);
                        if is_borrowed {
                            band.borrowed.insert(meter);
                        }
                    }
                    Rate::Folded => band.folded.insert(meter),
                    // Most providers bill tokens only, not the call.
                    Rate::Missing if meter == Meter::Call => band.folded.insert(meter),
                    Rate::Missing => {}
                }
            }
            exact.push((band, unit_prices));
        }
        let mut bands = Vec::new();
        for (mut band, unit_prices) in exact {
            for (slot, unit_price) in band.rates.iter_mut().zip(unit_prices) {
                let mantissa = unit_price.mantissa_at(scale);
                *slot = mantissa
                    .and_then(|mantissa| u128::try_from(mantissa).ok())
                    .ok_or(Unpriced::Overflow)?;
            }
            bands.push(band);
        }
        Ok(Self { identity, validity, currency, scale, bands })
    }

    /// The price of tokens on capacity that is paid for by itself: a known zero.
    pub(super) fn of_capacity(
        identity: PriceIdentity,
        validity: Validity,
        currency: Currency,
    ) -> Self {
        let mut band = Band::empty(0);
        for meter in Meter::ALL.into_iter().filter(|meter| meter.is_token()) {
            if meter.billed_as().is_some() {
                band.folded.insert(meter);
            } else {
                band.priced.insert(meter);
            }
        }
        band.folded.insert(Meter::Call);
        Self { identity, validity, currency, scale: Pico::SCALE, bands: vec![band] }
    }

    /// Which price this is.
    pub fn identity(&self) -> &PriceIdentity {
        &self.identity
    }

    /// When it is in force: as long as this contains a call's time, the price need not be resolved
    /// again.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The currency of every amount.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The exact cost of a call.
    ///
    /// # Errors
    ///
    /// [`Unpriced::NoRate`] when something was used that the price does not cover,
    /// [`Unpriced::PartsOverlap`] and [`Unpriced::Usage`] for records that do not split into parts,
    /// [`Unpriced::Overflow`].
    pub fn cost(&self, usage: &Usage) -> Result<ExactCost, Unpriced> {
        let mut cost = ExactCost { mantissa: 0, scale: self.scale, borrowed: MeterSet::default() };
        self.each_amount(usage, |meter, _, _, amount, is_borrowed| {
            cost.mantissa = cost.mantissa.checked_add(amount).ok_or(Unpriced::Overflow)?;
            if is_borrowed {
                cost.borrowed.insert(meter);
            }
            Ok(())
        })?;
        Ok(cost)
    }

    /// The same cost line by line, in [`Meter::ALL`] order; meters with nothing used are left out.
    ///
    /// # Errors
    ///
    /// As for [`Price::cost`].
    pub fn lines(&self, usage: &Usage) -> Result<Vec<CostLine>, Unpriced> {
        let mut lines = Vec::new();
        self.each_amount(usage, |meter, quantity, rate, amount, _| {
            let decimal =
                |mantissa: i128| Decimal::new(mantissa, self.scale).map_err(|_| Unpriced::Overflow);
            let unit_price = decimal(i128::try_from(rate).map_err(|_| Unpriced::Overflow)?)?;
            let amount = decimal(amount)?;
            lines.push(CostLine { meter, quantity, unit_price, amount });
            Ok(())
        })?;
        Ok(lines)
    }

    /// Units of amounts in one pico-unit.
    pub(super) fn unit(&self) -> i128 {
        power_of_ten(self.scale.saturating_sub(Pico::SCALE)).unwrap_or(1)
    }

    /// Visits meter, quantity, rate, amount and whether the rate is borrowed, for all that was used.
    pub(super) fn each_amount(
        &self,
        usage: &Usage,
        mut visit: impl FnMut(Meter, u64, u128, i128, bool) -> Result<(), Unpriced>,
    ) -> Result<(), Unpriced> {
        let input = usage.get(UsageClass::InputTokensTotal);
        // INVARIANT: there is a last band, and it prices whatever the others do not.
        let band = match self.bands.as_slice() {
            [always] => always,
            bands => bands
                .iter()
                .find(|band| input > band.above)
                .or(bands.last())
                .ok_or(Unpriced::Overflow)?,
        };
        let quantities = split(usage, band.folded)?;
        for ((meter, quantity), rate) in Meter::ALL.iter().zip(&quantities).zip(&band.rates) {
            let (meter, quantity, rate) = (*meter, *quantity, *rate);
            if quantity == 0 {
                continue;
            }
            if !band.priced.contains(meter) {
                let model = self.identity.model.clone();
                return Err(Unpriced::NoRate { model, meter, quantity });
            }
            let amount = rate
                .checked_mul(u128::from(quantity))
                .and_then(|amount| i128::try_from(amount).ok())
                .ok_or(Unpriced::Overflow)?;
            visit(meter, quantity, rate, amount, band.borrowed.contains(meter))?;
        }
        Ok(())
    }
}

impl Band {
    fn empty(above: u64) -> Self {
        let (priced, folded, borrowed) = Default::default();
        Self { above, rates: [0; Meter::COUNT], priced, folded, borrowed }
    }
}

impl ExactCost {
    /// The exact decimal.
    ///
    /// # Errors
    ///
    /// [`Unpriced::Overflow`] when it has more decimals than a [`Decimal`] keeps.
    pub fn to_decimal(self) -> Result<Decimal, Unpriced> {
        Decimal::new(self.mantissa, self.scale).map_err(|_| Unpriced::Overflow)
    }

    /// The cost as a ledger books it: rounded half-even at 12 decimals, with the remainder.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`] when the amount does not fit.
    pub fn booked(self) -> Result<Rounded, MoneyError> {
        if self.scale == Pico::SCALE {
            return Ok(Rounded { amount: Pico(self.mantissa), remainder_quecto: 0 });
        }
        let exact = Decimal::new(self.mantissa, self.scale).map_err(|_| MoneyError::Overflow)?;
        Pico::round_half_even(exact)
    }

    /// Whether every rate is stated for exactly the tier and context of the call.
    pub fn is_certain(self) -> bool {
        self.borrowed.is_empty()
    }

    /// The meters whose rate is stated for another tier or context only, so that the provider may
    /// bill another amount.
    pub fn uncertain(self) -> impl Iterator<Item = Meter> {
        self.borrowed.iter()
    }
}

impl Serialize for Meter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Serialize for ServiceTier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pricing::{PriceQuery, native};

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
        regions = { eu = "1.1" }
        rates.standard = { input = "3", cache_read = "0.000000000000000025", cache_write_5m = "3.75", output = "15", reasoning = "16", web_search = "0.01" }
        [[model.price.context]]
        above = 1000
        rates.standard = { input = "6", output = "22.5" }
    "#;

    fn price(region: Option<&str>) -> Price {
        let query = PriceQuery { provider: "p", model: "m", service_tier: None, region, at: None };
        native::read(BOOK).unwrap().resolve(&query).unwrap()
    }

    #[test]
    fn the_identity_says_which_price_was_applied() {
        let json = serde_json::to_string(price(Some("eu")).identity()).unwrap();
        assert_eq!(
            json,
            r#"{"book":"test","provider":"p","model":"m","service_tier":"standard","region":"eu","effective_from":"2026-01-01T00:00:00Z","source":"s","recorded":"2026-11-22"}"#
        );
    }

    #[test]
    fn booking_keeps_the_remainder() {
        let usage =
            Usage::ZERO.with(UsageClass::InputTokensTotal, 1).with(UsageClass::CacheReadTokens, 1);
        let cost = price(None).cost(&usage).unwrap();
        assert_eq!(cost.to_decimal().unwrap().to_string(), "0.000000000000000000000025");
        let booked = cost.booked().unwrap();
        assert_eq!((booked.amount, booked.remainder_quecto), (Pico::ZERO, 25_000_000));
    }

    #[test]
    fn a_huge_cost_overflows_loudly() {
        let usage = Usage::ZERO.with(UsageClass::OutputTokensTotal, u64::MAX);
        assert_eq!(price(None).cost(&usage), Err(Unpriced::Overflow));
    }

    proptest! {
        #[test]
        fn lines_add_to_the_cost(
            uncached in 0_u64..3000, read in 0_u64..3000, write in 0_u64..3000,
            text in 0_u64..3000, reasoning in 0_u64..3000, searches in 0_u64..5,
            in_eu in any::<bool>(),
        ) {
            let usage = Usage::ZERO
                .with(UsageClass::InputTokensTotal, uncached + read + write)
                .with(UsageClass::CacheReadTokens, read)
                .with(UsageClass::CacheWrite5mTokens, write)
                .with(UsageClass::OutputTokensTotal, text + reasoning)
                .with(UsageClass::ReasoningTokens, reasoning)
                .with(UsageClass::WebSearchRequests, searches);
            let price = price(in_eu.then_some("eu"));
            let lines = price.lines(&usage).unwrap();
            let mut sum = Decimal::ZERO;
            for line in &lines {
                let amount = line.unit_price.checked_mul_integer(line.quantity.into()).unwrap();
                prop_assert_eq!(line.amount, amount);
                sum = sum.checked_add(amount).unwrap();
            }
            let cost = price.cost(&usage).unwrap();
            prop_assert_eq!(sum, cost.to_decimal().unwrap());
            let tokens: u64 =
                lines.iter().filter(|line| line.meter.is_token()).map(|line| line.quantity).sum();
            prop_assert_eq!(tokens, usage.tokens_total());
            let booked = cost.booked().unwrap();
            let remainder = Decimal::new(booked.remainder_quecto.into(), 30).unwrap();
            prop_assert_eq!(booked.amount.to_decimal().checked_add(remainder).unwrap(), sum);
        }
    }
}
