//! What a token says, and whether that is what was asked for.
//!
//! # Source
//!
//! RFC 7519 (JWT), section 4.1; OpenID Connect Core 1.0, sections 2 and 3.1.3.7.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::digest;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Number, Value};
use subtle::ConstantTimeEq as _;

use super::{Algorithm, OidcError, TokenType};

/// How far two clocks may be apart.
pub(super) const LEEWAY: SignedDuration = SignedDuration::from_secs(60);
/// Longest subject: that is what the standard allows.
const SUBJECT_MAX: usize = 255;

/// What a token says. A member that is there with another type makes the whole unreadable: nothing that
/// was meant to limit it is taken for absent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Claims {
    /// Who says it.
    pub iss: String,
    /// Of whom.
    pub sub: String,
    /// For whom it is said.
    #[serde(deserialize_with = "one_or_many")]
    pub aud: Vec<String>,
    /// For whom it was made, when several may read it.
    #[serde(default, deserialize_with = "present")]
    pub azp: Option<String>,
    /// From when on it says nothing any more.
    #[serde(deserialize_with = "instant")]
    pub exp: Timestamp,
    /// When it was made.
    #[serde(default, deserialize_with = "maybe_instant")]
    pub iat: Option<Timestamp>,
    /// Before when it says nothing.
    #[serde(default, deserialize_with = "maybe_instant")]
    pub nbf: Option<Timestamp>,
    /// When the person proved themselves.
    #[serde(default, deserialize_with = "maybe_instant")]
    pub auth_time: Option<Timestamp>,
    /// What the question held.
    #[serde(default, deserialize_with = "present")]
    pub nonce: Option<String>,
    /// Half a hash of the access token that came with it.
    #[serde(default, deserialize_with = "present")]
    pub at_hash: Option<String>,
    /// How well the person proved themselves.
    #[serde(default, deserialize_with = "present")]
    pub acr: Option<String>,
    /// With what.
    #[serde(default)]
    pub amr: Vec<String>,
    /// What an access token opens, separated by spaces.
    #[serde(default, deserialize_with = "present")]
    pub scope: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

/// What a token has to say to count.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// By whom.
    pub issuer: &'a str,
    /// For whom.
    pub audience: &'a str,
    /// The present.
    pub now: Timestamp,
}

