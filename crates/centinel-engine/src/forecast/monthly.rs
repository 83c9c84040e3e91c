//! A cost a month, on the same day: seats, subscriptions, monthly support charges.

use jiff::civil::Date;

use super::{
    outlook::{Outlook, Spread, State},
    statistics::float,
    track::Track,
};

/// Days looked back: seven months.
const WINDOW_DAYS: usize = 216;
/// Fewest months in a row that make a series monthly.
const MONTHS_MIN: usize = 2;
/// Deviation of an amount that has been the same each month, as a share of it.
pub(super) const DEVIATION_SHARE: f64 = 0.02;

/// The last amount on each day that it falls due; `None` unless every cost of the last months came on
/// the same day of a month, once in each, and none is overdue.
pub(super) fn monthly(track: &Track, origin: usize, from: usize, end: usize) -> Option<Outlook> {
    let window = origin.saturating_sub(WINDOW_DAYS).max(track.first).min(origin)..origin;
    let mut costs: Vec<(Date, f64)> = Vec::new();
    for index in window {
        let cost = track.costs.get(index).copied().unwrap_or(0.0);
        if cost != 0.0 {
            costs.push((track.days.get(index)?.date, cost));
        }
        // A daily series is none: most are told after a few days.
        if costs.len() > WINDOW_DAYS / 28 {
            return None;
        }
    }
    if costs.len() < MONTHS_MIN {
        return None;
    }
    // The longest month tells the day that is meant: the 31st is the 30th in April.
    let due = costs.iter().map(|(date, _)| date.day()).max()?;
    let in_a_row = costs
        .iter()
        .zip(costs.iter().skip(1))
        .all(|((date, _), (next, _))| month_of(*next) == month_of(*date).saturating_add(1));
    let last = costs.last()?;
    let last_index = origin.checked_sub(1)?;
    let is_overdue = track
        .days
        .get(..=last_index)?
        .iter()
        .rev()
        .take_while(|day| day.date > last.0)
        .any(|day| is_due(day.date, due));
    if !in_a_row || is_overdue || !costs.iter().all(|(date, _)| is_due(*date, due)) {
        return None;
    }
    let days: Vec<f64> = (from..end)
        .map(|index| {
            track.days.get(index).filter(|day| is_due(day.date, due)).map_or(0.0, |_| last.1)
        })
        .collect();
    let ahead = float(days.iter().filter(|cost| **cost != 0.0).count());
    let steps = costs.iter().zip(costs.iter().skip(1)).map(|((_, cost), (_, next))| next - cost);
    let squares: f64 = steps.map(|step| step * step).sum();
    let step = (squares / float(costs.len().saturating_sub(1)).max(1.0)).sqrt();
    // Steps from month to month add up.
    let deviation = step.max(DEVIATION_SHARE * last.1.abs()) * ahead;
    Some(Outlook {
        state: State::Monthly,
        days,
        spread: Spread::Absolute(deviation),
        local: 0.0,
        is_positive: true,
    })
}

/// Whether something falls due that does on a day of the month, or on the last of a shorter one.
pub(super) fn is_due(date: Date, day: i8) -> bool {
    date.day() == day.min(date.days_in_month())
}

/// Months since the year 0.
pub(super) fn month_of(date: Date) -> i32 {
    i32::from(date.year()).saturating_mul(12).saturating_add(i32::from(date.month()))
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan as _, civil::date};

    use super::super::{
        Method, Question,
        tests::{START, ask, decimal, january, series, total},
    };
    use super::*;

    /// Costs by day from 2025-09-01 to 2026-01-10 with an amount on these days.
    fn on(due: &[(Date, f64)]) -> Vec<f64> {
        let days = START.series(1.day()).take(132);
        let amount = |day| due.iter().find(|(date, _)| *date == day).map_or(0.0, |found| found.1);
        days.map(amount).collect()
    }

    #[test]
    fn a_subscription_is_due_on_its_day() {
        let ends = [(9, 30), (10, 31), (11, 30), (12, 31)];
        let ends = ends.map(|(month, day)| (date(2025, month, day), 400.0));
        let found = ask(&[series("seats", &on(&ends))], &january()).series.remove(0);
        assert_eq!(found.method, Method::Monthly);
        assert_eq!(found.period_total, Some(decimal(400.0)));
        assert_eq!(found.days[30].cost, decimal(400.0));
        assert!(found.bands[0].high.to_f64() < 440.0, "{found:?}");
        // February has no 31st.
        let february = Question { from: date(2026, 2, 1), until: date(2026, 3, 1), ..january() };
        let found = ask(&[series("seats", &on(&ends))], &february).series.remove(0);
        assert_eq!(found.days[27].cost, decimal(400.0));
        // A seat more each month: the last amount, and a band that leaves room for the next.
        let grown = [(9, 500.0), (10, 520.0), (11, 540.0), (12, 560.0)];
        let grown = grown.map(|(month, cost)| (date(2025, month, 15), cost));
        let found = ask(&[series("seats", &on(&grown))], &january()).series.remove(0);
        assert!((total(&found) - 560.0).abs() < 1e-6, "{found:?}");
        assert!(found.bands[0].high.to_f64() > 580.0, "{found:?}");
    }

    #[test]
    fn what_is_overdue_or_irregular_is_no_subscription() {
        let paid = |days: &[(i8, i8)]| {
            let due: Vec<(Date, f64)> =
                days.iter().map(|(month, day)| (date(2025, *month, *day), 400.0)).collect();
            ask(&[series("seats", &on(&due))], &january()).series.remove(0).method
        };
        assert_eq!(paid(&[(10, 20), (11, 20), (12, 20)]), Method::Monthly);
        assert_ne!(paid(&[(10, 20), (11, 20)]), Method::Monthly, "overdue since 20 December");
        assert_ne!(paid(&[(9, 20), (11, 20), (12, 20)]), Method::Monthly, "October is missing");
        assert_ne!(paid(&[(10, 20), (11, 23), (12, 20)]), Method::Monthly);
        assert_ne!(paid(&[(12, 20)]), Method::Monthly, "once is no rule");
    }
}
