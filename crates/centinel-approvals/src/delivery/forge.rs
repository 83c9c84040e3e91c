//! What Centinel asks of a forge, whichever it is.

use std::{future::Future, pin::Pin};

use serde::{Deserialize, Serialize};

/// What a forge answers, once it does.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, ForgeError>> + Send + 'a>>;

/// A pull request, or merge request, as the forge has it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Where people read it.
    pub url: String,
    /// Whether it is open.
    pub state: PullState,
    /// Its title; foreign text.
    pub title: String,
    /// Its body; foreign text.
    pub body: String,
    /// Its labels; foreign text.
    pub labels: Vec<String>,
    /// The commit that it proposes.
    pub head: String,
    /// The branch that it goes to.
    pub base: String,
    /// Logins that were asked to review it and have not done so.
    pub reviewers: Vec<String>,
}

/// Where a pull request stands. A login is that of the forge: whose account it is, the caller knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PullState {
    /// It can be merged.
    Open,
    /// Somebody closed it; not said who where the forge does not say.
    Closed {
        /// Their login.
        by: Option<String>,
    },
    /// Somebody merged it.
    Merged {
        /// Their login.
        by: Option<String>,
        /// The commit on the base branch.
        commit: Option<String>,
    },
}

/// A pull request to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPullRequest {
    /// Our branch.
    pub branch: String,
    /// The branch that it goes to.
    pub base: String,
    /// Its title.
    pub title: String,
    /// Its body, Markdown.
    pub body: String,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The login of its author.
    pub author: String,
    /// Its text; foreign.
    pub body: String,
}

/// Who is asked to look: `@login`, or `@organisation/team`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reviewer {
    /// A person, by login.
    Person(String),
    /// A team: the part after the slash.
    Team(String),
}

/// A forge: one repository of GitHub or GitLab. Each operation may be repeated: the second time finds
/// what the first did.
pub trait Forge: Send + Sync {
    /// The pull request of a branch of this repository, in any state: the open one, else the newest.
    fn find<'a>(&'a self, branch: &'a str) -> Reply<'a, Option<PullRequest>>;
    /// A pull request by number, with who merged or closed it.
    fn read(&self, number: u64) -> Reply<'_, PullRequest>;
    /// Opens one; where the branch has an open one already, that is given.
    fn open<'a>(&'a self, new: &'a NewPullRequest) -> Reply<'a, PullRequest>;
    /// Sets title and body.
    fn describe<'a>(&'a self, number: u64, title: &'a str, body: &'a str) -> Reply<'a, ()>;
    /// Adds labels; those that others set stay.
    fn label<'a>(&'a self, number: u64, labels: &'a [String]) -> Reply<'a, ()>;
    /// Adds a comment. Not repeatable by itself: look at [`Forge::comments`] first.
    fn comment<'a>(&'a self, number: u64, body: &'a str) -> Reply<'a, ()>;
    /// All comments.
    fn comments(&self, number: u64) -> Reply<'_, Vec<Comment>>;
    /// Closes it without merging.
    fn close(&self, number: u64) -> Reply<'_, ()>;
    /// Opens a closed one again.
    fn reopen(&self, number: u64) -> Reply<'_, ()>;
    /// Asks people to review it.
    fn request_reviewers<'a>(&'a self, number: u64, who: &'a [Reviewer]) -> Reply<'a, ()>;
}

/// What became of a request to open that was not simply answered: the open one of the branch, where there is
/// one. A status that says so, or an answer that was lost, may mean that there is.
pub(super) async fn opened_all_the_same(
    failed: ForgeError,
    says_there_is_one: &[u16],
    found: impl Future<Output = Result<Option<PullRequest>, ForgeError>>,
) -> Result<PullRequest, ForgeError> {
    let look = match &failed {
        ForgeError::Unknown { .. } | ForgeError::Payload { .. } => true,
        ForgeError::Status { status, .. } => says_there_is_one.contains(status),
        _ => false,
    };
    if look
        && let Ok(Some(pull)) = found.await
        && pull.state == PullState::Open
    {
        return Ok(pull);
    }
    Err(failed)
}

