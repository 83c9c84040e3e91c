//! Injection of events into the parts of a series.

use super::{
    DAYS, FIRST_JUDGED,
    family::Family,
    labels::{Event, Kind},
};
use crate::random::Random;

/// Days between the starts of neighbouring slots; events do not overlap.
const SLOT_DAYS: usize = 29;

/// The parts of a series whose product is its cost.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    /// Outputs a day.
    pub(crate) outputs: Vec<f64>,
    /// Calls for an output.
    pub(crate) calls_per_output: Vec<f64>,
    /// Factor on the size of calls.
    pub(crate) call_size: Vec<f64>,
    /// Factor on prices.
    pub(crate) price: Vec<f64>,
    /// Cached share of input tokens.
    pub(crate) cached_share: Vec<f64>,
}

/// Draws the events of a series: `with` gets all of them, `without` the planned ones only. `size` is a
/// factor on the logarithm of magnitudes (1: as published).
pub(crate) fn inject(
    family: Family,
    random: &mut Random,
    size: f64,
    with: &mut Parts,
    without: &mut Parts,
) -> (Vec<Event>, Vec<Event>) {
    let count = *random.pick(&[(0, 0.25), (1, 0.40), (2, 0.25), (3, 0.10)]);
    let mut slots = [0, 1, 2, 3];
    random.shuffle(&mut slots);
    let mut slots = slots[..count].to_vec();
    slots.sort_unstable();
    let (mut labels, mut planned) = (Vec::new(), Vec::new());
    for slot in slots {
        let start = FIRST_JUDGED + 4 + slot * SLOT_DAYS + random.whole(0, 6);
        let kind = *random.one_of(kinds(family));
        let (days, magnitude) = span(kind, random, size);
        let days = days.unwrap_or(DAYS - start).min(DAYS - start);
        let magnitude = if kind == Kind::CacheLoss { with.cached_share[start] } else { magnitude };
        let end = start + days - 1;
        apply(kind, with, start..=end, magnitude, random, size);
        if kind == Kind::Planned {
            scale(&mut without.outputs, start..=end, |_| magnitude);
        }
        let mag = (magnitude * 1e4).round() / 1e4;
        let event = Event { kind, start, end, mag, effect: None };
        if kind == Kind::Planned { &mut planned } else { &mut labels }.push(event);
    }
    (labels, planned)
}

fn kinds(family: Family) -> &'static [Kind] {
    const OF_VOLUME: [Kind; 6] =
        [Kind::Spike, Kind::Shift, Kind::Drift, Kind::Ramp, Kind::Planned, Kind::Drop];
    const ALL: [Kind; 11] = [
        Kind::Spike,
        Kind::Shift,
        Kind::Drift,
        Kind::Ramp,
        Kind::PromptBloat,
        Kind::RetryStorm,
        Kind::ModelSwap,
        Kind::CacheLoss,
        Kind::MaskedBloat,
        Kind::Planned,
        Kind::Drop,
    ];
    if family.is_cloud() { &OF_VOLUME } else { &ALL }
}

/// How many days (`None`: to the end) and how strong; of a drift, what it reaches on its last day.
fn span(kind: Kind, random: &mut Random, size: f64) -> (Option<usize>, f64) {
    let mut factor = |low: f64, high: f64| random.uniform(low, high).powf(size);
    match kind {
        Kind::Spike => {
            let magnitude = factor(1.4, 4.0);
            (Some(random.whole(1, 4)), magnitude)
        }
        Kind::Shift => {
            let magnitude = factor(1.25, 2.2);
            (Some(random.whole(12, 18)), magnitude)
        }
        Kind::Drift => {
            let rate = size * random.uniform(0.012, 0.035);
            let days = random.whole(16, 22);
            (Some(days), (rate * days as f64).exp())
        }
        Kind::Ramp => {
            let magnitude = factor(2.0, 5.0);
            (Some(random.whole(4, 8)), magnitude)
        }
        Kind::Planned => (None, factor(1.3, 2.5)),
        Kind::Drop => {
            let magnitude = factor(0.05, 0.6);
            (Some(random.whole(1, 6)), magnitude)
        }
        Kind::PromptBloat => {
            let magnitude = factor(1.25, 2.0);
            (Some(random.whole(8, 18)), magnitude)
        }
        Kind::MaskedBloat => {
            let magnitude = factor(1.3, 2.0);
            (Some(random.whole(8, 18)), magnitude)
        }
        Kind::RetryStorm => {
            let magnitude = factor(1.3, 3.0);
            (Some(random.whole(8, 18)), magnitude)
        }
        Kind::ModelSwap => {
            let magnitude = factor(1.5, 8.0);
            (Some(random.whole(8, 18)), magnitude)
        }
        Kind::CacheLoss => (Some(random.whole(8, 18)), 0.0),
    }
}

fn apply(
    kind: Kind,
    parts: &mut Parts,
    days: std::ops::RangeInclusive<usize>,
    magnitude: f64,
    random: &mut Random,
    size: f64,
) {
    let length = (days.end() - days.start() + 1) as f64;
    let constant = |_: f64| magnitude;
    match kind {
        Kind::Spike | Kind::Shift | Kind::Planned | Kind::Drop => {
            scale(&mut parts.outputs, days, constant);
        }
        Kind::Drift | Kind::Ramp => {
            scale(&mut parts.outputs, days, |day| magnitude.powf(day / length));
        }
        Kind::PromptBloat => scale(&mut parts.call_size, days, constant),
        Kind::MaskedBloat => {
            let masking = 1.0 / (magnitude * random.uniform(0.85, 1.05));
            scale(&mut parts.call_size, days.clone(), constant);
            scale(&mut parts.outputs, days, |_| masking);
        }
        Kind::RetryStorm => scale(&mut parts.calls_per_output, days, constant),
        Kind::ModelSwap => scale(&mut parts.price, days, constant),
        Kind::CacheLoss => scale(&mut parts.cached_share, days, |_| 0.1_f64.powf(size)),
    }
}

/// Multiplies days by a factor of their number in the event, from 1.
fn scale(part: &mut [f64], days: std::ops::RangeInclusive<usize>, factor: impl Fn(f64) -> f64) {
    for (number, value) in part[days].iter_mut().enumerate() {
        *value *= factor((number + 1) as f64);
    }
}
