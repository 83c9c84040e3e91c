//! Answers of the OTLP/HTTP protocol, in the encoding of the request.
//!
//! Source: OTLP 1.x specification, OTLP/HTTP Response; `ExportTraceServiceResponse` and
//! `google.rpc.Status`. Three messages of one or two fields each are written by hand.

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use centinel_app::Format;
use serde_json::{Value, json};

/// Encoding of a request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// By the content type; `None` when it is neither.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let stated = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let mime = stated.split(';').next().unwrap_or_default().trim();
        if mime.eq_ignore_ascii_case("application/x-protobuf") {
            Some(Self::Protobuf)
        } else if mime.eq_ignore_ascii_case("application/json") {
            Some(Self::Json)
        } else {
            None
        }
    }

    pub(crate) fn format(self) -> Format {
        match self {
            Self::Protobuf => Format::OtlpProtobuf,
            Self::Json => Format::OtlpJson,
        }
    }

    /// Everything was taken, or all but some spans, with the reason of the first of these.
    pub(crate) fn taken(self, rejected: u64, reason: &str) -> Response {
        match self {
            Self::Json if rejected == 0 => Json(json!({})).into_response(),
            // A 64-bit integer is text in the JSON form of protobuf.
            Self::Json => Json(json!({ "partialSuccess": {
                "rejectedSpans": rejected.to_string(), "errorMessage": reason,
            }}))
            .into_response(),
            Self::Protobuf if rejected == 0 => protobuf(StatusCode::OK, Vec::new()),
            Self::Protobuf => {
                let mut partial = Vec::new();
                integer(&mut partial, 1, rejected);
                bytes(&mut partial, 2, reason.as_bytes());
                let mut message = Vec::new();
                bytes(&mut message, 1, &partial);
                protobuf(StatusCode::OK, message)
            }
        }
    }

    /// Nothing was taken: `google.rpc.Status`, whose code follows from the HTTP status.
    pub(crate) fn refused(self, status: StatusCode, message: &str) -> Response {
        let code: u64 = match status {
            StatusCode::SERVICE_UNAVAILABLE => 14, // UNAVAILABLE: try again
            StatusCode::PAYLOAD_TOO_LARGE => 8,    // RESOURCE_EXHAUSTED
            _ => 3,                                // INVALID_ARGUMENT
        };
        match self {
            Self::Json => {
                let body: Value = json!({ "code": code, "message": message });
                (status, Json(body)).into_response()
            }
            Self::Protobuf => {
                let mut body = Vec::new();
                integer(&mut body, 1, code);
                bytes(&mut body, 2, message.as_bytes());
                protobuf(status, body)
            }
        }
    }
}

fn protobuf(status: StatusCode, message: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-protobuf")], message).into_response()
}

fn integer(message: &mut Vec<u8>, field: u8, value: u64) {
    message.push(field << 3);
    varint(message, value);
}

fn bytes(message: &mut Vec<u8>, field: u8, value: &[u8]) {
    message.push((field << 3) | 2);
    varint(message, value.len() as u64);
    message.extend_from_slice(value);
}

/// Seven bits a byte, lowest first; the high bit says that more follow.
fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    message.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The encoding guide's examples: 150 is `96 01`, and `testing` in field 2 is `12 07 …`.
    #[test]
    fn protobuf_is_written_as_the_encoding_guide_does() {
        let mut message = Vec::new();
        integer(&mut message, 1, 150);
        bytes(&mut message, 2, b"testing");
        assert_eq!(message, b"\x08\x96\x01\x12\x07testing");
    }
}
