//! A batch of business outcomes. There are few of them next to calls, so they are kept by the day and
//! as they came.

use centinel_engine::{
    money::Pico,
    period::{DAY_MICROS, HOUR_MICROS},
    usage::Outcome,
};

use crate::{
    calls::{Tables, TextColumn, retain},
    order::Order,
    segment::{Column, Values},
};

/// Outcomes in columns, in the order of arrival. Quantities are in 10^-12 of an output.
#[derive(Debug, Default)]
pub(crate) struct OutcomeBatch {
    series: Vec<i32>,
    start_at: Vec<i64>,
    key: Vec<u128>,
    quantity: Vec<i128>,
    trace_id: TextColumn,
    call_id: TextColumn,
}

impl OutcomeBatch {
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// Adds an outcome whose quantity has at most 12 decimals.
    pub(crate) fn push(&mut self, series: u32, key: u128, outcome: &Outcome, quantity: Pico) {
        self.series.push(series.cast_signed());
        self.start_at.push(outcome.at.as_microsecond());
        self.key.push(key);
        self.quantity.push(quantity.0);
        self.trace_id.push(outcome.trace_id.as_deref());
        self.call_id.push(outcome.call_id.as_deref());
    }

    /// Keys of the rows; 0 for rows that have none.
    pub(crate) fn keys(&self) -> &[u128] {
        &self.key
    }

    /// Replaces numbers local to the import by the catalogue's.
    pub(crate) fn renumber(&mut self, number: impl Fn(i32) -> i32) {
        for series in &mut self.series {
            *series = number(*series);
        }
    }

    /// Drops the rows that are not to be kept (the ledger has them already).
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        retain(&mut self.series, keep);
        retain(&mut self.start_at, keep);
        retain(&mut self.key, keep);
        retain(&mut self.quantity, keep);
        retain(&mut self.trace_id.index, keep);
        retain(&mut self.call_id.index, keep);
    }

    /// Sorts the batch by day, series and time, and aggregates it by hour and by day.
    pub(crate) fn finish(mut self) -> Tables {
        let order = Order::of(&self.series, &self.start_at);
        order.apply(&mut self.series);
        order.apply(&mut self.start_at);
        order.apply(&mut self.key);
        order.apply(&mut self.quantity);
        order.apply(&mut self.trace_id.index);
        order.apply(&mut self.call_id.index);
        let hour = self.cells(HOUR_MICROS);
        let day = self.cells(DAY_MICROS);
        let span = (
            self.start_at.iter().copied().min().unwrap_or(0),
            self.start_at.iter().copied().max().unwrap_or(0),
        );
        let raw_row_groups = Order::row_groups(&self.start_at);
        let raw = vec![
            Column::new("series", Values::Int32(self.series)),
            Column::new("start_at", Values::Micros(self.start_at)),
            Column::new("outcome_key", Values::Key(self.key)),
            Column::new("quantity", Values::Amount(self.quantity)),
            Column::new("trace_id", self.trace_id.into_values()),
            Column::new("call_id", self.call_id.into_values()),
        ];
        Tables { raw, raw_row_groups, hour, day, span }
    }

    fn cells(&self, unit: i64) -> Vec<Column> {
        let (mut series, mut start_at) = (Vec::new(), Vec::new());
        let (mut sums, mut outcomes) = (Vec::<i128>::new(), Vec::<i64>::new());
        for ((&of, &at), &quantity) in self.series.iter().zip(&self.start_at).zip(&self.quantity) {
            let start = at - at.rem_euclid(unit);
            if series.last() != Some(&of) || start_at.last() != Some(&start) {
                series.push(of);
                start_at.push(start);
                sums.push(0);
                outcomes.push(0);
            }
            if let (Some(sum), Some(count)) = (sums.last_mut(), outcomes.last_mut()) {
                *sum = sum.saturating_add(quantity);
                *count += 1;
            }
        }
        vec![
            Column::new("series", Values::Int32(series)),
            Column::new("start_at", Values::Micros(start_at)),
            Column::new("quantity", Values::Amount(sums)),
            Column::new("outcomes", Values::Int64(outcomes)),
        ]
    }
}
