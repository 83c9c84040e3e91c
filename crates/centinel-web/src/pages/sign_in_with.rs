//! Signing in with a company's account: out to its identity provider, and back.
//!
//! The cookie of the way back is `SameSite=Lax`, because the browser comes from another site then; it
//! opens nothing by itself, and counts once. The session's own cookie stays strict.

use axum::{
    Form,
    extract::{
        Path, Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use centinel_app::oidc::{Arrived, Callback, OidcError, Provider, Round};
use serde::Deserialize;

use super::{
    Chrome, arrival,
    sign_in::{OtherWay, begin_session, is_secure, see_other},
    voice,
};
use crate::{
    WebState,
    cookies::{self, Sent},
    failure::{Failure, chain},
    refused::Why,
    return_to::ReturnTo,
    signed_in::SignedInPerson,
};

/// The cookie of somebody who is at a provider.
const ROUND_COOKIE: &str = "centinel_round";
/// How long they may be there, in seconds.
const ROUND_SECONDS: i64 = 600;
/// Longest text of a provider's answer that is looked at.
const PARAMETER_MAX: usize = 8 << 10;

/// `?to=` of an address.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Address {
    #[serde(default)]
    to: String,
}

/// What a provider puts into the address that it sends a browser back to.
#[derive(Default, Deserialize)]
pub(crate) struct Answer {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// What a form of a session sends, whatever else is in it.
#[derive(Default, Deserialize)]
pub(crate) struct Asks {
    #[serde(default)]
    csrf: String,
}

/// The links of the sign-in form.
pub(super) fn ways(state: &WebState, to: &ReturnTo) -> Vec<OtherWay> {
    let way = |provider: &Provider| OtherWay {
        label: format!("Sign in with {}", voice_of(provider)),
        href: to.after(&format!("/sign-in/with/{}", provider.name())),
    };
    state.providers().iter().map(way).collect()
}

/// Buttons of somebody who is signed in: what they say, and where they lead.
pub(super) fn buttons(state: &WebState, verb: &str, words: &str, to: &ReturnTo) -> Vec<OtherWay> {
    let button = |provider: &Provider| OtherWay {
        label: format!("{words} {}", voice_of(provider)),
        href: to.after(&format!("/sign-in/{verb}/{}", provider.name())),
    };
    state.providers().iter().map(button).collect()
}

fn voice_of(provider: &Provider) -> String {
    crate::text::cell(provider.title())
}

/// `GET /sign-in/with/{provider}`.
pub(crate) async fn begin(
    State(state): State<WebState>,
    Path(name): Path<String>,
    query: Result<Query<Address>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let to = query.map_or_else(|_| ReturnTo::default(), |Query(query)| ReturnTo::new(&query.to));
    match sent_out(&state, &headers, &name, Round::SignIn, &to).await {
        Ok((location, cookie)) => with_cookie(Redirect::to(&location).into_response(), cookie),
        Err(error) => refused(&state, &error),
    }
}

/// `POST /sign-in/prove/{provider}`: a fresh proof, in one's session.
pub(crate) async fn prove(
    State(state): State<WebState>,
    person: SignedInPerson,
    Path(name): Path<String>,
    query: Result<Query<Address>, QueryRejection>,
    headers: HeaderMap,
    form: Result<Form<Asks>, FormRejection>,
) -> Response {
    let Asks { csrf } = form.map_or_else(|_| Asks::default(), |Form(asks)| asks);
    let round = Round::ProveAgain(person.secret(), &csrf);
    onward(&state, &headers, &name, round, query).await
}

/// `POST /sign-in/link/{provider}`: one's account there becomes a way to sign in here.
pub(crate) async fn link(
    State(state): State<WebState>,
    person: SignedInPerson,
    Path(name): Path<String>,
    query: Result<Query<Address>, QueryRejection>,
    headers: HeaderMap,
    form: Result<Form<Asks>, FormRejection>,
) -> Response {
    let Asks { csrf } = form.map_or_else(|_| Asks::default(), |Form(asks)| asks);
    let round = Round::Link(person.secret(), &csrf);
    onward(&state, &headers, &name, round, query).await
}

/// After a form the browser follows no redirect to another site (`form-action`): a page leads there.
async fn onward(
    state: &WebState,
    headers: &HeaderMap,
    name: &str,
    round: Round<'_>,
    query: Result<Query<Address>, QueryRejection>,
) -> Response {
    let to = query.map_or_else(|_| ReturnTo::default(), |Query(query)| ReturnTo::new(&query.to));
    match sent_out(state, headers, name, round, &to).await {
        Ok((location, cookie)) => with_cookie(arrival::onward(&location), cookie),
        Err(error) => refused(state, &error),
    }
}

/// `GET /sign-in/callback/{provider}`.
pub(crate) async fn callback(
    State(state): State<WebState>,
    Path(name): Path<String>,
    query: Result<Query<Answer>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let secret = Sent::of(&headers, ROUND_COOKIE).once().unwrap_or_default();
    let answer = query.map_or_else(|_| Answer::default(), |Query(answer)| answer);
    let is_short = |text: &String| text.len() <= PARAMETER_MAX;
    let callback = Callback {
        state: answer.state.filter(is_short),
        code: answer.code.filter(is_short),
        issuer: answer.iss.filter(is_short),
        error: answer.error.filter(is_short),
    };
    let completed = async {
        let provider = state.providers().named(&name)?;
        let back = way_back(&state, &headers, provider)?;
        let approvals = state.whole().approvals();
        approvals.complete_sign_in_with(provider, secret, callback, &back, state.now()).await
    };
    let response = match completed.await {
        Ok(completed) => {
            // The database kept it, and whoever can write there could have changed it.
            let to = ReturnTo::new(&completed.goes_to);
            match completed.arrived {
                Arrived::SignedIn(signed_in) => {
                    let ends_at = signed_in.session.ends_at;
                    let seconds = ends_at.duration_since(state.now()).as_secs();
                    begin_session(&state, &headers, &signed_in.secret, seconds, &to)
                }
                Arrived::ProvedAgain | Arrived::Linked(_) => see_other(to.as_str()),
            }
        }
        Err(error) => refused(&state, &error),
    };
    // A page of another site that sends the browser here takes nothing away.
    if response.status().is_redirection() {
        let cookie = cookies::lax(ROUND_COOKIE, "", "/sign-in", 0, is_secure(&state, &headers));
        return with_cookie(response, cookie);
    }
    response
}

/// Where the browser goes, and the cookie that it keeps.
async fn sent_out(
    state: &WebState,
    headers: &HeaderMap,
    name: &str,
    round: Round<'_>,
    to: &ReturnTo,
) -> Result<(String, Option<header::HeaderValue>), OidcError> {
    let provider = state.providers().named(name)?;
    let back = way_back(state, headers, provider)?;
    let approvals = state.whole().approvals();
    let begun =
        approvals.begin_sign_in_with(provider, round, &back, to.as_str(), state.now()).await?;
    let secure = is_secure(state, headers);
    let secret = &begun.browser_secret;
    let cookie = cookies::lax(ROUND_COOKIE, secret, "/sign-in", ROUND_SECONDS, secure);
    Ok((begun.location, cookie))
}

/// The address that the provider sends the browser back to, by the name under which it came to us.
fn way_back(
    state: &WebState,
    headers: &HeaderMap,
    provider: &Provider,
) -> Result<String, OidcError> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let page = host.and_then(|host| state.page_at(host)).ok_or(OidcError::NotPending)?;
    Ok(format!("{}/sign-in/callback/{}", page.trim_end_matches('/'), provider.name()))
}

fn with_cookie(mut response: Response, cookie: Option<header::HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn refused(state: &WebState, error: &OidcError) -> Response {
    let status = match error {
        OidcError::NoProvider(_) => StatusCode::NOT_FOUND,
        OidcError::Approval(error) => voice::status(error),
        error if error.is_failure() => StatusCode::BAD_GATEWAY,
        _ => StatusCode::FORBIDDEN,
    };
    if status == StatusCode::FORBIDDEN {
        state.refusals().count(Why::WrongCredential);
    }
    if status.is_server_error() {
        tracing::error!(error = %chain(error), "a sign-in with a provider failed");
    }
    let message = voice::sentence(&chain(error));
    Failure { status, message, hint: error.hint() }.page(Chrome::bare(state.whole()))
}
