//! Connecting, and the schema's versions.

use std::{
    str::FromStr as _,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jiff::Timestamp;
use sqlx::{
    AnyPool, Row as _,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::Migrator,
};

use crate::audit::{self, Signer};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

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
    /// What decides is signed, and this process cannot sign.
    #[error(
        "decisions are signed by the audit log's key `{key}`, which this process does not hold"
    )]
    NotOurKey {
        /// Id of the key in force.
        key: String,
    },
    /// The log was written anew.
    #[error("the audit log is not the one that this home signed: entry {sequence} is another one")]
    Rewritten {
        /// The last entry that the home remembers.
        sequence: i64,
    },
}

/// A pool of connections with the schema in place.
#[derive(Debug, Clone)]
pub struct Database {
    pool: AnyPool,
    backend: Backend,
    signer: Arc<RwLock<Option<Arc<Signer>>>>,
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
            // A file does not hang up.
            .test_before_acquire(backend == Backend::Postgres)
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
        // A role that may not change the schema can still use one that is up to date.
        if !is_current(&pool).await {
            MIGRATIONS.run(&pool).await?;
        }
        audit::install_guards(&pool, backend).await?;
        Ok(Self { pool, backend, signer: Arc::default() })
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
        MIGRATIONS.run(&pool).await?;
        audit::install_guards(&pool, Backend::Sqlite).await?;
        Ok(Self { pool, backend: Backend::Sqlite, signer: Arc::default() })
    }

    /// Which database answers.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Signs what decides from now on with the home's key, in every copy of this handle; `None` ends
    /// that. A key that the log has not announced signs nothing.
    pub fn sign_with(&self, signer: Option<Arc<Signer>>) {
        *self.signer.write().unwrap_or_else(PoisonError::into_inner) = signer;
    }

    /// What signs.
    pub fn signer(&self) -> Option<Arc<Signer>> {
        self.signer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Closes all connections; what follows fails.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Whether exactly our migrations were applied. False also when that cannot be read.
async fn is_current(pool: &AnyPool) -> bool {
    let applied = sqlx::query("select version, checksum from _sqlx_migrations order by version")
        .fetch_all(pool)
        .await
        .unwrap_or_default();
    let applied: Vec<(i64, Vec<u8>)> = applied
        .iter()
        .filter_map(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?)))
        .collect();
    let ours = MIGRATIONS.iter().map(|migration| (migration.version, migration.checksum.to_vec()));
    ours.eq(applied)
}

/// An instant as it is kept, back as one.
pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}
