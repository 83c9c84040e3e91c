//! CostBench-A: labelled daily cost series of AI and cloud spend.
//!
//! 200 series of 240 days in seven families, the last 120 days judged; nine kinds of injected cost
//! increase, planned changes, drops, holidays, late data. The score counts onsets, so that an alarm
//! that never closes detects nothing new.

mod baselines;
mod compare;
mod event;
pub(crate) mod family;
pub(crate) mod files;
pub(crate) mod generate;
mod hourly;
pub(crate) mod labels;
mod report;
pub(crate) mod run;
mod score;
mod tokens;
mod young;

use std::path::PathBuf;

use jiff::civil::{Date, date};

/// Days of a series.
pub(crate) const DAYS: usize = 240;
/// The first day that is judged.
pub(crate) const FIRST_JUDGED: usize = 120;
/// The first day.
pub(crate) const START: Date = date(2025, 9, 1);

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
        /// The same world, had none of its unplanned events happened.
        #[arg(long)]
        without_events: bool,
        /// Factor on the logarithm of every event's size.
        #[arg(long, default_value_t = 1.0)]
        size: f64,
    },
    /// Score alarms against the labels of a folder.
    Score {
        /// Folder with `series.csv` and `labels.json`.
        folder: PathBuf,
        /// CSV `series,day`, or the JSON lines of `centinel detect --json`.
        alarms: PathBuf,
    },
    /// Run the engine's detector on worlds, judged as of the next day, and score it.
    Run(run::Args),
    /// Score usual methods beside the engine, as one table.
    Compare(compare::Args),
    /// Series that have only begun, judged by what their siblings do.
    Young(young::Args),
    /// The same families at hourly grain.
    #[command(subcommand)]
    Hourly(hourly::Command),
}

/// Does what was asked for.
pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Generate { seed, folder, series, without_events, size } => {
            let events =
                if without_events { generate::Events::PlannedOnly } else { generate::Events::All };
            let world = generate::world(seed, series, events, size);
            files::write(&world, &folder)?;
            println!("{}", report::event_mix(&world));
            Ok(())
        }
        Command::Score { folder, alarms } => {
            let labels = files::read_labels(&folder)?;
            let alarms = files::read_alarms(&alarms)?;
            let counts = score::score(&labels, &alarms)?;
            println!("{}", serde_json::to_string_pretty(&report::Summary::of(&[&counts]))?);
            Ok(())
        }
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Young(args) => {
            young::run(&args);
            Ok(())
        }
        Command::Hourly(command) => hourly::run(&command),
    }
}

/// The date of a day.
pub(crate) fn date_of(day: usize) -> Date {
    START.saturating_add(jiff::Span::new().days(day as i64))
}
