//! What the library says, in the words of the page: a sentence, and what to do about it.

use axum::http::StatusCode;
use centinel_app::ApprovalError;
use centinel_engine::proposal::{ProposalId, Refusal};

use jiff::Timestamp;

use crate::{
    failure::chain,
    text::{self, clean},
};

/// A message of the library as a sentence: `proposal P-7 is …` becomes `Proposal P-7 is ….`.
pub(super) fn sentence(message: &str) -> String {
    let text = clean(message).replace('`', "");
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// An instant that is yet to come: `in 3 days, 9 Nov 2026, 08:00 UTC`.
pub(super) fn until(at: Timestamp, now: Timestamp) -> String {
    let hours = at.duration_since(now).as_hours();
    let ahead = match usize::try_from(hours) {
        Err(_) => return text::instant(at),
        Ok(0) => "within the hour".to_owned(),
        Ok(hours @ 1..48) => format!("in {}", text::counted(hours, "hour", "hours")),
        Ok(hours) => format!("in {}", text::counted(hours / 24, "day", "days")),
    };
    format!("{ahead}, {}", text::instant(at))
}

/// An error as a sentence.
pub(super) fn said(error: &ApprovalError) -> String {
    sentence(&chain(error))
}

/// The status of an answer that refuses: 409 where the proposal is not, or no longer, where the person
/// saw it; 403 where they may not.
pub(super) fn status(error: &ApprovalError) -> StatusCode {
    match error {
        ApprovalError::Refused(refusal) => match refusal {
            Refusal::NotFound { .. } => StatusCode::NOT_FOUND,
            Refusal::Reason(_) | Refusal::Emergency(_) | Refusal::Reference(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Refusal::AlreadyApproved { .. }
            | Refusal::OtherVersion { .. }
            | Refusal::OtherDigest { .. }
            | Refusal::Status { .. }
            | Refusal::Expired { .. }
            | Refusal::FactsChanged { .. }
            | Refusal::FactsUnchecked(_)
            | Refusal::Frozen { .. }
            | Refusal::CoolingDown { .. }
            | Refusal::NoLongerApproved { .. }
            | Refusal::NothingToReview(_)
            | Refusal::NotConfirmable { .. }
            | Refusal::ClockBehind { .. }
            | Refusal::MeasuredAlready { .. }
            | Refusal::NotNext { .. } => StatusCode::CONFLICT,
            _ => StatusCode::FORBIDDEN,
        },
        ApprovalError::NoSession => StatusCode::UNAUTHORIZED,
        ApprovalError::Locked { .. } => StatusCode::TOO_MANY_REQUESTS,
        ApprovalError::WeakPassword | ApprovalError::WrongCode => StatusCode::UNPROCESSABLE_ENTITY,
        ApprovalError::WrongCsrfToken
        | ApprovalError::WrongCredential
        | ApprovalError::CodeNeeded
        | ApprovalError::SecondFactorNeeded(_)
        | ApprovalError::ProveAgain(_) => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What a person on the page can do now. The library's own hints are for a terminal.
pub(super) fn advice(error: &ApprovalError, id: ProposalId) -> Option<String> {
    let text = match error {
        ApprovalError::Refused(refusal) => return of_refusal(refusal, id),
        ApprovalError::WrongCsrfToken => {
            "Open the proposal again, and send the form from there; nothing was changed."
        }
        ApprovalError::NoSession => "Sign in, and do it again; nothing was changed.",
        ApprovalError::WrongCredential | ApprovalError::CodeNeeded => {
            "Open the proposal again, and type your password, with a code where your account has them."
        }
        ApprovalError::ProveAgain(_) => "Open the proposal again: its form asks for your password.",
        ApprovalError::SecondFactorNeeded(_) => {
            "Set one up on the page of your name, and sign in with it."
        }
        ApprovalError::Locked { .. } => "Wait until then. Nobody can shorten it.",
        _ => return error.hint().map(|hint| sentence(&hint)),
    };
    Some(text.to_owned())
}

/// The same of a refusal of the machine.
pub(super) fn of_refusal(refusal: &Refusal, id: ProposalId) -> Option<String> {
    let text = match refusal {
        Refusal::Requester { .. } | Refusal::NoRole { .. } => "Its page names who can approve it.",
        Refusal::NotEligible { .. } => "Who may is said by the access policies of this home.",
        Refusal::AlreadyApproved { .. } => "Its page says whose approval is missing.",
        Refusal::OtherVersion { .. } | Refusal::OtherDigest { .. } => {
            "Look at it as it is now, and decide on that."
        }
        Refusal::Expired { .. } | Refusal::FactsChanged { .. } => {
            "Somebody has to propose it again, on today's figures."
        }
        Refusal::Frozen { .. } => "It can still be rejected; approve it afterwards.",
        Refusal::Channel { .. } => {
            return Some(format!("Approve it in the terminal: centinel approve {id}."));
        }
        Refusal::Denied { .. } => "The approval policy of this home says so.",
        Refusal::NotTheRequester { .. } => "Whoever may approve it can reject it.",
        Refusal::NoEmergency { .. } => "Its page names who can approve it.",
        Refusal::OwnEmergency { .. } => "Ask somebody who could have approved it.",
        Refusal::NotFound { .. } => "The inbox lists what is open.",
        Refusal::ClockBehind { .. } => "The clock of the server has to be set.",
        Refusal::Reason(_) | Refusal::Emergency(_) => "Go back, and say why.",
        Refusal::Status { .. } => "Its page says what happened to it.",
        Refusal::Reference(_) => "Go back, and name the order or the ticket.",
        Refusal::NotConfirmable { .. } => "Its page says how it is carried out.",
        _ => return refusal.hint().map(|hint| sentence(&hint)),
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_sentences() {
        for (message, expected) in [
            ("proposal `P-7` is already approved", "Proposal P-7 is already approved."),
            ("ÿ", "Ÿ."),
            ("done.", "Done."),
            ("", "."),
            ("a\u{202e}b\n", "Ab."),
        ] {
            assert_eq!(sentence(message), expected);
        }
    }
}
