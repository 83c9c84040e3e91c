//! Restatements: segments that replace others, in one transaction with the reason why.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::Row as _;

use crate::{
    Database, Journal, SegmentRow, StoreError,
    catalogue::{list_segment, next, segment_from_row},
};

/// Action of the audit entry of a restatement.
pub const RESTATED: &str = "prices.restated";

/// What a restatement does to one batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestatedBatch {
    /// Number of the batch.
    pub batch: i64,
    /// Files that are replaced.
    pub retired: Vec<String>,
    /// Files that replace them.
    pub written: Vec<SegmentRow>,
    /// Sums of the batch from now on, JSON.
    pub sums: String,
}

/// The sums of a batch since a restatement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestatedSums {
    /// Number of the restatement.
    pub restatement: i64,
    /// Since when, UTC microseconds.
    pub known_at: i64,
    /// Number of the batch.
    pub batch: i64,
    /// Sums over its rows since then, JSON.
    pub sums: String,
}

impl Database {
    /// Replaces files by others, notes the new sums, and says why in the audit log, all at once.
    /// Returns the restatement's number.
    ///
    /// The caller has already written, synced and renamed the files.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when a file to be replaced is not live any more,
    /// [`StoreError::Database`]; nothing is committed then.
    pub async fn commit_restatement(
        &self,
        batches: &[RestatedBatch],
        now: Timestamp,
        actor: &str,
        reason: &Value,
    ) -> Result<i64, StoreError> {
        let known_at = now.as_microsecond();
        let mut journal = Journal::begin(self).await?;
        let id = next(journal.connection(), "restatement").await?;
        sqlx::query("insert into restatement (id, known_at) values ($1, $2)")
            .bind(id)
            .bind(known_at)
            .execute(journal.connection())
            .await?;
        for batch in batches {
            for name in &batch.retired {
                let retired = sqlx::query(
                    "update segment set retired_at = $1 where name = $2 and retired_at is null",
                )
                .bind(known_at)
                .bind(name)
                .execute(journal.connection())
                .await?;
                if retired.rows_affected() != 1 {
                    return Err(StoreError::Conflict { what: "segment", id: name.clone() });
                }
            }
            for segment in &batch.written {
                let segment = SegmentRow { known_at, ..segment.clone() };
                list_segment(journal.connection(), batch.batch, &segment).await?;
            }
            sqlx::query(
                "insert into restated_batch (restatement, batch, sums) values ($1, $2, $3)",
            )
            .bind(id)
            .bind(batch.batch)
            .bind(&batch.sums)
            .execute(journal.connection())
            .await?;
        }
        journal.append(now, actor, RESTATED, &format!("restatement:{id}"), reason).await?;
        journal.commit().await?;
        Ok(id)
    }

    /// The sums of restated batches, earlier restatements first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn restated_sums(&self) -> Result<Vec<RestatedSums>, StoreError> {
        let rows = sqlx::query(
            "select restatement.id, restatement.known_at, restated_batch.batch, \
             restated_batch.sums from restated_batch \
             join restatement on restated_batch.restatement = restatement.id \
             order by restatement.id, restated_batch.batch",
        )
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(RestatedSums {
                    restatement: row.try_get(0)?,
                    known_at: row.try_get(1)?,
                    batch: row.try_get(2)?,
                    sums: row.try_get(3)?,
                })
            })
            .collect()
    }

    /// How many restatements there were.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn restatement_count(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("select count(*) from restatement").fetch_one(self.pool()).await?;
        Ok(row.try_get(0)?)
    }

    /// Every file of a kind, with the instant that it was replaced at, if it was.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn segments_with_retired(
        &self,
        kind: &str,
    ) -> Result<Vec<(SegmentRow, Option<i64>)>, StoreError> {
        let rows = sqlx::query(
            "select name, batch, kind, row_count, byte_count, start_at, last_at, known_at, sha256, \
             retired_at from segment where kind = $1 order by batch, name",
        )
        .bind(kind)
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok((segment_from_row(row)?, row.try_get("retired_at")?))).collect()
    }
}
