//! Quantities by token class: what a set of calls has, and what one side has beyond the other.

use std::collections::BTreeMap;

use super::{ReconcileError, exact::near, group::Call, settle::Beyond};
use crate::{money::Decimal, pricing::Meter};

/// What one side has beyond the other, by class.
pub(super) type Delta = BTreeMap<Option<Meter>, Beyond>;

/// Units by class, or amounts where the invoice states no units. No zeros.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Vector(BTreeMap<Option<Meter>, Decimal>);

/// What calls are measured in, so that they compare with a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) is_counted: bool,
    pub(super) tolerance: Decimal,
}

impl Measure {
    /// Units where every class of the deltas has them, else amounts within their rounding.
    pub(super) fn of<'d>(deltas: impl IntoIterator<Item = &'d Delta>, tolerance: Decimal) -> Self {
        let is_counted =
            deltas.into_iter().all(|delta| delta.values().all(|beyond| beyond.quantity.is_some()));
        Self { is_counted, tolerance: if is_counted { Decimal::ZERO } else { tolerance } }
    }
}

impl Vector {
    pub(super) fn of_delta(delta: &Delta, measure: Measure) -> Self {
        let value =
            |beyond: &Beyond| if measure.is_counted { beyond.measure() } else { beyond.amount };
        Self(delta.iter().map(|(meter, beyond)| (*meter, value(beyond))).collect()).normal()
    }

    /// The sum of calls.
    pub(super) fn of_calls<'c>(
        calls: impl IntoIterator<Item = &'c Call<'c>>,
        measure: Measure,
    ) -> Result<Self, ReconcileError> {
        let mut sum = Self::default();
        for call in calls {
            sum.add_call(call, measure)?;
        }
        Ok(sum.normal())
    }

    pub(super) fn add_call(
        &mut self,
        call: &Call<'_>,
        measure: Measure,
    ) -> Result<(), ReconcileError> {
        for (meter, (quantity, amount)) in &call.lines {
            let value = if measure.is_counted { *quantity } else { *amount };
            let slot = self.0.entry(*meter).or_default();
            *slot = slot.checked_add(value)?;
        }
        Ok(())
    }

    pub(super) fn plus(&self, other: &Self) -> Result<Self, ReconcileError> {
        let mut sum = self.clone();
        for (meter, value) in &other.0 {
            let slot = sum.0.entry(*meter).or_default();
            *slot = slot.checked_add(*value)?;
        }
        Ok(sum.normal())
    }

    pub(super) fn negated(&self) -> Result<Self, ReconcileError> {
        let mut negated = Self::default();
        for (meter, value) in &self.0 {
            negated.0.insert(*meter, value.checked_neg()?);
        }
        Ok(negated)
    }

    pub(super) fn only(&self, keep: impl Fn(Option<Meter>) -> bool) -> Self {
        Self(self.0.iter().filter(|(m, _)| keep(**m)).map(|(m, v)| (*m, *v)).collect())
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_positive(&self) -> bool {
        !self.0.is_empty() && self.0.values().all(|value| !value.is_negative())
    }

    pub(super) fn is_negative(&self) -> bool {
        !self.0.is_empty() && self.0.values().all(|value| value.is_negative())
    }

    pub(super) fn total(&self) -> Result<Decimal, ReconcileError> {
        super::exact::sum(self.0.values().copied())
    }

    pub(super) fn meters(&self) -> impl Iterator<Item = Option<Meter>> + '_ {
        self.0.keys().copied()
    }

    pub(super) fn equals(&self, other: &Self, measure: Measure) -> Result<bool, ReconcileError> {
        for meter in self.0.keys().chain(other.0.keys()) {
            let value = |of: &Self| of.0.get(meter).copied().unwrap_or_default();
            if !near(value(self), value(other), measure.tolerance)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether no class has more than in `other`; both positive.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.0
            .iter()
            .all(|(meter, value)| *value <= other.0.get(meter).copied().unwrap_or_default())
    }

    fn normal(mut self) -> Self {
        self.0.retain(|_, value| !value.is_zero());
        self
    }
}

/// What a class is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Input,
    Output,
    Fee,
    /// Amounts without a class.
    All,
}

pub(super) fn family(meter: Option<Meter>) -> Family {
    match meter {
        None => Family::All,
        Some(
            Meter::Output
            | Meter::Reasoning
            | Meter::OutputAudio
            | Meter::OutputImage
            | Meter::OutputVideo
            | Meter::Citation,
        ) => Family::Output,
        Some(meter) if meter.is_token() => Family::Input,
        Some(_) => Family::Fee,
    }
}
