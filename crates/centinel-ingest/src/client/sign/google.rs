//! Google Cloud: a service account that signs its own token, without asking for one.
//!
//! # Source
//!
//! Google Identity, "Using OAuth 2.0 for Server to Server Applications", addendum "Service account
//! authorization without OAuth"; AIP-4111 "Self-signed JWT" (a token with `scope`); RFC 7519.

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{FetchError, set};

/// All that is asked for: reading objects.
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_only";
/// How long a token holds, in seconds; an hour is the most that is accepted.
const LIFETIME_SECONDS: i64 = 3_600;

/// A service account, from its key file.
#[derive(Clone)]
pub struct ServiceAccount {
    email: String,
    key_id: String,
    pem: SecretString,
}

#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key_id: String,
    private_key: String,
}

impl ServiceAccount {
    /// Reads the key file that the console hands out (JSON).
    ///
    /// # Errors
    ///
    /// [`FetchError::BadCredential`] when it is none.
    pub fn from_key_file(file: &SecretString) -> Result<Self, FetchError> {
        let file: KeyFile =
            serde_json::from_str(file.expose_secret()).map_err(|_| FetchError::BadCredential)?;
        let account = Self {
            email: file.client_email,
            key_id: file.private_key_id,
            pem: file.private_key.into(),
        };
        account.key_pair()?;
        Ok(account)
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.pem
    }

    fn key_pair(&self) -> Result<RsaKeyPair, FetchError> {
        let lines = self.pem.expose_secret().lines().filter(|line| !line.starts_with("-----"));
        let base64: String = lines.map(str::trim).collect();
        let der = BASE64_STANDARD.decode(base64).map_err(|_| FetchError::BadCredential)?;
        RsaKeyPair::from_pkcs8(&der).map_err(|_| FetchError::BadCredential)
    }

    pub(super) fn sign(&self, headers: &mut HeaderMap, now: Timestamp) -> Result<(), FetchError> {
        set(headers, "authorization", &format!("Bearer {}", self.token(now)?))
    }

    fn token(&self, now: Timestamp) -> Result<String, FetchError> {
        let issued = now.as_second();
        let head = serde_json::json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id });
        let claims = serde_json::json!({
            "iss": self.email, "sub": self.email, "scope": SCOPE,
            "iat": issued, "exp": issued + LIFETIME_SECONDS,
        });
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let text = format!(
            "{}.{}",
            encode(head.to_string().as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        let key = self.key_pair()?;
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| FetchError::BadCredential)?;
        Ok(format!("{text}.{}", encode(&signature)))
    }
}
