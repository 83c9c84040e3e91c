//! Instants in the forms that logs and bills write: RFC 3339 and its looser relatives, epoch numbers,
//! and numbers that count from a stated start.

use centinel_engine::money::Decimal;
use jiff::Timestamp;

/// What the numbers of a relative time column count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelativeUnit {
    Milliseconds,
    Seconds,
}

/// How the instants of one column are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instants {
    /// Numbers count from here.
    pub(crate) start: Option<Timestamp>,
    /// In this unit.
    pub(crate) unit: RelativeUnit,
}

/// An instant, and what had to be assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant {
    pub(crate) at: Timestamp,
    /// No zone was written: UTC is assumed.
    pub(crate) is_zone_assumed: bool,
}

impl Instants {
    /// Texts and epoch numbers only.
    pub(crate) const ABSOLUTE: Self = Self { start: None, unit: RelativeUnit::Milliseconds };

    /// Reads an instant.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the end of a sentence that starts with column and value.
    pub(crate) fn parse(&self, text: &str) -> Result<Instant, &'static str> {
        let instant = match parse_civil(text.as_bytes()) {
            Some(instant) => instant,
            None if is_number(text) => {
                Instant { at: self.parse_number(text)?, is_zone_assumed: false }
            }
            None => parse_other(text).ok_or("is not an instant, as in `2026-11-03T14:05:00Z`")?,
        };
        check_era(instant.at).map(|_| instant).ok_or("is outside the years 2000 to 2099")
    }

    fn parse_number(&self, text: &str) -> Result<Timestamp, &'static str> {
        let number: Decimal = text.parse().map_err(|_| "is not an instant")?;
        let Some(start) = self.start else {
            if is_relative(number) {
                return Err("counts from a start that is not stated (`--start`)");
            }
            return nanoseconds(number, epoch_unit(number))
                .and_then(|nanos| Timestamp::from_nanosecond(nanos).ok())
                .ok_or("is not an instant");
        };
        let digits = match self.unit {
            RelativeUnit::Milliseconds => 6,
            RelativeUnit::Seconds => 9,
        };
        nanoseconds(number, digits)
            .and_then(|nanos| start.as_nanosecond().checked_add(nanos))
            .and_then(|nanos| Timestamp::from_nanosecond(nanos).ok())
            .ok_or("is not an instant")
    }
}

/// An instant of our time; outside, a unit or a default is wrong: the year 1, or 1970, or 58000.
pub(crate) fn check_era(at: Timestamp) -> Option<Timestamp> {
    (YEAR_2000..YEAR_2100).contains(&at.as_second()).then_some(at)
}

const YEAR_2000: i64 = 946_684_800;
const YEAR_2100: i64 = 4_102_444_800;

/// Whether a text is a number, as epochs and relative times are.
pub(crate) fn is_number(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'))
}

/// Whether a number is too small to be an epoch of our time in any unit: 10^8 seconds is 1973.
pub(crate) fn is_relative(number: Decimal) -> bool {
    number < Decimal::from_integer(100_000_000)
}

/// The decimals by which one unit of an epoch number exceeds a nanosecond: 9 for seconds to 0.
fn epoch_unit(number: Decimal) -> u32 {
    let whole = |digits: u32| Decimal::from_integer(10_i128.pow(digits));
    match number {
        seconds if seconds < whole(11) => 9,
        milliseconds if milliseconds < whole(14) => 6,
        microseconds if microseconds < whole(17) => 3,
        _ => 0,
    }
}

/// `number × 10^digits`, what lies below a nanosecond cut off.
fn nanoseconds(number: Decimal, digits: u32) -> Option<i128> {
    match digits.checked_sub(number.scale()) {
        Some(missing) => number.mantissa().checked_mul(10_i128.checked_pow(missing)?),
        None => number.mantissa().checked_div(10_i128.checked_pow(number.scale() - digits)?),
    }
}

/// The fast path: `YYYY-MM-DD`, `T` or a space, `HH:MM[:SS[.fraction]]`, and a zone or none.
fn parse_civil(text: &[u8]) -> Option<Instant> {
    let (date, rest) = text.split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let year = i64::from(two(y1, y2)?) * 100 + i64::from(two(y3, y4)?);
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let midnight = days_since_epoch(year, month, day) * 86_400;
    let [b'T' | b't' | b' ', h1, h2, b':', n1, n2, rest @ ..] = rest else {
        return rest.is_empty().then(|| instant(midnight, 0, None))?;
    };
    let (hour, minute) = (two(*h1, *h2)?, two(*n1, *n2)?);
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (two(*s1, *s2)?, rest),
        rest => (0, rest),
    };
    // A leap second is for the slow path.
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, rest) = match rest {
        [b'.' | b',', rest @ ..] => fraction(rest)?,
        rest => (0, rest),
    };
    let seconds = midnight + i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    instant(seconds, nanos, Some(rest))
}

/// An instant from local seconds and the text of its zone.
fn instant(seconds: i64, nanos: i32, zone: Option<&[u8]>) -> Option<Instant> {
    let zone = zone.unwrap_or_default();
    let (offset, is_zone_assumed) = match zone {
        [] => (0, true),
        b"Z" | b"z" | b" UTC" | b" Z" | b"UTC" => (0, false),
        _ => (zone_offset(zone)?, false),
    };
    let at = Timestamp::new(seconds - offset, nanos).ok()?;
    Some(Instant { at, is_zone_assumed })
}

