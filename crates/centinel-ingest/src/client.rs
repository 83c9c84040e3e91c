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
mod sign;

use std::{
    fs::File,
    io::{self, Seek as _, Write as _},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use reqwest::{
    Method, Response, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};

pub use address::{Address, AddressError};
pub use error::FetchError;
pub(crate) use error::without_secret;
pub use limits::Limits;
use pace::Pace;
pub(crate) use sign::AZURE_VERSION;
pub use sign::{AccountKey, AwsKey, ServiceAccount, SharedAccess, Signer};

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
    /// A signature of each request, as object stores want it.
    Signed(Signer),
}

impl Auth {
    /// The secret, to keep it out of messages.
    fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::None => None,
            Self::Bearer(secret) | Self::Header(_, secret) | Self::Basic(_, secret) => Some(secret),
            Self::Signed(signer) => Some(signer.secret()),
        }
    }

    fn header(&self) -> Result<Option<(HeaderName, HeaderValue)>, FetchError> {
        let (name, value) = match self {
            // A signer adds its own, by the request.
            Self::None | Self::Signed(_) => return Ok(None),
            Self::Bearer(secret) => {
                (header::AUTHORIZATION, format!("Bearer {}", secret.expose_secret()))
            }
            Self::Header(name, secret) => {
                (HeaderName::from_static(name), secret.expose_secret().to_owned())
            }
            Self::Basic(user, secret) => {
                let pair = format!("{user}:{}", secret.expose_secret());
                (header::AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(pair)))
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
    auth: Arc<Auth>,
    limits: Arc<Limits>,
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
        let pace = Arc::new(Pace::new(seed, limits.pause));
        Ok(Self { http, auth: Arc::new(auth), limits: Arc::new(limits), pace, now })
    }

    /// The bounds in force.
    pub fn limits(&self) -> Limits {
        *self.limits
    }

    /// Asks until an answer comes, or the tries are used up.
    ///
    /// # Errors
    ///
    /// [`FetchError`], which names the address without what is secret in it.
    pub async fn ask(&self, question: &Question) -> Result<Answer, FetchError> {
        self.tried(question, async || {
            let mut answer = Answer { body: Vec::new(), date: None };
            let mut response = self.send(question, self.limits.request).await?;
            answer.date = header_date(response.headers(), &header::DATE);
            let bytes_max = self.limits.body_bytes as u64;
            let mut keep = |part: &[u8]| {
                answer.body.extend_from_slice(part);
                Ok(())
            };
            self.body(question, &mut response, bytes_max, &mut keep).await?;
            Ok(answer)
        })
        .await
    }

    /// As [`Self::ask`], but the body goes into a file, which holds nothing else afterwards; it may be
    /// as large as `bytes_max`. Gives its length.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; the file may hold a part then.
    pub async fn download(
        &self,
        question: &Question,
        bytes_max: u64,
        into: &mut File,
    ) -> Result<u64, FetchError> {
        let into = tokio::sync::Mutex::new(into);
        self.tried(question, async || {
            let mut into = into.lock().await;
            let mut response = self.send(question, self.limits.download).await?;
            let unwritten = |error| Failed::last(unwritten(&error));
            into.set_len(0).and_then(|()| into.rewind()).map_err(unwritten)?;
            let mut write = |part: &[u8]| into.write_all(part);
            let length = self.body(question, &mut response, bytes_max, &mut write).await?;
            into.flush().map_err(unwritten)?;
            Ok(length)
        })
        .await
    }

    async fn tried<T>(
        &self,
        question: &Question,
        once: impl AsyncFn() -> Result<T, Failed>,
    ) -> Result<T, FetchError> {
        if !question.address.may_carry_secrets() && self.auth.secret().is_some() {
            return Err(FetchError::Unencrypted { address: question.address.to_string() });
        }
        let mut tries = 0;
        loop {
            tries += 1;
            self.pace.wait_turn().await;
            let failed = match once().await {
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

    /// One request, to the answer that it succeeded; the body is still to be read.
    async fn send(&self, question: &Question, limit: Duration) -> Result<Response, Failed> {
        let address = || question.address.to_string();
        let method = if question.query_body.is_some() { Method::POST } else { Method::GET };
        let mut url = question.address.url();
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in &question.headers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if let Some((name, value)) = self.auth.header().map_err(Failed::last)? {
            headers.insert(name, value);
        }
        if let Auth::Signed(signer) = &*self.auth {
            signer.sign(&mut url, &mut headers, (self.now)()).map_err(Failed::last)?;
        }
        let mut request = self.http.request(method, url).headers(headers).timeout(limit);
        if let Some(body) = &question.query_body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.clone());
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let error = if error.is_timeout() {
                    FetchError::Timeout { address: address(), limit }
                } else {
                    FetchError::Connect { address: address(), reason: innermost(&error) }
                };
                return Err(Failed { error, retry: Retry::Again });
            }
        };
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.refused(question, response).await)
        }
    }

    /// Reads a body part by part, none of which may take longer than a request.
    async fn body(
        &self,
        question: &Question,
        response: &mut Response,
        bytes_max: u64,
        keep: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
    ) -> Result<u64, Failed> {
        let address = || question.address.to_string();
        let again = |error| Failed { error, retry: Retry::Again };
        let mut length = 0_u64;
        loop {
            let limit = self.limits.request;
            let part = match tokio::time::timeout(limit, response.chunk()).await {
                Ok(Ok(Some(part))) => part,
                Ok(Ok(None)) => return Ok(length),
                Ok(Err(error)) => {
                    let reason = innermost(&error);
                    return Err(again(FetchError::Cut { address: address(), reason }));
                }
                Err(_) => return Err(again(FetchError::Timeout { address: address(), limit })),
            };
            length += part.len() as u64;
            if length > bytes_max {
                let bytes = bytes_max;
                return Err(Failed::last(FetchError::TooLarge { address: address(), bytes }));
            }
            keep(&part).map_err(|error| Failed::last(unwritten(&error)))?;
        }
    }

    /// What an answer that is no success means, and whether to try again.
    async fn refused(&self, question: &Question, mut response: Response) -> Failed {
        let address = || question.address.to_string();
        let status = response.status();
        let retry_after = self.retry_after(response.headers());
        let mut body = Vec::new();
        let mut keep = |part: &[u8]| {
            body.extend_from_slice(part);
            Ok(())
        };
        let bytes_max = self.limits.body_bytes as u64;
        if let Err(failed) = self.body(question, &mut response, bytes_max, &mut keep).await {
            return failed;
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
        Failed { error, retry }
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

fn unwritten(error: &io::Error) -> FetchError {
    FetchError::Spool(error.to_string().to_lowercase())
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

#[cfg(test)]
mod tests;
