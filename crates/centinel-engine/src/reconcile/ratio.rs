//! Ratios of amounts that are rounded: each is a range, and ranges agree where they overlap.

use super::ReconcileError;
use crate::money::Decimal;

/// Decimals of a ratio.
const PLACES: u32 = 15;

/// Where a ratio lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    low: Decimal,
    high: Decimal,
}

/// The range that most ratios have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) low: Decimal,
    pub(super) high: Decimal,
    /// How many of the ratios.
    pub(super) lines: usize,
}

impl Range {
    /// `amount / of`, where the amount may be off by `tolerance`; `None` where that says nothing.
    pub(super) fn of(
        amount: Decimal,
        of: Decimal,
        tolerance: Decimal,
    ) -> Result<Option<Self>, ReconcileError> {
        if of <= Decimal::ZERO || amount <= Decimal::ZERO {
            return Ok(None);
        }
        // The quotients are rounded too, in their last place.
        let last = Decimal::new(1, PLACES)?;
        let low = amount.checked_sub(tolerance)?.quotient(of, PLACES)?;
        let high = amount.checked_add(tolerance)?.quotient(of, PLACES)?;
        let Some((low, high)) = low.zip(high) else { return Ok(None) };
        Ok(Some(Self { low: low.checked_sub(last)?, high: high.checked_add(last)? }))
    }

    pub(super) fn meets(&self, agreed: &Agreed) -> bool {
        self.low <= agreed.high && agreed.low <= self.high
    }

    fn contains(&self, point: Decimal) -> bool {
        self.low <= point && point <= self.high
    }
}

impl Agreed {
    /// What at least two, and most of the ratios have in common.
    pub(super) fn of(ranges: &[Range]) -> Option<Self> {
        // The point that lies in most ranges is the start of one of them; a sweep over starts and
        // ends finds it.
        let mut edges: Vec<(Decimal, bool)> = Vec::new();
        for range in ranges {
            edges.push((range.low, false));
            edges.push((range.high, true));
        }
        // Starts before ends at the same point: ranges hold their ends.
        edges.sort();
        let (mut open, mut best) = (0_usize, (0_usize, Decimal::ZERO));
        for (point, is_end) in edges {
            if is_end {
                open = open.saturating_sub(1);
            } else {
                open = open.saturating_add(1);
                if open > best.0 {
                    best = (open, point);
                }
            }
        }
        let (lines, point) = best;
        if lines < 2 || lines.saturating_mul(2) <= ranges.len() {
            return None;
        }
        let covering = || ranges.iter().filter(|range| range.contains(point));
        let low = covering().map(|range| range.low).max()?;
        let high = covering().map(|range| range.high).min()?;
        Some(Self { low, high, lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_must_agree() {
        let range = |amount: &str, of: &str, tolerance: &str| {
            let number = |text: &str| text.parse::<Decimal>().unwrap();
            Range::of(number(amount), number(of), number(tolerance)).unwrap().unwrap()
        };
        let near = range("0.92", "1", "0.005");
        let exact = range("9.3", "10", "0");
        let also = range("93.1", "100", "0.2");
        let other = range("1.5", "1", "0.01");
        assert_eq!(Agreed::of(&[near, other]), None);
        assert_eq!(Agreed::of(&[near]), None);
        let agreed = Agreed::of(&[exact, also, other]).unwrap();
        assert_eq!(agreed.lines, 2);
        assert!(exact.meets(&agreed) && !other.meets(&agreed));
    }
}
