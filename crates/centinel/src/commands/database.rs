//! `centinel database`: the database of a team.

use crate::{
    failure::usage,
    output::{Outcome, Output},
};

/// The database of a team.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print SQL for a PostgreSQL role that reads and proposes, and cannot write a decision.
    Grants {
        /// The role of the MCP process; it exists already.
        #[arg(long, value_name = "NAME")]
        role: String,
        /// The schema of Centinel's tables.
        #[arg(long, default_value = "public", value_name = "NAME")]
        schema: String,
    },
}

pub(crate) fn run(args: &Args, output: &mut Output) -> anyhow::Result<Outcome> {
    let Command::Grants { role, schema } = &args.command;
    let sql = centinel_store::agent_grants(role, schema)
        .map_err(|error| usage(error.to_string(), "PostgreSQL would take more; this is enough"))?;
    if output.json {
        output.json_line(&serde_json::json!({ "role": role, "schema": schema, "sql": sql }))?;
    } else {
        output.line(sql.trim_end())?;
    }
    Ok(Outcome::Done)
}
