//! A small client of forges: bounded in tries, time, pages and bytes.
//!
//! What may have happened is not asked for twice: a request that creates something is sent again only
//! when the server said that it did nothing. Otherwise the caller looks first.
//!
//! # Source
//!
//! RFC 9110, sections 10.2.3 (`Retry-After`) and 13.1.2 (`If-None-Match`); GitHub, "Rate limits for the
//! REST API" (secondary limits: 403 or 429, `retry-after`, `x-ratelimit-reset`, else a minute).

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use reqwest::{
    Method, Response, StatusCode, Url,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ForgeError, escape::visible_line};

/// Most answers that are kept for `If-None-Match`.
const KEPT_MAX: usize = 256;
/// Longest part of what a forge says that is shown, in characters.
const SAID_MAX: usize = 200;

/// The bounds of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tries of one request.
    pub tries: u32,
    /// Time of one request, its body included.
    pub request: Duration,
    /// Wait before the second try; it doubles from there.
    pub first_wait: Duration,
    /// Longest wait, also of one that is asked for: past that, the caller comes back later.
    pub longest_wait: Duration,
    /// Bytes of one body.
    pub body_bytes: usize,
    /// Pages of one list.
    pub pages: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tries: 4,
            request: Duration::from_secs(30),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(90),
            body_bytes: 8 << 20,
            pages: 30,
        }
    }
}

/// A request.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// Parts of the path; each is one, whatever it holds.
    pub(super) path: Vec<&'a str>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

impl<'a> Request<'a> {
    pub(super) fn new(method: Method, path: impl IntoIterator<Item = &'a str>) -> Self {
        Self { method, path: path.into_iter().collect(), query: Vec::new(), body: None }
    }

    pub(super) fn get(path: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// An answer and its `ETag`.
type Kept = (HeaderValue, Arc<Vec<u8>>);

/// A client of one forge.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    headers: HeaderMap,
    secret: SecretString,
    limits: Limits,
    now: fn() -> Timestamp,
    draw: AtomicU64,
    /// Answers by address, with their `ETag`.
    kept: Mutex<HashMap<String, Kept>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", shown(self.base.as_str()))
    }
}

/// How a forge is reached.
pub(super) struct Way {
    /// The address of its API.
    pub(super) base: String,
    /// The header of the credential, and what stands before it.
    pub(super) header: (HeaderName, &'static str),
    /// The credential.
    pub(super) secret: SecretString,
    /// Further headers.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether the credential may go there without encryption.
    pub(super) trusted_plain: bool,
}

/// A failure, and whether another try may help.
struct Failed {
    error: ForgeError,
    retry: Retry,
}

enum Retry {
    Never,
    Again,
    After(Duration),
}

impl Client {
    pub(super) fn new(
        way: Way,
        limits: Limits,
        seed: u64,
        now: fn() -> Timestamp,
    ) -> Result<Self, ForgeError> {
        let base =
            Url::parse(way.base.trim()).map_err(|_| ForgeError::Address(shown(&way.base)))?;
        let is_http = matches!(base.scheme(), "http" | "https") && base.host_str().is_some();
        if !is_http || !base.username().is_empty() || base.password().is_some() {
            return Err(ForgeError::Address(shown(&way.base)));
        }
        if base.scheme() == "http" && !way.trusted_plain && !is_here(&base) {
            return Err(ForgeError::Unencrypted(shown(&way.base)));
        }
        let (name, before) = way.header;
        // A line break in a secret file is no part of the secret, and none may reach a header.
        let text = format!("{before}{}", way.secret.expose_secret().trim());
        let mut value = HeaderValue::from_str(&text).map_err(|_| ForgeError::BadCredential)?;
        value.set_sensitive(true);
        let mut headers = HeaderMap::from_iter(way.headers);
        headers.insert(name, value);
        // An error says that somebody installed a provider before: then that one holds.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("centinel/", env!("CARGO_PKG_VERSION")))
            .timeout(limits.request)
            .connect_timeout(limits.request.min(Duration::from_secs(10)))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ForgeError::Client(error.without_url().to_string()))?;
        let secret = way.secret;
        let (draw, kept) = (AtomicU64::new(seed), Mutex::default());
        Ok(Self { http, base, headers, secret, limits, now, draw, kept })
    }

