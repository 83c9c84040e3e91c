//! Hourly worlds: the daily families with a profile of the day, hourly noise, and events of hours.

use super::super::{
    date_of,
    family::{self, Family},
    labels::Kind,
    tokens::Workload,
};
use crate::random::Random;

/// Days of a series.
pub(crate) const DAYS: usize = 98;
/// Hours of a series.
pub(crate) const HOURS: usize = DAYS * 24;
/// The first hour that is judged: after eight weeks.
pub(crate) const FIRST_JUDGED: usize = 56 * 24;
/// Days after a planned change without alarms.
pub(crate) const MUTED_DAYS: usize = 3;
/// Places for events among the judged days, and days between their starts.
const PLACES: [usize; 4] = [0, 1, 2, 3];
const PLACE_DAYS: usize = 10;
/// Prices of input and output tokens, a million.
const PRICES: [(f64, f64); 5] = [(0.15, 0.6), (0.4, 1.6), (1.25, 10.0), (3.0, 15.0), (5.0, 25.0)];
/// What a cached input token costs of an uncached one.
const CACHED_PRICE: f64 = 0.1;
/// Kinds of events, spikes twice as often; those of cloud spend are the first six.
const KINDS: [Kind; 10] = [
    Kind::Spike,
    Kind::Shift,
    Kind::Ramp,
    Kind::Planned,
    Kind::Drop,
    Kind::Spike,
    Kind::PromptBloat,
    Kind::MaskedBloat,
    Kind::RetryStorm,
    Kind::ModelSwap,
];

/// One hour of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hour {
    /// Business outputs.
    pub(crate) outputs: f64,
    /// Model calls.
    pub(crate) calls: f64,
    /// Input tokens, cached ones included.
    pub(crate) tokens_in: f64,
    /// Output tokens.
    pub(crate) tokens_out: f64,
    /// Cost.
    pub(crate) cost: f64,
    /// Share of the cost that is visible an hour later.
    pub(crate) visible_share: f64,
}

/// An event by hours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Event {
    /// What happened.
    pub(crate) kind: Kind,
    /// First hour.
    pub(crate) start: usize,
    /// Last hour.
    pub(crate) end: usize,
    /// Factor that was applied; of a lost cache, the cached share before.
    pub(crate) magnitude: f64,
}

/// A series with its labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LabelledSeries {
    /// `h000`, ….
    pub(crate) name: String,
    /// What it is.
    pub(crate) family: Family,
    /// One an hour.
    pub(crate) hours: Vec<Hour>,
    /// Unplanned events.
    pub(crate) unplanned: Vec<Event>,
    /// Planned changes.
    pub(crate) planned: Vec<Event>,
}

/// The series of a seed. `size` is a factor on the logarithm of every event's magnitude.
pub(crate) fn world(seed: u64, count: usize, size: f64) -> Vec<LabelledSeries> {
    (0..count).map(|number| series(seed, number, size)).collect()
}

/// Holidays, as numbers of days.
pub(crate) fn holidays() -> Vec<usize> {
    family::holidays().into_iter().filter(|day| *day < DAYS).collect()
}

/// What the hours are made of.
struct Parts {
    outputs: Vec<f64>,
    calls_per_output: Vec<f64>,
    call_size: Vec<f64>,
    price: Vec<f64>,
    cached_share: Vec<f64>,
}

fn series(seed: u64, number: usize, size: f64) -> LabelledSeries {
    let mut random = Random::new(&[seed, number as u64, 24]);
    let family = *random.pick(&family::SHARES);
    let days = family.log_outputs(&mut random);
    let profile = profile(family, &mut random);
    let noise = match family {
        Family::B2b => 0.06,
        Family::Consumer | Family::Batch => 0.05,
        Family::Agent => 0.15,
        Family::Smallfeature => 0.12,
        Family::CloudSteady => 0.01,
        Family::CloudElastic => 0.04,
    } * random.uniform(0.7, 1.5);
    let persistence = random.uniform(0.4, 0.85);
    let wander = walk(&mut random, persistence, noise * (1.0 - persistence * persistence).sqrt());
    let base = random.uniform(1.0, 6.0).ln();
    let per_output = walk(&mut random, 0.6, if family.is_cloud() { 0.0 } else { 0.015 });
    let call_size = walk(&mut random, 0.8, 0.012);
    let cached = random.uniform(0.1, 0.7);
    let cached_share = walk(&mut random, 0.8, 0.008);
    let outputs = |hour: usize| {
        let day = hour / 24;
        let is_weekend = date_of(day).weekday().to_monday_zero_offset() >= 5;
        (days[day] + wander[hour]).exp() * profile[usize::from(is_weekend)][hour % 24]
    };
    let mut parts = Parts {
        outputs: (0..HOURS).map(outputs).collect(),
        calls_per_output: per_output.iter().map(|value| (base + value).exp()).collect(),
        call_size: call_size.iter().map(|value| value.exp()).collect(),
        price: vec![1.0; HOURS],
        cached_share: cached_share.iter().map(|value| (cached + value).clamp(0.0, 0.95)).collect(),
    };
    let (unplanned, planned) = inject(family, &mut random, &mut parts, size);
    let hours = hours(family, &parts, &mut random);
    LabelledSeries { name: format!("h{number:03}"), family, hours, unplanned, planned }
}

