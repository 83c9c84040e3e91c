//! What is asked of an episode: the change that explains it, and where an episode of everything is.

use std::collections::{BTreeMap, BTreeSet};

use centinel_engine::{
    anomaly::{Metric, watch::Scope},
    explain::Measured,
    period::{HOUR_MICROS, Period},
};
use centinel_ledger::Condition;
use jiff::{Timestamp, civil::Date};

use super::Incident;
use crate::{App, AppError, ExplainRequest};

const WEEK_HOURS: i64 = 168;

impl Incident {
    /// An episode of everything, of which nobody has said where it is.
    fn is_unplaced(&self) -> bool {
        self.scope.is_empty() && self.within.is_none()
    }

    /// The figure whose change explains it: the cost, or that of an output.
    fn measured(&self) -> Measured {
        match self.main_metric {
            Metric::Total => Measured::Cost,
            Metric::CostPerOutput
            | Metric::TokensPerCall
            | Metric::PricePerToken
            | Metric::CallsPerOutput
            | Metric::CacheMissShare
            | Metric::FailedCallShare => Measured::CostPerOutput,
        }
    }
}

impl App {
    /// Says of an episode of everything where its change is.
    pub(super) async fn say_where(
        &self,
        incidents: &mut [Incident],
        index: usize,
        as_of: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let Some(incident) = incidents.get(index).filter(|found| found.is_unplaced()) else {
            return Ok(());
        };
        let request = self.incident_request(incident, incidents, now).await?;
        let place = self.main_place(&ExplainRequest { as_of, ..request }, now).await?;
        if let Some(incident) = incidents.get_mut(index) {
            incident.within = Some(place);
        }
        Ok(())
    }

    /// The question that explains an episode.
    pub(crate) async fn incident_request(
        &self,
        incident: &Incident,
        all: &[Incident],
        now: Timestamp,
    ) -> Result<ExplainRequest, AppError> {
        let first = incident.last.saturating_sub(jiff::Span::new().days(27)).max(incident.start);
        let period = Period::days(first, incident.last.tomorrow().unwrap_or(Date::MAX))?;
        let filter = incident
            .scope
            .iter()
            .map(|(dimension, value)| {
                Ok(Condition {
                    dimension: dimension.parse().map_err(|_| AppError::NotFound {
                        what: "dimension",
                        id: dimension.clone(),
                    })?,
                    any_of: [value.clone()].into(),
                })
            })
            .collect::<Result<_, AppError>>()?;
        let left_out = self.left_out(&incident.scope, all, now).await?;
        let measured = incident.measured();
        let (mut period, mut compare_to) = (period, None);
        if let (Some(first), Some(last)) = (incident.began_at, incident.last_hour) {
            // Hours are compared with the same hours a week before.
            let (hours, before) = hours_and_before(first, last)?;
            (period, compare_to) = (hours, Some(before));
        }
        Ok(ExplainRequest { filter, period, compare_to, left_out, measured, as_of: None })
    }

    /// Days that are no part of the usual level of a scope: holidays, planned changes and its known
    /// episodes.
    ///
    /// # Errors
    ///
    /// As [`App::incidents`].
    pub async fn unusual_days(
        &self,
        scope: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<BTreeSet<Date>, AppError> {
        self.unusual_days_as_of(scope, None, now).await
    }

    /// The same as it was known at an instant.
    ///
    /// # Errors
    ///
    /// As [`App::incidents`].
    pub async fn unusual_days_as_of(
        &self,
        scope: &BTreeMap<String, String>,
        as_of: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<BTreeSet<Date>, AppError> {
        let known_at = as_of.map_or(now, |as_of| as_of.min(now));
        let incidents = self.incidents_known_at(known_at, as_of).await?;
        self.left_out(scope, &incidents.0, known_at).await
    }

    async fn left_out(
        &self,
        scope: &Scope,
        incidents: &[Incident],
        now: Timestamp,
    ) -> Result<BTreeSet<Date>, AppError> {
        let mut left_out = self.known_days(now, &self.verdicts(now).await?).await?.of(scope);
        for incident in incidents.iter().filter(|incident| incident.scope == *scope) {
            let days = std::iter::successors(Some(incident.start), |day| day.tomorrow().ok());
            left_out.extend(days.take_while(|day| *day <= incident.last));
        }
        Ok(left_out)
    }
}

/// Hours, the last one given by its start, and the same hours a week before.
fn hours_and_before(first: Timestamp, last: Timestamp) -> Result<(Period, Period), AppError> {
    let moved = |at: Timestamp, hours: i64| {
        let micros = at.as_microsecond().saturating_add(hours.saturating_mul(HOUR_MICROS));
        Timestamp::from_microsecond(micros).unwrap_or(at)
    };
    let after = moved(last, 1);
    let before = Period::new(moved(first, -WEEK_HOURS), moved(after, -WEEK_HOURS))?;
    Ok((Period::new(first, after)?, before))
}
