//! `sources`: every source with what it delivered, and how its last sync went.

use centinel_ingest::live::Kind;
use jiff::Timestamp;
use serde::Serialize;

use crate::{App, AppError, Role, SourceHealth};

/// How a live source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// Its last sync went well.
    Ok,
    /// Its last sync failed.
    Failing,
    /// It has not been synced yet.
    NeverSynced,
    /// It is no live source: files, or bodies that are posted.
    Files,
}

/// A source: what it is, what it delivered, how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceState {
    /// What it delivered.
    #[serde(flatten)]
    pub health: SourceHealth,
    /// How it stands.
    pub state: ConnectionState,
    /// What kind of live source it is.
    pub kind: Option<&'static str>,
    /// Where it is, without what is secret in the address.
    pub address: Option<String>,
    /// Where its credential is kept.
    pub credential: Option<String>,
    /// Everything before has been delivered.
    pub reached: Option<Timestamp>,
    /// When a sync went well last.
    pub synced_at: Option<Timestamp>,
    /// Why its last sync failed.
    pub error: Option<String>,
    /// Days whose figures will still grow.
    pub provisional: Vec<String>,
    /// What is wrong with how it counts, or what of it does not.
    pub finding: Option<String>,
}

impl App {
    /// Every source, configured or known from its rows, by name.
    ///
    /// # Errors
    ///
    /// [`AppError::Store`].
    pub async fn source_states(&self) -> Result<Vec<SourceState>, AppError> {
        let mut known = self.sources().await?;
        for source in &self.config.sources {
            if known.iter().all(|health| health.source != source.name) {
                known.push(SourceHealth {
                    source: source.name.clone(),
                    role: source.role().name().to_owned(),
                    batches: 0,
                    rows_accepted: 0,
                    rows_duplicate: 0,
                    rows_rejected: 0,
                    last_import: None,
                    data_until: None,
                });
            }
        }
        known.sort_by(|a, b| a.source.cmp(&b.source));
        let runs = self.database().sync_runs().await?;
        let at = |micros| Timestamp::from_microsecond(micros).ok();
        let mut states = Vec::with_capacity(known.len());
        for health in known {
            let config = self.config.sources.iter().find(|source| source.name == health.source);
            let run = runs.get(&health.source);
            let state = match (config, run) {
                (None, _) => ConnectionState::Files,
                (Some(_), None) => ConnectionState::NeverSynced,
                (Some(_), Some(run)) if run.error.is_some() => ConnectionState::Failing,
                (Some(_), Some(_)) => ConnectionState::Ok,
            };
            let windows = self.database().windows(&health.source).await?;
            let cursor = self.database().cursor(&health.source).await?;
            let role = config.map(|source| source.role().name());
            // A role is set with the first rows; changing it later would re-count the past.
            let finding = role.filter(|role| *role != health.role).map(|role| {
                format!(
                    "configured as `{role}`, but its rows are kept as `{}`; give it another name \
                     to start anew",
                    health.role
                )
            });
            let unread = self.database().failed_objects(&health.source).await?;
            let finding = finding.or(unread.map(|(count, key, reason)| {
                format!("{count} objects could not be read; `{key}`: {reason}")
            }));
            states.push(SourceState {
                state,
                kind: config.map(|source| source.kind.name()),
                address: config.and_then(super::SourceConfig::shown_address),
                credential: config.and_then(|source| Some(source.credential.as_ref()?.to_string())),
                reached: cursor.and_then(|cursor| cursor.parse().ok()),
                synced_at: run.and_then(|run| at(run.succeeded_at?)),
                error: run.and_then(|run| run.error.clone()),
                provisional: windows
                    .into_iter()
                    .filter(|(_, known)| known.window.is_open)
                    .map(|(key, _)| key)
                    .collect(),
                finding,
                health,
            });
        }
        Ok(states)
    }

    /// Adds a source to the configuration file. What was there stays as it is, comments included.
    ///
    /// # Errors
    ///
    /// [`AppError::Config`] when the source is not right: nothing is written then.
    pub fn add_source(&self, path: &std::path::Path, block: &NewSource) -> Result<(), AppError> {
        let failed = |source| AppError::Home { path: path.to_owned(), source };
        let before = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        let after = format!("{before}{gap}\n{}", block.to_toml());
        // Written beside it and read as a configuration first: a mistake leaves the file as it was.
        let draft = path.with_extension("toml.draft");
        std::fs::write(&draft, &after).map_err(failed)?;
        if let Err(error) = crate::Config::load(&draft) {
            let _ = std::fs::remove_file(&draft);
            return Err(AppError::Config(error.of(path)));
        }
        std::fs::rename(&draft, path).map_err(failed)
    }
}

/// A source that is to be added.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub base_url: Option<String>,
    /// Where its credential is kept.
    pub credential: Option<String>,
    /// The public part of the credential.
    pub user: Option<String>,
    /// What its rows count as.
    pub role: Option<Role>,
    /// First day of the first sync.
    pub since: Option<String>,
    /// How far before its cursor it is asked again.
    pub overlap: Option<String>,
    /// The credential may go there without encryption.
    pub plain_http: bool,
    /// Options of the kind.
    pub options: Vec<(String, String)>,
}

impl NewSource {
    fn to_toml(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::from("[[source]]\n");
        let quoted = |value: &str| toml::Value::String(value.to_owned()).to_string();
        let mut line = |key: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{key} = {}", quoted(value));
        };
        line("name", &self.name);
        line("kind", self.kind.name());
        for (key, value) in [
            ("base_url", &self.base_url),
            ("credential", &self.credential),
            ("user", &self.user),
            ("since", &self.since),
            ("overlap", &self.overlap),
        ] {
            if let Some(value) = value {
                line(key, value);
            }
        }
        if let Some(role) = self.role {
            line("role", role.name());
        }
        if self.plain_http {
            text.push_str("plain_http = true\n");
        }
        if !self.options.is_empty() {
            text.push_str("[source.options]\n");
            for (key, value) in &self.options {
                let _ = writeln!(text, "{} = {}", quoted(key), quoted(value));
            }
        }
        text
    }
}
