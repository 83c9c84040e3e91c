//! Facts of digests: what a week or a month cost, what moved, what waits, and how far to trust it. Answers to
//! single questions ([`Breakdown`], [`Episodes`], [`Health`], [`Progress`]) have facts by the same rules.
//!
//! [`Summary`] is what a ledger, a forecast and the proposals say; [`Summary::bundle`] makes facts of it,
//! every derived figure among them, and [`narrative`](crate::narrative) words these. A change is stated in
//! percent only where the amount before carries one: not of nothing, not of a credit, not of a few coins.

mod breakdown;
mod change;
mod episodes;
mod finding;
mod health;
mod outlook;
mod progress;
mod proposal;
mod summary;

pub use breakdown::{Breakdown, MovedPart, Parts, with_moved_parts};
pub use episodes::{Episodes, excess};
pub use finding::{Finding, add_finding};
pub use health::Health;
pub use outlook::{Ahead, Asked, Limit, Outlook};
pub use progress::{Progress, ProgressKind, Promised};
pub use proposal::{Outcome, ProposalFacts};
pub use summary::{
    InvoiceGap, Late, Moved, OutputCost, Rank, SavingsSoFar, Summary, SummaryKind, Unpriced,
    Waiting,
};
