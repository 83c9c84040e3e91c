//! What was carried out by hand, and the facts at the time it was.

use centinel_approvals::{Confirmation, Proof, View};
use centinel_engine::proposal::Facts;
use jiff::Timestamp;

use crate::{App, AppError};

impl App {
    /// Notes that an approved change without edits was carried out by hand, as the person whose
    /// credential this is.
    ///
    /// # Errors
    ///
    /// Approval errors: whatever a decision can be refused for, an approval that did not cover the time of
    /// the deed, a change that is carried out from here. Ledger errors.
    pub async fn confirm(
        &self,
        confirmation: Confirmation,
        name: &str,
        proof: impl Into<Proof>,
        now: Timestamp,
    ) -> Result<View, AppError> {
        let facts = self.facts_when_done(&confirmation, now).await?;
        Ok(self.approvals.confirm(confirmation, name, proof, &facts, now).await?)
    }

    /// The same as the person of a session.
    ///
    /// # Errors
    ///
    /// As [`Self::confirm`]; also a session that is over, a wrong form token, and a proof that is too old
    /// for what cannot be undone.
    pub async fn confirm_in_session(
        &self,
        confirmation: Confirmation,
        secret: &str,
        csrf_token: &str,
        now: Timestamp,
    ) -> Result<View, AppError> {
        let facts = self.facts_when_done(&confirmation, now).await?;
        let approvals = &self.approvals;
        Ok(approvals.confirm_in_session(confirmation, secret, csrf_token, &facts, now).await?)
    }

    /// The facts as they were when it was done: afterwards its own effect would be among them.
    async fn facts_when_done(
        &self,
        Confirmation { id, carried_out_at, .. }: &Confirmation,
        now: Timestamp,
    ) -> Result<Facts, AppError> {
        let view = self.approvals.show(*id, now).await?;
        self.facts_behind(&view.proposal, &self.home_edits(), now.min(*carried_out_at)).await
    }
}
