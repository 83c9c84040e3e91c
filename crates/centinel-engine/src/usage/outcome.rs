//! One business outcome: what the money was spent for.

use jiff::Timestamp;

use crate::{money::Decimal, series::Labels};

/// A business output, such as a ticket resolved or a document summarised. A connector fills and
/// re-uses one of these.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The source's own id: unique for ever within one source.
    pub outcome_id: String,
    /// When it came about.
    pub at: Timestamp,
    /// What it is: `ticket_resolved`, `summary`, ….
    pub kind: String,
    /// How much of it, in units of `kind`; never negative.
    pub quantity: Decimal,
    /// Low-cardinality dimensions: feature, process, ….
    pub labels: Labels,
    /// The trace that brought it about.
    pub trace_id: Option<String>,
    /// The call that brought it about. Without a call or trace an outcome is split over its
    /// feature's models by calls.
    pub call_id: Option<String>,
}

impl Outcome {
    /// An empty outcome at an instant.
    pub fn new(at: Timestamp) -> Self {
        Self {
            outcome_id: String::new(),
            at,
            kind: String::new(),
            quantity: Decimal::ZERO,
            labels: Labels::default(),
            trace_id: None,
            call_id: None,
        }
    }
}
