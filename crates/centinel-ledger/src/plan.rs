//! What a question needs: groups of series, slices of time, columns of segments.

use std::{collections::BTreeMap, sync::Arc};

use centinel_engine::{
    period::{DAY_MICROS, Grain, HOUR_MICROS},
    series::{Dimension, SeriesKey},
    usage::{CostClass, UsageClass},
};

use crate::{
    LedgerError,
    ledger::SegmentKind,
    query::{GroupBy, Measure, ScanLevel, SpendQuery, SpendRow},
    segment::RowGroup,
    slices::Slices,
};

/// Most sums that one question may ask for.
const CELLS_MAX: usize = 8_000_000;
/// A series that the filter leaves out.
pub(crate) const EXCLUDED: u32 = u32::MAX;

/// How a measure is read from a family of segments.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// Sum of a column.
    Sum(&'static str),
    /// One a row.
    Rows,
    /// One a row whose column is zero (an absent column is all zero).
    Zeros(&'static str),
}

impl Source {
    /// The column that is read, if one is.
    pub(crate) fn column(self) -> Option<&'static str> {
        match self {
            Self::Sum(column) | Self::Zeros(column) => Some(column),
            Self::Rows => None,
        }
    }
}

/// A question, laid out over the series of the ledger.
pub(crate) struct Plan<'q> {
    pub(crate) query: &'q SpendQuery,
    /// Group of each series, or [`EXCLUDED`].
    pub(crate) group_of_series: Vec<u32>,
    /// Values and currency of each group.
    pub(crate) groups: Vec<(Vec<Option<String>>, Option<String>)>,
    pub(crate) slices: Slices,
    /// Microseconds of a cell: 0 for raw rows.
    unit: i64,
}

impl<'q> Plan<'q> {
    pub(crate) fn new<'s>(
        query: &'q SpendQuery,
        series: impl Iterator<Item = (u32, &'s SeriesKey)>,
        counts: impl Fn(&SeriesKey) -> bool,
    ) -> Result<Self, LedgerError> {
        let mut group_of_series = Vec::new();
        let mut groups = BTreeMap::new();
        let mut keyed = Vec::new();
        for (id, key) in series {
            let passes = counts(key) && query.filter.iter().all(|condition| condition.holds(key));
            if !passes {
                continue;
            }
            let values: Vec<Option<String>> = query
                .group_by
                .iter()
                .map(|by| match by {
                    GroupBy::Dimension(dimension) => key.get(dimension).map(str::to_owned),
                    GroupBy::Class => (query.classify)(key),
                })
                .collect();
            let group = (values, key.get(&Dimension::Currency).map(str::to_owned));
            groups.insert(group.clone(), 0_u32);
            keyed.push((id, group));
        }
        // Groups are numbered in sorted order, so that the answer needs no sorting.
        for (number, slot) in (0_u32..).zip(groups.values_mut()) {
            *slot = number;
        }
        for (id, group) in keyed {
            let index = usize::try_from(id).unwrap_or(0);
            if group_of_series.len() <= index {
                group_of_series.resize(index + 1, EXCLUDED);
            }
            if let (Some(slot), Some(&number)) =
                (group_of_series.get_mut(index), groups.get(&group))
            {
                *slot = number;
            }
        }
        let groups = groups.into_keys().collect();
        let aligned = |unit| {
            query.period.is_aligned(unit)
                && (query.grain != Some(Grain::Hour) || unit == HOUR_MICROS)
        };
        let unit = match query.scan {
            ScanLevel::Raw => 0,
            ScanLevel::Coarsest if aligned(DAY_MICROS) => DAY_MICROS,
            ScanLevel::Coarsest if aligned(HOUR_MICROS) => HOUR_MICROS,
            ScanLevel::Coarsest => 0,
        };
        let plan = Self { query, group_of_series, groups, slices: Slices::new(query), unit };
        let cells = plan.cells();
        if cells > CELLS_MAX {
            return Err(LedgerError::TooMany { cells, limit: CELLS_MAX });
        }
        Ok(plan)
    }

    pub(crate) fn unit(&self) -> i64 {
        self.unit.max(1)
    }

    /// The first instant that is looked at and the first one after, in microseconds: a cell starts
    /// before the instant that it holds.
    pub(crate) fn window(&self) -> (i64, i64) {
        let start = self.query.period.start_micros();
        (start - start.rem_euclid(self.unit()), self.query.period.end_micros())
    }

    /// Whether a row group has rows in the window.
    pub(crate) fn touches(&self, (_, first, last): RowGroup) -> bool {
        let (start, end) = self.window();
        last >= start && first < end
    }

    pub(crate) fn slots(&self) -> usize {
        self.groups.len().saturating_mul(self.slices.len())
    }

    pub(crate) fn cells(&self) -> usize {
        self.slots().saturating_mul(self.query.measures.len())
    }

