//! Who sent a webhook: signatures of Slack, GitHub and GitLab over the bytes that came, before anything
//! is read from them.
//!
//! # Source
//!
//! Slack, "Verifying requests from Slack" (`v0:TIMESTAMP:BODY`, HMAC-SHA256, five minutes); GitHub,
//! "Validating webhook deliveries" (`X-Hub-Signature-256`); GitLab, "Webhooks" (`X-Gitlab-Token`).

use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

/// How far Slack's clock and ours may be apart, either way, its way here included.
const AGE_MAX: SignedDuration = SignedDuration::from_mins(5);
/// Hex digits of an HMAC-SHA256.
const HEX_LENGTH: usize = 64;

/// Why a request is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is not there, or there twice: the sender is no such service (status 400).
    #[error("the header `{0}` is missing, or there twice")]
    Missing(&'static str),
    /// The signature is another one (status 403).
    #[error("the request is not signed with our secret")]
    Wrong,
    /// It was signed too long ago, or in the future (status 403).
    #[error("the request was not signed within five minutes")]
    Stale,
}

/// A request of Slack whose signature was checked: the bytes of its body.
///
/// INVARIANT: made by [`slack`] only.
#[derive(Debug, Clone, Copy)]
pub struct SlackSigned<'b> {
    body: &'b [u8],
    signature: &'b str,
}

impl<'b> SlackSigned<'b> {
    /// The body, as it came.
    pub fn body(&self) -> &'b [u8] {
        self.body
    }

    /// Its signature: the same only for the same body at the same second.
    pub(crate) fn signature(&self) -> &'b str {
        self.signature
    }
}

/// Checks a request of Slack: the headers `X-Slack-Request-Timestamp` and `X-Slack-Signature`, where
/// each is there exactly once, and the bytes of the body.
///
/// # Errors
///
/// [`SignatureError`].
pub fn slack<'b>(
    secret: &SecretString,
    timestamp: Option<&str>,
    signature: Option<&'b str>,
    body: &'b [u8],
    now: Timestamp,
) -> Result<SlackSigned<'b>, SignatureError> {
    let timestamp = timestamp.ok_or(SignatureError::Missing("x-slack-request-timestamp"))?;
    let signature = signature.ok_or(SignatureError::Missing("x-slack-signature"))?;
    let tag = signature.strip_prefix("v0=").and_then(tag).ok_or(SignatureError::Wrong)?;
    let mut signed = format!("v0:{timestamp}:").into_bytes();
    signed.extend_from_slice(body);
    verify(secret, &signed, &tag)?;
    // Signed, so it is Slack's own. Whole seconds without a sign, as Slack writes them.
    let is_plain = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let second = timestamp.parse().ok().filter(|_| is_plain);
    let sent = second.and_then(|second| Timestamp::from_second(second).ok());
    match sent {
        Some(sent) if now.duration_since(sent).abs() <= AGE_MAX => {
            Ok(SlackSigned { body, signature })
        }
        _ => Err(SignatureError::Stale),
    }
}

/// Checks a webhook of GitHub: the header `X-Hub-Signature-256` and the bytes of the body. It carries no
/// time: a delivery may be sent again, so what it says is only a reason to look.
///
/// # Errors
///
/// [`SignatureError`].
pub fn github(
    secret: &SecretString,
    signature: Option<&str>,
    body: &[u8],
) -> Result<(), SignatureError> {
    let signature = signature.ok_or(SignatureError::Missing("x-hub-signature-256"))?;
    let tag = signature.strip_prefix("sha256=").and_then(tag).ok_or(SignatureError::Wrong)?;
    verify(secret, body, &tag)
}

/// Checks a webhook of GitLab: the header `X-Gitlab-Token`, which is the secret itself. It says nothing
/// of the body: what that says is only a reason to look.
///
/// # Errors
///
/// [`SignatureError`].
pub fn gitlab(secret: &SecretString, token: Option<&str>) -> Result<(), SignatureError> {
    let token = token.ok_or(SignatureError::Missing("x-gitlab-token"))?;
    let secret = secret.expose_secret().as_bytes();
    let is_same = bool::from(secret.ct_eq(token.as_bytes()));
    if is_same && !secret.is_empty() { Ok(()) } else { Err(SignatureError::Wrong) }
}

