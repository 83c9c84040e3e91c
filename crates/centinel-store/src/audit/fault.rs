//! What can be wrong with a log.

use serde::Serialize;

use super::KeyId;

/// What is wrong with the log, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum AuditFault {
    /// A number is missing, or out of order.
    #[error("audit entry {expected} is missing; entry {found} comes next")]
    Missing {
        /// The number that should come.
        expected: i64,
        /// The number that does.
        found: i64,
    },
    /// The content is not what was hashed.
    #[error("audit entry {sequence} was changed after it was written")]
    Changed {
        /// Which.
        sequence: i64,
    },
    /// The entry belongs to another past.
    #[error("audit entry {sequence} does not follow the entry before it")]
    Unlinked {
        /// Which.
        sequence: i64,
    },
    /// The log ends before the head that it had.
    #[error("audit log ends at entry {found}; it once ended at {expected}")]
    Truncated {
        /// Sequence number of the known head.
        expected: i64,
        /// Where it ends now.
        found: i64,
    },
    /// The log has another entry where the known head was.
    #[error("audit entry {sequence} is not the one whose hash was recorded")]
    Replaced {
        /// Which.
        sequence: i64,
    },
    /// The row that says where the log ends is behind it.
    #[error("the recorded head is entry {recorded}, but the log goes on to entry {found}")]
    HeadBehind {
        /// What the row says.
        recorded: i64,
        /// Where the log ends.
        found: i64,
    },
    /// A key that the key before it does not name.
    #[error("audit entry {sequence} announces a key that the key before it has not signed")]
    KeyUnproven {
        /// Which.
        sequence: i64,
    },
    /// The key in force is not the one that the home holds.
    #[error("the log is signed by key `{found}`; this home holds `{expected}`")]
    OtherKey {
        /// The home's.
        expected: KeyId,
        /// The log's.
        found: KeyId,
    },
    /// The home holds a key, and the log knows none.
    #[error("the log announces no key; this home holds `{expected}`")]
    NoKey {
        /// The home's.
        expected: KeyId,
    },
    /// A signature that must be there is not.
    #[error("audit entry {sequence} must be signed and is not")]
    Unsigned {
        /// Which.
        sequence: i64,
    },
    /// A signature that is none, or by a key that was not in force.
    #[error("the signature of audit entry {sequence} is not one of the key in force")]
    WronglySigned {
        /// Which.
        sequence: i64,
    },
    /// A signature of an entry that needs none, or that does not exist.
    #[error("there is a signature of entry {sequence}, which nobody signed")]
    StraySignature {
        /// Which.
        sequence: i64,
    },
    /// A head from outside that no key of the log signed.
    #[error("the given head of entry {sequence} bears no signature of this log's key")]
    ForgedHead {
        /// Which.
        sequence: i64,
    },
}

impl AuditFault {
    /// The first sequence number that cannot be trusted.
    pub fn sequence(&self) -> i64 {
        match self {
            Self::Missing { expected, .. } => *expected,
            Self::Changed { sequence }
            | Self::Unlinked { sequence }
            | Self::Replaced { sequence }
            | Self::KeyUnproven { sequence }
            | Self::Unsigned { sequence }
            | Self::WronglySigned { sequence }
            | Self::StraySignature { sequence }
            | Self::ForgedHead { sequence } => *sequence,
            Self::Truncated { found, .. } => found.saturating_add(1),
            Self::HeadBehind { recorded, .. } => recorded.saturating_add(1),
            Self::OtherKey { .. } | Self::NoKey { .. } => 1,
        }
    }
}
