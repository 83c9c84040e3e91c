//! The `centinel` binary: configuration, clock, commands, wiring.
//!
//! The only place that reads the environment or the time.

mod cli;
mod commands;
mod context;
mod daily;
mod failure;
mod listen;
mod logging;
mod mcp_gate;
mod narrator;
mod output;
mod period_args;
mod ports;
mod rows;
mod text;
mod waterfall;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
