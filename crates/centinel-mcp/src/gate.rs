//! Who comes in over HTTP: bearer tokens, and whom they stand for.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use centinel_engine::facts::sha256_hex;
use subtle::ConstantTimeEq as _;

use crate::ports::Principal;

/// Knows whose token a secret is.
pub trait Verifier: fmt::Debug + Send + Sync {
    /// The principal of a token that holds; `None` for anything else.
    fn verify<'a>(
        &'a self,
        secret: &'a str,
    ) -> Pin<Box<dyn Future<Output = Option<Principal>> + Send + 'a>>;
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

/// Who comes in.
#[derive(Clone)]
pub(crate) struct Gate {
    tokens: Arc<[AccessToken]>,
    verifier: Option<Arc<dyn Verifier>>,
    /// Nobody without a token.
    is_closed: bool,
}

impl Gate {
    /// The gate before a server; `None` where nobody is asked for anything.
    pub(crate) fn of(
        tokens: Vec<AccessToken>,
        verifier: Option<Arc<dyn Verifier>>,
        requires_token: bool,
    ) -> Option<Self> {
        let is_needed = !tokens.is_empty() || verifier.is_some();
        let is_closed = requires_token || !tokens.is_empty();
        is_needed.then(|| Self { tokens: tokens.into(), verifier, is_closed })
    }
}

/// The same routes, behind a gate.
pub(crate) fn guarded(router: Router, gate: Gate) -> Router {
    router.layer(middleware::from_fn_with_state(gate, authenticate))
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
