//! Dates as prose writes them: `2026-10-14`, `14 October`, `Oct 14–20, 2026`, `Q4`, `09:00`.

use std::sync::LazyLock;

use jiff::{
    Timestamp,
    civil::{Date, Weekday},
};
use regex_lite::{Captures, Regex};

use crate::period::{Period, date_of, index_of_date};

/// What a text says about a time; what it leaves out it does not assert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct DateSaid {
    pub(super) year: Option<i16>,
    pub(super) quarter: Option<i8>,
    pub(super) month: Option<i8>,
    pub(super) day: Option<i8>,
    pub(super) weekday: Option<Weekday>,
    pub(super) iso_week: Option<i8>,
    pub(super) time: Option<(i8, i8)>,
    /// Counted from a day that the text does not name: `yesterday`, `last week`.
    pub(super) relative: Option<Relative>,
}

/// A time that is told by its length and by whether it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Relative {
    /// Shortest and longest it is, in days; none where no window carries it.
    days: Option<(i32, i32)>,
    /// `previous`, `last`: another time follows on it, or something is compared with it.
    is_over: bool,
}

impl Relative {
    fn read(words: &str) -> Self {
        let words = words.to_lowercase();
        let (which, unit) = words.split_once(' ').unwrap_or(("this", words.as_str()));
        let days = match unit {
            "week" => Some((7, 7)),
            "month" => Some((28, 31)),
            "quarter" => Some((89, 92)),
            "year" => Some((365, 366)),
            "fortnight" => Some((14, 14)),
            "today" => Some((1, 1)),
            _ => None,
        };
        let is_over = ["last", "previous", "past", "preceding"].contains(&which);
        let is_now = ["this", "current"].contains(&which);
        Self { days: days.filter(|_| is_over || is_now), is_over }
    }
}

/// A date in a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateKnown {
    date: Date,
    /// Hour and minute in UTC, of an instant.
    time: Option<(i8, i8)>,
}

const MONTHS: &str = "(January|February|March|April|May|June|July|August|September|October|November|December\
    |january|february|april|june|july|august|september|october|november|december\
    |Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)";
const WEEKDAYS: &str = "(Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday\
    |Mon|Tues|Tue|Wed|Thurs|Thu|Fri|Sat|Sun)";
const TIME: &str = r"(?:,? (?:at )?(\d{1,2}):(\d{2}))?(?: ?(?:UTC|Z)\b)?";

struct Patterns {
    iso: Regex,
    day_first: Regex,
    month_first: Regex,
    month_year: Regex,
    quarter: Regex,
    year_quarter: Regex,
    weekday: Regex,
    time: Regex,
    week: Regex,
    relative: Regex,
    range_start: Regex,
    range_end: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| Patterns::new().ok());

impl Patterns {
    fn new() -> Result<Self, regex_lite::Error> {
        let full = "(Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)s?";
        Ok(Self {
            iso: Regex::new(
                r"^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::\d{2}(?:\.\d+)?)?)?(?: ?(?:UTC|Z)\b)?",
            )?,
            day_first: Regex::new(&format!(
                r"^(?:{WEEKDAYS}\.?,? (?:the )?)?(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {MONTHS}\b\.?(?:,? (\d{{4}})\b)?{TIME}"
            ))?,
            month_first: Regex::new(&format!(
                r"^(?:{WEEKDAYS}\.?,? )?{MONTHS}\b\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (\d{{4}})\b)?{TIME}"
            ))?,
            month_year: Regex::new(&format!(r"^{MONTHS}\b\.?(?:,? (\d{{4}})\b)?"))?,
            quarter: Regex::new(r"^Q([1-4])\b(?:[ /](?:FY)?(\d{4})\b)?")?,
            year_quarter: Regex::new(r"^(\d{4})[- ]?Q([1-4])\b")?,
            weekday: Regex::new(&format!(r"^{full}\b"))?,
            time: Regex::new(r"^(\d{1,2}):(\d{2})(?: ?(?:UTC|Z)\b)?")?,
            week: Regex::new(
                r"^(?:(?:ISO|calendar) )?(?:[Ww]eek|CW) (\d{1,2})\b(?: of (\d{4})\b)?",
            )?,
            relative: Regex::new(
                r"^(?i:today|yesterday|tomorrow|overnight|tonight|(?:last|this|next|previous|past|current|coming|preceding) (?:week|weekend|month|quarter|year|fortnight|morning|evening|night)|over the weekend)\b",
            )?,
            range_start: Regex::new(
                r"^(\d{1,2})(?:st|nd|rd|th)? ?(?:–|-|—|to|until|through|and) ?",
            )?,
            range_end: Regex::new(
                r"^ ?(?:–|-|—|to|until|through|and) ?(\d{1,2})(?:st|nd|rd|th)?\b(?:,? (\d{4})\b)?",
            )?,
        })
    }
}

