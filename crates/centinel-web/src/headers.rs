//! Headers of requests.

use axum::http::{HeaderMap, header::AsHeaderName};

/// A header that is there exactly once, as text. Of one that is there twice, nobody can say which counts.
pub(crate) fn once(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}
