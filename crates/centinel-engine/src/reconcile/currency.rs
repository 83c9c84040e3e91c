//! The rate between the ledger's currency and the invoice's, where it is not stated.

use super::{
    ReconcileError,
    group::Prepared,
    ratio::{Agreed, Range},
};
use crate::money::Decimal;

/// A rate that the lines of an invoice have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) factor: Decimal,
    pub(super) lines: usize,
    pub(super) of: usize,
}

/// The one rate that nearly all lines have: of every class, day and series whose quantities agree, the
/// invoice's amount divided by the ledger's. `None` when no two lines, or less than
/// three quarters of them, agree.
pub(super) fn rate_of(
    prepared: &Prepared<'_>,
    provider: &str,
    tolerance: impl Fn(u32) -> Result<Decimal, ReconcileError>,
) -> Result<Option<Rate>, ReconcileError> {
    let mut ranges: Vec<Range> = Vec::new();
    let series = prepared.series.iter().filter(|(key, _)| key.provider == provider);
    for group in series.flat_map(|(_, days)| days.values()) {
        for cell in group.cells.values() {
            let quantity = |lots: &[super::group::Lot]| -> Result<Option<Decimal>, ReconcileError> {
                let mut sum = Decimal::ZERO;
                for lot in lots {
                    let Some(quantity) = lot.quantity else { return Ok(None) };
                    sum = sum.checked_add(quantity)?;
                }
                Ok(Some(sum))
            };
            let amount =
                |lots: &[super::group::Lot]| super::exact::sum(lots.iter().map(|lot| lot.amount));
            let (left, right) = (quantity(&cell.ledger)?, quantity(&cell.invoice)?);
            if left.is_none() || left != right {
                continue;
            }
            let (ledger, invoice) = (amount(&cell.ledger)?, amount(&cell.invoice)?);
            if ledger <= Decimal::ZERO {
                continue;
            }
            let rows = u32::try_from(cell.invoice.len()).unwrap_or(u32::MAX);
            let slack = tolerance(rows)?;
            ranges.extend(Range::of(invoice, ledger, slack)?);
        }
    }
    // A discount on many lines looks like a rate: nearly all must agree.
    let nearly_all =
        |agreed: &Agreed| agreed.lines.saturating_mul(4) >= ranges.len().saturating_mul(3);
    let Some(agreed) = Agreed::of(&ranges).filter(nearly_all) else { return Ok(None) };
    let factor = shortest(agreed.low, agreed.high)?;
    Ok(Some(Rate { factor, lines: agreed.lines, of: ranges.len() }))
}

/// The number with the fewest decimals between two others.
fn shortest(low: Decimal, high: Decimal) -> Result<Decimal, ReconcileError> {
    for places in 0..=15 {
        if let Some(rounded) = high.quotient(Decimal::ONE, places)? {
            let step = Decimal::new(1, places)?;
            for number in [rounded, rounded.checked_sub(step)?] {
                if low <= number && number <= high && number > Decimal::ZERO {
                    return Ok(number);
                }
            }
        }
    }
    Ok(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_number_between() {
        for (low, high, expected) in [
            ("0.9199", "0.9204", "0.92"),
            ("0.92", "0.92", "0.92"),
            ("0.9213", "0.9214", "0.9214"),
            ("1.1", "2.9", "2"),
        ] {
            let found = shortest(low.parse().unwrap(), high.parse().unwrap()).unwrap();
            assert_eq!(found.to_string(), expected);
        }
    }
}
