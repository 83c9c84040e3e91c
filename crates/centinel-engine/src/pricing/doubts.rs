//! A book held to what prices usually are: whatever looks wrong is named, with model and source.
//!
//! A doubt is no proof. A real price may be odd, and then the book says what the provider says.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{EffectiveFrom, Meter, PriceBook, PriceEntry, Ratio, ServiceTier};
use crate::{
    money::Decimal,
    period::{date_of, start_of_day},
};

/// Something in a book that looks wrong, or that will need a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// What kind.
    pub kind: DoubtKind,
    /// Whether the book should not be used like this; the others are worth knowing.
    pub is_serious: bool,
    /// Who sells the model.
    pub provider: String,
    /// The model, as the book spells it.
    pub model: String,
    /// Where the book has the price from.
    pub source: String,
    /// What is wrong, in words.
    pub detail: String,
}

/// Kinds of doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtKind {
    /// Two prices of a model hold at the same time.
    Overlap,
    /// Between two prices of a model there is time without one.
    Gap,
    /// Output is cheaper than input.
    OutputBelowInput,
    /// Reading a cache costs more than not having one.
    CacheReadAboveInput,
    /// Keeping a cache for longer costs less.
    LongerCacheCheaper,
    /// A price of zero.
    Zero,
    /// A tier that is meant to be cheaper is not.
    TierNotCheaper,
    /// A tier that is meant to be dearer is not.
    TierNotDearer,
    /// Long requests are cheaper than short ones.
    LongContextCheaper,
    /// A price so high or low that its unit is in doubt.
    Magnitude,
    /// Nobody says where the price is from.
    NoSource,
    /// The last price ends soon, or has ended.
    Ending,
    /// The price was taken from its source long ago.
    Old,
}

impl DoubtKind {
    fn is_serious(self) -> bool {
        !matches!(self, Self::Ending | Self::Old | Self::Gap)
    }
}

impl fmt::Display for DoubtKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Overlap => "overlap",
            Self::Gap => "gap",
            Self::OutputBelowInput => "output below input",
            Self::CacheReadAboveInput => "cache read above input",
            Self::LongerCacheCheaper => "longer cache cheaper",
            Self::Zero => "zero",
            Self::TierNotCheaper => "tier not cheaper",
            Self::TierNotDearer => "tier not dearer",
            Self::LongContextCheaper => "long context cheaper",
            Self::Magnitude => "magnitude",
            Self::NoSource => "no source",
            Self::Ending => "ending",
            Self::Old => "old",
        })
    }
}

/// A price that ends within this time is worth knowing.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 60);
/// A price whose source was looked at longer ago than this is old.
const OLD: SignedDuration = SignedDuration::from_hours(24 * 120);

impl PriceBook {
    /// Whatever looks wrong in the book, seen from an instant: in the book's order, serious doubts
    /// of a model first.
    pub fn doubts(&self, now: Timestamp) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        let entries: Vec<_> = self.price_entries().collect();
        for of_model in entries.chunk_by(|a, b| (a.provider, a.model) == (b.provider, b.model)) {
            let mut found = Doubts { at: doubts.len(), list: &mut doubts };
            found.check_times(of_model, now);
            for entry in of_model {
                found.check_rates(entry);
            }
            found.sort();
        }
        doubts
    }
}

struct Doubts<'d> {
    at: usize,
    list: &'d mut Vec<Doubt>,
}

