//! Proposals as pull requests, or as branches of a local clone: what carries a change out where it is text.
//!
//! The order of reading: [`Planned`] (what a proposal becomes in one repository), [`decide`] (what is to
//! be done about its pull request, a pure function), [`Delivery`] (does it, step by step, each step
//! noted in a [`Journal`] and repeatable), [`Forge`] and [`Mirror`] (what it is done with).
//!
//! Nothing here approves anything. Who merged or closed a pull request comes back as a login of the
//! forge; what that means is decided by whoever knows the person behind it.

mod body;
mod codeowners;
mod deliver;
mod edits;
mod escape;
mod forge;
mod git;
mod github;
mod gitlab;
mod http;
mod lifecycle;
mod local;
mod notes;
mod order;
mod planned;
mod realised;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use body::{Marker, Words, body, compare, title};
pub use codeowners::{Ownership, ownership, reviewers};
pub use deliver::Delivery;
pub use edits::edit_text;
pub use forge::{
    Comment, Forge, ForgeError, NewPullRequest, PullRequest, PullState, Reply, Reviewer,
};
pub use git::{
    Commit, Git, GitError, Heads, Local, LocalState, Mirror, NewCommit, Remote, Signature,
};
pub use github::{GITHUB, GitHub};
pub use gitlab::{GITLAB, GitLab};
pub use http::Limits;
pub(crate) use http::{is_here, shown as shown_address};
pub use lifecycle::{
    Action, Ending, Head, Known, Note, OpenMax, Place, Seen, Step, Text, UPDATE_AFTER, Wish,
    admitted, decide,
};
pub use local::{LocalDelivery, LocalOutcome};
pub use order::{DeliveryError, Journal, Order, Outcome, Settings};
pub use planned::{
    EditFile, Edited, PlanError, Planned, branch_name, commit_message, edit_files, edits_by_file,
    labels,
};
