//! Weeks as ISO 8601 counts them: `2026-W43`, Monday to Sunday.

use std::{fmt, str::FromStr};

use centinel_engine::period::Period;
use jiff::{
    Span,
    civil::{Date, ISOWeekDate, Weekday},
};

/// A week, by its Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Week(ISOWeekDate);

/// A text that names no week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a week is written as `2026-W43`")]
pub(crate) struct NoWeek;

impl Week {
    /// The week that a day is in.
    pub(crate) fn of(day: Date) -> Self {
        let date = day.iso_week_date();
        ISOWeekDate::new(date.year(), date.week(), Weekday::Monday).map_or(Self(date), Self)
    }

    /// Its days, the Monday after not counted; `None` at the edge of the calendar.
    pub(crate) fn days(self) -> Option<(Date, Date)> {
        let monday = self.0.date();
        Some((monday, monday.checked_add(Span::new().days(7)).ok()?))
    }

    /// Its days as a period.
    pub(crate) fn period(self) -> Option<Period> {
        let (monday, next) = self.days()?;
        Period::days(monday, next).ok()
    }

    /// The week before; `None` at the edge of the calendar.
    pub(crate) fn before(self) -> Option<Self> {
        self.0.date().checked_sub(Span::new().days(7)).ok().map(Self::of)
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-W{:02}", self.0.year(), self.0.week())
    }
}

impl FromStr for Week {
    type Err = NoWeek;

    fn from_str(text: &str) -> Result<Self, NoWeek> {
        let (year, week) = text.split_once("-W").ok_or(NoWeek)?;
        let digits = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(year, 4) || !digits(week, 2) {
            return Err(NoWeek);
        }
        let (year, week) = (year.parse().map_err(|_| NoWeek)?, week.parse().map_err(|_| NoWeek)?);
        ISOWeekDate::new(year, week, Weekday::Monday).map(Self).map_err(|_| NoWeek)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// ISO 8601: the week of the year's first Thursday is its first.
    #[test]
    fn weeks_are_iso_weeks() {
        for (day, name, monday) in [
            (date(2026, 10, 25), "2026-W43", date(2026, 10, 19)),
            (date(2026, 1, 1), "2026-W01", date(2025, 12, 29)),
            (date(2027, 1, 3), "2026-W53", date(2026, 12, 28)),
            (date(2024, 12, 30), "2025-W01", date(2024, 12, 30)),
        ] {
            let week = Week::of(day);
            assert_eq!(week.to_string(), name);
            assert_eq!(name.parse(), Ok(week));
            assert_eq!(week.days().unwrap().0, monday);
            assert_eq!(week.period().unwrap().before(), week.before().unwrap().period());
        }
        for bad in ["2025-W53", "2026-W00", "2026-43", "2026-W4", "26-W43", "+026-W43", "", "-W"] {
            assert_eq!(bad.parse::<Week>(), Err(NoWeek), "{bad}");
        }
    }
}
