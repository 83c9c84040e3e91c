//! Why somebody could not sign in through a provider.

use centinel_store::{StoreError, links::OutsideAccount};
use jiff::Timestamp;

use crate::{ApprovalError, escape::visible_line};

/// Longest part of what a provider says that is shown, in characters.
const SHOWN_MAX: usize = 120;

/// Why a token, a provider or a sign-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The configuration of a provider cannot be used.
    #[error("identity provider `{name}`: {reason}")]
    Settings {
        /// The provider.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No provider of this name is configured.
    #[error("there is no identity provider `{0}`")]
    NoProvider(String),
    /// The provider could not be asked, or did not answer as it should.
    #[error("asking the identity provider at `{address}`: {reason}")]
    Unanswered {
        /// Where, without query.
        address: String,
        /// Why.
        reason: String,
    },
    /// The discovery document is not that of the configured issuer.
    #[error("the identity provider's discovery document: {0}")]
    Discovery(String),
    /// The keys cannot be used.
    #[error("the identity provider's keys: {0}")]
    Keys(&'static str),
    /// No key of the issuer is the token's.
    #[error("the identity provider has no key `{0}` that could have signed this token")]
    UnknownKey(String),
    /// An algorithm that proves nothing here.
    #[error("the token is signed with `{0}`, which is not accepted")]
    Algorithm(String),
    /// What came is no token.
    #[error("the token cannot be used: {0}")]
    Token(&'static str),
    /// The signature is not by the issuer's key.
    #[error("the token's signature is wrong")]
    Signature,
    /// A claim is not what was expected.
    #[error("the token's claim `{name}`: {why}")]
    Claim {
        /// Which.
        name: &'static str,
        /// Why.
        why: &'static str,
    },
    /// This browser did not begin this sign-in, or it took too long, or it is done already.
    #[error("this sign-in was not begun by this browser, took too long, or was used already")]
    NotPending,
    /// The provider said no.
    #[error("the identity provider refused: {0}")]
    Refused(String),
    /// Nobody here is linked to who signed in.
    #[error("nobody here is linked to `{0}`")]
    NotLinked(OutsideAccount),
    /// The account may not act any more.
    #[error("the account is not active")]
    NotActive,
    /// Somebody else proved themselves.
    #[error("somebody else signed in at the identity provider than whose session this is")]
    SomebodyElse,
    /// The proof is not fresh.
    #[error("the identity provider does not say that you proved yourself just now")]
    NotFresh {
        /// When, where it says so.
        proved_at: Option<Timestamp>,
    },
    /// As without a provider.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
}

impl From<StoreError> for OidcError {
    fn from(error: StoreError) -> Self {
        Self::Approval(error.into())
    }
}

impl OidcError {
    /// What the person can do now; `None` when nothing.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotPending | Self::NotFresh { .. } => Some("begin again".to_owned()),
            // The subject is the provider's text, and this line is copied into a shell.
            Self::NotLinked(account) if is_plain(account.id()) => {
                Some(format!("an admin links you: `centinel person link NAME '{account}'`"))
            }
            Self::NotLinked(_) => Some("an admin links you: `centinel person link`".to_owned()),
            Self::Approval(error) => error.hint(),
            _ => None,
        }
    }

    /// Whether it is the machinery that failed, rather than somebody being refused.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Settings { .. } | Self::Unanswered { .. } | Self::Discovery(_) => true,
            Self::Approval(error) => matches!(error, ApprovalError::Store(_)),
            _ => false,
        }
    }
}

/// A foreign text, as it may stand in a line of ours.
pub(super) fn shown(text: &str) -> String {
    visible_line(text).take(SHOWN_MAX).collect()
}

/// Whether a text can stand between single quotes in a shell.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "._-@|:+=/".contains(c))
}