/// The dates that a text begins with, each with the number of bytes where it starts and ends; none when
/// it begins with something else.
pub(super) fn dates_at(text: &str, before: &str) -> Vec<(DateSaid, usize, usize)> {
    let Some(patterns) = PATTERNS.as_ref() else { return Vec::new() };
    if let Some(found) = patterns.iso.captures(text) {
        let said = DateSaid {
            year: number(&found, 1),
            month: number(&found, 2),
            day: number(&found, 3),
            time: number(&found, 4).zip(number(&found, 5)),
            ..DateSaid::default()
        };
        return vec![(said, 0, length(&found))];
    }
    if let Some(range) = patterns.range_start.captures(text) {
        let from = length(&range);
        let rest = text.get(from..).unwrap_or_default();
        if let Some((last, end)) = day_first(patterns, rest) {
            let first = DateSaid { day: number(&range, 1), weekday: None, time: None, ..last };
            let digits = range.get(1).map_or(0, |day| day.end());
            return vec![(first, 0, digits), (last, from, from.saturating_add(end))];
        }
    }
    if let Some((said, end)) = day_first(patterns, text) {
        return vec![(said, 0, end)];
    }
    if let Some(found) = patterns.month_first.captures(text) {
        let said = DateSaid {
            weekday: weekday(&found, 1),
            month: month(&found, 2),
            day: number(&found, 3),
            year: number(&found, 4),
            time: number(&found, 5).zip(number(&found, 6)),
            ..DateSaid::default()
        };
        return with_range_end(patterns, text, said, length(&found));
    }
    month_or_less(patterns, text, before).into_iter().collect()
}

fn day_first(patterns: &Patterns, text: &str) -> Option<(DateSaid, usize)> {
    let found = patterns.day_first.captures(text)?;
    let said = DateSaid {
        weekday: weekday(&found, 1),
        day: number(&found, 2),
        month: month(&found, 3),
        year: number(&found, 4),
        time: number(&found, 5).zip(number(&found, 6)),
        ..DateSaid::default()
    };
    Some((said, length(&found)))
}

/// `Oct 14` may go on to `–20, 2026`.
fn with_range_end(
    patterns: &Patterns,
    text: &str,
    first: DateSaid,
    end: usize,
) -> Vec<(DateSaid, usize, usize)> {
    let rest = text.get(end..).unwrap_or_default();
    let range = patterns.range_end.captures(rest).filter(|_| first.time.is_none());
    let Some((range, day)) =
        range.and_then(|range| range.get(1).map(|day| day.start()).map(|at| (range, at)))
    else {
        return vec![(first, 0, end)];
    };
    let last_end = end.saturating_add(length(&range));
    // `Oct 14 to 20 calls` or `Oct 14 and 20 Nov` go on differently.
    let after = text.get(last_end..).unwrap_or_default();
    if after.trim_start().starts_with(|c: char| c.is_ascii_alphabetic() || c == '%' || c == ':') {
        return vec![(first, 0, end)];
    }
    let year = number(&range, 2).or(first.year);
    let last = DateSaid { day: number(&range, 1), weekday: None, year, ..first };
    vec![(DateSaid { year, ..first }, 0, end), (last, end.saturating_add(day), last_end)]
}

