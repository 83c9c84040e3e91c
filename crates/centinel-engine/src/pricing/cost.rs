//! The exact cost of a call: one number, and the lines that add to it.

use serde::{Serialize, Serializer};

use super::{Meter, Ratio, ServiceTier, Unpriced, meter::MeterSet, price::Part};
use crate::money::{Decimal, MoneyError, Pico, Rounded};

/// The exact cost of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExactCost {
    pub(super) mantissa: i128,
    pub(super) scale: u32,
    pub(super) divisor: u64,
    pub(super) uncertain: MeterSet,
}

/// One line of a cost: the lines of a call add to its cost exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CostLine {
    /// What was billed.
    #[serde(rename = "token_class")]
    pub meter: Meter,
    /// How much of it: tokens, requests, images, milliseconds or calls.
    pub quantity: u64,
    /// Price of one unit; zero for what a free quota covered.
    pub unit_price: Decimal,
    /// `quantity × unit_price`, exactly, unless `exact` says otherwise.
    pub amount: Decimal,
    /// Where the price is no finite decimal: what the two above are at [`Ratio::PLACES`] places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact: Option<ExactLine>,
}

/// A line whose price is no finite decimal, as fractions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExactLine {
    /// Price of one unit.
    pub unit_price: Ratio,
    /// `quantity × unit_price`.
    pub amount: Ratio,
}

impl ExactCost {
    pub(super) fn zero(scale: u32, divisor: u64) -> Self {
        Self { mantissa: 0, scale, divisor, uncertain: MeterSet::default() }
    }

    /// The exact decimal; where there is none ([`Self::fraction`]), rounded half-even at
    /// [`Ratio::PLACES`] places.
    ///
    /// # Errors
    ///
    /// [`Unpriced::Overflow`] when it has more decimals than a [`Decimal`] keeps.
    pub fn to_decimal(self) -> Result<Decimal, Unpriced> {
        if self.divisor == 1 {
            return Decimal::new(self.mantissa, self.scale).map_err(|_| Unpriced::Overflow);
        }
        self.ratio()?.rounded().map_err(|_| Unpriced::Overflow)
    }

    /// The exact cost, where it is no finite decimal.
    pub fn fraction(self) -> Option<Ratio> {
        self.ratio().ok().filter(|ratio| ratio.divisor() != 1)
    }

    fn ratio(self) -> Result<Ratio, Unpriced> {
        ratio(self.mantissa, self.scale, self.divisor)
    }

    /// The cost as a ledger books it: rounded half-even at 12 decimals, with the remainder.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`] when the amount does not fit.
    pub fn booked(self) -> Result<Rounded, MoneyError> {
        if self.scale == Pico::SCALE && self.divisor == 1 {
            return Ok(Rounded { amount: Pico(self.mantissa), remainder_quecto: 0 });
        }
        Rounded::half_even(self.mantissa, self.scale, self.divisor).ok_or(MoneyError::Overflow)
    }

    /// Whether every rate is stated for exactly the class, tier, context and time of the call.
    pub fn is_certain(self) -> bool {
        self.uncertain.is_empty()
    }

    /// The meters whose rate is stated for another class, tier, context or time only, or that a
    /// free quota may have covered, so that the provider may bill another amount.
    pub fn uncertain(self) -> impl Iterator<Item = Meter> {
        self.uncertain.iter()
    }
}

fn ratio(mantissa: i128, scale: u32, divisor: u64) -> Result<Ratio, Unpriced> {
    // The divisor goes into the mantissa first, so that the digits fit more often.
    let common = super::ratio::gcd(mantissa.unsigned_abs(), divisor.into());
    let common = u64::try_from(common).map_err(|_| Unpriced::Overflow)?;
    let mantissa = mantissa.checked_div(common.into()).ok_or(Unpriced::Overflow)?;
    let divisor = divisor.checked_div(common).ok_or(Unpriced::Overflow)?;
    let numerator = Decimal::new(mantissa, scale).map_err(|_| Unpriced::Overflow)?;
    Ratio::new(numerator, divisor).map_err(|_| Unpriced::Overflow)
}

impl CostLine {
    pub(super) fn new(part: &Part, scale: u32, divisor: u64) -> Result<Self, Unpriced> {
        let Part { meter, quantity, rate, amount, .. } = *part;
        let rate = i128::try_from(rate).map_err(|_| Unpriced::Overflow)?;
        if divisor == 1 {
            let decimal =
                |mantissa: i128| Decimal::new(mantissa, scale).map_err(|_| Unpriced::Overflow);
            let (unit_price, amount) = (decimal(rate)?, decimal(amount)?);
            return Ok(Self { meter, quantity, unit_price, amount, exact: None });
        }
        let unit_price = ratio(rate, scale, divisor)?;
        let amount = ratio(amount, scale, divisor)?;
        let rounded = |ratio: Ratio| ratio.rounded().map_err(|_| Unpriced::Overflow);
        let is_exact = unit_price.divisor() == 1;
        Ok(Self {
            meter,
            quantity,
            unit_price: rounded(unit_price)?,
            amount: rounded(amount)?,
            exact: (!is_exact).then_some(ExactLine { unit_price, amount }),
        })
    }

    /// Gives what rounding left to the largest of the rounded lines, so that the decimals add up.
    pub(super) fn add_up(lines: &mut [Self], cost: Decimal) -> Result<(), Unpriced> {
        let overflow = |_| Unpriced::Overflow;
        let mut left = cost;
        for line in lines.iter() {
            left = left.checked_sub(line.amount).map_err(overflow)?;
        }
        let rounded = lines.iter_mut().filter(|line| line.exact.is_some());
        if let Some(largest) = rounded.max_by_key(|line| line.amount) {
            largest.amount = largest.amount.checked_add(left).map_err(overflow)?;
        }
        Ok(())
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
