//! AWS Signature Version 4 of a request without a body, in the `Authorization` header.
//!
//! # Source
//!
//! Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header (AWS Signature
//! Version 4)". S3 encodes a path once and does not normalise it.

use std::fmt::Write as _;

use jiff::Timestamp;
use reqwest::{Url, header::HeaderMap};
use ring::{digest, hmac};
use secrecy::{ExposeSecret as _, SecretString};

use super::{FetchError, set};
use crate::client::address::encode;

/// SHA-256 of nothing: the body of a `GET`.
const EMPTY_BODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// An access key of AWS, or of a store that speaks as S3 does.
#[derive(Clone)]
pub struct AwsKey {
    id: String,
    secret: SecretString,
    session_token: Option<SecretString>,
    region: String,
}

impl AwsKey {
    /// A key for a region; temporary ones come with a session token.
    pub fn new(
        id: impl Into<String>,
        secret: SecretString,
        session_token: Option<SecretString>,
        region: impl Into<String>,
    ) -> Self {
        Self { id: id.into(), secret, session_token, region: region.into() }
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.secret
    }

    pub(super) fn sign(
        &self,
        url: &Url,
        headers: &mut HeaderMap,
        now: Timestamp,
    ) -> Result<(), FetchError> {
        let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let date = time.get(..8).unwrap_or_default();
        set(headers, "x-amz-date", &time)?;
        set(headers, "x-amz-content-sha256", EMPTY_BODY)?;
        if let Some(token) = &self.session_token {
            set(headers, "x-amz-security-token", token.expose_secret().trim())?;
        }
        // All that S3 asks to be signed: host, `x-amz-…`, and a range, which changes the answer.
        let mut signed = vec![("host".to_owned(), host(url))];
        for (name, value) in headers.iter() {
            if name.as_str().starts_with("x-amz-") || name == "range" {
                let value = value.to_str().map_err(|_| FetchError::BadCredential)?;
                signed.push((name.as_str().to_owned(), value.trim().to_owned()));
            }
        }
        signed.sort();
        let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let mut request = format!("GET\n{}\n{}\n", url.path(), canonical_query(url));
        for (name, value) in &signed {
            // Writing to a String cannot fail.
            let _ = writeln!(request, "{name}:{value}");
        }
        let _ = write!(request, "\n{names}\n{EMPTY_BODY}");
        let scope = format!("{date}/{}/s3/aws4_request", self.region);
        let hashed = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}");
        let mut key = format!("AWS4{}", self.secret.expose_secret().trim()).into_bytes();
        for part in [date, &self.region, "s3", "aws4_request"] {
            key = mac(&key, part);
        }
        let signature = hex(&mac(&key, &text));
        let id = &self.id;
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={id}/{scope},SignedHeaders={names},Signature={signature}"
        );
        set(headers, "authorization", &value)
    }
}

/// Host, and the port where it is not the scheme's own: as the client sends it.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Parameters by name, encoded.
fn canonical_query(url: &Url) -> String {
    let mut pairs: Vec<_> =
        url.query_pairs().map(|(name, value)| (encode(&name), encode(&value))).collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn signature(url: &str, range: Option<&'static str>, token: Option<&str>) -> String {
        let key = AwsKey::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            token.map(Into::into),
            "us-east-1",
        );
        let mut headers = HeaderMap::new();
        if let Some(range) = range {
            headers.insert("range", HeaderValue::from_static(range));
        }
        let now = "2013-05-24T00:00:00Z".parse().unwrap();
        key.sign(&url.parse().unwrap(), &mut headers, now).unwrap();
        headers["authorization"].to_str().unwrap().to_owned()
    }

    /// The three examples of a `GET` in the document, to the letter.
    #[test]
    fn published_examples() {
        let base = "https://examplebucket.s3.amazonaws.com";
        for (target, range, names, expected) in [
            (
                "/test.txt",
                Some("bytes=0-9"),
                "host;range;x-amz-content-sha256;x-amz-date",
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            (
                "/?lifecycle",
                None,
                "host;x-amz-content-sha256;x-amz-date",
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
            (
                "/?max-keys=2&prefix=J",
                None,
                "host;x-amz-content-sha256;x-amz-date",
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            let signed = signature(&format!("{base}{target}"), range, None);
            assert_eq!(
                signed,
                format!(
                    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/\
                     aws4_request,SignedHeaders={names},Signature={expected}"
                ),
                "{target}"
            );
        }
    }

    #[test]
    fn a_session_token_and_a_port_are_signed() {
        let plain = signature("http://127.0.0.1:9000/bucket/a%20b", None, None);
        let with_token = signature("http://127.0.0.1:9000/bucket/a%20b", None, Some("token"));
        assert!(with_token.contains("x-amz-date;x-amz-security-token"), "{with_token}");
        assert_ne!(plain, signature("http://127.0.0.1:9001/bucket/a%20b", None, None));
    }
}
