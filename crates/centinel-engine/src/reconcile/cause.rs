//! Why ledger and invoice differ.

use std::fmt;

use serde::{Serialize, Serializer};

/// A reason for a difference. The order is that of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Billed, but not in the ledger: traffic that bypasses it.
    MissingCalls,
    /// In the ledger, but not billed.
    UnbilledCalls,
    /// Input tokens counted in another cache class.
    CacheClass,
    /// Reasoning tokens counted otherwise: left out, counted twice, or in a class of their own.
    ReasoningClass,
    /// One side has the list price, the other one the contracted price.
    ListContracted,
    /// Priced for another service tier or context length.
    Tier,
    /// Priced for another region.
    Region,
    /// One side has an earlier price of the model.
    StaleBook,
    /// Streams that were cut off, counted otherwise than billed.
    AbortedStream,
    /// Repeated calls, counted otherwise than billed.
    Retry,
    /// Calls near midnight, billed on the day before or after.
    PeriodEdge,
    /// The invoice rounds each line.
    Rounding,
    /// The invoice is in another currency.
    Currency,
    /// Taxes, fees and purchases on the invoice.
    FeesAndTax,
    /// Credits, refunds and prepaid cover.
    Credits,
    /// The ledger has the calls, but no price for them.
    Unpriced,
    /// What the data cannot tell.
    Unexplained,
}

impl Cause {
    /// Every cause, in the order of reports.
    pub const ALL: [Self; 17] = [
        Self::MissingCalls,
        Self::UnbilledCalls,
        Self::CacheClass,
        Self::ReasoningClass,
        Self::ListContracted,
        Self::Tier,
        Self::Region,
        Self::StaleBook,
        Self::AbortedStream,
        Self::Retry,
        Self::PeriodEdge,
        Self::Rounding,
        Self::Currency,
        Self::FeesAndTax,
        Self::Credits,
        Self::Unpriced,
        Self::Unexplained,
    ];

    /// The name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::MissingCalls => "missing_calls",
            Self::UnbilledCalls => "unbilled_calls",
            Self::CacheClass => "cache_class",
            Self::ReasoningClass => "reasoning_class",
            Self::ListContracted => "list_vs_contracted",
            Self::Tier => "tier",
            Self::Region => "region",
            Self::StaleBook => "stale_book",
            Self::AbortedStream => "aborted_stream",
            Self::Retry => "retry",
            Self::PeriodEdge => "period_edge",
            Self::Rounding => "rounding",
            Self::Currency => "currency",
            Self::FeesAndTax => "fees_and_tax",
            Self::Credits => "credits",
            Self::Unpriced => "unpriced",
            Self::Unexplained => "unexplained",
        }
    }

    /// The cause in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::MissingCalls => "billed, not in the ledger",
            Self::UnbilledCalls => "in the ledger, not billed",
            Self::CacheClass => "input in another cache class",
            Self::ReasoningClass => "reasoning counted otherwise",
            Self::ListContracted => "list against contracted price",
            Self::Tier => "another service tier",
            Self::Region => "another region",
            Self::StaleBook => "an earlier price",
            Self::AbortedStream => "aborted streams",
            Self::Retry => "retries",
            Self::PeriodEdge => "billed on the next or previous day",
            Self::Rounding => "rounding of the invoice's lines",
            Self::Currency => "another currency",
            Self::FeesAndTax => "fees and tax",
            Self::Credits => "credits and refunds",
            Self::Unpriced => "calls without a price",
            Self::Unexplained => "unexplained",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
