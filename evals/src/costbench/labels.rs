//! What was injected.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::family::Family;

/// Kinds of injected events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The cached share of input tokens falls to a tenth.
    CacheLoss,
    /// Traffic grows a little more every day.
    Drift,
    /// Traffic falls for a few days: nothing to find, but its end is a trap.
    Drop,
    /// Longer prompts and as much less traffic.
    MaskedBloat,
    /// A dearer model.
    ModelSwap,
    /// An announced change of level: in the calendar.
    Planned,
    /// Longer prompts.
    PromptBloat,
    /// Traffic multiplies within a few days, then ends.
    Ramp,
    /// More calls for the same outputs.
    RetryStorm,
    /// A higher level for two weeks.
    Shift,
    /// One to three days of much more traffic.
    Spike,
}

impl Kind {
    /// Kinds that are to be found.
    pub(crate) const TARGETS: [Self; 9] = [
        Self::CacheLoss,
        Self::Drift,
        Self::MaskedBloat,
        Self::ModelSwap,
        Self::PromptBloat,
        Self::Ramp,
        Self::RetryStorm,
        Self::Shift,
        Self::Spike,
    ];

    /// The name in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CacheLoss => "cache_loss",
            Self::Drift => "drift",
            Self::Drop => "drop",
            Self::MaskedBloat => "masked_bloat",
            Self::ModelSwap => "model_swap",
            Self::Planned => "planned",
            Self::PromptBloat => "prompt_bloat",
            Self::Ramp => "ramp",
            Self::RetryStorm => "retry_storm",
            Self::Shift => "shift",
            Self::Spike => "spike",
        }
    }

    /// Days after the end on which a first alarm still counts.
    pub(crate) fn grace_days(self) -> usize {
        if self == Self::Spike { 1 } else { 2 }
    }

    /// Its effect is on traffic, not on the cost of an output.
    pub(crate) fn is_of_volume(self) -> bool {
        matches!(self, Self::Drift | Self::Drop | Self::Ramp | Self::Shift | Self::Spike)
    }
}

/// An injected event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// What happened.
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// First day.
    pub(crate) start: usize,
    /// Last day.
    pub(crate) end: usize,
    /// Factor that was applied; of a lost cache, the cached share before.
    pub(crate) mag: f64,
    /// Cost with the event over cost without it, less 1; per output unless the event is of volume. Only
    /// known of worlds that were generated here.
    #[serde(skip)]
    pub(crate) effect: Option<f64>,
}

/// The events of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Labels {
    /// What it is.
    pub(crate) family: Family,
    /// Unplanned events.
    #[serde(rename = "labels")]
    pub(crate) unplanned: Vec<Event>,
    /// Planned changes.
    pub(crate) planned: Vec<Event>,
}

/// Labels by series.
pub(crate) type LabelsBySeries = BTreeMap<String, Labels>;
