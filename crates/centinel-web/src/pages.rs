//! The pages. Each is a template and a struct of texts: amounts are formatted, imported text is
//! cleaned, and the template escapes.

mod change;
mod episode;
mod evidence;
mod overview;
mod proposal;
mod reconciliation;
mod savings;

use askama::Template;
use axum::{
    http::StatusCode,
    response::{Html, IntoResponse as _, Response},
};
use centinel_app::App;

pub(crate) use episode::episode;
pub(crate) use evidence::evidence;
pub(crate) use overview::overview;
pub(crate) use proposal::proposal;
pub(crate) use reconciliation::reconciliation;
pub(crate) use savings::savings;

use crate::{asked::Asked, assets, failure::Failure, text::cell};

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
}

impl Chrome {
    pub(crate) fn of(app: &App) -> Self {
        let organisation = &app.config().organisation;
        Self {
            organisation: cell(&organisation.name),
            is_generated: organisation.generated,
            style: assets::style_address(),
            icon: assets::icon_address(),
            version: env!("CARGO_PKG_VERSION"),
            limited_to: app.limited_to().map(cell),
        }
    }
}

/// The page of an answer, or of what went wrong.
fn page<T: Template>(state: &Asked, answer: Result<T, Failure>) -> Response {
    match answer {
        Ok(page) => html(&page),
        Err(failure) => failure.page(Chrome::of(state.app())),
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
    .page(Chrome::of(state.app()))
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
