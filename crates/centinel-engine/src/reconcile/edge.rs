//! Calls near midnight that are billed on the day before or after.
//!
//! Evidence is one of two: what one day lacks is exactly what the next day has beyond; or what a day
//! lacks is exactly its last calls, which at the end of the period is all that can be seen.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Cause, ReconcileError,
    part::{Part, Place, Verdict},
    quantity::Day,
    vector::{Measure, Vector},
};
use crate::period::{DAY_MICROS, HOUR_MICROS};

/// Furthest that a day's end may lie from midnight in UTC: the time zones.
const ZONE_MICROS: i64 = 14 * HOUR_MICROS;

/// Explains the days of a series that trade calls with their neighbours; returns those that may do so
/// beside something else.
pub(super) fn explain<'k>(
    days: &mut BTreeMap<i32, Day<'_>>,
    place: &dyn Fn(i32) -> Place<'k>,
    last_day: Option<i32>,
    measure: Measure,
    parts: &mut Vec<Part>,
) -> Result<BTreeSet<i32>, ReconcileError> {
    // Without days there are no neighbours.
    let Some(last_day) = last_day else { return Ok(BTreeSet::new()) };
    let mut taken: BTreeMap<i32, &'static str> = BTreeMap::new();
    // Days that pass calls on, until one does not: the chain is then closed.
    let mut chain: Vec<i32> = Vec::new();
    let mut carried = Vector::default();
    let mut expected: Option<i32> = None;
    for (&day, of_day) in days.iter() {
        if expected.is_some_and(|expected| expected != day) {
            chain.clear();
            carried = Vector::default();
        }
        expected = day.checked_add(1);
        let delta = Vector::of_delta(&of_day.delta, measure);
        let left = delta.plus(&carried.negated()?)?;
        if is_zero(&left, measure)? {
            if !carried.is_zero() {
                chain.push(day);
                for day in chain.drain(..) {
                    taken.insert(day, "what one day lacks is what the next or previous one has");
                }
            }
            chain.clear();
            carried = Vector::default();
            continue;
        }
        let next = day.checked_add(1).and_then(|next| days.get(&next));
        let moved = if left.is_negative() {
            let lacking = left.negated()?;
            let opposite = next
                .map(|next| Vector::of_delta(&next.delta, measure).equals(&lacking, measure))
                .transpose()?
                .unwrap_or(false);
            let ends = ends_with(of_day, day, &lacking, measure)?;
            let at_end = day == last_day && ends.is_some_and(is_at_the_edge);
            if at_end {
                for day in chain.drain(..).chain([day]) {
                    taken.insert(day, "exactly the last calls of the period are not billed in it");
                }
                carried = Vector::default();
                continue;
            }
            (opposite || ends.is_some()).then_some(lacking)
        } else if left.is_positive() {
            // Billed early: the next day lacks what this one has.
            let opposite = next
                .map(|next| {
                    Vector::of_delta(&next.delta, measure).equals(&left.negated()?, measure)
                })
                .transpose()?
                .unwrap_or(false);
            let begins = next.map(|next| begins_with(next, &left, measure)).transpose()?;
            if opposite || begins == Some(true) { Some(left.negated()?) } else { None }
        } else {
            None
        };
        if let Some(moved) = moved {
            chain.push(day);
            carried = moved;
        } else {
            chain.clear();
            carried = Vector::default();
        }
    }
    for (day, evidence) in taken {
        if let Some(of_day) = days.get_mut(&day) {
            let verdict = Verdict::of(Cause::PeriodEdge, evidence);
            of_day.assign(&place(day), &verdict, |_| true, parts);
        }
    }
    suspects(days, measure)
}

/// Days that lack exactly their last calls, while the next day differs too, but not by just these:
/// the edge may be one of several causes there.
fn suspects(
    days: &BTreeMap<i32, Day<'_>>,
    measure: Measure,
) -> Result<BTreeSet<i32>, ReconcileError> {
    let mut found = BTreeSet::new();
    for (&day, of_day) in days {
        let delta = Vector::of_delta(&of_day.delta, measure);
        let next = day.checked_add(1).and_then(|next| days.get(&next));
        if delta.is_negative()
            && next.is_some_and(|next| !next.delta.is_empty())
            && ends_with(of_day, day, &delta.negated()?, measure)?.is_some_and(is_at_the_edge)
        {
            found.insert(day);
            found.extend(day.checked_add(1));
        }
        // Beyond is exactly what the day before ended with, while that day differs otherwise.
        let before = day.checked_sub(1).and_then(|before| Some((before, days.get(&before)?)));
        if let Some((before, of_before)) = before
            && delta.is_positive()
            && !of_before.delta.is_empty()
            && ends_with(of_before, before, &delta, measure)?.is_some_and(is_at_the_edge)
        {
            found.extend([before, day]);
        }
    }
    Ok(found)
}

fn is_zero(vector: &Vector, measure: Measure) -> Result<bool, ReconcileError> {
    vector.equals(&Vector::default(), measure)
}

/// How many calls at the end of a day add up to a quantity, and how long before midnight the first
/// of them was made.
fn ends_with(
    of_day: &Day<'_>,
    day: i32,
    quantity: &Vector,
    measure: Measure,
) -> Result<Option<(u64, i64)>, ReconcileError> {
    let mut calls = of_day.calls.clone();
    calls.sort_by_key(|call| std::cmp::Reverse(call.call.at));
    let midnight = i64::from(day).saturating_add(1).saturating_mul(DAY_MICROS);
    let mut sum = Vector::default();
    let mut count = 0_u64;
    for call in calls {
        sum.add_call(call, measure)?;
        count = count.saturating_add(call.call.calls);
        if sum.equals(quantity, measure)? {
            return Ok(Some((count, midnight.saturating_sub(call.call.at.as_microsecond()))));
        }
    }
    Ok(None)
}

fn begins_with(
    of_day: &Day<'_>,
    quantity: &Vector,
    measure: Measure,
) -> Result<bool, ReconcileError> {
    let mut calls = of_day.calls.clone();
    calls.sort_by_key(|call| call.call.at);
    let mut sum = Vector::default();
    for call in calls {
        sum.add_call(call, measure)?;
        if sum.equals(quantity, measure)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One call within the last hour, or several within the time zones: calls that are not billed for
/// another reason would hardly be exactly the last ones.
fn is_at_the_edge((count, before_midnight): (u64, i64)) -> bool {
    before_midnight <= if count > 1 { ZONE_MICROS } else { HOUR_MICROS }
}
