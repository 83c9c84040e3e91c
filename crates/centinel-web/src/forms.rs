//! Forms come from our own pages.
//!
//! Browsers say from which page a form was sent (`Origin`, `Sec-Fetch-Site`), and no page can change
//! what its browser says. `SameSite` alone does not help here: cookies do not tell ports of one machine
//! apart, and another program's page on another port counts as the same site.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};

use crate::{
    WebState,
    asked::{Asked, Caller},
    failure::Failure,
    gate::host_of,
    headers::once,
    pages::Chrome,
    refused::{Why, refuse},
    signed_in::subject,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets through what a page of this very server sent: its name and its port.
pub(crate) async fn from_own_page(
    State(state): State<WebState>,
    request: Request,
    next: Next,
) -> Response {
    let is_own = host_of(&request).is_some_and(|host| is_from(request.headers(), host, &state));
    // Whoever only asks for the address of a form is told that there is no page.
    let is_sent = !matches!(*request.method(), Method::GET | Method::HEAD);
    if is_own || !is_sent {
        return next.run(request).await;
    }
    let asked = request.extensions().get::<Asked>();
    let by = asked.map(Asked::caller).and_then(|caller| match caller {
        Caller::Anybody => None,
        Caller::Person(person) => Some(person.principal()),
        Caller::Token(token) => Some(token.clone()),
    });
    refuse(&state, by.as_ref(), subject(request.uri().path()), Why::ForeignPage).await;
    let chrome = asked.map_or_else(|| Chrome::bare(state.whole()), Chrome::of);
    Failure {
        status: StatusCode::FORBIDDEN,
        message: "the form was not sent from a page of this server".to_owned(),
        hint: Some("open the page here, and send the form from it; nothing was changed".to_owned()),
    }
    .page(chrome)
}

fn is_from(headers: &HeaderMap, host: &str, state: &WebState) -> bool {
    let Some(origin) = once(headers, header::ORIGIN) else { return false };
    let site = headers.contains_key(SEC_FETCH_SITE).then(|| once(headers, SEC_FETCH_SITE));
    let is_same_site = site.is_none_or(|site| site == Some("same-origin"));
    is_same_site && state.page_at(host).is_some_and(|page| origin.eq_ignore_ascii_case(&page))
}
