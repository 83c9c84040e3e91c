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

use crate::money::{Decimal, Money, MoneyError, Pico};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

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
}
