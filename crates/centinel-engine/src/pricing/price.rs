//! One price in force, compiled to integers, and the exact cost of a call under it.

use std::sync::Arc;

use jiff::civil::Date;
use serde::Serialize;

use super::{
    AppliedContract, CostLine, EffectiveFrom, ExactCost, Meter, Quota, ServiceTier, Unpriced,
    Validity,
    meter::{MeterSet, plain, split},
};
use crate::{
    money::{Currency, Decimal, Pico, power_of_ten},
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
    /// In which hours of the week, where not in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// Where the book has it from.
    pub source: String,
    /// The day on which it was taken from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Date>,
    /// What of a contract was applied; `None` for the list price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<AppliedContract>,
}

/// The price in force for one provider, model, tier and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    pub(super) identity: PriceIdentity,
    pub(super) validity: Validity,
    pub(super) currency: Currency,
    /// Every rate of every band is a whole number of 10^-scale currency units over the divisor,
    /// none below zero.
    pub(super) scale: u32,
    pub(super) divisor: u64,
    /// Longest context first; the last one holds for every request.
    pub(super) bands: Vec<Band>,
    /// Each part of the tokens is priced by the band that it lies in.
    pub(super) is_marginal: bool,
    pub(super) quotas: Vec<(Meter, Arc<Quota>)>,
    /// Whether this is only the likeliest price of the call, whatever its rates.
    pub(super) is_guess: bool,
    /// Prices that may be the call's instead.
    pub(super) others: Vec<Price>,
}

/// The rates of requests of some length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Band {
    /// The band prices requests with more input tokens than this; the last band prices the rest.
    pub(super) above: u64,
    /// By [`Meter::index`]; meaningless where `priced` does not contain the meter.
    pub(super) rates: [u128; Meter::COUNT],
    pub(super) priced: MeterSet,
    pub(super) folded: MeterSet,
    pub(super) borrowed: MeterSet,
    /// Usage classes, a bit each, that need no look of their own: what most calls have, and what
    /// is counted with it.
    pub(super) plain: u32,
}

/// What is known of a row beside what was used.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'t> {
    /// How many calls the row stands for. Of more than one it is not known how long each was.
    pub calls: u64,
    /// How much of a meter was covered by a free quota; `None` while nobody counts.
    pub free: Option<&'t [(Meter, u64)]>,
}

impl Terms<'_> {
    /// One call, of which nothing else is known.
    pub const ONE_CALL: Self = Self { calls: 1, free: None };
}

/// One amount of a cost, in the price's units.
pub(super) struct Part {
    pub(super) meter: Meter,
    pub(super) quantity: u64,
    pub(super) rate: u128,
    pub(super) amount: i128,
    pub(super) is_uncertain: bool,
}

impl Price {
    /// Which price this is.
    pub fn identity(&self) -> &PriceIdentity {
        &self.identity
    }

    /// When it is in force: as long as this contains a call's time, the price need not be resolved
    /// again.
    pub fn validity(&self) -> &Validity {
        &self.validity
    }

    /// The currency of every amount.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// What is free up to a count, by the meter that it counts.
    pub fn quotas(&self) -> impl Iterator<Item = (&Meter, &Quota)> {
        self.quotas.iter().map(|(meter, quota)| (meter, quota.as_ref()))
    }

    /// The same price, of which it is not sure that it is the call's: another of `others` may be,
    /// or that of whoever served it.
    pub(super) fn among(mut self, others: Vec<Self>, is_guess: bool) -> Self {
        self.is_guess |= is_guess || !others.is_empty();
        self.others = others;
        self
    }

    /// The exact cost of one call.
    ///
    /// # Errors
    ///
    /// As for [`Price::cost_of`].
    pub fn cost(&self, usage: &Usage) -> Result<ExactCost, Unpriced> {
        self.cost_of(usage, &Terms::ONE_CALL)
    }

    /// The exact cost of a row. What a free quota may have covered is charged in full and
    /// uncertain while nobody counts it; a row of several calls is priced as if all were equally
    /// long, and uncertain where that matters. [`Price::range`] says between what the truth lies.
    ///
    /// # Errors
    ///
    /// [`Unpriced::NoRate`] when something was used that the price does not cover,
    /// [`Unpriced::PartsOverlap`] and [`Unpriced::Usage`] for records that do not split into parts,
    /// [`Unpriced::Overflow`].
    pub fn cost_of(&self, usage: &Usage, terms: &Terms<'_>) -> Result<ExactCost, Unpriced> {
        self.cost_in(self.band(usage, terms), usage, terms)
    }

    fn cost_in(
        &self,
        band: Option<&Band>,
        usage: &Usage,
        terms: &Terms<'_>,
    ) -> Result<ExactCost, Unpriced> {
        let mut cost = ExactCost::zero(self.scale, self.divisor);
        self.each_part(band, usage, terms, |part| {
            cost.mantissa = cost.mantissa.checked_add(part.amount).ok_or(Unpriced::Overflow)?;
            if part.is_uncertain {
                cost.uncertain.insert(part.meter);
            }
            Ok(())
        })?;
        Ok(cost)
    }

