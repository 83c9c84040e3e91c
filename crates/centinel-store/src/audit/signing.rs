//! The home's key at work: what is signed, and which entries are believed.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use super::{
    AuditEntry, AuditKey, Head, Journal, KEY_ANNOUNCED, KeyId, PublicKey, PublishedHead, RawEntry,
    RawSignature, SIGNED_EVERY, SignedHead,
    check::{LogKeys, decides},
    select_entries,
};
use crate::{Database, StoreError};

/// A key, and the file in which its home remembers the last head that it signed: the database's
/// administrator cannot reach that, so a log that was written anew is noticed at the next signature.
#[derive(Debug)]
pub struct Signer {
    key: AuditKey,
    memory: Option<PathBuf>,
    last: Mutex<Option<SignedHead>>,
}

/// A key as the log announced it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnnouncedKey {
    /// The entry that did.
    pub since: i64,
    /// Its id.
    pub key: KeyId,
    /// The public key.
    pub public_key: PublicKey,
}

impl Signer {
    /// A key, and the file of the last signed head. A file that is not there remembers nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when the file holds anything but a head signed by this key.
    pub fn new(key: AuditKey, memory: Option<PathBuf>) -> Result<Self, StoreError> {
        let text = memory.as_ref().and_then(|path| fs::read_to_string(path).ok());
        let last = match text.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(text) => {
                Some(text.parse::<SignedHead>().map_err(|reason| StoreError::Corrupt {
                    what: "last signed head",
                    id: text.chars().filter(|c| !c.is_control()).take(40).collect(),
                    reason,
                })?)
            }
        };
        Ok(Self { key, memory, last: Mutex::new(last) })
    }

    /// The key.
    pub fn key(&self) -> &AuditKey {
        &self.key
    }

    /// The last head that this home signed.
    pub fn last(&self) -> Option<SignedHead> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers a signed head that is in the log for good. A file that cannot be written remembers
    /// less; that is no reason to undo what was committed.
    pub(super) fn remember(&self, signed: &SignedHead) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_some_and(|last| last.head.sequence >= signed.head.sequence) {
            return;
        }
        *last = Some(signed.clone());
        if let Some(path) = &self.memory {
            let part = path.with_extension("part");
            let written = fs::write(&part, format!("{signed}\n"));
            let _ = written.and_then(|()| fs::rename(&part, path));
        }
    }
}

/// The keys of the log, oldest first.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when an announcement is not proven.
pub async fn keys(database: &Database) -> Result<Vec<AnnouncedKey>, StoreError> {
    let keys = log_keys(&mut *database.pool().acquire().await?).await?;
    Ok(keys
        .iter()
        .map(|(since, key)| AnnouncedKey { since: *since, key: key.id(), public_key: key.clone() })
        .collect())
}

/// Announces the key of a signer: the log's first, or one that replaces `old`, and signs with it from
/// that entry on. A key that is in force already is left as it is.
///
/// # Errors
///
/// [`StoreError::NotOurKey`] when another key is in force than `old`, [`StoreError::Database`].
pub async fn announce_key(
    database: &Database,
    signer: Arc<Signer>,
    old: Option<&AuditKey>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut journal = Journal::begin(database).await?;
    let in_force = log_keys(journal.connection()).await?.current().cloned();
    if in_force.as_ref() == Some(signer.key.public()) {
        database.sign_with(Some(signer));
        return Ok(());
    }
    if in_force.as_ref() != old.map(AuditKey::public) {
        let key = in_force.map_or_else(|| "none".to_owned(), |key| key.id().to_string());
        return Err(StoreError::NotOurKey { key });
    }
    let announcement = signer.key.announcement(old, &journal.head().hash);
    journal.signer = Some(Arc::clone(&signer));
    journal.append(now, "system", KEY_ANNOUNCED, "audit", &announcement).await?;
    journal.commit().await?;
    database.sign_with(Some(signer));
    Ok(())
}

/// Signs what processes without the key have written since: every fiftieth entry that this home has
/// not seen yet. What it has signed before is never signed again, so that a signature which somebody
/// took away stays missing.
///
/// # Errors
///
/// [`StoreError::Rewritten`] and [`StoreError::Corrupt`] when the entries since do not follow the last
/// signed head; [`StoreError::Database`].
pub async fn sign_pending(database: &Database) -> Result<(), StoreError> {
    let Some(signer) = database.signer() else { return Ok(()) };
    let stored = signatures(database).await?.last().map_or(0, |signature| signature.sequence);
    let from = signer.last().map_or(0, |last| last.head.sequence).max(stored);
    let last_due = super::head(database).await?.sequence / SIGNED_EVERY * SIGNED_EVERY;
    if last_due <= from {
        return Ok(());
    }
    let mut journal = Journal::begin(database).await?;
    let connection = journal.connection();
    let keys = log_keys(connection).await?;
    if keys.current() != Some(signer.key.public()) {
        return Ok(());
    }
    check_memory(connection, &signer).await?;
    let mut last = match entry_at(connection, from).await? {
        Some(entry) => Head { sequence: from, hash: entry.hash },
        None => Head::empty(),
    };
    let rows = sqlx::query(select_entries!("where sequence > $1 order by sequence"))
        .bind(last.sequence)
        .fetch_all(&mut *connection)
        .await?;
    let mut signed = None;
    for row in &rows {
        let entry = RawEntry::from_row(row)?.checked()?;
        if entry.previous != last.hash || entry.sequence != last.sequence.saturating_add(1) {
            return Err(corrupt(&entry, "it does not follow the entry before it"));
        }
        last = Head { sequence: entry.sequence, hash: entry.hash };
        if last.sequence % SIGNED_EVERY == 0 && RawSignature::beside(row)?.is_none() {
            let head = signer.key.sign(&last);
            insert(connection, &head).await?;
            signed = Some(head);
        }
    }
    journal.commit().await?;
    if let Some(signed) = signed {
        signer.remember(&signed);
    }
    Ok(())
}

