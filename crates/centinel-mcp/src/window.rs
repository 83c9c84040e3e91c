//! Which time a question is about, in the words that people and models use.

use centinel_engine::period::{EmptyPeriod, Period, date_of};
use jiff::{Span, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The time that a question counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Counted from the day that the port takes as today.
    Relative(RelativePeriod),
    /// Exactly this.
    Exact(Period),
}

/// A period named relative to today, in UTC days, Monday-first weeks and calendar months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RelativePeriod {
    /// The current day, so far.
    Today,
    /// The day before today.
    Yesterday,
    /// The 7 whole days before today.
    #[serde(rename = "last_7d")]
    Last7d,
    /// The 30 whole days before today.
    #[serde(rename = "last_30d")]
    Last30d,
    /// The 90 whole days before today.
    #[serde(rename = "last_90d")]
    Last90d,
    /// Monday to Sunday before the current week.
    LastWeek,
    /// The current month, today included.
    MonthToDate,
    /// The whole calendar month before the current one.
    LastMonth,
    /// The current calendar quarter, today included.
    QuarterToDate,
    /// The whole calendar quarter before the current one.
    LastQuarter,
    /// The current calendar year, today included.
    YearToDate,
}

/// What a period is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompareTo {
    /// The period just before: see [`previous_period`].
    PreviousPeriod,
    /// The usual level: the same weekdays of the 56 days before, without holidays, planned changes
    /// and known episodes, scaled to the days compared.
    Usual,
    /// The same dates one year before.
    YearBefore,
}

impl RelativePeriod {
    /// The period, when today is `today`.
    ///
    /// The caller decides what today is: where the data is old, the day after its last day.
    ///
    /// # Errors
    ///
    /// [`EmptyPeriod`] at the edge of the calendar only.
    pub fn resolve(self, today: Date) -> Result<Period, EmptyPeriod> {
        let tomorrow = shifted(today, Span::new().days(1));
        let month = today.first_of_month();
        let quarter_months = (month.month().saturating_sub(1)).rem_euclid(3);
        let quarter = shifted(month, Span::new().months(-i32::from(quarter_months)));
        let monday =
            shifted(today, Span::new().days(-i32::from(today.weekday().to_monday_zero_offset())));
        let back = |days: i32| shifted(today, Span::new().days(-days));
        let (start, end) = match self {
            Self::Today => (today, tomorrow),
            Self::Yesterday => (back(1), today),
            Self::Last7d => (back(7), today),
            Self::Last30d => (back(30), today),
            Self::Last90d => (back(90), today),
            Self::LastWeek => (shifted(monday, Span::new().days(-7)), monday),
            Self::MonthToDate => (month, tomorrow),
            Self::LastMonth => (shifted(month, Span::new().months(-1)), month),
            Self::QuarterToDate => (quarter, tomorrow),
            Self::LastQuarter => (shifted(quarter, Span::new().months(-3)), quarter),
            Self::YearToDate => (today.first_of_year(), tomorrow),
        };
        Period::days(start, end)
    }
}

/// The period before, as people mean it: of whole calendar months as many months before, of the
/// first days of a month the same days of the month before, else the same length just before.
/// `None` at the edge of the calendar.
pub fn previous_period(period: Period) -> Option<Period> {
    let (start, end) = period.dates();
    let whole_days = Period::days(start, end) == Ok(period);
    if !whole_days || start.day() != 1 {
        return period.before();
    }
    let last = end.yesterday().ok()?;
    let months = i32::from(last.year())
        .saturating_sub(i32::from(start.year()))
        .saturating_mul(12)
        .saturating_add(i32::from(last.month()))
        .saturating_sub(i32::from(start.month()))
        .saturating_add(1);
    let first = start.checked_sub(Span::new().months(months)).ok()?;
    if end.day() == 1 {
        Period::days(first, start).ok()
    } else if months == 1 {
        // 1 to 30 October against all of September, whose 31st does not exist.
        let after = first.checked_add(Span::new().days(i32::from(last.day()))).ok()?;
        Period::days(first, after.min(start)).ok()
    } else {
        period.before()
    }
}

/// The same dates one year before; 29 February becomes the 28th. `None` at the edge of the calendar.
pub fn year_before(period: Period) -> Option<Period> {
    let length = period.end.duration_since(period.start);
    let utc = period.start.to_zoned(jiff::tz::TimeZone::UTC);
    let start = utc.checked_sub(Span::new().years(1)).ok()?.timestamp();
    let (first, after) = period.dates();
    let whole_days = Period::days(first, after) == Ok(period);
    if whole_days {
        let year = Span::new().years(1);
        return Period::days(date_of(start), after.checked_sub(year).ok()?).ok();
    }
    Period::new(start, start.checked_add(length).ok()?).ok()
}

fn shifted(date: Date, span: Span) -> Date {
    date.saturating_add(span)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn relative_periods_are_whole_days() {
        // A Thursday.
        let today = date(2026, 11, 5);
        for (relative, shown) in [
            (RelativePeriod::Today, "2026-11-05"),
            (RelativePeriod::Yesterday, "2026-11-04"),
            (RelativePeriod::Last7d, "2026-10-29 to 2026-11-04"),
            (RelativePeriod::Last30d, "2026-10-06 to 2026-11-04"),
            (RelativePeriod::Last90d, "2026-08-07 to 2026-11-04"),
            (RelativePeriod::LastWeek, "2026-10-26 to 2026-11-01"),
            (RelativePeriod::MonthToDate, "2026-11-01 to 2026-11-05"),
            (RelativePeriod::LastMonth, "2026-10-01 to 2026-10-31"),
            (RelativePeriod::QuarterToDate, "2026-10-01 to 2026-11-05"),
            (RelativePeriod::LastQuarter, "2026-07-01 to 2026-09-30"),
            (RelativePeriod::YearToDate, "2026-01-01 to 2026-11-05"),
        ] {
            assert_eq!(relative.resolve(today).unwrap().to_string(), shown, "{relative:?}");
        }
        let monday = RelativePeriod::LastWeek.resolve(date(2026, 11, 2)).unwrap();
        assert_eq!(monday.to_string(), "2026-10-26 to 2026-11-01");
    }

    #[test]
    fn the_period_before_follows_the_calendar() {
        for (start, end, before) in [
            // whole months
            (date(2026, 10, 1), date(2026, 11, 1), "2026-09-01 to 2026-09-30"),
            (date(2026, 7, 1), date(2026, 10, 1), "2026-04-01 to 2026-06-30"),
            (date(2026, 1, 1), date(2026, 2, 1), "2025-12-01 to 2025-12-31"),
            // the first days of a month
            (date(2026, 10, 1), date(2026, 10, 16), "2026-09-01 to 2026-09-15"),
            (date(2026, 3, 1), date(2026, 3, 31), "2026-02-01 to 2026-02-28"),
            // anything else
            (date(2026, 10, 14), date(2026, 10, 21), "2026-10-07 to 2026-10-13"),
            (date(2026, 10, 1), date(2026, 11, 5), "2026-08-27 to 2026-09-30"),
        ] {
            let period = Period::days(start, end).unwrap();
            assert_eq!(previous_period(period).unwrap().to_string(), before, "{period}");
        }
        let leap = Period::days(date(2028, 2, 29), date(2028, 3, 1)).unwrap();
        assert_eq!(year_before(leap).unwrap().to_string(), "2027-02-28");
        let week = Period::days(date(2026, 10, 14), date(2026, 10, 21)).unwrap();
        assert_eq!(year_before(week).unwrap().to_string(), "2025-10-14 to 2025-10-20");
    }
}
