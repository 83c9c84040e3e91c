//! The check of a log, entry by entry: one for the database, for an exported file, and for tests that
//! tamper in memory.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    AuditEntry, AuditFault, Head, KeyId, Knowledge, PublicKey, PublishedHead, RawEntry,
    RawSignature, entry::GENESIS, key::Announcement,
};

/// Every entry whose number this divides is signed.
pub const SIGNED_EVERY: i64 = 50;
/// The action of an entry that announces a key.
pub const KEY_ANNOUNCED: &str = "audit.key_announced";

/// Whether an entry of this action decides something, or says who may: it is signed as it is written,
/// and counts only with its signature. What agents may write without a key decides nothing.
pub fn decides(action: &str) -> bool {
    !matches!(action, "proposal.proposed" | "proposal.withdrawn")
        && ["proposal.", "person.", "credential.", "token.", "session.", "link.", "audit."]
            .iter()
            .any(|prefix| action.starts_with(prefix))
}

/// Whether an entry is signed once the log has a key.
pub(super) fn is_due(sequence: i64, action: &str) -> bool {
    sequence % SIGNED_EVERY == 0 || decides(action)
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Entries that are as they were written.
    pub entries: i64,
    /// Where the log ends now.
    pub head: Head,
    /// The key in force at its end.
    pub key: Option<KeyId>,
    /// The last entry that is signed; 0 for none.
    pub signed_through: i64,
    /// The last entry whose head is known from outside; 0 for none.
    pub known_through: i64,
    /// Whether it was the whole log, not a part of it.
    pub complete: bool,
    /// The first thing that is wrong.
    pub fault: Option<AuditFault>,
    /// What this verification cannot show, in words.
    pub unshown: Vec<String>,
}

/// The keys of a log, each from the entry that announced it.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogKeys(Vec<(i64, PublicKey)>);

impl LogKeys {
    /// Takes the announcement of a further key; false if it is not proven.
    pub(super) fn announce(&mut self, entry: &AuditEntry) -> bool {
        let in_force = self.current();
        let proven = Announcement::proven(&entry.payload, &entry.previous, in_force);
        let is_proven = proven.is_some();
        self.0.extend(proven.map(|key| (entry.sequence, key)));
        is_proven
    }

    /// Every key with the entry that announced it, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(i64, PublicKey)> {
        self.0.iter()
    }

    /// The key in force at an entry.
    pub(super) fn at(&self, sequence: i64) -> Option<&PublicKey> {
        self.0.iter().rev().find(|(from, _)| *from <= sequence).map(|(_, key)| key)
    }

    /// The key in force at the end.
    pub(super) fn current(&self) -> Option<&PublicKey> {
        self.0.last().map(|(_, key)| key)
    }

    /// Whether a stored signature is that of this head, by the key in force there.
    pub(super) fn accept(&self, head: &Head, signature: &RawSignature) -> bool {
        signature.parsed().is_some_and(|signed| {
            signed.head == *head
                && self.at(head.sequence).is_some_and(|key| key.has_signed(&signed))
        })
    }
}

/// A head that must be signed.
#[derive(Debug)]
struct Due {
    hash: String,
    /// From the moment at which the entry was written.
    at_once: bool,
}

/// Checks entries in order, then signatures.
#[derive(Debug)]
pub struct LogCheck<'k> {
    known: &'k Knowledge,
    hashes: BTreeMap<i64, Vec<&'k str>>,
    complete: bool,
    entries: i64,
    last: Head,
    keys: LogKeys,
    due: BTreeMap<i64, Due>,
    fault: Option<AuditFault>,
}

impl<'k> LogCheck<'k> {
    /// Of a whole log.
    pub fn new(known: &'k Knowledge) -> Self {
        let mut hashes: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
        for head in known.heads.iter().map(PublishedHead::head) {
            hashes.entry(head.sequence).or_default().push(&head.hash);
        }
        let is_other_start =
            hashes.get(&0).is_some_and(|hashes| hashes.iter().any(|hash| *hash != GENESIS));
        Self {
            known,
            hashes,
            complete: true,
            entries: 0,
            last: Head::empty(),
            keys: LogKeys::default(),
            due: BTreeMap::new(),
            fault: is_other_start.then_some(AuditFault::Replaced { sequence: 0 }),
        }
    }

    /// Of entries that were picked out of a log: each is checked, and the links between neighbours.
    /// What is missing does not show, and signatures are not looked at.
    pub fn of_a_part(known: &'k Knowledge) -> Self {
        Self { complete: false, ..Self::new(known) }
    }

    /// Where the checked entries end.
    pub fn last(&self) -> &Head {
        &self.last
    }

    /// Takes the next entry. Returns whether all is well so far; nothing after a fault is looked at.
    pub fn take(&mut self, raw: &RawEntry) -> bool {
        if self.fault.is_none() {
            self.fault = self.fault_of(raw);
        }
        self.fault.is_none()
    }

    /// Notes a fault that was found beside the entries, unless there is an earlier one.
    pub fn note(&mut self, fault: AuditFault) {
        self.fault.get_or_insert(fault);
    }

