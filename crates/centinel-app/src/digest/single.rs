//! The standard wording of single things: an episode, a proposal, where a period ends.

use std::collections::BTreeMap;

use centinel_approvals::View;
use centinel_engine::{
    digest::{Limit, Outcome, Outlook, ProposalFacts, add_finding},
    facts::{Bundle, BundleBuilder},
    forecast::CalendarPeriod,
    money::Pico,
    narrative::{self, Document},
    period::{date_of, start_of_day},
    proposal::{ProposalId, Stage},
};
use jiff::Timestamp;

use super::{gather::finding, parts};
use crate::{App, AppError, Explained, ForecastPeriod, ForecastRequest, Incident};

/// Facts, and their standard wording.
#[derive(Debug, Clone)]
pub struct Standard {
    /// The facts.
    pub facts: Bundle,
    /// Where they are kept.
    pub evidence: String,
    /// The text in parts.
    pub document: Document,
}

impl App {
    /// An episode with its explanation.
    ///
    /// # Errors
    ///
    /// As [`App::explain_incident`]; approval errors.
    pub async fn finding(&self, id: &str, now: Timestamp) -> Result<Standard, AppError> {
        let (incident, explained) = self.explain_incident(id, None, now).await?;
        let open = self.approvals.inbox(now).await?;
        self.standard(finding_facts(&incident, &explained, &open), now).await
    }

    /// A proposal: what it asks for, what it promises, what came of it.
    ///
    /// # Errors
    ///
    /// Approval errors, among them that there is no such proposal.
    pub async fn proposal_wording(
        &self,
        id: ProposalId,
        now: Timestamp,
    ) -> Result<Standard, AppError> {
        let view = self.approvals.show(id, now).await?;
        let line = self.savings_of(&view, now).await?;
        let outcome = line.measured.last();
        let facts = ProposalFacts {
            proposal: &view.proposal,
            stage: line.stage,
            expected: line.expected.map(|expected| expected.amount),
            executed_on: line.executed_at.map(date_of),
            outcome: outcome
                .filter(|_| line.stage == Stage::Realised)
                .map(|last| Outcome { days: last.days, realised: last.saving }),
            as_of: Some(now),
        };
        self.standard(facts.bundle(), now).await
    }

    /// Where a period of the calendar ends, by kind of spend, and its limits.
    ///
    /// # Errors
    ///
    /// As [`App::forecast`] and [`App::budget_outlooks`].
    pub async fn outlook(
        &self,
        period: CalendarPeriod,
        now: Timestamp,
    ) -> Result<Standard, AppError> {
        let request = ForecastRequest {
            period: ForecastPeriod::Calendar(period),
            ..ForecastRequest::month()
        };
        let forecast = self.forecast(&request, now).await?;
        let limits = self.budget_outlooks(period, &[], &[], now).await?;
        let limits: Vec<Limit> = limits.limits.into_iter().map(parts::limit).collect();
        let ahead = parts::ahead(&forecast.total, Some(&forecast)).ok_or(AppError::Empty)?;
        let named = forecast.lines.iter().filter_map(|line| {
            let total = Pico::round_half_even(line.forecast.period_total?).ok()?;
            Some((line.forecast.series.clone(), total.amount))
        });
        let outlook = Outlook {
            scope: BTreeMap::new(),
            asked: None,
            without_scenario: None,
            ahead,
            as_of: Some(start_of_day(forecast.as_of)),
            currency: forecast.currency,
            parts: named.map(|(name, amount)| (Some(name), amount)).collect(),
            by: forecast.by.clone(),
            limits,
            unpriced_calls: forecast.total.unpriced_calls,
            late: forecast
                .late_sources
                .iter()
                .map(|late| (late.source.clone(), late.last_day))
                .collect(),
            limited_to: self.limited_to().map(str::to_owned),
        };
        self.standard(outlook.bundle(), now).await
    }

    async fn standard(&self, facts: Bundle, now: Timestamp) -> Result<Standard, AppError> {
        let evidence = self.keep_evidence(&facts, now).await?;
        let document = narrative::document(&facts).unwrap_or_default();
        Ok(Standard { facts, evidence, document })
    }
}

/// The facts of an explained episode: those of the explanation, then those of the episode, as
/// `episode.id` and so on.
pub(crate) fn finding_facts(incident: &Incident, explained: &Explained, open: &[View]) -> Bundle {
    let mut facts = BundleBuilder::extending(explained.bundle.clone(), "finding");
    add_finding(&mut facts, "episode.", &finding(incident, open));
    facts.build()
}