fn walk(random: &mut Random, persistence: f64, noise: f64) -> Vec<f64> {
    let mut value = 0.0;
    (0..HOURS)
        .map(|_| {
            value = persistence * value + random.normal(0.0, noise);
            value
        })
        .collect()
}

/// Shares of a working day's and of a weekend day's outputs by hour.
fn profile(family: Family, random: &mut Random) -> [[f64; 24]; 2] {
    let peak = random.uniform(10.0, 15.0);
    let evening = random.uniform(18.0, 21.0);
    let job = random.whole(0, 24);
    let night = random.uniform(0.03, 0.15);
    let depth = random.uniform(0.2, 0.6);
    let bump = |hour: usize, at: f64, width: f64| {
        let away = (hour as f64 - at).abs();
        let away = away.min(24.0 - away);
        (-0.5 * (away / width).powi(2)).exp()
    };
    let of = |is_weekend: bool| {
        let mut shares = [0.0; 24];
        for (hour, share) in shares.iter_mut().enumerate() {
            *share = match family {
                Family::B2b | Family::Agent | Family::Smallfeature if !is_weekend => {
                    night + bump(hour, peak, 3.2)
                }
                Family::B2b | Family::Agent | Family::Smallfeature => {
                    2.0 * night + bump(hour, 14.0, 5.0)
                }
                Family::Consumer => 0.15 + 0.6 * bump(hour, 13.0, 4.0) + bump(hour, evening, 3.0),
                Family::Batch => {
                    let since = (hour + 24 - job) % 24;
                    if since < 4 { 1.0 } else { 0.1 }
                }
                Family::CloudSteady => 1.0,
                Family::CloudElastic => 1.0 - depth + depth * bump(hour, peak, 4.0),
            };
        }
        let sum: f64 = shares.iter().sum();
        shares.map(|share| share / sum)
    };
    [of(false), of(true)]
}

fn inject(
    family: Family,
    random: &mut Random,
    parts: &mut Parts,
    size: f64,
) -> (Vec<Event>, Vec<Event>) {
    let count = *random.pick(&[(0, 0.25), (1, 0.40), (2, 0.25), (3, 0.10)]);
    let mut places = PLACES;
    random.shuffle(&mut places);
    let places = &mut places[..count];
    places.sort_unstable();
    let (mut unplanned, mut planned) = (Vec::new(), Vec::new());
    for place in places.iter() {
        let first_day = FIRST_JUDGED / 24 + 2 + place * PLACE_DAYS;
        let start = first_day * 24 + random.whole(0, 72);
        let kinds: Vec<Kind> = if family.is_cloud() {
            KINDS[..6].to_vec()
        } else {
            KINDS.into_iter().chain([Kind::CacheLoss]).collect()
        };
        let kind = *random.one_of(&kinds);
        let (low, high, shortest, longest) = match kind {
            Kind::Spike => (1.5, 5.0, 2, 7),
            Kind::Shift => (1.25, 2.2, 24, 97),
            Kind::Ramp => (2.0, 5.0, 6, 19),
            Kind::Planned => (1.3, 2.5, HOURS, HOURS + 1),
            Kind::Drop => (0.05, 0.6, 2, 25),
            Kind::PromptBloat => (1.25, 2.0, 12, 73),
            Kind::MaskedBloat => (1.3, 2.0, 12, 73),
            Kind::RetryStorm => (1.3, 3.0, 3, 25),
            Kind::ModelSwap => (1.5, 8.0, 12, 73),
            Kind::CacheLoss | Kind::Drift => (1.0, 1.0, 12, 73),
        };
        let factor = random.uniform(low, high).powf(size);
        let end = (start + random.whole(shortest, longest) - 1).min(HOURS - 1);
        let masking = 1.0 / (factor * random.uniform(0.85, 1.05));
        let length = (end + 1 - start) as f64;
        let mut magnitude = factor;
        for hour in start..=end {
            match kind {
                Kind::Ramp => {
                    parts.outputs[hour] *= factor.powf((hour + 1 - start) as f64 / length);
                }
                Kind::PromptBloat => parts.call_size[hour] *= factor,
                Kind::MaskedBloat => {
                    parts.call_size[hour] *= factor;
                    parts.outputs[hour] *= masking;
                }
                Kind::RetryStorm => parts.calls_per_output[hour] *= factor,
                Kind::ModelSwap => parts.price[hour] *= factor,
                Kind::CacheLoss => {
                    if hour == start {
                        magnitude = parts.cached_share[hour];
                    }
                    parts.cached_share[hour] *= 0.1_f64.powf(size);
                }
                Kind::Spike | Kind::Shift | Kind::Planned | Kind::Drop | Kind::Drift => {
                    parts.outputs[hour] *= factor;
                }
            }
        }
        let event = Event { kind, start, end, magnitude };
        if kind == Kind::Planned { planned.push(event) } else { unplanned.push(event) }
    }
    (unplanned, planned)
}

