//! What can go wrong when a source is asked, in words that hold no secret.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::AddressError;

/// Why a source did not deliver.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FetchError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The client could not be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
    /// The credential cannot stand in a header.
    #[error("the credential holds characters that no credential has")]
    BadCredential,
    /// A credential would travel readable.
    #[error("`{address}` is not encrypted: the credential was not sent")]
    Unencrypted {
        /// Where to.
        address: String,
    },
    /// The source does not know the credential, or no longer.
    #[error("`{address}` does not accept the credential (401){said}")]
    Unauthorized {
        /// Which address.
        address: String,
        /// What it said.
        said: String,
    },
    /// The credential may not read this.
    #[error("`{address}` is not open to this credential (403){said}")]
    Forbidden {
        /// Which address.
        address: String,
        /// What it said.
        said: String,
    },
    /// Any other answer that is none.
    #[error("`{address}` answered {status}{said}")]
    Status {
        /// Which address.
        address: String,
        /// Its status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// The source sends us elsewhere.
    #[error("`{address}` redirects to another host; the credential was not sent there")]
    Redirected {
        /// Which address.
        address: String,
    },
    /// No answer in time.
    #[error("`{address}` did not answer within {} s", limit.as_secs())]
    Timeout {
        /// Which address.
        address: String,
        /// How long we waited.
        limit: Duration,
    },
    /// No connection.
    #[error("`{address}` cannot be reached: {reason}")]
    Connect {
        /// Which address.
        address: String,
        /// Why.
        reason: String,
    },
    /// The body ended early.
    #[error("the answer of `{address}` was cut off: {reason}")]
    Cut {
        /// Which address.
        address: String,
        /// Why.
        reason: String,
    },
    /// The body does not end.
    #[error("the answer of `{address}` has more than {bytes} bytes")]
    TooLarge {
        /// Which address.
        address: String,
        /// The limit.
        bytes: u64,
    },
    /// A wait that is longer than we wait.
    #[error("`{address}` asks to wait {seconds} s; the next sync goes on from here")]
    AskedToWait {
        /// Which address.
        address: String,
        /// How long.
        seconds: u64,
    },
    /// All tries failed.
    #[error("after {tries} tries: {last}")]
    Tries {
        /// How many.
        tries: u32,
        /// The last failure.
        last: Box<FetchError>,
    },
    /// A body that is not what the documentation says.
    #[error("the answer of `{address}` is not what its documentation says: {reason}")]
    Payload {
        /// Which address.
        address: String,
        /// Why.
        reason: String,
    },
    /// A list that does not end.
    #[error("`{address}` repeats its pages: reading stopped after page {pages}")]
    Repeats {
        /// Which address.
        address: String,
        /// How many pages were read.
        pages: u32,
    },
    /// A list longer than is kept in mind.
    #[error("`{address}` lists more than {objects} objects")]
    TooMany {
        /// Which address.
        address: String,
        /// The limit.
        objects: usize,
    },
    /// A local folder or file cannot be read.
    #[error("`{path}`: {reason}")]
    Folder {
        /// Which one.
        path: String,
        /// Why.
        reason: String,
    },
    /// What was fetched cannot be kept until it is imported.
    #[error("what was fetched cannot be written to the spool: {0}")]
    Spool(String),
    /// The database of a source.
    #[error("the database of the source: {0}")]
    Database(String),
}

impl FetchError {
    pub(super) fn after(self, tries: u32) -> Self {
        if tries < 2 { self } else { Self::Tries { tries, last: Box::new(self) } }
    }

    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unauthorized { .. } | Self::BadCredential => {
                Some("is the key still valid, and of the kind that this source wants?")
            }
            Self::Forbidden { .. } => Some(
                "the key needs the right to read this: usage and cost of the whole organisation, or \
                     to list and get the objects",
            ),
            Self::Unencrypted { .. } => {
                Some("use `https://`, or state `plain_http = true` for a network of your own")
            }
            Self::Status { status: 404, .. } => {
                Some("does `base_url` end where the documentation's paths begin?")
            }
            Self::TooMany { .. } => Some("name a longer prefix, or several sources"),
            Self::Tries { last, .. } => last.hint(),
            _ => None,
        }
    }
}

/// How much of what a source says about its failure is repeated.
const SAID_CHARS_MAX: usize = 200;

/// `: what the source said`, from the usual places in an error body; without line breaks, hidden
/// characters and the credential. Empty where it says nothing readable.
pub(super) fn said(body: &[u8], secret: Option<&SecretString>) -> String {
    let body = body.get(..4096.min(body.len())).unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    let parsed: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let said = parsed.as_ref().and_then(|value| {
        ["/error/message", "/error", "/message", "/detail", "/detail/error"]
            .into_iter()
            .find_map(|path| value.pointer(path)?.as_str())
    });
    let in_xml = said_in_xml(&text);
    let said = said.or(in_xml.as_deref());
    let Some(said) = said.filter(|said| !said.trim().is_empty()) else { return String::new() };
    format!(": {}", without_secret(said, secret).chars().take(SAID_CHARS_MAX).collect::<String>())
}

/// The message of an XML error, as object stores answer: `<Error><Code>…</Code><Message>…</Message>`.
fn said_in_xml(text: &str) -> Option<String> {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0.trim())
    };
    let (code, message) = (element("Code")?, element("Message").unwrap_or_default());
    Some(format!("{code}: {message}"))
}

/// A text without a secret, nor a longer part of one: sources repeat keys in what they say, whole or
/// with their middle left out.
pub(crate) fn without_secret(text: &str, secret: Option<&SecretString>) -> String {
    let mut text: String =
        text.chars().map(|c| if crate::sanitize::is_hidden(c) { ' ' } else { c }).collect();
    if let Some(secret) = secret {
        let secret = secret.expose_secret().trim();
        if !secret.is_empty() {
            text = text.replace(secret, "[credential]");
        }
        let words: Vec<&str> = text
            .split(' ')
            .map(|word| if shares_part(word, secret) { "[credential]" } else { word })
            .collect();
        text = words.join(" ");
    }
    text
}

/// Whether a word holds six characters in a row of a secret.
fn shares_part(word: &str, secret: &str) -> bool {
    let letters: Vec<char> = secret.chars().collect();
    letters.len() >= 6 && letters.windows(6).any(|part| word.contains(&String::from_iter(part)))
}
