//! Objects that sources list: which version of each was seen, and what became of it.

use std::collections::BTreeMap;

use sqlx::{Any, Row as _, Transaction};

use crate::{Database, StoreError};

/// What became of a version of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectState {
    /// It was listed, and is to be fetched.
    Pending,
    /// Its rows are in the ledger.
    Imported,
    /// It holds no rows for this source.
    PassedOver,
    /// It could not be read. Rows of an earlier version stay.
    Failed,
    /// Another object took its place.
    Superseded,
}

impl ObjectState {
    const ALL: [Self; 5] =
        [Self::Pending, Self::Imported, Self::PassedOver, Self::Failed, Self::Superseded];

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Imported => "imported",
            Self::PassedOver => "passed_over",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        }
    }
}

/// An object of a source as the catalogue knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownObject {
    /// Its key.
    pub key: String,
    /// Its version that was seen last.
    pub version: String,
    /// Its length as it is stored.
    pub bytes: i64,
    /// What it is a part of: objects with the same text are one delivery of a bill.
    pub delivery: String,
    /// When this version was listed first, UTC microseconds.
    pub seen_at: i64,
    /// What became of it.
    pub state: ObjectState,
    /// Why it was passed over or failed.
    pub reason: Option<String>,
    /// SHA-256 of what was read last, decompressed.
    pub content_digest: Option<String>,
    /// The batch that holds its rows, as long as they count.
    pub batch: Option<i64>,
}

/// An object whose rows are being committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveredObject {
    /// The object; state and batch are those of the commit, whatever stands there.
    pub object: KnownObject,
    /// Batches whose place the rows take, whatever they cover.
    pub replaces: Vec<i64>,
    /// Batches of the same delivery: parts beside it, even of the same days.
    pub beside: Vec<i64>,
}

/// Writes an object.
pub(crate) async fn write(
    tx: &mut Transaction<'_, Any>,
    source: &str,
    object: &KnownObject,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into delivered_object (source, object_key, version, byte_count, delivery, seen_at, \
         state, reason, content_digest, batch) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         on conflict (source, object_key) do update set version = excluded.version, \
         byte_count = excluded.byte_count, delivery = excluded.delivery, \
         seen_at = excluded.seen_at, state = excluded.state, reason = excluded.reason, \
         content_digest = excluded.content_digest, batch = excluded.batch",
    )
    .bind(source)
    .bind(&object.key)
    .bind(&object.version)
    .bind(object.bytes)
    .bind(&object.delivery)
    .bind(object.seen_at)
    .bind(object.state.name())
    .bind(&object.reason)
    .bind(&object.content_digest)
    .bind(object.batch)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes that the rows of a batch no longer count.
pub(crate) async fn supersede(tx: &mut Transaction<'_, Any>, batch: i64) -> Result<(), StoreError> {
    sqlx::query("update delivered_object set batch = null, state = $1 where batch = $2")
        .bind(ObjectState::Superseded.name())
        .bind(batch)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Database {
    /// Every object of a source, by key.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn objects(&self, source: &str) -> Result<BTreeMap<String, KnownObject>, StoreError> {
        let rows = sqlx::query(
            "select object_key, version, byte_count, delivery, seen_at, state, reason, \
             content_digest, batch from delivered_object where source = $1",
        )
        .bind(source)
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                let key: String = row.try_get(0)?;
                let state: String = row.try_get(5)?;
                let state = ObjectState::ALL.into_iter().find(|known| known.name() == state);
                let object = KnownObject {
                    key: key.clone(),
                    version: row.try_get(1)?,
                    bytes: row.try_get(2)?,
                    delivery: row.try_get(3)?,
                    seen_at: row.try_get(4)?,
                    state: state.unwrap_or(ObjectState::Pending),
                    reason: row.try_get(6)?,
                    content_digest: row.try_get(7)?,
                    batch: row.try_get(8)?,
                };
                Ok((key, object))
            })
            .collect()
    }

    /// Keeps objects as they are, all or none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn keep_objects(
        &self,
        source: &str,
        objects: &[KnownObject],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        for object in objects {
            write(&mut tx, source, object).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// How many objects of a source could not be read, and the reason of one of them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub async fn failed_objects(
        &self,
        source: &str,
    ) -> Result<Option<(i64, String, String)>, StoreError> {
        let row = sqlx::query(
            "select count(*), min(object_key) from delivered_object \
             where source = $1 and state = $2",
        )
        .bind(source)
        .bind(ObjectState::Failed.name())
        .fetch_one(self.pool())
        .await?;
        let (count, key): (i64, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        let Some(key) = key else { return Ok(None) };
        let row = sqlx::query(
            "select reason from delivered_object where source = $1 and object_key = $2",
        )
        .bind(source)
        .bind(&key)
        .fetch_one(self.pool())
        .await?;
        let reason: Option<String> = row.try_get(0)?;
        Ok(Some((count, key, reason.unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, state: ObjectState) -> KnownObject {
        KnownObject {
            key: key.into(),
            version: "1".into(),
            bytes: 7,
            delivery: "folder".into(),
            seen_at: 5,
            state,
            reason: (state == ObjectState::Failed).then(|| "cut".to_owned()),
            content_digest: None,
            batch: None,
        }
    }

    #[tokio::test]
    async fn objects_are_kept_as_they_are() {
        let db = Database::in_memory().await.unwrap();
        db.ensure_source("bills", "spend").await.unwrap();
        assert_eq!(db.failed_objects("bills").await.unwrap(), None);
        let objects: Vec<_> = ObjectState::ALL
            .into_iter()
            .enumerate()
            .map(|(number, state)| object(&number.to_string(), state))
            .collect();
        db.keep_objects("bills", &objects).await.unwrap();
        let read: Vec<_> = db.objects("bills").await.unwrap().into_values().collect();
        assert_eq!(read, objects);
        let failed = db.failed_objects("bills").await.unwrap();
        assert_eq!(failed, Some((1, "3".to_owned(), "cut".to_owned())));
        let again = KnownObject { version: "2".into(), ..object("3", ObjectState::Pending) };
        db.keep_objects("bills", std::slice::from_ref(&again)).await.unwrap();
        assert_eq!(db.objects("bills").await.unwrap()["3"], again);
        assert!(db.objects("other").await.unwrap().is_empty());
    }
}
