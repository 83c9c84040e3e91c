//! Pictures as coordinates; templates draw them as SVG. Floats and whole units here are for drawing
//! only: every figure that is shown is text made from exact amounts.

mod spark;
mod stacked;
mod waterfall;

pub(crate) use spark::Spark;
pub(crate) use stacked::Stacked;
pub(crate) use waterfall::Waterfall;

use centinel_engine::money::Pico;

/// `amount` on a scale where `of` is `length`, as a whole number of units; nothing below zero.
fn scaled(amount: Pico, of: Pico, length: i128) -> i128 {
    let amount = amount.0.max(0);
    // Both shrink together when the product would not fit: a picture needs no more digits.
    let shrink = (amount / (i128::MAX / length.max(1))).saturating_add(1);
    (amount / shrink).saturating_mul(length) / (of.0 / shrink).max(1)
}
