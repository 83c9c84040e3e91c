//! Cells: calls and charges aggregated by series and hour or day.
//!
//! A cell holds exact sums, sums of squares and mergeable sketches; cells of different segments add
//! up, so an import never touches the cells of another.

use centinel_engine::{
    period::{DAY_MICROS, HOUR_MICROS},
    series::Sketch,
    usage::{CallStatus, CostClass, Usage, UsageClass},
};

use crate::segment::{Column, Values};

/// One call, as far as cells look at it.
#[derive(Debug, Default)]
pub(crate) struct CellCall {
    pub(crate) series: i32,
    pub(crate) at: i64,
    pub(crate) usage: Usage,
    pub(crate) cost: Option<i128>,
    pub(crate) by_class: [i128; CostClass::COUNT],
    pub(crate) remainder: i64,
    /// Calls beyond the first, of a row that stands for several.
    pub(crate) extra_calls: i64,
    /// A [`CallStatus`] as a number.
    pub(crate) status: i32,
    pub(crate) is_retry: bool,
    pub(crate) latency_ms: Option<i64>,
}

/// Names of the count columns, in the order of `Cell::counts`.
const COUNTS: [&str; 9] = [
    "calls",
    "extra_calls",
    "errors",
    "aborted",
    "gateway_cache",
    "retries",
    "unpriced_calls",
    "unpriced_input_tokens",
    "unpriced_output_tokens",
];

#[derive(Default)]
struct Cell {
    series: i32,
    start_at: i64,
    counts: [i64; COUNTS.len()],
    usage: Usage,
    cost: i128,
    by_class: [i128; CostClass::COUNT],
    remainder: i128,
    // Sums of squares: input tokens, output tokens, cost in nano-units.
    squares: [i128; 3],
    // Input tokens, output tokens, cost in nano-units, latency in milliseconds.
    sketches: [Sketch; 4],
}

/// Columns of the sums of squares.
const SQUARES: [&str; 3] = ["input_tokens_squared", "output_tokens_squared", "cost_nano_squared"];
/// Columns of the sketches.
pub(crate) const SKETCHES: [&str; 4] =
    ["input_tokens_sketch", "output_tokens_sketch", "cost_nano_sketch", "latency_ms_sketch"];

/// Cells of one grain, built from calls in segment order.
pub(crate) struct CallCells {
    unit: i64,
    open: Option<Cell>,
    series: Vec<i32>,
    start_at: Vec<i64>,
    counts: [Vec<i64>; COUNTS.len()],
    usage: [Vec<i64>; UsageClass::COUNT],
    cost: Vec<i128>,
    by_class: [Vec<i128>; CostClass::COUNT],
    remainder: Vec<i128>,
    squares: [Vec<i128>; 3],
    sketches: [Vec<Vec<u8>>; 4],
}

impl CallCells {
    pub(crate) fn by_hour() -> Self {
        Self::new(HOUR_MICROS)
    }

    pub(crate) fn by_day() -> Self {
        Self::new(DAY_MICROS)
    }

    fn new(unit: i64) -> Self {
        Self {
            unit,
            open: None,
            series: Vec::new(),
            start_at: Vec::new(),
            counts: Default::default(),
            usage: Default::default(),
            cost: Vec::new(),
            by_class: Default::default(),
            remainder: Vec::new(),
            squares: Default::default(),
            sketches: Default::default(),
        }
    }

    /// Adds a call; calls of one cell come one after another.
    pub(crate) fn add(&mut self, call: &CellCall) {
        let start_at = call.at - call.at.rem_euclid(self.unit);
        let fits =
            self.open.as_ref().is_some_and(|c| c.series == call.series && c.start_at == start_at);
        if !fits {
            self.close();
            self.open = Some(Cell { series: call.series, start_at, ..Cell::default() });
        }
        if let Some(cell) = &mut self.open {
            cell.add(call);
        }
    }

