//! Division, which is where exactness ends: one quotient, rounded once, half-even.

use super::{Decimal, DecimalError};

impl Decimal {
    /// `self / divisor`, rounded half-even at `places` decimals: for ratios, never for amounts that
    /// are added afterwards. `None` when the divisor is zero.
    ///
    /// # Errors
    ///
    /// [`DecimalError::Overflow`] when the digits do not fit 128 bits.
    pub fn quotient(self, divisor: Self, places: u32) -> Result<Option<Self>, DecimalError> {
        if divisor.is_zero() {
            return Ok(None);
        }
        let digits = divide(self, divisor, places).ok_or(DecimalError::Overflow)?;
        Self::new(digits, places).map(Some)
    }
}

/// The digits of the quotient, by long division: the dividend is never scaled up as a whole.
fn divide(dividend: Decimal, divisor: Decimal, places: u32) -> Option<i128> {
    let scale = dividend.scale().max(divisor.scale());
    let negative = dividend.is_negative() != divisor.is_negative();
    let dividend = dividend.mantissa_at(scale)?.unsigned_abs();
    let divisor = divisor.mantissa_at(scale)?.unsigned_abs();
    let mut quotient = dividend.checked_div(divisor)?;
    let mut rest = dividend.checked_rem(divisor)?;
    for _ in 0..places {
        let shifted = rest.checked_mul(10)?;
        quotient = quotient.checked_mul(10)?.checked_add(shifted.checked_div(divisor)?)?;
        rest = shifted.checked_rem(divisor)?;
    }
    let twice = rest.checked_mul(2)?;
    if twice > divisor || (twice == divisor && quotient.checked_rem(2)? != 0) {
        quotient = quotient.checked_add(1)?;
    }
    let magnitude = i128::try_from(quotient).ok()?;
    if negative { magnitude.checked_neg() } else { Some(magnitude) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::decimal::power_of_ten, *};

    #[test]
    fn rounds_half_to_even() {
        for (dividend, divisor, places, expected) in [
            ("943.20", "1257.60", 12, "0.75"),
            ("2", "3", 4, "0.6667"),
            ("-2", "3", 4, "-0.6667"),
            ("1", "8", 2, "0.12"),
            ("3", "8", 2, "0.38"),
            ("-1", "8", 2, "-0.12"),
            ("1", "-0.5", 0, "-2"),
            ("0", "7", 6, "0"),
        ] {
            let quotient = |text: &str| text.parse::<Decimal>().unwrap();
            let found = quotient(dividend).quotient(quotient(divisor), places).unwrap();
            assert_eq!(found.unwrap().to_string(), expected, "{dividend} / {divisor}");
        }
        assert_eq!(Decimal::ONE.quotient(Decimal::ZERO, 2), Ok(None));
        let largest = Decimal::from_integer(i128::MAX);
        assert_eq!(largest.quotient(Decimal::ONE, 1), Err(DecimalError::Overflow));
    }

    proptest! {
        #[test]
        fn is_within_half_a_unit(dividend in any::<i64>(), divisor in 1_i64.., places in 0_u32..=9) {
            let (dividend, divisor) = (i128::from(dividend), i128::from(divisor));
            let quotient = Decimal::from_integer(dividend)
                .quotient(Decimal::from_integer(divisor), places)
                .unwrap()
                .unwrap();
            let unit = power_of_ten(places).unwrap();
            let error = quotient.mantissa_at(places).unwrap() * divisor - dividend * unit;
            prop_assert!(2 * error.abs() <= divisor);
        }
    }
}
