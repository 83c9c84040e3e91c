//! The third port: documents that people attach to a conversation, and what can be typed to find them.
//!
//! A document says nothing that a tool does not say too, but for the text of policies: those are files
//! that people wrote, shown as they are.

use centinel_engine::{facts::Bundle, period::Period, series::Dimension};

use crate::ports::{Principal, Reply};

/// Policies, stored evidence, and the values that complete an argument. Limited to what `caller` may
/// see, like every [`Answers`](crate::Answers).
pub trait Documents: Send + Sync + 'static {
    /// The policies in force, by name. Empty for a caller who does not see all spend: a policy names
    /// teams and amounts of everybody.
    fn policies<'a>(&'a self, caller: &'a Principal) -> Reply<'a, Vec<PolicyDocument>>;

    /// A stored bundle by its address, as an answer's `evidence_id` gave it; refuses one that is not for
    /// this caller just as one that does not exist.
    fn evidence<'a>(&'a self, caller: &'a Principal, evidence_id: &'a str) -> Reply<'a, Bundle>;

    /// Values of a dimension as the data spells them, largest cost of the last 90 days first, at most
    /// 1,000.
    fn values<'a>(&'a self, caller: &'a Principal, dimension: Dimension) -> Reply<'a, Vec<String>>;

    /// From the first to the last moment of the data; `None` while there is none.
    fn span<'a>(&'a self, caller: &'a Principal) -> Reply<'a, Option<Period>>;
}

/// One policy as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDocument {
    /// Letters, digits, `.`, `_` and `-`: `budgets`, `access.default`.
    pub name: String,
    /// What it rules, in words of ours.
    pub title: &'static str,
    /// How it is written.
    pub format: PolicyFormat,
    /// The text of the file.
    pub text: String,
}

/// How a policy is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyFormat {
    /// TOML.
    Toml,
    /// Cedar.
    Cedar,
    /// Comma-separated values.
    Csv,
}

impl PolicyFormat {
    /// Its media type.
    pub(crate) fn mime_type(self) -> &'static str {
        match self {
            Self::Toml => "application/toml",
            Self::Cedar => "text/plain",
            Self::Csv => "text/csv",
        }
    }
}
