//! One proposal: the change, the evidence, who may approve, what happened, and the forms of whoever may
//! decide.

mod choices;
mod deliveries;
mod history;
mod standing;

use askama::Template;
use axum::{
    extract::{Path, Query, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use centinel_app::{AppError, View};
use centinel_engine::proposal::{Channel, Occurrence, Proposal, ProposalId, Risk};

pub(super) use standing::{needs, outcome, progress};

use self::{
    choices::Choices,
    deliveries::DeliveryRow,
    history::{Happened, who},
};
use super::{
    Chrome, Source, Term,
    change::{self, EditRow},
    evidence::{Row, rows},
    notice::Done,
    page,
};
use crate::{
    asked::Asked,
    failure::Failure,
    text::{self, cell, clean},
};

/// Lines of the change that are shown at once.
const LINES_SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "proposal.html")]
struct Page {
    chrome: Chrome,
    id: String,
    title: String,
    /// What it asks for, promises and brought, in the standard wording.
    words: String,
    kind: &'static str,
    status: String,
    version: u32,
    digest: String,
    short_digest: String,
    is_open: bool,
    notice: Option<String>,
    change: Vec<Term>,
    more_change: Vec<Term>,
    edits: Vec<EditRow>,
    about: Vec<Term>,
    standing: Vec<Term>,
    choices: Choices,
    deliveries: Vec<DeliveryRow>,
    saving: Vec<Term>,
    source: Source,
    facts: Vec<Row>,
    caveats: Vec<String>,
    history: Vec<Happened>,
}

/// `GET /proposals/{id}`.
pub(crate) async fn proposal(
    state: Asked,
    Path(id): Path<String>,
    done: Result<Query<Done>, QueryRejection>,
) -> Response {
    let done = done.map_or_else(|_| Done::default(), |Query(done)| done);
    page(&state, answer(&state, &id, &done).await)
}

/// The number of an address.
pub(super) fn number(id: &str) -> Result<ProposalId, Failure> {
    id.parse().map_err(|_| Failure {
        status: StatusCode::NOT_FOUND,
        message: format!("no proposal `{}`", cell(id)),
        hint: Some("proposals are called `P-1`, `P-2`, …".to_owned()),
    })
}

async fn answer(state: &Asked, id: &str, done: &Done) -> Result<Page, Failure> {
    let id = number(id)?;
    let now = state.now();
    let approvals = state.app().approvals();
    let (view, choices, notice) = match state.person() {
        None => {
            let view = approvals.show(id, now).await.map_err(AppError::from)?;
            let choices = Choices::of_nobody(&view);
            (view, choices, None)
        }
        Some(person) => {
            let offer = approvals.offer(id, person.name(), Channel::Web, now).await;
            let offer = offer.map_err(AppError::from)?;
            let choices = Choices::new(&offer, person, state);
            let notice = done.notice().and_then(|done| done.on(&offer.view, person.name()));
            (offer.view, choices, notice)
        }
    };
    let bundle = state.app().evidence(&view.proposal.evidence).await?;
    let proposal = &view.proposal;
    let words = state.app().proposal_wording(proposal.id, now).await?;
    let delivered = state.app().deliveries_of(proposal.id).await?;
    let mut change = change::terms(proposal);
    let more_change = change.split_off(change.len().min(LINES_SHOWN));
    Ok(Page {
        chrome: Chrome::of(state),
        id: proposal.id.to_string(),
        title: clean(&proposal.title),
        words: clean(words.document.plain(&state.app().number_format()).trim()),
        kind: change::kind_name(proposal.kind()),
        status: view.status.to_string(),
        version: proposal.version,
        digest: view.digest.clone(),
        short_digest: view.digest.chars().take(12).collect(),
        is_open: view.status.is_open(),
        notice,
        change,
        more_change,
        edits: proposal.edits.iter().map(EditRow::new).collect(),
        about: about(&view),
        standing: standing::standing(&view),
        choices,
        deliveries: delivered.iter().map(|at| DeliveryRow::new(at, state.app())).collect(),
        saving: saving(&view),
        source: Source::new(&proposal.evidence),
        facts: rows(&bundle),
        caveats: bundle.caveats.iter().map(|sentence| clean(sentence)).collect(),
        history: view.events.iter().map(Happened::new).collect(),
    })
}

fn about(view: &View) -> Vec<Term> {
    let proposal = &view.proposal;
    let mut terms = vec![
        Term::new("Owner", cell(&proposal.owner)),
        Term::new("Asked for by", who(&proposal.requester)),
        Term::new(
            "At stake",
            proposal.amount_at_stake.map_or_else(
                || "unknown, so it is decided like the largest amounts".to_owned(),
                |amount| amount.to_string(),
            ),
        ),
        Term::new(
            "Risk",
            match proposal.risk {
                Risk::Low => "low: nobody would notice",
                Risk::Medium => "medium: somebody could notice",
                Risk::High => "high: users could notice",
            },
        ),
        Term::new("Can be undone", if proposal.reversible { "yes" } else { "no" }),
        Term::new("Expires", text::instant(proposal.expires_at)),
    ];
    terms.push(Term::new("Expected saving", expected(&view.proposal)));
    terms
}

/// The saving that was promised, with its interval.
fn expected(proposal: &Proposal) -> String {
    proposal.saving.map_or_else(
        || "not estimated".to_owned(),
        |saving| format!("{} a month ({} to {})", saving.mid, saving.low, saving.high),
    )
}

/// What was promised and what came of it; nothing before it was measured.
fn saving(view: &View) -> Vec<Term> {
    let measured = view.events.iter().filter_map(|event| match event.what {
        Occurrence::Measured { saving, days } => Some((saving, days)),
        _ => None,
    });
    let mut terms: Vec<Term> = measured
        .map(|(saving, days)| {
            Term::new(format!("Measured over {days} days"), format!("{saving} a month"))
        })
        .collect();
    if !terms.is_empty() {
        terms.insert(0, Term::new("Expected", expected(&view.proposal)));
    }
    terms
}
