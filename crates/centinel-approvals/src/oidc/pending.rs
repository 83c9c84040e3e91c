//! What a browser keeps while its person is at the provider.
//!
//! One secret, in a cookie. State, nonce and verifier are made of it, each in its own way, and the
//! database keeps a digest: nothing in it opens anything, and a browser without the secret finishes
//! nothing.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use centinel_engine::facts::sha256_hex;
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq as _;

use super::OidcError;
use crate::accounts::random_hex;

/// The secret of a sign-in that is under way.
pub(super) struct BrowserSecret(String);

impl fmt::Debug for BrowserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserSecret(…)")
    }
}

impl BrowserSecret {
    pub(super) fn random() -> Result<Self, OidcError> {
        Ok(Self(random_hex()?))
    }

    /// As a browser sends it back.
    pub(super) fn sent(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// What the browser keeps.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// What the database knows it by.
    pub(super) fn digest(&self) -> String {
        self.made("pending")
    }

    /// What the provider hands back through the browser.
    pub(super) fn state(&self) -> String {
        self.made("state")
    }

    /// What the provider writes into the token.
    pub(super) fn nonce(&self) -> String {
        self.made("nonce")
    }

    /// What proves to the provider that the code came to whoever asked for it. 64 characters that are
    /// allowed there, of 256 bits.
    pub(super) fn verifier(&self) -> String {
        self.made("verifier")
    }

    /// What the provider is told of the verifier beforehand.
    ///
    /// # Source
    ///
    /// RFC 7636, section 4.2, method `S256`.
    pub(super) fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier().as_bytes()))
    }

    pub(super) fn has_state(&self, state: &str) -> bool {
        bool::from(self.state().as_bytes().ct_eq(state.as_bytes()))
    }

    fn made(&self, what: &str) -> String {
        sha256_hex(format!("sign-in {what}:{}", self.0).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_secret_makes_four_texts_that_tell_nothing_of_each_other() {
        let secret = BrowserSecret::random().unwrap();
        let made = [secret.digest(), secret.state(), secret.nonce(), secret.verifier()];
        let distinct: std::collections::BTreeSet<&String> = made.iter().collect();
        assert_eq!(distinct.len(), 4);
        assert!(made.iter().all(|text| text.len() == 64 && !text.contains(secret.expose())));
        assert!(secret.has_state(&secret.state()));
        for other in ["", &secret.nonce(), &secret.state().to_uppercase()] {
            assert!(!secret.has_state(other), "{other}");
        }
        assert_eq!(format!("{secret:?}"), "BrowserSecret(…)");
    }

    /// The verifier and challenge of RFC 7636, appendix B, through the same encoding.
    #[test]
    fn challenges_are_those_of_the_standard() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