fn month_or_less(
    patterns: &Patterns,
    text: &str,
    before: &str,
) -> Option<(DateSaid, usize, usize)> {
    let none = DateSaid::default();
    if let Some(found) = patterns.month_year.captures(text) {
        let year = number(&found, 2);
        let name = found.get(1).map(|name| name.as_str());
        let is_month = year.is_some()
            || !matches!(name, Some("May" | "March" | "Mar" | "Jan" | "Jun"))
            || is_before_month(before)
            || text.get(length(&found)..).is_some_and(|rest| rest.starts_with(" ["));
        return is_month
            .then(|| (DateSaid { month: month(&found, 1), year, ..none }, 0, length(&found)));
    }
    if let Some(found) = patterns.quarter.captures(text) {
        let said = DateSaid { quarter: number(&found, 1), year: number(&found, 2), ..none };
        return Some((said, 0, length(&found)));
    }
    if let Some(found) = patterns.year_quarter.captures(text) {
        let said = DateSaid { year: number(&found, 1), quarter: number(&found, 2), ..none };
        return Some((said, 0, length(&found)));
    }
    if let Some(found) = patterns.weekday.captures(text) {
        return Some((DateSaid { weekday: weekday(&found, 1), ..none }, 0, length(&found)));
    }
    if let Some(found) = patterns.time.captures(text) {
        let time = number(&found, 1).zip(number(&found, 2));
        return Some((DateSaid { time, ..none }, 0, length(&found)));
    }
    if let Some(found) = patterns.week.captures(text) {
        let said = DateSaid { iso_week: number(&found, 1), year: number(&found, 2), ..none };
        return Some((said, 0, length(&found)));
    }
    let relative = patterns.relative.find(text)?;
    let said = Relative::read(relative.as_str());
    Some((DateSaid { relative: Some(said), ..none }, 0, relative.end()))
}

fn is_before_month(before: &str) -> bool {
    [
        "in",
        "of",
        "since",
        "until",
        "through",
        "during",
        "by",
        "early",
        "late",
        "mid",
        "last",
        "from",
        "to",
        "and",
        "for",
        "this",
        "next",
        "until",
        "till",
        "throughout",
        "before",
        "after",
        "against",
        "versus",
    ]
    .contains(&before)
}

fn length(found: &Captures<'_>) -> usize {
    found.get(0).map_or(0, |whole| whole.end())
}

fn number<T: std::str::FromStr>(found: &Captures<'_>, group: usize) -> Option<T> {
    found.get(group)?.as_str().parse().ok()
}

fn month(found: &Captures<'_>, group: usize) -> Option<i8> {
    let name = found.get(group)?.as_str().to_ascii_lowercase();
    let starts =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let index = starts.iter().position(|start| name.starts_with(start))?;
    i8::try_from(index).ok()?.checked_add(1)
}

fn weekday(found: &Captures<'_>, group: usize) -> Option<Weekday> {
    let name = found.get(group)?.as_str();
    let starts = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let index = starts.iter().position(|start| name.starts_with(start))?;
    Weekday::from_monday_zero_offset(i8::try_from(index).ok()?).ok()
}

impl DateKnown {
    /// Reads an RFC 3339 instant or a calendar date.
    pub(super) fn read(value: &str) -> Option<Self> {
        if let Ok(at) = value.parse::<Timestamp>() {
            let time = jiff::tz::TimeZone::UTC.to_datetime(at).time();
            // Midnight is how a day is written as an instant.
            let is_day = time.hour() == 0 && time.minute() == 0;
            let time = (!is_day).then(|| (time.hour(), time.minute()));
            return Some(Self { date: date_of(at), time });
        }
        value.trim().parse::<Date>().ok().map(|date| Self { date, time: None })
    }
}

impl DateSaid {
    /// Whether it says nothing else than a fact's date, and at least one part of it.
    pub(super) fn fits(&self, known: DateKnown) -> bool {
        let clock = self.time.is_none_or(|time| known.time.unwrap_or((0, 0)) == time);
        clock && self.fits_day(known.date)
    }

