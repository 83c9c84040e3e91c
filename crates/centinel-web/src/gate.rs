//! What holds for every request: who may ask, and what a browser may do with the answer.

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{WebState, headers::once, refused::Why};

/// Names by which this server is reached. A browser tricked into resolving another name to this
/// machine (DNS rebinding) sends that name, and is refused.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Nothing but our own stylesheet and images, and forms that come back to us; no script, no frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
                                       base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: with it, browsers call the origin of our own forms `null`.
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Answers requests to our own names only, and adds the headers of every answer.
pub(crate) async fn guarded(
    State(state): State<WebState>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match refusal(&request, &state) {
        Some((why, reason)) => {
            state.refusals().count(why);
            (StatusCode::FORBIDDEN, format!("{reason}\n")).into_response()
        }
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn refusal(request: &Request, state: &WebState) -> Option<(Why, &'static str)> {
    if host_of(request).is_none_or(|host| state.page_at(host).is_none()) {
        let reason =
            "this server answers to `localhost`, `127.0.0.1` and its configured address only";
        return Some((Why::ForeignHost, reason));
    }
    // Another site's page may send us a request that needs no permission of ours; it names itself.
    let origin = request.headers().get(header::ORIGIN)?.to_str().ok();
    let is_own = |origin: &str| {
        let (_, host) = origin.split_once("://")?;
        let page = state.page_at(host)?;
        page.eq_ignore_ascii_case(origin).then_some(())
    };
    let reason = "requests of pages of other sites are not answered";
    origin.and_then(is_own).is_none().then_some((Why::ForeignPage, reason))
}

/// The name that a request was sent to, with its port.
pub(crate) fn host_of(request: &Request) -> Option<&str> {
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    once(request.headers(), header::HOST).or(authority)
}

/// Whether a host, with or without a port, is one of our names.
pub(crate) fn is_own(host: &str) -> bool {
    OWN_NAMES.iter().any(|name| {
        let Some((start, port)) = host.split_at_checked(name.len()) else { return false };
        let port_follows = port.is_empty()
            || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
        start.eq_ignore_ascii_case(name) && port_follows
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_own() {
        for own in ["localhost", "LOCALHOST:8787", "127.0.0.1:1", "[::1]", "[::1]:8787"] {
            assert!(is_own(own), "{own}");
        }
        for other in [
            "",
            "localhost.evil.example",
            "localhost:",
            "localhost:99999",
            "127.0.0.1.nip.io",
            "evil.example",
            "localhost:80@evil.example",
            "[::1",
            "::1",
            "0.0.0.0",
            "ä",
        ] {
            assert!(!is_own(other), "{other}");
        }
    }
}
