//! The catalogue: sources, series, prices, import batches, segments.

use std::collections::BTreeMap;

use centinel_engine::series::SeriesKey;
use sqlx::{Any, AnyConnection, Row as _, Transaction, any::AnyRow};

use crate::{
    Backend, BillFacts, Database, StoreError, bills,
    delivery::{self, Delivery},
};

/// One import of one file, as it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportBatch {
    /// Number of the batch; 0 before it is committed.
    pub id: i64,
    /// Source that the rows belong to.
    pub source: String,
    /// SHA-256 of the file's bytes, hex. With the source it says whether the file is known.
    pub file_digest: String,
    /// Name of the file, for people.
    pub file_name: String,
    /// Length of the file.
    pub file_bytes: i64,
    /// Format that it was read as.
    pub format: String,
    /// When the ledger learned of it, UTC microseconds.
    pub known_at: i64,
    /// Rows in the file.
    pub rows_read: i64,
    /// Rows now in the ledger.
    pub rows_accepted: i64,
    /// Rows that the ledger had already.
    pub rows_duplicate: i64,
    /// Rows kept aside, with their reasons.
    pub rows_rejected: i64,
    /// Sums over the accepted rows, JSON.
    pub sums: String,
}

/// One immutable Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    /// File name below `segments/`.
    pub name: String,
    /// Batch that it came with.
    pub batch: i64,
    /// `calls`, `calls_hour`, `calls_day`, `charges`, ….
    pub kind: String,
    /// Rows in it.
    pub row_count: i64,
    /// Bytes of it.
    pub byte_count: i64,
    /// Earliest instant in it, UTC microseconds.
    pub start_at: i64,
    /// Latest instant in it, UTC microseconds.
    pub last_at: i64,
    /// When the ledger learned of its rows.
    pub known_at: i64,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
}

/// What became of a batch that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// The batch is in the ledger under this number.
    New(i64),
    /// The same file was committed before; nothing changed.
    AlreadyKnown(ImportBatch),
}

