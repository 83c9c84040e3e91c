//! Heads that somebody kept outside of the database.

use std::{fmt, str::FromStr};

use super::{Head, KeyId, SignedHead};

/// A head from outside: with its signature, or just number and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishedHead {
    /// `42:<hash>`.
    Plain(Head),
    /// `42:<hash>:<key id>:<signature>`.
    Signed(SignedHead),
}

impl PublishedHead {
    /// Where the log was known to end.
    pub fn head(&self) -> &Head {
        match self {
            Self::Plain(head) => head,
            Self::Signed(signed) => &signed.head,
        }
    }

    /// Every head in a text: a list of them, or the pull requests and messages that they were pasted
    /// into.
    pub fn all_in(text: &str) -> Vec<Self> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_');
        text.split(|c| !is_part(c)).filter_map(|word| word.parse().ok()).collect()
    }
}

impl fmt::Display for PublishedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(head) => head.fmt(f),
            Self::Signed(signed) => signed.fmt(f),
        }
    }
}

impl FromStr for PublishedHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.matches(':').count() > 1 {
            text.parse().map(Self::Signed)
        } else {
            text.parse().map(Self::Plain)
        }
    }
}

/// What is known of a log from outside of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Knowledge {
    /// Heads that it had.
    pub heads: Vec<PublishedHead>,
    /// The key that its home holds.
    pub key: Option<KeyId>,
}

impl Knowledge {
    /// One head, if any.
    pub fn of(head: Option<&Head>) -> Self {
        Self { heads: head.cloned().map(PublishedHead::Plain).into_iter().collect(), key: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_found_in_what_people_paste() {
        let hash = "0a".repeat(32);
        let text = format!("Audit head: `7:{hash}`.\n<!-- 12:{hash} -->\n12:30 in room 4:beef");
        let found: Vec<String> =
            PublishedHead::all_in(&text).iter().map(ToString::to_string).collect();
        assert_eq!(found, [format!("7:{hash}"), format!("12:{hash}")]);
        assert!("7".parse::<PublishedHead>().is_err());
        assert!(format!("7:{hash}:x").parse::<PublishedHead>().is_err());
    }
}
