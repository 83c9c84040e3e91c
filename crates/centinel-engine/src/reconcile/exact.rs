//! Exact sums and shares.

use super::ReconcileError;
use crate::money::Decimal;

/// Decimals of a share of an amount; what rounding leaves stays with the other share.
const SHARE_PLACES: u32 = 12;

pub(super) fn sum(amounts: impl IntoIterator<Item = Decimal>) -> Result<Decimal, ReconcileError> {
    amounts.into_iter().try_fold(Decimal::ZERO, |sum, amount| Ok(sum.checked_add(amount)?))
}

/// `amount × part / whole`, rounded; all of it where the part is the whole.
pub(super) fn share(
    amount: Decimal,
    part: Decimal,
    whole: Decimal,
) -> Result<Decimal, ReconcileError> {
    if part == whole || whole.is_zero() {
        return Ok(amount);
    }
    let places = SHARE_PLACES.max(amount.scale().min(15));
    let exact = amount.checked_mul(part).and_then(|product| product.quotient(whole, places));
    let share = match exact {
        Ok(share) => share,
        // Too many digits for one step: the ratio first.
        Err(_) => part
            .quotient(whole, SHARE_PLACES)?
            .map(|ratio| ratio.checked_mul(amount))
            .transpose()?,
    };
    Ok(share.unwrap_or(amount))
}

pub(super) fn abs(amount: Decimal) -> Result<Decimal, ReconcileError> {
    Ok(if amount.is_negative() { amount.checked_neg()? } else { amount })
}

/// Whether two amounts differ by no more than `tolerance`.
pub(super) fn near(
    left: Decimal,
    right: Decimal,
    tolerance: Decimal,
) -> Result<bool, ReconcileError> {
    Ok(abs(left.checked_sub(right)?)? <= tolerance)
}
