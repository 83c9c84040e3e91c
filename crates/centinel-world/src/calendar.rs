//! Days: which are holidays, and how far a day is from the end of the window.

use centinel_engine::period::index_of_date;
use jiff::civil::{Date, date};

/// Public holidays of 2026 that Halden's customers keep: United States federal ones and those common
/// to most of the European Union.
const HOLIDAYS: [Date; 12] = [
    date(2026, 1, 1),
    date(2026, 4, 6),
    date(2026, 5, 1),
    date(2026, 5, 14),
    date(2026, 5, 25),
    date(2026, 6, 19),
    date(2026, 7, 3),
    date(2026, 9, 7),
    date(2026, 10, 12),
    date(2026, 11, 11),
    date(2026, 11, 26),
    date(2026, 12, 25),
];

/// Whether most customers do not work.
pub(crate) fn is_holiday(day: Date) -> bool {
    HOLIDAYS.contains(&day)
}

/// The holidays within a window, both ends included.
pub(crate) fn holidays(first: Date, last: Date) -> impl Iterator<Item = Date> {
    HOLIDAYS.into_iter().filter(move |day| (first..=last).contains(day))
}

/// Every day of a window, both ends included.
pub(crate) fn days(first: Date, last: Date) -> impl Iterator<Item = Date> {
    first.series(jiff::Span::new().days(1)).take_while(move |day| *day <= last)
}

/// Days from `start` to `end`; negative when `end` comes first.
pub(crate) fn days_between(start: Date, end: Date) -> i32 {
    index_of_date(end) - index_of_date(start)
}

/// The day so many days later (earlier when negative).
pub(crate) fn shifted(day: Date, by: i32) -> Date {
    day.saturating_add(jiff::Span::new().days(by))
}

/// A release number as Halden writes it: year and week of the year, weeks starting on Sunday.
pub(crate) fn release(day: Date) -> String {
    let week = (day.day_of_year() + 6 - i16::from(day.weekday().to_sunday_zero_offset())) / 7;
    format!("{}.{week:02}", day.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_releases() {
        assert_eq!(days(date(2026, 10, 30), date(2026, 11, 2)).count(), 4);
        assert_eq!(days_between(date(2026, 10, 31), date(2026, 10, 1)), -30);
        assert_eq!(shifted(date(2026, 3, 1), -1), date(2026, 2, 28));
        assert_eq!(release(date(2026, 10, 14)), "2026.41");
        assert_eq!(release(date(2026, 1, 4)), "2026.01");
        assert!(is_holiday(date(2026, 9, 7)));
    }
}
