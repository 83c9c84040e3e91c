//! Setting up one's own second factor: a key for an app, its first code, and recovery codes, once.

use std::fmt::Write as _;

use askama::Template;
use axum::{
    Form,
    extract::rejection::FormRejection,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use centinel_app::{AppError, ApprovalError, Code, Password, Proof};
use qrcode::{Color, EcLevel, QrCode};
use serde::Deserialize;

use super::{Chrome, html, sign_in::signed_out, voice};
use crate::{asked::Asked, failure::Failure, refused::Why, signed_in::SignedInPerson, text::cell};

/// Modules of white around a picture: what ISO/IEC 18004 asks for.
const MARGIN: usize = 4;

#[derive(Template)]
#[template(path = "second_factor.html")]
struct Page {
    chrome: Chrome,
    csrf: String,
    name: String,
    key: String,
    picture: Option<Picture>,
    has_code: bool,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct Done {
    chrome: Chrome,
    codes: Vec<String>,
}

/// A text as a picture that phones read: the path of its dark modules, in a square.
struct Picture {
    size: usize,
    path: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct FirstCode {
    #[serde(default)]
    csrf: String,
    key: String,
    password: String,
    /// Of the second factor until now.
    #[serde(default)]
    code: String,
    /// Of the new one.
    first: String,
}

/// `GET /account/second-factor`. Nothing is kept of the key that it shows.
pub(crate) async fn second_factor(asked: Asked, person: SignedInPerson) -> Response {
    let enrolment = asked.app().approvals().begin_second_factor(person.name());
    match enrolment {
        Ok(enrolment) => shown(&asked, &person, &enrolment.uri, enrolment.secret.clone(), None),
        Err(error) => Failure::from(AppError::from(error)).page(Chrome::of(&asked)),
    }
}

/// `POST /account/second-factor`. Every session ends, for each began without this factor.
pub(crate) async fn set_second_factor(
    asked: Asked,
    person: SignedInPerson,
    headers: HeaderMap,
    form: Result<Form<FirstCode>, FormRejection>,
) -> Response {
    let Ok(Form(sent)) = form else {
        asked.refusals().count(Why::WrongForm);
        return Failure::bad("the form is not complete").page(Chrome::of(&asked));
    };
    let key = sent.key.clone();
    match set(&asked, &person, sent).await {
        Ok(codes) => {
            let mut response = html(&Done { chrome: Chrome::bare(asked.app()), codes });
            // The session is over: its cookie goes with it.
            let over = signed_out(&asked, &headers, "/sign-in");
            for cookie in over.headers().get_all(header::SET_COOKIE) {
                response.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            response
        }
        Err(error) => {
            if matches!(error, ApprovalError::WrongCsrfToken) {
                asked.refusals().count(Why::WrongForm);
            }
            // The app has this key already: the form asks for its code once more.
            let again = asked.app().approvals().resume_second_factor(person.name(), &key);
            let (uri, key) = again.map_or_else(|_| Default::default(), |e| (e.uri, e.secret));
            let page = shown(&asked, &person, &uri, key, Some(voice::said(&error)));
            (voice::status(&error), page).into_response()
        }
    }
}

async fn set(
    asked: &Asked,
    person: &SignedInPerson,
    sent: FirstCode,
) -> Result<Vec<String>, ApprovalError> {
    let approvals = asked.app().approvals();
    let now = asked.now();
    // Only a page of this session may ask for it.
    approvals.requester_in_session(person.secret(), &sent.csrf, now).await?;
    let enrolment = approvals.resume_second_factor(person.name(), &sent.key)?;
    let code = Some(sent.code.trim()).filter(|code| !code.is_empty()).map(Code::new);
    let proof = Proof::new(Password::new(sent.password), code);
    let first = Code::new(&sent.first);
    approvals.confirm_second_factor(person.name(), proof, &enrolment, &first, now).await
}

fn shown(
    asked: &Asked,
    person: &SignedInPerson,
    uri: &str,
    key: String,
    problem: Option<String>,
) -> Response {
    html(&Page {
        chrome: Chrome::of(asked),
        csrf: person.csrf_token(),
        name: cell(person.name()),
        picture: Picture::of(uri),
        key,
        has_code: person.session().has_second_factor,
        problem,
    })
}

impl Picture {
    fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
        let width = code.width();
        let colors = code.to_colors();
        let mut path = String::new();
        for (y, row) in colors.chunks(width.max(1)).enumerate() {
            for (x, _) in row.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
                // Writing to a `String` does not fail.
                let _ = write!(path, "M{} {}h1v1h-1z", x + MARGIN, y + MARGIN);
            }
        }
        Some(Self { size: width + 2 * MARGIN, path })
    }
}