impl Claims {
    /// Reads the claims of a token.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, OidcError> {
        serde_json::from_slice(payload).map_err(|_| OidcError::Token("its claims cannot be read"))
    }

    /// Whether they are by, for and of the time that was expected.
    ///
    /// # Errors
    ///
    /// [`OidcError::Claim`] names the first that is not.
    pub fn check(&self, expected: &Expected<'_>) -> Result<(), OidcError> {
        let Expected { issuer, audience, now } = *expected;
        let wrong = |name: &'static str, why: &'static str| Err(OidcError::Claim { name, why });
        if self.iss != issuer {
            return wrong("iss", "it is by another issuer");
        }
        if self.sub.is_empty() || self.sub.len() > SUBJECT_MAX {
            return wrong("sub", "it is of nobody");
        }
        if !self.aud.iter().any(|one| one == audience) {
            return wrong("aud", "it is for somebody else");
        }
        if now >= later(self.exp, LEEWAY) {
            return wrong("exp", "it has expired");
        }
        if self.nbf.is_some_and(|from| from > later(now, LEEWAY)) {
            return wrong("nbf", "it does not count yet");
        }
        match self.iat {
            None => wrong("iat", "it does not say when it was made"),
            Some(made) if made > later(now, LEEWAY) => wrong("iat", "it was made in the future"),
            Some(_) => Ok(()),
        }
    }

    /// Whether it was made for this client: what an identity token says in `azp`. In an access token it is
    /// who asked for it, which may be anybody.
    ///
    /// # Errors
    ///
    /// [`OidcError::Claim`].
    pub(super) fn check_party(&self, client: &str) -> Result<(), OidcError> {
        let why = match self.azp.as_deref() {
            None if self.aud.len() > 1 => "it does not say for whom it was made",
            Some(party) if party != client => "it was made for somebody else",
            _ => return Ok(()),
        };
        Err(OidcError::Claim { name: "azp", why })
    }

    /// Whether an access token may be taken from whoever shows it.
    ///
    /// One that is bound to a key (`cnf`: RFC 9449, RFC 8705) is worth nothing without a proof of that
    /// key, which nobody asks for here. An issuer that does not mark its access tokens could have its
    /// identity tokens taken for them: those hold what answers a sign-in, and no scope.
    ///
    /// # Errors
    ///
    /// [`OidcError::Claim`].
    pub(super) fn check_access(&self, kind: TokenType) -> Result<(), OidcError> {
        if self.others.contains_key("cnf") {
            let why = "it is bound to a key that was not shown";
            return Err(OidcError::Claim { name: "cnf", why });
        }
        let is_of_sign_in = self.nonce.is_some()
            || self.at_hash.is_some()
            || ["c_hash", "s_hash", "events"].iter().any(|name| self.others.contains_key(*name));
        if kind == TokenType::AccessUnmarked && is_of_sign_in {
            return Err(OidcError::Token("it was made for something else"));
        }
        Ok(())
    }

    /// What an access token was given for: `scope` (RFC 9068), else `scp`, as a text of words or a list.
    pub(super) fn scopes(&self) -> BTreeSet<String> {
        let said = match &self.scope {
            Some(scope) => vec![scope.as_str()],
            None => self.texts("scp").unwrap_or_default(),
        };
        said.into_iter().flat_map(str::split_ascii_whitespace).map(str::to_owned).collect()
    }

    /// The program that an access token was given to, as issuers name it.
    pub(super) fn client(&self) -> Option<&str> {
        let named = ["client_id", "cid", "appid"];
        let said = named.iter().find_map(|name| self.others.get(*name)?.as_str());
        said.or(self.azp.as_deref())
    }

    /// Whether it answers exactly this question, which was asked at an instant.
    ///
    /// # Errors
    ///
    /// [`OidcError::Claim`].
    pub(super) fn check_answers(&self, nonce: &str, asked: Timestamp) -> Result<(), OidcError> {
        let is_ours = self
            .nonce
            .as_ref()
            .is_some_and(|said| bool::from(said.as_bytes().ct_eq(nonce.as_bytes())));
        if !is_ours {
            return Err(OidcError::Claim { name: "nonce", why: "it answers another question" });
        }
        if self.iat.is_none_or(|made| later(made, LEEWAY) < asked) {
            return Err(OidcError::Claim { name: "iat", why: "it is older than the question" });
        }
        Ok(())
    }

    /// Whether the access token that came with it is the one that it names, if it names one.
    ///
    /// # Errors
    ///
    /// [`OidcError::Claim`].
    pub(super) fn check_access_token(
        &self,
        access_token: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<(), OidcError> {
        let Some(said) = &self.at_hash else { return Ok(()) };
        let matches = access_token.is_some_and(|token| {
            let hash = digest::digest(algorithm.hash(), token.as_bytes());
            let half = hash.as_ref().get(..hash.as_ref().len() / 2).unwrap_or_default();
            *said == BASE64_URL_SAFE_NO_PAD.encode(half)
        });
        if matches {
            Ok(())
        } else {
            Err(OidcError::Claim { name: "at_hash", why: "it came with another access token" })
        }
    }

    /// The texts of a claim that holds one or a list; `None` when it is not there.
    pub(super) fn texts(&self, claim: &str) -> Option<Vec<&str>> {
        match self.others.get(claim)? {
            Value::String(text) => Some(vec![text]),
            Value::Array(items) => Some(items.iter().filter_map(Value::as_str).collect()),
            _ => None,
        }
    }
}

pub(super) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// A text that is there; `null` is none.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let seconds = Number::deserialize(deserializer)?;
    let read = match seconds.as_i64() {
        Some(whole) => Timestamp::from_second(whole).ok(),
        None => seconds
            .as_f64()
            .and_then(|fraction| SignedDuration::try_from_secs_f64(fraction).ok())
            .and_then(|since| Timestamp::from_duration(since).ok()),
    };
    read.ok_or_else(|| de::Error::custom("no instant"))
}

fn maybe_instant<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    instant(deserializer).map(Some)
}
