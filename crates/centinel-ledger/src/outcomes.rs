//! A batch of business outcomes. There are few of them next to calls, so they are kept by the day and
//! as they came.

use centinel_engine::{
    money::Pico,
    period::{DAY_MICROS, HOUR_MICROS},
    usage::Outcome,
};

use crate::{
    calls::{Tables, TextColumn},
    heads::{Heads, retain},
    order::Order,
    segment::{Column, Values},
};

/// Outcomes in columns, in the order of arrival. Quantities are in 10^-12 of an output.
#[derive(Debug, Default)]
pub(crate) struct OutcomeBatch {
    heads: Heads,
    quantity: Vec<i128>,
    trace_id: TextColumn,
    call_id: TextColumn,
}

impl OutcomeBatch {
    pub(crate) fn len(&self) -> usize {
        self.heads.len()
    }

    /// Adds an outcome whose quantity has at most 12 decimals.
    pub(crate) fn push(&mut self, series: u32, key: u128, outcome: &Outcome, quantity: Pico) {
        self.heads.push(series, outcome.at.as_microsecond(), key);
        self.quantity.push(quantity.0);
        self.trace_id.push(outcome.trace_id.as_deref());
        self.call_id.push(outcome.call_id.as_deref());
    }

    pub(crate) fn heads(&mut self) -> &mut Heads {
        &mut self.heads
    }

    /// Drops the rows that are not to be kept (the ledger has them already).
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        self.heads.retain(keep);
        retain(&mut self.quantity, keep);
        retain(&mut self.trace_id.index, keep);
        retain(&mut self.call_id.index, keep);
    }

    /// Sorts the batch by day, series and time, and aggregates it by hour and by day.
    pub(crate) fn finish(mut self) -> Tables {
        let order = self.heads.sort();
        order.apply(&mut self.quantity);
        order.apply(&mut self.trace_id.index);
        order.apply(&mut self.call_id.index);
        let hour = self.cells(HOUR_MICROS);
        let day = self.cells(DAY_MICROS);
        let span = self.heads.span();
        let raw_row_groups = Order::row_groups(&self.heads.start_at);
        let raw = vec![
            Column::new("series", Values::Int32(self.heads.series)),
            Column::new("start_at", Values::Micros(self.heads.start_at)),
            Column::new("outcome_key", Values::Key(self.heads.key)),
            Column::new("quantity", Values::Amount(self.quantity)),
            Column::new("trace_id", self.trace_id.into_values()),
            Column::new("call_id", self.call_id.into_values()),
        ];
        Tables { raw, raw_row_groups, hour, day, span }
    }

    fn cells(&self, unit: i64) -> Vec<Column> {
        let (mut series, mut start_at) = (Vec::new(), Vec::new());
        let (mut sums, mut outcomes) = (Vec::<i128>::new(), Vec::<i64>::new());
        for ((&of, &at), &quantity) in
            self.heads.series.iter().zip(&self.heads.start_at).zip(&self.quantity)
        {
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
