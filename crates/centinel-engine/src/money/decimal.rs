//! Finite decimals: what a price list, a bill or a person wrote, digit for digit.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// An exact decimal: `mantissa × 10^-scale`.
///
/// Kept normal (no trailing zero in the fraction), so equal values are equal structs. Reads plain
/// and exponent notation (`0.0000025`, `2.5e-06`); prints plain notation. All arithmetic is exact or
/// an [`DecimalError::Overflow`]; nothing here rounds.
///
/// In JSON a decimal is a string; a JSON number is read only through its digits
/// ([`Decimal::from_str`] on a raw value), never through a float.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// Why a text is no decimal, or an exact result does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The text is not a number in plain or exponent notation.
    #[error("`{0}` is not a decimal number")]
    NotANumber(String),
    /// The text groups its digits.
    #[error("`{0}` is not a decimal (no thousands separators)")]
    Separators(String),
    /// More digits than 38, or more than [`Decimal::MAX_SCALE`] after the point.
    #[error("`{0}` has more digits than can be kept exactly")]
    TooLong(String),
    /// An exact result does not fit.
    #[error("the exact result does not fit 128 bits")]
    Overflow,
}

const fn power_table() -> [i128; 39] {
    let mut table = [1_i128; 39];
    let mut index = 1;
    while index < 39 {
        #[expect(
            clippy::arithmetic_side_effects,
            clippy::indexing_slicing,
            reason = "evaluated by the compiler: 10^38 fits i128, and an overflow would not compile"
        )]
        {
            table[index] = table[index - 1] * 10;
            index += 1;
        }
    }
    table
}

const POWERS_OF_TEN: [i128; 39] = power_table();

