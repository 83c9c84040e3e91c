//! When the price of a model changed, as a book knows it.

use jiff::{Timestamp, ToSpan as _};

use super::{Meter, Price, PriceBook, PriceIdentity, PriceQuery, price::Band};
use crate::{
    money::{Decimal, power_of_ten},
    period::Period,
    usage::{Usage, UsageClass},
};

/// Changes of one model that are looked for in a period.
const CHANGES_MAX: usize = 64;
/// Hours of a week: a price of some hours is compared with the one of the same hour a week before.
const WEEK_HOURS: i64 = 168;
/// What unit prices are told for.
const TOLD_PER: i128 = 1_000_000;

/// A price that took the place of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceChange {
    /// First instant of the new price.
    pub at: Timestamp,
    /// Which price held until then.
    pub before: PriceIdentity,
    /// Which price holds from then on.
    pub after: PriceIdentity,
    /// Input and output tokens whose price is another one, in this order.
    pub steps: Vec<PriceStep>,
}

/// The price of a kind of token, before and after, in the book's currency for a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceStep {
    /// Which tokens.
    pub meter: Meter,
    /// Until the change.
    pub before: Decimal,
    /// From the change on.
    pub after: Decimal,
}

impl PriceBook {
    /// The instants of a period at which another price took the place of the one that is asked for,
    /// oldest first; under the contract, where the book is under one. The query's own time counts for
    /// nothing. A first price takes the place of none, and an equal one with another date or source is
    /// the same price.
    pub fn changes(&self, query: &PriceQuery<'_>, period: Period) -> Vec<PriceChange> {
        let price_at = |at| self.resolve(&PriceQuery { at: Some(at), ..*query }).ok();
        let mut found = Vec::new();
        let mut last = period.end;
        for _ in 0..CHANGES_MAX {
            let Some(after) = before(last).and_then(price_at) else { break };
            let Some(from) = after.validity().from.filter(|from| period.contains(*from)) else {
                break;
            };
            let earlier = before(from).and_then(price_at);
            if let Some(earlier) = earlier
                && differ(&earlier, &after, from, &price_at)
            {
                found.push(PriceChange {
                    at: from,
                    steps: steps(&earlier, &after),
                    before: earlier.identity,
                    after: after.identity,
                });
            }
            last = from;
        }
        found.reverse();
        found
    }
}

/// The instant before.
fn before(at: Timestamp) -> Option<Timestamp> {
    at.checked_sub(1.nanosecond()).ok()
}

/// Whether a call costs another amount from an instant on.
fn differ(
    earlier: &Price,
    after: &Price,
    from: Timestamp,
    price_at: &impl Fn(Timestamp) -> Option<Price>,
) -> bool {
    if earlier.validity.hours.is_none() && after.validity.hours.is_none() {
        return !earlier.charges_as(after);
    }
    (0..WEEK_HOURS).any(|hour| {
        let at = from.checked_add(hour.hours()).ok();
        let sides = at.map(|at| {
            let earlier = at.checked_sub(WEEK_HOURS.hours()).ok();
            (earlier.and_then(price_at), price_at(at))
        });
        matches!(sides, Some((Some(earlier), Some(after))) if !earlier.charges_as(&after))
    })
}

fn steps(earlier: &Price, after: &Price) -> Vec<PriceStep> {
    let kinds = [
        (Meter::Input, UsageClass::InputTokensTotal),
        (Meter::Output, UsageClass::OutputTokensTotal),
    ];
    let step = |(meter, class)| {
        let (before, after) =
            (earlier.of_a_million(meter, class)?, after.of_a_million(meter, class)?);
        (before != after).then_some(PriceStep { meter, before, after })
    };
    kinds.into_iter().filter_map(step).collect()
}

impl Price {
    /// Whether every usage costs the same under both.
    fn charges_as(&self, other: &Self) -> bool {
        self.currency == other.currency
            && self.is_marginal == other.is_marginal
            && self.quotas == other.quotas
            && self.bands.len() == other.bands.len()
            && self.bands.iter().zip(&other.bands).all(|(own, band)| {
                own.above == band.above
                    && Meter::ALL.iter().all(|meter| {
                        own.priced.contains(*meter) == band.priced.contains(*meter)
                            && (!own.priced.contains(*meter)
                                || self.is_rate(own, other, band, *meter))
                    })
            })
    }

    /// Whether the rate of a meter is the same; one that is too large to compare is another one.
    fn is_rate(&self, own: &Band, other: &Self, band: &Band, meter: Meter) -> bool {
        // Both over the same denominator.
        let over = |rate: Option<&u128>, denominator: &Self| {
            let places = u128::try_from(power_of_ten(denominator.scale)?).ok()?;
            rate?.checked_mul(places)?.checked_mul(denominator.divisor.into())
        };
        let left = over(own.rates.get(meter.index()), other);
        let right = over(band.rates.get(meter.index()), self);
        left.is_some() && left == right
    }

    /// What a million tokens cost, each in a short request of its own.
    fn of_a_million(&self, meter: Meter, class: UsageClass) -> Option<Decimal> {
        let lines = self.lines(&Usage::ZERO.with(class, 1)).ok()?;
        let line = lines.iter().find(|line| line.meter == meter)?;
        line.unit_price.checked_mul_integer(TOLD_PER).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::native;

    const BOOK: &str = "format = 1\nname = \"b\"\ncurrency = \"USD\"\nrecorded = \"2026-11-22\"\n\
        [[model]]\nprovider = \"openai\"\nmodel = \"m\"\n\
        [[model.price]]\neffective_from = \"2026-01-01\"\neffective_until = \"2026-06-01\"\n\
        source = \"page\"\nrates.standard = { input = \"2.5\", output = \"10\" }\n\
        [[model.price]]\neffective_from = \"2026-06-01\"\neffective_until = \"2026-09-01\"\n\
        source = \"other page\"\nrates.standard = { input = \"2.50\", output = \"10.0\" }\n\
        [[model.price]]\neffective_from = \"2026-09-01\"\nsource = \"page\"\n\
        rates.standard = { input = \"3\", output = \"10\" }\n";

    fn changes(from: &str, until: &str) -> Vec<PriceChange> {
        let book = native::read(BOOK).unwrap();
        let query = PriceQuery {
            provider: "OpenAI",
            model: "m",
            service_tier: None,
            region: None,
            at: None,
        };
        let period = Period::days(from.parse().unwrap(), until.parse().unwrap()).unwrap();
        book.changes(&query, period)
    }

    #[test]
    fn a_change_is_one_of_rates() {
        let found = changes("2026-01-01", "2026-12-01");
        let [change] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(change.at.to_string(), "2026-09-01T00:00:00Z");
        let [step] = change.steps.as_slice() else { panic!("{change:?}") };
        let shown = (step.meter, step.before.to_string(), step.after.to_string());
        assert_eq!(shown, (Meter::Input, "2.5".to_owned(), "3".to_owned()));
    }

    #[test]
    fn a_period_has_its_first_instant_and_not_its_end() {
        assert_eq!(changes("2026-09-01", "2026-09-02").len(), 1);
        assert_eq!(changes("2026-08-01", "2026-09-01").len(), 0);
        assert_eq!(changes("2026-09-02", "2026-12-01").len(), 0);
    }
}
