//! What did not work, for a page and for a program.

use std::error::Error;

use askama::Template;
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use centinel_app::AppError;
use serde_json::json;

use crate::{pages::Chrome, pages::html, text::clean};

/// What did not work: one line, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Page<'a> {
    chrome: Chrome,
    title: &'static str,
    message: String,
    hint: Option<&'a str>,
}

impl Failure {
    /// The caller's mistake.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into(), hint: None }
    }

    /// As a page.
    pub(crate) fn page(&self, chrome: Chrome) -> Response {
        let title = match self.status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::UNPROCESSABLE_ENTITY => "Nothing to compare with",
            status if status.is_client_error() => "That does not work",
            StatusCode::OK => "Nothing here yet",
            _ => "Something failed",
        };
        let message = clean(&self.message);
        let page = Page { chrome, title, message, hint: self.hint.as_deref() };
        (self.status, html(&page)).into_response()
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Response {
        let mut error = json!({ "message": self.message });
        if let (Some(hint), Some(error)) = (&self.hint, error.as_object_mut()) {
            error.insert("hint".to_owned(), hint.clone().into());
        }
        (self.status, Json(json!({ "error": error }))).into_response()
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        let status = match &error {
            _ if error.is_not_found() => StatusCode::NOT_FOUND,
            AppError::Empty => StatusCode::NOT_FOUND,
            AppError::Explain(_) | AppError::NothingBefore => StatusCode::UNPROCESSABLE_ENTITY,
            AppError::Read { .. } | AppError::EmptyPeriod(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let message = chain(&error);
        if status.is_server_error() {
            tracing::error!(error = %message, "request failed");
        }
        Self { status, message, hint: error.hint() }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        message = format!("{message}: {source}");
        cause = source.source();
    }
    message.replace(['\r', '\n'], " ")
}
