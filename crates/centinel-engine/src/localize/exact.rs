//! Sums of many amounts, exact: all of them at the scale of the finest.

use super::LocalizeError;
use crate::money::Decimal;

/// Real less predicted of every leaf.
#[derive(Debug)]
pub(super) struct Changes {
    digits: Vec<i128>,
    scale: u32,
}

impl Changes {
    pub(super) fn of(real: &[Decimal], predict: &[Decimal]) -> Result<Self, LocalizeError> {
        let scale = scale(real).max(scale(predict));
        let digits = real
            .iter()
            .zip(predict)
            .map(|(real, predict)| {
                real.mantissa_at(scale)?.checked_sub(predict.mantissa_at(scale)?)
            })
            .collect::<Option<Vec<i128>>>()
            .ok_or(LocalizeError::Overflow)?;
        Ok(Self { digits, scale })
    }

    /// The sum over some leaves.
    pub(super) fn sum(
        &self,
        leaves: impl IntoIterator<Item = usize>,
    ) -> Result<Decimal, LocalizeError> {
        let digits = leaves
            .into_iter()
            .filter_map(|leaf| self.digits.get(leaf))
            .try_fold(0_i128, |sum, digits| sum.checked_add(*digits));
        Ok(Decimal::new(digits.ok_or(LocalizeError::Overflow)?, self.scale)?)
    }
}

/// The sum of all amounts.
pub(super) fn sum(amounts: &[Decimal]) -> Result<Decimal, LocalizeError> {
    let scale = scale(amounts);
    let digits = amounts
        .iter()
        .try_fold(0_i128, |sum, amount| sum.checked_add(amount.mantissa_at(scale)?))
        .ok_or(LocalizeError::Overflow)?;
    Ok(Decimal::new(digits, scale)?)
}

/// What amounts are rounded to: one in the last digit of the finest.
pub(super) fn unit(amounts: &[Decimal]) -> f64 {
    Decimal::new(1, scale(amounts)).map_or(0.0, Decimal::to_f64)
}

fn scale(amounts: &[Decimal]) -> u32 {
    amounts.iter().map(|amount| amount.scale()).max().unwrap_or(0)
}
