//! The coarse classes that a call's cost is kept by.

use std::fmt;

use crate::money::Pico;

/// What a part of a call's cost was for. Coarser than [`super::UsageClass`]: what an explanation of a
/// change needs (input, cache and output prices apart), kept for every hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CostClass {
    /// Input tokens that met no cache.
    Input,
    /// Input tokens read from a cache.
    CacheRead,
    /// Input tokens written to a cache.
    CacheWrite,
    /// Output tokens, reasoning included.
    Output,
    /// Fees per request, image, second.
    Other,
}

impl CostClass {
    /// Every class, in ledger order.
    pub const ALL: [Self; 5] =
        [Self::Input, Self::CacheRead, Self::CacheWrite, Self::Output, Self::Other];
    /// How many classes there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Position in [`Self::ALL`].
    pub fn index(self) -> usize {
        usize::from(self as u8)
    }

    /// The ledger column of the class.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "cost_input",
            Self::CacheRead => "cost_cache_read",
            Self::CacheWrite => "cost_cache_write",
            Self::Output => "cost_output",
            Self::Other => "cost_other",
        }
    }
}

impl fmt::Display for CostClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A call's cost as it is booked.
///
/// The classes add up to `amount` exactly: what rounding left over is in the largest class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookedCost {
    /// The cost, rounded half-even once at 12 decimals.
    pub amount: Pico,
    /// What the rounding took away, in 10^-30.
    pub remainder_quecto: i64,
    /// The cost by class, in ledger order.
    pub by_class: [Pico; CostClass::COUNT],
    /// Number of the price that it was computed with, in the catalogue.
    pub price: u32,
}
