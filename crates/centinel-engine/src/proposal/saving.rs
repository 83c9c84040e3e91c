//! What became of a saving: later spend against what the proposal said it would be without the change.
//!
//! The counterfactual is a unit cost, so that traffic that grew or fell is neither credited nor charged
//! to the change:
//!
//! ```text
//! realised saving a month = (quantity × unit cost without the change − actual cost) × 365/12 ÷ days
//! ```
//!
//! with the quantity (days, calls or business outputs) and the cost of the days after the change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Kind, Saving};
use crate::money::{Currency, Decimal, Money, MoneyError, Pico};

/// What a unit cost is a cost of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitOf {
    /// A day.
    Day,
    /// A model call.
    Call,
    /// A business output.
    Output,
}

/// What a part of the spend would cost without the change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counterfactual {
    /// Dimension values of that part: `feature` → `support-answers`; empty is all spend.
    pub scope: BTreeMap<String, String>,
    /// What is counted.
    pub per: UnitOf,
    /// What one of them costs without the change.
    pub unit_cost: Money,
}

/// The same part of the spend afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Afterwards {
    /// Days that were looked at.
    pub days: u32,
    /// How many units there were: days, calls or outputs.
    pub quantity: Decimal,
    /// What they cost.
    pub cost: Money,
}

/// Days after the execution at which a saving is measured.
pub const MEASURED_AFTER_DAYS: [u32; 2] = [7, 30];

impl Counterfactual {
    /// The saving a month that the days afterwards show, negative when the change cost more. Rounded to
    /// 12 decimals, half away from zero.
    ///
    /// # Errors
    ///
    /// [`MoneyError`] when the currencies differ, no day was looked at, or an amount does not fit.
    pub fn realised(&self, afterwards: &Afterwards) -> Result<Money, MoneyError> {
        let Afterwards { days, quantity, cost } = *afterwards;
        let currency = self.unit_cost.currency;
        if cost.currency != currency {
            return Err(MoneyError::MixedCurrencies(currency, cost.currency));
        }
        let amount = || {
            let places = 10_i128.checked_pow(quantity.scale())?;
            let months = i128::from(days).checked_mul(12)?.checked_mul(places)?;
            let without = self.unit_cost.amount.0.checked_mul(quantity.mantissa())?;
            let cost = cost.amount.0.checked_mul(places)?;
            let yearly = without.checked_sub(cost)?.checked_mul(365)?;
            let half = months.checked_div(2)?.checked_mul(yearly.signum())?;
            yearly.checked_add(half)?.checked_div(months)
        };
        Ok(Money { amount: Pico(amount().ok_or(MoneyError::Overflow)?), currency })
    }
}

/// What proposals of one kind promised, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Calibration {
    /// Which kind.
    pub kind: Kind,
    /// Of every amount.
    pub currency: Currency,
    /// Measured proposals.
    pub measured: u32,
    /// Sum of the best estimates, a month.
    pub promised: Money,
    /// Sum of the realised savings, a month.
    pub realised: Money,
    /// How many came out within their interval.
    pub within_interval: u32,
}

impl Calibration {
    /// Realised over promised in percent, toward zero; `None` when nothing was promised.
    pub fn realised_percent(&self) -> Option<i128> {
        let promised = self.promised.amount.0;
        if promised <= 0 {
            return None;
        }
        self.realised.amount.0.checked_mul(100)?.checked_div(promised)
    }
}

/// Calibration by kind and currency, in the order of both, from what each measured proposal promised
/// and what was realised. What does not fit, or is of two currencies, is left out.
pub fn calibrate(measured: impl IntoIterator<Item = (Kind, Saving, Money)>) -> Vec<Calibration> {
    let mut by_kind: BTreeMap<(Kind, String), Calibration> = BTreeMap::new();
    for (kind, Saving { low, mid, high }, realised) in measured {
        let currency = mid.currency;
        if realised.currency != currency {
            continue;
        }
        let entry = by_kind.entry((kind, currency.to_string())).or_insert_with(|| Calibration {
            kind,
            currency,
            measured: 0,
            promised: Money::zero(currency),
            realised: Money::zero(currency),
            within_interval: 0,
        });
        let sums = (
            entry.promised.amount.0.checked_add(mid.amount.0),
            entry.realised.amount.0.checked_add(realised.amount.0),
        );
        let (Some(promised), Some(sum)) = sums else { continue };
        entry.promised.amount = Pico(promised);
        entry.realised.amount = Pico(sum);
        entry.measured = entry.measured.saturating_add(1);
        let is_within = low.amount <= realised.amount && realised.amount <= high.amount;
        entry.within_interval = entry.within_interval.saturating_add(u32::from(is_within));
    }
    by_kind.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(amount: &str) -> Money {
        Money { amount: amount.parse().unwrap(), currency: Currency::USD }
    }

    fn counterfactual(unit_cost: &str) -> Counterfactual {
        let scope = BTreeMap::from([("feature".to_owned(), "search".to_owned())]);
        Counterfactual { scope, per: UnitOf::Call, unit_cost: usd(unit_cost) }
    }

    #[test]
    fn traffic_is_neither_credited_nor_charged() {
        // 12 days, so that a month is 365/144 of them: 1,440 calls at 1 cent less.
        let check = |quantity: &str, cost: &str, expected: &str| {
            let quantity: Decimal = quantity.parse().unwrap();
            let afterwards = Afterwards { days: 12, quantity, cost: usd(cost) };
            let found = counterfactual("0.02").realised(&afterwards).unwrap();
            assert_eq!(found, usd(expected), "{quantity} calls for {cost}");
        };
        check("1440", "14.40", "36.5");
        check("14400", "144", "365");
        check("1440", "28.80", "0");
        check("1440", "43.20", "-36.5");
        check("1440.5", "14.41", "36.5");
    }

    #[test]
    fn what_cannot_be_said_is_not() {
        let of = |days, cost| Afterwards { days, quantity: Decimal::from_integer(1), cost };
        let made = counterfactual("1");
        assert!(matches!(made.realised(&of(0, usd("1"))), Err(MoneyError::Overflow)));
        let euros = Money { currency: "EUR".parse().unwrap(), ..usd("1") };
        assert!(matches!(made.realised(&of(7, euros)), Err(MoneyError::MixedCurrencies(..))));
        let quantity = Decimal::from_integer(i128::from(u64::MAX));
        let huge = Afterwards { quantity, ..of(7, usd("1")) };
        let dear = counterfactual("1000000000000");
        assert!(matches!(dear.realised(&huge), Err(MoneyError::Overflow)));
    }

    #[test]
    fn promises_are_held_against_what_came() {
        let promise = |low, mid, high| Saving { low: usd(low), mid: usd(mid), high: usd(high) };
        let found = calibrate([
            (Kind::Routing, promise("80", "100", "120"), usd("90")),
            (Kind::Routing, promise("80", "100", "120"), usd("-10")),
            (Kind::Rightsize, promise("1", "2", "3"), usd("2")),
        ]);
        let routing = found.iter().find(|of| of.kind == Kind::Routing).unwrap();
        assert_eq!((routing.measured, routing.within_interval), (2, 1));
        assert_eq!(routing.realised_percent(), Some(40));
        assert_eq!(found.len(), 2);
    }
}
