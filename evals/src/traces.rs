//! Real traces of model calls, as they are and with planted events: false alarms, and what is found.
//!
//! The traces are of an hour or so. Their time is cut into bins of equal length and each bin is given to
//! the detector as a day, so that traffic, bursts and sizes of calls are those of real use; there is no
//! weekday in them, which the detector has to find out. Every alarm on an unaltered trace counts as
//! false, though nobody knows what happened in it.
//!
//! The data are not part of this repository: `--azure` is a file of Azure/AzurePublicDataset
//! (`TIMESTAMP,ContextTokens,GeneratedTokens`), `--mooncake` a trace of kvcache-ai/Mooncake.

use std::{collections::HashSet, path::PathBuf};

use anyhow::Context as _;
use centinel_engine::anomaly::{
    Calendar, Config, Episode, Metric, Point, Series, detect, episodes,
};
use jiff::civil::{Date, DateTime, date};
use serde::Deserialize;

/// Dollars a million tokens: input, cached input, output.
const PRICES: [f64; 3] = [2.5, 0.25, 10.0];
/// Bins of an event.
const EVENT_BINS: usize = 12;
/// An alarm so many bins after an event's end still finds it.
const AFTER_BINS: usize = 2;
const FIRST_DAY: Date = date(2026, 1, 1);

/// Which traces.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// CSV of Azure's LLM inference traces.
    #[arg(long)]
    azure: Option<PathBuf>,
    /// JSON lines of a Mooncake trace.
    #[arg(long)]
    mooncake: Option<PathBuf>,
    /// Bins that a trace is cut into.
    #[arg(long, default_value_t = 240)]
    bins: usize,
}

/// A call.
#[derive(Debug, Clone, Copy)]
struct Call {
    at_seconds: f64,
    tokens_in: f64,
    tokens_cached: f64,
    tokens_out: f64,
}

/// Runs and prints, as Markdown.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut traces = Vec::new();
    if let Some(path) = &args.azure {
        traces.push(("Azure 2023", azure(path)?));
    }
    if let Some(path) = &args.mooncake {
        traces.push(("Mooncake", mooncake(path)?));
    }
    anyhow::ensure!(!traces.is_empty(), "give `--azure FILE`, `--mooncake FILE`, or both");
    println!(
        "| trace | calls | planted | runs | found | median delay, bins | false onsets a run |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, calls) in &traces {
        let has_cache = calls.iter().any(|call| call.tokens_cached > 0.0);
        let plants = [Plant::Nothing].into_iter().chain(Plant::EVENTS);
        for plant in plants.filter(|plant| has_cache || *plant != Plant::NoCache) {
            println!("| {name} | {} | {} |", calls.len(), row(calls, plant, args.bins));
        }
    }
    Ok(())
}

fn azure(path: &PathBuf) -> anyhow::Result<Vec<Call>> {
    let mut calls = Vec::new();
    let file = || format!("reading `{}`", path.display());
    for row in csv::Reader::from_path(path).with_context(file)?.into_deserialize() {
        let (at, tokens_in, tokens_out): (DateTime, f64, f64) = row.with_context(file)?;
        let since = DateTime::from_parts(at.date().first_of_month(), jiff::civil::Time::midnight());
        let at_seconds = at.duration_since(since).as_secs_f64();
        calls.push(Call { at_seconds, tokens_in, tokens_cached: 0.0, tokens_out });
    }
    Ok(calls)
}

#[derive(Debug, Deserialize)]
struct MooncakeRow {
    /// Milliseconds.
    timestamp: f64,
    input_length: f64,
    output_length: f64,
    /// Blocks of the prompt, 512 tokens each.
    hash_ids: Vec<u64>,
}

/// Blocks that an earlier prompt began with alike were read from the cache.
fn mooncake(path: &PathBuf) -> anyhow::Result<Vec<Call>> {
    let file = || format!("reading `{}`", path.display());
    let mut seen = HashSet::new();
    let mut calls = Vec::new();
    for line in std::fs::read_to_string(path).with_context(file)?.lines() {
        let row: MooncakeRow = serde_json::from_str(line).with_context(file)?;
        let known = row.hash_ids.iter().take_while(|block| seen.contains(*block)).count();
        seen.extend(row.hash_ids);
        calls.push(Call {
            at_seconds: row.timestamp / 1000.0,
            tokens_in: row.input_length,
            tokens_cached: (512.0 * known as f64).min(row.input_length),
            tokens_out: row.output_length,
        });
    }
    Ok(calls)
}

/// What is done to the calls of an event.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Plant {
    Nothing,
    /// Input tokens times this.
    Prompt(f64),
    /// Tokens times this, calls over it.
    Masked(f64),
    /// Calls times this.
    Calls(f64),
    /// Prices times this.
    Price(f64),
    /// Nothing is read from the cache.
    NoCache,
}

impl Plant {
    const EVENTS: [Self; 9] = [
        Self::Prompt(1.25),
        Self::Prompt(1.5),
        Self::Prompt(2.0),
        Self::Masked(1.5),
        Self::Calls(1.5),
        Self::Calls(2.0),
        Self::Price(1.5),
        Self::Price(2.0),
        Self::NoCache,
    ];

