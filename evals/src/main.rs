//! `centinel-evals`: what is claimed, measured on data with known answers.
//!
//! A suite is a module with its own subcommand; figures and how to repeat them are in `README.md`.

mod agent;
mod costbench;
mod detect_speed;
mod explain;
mod forecast;
mod localize;
mod nab;
mod owners;
mod parallel;
mod random;
mod seeds;
mod statistics;
mod traces;
mod verifier;

use clap::Parser;

/// Measure the engine on generated data whose answers are known.
#[derive(Debug, Parser)]
#[command(name = "centinel-evals", version)]
enum Suite {
    /// Daily cost series with labelled events: generate, score alarms, run the detector.
    #[command(subcommand)]
    Costbench(costbench::Command),
    /// The drivers of injected events: amounts beside the generator's, and the main one.
    Explain(explain::Args),
    /// Leaves with planted causes: find them, beside two simpler methods.
    Localize(localize::Args),
    /// The month seen on its eleventh day, beside simpler forecasts, on the same worlds.
    Forecast(forecast::Args),
    /// Time detection over many series, beside augurs.
    DetectSpeed(detect_speed::Args),
    /// Metrics of the Numenta Anomaly Benchmark: run the detector and score it by the benchmark's rules.
    Nab(nab::Args),
    /// Owners of generated organisations: where they are stated, and where they are not.
    Owners(owners::Args),
    /// Real traces of calls, as they are and with planted events.
    Traces(traces::Args),
    /// The checker of texts: true ones made false by one change each.
    Verifier(verifier::Args),
    /// The agent: what it words, whom it obeys, what it costs; only the model is a stand-in.
    Agent(agent::Args),
}

fn main() -> anyhow::Result<()> {
    match Suite::parse() {
        Suite::Costbench(command) => costbench::run(command),
        Suite::Explain(args) => explain::run(&args),
        Suite::Localize(args) => localize::run(&args),
        Suite::Forecast(args) => forecast::run(&args),
        Suite::DetectSpeed(args) => {
            detect_speed::run(&args);
            Ok(())
        }
        Suite::Nab(args) => nab::run(&args),
        Suite::Owners(args) => owners::run(&args),
        Suite::Traces(args) => traces::run(&args),
        Suite::Verifier(args) => verifier::run(&args),
        Suite::Agent(args) => agent::run(&args),
    }
}
