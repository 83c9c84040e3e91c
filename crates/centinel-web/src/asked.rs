//! Who asks, and what they see.
//!
//! A request shows a service token, or the session that a person began on the page, or nothing: then it
//! comes from this machine, where the home lies open, and sees everything unless the configuration wants
//! everybody to sign in.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use centinel_app::{App, AppError, Viewer};

use crate::{WebState, failure::Failure, pages::Chrome};

/// The cookie that holds a session's secret.
pub const SESSION_COOKIE: &str = "centinel_session";

/// What every route shares, with the product as whoever asks sees it.
#[derive(Debug, Clone)]
pub(crate) struct Asked(WebState);

impl Asked {
    /// The product, and of it what is seen.
    pub(crate) fn app(&self) -> &App {
        self.0.whole()
    }
}

impl std::ops::Deref for Asked {
    type Target = WebState;

    fn deref(&self) -> &WebState {
        &self.0
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
    let asked = match seen(&state, request.headers()).await {
        Ok(Some(app)) => Some(Asked(state.for_one(app))),
        Ok(None) if !state.whole().config().access.sign_in => {
            Some(Asked(state.for_one(state.whole().clone())))
        }
        Ok(None) => None,
        Err(failure) => return failure.json(),
    };
    match asked {
        Some(asked) => {
            request.extensions_mut().insert(asked);
            next.run(request).await
        }
        None => refused(&state, path),
    }
}

/// The product as a token or session sees it; `None` where the request shows neither. One that does not
/// hold is refused, not taken for none: whoever shows it believes to be somebody.
async fn seen(state: &WebState, headers: &HeaderMap) -> Result<Option<App>, Failure> {
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
            let viewer = Viewer::Token(token.name);
            let seen = app.seen_by(&viewer, now).await;
            return seen.map(Some).map_err(|error| unauthorised(&error.to_string()));
        }
        _ => return Err(unauthorised("the header `authorization` is there twice")),
    }
    let Some(secret) = session_secret(headers) else { return Ok(None) };
    let session = app.approvals().session(secret, now).await.map_err(AppError::from)?;
    // A session that is over is one's own old cookie: as if there were none.
    let Some(session) = session else { return Ok(None) };
    Ok(Some(app.seen_by(&Viewer::Person(session.person), now).await?))
}

/// The secret of the session that a browser sends along.
pub(crate) fn session_secret(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split(';'));
    let mut named = pairs.filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == SESSION_COOKIE).then_some(value)
    });
    // Two of them: one may have been planted.
    match (named.next(), named.next()) {
        (Some(secret), None) => Some(secret),
        _ => None,
    }
}

fn refused(state: &WebState, path: &str) -> Response {
    let failure = Failure {
        status: StatusCode::UNAUTHORIZED,
        message: "sign in, or show a service token".to_owned(),
        hint: Some("`centinel token create` makes one".to_owned()),
    };
    if path.starts_with("/api/") || path == "/metrics" {
        failure.json()
    } else {
        failure.page(Chrome::of(state.whole()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_session_is_read_among_other_cookies() {
        let read = |cookies: &[&str]| {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(header::COOKIE, cookie.parse().unwrap());
            }
            session_secret(&headers).map(str::to_owned)
        };
        assert_eq!(read(&["a=b; centinel_session=77; c=d"]).as_deref(), Some("77"));
        assert_eq!(read(&["a=b", "centinel_session=77"]).as_deref(), Some("77"));
        for none in [&[][..], &["a=b"], &["xcentinel_session=7"], &["centinel_session"]] {
            assert_eq!(read(none), None, "{none:?}");
        }
        assert_eq!(read(&["centinel_session=1; centinel_session=2"]), None);
    }
}
