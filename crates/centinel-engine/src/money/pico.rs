//! Booked amounts: 128-bit integers of pico-units (12 decimals).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Currency, Decimal, DecimalError, MoneyError, decimal::power_of_ten};

/// An amount in pico-units (10^-12) of some currency; the unit of every ledger line and sum.
///
/// Range: about ±1.7e26 currency units. Wire form: a decimal string.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pico(pub i128);

/// An exact cost after it was booked: `amount + remainder × 10^-30` is the exact cost, as long as that
/// has at most 30 decimals (the next ones are cut off, toward zero).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rounded {
    /// The booked amount, rounded half-even at 12 decimals.
    pub amount: Pico,
    /// What the rounding took away, in units of 10^-30; at most half a pico-unit either way.
    pub remainder_quecto: i64,
}

impl Pico {
    /// Decimals of the unit.
    pub const SCALE: u32 = 12;
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// One currency unit.
    pub const ONE: Self = Self(1_000_000_000_000);

    /// Exact sum.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// Exact difference.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_sub(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// Exact sum of many.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// The same value as a [`Decimal`]; always exact.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, Self::SCALE).unwrap_or(Decimal::ZERO)
    }

    /// Books an exact cost: rounds half-even at 12 decimals, keeps what was cut off.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`] when the amount does not fit.
    pub fn round_half_even(exact: Decimal) -> Result<Rounded, MoneyError> {
        Rounded::half_even(exact.mantissa(), exact.scale(), 1).ok_or(MoneyError::Overflow)
    }

    /// The amount at `places` decimals, rounded half-even: for reading, never for sums.
    pub fn to_display(self, places: u32) -> Decimal {
        let unit = power_of_ten(Self::SCALE.saturating_sub(places)).unwrap_or(1);
        let rounded = div_half_even(self.0, unit).map_or(self.0, |(quotient, _)| quotient);
        Decimal::new(rounded, places.min(Self::SCALE)).unwrap_or(Decimal::ZERO)
    }

    /// The nearest `f64`, for statistics only. Never turned back into money.
    #[expect(clippy::cast_precision_loss, reason = "statistics accept the nearest float")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e12
    }
}

impl Rounded {
    /// Books `mantissa × 10^-scale / divisor`: rounds half-even at 12 decimals, keeps what was cut
    /// off. `None` when the amount does not fit.
    pub(crate) fn half_even(mantissa: i128, scale: u32, divisor: u64) -> Option<Self> {
        let missing = power_of_ten(Pico::SCALE.saturating_sub(scale))?;
        let mantissa = mantissa.checked_mul(missing)?;
        let scale = scale.max(Pico::SCALE);
        let places = power_of_ten(scale.checked_sub(Pico::SCALE)?)?;
        let (amount, rest) = div_half_even(mantissa, places.checked_mul(divisor.into())?)?;
        // `rest` counts 10^-scale over the divisor; half a pico-unit is 5e17 of 10^-30.
        let rest = match 30_u32.checked_sub(scale) {
            Some(places) => rest.checked_mul(power_of_ten(places)?)?,
            None => rest.checked_div(power_of_ten(scale.checked_sub(30)?)?)?,
        };
        let remainder_quecto = i64::try_from(rest.checked_div(divisor.into())?).ok()?;
        Some(Self { amount: Pico(amount), remainder_quecto })
    }
}

/// Quotient rounded half-even, and the signed rest (`value - quotient × unit`); `unit` is positive.
fn div_half_even(value: i128, unit: i128) -> Option<(i128, i128)> {
    let quotient = value.checked_div_euclid(unit)?;
    let rest = value.checked_rem_euclid(unit)?;
    let twice = rest.checked_mul(2)?;
    let up = twice > unit || (twice == unit && quotient.checked_rem(2)? != 0);
    if up {
        Some((quotient.checked_add(1)?, rest.checked_sub(unit)?))
    } else {
        Some((quotient, rest))
    }
}

impl TryFrom<Decimal> for Pico {
    type Error = MoneyError;

    /// Exact conversion; a value with more than 12 decimals is an overflow, not a rounding.
    fn try_from(value: Decimal) -> Result<Self, MoneyError> {
        value.mantissa_at(Self::SCALE).map(Self).ok_or(MoneyError::Overflow)
    }
}

impl FromStr for Pico {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let value: Decimal = text.parse()?;
        Self::try_from(value).map_err(|_| DecimalError::TooLong(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Pico {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_decimal(), f)
    }
}

impl fmt::Debug for Pico {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Pico {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pico {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// An amount with its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// How much, in pico-units.
    pub amount: Pico,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// Zero of a currency.
    pub fn zero(currency: Currency) -> Self {
        Self { amount: Pico::ZERO, currency }
    }

    /// Exact sum of one currency.
    ///
    /// # Errors
    ///
    /// [`MoneyError::MixedCurrencies`] or [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::MixedCurrencies(self.currency, other.currency));
        }
        Ok(Self { amount: self.amount.checked_add(other.amount)?, currency: self.currency })
    }
}

impl fmt::Display for Money {
    /// `$1,234.50` for dollars, `1,234.50 EUR` for the rest: two decimals, half-even, for reading.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = grouped(self.amount.to_display(2), 2);
        match (self.currency, text.strip_prefix('-')) {
            (Currency::USD, Some(positive)) => f.pad(&format!("−${positive}")),
            (Currency::USD, None) => f.pad(&format!("${text}")),
            (currency, Some(positive)) => f.pad(&format!("−{positive} {currency}")),
            (currency, None) => f.pad(&format!("{text} {currency}")),
        }
    }
}

