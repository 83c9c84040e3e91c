//! The charge that a reader fills again and again.

use centinel_engine::{
    focus::{Charge, ChargeCategory, CommitmentDiscountStatus},
    money::{Currency, Decimal},
    period::Period,
    series::Dimension,
};
use jiff::Timestamp;

/// A charge without anything in it.
pub(crate) fn blank() -> Charge {
    let nothing = Period { start: Timestamp::UNIX_EPOCH, end: Timestamp::UNIX_EPOCH };
    Charge::new(nothing, ChargeCategory::Usage, Currency::USD)
}

/// Forgets the last row; labels keep their buffer. A field that is not named here is one that a
/// reader must set in every row, and the compiler says when there is a new one.
pub(crate) fn reset(charge: &mut Charge) {
    let Charge {
        charge_id,
        charge_period: _,
        charge_category: _,
        is_correction,
        labels,
        currency: _,
        billed_cost: _,
        effective_cost: _,
        cost_remainder,
        list_cost,
        contracted_cost,
        consumed_quantity,
        consumed_unit,
        pricing_quantity,
        pricing_unit,
        resource_id,
        sku,
        meter,
        invoice_id,
        charge_description,
        commitment_discount_id,
        commitment_discount_status,
        commitment_discount_quantity,
        commitment_discount_unit,
    } = charge;
    labels.clear();
    *is_correction = false;
    *meter = None;
    *cost_remainder = Decimal::ZERO;
    *commitment_discount_status = None;
    for number in [
        list_cost,
        contracted_cost,
        consumed_quantity,
        pricing_quantity,
        commitment_discount_quantity,
    ] {
        *number = None;
    }
    for text in [
        charge_id,
        consumed_unit,
        pricing_unit,
        resource_id,
        sku,
        invoice_id,
        charge_description,
        commitment_discount_id,
        commitment_discount_unit,
    ] {
        *text = None;
    }
}

/// Writes category, currency and commitment of a charge into its labels, spelled as the
/// specification does, so that one category is one series.
pub(super) fn label(charge: &mut Charge) {
    charge.labels.set(Dimension::ChargeCategory, charge.charge_category.name());
    charge.labels.set(Dimension::Currency, charge.currency.as_str());
    if let Some(id) = &charge.commitment_discount_id {
        charge.labels.set(Dimension::CommitmentDiscount, id);
    }
    if let Some(status) = charge.commitment_discount_status {
        let name = match status {
            CommitmentDiscountStatus::Used => "Used",
            CommitmentDiscountStatus::Unused => "Unused",
        };
        charge.labels.set(Dimension::CommitmentDiscountStatus, name);
    }
}

/// A unit of measure such as `1 Hour`, `10K`, `1M Tokens`: how many of what.
pub(super) fn parse_unit(unit: &str) -> Option<(i128, &str)> {
    let end = unit.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(unit.len());
    let (digits, rest) = unit.split_at_checked(end)?;
    let count: i128 = digits.parse().ok().filter(|count| (1..=1_000_000_000).contains(count))?;
    let (factor, rest) = match rest.as_bytes() {
        [b'K' | b'k'] | [b'K' | b'k', b' ', ..] => (1_000, rest.get(1..)?),
        [b'M'] | [b'M', b' ', ..] => (1_000_000, rest.get(1..)?),
        [b'B'] | [b'B', b' ', ..] => (1_000_000_000, rest.get(1..)?),
        _ => (1, rest),
    };
    Some((count.checked_mul(factor)?, rest.trim_start_matches(['/', ' '])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (unit, expected) in [
            ("1 Hour", Some((1, "Hour"))),
            ("10K", Some((10_000, ""))),
            ("1M Tokens", Some((1_000_000, "Tokens"))),
            ("100 GB/Month", Some((100, "GB/Month"))),
            ("1 MB", Some((1, "MB"))),
            ("1MB", Some((1, "MB"))),
            ("Hour", None),
            ("", None),
        ] {
            assert_eq!(parse_unit(unit), expected, "{unit}");
        }
    }
}
