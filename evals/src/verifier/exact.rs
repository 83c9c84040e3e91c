//! Exact numbers of texts and facts, and what a correct rounding is. Shares nothing with the checker.

use num_bigint::BigInt;
use num_rational::Ratio;
use num_traits::{One as _, Signed as _, Zero as _};

/// A rational of any size.
pub(crate) type Exact = Ratio<BigInt>;

/// Most that a rounding may be off, as a share of the exact value: one part in so many.
const OFF_MAX_PARTS: u32 = 20;
/// Fewest significant digits of a rounding.
const SIGNIFICANT_MIN: usize = 2;

/// The value of a plain decimal (`-1234.5`); `None` of anything else.
pub(crate) fn exact(text: &str) -> Option<Exact> {
    let (negative, plain) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = Exact::new(digits.parse::<BigInt>().ok()?, ten(fraction.len() as u32));
    Some(if negative { -value } else { value })
}

/// Ten to a power.
pub(crate) fn ten(power: u32) -> BigInt {
    BigInt::from(10_u8).pow(power)
}

/// A quotient as a rational.
pub(crate) fn ratio(numerator: i64, denominator: i64) -> Exact {
    Exact::new(numerator.into(), denominator.into())
}

/// Digits as shown: `4,147.68`, times ten to `power` (`k` is 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    value: Exact,
    /// The digits without separators, and how many of them are decimals.
    digits: String,
    decimals: u32,
    power: u32,
}

impl Shown {
    /// Reads English digits; separators must stand before each three.
    pub(crate) fn read(text: &str, power: u32) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let groups: Vec<&str> = whole.split(',').collect();
        let [first, others @ ..] = groups.as_slice() else { return None };
        let is_grouped = others.is_empty()
            || ((1..=3).contains(&first.len()) && others.iter().all(|group| group.len() == 3));
        if !is_grouped || (text.contains('.') && fraction.is_empty()) {
            return None;
        }
        let digits = format!("{}{fraction}", groups.concat());
        let value = exact(&format!("{}.{fraction}", groups.concat()))? * Exact::from(ten(power));
        Some(Self { value, digits, decimals: fraction.len() as u32, power })
    }

    /// What it says.
    pub(crate) fn value(&self) -> &Exact {
        &self.value
    }

    /// The value of one step of the last digit.
    pub(crate) fn step(&self) -> Exact {
        Exact::new(ten(self.power), ten(self.decimals))
    }

    /// Whether it is the size of an exact value or a correct rounding of it, under the most lenient
    /// reading: zeros at the end of a whole number may or may not be digits that count.
    pub(crate) fn may_round(&self, exact: &Exact) -> bool {
        let size = exact.abs();
        if self.value == size {
            return true;
        }
        let off = (&self.value - &size).abs();
        if &off * Exact::from_integer(OFF_MAX_PARTS.into()) > size {
            return false;
        }
        let zeros = if self.decimals > 0 {
            0
        } else {
            self.digits.len() - self.digits.trim_end_matches('0').len()
        };
        let significant = self.digits.trim_start_matches('0').len();
        (0..=zeros).any(|zeros| {
            let step = self.step() * Exact::from(ten(zeros as u32));
            &off + &off <= step && significant >= SIGNIFICANT_MIN + zeros
        })
    }

    /// Whether every stated digit is right: the strict reading, by which a text is made true.
    pub(crate) fn rounds(&self, exact: &Exact) -> bool {
        let off = (&self.value - exact.abs()).abs();
        self.may_round(exact) && (off.is_zero() || &off + &off <= self.step())
    }
}

/// Rounded half-even to so many decimals, in plain digits with a sign of `-`.
pub(crate) fn plain(value: &Exact, places: u32) -> String {
    let scaled = value.abs() * Exact::from(ten(places));
    let (floor, rest) = (scaled.floor(), scaled.fract());
    let half = ratio(1, 2);
    let mut whole = floor.to_integer();
    if rest > half || (rest == half && (&whole % BigInt::from(2_u8)).is_one()) {
        whole += 1;
    }
    let is_zero = whole.is_zero();
    let digits = whole.to_string();
    let digits = format!("{digits:0>width$}", width = places as usize + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places as usize);
    let sign = if value.is_negative() && !is_zero { "-" } else { "" };
    if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// English digit groups of plain digits.
pub(crate) fn grouped(plain: &str) -> String {
    let (whole, fraction) = plain.split_once('.').map_or((plain, None), |(a, b)| (a, Some(b)));
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_rounding() {
        for (shown, power, value, may, strictly) in [
            ("4,147.68", 0, "4147.683112", true, true),
            ("4,147.69", 0, "4147.683112", false, false),
            ("4,148", 0, "-4147.683112", true, true),
            ("4,100", 0, "4147.683112", true, false),
            ("4,000", 0, "4147.683112", false, false),
            ("4.1", 3, "4147.683112", true, true),
            ("4", 3, "4147.683112", false, false),
            ("1", 3, "1499", false, false),
            ("5", 0, "5", true, true),
            ("5", 0, "5.2", false, false),
            ("0.5", 0, "0.52", false, false),
            ("0.52", 0, "0.5249", true, true),
            ("2.5", 0, "2.45", true, true),
            ("1200", 0, "1234", true, false),
        ] {
            let shown = Shown::read(shown, power).unwrap();
            let value = exact(value).unwrap();
            assert_eq!(
                (shown.may_round(&value), shown.rounds(&value)),
                (may, strictly),
                "{shown:?}"
            );
        }
    }

    #[test]
    fn digits_are_grouped_by_three_or_not_read() {
        assert!(Shown::read("1,234,567.5", 0).is_some());
        for text in ["1,23", "1234,567", "1.", "1.2.3", "", ",123"] {
            assert_eq!(Shown::read(text, 0), None, "{text}");
        }
        assert_eq!(grouped(&plain(&exact("1234567.125").unwrap(), 2)), "1,234,567.12");
        assert_eq!(plain(&exact("-0.004").unwrap(), 2), "0.00");
        assert_eq!(plain(&exact("-12.5").unwrap(), 0), "-12");
    }
}
