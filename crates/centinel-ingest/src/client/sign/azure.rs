//! Azure Storage: requests signed with an account's key, and shared access signatures.
//!
//! # Source
//!
//! Azure Storage Services REST API Reference, "Authorize with Shared Key" (Blob service, version
//! 2015-02-21 and later: an absent length is empty) and "Create a service SAS".

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use reqwest::{Url, header::HeaderMap};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};

use super::{FetchError, set};

/// The version of the service that is spoken to, with every request.
pub(crate) const VERSION: &str = "2021-12-02";

/// A storage account and its key.
#[derive(Clone)]
pub struct AccountKey {
    account: String,
    key: SecretString,
}

impl AccountKey {
    /// The key as the portal shows it, in base64.
    pub fn new(account: impl Into<String>, key: SecretString) -> Self {
        Self { account: account.into(), key }
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.key
    }

    pub(super) fn sign(
        &self,
        url: &Url,
        headers: &mut HeaderMap,
        now: Timestamp,
    ) -> Result<(), FetchError> {
        let key = BASE64_STANDARD
            .decode(self.key.expose_secret().trim())
            .map_err(|_| FetchError::BadCredential)?;
        set(headers, "x-ms-date", &now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())?;
        set(headers, "x-ms-version", VERSION)?;
        let text = self.text(url, headers)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signature = BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        set(headers, "authorization", &format!("SharedKey {}:{signature}", self.account))
    }

    /// What is signed: the verb, eleven headers that a `GET` of ours does not have, those of the
    /// service, and the resource with its parameters by name.
    fn text(&self, url: &Url, headers: &HeaderMap) -> Result<String, FetchError> {
        let mut text = String::from("GET\n\n\n\n\n\n\n\n\n\n\n\n");
        let mut ours = Vec::new();
        for (name, value) in headers {
            if name.as_str().starts_with("x-ms-") {
                let value = value.to_str().map_err(|_| FetchError::BadCredential)?;
                ours.push((name.as_str(), value.trim()));
            }
        }
        ours.sort_unstable();
        for (name, value) in ours {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}:{value}");
        }
        let _ = write!(text, "/{}{}", self.account, url.path());
        let mut pairs: Vec<_> = url
            .query_pairs()
            .map(|(name, value)| (name.to_lowercase(), value.into_owned()))
            .collect();
        pairs.sort();
        for (name, value) in pairs {
            let _ = write!(text, "\n{name}:{value}");
        }
        Ok(text)
    }
}

/// A shared access signature: the parameters that it consists of.
#[derive(Clone)]
pub struct SharedAccess(SecretString);

impl SharedAccess {
    /// The token as the portal shows it, with or without its question mark; already encoded.
    pub fn new(token: SecretString) -> Self {
        Self(token)
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.0
    }

    pub(super) fn add_to(&self, url: &mut Url) {
        let token = self.0.expose_secret().trim().trim_start_matches('?');
        let query = match url.query() {
            Some(query) if !query.is_empty() => format!("{query}&{token}"),
            _ => token.to_owned(),
        };
        url.set_query(Some(&query));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document's example of a list of blobs, in the form of our requests: a `GET` with two
    /// headers of the service.
    #[test]
    fn what_is_signed_of_a_list() {
        let key = AccountKey::new("myaccount", "aGVsbG8=".into());
        let url: Url = "https://myaccount.blob.core.windows.net/mycontainer?restype=container\
                        &comp=list&prefix=a%20b"
            .parse()
            .unwrap();
        let mut headers = HeaderMap::new();
        let now = "2015-06-26T23:39:12Z".parse().unwrap();
        key.sign(&url, &mut headers, now).unwrap();
        let signature = headers.remove("authorization").unwrap();
        assert_eq!(
            key.text(&url, &headers).unwrap(),
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n\
             x-ms-version:2021-12-02\n/myaccount/mycontainer\ncomp:list\nprefix:a b\n\
             restype:container"
        );
        assert!(signature.to_str().unwrap().starts_with("SharedKey myaccount:"));
        assert!(signature.is_sensitive());
        let bad = AccountKey::new("myaccount", "no base64!".into());
        assert!(matches!(bad.sign(&url, &mut headers, now), Err(FetchError::BadCredential)));
    }

    #[test]
    fn a_shared_access_signature_is_added_as_it_is() {
        for (url, expected) in [
            ("https://a.example/c", "https://a.example/c?sv=1&sig=a%2Bb%3D"),
            ("https://a.example/c?comp=list", "https://a.example/c?comp=list&sv=1&sig=a%2Bb%3D"),
        ] {
            let mut url: Url = url.parse().unwrap();
            SharedAccess::new("?sv=1&sig=a%2Bb%3D\n".into()).add_to(&mut url);
            assert_eq!(url.as_str(), expected);
        }
    }
}
