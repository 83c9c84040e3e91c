//! The clients that we know how to connect: what each of them wants to be told, and where it keeps it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::entry::{Entry, NAME, shell_word, tightening};
use crate::context::Folders;

/// A chat client or coding agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Client {
    ClaudeCode,
    ClaudeDesktop,
    Codex,
    Vscode,
    Cursor,
    Goose,
    #[value(alias = "gemini-cli")]
    Gemini,
    Chatgpt,
}

/// What to do for one client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snippet {
    /// Where the text goes.
    pub(super) place: &'static str,
    /// A command, or part of a configuration file.
    pub(super) text: String,
}

/// How the file of a client holds its servers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kept {
    /// JSON: the object of this member, by server.
    Json {
        /// The member.
        member: &'static str,
        /// Our object in it.
        object: Value,
        /// An entry of the list `inputs` that the object refers to.
        input: Option<Value>,
    },
    /// TOML: a table of its own, which can stand at the end of the file.
    Toml {
        /// The table that holds the servers.
        table: &'static str,
        /// Our table, with its header.
        text: String,
    },
}

impl Client {
    /// As people call it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code",
            Self::ClaudeDesktop => "Claude Desktop",
            Self::Codex => "Codex",
            Self::Vscode => "VS Code",
            Self::Cursor => "Cursor",
            Self::Goose => "Goose",
            Self::Gemini => "Gemini CLI",
            Self::Chatgpt => "ChatGPT",
        }
    }

    /// How the client writes a value of the environment in its configuration.
    fn variable(self, name: &str) -> String {
        match self {
            Self::ClaudeCode | Self::Goose => format!("${{{name}}}"),
            Self::Cursor => format!("${{env:{name}}}"),
            Self::Vscode => format!("${{input:{}}}", input_id(name)),
            Self::Gemini => format!("${name}"),
            // Neither fills in variables; Codex is told the name alone.
            Self::ClaudeDesktop | Self::Codex | Self::Chatgpt => format!("VALUE-OF-{name}"),
        }
    }

    /// The file that holds the client's servers; `None` where there is none that we could write.
    pub(super) fn file(self, folders: &Folders) -> Option<PathBuf> {
        Some(match self {
            Self::ClaudeCode => folders.project.join(".mcp.json"),
            Self::ClaudeDesktop => folders.settings.join("Claude/claude_desktop_config.json"),
            Self::Codex => folders.home.join(".codex/config.toml"),
            Self::Vscode => folders.project.join(".vscode/mcp.json"),
            Self::Cursor => folders.home.join(".cursor/mcp.json"),
            Self::Gemini => folders.home.join(".gemini/settings.json"),
            Self::Goose | Self::Chatgpt => return None,
        })
    }

    /// What stands in that file.
    ///
    /// # Errors
    ///
    /// For a client without a file, and for an address where it takes programs only.
    pub(super) fn kept(self, entry: &Entry) -> anyhow::Result<Kept> {
        let variable = |name: &str| self.variable(name);
        let json = |member, address, states_type| Kept::Json {
            member,
            object: entry.object(address, states_type, variable),
            input: None,
        };
        Ok(match self {
            Self::ClaudeCode => json("mcpServers", "url", true),
            Self::Cursor => json("mcpServers", "url", false),
            Self::Gemini => json("mcpServers", "httpUrl", false),
            Self::ClaudeDesktop => match entry {
                Entry::Stdio { .. } => json("mcpServers", "url", false),
                Entry::Http { .. } => {
                    anyhow::bail!("Claude Desktop takes addresses in its settings only")
                }
            },
            Self::Vscode => Kept::Json {
                member: "servers",
                object: entry.object("url", true, variable),
                input: token_of(entry).map(|name| {
                    json!({
                        "type": "promptString",
                        "id": input_id(name),
                        "description": "Centinel service token",
                        "password": true,
                    })
                }),
            },
            Self::Codex => Kept::Toml { table: "mcp_servers", text: codex(entry)? },
            Self::Goose | Self::Chatgpt => {
                anyhow::bail!("{} has no file that could be written", self.title())
            }
        })
    }

    /// What to do by hand.
    ///
    /// # Errors
    ///
    /// For values that cannot be written down.
    pub(super) fn snippet(self, entry: &Entry) -> anyhow::Result<Snippet> {
        let command_line =
            || entry.words().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
        let in_file = |place| -> anyhow::Result<Snippet> {
            Ok(Snippet { place, text: self.kept(entry)?.alone()? })
        };
        Ok(match (self, entry) {
            (Self::ClaudeCode, Entry::Stdio { token_env, .. }) => {
                let hand_on = token_env
                    .as_ref()
                    .map_or_else(String::new, |name| format!("--env {name}=\"${name}\" "));
                Snippet {
                    place: "run this:",
                    text: format!("claude mcp add {NAME} {hand_on}-- {}", command_line()),
                }
            }
            (Self::ClaudeCode, Entry::Http { url, .. }) => {
                let headers = entry.headers(|name| format!("${name}"));
                let headers =
                    headers.iter().map(|(name, value)| format!(" --header \"{name}: {value}\""));
                let headers = headers.collect::<Vec<_>>().concat();
                Snippet {
                    place: "run this:",
                    text: format!(
                        "claude mcp add --transport http {NAME} {}{headers}",
                        shell_word(url)
                    ),
                }
            }
            (Self::Codex, Entry::Stdio { token_env: None, .. }) => Snippet {
                place: "run this:",
                text: format!("codex mcp add {NAME} -- {}", command_line()),
            },
            (Self::Codex, Entry::Http { url, token_env, surface })
                if tightening(*surface).is_empty() =>
            {
                let token = token_env
                    .as_ref()
                    .map_or_else(String::new, |name| format!(" --bearer-token-env-var {name}"));
                Snippet {
                    place: "run this:",
                    text: format!("codex mcp add {NAME} --url {}{token}", shell_word(url)),
                }
            }
            (Self::Codex, _) => in_file("in `~/.codex/config.toml`:")?,
            (Self::ClaudeDesktop, Entry::Stdio { .. }) => {
                in_file("in `claude_desktop_config.json` (Settings, Developer, Edit Config):")?
            }
            (Self::ClaudeDesktop, Entry::Http { url, .. }) => Snippet {
                place: "in Settings, Connectors, Add custom connector (an address that the Internet \
                        reaches over https):",
                text: url.clone(),
            },
            (Self::Cursor, _) => {
                in_file("in `~/.cursor/mcp.json`, or `.cursor/mcp.json` of a project:")?
            }
            (Self::Vscode, _) => in_file("in `.vscode/mcp.json`:")?,
            (Self::Gemini, _) => {
                in_file("in `~/.gemini/settings.json`, or `.gemini/settings.json` of a project:")?
            }
            (Self::Goose, _) => Snippet {
                place: "in `~/.config/goose/config.yaml` (JSON is YAML, so this can stand as it is):",
                text: goose(entry)?,
            },
            (Self::Chatgpt, Entry::Http { url, .. }) => Snippet {
                place: "in Settings, Apps & Connectors, Advanced, Developer mode: Create a connector \
                        with this address (one that the Internet reaches over https, with OAuth: see \
                        docs/guides/mcp-authorization.md):",
                text: url.clone(),
            },
            (Self::Chatgpt, Entry::Stdio { .. }) => {
                anyhow::bail!("ChatGPT starts no programs: it needs an address")
            }
        })
    }
}

