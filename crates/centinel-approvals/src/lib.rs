//! Proposals from request to decision: authenticates people, asks the engine's state machine, writes
//! the audit log.
//!
//! Deciding needs a person's own credential, or a session that began with it, checked here and nowhere
//! else: a [`Requester`] can propose and withdraw, and no function makes a decision out of one. Who is
//! eligible at all, and who sees what, is said by the policies of [`access`]. Time is an argument everywhere.

pub mod access;
mod accounts;
mod confirm;
mod delivered;
pub mod delivery;
pub mod edit;
mod error;
pub mod escape;
mod executor;
mod factor;
mod home_edits;
mod links;
mod offers;
pub mod oidc;
mod requester;
mod second_factor;
mod service;
mod sessions;
mod sign_in;
pub mod signature;
pub mod slack;
pub mod teams;
mod tokens;
mod totp;

pub use access::{AccessError, AccessPolicy, Looker, Sight};
pub use accounts::AccountChange;
/// Accounts outside, and whose they are.
pub use centinel_store::links::{AccountError, Link, OutsideAccount, Service};
/// A service token, as it is listed.
pub use centinel_store::tokens::{ListedToken, ServiceToken};
pub use confirm::Confirmation;
pub use delivered::LoggedSteps;
pub use error::ApprovalError;
pub use executor::{CarriedOut, Effects, Failure, Found};
pub use factor::{Factor, Password};
pub use home_edits::HomeEdits;
pub use links::Attested;
pub use offers::Offer;
pub use requester::Requester;
pub use second_factor::{Code, Enrolment};
pub use service::{Approvals, Decision, Proposed, Verdict, View};
pub use sessions::{Session, SignedIn};
pub use sign_in::Proof;
pub use tokens::NewToken;
