//! Who is told of an analysis, and who next when nobody reacts.
//!
//! A message belongs to an episode and a recipient: facts that change edit it, and nobody gets a second
//! one. Where there is no chat, the finding waits on its page; the days until somebody else is next count
//! from then as well.

use centinel_approvals::slack::{Desk, Finding, Told};
use centinel_engine::proposal::ProposalId;
use centinel_store::analyses::{self, FindingRow};
use jiff::{SignedDuration, Timestamp};

use super::{AboutIt, Analysis, read::about};
use crate::{App, AppError, Incident, in_one_line, live::Outside, plain};

/// Most messages of one round.
const ROUND_MAX: usize = 20;
const HOURS_OF_A_DAY: i64 = 24;

impl App {
    /// Brings in who is next, and tells everybody who is to be told. What one message cannot is an
    /// outcome, and the others go on; it is tried again in the next round.
    ///
    /// # Errors
    ///
    /// [`AppError::Credential`], [`AppError::Slack`]; as [`App::incidents`].
    pub async fn tell_findings(
        &self,
        now: Timestamp,
        outside: &Outside,
    ) -> Result<Vec<Told>, AppError> {
        let findings = analyses::findings(self.database()).await?;
        if findings.is_empty() {
            return Ok(Vec::new());
        }
        let incidents = self.incidents(now).await?;
        let findings = if self.escalate(&findings, &incidents, now).await? {
            analyses::findings(self.database()).await?
        } else {
            findings
        };
        let due: Vec<&FindingRow> = findings.iter().filter(|finding| finding.is_due(now)).collect();
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let desk = self.finding_desk(outside)?;
        let mut told = Vec::new();
        for finding in due.into_iter().take(ROUND_MAX) {
            match self.tell(finding, &incidents, desk.as_ref(), now).await {
                Ok(done) => told.extend(done),
                Err(error) => {
                    let key = format!("finding:E-{}", finding.episode);
                    told.push(Told::Failed { key, reason: in_one_line(&error) });
                }
            }
        }
        Ok(told)
    }

    async fn tell(
        &self,
        row: &FindingRow,
        incidents: &[Incident],
        desk: Option<&Desk>,
        now: Timestamp,
    ) -> Result<Option<Told>, AppError> {
        let id = format!("E-{}", row.episode);
        let Some(analysis) = self.analysis_of(&id).await? else { return Ok(None) };
        // A later one is told in the next round.
        if analysis.facts != row.facts {
            return Ok(None);
        }
        let (told, is_there) = match desk {
            Some(desk) => {
                let incident = incidents.iter().find(|incident| incident.id == id);
                desk.tell(&self.finding_told(&analysis, row, incident), now).await?
            }
            None => (None, true),
        };
        if is_there {
            let how = if desk.is_some() { "slack" } else { "page" };
            analyses::told(self.database(), row, how, now).await?;
        }
        Ok(told)
    }

    fn finding_told(
        &self,
        analysis: &Analysis,
        row: &FindingRow,
        incident: Option<&Incident>,
    ) -> Finding {
        let about = incident.map(about).unwrap_or_default();
        let about: Vec<String> =
            about.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let proposals = analysis.proposals.iter();
        let proposal = |AboutIt { id, title, .. }: &AboutIt| {
            let id: ProposalId = id.parse().ok()?;
            Some((id, title.clone()))
        };
        Finding {
            episode: analysis.episode.clone(),
            about: if about.is_empty() { "all spend".to_owned() } else { about.join(", ") },
            text: plain(&analysis.text),
            label: analysis.label.in_words(),
            owner: analysis.owner_in_words(),
            parts: analysis.parts(self.config.organisation.currency),
            recipient: Some(row.recipient.clone()).filter(|name| !name.is_empty()),
            is_escalation: row.step > 0,
            proposals: proposals.filter_map(proposal).collect(),
            evidence: analysis.evidence.clone(),
        }
    }

    /// Brings in who is next where nobody reacted in time; says whether anybody is new.
    async fn escalate(
        &self,
        findings: &[FindingRow],
        incidents: &[Incident],
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let mut is_changed = false;
        let first = findings.iter().filter(|finding| finding.step == 0);
        for (finding, told_at) in first.filter_map(|finding| Some((finding, finding.told_at?))) {
            let id = format!("E-{}", finding.episode);
            // What was muted or meant, or is no episode any more, waits for nobody.
            let incident = incidents.iter().find(|incident| incident.id == id);
            let Some(incident) = incident.filter(|incident| incident.is_shown()) else { continue };
            let Some(analysis) = self.analysis_of(&id).await? else { continue };
            let steps = analysis.routed.escalation.iter().filter(|step| step.after_days > 0);
            let due: Vec<_> = (1_i64..)
                .zip(steps)
                .filter(|(_, step)| {
                    let hours = i64::from(step.after_days).saturating_mul(HOURS_OF_A_DAY);
                    now.duration_since(told_at) >= SignedDuration::from_hours(hours)
                })
                .filter(|(_, step)| {
                    let is_told = |other: &FindingRow| {
                        other.episode == finding.episode && other.recipient == step.to
                    };
                    !findings.iter().any(is_told)
                })
                .collect();
            if due.is_empty()
                || self.has_reacted(finding.episode, &about(incident), told_at, now).await?
            {
                continue;
            }
            for (number, step) in due {
                let database = self.database();
                is_changed |=
                    analyses::escalate(database, finding.episode, &step.to, number, now).await?;
            }
        }
        Ok(is_changed)
    }

    fn finding_desk(&self, outside: &Outside) -> Result<Option<Desk>, AppError> {
        let config = self.config.slack.as_ref();
        config.map(|config| self.desk(config, outside)).transpose()
    }
}
