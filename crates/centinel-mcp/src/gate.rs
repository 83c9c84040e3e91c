//! Who comes in over HTTP: bearer tokens, whom they stand for, and what is said to whom they do not.
//!
//! The gate decides before any handler runs. It holds a token no longer than it takes to look it up, and
//! neither logs nor forwards it.

mod challenge;
mod fixed;
mod metadata;
mod shown;
mod written;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::request::Parts,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};

pub(crate) use self::fixed::FixedTokens;
pub use self::{
    challenge::Challenge,
    fixed::AccessToken,
    metadata::{ProtectedResource, metadata_routes},
};
use self::{shown::Shown, written::written_tool};
use crate::ports::Principal;

/// What a gatekeeper says, some time later.
pub type Asked<'a> = Pin<Box<dyn Future<Output = Result<Admission, Turned>> + Send + 'a>>;

/// Knows whose token a request shows, and who may come in without one.
pub trait Gatekeeper: fmt::Debug + Send + Sync {
    /// Lets somebody in by the token that they show, or turns them away. Asked for every request, so a token
    /// that was revoked stops at once.
    fn token<'a>(&'a self, token: &'a str) -> Asked<'a>;

    /// Lets somebody in who shows no token, by what else there is to a request.
    fn nothing<'a>(&'a self, request: &'a Parts) -> Asked<'a>;

    /// What to tell programs that have no token yet; `None` where there is nobody to ask for one.
    fn challenge(&self) -> Option<&Challenge>;

    /// Counts a request that was turned away.
    fn turned_away(&self, why: &Turned);
}

/// Who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Whoever holds the home, by the name that the client gives itself.
    Home,
    /// Somebody with a token.
    As(Principal),
}

/// Why a request is not answered. Reasons are one lowercase line, shown to whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Turned {
    /// It shows no token, and has to.
    #[error("a bearer token is needed")]
    NoToken,
    /// What it shows is no token that holds.
    #[error("{0}")]
    WrongToken(String),
    /// The token was not given for this.
    #[error("the access token lacks the scope `{0}`")]
    MissingScope(String),
    /// The token holds, and nobody here is known by it.
    #[error("{0}")]
    Unknown(String),
    /// Too much was asked lately.
    #[error("too many requests: wait {0} s")]
    TooMany(u64),
    /// Whether the token holds cannot be told now.
    #[error("the token cannot be checked now: try again")]
    Unanswered,
}

/// Whether a tool of this name does more than read.
pub(crate) type Writes = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The gate before a server.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) gatekeeper: Arc<dyn Gatekeeper>,
    pub(crate) writes: Writes,
    pub(crate) body_bytes_max: usize,
}

/// The same routes, behind a gate.
pub(crate) fn guarded(router: Router, gate: Gate) -> Router {
    router.layer(middleware::from_fn_with_state(gate, authenticate))
}

/// Lets a request through with its principal, or answers in the server's place.
async fn authenticate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    // A principal comes from here or not at all.
    request.extensions_mut().remove::<Principal>();
    match gate.admitted(request).await {
        Ok(request) => next.run(request).await,
        Err(Stopped::Turned(why)) => {
            gate.gatekeeper.turned_away(&why);
            challenge::answer(&why, gate.gatekeeper.challenge())
        }
        Err(Stopped::Body(status)) => status.into_response(),
    }
}

/// Why a request goes no further.
enum Stopped {
    Turned(Turned),
    /// Its body cannot be read, or is too long.
    Body(axum::http::StatusCode),
}

impl Gate {
    async fn admitted(&self, request: Request) -> Result<Request, Stopped> {
        let (parts, body) = request.into_parts();
        let admission = match Shown::by(&parts.headers) {
            Shown::Nothing => self.gatekeeper.nothing(&parts).await,
            Shown::Token(token) => self.gatekeeper.token(token).await,
            Shown::Unusable(why) => Err(Turned::WrongToken(why.to_owned())),
        };
        let principal = match admission.map_err(Stopped::Turned)? {
            Admission::Home => return Ok(Request::from_parts(parts, body)),
            Admission::As(principal) => principal,
        };
        let mut request = if principal.may_propose() {
            Request::from_parts(parts, body)
        } else {
            // Only the body says for certain what is called: headers may say something else, and older
            // revisions have none.
            let bytes = written::bounded(body, self.body_bytes_max).await.map_err(Stopped::Body)?;
            if written_tool(&bytes, &self.writes) {
                let needed = self.gatekeeper.challenge().map(Challenge::propose_scope);
                let needed = needed.unwrap_or("propose").to_owned();
                return Err(Stopped::Turned(Turned::MissingScope(needed)));
            }
            Request::from_parts(parts, bytes.into())
        };
        request.extensions_mut().insert(principal);
        Ok(request)
    }
}
