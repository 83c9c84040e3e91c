//! Worlds: every series of a seed, with and without its unplanned events.

use centinel_engine::anomaly::{Calendar, Planned, Point, Series};

use super::{
    DAYS, START, date_of,
    event::{self, Parts},
    family::{self, Family, autoregression},
    labels::{Event, Labels},
};
use crate::random::Random;

/// Alarms are muted for this many days after a planned change.
const MUTED_DAYS: usize = 7;
/// Prices of input and output tokens, a million.
const PRICES: [(f64, f64); 5] = [(0.15, 0.6), (0.4, 1.6), (1.25, 10.0), (3.0, 15.0), (5.0, 25.0)];
/// What a cached input token costs of an uncached one.
pub(crate) const CACHED_PRICE: f64 = 0.1;

/// Which events take place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Events {
    /// All.
    All,
    /// Planned changes only: the same world, had nothing gone wrong. Every other draw is the same.
    PlannedOnly,
}

/// One day of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Day {
    /// Business outputs.
    pub(crate) outputs: f64,
    /// Model calls.
    pub(crate) calls: f64,
    /// Input tokens, cached ones included.
    pub(crate) tokens_in: f64,
    /// Input tokens read from a cache.
    pub(crate) tokens_cached: f64,
    /// Output tokens.
    pub(crate) tokens_out: f64,
    /// Cost, six decimals.
    pub(crate) cost: f64,
    /// Share of the cost that is visible a day later.
    pub(crate) visible_share: f64,
}

/// A series with its labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LabelledSeries {
    /// `s000`, ….
    pub(crate) name: String,
    /// One a day.
    pub(crate) days: Vec<Day>,
    /// What was injected.
    pub(crate) labels: Labels,
}

/// All series of a seed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct World {
    /// In the order of their names.
    pub(crate) series: Vec<LabelledSeries>,
}

/// The world of a seed. `size` is a factor on the logarithm of every event's magnitude.
pub(crate) fn world(seed: u64, count: usize, events: Events, size: f64) -> World {
    World { series: (0..count).map(|number| series(seed, number, events, size)).collect() }
}

/// The parts of a series, with its unplanned events and without.
struct Drawn {
    key: [u64; 2],
    family: Family,
    with: Parts,
    without: Parts,
    unplanned: Vec<Event>,
    planned: Vec<Event>,
}

fn drawn(seed: u64, number: usize, size: f64) -> Drawn {
    let key = [seed, number as u64];
    let mut random = Random::new(&key);
    let family = *random.pick(&family::SHARES);
    let outputs = family.log_outputs(&mut random).into_iter().map(f64::exp).collect();
    let base = random.uniform(1.0, 6.0).ln();
    let wander = |random: &mut Random, persistence, noise| -> Vec<f64> {
        autoregression(random, persistence, noise)
    };
    let per_output = wander(&mut random, 0.3, if family.is_cloud() { 0.0 } else { 0.02 });
    let call_size = wander(&mut random, 0.5, 0.02);
    let cached = random.uniform(0.1, 0.7);
    let cached_share = wander(&mut random, 0.6, 0.015);
    let mut with = Parts {
        outputs,
        calls_per_output: per_output.iter().map(|value| (base + value).exp()).collect(),
        call_size: call_size.iter().map(|value| value.exp()).collect(),
        price: vec![1.0; DAYS],
        cached_share: cached_share.iter().map(|value| (cached + value).clamp(0.0, 0.95)).collect(),
    };
    let mut without = with.clone();
    let (unplanned, planned) = event::inject(family, &mut random, size, &mut with, &mut without);
    Drawn { key, family, with, without, unplanned, planned }
}

fn series(seed: u64, number: usize, events: Events, size: f64) -> LabelledSeries {
    let Drawn { key, family, with, without, unplanned: mut labels, planned } =
        drawn(seed, number, size);
    let usual = days(&key, family, &without, &without);
    let with = days(&key, family, &with, &without);
    for event in &mut labels {
        event.effect = effect(event, &with, &usual);
    }
    LabelledSeries {
        name: format!("s{number:03}"),
        days: if events == Events::All { with } else { usual },
        labels: Labels { family, unplanned: labels, planned },
    }
}

/// The days of a series, had its unplanned events changed the size of calls alone, and had they changed
/// all but that.
pub(crate) fn call_size_apart(seed: u64, number: usize, size: f64) -> [Vec<Day>; 2] {
    let Drawn { key, family, with, without, .. } = drawn(seed, number, size);
    let alone = Parts { call_size: with.call_size.clone(), ..without.clone() };
    let others = Parts { call_size: without.call_size.clone(), ..with };
    [alone, others].map(|parts| days(&key, family, &parts, &without))
}

/// Prices of input and output tokens of a series, a million, before any event.
pub(crate) fn prices(seed: u64, number: usize) -> (f64, f64) {
    *Random::new(&[seed, number as u64, 1, 4]).one_of(&PRICES)
}

