//! Hours of the week in which a price holds: off-peak discounts by the time of day.

use std::fmt;

use jiff::Timestamp;

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;
const WORDS: usize = WEEK.div_ceil(64) as usize;

/// A set of minutes of the week, in UTC, Monday 00:00 first; windows may span midnight.
#[derive(Clone, PartialEq, Eq)]
pub struct Hours {
    minutes: Box<[u64; WORDS]>,
    /// As the book says it, for people and for the price's identity.
    label: String,
}

impl Hours {
    /// Every weekday, Monday first.
    pub(super) const EVERY_DAY: [bool; 7] = [true; 7];

    /// No time at all.
    pub(super) fn never() -> Self {
        Self { minutes: Box::new([0; WORDS]), label: String::new() }
    }

    /// Adds a daily window, start inclusive, end exclusive: `16:30-00:30`. One that starts where it
    /// ends is the whole day. It counts on the given weekdays of a calendar that is
    /// `calendar_offset` minutes ahead of UTC.
    ///
    /// # Errors
    ///
    /// What is wrong with the window, in words.
    pub(super) fn add(
        &mut self,
        window: &str,
        weekdays: [bool; 7],
        calendar_offset: i32,
    ) -> Result<(), String> {
        let wrong = || {
            let shown: String = window.chars().take(40).collect();
            format!("`{shown}` is no window of hours such as `16:30-00:30`")
        };
        let (start, end) = window.split_once('-').ok_or_else(wrong)?;
        let start = minute_of_day(start).filter(|start| *start < DAY).ok_or_else(wrong)?;
        let end = minute_of_day(end).ok_or_else(wrong)?;
        for minute in 0..WEEK {
            let of_day = minute.checked_rem(DAY).unwrap_or(0);
            let is_inside = if start < end {
                (start..end).contains(&of_day)
            } else {
                of_day >= start || of_day < end
            };
            // The weekday is that of the instant itself, on the calendar meant.
            let local = i64::from(minute).saturating_add(calendar_offset.into());
            let weekday = local.rem_euclid(WEEK.into()).checked_div(DAY.into()).unwrap_or(0);
            let weekday = usize::try_from(weekday).unwrap_or(0);
            if is_inside && weekdays.get(weekday).copied().unwrap_or(false) {
                self.insert(minute);
            }
        }
        if !self.label.is_empty() {
            self.label.push_str(", ");
        }
        self.label.push_str(window.trim());
        if weekdays != Self::EVERY_DAY {
            let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
            let days: Vec<_> = names
                .into_iter()
                .zip(weekdays)
                .filter_map(|(name, on)| on.then_some(name))
                .collect();
            self.label.push(' ');
            self.label.push_str(&days.join(" "));
        }
        Ok(())
    }

    /// Whether any minute is in both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.minutes.iter().zip(other.minutes.iter()).any(|(left, right)| left & right != 0)
    }

    /// Whether no minute is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.minutes.iter().all(|word| *word == 0)
    }

    /// The minutes that are in none of these.
    pub(super) fn outside<'h>(all: impl IntoIterator<Item = &'h Self>) -> Self {
        let mut outside = Self { minutes: Box::new([u64::MAX; WORDS]), label: String::new() };
        for hours in all {
            for (left, inside) in outside.minutes.iter_mut().zip(hours.minutes.iter()) {
                *left &= !inside;
            }
        }
        "other hours".clone_into(&mut outside.label);
        outside
    }

    /// Whether an instant is inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        // The first day of the epoch was a Thursday.
        let minute = at.as_microsecond().div_euclid(60_000_000);
        let of_week = minute.saturating_add(i64::from(3 * DAY)).rem_euclid(WEEK.into());
        u32::try_from(of_week).is_ok_and(|of_week| self.has(of_week))
    }

    fn has(&self, minute: u32) -> bool {
        let word = usize::try_from(minute.checked_div(64).unwrap_or(0)).unwrap_or(0);
        let bit = 1_u64.checked_shl(minute & 63).unwrap_or(0);
        self.minutes.get(word).is_some_and(|word| word & bit != 0)
    }

    fn insert(&mut self, minute: u32) {
        let word = usize::try_from(minute.checked_div(64).unwrap_or(0)).unwrap_or(0);
        if let Some(word) = self.minutes.get_mut(word) {
            *word |= 1_u64.checked_shl(minute & 63).unwrap_or(0);
        }
    }
}

/// `HH:MM`, and `24:00` for the end of the day.
fn minute_of_day(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two_digits = |text: &str| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    let of_day = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && of_day <= DAY).then_some(of_day)
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.label)
    }
}

impl fmt::Debug for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hours: &Hours, at: &str, expected: bool) {
        assert_eq!(hours.contains(at.parse().unwrap()), expected, "{hours} at {at}");
        let outside = Hours::outside([hours]);
        assert_eq!(outside.contains(at.parse().unwrap()), !expected, "outside {hours} at {at}");
        assert!(!outside.overlaps(hours));
    }

    #[test]
    fn a_window_may_span_midnight() {
        let mut hours = Hours::never();
        assert!(hours.is_empty());
        hours.add("16:30-00:30", Hours::EVERY_DAY, 0).unwrap();
        for (at, expected) in [
            ("2026-11-22T16:29:59.999999Z", false),
            ("2026-11-22T16:30:00Z", true),
            ("2026-11-22T23:59:59Z", true),
            ("2026-11-23T00:00:00Z", true),
            ("2026-11-23T00:29:59Z", true),
            ("2026-11-23T00:30:00Z", false),
            ("1969-12-31T17:00:00Z", true),
            ("2026-11-22T18:00:00+02:00", false),
        ] {
            check(&hours, at, expected);
        }
        assert_eq!(hours.to_string(), "16:30-00:30");
    }

    #[test]
    fn weekdays_are_those_of_the_calendar_meant() {
        // Saturday and Sunday in Shanghai start at 16:00 UTC on Friday and Saturday.
        let mut weekend = Hours::never();
        weekend.add("00:00-00:00", [false, false, false, false, false, true, true], 480).unwrap();
        check(&weekend, "2026-11-20T15:59:59Z", false); // Friday
        check(&weekend, "2026-11-20T16:00:00Z", true);
        check(&weekend, "2026-11-22T15:59:59Z", true);
        check(&weekend, "2026-11-22T16:00:00Z", false);
        let mut monday = Hours::never();
        monday.add("10:00-24:00", [true, false, false, false, false, false, false], 0).unwrap();
        check(&monday, "2026-11-23T10:00:00Z", true);
        check(&monday, "2026-11-24T00:00:00Z", false);
        assert_eq!(monday.to_string(), "10:00-24:00 Mon");
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for bad in ["", "16:30", "1:00-2:00", "25:00-26:00", "10:60-11:00", "24:00-01:00", "a-b"] {
            assert!(Hours::never().add(bad, Hours::EVERY_DAY, 0).is_err(), "{bad}");
        }
    }
}