    /// The families of segments that any measure needs.
    pub(crate) fn families(&self) -> Vec<[SegmentKind; 3]> {
        let mut families = vec![SegmentKind::CALLS, SegmentKind::CHARGES, SegmentKind::OUTCOMES];
        families.retain(|family| {
            self.query.measures.iter().any(|&measure| source(measure, family[0], true).is_some())
        });
        families
    }

    pub(crate) fn kind(&self, family: [SegmentKind; 3]) -> SegmentKind {
        let [raw, hour, day] = family;
        match self.unit {
            DAY_MICROS => day,
            HOUR_MICROS => hour,
            _ => raw,
        }
    }

    /// Measure and column for each measure that a family answers.
    pub(crate) fn columns(
        &self,
        family: [SegmentKind; 3],
    ) -> Result<Vec<(usize, Source)>, LedgerError> {
        let is_cell = self.unit > 0;
        let mut columns = Vec::new();
        for (index, &measure) in self.query.measures.iter().enumerate() {
            match (source(measure, family[0], is_cell), source(measure, family[0], true)) {
                (Some(source), _) => {
                    columns.push((index, source));
                    if measure == Measure::Calls {
                        columns.push((index, Source::Sum("extra_calls")));
                    }
                }
                (None, Some(_)) => return Err(LedgerError::NotAligned { measure: name(measure) }),
                (None, None) => {}
            }
        }
        Ok(columns)
    }

    pub(crate) fn rows(&self, sums: &[i128], touched: &[bool]) -> Vec<SpendRow> {
        let measures = self.query.measures.len();
        let mut rows = Vec::new();
        let shared: Vec<Arc<[Option<String>]>> =
            self.groups.iter().map(|(group, _)| group.as_slice().into()).collect();
        for (slot, _) in touched.iter().enumerate().filter(|&(_, &touched)| touched) {
            let slices = self.slices.len().max(1);
            let Some((_, currency)) = self.groups.get(slot / slices) else { continue };
            let Some(group) = shared.get(slot / slices) else { continue };
            let at = self.slices.starts.get(slot % slices).copied();
            rows.push(SpendRow {
                group: Arc::clone(group),
                currency: currency.clone(),
                at: self.query.grain.and(at),
                values: sums
                    .get(slot * measures..(slot + 1) * measures)
                    .unwrap_or_default()
                    .to_vec(),
            });
        }
        rows
    }
}

/// How a family answers a measure, from cells or from raw rows; `None` when it does not.
fn source(measure: Measure, family: SegmentKind, is_cell: bool) -> Option<Source> {
    use SegmentKind::{Calls, Charges, Outcomes};
    let by_hour = |column| is_cell.then_some(Source::Sum(column));
    match (family, measure) {
        (Calls, Measure::Cost | Measure::BilledCost | Measure::ListCost | Measure::CallCost) => {
            Some(Source::Sum("cost"))
        }
        (Calls, Measure::Calls) => Some(if is_cell { Source::Sum("calls") } else { Source::Rows }),
        (Calls, Measure::Usage(class)) => Some(Source::Sum(class.name())),
        (Calls, Measure::UnpricedCalls) => {
            Some(if is_cell { Source::Sum("unpriced_calls") } else { Source::Zeros("price") })
        }
        (Calls, Measure::ClassCost(class)) => by_hour(class.name()),
        (Calls, Measure::UnpricedInputTokens) => by_hour("unpriced_input_tokens"),
        (Calls, Measure::UnpricedOutputTokens) => by_hour("unpriced_output_tokens"),
        (Calls, Measure::Errors) => by_hour("errors"),
        (Calls, Measure::Retries) => by_hour("retries"),
        (Charges, Measure::Cost) => Some(Source::Sum("effective_cost")),
        (Charges, Measure::BilledCost) => Some(Source::Sum("billed_cost")),
        (Charges, Measure::ListCost) => Some(Source::Sum("list_cost")),
        (Charges, Measure::ListCostUnknown) => by_hour("list_cost_unknown"),
        (Charges, Measure::Charges) => {
            Some(if is_cell { Source::Sum("charges") } else { Source::Rows })
        }
        (Outcomes, Measure::Outcomes) => Some(Source::Sum("quantity")),
        _ => None,
    }
}

fn name(measure: Measure) -> &'static str {
    match measure {
        Measure::ClassCost(CostClass::Input) => "input cost",
        Measure::ClassCost(_) => "cost by class",
        Measure::Usage(UsageClass::InputTokensTotal) => "input tokens",
        Measure::UnpricedInputTokens | Measure::UnpricedOutputTokens => "unpriced tokens",
        Measure::ListCostUnknown => "the number of charges without a list cost",
        Measure::Errors => "errors",
        Measure::Retries => "retries",
        _ => "this measure",
    }
}
