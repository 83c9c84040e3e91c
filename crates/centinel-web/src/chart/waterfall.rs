//! A change as steps from before to after, one row a step.

use centinel_engine::{
    explain::Decomposition,
    money::{Currency, Pico},
};

use crate::text::{money, signed_money};

/// Units of the width.
const WIDTH: i128 = 1000;

/// A change as rows, at cents that add up as shown.
#[derive(Debug)]
pub(crate) struct Waterfall {
    /// Before, each driver, after.
    pub(crate) bars: Vec<Bar>,
    /// The change.
    pub(crate) delta: String,
}

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// `before`, a driver, `after`.
    pub(crate) label: &'static str,
    /// `level` for the two ends, `more`, `less` or `same` for a step.
    pub(crate) class: &'static str,
    /// Left edge.
    pub(crate) x: i128,
    /// Length; at least one unit unless nothing changed.
    pub(crate) width: i128,
    /// Where the cost stands after this row.
    pub(crate) end: i128,
    /// The amount.
    pub(crate) amount: String,
}

impl Waterfall {
    /// Draws a decomposition.
    pub(crate) fn new(decomposition: &Decomposition, currency: Currency) -> Self {
        let rounded = decomposition.rounded(2);
        let mut levels = vec![Pico::ZERO, rounded.before];
        let mut level = rounded.before;
        for (_, effect) in &rounded.effects {
            level.0 = level.0.saturating_add(effect.0);
            levels.push(level);
        }
        let lowest = levels.iter().copied().min().unwrap_or(Pico::ZERO);
        let highest = levels.iter().copied().max().unwrap_or(Pico::ZERO);
        let span = Pico(highest.0.saturating_sub(lowest.0).max(1));
        let at = |level: Pico| super::scaled(Pico(level.0.saturating_sub(lowest.0)), span, WIDTH);
        let bar = |label, class, from: Pico, to: Pico, amount| {
            let (x, y) = (at(from).min(at(to)), at(from).max(at(to)));
            let width = if from == to { 0 } else { (y - x).max(2) };
            Bar { label, class, x: x.min(WIDTH - width), width, end: at(to), amount }
        };
        let mut bars = Vec::new();
        let before = money(rounded.before, currency);
        bars.push(bar("before", "level", Pico::ZERO, rounded.before, before));
        let mut level = rounded.before;
        for (driver, effect) in rounded.effects {
            let next = Pico(level.0.saturating_add(effect.0));
            let class = match effect.0.signum() {
                1 => "more",
                -1 => "less",
                _ => "same",
            };
            bars.push(bar(driver.label(), class, level, next, signed_money(effect, currency)));
            level = next;
        }
        bars.push(bar("after", "level", Pico::ZERO, rounded.after, money(rounded.after, currency)));
        Self { bars, delta: signed_money(rounded.delta, currency) }
    }
}

#[cfg(test)]
mod tests {
    use centinel_engine::explain::{Driver, Effect};

    use super::*;

    #[test]
    fn steps_lead_from_before_to_after() {
        let whole = |amount: i128| Pico(amount * Pico::ONE.0);
        let effects = [(Driver::Volume, -20), (Driver::TokensPerCall, 120)];
        let effects = Driver::ALL.map(|driver| Effect {
            driver,
            amount: whole(effects.iter().find(|(d, _)| *d == driver).map_or(0, |(_, a)| *a)),
            parts: Vec::new(),
        });
        let decomposition = Decomposition {
            before: whole(100),
            after: whole(200),
            delta: whole(100),
            effects: effects.to_vec(),
            residual: Pico::ZERO,
            by_cell: Vec::new(),
            chance: Vec::new(),
            notes: Vec::new(),
            rejected: Vec::new(),
        };
        let drawn = Waterfall::new(&decomposition, Currency::USD);
        let rows: Vec<_> =
            drawn.bars.iter().map(|bar| (bar.label, bar.x, bar.width, bar.end)).collect();
        assert_eq!(
            rows,
            [
                ("before", 0, 500, 500),
                ("volume", 400, 100, 400),
                ("calls per output", 400, 0, 400),
                ("tokens per call", 400, 600, 1000),
                ("cache", 1000, 0, 1000),
                ("price", 1000, 0, 1000),
                ("model mix", 1000, 0, 1000),
                ("after", 0, 1000, 1000),
            ]
        );
        assert_eq!((drawn.bars[1].amount.as_str(), drawn.delta.as_str()), ("−$20.00", "+$100.00"));
    }
}
