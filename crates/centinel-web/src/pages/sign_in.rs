//! Signing in and out.

use askama::Template;
use axum::{
    Form,
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Redirect, Response},
};
use centinel_app::{AppError, ApprovalError, Approvals, Code, Password, Proof};
use serde::Deserialize;

use super::{Chrome, html, notice::Done, voice};
use crate::{
    WebState,
    asked::Asked,
    cookies::{self, FORM_COOKIE, SESSION_COOKIE, Sent},
    failure::Failure,
    refused::Why,
    return_to::ReturnTo,
};

/// How long a sign-in form may lie open, in seconds.
const FORM_SECONDS: i64 = 3_600;
/// Letters and digits of a secret that we drew.
const SECRET_LENGTH: usize = 64;
/// The same line for a wrong password, a wrong or missing code, and a name that nobody has.
const WRONG: &str =
    "Name, password or code is wrong. An account with a second factor needs its code.";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    chrome: Chrome,
    to: String,
    token: String,
    name: String,
    problem: Option<String>,
    notice: Option<&'static str>,
    has_people: bool,
    other_ways: Vec<OtherWay>,
}

/// Another way to sign in than by name and password: a link to where it begins. What it ends with is
/// [`begin_session`].
#[derive(Debug)]
pub(crate) struct OtherWay {
    /// What the link says: `Sign in with Example`.
    pub(crate) label: String,
    /// A path of this server.
    pub(crate) href: String,
}

/// Other ways to sign in that this home has.
fn other_ways(state: &WebState, to: &ReturnTo) -> Vec<OtherWay> {
    super::sign_in_with::ways(state, to)
}

/// `?to=` of the form's address.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Address {
    #[serde(default)]
    to: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    token: String,
}

/// `GET /sign-in`.
pub(crate) async fn sign_in_form(
    State(state): State<WebState>,
    query: Result<Query<Address>, QueryRejection>,
    done: Result<Query<Done>, QueryRejection>,
    parts: Parts,
) -> Response {
    let to = query.map_or_else(|_| ReturnTo::default(), |Query(query)| ReturnTo::new(&query.to));
    if parts.extensions.get::<Asked>().is_some_and(|asked| asked.person().is_some()) {
        return Redirect::to(to.as_str()).into_response();
    }
    let notice = done.ok().and_then(|Query(done)| done.notice());
    let notice = notice.and_then(super::notice::Notice::at_sign_in);
    let form = Shown { to, name: String::new(), problem: None, notice };
    form.answer(&state, &parts.headers, StatusCode::OK).await
}

/// `POST /sign-in`.
pub(crate) async fn sign_in(
    State(state): State<WebState>,
    headers: HeaderMap,
    form: Result<Form<Credentials>, FormRejection>,
) -> Response {
    let Ok(Form(Credentials { name, password, code, to, token })) = form else {
        state.refusals().count(Why::WrongForm);
        return Failure::bad("the form is not complete").page(Chrome::bare(state.whole()));
    };
    let to = ReturnTo::new(&to);
    let shown = |problem: String| Shown {
        to: to.clone(),
        name: name.chars().take(64).collect(),
        problem: Some(problem),
        notice: None,
    };
    // Another site could sign a browser in as somebody else; what it cannot do is read this cookie.
    let expected = Sent::of(&headers, FORM_COOKIE).once().map(Approvals::csrf_token);
    if expected.is_none_or(|expected| expected != token) {
        state.refusals().count(Why::WrongForm);
        let problem = "This form lay open for too long, or cookies are off. Send it again.";
        return shown(problem.to_owned()).answer(&state, &headers, StatusCode::FORBIDDEN).await;
    }
    let code = Some(code.trim()).filter(|code| !code.is_empty()).map(Code::new);
    let proof = Proof::new(Password::new(password), code);
    let signed_in = state.whole().approvals().sign_in(name.trim(), proof, state.now()).await;
    let (problem, status) = match signed_in {
        Ok(signed_in) => {
            let seconds = signed_in.session.ends_at.duration_since(state.now()).as_secs();
            return begin_session(&state, &headers, &signed_in.secret, seconds, &to);
        }
        Err(ApprovalError::WrongCredential | ApprovalError::CodeNeeded) => {
            (WRONG.to_owned(), StatusCode::FORBIDDEN)
        }
        Err(error @ ApprovalError::Locked { .. }) => {
            (voice::said(&error), StatusCode::TOO_MANY_REQUESTS)
        }
        Err(error) => {
            return Failure::from(AppError::from(error)).page(Chrome::bare(state.whole()));
        }
    };
    state.refusals().count(Why::WrongCredential);
    shown(problem).answer(&state, &headers, status).await
}

