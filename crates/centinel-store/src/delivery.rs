//! Live sources: cursors, windows that are replaced as a whole, and how each sync went.

use std::collections::BTreeMap;

use sqlx::{Any, Row as _, Transaction};

use crate::{Database, DeliveredObject, KnownObject, ObjectState, StoreError, objects};

/// What a live source says with the rows that it delivers; committed together with them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Where the source goes on after these rows.
    pub cursor: Option<String>,
    /// The window that these rows are all of.
    pub window: Option<DeliveredWindow>,
    /// The object of a bucket or folder that these rows are all of.
    pub object: Option<DeliveredObject>,
}

/// A part of a report, whose earlier delivery the rows replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveredWindow {
    /// Its name within the source, the same each time.
    pub key: String,
    /// First instant, UTC microseconds.
    pub start_at: i64,
    /// First instant after it.
    pub end_at: i64,
    /// SHA-256 of what the source gave, hex.
    pub content_digest: String,
    /// It had not ended when it was fetched.
    pub is_open: bool,
}

/// A window as the catalogue knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownWindow {
    /// What was delivered last.
    pub window: DeliveredWindow,
    /// The batch that brought it.
    pub batch: i64,
    /// When it was fetched last, changed or not, UTC microseconds.
    pub fetched_at: i64,
}

/// How the last sync of a source went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRun {
    /// When it began, UTC microseconds.
    pub started_at: i64,
    /// When it ended.
    pub finished_at: i64,
    /// Why it failed; `None` when it did not.
    pub error: Option<String>,
    /// When a sync went well last.
    pub succeeded_at: Option<i64>,
}

impl Database {
    /// Where a source goes on.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn cursor(&self, source: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("select cursor from source_cursor where source = $1")
            .bind(source)
            .fetch_optional(self.pool())
            .await?;
        row.map(|row| Ok(row.try_get(0)?)).transpose()
    }

    /// Moves a cursor when there are no rows to commit with it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn move_cursor(
        &self,
        source: &str,
        cursor: &str,
        moved_at: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        write_cursor(&mut tx, source, cursor, moved_at).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Every window of a source, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn windows(&self, source: &str) -> Result<BTreeMap<String, KnownWindow>, StoreError> {
        let rows = sqlx::query(
            "select window_key, start_at, end_at, batch, content_digest, is_open, fetched_at \
             from delivered_window where source = $1",
        )
        .bind(source)
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                let key: String = row.try_get(0)?;
                let window = DeliveredWindow {
                    key: key.clone(),
                    start_at: row.try_get(1)?,
                    end_at: row.try_get(2)?,
                    content_digest: row.try_get(4)?,
                    is_open: row.try_get::<i64, _>(5)? != 0,
                };
                let (batch, fetched_at) = (row.try_get(3)?, row.try_get(6)?);
                Ok((key, KnownWindow { window, batch, fetched_at }))
            })
            .collect()
    }

    /// Notes that a window was fetched again and is what it was.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn confirm_window(
        &self,
        source: &str,
        key: &str,
        is_open: bool,
        fetched_at: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "update delivered_window set is_open = $1, fetched_at = $2 \
             where source = $3 and window_key = $4",
        )
        .bind(i64::from(is_open))
        .bind(fetched_at)
        .bind(source)
        .bind(key)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Keeps how a sync went.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn record_sync(
        &self,
        source: &str,
        started_at: i64,
        finished_at: i64,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into sync_run (source, started_at, finished_at, error, succeeded_at) \
             values ($1, $2, $3, $4, $5) on conflict (source) do update set \
             started_at = excluded.started_at, finished_at = excluded.finished_at, \
             error = excluded.error, \
             succeeded_at = coalesce(excluded.succeeded_at, sync_run.succeeded_at)",
        )
        .bind(source)
        .bind(started_at)
        .bind(finished_at)
        .bind(error)
        .bind(error.is_none().then_some(finished_at))
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// How the last sync of each source went, and where each goes on.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn sync_runs(&self) -> Result<BTreeMap<String, SyncRun>, StoreError> {
        let rows = sqlx::query(
            "select source, started_at, finished_at, error, succeeded_at from sync_run",
        )
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                let run = SyncRun {
                    started_at: row.try_get(1)?,
                    finished_at: row.try_get(2)?,
                    error: row.try_get(3)?,
                    succeeded_at: row.try_get(4)?,
                };
                Ok((row.try_get(0)?, run))
            })
            .collect()
    }
}

