//! Time as the ledger sees it: instants in UTC microseconds, half-open periods, hours and days.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// Microseconds in an hour.
pub const HOUR_MICROS: i64 = 3_600_000_000;
/// Microseconds in a UTC day.
pub const DAY_MICROS: i64 = 86_400_000_000;

/// A half-open span of UTC time: `start` counts, `end` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Period {
    /// First instant counted.
    pub start: Timestamp,
    /// First instant after the last one counted.
    pub end: Timestamp,
}

/// A period that ends before it starts, or lasts no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("period ends at {end}, which is not after its start {start}")]
pub struct EmptyPeriod {
    /// Start as given.
    pub start: Timestamp,
    /// End as given.
    pub end: Timestamp,
}

/// How finely time is cut in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// UTC hours.
    Hour,
    /// UTC days.
    Day,
    /// ISO weeks, Monday first.
    Week,
    /// Calendar months.
    Month,
}

impl Period {
    /// A period that contains at least one microsecond.
    ///
    /// # Errors
    ///
    /// [`EmptyPeriod`] when `end` is not after `start`.
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self, EmptyPeriod> {
        if end > start { Ok(Self { start, end }) } else { Err(EmptyPeriod { start, end }) }
    }

    /// Whole UTC days, `end` exclusive.
    ///
    /// # Errors
    ///
    /// [`EmptyPeriod`] when `end` is not after `start`.
    pub fn days(start: Date, end: Date) -> Result<Self, EmptyPeriod> {
        Self::new(start_of_day(start), start_of_day(end))
    }

    /// Whether an instant is counted.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// Start in UTC microseconds.
    pub fn start_micros(&self) -> i64 {
        self.start.as_microsecond()
    }

    /// End in UTC microseconds, exclusive.
    pub fn end_micros(&self) -> i64 {
        self.end.as_microsecond()
    }

    /// Whether both ends fall on multiples of `unit` microseconds since the epoch.
    pub fn is_aligned(&self, unit: i64) -> bool {
        self.start_micros().checked_rem_euclid(unit) == Some(0)
            && self.end_micros().checked_rem_euclid(unit) == Some(0)
    }

    /// The period of the same length just before this one; `None` at the edge of the calendar.
    pub fn before(&self) -> Option<Self> {
        let length = self.end_micros().checked_sub(self.start_micros())?;
        let start = Timestamp::from_microsecond(self.start_micros().checked_sub(length)?).ok()?;
        Some(Self { start, end: self.start })
    }

    /// First day counted and the day after the last day counted, in UTC.
    pub fn dates(&self) -> (Date, Date) {
        let last =
            Timestamp::from_microsecond(self.end_micros().saturating_sub(1)).unwrap_or(self.end);
        (date_of(self.start), date_of(last).tomorrow().unwrap_or(Date::MAX))
    }
}

impl fmt::Display for Period {
    /// `2026-10-14 to 2026-10-20` (last day inclusive, as people say it) for whole days.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_aligned(DAY_MICROS) {
            let (first, after) = self.dates();
            let last = after.yesterday().unwrap_or(first);
            if first == last { write!(f, "{first}") } else { write!(f, "{first} to {last}") }
        } else {
            write!(f, "{} to {}", self.start, self.end)
        }
    }
}

/// UTC midnight at the start of a day.
pub fn start_of_day(date: Date) -> Timestamp {
    jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).unwrap_or(Timestamp::MIN)
}

/// The UTC day of an instant.
pub fn date_of(at: Timestamp) -> Date {
    jiff::tz::TimeZone::UTC.to_datetime(at).date()
}

/// Days since 1970-01-01 of a UTC microsecond instant.
pub fn day_index(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX)
}

/// The day that [`day_index`] counted.
pub fn date_of_index(day: i32) -> Date {
    Timestamp::from_microsecond(i64::from(day).saturating_mul(DAY_MICROS))
        .map_or(Date::MAX, date_of)
}

/// Days since 1970-01-01 of a date.
pub fn index_of_date(date: Date) -> i32 {
    day_index(start_of_day(date).as_microsecond())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_are_half_open_and_read_inclusively() {
        let week = Period::days(date(2026, 10, 14), date(2026, 10, 21)).unwrap();
        assert_eq!(week.to_string(), "2026-10-14 to 2026-10-20");
        assert!(week.contains(start_of_day(date(2026, 10, 14))));
        assert!(!week.contains(start_of_day(date(2026, 10, 21))));
        assert_eq!(week.before().unwrap().to_string(), "2026-10-07 to 2026-10-13");
        assert_eq!(week.dates(), (date(2026, 10, 14), date(2026, 10, 21)));
        assert!(Period::days(date(2026, 10, 14), date(2026, 10, 14)).is_err());
    }

    #[test]
    fn day_indexes_go_both_ways() {
        for day in [date(1969, 12, 31), date(1970, 1, 1), date(2026, 2, 28), date(2028, 2, 29)] {
            assert_eq!(date_of_index(index_of_date(day)), day);
        }
        assert_eq!(day_index(-1), -1);
    }
}