/// Gives a browser the secret of a session that was just begun, for so many seconds, and leads it to
/// where it wanted to go.
pub(crate) fn begin_session(
    state: &WebState,
    headers: &HeaderMap,
    secret: &str,
    seconds: i64,
    to: &ReturnTo,
) -> Response {
    let is_secure = is_secure(state, headers);
    let mut response = see_other(to.as_str());
    let session = cookies::set(SESSION_COOKIE, secret, "/", seconds, is_secure);
    let form = cookies::set(FORM_COOKIE, "", "/sign-in", 0, is_secure);
    for cookie in [session, form].into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// What the form that signs out sends.
#[derive(Deserialize)]
pub(crate) struct SignOut {
    #[serde(default)]
    csrf: String,
}

/// `POST /sign-out`.
pub(crate) async fn sign_out(
    State(state): State<WebState>,
    headers: HeaderMap,
    form: Result<Form<SignOut>, FormRejection>,
) -> Response {
    let csrf = form.map_or_else(|_| String::new(), |Form(SignOut { csrf })| csrf);
    if let Some(secret) = Sent::of(&headers, SESSION_COOKIE).once()
        && let Err(error) = state.whole().approvals().sign_out(secret, &csrf, state.now()).await
    {
        if matches!(error, ApprovalError::WrongCsrfToken) {
            state.refusals().count(Why::WrongForm);
        }
        let failure = Failure {
            status: voice::status(&error),
            message: voice::said(&error),
            hint: Some("open a page here, and sign out from it".to_owned()),
        };
        return failure.page(Chrome::bare(state.whole()));
    }
    signed_out(&state, &headers, "/sign-in?done=signed_out")
}

/// Takes the session's cookie from a browser, and leads it to a page.
pub(super) fn signed_out(state: &WebState, headers: &HeaderMap, address: &str) -> Response {
    let mut response = see_other(address);
    if let Some(cookie) = cookies::set(SESSION_COOKIE, "", "/", 0, is_secure(state, headers)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// After a form: the page to look at, asked for anew.
pub(super) fn see_other(address: &str) -> Response {
    Redirect::to(address).into_response()
}

/// Whether this browser reaches the page over https.
pub(super) fn is_secure(state: &WebState, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.and_then(|host| state.page_at(host)).is_some_and(|page| page.starts_with("https://"))
}

/// The form, as it is shown.
struct Shown {
    to: ReturnTo,
    name: String,
    problem: Option<String>,
    notice: Option<&'static str>,
}

impl Shown {
    async fn answer(self, state: &WebState, headers: &HeaderMap, status: StatusCode) -> Response {
        let app = state.whole();
        let chrome = Chrome::bare(app);
        let people = match app.approvals().people().await {
            Ok(people) => people,
            Err(error) => return Failure::from(AppError::from(error)).page(chrome),
        };
        // A form in another tab stays good.
        let kept = Sent::of(headers, FORM_COOKIE).once().filter(|secret| is_secret(secret));
        let secret = match kept.map_or_else(Approvals::form_secret, |kept| Ok(kept.to_owned())) {
            Ok(secret) => secret,
            Err(error) => return Failure::from(AppError::from(error)).page(chrome),
        };
        let page = Page {
            chrome,
            token: Approvals::csrf_token(&secret),
            name: self.name,
            problem: self.problem,
            notice: self.notice,
            has_people: !people.is_empty(),
            other_ways: other_ways(state, &self.to),
            to: self.to.as_str().to_owned(),
        };
        let mut response = (status, html(&page)).into_response();
        let is_secure = is_secure(state, headers);
        let cookie: Option<HeaderValue> =
            cookies::set(FORM_COOKIE, &secret, "/sign-in", FORM_SECONDS, is_secure);
        if let Some(cookie) = cookie {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

fn is_secret(text: &str) -> bool {
    text.len() == SECRET_LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
