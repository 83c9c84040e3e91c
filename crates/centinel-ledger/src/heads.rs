//! What rows of every kind have in common: a series, an instant, a key.

use crate::order::Order;

/// Series, instant and key of the rows of a batch, in columns.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    pub(crate) series: Vec<i32>,
    /// UTC microseconds.
    pub(crate) start_at: Vec<i64>,
    /// 0 for rows that are keyed by their file and their place in it.
    pub(crate) key: Vec<u128>,
}

impl Heads {
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    pub(crate) fn push(&mut self, series: u32, start_at: i64, key: u128) {
        self.series.push(series.cast_signed());
        self.start_at.push(start_at);
        self.key.push(key);
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
    }

    /// Sorts by day, series and time; returns the order, for the other columns.
    pub(crate) fn sort(&mut self) -> Order {
        let order = Order::of(&self.series, &self.start_at);
        order.apply(&mut self.series);
        order.apply(&mut self.start_at);
        order.apply(&mut self.key);
        order
    }

    /// Earliest and latest instant.
    pub(crate) fn span(&self) -> (i64, i64) {
        let times = || self.start_at.iter().copied();
        (times().min().unwrap_or(0), times().max().unwrap_or(0))
    }
}

/// Keeps the values whose flag is set; a shorter column has fewer values to keep.
pub(crate) fn retain<T>(column: &mut Vec<T>, keep: &[bool]) {
    let mut flags = keep.iter().copied();
    column.retain(|_| flags.next().unwrap_or(false));
}