impl Database {
    /// Begins a transaction that may write. On SQLite it takes the write lock at once, so that it
    /// waits for its turn instead of failing half-way.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub(crate) async fn begin_write(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(match self.backend() {
            Backend::Sqlite => self.pool().begin_with("begin immediate").await?,
            Backend::Postgres => self.pool().begin().await?,
        })
    }

    /// Makes a source known; its role is set when it is new.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn ensure_source(&self, name: &str, role: &str) -> Result<(), StoreError> {
        sqlx::query(
            "insert into source (name, role) values ($1, $2) on conflict (name) do nothing",
        )
        .bind(name)
        .bind(role)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Every source with its role.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn sources(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let rows = sqlx::query("select name, role from source").fetch_all(self.pool()).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// Every series, by id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`]; [`StoreError::Corrupt`] when stored labels cannot be read.
    pub async fn series(&self) -> Result<Vec<(u32, String, SeriesKey)>, StoreError> {
        let rows = sqlx::query("select id, canon, labels from series order by id")
            .fetch_all(self.pool())
            .await?;
        rows.iter()
            .map(|row| {
                let (id, canon, labels): (i64, String, String) =
                    (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                let corrupt = |reason: String| StoreError::Corrupt {
                    what: "series",
                    id: id.to_string(),
                    reason,
                };
                let key = serde_json::from_str(&labels).map_err(|e| corrupt(e.to_string()))?;
                Ok((u32::try_from(id).map_err(|e| corrupt(e.to_string()))?, canon, key))
            })
            .collect()
    }

    /// Gives each label set its number, the same number for ever. Returns ids in the order asked.
    ///
    /// Committed at once: a number that no row uses yet does no harm, and two imports at the same
    /// time get the same numbers.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn intern_series(
        &self,
        keys: &[(String, SeriesKey)],
    ) -> Result<Vec<u32>, StoreError> {
        let mut tx = self.begin_write().await?;
        let mut ids = Vec::with_capacity(keys.len());
        for (canon, key) in keys {
            let labels = serde_json::to_string(key).map_err(|error| StoreError::Corrupt {
                what: "series",
                id: canon.clone(),
                reason: error.to_string(),
            })?;
            ids.push(intern(&mut tx, Dictionary::Series { canon, labels: &labels }).await?);
        }
        tx.commit().await?;
        Ok(ids)
    }

    /// Gives each price identity its number, the same number for ever.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn intern_prices(&self, identities: &[String]) -> Result<Vec<u32>, StoreError> {
        let mut tx = self.begin_write().await?;
        let mut ids = Vec::with_capacity(identities.len());
        for identity in identities {
            ids.push(intern(&mut tx, Dictionary::Price { identity }).await?);
        }
        tx.commit().await?;
        Ok(ids)
    }

    /// Every price identity, by id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn prices(&self) -> Result<BTreeMap<u32, String>, StoreError> {
        let rows = sqlx::query("select id, identity from price").fetch_all(self.pool()).await?;
        rows.iter()
            .map(|row| {
                let id: i64 = row.try_get(0)?;
                Ok((u32::try_from(id).unwrap_or(u32::MAX), row.try_get(1)?))
            })
            .collect()
    }

    /// The batch that a file came with, if it was imported into this source before.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn find_batch(
        &self,
        source: &str,
        file_digest: &str,
    ) -> Result<Option<ImportBatch>, StoreError> {
        let row = sqlx::query("select * from import_batch where source = $1 and file_digest = $2")
            .bind(source)
            .bind(file_digest)
            .fetch_optional(self.pool())
            .await?;
        row.as_ref().map(batch_from_row).transpose()
    }

    /// Every batch whose rows count, oldest first: what a later delivery replaced is left out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn batches(&self) -> Result<Vec<ImportBatch>, StoreError> {
        let rows =
            sqlx::query("select * from import_batch where superseded_by is null order by id")
                .fetch_all(self.pool())
                .await?;
        rows.iter().map(batch_from_row).collect()
    }

    /// Commits a batch with all its files, and what else it says of bills, in one transaction, or
    /// finds that the file is known.
    ///
    /// The caller has already written, synced and renamed the files.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`]; nothing is committed then.
    pub async fn commit_batch(
        &self,
        batch: &ImportBatch,
        segments: &[SegmentRow],
    ) -> Result<Committed, StoreError> {
        self.commit_delivery(batch, segments, &Delivery::default(), &BillFacts::default()).await
    }

    /// As [`Self::commit_batch`]; in the same transaction a cursor moves, and what an earlier
    /// delivery of the same window or bill brought stops counting.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`]; nothing is committed then.
    pub async fn commit_delivery(
        &self,
        batch: &ImportBatch,
        segments: &[SegmentRow],
        delivery: &Delivery,
        facts: &BillFacts,
    ) -> Result<Committed, StoreError> {
        let mut tx = self.begin_write().await?;
        let id = next(&mut tx, "batch").await?;
        let inserted = sqlx::query(
            "insert into import_batch (id, source, file_digest, file_name, file_bytes, format, \
             known_at, rows_read, rows_accepted, rows_duplicate, rows_rejected, sums) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             on conflict (source, file_digest) do nothing",
        )
        .bind(id)
        .bind(&batch.source)
        .bind(&batch.file_digest)
        .bind(&batch.file_name)
        .bind(batch.file_bytes)
        .bind(&batch.format)
        .bind(batch.known_at)
        .bind(batch.rows_read)
        .bind(batch.rows_accepted)
        .bind(batch.rows_duplicate)
        .bind(batch.rows_rejected)
        .bind(&batch.sums)
        .execute(&mut *tx)
        .await?;
        if inserted.rows_affected() == 0 {
            tx.rollback().await?;
            let known = self.find_batch(&batch.source, &batch.file_digest).await?;
            return known.map(Committed::AlreadyKnown).ok_or_else(|| StoreError::Conflict {
                what: "import",
                id: batch.file_name.clone(),
            });
        }
        for segment in segments {
            list_segment(&mut tx, id, segment).await?;
        }
        // What is replaced first: an object whose rows are replaced by its own later ones is there.
        bills::write(&mut tx, id, &batch.source, batch.known_at, facts).await?;
        delivery::write(&mut tx, &batch.source, id, batch.known_at, delivery).await?;
        tx.commit().await?;
        Ok(Committed::New(id))
    }

    /// The files of a kind that hold rows in `[start, end)` and that counted at `as_of`, or that
    /// count now; oldest first. Of all time when `window` is `None`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn segments(
        &self,
        kind: &str,
        window: Option<(i64, i64)>,
        as_of: Option<i64>,
    ) -> Result<Vec<SegmentRow>, StoreError> {
        let (start, end) = window.unwrap_or((i64::MIN, i64::MAX));
        let rows = sqlx::query(
            "select name, batch, kind, row_count, byte_count, start_at, last_at, known_at, sha256 \
             from segment where kind = $1 and (retired_at is null or retired_at > $4) \
             and last_at >= $2 and start_at < $3 and known_at <= $4 order by batch, name",
        )
        .bind(kind)
        .bind(start)
        .bind(end)
        .bind(as_of.unwrap_or(i64::MAX))
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(segment_from_row).collect()
    }

    /// Names of the live files of a kind that belong to a source, without those of some batches.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn segments_of_source(
        &self,
        source: &str,
        kind: &str,
        without: &[i64],
    ) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "select segment.name, import_batch.id from segment \
             join import_batch on segment.batch = import_batch.id \
             where import_batch.source = $1 and segment.kind = $2 and segment.retired_at is null \
             order by segment.name",
        )
        .bind(source)
        .bind(kind)
        .fetch_all(self.pool())
        .await?;
        let mut names = Vec::with_capacity(rows.len());
        for row in &rows {
            let batch: i64 = row.try_get(1)?;
            if !without.contains(&batch) {
                names.push(row.try_get(0)?);
            }
        }
        Ok(names)
    }

    /// Names of every file that the catalogue lists, retired ones included.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn segment_names(&self) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("select name from segment").fetch_all(self.pool()).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Keeps events until they are in a segment; returns how many were new.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`]; none is kept then.
    pub async fn keep_hot(
        &self,
        source: &str,
        kind: &str,
        known_at: i64,
        events: &[(String, String)],
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin_write().await?;
        let mut kept = 0_u64;
        for (key, body) in events {
            let done = sqlx::query(
                "insert into hot_event (source, event_key, kind, known_at, body) \
                 values ($1, $2, $3, $4, $5) on conflict (source, event_key) do nothing",
            )
            .bind(source)
            .bind(key)
            .bind(kind)
            .bind(known_at)
            .bind(body)
            .execute(&mut *tx)
            .await?;
            kept = kept.saturating_add(done.rows_affected());
        }
        tx.commit().await?;
        Ok(kept)
    }

    /// The latest instant of each source's data, UTC microseconds.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn data_until_by_source(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        let rows = sqlx::query(
            "select import_batch.source, max(segment.last_at) from segment \
             join import_batch on segment.batch = import_batch.id \
             where segment.retired_at is null group by import_batch.source",
        )
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }
}

