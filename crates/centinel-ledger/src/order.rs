//! The order of rows in a segment: day, series, time.

use centinel_engine::period::day_index;

/// Fewest rows that deserve a row group for their day alone.
const DAY_ROWS_MIN: usize = 4096;
/// Rows of a row group that spans days.
const GROUP_ROWS: usize = 65_536;

/// A permutation of rows.
pub(crate) struct Order(Vec<u32>);

impl Order {
    /// Rows by UTC day, then series, then time, then arrival. Equal series then lie together, days
    /// can be skipped by row group, and times delta-pack well.
    pub(crate) fn of(series: &[i32], at: &[i64]) -> Self {
        let mut rows: Vec<(i32, i32, i64, u32)> = series
            .iter()
            .zip(at)
            .zip(0_u32..)
            .map(|((&series, &at), row)| (day_index(at), series, at, row))
            .collect();
        rows.sort_unstable();
        Self(rows.into_iter().map(|(.., row)| row).collect())
    }

    /// Puts a column of as many rows into this order.
    pub(crate) fn apply<T: Copy>(&self, column: &mut Vec<T>) {
        let sorted: Vec<T> = self
            .0
            .iter()
            .filter_map(|&row| usize::try_from(row).ok().and_then(|row| column.get(row)).copied())
            .collect();
        *column = sorted;
    }

    /// Row group lengths over times in this order: a group a day where days are large, else groups of
    /// even size.
    pub(crate) fn row_groups(sorted_at: &[i64]) -> Vec<usize> {
        let mut days = Vec::new();
        let mut last = None;
        for &at in sorted_at {
            let day = day_index(at);
            match days.last_mut() {
                Some(length) if last == Some(day) => *length += 1,
                _ => days.push(1_usize),
            }
            last = Some(day);
        }
        if days.len().saturating_mul(DAY_ROWS_MIN) <= sorted_at.len() {
            return days;
        }
        let mut groups = vec![GROUP_ROWS; sorted_at.len() / GROUP_ROWS];
        let rest = sorted_at.len() % GROUP_ROWS;
        if rest > 0 {
            groups.push(rest);
        }
        groups
    }
}
