//! The deterministic core of Centinel: everything that computes.
//!
//! Pure and total: no I/O, no clock, no async, no randomness, no panic. Time and seeds are
//! arguments; the same rows in give the same bytes out. A bad row is returned with its reason, not
//! dropped and not fatal. Money is never a float, and nothing unknown is ever zero.
#![deny(clippy::arithmetic_side_effects)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "tests state their numbers"
    )
)]

pub mod anomaly;
pub mod attribution;
pub mod commitment;
pub mod digest;
pub mod explain;
pub mod facts;
pub mod focus;
pub mod forecast;
pub mod localize;
pub mod money;
pub mod narrative;
pub mod period;
pub mod pricing;
pub mod proposal;
pub mod reconcile;
pub mod series;
pub mod usage;
