//! Dates in prose, read and written in the forms that people use.

use std::{ops::Range, sync::LazyLock};

use jiff::civil::{Date, Weekday};
use regex_lite::{Captures, Regex};

/// Names of months.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Names of weekdays, Monday first.
pub(crate) const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const MONTH: &str = "(?P<month>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*)";
const WEEKDAY: &str = "(?:(?P<weekday>(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*),? )?";

static FORMS: LazyLock<[Regex; 4]> = LazyLock::new(|| {
    let form = |text: String| Regex::new(&text).expect("the pattern is one");
    [
        form(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?:T[0-9:.]+Z)?$".to_owned()),
        form(format!(
            r"{WEEKDAY}(?:the )?\b(?P<day>\d{{1,2}})(?:[snrt][tdh])?(?: of)? {MONTH}\.?(?:,? (?P<year>\d{{4}}))?$"
        )),
        form(format!(
            r"{WEEKDAY}{MONTH}\.? (?P<day>\d{{1,2}})(?:[snrt][tdh])?(?:,? (?P<year>\d{{4}}))?$"
        )),
        form(format!(r"{MONTH}\.? (?P<year>\d{{4}})$")),
    ]
});

/// A date in a text; ranges are of bytes in the whole text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day {
    /// All of it.
    pub(crate) span: Range<usize>,
    /// Each part that is stated.
    pub(crate) year: Option<Range<usize>>,
    pub(crate) month: Option<Range<usize>>,
    pub(crate) number: Option<Range<usize>>,
    pub(crate) weekday: Option<Range<usize>>,
}

/// The date that ends at a place, if one does.
pub(crate) fn ending_at(text: &str, end: usize) -> Option<Day> {
    let mut from = end.saturating_sub(48);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let found: Captures<'_> = FORMS.iter().find_map(|form| form.captures(&text[from..end]))?;
    let range = |name: &str| found.name(name).map(|part| from + part.start()..from + part.end());
    let span = from + found.get(0)?.start()..end;
    Some(Day {
        span,
        year: range("year"),
        month: range("month"),
        number: range("day"),
        weekday: range("weekday"),
    })
}

/// The number of a month in digits or letters.
pub(crate) fn month_number(text: &str) -> Option<i8> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let start = text.get(..3)?;
    (1..).zip(MONTHS).find(|(_, name)| name.starts_with(start)).map(|(number, _)| number)
}

/// The day of a fact's value, an instant or a date.
pub(crate) fn of_value(value: &str) -> Option<Date> {
    value.get(..10)?.parse().ok()
}

impl Day {
    /// Whether every stated part is the fact's.
    pub(crate) fn is(&self, text: &str, day: Date) -> bool {
        let part = |range: &Option<Range<usize>>| range.clone().map(|range| &text[range]);
        let number = |range| part(range).map(|text| text.parse::<i16>().ok());
        number(&self.year).is_none_or(|year| year == Some(day.year()))
            && number(&self.number).is_none_or(|number| number == Some(i16::from(day.day())))
            && part(&self.month).is_none_or(|month| month_number(month) == Some(day.month()))
            && part(&self.weekday)
                .is_none_or(|name| name.get(..3) == weekday(day.weekday()).get(..3))
    }
}

/// The English name of a weekday.
pub(crate) fn weekday(day: Weekday) -> &'static str {
    WEEKDAYS[day.to_monday_zero_offset() as usize]
}

/// A date in a form: `iso`, `long`, `us`, `short`, `weekday`; `None` of other forms.
pub(crate) fn written(day: Date, form: &str) -> Option<String> {
    let month = MONTHS[day.month() as usize - 1];
    Some(match form {
        "iso" => day.to_string(),
        "long" => format!("{} {month} {}", day.day(), day.year()),
        "us" => format!("{month} {}, {}", day.day(), day.year()),
        "short" => format!("{} {}", &month[..3], day.day()),
        "weekday" => format!("{} {} {month}", weekday(day.weekday()), day.day()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn every_written_form_is_read_back() {
        let day = date(2026, 10, 14);
        for form in ["iso", "long", "us", "short", "weekday"] {
            let text = format!("from {}", written(day, form).unwrap());
            let read = ending_at(&text, text.len()).unwrap();
            assert_eq!(read.span.start, 5, "{text}");
            assert!(read.is(&text, day) && !read.is(&text, date(2026, 10, 15)), "{text}");
            assert!(!read.is(&text, date(2026, 11, 14)), "{text}");
        }
        let wrong = "Thursday 14 October";
        assert!(!ending_at(wrong, wrong.len()).unwrap().is(wrong, day));
        assert_eq!(ending_at("no date", 7), None);
    }
}
