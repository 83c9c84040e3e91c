//! Who asks, and what they see.
//!
//! A request shows a service token, or the session that a person began on the page, or nothing: then it
//! comes from this machine, where the home lies open, and sees everything unless the configuration wants
//! everybody to sign in.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use centinel_app::{App, AppError, Viewer};
use centinel_engine::proposal::{Channel, Principal};

use crate::{
    WebState,
    cookies::{SESSION_COOKIE, Sent},
    failure::Failure,
    pages::{Chrome, arrival},
    refused::Why,
    return_to::ReturnTo,
    signed_in::SignedInPerson,
};

/// What every route shares, with the product as whoever asks sees it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    state: WebState,
    caller: Caller,
    waiting: Option<usize>,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Nobody in particular, on this machine.
    Anybody,
    /// A person who signed in on the page.
    Person(SignedInPerson),
    /// An agent, by its service token.
    Token(Principal),
}

impl Asked {
    /// The product, and of it what is seen.
    pub(crate) fn app(&self) -> &App {
        self.state.whole()
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The person who is signed in.
    pub(crate) fn person(&self) -> Option<&SignedInPerson> {
        match &self.caller {
            Caller::Person(person) => Some(person),
            Caller::Anybody | Caller::Token(_) => None,
        }
    }

    /// How many proposals wait for this person, where a page is asked for.
    pub(crate) fn waiting(&self) -> Option<usize> {
        self.waiting
    }
}

impl std::ops::Deref for Asked {
    type Target = WebState;

    fn deref(&self) -> &WebState {
        &self.state
    }
}

impl FromRequestParts<WebState> for Asked {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &WebState,
    ) -> Result<Self, Self::Rejection> {
        // Put there by `recognised`, around every route; without it nothing is seen.
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| (StatusCode::UNAUTHORIZED, "nobody was recognised\n").into_response())
    }
}

/// Recognises who asks, once for every request.
pub(crate) async fn recognised(
    State(state): State<WebState>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    // What takes rows in tells nothing, and senders have headers of their own.
    let takes_rows = request.method() == Method::POST && path.starts_with("/v1/");
    if takes_rows || matches!(path, "/healthz" | "/readyz") || path.starts_with("/assets/") {
        return next.run(request).await;
    }
    let is_page = is_page(path);
    let session = Sent::of(request.headers(), SESSION_COOKIE);
    if session == Sent::Twice {
        state.refusals().count(Why::TwoCookies);
    }
    // Browsers keep the cookie back when somebody follows a link of another site, a chat's, say. The
    // page that they then get asks for itself once more, and that request is our own.
    let is_signing_in = path == "/sign-in" || path.starts_with("/sign-in/");
    if is_page && !is_signing_in && session == Sent::Not && comes_from_elsewhere(&request) {
        return arrival(&address(&request));
    }
    let asked = match seen(&state, request.headers()).await {
        Ok((app, caller)) => {
            let may_be_nobody = !state.whole().config().access.sign_in;
            app.or_else(|| may_be_nobody.then(|| state.whole().clone())).map(|app| (app, caller))
        }
        Err(failure) if is_page => return failure.page(Chrome::bare(state.whole())),
        Err(failure) => return failure.json(),
    };
    match asked {
        Some((app, caller)) => {
            let mut asked = Asked { state: state.for_one(app), caller, waiting: None };
            if let Some(person) = asked.person().filter(|_| is_page) {
                let approvals = asked.app().approvals();
                let now = asked.now();
                match approvals.count_waiting_for(person.name(), Channel::Web, now).await {
                    Ok(waiting) => asked.waiting = Some(waiting),
                    Err(error) => {
                        return Failure::from(AppError::from(error)).page(Chrome::of(&asked));
                    }
                }
            }
            request.extensions_mut().insert(asked);
            next.run(request).await
        }
        // Whoever is nobody yet may become somebody.
        None if is_signing_in => next.run(request).await,
        None => refused(&state, &request),
    }
}

/// The product as a token or session sees it; `None` where the request shows neither. One that does not
/// hold is refused, not taken for none: whoever shows it believes to be somebody.
async fn seen(state: &WebState, headers: &HeaderMap) -> Result<(Option<App>, Caller), Failure> {
    let app = state.whole();
    let now = state.now();
    let unauthorised = |message: &str| Failure {
        status: StatusCode::UNAUTHORIZED,
        message: message.to_owned(),
        hint: None,
    };
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    match (shown.next(), shown.next()) {
        (None, _) => {}
        (Some(shown), None) => {
            let secret = shown.to_str().ok().and_then(|shown| shown.split_once(' '));
            let secret = secret.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            let Some((_, secret)) = secret else {
                return Err(unauthorised("the header `authorization` holds no bearer token"));
            };
            let token = app.approvals().token(secret.trim(), now).await;
            let token = token.map_err(|error| unauthorised(&error.to_string()))?;
            let principal = token.principal();
            let viewer = Viewer::Token(token.name);
            let seen = app.seen_by(&viewer, now).await;
            let seen = seen.map_err(|error| unauthorised(&error.to_string()))?;
            return Ok((Some(seen), Caller::Token(principal)));
        }
        _ => return Err(unauthorised("the header `authorization` is there twice")),
    }
    let Some(secret) = Sent::of(headers, SESSION_COOKIE).once() else {
        return Ok((None, Caller::Anybody));
    };
    let session = app.approvals().session(secret, now).await.map_err(AppError::from)?;
    // A session that is over is one's own old cookie: as if there were none.
    let Some(session) = session else { return Ok((None, Caller::Anybody)) };
    let seen = app.seen_by(&Viewer::Person(session.person.clone()), now).await?;
    Ok((Some(seen), Caller::Person(SignedInPerson::new(session, secret))))
}

/// Whether an address is a page for people, not an answer for programs.
fn is_page(path: &str) -> bool {
    let is_bundle = path.starts_with("/evidence/") && path.strip_suffix(".json").is_some();
    !path.starts_with("/api/") && path != "/metrics" && !is_bundle
}

fn comes_from_elsewhere(request: &Request) -> bool {
    let says = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    request.method() == Method::GET
        && matches!(says("sec-fetch-site"), Some("cross-site" | "same-site"))
        && says("sec-fetch-mode") == Some("navigate")
}

fn address(request: &Request) -> ReturnTo {
    ReturnTo::new(request.uri().path_and_query().map_or("/", |address| address.as_str()))
}

fn refused(state: &WebState, request: &Request) -> Response {
    let path = request.uri().path();
    let failure = Failure {
        status: StatusCode::UNAUTHORIZED,
        message: "sign in, or show a service token".to_owned(),
        hint: Some("`centinel token create` makes one".to_owned()),
    };
    match *request.method() {
        Method::GET | Method::HEAD if is_page(path) => {
            Redirect::to(&address(request).sign_in()).into_response()
        }
        Method::GET | Method::HEAD => failure.json(),
        _ => {
            state.refusals().count(Why::NoSession);
            let hint = Some("sign in, and do it again; nothing was changed".to_owned());
            let failure = Failure { hint, ..failure };
            if is_page(path) { failure.page(Chrome::bare(state.whole())) } else { failure.json() }
        }
    }
}
