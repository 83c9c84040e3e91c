//! Asking a provider over HTTP: bounded in time, tries, pages and bytes, and never writing.
//!
//! A request is a `GET`, or the `POST` with which an API is asked a question; there is no function
//! for anything else. Credentials travel as [`SecretString`] from where they are kept to the header
//! and stand in no message: addresses are shown without user, password and query, and an answer that
//! repeats a credential is shown without it.
//!
//! # Source
//!
//! RFC 9110, sections 10.2.3 (`Retry-After`) and 6.6.1 (`Date`); RFC 2822 dates as HTTP writes them.

mod address;
mod error;
mod limits;
mod pace;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use reqwest::{
    Method, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};

pub use address::{Address, AddressError};
pub use error::FetchError;
pub(crate) use error::without_secret;
pub use limits::Limits;
use pace::Pace;

/// How a source knows who asks.
#[derive(Debug, Clone)]
pub enum Auth {
    /// It does not ask.
    None,
    /// `Authorization: Bearer …`.
    Bearer(SecretString),
    /// A header of its own, as `x-api-key`.
    Header(&'static str, SecretString),
    /// `Authorization: Basic …`, of a name and a secret.
    Basic(String, SecretString),
}

impl Auth {
    /// The secret, to keep it out of messages.
    fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::None => None,
            Self::Bearer(secret) | Self::Header(_, secret) | Self::Basic(_, secret) => Some(secret),
        }
    }

    fn header(&self) -> Result<Option<(HeaderName, HeaderValue)>, FetchError> {
        let (name, value) = match self {
            Self::None => return Ok(None),
            Self::Bearer(secret) => {
                (header::AUTHORIZATION, format!("Bearer {}", secret.expose_secret()))
            }
            Self::Header(name, secret) => {
                (HeaderName::from_static(name), secret.expose_secret().to_owned())
            }
            Self::Basic(user, secret) => {
                let pair = format!("{user}:{}", secret.expose_secret());
                (header::AUTHORIZATION, format!("Basic {}", base64(pair.as_bytes())))
            }
        };
        // A line break in a secret file is no part of the secret, and none may reach a header.
        let mut value =
            HeaderValue::from_str(value.trim_end()).map_err(|_| FetchError::BadCredential)?;
        value.set_sensitive(true);
        Ok(Some((name, value)))
    }
}

/// One question to a source.
#[derive(Debug, Clone)]
pub struct Question {
    /// Where to.
    pub address: Address,
    /// A body makes it the `POST` of a query; without, it is a `GET`.
    pub query_body: Option<String>,
    /// Headers that are no secret, as `anthropic-version`.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl Question {
    /// A `GET`.
    pub fn get(address: Address) -> Self {
        Self { address, query_body: None, headers: Vec::new() }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The body, whole.
    pub body: Vec<u8>,
    /// The source's clock, where it states one.
    pub date: Option<Timestamp>,
}

/// A client of one source.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    auth: Auth,
    limits: Limits,
    pace: Arc<Pace>,
    now: fn() -> Timestamp,
}

impl Client {
    /// A client that waits between tries by `seed`, so that many of them do not ask in step.
    ///
    /// # Errors
    ///
    /// [`FetchError::Client`] when the system's certificates cannot be used.
    pub fn new(
        auth: Auth,
        limits: Limits,
        seed: u64,
        now: fn() -> Timestamp,
    ) -> Result<Self, FetchError> {
        // An error says that somebody installed a provider before: then that one holds.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("centinel/", env!("CARGO_PKG_VERSION")))
            .timeout(limits.request)
            .connect_timeout(limits.request.min(Duration::from_secs(10)))
            .redirect(same_host())
            .build()
            .map_err(|error| FetchError::Client(error.without_url().to_string()))?;
        Ok(Self { http, auth, limits, pace: Arc::new(Pace::new(seed, limits.pause)), now })
    }

