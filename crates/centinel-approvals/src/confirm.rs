//! What was carried out by hand: the word of a person, for changes that Centinel does not make itself.

use centinel_engine::proposal::{Ballot, Channel, Command, Eligibility, Facts, ProposalId};
use centinel_store::{people, proposals};
use jiff::Timestamp;

use crate::{ApprovalError, Approvals, Proof, View, service::traced, sign_in::Recognised};

/// That an approved version was carried out outside, as a person says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// The proposal.
    pub id: ProposalId,
    /// The version that was carried out.
    pub version: u32,
    /// The version's digest, or at least its first eight hex digits.
    pub digest: String,
    /// Under which it is known outside: an order number, a ticket.
    pub reference: String,
    /// When it was carried out.
    pub carried_out_at: Timestamp,
    /// Where the person says so: a terminal or the page.
    pub channel: Channel,
}

impl Approvals {
    /// Notes that a version was carried out by hand, as the person whose credential this is. `facts` are
    /// those of the time at which it was done. What is refused after the person was recognised is kept in
    /// the audit log too.
    ///
    /// # Errors
    ///
    /// As [`Self::decide`].
    pub async fn confirm(
        &self,
        confirmation: Confirmation,
        name: &str,
        proof: impl Into<Proof>,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<View, ApprovalError> {
        let recognised = self.recognise(name, proof.into(), now).await?;
        self.confirm_as(recognised, confirmation, facts, now).await
    }

    /// Notes that a version was carried out by hand, as the person of a session. Of what cannot be undone
    /// that is said within five minutes of a proof, as it is approved.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NoSession`], [`ApprovalError::WrongCsrfToken`],
    /// [`ApprovalError::ProveAgain`]; as [`Self::confirm`].
    pub async fn confirm_in_session(
        &self,
        confirmation: Confirmation,
        secret: &str,
        csrf_token: &str,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<View, ApprovalError> {
        let needs_proof = Some(confirmation.id);
        let recognised = self.recognise_session(secret, csrf_token, needs_proof, now).await?;
        self.confirm_as(recognised, confirmation, facts, now).await
    }

    async fn confirm_as(
        &self,
        recognised: Recognised,
        confirmation: Confirmation,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<View, ApprovalError> {
        let Confirmation { id, version, digest, reference, carried_out_at, channel } = confirmation;
        let Recognised { mut journal, actor, .. } = recognised;
        let people = people::directory_locked(&mut journal).await?;
        // Whoever may not see it is not told that it is there.
        let before = proposals::load_locked(&mut journal, id).await?;
        let before = before.filter(|record| self.sees(&record.state.proposal));
        let eligibility = before.as_ref().map_or_else(Eligibility::default, |before| {
            self.eligibility(&before.state.proposal, &people, None)
        });
        let ballot = Ballot { version, digest, channel };
        let command = Command::Confirm { ballot, reference, carried_out_at };
        let context = self.context(&actor, &people, &eligibility, facts, now);
        let after = traced(journal, before.as_ref(), id, &command, &context).await?;
        Ok(self.view(after, &people, now))
    }
}
