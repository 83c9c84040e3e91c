//! Operators on dates and windows.

use std::ops::Range;

use centinel_engine::facts::{Fact, FactKind};
use jiff::{ToSpan as _, civil::Date};

use super::{Case, Made, made, pick};
use crate::{
    random::Random,
    verifier::{
        cited::Cited,
        day::{self, Day, MONTHS, WEEKDAYS},
    },
};

fn like(case: &Case<'_>, range: &Range<usize>, long: &str) -> String {
    // An abbreviated name stays one.
    let now = &case.text[range.clone()];
    if now.len() <= 4 && long.len() > 4 { long[..3].to_owned() } else { long.to_owned() }
}

/// Day, month, year or weekday becomes another.
pub(super) fn shifted(case: &Case<'_>, random: &mut Random) -> Made {
    let days: Vec<(&Cited, &Day)> =
        case.days().filter_map(|(_, cited)| Some((cited, cited.day()?))).collect();
    let Some((cited, read)) = pick(random, &days).copied() else { return Made::Nothing };
    let Some(date) = day::of_value(&case.fact(cited).value) else { return Made::Nothing };
    let mut parts: Vec<(Range<usize>, String)> = Vec::new();
    if let Some(range) = &read.number {
        let other = 1 + (i64::from(date.day()) + random.whole(0, 27) as i64) % 28;
        let other = if other == i64::from(date.day()) { other % 28 + 1 } else { other };
        let padded = range.len() == 2 && case.text[..range.start].ends_with('-');
        parts.push((range.clone(), if padded { format!("{other:02}") } else { other.to_string() }));
    }
    if let Some(range) = &read.month {
        let other = (date.month() as usize - 1 + random.whole(1, 12)) % 12;
        let is_number = case.text[range.clone()].bytes().all(|byte| byte.is_ascii_digit());
        let other =
            if is_number { format!("{:02}", other + 1) } else { like(case, range, MONTHS[other]) };
        parts.push((range.clone(), other));
    }
    if let Some(range) = &read.year {
        parts.push((range.clone(), (date.year() + *random.one_of(&[-10, -1, 1, 100])).to_string()));
    }
    if let Some(range) = &read.weekday {
        let now = date.weekday().to_monday_zero_offset() as usize;
        let other = WEEKDAYS[(now + random.whole(1, 7)) % 7];
        parts.push((range.clone(), like(case, range, other)));
    }
    made(pick(random, &parts).map(|(range, other)| case.replaced(range.clone(), other)))
}

/// Every date of a sentence moves by a week, in its own form.
pub(super) fn window_shifted(case: &Case<'_>, random: &mut Random) -> Made {
    let days: Vec<&Cited> = case.days().map(|(_, cited)| cited).collect();
    let Some(first) = pick(random, &days).copied() else { return Made::Nothing };
    let sentence = case.sentence(first);
    let by = *random.one_of(&[-7, 7, -28, 1]);
    let mut text = case.text.to_owned();
    let mut moved = false;
    for cited in days.into_iter().rev().filter(|cited| case.sentence(cited) == sentence) {
        let Some(date) = day::of_value(&case.fact(cited).value) else { continue };
        let date = date.saturating_add(by.days());
        let forms = ["iso", "long", "us", "short", "weekday"];
        let own = &case.text[cited.span.clone()];
        let Some(old) = day::of_value(&case.fact(cited).value) else { continue };
        let form = forms.into_iter().find(|form| day::written(old, form).as_deref() == Some(own));
        if let Some(written) = form.and_then(|form| day::written(date, form)) {
            text.replace_range(cited.span.clone(), &written);
            moved = true;
        }
    }
    if moved { Made::Mutant(text) } else { Made::Nothing }
}

fn days_of(fact: &Fact) -> Option<(Date, Date)> {
    fact.window.map(|window| window.dates())
}

/// Another date of the bundle with its own citation, beside a figure whose window the old one bounds and the
/// new one is outside of.
pub(super) fn wrong_window(case: &Case<'_>, random: &mut Random) -> Made {
    let mut found = Vec::new();
    for (_, cited) in case.days() {
        let (own, sentence) = (case.fact(cited), case.sentence(cited));
        let Some(date) = day::of_value(&own.value) else { continue };
        // A figure of this window, with no other date nearer.
        let nearest = |figure: &Cited| {
            case.days()
                .min_by_key(|(_, day)| day.span.start.abs_diff(figure.span.start))
                .map(|(_, day)| day)
        };
        let windows: Vec<(Date, Date)> = case
            .figures()
            .filter(|(_, figure)| case.sentence(figure) == sentence)
            .filter(|(_, figure)| {
                nearest(figure).is_some_and(|day| {
                    days_of(case.fact(figure)).is_some_and(|(first, end)| {
                        day::of_value(&case.fact(day).value)
                            .is_some_and(|date| first <= date && date <= end)
                    })
                })
            })
            .filter_map(|(_, figure)| days_of(case.fact(figure)))
            .collect();
        let is_edge = |(first, end): &(Date, Date)| {
            date == *first || date == *end || Some(date) == end.yesterday().ok()
        };
        if windows.is_empty() || !windows.iter().all(is_edge) {
            continue;
        }
        for other in case.facts.iter().filter(|fact| fact.kind == FactKind::Date) {
            let Some(date) = day::of_value(&other.value) else { continue };
            if windows.iter().all(|(first, end)| date < *first || date > *end) {
                found.push((cited, other, date));
            }
        }
    }
    made(pick(random, &found).map(|(cited, other, date)| {
        case.replaced(cited.whole(), &format!("{date} [{}]", other.id))
    }))
}
