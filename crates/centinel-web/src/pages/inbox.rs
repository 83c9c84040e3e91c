//! The inbox: what waits for whoever is signed in, what waits for others, what is under way, and what
//! was decided lately.

use askama::Template;
use axum::response::Response;
use centinel_app::{AppError, Offer, View};
use centinel_engine::proposal::{Channel, Refusal, Status, fold};
use jiff::{SignedDuration, Timestamp};

use super::{Chrome, change::kind_name, page, proposal, voice};
use crate::{
    asked::Asked,
    failure::Failure,
    signed_in::SignedInPerson,
    text::{self, cell, clean},
};

/// How long a decision stays in the list.
const LATELY: SignedDuration = SignedDuration::from_hours(24 * 14);
/// Most of them shown.
const DECIDED_MAX: usize = 20;

#[derive(Template)]
#[template(path = "inbox.html")]
struct Page {
    chrome: Chrome,
    lede: String,
    mine: Vec<Row>,
    reviews: Vec<Row>,
    others: Vec<Row>,
    under_way: Vec<Row>,
    decided: Vec<Row>,
    decided_hidden: usize,
    has_any: bool,
}

/// One proposal as a card.
struct Row {
    id: String,
    title: String,
    kind: &'static str,
    owner: String,
    /// The best estimate and its interval, each a month; absent where nobody estimated one.
    saving: Option<(String, String)>,
    /// What it waits for, in one line.
    state: String,
    /// When its time is over, or when it changed last.
    when: String,
    /// It ends within a day.
    is_urgent: bool,
}

/// `GET /inbox`.
pub(crate) async fn inbox(state: Asked, person: SignedInPerson) -> Response {
    page(&state, answer(&state, &person).await)
}

async fn answer(state: &Asked, person: &SignedInPerson) -> Result<Page, Failure> {
    let now = state.now();
    let approvals = state.app().approvals();
    let offers = approvals.offers(person.name(), Channel::Web, now).await;
    let offers = offers.map_err(AppError::from)?;
    let has_any = !offers.is_empty();
    let mut page = Page {
        chrome: Chrome::of(state),
        lede: String::new(),
        mine: Vec::new(),
        reviews: Vec::new(),
        others: Vec::new(),
        under_way: Vec::new(),
        decided: Vec::new(),
        decided_hidden: 0,
        has_any,
    };
    let mut decided: Vec<(Timestamp, Row)> = Vec::new();
    for offer in &offers {
        let view = &offer.view;
        if offer.review.is_ok() {
            page.reviews.push(Row::new(view, review_until(view), now));
        }
        match view.status {
            Status::Pending if offer.approve.is_ok() => {
                page.mine.push(Row::new(view, proposal::needs(view), now));
            }
            Status::Pending => page.others.push(Row::new(view, why_not_mine(offer), now)),
            Status::Stale => {
                page.others.push(Row::new(
                    view,
                    "out of date: needs a new version".to_owned(),
                    now,
                ));
            }
            Status::Approved | Status::Executing | Status::Unknown | Status::Failed => {
                page.under_way.push(Row::new(view, proposal::progress(view), now));
            }
            _ => {
                let Some(last) = view.events.last() else { continue };
                if now.duration_since(last.at) <= LATELY {
                    decided.push((last.at, Row::closed(view)));
                }
            }
        }
    }
    // What ends first is looked at first; of what is decided, the latest.
    for rows in [&mut page.mine, &mut page.others] {
        rows.sort_by_key(|row| std::cmp::Reverse(row.is_urgent));
    }
    decided.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    page.decided_hidden = decided.len().saturating_sub(DECIDED_MAX);
    page.decided = decided.into_iter().take(DECIDED_MAX).map(|(_, row)| row).collect();
    page.lede = lede(page.mine.len(), page.reviews.len());
    Ok(page)
}

fn lede(mine: usize, reviews: usize) -> String {
    let decisions = text::counted(mine, "proposal waits", "proposals wait");
    let reviews_wait = text::counted(reviews, "emergency waits", "emergencies wait");
    match (mine, reviews) {
        (0, 0) => "Nothing waits for you.".to_owned(),
        (_, 0) => format!("{decisions} for your decision."),
        (0, _) => format!("{reviews_wait} for your review."),
        _ => format!("{decisions} for your decision, {reviews_wait} for your review."),
    }
}

/// What is missing, and why not from this person.
fn why_not_mine(offer: &Offer) -> String {
    let needs = proposal::needs(&offer.view);
    let why = match &offer.approve {
        Err(Refusal::AlreadyApproved { .. }) => "you approved it",
        Err(Refusal::Requester { .. }) => "you asked for it",
        Err(Refusal::Frozen { until, .. }) => {
            return format!("{needs}; nothing like it is approved until {}", text::instant(*until));
        }
        Err(Refusal::Channel { .. }) => "not on the page",
        _ => return needs,
    };
    format!("{needs}; {why}")
}

fn review_until(view: &View) -> String {
    let glass = fold(&view.events).and_then(|state| state.glass);
    glass.map_or_else(
        || "an emergency that nobody else has looked at".to_owned(),
        |glass| {
            let until = text::instant(glass.review_until);
            format!("{} took it forward alone; to be looked at by {until}", cell(&glass.name))
        },
    )
}

impl Row {
    fn new(view: &View, state: String, now: Timestamp) -> Self {
        let proposal = &view.proposal;
        let left = proposal.expires_at.duration_since(now);
        Self {
            id: proposal.id.to_string(),
            title: clean(&proposal.title),
            kind: kind_name(proposal.kind()),
            owner: cell(&proposal.owner),
            saving: proposal.saving.map(|saving| {
                let interval =
                    format!("{} to {}", saving.low.to_estimate(), saving.high.to_estimate());
                (saving.mid.to_estimate(), interval)
            }),
            state,
            when: format!("expires {}", voice::until(proposal.expires_at, now)),
            is_urgent: left < SignedDuration::from_hours(24),
        }
    }

    fn closed(view: &View) -> Self {
        let when = view.events.last().map_or_else(String::new, |event| text::instant(event.at));
        let row = Self::new(view, proposal::outcome(view), view.proposal.expires_at);
        Self { when, is_urgent: false, ..row }
    }
}