impl Money {
    /// `$0.00555` where the display is `$0.01`: what one of many costs. Below one unit at least three
    /// significant digits, half-even; from there on the display.
    pub fn to_unit_cost(self) -> String {
        let size = self.amount.0.unsigned_abs();
        if size == 0 || size >= Pico::ONE.0.unsigned_abs() {
            return self.to_string();
        }
        let places = Pico::SCALE.saturating_add(2).saturating_sub(size.ilog10()).min(Pico::SCALE);
        let digits = self.amount.to_display(places).to_string();
        let (sign, digits) =
            digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("−", rest));
        if self.currency == Currency::USD {
            format!("{sign}${digits}")
        } else {
            format!("{sign}{digits} {}", self.currency)
        }
    }

    /// `$1,235` where the display is `$1,234.50`: an estimate, of which cents would claim too much.
    /// Below 100 units the cents stay.
    pub fn to_estimate(self) -> String {
        let whole = self.amount.to_display(0);
        if whole.mantissa().unsigned_abs() < 100 {
            return self.to_string();
        }
        let text = grouped(whole, 0);
        match (self.currency, text.strip_prefix('-')) {
            (Currency::USD, Some(positive)) => format!("−${positive}"),
            (Currency::USD, None) => format!("${text}"),
            (currency, Some(positive)) => format!("−{positive} {currency}"),
            (currency, None) => format!("{text} {currency}"),
        }
    }
}

/// English digit groups and exactly `places` decimals: `-1,234.50`.
pub(crate) fn grouped(value: Decimal, places: usize) -> String {
    let plain = value.to_string();
    let (sign, plain) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let mut text = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && whole.len().saturating_sub(index).checked_rem(3) == Some(0) {
            text.push(',');
        }
        text.push(digit);
    }
    if places > 0 {
        text.push('.');
        text.push_str(fraction);
        text.extend(std::iter::repeat_n('0', places.saturating_sub(fraction.len())));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rounded(text: &str) -> (String, i64) {
        let rounded = Pico::round_half_even(text.parse().unwrap()).unwrap();
        (rounded.amount.to_string(), rounded.remainder_quecto)
    }

    #[test]
    fn what_one_of_many_costs_keeps_its_digits() {
        let check = |amount: &str, currency, expected: &str| {
            let money = Money { amount: amount.parse().unwrap(), currency };
            assert_eq!(money.to_unit_cost(), expected, "{amount}");
        };
        check("0.00555", Currency::USD, "$0.00555");
        check("0.123456", Currency::USD, "$0.123");
        check("-0.0000123456", Currency::EUR, "−0.0000123 EUR");
        check("0.000000000001", Currency::USD, "$0.000000000001");
        check("0", Currency::USD, "$0.00");
        check("12.3456", Currency::USD, "$12.35");
    }

    #[test]
    fn rounds_half_to_even_and_keeps_the_rest() {
        assert_eq!(rounded("1.5"), ("1.5".into(), 0));
        assert_eq!(rounded("0.0000000000005"), ("0".into(), 500_000_000_000_000_000));
        assert_eq!(rounded("0.0000000000015"), ("0.000000000002".into(), -500_000_000_000_000_000));
        assert_eq!(rounded("-0.0000000000005"), ("0".into(), -500_000_000_000_000_000));
        assert_eq!(
            rounded("-0.0000000000015"),
            ("-0.000000000002".into(), 500_000_000_000_000_000)
        );
        assert_eq!(
            rounded("0.000000000000400000000000000004"),
            ("0".into(), 400_000_000_000_000_004)
        );
    }

    #[test]
    fn reads_for_people() {
        let money =
            |text: &str, currency| Money { amount: text.parse().unwrap(), currency }.to_string();
        assert_eq!(money("1234567.895", Currency::USD), "$1,234,567.90");
        assert_eq!(money("-301.125", Currency::USD), "−$301.12");
        assert_eq!(money("0", Currency::EUR), "0.00 EUR");
        assert_eq!(money("999.999", Currency::EUR), "1,000.00 EUR");
    }

    #[test]
    fn currencies_never_mix() {
        let sum = Money::zero(Currency::USD).checked_add(Money::zero(Currency::EUR));
        assert_eq!(sum, Err(MoneyError::MixedCurrencies(Currency::USD, Currency::EUR)));
    }

    #[test]
    fn money_is_a_string_not_a_number() {
        assert_eq!(serde_json::to_string(&Pico::ONE).unwrap(), "\"1\"");
        assert!(serde_json::from_str::<Pico>("1.5").is_err());
    }

    proptest! {
        #[test]
        fn amount_and_remainder_restore_the_exact_cost(mantissa in any::<i64>(), scale in 0_u32..=30) {
            let exact = Decimal::new(mantissa.into(), scale).unwrap();
            let Rounded { amount, remainder_quecto } = Pico::round_half_even(exact).unwrap();
            let remainder = Decimal::new(remainder_quecto.into(), 30).unwrap();
            prop_assert_eq!(amount.to_decimal().checked_add(remainder).unwrap(), exact);
            prop_assert!(remainder_quecto.abs() <= 500_000_000_000_000_000);
        }
    }
}
