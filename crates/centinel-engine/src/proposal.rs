//! Proposals that people decide: what is proposed, who may decide it, and the machine in between.
//!
//! The order of reading: [`Proposal`] (immutable, addressed by its digest), [`ApprovalPolicy`] (how
//! many people, of which roles), [`step`] (every transition there is). Nothing here authenticates
//! anybody or stores anything; `centinel-approvals` does, and hands in time, people and policy.

mod calibration;
mod change;
mod document;
mod eligibility;
#[cfg(test)]
mod enumeration;
mod machine;
mod people;
mod policy;
mod portfolio;
#[cfg(test)]
mod reference;
mod refusal;
mod saving;
#[cfg(test)]
mod scenarios;
mod standing;
mod state;

pub use calibration::{
    Calibration, ExpectedSaving, MedianRatio, PRIOR_PROPOSALS, by_expected_saving, calibrate,
    expected_saving,
};
pub use change::{BudgetPeriod, Change, Edit, Kind, Payment, ResourceUse};
pub use document::{Draft, Proposal, ProposalError, ProposalId, Risk, Saving};
pub use eligibility::{Deed, Eligibility};
pub use machine::{Ballot, Command, Context, Facts, step};
pub use people::{Directory, Person, Principal, Role, RoleError, RoleKind, Scope, ScopeError};
pub use policy::{
    ApprovalPolicy, BreakGlass, Case, Channel, Freeze, PolicyError, Requirement, Rule,
};
pub use portfolio::{InPortfolio, Stage, StageAmount, StageSum, share_percent, sums};
pub use refusal::Refusal;
pub use saving::{Afterwards, Counterfactual, MEASURED_AFTER_DAYS, UnitOf};
pub use standing::{Standing, standing};
pub use state::{
    Event, Glass, Occurrence, Realised, State, Status, VoidReason, Vote, fold, unreviewed,
};
