//! Periods as people say them.

use centinel_engine::period::{DAY_MICROS, EmptyPeriod, Period, date_of};
use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, Weekday},
};

/// A period, relative or stated. Relative ones count from the end of the data when the data is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The last seven whole days.
    Last7Days,
    /// The last 28 whole days.
    Last28Days,
    /// Monday to Sunday before the current week.
    LastWeek,
    /// The calendar month before the current one.
    LastMonth,
    /// The current month so far.
    MonthToDate,
    /// All that the ledger holds.
    All,
    /// From a day to another, exclusive.
    Days(Date, Date),
}

/// A word that names no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown period `{0}`; known: last_7d, last_28d, last_week, last_month, month_to_date, all"
)]
pub struct UnknownPeriod(pub String);

impl std::str::FromStr for When {
    type Err = UnknownPeriod;

    fn from_str(word: &str) -> Result<Self, UnknownPeriod> {
        Ok(match word {
            "last_7d" => Self::Last7Days,
            "last_28d" => Self::Last28Days,
            "last_week" => Self::LastWeek,
            "last_month" => Self::LastMonth,
            "month_to_date" => Self::MonthToDate,
            "all" => Self::All,
            other => return Err(UnknownPeriod(other.chars().take(40).collect())),
        })
    }
}

/// A resolved period, and what was assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedPeriod {
    /// The period.
    pub period: Period,
    /// The day from which relative words counted ("today").
    pub today: Date,
    /// The data ends before yesterday, so relative words count from its end.
    pub counts_from_data: bool,
}

impl When {
    /// The period meant, given the present and the span of the data.
    ///
    /// # Errors
    ///
    /// [`EmptyPeriod`] when a stated period is empty.
    pub fn resolve(
        self,
        now: Timestamp,
        data: Option<(Timestamp, Timestamp)>,
    ) -> Result<ResolvedPeriod, EmptyPeriod> {
        let after_data = data.and_then(|(_, last)| date_of(last).tomorrow().ok());
        let (today, counts_from_data) = match after_data {
            Some(after) if after < date_of(now) => (after, true),
            _ => (date_of(now), false),
        };
        let (start, end) = match self {
            Self::Last7Days => (today.saturating_sub(7.days()), today),
            Self::Last28Days => (today.saturating_sub(28.days()), today),
            Self::LastWeek => {
                let monday = monday_of(today);
                (monday.saturating_sub(7.days()), monday)
            }
            Self::LastMonth => {
                let month = if counts_from_data && today.day() == 1 {
                    // The data ends with a month: that month is the last one.
                    today
                } else {
                    today.first_of_month()
                };
                (month.saturating_sub(1.month()).first_of_month(), month.first_of_month())
            }
            Self::MonthToDate => {
                let last = today.yesterday().unwrap_or(today);
                let month =
                    if counts_from_data { last.first_of_month() } else { today.first_of_month() };
                (month, if counts_from_data { today } else { today.tomorrow().unwrap_or(today) })
            }
            Self::All => match data {
                Some((first, last)) => {
                    (date_of(first), date_of(last).tomorrow().unwrap_or(Date::MAX))
                }
                None => (today.yesterday().unwrap_or(today), today),
            },
            Self::Days(start, end) => (start, end),
        };
        Ok(ResolvedPeriod { period: Period::days(start, end)?, today, counts_from_data })
    }
}

fn monday_of(day: Date) -> Date {
    let back = i64::from(day.weekday().since(Weekday::Monday));
    day.saturating_sub(back.days())
}

/// The same weekdays of the 56 days before a period of whole days, and how many days that are.
///
/// The baseline of every explanation (DESIGN, conventions): scaled exactly to the days compared.
pub fn baseline_days(period: &Period) -> Vec<Date> {
    let (first, after) = period.dates();
    let days = (period.end_micros() - period.start_micros()) / DAY_MICROS;
    let weekdays: Vec<Weekday> = (0..days.clamp(1, 7))
        .filter_map(|offset| first.checked_add(offset.days()).ok())
        .filter(|day| *day < after)
        .map(Date::weekday)
        .collect();
    (1..=56)
        .filter_map(|back| first.checked_sub(i64::from(back).days()).ok())
        .filter(|day| weekdays.contains(&day.weekday()))
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(day: Date, hour: i8) -> Timestamp {
        jiff::tz::TimeZone::UTC.to_timestamp(day.at(hour, 0, 0, 0)).unwrap()
    }

    #[test]
    fn words_count_from_the_end_of_old_data() {
        let old = Some((at(date(2026, 5, 5), 3), at(date(2026, 10, 31), 22)));
        let fresh = Some((at(date(2026, 5, 5), 3), at(date(2026, 11, 22), 7)));
        let now = at(date(2026, 11, 22), 8); // a Sunday
        for (when, data, expected) in [
            (When::Last7Days, old, "2026-10-25 to 2026-10-31"),
            (When::Last7Days, fresh, "2026-11-15 to 2026-11-21"),
            (When::LastWeek, fresh, "2026-11-09 to 2026-11-15"),
            (When::LastWeek, old, "2026-10-19 to 2026-10-25"),
            (When::LastMonth, old, "2026-10-01 to 2026-10-31"),
            (When::LastMonth, fresh, "2026-10-01 to 2026-10-31"),
            (When::MonthToDate, old, "2026-10-01 to 2026-10-31"),
            (When::MonthToDate, fresh, "2026-11-01 to 2026-11-22"),
            (When::All, old, "2026-05-05 to 2026-10-31"),
        ] {
            let resolved = when.resolve(now, data).unwrap();
            assert_eq!(resolved.period.to_string(), expected, "{when:?}");
            assert_eq!(resolved.counts_from_data, data == old);
        }
    }

    #[test]
    fn the_baseline_has_the_same_weekdays() {
        let week = Period::days(date(2026, 10, 14), date(2026, 10, 21)).unwrap();
        assert_eq!(baseline_days(&week).len(), 56);
        let two = Period::days(date(2026, 10, 14), date(2026, 10, 16)).unwrap();
        let days = baseline_days(&two);
        assert_eq!(days.len(), 16);
        assert!(
            days.iter().all(|day| matches!(day.weekday(), Weekday::Wednesday | Weekday::Thursday))
        );
    }
}
