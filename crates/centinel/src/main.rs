//! The `centinel` binary: configuration, clock, commands, wiring.
//!
//! The only place that reads the environment or the time.

mod cli;
mod commands;
mod failure;
mod output;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
