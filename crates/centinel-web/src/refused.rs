//! Requests that were refused before anybody was asked: counted, told to whoever runs the server, and,
//! where a person or a token was recognised, kept in the audit log. `/mcp` counts here as well.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use centinel_engine::proposal::Principal;

use crate::WebState;

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was sent to a name that is none of ours.
    ForeignHost,
    /// A page of another site sent it.
    ForeignPage,
    /// It does not carry what our own form carries.
    WrongForm,
    /// Nobody is signed in.
    NoSession,
    /// A token was shown where a person decides.
    Token,
    /// Two cookies of one name: one may have been planted.
    TwoCookies,
    /// Name, password or code is wrong, or the account is locked.
    WrongCredential,
    /// A webhook that nobody signed with our secret, or not lately.
    WrongSignature,
    /// `/mcp`: no token where one is needed.
    NoToken,
    /// `/mcp`: a token that does not hold.
    WrongToken,
    /// `/mcp`: a token that is not for what was asked.
    MissingScope,
    /// `/mcp`: a token of somebody whom nobody here knows.
    NotLinked,
    /// `/mcp`: more requests than one holder may send.
    TooMany,
}

impl Why {
    /// Every reason.
    pub(crate) const ALL: [Self; 13] = [
        Self::ForeignHost,
        Self::ForeignPage,
        Self::WrongForm,
        Self::NoSession,
        Self::Token,
        Self::TwoCookies,
        Self::WrongCredential,
        Self::WrongSignature,
        Self::NoToken,
        Self::WrongToken,
        Self::MissingScope,
        Self::NotLinked,
        Self::TooMany,
    ];

    /// The label of the metric.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ForeignHost => "foreign_host",
            Self::ForeignPage => "foreign_page",
            Self::WrongForm => "wrong_form",
            Self::NoSession => "no_session",
            Self::Token => "token",
            Self::TwoCookies => "two_cookies",
            Self::WrongCredential => "wrong_credential",
            Self::WrongSignature => "wrong_signature",
            Self::NoToken => "no_token",
            Self::WrongToken => "wrong_token",
            Self::MissingScope => "missing_scope",
            Self::NotLinked => "not_linked",
            Self::TooMany => "too_many",
        }
    }

    /// What the audit log says of it.
    fn words(self) -> &'static str {
        match self {
            Self::ForeignHost => "the request was sent to another name",
            Self::ForeignPage => "the request does not come from a page of this server",
            Self::WrongForm => "the request does not come from a form of this server",
            Self::NoSession => "nobody is signed in",
            Self::Token => "a service token decides nothing",
            Self::TwoCookies => "the request has two cookies of one name",
            Self::WrongCredential => "name, password or code is wrong",
            Self::WrongSignature => "the request is not signed with our secret",
            Self::NoToken => "no token was shown",
            Self::WrongToken => "the token does not hold",
            Self::MissingScope => "the token is not for this",
            Self::NotLinked => "nobody here is linked to whom the token is of",
            Self::TooMany => "too many requests",
        }
    }
}

/// How often requests were refused since the server started, by reason: what the page, the API, `/mcp` and
/// the webhooks of one server count in together, and `/metrics` shows. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<[AtomicU64; Why::ALL.len()]>);

impl Refusals {
    /// Counts one.
    pub fn count(&self, why: Why) {
        tracing::warn!(reason = why.name(), "a request was refused");
        if let Some(count) = self.0.get(why as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there were.
    pub fn so_far(&self, why: Why) -> u64 {
        self.0.get(why as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// Counts a refusal, and keeps it in the audit log as an attempt of somebody who was recognised.
/// `subject` is what they tried it on.
pub(crate) async fn refuse(state: &WebState, by: Option<&Principal>, subject: &str, why: Why) {
    state.refusals().count(why);
    let Some(by) = by else { return };
    let approvals = state.whole().approvals();
    if let Err(error) = approvals.keep_refusal(by, subject, why.words(), state.now()).await {
        // It is refused all the same.
        tracing::error!(%error, "a refusal could not be kept in the audit log");
    }
}
