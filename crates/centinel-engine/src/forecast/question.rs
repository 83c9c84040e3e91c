//! What is asked, and for which days.

use std::str::FromStr;

use jiff::{ToSpan as _, civil::Date};

use super::Factor;
use crate::money::Decimal;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Costs of earlier days are seen.
    pub as_of: Date,
    /// First day of the period.
    pub from: Date,
    /// The day after its last.
    pub until: Date,
    /// Levels of the bands in percent, each above 0 and below 100.
    pub levels: Vec<u32>,
    /// Scenario: what days ahead are multiplied by.
    pub assumptions: Vec<Factor>,
    /// Amount whose passing is asked about.
    pub amount: Option<Decimal>,
    /// Bands of each day, too.
    pub daily: bool,
}

impl Question {
    /// The calendar month of a day, with bands of 80 and 95 %.
    pub fn month_of(as_of: Date) -> Self {
        Self::period_of(CalendarPeriod::Month, as_of)
    }

    /// The day, week, month or quarter that a day is in, seen from its start, with bands of 80 and 95 %.
    pub fn period_of(period: CalendarPeriod, as_of: Date) -> Self {
        let (from, until) = period.of(as_of);
        Self {
            as_of,
            from,
            until,
            levels: vec![80, 95],
            assumptions: Vec::new(),
            amount: None,
            daily: false,
        }
    }
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarPeriod {
    /// A day.
    Day,
    /// Monday to Sunday.
    Week,
    /// A month.
    Month,
    /// January to March, and so on.
    Quarter,
}

/// A word that names no period of the calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of `day`, `week`, `month`, `quarter`")]
pub struct UnknownCalendarPeriod(String);

impl CalendarPeriod {
    /// The one that a day is in: its first day, and the day after its last.
    pub fn of(self, day: Date) -> (Date, Date) {
        match self {
            Self::Day => (day, day.saturating_add(1.day())),
            Self::Week => {
                let back = i32::from(day.weekday().to_monday_zero_offset());
                let monday = day.saturating_sub(back.days());
                (monday, monday.saturating_add(7.days()))
            }
            Self::Month => (day.first_of_month(), day.last_of_month().saturating_add(1.day())),
            Self::Quarter => {
                let back = day.month().saturating_sub(1).rem_euclid(3);
                let first = day.first_of_month().saturating_sub(i32::from(back).months());
                (first, first.saturating_add(3.months()))
            }
        }
    }
}

impl FromStr for CalendarPeriod {
    type Err = UnknownCalendarPeriod;

    fn from_str(word: &str) -> Result<Self, UnknownCalendarPeriod> {
        Ok(match word {
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            other => return Err(UnknownCalendarPeriod(other.chars().take(40).collect())),
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn periods_follow_the_calendar() {
        // A Sunday.
        let day = date(2026, 11, 22);
        for (word, first, after) in [
            ("day", day, date(2026, 11, 23)),
            ("week", date(2026, 11, 16), date(2026, 11, 23)),
            ("month", date(2026, 11, 1), date(2026, 12, 1)),
            ("quarter", date(2026, 10, 1), date(2027, 1, 1)),
        ] {
            let period: CalendarPeriod = word.parse().unwrap();
            assert_eq!(period.of(day), (first, after), "{word}");
        }
        assert!("fortnight".parse::<CalendarPeriod>().is_err());
    }
}