/// The head as it is published: one word that can be pasted anywhere, signed where this process holds
/// the log's key. The home remembers it.
///
/// # Errors
///
/// As [`sign_pending`].
pub async fn published_head(database: &Database) -> Result<PublishedHead, StoreError> {
    sign_pending(database).await?;
    let head = super::head(database).await?;
    let Some(signer) = database.signer() else { return Ok(PublishedHead::Plain(head)) };
    let connection = &mut *database.pool().acquire().await?;
    let keys = log_keys(connection).await?;
    if keys.current() != Some(signer.key.public()) {
        return Ok(PublishedHead::Plain(head));
    }
    check_memory(connection, &signer).await?;
    let signed = signer.key.sign(&head);
    signer.remember(&signed);
    Ok(PublishedHead::Signed(signed))
}

/// Entries as decisions use them: each as it was written, and where it decides something and the log
/// had a key, signed by that key. A chain can be continued by whoever can write to the database; a
/// signature cannot.
pub(crate) async fn believed<'r>(
    connection: &mut AnyConnection,
    rows: impl Iterator<Item = &'r AnyRow>,
) -> Result<Vec<AuditEntry>, StoreError> {
    let mut entries = Vec::new();
    let mut keys: Option<LogKeys> = None;
    for row in rows {
        let entry = RawEntry::from_row(row)?.checked()?;
        if decides(&entry.action) && entry.action != KEY_ANNOUNCED {
            let keys = match &mut keys {
                Some(keys) => keys,
                None => keys.insert(log_keys(connection).await?),
            };
            if keys.at(entry.sequence).is_some() {
                let head = Head { sequence: entry.sequence, hash: entry.hash.clone() };
                let signature = RawSignature::beside(row)?;
                if !signature.is_some_and(|signature| keys.accept(&head, &signature)) {
                    return Err(corrupt(&entry, "it bears no signature of the audit log's key"));
                }
            }
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// The log's keys.
pub(super) async fn log_keys(connection: &mut AnyConnection) -> Result<LogKeys, StoreError> {
    let rows = sqlx::query(select_entries!("where action = $1 order by sequence"))
        .bind(KEY_ANNOUNCED)
        .fetch_all(connection)
        .await?;
    let mut keys = LogKeys::default();
    for row in &rows {
        let entry = RawEntry::from_row(row)?.checked()?;
        if !keys.announce(&entry) {
            return Err(corrupt(
                &entry,
                "the key before it has not signed the key that it announces",
            ));
        }
    }
    Ok(keys)
}

/// Whether the log still holds the last head that this home signed.
pub(super) async fn check_memory(
    connection: &mut AnyConnection,
    signer: &Signer,
) -> Result<(), StoreError> {
    let Some(last) = signer.last() else { return Ok(()) };
    let sequence = last.head.sequence;
    match entry_at(connection, sequence).await? {
        Some(entry) if entry.hash == last.head.hash => Ok(()),
        None if last.head == Head::empty() => Ok(()),
        _ => Err(StoreError::Rewritten { sequence }),
    }
}

/// Every signature, in order.
pub(super) async fn signatures(database: &Database) -> Result<Vec<RawSignature>, StoreError> {
    let rows = sqlx::query(
        "select signed_sequence, signed_hash, signed_by, signature from audit_signature \
         order by signed_sequence",
    )
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(RawSignature {
                sequence: row.try_get("signed_sequence")?,
                hash: row.try_get("signed_hash")?,
                key: row.try_get("signed_by")?,
                signature: row.try_get("signature")?,
            })
        })
        .collect()
}

pub(super) async fn insert(
    connection: &mut AnyConnection,
    signed: &SignedHead,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into audit_signature (signed_sequence, signed_hash, signed_by, signature) \
         values ($1, $2, $3, $4)",
    )
    .bind(signed.head.sequence)
    .bind(signed.head.hash.clone())
    .bind(signed.key.to_string())
    .bind(signed.signature.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

async fn entry_at(
    connection: &mut AnyConnection,
    sequence: i64,
) -> Result<Option<RawEntry>, StoreError> {
    let rows = sqlx::query(select_entries!("where sequence = $1"))
        .bind(sequence)
        .fetch_all(connection)
        .await?;
    rows.first().map(RawEntry::from_row).transpose()
}

fn corrupt(entry: &AuditEntry, reason: &str) -> StoreError {
    StoreError::Corrupt {
        what: "audit entry",
        id: entry.sequence.to_string(),
        reason: reason.to_owned(),
    }
}
