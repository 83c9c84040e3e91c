//! The rates of one listed price: by meter, service tier and context length.

use std::collections::{BTreeMap, BTreeSet};

use super::{Meter, Ratio, ServiceTier};

/// Unit prices, each for a meter at a tier, for requests whose total input exceeds `above` tokens.
///
/// `above = 0` holds for every request. The band with the highest bound that a request exceeds
/// prices the whole request (a cliff), unless the table is marginal. "From N tokens on" is above
/// N − 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RateTable {
    rates: BTreeMap<(ServiceTier, u64, Meter), Stated>,
    /// Each part of the tokens is priced by the band that it lies in.
    pub(super) is_marginal: bool,
}

/// A unit price, as its list has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) unit_price: Ratio,
    /// The list does not state it for this class; a rule of the list says that it applies.
    pub(super) is_assumed: bool,
}

/// What a meter costs in one band of one tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rate {
    /// A price per unit. `is_borrowed` when the list states none for exactly this class, tier and
    /// band, so that the nearest stated one stands in.
    Stated { unit_price: Ratio, is_borrowed: bool },
    /// Counted and priced with the meter that it is billed as.
    Folded,
    /// No price.
    Missing,
}

impl RateTable {
    pub(super) fn set(
        &mut self,
        tier: ServiceTier,
        above: u64,
        meter: Meter,
        unit_price: impl Into<Ratio>,
    ) {
        let stated = Stated { unit_price: unit_price.into(), is_assumed: false };
        self.rates.insert((tier, above, meter), stated);
    }

    /// A rate with what is known of it.
    pub(super) fn put(&mut self, tier: ServiceTier, above: u64, meter: Meter, stated: Stated) {
        self.rates.insert((tier, above, meter), stated);
    }

    /// A rate that stands in for one that the list leaves out; never in place of a stated one.
    pub(super) fn assume(
        &mut self,
        tier: ServiceTier,
        above: u64,
        meter: Meter,
        unit_price: impl Into<Ratio>,
    ) {
        let stated = Stated { unit_price: unit_price.into(), is_assumed: true };
        self.rates.entry((tier, above, meter)).or_insert(stated);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rates.is_empty()
    }

    /// Whether the model's own work costs nothing by this table; fees of tools that it may call say
    /// nothing about it.
    pub(super) fn is_zero_only(&self) -> bool {
        let is_fee = |meter: Meter| {
            matches!(meter, Meter::WebSearch | Meter::FileSearch | Meter::Maps | Meter::CodeSession)
        };
        let all_zero = |with_fees: bool| {
            let rates = self.rates.iter().filter(|((.., meter), _)| with_fees || !is_fee(*meter));
            rates.map(|(_, stated)| stated.unit_price.is_zero()).reduce(|all, zero| all && zero)
        };
        all_zero(false).or_else(|| all_zero(true)).unwrap_or(false)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = ((ServiceTier, u64, Meter), Stated)> + '_ {
        self.rates.iter().map(|(key, stated)| (*key, *stated))
    }

    /// The rate stated for a tier at the shortest context.
    pub(super) fn stated(&self, tier: ServiceTier, meter: Meter) -> Option<Ratio> {
        self.rates.get(&(tier, 0, meter)).map(|stated| stated.unit_price)
    }

    /// Marks the rates of a meter as not sure: the list has others that a call may have had.
    pub(super) fn doubt(&mut self, meter: Meter) {
        for ((_, _, other), stated) in &mut self.rates {
            stated.is_assumed |= *other == meter;
        }
    }

    /// The standard rate of the shortest context: what two prices are compared by.
    pub(super) fn first(&self, meter: Meter) -> Option<Ratio> {
        self.rates.get(&(ServiceTier::Standard, 0, meter)).map(|stated| stated.unit_price)
    }

    /// Whether any price is stated for the tier.
    pub(super) fn has_tier(&self, tier: ServiceTier) -> bool {
        self.rates.keys().any(|(other, ..)| *other == tier)
    }

    /// Lower bounds of the bands, longest context first; always ends in 0.
    pub(super) fn bands(&self) -> Vec<u64> {
        let bounds: BTreeSet<u64> =
            self.rates.keys().map(|(_, above, _)| *above).chain([0]).collect();
        bounds.into_iter().rev().collect()
    }

    /// The rate of a meter: the one stated for tier and band, else the standard one of the band,
    /// else the same of the next shorter context; at each step the meter's own before the one it is
    /// billed as.
    pub(super) fn rate(&self, tier: ServiceTier, above: u64, meter: Meter) -> Rate {
        let bounds = self.bands().into_iter().filter(|bound| *bound <= above);
        for step in bounds.flat_map(|bound| [(tier, bound), (ServiceTier::Standard, bound)]) {
            let stated = |meter| self.rates.get(&(step.0, step.1, meter)).copied();
            if let Some(Stated { unit_price, is_assumed }) = stated(meter) {
                let is_borrowed = is_assumed || (meter.is_token() && step != (tier, above));
                return Rate::Stated { unit_price, is_borrowed };
            }
            if meter.billed_as().and_then(stated).is_some() {
                return Rate::Folded;
            }
        }
        Rate::Missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Decimal;

    const LONG: u64 = 200_000;

    fn check(table: &RateTable, tier: ServiceTier, above: u64, meter: Meter, expected: &str) {
        let found = match table.rate(tier, above, meter) {
            Rate::Stated { unit_price, is_borrowed: false } => unit_price.to_string(),
            Rate::Stated { unit_price, is_borrowed: true } => format!("{unit_price} borrowed"),
            Rate::Folded => "folded".to_owned(),
            Rate::Missing => "missing".to_owned(),
        };
        assert_eq!(found, expected, "{tier} above {above}: {meter}");
    }

    #[test]
    fn the_nearest_stated_rate_applies() {
        use ServiceTier::{Batch, Flex, Standard};
        let mut table = RateTable::default();
        for (tier, above, meter, price) in [
            (Standard, 0, Meter::Input, 10),
            (Standard, 0, Meter::CacheRead, 1),
            (Standard, 0, Meter::Output, 50),
            (Standard, 0, Meter::Reasoning, 60),
            (Standard, 0, Meter::WebSearch, 7),
            (Standard, LONG, Meter::Input, 20),
            (Batch, 0, Meter::Input, 5),
            (Batch, 0, Meter::Output, 25),
            (Batch, LONG, Meter::Input, 11),
        ] {
            table.set(tier, above, meter, Decimal::from_integer(price));
        }
        assert_eq!(table.bands(), [LONG, 0]);
        assert!(table.has_tier(Batch) && !table.has_tier(Flex));
        check(&table, Standard, 0, Meter::Input, "10");
        check(&table, Batch, LONG, Meter::Input, "11");
        // Stated for the band, not for the tier; and neither.
        check(&table, Flex, LONG, Meter::Input, "20 borrowed");
        check(&table, Batch, 0, Meter::CacheRead, "1 borrowed");
        // A batch price of output also covers the reasoning in it.
        check(&table, Standard, 0, Meter::Reasoning, "60");
        check(&table, Batch, 0, Meter::Reasoning, "folded");
        check(&table, Standard, 0, Meter::InputImage, "folded");
        check(&table, Standard, 0, Meter::InputAudio, "missing");
        check(&table, Standard, 0, Meter::CacheWrite5m, "missing");
        check(&table, Batch, LONG, Meter::WebSearch, "7");
    }
}
