//! Writing to the log.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{Any, AnyConnection, Transaction};

use super::{
    AuditEntry, Head, KEY_ANNOUNCED, SignedHead, Signer,
    check::{LogKeys, decides, is_due},
    head_of, signing,
};
use crate::{Database, StoreError};

/// A transaction that writes to the log. Only one is under way at a time, over all processes: what it
/// reads cannot change before it commits. Dropped without [`Journal::commit`], it leaves nothing.
#[derive(Debug)]
pub struct Journal {
    transaction: Transaction<'static, Any>,
    head: Head,
    pub(super) signer: Option<Arc<Signer>>,
    /// The log's keys, once something was to be signed.
    keys: Option<LogKeys>,
    /// The last head that this journal signed.
    signed: Option<SignedHead>,
}

impl Journal {
    /// Begins, and waits until no other journal is under way.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`], also when the wait takes too long.
    pub async fn begin(database: &Database) -> Result<Self, StoreError> {
        let mut transaction = database.pool().begin().await?;
        // The first statement writes: SQLite then takes its write lock before it reads anything, and
        // PostgreSQL locks the row and sees what the last holder committed.
        let rows = sqlx::query(
            "update audit_head set sequence = sequence where name = 'audit' \
             returning sequence, hash",
        )
        .fetch_all(&mut *transaction)
        .await?;
        let head = head_of(rows.first())?;
        let signer = database.signer();
        Ok(Self { transaction, head, signer, keys: None, signed: None })
    }

    /// Appends one entry, and signs it where its kind or its number demands that.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when the payload has no canonical form; [`StoreError::NotOurKey`] when
    /// the entry decides something and this process does not hold the log's key;
    /// [`StoreError::Rewritten`] when the log is not the one that this home has signed;
    /// [`StoreError::Database`].
    pub async fn append(
        &mut self,
        at: Timestamp,
        actor: &str,
        action: &str,
        subject: &str,
        payload: &impl Serialize,
    ) -> Result<&Head, StoreError> {
        let payload = serde_json::to_value(payload).map_err(|error| StoreError::Corrupt {
            what: "audit entry of",
            id: subject.to_owned(),
            reason: error.to_string(),
        })?;
        let mut entry = AuditEntry {
            sequence: self.head.sequence.saturating_add(1),
            at: at.as_microsecond(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            payload,
            previous: self.head.hash.clone(),
            hash: String::new(),
        };
        let raw = entry.to_raw()?;
        entry.hash = raw.rehashed();
        sqlx::query(
            "insert into audit_entry \
             (sequence, at, actor, action, subject, payload, previous, hash) \
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(raw.sequence)
        .bind(raw.at)
        .bind(raw.actor)
        .bind(raw.action)
        .bind(raw.subject)
        .bind(raw.payload)
        .bind(raw.previous)
        .bind(entry.hash.clone())
        .execute(&mut *self.transaction)
        .await?;
        self.head = Head { sequence: entry.sequence, hash: entry.hash };
        if action == KEY_ANNOUNCED {
            self.keys = None;
        }
        if is_due(entry.sequence, action) {
            self.sign(action).await?;
        }
        Ok(&self.head)
    }

    /// Signs the head that was just written, if the log has a key.
    async fn sign(&mut self, action: &str) -> Result<(), StoreError> {
        let keys = match self.keys.take() {
            Some(keys) => keys,
            None => signing::log_keys(&mut self.transaction).await?,
        };
        let key = keys.current().cloned();
        self.keys = Some(keys);
        let Some(key) = key else { return Ok(()) };
        match self.signer.clone().filter(|signer| *signer.key().public() == key) {
            Some(signer) => {
                if self.signed.is_none() {
                    signing::check_memory(&mut self.transaction, &signer).await?;
                }
                let signed = signer.key().sign(&self.head);
                signing::insert(&mut self.transaction, &signed).await?;
                self.signed = Some(signed);
                Ok(())
            }
            None if decides(action) => Err(StoreError::NotOurKey { key: key.id().to_string() }),
            // The next process that holds the key signs it.
            None => Ok(()),
        }
    }

    /// Makes everything since [`Journal::begin`] durable, at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`]; nothing has happened then.
    pub async fn commit(mut self) -> Result<Head, StoreError> {
        sqlx::query("update audit_head set sequence = $1, hash = $2 where name = 'audit'")
            .bind(self.head.sequence)
            .bind(self.head.hash.clone())
            .execute(&mut *self.transaction)
            .await?;
        self.transaction.commit().await?;
        if let (Some(signer), Some(signed)) = (&self.signer, &self.signed) {
            signer.remember(signed);
        }
        Ok(self.head)
    }

    /// Where the log will end.
    pub fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }
}