/// A table of texts that are numbered once and for all.
#[derive(Clone, Copy)]
enum Dictionary<'a> {
    Series { canon: &'a str, labels: &'a str },
    Price { identity: &'a str },
}

async fn intern(
    tx: &mut Transaction<'static, Any>,
    entry: Dictionary<'_>,
) -> Result<u32, StoreError> {
    let (find, text) = match entry {
        Dictionary::Series { canon, .. } => ("select id from series where canon = $1", canon),
        Dictionary::Price { identity } => ("select id from price where identity = $1", identity),
    };
    let known = sqlx::query(find).bind(text).fetch_optional(&mut **tx).await?;
    let id: i64 = if let Some(row) = known {
        row.try_get(0)?
    } else {
        // The counter row is locked from here to the commit, so numbers are never given twice.
        let (name, insert) = match entry {
            Dictionary::Series { .. } => (
                "series",
                "insert into series (id, canon, labels) values ($1, $2, $3) on conflict (canon) do nothing",
            ),
            Dictionary::Price { .. } => (
                "price",
                "insert into price (id, identity) values ($1, $2) on conflict (identity) do nothing",
            ),
        };
        let id = next(tx, name).await?;
        let query = sqlx::query(insert).bind(id).bind(text);
        let query = match entry {
            Dictionary::Series { labels, .. } => query.bind(labels),
            Dictionary::Price { .. } => query,
        };
        query.execute(&mut **tx).await?;
        // Another transaction may have been first (PostgreSQL); its number counts.
        sqlx::query(find).bind(text).fetch_one(&mut **tx).await?.try_get(0)?
    };
    u32::try_from(id).map_err(|error| StoreError::Corrupt {
        what: "dictionary entry",
        id: id.to_string(),
        reason: error.to_string(),
    })
}