    /// The same cost line by line, in [`Meter::ALL`] order; meters with nothing used are left out,
    /// and what was free has a line of its own.
    ///
    /// # Errors
    ///
    /// As for [`Price::cost_of`].
    pub fn lines(&self, usage: &Usage) -> Result<Vec<CostLine>, Unpriced> {
        self.lines_of(usage, &Terms::ONE_CALL)
    }

    /// The lines of a row; see [`Price::cost_of`].
    ///
    /// # Errors
    ///
    /// As for [`Price::cost_of`].
    pub fn lines_of(&self, usage: &Usage, terms: &Terms<'_>) -> Result<Vec<CostLine>, Unpriced> {
        let mut lines = Vec::new();
        self.each_part(self.band(usage, terms), usage, terms, |part| {
            lines.push(CostLine::new(&part, self.scale, self.divisor)?);
            Ok(())
        })?;
        if self.divisor != 1 {
            let cost = self.cost_of(usage, terms)?.to_decimal()?;
            CostLine::add_up(&mut lines, cost)?;
        }
        // Marginal bands are visited one after the other.
        lines.sort_by_key(|line| line.meter);
        Ok(lines)
    }

    /// The least and the most that a row may have cost, where more than one price, context or use
    /// of a free quota is possible; `None` where there is but one. Rates that stand in for one
    /// that is not stated are no part of this: what they miss by has no bounds.
    ///
    /// # Errors
    ///
    /// As for [`Price::cost_of`].
    pub fn range(
        &self,
        usage: &Usage,
        terms: &Terms<'_>,
    ) -> Result<Option<(Decimal, Decimal)>, Unpriced> {
        let open_quotas = terms.free.is_none()
            && self
                .quotas
                .iter()
                .any(|(meter, _)| meter.counts().is_some_and(|class| usage.get(class) > 0));
        if self.others.is_empty() && !open_quotas && !self.is_mixed(usage, terms) {
            return Ok(None);
        }
        let mut amounts = vec![self.cost_of(usage, terms)?.to_decimal()?];
        for price in std::iter::once(self).chain(&self.others) {
            let input = usage.get(UsageClass::InputTokensTotal);
            let bands = price.bands.iter().filter(|band| band.above == 0 || band.above < input);
            let natural = price.band(usage, terms);
            let is_mixed = price.is_mixed(usage, terms);
            for band in bands.filter(|band| is_mixed || natural == Some(*band)) {
                let all_free: Vec<_> =
                    price.quotas.iter().map(|(meter, _)| (*meter, u64::MAX)).collect();
                let least = Terms { free: terms.free.or(Some(&all_free)), ..*terms };
                for terms in [terms, &least] {
                    // A price that does not cover the usage cannot have been the call's.
                    if let Ok(cost) = price.cost_in(Some(band), usage, terms) {
                        amounts.push(cost.to_decimal()?);
                    }
                }
            }
        }
        let (low, high) = (amounts.iter().min().copied(), amounts.iter().max().copied());
        Ok(low.zip(high).filter(|(low, high)| low != high))
    }

    /// Units of amounts in one pico-unit.
    pub(super) fn unit(&self) -> i128 {
        let places = power_of_ten(self.scale.saturating_sub(Pico::SCALE)).unwrap_or(1);
        places.saturating_mul(self.divisor.into())
    }

    /// Whether the row's calls may lie in different bands.
    fn is_mixed(&self, usage: &Usage, terms: &Terms<'_>) -> bool {
        if terms.calls <= 1 {
            return false;
        }
        let lowest = self.bands.iter().map(|band| band.above).filter(|above| *above > 0).min();
        lowest.is_some_and(|lowest| usage.get(UsageClass::InputTokensTotal) > lowest)
    }

    /// The band that prices a request; of a row of several calls, that of the mean one.
    pub(super) fn band(&self, usage: &Usage, terms: &Terms<'_>) -> Option<&Band> {
        match self.bands.as_slice() {
            [always] => Some(always),
            bands => {
                let input = usage.get(UsageClass::InputTokensTotal);
                let input = input.checked_div(terms.calls).unwrap_or(input);
                // INVARIANT: there is a last band, and it prices whatever the others do not.
                bands.iter().find(|band| input > band.above).or(bands.last())
            }
        }
    }

