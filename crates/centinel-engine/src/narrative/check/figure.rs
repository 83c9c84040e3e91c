//! Numbers as prose writes them, and whether one is a correct rounding of a fact.

use crate::money::{Currency, Decimal};

/// What stands with a number and says what kind of figure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Marker {
    /// Nothing.
    #[default]
    None,
    /// `%`, `percent`.
    Percent,
    /// `points`, `pp`; basis points are converted.
    Points,
    /// `x`, `times`, `-fold`.
    Times,
    /// `2nd`, `#2`.
    Place,
}

/// A number in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figure {
    /// Its size, without a sign, with `k` or `million` multiplied in.
    pub(super) size: Decimal,
    /// What one in the last digit shown is worth.
    pub(super) step: Decimal,
    /// Zeros at the end of a whole number: they may be digits or only show where the others stand.
    pub(super) zeros: u32,
    /// Significant digits, these zeros among them.
    pub(super) digits: u32,
    /// Written with a sign; true below zero.
    pub(super) is_negative: Option<bool>,
    /// Its currency.
    pub(super) currency: Option<Currency>,
    /// What kind it says it is.
    pub(super) marker: Marker,
    /// Why it is no number in English form.
    pub(super) fault: Option<&'static str>,
}

/// Words before a number that make it a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// `nearly`, `almost`, `just under`, `less than`.
    Below,
    /// `more than`, `just over`.
    Above,
    /// `over`, which is also said of a time and of what something is divided by.
    Over,
    /// `at most`, `up to`.
    AtMost,
    /// `at least`.
    AtLeast,
}

/// Reads `1,234.56`: size, step, trailing zeros, significant digits.
pub(super) fn read(body: &str) -> Result<Figure, &'static str> {
    const FORM: &str = "is not a number in English form, as in `1,234.56`";
    let (whole, fraction) = match body.split_once('.') {
        Some((_, fraction)) if fraction.contains(['.', ',']) => return Err(FORM),
        Some((whole, fraction)) => (whole, fraction),
        None => (body, ""),
    };
    if whole.contains(',') {
        let mut groups = whole.split(',');
        let first = groups.next().unwrap_or_default();
        let is_grouped = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
        if !is_grouped || first.starts_with('0') {
            return Err(FORM);
        }
    }
    let whole: String = whole.chars().filter(|c| *c != ',').collect();
    if whole.len() > 1 && whole.starts_with('0') {
        return Err("begins with a zero");
    }
    let plain = if fraction.is_empty() { whole.clone() } else { format!("{whole}.{fraction}") };
    let size: Decimal = plain.parse().map_err(|_| "has more digits than can be checked")?;
    let places = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
    let step = Decimal::new(1, places).map_err(|_| "has more digits than can be checked")?;
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let zeros = if fraction.is_empty() {
        significant.len().saturating_sub(significant.trim_end_matches('0').len())
    } else {
        0
    };
    Ok(Figure {
        size,
        step,
        zeros: u32::try_from(zeros).unwrap_or(0),
        digits: u32::try_from(significant.len()).unwrap_or(u32::MAX),
        is_negative: None,
        currency: None,
        marker: Marker::None,
        fault: None,
    })
}

impl Figure {
    /// The same number of a larger or smaller unit.
    pub(super) fn scaled(mut self, by: Decimal) -> Self {
        match (self.size.checked_mul(by), self.step.checked_mul(by)) {
            (Ok(size), Ok(step)) => {
                self.size = size;
                self.step = step;
            }
            _ => self.fault = Some("has more digits than can be checked"),
        }
        self
    }

    /// Whether it is a correct rounding of an exact size: within half a step of the last significant
    /// digit, with two of those at least, and at most 5 % off; or the very value.
    pub(super) fn rounds(&self, exact: Decimal) -> bool {
        let exact = magnitude(exact);
        if self.size == exact {
            return true;
        }
        let Some(off) = difference(self.size, exact) else { return false };
        let mut step = Some(self.step);
        for zeros in 0..=self.zeros {
            if self.digits.saturating_sub(zeros) < 2 {
                return false;
            }
            let is_near = step.zip(times(off, 2)).is_some_and(|(step, twice)| twice <= step);
            if is_near {
                return times(off, 20).is_some_and(|scaled| scaled <= exact);
            }
            step = step.and_then(|step| times(step, 10));
        }
        false
    }

