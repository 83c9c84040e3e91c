//! Business outputs: what the money was spent for.

use jiff::Timestamp;

use crate::{money::Decimal, series::Labels};

/// Some quantity of a business output: resolved tickets, accepted suggestions, summarised pages.
///
/// Without a call or a trace it is split over the feature's models by calls.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The source's own id: unique for ever within one source.
    pub outcome_id: Option<String>,
    /// When it came about.
    pub at: Timestamp,
    /// What was produced: `resolved_ticket`.
    pub kind: String,
    /// How much, in units of `kind`.
    pub quantity: Decimal,
    /// Feature and process.
    pub labels: Labels,
    /// The trace that produced it.
    pub trace_id: Option<String>,
    /// The call that produced it.
    pub call_id: Option<String>,
}
