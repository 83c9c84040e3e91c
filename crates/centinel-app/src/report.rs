//! The first screen: what was spent, what is known about it, and what to look at.

use std::collections::BTreeMap;

use centinel_approvals::View;
use centinel_engine::{
    explain::{Driver, Measured},
    money::{Currency, Decimal, Pico},
    period::Period,
};
use centinel_ledger::ScanLevel;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    App, AppError, ForecastRequest, Incident, SpendAnswer, SpendForecast, SpendGroup, SpendRequest,
    UnpricedModel, When, spend::ratio,
};

/// How many incidents the first screen shows.
const SHOWN: usize = 3;

/// One part of the bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KindOfSpend {
    /// AI tokens, cloud, Kubernetes, SaaS.
    pub kind: String,
    /// In the month.
    pub cost: Pico,
    /// In the month before.
    pub cost_before: Pico,
    /// Change on the month before, as a share; `None` where that was nothing.
    pub change_ratio: Option<Decimal>,
    /// By ISO week over the last 17 weeks, oldest first.
    pub by_week: Vec<Pico>,
}

/// An incident with what explains it.
#[derive(Debug, Clone, Serialize)]
pub struct Headline {
    /// The incident.
    #[serde(flatten)]
    pub incident: Incident,
    /// What moved the cost most, in words; `None` when the change cannot be split.
    pub main_driver: Option<&'static str>,
    /// That driver's part of the change.
    pub main_effect: Option<Pico>,
    /// What that driver is the largest part of: the change, or, of an episode of a ratio, the change
    /// apart from volume.
    pub main_of: Option<Pico>,
    /// The figure whose change is explained.
    pub measured: Option<Measured>,
    /// The change over the explained days.
    pub delta: Option<Pico>,
    /// The explanation in standard wording.
    pub text: Option<String>,
    /// Facts behind it.
    pub evidence: Option<String>,
    /// Open proposals about the same scope.
    pub proposals: Vec<String>,
}

/// The first screen.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whose money it is.
    pub organisation: String,
    /// A generated company.
    pub generated: bool,
    /// Whose part of the whole every amount is of; absent where it is the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_to: Option<String>,
    /// The month reported.
    pub period: Period,
    /// The period is a calendar month from end to end, so that months compare.
    pub is_whole_month: bool,
    /// First and last instant of the data.
    pub data_from: Timestamp,
    /// Last instant of the data.
    pub data_until: Timestamp,
    /// Of every amount.
    pub currency: Currency,
    /// Spend of the month.
    pub total: Pico,
    /// By part of the bill, largest first.
    pub kinds: Vec<KindOfSpend>,
    /// Share of the month's cost whose owner is known.
    pub owned_ratio: Option<Decimal>,
    /// Models without a price in the month, and their calls and tokens.
    pub unpriced: Vec<UnpricedModel>,
    /// What to look at, largest impact first.
    pub headlines: Vec<Headline>,
    /// Further incidents of the month that are not shown.
    pub further_incidents: usize,
    /// Invoices of which too much has no explanation.
    pub unexplained_gaps: Vec<UnexplainedGap>,
    /// Proposals that wait for a person.
    pub waiting: usize,
    /// What the month will cost that the first day without data is in, with an 80 % band.
    pub forecast: Option<SpendForecast>,
    /// Why there is no forecast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_forecast: Option<String>,
    /// Facts behind the total.
    pub evidence: String,
}

/// An invoice of which too much has no explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnexplainedGap {
    /// Of the amounts.
    pub currency: Currency,
    /// What the invoices ask for, in the time that they cover.
    pub invoice: Decimal,
    /// Invoice less ledger.
    pub gap: Decimal,
    /// What of it has no explanation.
    pub unexplained: Decimal,
    /// The same, as a share of the invoice.
    pub share: Option<Decimal>,
}

