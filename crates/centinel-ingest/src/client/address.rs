//! Addresses that may be shown: without user, password and query.

use std::{fmt, net::IpAddr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

/// Where a source answers. Shown as scheme, host and path only.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: Url,
    // Stated by whoever runs the network: the way there is safe without TLS.
    trusted_plain: bool,
}

/// Why a text is no address of a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No URL.
    #[error("not an address: {0}")]
    Invalid(String),
    /// A scheme that is not asked.
    #[error("an address starts with `https://`, or with `http://` inside a network of your own")]
    Scheme,
    /// A user or password within.
    #[error("an address holds no user or password: state it as the credential")]
    Credential,
}

impl Address {
    /// Reads the address that a source is configured with. `trusted_plain` says that credentials may
    /// go there without encryption.
    ///
    /// # Errors
    ///
    /// [`AddressError`]; its text repeats nothing of a password.
    pub fn parse(text: &str, trusted_plain: bool) -> Result<Self, AddressError> {
        let url =
            Url::parse(text.trim()).map_err(|error| AddressError::Invalid(error.to_string()))?;
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
            return Err(AddressError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credential);
        }
        Ok(Self { url, trusted_plain })
    }

    /// The address of a path below this one, with query parameters in their order.
    #[must_use]
    pub fn at<'a>(&self, path: &str, query: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{}", path.trim_start_matches('/')));
        url.set_query(None);
        let mut pairs = query.into_iter().peekable();
        if pairs.peek().is_some() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        Self { url, trusted_plain: self.trusted_plain }
    }

    /// As [`Self::at`], but every character of path and query that is not unreserved (RFC 3986,
    /// section 2.3) is encoded, as signatures of requests want it; a path's slashes stay.
    ///
    /// # Errors
    ///
    /// [`AddressError::Invalid`] for a path that an address cannot have, as one with `..`.
    pub(crate) fn encoded(&self, path: &str, query: &[(&str, &str)]) -> Result<Self, AddressError> {
        if path.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(AddressError::Invalid("no path of an object".to_owned()));
        }
        let base = self.url.path().trim_end_matches('/').to_owned();
        let parts: Vec<String> = path.split('/').map(encode).collect();
        let query: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let mut url = self.url.clone();
        let slash = if path.is_empty() && !base.is_empty() { "" } else { "/" };
        url.set_path(&format!("{base}{slash}{}", parts.join("/")));
        url.set_query((!query.is_empty()).then(|| query.join("&")).as_deref());
        Ok(Self { url, trusted_plain: self.trusted_plain })
    }

    /// As [`Self::encoded`], and below that one more part, whose slashes are encoded.
    ///
    /// # Errors
    ///
    /// As there.
    pub(crate) fn encoded_below(
        &self,
        path: &str,
        part: &str,
        query: &[(&str, &str)],
    ) -> Result<Self, AddressError> {
        if matches!(part, "" | "." | "..") {
            return Err(AddressError::Invalid("no name of an object".to_owned()));
        }
        let mut at = self.encoded(path, query)?;
        at.url.set_path(&format!("{}/{}", at.url.path(), encode(part)));
        Ok(at)
    }

    /// Whether a credential may be sent there: encrypted, to this machine, or where it is stated.
    pub fn may_carry_secrets(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        self.url.scheme() == "https" || is_here || self.trusted_plain
    }

    pub(crate) fn url(&self) -> Url {
        self.url.clone()
    }
}

/// Percent-encodes all but unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    const RESERVED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.url.scheme(), self.url.host_str().unwrap_or_default())?;
        if let Some(port) = self.url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.url.path())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_in_an_address_is_not_shown() {
        let base = Address::parse("https://api.example/base/?key=hunter2", false).unwrap();
        let at = base.at("/v1/usage", [("page", "p&2".to_owned()), ("key", "hunter2".to_owned())]);
        for text in [base.to_string(), format!("{base:?}"), at.to_string(), format!("{at:?}")] {
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert_eq!(at.to_string(), "https://api.example/base/v1/usage");
        assert_eq!(at.url().query(), Some("page=p%262&key=hunter2"));
    }

    #[test]
    fn which_addresses_are_asked() {
        for (text, expected) in [
            ("ftp://files.example", Err(AddressError::Scheme)),
            ("https://user:hunter2@api.example", Err(AddressError::Credential)),
            ("https://token@api.example", Err(AddressError::Credential)),
            ("https://api.example", Ok(true)),
            ("http://127.0.0.1:4000", Ok(true)),
            ("http://[::1]:4000", Ok(true)),
            ("http://localhost", Ok(true)),
            ("http://localhost.example", Ok(false)),
            ("http://gateway.svc:4000", Ok(false)),
        ] {
            let read = Address::parse(text, false).map(|address| address.may_carry_secrets());
            assert_eq!(read, expected, "{text}");
        }
        assert!(Address::parse("http://gateway.svc", true).unwrap().may_carry_secrets());
        assert!(matches!(Address::parse("api.example", false), Err(AddressError::Invalid(_))));
    }
}
