//! The calls of one feature on one day.

use centinel_engine::{money::Pico, period::start_of_day, usage::CallStatus};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    World,
    calendar::days_between,
    draw::{Seed, Stream, float, whole},
    models::Model,
    organisation::{CallSource, Family, Feature},
    scenario::{Active, CallChanges},
};

/// Long-context prices begin at 200,000 input tokens for some models: usual prompts stay below.
const INPUT_TOKENS_MAX: f64 = 190_000.0;
/// The largest prompt that a planted event makes; below the lowest limit of the models it hits.
const BLOATED_TOKENS_MAX: f64 = 260_000.0;
/// Share of calls that fail on a usual day.
const FAILURES: f64 = 0.011;
/// Share of calls that the caller cuts off.
const ABORTS: f64 = 0.008;
/// Share of a consumer feature's calls that the gateway answers from its own cache.
const GATEWAY_CACHE: f64 = 0.035;
const ATTEMPTS_MAX: u64 = 4;
const MINUTE_MICROS: i64 = 60_000_000;

/// One call, as it happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) at: Timestamp,
    pub(crate) id: u128,
    /// Shared by the calls of one business output.
    pub(crate) trace: u128,
    pub(crate) feature: &'static Feature,
    pub(crate) model: &'static Model,
    /// Inclusive counts: input contains both cache parts, output contains reasoning.
    pub(crate) input: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write: u64,
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
    pub(crate) status: CallStatus,
    pub(crate) is_retry: bool,
    /// Whether the call carries its feature and team.
    pub(crate) is_tagged: bool,
    pub(crate) customer: u64,
    pub(crate) latency_ms: u64,
}

/// One business output that succeeded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) at: Timestamp,
    pub(crate) feature: &'static Feature,
}

/// What a feature did on a day.
#[derive(Debug, Default)]
pub(crate) struct Day {
    /// In the order of their outputs; each output's calls in order of time.
    pub(crate) calls: Vec<Call>,
    pub(crate) outputs: Vec<Output>,
}

impl Call {
    /// The cost at list price; `None` when the model has none.
    pub(crate) fn cost(&self) -> Option<Pico> {
        let price = self.model.price.as_ref()?;
        Some(match self.status {
            CallStatus::GatewayCache => Pico::ZERO,
            _ => price.cost(self.input, self.cache_read, self.cache_write, self.output),
        })
    }
}

impl World {
    /// What a feature did on a day, with one planted event switched off where asked.
    pub(crate) fn feature_day(
        &self,
        feature: &'static Feature,
        day: Date,
        without: Option<&str>,
    ) -> Day {
        let seed = self.seed.child(feature.name, u64::from(day_number(day))).child("traffic", 0);
        let active = Active::on_feature(&self.events, feature.name, without);
        let mut stream = seed.stream();
        let noise = stream.log_normal(1.0, feature.family.noise());
        let level = self.scale * feature.outputs_per_day * weekday(feature.family, day);
        let months = f64::from(days_between(day, self.config.end)) / 30.0;
        let mean = level * (1.0 + feature.growth).powf(-months) * active.volume(Some(feature), day);
        let outputs = stream.count(mean * noise);
        let mut result = Day::default();
        for index in 0..outputs {
            output(feature, day, &seed.child("output", index), &active, &mut result);
        }
        result
    }
}

fn day_number(day: Date) -> u32 {
    u32::try_from(centinel_engine::period::index_of_date(day)).unwrap_or_default()
}

fn weekday(family: Family, day: Date) -> f64 {
    let offset = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
    family.week().get(offset).copied().unwrap_or(1.0)
}

fn output(feature: &'static Feature, day: Date, seed: &Seed, active: &Active<'_>, into: &mut Day) {
    let mut stream = seed.stream();
    let (hour, spread) = feature.family.hours();
    let hour = (hour + spread * stream.normal()).rem_euclid(24.0);
    let micros = i64::try_from(whole(hour * 3.6e9)).unwrap_or_default();
    // The last call of an output stays on the day that the output began.
    let mut at = start_of_day(day).as_microsecond() + micros.min(23 * 60 * MINUTE_MICROS);
    let steps = 1 + stream.count(feature.calls_per_output - 1.0);
    let success = stream.chance(0.94);
    let shared = Shared {
        feature,
        trace: u128::from(stream.bits()) << 64 | u128::from(stream.bits()),
        is_tagged: !stream.chance(feature.untagged),
        // Customers are few and large before many and small.
        customer: 1 + whole(240.0 * stream.uniform().powi(3)),
    };
    for step in 0..steps {
        let progress = float(step) / float(steps);
        attempts(&shared, &seed.child("call", step), progress, active, &mut at, into);
    }
    if success {
        into.outputs.push(Output { at: timestamp(at), feature });
    }
}

/// What all calls of one output have in common.
struct Shared {
    feature: &'static Feature,
    trace: u128,
    is_tagged: bool,
    customer: u64,
}

/// One call and the failed attempts before it.
fn attempts(
    shared: &Shared,
    seed: &Seed,
    progress: f64,
    active: &Active<'_>,
    at: &mut i64,
    into: &mut Day,
) {
    let feature = shared.feature;
    let changes = active.call_changes(feature, TimeZone::UTC.to_datetime(timestamp(*at)));
    let mut stream = seed.stream();
    let sized = size(shared, &mut stream, progress, &changes, timestamp(*at));
    let from_gateway = feature.source == CallSource::Gateway;
    let mut attempt = 0;
    while attempt + 1 < ATTEMPTS_MAX {
        let mut draws = seed.child("attempt", attempt).stream();
        if !draws.chance(changes.timeouts.unwrap_or(FAILURES)) {
            break;
        }
        let mut failed = Call { id: identifier(&mut draws), is_retry: attempt > 0, ..sized };
        failed.at = timestamp(*at);
        failed.status = CallStatus::Error;
        // A gateway logs a failure without usage; others see what a timed-out answer used.
        if !from_gateway && (changes.timeouts.is_some() || draws.chance(0.3)) {
            failed.latency_ms = 30_000;
        } else {
            failed =
                Call { input: 0, cache_read: 0, cache_write: 0, output: 0, reasoning: 0, ..failed };
            failed.latency_ms = 180;
        }
        advance(at, failed.latency_ms);
        into.calls.push(failed);
        attempt += 1;
    }
    let call = Call { at: timestamp(*at), is_retry: attempt > 0, ..sized };
    advance(at, call.latency_ms + whole(800.0 * stream.uniform()));
    into.calls.push(call);
}

