//! The engine's detector on worlds.

use std::path::PathBuf;

use centinel_engine::anomaly::{Config, detect};

use super::{
    FIRST_JUDGED, START, files,
    files::AlarmDays,
    generate::{Events, World, world},
    report::{self, Summary},
    score::{Counts, score},
};
use crate::{
    parallel,
    seeds::{Seeds, seeds},
};

/// Which worlds.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seeds to generate: `101..120`, both included, or one.
    #[arg(long, value_parser = seeds, required_unless_present = "folders")]
    seeds: Option<Seeds>,
    /// Folders with generated files, instead of seeds.
    #[arg(long = "folder", conflicts_with = "seeds")]
    folders: Vec<PathBuf>,
    /// Series of a seed.
    #[arg(long, default_value_t = 200)]
    series: usize,
    /// Factor on the logarithm of every event's size.
    #[arg(long, default_value_t = 1.0)]
    size: f64,
    /// One JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// Runs and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let counts: Vec<Counts> = match &args.seeds {
        Some(Seeds(seeds)) => parallel::map(seeds, parallel::cores(), |seed| {
            judged(&world(*seed, args.series, Events::All, args.size))
        }),
        None => {
            parallel::map(&args.folders, parallel::cores(), |folder| judged(&files::read(folder)?))
        }
    }
    .into_iter()
    .collect::<anyhow::Result<_>>()?;
    if args.json {
        let all: Vec<&Counts> = counts.iter().collect();
        println!("{}", serde_json::to_string_pretty(&Summary::of(&all))?);
    } else {
        println!("{}", report::table(&counts));
    }
    Ok(())
}

/// What the engine scores on a world.
pub(crate) fn judged(world: &World) -> anyhow::Result<Counts> {
    let labels =
        world.series.iter().map(|series| (series.name.clone(), series.labels.clone())).collect();
    score(&labels, &alarm_days(world))
}

/// The judged days on which the engine alarms, whichever the metric.
fn alarm_days(world: &World) -> AlarmDays {
    let (calendar, config) = (world.calendar(), Config::published(true));
    let mut alarms = AlarmDays::new();
    for series in &world.series {
        for alarm in detect(&series.to_series(), &calendar, &config) {
            let days = START.until(alarm.date).map_or(0, |span| span.get_days());
            let day = usize::try_from(days).unwrap_or(0);
            if day >= FIRST_JUDGED {
                alarms.entry(series.name.clone()).or_default().insert(day);
            }
        }
    }
    alarms
}
