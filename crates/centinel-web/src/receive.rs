//! Rows that arrive over HTTP: OTLP spans, call events, business outcomes.
//!
//! A body is imported as a file of its own, so sending it again changes nothing.

use std::io::Read as _;

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use centinel_app::{AppError, Format, ImportRequest, Imported};
use serde::Serialize;

use crate::{
    BODY_BYTES_MAX, WebState,
    failure::{Failure, chain},
    otlp::Encoding,
    text::clean,
};

/// How many rejected rows an answer describes; all of them are kept and counted.
const REASONS_MAX: usize = 20;

/// What became of the rows.
#[derive(Debug, Serialize)]
struct Received {
    accepted: i64,
    duplicate: i64,
    rejected: Vec<RejectedRow>,
    /// All rejected rows, described above or not.
    rejected_count: i64,
}

#[derive(Debug, Serialize)]
pub(crate) struct RejectedRow {
    pub(crate) row: u64,
    pub(crate) reason: String,
}

/// `POST /v1/calls`: call events, one JSON object a line.
pub(crate) async fn calls(
    State(state): State<WebState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    rows(&state, &headers, body, Format::CallEvents, "http-calls").await
}

/// `POST /v1/outcomes`: business outcomes, one JSON object a line.
pub(crate) async fn outcomes(
    State(state): State<WebState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    rows(&state, &headers, body, Format::Outcomes, "outcomes").await
}

/// `POST /v1/litellm`: what the generic callback of LiteLLM's proxy sends, one payload or an array of
/// them. They belong to the source that spend logs belong to: ids are the same.
pub(crate) async fn litellm(
    State(state): State<WebState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    rows(&state, &headers, body, Format::LiteLlmCallback, "litellm").await
}

/// `POST /v1/traces`: one OTLP payload, protobuf or JSON.
pub(crate) async fn traces(
    State(state): State<WebState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(encoding) = Encoding::of(&headers) else {
        let message = "content type must be `application/x-protobuf` or `application/json`";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Failure { status, message: message.to_owned(), hint: None }.json();
    };
    let received = match content(&headers, body) {
        // No field at all is a protobuf message too: a request without spans.
        Ok(bytes) if bytes.is_empty() && encoding == Encoding::Protobuf => {
            return encoding.taken(0, "");
        }
        Ok(bytes) => take(&state, bytes, encoding.format(), "otlp").await,
        Err(failure) => Err(failure),
    };
    match received {
        Ok(received) => {
            let first = received.rejected.first();
            let reason =
                first.map(|row| format!("span {}: {}", row.row, row.reason)).unwrap_or_default();
            encoding.taken(u64::try_from(received.rejected_count).unwrap_or(0), &reason)
        }
        Err(failure) => encoding.refused(failure.status, &failure.message),
    }
}

async fn rows(
    state: &WebState,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    format: Format,
    source: &str,
) -> Response {
    let received = match content(headers, body) {
        Ok(bytes) => take(state, bytes, format, source).await,
        Err(failure) => Err(failure),
    };
    match received {
        Ok(received) => Json(received).into_response(),
        Err(failure) => failure.json(),
    }
}

/// The body, decompressed.
pub(crate) fn content(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Vec<u8>, Failure> {
    let too_large = || Failure {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        message: format!("the body has more than {BODY_BYTES_MAX} bytes"),
        hint: Some("send the rows in several requests".to_owned()),
    };
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Failure::bad("the body was cut off"),
    })?;
    let encoding = headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    match encoding {
        None | Some(b"" | b"identity") => Ok(body.to_vec()),
        Some(b"gzip") => {
            let mut bytes = Vec::new();
            let limit = BODY_BYTES_MAX as u64 + 1;
            let mut decoder = flate2::read::MultiGzDecoder::new(body.as_ref()).take(limit);
            decoder
                .read_to_end(&mut bytes)
                .map_err(|_| Failure::bad("the body is not the gzip that its header says"))?;
            if bytes.len() > BODY_BYTES_MAX { Err(too_large()) } else { Ok(bytes) }
        }
        Some(_) => Err(Failure {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            message: "content encoding must be `gzip` or `identity`".to_owned(),
            hint: None,
        }),
    }
}

async fn take(
    state: &WebState,
    bytes: Vec<u8>,
    format: Format,
    source: &str,
) -> Result<Received, Failure> {
    let nonce = state.nonce().map_err(|error| unavailable(chain(error.as_ref())))?;
    let request = ImportRequest { source: Some(source.to_owned()), ..ImportRequest::default() };
    match state.whole().import_bytes(bytes, format, request, state.now(), nonce).await {
        Ok(imported) => Ok(Received::of(imported)),
        Err(error @ AppError::Read { .. }) => Err(error.into()),
        // Whatever else failed is ours, and may work when the sender tries again.
        Err(error) => Err(unavailable(chain(&error))),
    }
}

pub(crate) fn unavailable(message: String) -> Failure {
    tracing::error!(error = %message, "rows were not taken");
    Failure { status: StatusCode::SERVICE_UNAVAILABLE, message, hint: None }
}

impl Received {
    fn of(imported: Imported) -> Self {
        let report = imported.report;
        let batch = report.batch;
        let (accepted, duplicate) = if report.already_known {
            (0, batch.rows_accepted.saturating_add(batch.rows_duplicate))
        } else {
            (batch.rows_accepted, batch.rows_duplicate)
        };
        let described = report.first_rejected.into_iter().take(REASONS_MAX);
        Self {
            accepted,
            duplicate,
            rejected: described
                .map(|rejected| RejectedRow { row: rejected.row, reason: clean(&rejected.reason) })
                .collect(),
            rejected_count: batch.rows_rejected,
        }
    }
}