/// `10^exponent`, while it fits 128 bits (exponent at most 38).
pub(crate) fn power_of_ten(exponent: u32) -> Option<i128> {
    POWERS_OF_TEN.get(usize::try_from(exponent).ok()?).copied()
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };
    /// One.
    pub const ONE: Self = Self { mantissa: 1, scale: 0 };
    /// Most digits after the point. Shortest-form floats in public price lists reach 24; a
    /// multiplier adds two or three.
    pub const MAX_SCALE: u32 = 36;

    /// `mantissa × 10^-scale`, in normal form.
    ///
    /// # Errors
    ///
    /// [`DecimalError::Overflow`] when `scale`, after trailing zeros are removed, exceeds
    /// [`Self::MAX_SCALE`].
    pub fn new(mantissa: i128, scale: u32) -> Result<Self, DecimalError> {
        let value = Self { mantissa, scale }.normal();
        if value.scale > Self::MAX_SCALE { Err(DecimalError::Overflow) } else { Ok(value) }
    }

    /// A whole number.
    pub fn from_integer(value: i128) -> Self {
        Self { mantissa: value, scale: 0 }
    }

    /// The digits, without the point.
    pub fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// How many of the digits stand after the point.
    pub fn scale(self) -> u32 {
        self.scale
    }

    /// Whether this is exactly zero.
    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Whether this is below zero.
    pub fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// The digits that the value has at a given scale; `None` when it needs more, or overflows.
    pub fn mantissa_at(self, scale: u32) -> Option<i128> {
        self.mantissa.checked_mul(power_of_ten(scale.checked_sub(self.scale)?)?)
    }

    /// Exact sum.
    pub fn checked_add(self, other: Self) -> Result<Self, DecimalError> {
        let scale = self.scale.max(other.scale);
        let sum = self
            .mantissa_at(scale)
            .zip(other.mantissa_at(scale))
            .and_then(|(left, right)| left.checked_add(right));
        Self::new(sum.ok_or(DecimalError::Overflow)?, scale)
    }

    /// Exact difference.
    pub fn checked_sub(self, other: Self) -> Result<Self, DecimalError> {
        self.checked_add(other.checked_neg()?)
    }

    /// Exact negation.
    pub fn checked_neg(self) -> Result<Self, DecimalError> {
        let mantissa = self.mantissa.checked_neg().ok_or(DecimalError::Overflow)?;
        Ok(Self { mantissa, scale: self.scale })
    }

    /// Exact product.
    pub fn checked_mul(self, other: Self) -> Result<Self, DecimalError> {
        let mantissa = self.mantissa.checked_mul(other.mantissa).ok_or(DecimalError::Overflow)?;
        let scale = self.scale.checked_add(other.scale).ok_or(DecimalError::Overflow)?;
        Self::new(mantissa, scale)
    }

    /// Exact product with a count of tokens, calls or hours.
    pub fn checked_mul_integer(self, count: i128) -> Result<Self, DecimalError> {
        Self::new(self.mantissa.checked_mul(count).ok_or(DecimalError::Overflow)?, self.scale)
    }

    /// The nearest `f64`, for statistics only. Never turned back into money.
    #[expect(clippy::cast_precision_loss, reason = "statistics accept the nearest float")]
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 / 10_f64.powi(i32::try_from(self.scale).unwrap_or(i32::MAX))
    }

    fn normal(mut self) -> Self {
        if self.mantissa == 0 {
            return Self::ZERO;
        }
        while self.scale > 0 && self.mantissa.checked_rem(10) == Some(0) {
            self.mantissa = self.mantissa.checked_div(10).unwrap_or(self.mantissa);
            self.scale = self.scale.saturating_sub(1);
        }
        self
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        match (self.mantissa_at(scale), other.mantissa_at(scale)) {
            (Some(left), Some(right)) => left.cmp(&right),
            // Only one side can overflow: the one with fewer decimals, whose magnitude then decides.
            (None, _) => self.mantissa.cmp(&0),
            (_, None) => 0.cmp(&other.mantissa),
        }
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let shown = || text.chars().take(40).collect::<String>();
        let trimmed = text.trim();
        let (number, exponent) = match trimmed.split_once(['e', 'E']) {
            Some((number, exponent)) => {
                let exponent: i32 =
                    exponent.parse().map_err(|_| DecimalError::NotANumber(shown()))?;
                (number, exponent)
            }
            None => (trimmed, 0),
        };
        let (negative, digits) = match number.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let mut mantissa: i128 = 0;
        let mut scale: i64 = 0;
        let (mut seen_point, mut seen_digit) = (false, false);
        for byte in digits {
            match byte {
                b'0'..=b'9' => {
                    seen_digit = true;
                    let digit = i128::from(byte.saturating_sub(b'0'));
                    mantissa = mantissa
                        .checked_mul(10)
                        .and_then(|shifted| shifted.checked_add(digit))
                        .ok_or_else(|| DecimalError::TooLong(shown()))?;
                    if seen_point {
                        scale = scale.saturating_add(1);
                    }
                }
                b'.' if !seen_point => seen_point = true,
                b',' | b'_' | b'\'' | b' ' if seen_digit => {
                    return Err(DecimalError::Separators(shown()));
                }
                _ => return Err(DecimalError::NotANumber(shown())),
            }
        }
        if !seen_digit {
            return Err(DecimalError::NotANumber(shown()));
        }
        if negative {
            mantissa = mantissa.saturating_neg();
        }
        if mantissa == 0 {
            return Ok(Self::ZERO);
        }
        scale = scale.saturating_sub(i64::from(exponent));
        let (mantissa, scale) = match u32::try_from(scale) {
            Ok(scale) => (Some(mantissa), scale),
            // A positive exponent beyond the digits: append zeros.
            Err(_) => {
                let zeros = u32::try_from(scale.saturating_neg()).ok().and_then(power_of_ten);
                (zeros.and_then(|zeros| mantissa.checked_mul(zeros)), 0)
            }
        };
        mantissa
            .and_then(|mantissa| Self::new(mantissa, scale).ok())
            .ok_or_else(|| DecimalError::TooLong(shown()))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs().to_string();
        let scale = usize::try_from(self.scale).unwrap_or(usize::MAX);
        let mut text = String::new();
        if scale == 0 {
            text.push_str(&digits);
        } else if let Some((whole, fraction)) = digits
            .len()
            .checked_sub(scale)
            .filter(|&whole| whole > 0)
            .and_then(|whole| digits.split_at_checked(whole))
        {
            text.push_str(whole);
            text.push('.');
            text.push_str(fraction);
        } else {
            text.push_str("0.");
            text.extend(std::iter::repeat_n('0', scale.saturating_sub(digits.len())));
            text.push_str(&digits);
        }
        f.pad_integral(self.mantissa >= 0, "", &text)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    /// Accepts a string only: a JSON number has already been through a float in most writers.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_price_lists_write() {
        for (written, plain) in [
            ("0", "0"),
            ("-0.000", "0"),
            ("2.5e-06", "0.0000025"),
            ("1E3", "1000"),
            ("1.25e2", "125"),
            ("0.00000080000", "0.0000008"),
            ("2.9999900000000002e-06", "0.0000029999900000000002"),
            ("5.0000000000000004e-08", "0.000000050000000000000004"),
            ("+7.", "7"),
            (".5", "0.5"),
            ("-12.30", "-12.3"),
        ] {
            assert_eq!(decimal(written).to_string(), plain, "{written}");
        }
    }

    #[test]
    fn refuses_what_is_no_number() {
        for bad in ["", " ", "abc", "NaN", "Infinity", "1.2.3", "--1", "1e", "1e1.5", "$5", "."] {
            assert!(matches!(bad.parse::<Decimal>(), Err(DecimalError::NotANumber(_))), "{bad}");
        }
        assert!(matches!("1,204.50".parse::<Decimal>(), Err(DecimalError::Separators(_))));
        assert!(matches!("1e-99".parse::<Decimal>(), Err(DecimalError::TooLong(_))));
        assert!(matches!("1e40".parse::<Decimal>(), Err(DecimalError::TooLong(_))));
    }

    #[test]
    fn compares_by_value() {
        assert!(decimal("0.1") < decimal("0.11"));
        assert!(decimal("-0.2") < decimal("0.1"));
        assert!(decimal("1e30") > decimal("1e-30"));
        assert!(decimal("-1e30") < decimal("1e-30"));
    }

    #[test]
    fn json_is_a_string() {
        assert_eq!(serde_json::to_string(&decimal("0.10")).unwrap(), "\"0.1\"");
        assert!(serde_json::from_str::<Decimal>("0.1").is_err());
    }

    proptest! {
        #[test]
        fn print_then_read_is_identity(mantissa in any::<i64>(), scale in 0_u32..=30) {
            let value = Decimal::new(mantissa.into(), scale).unwrap();
            prop_assert_eq!(decimal(&value.to_string()), value);
        }

        #[test]
        fn arithmetic_agrees_with_fractions(
            a in -1_000_000_000_i128..1_000_000_000, b in -1_000_000_000_i128..1_000_000_000,
            s in 0_u32..8, t in 0_u32..8,
        ) {
            let (x, y) = (Decimal::new(a, s).unwrap(), Decimal::new(b, t).unwrap());
            let sum = a * 10_i128.pow(t) + b * 10_i128.pow(s);
            prop_assert_eq!(x.checked_add(y).unwrap(), Decimal::new(sum, s + t).unwrap());
            prop_assert_eq!(x.checked_mul(y).unwrap(), Decimal::new(a * b, s + t).unwrap());
            prop_assert_eq!(x.checked_sub(y).unwrap().checked_add(y).unwrap(), x);
            prop_assert_eq!(x.cmp(&y), (a * 10_i128.pow(t)).cmp(&(b * 10_i128.pow(s))));
        }
    }
}
