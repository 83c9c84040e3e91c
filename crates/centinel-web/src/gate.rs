//! What holds for every request: who may ask, and what a browser may do with the answer.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

/// Names by which this server is reached. A browser tricked into resolving another name to this
/// machine (DNS rebinding) sends that name, and is refused.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Nothing but our own stylesheet and images; no script, no frame, no form.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
                                       base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Answers requests to our own names only, and adds the headers of every answer.
pub(crate) async fn guarded(request: Request, next: Next) -> Response {
    let mut response = match refusal(&request) {
        Some(reason) => (StatusCode::FORBIDDEN, format!("{reason}\n")).into_response(),
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

fn refusal(request: &Request) -> Option<&'static str> {
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let host = host_header(request.headers()).or(authority);
    if !host.is_some_and(is_own) {
        return Some("this server answers to `localhost` and `127.0.0.1` only");
    }
    // Another site's page may send us a request that needs no permission of ours; it names itself.
    let origin = request.headers().get(header::ORIGIN)?;
    let own =
        origin.to_str().ok().and_then(|text| text.strip_prefix("http://")).is_some_and(is_own);
    (!own).then_some("requests of pages of other sites are not answered")
}

/// The `Host` header, when there is exactly one.
fn host_header(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}

/// Whether a host, with or without a port, is one of our names.
fn is_own(host: &str) -> bool {
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