fn hours(family: Family, parts: &Parts, random: &mut Random) -> Vec<Hour> {
    let unit_price = random.uniform(0.05, 0.4);
    let (price_in, price_out) = *random.one_of(&PRICES);
    let is_late = random.unit() < 0.35;
    let wander = walk(random, 0.6, 0.02);
    let workload: Workload = family.workload();
    (0..HOURS)
        .map(|hour| {
            let (coin, share) = (random.unit(), random.unit());
            let visible_share = match (is_late, coin < 0.9) {
                (false, _) => 1.0,
                (true, true) => 0.94 + 0.06 * share,
                (true, false) => 0.75 + 0.19 * share,
            };
            let strays = random.normal(0.0, 1.0);
            if family.is_cloud() {
                let outputs = parts.outputs[hour];
                let cost = outputs * unit_price * (0.004 * strays).exp();
                let (calls, tokens_in, tokens_out) = (outputs, 0.0, 0.0);
                return Hour { outputs, calls, tokens_in, tokens_out, cost, visible_share };
            }
            let outputs = poisson(parts.outputs[hour], random);
            let calls = (outputs * parts.calls_per_output[hour] * (0.005 * strays).exp()).round();
            let mut sizes = Random::new(&[random.whole(0, 1 << 40) as u64]);
            let (input, output) = workload.day_means(calls, calls, &mut sizes);
            let size = parts.call_size[hour];
            let tokens_in = (calls * input * size).round();
            let tokens_out = (calls * output * wander[hour].exp() * size.sqrt()).round();
            let cached = (tokens_in * parts.cached_share[hour]).round();
            let cost = parts.price[hour]
                * ((tokens_in - cached + CACHED_PRICE * cached) * price_in
                    + tokens_out * price_out)
                / 1e6;
            Hour { outputs, calls, tokens_in, tokens_out, cost, visible_share }
        })
        .collect()
}

/// Counts of independent outputs: exact when few, rounded normal when many.
fn poisson(mean: f64, random: &mut Random) -> f64 {
    if mean > 60.0 {
        return random.normal(mean, mean.sqrt()).round().max(0.0);
    }
    let (limit, mut product, mut count) = ((-mean).exp(), 1.0, 0.0);
    loop {
        product *= random.unit();
        if product <= limit {
            return count;
        }
        count += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_world_and_events_lie_in_the_judged_hours() {
        let worlds = world(4, 40, 1.0);
        assert_eq!(worlds, world(4, 40, 1.0));
        assert_ne!(worlds[0].hours, world(5, 40, 1.0)[0].hours);
        let events: Vec<&Event> = worlds.iter().flat_map(|series| &series.unplanned).collect();
        assert!(events.len() > 20);
        for event in events {
            assert!(FIRST_JUDGED <= event.start && event.start <= event.end && event.end < HOURS);
        }
        for series in &worlds {
            assert_eq!(series.hours.len(), HOURS);
            assert!(series.hours.iter().all(|hour| hour.cost >= 0.0 && hour.cost.is_finite()));
        }
    }

    #[test]
    fn counts_have_the_mean_and_variance_of_their_distribution() {
        let mut random = Random::new(&[3]);
        for mean in [0.4, 7.0, 200.0] {
            let counts: Vec<f64> = (0..50_000).map(|_| poisson(mean, &mut random)).collect();
            let found = counts.iter().sum::<f64>() / counts.len() as f64;
            let square = counts.iter().map(|count| (count - found).powi(2)).sum::<f64>();
            assert!((found / mean - 1.0).abs() < 0.03, "{mean} {found}");
            assert!((square / counts.len() as f64 / mean - 1.0).abs() < 0.05, "{mean}");
        }
    }
}
