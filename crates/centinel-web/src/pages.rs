//! The pages. Each is a template and a struct of texts: amounts are formatted, imported text is
//! cleaned, and the template escapes.

mod account;
mod arrival;
mod change;
mod decide;
mod digest;
mod episode;
mod evidence;
mod inbox;
mod link;
mod notice;
mod overview;
mod proposal;
mod reconciliation;
mod savings;
mod second_factor;
mod sign_in;
mod sign_in_with;
mod voice;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{Html, IntoResponse as _, Response},
};
use centinel_app::App;

pub(crate) use account::{account, change_password};
pub(crate) use arrival::arrival;
pub(crate) use decide::{approve, break_glass, confirm, reject, review, withdraw};
pub(crate) use digest::digest;
pub(crate) use episode::episode;
pub(crate) use evidence::evidence;
pub(crate) use inbox::inbox;
pub(crate) use link::{link, link_form};
pub(crate) use overview::overview;
pub(crate) use proposal::proposal;
pub(crate) use reconciliation::reconciliation;
pub(crate) use savings::savings;
pub(crate) use second_factor::{second_factor, set_second_factor};
pub(crate) use sign_in::{sign_in, sign_in_form, sign_out};
pub(crate) use sign_in_with::{
    begin as sign_in_with, callback as sign_in_callback, link as link_with, prove as prove_with,
};

use crate::{WebState, asked::Asked, assets, failure::Failure, text::cell};

/// What surrounds every page.
#[derive(Debug)]
pub(crate) struct Chrome {
    pub(crate) organisation: String,
    pub(crate) is_generated: bool,
    pub(crate) style: String,
    pub(crate) icon: String,
    pub(crate) version: &'static str,
    /// Whose part of the whole every figure is of.
    pub(crate) limited_to: Option<String>,
    /// Who is signed in.
    pub(crate) person: Option<SignedIn>,
}

/// Who is signed in, as the head of a page says it.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) name: String,
    /// How many proposals wait for them; absent for none.
    pub(crate) waiting: Option<usize>,
    /// What the form that signs out carries.
    pub(crate) csrf: String,
}

impl Chrome {
    /// For whoever asks.
    pub(crate) fn of(asked: &Asked) -> Self {
        let app = asked.app();
        let person = asked.person().map(|person| SignedIn {
            name: cell(person.name()),
            waiting: asked.waiting().filter(|&waiting| waiting > 0),
            csrf: person.csrf_token(),
        });
        Self { limited_to: app.limited_to().map(cell), person, ..Self::bare(app) }
    }

    /// For nobody in particular: it tells nothing but whose page it is.
    pub(crate) fn bare(app: &App) -> Self {
        let organisation = &app.config().organisation;
        Self {
            organisation: cell(&organisation.name),
            is_generated: organisation.generated,
            style: assets::style_address(),
            icon: assets::icon_address(),
            version: env!("CARGO_PKG_VERSION"),
            limited_to: None,
            person: None,
        }
    }
}

/// The page of an answer, or of what went wrong.
fn page<T: Template>(state: &Asked, answer: Result<T, Failure>) -> Response {
    match answer {
        Ok(page) => html(&page),
        Err(failure) => failure.page(Chrome::of(state)),
    }
}

/// A template as an answer.
pub(crate) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be written\n").into_response()
        }
    }
}

/// Every address that is none of ours.
pub(crate) async fn nothing_here(state: Asked) -> Response {
    Failure {
        status: StatusCode::NOT_FOUND,
        message: "there is no page at this address".to_owned(),
        hint: Some("start at the overview".to_owned()),
    }
    .page(Chrome::of(&state))
}

/// The address of a form, looked at; or a page that something is sent to.
pub(crate) async fn not_this_way(State(state): State<WebState>) -> Response {
    Failure {
        status: StatusCode::METHOD_NOT_ALLOWED,
        message: "there is no page to look at here, or none that takes a form".to_owned(),
        hint: Some("go back to the page that you came from, or to the inbox".to_owned()),
    }
    .page(Chrome::bare(state.whole()))
}

/// A term and what it is here.
#[derive(Debug, PartialEq, Eq)]
struct Term {
    name: String,
    value: String,
}

impl Term {
    fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// Evidence that a page links to.
#[derive(Debug)]
struct Source {
    address: String,
    href: String,
}

impl Source {
    /// From `bundle:` and hex digits, or a digest.
    fn new(address: &str) -> Self {
        let prefix: String = address.trim_start_matches("bundle:").chars().take(12).collect();
        Self { address: format!("bundle:{prefix}"), href: format!("/evidence/{prefix}") }
    }
}
