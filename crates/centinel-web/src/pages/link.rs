//! `/link/{code}`: whose account outside a code belongs to, and the form that makes it one's own.
//!
//! The account is named before anything happens: a code that somebody else sent would link their account
//! to whoever follows it.

use askama::Template;
use axum::{
    Form,
    extract::{Path, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use centinel_app::{ApprovalError, Code, OutsideAccount, Password, Proof};
use serde::Deserialize;

use super::{Chrome, html, voice};
use crate::{asked::Asked, failure::Failure, refused::Why, signed_in::SignedInPerson, text::cell};

#[derive(Template)]
#[template(path = "link.html")]
struct Page {
    chrome: Chrome,
    account: String,
    person: String,
    code: String,
    csrf: String,
    /// The person proves themselves again: they did so too long ago.
    needs_proof: bool,
    has_code: bool,
    problem: Option<String>,
    is_linked: bool,
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Sent {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
}

/// `GET /link/{code}`.
pub(crate) async fn link_form(
    asked: Asked,
    person: SignedInPerson,
    Path(code): Path<String>,
) -> Response {
    match asked.app().approvals().account_of_code(&code, asked.now()).await {
        Ok(account) => page(&asked, &person, &code, &account, None).answer(StatusCode::OK),
        Err(error) => no_account(&asked, &error),
    }
}

/// `POST /link/{code}`.
pub(crate) async fn link(
    asked: Asked,
    person: SignedInPerson,
    Path(code): Path<String>,
    form: Result<Form<Sent>, FormRejection>,
) -> Response {
    let Ok(Form(sent)) = form else {
        asked.refusals().count(Why::WrongForm);
        return Failure::bad("the form is not complete").page(Chrome::of(&asked));
    };
    let approvals = asked.app().approvals();
    let account = match approvals.account_of_code(&code, asked.now()).await {
        Ok(account) => account,
        Err(error) => return no_account(&asked, &error),
    };
    match linked(&asked, &person, &code, sent).await {
        Ok(()) => {
            let page = page(&asked, &person, &code, &account, None);
            Page { is_linked: true, ..page }.answer(StatusCode::OK)
        }
        Err(ApprovalError::WrongCsrfToken) => {
            asked.refusals().count(Why::WrongForm);
            failed(&asked, &ApprovalError::WrongCsrfToken)
        }
        Err(
            error @ (ApprovalError::ProveAgainToLink
            | ApprovalError::WrongCredential
            | ApprovalError::CodeNeeded
            | ApprovalError::Locked { .. }),
        ) => {
            let problem = Some(voice::said(&error));
            page(&asked, &person, &code, &account, problem).answer(status(&error))
        }
        Err(error) => failed(&asked, &error),
    }
}

async fn linked(
    asked: &Asked,
    person: &SignedInPerson,
    code: &str,
    sent: Sent,
) -> Result<(), ApprovalError> {
    let approvals = asked.app().approvals();
    let (secret, now) = (person.secret(), asked.now());
    if !sent.password.is_empty() {
        let second = Some(sent.code.trim()).filter(|code| !code.is_empty()).map(Code::new);
        let proof = Proof::new(Password::new(sent.password), second);
        approvals.confirm_session(secret, &sent.csrf, proof, now).await?;
    }
    approvals.finish_link_in_session(code, secret, &sent.csrf, now).await.map(|_| ())
}

fn page(
    asked: &Asked,
    person: &SignedInPerson,
    code: &str,
    account: &OutsideAccount,
    problem: Option<String>,
) -> Page {
    let session = person.session();
    Page {
        chrome: Chrome::of(asked),
        account: cell(&account.to_string()),
        person: cell(person.name()),
        code: cell(code),
        csrf: person.csrf_token(),
        needs_proof: problem.is_some() || !session.is_fresh(asked.now()),
        has_code: session.has_second_factor,
        problem,
        is_linked: false,
    }
}

impl Page {
    fn answer(self, status: StatusCode) -> Response {
        (status, html(&self)).into_response()
    }
}

/// A code that no account asked for, guessed perhaps.
fn no_account(asked: &Asked, error: &ApprovalError) -> Response {
    if matches!(error, ApprovalError::NoCode) {
        asked.refusals().count(Why::WrongCredential);
    }
    failed(asked, error)
}

fn failed(asked: &Asked, error: &ApprovalError) -> Response {
    Failure {
        status: status(error),
        message: error.to_string(),
        hint: error.hint().map(|hint| hint.replace('`', "")),
    }
    .page(Chrome::of(asked))
}

fn status(error: &ApprovalError) -> StatusCode {
    match error {
        ApprovalError::NoCode => StatusCode::NOT_FOUND,
        ApprovalError::AlreadyLinked(_) => StatusCode::CONFLICT,
        ApprovalError::ProveAgainToLink => StatusCode::FORBIDDEN,
        error => voice::status(error),
    }
}