/// Compares in constant time. An empty secret signs for everybody, so it verifies nothing.
fn verify(secret: &SecretString, signed: &[u8], tag: &[u8]) -> Result<(), SignatureError> {
    let secret = secret.expose_secret().as_bytes();
    if secret.is_empty() {
        return Err(SignatureError::Wrong);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::verify(&key, signed, tag).map_err(|_| SignatureError::Wrong)
}

/// Bytes of lower-case hex, of the one length that there is.
fn tag(hex: &str) -> Option<Vec<u8>> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if hex.len() != HEX_LENGTH || !hex.bytes().all(is_digit) {
        return None;
    }
    let pairs = hex.as_bytes().chunks_exact(2).map(std::str::from_utf8);
    pairs.map(|pair| u8::from_str_radix(pair.ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The examples of both vendors' documentation.
    const VECTORS: &str = include_str!("signature/vectors.json");

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn seconds(text: &str, later: i64) -> Timestamp {
        Timestamp::from_second(text.parse::<i64>().unwrap() + later).unwrap()
    }

    fn check_vectors(text: &str) {
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        let of = |service: &str, name: &str| vectors[service][name].as_str().unwrap().to_owned();
        let key = secret(&of("slack", "signing_secret"));
        let (body, at) = (of("slack", "body"), of("slack", "X-Slack-Request-Timestamp"));
        let signature = of("slack", "X-Slack-Signature");
        let given = |at: &str, signature: &str, body: &str, later: i64| {
            let now = seconds(&of("slack", "X-Slack-Request-Timestamp"), later);
            slack(&key, Some(at), Some(signature), body.as_bytes(), now).map(|signed| {
                assert_eq!(signed.body(), body.as_bytes());
            })
        };
        for (later, expected) in [
            (0, Ok(())),
            (300, Ok(())),
            (-300, Ok(())),
            (301, Err(SignatureError::Stale)),
            (-301, Err(SignatureError::Stale)),
            (i64::from(u32::MAX), Err(SignatureError::Stale)),
        ] {
            assert_eq!(given(&at, &signature, &body, later), expected, "{later}");
        }
        let other_time = seconds(&at, 1).as_second().to_string();
        for (at, signature, body) in [
            (at.as_str(), signature.as_str(), format!("{body}&x=1")),
            (&at, &signature, body.replace('+', "%20").replace("U2CERLKJA", "U2CERLKJB")),
            (&other_time, &signature, body.clone()),
            (&format!("{at} "), &signature, body.clone()),
            (&at, &signature.to_uppercase().replace("V0=", "v0="), body.clone()),
            (&at, &signature.replace("v0=", "v1="), body.clone()),
            (&at, &signature[..signature.len() - 2], body.clone()),
            (&at, &format!("{signature}00"), body.clone()),
            (&at, "", body.clone()),
            (&at, "v0=", body.clone()),
        ] {
            assert_eq!(
                given(at, signature, &body, 0),
                Err(SignatureError::Wrong),
                "{at} {signature}"
            );
        }
        let now = seconds(&at, 0);
        let empty = slack(&secret(""), Some(&at), Some(&signature), body.as_bytes(), now);
        assert_eq!(empty.unwrap_err(), SignatureError::Wrong);

        let key = secret(&of("github", "secret"));
        let (payload, signature) = (of("github", "payload"), of("github", "X-Hub-Signature-256"));
        assert_eq!(github(&key, Some(&signature), payload.as_bytes()), Ok(()));
        for (signature, payload) in [
            (signature.as_str(), "Hello, World?"),
            (&signature.replace("sha256=", "sha1="), &payload),
            (&signature[7..], &payload),
            ("", &payload),
        ] {
            let verified = github(&key, Some(signature), payload.as_bytes());
            assert_eq!(verified, Err(SignatureError::Wrong), "{signature}");
        }
    }

    #[test]
    fn published_vectors_verify() {
        check_vectors(VECTORS);
        let shared = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/data/signature_vectors/vectors.json");
        if let Ok(text) = std::fs::read_to_string(shared) {
            check_vectors(&text);
        }
    }

    #[test]
    fn what_is_missing_is_told_apart() {
        let (key, now) = (secret("s"), Timestamp::UNIX_EPOCH);
        let none = |at: Option<&str>, signature| slack(&key, at, signature, b"", now).unwrap_err();
        assert_eq!(none(None, Some("v0=")), SignatureError::Missing("x-slack-request-timestamp"));
        assert_eq!(none(Some("0"), None), SignatureError::Missing("x-slack-signature"));
        assert_eq!(github(&key, None, b""), Err(SignatureError::Missing("x-hub-signature-256")));
        assert_eq!(gitlab(&key, None), Err(SignatureError::Missing("x-gitlab-token")));
        assert_eq!(gitlab(&key, Some("s")), Ok(()));
        for wrong in ["", "S", "ss", " s"] {
            assert_eq!(gitlab(&key, Some(wrong)), Err(SignatureError::Wrong), "{wrong}");
        }
        assert_eq!(gitlab(&secret(""), Some("")), Err(SignatureError::Wrong));
        // A time that Slack never writes, rightly signed.
        for at in ["", "+0", "-0", "0x0", "9999999999999999999", "0.0"] {
            let key = hmac::Key::new(hmac::HMAC_SHA256, b"s");
            let tag = hmac::sign(&key, format!("v0:{at}:").as_bytes());
            let hex = centinel_engine::facts::hex(tag.as_ref());
            let signed =
                slack(&secret("s"), Some(at), Some(&format!("v0={hex}")), b"", now).map(|_| ());
            assert_eq!(signed, Err(SignatureError::Stale), "{at}");
        }
    }
}
