//! `centinel mcp`: answers MCP clients over standard input and output, and says how to install it.

use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use crate::{
    commands::inbox,
    context::{Context, now, secret_variable},
    logging,
    output::{Outcome, Output},
    ports::{PortOptions, server},
};

/// Answer an MCP client over standard input and output: bounded reads, and proposals that people
/// decide.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave out the tools that write proposals.
    #[arg(long, global = true)]
    read_only: bool,
    /// The environment variable that holds a service token: every call is made with it, and sees what
    /// the access policies let it see.
    #[arg(long, value_name = "NAME")]
    token_env: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print what a client needs to start this server.
    Install {
        /// Which client.
        #[arg(value_enum)]
        client: Client,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Client {
    ClaudeCode,
    ClaudeDesktop,
    Codex,
    Vscode,
    Cursor,
}

/// What to do for one client.
struct Snippet {
    /// Where the text goes.
    place: &'static str,
    text: String,
}

pub(crate) fn run(args: &Args, context: &Context, output: &mut Output) -> anyhow::Result<Outcome> {
    match args.command {
        None => serve(args.read_only, args.token_env.as_deref(), context),
        Some(Command::Install { client }) => {
            let program = std::env::current_exe().context("finding this program")?;
            let home = std::path::absolute(&context.home).context("finding the home")?;
            let snippet = snippet(client, &program, &home, args.read_only)?;
            if output.json {
                let client = clap::ValueEnum::to_possible_value(&client);
                output.json_line(&json!({
                    "client": client.as_ref().map(clap::builder::PossibleValue::get_name),
                    "place": snippet.place,
                    "text": snippet.text,
                }))?;
            } else {
                output.note(snippet.place);
                output.line(snippet.text)?;
            }
            Ok(Outcome::Done)
        }
    }
}

/// Standard output belongs to the protocol: what there is to log goes to standard error.
fn serve(read_only: bool, token_env: Option<&str>, context: &Context) -> anyhow::Result<Outcome> {
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
        centinel_mcp::serve_stdio(server(app, options, now)).await?;
        Ok(Outcome::Done)
    })
}

fn snippet(
    client: Client,
    program: &Path,
    home: &Path,
    read_only: bool,
) -> anyhow::Result<Snippet> {
    let program = text(program)?;
    let mut arguments = vec!["--home", text(home)?, "mcp"];
    arguments.extend(read_only.then_some("--read-only"));
    let command_line = || {
        let words = std::iter::once(&program).chain(&arguments);
        words.map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
    };
    let json = |value| serde_json::to_string_pretty(&value).context("writing the snippet");
    let by_client = json!({
        "mcpServers": { "centinel": { "command": program, "args": arguments } }
    });
    Ok(match client {
        Client::ClaudeCode => Snippet {
            place: "run this:",
            text: format!("claude mcp add centinel -- {}", command_line()),
        },
        Client::Codex => Snippet {
            place: "run this:",
            text: format!("codex mcp add centinel -- {}", command_line()),
        },
        Client::ClaudeDesktop => Snippet {
            place: "in `claude_desktop_config.json` (Settings, Developer, Edit Config):",
            text: json(by_client)?,
        },
        Client::Cursor => Snippet {
            place: "in `~/.cursor/mcp.json`, or `.cursor/mcp.json` of a project:",
            text: json(by_client)?,
        },
        Client::Vscode => Snippet {
            place: "in `.vscode/mcp.json`:",
            text: json(json!({
                "servers": {
                    "centinel": { "type": "stdio", "command": program, "args": arguments }
                }
            }))?,
        },
    })
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("`{}` is not UTF-8", path.display()))
}

/// A word as a POSIX shell takes it literally.
fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(client: Client, read_only: bool) -> String {
        let (program, home) = (Path::new("/opt/centinel"), Path::new("/data/it's here"));
        snippet(client, program, home, read_only).unwrap().text
    }

    #[test]
    fn a_shell_gets_one_word_for_each_argument() {
        let words = r"-- /opt/centinel --home '/data/it'\''s here' mcp";
        assert_eq!(of(Client::ClaudeCode, false), format!("claude mcp add centinel {words}"));
        assert_eq!(of(Client::Codex, true), format!("codex mcp add centinel {words} --read-only"));
    }

    #[test]
    fn configuration_files_name_program_and_arguments() {
        for (client, servers) in [
            (Client::ClaudeDesktop, "mcpServers"),
            (Client::Cursor, "mcpServers"),
            (Client::Vscode, "servers"),
        ] {
            let value: serde_json::Value = serde_json::from_str(&of(client, true)).unwrap();
            let entry = &value[servers]["centinel"];
            assert_eq!(entry["command"], "/opt/centinel", "{client:?}");
            let expected = json!(["--home", "/data/it's here", "mcp", "--read-only"]);
            assert_eq!(entry["args"], expected, "{client:?}");
        }
    }
}