/// Lists a file with its batch.
pub(crate) async fn list_segment(
    connection: &mut AnyConnection,
    batch: i64,
    segment: &SegmentRow,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into segment (name, batch, kind, row_count, byte_count, start_at, last_at, \
         known_at, sha256) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&segment.name)
    .bind(batch)
    .bind(&segment.kind)
    .bind(segment.row_count)
    .bind(segment.byte_count)
    .bind(segment.start_at)
    .bind(segment.last_at)
    .bind(segment.known_at)
    .bind(&segment.sha256)
    .execute(connection)
    .await?;
    Ok(())
}

/// The next number of a counter, whose row is locked until the transaction ends.
pub(crate) async fn next(connection: &mut AnyConnection, name: &str) -> Result<i64, StoreError> {
    let row = sqlx::query("update counter set value = value + 1 where name = $1 returning value")
        .bind(name)
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

fn batch_from_row(row: &AnyRow) -> Result<ImportBatch, StoreError> {
    Ok(ImportBatch {
        id: row.try_get("id")?,
        source: row.try_get("source")?,
        file_digest: row.try_get("file_digest")?,
        file_name: row.try_get("file_name")?,
        file_bytes: row.try_get("file_bytes")?,
        format: row.try_get("format")?,
        known_at: row.try_get("known_at")?,
        rows_read: row.try_get("rows_read")?,
        rows_accepted: row.try_get("rows_accepted")?,
        rows_duplicate: row.try_get("rows_duplicate")?,
        rows_rejected: row.try_get("rows_rejected")?,
        sums: row.try_get("sums")?,
    })
}

pub(crate) fn segment_from_row(row: &AnyRow) -> Result<SegmentRow, StoreError> {
    Ok(SegmentRow {
        name: row.try_get("name")?,
        batch: row.try_get("batch")?,
        kind: row.try_get("kind")?,
        row_count: row.try_get("row_count")?,
        byte_count: row.try_get("byte_count")?,
        start_at: row.try_get("start_at")?,
        last_at: row.try_get("last_at")?,
        known_at: row.try_get("known_at")?,
        sha256: row.try_get("sha256")?,
    })
}

#[cfg(test)]
mod tests {
    use centinel_engine::series::Dimension;

    use super::*;
    use crate::{BillPart, CommitmentRow};

    fn batch(digest: &str) -> ImportBatch {
        ImportBatch {
            id: 0,
            source: "calls".into(),
            file_digest: digest.into(),
            file_name: "a.csv".into(),
            file_bytes: 10,
            format: "call_log_csv".into(),
            known_at: 7,
            rows_read: 3,
            rows_accepted: 2,
            rows_duplicate: 0,
            rows_rejected: 1,
            sums: "{}".into(),
        }
    }

    fn segment(name: &str) -> SegmentRow {
        SegmentRow {
            name: name.into(),
            batch: 1,
            kind: "calls".into(),
            row_count: 2,
            byte_count: 100,
            start_at: 10,
            last_at: 20,
            known_at: 7,
            sha256: "00".into(),
        }
    }

    #[tokio::test]
    async fn a_file_is_committed_once() {
        let db = Database::in_memory().await.unwrap();
        db.ensure_source("calls", "spend").await.unwrap();
        let first = db.commit_batch(&batch("d1"), &[segment("s1")]).await.unwrap();
        assert_eq!(first, Committed::New(1));
        let again = db.commit_batch(&batch("d1"), &[segment("s2")]).await.unwrap();
        assert_eq!(again, Committed::AlreadyKnown(ImportBatch { id: 1, ..batch("d1") }));
        assert_eq!(db.segments("calls", None, None).await.unwrap(), [segment("s1")]);
        assert_eq!(db.segments("calls", Some((21, 30)), None).await.unwrap(), []);
        assert_eq!(db.segments("calls", Some((20, 30)), Some(6)).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_batch_takes_the_place_of_another() {
        let db = Database::in_memory().await.unwrap();
        db.ensure_source("calls", "spend").await.unwrap();
        let none = Delivery::default();
        let part = |days| BillPart { account: "a".into(), period: 1, days };
        let facts = |days, replaces| BillFacts {
            parts: vec![part(days)],
            replaces,
            commitments: vec![CommitmentRow { id: "c".into(), body: format!("{days}") }],
        };
        db.commit_delivery(&batch("d1"), &[segment("s1")], &none, &facts(1, vec![])).await.unwrap();
        let later = ImportBatch { known_at: 9, ..batch("d2") };
        let live = SegmentRow { known_at: 9, batch: 2, ..segment("s2") };
        let second = db
            .commit_delivery(&later, std::slice::from_ref(&live), &none, &facts(3, vec![1]))
            .await
            .unwrap();
        assert_eq!(second, Committed::New(2));
        assert_eq!(db.segments("calls", None, None).await.unwrap(), [live]);
        // What was known before the second one came is still answered.
        assert_eq!(db.segments("calls", None, Some(8)).await.unwrap(), [segment("s1")]);
        let held = db.bill_parts("calls").await.unwrap();
        assert_eq!(
            held.iter().map(|held| (held.batch, held.part.days)).collect::<Vec<_>>(),
            [(2, 3)]
        );
        assert_eq!(db.superseded_by(1).await.unwrap(), Some(2));
        assert_eq!(db.superseded_by(2).await.unwrap(), None);
        let commitments = db.contract_commitments().await.unwrap();
        assert_eq!(commitments.len(), 1);
        assert_eq!(commitments[0].1.body, "3");
    }

    #[tokio::test]
    async fn numbers_are_given_once() {
        let db = Database::in_memory().await.unwrap();
        let key: SeriesKey = [(Dimension::Model, "gpt-5.1")].into_iter().collect();
        let entry = ("model\u{1}gpt-5.1\u{2}".to_owned(), key.clone());
        let other = ("team\u{1}a\u{2}".to_owned(), SeriesKey::default());
        let ids = db.intern_series(&[entry.clone(), other, entry.clone()]).await.unwrap();
        assert_eq!(ids, [1, 2, 1]);
        assert_eq!(db.series().await.unwrap()[0], (1, entry.0, key));
        assert_eq!(
            db.intern_prices(&["p".into(), "q".into(), "p".into()]).await.unwrap(),
            [1, 2, 1]
        );
    }

    #[tokio::test]
    async fn hot_events_are_kept_once() {
        let db = Database::in_memory().await.unwrap();
        db.ensure_source("otlp", "spend").await.unwrap();
        let event = |key: &str| (key.to_owned(), "{}".to_owned());
        assert_eq!(db.keep_hot("otlp", "call", 1, &[event("a"), event("b")]).await.unwrap(), 2);
        assert_eq!(db.keep_hot("otlp", "call", 2, &[event("b"), event("c")]).await.unwrap(), 1);
    }
}
