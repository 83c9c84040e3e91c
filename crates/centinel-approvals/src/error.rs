//! What can go wrong, in words for the person who asked.

use centinel_engine::{
    facts::CanonicalError,
    proposal::{Channel, ProposalError, ProposalId, Refusal, RoleError, ScopeError},
};
use centinel_store::{
    StoreError,
    links::{AccountError, OutsideAccount},
};
use jiff::Timestamp;

/// Why nothing was proposed, decided or changed.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// A rule of proposals or of the policy says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The draft is no proposal.
    #[error(transparent)]
    Draft(#[from] ProposalError),
    /// The evidence that a draft names was never stored.
    #[error("there is no evidence `bundle:{0}`")]
    NoEvidence(String),
    /// Another open proposal asks for the same.
    #[error("proposal `{0}` already asks for this change")]
    AlreadyOpen(ProposalId),
    /// Unknown account, wrong password or wrong code; not said which.
    #[error("name, password or code is wrong")]
    WrongCredential,
    /// The password is right, and the account has a second factor.
    #[error("a code of the second factor is needed")]
    CodeNeeded,
    /// The first code of a second factor that is being set up is not the one that the app would show.
    #[error("the code is not the one that belongs to this key now")]
    WrongCode,
    /// The policy wants a second factor of whoever approves this.
    #[error("proposal `{0}` is approved with a second factor only")]
    SecondFactorNeeded(ProposalId),
    /// No session has this secret, or it is over.
    #[error("the session is over")]
    NoSession,
    /// A request that changes something came from elsewhere than our own page.
    #[error("the request does not come from a page of this session")]
    WrongCsrfToken,
    /// What cannot be undone needs a fresh proof.
    #[error("proposal `{0}` cannot be undone: it is approved within five minutes of signing in")]
    ProveAgain(ProposalId),
    /// Linking an account needs a fresh proof.
    #[error("an account is linked within five minutes of signing in")]
    ProveAgainToLink,
    /// No account asked for this code, or it is used, replaced or too old.
    #[error("the code is unknown, was used, or is older than ten minutes")]
    NoCode,
    /// An account asked for one code after the other.
    #[error("`{0}` asked for too many codes: wait ten minutes, or use the last one")]
    TooManyCodes(OutsideAccount),
    /// An account outside belongs to one person.
    #[error("`{0}` is linked to another person already")]
    AlreadyLinked(OutsideAccount),
    /// Nobody knows who an account outside is.
    #[error("`{0}` is linked to no active person")]
    NotLinked(OutsideAccount),
    /// A text is no account outside.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Only a forge merges.
    #[error("`{0}` is no account of a forge")]
    NotAForge(OutsideAccount),
    /// What an account outside is not enough for.
    #[error("proposal `{id}` is not decided through {}: it takes a sign-in", channel.as_str())]
    NotByLink {
        /// Which proposal.
        id: ProposalId,
        /// Where the person tried.
        channel: Channel,
    },
    /// Too many wrong credentials.
    #[error("too many wrong passwords: nothing is tried for this account until {until}")]
    Locked {
        /// End of the lock.
        until: Timestamp,
    },
    /// No token has this secret.
    #[error("the service token is unknown, was revoked, or is over")]
    WrongToken,
    /// A token that could do nothing.
    #[error("service token `{0}` needs a scope")]
    NoScope(String),
    /// The name of an agent that needs no token.
    #[error("no service token can have the name `{0}`: it stands for an agent without one")]
    ReservedName(String),
    /// A token that would be over before it begins.
    #[error("service token `{0}` would have expired already")]
    ExpiredToken(String),
    /// The token may not do this.
    #[error("service token `{token}` lacks the scope `propose`")]
    MissingScope {
        /// Name of the token.
        token: String,
    },
    /// There are people already.
    #[error("there is already an account; a person with the role `admin` adds others")]
    AlreadyInitialised,
    /// Only admins manage people.
    #[error("`{0}` does not hold the role `admin`")]
    NotAnAdmin(String),
    /// Nobody could manage people any more.
    #[error("`{0}` is the last account with the role `admin`")]
    LastAdmin(String),
    /// A name that cannot be told apart, or holds more than a name.
    #[error("name `{0}` must be 1 to 64 of `a` to `z`, digits, `.`, `_`, `-`, `@`")]
    Name(String),
    /// A linked account does not exist.
    #[error("there is no account `{0}`")]
    NoAccount(String),
    /// A new account needs a credential.
    #[error("new account `{0}` needs a password")]
    NoPassword(String),
    /// The password is too short, or too long to be typed.
    #[error("a password needs {min} to {max} characters", min = Self::PASSWORD_MIN, max = Self::PASSWORD_MAX)]
    WeakPassword,
    /// A text is no role.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// A text is no scope of a token.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// A password could not be hashed, or no random bytes were to be had.
    #[error("cannot protect the secret: {0}")]
    Secret(String),
    /// A value has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The database refused, failed, or holds what nobody wrote.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ApprovalError {
    /// Fewest characters of a password.
    pub(crate) const PASSWORD_MIN: usize = 12;
    /// Most characters of a password.
    pub(crate) const PASSWORD_MAX: usize = 512;

    /// What the person can do now; `None` when nothing.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => refusal.hint(),
            Self::NoEvidence(_) => Some("store the bundle first, then propose on it".to_owned()),
            Self::AlreadyOpen(id) => Some(format!("`centinel show {id}` shows it")),
            Self::Scope(_) | Self::NoScope(_) => {
                Some("tokens take `read` and `propose`".to_owned())
            }
            Self::SecondFactorNeeded(_) => {
                Some("set one up: `centinel person second-factor`".to_owned())
            }
            Self::CodeNeeded => Some("look at your authenticator app".to_owned()),
            Self::WrongCode => {
                Some("wait for the next code, and look at this machine's clock".to_owned())
            }
            Self::NotByLink { id, .. } => {
                Some(format!("use `centinel approve {id}` or the web page"))
            }
            Self::NotLinked(_) => Some(
                "link it: `/centinel link` in Slack, or an admin's `centinel person link`"
                    .to_owned(),
            ),
            Self::NoCode => {
                Some("ask for a new one where the account is: `/centinel link`".to_owned())
            }
            Self::AlreadyLinked(account) => {
                Some(format!("that person, or an admin: `centinel person unlink {account}`"))
            }
            Self::NoSession | Self::ProveAgain(_) | Self::ProveAgainToLink => {
                Some("sign in again".to_owned())
            }
            Self::Store(StoreError::Corrupt { .. }) => {
                Some("`centinel audit verify` says where the log was changed".to_owned())
            }
            Self::Store(StoreError::NotOurKey { .. }) => Some(
                "decide where the home's `audit.key` is, or give this process that key".to_owned(),
            ),
            Self::Store(StoreError::Rewritten { .. }) => {
                Some("`centinel audit verify` says where the log was changed".to_owned())
            }
            _ => None,
        }
    }

    /// Whether something failed that whoever asked can do nothing about.
    pub(crate) fn is_store_failure(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Canonical(_) | Self::Secret(_))
    }

    /// Whether a rule said no, rather than something failing (exit code 4 of the command line).
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::SecondFactorNeeded(_)
                | Self::ProveAgain(_)
                | Self::NotLinked(_)
                | Self::NotByLink { .. }
        )
    }
}
