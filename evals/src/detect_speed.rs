//! How long detection takes: every day of many series judged, beside one fit of MSTL with ETS for each
//! of the same series (built with the feature `augurs`).

use std::time::Instant;

use centinel_engine::anomaly::{Config, Point, Series, detect};

use crate::{
    costbench::generate::{Events, LabelledSeries, world},
    parallel,
};

/// Series of a generated world.
const SERIES_PER_SEED: usize = 200;
/// The engine's metrics, and the cached tokens as a series of their own.
const METRICS: usize = 6;

/// How many.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Series of 240 days with six metrics each.
    #[arg(long, default_value_t = 10_000)]
    series: usize,
    /// Series that augurs fits, all six metrics; its time is scaled to all series.
    #[arg(long, default_value_t = 200)]
    augurs_series: usize,
    /// Threads.
    #[arg(long, default_value_t = parallel::cores())]
    threads: usize,
}

/// Runs and prints.
pub(crate) fn run(args: &Args) {
    let seeds: Vec<u64> = (0..args.series.div_ceil(SERIES_PER_SEED) as u64).collect();
    let worlds = parallel::map(&seeds, args.threads, |seed| {
        world(500_000 + seed, SERIES_PER_SEED, Events::All, 1.0)
    });
    let items: Vec<_> = worlds
        .iter()
        .flat_map(|world| {
            let calendar = world.calendar();
            world.series.iter().map(move |series| {
                ([series.to_series(), cached_tokens(series)], calendar.clone(), series)
            })
        })
        .take(args.series)
        .collect();
    let config = Config::published(true);
    let start = Instant::now();
    let alarms: usize = parallel::map(&items, args.threads, |(both, calendar, _)| {
        both.iter().map(|series| detect(series, calendar, &config).len()).sum::<usize>()
    })
    .into_iter()
    .sum();
    let ours = start.elapsed().as_secs_f64();
    println!(
        "detect: {} series x {METRICS} metrics x 240 days in {ours:.2} s on {} threads, {alarms} alarms",
        items.len(),
        args.threads
    );
    if let Some(theirs) = augurs_seconds(&items, args) {
        println!(
            "augurs MSTL + ETS, one fit a series and metric: {theirs:.1} s for as many (timed on {} series), {:.0} times ours",
            args.augurs_series.min(items.len()),
            theirs / ours
        );
    }
}

fn cached_tokens(series: &LabelledSeries) -> Series {
    let mut cached = series.to_series();
    cached.points = series.days.iter().map(|day| Point::of_cost(day.tokens_cached)).collect();
    cached
}

type Item<'a> = ([Series; 2], centinel_engine::anomaly::Calendar, &'a LabelledSeries);

#[cfg(not(feature = "augurs"))]
fn augurs_seconds(_: &[Item<'_>], _: &Args) -> Option<f64> {
    println!("augurs: built without the feature `augurs`");
    None
}

/// Seconds for all series, from those that were fitted.
#[cfg(feature = "augurs")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature there is none")]
fn augurs_seconds(items: &[Item<'_>], args: &Args) -> Option<f64> {
    use augurs_core::Fit as _;
    let fitted = &items[..args.augurs_series.min(items.len())];
    let start = Instant::now();
    let fits: usize = parallel::map(fitted, args.threads, |(_, _, series)| {
        metrics(series)
            .iter()
            .filter(|values| {
                let trend = augurs_ets::AutoETS::non_seasonal().into_trend_model();
                augurs_mstl::MSTLModel::new(vec![7], trend).fit(values.as_slice()).is_ok()
            })
            .count()
    })
    .into_iter()
    .sum();
    let seconds = start.elapsed().as_secs_f64();
    println!("augurs: {fits} fits in {seconds:.2} s");
    Some(seconds * items.len() as f64 / fitted.len() as f64)
}

/// Logarithms of the six metrics.
#[cfg(feature = "augurs")]
fn metrics(series: &LabelledSeries) -> [Vec<f64>; METRICS] {
    let of = |metric: fn(&crate::costbench::generate::Day) -> f64| {
        series.days.iter().map(|day| metric(day).max(1e-9).ln()).collect()
    };
    [
        of(|day| day.cost),
        of(|day| day.cost / day.outputs.max(1.0)),
        of(|day| (day.tokens_in + 4.0 * day.tokens_out) / day.calls.max(1.0)),
        of(|day| day.cost / (day.tokens_in + 4.0 * day.tokens_out).max(1.0)),
        of(|day| day.calls / day.outputs.max(1.0)),
        of(|day| day.tokens_cached),
    ]
}
