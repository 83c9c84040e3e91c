//! Tokens that a server is started with.

use std::fmt;

use axum::http::request::Parts;
use centinel_engine::facts::sha256_hex;
use subtle::ConstantTimeEq as _;

use super::{Admission, Asked, Challenge, Gatekeeper, Turned};
use crate::ports::Principal;

/// A bearer token and whom it stands for. Keeps a digest, not the secret.
#[derive(Clone)]
pub struct AccessToken {
    digest: String,
    principal: Principal,
}

impl AccessToken {
    /// A token with its subject.
    pub fn new(secret: &str, subject: &str) -> Self {
        Self { digest: sha256_hex(secret.as_bytes()), principal: Principal::subject(subject) }
    }

    /// Whether a secret is this token's. Digests are compared, in constant time.
    pub fn is_of(&self, secret: &str) -> bool {
        let digest = sha256_hex(secret.as_bytes());
        self.digest.as_bytes().ct_eq(digest.as_bytes()).into()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// Lets in whoever shows one of these.
#[derive(Debug)]
pub(crate) struct FixedTokens(Vec<AccessToken>);

impl FixedTokens {
    pub(crate) fn new(tokens: Vec<AccessToken>) -> Self {
        Self(tokens)
    }
}

impl Gatekeeper for FixedTokens {
    /// Takes the same time for any wrong token: all are compared.
    fn token<'a>(&'a self, token: &'a str) -> Asked<'a> {
        let found = self.0.iter().fold(None, |found, known| {
            if known.is_of(token) { Some(known.principal.clone()) } else { found }
        });
        let wrong = || Turned::WrongToken("the token is unknown".to_owned());
        Box::pin(std::future::ready(found.map(Admission::As).ok_or_else(wrong)))
    }

    fn nothing<'a>(&'a self, _request: &'a Parts) -> Asked<'a> {
        Box::pin(std::future::ready(Err(Turned::NoToken)))
    }

    fn challenge(&self) -> Option<&Challenge> {
        None
    }

    fn turned_away(&self, why: &Turned) {
        tracing::debug!(%why, "a request was turned away");
    }
}
