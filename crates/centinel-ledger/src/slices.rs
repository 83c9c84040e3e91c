//! Slices of time: hours, days, weeks, months.

use centinel_engine::period::{DAY_MICROS, Grain, HOUR_MICROS, date_of_index, index_of_date};
use jiff::{Timestamp, civil::Weekday};

use crate::query::SpendQuery;

/// Slices of time: which one an instant falls into.
pub(crate) struct Slices {
    /// Microseconds of the unit that slices are found by: hour or day.
    pub(crate) unit: i64,
    /// First unit of the period.
    first: i64,
    /// Slice of each unit of the period; empty without a grain.
    of_unit: Vec<u32>,
    /// Start of each slice.
    pub(crate) starts: Vec<Timestamp>,
}

impl Slices {
    pub(crate) fn new(query: &SpendQuery) -> Self {
        let Some(grain) = query.grain else {
            return Self {
                unit: DAY_MICROS,
                first: 0,
                of_unit: Vec::new(),
                starts: vec![query.period.start],
            };
        };
        let unit = if grain == Grain::Hour { HOUR_MICROS } else { DAY_MICROS };
        let first = query.period.start_micros().div_euclid(unit);
        let last = (query.period.end_micros() - 1).div_euclid(unit);
        let (mut of_unit, mut starts) = (Vec::new(), Vec::new());
        let mut open = None;
        for index in first..=last {
            let start = match grain {
                Grain::Hour | Grain::Day => index,
                Grain::Week | Grain::Month => {
                    let day = date_of_index(i32::try_from(index).unwrap_or(i32::MAX));
                    let start = if grain == Grain::Month {
                        day.first_of_month()
                    } else {
                        day.tomorrow()
                            .and_then(|next| next.nth_weekday(-1, Weekday::Monday))
                            .unwrap_or(day)
                    };
                    i64::from(index_of_date(start))
                }
            };
            if open != Some(start) {
                open = Some(start);
                starts
                    .push(Timestamp::from_microsecond(start * unit).unwrap_or(query.period.start));
            }
            of_unit.push(u32::try_from(starts.len() - 1).unwrap_or(u32::MAX));
        }
        Self { unit, first, of_unit, starts }
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The slice of an instant inside the period.
    pub(crate) fn of(&self, micros: i64) -> usize {
        if self.of_unit.is_empty() {
            return 0;
        }
        let index = (micros.div_euclid(self.unit) - self.first).max(0);
        let slice = usize::try_from(index).ok().and_then(|index| self.of_unit.get(index));
        slice.copied().map_or(0, |slice| usize::try_from(slice).unwrap_or(0))
    }

    /// The one slice of a span of instants, if it is one.
    pub(crate) fn single(&self, first: i64, last: i64) -> Option<usize> {
        if self.of_unit.is_empty() {
            return Some(0);
        }
        (first.div_euclid(self.unit) == last.div_euclid(self.unit)).then(|| self.of(first))
    }
}
