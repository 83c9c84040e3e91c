//! MCP over streamable HTTP: stateless, JSON answers, closed by default.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use centinel_engine::facts::sha256_hex;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use subtle::ConstantTimeEq as _;

use crate::{ports::Principal, server::Server};

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
}

/// Knows whose token a secret is.
pub trait Verifier: fmt::Debug + Send + Sync {
    /// The principal of a token that holds; `None` for anything else.
    fn verify<'a>(
        &'a self,
        secret: &'a str,
    ) -> Pin<Box<dyn Future<Output = Option<Principal>> + Send + 'a>>;
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
        }
    }

    /// The same with a verifier of tokens.
    #[must_use]
    pub fn verified_by(self, verifier: Arc<dyn Verifier>, requires_token: bool) -> Self {
        Self { verifier: Some(verifier), requires_token, ..self }
    }
}

/// A bearer token and whom it stands for. Keeps a digest, not the secret.
#[derive(Clone)]
pub struct AccessToken {
    digest: String,
    principal: Principal,
}

impl AccessToken {
    /// A token with its subject.
    pub fn new(secret: &str, subject: &str) -> Self {
        Self { digest: sha256_hex(secret.as_bytes()), principal: Principal::subject(subject) }
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// The server as a router, to be nested at `/mcp`.
///
/// The listener should set `TCP_NODELAY`: small answers otherwise wait for the client's delayed
/// acknowledgement.
pub fn http_service(server: Server, options: HttpOptions) -> Router {
    let config = StreamableHttpServerConfig::default()
        .with_allowed_hosts(options.allowed_hosts)
        .with_allowed_origins(options.allowed_origins)
        .enforce_origin_validation()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_BYTES_MAX);
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    let router = Router::new().route_service("/", service);
    if options.tokens.is_empty() && options.verifier.is_none() {
        return router;
    }
    let gate = Gate {
        is_closed: options.requires_token || !options.tokens.is_empty(),
        tokens: options.tokens.into(),
        verifier: options.verifier,
    };
    router.layer(middleware::from_fn_with_state(gate, authenticate))
}

/// Who comes in.
#[derive(Clone)]
struct Gate {
    tokens: Arc<[AccessToken]>,
    verifier: Option<Arc<dyn Verifier>>,
    /// Nobody without a token.
    is_closed: bool,
}

/// Whether a request asks for the reading tools only.
pub(crate) fn wants_read_only(headers: &HeaderMap) -> bool {
    let declined = |value: &HeaderValue| matches!(value.as_bytes(), b"0" | b"false");
    headers.get_all(READ_ONLY_HEADER).iter().any(|value| !declined(value))
}

/// Lets a request with a known token through, with the token's principal, and one without any where
/// the gate is open; answers 401 otherwise.
async fn authenticate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    // A principal comes from here or not at all.
    request.extensions_mut().remove::<Principal>();
    if !gate.is_closed && !request.headers().contains_key(header::AUTHORIZATION) {
        return next.run(request).await;
    }
    let secret = bearer(request.headers()).map(str::to_owned);
    let principal = match (secret, &gate.verifier) {
        (None, _) => None,
        (Some(secret), verifier) => match (verified(&gate.tokens, &secret), verifier) {
            (Some(principal), _) => Some(principal),
            (None, Some(verifier)) => verifier.verify(&secret).await,
            (None, None) => None,
        },
    };
    let Some(principal) = principal else {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"centinel\"")];
        return (StatusCode::UNAUTHORIZED, challenge, "a bearer token is needed\n").into_response();
    };
    request.extensions_mut().insert(principal);
    next.run(request).await
}

/// The secret that a request shows; `None` where there is none, or more than one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(shown), None) = (shown.next(), shown.next()) else { return None };
    let (scheme, secret) = shown.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// The principal of the token presented. Takes the same time for any wrong token: digests are
/// compared, all of them, in constant time.
fn verified(tokens: &[AccessToken], secret: &str) -> Option<Principal> {
    let digest = sha256_hex(secret.as_bytes());
    tokens.iter().fold(None, |found, token| {
        let same = bool::from(token.digest.as_bytes().ct_eq(digest.as_bytes()));
        if same { Some(token.principal.clone()) } else { found }
    })
}
