//! Periods in words: `October`, `2026-10`, `Q3 2026`, `last 14 days`, `2026-10-01 to 2026-10-31`.

use centinel_engine::period::start_of_day;
use jiff::{Span, Timestamp, ToSpan as _, civil::Date};

use rmcp::model::JsonObject;
use serde_json::Value;

use super::DataDays;

/// What words for a period mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meant<'n> {
    /// A word that the tool knows.
    Word(&'n str),
    /// First day, and the day after the last.
    Days((Date, Date)),
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Words for the periods that tools know.
const WORDS: &[(&str, &[&str])] = &[
    ("today", &["now", "current day", "so far today"]),
    ("yesterday", &["last day", "previous day", "last 24 hours", "past day", "24h", "1d"]),
    (
        "last_7d",
        &["last 7 days", "past 7 days", "past week", "7d", "7 days", "week", "last seven days"],
    ),
    (
        "last_30d",
        &[
            "last 30 days",
            "past 30 days",
            "30d",
            "30 days",
            "last 4 weeks",
            "past month",
            "rolling month",
        ],
    ),
    (
        "last_90d",
        &[
            "last 90 days",
            "past 90 days",
            "90d",
            "90 days",
            "last 3 months",
            "past 3 months",
            "last three months",
            "past quarter",
        ],
    ),
    ("last_week", &["previous week", "prior week"]),
    ("month_to_date", &["this month", "current month", "mtd", "month", "month so far"]),
    ("last_month", &["previous month", "prior month", "1 month"]),
    ("quarter_to_date", &["this quarter", "current quarter", "qtd", "quarter"]),
    ("last_quarter", &["previous quarter", "prior quarter"]),
    ("year_to_date", &["this year", "current year", "ytd", "year"]),
    // Of forecasts.
    ("day", &["today", "this day", "daily"]),
    ("week", &["this week", "current week", "weekly"]),
    (
        "month",
        &[
            "this month",
            "current month",
            "month to date",
            "end of month",
            "monthly",
            "eom",
            "month end",
        ],
    ),
    (
        "quarter",
        &["this quarter", "current quarter", "quarterly", "quarter to date", "end of quarter"],
    ),
];

/// A day or an RFC 3339 time.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let as_date = || text.parse::<Date>().ok().filter(|_| !text.contains('T')).map(start_of_day);
    text.parse().ok().or_else(as_date)
}

/// What a text means where a period is wanted; `allowed` are the tool's words.
pub(super) fn period<'n>(
    text: &str,
    allowed: &[&'n str],
    data: Option<DataDays>,
) -> Option<Meant<'n>> {
    named(text, allowed, data).or_else(|| super::nearest(text, allowed).map(Meant::Word))
}

/// The same, of a text that spells a period as it is spelt.
pub(super) fn named<'n>(
    text: &str,
    allowed: &[&'n str],
    data: Option<DataDays>,
) -> Option<Meant<'n>> {
    let words = normal(text);
    let joined = words.replace(' ', "_");
    if let Some(word) = allowed.iter().find(|word| **word == joined) {
        return Some(Meant::Word(word));
    }
    let known = WORDS.iter().filter(|(_, others)| others.contains(&words.as_str()));
    for (ours, _) in known {
        if let Some(word) = allowed.iter().find(|word| *word == ours) {
            return Some(Meant::Word(word));
        }
    }
    let is_ahead = !allowed.contains(&"last_7d");
    let found = between(text, data).or_else(|| days_toward(&words, data, is_ahead));
    found.map(Meant::Days)
}

/// The days that a text names, past ones where it leaves the year open.
pub(super) fn days(text: &str, data: Option<DataDays>) -> Option<(Date, Date)> {
    between(text, data).or_else(|| days_toward(&normal(text), data, false))
}

/// From one day to another, both counted; an end on the first of a month is the end of the one before.
pub(super) fn range(start: &str, end: &str) -> Option<(Date, Date)> {
    let (first, _) = days(start, None)?;
    let (last, after) = days(end, None)?;
    let after = if after == next(last)? && last.day() == 1 { last } else { after };
    (first < after).then_some((first, after))
}