/// The days of parts; `usual` are the parts without unplanned events.
fn days(key: &[u64; 2], family: Family, parts: &Parts, usual: &Parts) -> Vec<Day> {
    let stream = |purpose: u64| Random::new(&[key[0], key[1], 1, purpose]);
    let (mut noise, mut late) = (stream(0), stream(1));
    let wander = autoregression(&mut stream(2), 0.3, 0.03);
    let unit_price = stream(3).uniform(0.05, 0.4);
    let (price_in, price_out) = prices(key[0], key[1] as usize);
    let is_late = late.unit() < 0.35;
    let rounded =
        |value: f64, places: i32| (value * 10_f64.powi(places)).round() / 10_f64.powi(places);
    (0..DAYS)
        .map(|day| {
            let strays = noise.normal(0.0, 1.0);
            let visible_share = visible_share(&mut late, is_late);
            let outputs = parts.outputs[day].round();
            if family.is_cloud() {
                let cost = outputs * unit_price * (0.004 * strays).exp();
                return Day {
                    outputs,
                    calls: outputs,
                    tokens_in: 0.0,
                    tokens_cached: 0.0,
                    tokens_out: 0.0,
                    cost: rounded(cost, 6),
                    visible_share: rounded(visible_share, 4),
                };
            }
            let calls_of = |parts: &Parts| {
                (parts.outputs[day] * parts.calls_per_output[day] * (0.005 * strays).exp()).round()
            };
            let calls = calls_of(parts);
            let mut sizes = Random::new(&[key[0], key[1], 2, day as u64]);
            let (input, output) = family.workload().day_means(calls, calls_of(usual), &mut sizes);
            let size = parts.call_size[day];
            let tokens_in = (calls * input * size).round();
            let tokens_out = (calls * output * wander[day].exp() * size.sqrt()).round();
            let tokens_cached = (tokens_in * parts.cached_share[day]).round();
            let cost = parts.price[day]
                * ((tokens_in - tokens_cached + CACHED_PRICE * tokens_cached) * price_in
                    + tokens_out * price_out)
                / 1e6;
            Day {
                outputs,
                calls,
                tokens_in,
                tokens_cached,
                tokens_out,
                cost: rounded(cost, 6),
                visible_share: rounded(visible_share, 4),
            }
        })
        .collect()
}

/// The share of a day's cost that is visible a day later.
fn visible_share(random: &mut Random, is_late: bool) -> f64 {
    let (coin, share) = (random.unit(), random.unit());
    match (is_late, coin < 0.9) {
        (false, _) => 1.0,
        (true, true) => 0.94 + 0.06 * share,
        (true, false) => 0.75 + 0.19 * share,
    }
}

/// Cost with the event over cost without it, less 1; per output unless the event is of volume.
fn effect(event: &Event, with: &[Day], without: &[Day]) -> Option<f64> {
    let of = |days: &[Day]| {
        let days = &days[event.start..=event.end];
        let cost: f64 = days.iter().map(|day| day.cost).sum();
        let outputs: f64 = days.iter().map(|day| day.outputs).sum();
        if event.kind.is_of_volume() { cost } else { cost / outputs }
    };
    Some(of(with) / of(without) - 1.0).filter(|effect| effect.is_finite())
}

impl LabelledSeries {
    /// As the detector takes it.
    pub(crate) fn to_series(&self) -> Series {
        let points = self.days.iter().map(|day| Point {
            visible_share: day.visible_share,
            outputs: Some(day.outputs),
            calls: Some(day.calls),
            tokens_in: Some(day.tokens_in),
            tokens_out: Some(day.tokens_out),
            ..Point::of_cost(day.cost)
        });
        Series { name: self.name.clone(), first_day: START, points: points.collect() }
    }
}

impl World {
    /// Holidays and planned changes, as the calendar file has them.
    pub(crate) fn calendar(&self) -> Calendar {
        let mut calendar = Calendar::default();
        for day in family::holidays() {
            calendar.holiday("*", date_of(day));
        }
        for (name, planned) in self.planned() {
            let until = date_of(planned.start + MUTED_DAYS);
            calendar.planned(name, Planned { day: date_of(planned.start), until });
        }
        calendar
    }

    /// Planned changes by series.
    pub(crate) fn planned(&self) -> impl Iterator<Item = (&str, &Event)> {
        self.series.iter().flat_map(|series| {
            series.labels.planned.iter().map(|event| (series.name.as_str(), event))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costbench::labels::Kind;

    #[test]
    fn without_its_events_a_world_differs_on_their_days_only() {
        let (with, without) =
            (world(3, 60, Events::All, 1.0), world(3, 60, Events::PlannedOnly, 1.0));
        let mut touched = 0;
        for (with, without) in with.series.iter().zip(&without.series) {
            for day in 0..DAYS {
                let inside = with.labels.unplanned.iter().any(|e| e.start <= day && day <= e.end);
                if with.days[day] == without.days[day] {
                    continue;
                }
                assert!(inside, "{} day {day}", with.name);
                touched += 1;
            }
            assert_eq!(with.labels, without.labels);
        }
        assert!(touched > 300, "{touched}");
    }

    #[test]
    fn effects_are_those_of_the_magnitudes() {
        let world = world(5, 200, Events::All, 1.0);
        let mut seen = 0;
        for series in &world.series {
            for event in &series.labels.unplanned {
                let effect = event.effect.unwrap();
                if event.kind == Kind::ModelSwap {
                    assert!((effect - (event.mag - 1.0)).abs() < 1e-3, "{event:?}");
                    seen += 1;
                } else if event.kind != Kind::Drop {
                    assert!(effect > 0.0, "{event:?}");
                }
            }
        }
        assert!(seen >= 5);
    }
}
