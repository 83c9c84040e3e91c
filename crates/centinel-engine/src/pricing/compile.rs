//! From listed rates to integers: what is done once for a price, so that a call costs little.

use super::{
    Meter, Price, PriceIdentity, Ratio, ServiceTier, Unpriced, Validity,
    listed::ListedPrice,
    meter::{MeterSet, plain_classes},
    price::Band,
    rates::{Rate, RateTable},
    ratio::gcd,
};
use crate::money::{Currency, Pico};

/// What a price is, before its rates.
pub(super) struct Compiling {
    pub(super) identity: PriceIdentity,
    pub(super) validity: Validity,
    pub(super) currency: Currency,
}

impl Compiling {
    /// Compiles the rates of one tier, token rates multiplied by a regional factor.
    pub(super) fn compile(self, listed: &ListedPrice, factor: Ratio) -> Result<Price, Unpriced> {
        let price = self.compile_rates(&listed.rates, factor)?;
        Ok(Price { quotas: listed.quotas.clone(), ..price })
    }

    /// The price on capacity that is paid for by itself: a known zero for tokens, the standard
    /// price for what is no token.
    pub(super) fn of_capacity(self, listed: &ListedPrice) -> Result<Price, Unpriced> {
        let tier = self.identity.service_tier;
        let mut rates = RateTable::default();
        for meter in Meter::ALL.into_iter().filter(|meter| meter.is_token()) {
            if meter.billed_as().is_none() {
                rates.set(tier, 0, meter, Ratio::ZERO);
            }
        }
        for ((from, above, meter), stated) in listed.rates.iter() {
            if from == ServiceTier::Standard && !meter.is_token() && meter != Meter::Call {
                rates.set(tier, above, meter, stated.unit_price);
            }
        }
        let price = self.compile_rates(&rates, Ratio::ONE)?;
        Ok(Price { quotas: listed.quotas.clone(), ..price })
    }

    fn compile_rates(self, rates: &RateTable, factor: Ratio) -> Result<Price, Unpriced> {
        let tier = self.identity.service_tier;
        let mut exact = Vec::new();
        // Booked amounts have 12 decimals: at that scale or a finer one, booking is cheap.
        let mut scale = Pico::SCALE;
        let mut divisor = 1_u64;
        for above in rates.bands() {
            let mut band = Band::empty(above);
            let mut unit_prices = [Ratio::ZERO; Meter::COUNT];
            for (meter, slot) in Meter::ALL.into_iter().zip(&mut unit_prices) {
                match rates.rate(tier, above, meter) {
                    Rate::Stated { unit_price, is_borrowed } => {
                        *slot = if meter.is_token() {
                            unit_price.checked_mul(factor).map_err(|_| Unpriced::Overflow)?
                        } else {
                            unit_price
                        };
                        scale = scale.max(slot.numerator().scale());
                        divisor = common_divisor(divisor, slot.divisor())?;
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
            band.plain = plain_classes(band.folded);
            exact.push((band, unit_prices));
        }
        let mut bands = Vec::new();
        for (mut band, unit_prices) in exact {
            for (slot, unit_price) in band.rates.iter_mut().zip(unit_prices) {
                let times = divisor.checked_div(unit_price.divisor()).map(u128::from);
                let mantissa = unit_price.numerator().mantissa_at(scale);
                *slot = mantissa
                    .and_then(|mantissa| u128::try_from(mantissa).ok())
                    .zip(times)
                    .and_then(|(mantissa, times)| mantissa.checked_mul(times))
                    .ok_or(Unpriced::Overflow)?;
            }
            bands.push(band);
        }
        Ok(Price {
            identity: self.identity,
            validity: self.validity,
            currency: self.currency,
            scale,
            divisor,
            bands,
            is_marginal: rates.is_marginal,
            quotas: Vec::new(),
            is_guess: false,
            others: Vec::new(),
        })
    }
}

/// Least common multiple.
fn common_divisor(a: u64, b: u64) -> Result<u64, Unpriced> {
    let common = gcd(u128::from(a), u128::from(b));
    let product = u128::from(a).checked_mul(u128::from(b));
    let multiple = product.and_then(|product| product.checked_div(common));
    multiple.and_then(|multiple| u64::try_from(multiple).ok()).ok_or(Unpriced::Overflow)
}

impl Band {
    fn empty(above: u64) -> Self {
        let (priced, folded, borrowed) = <(MeterSet, MeterSet, MeterSet)>::default();
        Self { above, rates: [0; Meter::COUNT], priced, folded, borrowed, plain: 0 }
    }
}
