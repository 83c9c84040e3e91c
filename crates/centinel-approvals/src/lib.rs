//! Proposals from request to decision: authenticates people, asks the engine's state machine, writes
//! the audit log.
//!
//! Deciding needs a person's own credential, checked here and nowhere else: a [`Requester`] can
//! propose and withdraw, and no function makes a decision out of one. Time is an argument everywhere.

mod accounts;
mod error;
mod factor;
mod requester;
mod service;

pub use accounts::AccountChange;
pub use error::ApprovalError;
pub use factor::{Factor, Password};
pub use requester::Requester;
pub use service::{Approvals, Decision, Proposed, Verdict, View};