    /// Asks, and reads the answer as JSON.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
    ) -> Result<T, ForgeError> {
        let address = || shown(self.url(request).as_str());
        let body = self.bytes(request).await?;
        serde_json::from_slice(&body)
            .map_err(|error| ForgeError::Payload { address: address(), reason: error.to_string() })
    }

    /// Every item of a list, page by page until one is not full.
    pub(super) async fn list<'a, T: DeserializeOwned>(
        &self,
        request: impl Fn() -> Request<'a>,
    ) -> Result<Vec<T>, ForgeError> {
        const PER_PAGE: usize = 100;
        let mut items = Vec::new();
        for page in 1..=self.limits.pages {
            let request =
                request().query("per_page", PER_PAGE.to_string()).query("page", page.to_string());
            let part: Vec<T> = self.ask(&request).await?;
            let is_last = part.len() < PER_PAGE;
            items.extend(part);
            if is_last {
                return Ok(items);
            }
        }
        let address = shown(self.url(&request()).as_str());
        Err(ForgeError::TooLong { address, pages: self.limits.pages })
    }

    /// Asks until there is an answer, or no try is left.
    pub(super) async fn bytes(&self, request: &Request<'_>) -> Result<Arc<Vec<u8>>, ForgeError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let failed = match self.once(request).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let wait = match failed.retry {
                Retry::Never => return Err(failed.error),
                Retry::After(asked) if asked > self.limits.longest_wait => {
                    let address = shown(self.url(request).as_str());
                    return Err(ForgeError::AskedToWait { address, seconds: asked.as_secs() });
                }
                _ if tries >= self.limits.tries => return Err(failed.error),
                Retry::After(asked) => asked + self.jitter(self.limits.first_wait),
                Retry::Again => {
                    let doubled = self.limits.first_wait.saturating_mul(1 << (tries - 1).min(16));
                    let whole = doubled.min(self.limits.longest_wait);
                    whole / 2 + self.jitter(whole / 2)
                }
            };
            tracing::debug!(address = %shown(self.url(request).as_str()), tries, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    fn url(&self, request: &Request<'_>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(&request.path);
        }
        url.set_query(None);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        url
    }

    async fn once(&self, request: &Request<'_>) -> Result<Arc<Vec<u8>>, Failed> {
        let url = self.url(request);
        let address = shown(url.as_str());
        let mut asked =
            self.http.request(request.method.clone(), url.clone()).headers(self.headers.clone());
        if let Some(body) = &request.body {
            asked = asked
                .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body.to_string());
        }
        let is_read = request.method == Method::GET;
        let kept = self
            .kept
            .lock()
            .ok()
            .filter(|_| is_read)
            .and_then(|kept| kept.get(url.as_str()).cloned());
        if let Some((etag, _)) = &kept {
            asked = asked.header(header::IF_NONE_MATCH, etag.clone());
        }
        // What was sent may have had its effect: only what has the same effect twice is sent again.
        let lost = |reason: String| {
            if request.method == Method::POST {
                let address = address.clone();
                Failed { error: ForgeError::Unknown { address, reason }, retry: Retry::Never }
            } else {
                let address = address.clone();
                Failed { error: ForgeError::Lost { address, reason }, retry: Retry::Again }
            }
        };
        let response = match asked.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                let reason = innermost(&error);
                let error = ForgeError::Lost { address, reason };
                return Err(Failed { error, retry: Retry::Again });
            }
            Err(error) => return Err(lost(innermost(&error))),
        };
        let status = response.status();
        let headers = response.headers().clone();
        let body = self.body(response).await.map_err(|error| match error {
            None => Failed {
                error: ForgeError::TooLarge {
                    address: address.clone(),
                    bytes: self.limits.body_bytes,
                },
                retry: Retry::Never,
            },
            Some(reason) => lost(reason),
        })?;
        if status == StatusCode::NOT_MODIFIED
            && let Some((_, body)) = kept
        {
            return Ok(body);
        }
        if !status.is_success() {
            return Err(self.refused(request, status, &headers, &body));
        }
        let body = Arc::new(body);
        if is_read
            && let Some(etag) = headers.get(header::ETAG)
            && let Ok(mut kept) = self.kept.lock()
        {
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
            kept.insert(url.to_string(), (etag.clone(), Arc::clone(&body)));
        }
        Ok(body)
    }

    /// A body within its bound; `None` is one beyond it.
    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Option<String>> {
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| Some(innermost(&error)))? {
            if body.len() + part.len() > self.limits.body_bytes {
                return Err(None);
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// What an answer that is no success means, and whether to ask again.
    fn refused(
        &self,
        request: &Request<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Failed {
        let address = shown(self.url(request).as_str());
        let said = said(body, &self.secret);
        let limit = self.rate_limit(status, headers, &said);
        let code = status.as_u16();
        let error = match status {
            _ if limit.is_some() => ForgeError::RateLimit { address, said },
            StatusCode::UNAUTHORIZED => ForgeError::Unauthorized { address, said },
            StatusCode::FORBIDDEN => ForgeError::Forbidden { address, said },
            StatusCode::NOT_FOUND => ForgeError::NotFound { address },
            status if status.is_redirection() => ForgeError::Redirected { address },
            // A server that fails may have done it before it failed.
            status if status.is_server_error() && request.method == Method::POST => {
                ForgeError::Unknown { address, reason: format!("{code}{said}") }
            }
            _ => ForgeError::Status { address, status: code, said },
        };
        let retry = match limit {
            Some(wait) => Retry::After(wait),
            None if request.method == Method::POST => Retry::Never,
            None if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                retry_after(headers, self.now).map_or(Retry::Again, Retry::After)
            }
            None => Retry::Never,
        };
        Failed { error, retry }
    }

    /// How long a forge that was asked too often wants to be left alone.
    fn rate_limit(&self, status: StatusCode, headers: &HeaderMap, said: &str) -> Option<Duration> {
        if status != StatusCode::FORBIDDEN && status != StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        if let Some(wait) = retry_after(headers, self.now) {
            return Some(wait);
        }
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
        if number("x-ratelimit-remaining") == Some(0) {
            let until = Timestamp::from_second(number("x-ratelimit-reset")?).ok()?;
            let from = date(headers).unwrap_or_else(self.now);
            return Some(Duration::try_from(until.duration_since(from)).unwrap_or_default());
        }
        let is_secondary = said.to_lowercase().contains("secondary rate limit");
        (is_secondary || status == StatusCode::TOO_MANY_REQUESTS).then(|| Duration::from_mins(1))
    }

    /// A duration between zero and `limit`, drawn by SplitMix64, so that clients do not ask in step.
    fn jitter(&self, limit: Duration) -> Duration {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.draw.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits ^= bits >> 27;
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let drawn = (u128::from(nanos) * u128::from(bits >> 32)) >> 32;
        Duration::from_nanos(u64::try_from(drawn).unwrap_or(0))
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

fn retry_after(headers: &HeaderMap, now: fn() -> Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let from = date(headers).unwrap_or_else(now);
    Some(Duration::try_from(until.duration_since(from)).unwrap_or_default())
}

/// `: what the forge said`, without the credential; empty where it says nothing readable.
fn said(body: &[u8], secret: &SecretString) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let mut parts = Vec::new();
    let mut add = |value: Option<&Value>| match value {
        Some(Value::String(text)) => parts.push(text.clone()),
        Some(Value::Array(items)) => {
            parts.extend(items.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        _ => {}
    };
    add(value.get("message"));
    add(value.get("error"));
    for error in value.get("errors").and_then(Value::as_array).into_iter().flatten() {
        add(Some(error));
        add(error.get("message"));
    }
    let mut text: String = visible_line(&parts.join("; ")).collect();
    let secret = secret.expose_secret().trim();
    if !secret.is_empty() {
        text = text.replace(secret, "[credential]");
    }
    let text: String = text.trim().chars().take(SAID_MAX).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

/// An address as it may be shown: without user, password and query.
pub(crate) fn shown(address: &str) -> String {
    let Ok(url) = Url::parse(address) else {
        // What is no address may still hold a password.
        return "(not an address)".to_owned();
    };
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// Whether an address is this machine.
pub(crate) fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The last cause of a failure: the ones before only say that something failed.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string().to_lowercase()
}
