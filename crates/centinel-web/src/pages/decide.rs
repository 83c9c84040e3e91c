//! Deciding on the page. Each form names the version and the digest that its page showed, and carries
//! what only a page of this session knows; who may decide is said by the library, at the moment.

use askama::Template;
use axum::{
    Form,
    extract::{Path, State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use centinel_app::{
    AppError, ApprovalError, Code, Confirmation, Decided, Decision, Password, Proof, View,
};
use centinel_engine::proposal::{Channel, Facts, ProposalId, Refusal};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::Deserialize;

use super::{Chrome, html, notice::Notice, proposal::number, sign_in::see_other, voice};
use crate::{
    WebState, asked::Asked, failure::Failure, refused::Why, return_to::ReturnTo,
    signed_in::SignedInPerson,
};

/// What a form sends. Which fields there are depends on the form.
#[derive(Deserialize)]
pub(crate) struct Sent {
    /// What only a page of this session knows.
    #[serde(default)]
    csrf: String,
    /// The version that was shown.
    version: u32,
    /// Its digest.
    digest: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    ticket: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    reference: String,
    /// In UTC, as browsers write it; empty for now.
    #[serde(default)]
    carried_out_at: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
}

/// A form, or why it is none.
type Taken = Result<Form<Sent>, FormRejection>;

#[derive(Template)]
#[template(path = "refused.html")]
struct Refused {
    chrome: Chrome,
    title: &'static str,
    message: String,
    advice: Option<String>,
    back: String,
    back_to: String,
}

/// `POST /proposals/{id}/approve`.
pub(crate) async fn approve(
    asked: Asked,
    person: SignedInPerson,
    Path(id): Path<String>,
    form: Taken,
) -> Response {
    decide(&asked, &person, &id, form, Notice::Approved, |_| Decided::Approve).await
}

/// `POST /proposals/{id}/reject`.
pub(crate) async fn reject(
    asked: Asked,
    person: SignedInPerson,
    Path(id): Path<String>,
    form: Taken,
) -> Response {
    let verdict = |sent: &Sent| Decided::Reject { reason: line(&sent.reason) };
    decide(&asked, &person, &id, form, Notice::Rejected, verdict).await
}

/// `POST /proposals/{id}/emergency`.
pub(crate) async fn break_glass(
    asked: Asked,
    person: SignedInPerson,
    Path(id): Path<String>,
    form: Taken,
) -> Response {
    let verdict = |sent: &Sent| Decided::BreakGlass {
        reason: line(&sent.reason),
        ticket: line(&sent.ticket),
    };
    decide(&asked, &person, &id, form, Notice::Emergency, verdict).await
}

/// `POST /proposals/{id}/review`.
pub(crate) async fn review(
    asked: Asked,
    person: SignedInPerson,
    Path(id): Path<String>,
    form: Taken,
) -> Response {
    let verdict = |sent: &Sent| Decided::Review { note: line(&sent.note) };
    decide(&asked, &person, &id, form, Notice::Reviewed, verdict).await
}

/// `POST /proposals/{id}/withdraw`.
pub(crate) async fn withdraw(
    asked: Asked,
    person: SignedInPerson,
    Path(id): Path<String>,
    form: Taken,
) -> Response {
    let (id, sent) = match taken(&asked, &id, form) {
        Ok(taken) => taken,
        Err(failure) => return failure.page(Chrome::of(&asked)),
    };
    match take_back(&asked, &person, id, &sent).await {
        Ok(()) => done(id, Notice::Withdrawn),
        Err(error) if was_done_before(&asked, &person, id, Notice::Withdrawn, &error).await => {
            done(id, Notice::Withdrawn)
        }
        Err(error) => refused(&asked, id, &error),
    }
}

/// `POST /proposals/{id}/confirm`: an approved change without edits was carried out by hand.
pub(crate) async fn confirm(
    State(state): State<WebState>,
    asked: Asked,
    person: SignedInPerson,
    Path(id): Path<String>,
    form: Taken,
) -> Response {
    let taken = taken(&asked, &id, form).and_then(|(id, sent)| {
        let at = when(&sent.carried_out_at, asked.now())?;
        Ok((id, sent, at))
    });
    let (id, sent, carried_out_at) = match taken {
        Ok(taken) => taken,
        Err(failure) => return failure.page(Chrome::of(&asked)),
    };
    match confirmed(&state, &asked, &person, id, sent, carried_out_at).await {
        Ok(()) => done(id, Notice::CarriedOut),
        Err(AppError::Approval(error)) => {
            if was_done_before(&asked, &person, id, Notice::CarriedOut, &error).await {
                return done(id, Notice::CarriedOut);
            }
            refused(&asked, id, &error)
        }
        Err(error) => Failure::from(error).page(Chrome::of(&asked)),
    }
}

async fn confirmed(
    state: &WebState,
    asked: &Asked,
    person: &SignedInPerson,
    id: ProposalId,
    sent: Sent,
    carried_out_at: Timestamp,
) -> Result<(), AppError> {
    let seen = asked.app().approvals();
    let now = asked.now();
    let reference = line(&sent.reference);
    let is_there = seen.show(id, now).await;
    if is_there.as_ref().is_ok_and(|view| !view.proposal.reversible) {
        prove(asked, person, &sent).await?;
    }
    let Sent { version, digest, csrf, .. } = sent;
    let channel = Channel::Web;
    let made = Confirmation { id, version, digest, reference, carried_out_at, channel };
    match is_there {
        // Whether the facts held is a question about all spend, whatever part of it the person sees.
        Ok(_) => state.whole().confirm_in_session(made, person.secret(), &csrf, now).await?,
        // Refused, and kept in the log, in the words for whoever does not see it.
        Err(_) => {
            seen.confirm_in_session(made, person.secret(), &csrf, &Facts::Unchecked, now).await?
        }
    };
    Ok(())
}

/// A time as a form sends it: to the minute or the second, in UTC; now where it is empty.
fn when(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(now);
    }
    let in_utc = || {
        let at = text.parse::<DateTime>()?.to_zoned(TimeZone::UTC)?;
        Ok::<_, jiff::Error>(at.timestamp())
    };
    text.parse().or_else(|_| in_utc()).map_err(|_| Failure {
        hint: Some("write it like 2026-11-03T10:00, in UTC; nothing was changed".to_owned()),
        ..Failure::bad("the time at which it was carried out cannot be read")
    })
}

async fn take_back(
    asked: &Asked,
    person: &SignedInPerson,
    id: ProposalId,
    sent: &Sent,
) -> Result<(), ApprovalError> {
    let approvals = asked.app().approvals();
    let now = asked.now();
    let requester = approvals.requester_in_session(person.secret(), &sent.csrf, now).await?;
    // The library takes back whatever version there is; a person takes back the one that they saw.
    let view = approvals.show(id, now).await;
    if let Ok(view) = &view
        && let Some(refusal) = other_version(view, sent)
    {
        let words = refusal.to_string();
        approvals.keep_refusal(&person.principal(), &id.to_string(), &words, now).await?;
        return Err(refusal.into());
    }
    approvals.withdraw(id, &requester, now).await?;
    Ok(())
}

fn other_version(view: &View, sent: &Sent) -> Option<Refusal> {
    let (id, version) = (view.proposal.id, view.proposal.version);
    if sent.version != version {
        return Some(Refusal::OtherVersion { id, given: sent.version, current: version });
    }
    let given = sent.digest.chars().take(64).collect();
    (sent.digest != view.digest).then_some(Refusal::OtherDigest { id, version, given })
}

async fn decide(
    asked: &Asked,
    person: &SignedInPerson,
    id: &str,
    form: Taken,
    notice: Notice,
    verdict: impl FnOnce(&Sent) -> Decided,
) -> Response {
    let (id, sent) = match taken(asked, id, form) {
        Ok(taken) => taken,
        Err(failure) => return failure.page(Chrome::of(asked)),
    };
    let verdict = verdict(&sent);
    match decided(asked, person, id, sent, verdict).await {
        Ok(_) => done(id, notice),
        Err(error) if was_done_before(asked, person, id, notice, &error).await => done(id, notice),
        Err(error) => refused(asked, id, &error),
    }
}

async fn decided(
    asked: &Asked,
    person: &SignedInPerson,
    id: ProposalId,
    sent: Sent,
    verdict: Decided,
) -> Result<View, ApprovalError> {
    let approvals = asked.app().approvals();
    let now = asked.now();
    if needs_proof(asked, id, &verdict).await {
        prove(asked, person, &sent).await?;
    }
    let Sent { version, digest, csrf, .. } = sent;
    let decision = Decision { id, version, digest, verdict, channel: Channel::Web };
    approvals.decide_in_session(decision, person.secret(), &csrf, now).await
}

/// The person proves themselves with what the form sends; one who did so at their identity provider just
/// now has sent nothing.
async fn prove(asked: &Asked, person: &SignedInPerson, sent: &Sent) -> Result<(), ApprovalError> {
    let now = asked.now();
    let session = person.session();
    if session.through.is_some() && session.is_fresh(now) && sent.password.is_empty() {
        return Ok(());
    }
    let code = Some(sent.code.trim()).filter(|code| !code.is_empty()).map(Code::new);
    let proof = Proof::new(Password::new(sent.password.clone()), code);
    let approvals = asked.app().approvals();
    approvals.confirm_session(person.secret(), &sent.csrf, proof, now).await
}

/// Whether the person proves themselves in the form itself: to approve what cannot be undone, and to
/// stand in for everybody else.
async fn needs_proof(asked: &Asked, id: ProposalId, verdict: &Decided) -> bool {
    match verdict {
        Decided::BreakGlass { .. } => true,
        Decided::Approve => {
            let view = asked.app().approvals().show(id, asked.now()).await;
            view.is_ok_and(|view| !view.proposal.reversible)
        }
        Decided::Reject { .. } | Decided::Review { .. } => false,
    }
}

/// Whether somebody pressed the button twice: what they meant is done, and was done once.
async fn was_done_before(
    asked: &Asked,
    person: &SignedInPerson,
    id: ProposalId,
    notice: Notice,
    error: &ApprovalError,
) -> bool {
    let is_late = matches!(
        error,
        ApprovalError::Refused(
            Refusal::AlreadyApproved { .. } | Refusal::Status { .. } | Refusal::NothingToReview(_)
        )
    );
    if !is_late {
        return false;
    }
    let view = asked.app().approvals().show(id, asked.now()).await;
    view.is_ok_and(|view| notice.on(&view, person.name()).is_some())
}

fn taken(asked: &Asked, id: &str, form: Taken) -> Result<(ProposalId, Sent), Failure> {
    let id = number(id)?;
    match form {
        Ok(Form(sent)) => Ok((id, sent)),
        Err(_) => {
            asked.refusals().count(Why::WrongForm);
            let hint = Some(format!("open {id} again, and send the form from there"));
            Err(Failure { hint, ..Failure::bad("the form is not complete") })
        }
    }
}

fn done(id: ProposalId, notice: Notice) -> Response {
    see_other(&format!("/proposals/{id}?done={}", notice.word()))
}

/// A refusal as a page: one line, and what to do.
fn refused(asked: &Asked, id: ProposalId, error: &ApprovalError) -> Response {
    let status = voice::status(error);
    if matches!(error, ApprovalError::WrongCsrfToken) {
        // The library has kept it in the log.
        asked.refusals().count(Why::WrongForm);
    }
    if status.is_server_error() {
        tracing::error!(%error, "a decision failed");
    }
    let page = format!("/proposals/{id}");
    let (back, back_to) = match status {
        StatusCode::UNAUTHORIZED => (ReturnTo::new(&page).sign_in(), "Sign in".to_owned()),
        StatusCode::NOT_FOUND => ("/inbox".to_owned(), "Inbox".to_owned()),
        _ => (page, format!("Back to {id}")),
    };
    let page = Refused {
        chrome: Chrome::of(asked),
        title: match status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::CONFLICT => "It is not as you saw it",
            StatusCode::UNPROCESSABLE_ENTITY => "Something is missing",
            status if status.is_server_error() => "Something failed",
            _ => "Not allowed",
        },
        message: voice::said(error),
        advice: voice::advice(error, id),
        back,
        back_to,
    };
    (status, html(&page)).into_response()
}

/// What somebody typed, in one line: a reason is kept, and shown, as a sentence.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