    fn name(self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Prompt(factor) => format!("input tokens x {factor}"),
            Self::Masked(factor) => format!("tokens x {factor}, calls / {factor}"),
            Self::Calls(factor) => format!("calls x {factor}"),
            Self::Price(factor) => format!("price x {factor}"),
            Self::NoCache => "nothing cached".to_owned(),
        }
    }

    /// How often the call is there, its tokens, and its price over the list.
    fn of(self, call: Call) -> (f64, Call, f64) {
        let sized = |input: f64, output: f64| Call {
            tokens_in: call.tokens_in * input,
            tokens_cached: call.tokens_cached * input,
            tokens_out: call.tokens_out * output,
            ..call
        };
        match self {
            Self::Nothing => (1.0, call, 1.0),
            Self::Prompt(factor) => (1.0, sized(factor, 1.0), 1.0),
            Self::Masked(factor) => (1.0 / factor, sized(factor, factor), 1.0),
            Self::Calls(factor) => (factor, call, 1.0),
            Self::Price(factor) => (1.0, call, factor),
            Self::NoCache => (1.0, Call { tokens_cached: 0.0, ..call }, 1.0),
        }
    }
}

/// Runs of one kind of event, its start moved through the second half of the trace.
fn row(calls: &[Call], plant: Plant, bins: usize) -> String {
    let starts: Vec<usize> = if plant == Plant::Nothing {
        vec![bins]
    } else {
        (bins / 2..bins.saturating_sub(EVENT_BINS)).step_by(6).collect()
    };
    let (mut found, mut wrong, mut delays) = (0, 0, Vec::new());
    for start in &starts {
        let event = *start..start + EVENT_BINS;
        let reach = event.start..event.end + AFTER_BINS;
        let onsets: Vec<usize> = alarms(&series(calls, plant, &event, bins));
        let first = onsets.iter().find(|onset| reach.contains(onset));
        found += usize::from(first.is_some());
        delays.extend(first.map(|onset| onset - event.start));
        wrong += onsets.iter().filter(|onset| !reach.contains(onset)).count();
    }
    delays.sort_unstable();
    let [found, delay] = match plant {
        Plant::Nothing => [String::new(), String::new()],
        _ => [
            found.to_string(),
            delays.get(delays.len() / 2).map(ToString::to_string).unwrap_or_default(),
        ],
    };
    let wrong = wrong as f64 / starts.len() as f64;
    format!("{} | {} | {found} | {delay} | {wrong:.1}", plant.name(), starts.len())
}

/// The trace with the event, bin by bin.
fn series(calls: &[Call], plant: Plant, event: &std::ops::Range<usize>, bins: usize) -> Series {
    let first = calls.iter().map(|call| call.at_seconds).fold(f64::INFINITY, f64::min);
    let last = calls.iter().map(|call| call.at_seconds).fold(f64::NEG_INFINITY, f64::max);
    let bin_of = |call: &Call| ((call.at_seconds - first) / (last - first) * bins as f64) as usize;
    let empty = Point {
        calls: Some(0.0),
        tokens_in: Some(0.0),
        tokens_out: Some(0.0),
        ..Point::of_cost(0.0)
    };
    let mut points = vec![empty; bins];
    for call in calls {
        let bin = bin_of(call).min(bins - 1);
        let plant = if event.contains(&bin) { plant } else { Plant::Nothing };
        let (times, call, price) = plant.of(*call);
        let tokens = [call.tokens_in - call.tokens_cached, call.tokens_cached, call.tokens_out];
        let cost: f64 = tokens.iter().zip(PRICES).map(|(count, price)| count * price / 1e6).sum();
        let point = &mut points[bin];
        point.cost += times * price * cost;
        let add = |sum: &mut Option<f64>, count: f64| *sum = sum.map(|sum| sum + times * count);
        add(&mut point.calls, 1.0);
        add(&mut point.tokens_in, call.tokens_in);
        add(&mut point.tokens_out, call.tokens_out);
    }
    Series { name: "trace".to_owned(), first_day: FIRST_DAY, points }
}

/// The bins in which an episode begins.
fn alarms(series: &Series) -> Vec<usize> {
    let alarms = detect(series, &Calendar::default(), &Config::published(false));
    let onset = |episode: &Episode| FIRST_DAY.until(episode.start).map_or(0, |s| s.get_days());
    debug_assert!(alarms.iter().all(|alarm| alarm.metric != Metric::CostPerOutput));
    episodes(&alarms).iter().map(|episode| onset(episode) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls() -> Vec<Call> {
        let mut random = crate::random::Random::new(&[7]);
        let size =
            |mean: f64, random: &mut crate::random::Random| mean * random.lognormal(0.0, 0.8);
        (0..12_000)
            .map(|index| Call {
                at_seconds: f64::from(index) / 3.0,
                tokens_in: size(900.0, &mut random),
                tokens_cached: 0.0,
                tokens_out: size(200.0, &mut random),
            })
            .collect()
    }

    #[test]
    fn what_is_planted_is_found_and_nothing_else_alarms() {
        let calls = calls();
        assert_eq!(alarms(&series(&calls, Plant::Nothing, &(240..252), 240)), [] as [usize; 0]);
        let event = 150..162;
        for plant in [Plant::Prompt(2.0), Plant::Masked(1.5), Plant::Calls(2.0), Plant::Price(2.0)]
        {
            let onsets = alarms(&series(&calls, plant, &event, 240));
            assert!(onsets.iter().any(|onset| event.contains(onset)), "{plant:?}: {onsets:?}");
        }
    }

    #[test]
    fn a_masked_event_keeps_the_cost() {
        let calls = calls();
        let cost = |plant| -> f64 {
            series(&calls, plant, &(0..240), 240).points.iter().map(|point| point.cost).sum()
        };
        assert!((cost(Plant::Masked(1.5)) / cost(Plant::Nothing) - 1.0).abs() < 1e-9);
        assert!((cost(Plant::Calls(2.0)) / cost(Plant::Nothing) - 2.0).abs() < 1e-9);
    }
}