/// Why a forge did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// The address of the API is none.
    #[error("`{0}` is no address of an API: `https://host/path`, without user and password")]
    Address(String),
    /// The name of the repository is none.
    #[error("`{0}` is no repository: it is named `owner/name`")]
    Repository(String),
    /// A credential would travel readable.
    #[error("`{0}` is not encrypted: the credential was not sent")]
    Unencrypted(String),
    /// The credential cannot stand in a header.
    #[error("the credential of the forge holds characters that no credential has")]
    BadCredential,
    /// The client could not be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
    /// The credential is unknown, or no longer known.
    #[error("`{address}` does not accept the credential (401){said}")]
    Unauthorized {
        /// Which address.
        address: String,
        /// What it said.
        said: String,
    },
    /// The credential may not do this.
    #[error("`{address}` is not open to this credential (403){said}")]
    Forbidden {
        /// Which address.
        address: String,
        /// What it said.
        said: String,
    },
    /// Not there, or hidden from this credential.
    #[error("`{address}` is not there, or the credential may not see it (404)")]
    NotFound {
        /// Which address.
        address: String,
    },
    /// Asked too often.
    #[error("`{address}` was asked too often{said}")]
    RateLimit {
        /// Which address.
        address: String,
        /// What it said.
        said: String,
    },
    /// A wait that is longer than we wait.
    #[error("`{address}` asks to wait {seconds} s; the next run goes on from here")]
    AskedToWait {
        /// Which address.
        address: String,
        /// How long.
        seconds: u64,
    },
    /// Any other answer that is none.
    #[error("`{address}` answered {status}{said}")]
    Status {
        /// Which address.
        address: String,
        /// Its status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// The forge sends us elsewhere.
    #[error(
        "`{address}` redirects, as for a repository that was renamed; the credential was not sent on"
    )]
    Redirected {
        /// Which address.
        address: String,
    },
    /// No answer.
    #[error("`{address}` cannot be reached: {reason}")]
    Lost {
        /// Which address.
        address: String,
        /// Why.
        reason: String,
    },
    /// No answer to a request that may have had its effect; somebody must look.
    #[error("nobody knows whether `{address}` did it: {reason}")]
    Unknown {
        /// Which address.
        address: String,
        /// Why.
        reason: String,
    },
    /// The body does not end.
    #[error("the answer of `{address}` has more than {bytes} bytes")]
    TooLarge {
        /// Which address.
        address: String,
        /// The limit.
        bytes: usize,
    },
    /// A list that does not end.
    #[error("`{address}` has more than {pages} pages")]
    TooLong {
        /// Which address.
        address: String,
        /// The limit.
        pages: u32,
    },
    /// A body that is not what the documentation says.
    #[error("the answer of `{address}` is not what its documentation says: {reason}")]
    Payload {
        /// Which address.
        address: String,
        /// Why.
        reason: String,
    },
    /// People who cannot be asked.
    #[error("cannot be asked to review: {0}")]
    Reviewers(String),
}

impl ForgeError {
    /// What the person can do now; `None` when the message says it all.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unauthorized { .. } | Self::BadCredential => {
                Some("is the token still valid, and of this forge?")
            }
            Self::Forbidden { .. } => {
                Some("the token needs to write contents and pull requests of the repository")
            }
            Self::NotFound { .. } => {
                Some("check the repository's name, `base_url`, and that the token may see it")
            }
            Self::Redirected { .. } => Some("correct the repository's name in the configuration"),
            Self::Unencrypted(_) => {
                Some("use `https://`, or state `plain_http = true` for a network of your own")
            }
            _ => None,
        }
    }

    /// Whether the same request may succeed later, nothing else being changed.
    pub fn passes(&self) -> bool {
        match self {
            Self::RateLimit { .. }
            | Self::AskedToWait { .. }
            | Self::Lost { .. }
            | Self::Unknown { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            _ => false,
        }
    }
}
