//! How a client reaches this server: the program that it starts, or the address that it calls.

use std::path::Path;

use anyhow::Context as _;
use centinel_mcp::Toolsets;
use serde_json::{Map, Value, json};

use crate::commands::surface::Surface;

/// The name under which clients know this server.
pub(super) const NAME: &str = "centinel";

/// How a client reaches this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// It starts this program and talks to it over standard input and output.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// The environment variable with a service token, which the client must hand on.
        token_env: Option<String>,
    },
    /// It calls a running `centinel serve`.
    Http {
        /// Address of `/mcp`.
        url: String,
        /// The environment variable with the token that the client shows.
        token_env: Option<String>,
        /// Which tools it asks for.
        surface: Surface,
    },
}

impl Entry {
    /// This program over a home.
    ///
    /// # Errors
    ///
    /// For paths that are not UTF-8: configuration files hold text.
    pub(super) fn stdio(
        program: &Path,
        home: &Path,
        surface: Surface,
        token_env: Option<&str>,
    ) -> anyhow::Result<Self> {
        let text = |path: &Path| -> anyhow::Result<String> {
            let text = path.to_str();
            Ok(text.with_context(|| format!("`{}` is not UTF-8", path.display()))?.to_owned())
        };
        let mut args = vec!["--home".to_owned(), text(home)?, "mcp".to_owned()];
        args.extend(surface.read_only.then(|| "--read-only".to_owned()));
        if surface.toolsets != Toolsets::all() {
            args.extend(["--toolsets".to_owned(), surface.toolsets.to_string()]);
        }
        if let Some(name) = token_env {
            args.extend(["--token-env".to_owned(), name.to_owned()]);
        }
        Ok(Self::Stdio { command: text(program)?, args, token_env: token_env.map(str::to_owned) })
    }

    /// The words of the command line; nothing of an entry over HTTP.
    pub(super) fn words(&self) -> impl Iterator<Item = &String> {
        let words = match self {
            Self::Stdio { command, args, .. } => Some(std::iter::once(command).chain(args)),
            Self::Http { .. } => None,
        };
        words.into_iter().flatten()
    }

    /// The headers that a client sends, with the token written as `token` says; in order.
    pub(super) fn headers(&self, token: impl Fn(&str) -> String) -> Vec<(&'static str, String)> {
        let Self::Http { token_env, surface, .. } = self else { return Vec::new() };
        let mut headers = Vec::new();
        if let Some(name) = token_env {
            headers.push(("Authorization", format!("Bearer {}", token(name))));
        }
        headers.extend(tightening(*surface));
        headers
    }

    /// The object that most clients keep a server in. `address` is the member that holds the address,
    /// `token` how a value of the environment is written, `states_type` whether `type` is written.
    pub(super) fn object(
        &self,
        address: &str,
        states_type: bool,
        token: impl Fn(&str) -> String,
    ) -> Value {
        let mut object = Map::new();
        match self {
            Self::Stdio { command, args, token_env } => {
                if states_type {
                    object.insert("type".to_owned(), json!("stdio"));
                }
                object.insert("command".to_owned(), json!(command));
                object.insert("args".to_owned(), json!(args));
                if let Some(name) = token_env {
                    object.insert("env".to_owned(), json!({ name.as_str(): token(name) }));
                }
            }
            Self::Http { url, .. } => {
                if states_type {
                    object.insert("type".to_owned(), json!("http"));
                }
                object.insert(address.to_owned(), json!(url));
                let headers = self.headers(token);
                if !headers.is_empty() {
                    let headers: Map<_, _> = headers
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), Value::String(value)))
                        .collect();
                    object.insert("headers".to_owned(), Value::Object(headers));
                }
            }
        }
        Value::Object(object)
    }
}

/// The headers that leave out tools.
pub(super) fn tightening(surface: Surface) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    if surface.read_only {
        headers.push(("X-Centinel-Read-Only", "1".to_owned()));
    }
    if surface.toolsets != Toolsets::all() {
        headers.push(("X-Centinel-Toolsets", surface.toolsets.to_string()));
    }
    headers
}

/// A word as a POSIX shell takes it literally.
pub(super) fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
