//! Units that one side has beyond the other: whose they are.
//!
//! Every verdict rests on equality or bounds of quantities in the data. Where two causes fit, both
//! are named and the amount stays unexplained.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Cause, ReconcileError, edge,
    group::Call,
    part::{Part, Place, Verdict},
    vector::{Delta, Family, Measure, Vector, family},
};
use crate::{
    money::Decimal,
    pricing::Meter,
    usage::{CallStatus, UsageClass},
};

/// Most calls among which a sum of some of them is looked for.
const SUBSET_MAX: usize = 14;

/// One day of a series: what is beyond, and the calls of the ledger.
#[derive(Debug, Default)]
pub(super) struct Day<'c> {
    pub(super) delta: Delta,
    pub(super) calls: Vec<&'c Call<'c>>,
    pub(super) has_rows: bool,
    /// Classes of either side.
    pub(super) meters: BTreeSet<Option<Meter>>,
}

impl Day<'_> {
    /// Gives some classes to a verdict; they are settled then.
    pub(super) fn assign(
        &mut self,
        place: &Place<'_>,
        verdict: &Verdict,
        of: impl Fn(Option<Meter>) -> bool,
        parts: &mut Vec<Part>,
    ) {
        let taken: Vec<_> = self.delta.keys().copied().filter(|meter| of(*meter)).collect();
        for meter in taken {
            if let Some(beyond) = self.delta.remove(&meter)
                && !beyond.amount.is_zero()
            {
                parts.push(place.part(verdict, meter, beyond.quantity, beyond.amount));
            }
        }
    }
}

/// Explains what is beyond in the days of one series.
pub(super) fn explain<'k>(
    days: &mut BTreeMap<i32, Day<'_>>,
    place: &dyn Fn(i32) -> Place<'k>,
    last_day: Option<i32>,
    tolerance: Decimal,
    parts: &mut Vec<Part>,
) -> Result<(), ReconcileError> {
    let measure = Measure::of(days.values().map(|day| &day.delta), tolerance);
    for (slice, day) in days.iter_mut().filter(|(_, day)| !day.delta.is_empty()) {
        known_calls(day, &place(*slice), measure, parts)?;
        classes(day, &place(*slice), measure, parts)?;
    }
    let suspects = edge::explain(days, place, last_day, measure, parts)?;
    for (slice, day) in days.iter_mut().filter(|(_, day)| !day.delta.is_empty()) {
        let mut verdict = rest(day, measure)?;
        if suspects.contains(slice) {
            verdict = with_edge(verdict);
        }
        day.assign(&place(*slice), &verdict, |_| true, parts);
    }
    Ok(())
}

/// The same verdict, where calls at the edge of the day may be part of it.
fn with_edge(verdict: Verdict) -> Verdict {
    let Verdict { cause, mut candidates, evidence } = verdict;
    if cause != Cause::Unexplained {
        candidates = vec![cause];
    }
    candidates.push(Cause::PeriodEdge);
    let evidence = format!("{evidence}; calls at midnight may be part of it");
    Verdict::open(candidates, evidence)
}

/// Calls that are told apart by how they ended: aborted, repeated, failed, answered by a cache.
fn known_calls(
    day: &mut Day<'_>,
    place: &Place<'_>,
    measure: Measure,
    parts: &mut Vec<Part>,
) -> Result<(), ReconcileError> {
    let delta = Vector::of_delta(&day.delta, measure);
    if day.calls.is_empty() || delta.is_zero() {
        return Ok(());
    }
    let aborted = of_status(day, CallStatus::Aborted);
    let failed = of_status(day, CallStatus::Error);
    let cached = of_status(day, CallStatus::GatewayCache);
    let retries: Vec<&Call<'_>> = day.calls.iter().copied().filter(|c| c.call.is_retry).collect();
    let mut found: Vec<Verdict> = Vec::new();
    for (calls, cause, what) in [
        (&aborted, Cause::AbortedStream, "aborted"),
        (&retries, Cause::Retry, "repeated"),
        (&failed, Cause::Retry, "failed"),
        (&cached, Cause::UnbilledCalls, "answered by the gateway's cache"),
    ] {
        if let Some(evidence) = matches_calls(&delta, calls, what, measure)?
            && found.iter().all(|verdict| verdict.cause != cause)
        {
            found.push(Verdict::of(cause, evidence));
        }
    }
    match found.as_slice() {
        [] => both(day, place, &delta, (&aborted, &retries), measure, parts),
        [verdict] => {
            day.assign(place, verdict, |_| true, parts);
            Ok(())
        }
        several => {
            let causes: Vec<_> = several.iter().map(|verdict| verdict.cause).collect();
            let evidence = "the same tokens stand for several kinds of calls".to_owned();
            day.assign(place, &Verdict::open(causes, evidence), |_| true, parts);
            Ok(())
        }
    }
}

