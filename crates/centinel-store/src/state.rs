//! The state of the catalogue: what says whether anything that is known in memory still holds.

use std::collections::BTreeSet;

use sqlx::Row as _;

use crate::{Database, SegmentRow, StoreError, catalogue::segment_from_row};

/// As long as it is the same, so are sources, series and the files that count, for whichever process
/// writes. One cheap question asks for it.
///
/// Every transaction that lists or retires a file draws a number, of a batch or of a restatement, and
/// every one that makes a label set known draws its number: sources are never taken away and keep their
/// roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CatalogueState {
    series: i64,
    batches: i64,
    restatements: i64,
    sources: i64,
}

impl CatalogueState {
    /// Whether the label sets are the same as in another state.
    pub fn has_series_of(&self, other: &Self) -> bool {
        self.series == other.series
    }
}

impl Database {
    /// The state of the catalogue.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn catalogue_state(&self) -> Result<CatalogueState, StoreError> {
        let row = sqlx::query(
            "select (select value from counter where name = 'series'), \
             (select value from counter where name = 'batch'), \
             (select value from counter where name = 'restatement'), \
             (select count(*) from source)",
        )
        .fetch_one(self.pool())
        .await?;
        Ok(CatalogueState {
            series: row.try_get(0)?,
            batches: row.try_get(1)?,
            restatements: row.try_get(2)?,
            sources: row.try_get(3)?,
        })
    }

    /// Numbers of the batches of a source.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn batches_of(&self, source: &str) -> Result<BTreeSet<i64>, StoreError> {
        let rows = sqlx::query("select id from import_batch where source = $1")
            .bind(source)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Every file, in the order in which [`Self::segments`] gives those of a kind, with the instant
    /// that it was replaced at, if it was.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn every_segment(&self) -> Result<Vec<(SegmentRow, Option<i64>)>, StoreError> {
        let rows = sqlx::query(
            "select name, batch, kind, row_count, byte_count, start_at, last_at, known_at, sha256, \
             retired_at from segment order by batch, name",
        )
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok((segment_from_row(row)?, row.try_get("retired_at")?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use centinel_engine::series::{Dimension, SeriesKey};
    use jiff::Timestamp;

    use super::*;
    use crate::{ImportBatch, RestatedBatch};

    #[tokio::test]
    async fn whatever_is_written_changes_the_state_and_nothing_else_does() {
        let db = Database::in_memory().await.unwrap();
        let mut before = db.catalogue_state().await.unwrap();
        assert_eq!(db.catalogue_state().await.unwrap(), before);
        let mut changed = async |what: &str| {
            let after = db.catalogue_state().await.unwrap();
            assert_ne!(after, before, "{what}");
            before = after;
        };
        db.ensure_source("calls", "spend").await.unwrap();
        changed("a source").await;
        let key: SeriesKey = [(Dimension::Model, "gpt-5.1")].into_iter().collect();
        db.intern_series(&[("model".to_owned(), key)]).await.unwrap();
        changed("a label set").await;
        let batch = ImportBatch {
            id: 0,
            source: "calls".into(),
            file_digest: "d1".into(),
            file_name: "a.csv".into(),
            file_bytes: 10,
            format: "call_log_csv".into(),
            known_at: 7,
            rows_read: 1,
            rows_accepted: 1,
            rows_duplicate: 0,
            rows_rejected: 0,
            sums: "{}".into(),
        };
        let segment = |name: &str| SegmentRow {
            name: name.into(),
            batch: 1,
            kind: "calls".into(),
            row_count: 1,
            byte_count: 1,
            start_at: 10,
            last_at: 20,
            known_at: 7,
            sha256: "00".into(),
        };
        db.commit_batch(&batch, &[segment("s1")]).await.unwrap();
        changed("a batch").await;
        let restated = RestatedBatch {
            batch: 1,
            retired: vec!["s1".into()],
            written: vec![segment("s2")],
            sums: "{}".into(),
        };
        let now = Timestamp::from_microsecond(9).unwrap();
        db.commit_restatement(&[restated], now, "person:ana", &serde_json::json!({}))
            .await
            .unwrap();
        changed("a restatement").await;
        let every = db.every_segment().await.unwrap();
        let named: Vec<_> = every.iter().map(|(row, at)| (row.name.as_str(), *at)).collect();
        assert_eq!(named, [("s1", Some(9)), ("s2", None)]);
        assert_eq!(db.batches_of(&batch.source).await.unwrap(), [1].into());
        assert!(db.batches_of("another").await.unwrap().is_empty());
    }
}