/// Writes what a delivery says, in the transaction that lists its rows.
pub(crate) async fn write(
    tx: &mut Transaction<'static, Any>,
    source: &str,
    batch: i64,
    known_at: i64,
    delivery: &Delivery,
) -> Result<(), StoreError> {
    if let Some(cursor) = &delivery.cursor {
        write_cursor(tx, source, cursor, known_at).await?;
    }
    if let Some(DeliveredObject { object, .. }) = &delivery.object {
        let object =
            KnownObject { state: ObjectState::Imported, batch: Some(batch), ..object.clone() };
        objects::write(tx, source, &object).await?;
    }
    let Some(window) = &delivery.window else { return Ok(()) };
    let replaced =
        sqlx::query("select batch from delivered_window where source = $1 and window_key = $2")
            .bind(source)
            .bind(&window.key)
            .fetch_optional(&mut **tx)
            .await?;
    if let Some(row) = replaced {
        let replaced: i64 = row.try_get(0)?;
        sqlx::query("update segment set retired_at = $1 where batch = $2 and retired_at is null")
            .bind(known_at)
            .bind(replaced)
            .execute(&mut **tx)
            .await?;
        sqlx::query("update import_batch set superseded_by = $1 where id = $2")
            .bind(batch)
            .bind(replaced)
            .execute(&mut **tx)
            .await?;
    }
    sqlx::query(
        "insert into delivered_window (source, window_key, start_at, end_at, batch, \
         content_digest, is_open, fetched_at) values ($1, $2, $3, $4, $5, $6, $7, $8) \
         on conflict (source, window_key) do update set start_at = excluded.start_at, \
         end_at = excluded.end_at, batch = excluded.batch, \
         content_digest = excluded.content_digest, is_open = excluded.is_open, \
         fetched_at = excluded.fetched_at",
    )
    .bind(source)
    .bind(&window.key)
    .bind(window.start_at)
    .bind(window.end_at)
    .bind(batch)
    .bind(&window.content_digest)
    .bind(i64::from(window.is_open))
    .bind(known_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn write_cursor(
    tx: &mut Transaction<'static, Any>,
    source: &str,
    cursor: &str,
    moved_at: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into source_cursor (source, cursor, moved_at) values ($1, $2, $3) \
         on conflict (source) do update set cursor = excluded.cursor, moved_at = excluded.moved_at",
    )
    .bind(source)
    .bind(cursor)
    .bind(moved_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_sync_and_the_last_that_went_well_are_kept() {
        let db = Database::in_memory().await.unwrap();
        db.record_sync("openai", 1, 2, None).await.unwrap();
        db.record_sync("openai", 5, 6, Some("401")).await.unwrap();
        let run = SyncRun {
            started_at: 5,
            finished_at: 6,
            error: Some("401".into()),
            succeeded_at: Some(2),
        };
        assert_eq!(db.sync_runs().await.unwrap(), BTreeMap::from([("openai".to_owned(), run)]));
    }

    #[tokio::test]
    async fn a_cursor_moves() {
        let db = Database::in_memory().await.unwrap();
        db.ensure_source("gateway", "spend").await.unwrap();
        assert_eq!(db.cursor("gateway").await.unwrap(), None);
        for cursor in ["2026-11-20", "2026-11-21"] {
            db.move_cursor("gateway", cursor, 1).await.unwrap();
            assert_eq!(db.cursor("gateway").await.unwrap().as_deref(), Some(cursor));
        }
    }
}
