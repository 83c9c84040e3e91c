//! A batch of calls: columns while it fills, three segments when it is full.

use centinel_engine::usage::{BookedCost, Call, CostClass, UsageClass};

use crate::{
    LedgerError,
    cells::{CallCells, CellCall},
    heads::{Heads, retain},
    order::Order,
    segment::{Column, SegmentReader, Values},
};

/// Calls in columns, in the order of arrival.
#[derive(Debug, Default)]
pub(crate) struct CallBatch {
    heads: Heads,
    // One vector a usage class; a shorter one ends in zeros.
    usage: [Vec<i64>; UsageClass::COUNT],
    cost: Vec<Option<i128>>,
    by_class: [Vec<i128>; CostClass::COUNT],
    remainder: Vec<i64>,
    price: Vec<i32>,
    // Calls beyond the first that a row of a usage report stands for; -1 where it stands for none.
    extra_calls: Vec<i64>,
    status: Vec<i32>,
    is_retry: Vec<i32>,
    latency_ms: Vec<Option<i64>>,
    reported_cost: Vec<Option<i128>>,
    end_user: TextColumn,
    customer: TextColumn,
    trace_id: TextColumn,
}

/// A batch in its final form.
pub(crate) struct Tables {
    pub(crate) raw: Vec<Column>,
    pub(crate) raw_row_groups: Vec<usize>,
    pub(crate) hour: Vec<Column>,
    pub(crate) day: Vec<Column>,
    /// Earliest and latest instant.
    pub(crate) span: (i64, i64),
}

impl CallBatch {
    pub(crate) fn len(&self) -> usize {
        self.heads.len()
    }