impl Kept {
    /// The file as it is when nothing else is in it.
    pub(super) fn alone(&self) -> anyhow::Result<String> {
        match self {
            Self::Toml { text, .. } => Ok(text.trim_end().to_owned()),
            Self::Json { member, object, input } => {
                let mut whole = json!({ *member: { NAME: object } });
                if let (Some(input), Some(whole)) = (input, whole.as_object_mut()) {
                    whole.insert("inputs".to_owned(), json!([input]));
                }
                serde_json::to_string_pretty(&whole).context("writing the snippet")
            }
        }
    }
}

/// The clients that keep a file, with it.
pub(super) fn with_files(folders: &Folders) -> impl Iterator<Item = (Client, PathBuf)> {
    let all: &[Client] = clap::ValueEnum::value_variants();
    all.iter().filter_map(move |client| Some((*client, client.file(folders)?)))
}

/// The program of our entry in a client's file; `None` where there is no entry of a program.
pub(super) fn program_in(client: Client, path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    if client == Client::Codex {
        let file: toml::Table = text.parse().ok()?;
        let own = file.get("mcp_servers")?.get(NAME)?;
        return Some(own.get("command").or_else(|| own.get("url"))?.as_str()?.to_owned());
    }
    let file: Value = serde_json::from_str(&text).ok()?;
    let member = if client == Client::Vscode { "servers" } else { "mcpServers" };
    let own = file.get(member)?.get(NAME)?;
    let shown = ["command", "url", "httpUrl"].iter().find_map(|name| own.get(*name))?;
    Some(shown.as_str()?.to_owned())
}

