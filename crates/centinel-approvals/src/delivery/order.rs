//! What is delivered, with what, and what becomes of it.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use centinel_engine::{attribution::Dialect, proposal::Proposal};
use jiff::{SignedDuration, Timestamp};

use super::{
    ForgeError, GitError, Known, Note, PlanError, PullRequest, Signature, Step, UPDATE_AFTER, Wish,
    Words,
};

/// Keeps steps, durably, before the next one is taken.
pub trait Journal: Send + Sync {
    /// Keeps a step; an error stops the delivery there.
    fn note<'a>(
        &'a self,
        step: &'a Step,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;
}

/// What is configured for one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The branch that changes go to; `None` takes the repository's default.
    pub base: Option<String>,
    /// Who commits.
    pub signature: Signature,
    /// As which forge `CODEOWNERS` is read.
    pub dialect: Dialect,
    /// Handles of teams, as `CODEOWNERS` writes them.
    pub handles: BTreeMap<String, Vec<String>>,
    /// Labels besides our own.
    pub labels: Vec<String>,
    /// Shortest time between two updates that change nothing that was proposed.
    pub update_after: SignedDuration,
}

impl Settings {
    /// Settings with the usual bounds.
    pub fn new(signature: Signature) -> Self {
        Self {
            base: None,
            signature,
            dialect: Dialect::Github,
            handles: BTreeMap::new(),
            labels: Vec::new(),
            update_after: UPDATE_AFTER,
        }
    }
}

/// What is delivered.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The proposal, its current version.
    pub proposal: &'a Proposal,
    /// Digest of that version.
    pub digest: &'a str,
    /// The repository by its name in the configuration.
    pub repository: &'a str,
    /// Our branch, where one was recorded; else it is named by the proposal.
    pub branch: Option<&'a str>,
    /// What the proposal wants.
    pub wish: Wish,
    /// Texts of the body.
    pub words: &'a Words,
    /// What we know from steps before.
    pub known: &'a Known,
    /// Whether another pull request may be opened.
    pub has_room: bool,
    /// The time.
    pub now: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is open, and as it should be.
    Open {
        /// The pull request as it was seen last.
        pull: Box<PullRequest>,
        /// What is not as it should be, and does not stop anything: people who cannot be asked.
        warnings: Vec<String>,
    },
    /// Closed by us, or never opened; nothing of ours is left there that should not be.
    Closed,
    /// A person closed it.
    ClosedBy(Option<String>),
    /// A person merged it.
    MergedBy {
        /// Their login.
        by: Option<String>,
        /// The commit on the base branch.
        commit: Option<String>,
        /// Whether what they merged is our commit of this version, into the branch that it is for. Only
        /// then did they merge what the proposal says.
        is_as_delivered: bool,
    },
    /// Somebody else works on the branch, or took it away: nothing of theirs was touched.
    StoodBack(Note),
    /// The proposed values are on the base branch already.
    AlreadyThere,
    /// As many are open as may be.
    Waits,
    /// An update without news waits until then.
    Later(Timestamp),
}

/// Why it was not delivered; trying again goes on where it stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The proposal does not fit the repository as it is now.
    #[error(transparent)]
    Plan(PlanError),
    /// Git did not do it.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The forge did not do it.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// A step could not be kept.
    #[error("a step of the delivery could not be kept: {0}")]
    Journal(String),
}

impl From<PlanError> for DeliveryError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Git(error) => Self::Git(error),
            error => Self::Plan(error),
        }
    }
}
