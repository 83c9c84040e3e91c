//! What a provider says of itself.
//!
//! # Source
//!
//! OpenID Connect Discovery 1.0, sections 3 and 4.3; RFC 8414, section 3.3 (the issuer must be the one
//! that was asked); RFC 9207, section 3.

use reqwest::Url;
use serde::Deserialize;

use super::{OidcError, error::shown};
use crate::delivery::is_here;

/// Where the document lies, after the issuer.
pub(super) const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// The members of the document that count.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// A provider's addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Where a person is sent.
    pub(super) authorization: Url,
    /// Where a code is exchanged.
    pub(super) token: Url,
    /// Where its keys lie.
    pub(super) keys: Url,
    /// Whether the client's secret goes into the `Authorization` header rather than the form.
    pub(super) basic: bool,
    /// Whether it names itself in every answer.
    pub(super) names_itself: bool,
}

impl Metadata {
    /// Reads the document of an issuer.
    pub(super) fn parse(document: &[u8], issuer: &str) -> Result<Self, OidcError> {
        let document: Document = serde_json::from_slice(document)
            .map_err(|error| OidcError::Discovery(shown(&error.to_string())))?;
        if document.issuer != issuer {
            let other = shown(&document.issuer);
            return Err(OidcError::Discovery(format!("it is of `{other}`, not of `{issuer}`")));
        }
        let plain = Url::parse(issuer).is_ok_and(|issuer| is_plain_here(&issuer));
        let address = |text: &str| {
            address(text, plain)
                .ok_or_else(|| OidcError::Discovery(format!("`{}` is no address", shown(text))))
        };
        let methods = document.token_endpoint_auth_methods_supported;
        Ok(Self {
            authorization: address(&document.authorization_endpoint)?,
            token: address(&document.token_endpoint)?,
            keys: address(&document.jwks_uri)?,
            // Without a list it is this one, by the standard.
            basic: methods
                .is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic")),
            names_itself: document.authorization_response_iss_parameter_supported,
        })
    }
}

/// An issuer's address, or `None` for what could not be one: `https`, without user, query and fragment.
pub(super) fn issuer(text: &str) -> Option<Url> {
    let url = address(text, true)?;
    url.query().is_none().then_some(url)
}

/// Encrypted addresses, and plain ones on this machine where that is allowed.
fn address(text: &str, plain_here: bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_safe = url.scheme() == "https" || (plain_here && is_plain_here(&url));
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (is_safe && is_bare && url.host_str().is_some()).then_some(url)
}

fn is_plain_here(url: &Url) -> bool {
    url.scheme() == "http" && is_here(url)
}