fn token_of(entry: &Entry) -> Option<&str> {
    match entry {
        Entry::Stdio { token_env, .. } | Entry::Http { token_env, .. } => token_env.as_deref(),
    }
}

/// The id under which VS Code asks for a secret.
fn input_id(variable: &str) -> String {
    variable.to_ascii_lowercase().replace('_', "-")
}

/// The table that Codex keeps a server in.
fn codex(entry: &Entry) -> anyhow::Result<String> {
    let mut own = toml::Table::new();
    match entry {
        Entry::Stdio { command, args, token_env } => {
            own.insert("command".to_owned(), command.clone().into());
            own.insert("args".to_owned(), args.clone().into());
            if let Some(name) = token_env {
                own.insert("env_vars".to_owned(), vec![name.clone()].into());
            }
        }
        Entry::Http { url, token_env, surface } => {
            own.insert("url".to_owned(), url.clone().into());
            if let Some(name) = token_env {
                own.insert("bearer_token_env_var".to_owned(), name.clone().into());
            }
            let headers = tightening(*surface);
            if !headers.is_empty() {
                let headers: toml::Table = headers
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value.into()))
                    .collect();
                own.insert("http_headers".to_owned(), headers.into());
            }
        }
    }
    let servers: toml::Table = [(NAME.to_owned(), own.into())].into_iter().collect();
    let whole: toml::Table = [("mcp_servers".to_owned(), servers.into())].into_iter().collect();
    toml::to_string(&whole).context("writing the snippet")
}