fn size(
    shared: &Shared,
    stream: &mut Stream,
    progress: f64,
    changes: &CallChanges,
    at: Timestamp,
) -> Call {
    let feature = shared.feature;
    let model = changes.choose(feature, stream.uniform());
    // An agent's context grows with each step of its work.
    let context = if feature.family == Family::Agent { 0.45 + 1.1 * progress } else { 1.0 };
    let usual = (context * stream.log_normal(feature.input.0, feature.input.1))
        .clamp(20.0, INPUT_TOKENS_MAX);
    let input = whole((usual * changes.input_factor).min(BLOATED_TOKENS_MAX));
    let mut output = whole(stream.log_normal(feature.output.0, feature.output.1)).max(1);
    let cached = (feature.cache + 0.06 * stream.normal()).clamp(0.0, 0.95) * changes.cache_factor;
    let cache_read = if feature.cache > 0.0 { whole(float(input) * cached) } else { 0 };
    let writes =
        feature.cache > 0.0 && feature.source != CallSource::Sdk && model.bills_cache_writes();
    let cache_write = if writes { (input - cache_read) / 5 } else { 0 };
    let aborted = stream.chance(ABORTS);
    if aborted {
        output = output * 2 / 5 + 1;
    }
    let hit = feature.source == CallSource::Gateway
        && feature.family == Family::Consumer
        && stream.chance(GATEWAY_CACHE);
    let thinking = feature.output.0 > 500.0;
    Call {
        at,
        id: identifier(stream),
        trace: shared.trace,
        feature,
        model,
        input,
        cache_read,
        cache_write,
        output,
        reasoning: if thinking { whole(float(output) * 0.5 * stream.uniform()) } else { 0 },
        status: match (hit, aborted) {
            (true, _) => CallStatus::GatewayCache,
            (false, true) => CallStatus::Aborted,
            (false, false) => CallStatus::Ok,
        },
        is_retry: false,
        is_tagged: shared.is_tagged,
        customer: shared.customer,
        latency_ms: if hit { 12 } else { 250 + output * 11 + input / 90 },
    }
}

fn identifier(stream: &mut Stream) -> u128 {
    u128::from(stream.bits()) << 64 | u128::from(stream.bits())
}

fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// Moves on by a call's duration, within the day.
fn advance(at: &mut i64, latency_ms: u64) {
    let micros = i64::try_from(latency_ms).unwrap_or_default() * 1_000;
    let midnight = (at.div_euclid(24 * 60 * MINUTE_MICROS) + 1) * 24 * 60 * MINUTE_MICROS;
    *at = (*at + micros).min(midnight - 1);
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{WorldConfig, organisation};

    fn cost(day: &Day) -> i128 {
        day.calls.iter().filter_map(Call::cost).map(|cost| cost.0).sum()
    }

    #[test]
    fn parts_stay_within_their_totals_and_calls_within_their_day() {
        let world = World::generate(&WorldConfig::small());
        for feature in &organisation::FEATURES {
            let day = date(2026, 10, 30);
            for call in world.feature_day(feature, day, None).calls {
                assert!(call.cache_read + call.cache_write <= call.input);
                assert!(call.reasoning <= call.output);
                assert_eq!(centinel_engine::period::date_of(call.at), day);
            }
        }
    }

    /// Switching an event off leaves every call that it does not touch as it was.
    #[test]
    fn the_counterfactual_differs_only_by_the_event() {
        let world = World::generate(&WorldConfig::halden());
        let bloated = organisation::feature("support-answers").unwrap();
        let day = date(2026, 10, 14);
        let (with, without) =
            (world.feature_day(bloated, day, None), world.feature_day(bloated, day, Some("I-1")));
        assert!(cost(&with) > cost(&without) * 5 / 4);
        let nine = day.at(9, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
        let early = |day: &Day| {
            let mut calls: Vec<_> = day
                .calls
                .iter()
                .filter(|call| call.at < nine)
                .map(|call| (call.id, call.input))
                .collect();
            calls.sort_unstable();
            calls
        };
        let (kept, all) = (early(&with), early(&without));
        assert!(kept.iter().all(|call| all.contains(call)));

        let retried = organisation::feature("contract-analysis").unwrap();
        let day = date(2026, 9, 23);
        let (with, without) =
            (world.feature_day(retried, day, None), world.feature_day(retried, day, Some("I-3")));
        assert_eq!(with.outputs.len(), without.outputs.len());
        assert!(with.calls.len() > without.calls.len() * 3 / 2);
    }

    #[test]
    fn a_launched_feature_has_no_past() {
        let world = World::generate(&WorldConfig::halden());
        let notes = organisation::feature("meeting-notes").unwrap();
        assert!(world.feature_day(notes, date(2026, 8, 9), None).calls.is_empty());
        assert!(!world.feature_day(notes, date(2026, 10, 14), None).calls.is_empty());
        assert!(world.feature_day(notes, date(2026, 10, 14), Some("D-5")).calls.is_empty());
    }
}