    fn fits_day(&self, date: Date) -> bool {
        let quarter = date.month().saturating_add(2).checked_div(3);
        self.relative.is_none()
            && self.year.is_none_or(|year| date.year() == year)
            && self.quarter.is_none_or(|said| quarter == Some(said))
            && self.month.is_none_or(|month| date.month() == month)
            && self.day.is_none_or(|day| date.day() == day)
            && self.weekday.is_none_or(|weekday| date.weekday() == weekday)
            && self.iso_week.is_none_or(|week| date.iso_week_date().week() == week)
    }

    /// Whether a window carries it: a day is its first or last one, a longer time contains it.
    pub(super) fn is_of(&self, window: &Period) -> bool {
        let (first, after) = window.dates();
        let last = after.yesterday().unwrap_or(first);
        if self.relative.is_some() || self.time.is_some() {
            return false;
        }
        if self.day.is_some() || self.weekday.is_some() {
            return self.fits_day(first) || self.fits_day(last);
        }
        self.fits_day(first) && self.fits_day(last)
    }

    /// Whether a figure of a window is of the time that it names from somewhere else: `this week` is the
    /// latest window of a week, `the previous week` one that is followed, or what a change is from.
    pub(super) fn is_relative_of(
        &self,
        window: &Period,
        is_change: bool,
        latest: Option<Timestamp>,
    ) -> bool {
        let Some((least, most)) = self.relative.and_then(|relative| relative.days) else {
            return false;
        };
        let is_over = self.relative.is_some_and(|relative| relative.is_over);
        let (first, after) = window.dates();
        let days = index_of_date(after).saturating_sub(index_of_date(first));
        let is_latest = latest.is_none_or(|latest| window.end >= latest);
        (least..=most).contains(&days) && if is_over { is_change || !is_latest } else { is_latest }
    }

    /// Whether any day of a window is one that it says.
    pub(super) fn meets(&self, window: &Period) -> bool {
        let (first, after) = window.dates();
        let days = std::iter::successors(Some(first), |day| day.tomorrow().ok());
        // A year of days has every month, weekday and week.
        self.relative.is_some()
            || days.take(400).take_while(|day| *day < after).any(|day| self.fits_day(day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        dates_at(text, "in")
            .iter()
            .map(|(said, from, to)| {
                let parts = (said.year, said.month, said.day, said.quarter, said.iso_week);
                format!("{:?} {parts:?}", &text[*from..*to])
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn forms_of_prose() {
        let mut text = String::new();
        for said in [
            "2026-10-14 [F2]",
            "2026-10-14T09:05:00Z x",
            "14 October 2026",
            "14th of Oct.",
            "Wednesday, 14 October",
            "October 14, 2026",
            "Oct 14–20, 2026",
            "14 to 20 October 2026",
            "October 2026",
            "May [F1]",
            "Q4 2026",
            "week 42 of 2026",
            "yesterday",
            "last week",
            "Tuesday",
            "Oct 14 to 20 calls",
        ] {
            text.push_str(&shown(said));
            text.push('\n');
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn no_dates() {
        for text in ["14 calls", "Mayor", "100", "march on", "Sunny", "Q5", "the week", "10/14"] {
            assert_eq!(shown(text), "", "{text}");
        }
    }

    #[test]
    fn a_date_fits_what_is_said_of_it() {
        let known = DateKnown::read("2026-10-14T09:05:00Z").unwrap();
        for (text, fits) in [
            ("14 October", true),
            ("14 October 2026 at 09:05 UTC", true),
            ("14 October 2026, 09:06", false),
            ("Wednesday, 14 October", true),
            ("Thursday, 14 October", false),
            ("October 2026", true),
            ("November 2026", false),
            ("Q4", true),
            ("Q3", false),
            ("week 42", true),
            ("week 43", false),
            ("14 October 2025", false),
        ] {
            let (said, _, _) = dates_at(text, "in")[0];
            assert_eq!(said.fits(known), fits, "{text}");
        }
    }
}