/// `+02:00`, `+0200`, `+02`, a space before it or none; in seconds.
fn zone_offset(zone: &[u8]) -> Option<i64> {
    let zone = zone.strip_prefix(b" ").unwrap_or(zone);
    let (sign, h1, h2, minutes) = match *zone {
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, h1, h2, two(m1, m2)?),
        [sign, h1, h2] => (sign, h1, h2, 0),
        _ => return None,
    };
    let hours = two(h1, h2)?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    let offset = i64::from(hours) * 3_600 + i64::from(minutes) * 60;
    match sign {
        b'+' => Some(offset),
        b'-' => Some(-offset),
        _ => None,
    }
}

/// Nanoseconds of a fraction of a second, and what follows; digits beyond nine are cut off.
fn fraction(text: &[u8]) -> Option<(i32, &[u8])> {
    let length = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(length).filter(|(digits, _)| !digits.is_empty())?;
    let nanos = (0..9).fold(0, |nanos, position| {
        nanos * 10 + digits.get(position).map_or(0, |digit| i32::from(digit - b'0'))
    });
    Some((nanos, rest))
}

fn two(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, years counted from March.
///
/// # Source
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_since_epoch(year: i64, month: u8, day: u8) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// What the fast path does not know: leap seconds, named zones, weekday forms.
fn parse_other(text: &str) -> Option<Instant> {
    let stated = |at| Instant { at, is_zone_assumed: false };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(stated(at));
    }
    if let Ok(zoned) = text.parse::<jiff::Zoned>() {
        return Some(stated(zoned.timestamp()));
    }
    if let Ok(zoned) = jiff::fmt::rfc2822::parse(text) {
        return Some(stated(zoned.timestamp()));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let at = jiff::tz::Offset::UTC.to_timestamp(civil).ok()?;
    Some(Instant { at, is_zone_assumed: true })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str, is_zone_assumed: bool) {
        let found = Instants::ABSOLUTE.parse(text);
        let expected = Instant { at: expected.parse().unwrap(), is_zone_assumed };
        assert_eq!(found, Ok(expected), "{text}");
    }

    #[test]
    fn texts() {
        for (text, expected) in [
            ("2026-11-03T14:05:00Z", "2026-11-03T14:05:00Z"),
            ("2026-11-03t14:05:00.25z", "2026-11-03T14:05:00.25Z"),
            ("2026-11-03T14:05:00+02:00", "2026-11-03T12:05:00Z"),
            ("2026-11-03 14:05:00.123456+00", "2026-11-03T14:05:00.123456Z"),
            ("2026-11-03 14:05:00 UTC", "2026-11-03T14:05:00Z"),
            ("2026-11-03 14:05:00 -0530", "2026-11-03T19:35:00Z"),
            ("2026-11-03T14:05:00+02:00[Europe/Berlin]", "2026-11-03T12:05:00Z"),
            ("Tue, 03 Nov 2026 14:05:00 +0000", "2026-11-03T14:05:00Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ] {
            check(text, expected, false);
        }
        for (text, expected) in [
            ("2023-11-16 18:15:46.6805900", "2023-11-16T18:15:46.68059Z"),
            ("2024-09-18 22:00:00", "2024-09-18T22:00:00Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("2024-09-18T22:00", "2024-09-18T22:00:00Z"),
        ] {
            check(text, expected, true);
        }
    }

    #[test]
    fn epochs_by_magnitude() {
        for text in
            ["1700000000", "1700000000000", "1700000000000000", "1700000000000000000", "1.7e9"]
        {
            check(text, "2023-11-14T22:13:20Z", false);
        }
        check("1700000000.25", "2023-11-14T22:13:20.25Z", false);
    }

    #[test]
    fn numbers_from_a_start() {
        let start = Some("2026-01-01T00:00:00Z".parse().unwrap());
        let at = |unit, text| Instants { start, unit }.parse(text).map(|i| i.at.to_string());
        assert_eq!(at(RelativeUnit::Milliseconds, "3000"), Ok("2026-01-01T00:00:03Z".into()));
        assert_eq!(at(RelativeUnit::Seconds, "0.5"), Ok("2026-01-01T00:00:00.5Z".into()));
    }

    #[test]
    fn bad_ones_say_why() {
        for (text, expected) in [
            ("0", "start"),
            ("12.5", "start"),
            ("0001-01-01T00:00:00Z", "outside"),
            ("1970-01-01", "outside"),
            ("2023-02-29", "not an instant"),
            ("11/03/2026 14:05", "not an instant"),
            ("yesterday", "not an instant"),
            ("", "not an instant"),
            ("1e40", "not an instant"),
        ] {
            let error = Instants::ABSOLUTE.parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn the_fast_path_agrees_with_jiff(seconds in YEAR_2000..YEAR_2100, nanos in 0..1_000_000_000_i32) {
            let at = Timestamp::new(seconds, nanos).unwrap();
            let text = at.to_string();
            prop_assert_eq!(parse_civil(text.as_bytes()).map(|instant| instant.at), Some(at));
            let local = text.trim_end_matches('Z').replace('T', " ");
            let found = parse_civil(local.as_bytes());
            prop_assert_eq!(found, Some(Instant { at, is_zone_assumed: true }));
        }

        #[test]
        fn what_the_fast_path_reads_jiff_reads_too(
            text in "20[0-9]{2}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|[+-][0-2][0-9]:[0-6][0-9])"
        ) {
            if let Some(instant) = parse_civil(text.as_bytes()) {
                prop_assert_eq!(text.parse::<Timestamp>().ok(), Some(instant.at), "{}", text);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = Instants::ABSOLUTE.parse(&text);
        }
    }
}
