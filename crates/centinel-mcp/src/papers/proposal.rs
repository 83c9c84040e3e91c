//! One proposal, for a person to read before they decide elsewhere.

use super::{Desk, Paper};
use crate::ports::Refusal;

/// Values and people listed at most.
const LISTED_MAX: usize = 20;

/// The proposal of an id.
///
/// # Errors
///
/// That of [`ProposalSink::get`](crate::ProposalSink::get).
pub(crate) async fn proposal(desk: Desk<'_>, proposal_id: &str) -> Result<String, Refusal> {
    let answer = desk.proposals.get(proposal_id, desk.caller).await?;
    let row = &answer.row;
    let mut paper = Paper::new("Proposal ");
    paper.figure(&row.proposal_id).text(", version ").figure(answer.version);
    paper.paragraph().sentence(&answer.summary);
    paper.item().text("Status: ").word(&row.status);
    paper.item().text("Kind: ").word(&row.kind).text(", about ").scope(&answer.scope);
    for change in answer.changes.iter().take(LISTED_MAX) {
        paper.item().text("Changes ").name(change.field.as_str());
        if let Some(from) = &change.from {
            paper.text(" from ").name(from.as_str());
        }
        match &change.to {
            Some(to) => paper.text(" to ").name(to.as_str()),
            None => paper.text(": removed"),
        };
    }
    if let Some(saving) = &row.monthly_saving {
        paper.item().text("Promises ").figure(saving.low).text(" to ").figure(saving.high);
        paper.text(" a month");
    }
    paper.item().text("Proposed by ").name(row.proposed_by.as_str());
    paper.text(" at ").figure(row.created_at);
    if let Some(expires_at) = row.expires_at {
        paper.item().text("Lapses without a decision at ").figure(expires_at);
    }
    if let Some(reason) = &answer.reason {
        paper.item().text("Why, in the words of whoever proposed it, which nobody has checked: ");
        paper.name(reason.as_str());
    }
    paper.heading("Who decides");
    for person in answer.eligible.iter().take(LISTED_MAX) {
        paper.item().name(person.as_str());
    }
    paper.paragraph().sentence(&answer.how_to_decide).text(" Nothing here decides it.");
    if let Some(url) = &answer.review_url {
        paper.text(" Page for people: ").url(url);
    }
    paper.heading("What it stands on");
    paper.item().text("Digest of what is decided on: ").figure(&answer.digest);
    paper.grounds(&[("evidence", &answer.basis)]);
    Ok(paper.finish())
}

impl Paper {
    /// An address of the server's own configuration.
    fn url(&mut self, url: &str) -> &mut Self {
        let plain = |c: &char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '(' | ')' | '`');
        self.0.extend(url.chars().filter(plain).take(300));
        self
    }
}
