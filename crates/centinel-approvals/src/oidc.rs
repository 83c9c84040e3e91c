//! Sign-in through a company's identity provider: OpenID Connect, the authorization code flow with PKCE.
//!
//! The order of reading: [`Jwt`] (a token whose signature was checked against a [`KeySet`]), [`Claims`]
//! (what it says, held against what was [`Expected`]), [`Provider`] (where keys and tokens come from),
//! and the functions of [`crate::Approvals`] in `sign_in_with`. The first two know nothing of sign-in:
//! access tokens are checked with them as well.
//!
//! Whoever signs in is known by issuer and subject, never by an e-mail address or a name: those change
//! hands.

mod bearer;
mod claims;
mod discovery;
mod error;
mod fetch;
mod jws;
mod keys;
mod pending;
mod provider;
mod roles;
mod sign_in_with;

pub use bearer::{AccessTokens, Bearer};
pub use claims::{Claims, Expected};
pub use error::OidcError;
pub use jws::{Algorithm, Jwt, TokenType};
pub use keys::KeySet;
pub use provider::{GroupRoles, Provider, ProviderSettings, Providers};
pub use sign_in_with::{Arrived, Begun, Callback, Completed, Round};
