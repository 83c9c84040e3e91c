//! A generated company, "Halden", written as the files that real providers write.
//!
//! Always marked as generated: in the manifest, in the truth file and in the billing account's name
//! of every charge. A [`World`] is a pure function of its [`WorldConfig`]: the same seed gives the
//! same bytes. Nothing here reads a clock; nothing here is used to compute an answer.

mod calendar;
mod charges;
mod draw;
mod files;
mod manifest;
mod models;
mod organisation;
mod scenario;
#[cfg(test)]
mod tests;
mod traffic;
mod truth;
mod write;

use std::{io, path::PathBuf};

use jiff::civil::{Date, date};

use crate::{draw::Seed, scenario::Event};
pub use crate::{
    manifest::{FileCategory, FileEntry, FileFormat, FileRole, Manifest},
    organisation::COMPANY,
    truth::{
        FeatureTruth, InvoiceTruth, MonthTotal, Planted, Side, Totals, Traffic, Truth, UnownedCalls,
    },
};

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldConfig {
    /// Everything drawn comes from this.
    pub seed: u64,
    /// Length of the window, in days.
    pub days: u32,
    /// Last day of the window, counted whole.
    pub end: Date,
    /// Model calls on a usual day at the end of the window; earlier days have fewer, by growth.
    pub calls_per_day: u32,
}

/// A generated company: its events and its draws.
#[derive(Debug)]
pub struct World {
    config: WorldConfig,
    first_day: Date,
    seed: Seed,
    events: Vec<Event>,
    /// Volume of every feature relative to its description.
    scale: f64,
}

/// Why a world cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A file or folder cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A thread that writes a file ended early.
    #[error("writing `{0}` ended early")]
    Interrupted(&'static str),
}

impl WorldConfig {
    /// Halden as the demo shows it: 180 days to 2026-10-31, seed 7.
    pub fn halden() -> Self {
        Self { seed: 7, days: 180, end: date(2026, 10, 31), calls_per_day: 3_600 }
    }

    /// The same company for tests: ten days, few calls.
    pub fn small() -> Self {
        Self { days: 10, calls_per_day: 240, ..Self::halden() }
    }
}

impl World {
    /// Lays out a company. Draws nothing yet: calls and charges are drawn day by day when written.
    pub fn generate(config: &WorldConfig) -> Self {
        let back = i32::try_from(config.days).unwrap_or(i32::MAX).saturating_sub(1);
        Self {
            first_day: calendar::shifted(config.end, -back),
            seed: Seed::root(config.seed),
            events: scenario::events(config.end),
            scale: f64::from(config.calls_per_day)
                / scenario::base_calls_per_day(&organisation::FEATURES),
            config: config.clone(),
        }
    }

    /// What was asked for.
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// First and last day of the window, both included.
    pub fn window(&self) -> (Date, Date) {
        (self.first_day, self.config.end)
    }
}
