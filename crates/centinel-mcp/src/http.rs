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
    gate::{AccessToken, FixedTokens, Gate, Gatekeeper, Writes, guarded},
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
    /// Who comes in; everybody without one.
    pub gatekeeper: Option<Arc<dyn Gatekeeper>>,
    /// Whether a client of a revision before 2026-07-28 gets a session. Only a handler that asks the
    /// client something during a call needs it; answers come as streams then.
    pub keeps_sessions: bool,
}

impl HttpOptions {
    /// What suits a server on the loopback interface: its own names, any port, one of these tokens where
    /// there is any.
    pub fn loopback(tokens: Vec<AccessToken>) -> Self {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let is_guarded = !tokens.is_empty();
        let fixed = || -> Arc<dyn Gatekeeper> { Arc::new(FixedTokens::new(tokens)) };
        Self {
            allowed_hosts: own(&["localhost", "127.0.0.1", "[::1]", "::1"]),
            allowed_origins: own(&["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"]),
            gatekeeper: is_guarded.then(fixed),
            keeps_sessions: false,
        }
    }

    /// The same with sessions for older revisions.
    #[must_use]
    pub fn keeping_sessions(self) -> Self {
        Self { keeps_sessions: true, ..self }
    }

    /// The same behind a gatekeeper.
    #[must_use]
    pub fn guarded_by(self, gatekeeper: Arc<dyn Gatekeeper>) -> Self {
        Self { gatekeeper: Some(gatekeeper), ..self }
    }

    /// The same, reached under another name too, as in `finops.example.com` or `finops.lan:8080`; pages of
    /// that name may ask as well, over this scheme.
    #[must_use]
    pub fn also_at(mut self, scheme: &str, host: &str) -> Self {
        let usual = if scheme == "https" { 443 } else { 80 };
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if has_port { String::new() } else { format!(":{usual}") };
        self.allowed_origins.push(format!("{scheme}://{host}{port}"));
        self.allowed_hosts.push(host.to_owned());
        self
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
    let asked = server.clone();
    let writes: Writes = Arc::new(move |tool| {
        let annotations = asked.get_tool(tool).and_then(|tool| tool.annotations);
        // What does not say that it only reads, writes; what is no tool is refused further on.
        annotations.is_some_and(|told| told.read_only_hint != Some(true))
    });
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
    let router = match options.gatekeeper {
        Some(gatekeeper) => {
            guarded(router, Gate { gatekeeper, writes, body_bytes_max: BODY_BYTES_MAX })
        }
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