impl App {
    /// The first screen.
    ///
    /// # Errors
    ///
    /// [`AppError::Empty`] without data; ledger errors.
    pub async fn report(&self, now: Timestamp) -> Result<Report, AppError> {
        let data = self.ledger.span().await?.ok_or(AppError::Empty)?;
        let mut period = When::MonthToDate.resolve(now, Some(data))?.period;
        if data.1 < period.start {
            // A new month without data yet: the one before is what there is to say.
            period = When::LastMonth.resolve(now, Some(data))?.period;
        }
        let answer = self.spend(&by_kind(period, None), now).await?;
        let kinds = self.kinds(&answer, period, now).await?;
        let unpriced = self.unpriced_models(period).await?;
        let incidents = self.incidents(now).await?;
        let (first, _) = period.dates();
        let recent: Vec<&Incident> =
            incidents.iter().filter(|i| i.last >= first && !i.is_small && i.is_shown()).collect();
        let open = self.approvals.inbox(now).await?;
        let mut headlines = Vec::new();
        for incident in recent.iter().take(SHOWN) {
            headlines.push(self.headline(incident, &incidents, &open, now).await?);
        }
        let threshold = self.config.attention.unexplained_share;
        let statements = self.reconciliation(Some(period)).await?;
        let is_found = |share: Option<Decimal>| share.is_some_and(|share| share > threshold);
        let gaps = statements.iter().filter(|statement| is_found(statement.unexplained_share));
        let unexplained_gaps = gaps.map(|statement| UnexplainedGap {
            currency: statement.currency,
            invoice: statement.invoice,
            gap: statement.gap,
            unexplained: statement.unexplained,
            share: statement.unexplained_share,
        });
        let unexplained_gaps = unexplained_gaps.collect();
        let (forecast, no_forecast) = match self.forecast(&ForecastRequest::month(), now).await {
            Ok(forecast) => (Some(forecast), None),
            Err(error @ AppError::TooLittleHistory { .. }) => (None, Some(error.to_string())),
            Err(error) => return Err(error),
        };
        let organisation = &self.config.organisation;
        Ok(Report {
            forecast,
            no_forecast,
            unexplained_gaps,
            organisation: organisation.name.clone(),
            generated: organisation.generated,
            limited_to: self.limited_to().map(str::to_owned),
            is_whole_month: is_whole_month(period),
            period,
            data_from: data.0,
            data_until: data.1,
            currency: answer.currency,
            total: answer.total.cost,
            kinds,
            owned_ratio: answer.owned_ratio,
            unpriced,
            further_incidents: recent.len().saturating_sub(headlines.len()),
            headlines,
            waiting: open.len(),
            evidence: answer.evidence,
        })
    }

    async fn headline(
        &self,
        incident: &Incident,
        all: &[Incident],
        open: &[View],
        now: Timestamp,
    ) -> Result<Headline, AppError> {
        let request = self.incident_request(incident, all, now).await?;
        let explained = match self.explain_change(&request, now).await {
            Ok(explained) => Some(explained),
            // Too little history to compare with: the incident is shown without its split.
            Err(AppError::Explain(_) | AppError::NothingBefore) => None,
            Err(error) => return Err(error),
        };
        let proposals = open
            .iter()
            .filter(|view| match &view.proposal.change {
                centinel_engine::proposal::Change::Budget { scope, .. } => *scope == incident.scope,
                _ => false,
            })
            .map(|view| view.proposal.id.to_string())
            .collect();
        let driver = explained.as_ref().and_then(|e| e.main_driver);
        Ok(Headline {
            incident: incident.clone(),
            main_driver: driver.map(Driver::label),
            main_effect: driver
                .and_then(|driver| explained.as_ref().map(|e| e.decomposition.effect(driver))),
            main_of: explained.as_ref().map(|e| e.decomposition.change_of(e.measured)),
            measured: explained.as_ref().map(|e| e.measured),
            delta: explained.as_ref().map(|e| e.decomposition.delta),
            text: explained.as_ref().map(|e| e.text.clone()),
            evidence: explained.map(|e| e.evidence),
            proposals,
        })
    }

    async fn kinds(
        &self,
        answer: &SpendAnswer,
        period: Period,
        now: Timestamp,
    ) -> Result<Vec<KindOfSpend>, AppError> {
        let (first, after) = period.dates();
        let before_first = first.saturating_sub(jiff::Span::new().months(1));
        let before = self.spend(&by_kind(Period::days(before_first, first)?, None), now).await?;
        let weeks_first = after.saturating_sub(jiff::Span::new().weeks(17));
        let weeks = Period::days(weeks_first, after)?;
        let weekly =
            self.spend(&by_kind(weeks, Some(centinel_engine::period::Grain::Week)), now).await?;
        let named = |group: &BTreeMap<String, Option<String>>| {
            group.get("kind").cloned().flatten().unwrap_or_default()
        };
        let mut slices: Vec<Timestamp> = weekly.rows.iter().filter_map(|line| line.at).collect();
        slices.sort();
        slices.dedup();
        let mut kinds = Vec::new();
        for line in answer.rows.iter().filter(|line| line.currency == answer.currency) {
            let kind = named(&line.group);
            let same = |other: &&crate::SpendLine| {
                named(&other.group) == kind && other.currency == answer.currency
            };
            let cost_before =
                before.rows.iter().find(same).map_or(Pico::ZERO, |line| line.sums.cost);
            let by_week = slices
                .iter()
                .map(|at| {
                    let line = weekly.rows.iter().filter(same).find(|line| line.at == Some(*at));
                    line.map_or(Pico::ZERO, |line| line.sums.cost)
                })
                .collect();
            kinds.push(KindOfSpend {
                change_ratio: ratio(line.sums.cost.0.saturating_sub(cost_before.0), cost_before.0),
                kind,
                cost: line.sums.cost,
                cost_before,
                by_week,
            });
        }
        Ok(kinds)
    }
}

fn is_whole_month(period: Period) -> bool {
    let (first, after) = period.dates();
    first.day() == 1 && first.saturating_add(jiff::Span::new().months(1)) == after
}

fn by_kind(period: Period, grain: Option<centinel_engine::period::Grain>) -> SpendRequest {
    SpendRequest {
        period,
        group_by: vec![SpendGroup::Kind],
        filter: Vec::new(),
        grain,
        top: None,
        as_of: None,
        scan: ScanLevel::Coarsest,
    }
}
