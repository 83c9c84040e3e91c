//! CostBench by hours: the families of the daily bench at hourly grain.
//!
//! Series of 98 days from Monday 2025-09-01, the last 42 judged. The day's outputs are those of the daily
//! bench (base, growth, weekdays, holidays, month starts, noise), spread over its hours by a profile of
//! the family, with autoregressive noise of the hour; outputs are counts (Poisson), calls and tokens
//! follow as in the daily bench. Events last hours: spikes of 2 to 6 hours (1.5 to 5 times the traffic),
//! shifts of 1 to 4 days (1.25 to 2.2), ramps of 6 to 18 hours (to 2 to 5 times), longer prompts, masked
//! ones and dearer models of 12 to 72 hours, retries of 3 to 24 hours, lost caches, drops of 2 to 24 hours,
//! planned changes (in the calendar, by day). 35 % of the series see part of their cost late: 94 to 100 %
//! of an hour's, or 75 to 94 % in every tenth hour.

mod files;
mod generate;
mod score;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::PathBuf,
};

use anyhow::Context as _;
use centinel_engine::anomaly::{HourlyConfig, detect_hourly};
use jiff::civil::DateTime;

use self::{
    generate::{FIRST_JUDGED, LabelledSeries, world},
    score::{Counts, score},
};
use crate::{
    parallel,
    statistics::{bootstrap, mean, quantile},
};

/// What can be asked for.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Write `series.csv`, `calendar.csv` and `labels.json` of a seed.
    Generate {
        /// Any number; the same number gives the same files.
        seed: u64,
        /// Folder to write into; made where there is none.
        folder: PathBuf,
        /// Number of series.
        #[arg(long, default_value_t = 200)]
        series: usize,
    },
    /// Run the engine's detector on worlds, judged as of the next hour, and score it.
    Run {
        /// First seed.
        #[arg(long)]
        first: u64,
        /// Last seed.
        #[arg(long)]
        last: u64,
        /// Series of a seed.
        #[arg(long, default_value_t = 200)]
        series: usize,
        /// Factor on the logarithm of every event's size.
        #[arg(long, default_value_t = 1.0)]
        size: f64,
    },
}

/// Does what was asked for.
pub(crate) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Generate { seed, folder, series } => {
            files::write(&world(*seed, *series, 1.0), folder)
                .with_context(|| format!("writing `{}`", folder.display()))
        }
        Command::Run { first, last, series, size } => {
            let seeds: Vec<u64> = (*first..=*last).collect();
            let counts = parallel::map(&seeds, parallel::cores(), |seed| {
                let world = world(*seed, *series, *size);
                score(&world, &alarm_hours(&world))
            });
            println!("{}", table(&counts));
            Ok(())
        }
    }
}

/// The judged hours in which the engine alarms, whichever the metric.
fn alarm_hours(world: &[LabelledSeries]) -> BTreeMap<String, BTreeSet<usize>> {
    let calendar = files::calendar(world);
    let config = HourlyConfig { first_judged_hour: FIRST_JUDGED, ..HourlyConfig::published(true) };
    let first_hour = files::first_hour();
    let hours = |series: &LabelledSeries| {
        let alarms = detect_hourly(&files::to_series(series), &calendar, &config);
        let hour = |date: &str| {
            let at: DateTime = date.trim_end_matches('Z').parse().ok()?;
            usize::try_from(first_hour.duration_until(at).as_hours()).ok()
        };
        let hours = alarms.iter().filter_map(|alarm| hour(&alarm.date));
        hours.filter(|hour| *hour >= FIRST_JUDGED).collect()
    };
    world.iter().map(|series| (series.name.clone(), hours(series))).collect()
}

/// A figure with its name.
type Figure = (&'static str, fn(&Counts) -> f64);

/// Pooled figures with 95 % bootstrap intervals over seeds, then recall and delay by kind and family.
fn table(worlds: &[Counts]) -> String {
    const FIGURES: [Figure; 7] = [
        ("F1", Counts::f1),
        ("precision", Counts::precision),
        ("recall", Counts::recall),
        ("false onsets a series-month", Counts::false_onsets_per_month),
        ("stale alarm hours a series-month", Counts::stale_hours_per_month),
        ("spikes over 2x known within 3 hours", Counts::prompt_spikes_ratio),
        ("of those found at all", Counts::prompt_of_found_ratio),
    ];
    let pooled = |worlds: &[&Counts]| {
        let mut sum = Counts::default();
        for counts in worlds {
            sum.add(counts);
        }
        sum
    };
    let sum = pooled(&worlds.iter().collect::<Vec<_>>());
    let mut text = String::from("| figure | pooled | 95 % interval |\n|---|---|---|\n");
    for (name, figure) in FIGURES {
        let [low, high] = bootstrap(worlds, |drawn| Some(figure(&pooled(drawn))));
        let _ = writeln!(text, "| {name} | {:.3} | {low:.3} to {high:.3} |", figure(&sum));
    }
    let kinds = sum.kinds.iter().map(|(kind, counts)| (kind.name(), counts));
    text.push_str(&found("kind", kinds));
    let families = sum.families.iter().map(|(family, counts)| (family.name(), counts));
    text.push_str(&found("family", families));
    text.push_str("\n| outputs in a spike's first 3 hours, usually | spikes over 2x | found | within 3 hours |\n");
    text.push_str("|---|---|---|---|\n");
    for (index, spikes) in sum.large_spikes.iter().enumerate() {
        let from = score::OUTPUT_RANGES[index];
        let range = match score::OUTPUT_RANGES.get(index + 1) {
            Some(until) => format!("{from:.0} to {until:.0}"),
            None => format!("{from:.0} and more"),
        };
        let score::LargeSpikes { events, found, prompt } = spikes;
        let share = 100.0 * *prompt as f64 / (*events).max(1) as f64;
        let _ = writeln!(text, "| {range} | {events} | {found} | {prompt} ({share:.1} %) |");
    }
    text
}

/// How many events of each group were found, and how late.
fn found<'a>(
    group: &str,
    rows: impl Iterator<Item = (&'static str, &'a score::KindCounts)>,
) -> String {
    let mut text = format!(
        "\n| {group} | found | recall | mean delay, hours | median |\n|---|---|---|---|---|\n"
    );
    let hours = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1}"));
    for (name, counts) in rows {
        let _ = writeln!(
            text,
            "| {name} | {}/{} | {:.1} % | {} | {} |",
            counts.detected,
            counts.events,
            100.0 * counts.detected as f64 / counts.events.max(1) as f64,
            hours(mean(&counts.delays)),
            hours(quantile(&counts.delays, 0.5)),
        );
    }
    text
}