    /// Visits what was used, and what it costs.
    pub(super) fn each_part(
        &self,
        band: Option<&Band>,
        usage: &Usage,
        terms: &Terms<'_>,
        mut visit: impl FnMut(Part) -> Result<(), Unpriced>,
    ) -> Result<(), Unpriced> {
        if self.is_marginal {
            return self.each_marginal(usage, terms, visit);
        }
        let band = band.ok_or(Unpriced::Overflow)?;
        let is_uncertain = self.is_guess || self.is_mixed(usage, terms);
        let mut each = |meter: Meter, quantity: u64| {
            if quantity == 0 {
                return Ok(());
            }
            if !band.priced.contains(meter) {
                let model = self.identity.model.clone();
                return Err(Unpriced::NoRate { model, meter, quantity });
            }
            let rate = band.rates.get(meter.index()).copied().ok_or(Unpriced::Overflow)?;
            let is_uncertain = band.borrowed.contains(meter) || (is_uncertain && meter.is_token());
            if self.quotas.is_empty() {
                return visit(Part::new(meter, quantity, rate, is_uncertain)?);
            }
            self.after_quota(terms, Part::new(meter, quantity, rate, is_uncertain)?, &mut visit)
        };
        let calls = if band.folded.contains(Meter::Call) { 0 } else { terms.calls };
        // Most calls have text, caches and nothing else: no need to look at every meter.
        if usage.used() & !band.plain == 0
            && let Some(quantities) = plain(usage)
        {
            for (meter, quantity) in quantities {
                each(meter, quantity)?;
            }
            return each(Meter::Call, calls);
        }
        let quantities = split(usage, band.folded)?;
        for (meter, quantity) in Meter::ALL.iter().zip(&quantities) {
            each(*meter, if *meter == Meter::Call { calls } else { *quantity })?;
        }
        Ok(())
    }

    /// Visits the free part and the rest; what may be free is uncertain while nobody counts.
    fn after_quota(
        &self,
        terms: &Terms<'_>,
        part: Part,
        visit: &mut impl FnMut(Part) -> Result<(), Unpriced>,
    ) -> Result<(), Unpriced> {
        let Part { meter, quantity, rate, is_uncertain, .. } = part;
        if !self.quotas.iter().any(|(other, _)| *other == meter) {
            return visit(part);
        }
        let Some(free) = terms.free else {
            return visit(Part { is_uncertain: true, ..part });
        };
        let free = free.iter().find(|(other, _)| *other == meter).map_or(0, |(_, free)| *free);
        let free = free.min(quantity);
        if free > 0 {
            visit(Part::new(meter, free, 0, is_uncertain)?)?;
        }
        let billed = quantity.saturating_sub(free);
        if billed > 0 { visit(Part::new(meter, billed, rate, is_uncertain)?) } else { Ok(()) }
    }

    /// Visits the parts of a request that is priced band by band.
    ///
    /// Input tokens lie in the order in which a model reads them: what a cache held, what was
    /// written to one, the rest. Output tokens are counted from the first one. Of a row of several
    /// calls, each is taken to be as long as the mean.
    fn each_marginal(
        &self,
        usage: &Usage,
        terms: &Terms<'_>,
        mut visit: impl FnMut(Part) -> Result<(), Unpriced>,
    ) -> Result<(), Unpriced> {
        let is_uncertain = self.is_guess || self.is_mixed(usage, terms);
        let last = self.bands.last().ok_or(Unpriced::Overflow)?;
        let quantities = split(usage, last.folded)?;
        let mut start = 0_u64;
        let mut order: Vec<_> = Meter::ALL.into_iter().zip(quantities).collect();
        order.sort_by_key(|(meter, _)| meter.place());
        let mut each = |band: &Band, meter: Meter, quantity: u64| {
            if quantity == 0 {
                return Ok(());
            }
            if !band.priced.contains(meter) {
                let model = self.identity.model.clone();
                return Err(Unpriced::NoRate { model, meter, quantity });
            }
            let rate = band.rates.get(meter.index()).copied().ok_or(Unpriced::Overflow)?;
            let is_uncertain = band.borrowed.contains(meter) || (is_uncertain && meter.is_token());
            self.after_quota(terms, Part::new(meter, quantity, rate, is_uncertain)?, &mut visit)
        };
        for (meter, quantity) in order {
            if !meter.is_token() {
                let times = if meter == Meter::Call { terms.calls } else { 1 };
                each(last, meter, quantity.saturating_mul(times))?;
                continue;
            }
            if meter == Meter::Output {
                start = 0;
            }
            let end = start.saturating_add(quantity);
            let mut ceiling = u64::MAX;
            for band in &self.bands {
                let bound = band.above.saturating_mul(terms.calls);
                each(band, meter, end.min(ceiling).saturating_sub(start.max(bound)))?;
                ceiling = bound;
            }
            start = end;
        }
        Ok(())
    }
}

impl Part {
    fn new(meter: Meter, quantity: u64, rate: u128, is_uncertain: bool) -> Result<Self, Unpriced> {
        let amount = rate.checked_mul(u128::from(quantity));
        let amount = amount.and_then(|amount| i128::try_from(amount).ok());
        Ok(Self { meter, quantity, rate, amount: amount.ok_or(Unpriced::Overflow)?, is_uncertain })
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
