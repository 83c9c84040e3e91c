//! What was done in repositories, as the audit log has it: each step is an entry, and what is known of a
//! pull request is their fold.

use std::{future::Future, pin::Pin};

use centinel_engine::proposal::{ProposalId, Status};
use centinel_store::{
    Journal as Log,
    audit::{self, EntryFilter},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    ApprovalError, Approvals,
    delivery::{Journal, Known, Step},
};

/// The action of an entry that holds a step.
const STEP: &str = "delivery.step";

/// A step as its entry holds it.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    repository: String,
    version: u32,
    #[serde(flatten)]
    step: Step,
}

/// Keeps the steps of one version in one repository, as entries of the audit log.
#[derive(Debug)]
pub struct LoggedSteps<'a> {
    approvals: &'a Approvals,
    id: ProposalId,
    version: u32,
    repository: &'a str,
    now: Timestamp,
}

impl Approvals {
    /// Keeps what is done for a version in a repository from now on.
    pub fn delivery_steps<'a>(
        &'a self,
        id: ProposalId,
        version: u32,
        repository: &'a str,
        now: Timestamp,
    ) -> LoggedSteps<'a> {
        LoggedSteps { approvals: self, id, version, repository, now }
    }

    /// What is known of a proposal's pull request in a repository, over all its versions.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn known_delivery(
        &self,
        id: ProposalId,
        repository: &str,
    ) -> Result<Known, ApprovalError> {
        let mut known = Known::default();
        for (at, entry) in self.steps(id, repository).await? {
            known.apply(&entry.step, at);
        }
        Ok(known)
    }

    /// The version that a proposal's pull request shows, as we wrote it there last; `None` before that.
    /// Whoever merges or closes it has seen this one, whatever was proposed since.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn version_shown(
        &self,
        id: ProposalId,
        repository: &str,
    ) -> Result<Option<u32>, ApprovalError> {
        let steps = self.steps(id, repository).await?;
        let shows = |step: &Step| matches!(step, Step::Opened { .. } | Step::Described);
        let last = steps.iter().rev().find(|(_, entry)| shows(&entry.step));
        Ok(last.map(|(_, entry)| entry.version))
    }

    /// Every step for a proposal in a repository, in order.
    async fn steps(
        &self,
        id: ProposalId,
        repository: &str,
    ) -> Result<Vec<(Timestamp, Entry)>, ApprovalError> {
        let filter = EntryFilter {
            subject: Some(id.to_string()),
            action: Some(STEP.to_owned()),
            ..EntryFilter::default()
        };
        let (mut steps, mut last) = (Vec::new(), 0);
        loop {
            let entries = audit::filtered_after(&self.database, last, &filter).await?;
            let Some(end) = entries.last() else { return Ok(steps) };
            last = end.sequence;
            for entry in entries {
                // An entry that does not read as a step says nothing that could be relied on: what it
                // was about is looked for again.
                let Ok(step) = serde_json::from_value::<Entry>(entry.payload) else { continue };
                if step.repository == repository {
                    let at = Timestamp::from_microsecond(entry.at).unwrap_or_default();
                    steps.push((at, step));
                }
            }
        }
    }
}

impl Approvals {
    /// Notes a merge that came when its proposal had ended: a trace, and no decision.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn note_merge(
        &self,
        id: ProposalId,
        repository: &str,
        by: &str,
        status: Status,
        now: Timestamp,
    ) -> Result<(), ApprovalError> {
        let what = json!({ "repository": repository, "by": by, "status": status.to_string() });
        let mut log = Log::begin(&self.database).await?;
        log.append(now, "system", "delivery.merged", &id.to_string(), &what).await?;
        log.commit().await?;
        Ok(())
    }
}

impl Journal for LoggedSteps<'_> {
    fn note<'a>(
        &'a self,
        step: &'a Step,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let entry = Entry {
                repository: self.repository.to_owned(),
                version: self.version,
                step: step.clone(),
            };
            let noted = async {
                let mut log = Log::begin(&self.approvals.database).await?;
                log.append(self.now, "system", STEP, &self.id.to_string(), &entry).await?;
                log.commit().await
            };
            noted.await.map(drop).map_err(|error| error.to_string())
        })
    }
}