impl Doubts<'_> {
    fn add(&mut self, kind: DoubtKind, entry: &PriceEntry<'_>, detail: String) {
        self.list.push(Doubt {
            kind,
            is_serious: kind.is_serious(),
            provider: entry.provider.to_owned(),
            model: entry.model.to_owned(),
            source: entry.source.to_owned(),
            detail,
        });
    }

    fn sort(&mut self) {
        if let Some(of_model) = self.list.get_mut(self.at..) {
            of_model.sort_by_key(|doubt| !doubt.is_serious);
        }
    }

    fn check_times(&mut self, entries: &[PriceEntry<'_>], now: Timestamp) {
        for (at, second) in entries.iter().enumerate() {
            // Prices of other hours may hold beside it.
            let earlier = entries.get(..at).unwrap_or_default().iter().rev();
            let Some(first) = earlier.into_iter().find(|first| first.hours == second.hours) else {
                continue;
            };
            let EffectiveFrom::At(start) = second.effective_from else { continue };
            match first.effective_until {
                Some(until) if until < start => {
                    let detail = format!("no price from {} to {}", date_of(until), date_of(start));
                    self.add(DoubtKind::Gap, first, detail);
                }
                Some(until) if until == start => {}
                _ => {
                    let detail = format!("two prices hold on {}", date_of(start));
                    self.add(DoubtKind::Overlap, second, detail);
                }
            }
        }
        let Some(last) = entries.last() else { return };
        if let Some(until) = last.effective_until {
            let left = until.duration_since(now);
            if left < SOON {
                let ends = if left.is_negative() { "ended" } else { "ends" };
                self.add(
                    DoubtKind::Ending,
                    last,
                    format!("its price {ends} on {}", date_of(until)),
                );
            }
        }
        let recorded = last.recorded.map(start_of_day);
        let is_current = last.effective_until.is_none_or(|until| until > now);
        if let Some(recorded) = recorded
            && is_current
            && now.duration_since(recorded) > OLD
        {
            let detail = format!("taken from its source on {}", date_of(recorded));
            self.add(DoubtKind::Old, last, detail);
        }
        for entry in entries.iter().filter(|entry| entry.source.trim().is_empty()) {
            self.add(DoubtKind::NoSource, entry, "no source is stated".to_owned());
        }
    }

    fn check_rates(&mut self, entry: &PriceEntry<'_>) {
        for rate in &entry.rates {
            let (tier, above, meter) = (rate.service_tier, rate.above, rate.token_class);
            let what = Described { tier, above };
            let of = |tier, above, meter| entry.rate(tier, above, meter).map(|r| r.price);
            if rate.price.is_zero() && !tier.is_capacity() {
                let detail = format!("{meter} costs nothing{what}");
                self.add(DoubtKind::Zero, entry, detail);
                continue;
            }
            if meter.is_token() && is_implausible(rate.price) {
                let detail = format!("{meter} costs {} per {}{what}", rate.price, rate.per);
                self.add(DoubtKind::Magnitude, entry, detail);
            }
            let input = of(tier, above, Meter::Input);
            let mut hold = |kind, is_wrong: bool, other: Option<Ratio>, words: &str| {
                if let Some(other) = other.filter(|_| is_wrong) {
                    let detail = format!("{meter} {} {words} {other}{what}", rate.price);
                    self.add(kind, entry, detail);
                }
            };
            match meter {
                Meter::Output => {
                    let is_below = input.is_some_and(|input| rate.price < input);
                    hold(DoubtKind::OutputBelowInput, is_below, input, "is below input");
                }
                Meter::CacheRead => {
                    let is_above = input.is_some_and(|input| rate.price > input);
                    hold(DoubtKind::CacheReadAboveInput, is_above, input, "is above input");
                }
                Meter::CacheWrite1h => {
                    let short = of(tier, above, Meter::CacheWrite5m);
                    let is_below = short.is_some_and(|short| rate.price < short);
                    hold(DoubtKind::LongerCacheCheaper, is_below, short, "is below 5 minutes");
                }
                _ => {}
            }
            let standard = of(ServiceTier::Standard, above, meter);
            match tier {
                // Caches and fees are often the same in batches.
                ServiceTier::Batch | ServiceTier::Flex
                    if matches!(meter, Meter::Input | Meter::Output) =>
                {
                    let is_wrong = standard.is_some_and(|standard| rate.price >= standard);
                    hold(DoubtKind::TierNotCheaper, is_wrong, standard, "is not below standard");
                }
                ServiceTier::Priority | ServiceTier::Fast if meter.is_token() => {
                    let is_wrong = standard.is_some_and(|standard| rate.price < standard);
                    hold(DoubtKind::TierNotDearer, is_wrong, standard, "is below standard");
                }
                _ => {}
            }
            if above > 0 {
                let short = of(tier, 0, meter);
                let is_below = short.is_some_and(|short| rate.price < short);
                hold(DoubtKind::LongContextCheaper, is_below, short, "is below short requests'");
            }
        }
    }
}