    fn close(&mut self) {
        let Some(cell) = self.open.take() else { return };
        self.series.push(cell.series);
        self.start_at.push(cell.start_at);
        for (column, value) in self.counts.iter_mut().zip(cell.counts) {
            column.push(value);
        }
        for (column, (_, value)) in self.usage.iter_mut().zip(cell.usage.iter()) {
            column.push(i64::try_from(value).unwrap_or(i64::MAX));
        }
        self.cost.push(cell.cost);
        for (column, value) in self.by_class.iter_mut().zip(cell.by_class) {
            column.push(value);
        }
        self.remainder.push(cell.remainder);
        for (column, value) in self.squares.iter_mut().zip(cell.squares) {
            column.push(value);
        }
        for (column, sketch) in self.sketches.iter_mut().zip(&cell.sketches) {
            column.push(sketch.to_bytes());
        }
    }

    /// The columns of the cells.
    pub(crate) fn finish(mut self) -> Vec<Column> {
        self.close();
        let mut columns = vec![
            Column::new("series", Values::Int32(self.series)),
            Column::new("start_at", Values::Micros(self.start_at)),
            Column::new("cost", Values::Amount(self.cost)),
            Column::new("cost_remainder_quecto", Values::Wide(self.remainder)),
        ];
        columns.extend(named(COUNTS, self.counts, Values::Int64));
        columns.extend(named(UsageClass::ALL.map(UsageClass::name), self.usage, Values::Int64));
        columns.extend(named(CostClass::ALL.map(CostClass::name), self.by_class, Values::Amount));
        columns.extend(named(SQUARES, self.squares, Values::Wide));
        columns.extend(named(SKETCHES, self.sketches, Values::Bytes));
        columns
    }
}

fn named<T, const N: usize>(
    names: [&'static str; N],
    columns: [Vec<T>; N],
    values: impl Fn(Vec<T>) -> Values,
) -> impl Iterator<Item = Column> {
    names.into_iter().zip(columns).map(move |(name, column)| Column::new(name, values(column)))
}

impl Cell {
    fn add(&mut self, call: &CellCall) {
        let input = call.usage.get(UsageClass::InputTokensTotal);
        let output = call.usage.get(UsageClass::OutputTokensTotal);
        let (unpriced, unpriced_input, unpriced_output) =
            if call.cost.is_none() { (1, input, output) } else { (0, 0, 0) };
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let counts = [
            1,
            call.extra_calls,
            i64::from(call.status == CallStatus::Error as i32),
            i64::from(call.status == CallStatus::Aborted as i32),
            i64::from(call.status == CallStatus::GatewayCache as i32),
            i64::from(call.is_retry),
            unpriced,
            whole(unpriced_input),
            whole(unpriced_output),
        ];
        for (sum, count) in self.counts.iter_mut().zip(counts) {
            *sum = sum.saturating_add(count);
        }
        self.usage.add(&call.usage);
        self.remainder = self.remainder.saturating_add(call.remainder.into());
        for (sum, amount) in self.by_class.iter_mut().zip(call.by_class) {
            *sum = sum.saturating_add(amount);
        }
        if let Some(cost) = call.cost {
            self.cost = self.cost.saturating_add(cost);
        }
        if call.extra_calls != 0 {
            return; // a sum over calls has no place in a distribution of calls
        }
        let [input_sketch, output_sketch, cost_sketch, latency_sketch] = &mut self.sketches;
        let [input_square, output_square, cost_square] = &mut self.squares;
        let square = |value: u64| i128::from(value).saturating_mul(i128::from(value));
        *input_square = input_square.saturating_add(square(input));
        *output_square = output_square.saturating_add(square(output));
        input_sketch.add(input);
        output_sketch.add(output);
        if let Some(cost) = call.cost {
            let nano = u64::try_from((cost / 1000).max(0)).unwrap_or(u64::MAX);
            *cost_square = cost_square.saturating_add(square(nano));
            cost_sketch.add(nano);
        }
        if let Some(latency) = call.latency_ms.and_then(|ms| u64::try_from(ms).ok()) {
            latency_sketch.add(latency);
        }
    }
}
