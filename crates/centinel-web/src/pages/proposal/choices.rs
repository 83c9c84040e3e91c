//! What whoever looks may do: the forms of the page. One that would be refused is not shown, and the
//! page says why.

use centinel_app::{Offer, View};
use centinel_engine::proposal::{Refusal, Status};

use super::super::{sign_in::OtherWay, sign_in_with, voice};
use crate::{asked::Asked, return_to::ReturnTo, signed_in::SignedInPerson, text};

/// The forms, and a line where there is none.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a form that is there or not")]
pub(super) struct Choices {
    /// What every form carries; absent for whoever is not signed in.
    pub(super) csrf: Option<String>,
    /// Whose password a form asks for.
    pub(super) name: String,
    /// Somebody could decide, who is not signed in.
    pub(super) asks_to_sign_in: bool,
    pub(super) may_approve: bool,
    /// What this person's approval would lead to.
    pub(super) after_approval: &'static str,
    pub(super) may_reject: bool,
    pub(super) may_withdraw: bool,
    pub(super) may_break_glass: bool,
    pub(super) may_review: bool,
    /// It was approved, is carried out by hand, and this person may say that it was.
    pub(super) may_confirm: bool,
    /// What is approved cannot be undone, so that the form asks for a proof.
    pub(super) is_irreversible: bool,
    /// A proof takes a code too.
    pub(super) has_code: bool,
    /// They proved themselves to their identity provider just now: no password is asked for.
    pub(super) is_proved: bool,
    /// Identity providers that they can prove themselves to.
    pub(super) provers: Vec<OtherWay>,
    /// Why there is no form that approves, and what to do.
    pub(super) why_not: Vec<String>,
}

impl Choices {
    /// For whoever is not signed in.
    pub(super) fn of_nobody(view: &View) -> Self {
        let waits = matches!(view.status, Status::Pending | Status::Approved | Status::Stale);
        Self { asks_to_sign_in: waits, ..Self::default() }
    }

    /// For a person.
    pub(super) fn new(offer: &Offer, person: &SignedInPerson, asked: &Asked) -> Self {
        let view = &offer.view;
        let has_code = person.session().has_second_factor;
        let lacks_code = view.standing.requirement.second_factor && !has_code;
        let session = person.session();
        let is_there = session.through.is_some();
        let to = ReturnTo::new(&format!("/proposals/{}", view.proposal.id));
        let provers = if is_there {
            sign_in_with::buttons(asked, "prove", "Prove it with", &to)
        } else {
            Vec::new()
        };
        Self {
            csrf: Some(person.csrf_token()),
            name: text::cell(person.name()),
            asks_to_sign_in: false,
            may_approve: offer.approve.is_ok() && !lacks_code,
            after_approval: if offer.completes {
                "With yours, it has every approval that it needs to be carried out."
            } else {
                "Others have to approve it as well."
            },
            may_reject: offer.reject.is_ok(),
            may_withdraw: offer.withdraw.is_ok(),
            may_break_glass: offer.break_glass.is_ok(),
            may_review: offer.review.is_ok(),
            may_confirm: offer.confirm.is_ok(),
            is_irreversible: !view.proposal.reversible,
            has_code,
            is_proved: is_there && session.is_fresh(asked.now()),
            provers,
            why_not: why_not(offer, lacks_code),
        }
    }
}

fn why_not(offer: &Offer, lacks_code: bool) -> Vec<String> {
    let view = &offer.view;
    let id = view.proposal.id;
    let refusal = match &offer.approve {
        Ok(()) if lacks_code => {
            return vec![
                "Approving this takes a second factor, which your session does not have."
                    .to_owned(),
                "Set one up on the page of your name, and sign in with it.".to_owned(),
            ];
        }
        Ok(()) => return Vec::new(),
        // What the head of the page says already.
        Err(Refusal::Status { .. }) if !matches!(view.status, Status::Approved) => {
            return match &offer.review {
                Err(Refusal::OwnEmergency { .. }) => {
                    vec![
                        "You took it forward in an emergency; somebody else has to look at it."
                            .to_owned(),
                    ]
                }
                _ => Vec::new(),
            };
        }
        Err(Refusal::Status { .. }) => {
            return vec!["It has every approval that it needs.".to_owned()];
        }
        Err(Refusal::Frozen { until, reason, .. }) => {
            let until = text::instant(*until);
            let reason = text::clean(reason);
            return vec![
                format!("Nothing like it is approved until {until}: {reason}."),
                "It can still be rejected.".to_owned(),
            ];
        }
        Err(Refusal::AlreadyApproved { .. }) => {
            return vec!["You approved this version. Others have to as well.".to_owned()];
        }
        // Who can is said beside it.
        Err(refusal @ (Refusal::Requester { .. } | Refusal::NoRole { .. })) => {
            return vec![voice::sentence(&refusal.to_string())];
        }
        Err(refusal) => refusal,
    };
    let mut lines = vec![voice::sentence(&refusal.to_string())];
    lines.extend(voice::of_refusal(refusal, id));
    lines
}