/// No model has cost more than this for a million tokens, or less than that.
fn is_implausible(price: Ratio) -> bool {
    let lowest = Decimal::new(1, 4).unwrap_or(Decimal::ZERO);
    price > Decimal::from_integer(2_000).into() || price < lowest.into()
}

/// ` (batch, above 200000)`, or nothing for the plain price.
struct Described {
    tier: ServiceTier,
    above: u64,
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.tier, self.above) {
            (ServiceTier::Standard, 0) => Ok(()),
            (tier, 0) => write!(f, " ({tier})"),
            (tier, above) => write!(f, " ({tier}, above {above})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::native;

    const NOW: &str = "2026-11-22T12:00:00Z";

    fn check(prices: &str, expected: &[(DoubtKind, &str)]) {
        let text = format!(
            "format = 1\nname = \"b\"\ncurrency = \"USD\"\nrecorded = \"2026-11-22\"\n\
             [[model]]\nprovider = \"openai\"\nmodel = \"m\"\n{prices}"
        );
        let doubts = native::read(&text).unwrap().doubts(NOW.parse().unwrap());
        let found: Vec<_> =
            doubts.iter().map(|doubt| (doubt.kind, doubt.detail.as_str())).collect();
        assert_eq!(found, expected, "{prices}");
        assert!(doubts.iter().all(|doubt| doubt.model == "m"));
    }

    fn price(head: &str, rates: &str) -> String {
        format!("[[model.price]]\nsource = \"page\"\n{head}\nrates.{rates}\n")
    }

    #[test]
    fn what_looks_wrong_is_named() {
        use DoubtKind as Kind;
        let from = "effective_from = \"2026-01-01\"";
        check(
            &price(from, "standard = { input = \"1\", cache_read = \"0.1\", output = \"4\" }"),
            &[],
        );
        check(
            &price(from, "standard = { input = \"1\", cache_read = \"1.5\", output = \"0.4\" }"),
            &[
                (Kind::CacheReadAboveInput, "cache_read 1.5 is above input 1"),
                (Kind::OutputBelowInput, "output 0.4 is below input 1"),
            ],
        );
        check(
            &price(from, "standard = { input = \"0\", output = \"3000\" }"),
            &[
                (Kind::Zero, "input costs nothing"),
                (Kind::Magnitude, "output costs 3000 per 1 M tokens"),
            ],
        );
        check(
            &price(from, "standard = { cache_write_5m = \"2\", cache_write_1h = \"1.5\" }"),
            &[(Kind::LongerCacheCheaper, "cache_write_1h 1.5 is below 5 minutes 2")],
        );
        check(
            &(price(from, "standard = { input = \"1\" }")
                + "rates.batch = { input = \"1\" }\nrates.priority = { input = \"0.5\" }\n"),
            &[
                (Kind::TierNotCheaper, "input 1 is not below standard 1 (batch)"),
                (Kind::TierNotDearer, "input 0.5 is below standard 1 (priority)"),
            ],
        );
        check(
            &(price(from, "standard = { input = \"1\" }")
                + "[[model.price.context]]\nabove = 200000\nrates.standard = { input = \"0.5\" }\n"),
            &[(
                Kind::LongContextCheaper,
                "input 0.5 is below short requests' 1 (standard, above 200000)",
            )],
        );
        check(
            &price(from, "standard = { input = \"1\" }").replace("page", " "),
            &[(Kind::NoSource, "no source is stated")],
        );
    }

    #[test]
    fn times_without_a_price_are_named() {
        use DoubtKind as Kind;
        let early = "effective_from = \"2026-01-01\"\neffective_until = \"2026-02-01\"";
        let late = "effective_from = \"2026-03-01\"\neffective_until = \"2026-12-24\"";
        let rates = "standard = { input = \"1\" }";
        check(
            &(price(early, rates) + &price(late, rates)),
            &[
                (Kind::Gap, "no price from 2026-02-01 to 2026-03-01"),
                (Kind::Ending, "its price ends on 2026-12-24"),
            ],
        );
        check(&price(early, rates), &[(Kind::Ending, "its price ended on 2026-02-01")]);
        let old = "effective_from = \"2026-01-01\"\nrecorded = \"2026-01-02\"";
        check(&price(old, rates), &[(Kind::Old, "taken from its source on 2026-01-02")]);
    }
}
