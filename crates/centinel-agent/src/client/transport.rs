//! One request out, one answer in, bounded; or the same from a cassette.
//!
//! The client library logs bodies that it cannot read, retries without a bound, and has closed lists of
//! words. So it never sees a body: what comes here is put, whatever it is, into an envelope that always
//! parses, and read afterwards by rules of our own.

use std::{sync::Arc, time::Duration};

use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use jiff::Timestamp;
use reqwest::{
    Request, Response,
    header::{self, HeaderMap, HeaderValue},
};
use serde::{Deserialize, Serialize};

use super::{Endpoint, Exchange};
use crate::{Cassette, Fault, cassette::Difference};

/// Bounds of one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time of all turns of one text, retries and waits included.
    pub time: Duration,
    /// Bytes of one answer's body.
    pub body_bytes: usize,
    /// Bytes of one request's body.
    pub prompt_bytes: usize,
    /// Most tokens that an answer may have.
    pub output_tokens_max: u64,
    /// Tries of one question.
    pub tries: u32,
    /// Wait before the second try; it doubles from there, half of it drawn.
    pub first_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(20),
            body_bytes: 1 << 20,
            prompt_bytes: 64 << 10,
            output_tokens_max: 1_500,
            tries: 3,
            first_wait: Duration::from_millis(250),
        }
    }
}

/// Where requests go.
#[derive(Debug, Clone)]
pub enum Transport {
    /// To the endpoint.
    Live,
    /// To the endpoint, and what comes is kept.
    Record(Arc<Cassette>),
    /// Nowhere: what was kept answers.
    Replay(Arc<Cassette>),
}

/// What the service hands through the library.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Envelope {
    Came(Exchange),
    Unreachable { reason: String },
    Cut,
    TooLarge,
    Elsewhere,
    NotRecorded(Difference),
}

/// The service under the library.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    http: reqwest::Client,
    endpoint: Arc<Endpoint>,
    transport: Transport,
    body_bytes: usize,
    now: fn() -> Timestamp,
}

impl Wire {
    pub(super) fn new(
        endpoint: Arc<Endpoint>,
        transport: Transport,
        limits: &Limits,
        now: fn() -> Timestamp,
    ) -> Result<Self, Fault> {
        // An error says that somebody installed a provider before: then that one holds.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("centinel/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(limits.time.min(Duration::from_secs(10)))
            .build()
            .map_err(|error| Fault::Client(error.without_url().to_string()))?;
        Ok(Self { http, endpoint, transport, body_bytes: limits.body_bytes, now })
    }

    /// The client below, for the library to build requests with.
    pub(super) fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    pub(super) async fn serve(self, factory: HttpRequestFactory) -> Result<Response, OpenAIError> {
        let request = factory.build().await?;
        let envelope = self.exchange(request).await;
        let body = serde_json::to_vec(&envelope)
            .map_err(|error| OpenAIError::JSONDeserialize(error, String::new()))?;
        Ok(http::Response::new(reqwest::Body::from(body)).into())
    }

    async fn exchange(&self, request: Request) -> Envelope {
        if !self.endpoint.owns(request.url()) {
            return Envelope::Elsewhere;
        }
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default().to_vec();
        let path = request.url().path().to_owned();
        match &self.transport {
            Transport::Live => self.send(request).await,
            Transport::Replay(cassette) => match cassette.answer(&path, &body) {
                Ok(exchange) => Envelope::Came(exchange),
                Err(difference) => Envelope::NotRecorded(difference),
            },
            Transport::Record(cassette) => {
                let envelope = self.send(request).await;
                if let Envelope::Came(exchange) = &envelope {
                    cassette.record(&path, &body, exchange, self.endpoint.credential());
                }
                envelope
            }
        }
    }

    async fn send(&self, request: Request) -> Envelope {
        let mut response = match self.http.execute(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                return Envelope::Unreachable { reason: innermost(&error) };
            }
            // The request was sent: whether the model worked for it, nobody knows.
            Err(_) => return Envelope::Cut,
        };
        let status = response.status().as_u16();
        let retry_after_ms = retry_after(response.headers(), self.now);
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(part)) => {
                    if body.len().saturating_add(part.len()) > self.body_bytes {
                        return Envelope::TooLarge;
                    }
                    body.extend_from_slice(&part);
                }
                Ok(None) => break,
                Err(_) => return Envelope::Cut,
            }
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Envelope::Came(Exchange { status, retry_after_ms, body })
    }
}

/// How long a server asks to wait: milliseconds or seconds, or an instant by its clock.
///
/// # Source
///
/// RFC 9110, section 10.2.3; `retry-after-ms` as OpenAI and Azure send it.
fn retry_after(headers: &HeaderMap, now: fn() -> Timestamp) -> Option<u64> {
    let text = |name: &str| headers.get(name).map(HeaderValue::to_str)?.ok().map(str::trim);
    let date = |text: &str| Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp());
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.parse().ok()) {
        return Some(millis);
    }
    let asked = text(header::RETRY_AFTER.as_str())?;
    if let Ok(seconds) = asked.parse::<u64>() {
        return Some(seconds.saturating_mul(1000));
    }
    let from = text(header::DATE.as_str()).and_then(date).unwrap_or_else(now);
    u64::try_from(date(asked)?.duration_since(from).as_millis()).ok().or(Some(0))
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
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_however_it_is_said() {
        let now = || "2026-11-22T12:00:00Z".parse().unwrap();
        for (headers, expected) in [
            (vec![], None),
            (vec![("retry-after", "3600")], Some(3_600_000)),
            (vec![("retry-after", "1"), ("retry-after-ms", "250")], Some(250)),
            (vec![("retry-after", "Sun, 22 Nov 2026 12:00:05 GMT")], Some(5_000)),
            (
                vec![
                    ("retry-after", "Sun, 22 Nov 2026 12:00:05 GMT"),
                    ("date", "Sun, 22 Nov 2026 12:00:04 GMT"),
                ],
                Some(1_000),
            ),
            (vec![("retry-after", "Sun, 22 Nov 2026 11:00:00 GMT")], Some(0)),
            (vec![("retry-after", "soon")], None),
            (vec![("retry-after", "18446744073709551615")], Some(u64::MAX)),
        ] {
            let map: HeaderMap = headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect::<Vec<(reqwest::header::HeaderName, HeaderValue)>>()
                .into_iter()
                .collect();
            assert_eq!(retry_after(&map, now), expected, "{headers:?}");
        }
    }
}
