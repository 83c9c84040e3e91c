//! Exact fractions: what a factor, or a price per unit, is where no finite decimal is.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::money::{Decimal, DecimalError, power_of_ten};

/// An exact fraction: a decimal over a whole number.
///
/// Kept normal: the divisor has no factor 2 or 5 (those are digits of the decimal) and shares no
/// factor with it, so equal values are equal structs, and the divisor is 1 exactly where the value
/// is a finite decimal. Reads `1.1`, `11/10` and `1/3`; prints the decimal where there is one, else
/// the fraction.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    numerator: Decimal,
    divisor: u64,
}

impl Ratio {
    /// Zero.
    pub const ZERO: Self = Self { numerator: Decimal::ZERO, divisor: 1 };
    /// One.
    pub const ONE: Self = Self { numerator: Decimal::ONE, divisor: 1 };
    /// Places that a fraction is shown with where it must stand as a decimal.
    pub const PLACES: u32 = 30;

    /// `numerator / divisor`.
    ///
    /// # Errors
    ///
    /// [`DecimalError::Overflow`] when the divisor is zero or the digits do not fit.
    pub fn new(numerator: Decimal, mut divisor: u64) -> Result<Self, DecimalError> {
        if divisor == 0 {
            return Err(DecimalError::Overflow);
        }
        // A factor of ten in the divisor is a place of the decimal: 1/2 is 0.5, 1/5 is 0.2.
        let (mut mantissa, mut scale) = (numerator.mantissa(), numerator.scale());
        for (factor, other) in [(2, 5), (5, 2)] {
            while divisor.checked_rem(factor) == Some(0) {
                divisor = divisor.checked_div(factor).ok_or(DecimalError::Overflow)?;
                mantissa = mantissa.checked_mul(other).ok_or(DecimalError::Overflow)?;
                scale = scale.checked_add(1).ok_or(DecimalError::Overflow)?;
            }
        }
        let common = gcd(mantissa.unsigned_abs(), u128::from(divisor));
        let common_signed = i128::try_from(common).map_err(|_| DecimalError::Overflow)?;
        let divisor = u128::from(divisor).checked_div(common).ok_or(DecimalError::Overflow)?;
        let mantissa = mantissa.checked_div(common_signed).ok_or(DecimalError::Overflow)?;
        Ok(Self {
            numerator: Decimal::new(mantissa, scale)?,
            divisor: u64::try_from(divisor).map_err(|_| DecimalError::Overflow)?,
        })
    }

    /// The decimal over the [divisor](Self::divisor).
    pub fn numerator(self) -> Decimal {
        self.numerator
    }

    /// What the decimal is divided by; 1 for finite decimals.
    pub fn divisor(self) -> u64 {
        self.divisor
    }

    /// The value, where it is a finite decimal.
    pub fn to_decimal(self) -> Option<Decimal> {
        (self.divisor == 1).then_some(self.numerator)
    }

    /// The value as a decimal, rounded half-even at [`Self::PLACES`] where it is none.
    ///
    /// # Errors
    ///
    /// [`DecimalError::Overflow`] when the digits do not fit.
    pub fn rounded(self) -> Result<Decimal, DecimalError> {
        if self.divisor == 1 {
            return Ok(self.numerator);
        }
        let divisor = Decimal::from_integer(self.divisor.into());
        self.numerator.quotient(divisor, Self::PLACES)?.ok_or(DecimalError::Overflow)
    }

    /// Whether this is exactly zero.
    pub fn is_zero(self) -> bool {
        self.numerator.is_zero()
    }

    /// Whether this is below zero.
    pub fn is_negative(self) -> bool {
        self.numerator.is_negative()
    }

    /// Exact product.
    pub fn checked_mul(self, other: Self) -> Result<Self, DecimalError> {
        let numerator = self.numerator.checked_mul(other.numerator)?;
        let divisor = self.divisor.checked_mul(other.divisor).ok_or(DecimalError::Overflow)?;
        Self::new(numerator, divisor)
    }

    /// Exact quotient by a positive whole number.
    pub fn checked_div_integer(self, by: u64) -> Result<Self, DecimalError> {
        Self::new(self.numerator, self.divisor.checked_mul(by).ok_or(DecimalError::Overflow)?)
    }
}

/// Greatest common divisor; of zero and `n` it is `n`.
pub(super) fn gcd(mut a: u128, mut b: u128) -> u128 {
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a
}