/// Months without a year are read one by one: an end that lies before its start is one of the next year.
pub(super) fn put_in_order(arguments: &mut JsonObject) {
    let day = |name: &str| arguments.get(name)?.as_str()?.parse::<Date>().ok();
    let (Some(start), Some(end)) = (day("start"), day("end")) else { return };
    let next = end.checked_add(1.year()).ok().filter(|next| end < start && *next > start);
    // Years that were written out stay as they are: which of the two is wrong, nobody knows.
    if let Some(next) = next.filter(|_| end.day() == 1 && start.day() == 1) {
        arguments.insert("end".to_owned(), Value::from(next.to_string()));
    }
}

fn normal(text: &str) -> String {
    let text: String = text.chars().take(64).collect::<String>().to_lowercase();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn between(text: &str, data: Option<DataDays>) -> Option<(Date, Date)> {
    let lower = text.to_lowercase();
    let lower = lower.trim_start_matches("from ").trim_start_matches("between ");
    [" to ", " until ", " through ", " and ", "..", "/", " - ", " – ", ","].iter().find_map(
        |joint| {
            let (start, end) = lower.split_once(joint)?;
            let is_whole = |part: &str| part.chars().filter(char::is_ascii_digit).count() >= 5;
            if !(is_whole(start) && is_whole(end)) && (data.is_none() || *joint == ",") {
                return None;
            }
            range(start.trim(), end.trim())
        },
    )
}

fn days_toward(words: &str, data: Option<DataDays>, is_ahead: bool) -> Option<(Date, Date)> {
    let parts: Vec<&str> = words.split(' ').collect();
    let today = data.map(|(_, today)| today);
    match *parts.as_slice() {
        ["all" | "everything" | "ever" | "max"] | ["all", "time"] => {
            let (first, today) = data?;
            Some((first, today))
        }
        ["last" | "previous" | "past", "year"] => year(today?.year().checked_sub(1)?),
        ["this", "week"] | ["week", "to", "date"] | ["wtd"] => {
            let today = today?;
            let back = i32::from(today.weekday().to_monday_zero_offset());
            Some((today.checked_sub(back.days()).ok()?, next(today)?))
        }
        ["this" | "current", "year"] | ["end", "of", "year"] if is_ahead => year(today?.year()),
        ["next", "month"] => month(today?.first_of_month().checked_add(1.month()).ok()?),
        ["next", "quarter"] => quarter_of(today?.checked_add(3.months()).ok()?),
        ["next", "week"] => {
            let today = today?;
            let ahead = 7 - i32::from(today.weekday().to_monday_zero_offset());
            let first = today.checked_add(ahead.days()).ok()?;
            Some((first, first.checked_add(7.days()).ok()?))
        }
        ["tomorrow"] => Some((next(today?)?, next(next(today?)?)?)),
        ["last" | "past" | "previous" | "trailing", count, unit] => back(count, unit, today?),
        ["next", count, unit] => {
            let today = today?;
            Some((today, today.checked_add(span(count, unit)?).ok()?))
        }
        [one] if one.len() == 8 && one.chars().all(|c| c.is_ascii_digit()) => {
            one_day(one.parse().ok()?)
        }
        [one] if today.is_some() && one.ends_with('d') => {
            back(one.strip_suffix('d')?, "days", today?)
        }
        [one] => month_or_quarter(one, None, today, is_ahead).or_else(|| year(number(one)?)),
        [one, other] => {
            let named = |word: &str, year: &str| {
                month_or_quarter(word, Some(year_of(year)?), today, is_ahead)
            };
            let day_of = |month: &str, day: &str| day_of_month(month, day, today?, is_ahead);
            named(one, other)
                .or_else(|| named(other, one))
                .or_else(|| day_of(one, other).or_else(|| day_of(other, one)))
                .or_else(|| {
                    let (one, other) = (number(one)?, number(other)?);
                    let (year, of_month) = if one > 31 { (one, other) } else { (other, one) };
                    month(Date::new(year, i8::try_from(of_month).ok()?, 1).ok()?)
                })
        }
        [one, two, three] => {
            let of_month = |word: &str| i8::try_from(month_number(word)?).ok();
            let day =
                |text: &str| text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().ok();
            let written = of_month(one)
                .and_then(|month| Date::new(year_of(three)?, month, day(two)?).ok())
                .or_else(|| Date::new(year_of(three)?, of_month(two)?, day(one)?).ok());
            // Day and month cannot be told apart in `10/11/2026`.
            let numbered = || Date::new(year_of(one)?, day(two)?, day(three)?).ok();
            one_day(written.or_else(numbered)?)
        }
        _ => None,
    }
}

/// A year of this product's time.
fn year_of(text: &str) -> Option<i16> {
    number(text).filter(|year| (2000..2100).contains(year))
}

fn number(text: &str) -> Option<i16> {
    let is_number = text.chars().all(|c| c.is_ascii_digit()) && text.len() <= 4;
    text.parse().ok().filter(|_| is_number)
}

fn next(day: Date) -> Option<Date> {
    day.tomorrow().ok()
}

fn one_day(day: Date) -> Option<(Date, Date)> {
    Some((day, next(day)?))
}

fn month(first: Date) -> Option<(Date, Date)> {
    Some((first, first.checked_add(1.month()).ok()?))
}

fn year(year: i16) -> Option<(Date, Date)> {
    let first = Date::new(year, 1, 1).ok().filter(|_| (2000..2100).contains(&year))?;
    Some((first, first.checked_add(1.year()).ok()?))
}

fn quarter_of(day: Date) -> Option<(Date, Date)> {
    let first = day.first_of_month();
    let back = i32::from(first.month().checked_sub(1)?.rem_euclid(3));
    let first = first.checked_sub(back.months()).ok()?;
    Some((first, first.checked_add(3.months()).ok()?))
}

fn span(count: &str, unit: &str) -> Option<Span> {
    let count: i32 = match count {
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "six" => 6,
        "twelve" => 12,
        digits => digits.parse().ok().filter(|count| (1..=3660).contains(count))?,
    };
    Some(match unit.trim_end_matches('s') {
        "day" => count.days(),
        "week" => count.weeks(),
        "month" => count.months(),
        "quarter" => count.checked_mul(3)?.months(),
        "year" => count.years(),
        _ => return None,
    })
}

fn back(count: &str, unit: &str, today: Date) -> Option<(Date, Date)> {
    Some((today.checked_sub(span(count, unit)?).ok()?, today))
}

fn month_number(word: &str) -> Option<usize> {
    let is_it = |month: &str| (word.len() >= 3 && month.starts_with(word)) || month == word;
    let mut places = (1..).zip(MONTHS);
    let found = places.find(|(_, month)| is_it(month)).map(|(place, _)| place);
    found.or_else(|| (word == "sept").then_some(9))
}

/// A day of a month by its name, `October 14th`, in the year that lies nearest in the direction asked about.
fn day_of_month(word: &str, day: &str, today: Date, is_ahead: bool) -> Option<(Date, Date)> {
    let month = i8::try_from(month_number(word)?).ok()?;
    let digits = day.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let is_ordinal = matches!(day.get(digits.len()..)?, "" | "st" | "nd" | "rd" | "th");
    let day: i8 = digits.parse().ok().filter(|_| is_ordinal)?;
    let this = Date::new(today.year(), month, day).ok()?;
    let years = match is_ahead {
        true if this < today => 1,
        false if this >= today => -1,
        _ => 0,
    };
    one_day(Date::new(today.year().checked_add(years)?, month, day).ok()?)
}

/// A month or quarter by name; without a year, the one that lies nearest in the direction asked about.
fn month_or_quarter(
    word: &str,
    year: Option<i16>,
    today: Option<Date>,
    is_ahead: bool,
) -> Option<(Date, Date)> {
    let (month_of, months) = match month_number(word) {
        Some(month) => (month, 1),
        None if word.len() == 6 && word.contains('q') => {
            // `2026q3`, `q32026`
            let (one, other) = word.split_once('q')?;
            let (year, quarter) =
                if one.is_empty() { (other.get(1..)?, other.get(..1)?) } else { (one, other) };
            return month_or_quarter(&format!("q{quarter}"), Some(year_of(year)?), today, is_ahead);
        }
        None => {
            let quarter: usize = word.strip_prefix('q')?.parse().ok()?;
            (quarter.checked_sub(1)?.checked_mul(3)?.checked_add(1)?, 3)
        }
    };
    let month_of = i8::try_from(month_of).ok()?;
    let of = |year: i16| Date::new(year, month_of, 1).ok();
    let first = match (year, today) {
        (Some(year), _) => of(year)?,
        (None, Some(today)) => {
            let this = of(today.year())?;
            if is_ahead && this.checked_add(months.months()).ok()? <= today {
                of(today.year().checked_add(1)?)?
            } else if !is_ahead && this >= today {
                of(today.year().checked_sub(1)?)?
            } else {
                this
            }
        }
        (None, None) => return None,
    };
    Some((first, first.checked_add(months.months()).ok()?))
}
