//! Which driver is the main one: it depends on the figure whose change is asked about.

use serde::{Deserialize, Serialize};

use super::{Decomposition, Driver, Effect};
use crate::money::Pico;

/// The figure whose change is explained.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// The cost.
    #[default]
    Cost,
    /// The cost of an output, or a ratio that it is made of (tokens per call, price per token, calls
    /// per output): volume is no part of it, and traffic that moved more than the ratio did not move
    /// the ratio.
    CostPerOutput,
}

impl Measured {
    /// What follows "a change of $10" in a sentence: nothing, or ` apart from volume`.
    pub fn qualifier(self) -> &'static str {
        match self {
            Self::Cost => "",
            Self::CostPerOutput => " apart from volume",
        }
    }
}

impl Decomposition {
    /// The effect of one driver.
    pub fn effect(&self, driver: Driver) -> Pico {
        self.effects
            .iter()
            .find(|effect| effect.driver == driver)
            .map_or(Pico::ZERO, |effect| effect.amount)
    }

    /// What the drivers of a figure did to the cost together: all of the change, or the change less
    /// what volume did.
    pub fn change_of(&self, measured: Measured) -> Pico {
        change_of(self.delta, &self.effects, measured)
    }

    /// The driver whose effect is largest in the direction in which the figure changed; without a
    /// change, the largest either way. `None` when nothing changed at all.
    pub fn main_driver_of(&self, measured: Measured) -> Option<Driver> {
        main_driver(self.delta, &self.effects, measured)
    }

    /// [`Self::main_driver_of`] the cost.
    pub fn main_driver(&self) -> Option<Driver> {
        self.main_driver_of(Measured::Cost)
    }

    /// [`Self::main_driver_of`] the cost of an output.
    pub fn main_driver_per_output(&self) -> Option<Driver> {
        self.main_driver_of(Measured::CostPerOutput)
    }
}

/// The main driver of a change and its effects, as [`Decomposition::main_driver_of`] has it. Of equals,
/// the first in the order of [`Driver::ALL`].
pub fn main_driver(delta: Pico, effects: &[Effect], measured: Measured) -> Option<Driver> {
    let change = change_of(delta, effects, measured);
    let weight = |amount: i128| match change.0.signum() {
        0 => amount.saturating_abs(),
        sign => amount.saturating_mul(sign),
    };
    let counts = |effect: &&Effect| measured == Measured::Cost || effect.driver != Driver::Volume;
    let rank = |effect: &&Effect| (weight(effect.amount.0), std::cmp::Reverse(effect.driver));
    let largest = effects.iter().filter(counts).max_by_key(rank)?;
    (largest.amount.0 != 0).then_some(largest.driver)
}

fn change_of(delta: Pico, effects: &[Effect], measured: Measured) -> Pico {
    let volume = effects.iter().find(|effect| effect.driver == Driver::Volume);
    match (measured, volume) {
        (Measured::CostPerOutput, Some(volume)) => Pico(delta.0.saturating_sub(volume.amount.0)),
        _ => delta,
    }
}
