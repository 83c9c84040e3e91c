//! MCP over streamable HTTP: stateless, JSON answers, closed by default.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderMap, HeaderValue, header},
    middleware,
    response::Response,
};
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService,
        session::{local::LocalSessionManager, never::NeverSessionManager},
    },
};

use crate::{
    gate::{AccessToken, Gate, Verifier, guarded},
    message,
};

/// A request with this header (any value but `0` and `false`) sees the tools that read, only.
pub const READ_ONLY_HEADER: &str = "x-centinel-read-only";

/// Bytes of a request body at most.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Who may reach the server.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// `Host` values answered, with or without port: a browser tricked into resolving another name
    /// to this machine is refused.
    pub allowed_hosts: Vec<String>,
    /// `Origin` values answered, with a port or `:*`. A request without one passes; any other is
    /// refused.
    pub allowed_origins: Vec<String>,
    /// One of them is needed when there is any.
    pub tokens: Vec<AccessToken>,
    /// Says whose token a request shows, anew for each: one that was revoked stops at once. A request
    /// that shows a token must show one that holds.
    pub verifier: Option<Arc<dyn Verifier>>,
    /// Whether a request without a token is refused too.
    pub requires_token: bool,
    /// Whether a client of a revision before 2026-07-28 gets a session. Only a handler that asks the
    /// client something during a call needs it; answers come as streams then.
    pub keeps_sessions: bool,
}

impl HttpOptions {
    /// What suits a server on the loopback interface: its own names, any port, these tokens.
    pub fn loopback(tokens: Vec<AccessToken>) -> Self {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            allowed_hosts: own(&["localhost", "127.0.0.1", "[::1]", "::1"]),
            allowed_origins: own(&["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"]),
            tokens,
            verifier: None,
            requires_token: false,
            keeps_sessions: false,
        }
    }

    /// The same with sessions for older revisions.
    #[must_use]
    pub fn keeping_sessions(self) -> Self {
        Self { keeps_sessions: true, ..self }
    }

    /// The same with a verifier of tokens.
    #[must_use]
    pub fn verified_by(self, verifier: Arc<dyn Verifier>, requires_token: bool) -> Self {
        Self { verifier: Some(verifier), requires_token, ..self }
    }
}

/// A server as a router, to be nested at `/mcp`: the product's, or another handler that is to be served
/// just like it.
///
/// The listener should set `TCP_NODELAY`: small answers otherwise wait for the client's delayed
/// acknowledgement. It should also limit the time that a client takes for the headers of a request;
/// the time for a body is limited here.
pub fn http_service<S: ServerHandler + Clone>(server: S, options: HttpOptions) -> Router {
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(options.allowed_hosts)
        .with_allowed_origins(options.allowed_origins)
        .enforce_origin_validation()
        .with_legacy_session_mode(options.keeps_sessions)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_BYTES_MAX);
    let handler = move || Ok(server.clone());
    let router = if options.keeps_sessions {
        let sessions = Arc::new(LocalSessionManager::default());
        Router::new().route_service("/", StreamableHttpService::new(handler, sessions, config))
    } else {
        let sessions = Arc::new(NeverSessionManager::default());
        Router::new().route_service("/", StreamableHttpService::new(handler, sessions, config))
    };
    let router = router.layer(middleware::from_fn(message::received)).layer(
        // Outside of what reads: this says how much is read.
        DefaultBodyLimit::max(BODY_BYTES_MAX),
    );
    let router = match Gate::of(options.tokens, options.verifier, options.requires_token) {
        Some(gate) => guarded(router, gate),
        None => router,
    };
    router.layer(middleware::map_response(kept_by_nobody))
}

/// Every answer is for one caller: no cache on the way may keep it.
async fn kept_by_nobody(mut response: Response) -> Response {
    let never = HeaderValue::from_static("private, no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    response
}

/// Whether a request asks for the reading tools only.
pub(crate) fn wants_read_only(headers: &HeaderMap) -> bool {
    let declined = |value: &HeaderValue| matches!(value.as_bytes(), b"0" | b"false");
    headers.get_all(READ_ONLY_HEADER).iter().any(|value| !declined(value))
}
