//! `centinel mcp`: answers MCP clients over standard input and output, says how to connect one, and
//! examines itself.

mod clients;
mod conversation;
mod doctor;
mod entry;
mod install;

use crate::{
    commands::{inbox, surface::Surface},
    context::{Context, now, secret_variable},
    logging,
    output::{Outcome, Output},
    ports::{PortOptions, server},
};

/// Answer an MCP client over standard input and output: bounded reads, and proposals that people
/// decide.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    surface: Surface,
    /// The environment variable that holds a service token: every call is made with it, and sees what
    /// the access policies let it see.
    #[arg(long, value_name = "NAME", global = true)]
    token_env: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Connect a client: print what it needs, or write it into its configuration.
    Install(install::Args),
    /// Start this server as a client would, call it, and say what works and what does not.
    Doctor(doctor::Args),
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    let token_env = args.token_env.as_deref();
    match &args.command {
        None => serve(args.surface, token_env, context),
        Some(Command::Install(install)) => {
            install::run(install, args.surface, token_env, context, output)
        }
        Some(Command::Doctor(doctor)) => {
            doctor::run(doctor, args.surface, token_env, context, output)
        }
    }
}

/// Standard output belongs to the protocol: what there is to log goes to standard error.
fn serve(surface: Surface, token_env: Option<&str>, context: &Context) -> anyhow::Result<Outcome> {
    let Surface { read_only, toolsets } = surface;
    let secret = token_env.map(secret_variable).transpose()?;
    logging::start();
    context.run(async |app| {
        let token = match secret {
            Some(secret) => {
                let token = app.approvals().token(&secret, now()).await.map_err(inbox::explain)?;
                Some(token.name)
            }
            None => None,
        };
        let options = PortOptions { read_only, review_base: None, token };
        let server = server(app, options, now).with_toolsets(toolsets);
        centinel_mcp::serve_stdio(server).await?;
        Ok(Outcome::Done)
    })
}
