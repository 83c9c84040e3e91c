//! What a person could do with a proposal now, asked of the machine itself.
//!
//! Whoever shows buttons shows those that would not be refused. To know which these are, each command
//! is played and nothing of it is kept: there is no second set of rules that could say otherwise.

use centinel_engine::proposal::{
    Ballot, Channel, Command, Directory, Facts, Principal, ProposalId, Refusal, Status, step,
};
use centinel_store::{Journal, people, proposals, proposals::Record};
use jiff::Timestamp;

use crate::{ApprovalError, Approvals, Requester, View};

/// Stands for the words that a person has yet to find.
const SOME_WORDS: &str = "words";

/// A proposal, and what one person could do with it; or why not.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The proposal.
    pub view: View,
    /// Say yes.
    pub approve: Result<(), Refusal>,
    /// With this person's yes, it would have every approval that it needs.
    pub completes: bool,
    /// Say no.
    pub reject: Result<(), Refusal>,
    /// Take it back.
    pub withdraw: Result<(), Refusal>,
    /// Take it forward alone, in an emergency.
    pub break_glass: Result<(), Refusal>,
    /// Close an emergency that somebody else began.
    pub review: Result<(), Refusal>,
    /// Say that it was carried out by hand, now; as far as its facts hold, which nobody looked at here.
    pub confirm: Result<(), Refusal>,
}

impl Approvals {
    /// What a person could do with one proposal on a channel, if they had what it takes to prove
    /// themselves.
    ///
    /// # Errors
    ///
    /// As [`Self::show`].
    pub async fn offer(
        &self,
        id: ProposalId,
        person: &str,
        channel: Channel,
        now: Timestamp,
    ) -> Result<Offer, ApprovalError> {
        let people = people::directory(&self.database).await?;
        let record = proposals::load(&self.database, id).await?;
        let record = record.filter(|record| self.sees(&record.state.proposal));
        let record = record.ok_or(Refusal::NotFound { id })?;
        Ok(self.offered(record, person, channel, &people, now))
    }

    /// The same of every proposal there is, by number.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn offers(
        &self,
        person: &str,
        channel: Channel,
        now: Timestamp,
    ) -> Result<Vec<Offer>, ApprovalError> {
        let people = people::directory(&self.database).await?;
        let mut records = proposals::list(&self.database, false).await?;
        records.retain(|record| self.sees(&record.state.proposal));
        let offers = records.into_iter();
        Ok(offers.map(|record| self.offered(record, person, channel, &people, now)).collect())
    }

    /// How many proposals a person could approve now.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn count_waiting_for(
        &self,
        person: &str,
        channel: Channel,
        now: Timestamp,
    ) -> Result<usize, ApprovalError> {
        let people = people::directory(&self.database).await?;
        let mut records = proposals::list(&self.database, true).await?;
        records.retain(|record| {
            record.state.status == Status::Pending && self.sees(&record.state.proposal)
        });
        let offers =
            records.into_iter().map(|record| self.offered(record, person, channel, &people, now));
        Ok(offers.filter(|offer| offer.approve.is_ok()).count())
    }

    fn offered(
        &self,
        record: Record,
        person: &str,
        channel: Channel,
        people: &Directory,
        now: Timestamp,
    ) -> Offer {
        let state = &record.state;
        let id = state.proposal.id;
        let actor = Principal::person(person);
        let asks = Requester::person(actor.clone());
        let eligibility = self.eligibility(&state.proposal, people, Some(&asks));
        let ballot =
            || Ballot { version: state.proposal.version, digest: state.digest.clone(), channel };
        let words = || SOME_WORDS.to_owned();
        let played_on = |facts: &Facts, command: Command| {
            let context = self.context(&actor, people, &eligibility, facts, now);
            step(Some(state), id, &command, &context)
        };
        let played = |command: Command| played_on(&Facts::Unchecked, command);
        let approve = played(Command::Approve(ballot()));
        let completes = approve.as_ref().is_ok_and(|(after, _)| after.status == Status::Approved);
        let [approve, reject, withdraw, break_glass, review] = [
            approve,
            played(Command::Reject { ballot: ballot(), reason: words() }),
            played(Command::Withdraw),
            played(Command::BreakGlass { ballot: ballot(), reason: words(), ticket: words() }),
            played(Command::Review { note: words() }),
        ]
        .map(|played| played.map(|_| ()));
        let done_now =
            Command::Confirm { ballot: ballot(), reference: words(), carried_out_at: now };
        // Whether the facts held is computed once there is something to look at.
        let confirm = played_on(&Facts::Hold, done_now).map(|_| ());
        let view = self.view(record, people, now);
        Offer { view, approve, completes, reject, withdraw, break_glass, review, confirm }
    }

    /// Keeps in the audit log that somebody who was recognised tried what was refused before it came to
    /// a rule of proposals: a form of elsewhere, a token where a person decides. `subject` is what they
    /// tried it on.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn keep_refusal(
        &self,
        actor: &Principal,
        subject: &str,
        refusal: &str,
        now: Timestamp,
    ) -> Result<(), ApprovalError> {
        let mut journal = Journal::begin(&self.database).await?;
        let payload = serde_json::json!({ "refusal": refusal });
        journal.append(now, &actor.to_string(), "refused", subject, &payload).await?;
        journal.commit().await?;
        Ok(())
    }
}