    fn fault_of(&mut self, raw: &RawEntry) -> Option<AuditFault> {
        let sequence = raw.sequence;
        let expected = self.last.sequence.saturating_add(1);
        let is_next = sequence == expected;
        if (self.complete && !is_next) || sequence < expected {
            return Some(AuditFault::Missing { expected, found: sequence });
        }
        if is_next && (self.complete || expected > 1) && raw.previous != self.last.hash {
            return Some(AuditFault::Unlinked { sequence });
        }
        let Ok(entry) = raw.clone().checked() else {
            return Some(AuditFault::Changed { sequence });
        };
        let hashes = self.hashes.get(&sequence);
        if hashes.is_some_and(|hashes| hashes.iter().any(|hash| *hash != entry.hash)) {
            return Some(AuditFault::Replaced { sequence });
        }
        if self.complete && entry.action == KEY_ANNOUNCED && !self.keys.announce(&entry) {
            return Some(AuditFault::KeyUnproven { sequence });
        }
        if self.keys.current().is_some() && is_due(sequence, &entry.action) {
            let at_once = decides(&entry.action);
            self.due.insert(sequence, Due { hash: entry.hash.clone(), at_once });
        }
        self.entries = self.entries.saturating_add(1);
        self.last = Head { sequence, hash: entry.hash };
        None
    }

    /// Checks the ends and the signatures, and says what was found.
    pub fn finish(mut self, signatures: &[RawSignature]) -> Verification {
        let known_through = self.hashes.keys().next_back().copied().unwrap_or(0);
        if self.fault.is_none() && self.complete {
            self.fault = self.fault_at_the_end(known_through, signatures);
        }
        let key = self.keys.current().map(PublicKey::id);
        let signed_through = signatures.iter().map(|signature| signature.sequence).max();
        let found = Verification {
            entries: self.entries,
            head: self.last,
            key,
            signed_through: signed_through.unwrap_or(0),
            known_through,
            complete: self.complete,
            fault: self.fault,
            unshown: Vec::new(),
        };
        Verification { unshown: found.limits(self.known), ..found }
    }

    fn fault_at_the_end(
        &self,
        known_through: i64,
        signatures: &[RawSignature],
    ) -> Option<AuditFault> {
        if self.last.sequence < known_through {
            let found = self.last.sequence;
            return Some(AuditFault::Truncated { expected: known_through, found });
        }
        if let Some(expected) = &self.known.key {
            let expected = expected.clone();
            match self.keys.current().map(PublicKey::id) {
                None => return Some(AuditFault::NoKey { expected }),
                Some(found) if found != expected => {
                    return Some(AuditFault::OtherKey { expected, found });
                }
                Some(_) => {}
            }
        }
        let mut stored = BTreeSet::new();
        for signature in signatures {
            let sequence = signature.sequence;
            let Some(due) = self.due.get(&sequence) else {
                return Some(AuditFault::StraySignature { sequence });
            };
            let head = Head { sequence, hash: due.hash.clone() };
            let is_first = stored.insert(sequence);
            if !is_first || !self.keys.accept(&head, signature) {
                return Some(AuditFault::WronglySigned { sequence });
            }
        }
        let mut signed_through = stored.last().copied().unwrap_or(0);
        for head in &self.known.heads {
            if let PublishedHead::Signed(signed) = head {
                let sequence = signed.head.sequence;
                if !self.keys.at(sequence).is_some_and(|key| key.has_signed(signed)) {
                    return Some(AuditFault::ForgedHead { sequence });
                }
                // Whoever publishes a signed head has signed all that was due before it.
                signed_through = signed_through.max(sequence);
            }
        }
        let unsigned = self.due.iter().find(|(sequence, due)| {
            (due.at_once || **sequence <= signed_through) && !stored.contains(*sequence)
        });
        unsigned.map(|(&sequence, _)| AuditFault::Unsigned { sequence })
    }
}

impl Verification {
    /// What it cannot show, however well everything fits.
    fn limits(&self, known: &Knowledge) -> Vec<String> {
        let mut limits = Vec::new();
        if !self.complete {
            limits.push(
                "this is a part of a log: entries missing from it, and its signatures, do not show"
                    .to_owned(),
            );
        }
        limits.push(match self.known_through {
            0 => {
                "no head from outside was given: entries cut off the end, or an end written anew, \
                  do not show"
                    .to_owned()
            }
            known => format!(
                "what came after entry {known}, the last head from outside, could have been cut off"
            ),
        });
        match &self.key {
            None if self.complete => limits.push(
                "the log has no key: whoever can write to the database can write all of it anew"
                    .to_owned(),
            ),
            Some(key) => {
                limits.push(format!(
                    "whoever holds the private key `{key}` can write all of it anew, up to heads \
                     that others keep"
                ));
                if known.key.is_none() {
                    limits.push(format!(
                        "that `{key}` is the home's own key: `centinel audit keys` there says so"
                    ));
                }
            }
            None => {}
        }
        limits
    }
}
