//! One's own account: who one is here, until when, and a new password.

use askama::Template;
use axum::{
    Form,
    extract::rejection::FormRejection,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use centinel_app::{AppError, ApprovalError, AuditEntry, Code, Password, Proof};
use centinel_engine::proposal::Role;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Chrome, Term, html,
    sign_in::{OtherWay, signed_out},
    sign_in_with, voice,
};
use crate::{
    asked::Asked,
    failure::Failure,
    refused::Why,
    return_to::ReturnTo,
    signed_in::SignedInPerson,
    text::{self, cell},
};

/// Entries of the log that are shown.
const LATELY_MAX: usize = 10;

#[derive(Template)]
#[template(path = "account.html")]
struct Page {
    chrome: Chrome,
    name: String,
    about: Vec<Term>,
    csrf: String,
    has_code: bool,
    problem: Option<String>,
    lately: Vec<(String, String)>,
    /// Identity providers, and the forms that link an account there.
    links: Vec<OtherWay>,
}

/// What the form of a new password sends.
#[derive(Deserialize)]
pub(crate) struct NewPassword {
    #[serde(default)]
    csrf: String,
    old: String,
    #[serde(default)]
    code: String,
    new: String,
    again: String,
}

/// `GET /account`.
pub(crate) async fn account(asked: Asked, person: SignedInPerson) -> Response {
    answer(&asked, &person, StatusCode::OK, None).await
}

/// `POST /account/password`. Every session ends, this one too.
pub(crate) async fn change_password(
    asked: Asked,
    person: SignedInPerson,
    headers: HeaderMap,
    form: Result<Form<NewPassword>, FormRejection>,
) -> Response {
    let Ok(Form(sent)) = form else {
        asked.refusals().count(Why::WrongForm);
        return Failure::bad("the form is not complete").page(Chrome::of(&asked));
    };
    if sent.new != sent.again {
        let problem = "The new passwords are not the same.".to_owned();
        return answer(&asked, &person, StatusCode::UNPROCESSABLE_ENTITY, Some(problem)).await;
    }
    match changed(&asked, &person, sent).await {
        Ok(()) => signed_out(&asked, &headers, "/sign-in?done=password_changed"),
        Err(error) => {
            if matches!(error, ApprovalError::WrongCsrfToken) {
                asked.refusals().count(Why::WrongForm);
            }
            let problem = Some(voice::said(&error));
            answer(&asked, &person, voice::status(&error), problem).await
        }
    }
}

async fn changed(
    asked: &Asked,
    person: &SignedInPerson,
    sent: NewPassword,
) -> Result<(), ApprovalError> {
    let approvals = asked.app().approvals();
    let now = asked.now();
    // Only a page of this session may ask for it.
    approvals.requester_in_session(person.secret(), &sent.csrf, now).await?;
    let code = Some(sent.code.trim()).filter(|code| !code.is_empty()).map(Code::new);
    let proof = Proof::new(Password::new(sent.old), code);
    approvals.change_password(person.name(), proof, Password::new(sent.new), now).await
}

async fn answer(
    asked: &Asked,
    person: &SignedInPerson,
    status: StatusCode,
    problem: Option<String>,
) -> Response {
    match page(asked, person, problem).await {
        Ok(page) => (status, html(&page)).into_response(),
        Err(failure) => failure.page(Chrome::of(asked)),
    }
}

async fn page(
    asked: &Asked,
    person: &SignedInPerson,
    problem: Option<String>,
) -> Result<Page, Failure> {
    let people = asked.app().approvals().people().await.map_err(AppError::from)?;
    let session = person.session();
    let own = people.get(person.name());
    let roles: Vec<String> = own.into_iter().flat_map(|own| &own.roles).map(role).collect();
    let linked: Vec<String> = people
        .iter()
        .filter(|other| own.is_some_and(|own| own.human == other.human && own.name != other.name))
        .map(|other| cell(&other.name))
        .collect();
    let mut about = vec![
        Term::new("Roles", if roles.is_empty() { "none".to_owned() } else { roles.join(", ") }),
        Term::new(
            "Second factor",
            if session.has_second_factor {
                "yes: this session began with it".to_owned()
            } else {
                "no".to_owned()
            },
        ),
        Term::new("Signed in", text::instant(session.begun_at)),
        Term::new("Until", format!("{}, or an hour without use", text::instant(session.ends_at))),
    ];
    if !linked.is_empty() {
        about.push(Term::new("One vote with", linked.join(", ")));
    }
    let accounts = asked.app().approvals().links().await.map_err(AppError::from)?;
    let accounts = accounts.iter().filter(|link| link.person == person.name());
    about.extend(accounts.map(|link| Term::new("Linked", cell(&link.account.to_string()))));
    let log = asked.app().log_about(Some(&person.principal().to_string())).await?;
    let lately = log.iter().rev().take(LATELY_MAX).map(happened);
    Ok(Page {
        chrome: Chrome::of(asked),
        name: cell(person.name()),
        about,
        csrf: person.csrf_token(),
        has_code: session.has_second_factor,
        problem,
        lately: lately.collect(),
        links: sign_in_with::buttons(
            asked,
            "link",
            "Link my account at",
            &ReturnTo::new("/account"),
        ),
    })
}

/// What the log holds about an account, in words: when, and what by whom.
fn happened(entry: &AuditEntry) -> (String, String) {
    let at = Timestamp::from_microsecond(entry.at).map_or_else(|_| String::new(), text::instant);
    let what = match entry.action.as_str() {
        "login.failed" => "a wrong password or code",
        "login.locked" => "too many of them: nothing was tried for a while",
        "credential.set" => "a password or second factor was set",
        "person.set" => "roles, links or activity were set",
        other => other,
    };
    let by = entry.actor.strip_prefix("person:");
    let by = by.map_or_else(String::new, |name| format!(", by {}", cell(name)));
    (at, format!("{}{by}", cell(what)))
}

/// A role in words.
fn role(role: &Role) -> String {
    match role {
        Role::Owner(team) => format!("owner of {}", cell(team)),
        Role::Member(team) => format!("member of {}", cell(team)),
        role => role.to_string(),
    }
}
