//! `centinel policy`: what the policies of a home say, and whether they can be taken.

use centinel_app::check_policies;
use serde_json::json;

use crate::{
    context::{Context, explain},
    output::{Outcome, Output},
    text::printable,
};

/// The policies of the home.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check every policy, its examples included; exit code 4 when one cannot be taken.
    Check,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let Command::Check = args.command;
    let checked = check_policies(&context.home).map_err(explain)?;
    let faults = checked.iter().filter(|policy| policy.fault.is_some()).count();
    if output.json {
        output.json_line(&json!({ "policies": checked, "faults": faults }))?;
    } else {
        for policy in &checked {
            match (&policy.fault, policy.instead) {
                (Some(fault), _) => {
                    output.line(format_args!("error: {}", printable(fault)))?;
                    if let Some(hint) = &policy.hint {
                        output.line(format_args!("hint: {}", printable(hint)))?;
                    }
                }
                (None, Some(instead)) => {
                    output.line(format_args!("ok     {} is not there: {instead}", policy.file))?;
                }
                (None, None) => output.line(format_args!("ok     {}", policy.file))?,
            }
        }
    }
    Ok(if faults == 0 { Outcome::Done } else { Outcome::Refused })
}
