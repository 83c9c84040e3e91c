//! Public holidays by country.
//!
//! # Source
//!
//! `data/holidays.txt`, with its own source at its head.

use jiff::civil::{Date, date};

const DATA: &str = include_str!("../../data/holidays.txt");

/// The public holidays of a country (ISO 3166-1, any case), ascending; `None` for one that the data
/// does not have.
pub fn of_country(country: &str) -> Option<Vec<Date>> {
    let line = lines().find(|(code, _)| code.eq_ignore_ascii_case(country.trim()))?.1;
    Some(line.split_ascii_whitespace().filter_map(day).collect())
}

/// The countries that the data has.
pub fn countries() -> Vec<&'static str> {
    lines().map(|(code, _)| code).collect()
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    DATA.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '))
}

/// `20260704`.
fn day(text: &str) -> Option<Date> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
    let small = |range| number(range).and_then(|value| i8::try_from(value).ok());
    let (year, month, day) = (number(0..4)?, small(4..6)?, small(6..8)?);
    Date::new(year, month, day).ok().filter(|found| *found >= date(2000, 1, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_whole() {
        for (code, line) in lines() {
            let days = of_country(code).unwrap();
            assert_eq!(days.len(), line.split_ascii_whitespace().count(), "{code}");
            assert!(days.is_sorted(), "{code}");
            assert!(days.len() >= 30, "{code}: ten years have more holidays");
        }
    }

    #[test]
    fn known_days_are_there() {
        let us = of_country("us").unwrap();
        assert!(us.contains(&date(2026, 11, 26)), "Thanksgiving is the fourth Thursday");
        assert!(of_country("DE").unwrap().contains(&date(2026, 10, 3)));
        assert_eq!(of_country("Atlantis"), None);
        assert!(countries().len() > 50);
    }
}