fn of_status<'c>(day: &Day<'c>, status: CallStatus) -> Vec<&'c Call<'c>> {
    day.calls.iter().copied().filter(|call| call.call.status == status).collect()
}

/// Whether the delta is exactly these calls, some of them, or their output.
fn matches_calls(
    delta: &Vector,
    calls: &[&Call<'_>],
    what: &str,
    measure: Measure,
) -> Result<Option<String>, ReconcileError> {
    if calls.is_empty() {
        return Ok(None);
    }
    let missing = delta.negated()?;
    let of_output = |vector: &Vector| vector.only(|meter| family(meter) == Family::Output);
    let all = Vector::of_calls(calls.iter().copied(), measure)?;
    let count = calls.len();
    let is = |quantity: &Vector| -> Result<bool, ReconcileError> {
        Ok(!quantity.is_zero() && quantity.equals(&missing, measure)?)
    };
    if is(&all)? {
        return Ok(Some(format!("not billed: exactly the tokens of {count} {what} calls")));
    }
    if is(&of_output(&all))? {
        return Ok(Some(format!("not billed: exactly the output of {count} {what} calls")));
    }
    let is_repeat = what != "aborted" && !all.is_zero();
    if is_repeat && all.equals(delta, measure)? {
        return Ok(Some(format!("billed once more: exactly the tokens of {count} {what} calls")));
    }
    for (target, verb) in [(&missing, "not billed"), (delta, "billed once more")] {
        if verb == "billed once more" && !is_repeat {
            continue;
        }
        if let Some(some) = subset(calls, target, measure)? {
            return Ok(Some(format!(
                "{verb}: exactly the tokens of {some} of {count} {what} calls"
            )));
        }
    }
    Ok(None)
}

/// Aborted and repeated calls together, where they are different calls.
fn both(
    day: &mut Day<'_>,
    place: &Place<'_>,
    delta: &Vector,
    (aborted, retries): (&[&Call<'_>], &[&Call<'_>]),
    measure: Measure,
    parts: &mut Vec<Part>,
) -> Result<(), ReconcileError> {
    let is_apart = aborted.iter().all(|call| !call.call.is_retry);
    if aborted.is_empty() || retries.is_empty() || !is_apart || !measure.is_counted {
        return Ok(());
    }
    let first = Vector::of_calls(aborted.iter().copied(), measure)?;
    let second = Vector::of_calls(retries.iter().copied(), measure)?;
    if !first.plus(&second)?.equals(&delta.negated()?, measure)? {
        return Ok(());
    }
    let evidence = "not billed: exactly the tokens of the aborted and the repeated calls";
    let mut shares: BTreeMap<Option<Meter>, (Decimal, Decimal)> = BTreeMap::new();
    for call in aborted {
        for (meter, (quantity, amount)) in &call.lines {
            let slot = shares.entry(*meter).or_default();
            slot.0 = slot.0.checked_add(*quantity)?;
            slot.1 = slot.1.checked_add(*amount)?;
        }
    }
    for (meter, (quantity, amount)) in shares {
        if let Some(beyond) = day.delta.get_mut(&meter) {
            let (quantity, amount) = (quantity.checked_neg()?, amount.checked_neg()?);
            let verdict = Verdict::of(Cause::AbortedStream, evidence);
            parts.push(place.part(&verdict, meter, Some(quantity), amount));
            beyond.quantity = beyond.quantity.map(|all| all.checked_sub(quantity)).transpose()?;
            beyond.amount = beyond.amount.checked_sub(amount)?;
        }
    }
    day.assign(place, &Verdict::of(Cause::Retry, evidence), |_| true, parts);
    Ok(())
}

/// How many of the calls add up to the target, if exactly one choice does.
fn subset(
    calls: &[&Call<'_>],
    target: &Vector,
    measure: Measure,
) -> Result<Option<usize>, ReconcileError> {
    if !target.is_positive() || calls.is_empty() {
        return Ok(None);
    }
    let mut found: Option<(usize, Vector)> = None;
    // One call is looked for among any number, several among a few.
    if calls.len() > SUBSET_MAX {
        for call in calls {
            let vector = Vector::of_calls([*call], measure)?;
            if vector.equals(target, measure)? {
                return Ok(Some(1));
            }
        }
        return Ok(None);
    }
    let last = 1_u32.checked_shl(u32::try_from(calls.len()).unwrap_or(0)).unwrap_or(1);
    for mask in 1..last {
        let chosen = calls.iter().enumerate().filter(|(index, _)| {
            u32::try_from(*index)
                .ok()
                .and_then(|index| mask.checked_shr(index))
                .is_some_and(|bits| bits & 1 == 1)
        });
        let vector = Vector::of_calls(chosen.map(|(_, call)| *call), measure)?;
        if vector.equals(target, measure)? {
            let count = usize::try_from(mask.count_ones()).unwrap_or(0);
            if found.is_none() {
                found = Some((count, vector));
            }
        }
    }
    Ok(found.map(|(count, _)| count))
}

/// Tokens that changed their class within a family, and reasoning counted otherwise.
fn classes(
    day: &mut Day<'_>,
    place: &Place<'_>,
    measure: Measure,
    parts: &mut Vec<Part>,
) -> Result<(), ReconcileError> {
    if !measure.is_counted {
        return Ok(());
    }
    for (of, cause, words) in [
        (Family::Input, Cause::CacheClass, "the same input tokens, in other cache classes"),
        (Family::Output, Cause::ReasoningClass, "the same output tokens, in other classes"),
    ] {
        let delta = Vector::of_delta(&day.delta, measure).only(|meter| family(meter) == of);
        if !delta.is_zero() && delta.total()?.is_zero() {
            day.assign(place, &Verdict::of(cause, words), |meter| family(meter) == of, parts);
        }
    }
    let delta = Vector::of_delta(&day.delta, measure);
    let is_output = |meter: Option<Meter>| family(meter) == Family::Output;
    if delta.is_zero() || !delta.meters().all(is_output) {
        return Ok(());
    }
    let (beyond, reasoning) = (delta.total()?, reasoning(day)?);
    if !reasoning.is_zero() && super::exact::abs(beyond)? == reasoning {
        let words = if beyond.is_negative() { "counted twice" } else { "left out of the output" };
        let evidence =
            format!("input agrees; the {reasoning} reasoning tokens recorded are {words}");
        day.assign(place, &Verdict::of(Cause::ReasoningClass, evidence), |_| true, parts);
        return Ok(());
    }
    // A line for reasoning alone is beyond: the ledger counts none of it.
    let is_own_line = delta.is_positive() && delta.meters().all(|m| m == Some(Meter::Reasoning));
    if is_own_line {
        let evidence = "the invoice bills reasoning as a class of its own, beyond equal output";
        day.assign(place, &Verdict::of(Cause::ReasoningClass, evidence), |_| true, parts);
    }
    Ok(())
}

fn reasoning(day: &Day<'_>) -> Result<Decimal, ReconcileError> {
    let counts = day.calls.iter().map(|call| call.call.usage.get(UsageClass::ReasoningTokens));
    super::exact::sum(counts.map(|count| Decimal::from_integer(count.into())))
}

/// What nothing more exact has explained.
fn rest(day: &Day<'_>, measure: Measure) -> Result<Verdict, ReconcileError> {
    let delta = Vector::of_delta(&day.delta, measure);
    let aborted = of_status(day, CallStatus::Aborted);
    let has_retries = day.calls.iter().copied().any(is_repeated);
    let has_aborted = !aborted.is_empty();
    if day.calls.is_empty() {
        return Ok(Verdict::of(Cause::MissingCalls, "the ledger has no such calls on that day"));
    }
    if !day.has_rows && !has_aborted && !has_retries {
        return Ok(Verdict::of(Cause::UnbilledCalls, "the invoice has no such row on that day"));
    }
    let families: BTreeSet<u8> = delta.meters().map(|meter| family(meter) as u8).collect();
    let is = |of: &[Family]| families.iter().copied().eq(of.iter().map(|of| *of as u8));
    let both =
        is(&[Family::Input, Family::Output]) || is(&[Family::Input, Family::Output, Family::Fee]);
    if !measure.is_counted {
        return Ok(amounts_differ(&delta, has_aborted, has_retries));
    }
    let has_output = day.meters.iter().any(|meter| family(*meter) == Family::Output);
    if is(&[Family::Output]) {
        return output_differs(day, &delta, &aborted, measure);
    }
    // Of a model without output (embeddings) input is all there is to a call.
    if both || is(&[Family::Fee]) || (is(&[Family::Input]) && !has_output) {
        if delta.is_positive() {
            return missing(day, &delta, &aborted, measure);
        }
        if delta.is_negative() {
            return unbilled(day, &delta, has_aborted, has_retries, measure);
        }
    }
    let mut candidates = vec![Cause::CacheClass];
    let total = |of| delta.only(|meter| family(meter) == of).total();
    let (input, output) = (total(Family::Input)?, total(Family::Output)?);
    if input > Decimal::ZERO || output > Decimal::ZERO {
        candidates.push(Cause::MissingCalls);
    }
    if input.is_negative() || output.is_negative() {
        candidates.push(Cause::UnbilledCalls);
    }
    if !output.is_zero() {
        candidates.push(Cause::ReasoningClass);
    }
    candidates.extend(has_aborted.then_some(Cause::AbortedStream));
    candidates.extend(has_retries.then_some(Cause::Retry));
    let evidence = "classes differ in both directions, and their sums differ too";
    Ok(Verdict::open(candidates, evidence))
}

fn amounts_differ(delta: &Vector, has_aborted: bool, has_retries: bool) -> Verdict {
    let mut candidates = vec![
        Cause::ListContracted,
        Cause::Tier,
        Cause::Region,
        Cause::StaleBook,
        Cause::CacheClass,
        Cause::ReasoningClass,
    ];
    candidates.push(if delta.is_negative() { Cause::UnbilledCalls } else { Cause::MissingCalls });
    if !delta.is_negative() && !delta.is_positive() {
        candidates.push(Cause::UnbilledCalls);
    }
    candidates.extend(has_aborted.then_some(Cause::AbortedStream));
    candidates.extend(has_retries.then_some(Cause::Retry));
    Verdict::open(
        candidates,
        "the invoice states no quantities, so calls and prices cannot be told apart",
    )
}

fn output_differs(
    day: &Day<'_>,
    delta: &Vector,
    aborted: &[&Call<'_>],
    measure: Measure,
) -> Result<Verdict, ReconcileError> {
    let of_aborted = Vector::of_calls(aborted.iter().copied(), measure)?;
    let recorded = reasoning(day)?;
    let size = super::exact::abs(delta.total()?)?;
    if delta.is_positive() {
        return Ok(match (aborted.is_empty(), recorded.is_zero()) {
            (false, true) => Verdict::of(
                Cause::AbortedStream,
                "input agrees; output beyond what was recorded of aborted streams is billed",
            ),
            (true, _) => Verdict::of(
                Cause::ReasoningClass,
                "input agrees; more output is billed than recorded, and no stream was aborted",
            ),
            (false, false) if size > recorded => Verdict::of(
                Cause::AbortedStream,
                "input agrees; more output is billed than the reasoning recorded explains",
            ),
            (false, false) => Verdict::open(
                [Cause::AbortedStream, Cause::ReasoningClass],
                "input agrees; more output is billed, with aborted streams and reasoning recorded",
            ),
        });
    }
    let by_abort = !aborted.is_empty() && delta.negated()?.is_within(&of_aborted);
    let by_reasoning = size <= recorded;
    Ok(match (by_abort, by_reasoning) {
        (true, false) => Verdict::of(
            Cause::AbortedStream,
            "input agrees; less output is billed, no more than aborted streams had",
        ),
        (false, true) => Verdict::of(
            Cause::ReasoningClass,
            "input agrees; less output is billed, no more than the reasoning recorded",
        ),
        (true, true) => Verdict::open(
            [Cause::AbortedStream, Cause::ReasoningClass],
            "input agrees; less output is billed, with aborted streams and reasoning recorded",
        ),
        (false, false) => Verdict::open(
            [Cause::UnbilledCalls, Cause::ReasoningClass],
            "input agrees; less output is billed",
        ),
    })
}

/// Whole calls beyond the ledger: missing ones, unless calls that it has may have been billed again.
fn missing(
    day: &Day<'_>,
    delta: &Vector,
    aborted: &[&Call<'_>],
    measure: Measure,
) -> Result<Verdict, ReconcileError> {
    let mut candidates = vec![Cause::MissingCalls];
    if aborted.iter().any(|call| call.lines.is_empty()) {
        candidates.push(Cause::AbortedStream);
    }
    let size = |vector: &Vector, of: Family| vector.only(|meter| family(meter) == of).total();
    let repeated: Vec<&Call<'_>> =
        day.calls.iter().copied().filter(|call| is_repeated(call)).collect();
    let all = Vector::of_calls(repeated.iter().copied(), measure)?;
    // In other classes they may be, but all of it must be theirs.
    let mut may_be = size(delta, Family::Input)? <= size(&all, Family::Input)?
        && size(delta, Family::Output)? <= size(&all, Family::Output)?;
    if may_be {
        may_be = false;
        for call in repeated {
            let vector = Vector::of_calls([call], measure)?;
            may_be |= !vector.is_zero()
                && size(&vector, Family::Input)? <= size(delta, Family::Input)?
                && size(&vector, Family::Output)? <= size(delta, Family::Output)?;
        }
    }
    candidates.extend(may_be.then_some(Cause::Retry));
    Ok(if candidates.len() > 1 {
        let evidence = "whole calls are beyond the ledger, and aborted or repeated calls may be \
                        among them";
        Verdict::open(candidates, evidence)
    } else {
        let evidence = "input and output are billed beyond what the ledger has";
        Verdict::of(Cause::MissingCalls, evidence)
    })
}

fn is_repeated(call: &Call<'_>) -> bool {
    call.call.is_retry || call.call.status == CallStatus::Error
}

fn unbilled(
    day: &Day<'_>,
    delta: &Vector,
    has_aborted: bool,
    has_retries: bool,
    measure: Measure,
) -> Result<Verdict, ReconcileError> {
    let plain: Vec<&Call<'_>> = day
        .calls
        .iter()
        .copied()
        .filter(|call| call.call.status == CallStatus::Ok && !call.call.is_retry)
        .collect();
    if let Some(count) = subset(&plain, &delta.negated()?, measure)? {
        let evidence = format!("exactly the tokens of {count} calls that ended well");
        return Ok(Verdict::of(Cause::UnbilledCalls, evidence));
    }
    // Among more calls than are searched, nothing speaks against calls that ended well.
    if !has_aborted && !has_retries && plain.len() > SUBSET_MAX {
        let evidence = "input and output of the ledger are not billed";
        return Ok(Verdict::of(Cause::UnbilledCalls, evidence));
    }
    let mut candidates = vec![Cause::UnbilledCalls, Cause::CacheClass, Cause::PeriodEdge];
    candidates.extend(has_aborted.then_some(Cause::AbortedStream));
    candidates.extend(has_retries.then_some(Cause::Retry));
    let evidence = "input and output are not billed, and they are not exactly those of any calls";
    Ok(Verdict::open(candidates, evidence))
}