/// An extension of Goose.
fn goose(entry: &Entry) -> anyhow::Result<String> {
    let mut own = json!({ "enabled": true, "name": NAME, "timeout": 300 });
    let members = match entry {
        Entry::Stdio { command, args, token_env } => json!({
            "type": "stdio", "cmd": command, "args": args,
            "env_keys": token_env.iter().collect::<Vec<_>>(),
        }),
        Entry::Http { url, .. } => {
            let headers: serde_json::Map<_, _> = entry
                .headers(|name| Client::Goose.variable(name))
                .into_iter()
                .map(|(name, value)| (name.to_owned(), Value::String(value)))
                .collect();
            json!({ "type": "streamable_http", "uri": url, "headers": headers })
        }
    };
    if let (Some(own), Value::Object(members)) = (own.as_object_mut(), members) {
        own.extend(members);
    }
    let text = serde_json::to_string(&own).context("writing the snippet")?;
    Ok(format!("extensions:\n  {NAME}: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stdio(read_only: bool, token_env: Option<&str>) -> Entry {
        let (program, home) = (Path::new("/opt/centinel"), Path::new("/data/it's here"));
        Entry::stdio(program, home, read_only.into(), token_env).unwrap()
    }

    fn http(read_only: bool, token_env: Option<&str>) -> Entry {
        let token_env = token_env.map(str::to_owned);
        Entry::Http {
            url: "https://finops.example.com/mcp".to_owned(),
            token_env,
            surface: read_only.into(),
        }
    }

    fn text(client: Client, entry: &Entry) -> String {
        client.snippet(entry).unwrap().text
    }

    #[test]
    fn a_shell_gets_one_word_for_each_argument() {
        let words = r"-- /opt/centinel --home '/data/it'\''s here' mcp";
        let plain = stdio(false, None);
        assert_eq!(text(Client::ClaudeCode, &plain), format!("claude mcp add centinel {words}"));
        let reading = stdio(true, None);
        let expected = format!("codex mcp add centinel {words} --read-only");
        assert_eq!(text(Client::Codex, &reading), expected);
        let closed = stdio(false, Some("CENTINEL_TOKEN"));
        let expected = format!(
            "claude mcp add centinel --env CENTINEL_TOKEN=\"$CENTINEL_TOKEN\" {words} --token-env \
             CENTINEL_TOKEN"
        );
        assert_eq!(text(Client::ClaudeCode, &closed), expected);
        let expected = "claude mcp add --transport http centinel https://finops.example.com/mcp \
                        --header \"Authorization: Bearer $T\" --header \"X-Centinel-Read-Only: 1\"";
        assert_eq!(text(Client::ClaudeCode, &http(true, Some("T"))), expected);
        let expected = "codex mcp add centinel --url https://finops.example.com/mcp \
                        --bearer-token-env-var T";
        assert_eq!(text(Client::Codex, &http(false, Some("T"))), expected);
    }

    #[test]
    fn json_files_name_program_and_arguments() {
        let closed = stdio(true, Some("CENTINEL_TOKEN"));
        let args = json!([
            "--home",
            "/data/it's here",
            "mcp",
            "--read-only",
            "--token-env",
            "CENTINEL_TOKEN"
        ]);
        for (client, servers, token) in [
            (Client::ClaudeDesktop, "mcpServers", "VALUE-OF-CENTINEL_TOKEN"),
            (Client::Cursor, "mcpServers", "${env:CENTINEL_TOKEN}"),
            (Client::Vscode, "servers", "${input:centinel-token}"),
            (Client::Gemini, "mcpServers", "$CENTINEL_TOKEN"),
        ] {
            let value: Value = serde_json::from_str(&text(client, &closed)).unwrap();
            let own = &value[servers]["centinel"];
            assert_eq!(own["command"], "/opt/centinel", "{client:?}");
            assert_eq!(own["args"], args, "{client:?}");
            assert_eq!(own["env"]["CENTINEL_TOKEN"], token, "{client:?}");
        }
        let value: Value = serde_json::from_str(&text(Client::Vscode, &closed)).unwrap();
        assert_eq!(value["inputs"][0]["id"], "centinel-token");
        assert_eq!(value["inputs"][0]["password"], true);
    }

    #[test]
    fn json_files_name_an_address() {
        for (client, address, token) in [
            (Client::Cursor, "url", "Bearer ${env:T}"),
            (Client::Vscode, "url", "Bearer ${input:t}"),
            (Client::Gemini, "httpUrl", "Bearer $T"),
        ] {
            let value: Value = serde_json::from_str(&text(client, &http(true, Some("T")))).unwrap();
            let servers = value.as_object().unwrap().values().next().unwrap();
            let own = &servers["centinel"];
            assert_eq!(own[address], "https://finops.example.com/mcp", "{client:?}");
            assert_eq!(own["headers"]["Authorization"], token, "{client:?}");
            assert_eq!(own["headers"]["X-Centinel-Read-Only"], "1", "{client:?}");
        }
    }

    #[test]
    fn codex_and_goose_read_what_is_written() {
        let file: toml::Table = text(Client::Codex, &stdio(false, Some("T"))).parse().unwrap();
        let own = &file["mcp_servers"]["centinel"];
        assert_eq!(own["command"].as_str(), Some("/opt/centinel"));
        assert_eq!(own["env_vars"][0].as_str(), Some("T"));
        let file: toml::Table = text(Client::Codex, &http(true, Some("T"))).parse().unwrap();
        let own = &file["mcp_servers"]["centinel"];
        assert_eq!(own["bearer_token_env_var"].as_str(), Some("T"));
        assert_eq!(own["http_headers"]["X-Centinel-Read-Only"].as_str(), Some("1"));

        let of = |entry: &Entry| -> Value {
            let text = text(Client::Goose, entry);
            serde_json::from_str(text.strip_prefix("extensions:\n  centinel: ").unwrap()).unwrap()
        };
        let own = of(&stdio(false, Some("T")));
        assert_eq!((&own["cmd"], &own["env_keys"]), (&json!("/opt/centinel"), &json!(["T"])));
        let own = of(&http(false, Some("T")));
        assert_eq!(own["type"], "streamable_http");
        assert_eq!(own["headers"]["Authorization"], "Bearer ${T}");
    }

    #[test]
    fn what_a_client_cannot_do_is_said() {
        assert!(Client::Chatgpt.snippet(&stdio(false, None)).is_err());
        assert_eq!(text(Client::Chatgpt, &http(false, None)), "https://finops.example.com/mcp");
        assert_eq!(
            text(Client::ClaudeDesktop, &http(false, None)),
            "https://finops.example.com/mcp"
        );
        assert!(Client::ClaudeDesktop.kept(&http(false, None)).is_err());
        assert!(Client::Goose.kept(&stdio(false, None)).is_err());
    }
}