impl From<Decimal> for Ratio {
    fn from(value: Decimal) -> Self {
        Self { numerator: value, divisor: 1 }
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = self.numerator.checked_mul_integer(other.divisor.into());
        let right = other.numerator.checked_mul_integer(self.divisor.into());
        match (left, right) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            // Beyond 128 bits: the whole parts decide, then the representation, so that the order
            // stays total.
            _ => (whole(*self), self.divisor, self.numerator).cmp(&(
                whole(*other),
                other.divisor,
                other.numerator,
            )),
        }
    }
}

fn whole(ratio: Ratio) -> i128 {
    let unit = power_of_ten(ratio.numerator.scale()).unwrap_or(i128::MAX);
    let whole = ratio.numerator.mantissa().checked_div(unit).unwrap_or(0);
    whole.checked_div(i128::from(ratio.divisor)).unwrap_or(0)
}

impl FromStr for Ratio {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let Some((numerator, divisor)) = text.split_once('/') else {
            return text.parse().map(Decimal::into);
        };
        let (numerator, divisor): (Decimal, Decimal) = (numerator.parse()?, divisor.parse()?);
        let shown = || DecimalError::NotANumber(text.chars().take(40).collect());
        let whole = u64::try_from(divisor.mantissa()).map_err(|_| shown())?;
        if whole == 0 {
            return Err(shown());
        }
        let places = power_of_ten(divisor.scale()).ok_or(DecimalError::Overflow)?;
        Self::new(numerator.checked_mul_integer(places)?, whole)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.divisor == 1 {
            return fmt::Display::fmt(&self.numerator, f);
        }
        let mantissa = self.numerator.mantissa();
        let places = power_of_ten(self.numerator.scale()).unwrap_or(1).unsigned_abs();
        // The divisor shares no factor with the mantissa, but the places may: 0.2/3 is 1/15.
        let common = gcd(mantissa.unsigned_abs(), places);
        let divided = |value: u128| value.checked_div(common).unwrap_or(value);
        let sign = if mantissa < 0 { "-" } else { "" };
        let divisor = divided(places).checked_mul(self.divisor.into());
        match divisor {
            Some(divisor) => {
                f.pad(&format!("{sign}{}/{divisor}", divided(mantissa.unsigned_abs())))
            }
            None => f.pad(&format!("{}/{}", self.numerator, self.divisor)),
        }
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    /// Accepts a string only, like [`Decimal`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(written: &str, shown: &str) {
        let ratio: Result<Ratio, _> = written.parse();
        assert_eq!(ratio.map_or_else(|e| e.to_string(), |r| r.to_string()), shown, "{written}");
    }

    #[test]
    fn reads_decimals_and_fractions() {
        check("1.1", "1.1");
        check("11/10", "1.1");
        check("1/3", "1/3");
        check("2/6", "1/3");
        check("0.2/3", "1/15");
        check("3/1.5", "2");
        check("-1/3", "-1/3");
        check("7/14", "0.5");
        check("22/7", "22/7");
        check("0/3", "0");
        check("1/0", "`1/0` is not a decimal number");
        check("1/-3", "`1/-3` is not a decimal number");
        check("a/3", "`a` is not a decimal number");
        check("1/3/5", "`3/5` is not a decimal number");
    }

    #[test]
    fn a_third_is_rounded_only_where_it_is_shown() {
        let third: Ratio = "1/3".parse().unwrap();
        assert_eq!(third.to_decimal(), None);
        assert_eq!(third.rounded().unwrap().to_string(), format!("0.{}", "3".repeat(30)));
        assert_eq!(third.checked_mul("3".parse().unwrap()).unwrap(), Ratio::ONE);
        assert_eq!(third.checked_div_integer(7).unwrap().to_string(), "1/21");
        assert!(third < "0.34".parse().unwrap() && third > "0.333333".parse().unwrap());
    }

    proptest! {
        #[test]
        fn products_agree_with_fractions(
            a in -100_000_i128..100_000, b in 1_u64..5000, c in -100_000_i128..100_000,
            d in 1_u64..5000,
        ) {
            let ratio = |n: i128, d: u64| Ratio::new(Decimal::from_integer(n), d).unwrap();
            let (x, y) = (ratio(a, b), ratio(c, d));
            prop_assert_eq!(x.checked_mul(y).unwrap(), ratio(a * c, b * d));
            prop_assert_eq!(x.cmp(&y), (a * i128::from(d)).cmp(&(c * i128::from(b))));
            prop_assert_eq!(x.to_string().parse::<Ratio>().unwrap(), x);
        }
    }
}
