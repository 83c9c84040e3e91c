//! What one person is told in answer, in a line or a few. Every name and title is escaped.

use centinel_engine::proposal::{ProposalId, Refusal, Status};
use jiff::Timestamp;

use super::{
    blocks::{Address, Marked},
    card,
};
use crate::{ApprovalError, View};

/// Most proposals that an answer lists.
const LISTED_MAX: usize = 15;

/// What `/centinel` does.
pub(super) const HELP: &str = "`/centinel inbox` lists what waits for you; `/centinel link` links this \
                               account to you. Everything else is on the page and in the terminal.";

fn text() -> Marked<3_000> {
    Marked::new()
}

/// Words of ours.
pub(super) fn refused(why: &str) -> String {
    text().ours("Not done: ").foreign(why).ours(".").as_str().to_owned()
}

/// A rule said no, or something failed; nothing of what failed is told here.
pub(super) fn error(error: &ApprovalError) -> String {
    match error {
        ApprovalError::Refused(Refusal::OtherVersion { id, current, .. }) => format!(
            "Not done: the facts changed, and {id} is at version {current} now. The message shows it."
        ),
        ApprovalError::Refused(Refusal::OtherDigest { id, .. }) => {
            format!("Not done: that is not what {id} says now. The message shows it.")
        }
        ApprovalError::Refused(Refusal::AlreadyApproved { id, .. }) => {
            format!("Your approval of {id} is recorded already; each person counts once.")
        }
        ApprovalError::NotLinked(_) => {
            "Not done: this Slack account is linked to nobody. Type `/centinel link`, and sign in \
             with the code that you get."
                .to_owned()
        }
        error => {
            let said = text().ours("Not done: ").foreign_up_to(&error.to_string(), 1_500).ours(".");
            match error.hint() {
                Some(hint) => said.ours(" ").foreign_up_to(&hint, 500).as_str().to_owned(),
                None => said.as_str().to_owned(),
            }
        }
    }
}

pub(super) fn decided(view: &View) -> String {
    let id = view.proposal.id;
    match view.status {
        Status::Rejected => format!("{id} is rejected."),
        Status::Pending => {
            let votes = view.standing.approved_by.len();
            let needed = view.standing.requirement.approvers;
            format!("Your approval of {id} is recorded: {votes} of {needed}.")
        }
        status => format!("Your approval of {id} is recorded. {id}: {}.", card::status(status)),
    }
}

pub(super) fn asked_why(id: ProposalId) -> String {
    format!("Say why in the window; nothing about {id} is decided before.")
}

pub(super) fn snoozed(id: ProposalId, until: Timestamp) -> String {
    let until = card::instant(until);
    format!("You are not reminded of {id} until {until}. Nothing is decided.")
}

pub(super) fn linked_already(person: &str) -> String {
    text().ours("This account is linked to ").foreign(person).ours(" already.").as_str().to_owned()
}

/// The code is for this one person; nobody else sees the answer.
pub(super) fn code(code: &str, page: &str) -> String {
    let said = text()
        .ours(&format!("Your code is `{code}`, for ten minutes and one use. Sign in with it: "));
    let said = match Address::new(page, &format!("link/{code}")) {
        Some(address) => said.link(&address, "on the page").ours(", or "),
        None => said,
    };
    said.ours(&format!(
        "in the terminal with `centinel person link {code}`. Give it to nobody: whoever signs in with \
         it gets what you click here."
    ))
    .as_str()
    .to_owned()
}

pub(super) fn inbox(views: &[View], page: &str) -> String {
    if views.is_empty() {
        return "Nothing waits for you.".to_owned();
    }
    let mut said = text().ours("Waits for you:");
    for view in views.iter().take(LISTED_MAX) {
        said = said.ours("\n• ");
        let id = view.proposal.id;
        said = match Address::new(page, &format!("proposals/{id}")) {
            Some(address) => said.ours(&format!("<{}|{id}>", address.as_str())),
            None => said.ours(&id.to_string()),
        };
        said = said.ours(" ").foreign_up_to(&view.proposal.title, 120);
        said = said.ours(&format!(", expires {}", card::instant(view.proposal.expires_at)));
    }
    let more = views.len().saturating_sub(LISTED_MAX);
    let said = if more == 0 { said } else { said.ours(&format!("\nand {more} more")) };
    said.as_str().to_owned()
}
