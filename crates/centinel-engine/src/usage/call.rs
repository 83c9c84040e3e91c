//! One model call, as a connector hands it on.

use jiff::Timestamp;

use super::Usage;
use crate::{
    money::{Currency, Decimal},
    series::Labels,
};

/// How a call ended, as far as its source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum CallStatus {
    /// Answered.
    #[default]
    Ok = 0,
    /// Failed; may still be billed.
    Error = 1,
    /// Cut off by the caller; what was generated is billed.
    Aborted = 2,
    /// Answered by a gateway's own cache: no provider was paid.
    GatewayCache = 3,
}

/// One model call (or a report's sum of several): who made it, when, what it used. A connector fills and re-uses one of these.
///
/// Without a `call_id` the call is keyed by its file's digest and its position there.
#[derive(Debug, Clone)]
pub struct Call {
    /// The source's own id: unique for ever within one source.
    pub call_id: Option<String>,
    /// When the call started.
    pub at: Timestamp,
    /// Low-cardinality dimensions: provider, model, feature, ….
    pub labels: Labels,
    /// How many calls the row stands for: 1, or more where a provider's usage report adds calls up,
    /// or 0 where the report does not tell their number, or other rows stand for them already (the
    /// tool use of counted calls). A row of other than one call says nothing about the spread of single
    /// calls.
    pub calls: u64,
    /// Inclusive token counts, over all calls of the row.
    pub usage: Usage,
    /// How it ended.
    pub status: CallStatus,
    /// Whether this call repeats an earlier, failed one.
    pub is_retry: bool,
    /// Duration, in milliseconds.
    pub latency_ms: Option<u64>,
    /// High-cardinality keys; columns of the ledger, never part of a series.
    pub end_user: Option<String>,
    /// The customer on whose behalf the call was made.
    pub customer: Option<String>,
    /// The trace that the call belongs to.
    pub trace_id: Option<String>,
    /// What the source says the call cost: kept beside our price, never instead of it.
    pub reported_cost: Option<(Decimal, Currency)>,
}

impl Call {
    /// An empty call at an instant.
    pub fn new(at: Timestamp) -> Self {
        Self {
            call_id: None,
            at,
            labels: Labels::default(),
            calls: 1,
            usage: Usage::ZERO,
            status: CallStatus::Ok,
            is_retry: false,
            latency_ms: None,
            end_user: None,
            customer: None,
            trace_id: None,
            reported_cost: None,
        }
    }

    /// Empties the call for the next row, keeping its buffers.
    pub fn reset(&mut self, at: Timestamp) {
        let mut labels = std::mem::take(&mut self.labels);
        labels.clear();
        *self = Self { labels, ..Self::new(at) };
    }
}