    /// Whether an exact size stands to it as a bound says, and is at most 5 % away.
    pub(super) fn bounds(&self, bound: Bound, exact: Decimal) -> bool {
        let exact = magnitude(exact);
        let is_side = match bound {
            Bound::Below => exact < self.size,
            Bound::Above => exact > self.size,
            Bound::Over => exact > self.size || self.rounds(exact),
            Bound::AtMost => exact <= self.size,
            Bound::AtLeast => exact >= self.size,
        };
        let off = difference(self.size, exact).and_then(|off| times(off, 20));
        is_side && off.is_some_and(|off| off <= self.size)
    }
}

/// Whether a value lies between bounds in thousandths of `of`, both included.
pub(super) fn is_between(value: Decimal, (low, high): (i128, i128), of: i128) -> bool {
    let scaled = times(value, 1000);
    let bound = |bound: i128| bound.checked_mul(of).map(Decimal::from_integer);
    scaled
        .zip(bound(low))
        .zip(bound(high))
        .is_some_and(|((value, low), high)| low <= value && value <= high)
}

/// A value without its sign.
pub(super) fn magnitude(value: Decimal) -> Decimal {
    if value.is_negative() { value.checked_neg().unwrap_or(value) } else { value }
}

fn difference(a: Decimal, b: Decimal) -> Option<Decimal> {
    a.checked_sub(b).ok().map(magnitude)
}

fn times(value: Decimal, count: i128) -> Option<Decimal> {
    value.checked_mul_integer(count).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_form_only() {
        for body in
            ["1.234,56", "1,23,456", "12,34", "0,123", "007", "1.2.3", "1,234,56", "1234,567"]
        {
            assert!(read(body).is_err(), "{body}");
        }
        for body in ["1,234.56", "1234.56", "0.0123", "0", "12", "100,000", "5.00"] {
            assert!(read(body).is_ok(), "{body}");
        }
    }

    #[test]
    fn a_rounding_is_within_half_a_step_with_two_digits() {
        for (body, exact, expected) in [
            ("4,147.68", "4147.68", true),
            ("4,147.69", "4147.68", false),
            ("4,148", "4147.68", true),
            ("4,147", "4147.68", false),
            ("4,150", "4147.68", true),
            ("4,100", "4147.68", true),
            ("4,200", "4147.68", false),
            ("4,000", "4147.68", false),
            ("1,000", "1499", false),
            ("5", "5", true),
            ("7", "6.8", false),
            ("68.4", "68.42857", true),
            ("68.5", "68.42857", false),
            ("0.0123", "0.012345", true),
            ("0.01", "0.0123", false),
            // Half a step: up and to even are both correct.
            ("2.4", "2.45", true),
            ("2.5", "2.45", true),
            ("4.1", "-4.12", true),
        ] {
            let figure = read(body).unwrap();
            assert_eq!(figure.rounds(exact.parse().unwrap()), expected, "{body} of {exact}");
        }
    }

    #[test]
    fn bounds_are_near_and_on_their_side() {
        for (bound, body, exact, expected) in [
            (Bound::Above, "4,000", "4147.68", true),
            (Bound::Above, "4,200", "4147.68", false),
            (Bound::Above, "3,000", "4147.68", false),
            (Bound::Below, "70", "68.4", true),
            (Bound::Below, "68", "68.4", false),
            (Bound::AtMost, "70", "70", true),
            (Bound::AtLeast, "71", "70", false),
        ] {
            let figure = read(body).unwrap();
            assert_eq!(figure.bounds(bound, exact.parse().unwrap()), expected, "{body} of {exact}");
        }
    }
}
