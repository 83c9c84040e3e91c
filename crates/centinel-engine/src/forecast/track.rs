//! The days of one series and what is known of them, past and future.

use jiff::{ToSpan as _, civil::Date};

use super::{
    Series,
    charges::{Charge, taken_out},
};
use crate::anomaly::Calendar;

/// A run of holidays longer than this (the days around Christmas) is its own kind: traffic falls
/// otherwise than on a single day off.
const SINGLE_HOLIDAYS_MAX: usize = 2;

/// What kind of day it is for traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Usual,
    Holiday,
    /// Within a long run of holidays.
    HolidaySeason,
}

/// What is known of a day, in the past or ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) date: Date,
    /// Monday is 0.
    pub(super) weekday: usize,
    pub(super) kind: Kind,
    pub(super) first_of_month: bool,
    /// Whether a planned change begins.
    pub(super) restart: bool,
}

/// One series on the days of the file: what was seen, and the calendar to the end of the period.
#[derive(Debug)]
pub(super) struct Track {
    /// Cost by day, from the first day of the file to the origin.
    pub(super) costs: Vec<f64>,
    /// Logarithms of positive costs, `NaN` elsewhere.
    pub(super) logarithms: Vec<f64>,
    /// The calendar, to the end of the period.
    pub(super) days: Vec<Day>,
    /// The first day with a row.
    pub(super) first: usize,
    /// What comes once a month; it is not in `costs`.
    pub(super) charge: Option<Charge>,
}

impl Track {
    /// `axis` is the first day of the file, `origin` the days seen, `length` those looked at.
    pub(super) fn of(
        series: &Series,
        calendar: &Calendar,
        axis: Date,
        origin: usize,
        length: usize,
    ) -> Self {
        let first = days_between(axis, series.first_day);
        let mut costs: Vec<f64> = (0..origin)
            .map(|day| {
                let cost = day.checked_sub(first).and_then(|index| series.costs.get(index));
                cost.map_or(0.0, |cost| cost.to_f64())
            })
            .collect();
        let days = calendar_days(&series.name, calendar, axis, length);
        let charge = taken_out(&mut costs, &days, first);
        let logarithms = costs.iter().map(|cost| if *cost > 0.0 { cost.ln() } else { f64::NAN });
        Self { logarithms: logarithms.collect(), days, charge, costs, first }
    }
}

fn calendar_days(name: &str, calendar: &Calendar, axis: Date, length: usize) -> Vec<Day> {
    let restarts: std::collections::BTreeSet<Date> =
        calendar.planned_of(name).map(|planned| planned.day).collect();
    let is_holiday = |date: Date| calendar.is_holiday(name, date);
    let mut holidays_before = 0_usize;
    let mut days: Vec<Day> = Vec::with_capacity(length);
    for date in axis.series(1.day()).take(length) {
        let kind = if is_holiday(date) {
            // The run may reach beyond the days looked at.
            let ahead = date.series(1.day()).skip(1).take_while(|next| is_holiday(*next));
            let run = holidays_before
                .saturating_add(1)
                .saturating_add(ahead.take(SINGLE_HOLIDAYS_MAX).count());
            holidays_before = holidays_before.saturating_add(1);
            if run > SINGLE_HOLIDAYS_MAX { Kind::HolidaySeason } else { Kind::Holiday }
        } else {
            holidays_before = 0;
            Kind::Usual
        };
        days.push(Day {
            date,
            weekday: usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0),
            kind,
            first_of_month: date.day() == 1,
            restart: restarts.contains(&date),
        });
    }
    days
}

/// Days from one date to a later one; zero when it is not later.
pub(super) fn days_between(from: Date, to: Date) -> usize {
    from.until(to).ok().and_then(|span| usize::try_from(span.get_days()).ok()).unwrap_or(0)
}
