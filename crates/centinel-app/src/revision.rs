//! What answers depend on, apart from the question.

use std::time::SystemTime;

use centinel_engine::{period::date_of, proposal::ProposalId};
use jiff::{Timestamp, civil::Date};

use crate::{App, AppError};

/// State of the home: as long as it is the same, so is every answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    batches: (usize, i64),
    restatements: i64,
    /// Events, those taken back, verdicts.
    said: (i64, i64, i64),
    open: Vec<(ProposalId, u32)>,
    calendar: Option<(u64, SystemTime)>,
    today: Date,
}

impl App {
    /// The state of the home: imports, restatements, events, verdicts, open proposals, the
    /// calendar, the day. Configuration and the
    /// other policies are read once, when the home is opened.
    ///
    /// # Errors
    ///
    /// [`AppError::Store`].
    pub async fn revision(&self, now: Timestamp) -> Result<Revision, AppError> {
        let batches = self.database().batches().await?;
        let open = self.approvals.inbox(now).await?;
        let calendar = std::fs::metadata(self.home.join("policies").join("calendar.csv"));
        Ok(Revision {
            batches: (batches.len(), batches.iter().map(|batch| batch.id).max().unwrap_or(0)),
            restatements: self.database().restatement_count().await?,
            said: centinel_store::events::count(self.database()).await?,
            open: open.iter().map(|view| (view.proposal.id, view.proposal.version)).collect(),
            calendar: calendar.ok().and_then(|file| Some((file.len(), file.modified().ok()?))),
            today: date_of(now),
        })
    }
}
