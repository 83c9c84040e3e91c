//! What was just done, said on the page that comes after a form.
//!
//! The address carries a fixed word, never a sentence; and what a word says of a decision is shown only
//! where the log says the same.

use centinel_app::View;
use centinel_engine::proposal::{Occurrence, Principal};
use serde::Deserialize;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Notice {
    /// A person approved.
    Approved,
    /// A person rejected.
    Rejected,
    /// A requester took it back.
    Withdrawn,
    /// A person broke the glass.
    Emergency,
    /// A person closed an emergency.
    Reviewed,
    /// A person said that it was carried out by hand.
    CarriedOut,
    /// A session was ended.
    SignedOut,
    /// A password was changed.
    PasswordChanged,
}

/// The part of an address that names what was done. What is no such word is no notice.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Done {
    #[serde(default)]
    done: Option<String>,
}

impl Done {
    /// What was done.
    pub(crate) fn notice(&self) -> Option<Notice> {
        let word = serde_json::Value::String(self.done.clone()?);
        serde_json::from_value(word).ok()
    }
}

impl Notice {
    /// The word in an address.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Emergency => "emergency",
            Self::Reviewed => "reviewed",
            Self::CarriedOut => "carried_out",
            Self::SignedOut => "signed_out",
            Self::PasswordChanged => "password_changed",
        }
    }

    /// What the page of a proposal says, if this person did that to its current version.
    pub(crate) fn on(self, view: &View, person: &str) -> Option<String> {
        let version = view.proposal.version;
        let is_mine = |name: &str| name == person;
        let is_so = |what: &Occurrence| match (self, what) {
            (Self::Approved, Occurrence::VoteCast { vote, version: voted, .. }) => {
                is_mine(&vote.name) && *voted == version
            }
            (Self::Rejected, Occurrence::Rejected { name, .. })
            | (Self::Reviewed, Occurrence::EmergencyReviewed { name, .. })
            | (Self::CarriedOut, Occurrence::Confirmed { name, .. }) => is_mine(name),
            (Self::Emergency, Occurrence::GlassBroken { glass }) => is_mine(&glass.name),
            _ => false,
        };
        let actor = Principal::person(person);
        let was_done = view.events.iter().any(|event| {
            is_so(&event.what)
                || (self == Self::Withdrawn
                    && event.what == Occurrence::Withdrawn
                    && event.actor == actor)
        });
        if !was_done {
            return None;
        }
        Some(match self {
            Self::Approved if view.standing.satisfied => {
                format!("You approved version {version}. It has the approvals that it needs.")
            }
            Self::Approved => format!("You approved version {version}. It needs others as well."),
            Self::Rejected => "You rejected it. Nothing is changed.".to_owned(),
            Self::Withdrawn => "You took it back. Nothing is changed.".to_owned(),
            Self::Emergency => {
                "You took it forward in an emergency. Somebody else has to look at it.".to_owned()
            }
            Self::Reviewed => "You closed the emergency.".to_owned(),
            Self::CarriedOut => {
                "You said that it was carried out. What it saves is measured from then on."
                    .to_owned()
            }
            Self::SignedOut | Self::PasswordChanged => return None,
        })
    }

    /// What the sign-in form says.
    pub(crate) fn at_sign_in(self) -> Option<&'static str> {
        match self {
            Self::SignedOut => Some("You are signed out."),
            Self::PasswordChanged => Some(
                "Your password is changed, and every session is over. Sign in with the new one.",
            ),
            _ => None,
        }
    }
}
