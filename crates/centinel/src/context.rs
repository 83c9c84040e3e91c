//! Where the product's home is, what time it is, and how asynchronous work is run.
#![expect(
    clippy::disallowed_methods,
    reason = "the binary is the only place that reads the clock and the environment"
)]

use std::{
    future::Future,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use centinel_app::{App, AppError, Git, Repositories, Viewer, live::Outside};
use centinel_ingest::client::Limits;
use jiff::Timestamp;

use crate::{failure::hinted, output::Output};

/// Where the user's things lie.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// The user's home.
    pub(crate) home: PathBuf,
    /// Where programs keep their configuration: `~/.config`, `%APPDATA%`, `~/Library/Application Support`.
    pub(crate) settings: PathBuf,
    /// The folder of a project: where the command was run.
    pub(crate) project: PathBuf,
}

/// Longest call of git.
const GIT_TIME_MAX: std::time::Duration = std::time::Duration::from_mins(2);

/// What every product command needs.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) home: PathBuf,
    config: Option<PathBuf>,
    /// Through whose eyes the home is looked at; without one, it is looked at by whoever holds it.
    seen_by: Option<String>,
}

impl Context {
    /// The stated home, or the platform's data directory.
    pub(crate) fn new(home: Option<&Path>, config: Option<&Path>) -> anyhow::Result<Self> {
        let home = match home {
            Some(home) => home.to_owned(),
            None => default_home()?,
        };
        Ok(Self { home, config: config.map(Path::to_owned), seen_by: None })
    }

    /// A home with its own configuration.
    pub(crate) fn at(home: PathBuf) -> Self {
        Self { home, config: None, seen_by: None }
    }

    /// The same, looked at through somebody's eyes.
    pub(crate) fn seen_by(self, seen_by: Option<String>) -> Self {
        Self { seen_by, ..self }
    }

    /// Makes the home if there is none yet: whoever imports or serves wants one.
    pub(crate) fn ensure_home(&self, output: &Output) -> anyhow::Result<()> {
        if self.config.is_none() && !self.home.join("centinel.toml").exists() {
            centinel_app::create_home(&self.home).map_err(explain)?;
            output.note(format!("made a home: {}", self.home.display()));
        }
        Ok(())
    }

    /// The configuration file.
    pub(crate) fn config_path(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| self.home.join("centinel.toml"))
    }

    pub(crate) async fn open(&self) -> anyhow::Result<App> {
        let app = App::open(&self.home, self.config.as_deref()).await.map_err(explain)?;
        // An audit log that was tampered with is for `audit verify` to tell, not a reason to stop.
        if let Err(error) = app.use_audit_key(|name| std::env::var(name).ok(), now()).await {
            tracing::warn!(%error, "nothing is signed");
        }
        if let Err(error) = app.note_policies(now()).await {
            tracing::warn!(%error, "policies were not noted");
        }
        let Some(name) = &self.seen_by else { return Ok(app) };
        let people = app.approvals().people().await.map_err(|error| explain(error.into()))?;
        if !people.get(name).is_some_and(|person| person.active) {
            let name = crate::text::printable(name);
            return Err(hinted(
                format!("`{name}` is not an active account"),
                "`centinel person list` names everybody",
            ));
        }
        let app = app.seen_by(&Viewer::Person(name.clone()), now()).await.map_err(explain)?;
        if app.limited_to().is_some() {
            let name = crate::text::printable(name);
            let _ = writeln!(std::io::stderr(), "amounts are of what {name} may see");
        }
        Ok(app)
    }

    /// Opens the home and runs a use case on it.
    pub(crate) fn run<T, F: Future<Output = anyhow::Result<T>>>(
        &self,
        case: impl FnOnce(App) -> F,
    ) -> anyhow::Result<T> {
        block_on(async {
            let app = self.open().await?;
            let database = app.database().clone();
            let result = case(app).await;
            database.close().await;
            result
        })
    }
}

/// Runs asynchronous work to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?
        .block_on(work)
}

/// Starts work that goes on when nobody waits for it any more.
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(work)
}

/// The present.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A secret from the environment.
pub(crate) fn secret_variable(name: &str) -> anyhow::Result<String> {
    let value = std::env::var(name).unwrap_or_default();
    if value.trim().is_empty() {
        let name = crate::text::printable(name);
        return Err(hinted(
            format!("the environment variable `{name}` holds no token"),
            "`centinel token create` makes one",
        ));
    }
    Ok(value.trim().to_owned())
}

/// A random number, to tell apart two processes that write at once.
pub(crate) fn nonce() -> anyhow::Result<u64> {
    getrandom::u64().context("the system gives no random numbers")
}

/// What a sync of live sources needs from this machine.
pub(crate) fn outside() -> anyhow::Result<Outside> {
    Ok(Outside {
        variable: |name| std::env::var(name).ok(),
        now,
        seed: nonce()?,
        limits: Limits::default(),
    })
}

/// The repositories of a home, opened with the git of this machine.
pub(crate) async fn repositories(app: &App) -> anyhow::Result<Repositories> {
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let git = Git::new("git", search_path, GIT_TIME_MAX);
    Ok(app.repositories(&git, &outside()?).await)
}

/// An error of a use case, with its hint.
pub(crate) fn explain(error: AppError) -> anyhow::Error {
    match error.hint() {
        Some(hint) => {
            let mut message = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(source) = cause {
                message = format!("{message}: {source}");
                cause = source.source();
            }
            hinted(message, hint)
        }
        None => error.into(),
    }
}

/// Where other programs of this user keep their configuration.
pub(crate) fn folders() -> anyhow::Result<Folders> {
    let home = std::env::home_dir().context("no home directory")?;
    let stated = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let settings = if cfg!(target_os = "macos") {
        home.join("Library/Application Support")
    } else if cfg!(windows) {
        stated("APPDATA").unwrap_or_else(|| home.join("AppData/Roaming"))
    } else {
        stated("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"))
    };
    let project = std::env::current_dir().context("finding the current folder")?;
    Ok(Folders { home, settings, project })
}

fn default_home() -> anyhow::Result<PathBuf> {
    if let Some(data) = std::env::var_os("XDG_DATA_HOME").filter(|data| !data.is_empty()) {
        return Ok(PathBuf::from(data).join("centinel"));
    }
    let home = std::env::home_dir().context("no home directory; state one with `--home DIR`")?;
    let data =
        if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
    Ok(home.join(data).join("centinel"))
}
