//! Questions: one closed, typed form for everything that is asked of the ledger.

use std::{collections::BTreeSet, sync::Arc};

use centinel_engine::{
    money::Pico,
    period::{Grain, Period},
    series::{Dimension, SeriesKey, Sketch},
    usage::{CostClass, UsageClass},
};
use jiff::Timestamp;

/// Something that is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Effective cost of charges, and of calls what we priced them at, in pico-units.
    Cost,
    /// Billed cost of charges; calls as in [`Self::Cost`].
    BilledCost,
    /// List cost of charges that state one; calls as in [`Self::Cost`].
    ListCost,
    /// Charges that state no list cost. Kept by the hour.
    ListCostUnknown,
    /// Cost of calls by class, in pico-units. Kept by the hour.
    ClassCost(CostClass),
    /// Cost of calls alone.
    CallCost,
    /// Calls.
    Calls,
    /// Usage of a class.
    Usage(UsageClass),
    /// Calls without a price.
    UnpricedCalls,
    /// Input tokens of calls without a price. Kept by the hour.
    UnpricedInputTokens,
    /// Output tokens of calls without a price. Kept by the hour.
    UnpricedOutputTokens,
    /// Failed calls. Kept by the hour.
    Errors,
    /// Calls that repeat a failed one. Kept by the hour.
    Retries,
    /// Charges. Kept by the hour.
    Charges,
    /// Business outputs, in 10^-12 of an output.
    Outcomes,
}

/// What rows are put together by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupBy {
    /// A dimension's value.
    Dimension(Dimension),
    /// `ai_tokens`, `cloud`, …: what a rule over the labels says. See [`SpendQuery::classify`].
    Class,
}

/// Something of calls whose distribution is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Distribution {
    /// Input tokens of a call.
    InputTokens,
    /// Output tokens of a call.
    OutputTokens,
    /// Cost of a priced call, in 10^-9 of the currency.
    CostNano,
    /// Duration of a call, in milliseconds.
    LatencyMs,
}

/// The distribution of something over the calls of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributionRow {
    /// Values in the order of `group_by`; `None` where a series has none.
    pub group: Vec<Option<String>>,
    /// ISO code of the amounts; `None` where a series states none.
    pub currency: Option<String>,
    /// Start of the slice of time; `None` without a grain.
    pub at: Option<Timestamp>,
    /// Quantiles within 1.6 %.
    pub sketch: Sketch,
}

/// One condition on a dimension: all conditions of a question must hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Which dimension.
    pub dimension: Dimension,
    /// The values allowed; the empty text stands for "no value".
    pub any_of: BTreeSet<String>,
}

impl Condition {
    /// Whether a label set fulfils it.
    pub fn holds(&self, key: &SeriesKey) -> bool {
        self.any_of.contains(key.get(&self.dimension).unwrap_or_default())
    }
}

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScanLevel {
    /// From the coarsest cells that answer exactly.
    #[default]
    Coarsest,
    /// From raw segments, whatever it costs: the check on the cells.
    Raw,
}

/// A rule over labels.
pub type Classifier = Arc<dyn Fn(&SeriesKey) -> Option<String> + Send + Sync>;

/// A question to the ledger.
#[derive(Clone)]
pub struct SpendQuery {
    /// What is summed, in the order of the answer.
    pub measures: Vec<Measure>,
    /// What rows are put together by.
    pub group_by: Vec<GroupBy>,
    /// Conditions.
    pub filter: Vec<Condition>,
    /// When.
    pub period: Period,
    /// How finely time is cut; `None` for one sum over the period.
    pub grain: Option<Grain>,
    /// Only what the ledger knew at that instant.
    pub as_of: Option<Timestamp>,
    /// From cells, or from raw rows.
    pub scan: ScanLevel,
    /// The class of a series, where [`GroupBy::Class`] asks for it (ownership, tier, kind of spend):
    /// evaluated once a series, so a changed rule re-labels all history at once.
    pub classify: Classifier,
}

impl SpendQuery {
    /// Sums of measures over a period, ungrouped.
    pub fn new(period: Period, measures: Vec<Measure>) -> Self {
        Self {
            measures,
            group_by: Vec::new(),
            filter: Vec::new(),
            period,
            grain: None,
            as_of: None,
            scan: ScanLevel::Coarsest,
            classify: Arc::new(|_| None),
        }
    }

    /// Grouped by dimensions.
    #[must_use]
    pub fn by(mut self, dimensions: impl IntoIterator<Item = Dimension>) -> Self {
        self.group_by.extend(dimensions.into_iter().map(GroupBy::Dimension));
        self
    }

    /// Cut by time.
    #[must_use]
    pub fn every(mut self, grain: Grain) -> Self {
        self.grain = Some(grain);
        self
    }

    /// Grouped by a rule over the labels as well.
    #[must_use]
    pub fn by_class(
        mut self,
        classify: impl Fn(&SeriesKey) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.group_by.push(GroupBy::Class);
        self.classify = Arc::new(classify);
        self
    }

    /// Only rows whose dimension has one of these values.
    #[must_use]
    pub fn only<S: Into<String>>(
        mut self,
        dimension: Dimension,
        any_of: impl IntoIterator<Item = S>,
    ) -> Self {
        let any_of = any_of.into_iter().map(Into::into).collect();
        self.filter.push(Condition { dimension, any_of });
        self
    }
}

/// One line of an answer. Lines of different currencies are never put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendRow {
    /// Values in the order of `group_by`; `None` where a series has none. Rows of one group share them.
    pub group: Arc<[Option<String>]>,
    /// ISO code of the amounts; `None` where a series states none.
    pub currency: Option<String>,
    /// Start of the slice of time; `None` without a grain.
    pub at: Option<Timestamp>,
    /// Sums in the order of `measures`.
    pub values: Vec<i128>,
}

impl SpendRow {
    /// A sum that is an amount.
    pub fn amount(&self, index: usize) -> Pico {
        Pico(self.value(index))
    }

    /// A sum.
    pub fn value(&self, index: usize) -> i128 {
        self.values.get(index).copied().unwrap_or(0)
    }
}

/// How an answer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanReport {
    /// Segments opened.
    pub segments: usize,
    /// Rows looked at.
    pub rows: u64,
}

/// The answer: rows sorted by group, currency and time; slices without any row are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpendTable {
    /// The lines.
    pub rows: Vec<SpendRow>,
    /// What was read.
    pub scan: ScanReport,
}
