//! Entries, heads, and the hash between them.

use std::{fmt, str::FromStr};

use centinel_engine::facts::{canonical_json, sha256_hex};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{Row as _, any::AnyRow};

use super::SignedHead;
use crate::StoreError;

/// Hash before the first entry.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A query for whole entries with their signatures, which [`RawEntry::from_row`] reads.
macro_rules! select_entries {
    ($which:literal) => {
        concat!(
            "select sequence, at, actor, action, subject, payload, previous, hash, \
             coalesce(signed_hash, '') as signed_hash, coalesce(signed_by, '') as signed_by, \
             coalesce(signature, '') as signature \
             from audit_entry left join audit_signature on signed_sequence = sequence ",
            $which
        )
    };
}
pub(crate) use select_entries;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// 1 first, without gaps.
    pub sequence: i64,
    /// When, in UTC microseconds.
    pub at: i64,
    /// Through whom: `person:ana`, `agent:mcp`, `system`.
    pub actor: String,
    /// What: `proposal.vote_cast`, `person.set`, `login.failed`, ….
    pub action: String,
    /// Of what: `P-7`, `person:ana`.
    pub subject: String,
    /// The whole of it.
    pub payload: Value,
    /// Hash of the entry before.
    pub previous: String,
    /// Hash of this entry.
    pub hash: String,
}

/// An entry as it is stored, before anything about it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEntry {
    /// As in [`AuditEntry`].
    pub sequence: i64,
    /// As in [`AuditEntry`].
    pub at: i64,
    /// As in [`AuditEntry`].
    pub actor: String,
    /// As in [`AuditEntry`].
    pub action: String,
    /// As in [`AuditEntry`].
    pub subject: String,
    /// Canonical JSON, where nobody changed it.
    pub payload: String,
    /// As in [`AuditEntry`].
    pub previous: String,
    /// As in [`AuditEntry`].
    pub hash: String,
}

/// A signature as it is stored, before anything about it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSignature {
    /// Of which entry's hash.
    pub sequence: i64,
    /// That hash.
    pub hash: String,
    /// Id of the key.
    pub key: String,
    /// Unpadded base64url.
    pub signature: String,
}

/// Where the log ends. Text form: `42:<64 hex digits>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Sequence number of the last entry; 0 for an empty log.
    pub sequence: i64,
    /// Its hash.
    pub hash: String,
}

impl AuditEntry {
    /// `SHA-256(previous || canonical(entry))` in lowercase hex, of an entry whose payload has this
    /// canonical form.
    pub(super) fn computed_hash(&self, payload: &str) -> String {
        let Self { sequence, at, actor, action, subject, previous, .. } = self;
        let text = |text: &str| Value::from(text).to_string();
        let (action, actor, subject) = (text(action), text(actor), text(subject));
        // Keys in canonical order.
        let content = format!(
            "{previous}{{\"action\":{action},\"actor\":{actor},\"at\":{at},\"payload\":{payload},\
             \"sequence\":{sequence},\"subject\":{subject}}}"
        );
        sha256_hex(content.as_bytes())
    }

    /// As it is stored.
    pub(super) fn to_raw(&self) -> Result<RawEntry, StoreError> {
        let payload = canonical_json(&self.payload).map_err(|error| StoreError::Corrupt {
            what: "audit entry of",
            id: self.subject.clone(),
            reason: error.to_string(),
        })?;
        let Self { sequence, at, actor, action, subject, previous, hash, .. } = self.clone();
        Ok(RawEntry { sequence, at, actor, action, subject, payload, previous, hash })
    }
}

impl RawEntry {
    /// Reads a row of [`select_entries`].
    pub(super) fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            sequence: row.try_get("sequence")?,
            at: row.try_get("at")?,
            actor: row.try_get("actor")?,
            action: row.try_get("action")?,
            subject: row.try_get("subject")?,
            payload: row.try_get("payload")?,
            previous: row.try_get("previous")?,
            hash: row.try_get("hash")?,
        })
    }

    /// The entry, if its content is what was hashed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`].
    pub fn checked(self) -> Result<AuditEntry, StoreError> {
        let Self { sequence, at, actor, action, subject, payload: text, previous, hash } = self;
        let corrupt = |reason: &str| StoreError::Corrupt {
            what: "audit entry",
            id: sequence.to_string(),
            reason: reason.to_owned(),
        };
        let payload: Value =
            serde_json::from_str(&text).map_err(|_| corrupt("its payload is not JSON"))?;
        // Only the canonical text was ever written: a duplicate key or a space is an edit.
        if canonical_json(&payload).ok().as_deref() != Some(text.as_str()) {
            return Err(corrupt("its payload was changed"));
        }
        let entry = AuditEntry { sequence, at, actor, action, subject, payload, previous, hash };
        if entry.computed_hash(&text) == entry.hash {
            Ok(entry)
        } else {
            Err(corrupt("it was changed after it was written"))
        }
    }

    /// The hash that this content has after its `previous`, whatever `hash` says.
    pub fn rehashed(&self) -> String {
        let Self { sequence, at, actor, action, subject, payload, previous, .. } = self.clone();
        let entry = AuditEntry {
            sequence,
            at,
            actor,
            action,
            subject,
            payload: Value::Null,
            previous,
            hash: String::new(),
        };
        entry.computed_hash(&payload)
    }
}

impl RawSignature {
    /// The signature beside an entry; `None` where there is none.
    pub(super) fn beside(row: &AnyRow) -> Result<Option<Self>, StoreError> {
        let signature: String = row.try_get("signature")?;
        if signature.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            sequence: row.try_get("sequence")?,
            hash: row.try_get("signed_hash")?,
            key: row.try_get("signed_by")?,
            signature,
        }))
    }

    /// The signed head; `None` for what is none.
    pub fn parsed(&self) -> Option<SignedHead> {
        let Self { sequence, hash, key, signature } = self;
        let signed: SignedHead = format!("{sequence}:{hash}:{key}:{signature}").parse().ok()?;
        // Only lowercase was ever written.
        (signed.head.hash == *hash && signed.key.to_string() == *key).then_some(signed)
    }
}

impl From<&SignedHead> for RawSignature {
    fn from(signed: &SignedHead) -> Self {
        Self {
            sequence: signed.head.sequence,
            hash: signed.head.hash.clone(),
            key: signed.key.to_string(),
            signature: signed.signature.to_string(),
        }
    }
}

impl Head {
    /// The head of an empty log.
    pub fn empty() -> Self {
        Self { sequence: 0, hash: GENESIS.to_owned() }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.hash)
    }
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.trim()
            .split_once(':')
            .and_then(|(sequence, hash)| Some((sequence.parse().ok()?, hash.to_ascii_lowercase())))
            .filter(|(sequence, hash)| {
                *sequence >= 0 && hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit())
            })
            .map(|(sequence, hash)| Self { sequence, hash })
            .ok_or_else(|| {
                let shown: String =
                    text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
                format!("`{shown}` is not an audit head such as `42:9f3c…` (64 hex digits)")
            })
    }
}