    /// Adds a call. `key` is 0 for calls that are keyed by file and ordinal; `cost` is `None` when
    /// no price is known.
    pub(crate) fn push(&mut self, series: u32, key: u128, call: &Call, cost: Option<&BookedCost>) {
        let row = self.len();
        self.heads.push(series, call.at.as_microsecond(), key);
        for ((_, count), column) in call.usage.iter().zip(&mut self.usage) {
            if count > 0 {
                column.resize(row, 0);
                column.push(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        self.cost.push(cost.map(|cost| cost.amount.0));
        for (class, column) in CostClass::ALL.into_iter().zip(&mut self.by_class) {
            let amount = cost.and_then(|cost| cost.by_class.get(class.index())).map_or(0, |a| a.0);
            if amount != 0 {
                column.resize(row, 0);
                column.push(amount);
            }
        }
        self.remainder.push(cost.map_or(0, |cost| cost.remainder_quecto));
        self.price.push(cost.map_or(0, |cost| cost.price.cast_signed()));
        let calls = i64::try_from(call.calls).unwrap_or(i64::MAX);
        self.extra_calls.push(calls.saturating_sub(1));
        self.status.push(call.status as i32);
        self.is_retry.push(i32::from(call.is_retry));
        self.latency_ms.push(call.latency_ms.and_then(|ms| i64::try_from(ms).ok()));
        let reported = call.reported_cost.and_then(|(cost, _)| cost.mantissa_at(12));
        self.reported_cost.push(reported);
        self.end_user.push(call.end_user.as_deref());
        self.customer.push(call.customer.as_deref());
        self.trace_id.push(call.trace_id.as_deref());
    }

    /// The rows of a raw segment, in its order. What they cost by class is in no raw segment: it is
    /// zero here, and only in the cells.
    pub(crate) fn load(reader: &SegmentReader) -> Result<Self, LedgerError> {
        let mut batch = Self::default();
        let (mut narrow, mut small, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        let mut maybe = Vec::new();
        for group in 0..reader.row_groups().len() {
            let (before, rows) = (batch.heads.len(), reader.rows(group));
            let mut states = |column: &str, into: &mut Vec<i32>| {
                reader.read_i32(group, column, &mut small)?;
                small.resize(rows, 0);
                into.extend_from_slice(&small);
                Ok::<_, LedgerError>(())
            };
            states("series", &mut batch.heads.series)?;
            states("price", &mut batch.price)?;
            states("status", &mut batch.status)?;
            states("is_retry", &mut batch.is_retry)?;
            reader.read_keys(group, "call_key", &mut keys)?;
            keys.resize(rows, 0);
            batch.heads.key.extend_from_slice(&keys);
            let mut counts = |column: &str, into: &mut Vec<i64>| {
                if reader.read_i64(group, column, &mut narrow)? {
                    into.resize(before, 0);
                    into.extend_from_slice(&narrow);
                }
                Ok::<_, LedgerError>(())
            };
            counts("start_at", &mut batch.heads.start_at)?;
            counts("cost_remainder_quecto", &mut batch.remainder)?;
            counts("extra_calls", &mut batch.extra_calls)?;
            for (class, column) in UsageClass::ALL.into_iter().zip(&mut batch.usage) {
                counts(class.name(), column)?;
            }
            let all = before.saturating_add(rows);
            for column in [&mut batch.heads.start_at, &mut batch.remainder, &mut batch.extra_calls]
            {
                column.resize(all, 0);
            }
            reader.read_amounts(group, "cost", &mut maybe)?;
            batch.cost.extend_from_slice(&maybe);
            reader.read_amounts(group, "reported_cost", &mut maybe)?;
            batch.reported_cost.extend_from_slice(&maybe);
            reader.read_amounts(group, "latency_ms", &mut maybe)?;
            let latency = |ms: &Option<i128>| ms.and_then(|ms| i64::try_from(ms).ok());
            batch.latency_ms.extend(maybe.iter().map(latency));
            for (column, into) in [
                ("end_user", &mut batch.end_user),
                ("customer", &mut batch.customer),
                ("trace_id", &mut batch.trace_id),
            ] {
                for text in reader.read_texts(group, column)? {
                    let text = text.as_ref().map(|text| std::str::from_utf8(text.data()));
                    let text = text.transpose().map_err(|_| LedgerError::Corrupt {
                        segment: reader.name().to_owned(),
                        reason: format!("column `{column}` is no text"),
                    })?;
                    into.push(text);
                }
            }
        }
        Ok(batch)
    }

    /// What is booked for a row: cost and price; `None` for a call without a price.
    pub(crate) fn booked(&self, row: usize) -> Option<(i128, i64, u32)> {
        let cost = self.cost.get(row).copied().flatten()?;
        let remainder = self.remainder.get(row).copied().unwrap_or(0);
        Some((cost, remainder, self.price.get(row).copied().unwrap_or(0).cast_unsigned()))
    }

    /// Books another cost for a row.
    pub(crate) fn rebook(&mut self, row: usize, cost: &BookedCost) {
        if let (Some(amount), Some(remainder), Some(price)) =
            (self.cost.get_mut(row), self.remainder.get_mut(row), self.price.get_mut(row))
        {
            *amount = Some(cost.amount.0);
            *remainder = cost.remainder_quecto;
            *price = cost.price.cast_signed();
        }
        self.set_classes(row, &cost.by_class.map(|amount| amount.0));
    }

    /// Sets what a row adds to its cell by class.
    pub(crate) fn set_classes(&mut self, row: usize, by_class: &[i128; CostClass::COUNT]) {
        let rows = self.len();
        for (column, amount) in self.by_class.iter_mut().zip(by_class) {
            if *amount != 0 {
                column.resize(rows, 0);
            }
            if let Some(slot) = column.get_mut(row) {
                *slot = *amount;
            }
        }
    }

    pub(crate) fn heads(&mut self) -> &mut Heads {
        &mut self.heads
    }

    /// Drops the rows that are not to be kept (the ledger has them already).
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        for column in &mut self.usage {
            retain(column, keep);
        }
        for column in &mut self.by_class {
            retain(column, keep);
        }
        self.heads.retain(keep);
        retain(&mut self.cost, keep);
        retain(&mut self.remainder, keep);
        retain(&mut self.price, keep);
        retain(&mut self.extra_calls, keep);
        retain(&mut self.status, keep);
        retain(&mut self.is_retry, keep);
        retain(&mut self.latency_ms, keep);
        retain(&mut self.reported_cost, keep);
        retain(&mut self.end_user.index, keep);
        retain(&mut self.customer.index, keep);
        retain(&mut self.trace_id.index, keep);
    }

    /// Sorts the batch by day, series and time, and aggregates it by hour and by day.
    pub(crate) fn finish(mut self) -> Tables {
        let rows = self.len();
        let order = self.heads.sort();
        for column in &mut self.usage {
            if !column.is_empty() {
                column.resize(rows, 0);
                order.apply(column);
            }
        }
        for column in &mut self.by_class {
            if !column.is_empty() {
                column.resize(rows, 0);
                order.apply(column);
            }
        }
        order.apply(&mut self.cost);
        order.apply(&mut self.remainder);
        order.apply(&mut self.price);
        order.apply(&mut self.extra_calls);
        order.apply(&mut self.status);
        order.apply(&mut self.is_retry);
        order.apply(&mut self.latency_ms);
        order.apply(&mut self.reported_cost);
        order.apply(&mut self.end_user.index);
        order.apply(&mut self.customer.index);
        order.apply(&mut self.trace_id.index);

        let mut hour = CallCells::by_hour();
        let mut day = CallCells::by_day();
        for row in 0..rows {
            let Some(call) = self.cell_call(row) else { break };
            hour.add(&call);
            day.add(&call);
        }
        let span = self.heads.span();
        let raw_row_groups = Order::row_groups(&self.heads.start_at);
        Tables {
            raw: self.into_columns(),
            raw_row_groups,
            hour: hour.finish(),
            day: day.finish(),
            span,
        }
    }

    /// A row, as cells look at it.
    pub(crate) fn cell_call(&self, row: usize) -> Option<CellCall> {
        let mut call = CellCall {
            series: *self.heads.series.get(row)?,
            at: *self.heads.start_at.get(row)?,
            cost: *self.cost.get(row)?,
            remainder: *self.remainder.get(row)?,
            extra_calls: *self.extra_calls.get(row)?,
            status: *self.status.get(row)?,
            is_retry: *self.is_retry.get(row)? != 0,
            latency_ms: *self.latency_ms.get(row)?,
            ..CellCall::default()
        };
        for (class, column) in UsageClass::ALL.into_iter().zip(&self.usage) {
            if let Some(&count) = column.get(row) {
                call.usage.set(class, count.cast_unsigned());
            }
        }
        for (slot, column) in call.by_class.iter_mut().zip(&self.by_class) {
            *slot = column.get(row).copied().unwrap_or(0);
        }
        Some(call)
    }

    fn into_columns(self) -> Vec<Column> {
        let mut columns = vec![
            Column::new("series", Values::Int32(self.heads.series)),
            Column::new("start_at", Values::Micros(self.heads.start_at)),
            Column::new("call_key", Values::Key(self.heads.key)),
        ];
        for (class, column) in UsageClass::ALL.into_iter().zip(self.usage) {
            if !column.is_empty() {
                columns.push(Column::new(class.name(), Values::Int64(column)));
            }
        }
        columns.extend([
            Column::new("cost", Values::MaybeAmount(self.cost)),
            Column::new("cost_remainder_quecto", Values::Int64(self.remainder)),
            Column::new("price", Values::Int32(self.price)),
            Column::new("extra_calls", Values::Int64(self.extra_calls)),
            Column::new("status", Values::Int32(self.status)),
            Column::new("is_retry", Values::Int32(self.is_retry)),
            Column::new("latency_ms", Values::MaybeInt64(self.latency_ms)),
            Column::new("reported_cost", Values::MaybeAmount(self.reported_cost)),
            Column::new("end_user", self.end_user.into_values()),
            Column::new("customer", self.customer.into_values()),
            Column::new("trace_id", self.trace_id.into_values()),
        ]);
        columns
    }
}

/// Text with few distinct values, by index into its own dictionary.
#[derive(Debug)]
pub(crate) struct TextColumn {
    dictionary: Vec<String>,
    known: std::collections::HashMap<String, u32>,
    pub(crate) index: Vec<u32>,
}

impl Default for TextColumn {
    fn default() -> Self {
        // Index 0 is "none".
        Self {
            dictionary: vec![String::new()],
            known: std::collections::HashMap::new(),
            index: Vec::new(),
        }
    }
}

impl TextColumn {
    pub(crate) fn push(&mut self, text: Option<&str>) {
        let index = match text.filter(|text| !text.is_empty()) {
            None => 0,
            Some(text) => self.known.get(text).copied().unwrap_or_else(|| {
                let index = u32::try_from(self.dictionary.len()).unwrap_or(0);
                self.dictionary.push(text.to_owned());
                self.known.insert(text.to_owned(), index);
                index
            }),
        };
        self.index.push(index);
    }

    pub(crate) fn into_values(self) -> Values {
        Values::Text { dictionary: self.dictionary, index: self.index }
    }
}
