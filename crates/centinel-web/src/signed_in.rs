//! Somebody who signed in on the page: what a route takes that only a person may use.

use std::fmt;

use axum::{
    extract::FromRequestParts,
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse as _, Redirect, Response},
};
use centinel_app::{Approvals, Session};
use centinel_engine::proposal::Principal;

use crate::{
    WebState,
    asked::{Asked, Caller},
    failure::Failure,
    pages::Chrome,
    refused::{Why, refuse},
    return_to::ReturnTo,
};

/// A person in a session that holds.
///
/// A route that takes one is for people alone: a page leads whoever is nobody yet to the sign-in form
/// and back, a form that is sent without a session is refused, and a service token is refused with a
/// trace. Whether a form was sent from our own page is another question, answered by
/// `forms::from_own_page` and by the token that [`SignedInPerson::csrf_token`] puts into each form.
#[derive(Clone)]
pub(crate) struct SignedInPerson {
    session: Session,
    secret: String,
}

impl SignedInPerson {
    pub(crate) fn new(session: Session, secret: &str) -> Self {
        Self { session, secret: secret.to_owned() }
    }

    /// Account name.
    pub(crate) fn name(&self) -> &str {
        &self.session.person
    }

    /// The session.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// The secret of the session, as functions of `Approvals` take it.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// What a form of this session carries.
    pub(crate) fn csrf_token(&self) -> String {
        Approvals::csrf_token(&self.secret)
    }

    /// The person, as the audit log calls them.
    pub(crate) fn principal(&self) -> Principal {
        Principal::person(self.name())
    }
}

impl fmt::Debug for SignedInPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedInPerson").field("session", &self.session).finish_non_exhaustive()
    }
}

impl FromRequestParts<WebState> for SignedInPerson {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &WebState,
    ) -> Result<Self, Self::Rejection> {
        let asked = Asked::from_request_parts(parts, state).await?;
        let address = parts.uri.path_and_query().map_or("/", |address| address.as_str());
        match asked.caller() {
            Caller::Person(person) => Ok(person.clone()),
            Caller::Token(token) => {
                refuse(state, Some(token), subject(parts.uri.path()), Why::Token).await;
                let failure = Failure {
                    status: StatusCode::FORBIDDEN,
                    message: "a service token is no person: only people decide".to_owned(),
                    hint: Some("open the page in a browser, and sign in".to_owned()),
                };
                Err(failure.page(Chrome::of(&asked)))
            }
            Caller::Anybody if matches!(parts.method, Method::GET | Method::HEAD) => {
                Err(Redirect::to(&ReturnTo::new(address).sign_in()).into_response())
            }
            Caller::Anybody => {
                refuse(state, None, subject(parts.uri.path()), Why::NoSession).await;
                Err(Failure {
                    status: StatusCode::UNAUTHORIZED,
                    message: "nobody is signed in: the session is over".to_owned(),
                    hint: Some("sign in, and do it again; nothing was changed".to_owned()),
                }
                .page(Chrome::of(&asked)))
            }
        }
    }
}

/// What a request is about, for the audit log: a proposal, or the page.
pub(crate) fn subject(path: &str) -> &str {
    let id = path.strip_prefix("/proposals/").and_then(|rest| rest.split('/').next());
    let is_id = |id: &&str| id.parse::<centinel_engine::proposal::ProposalId>().is_ok();
    id.filter(is_id).unwrap_or("page")
}
