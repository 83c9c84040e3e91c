//! Commitment discounts: what to buy, and what the bought ones are worth.
//!
//! - [`optimize`]: hourly usage and offers in, the cheapest admissible commitments out, exactly, with
//!   a lower bound on every possible cost.
//! - [`commitment_report`]: FOCUS rows in, use, waste, coverage and savings of each commitment out.
//!
//! All amounts are exact; only ratios are rounded, half-even at [`RATIO_PLACES`] decimals.

mod offer;
mod optimum;
mod report;
mod search;
mod usage;

pub use offer::{Offer, OfferError, Payment, parse_offers};
pub use optimum::{
    ExistingUse, OptimizeError, Optimum, Plan, SingleOffer, UsageChange, cost_at_usage, optimize,
};
pub use report::{
    CommitmentReport, CommitmentRow, CommitmentSummary, CurrencyTotal, RowError, ServiceKey,
    commitment_report,
};
pub use usage::{HourlyUsage, Rejected, RowRejection, UsageError, UsageHour};

/// Decimals of every ratio.
pub const RATIO_PLACES: u32 = 12;
