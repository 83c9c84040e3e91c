//! Requests to a provider: bounded in time and bytes, without redirects, never repeated.

use std::time::Duration;

use reqwest::{RequestBuilder, Url};

use super::OidcError;
use crate::delivery::shown_address;

/// Longest wait for an answer.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Longest answer, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 256 << 10;

/// An answer.
pub(super) struct Answer {
    pub(super) is_success: bool,
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// A client for one provider.
pub(super) fn client() -> Result<reqwest::Client, String> {
    // An error says that somebody installed a provider before: then that one holds.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("centinel/", env!("CARGO_PKG_VERSION")))
        .timeout(TIME_MAX)
        .connect_timeout(TIME_MAX / 2)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| error.without_url().to_string())
}

/// Sends a request and reads its whole answer.
pub(super) async fn answer(url: &Url, request: RequestBuilder) -> Result<Answer, OidcError> {
    let failed =
        |reason: String| OidcError::Unanswered { address: shown_address(url.as_str()), reason };
    let lost = |error: reqwest::Error| failed(innermost(&error));
    let mut response = request.send().await.map_err(lost)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(lost)? {
        if body.len().saturating_add(part.len()) > BODY_BYTES_MAX {
            return Err(failed(format!("its answer is longer than {BODY_BYTES_MAX} bytes")));
        }
        body.extend_from_slice(&part);
    }
    Ok(Answer { is_success: status.is_success(), status: status.as_u16(), body })
}

/// Reads a document.
pub(super) async fn document(client: &reqwest::Client, url: &Url) -> Result<Vec<u8>, OidcError> {
    let Answer { is_success, status, body } = answer(url, client.get(url.clone())).await?;
    if is_success {
        return Ok(body);
    }
    let address = shown_address(url.as_str());
    Err(OidcError::Unanswered { address, reason: format!("it answered {status}") })
}

/// The last cause of a failure: the ones before only say that something failed.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string().to_lowercase()
}
