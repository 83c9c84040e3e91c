//! Connecting, and the schema's versions.

use std::{str::FromStr as _, time::Duration};

use jiff::Timestamp;
use sqlx::{
    AnyPool,
    any::{AnyConnectOptions, AnyPoolOptions},
};

use crate::audit;

/// Which database answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// One file beside the segments.
    Sqlite,
    /// A server, for teams.
    Postgres,
}

/// What can go wrong in the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is neither `sqlite:` nor `postgres:`.
    #[error("database address must start with `sqlite:` or `postgres:`")]
    UnknownBackend,
    /// The database refused or failed.
    #[error("database")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("database schema")]
    Schema(#[from] sqlx::migrate::MigrateError),
    /// A stored row is not what this version wrote.
    #[error("stored {what} `{id}` cannot be read: {reason}")]
    Corrupt {
        /// Which kind of row.
        what: &'static str,
        /// Which row.
        id: String,
        /// Why.
        reason: String,
    },
    /// Somebody else changed the row in between.
    #[error("{what} `{id}` was changed by somebody else in between; read it again")]
    Conflict {
        /// Which kind of row.
        what: &'static str,
        /// Which row.
        id: String,
    },
}

/// A pool of connections with the schema in place.
#[derive(Debug, Clone)]
pub struct Database {
    pool: AnyPool,
    backend: Backend,
}

impl Database {
    /// Connects and brings the schema up to date.
    ///
    /// SQLite files are created when absent, in WAL mode with `synchronous=FULL`: what is
    /// acknowledged survives a power cut.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownBackend`], [`StoreError::Database`], [`StoreError::Schema`].
    pub async fn connect(address: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let backend = match address.split_once(':') {
            Some(("sqlite", _)) => Backend::Sqlite,
            Some(("postgres" | "postgresql", _)) => Backend::Postgres,
            _ => return Err(StoreError::UnknownBackend),
        };
        let options = AnyConnectOptions::from_str(address)?;
        let pool = AnyPoolOptions::new()
            .max_connections(if backend == Backend::Sqlite { 4 } else { 8 })
            .acquire_timeout(Duration::from_secs(30))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if backend == Backend::Sqlite {
                        for pragma in [
                            "pragma busy_timeout = 20000",
                            "pragma journal_mode = wal",
                            "pragma synchronous = full",
                            "pragma foreign_keys = on",
                        ] {
                            sqlx::query(pragma).execute(&mut *connection).await?;
                        }
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        sqlx::migrate!("./migrations").run(&pool).await?;
        audit::install_guards(&pool, backend).await?;
        Ok(Self { pool, backend })
    }

    /// A database in memory that goes with the pool: for tests.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`].
    pub async fn in_memory() -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let options = AnyConnectOptions::from_str("sqlite::memory:")?;
        // One connection: every further one would be a database of its own.
        let pool = AnyPoolOptions::new().max_connections(1).connect_with(options).await?;
        sqlx::migrate!("./migrations").run(&pool).await?;
        audit::install_guards(&pool, Backend::Sqlite).await?;
        Ok(Self { pool, backend: Backend::Sqlite })
    }

    /// Which database answers.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    pub(crate) fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Closes all connections; what follows fails.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// An instant as it is kept, back as one.
pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}
