//! A cost a month amid daily ones: seats or support that a bill adds to usage on one day.
//!
//! Taken out before the course is fitted, and added to the days on which it falls due: it does not
//! follow the weekdays that usage follows.

use jiff::civil::Date;

use super::{
    monthly::{DEVIATION_SHARE, is_due, month_of},
    outlook::{Outlook, Spread},
    statistics::{float, mean, middle},
    track::Day,
};

/// Days looked back: seven months.
const WINDOW_DAYS: usize = 216;
/// A charge is so many times a usual day.
const SIZE_MIN: f64 = 4.0;
/// Days to either side that tell a usual day.
const NEAR_DAYS: usize = 14;
/// More days as large as charges are something else.
const LARGE_DAYS_MAX: usize = 12;
/// Fewest months in a row: on the first of a month, and on any other day.
const MONTHS_MIN: (usize, usize) = (2, 3);

/// What comes once a month beside the usual days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Charge {
    /// Day of the month; a shorter month has it on its last.
    due: i8,
    amount: f64,
    deviation: f64,
}

/// Takes a monthly charge out of costs, which then have a usual day in its place.
pub(super) fn taken_out(costs: &mut [f64], days: &[Day], first: usize) -> Option<Charge> {
    let earliest = costs.len().saturating_sub(WINDOW_DAYS).max(first);
    let mut large: Vec<(usize, Date, f64)> = Vec::new();
    for index in earliest..costs.len() {
        let cost = costs.get(index).copied()?;
        let usual = usual(costs, index, first).unwrap_or(0.0);
        // Nor is it a day of a heavy weekday.
        let week = same_weekday(costs, index, first).unwrap_or(usual);
        if usual > 0.0 && cost >= SIZE_MIN * usual.max(week) {
            large.push((index, days.get(index)?.date, cost));
        }
        if large.len() > LARGE_DAYS_MAX {
            return None;
        }
    }
    let mut dues: Vec<i8> = large.iter().map(|(_, date, _)| date.day()).collect();
    dues.sort_unstable();
    dues.dedup();
    let found = dues.into_iter().filter_map(|due| {
        let on_due: Vec<_> = large.iter().filter(|(_, date, _)| is_due(*date, due)).collect();
        let enough = if due == 1 { MONTHS_MIN.0 } else { MONTHS_MIN.1 };
        let months = on_due.iter().zip(on_due.iter().skip(1));
        let in_a_row =
            months.clone().all(|(one, next)| month_of(next.1) == month_of(one.1).saturating_add(1));
        let last = on_due.last()?.0;
        let since = days.get(last.saturating_add(1)..costs.len())?;
        let is_overdue = since.iter().any(|day| is_due(day.date, due));
        (on_due.len() >= enough && in_a_row && !is_overdue).then_some((due, on_due))
    });
    let (due, charges) = found.max_by_key(|(_, on_due)| on_due.len())?;
    let amounts: Vec<(usize, f64)> = charges
        .iter()
        .filter_map(|(index, _, cost)| {
            let usual = same_weekday(costs, *index, first).or_else(|| usual(costs, *index, first));
            Some((*index, cost - usual?))
        })
        .collect();
    let steps = amounts.iter().zip(amounts.iter().skip(1)).map(|((_, one), (_, next))| next - one);
    let squares: f64 = steps.map(|step| step * step).sum();
    let step = (squares / float(amounts.len().saturating_sub(1)).max(1.0)).sqrt();
    let amount = amounts.last()?.1;
    for (index, extra) in &amounts {
        if let Some(cost) = costs.get_mut(*index) {
            *cost -= extra;
        }
    }
    Some(Charge { due, amount, deviation: step.max(DEVIATION_SHARE * amount.abs()) })
}

/// The middle of the days around one.
fn usual(costs: &[f64], index: usize, first: usize) -> Option<f64> {
    let from = index.saturating_sub(NEAR_DAYS).max(first);
    let near = costs.iter().enumerate().skip(from).take(NEAR_DAYS.saturating_mul(2));
    middle(near.filter(|(at, _)| *at != index).map(|(_, cost)| *cost))
}

/// The mean of the days a week before and after one.
fn same_weekday(costs: &[f64], index: usize, first: usize) -> Option<f64> {
    let before = index.checked_sub(7).filter(|at| *at >= first);
    let days = [before, index.checked_add(7)];
    let found: Vec<f64> =
        days.into_iter().flatten().filter_map(|at| costs.get(at).copied()).collect();
    mean(&found)
}

impl Charge {
    /// Adds what falls due to the days of an outlook, the first of which is `days`' first.
    pub(super) fn add_to(&self, outlook: &mut Outlook, days: &[Day]) {
        let before: f64 = outlook.days.iter().sum();
        let mut count = 0.0;
        for (cost, day) in outlook.days.iter_mut().zip(days) {
            if is_due(day.date, self.due) {
                *cost += self.amount;
                count += 1.0;
            }
        }
        let after: f64 = outlook.days.iter().sum();
        if count == 0.0 || after <= 0.0 {
            return;
        }
        // Steps from month to month add up.
        let charge = self.deviation * count;
        outlook.spread = match outlook.spread {
            Spread::Relative(deviation) => {
                Spread::Relative((before * deviation).hypot(charge) / after)
            }
            Spread::Absolute(deviation) => Spread::Absolute(deviation.hypot(charge)),
        };
    }
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan as _, civil::date};

    use super::super::{
        Method, Question,
        tests::{START, ask, january, noise, series, total},
    };

    /// Usage of 60 a day, 30 on Sundays, with 3,000 on a day of each month.
    fn billed(due: i8, days: usize) -> Vec<f64> {
        let cost = |(index, date): (usize, jiff::civil::Date)| {
            let usage = if date.weekday() == jiff::civil::Weekday::Sunday { 30.0 } else { 60.0 };
            let charge = if date.day() == due { 3000.0 } else { 0.0 };
            usage * (0.02 * noise(index, 3)).exp() + charge
        };
        START.series(1.day()).take(days).enumerate().map(cost).collect()
    }

    #[test]
    fn a_charge_is_as_large_on_a_sunday() {
        // 1 February 2026 is a Sunday, as is 15 February.
        for due in [1, 15] {
            let costs = billed(due, 153);
            let question = Question::month_of(date(2026, 2, 1));
            let found = ask(&[series("seats", &costs)], &question).series.remove(0);
            assert_eq!(found.method, Method::Course);
            let day = &found.days[usize::try_from(due - 1).unwrap()];
            assert!((day.cost.to_f64() - 3030.0).abs() < 10.0, "{due}: {day:?}");
            assert!((total(&found) - 4560.0).abs() < 60.0, "{due}: {found:?}");
            let width = found.bands[0].high.to_f64() - found.bands[0].low.to_f64();
            assert!(width > 50.0 && width < 400.0, "{found:?}");
        }
    }

    #[test]
    fn a_spike_is_no_charge() {
        let mut costs = billed(0, 132);
        (costs[40], costs[100]) = (3000.0, 2500.0);
        let found = ask(&[series("usage", &costs)], &january()).series.remove(0);
        assert!(found.days.iter().all(|day| day.cost.to_f64() < 100.0), "{found:?}");
    }
}
