//! Carrying out what people approved: once, whatever crashes in between.
//!
//! ```text
//! begin    one transaction: the machine says yes to people, policy, expiry, freeze and facts as they are
//!          now; event and reminder are written
//! effect   outside of any transaction: is it there already? if not, make it so
//! end      one transaction: event written, reminder removed
//! ```
//!
//! A process that dies leaves the reminder. Whoever takes it next looks for the effect before making it,
//! and an effect compares before it sets, so an approved version has one effect however often this runs.
//! What is carried out comes from the log, never from the reminder: a row that somebody wrote into the
//! outbox is removed, with a trace.

use centinel_engine::proposal::{Command, Facts, Principal, Proposal, ProposalId, Refusal, Status};
use centinel_store::{Journal, outbox, people, proposals};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    ApprovalError, Approvals, View,
    service::{advance, required},
};

/// Longest account of a failure that the log keeps, in characters.
const REASON_MAX: usize = 500;

/// What changes the world outside of the database.
pub trait Effects: Send + Sync {
    /// How long whoever works on an effect is left alone: well above what it takes.
    const LEASE: SignedDuration;

    /// Whether the effect of a version is there.
    fn find(&self, proposal: &Proposal) -> impl Future<Output = Result<Found, String>> + Send;

    /// Makes it so. Called again after a crash: it compares before it sets, and setting twice is as once.
    fn perform(&self, proposal: &Proposal) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Whether an effect is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// All of it.
    Done,
    /// Not all of it; what is missing can be made from what is there.
    NotDone,
    /// What the proposal starts from is not there any more: what is instead.
    Changed(String),
}

/// Why an effect is not known to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It is not, and nothing was changed.
    NoEffect(String),
    /// Nobody knows: it has to be looked for.
    Unknown(String),
}

/// What became of a reminder.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum CarriedOut {
    /// The effect is there.
    Executed {
        /// The proposal.
        id: ProposalId,
    },
    /// It is not, and nothing was changed.
    Failed {
        /// The proposal.
        id: ProposalId,
        /// Why.
        reason: String,
    },
    /// Nobody knows; it is looked for again later.
    Unknown {
        /// The proposal.
        id: ProposalId,
        /// Why.
        reason: String,
    },
    /// The log knows of no such execution: the reminder is gone.
    Forgotten {
        /// The proposal that it named.
        id: ProposalId,
    },
}