    /// The bounds in force.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Asks until an answer comes, or the tries are used up.
    ///
    /// # Errors
    ///
    /// [`FetchError`], which names the address without what is secret in it.
    pub async fn ask(&self, question: &Question) -> Result<Answer, FetchError> {
        if !question.address.may_carry_secrets() && self.auth.secret().is_some() {
            return Err(FetchError::Unencrypted { address: question.address.to_string() });
        }
        let mut tries = 0;
        loop {
            tries += 1;
            self.pace.wait_turn().await;
            let failed = match self.ask_once(question).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if tries >= self.limits.tries && !matches!(failed.retry, Retry::Never) {
                return Err(failed.error.after(tries));
            }
            let wait = match failed.retry {
                Retry::Never => return Err(failed.error),
                Retry::After(asked) if asked > self.limits.longest_wait => {
                    return Err(FetchError::AskedToWait {
                        address: question.address.to_string(),
                        seconds: asked.as_secs(),
                    });
                }
                Retry::After(asked) => asked + self.pace.jitter(self.limits.first_wait),
                Retry::Again => self.limits.wait_after(tries, &self.pace),
            };
            tracing::debug!(address = %question.address, tries, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn ask_once(&self, question: &Question) -> Result<Answer, Failed> {
        let address = || question.address.to_string();
        let method = if question.query_body.is_some() { Method::POST } else { Method::GET };
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in &question.headers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if let Some((name, value)) = self.auth.header().map_err(Failed::last)? {
            headers.insert(name, value);
        }
        let mut request = self.http.request(method, question.address.url()).headers(headers);
        if let Some(body) = &question.query_body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.clone());
        }
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let error = if error.is_timeout() {
                    FetchError::Timeout { address: address(), limit: self.limits.request }
                } else {
                    FetchError::Connect { address: address(), reason: innermost(&error) }
                };
                return Err(Failed { error, retry: Retry::Again });
            }
        };
        let status = response.status();
        let date = header_date(response.headers(), &header::DATE);
        let retry_after = self.retry_after(response.headers());
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(part)) => body.extend_from_slice(&part),
                Ok(None) => break,
                Err(error) => {
                    let error = FetchError::Cut { address: address(), reason: innermost(&error) };
                    return Err(Failed { error, retry: Retry::Again });
                }
            }
            if body.len() > self.limits.body_bytes {
                let bytes = self.limits.body_bytes;
                return Err(Failed::last(FetchError::TooLarge { address: address(), bytes }));
            }
        }
        if status.is_success() {
            return Ok(Answer { body, date });
        }
        let said = error::said(&body, self.auth.secret());
        let error = match status {
            StatusCode::UNAUTHORIZED => FetchError::Unauthorized { address: address(), said },
            StatusCode::FORBIDDEN => FetchError::Forbidden { address: address(), said },
            status if status.is_redirection() => FetchError::Redirected { address: address() },
            status => FetchError::Status { address: address(), status: status.as_u16(), said },
        };
        let again = status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::REQUEST_TIMEOUT
            || status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
        let retry = match retry_after {
            _ if !again => Retry::Never,
            Some(wait) => Retry::After(wait),
            None => Retry::Again,
        };
        Err(Failed { error, retry })
    }

    /// How long the source asks us to wait: seconds, or an instant by its clock.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        let from = header_date(headers, &header::DATE).unwrap_or_else(self.now);
        Some(Duration::try_from(until.duration_since(from)).unwrap_or_default())
    }
}

/// A failure, and whether it is worth another try.
struct Failed {
    error: FetchError,
    retry: Retry,
}

/// Whether to try again.
#[derive(Clone, Copy)]
enum Retry {
    Never,
    /// After a wait of our own.
    Again,
    /// After the wait that the source asks for.
    After(Duration),
}

impl Failed {
    fn last(error: FetchError) -> Self {
        Self { error, retry: Retry::Never }
    }
}

/// Redirects are followed on the same host only: elsewhere, the credential would go to a stranger.
fn same_host() -> reqwest::redirect::Policy {
    reqwest::redirect::Policy::custom(|attempt| {
        let origin = |url: &reqwest::Url| {
            (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port())
        };
        let first = attempt.previous().first().map(origin);
        if attempt.previous().len() < 4 && first == Some(origin(attempt.url())) {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

fn header_date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

/// The last cause of a failure: the ones before only say that something failed.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string().to_lowercase()
}

/// Base64 with padding, as Basic authentication wants it (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place) & 63) as usize;
            let letter = ALPHABET.get(index).copied().unwrap_or(b'=');
            text.push(if place > group.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests;
