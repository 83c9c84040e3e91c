//! What chance does to tokens per call.
//!
//! Calls have sizes of their own: the mean size of some hundred calls differs from that of the next
//! hundred with nothing behind it. The standard error of that part of the change is, over the cells,
//!
//! ```text
//! √ Σ C² × v × (1/calls before + 1/calls after)
//! ```
//!
//! with `C` the mean cost of a cell on both sides and `v` the squared coefficient of variation of one
//! call's cost, as detection assumes it. A scaled baseline counts as many calls as it is scaled to,
//! which is fewer than it has: the error is stated rather too large than too small.

use super::{CellsOfGroup, Decomposition, Driver, Measured, Scale};
use crate::{anomaly::CALL_VARIATION_SQUARED, money::Pico};

/// Standard errors that chance is taken to stay within: 95 in 100 times.
const ERRORS: f64 = 2.0;

impl Decomposition {
    /// The effect of the main driver, and with it what chance did beside it: the best estimate of what
    /// the cause did that moved the main driver. `None` when nothing changed.
    pub fn cause_amount(&self, measured: Measured) -> Option<Pico> {
        let main = self.main_driver_of(measured)?;
        let beside = self.chance.iter().filter(|driver| **driver != main);
        let beside = beside.map(|driver| self.effect(*driver).0);
        Some(Pico(beside.fold(self.effect(main).0, i128::saturating_add)))
    }
}

/// The drivers that changed by no more than chance makes.
pub(super) fn drivers<'a>(
    decomposition: &Decomposition,
    groups: impl Iterator<Item = &'a CellsOfGroup>,
    scale: Scale,
) -> Vec<Driver> {
    let effect = decomposition.effect(Driver::TokensPerCall).to_decimal().to_f64();
    let variance: f64 = groups
        .flat_map(|cells| cells.values())
        .map(|pair| {
            let (Some(before), Some(after)) = (&pair.before, &pair.after) else { return 0.0 };
            let scaled = |value: f64| value * scale.to_f64();
            let calls = [scaled(before.calls.to_f64()), after.calls.to_f64()];
            if calls.iter().any(|calls| *calls <= 0.0) {
                return 0.0;
            }
            let cost = f64::midpoint(scaled(before.cost.to_f64()), after.cost.to_f64());
            let inverse: f64 = calls.iter().map(|calls| calls.recip()).sum();
            cost.powi(2) * CALL_VARIATION_SQUARED * inverse
        })
        .sum();
    let is_chance = effect != 0.0 && effect.abs() <= ERRORS * variance.sqrt();
    is_chance.then_some(Driver::TokensPerCall).into_iter().collect()
}