impl Approvals {
    /// Begins an execution: of processes that ask at the same time, one is told yes.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Refused`] when anything that approval rests on does not hold now. It leaves no entry
    /// in the log: Centinel itself asks again each minute, through a freeze or a cool-down of days.
    pub async fn begin(
        &self,
        id: ProposalId,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<View, ApprovalError> {
        let mut journal = Journal::begin(&self.database).await?;
        let people = people::directory_locked(&mut journal).await?;
        let before = required(&mut journal, id).await?;
        let eligibility = self.eligibility(&before.state.proposal, &people, None);
        let context = self.context(&Principal::System, &people, &eligibility, facts, now);
        let after =
            advance(&mut journal, id, Some(&before), &Command::BeginExecution, &context).await?;
        let (key, version) = (after.state.execution_key(), after.state.proposal.version);
        outbox::remind(&mut journal, &key, id, version, now).await?;
        journal.commit().await?;
        Ok(self.view(after, &people, now))
    }

    /// Carries out what was begun, here or by a process that is gone, until nothing is due.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`]; what an effect cannot do is no error but an outcome.
    pub async fn carry_out<E: Effects>(
        &self,
        effects: &E,
        now: Timestamp,
    ) -> Result<Vec<CarriedOut>, ApprovalError> {
        let mut outcomes = Vec::new();
        while let Some(reminder) = outbox::take(&self.database, now, E::LEASE).await? {
            outcomes.push(self.look_after(&reminder, effects, now).await?);
        }
        Ok(outcomes)
    }

    async fn look_after<E: Effects>(
        &self,
        reminder: &outbox::Reminder,
        effects: &E,
        now: Timestamp,
    ) -> Result<CarriedOut, ApprovalError> {
        let id = reminder.proposal;
        let record = proposals::load(&self.database, id).await?;
        let begun = record.as_ref().filter(|record| {
            matches!(record.state.status, Status::Executing | Status::Unknown)
                && record.state.execution_key() == reminder.key
        });
        let Some(state) = begun.map(|record| &record.state) else {
            let mut journal = Journal::begin(&self.database).await?;
            let subject = id.to_string();
            journal.append(now, "system", "outbox.forgotten", &subject, &reminder.key).await?;
            outbox::forget(&mut journal, &reminder.key).await?;
            journal.commit().await?;
            return Ok(CarriedOut::Forgotten { id });
        };
        let command = match effects.find(&state.proposal).await {
            Ok(Found::Done) => Command::Succeed,
            // An attempt whose outcome nobody knew had none: the machine says whether there is another.
            Ok(Found::NotDone) if state.status == Status::Unknown => {
                Command::Fail { reason: "the last attempt had no effect".to_owned() }
            }
            Ok(Found::Changed(what)) => Command::Fail { reason: short(&what) },
            Ok(Found::NotDone) => match effects.perform(&state.proposal).await {
                Ok(()) => Command::Succeed,
                Err(Failure::NoEffect(reason)) => Command::Fail { reason: short(&reason) },
                Err(Failure::Unknown(reason)) => {
                    return self.lose_track(reminder, short(&reason), E::LEASE, now).await;
                }
            },
            Err(reason) => {
                return self.lose_track(reminder, short(&reason), E::LEASE, now).await;
            }
        };
        self.end(reminder, &command, now).await?;
        Ok(match command {
            Command::Fail { reason } => CarriedOut::Failed { id, reason },
            _ => CarriedOut::Executed { id },
        })
    }

    /// Ends an execution: event and reminder in one transaction.
    async fn end(
        &self,
        reminder: &outbox::Reminder,
        command: &Command,
        now: Timestamp,
    ) -> Result<(), ApprovalError> {
        let mut journal = Journal::begin(&self.database).await?;
        let people = people::directory_locked(&mut journal).await?;
        let before = required(&mut journal, reminder.proposal).await?;
        let eligibility = self.eligibility(&before.state.proposal, &people, None);
        let context =
            self.context(&Principal::System, &people, &eligibility, &Facts::Unchecked, now);
        match advance(&mut journal, reminder.proposal, Some(&before), command, &context).await {
            // Somebody whose lease had run out came to the same end first.
            Ok(_) | Err(ApprovalError::Refused(Refusal::Status { .. })) => {}
            Err(error) => return Err(error),
        }
        outbox::forget(&mut journal, &reminder.key).await?;
        journal.commit().await?;
        Ok(())
    }

    /// Notes that nobody knows; the reminder stays until its lease has run out.
    async fn lose_track(
        &self,
        reminder: &outbox::Reminder,
        reason: String,
        lease: SignedDuration,
        now: Timestamp,
    ) -> Result<CarriedOut, ApprovalError> {
        let id = reminder.proposal;
        let mut journal = Journal::begin(&self.database).await?;
        let people = people::directory_locked(&mut journal).await?;
        let before = required(&mut journal, id).await?;
        let eligibility = self.eligibility(&before.state.proposal, &people, None);
        let context =
            self.context(&Principal::System, &people, &eligibility, &Facts::Unchecked, now);
        if before.state.status == Status::Executing {
            advance(&mut journal, id, Some(&before), &Command::LoseTrack, &context).await?;
        }
        let due = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        outbox::remind(&mut journal, &reminder.key, id, reminder.version, due).await?;
        journal.append(now, "system", "execution.unknown", &id.to_string(), &reason).await?;
        journal.commit().await?;
        Ok(CarriedOut::Unknown { id, reason })
    }
}

fn short(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_MAX).collect()
}
