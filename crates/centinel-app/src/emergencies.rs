//! Emergencies that somebody else still has to look at, and who could.

use centinel_approvals::View;
use centinel_engine::proposal::{Directory, Glass, ProposalId, Status, unreviewed};
use jiff::Timestamp;
use serde::Serialize;

use crate::{App, AppError};

/// An emergency that nobody but the person who began it has looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenReview {
    /// The proposal.
    pub id: ProposalId,
    /// One line for people, as its requester wrote it.
    pub title: String,
    /// Where it stands by now.
    pub status: Status,
    /// Who began it, when and why, and until when somebody has to have looked.
    pub glass: Glass,
    /// Whether that time is over.
    pub is_overdue: bool,
    /// Accounts that could look at it.
    pub alert: Vec<String>,
}

impl App {
    /// The emergencies that wait for a review, the one that is due first at the top.
    ///
    /// # Errors
    ///
    /// Approval errors.
    pub async fn open_reviews(&self, now: Timestamp) -> Result<Vec<OpenReview>, AppError> {
        let views = self.approvals.all(now).await?;
        if views.iter().all(|view| unreviewed(&view.events).is_empty()) {
            return Ok(Vec::new());
        }
        let people = self.approvals.people().await?;
        let mut reviews: Vec<OpenReview> =
            views.iter().flat_map(|view| OpenReview::all_of(view, &people, now)).collect();
        reviews.sort_by_key(|review| (review.glass.review_until, review.id));
        Ok(reviews)
    }
}

impl OpenReview {
    /// Those of one proposal.
    pub fn all_of(view: &View, people: &Directory, now: Timestamp) -> Vec<Self> {
        let due = unreviewed(&view.events).into_iter().map(|glass| Self {
            id: view.proposal.id,
            title: view.proposal.title.clone(),
            status: view.status,
            glass: glass.clone(),
            is_overdue: glass.review_until <= now,
            alert: whom_to_alert(view, people),
        });
        due.collect()
    }
}

/// Who is told of a proposal's emergency: every account that could look at it afterwards, which is whoever
/// may approve and is none of the humans who began one that is open.
pub fn whom_to_alert(view: &View, people: &Directory) -> Vec<String> {
    let due = unreviewed(&view.events);
    let began = |name: &str| {
        let human = people.get(name).map(|person| &person.human);
        due.iter().any(|glass| glass.name == name || Some(&glass.human) == human)
    };
    let standing = &view.standing;
    let could = standing.eligible.iter().chain(&standing.approved_by);
    let mut names: Vec<String> = could.filter(|name| !began(name)).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}
