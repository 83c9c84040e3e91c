//! Anomalies, as the port lists them.

use std::collections::BTreeMap;

use centinel_app::Incident;
use centinel_engine::{
    anomaly,
    facts::BundleBuilder,
    money::Pico,
    period::{Period, start_of_day},
    series::Dimension,
};
use centinel_mcp::{
    AnomaliesAnswer, AnomaliesRequest, AnomalyFilter, AnomalyRow, Edit, Filter, Label, Metric,
    Refusal, Sentence, quoted,
};
use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{
    Ports,
    basis::{Asked, count, money, net_only, other_currencies, paged, scope_of, shown_scope, told},
    refusal::refused,
};

/// Anomalies in the evidence at most.
const FACTS_MAX: usize = 100;

impl Ports {
    pub(super) async fn anomalies_answer(
        &self,
        request: AnomaliesRequest,
    ) -> Result<AnomaliesAnswer, Refusal> {
        let AnomaliesRequest { window, filter, status, impact_min, page } = request;
        if let Some(dimension) = filter.0.keys().find(|dimension| !is_watched(dimension)) {
            let argument = match dimension {
                Dimension::Tag(_) => "filter.tag".to_owned(),
                named => format!("filter.{named}"),
            };
            let name = quoted(&dimension.to_string());
            return Err(Refusal::amended(
                format!(
                    "anomalies are not watched by {name}, but by feature, team, agent, application, \
                     service, model, provider, sub_account, api_key and region"
                ),
                vec![Edit::without(argument)],
            ));
        }
        self.unchanged_since(page.as_of).await?;
        let asked = self.asked(window, page.as_of).await?;
        let found = self.app.incidents(asked.now).await.map_err(refused)?;
        let (mut small, mut kept) = (0_u64, Vec::new());
        for incident in found {
            if !matches(&incident, asked.period, &filter, status) {
                continue;
            }
            let impact = incident.impact;
            match impact_min {
                Some(least) if impact < least => {}
                // Without a limit of the caller's, the one that the organisation asked for.
                None if incident.is_small => small = small.saturating_add(1),
                _ => kept.push((impact, incident)),
            }
        }
        if kept.is_empty() {
            // "None" would say that all is well with something that there is not.
            self.known_values(&asked, &filter).await?;
        }
        kept.sort_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.id.cmp(&other.id)));
        let total_impact =
            Pico::checked_sum(kept.iter().map(|(impact, _)| *impact)).map_err(Refusal::failed)?;
        let currency = self.app.config().organisation.currency;
        let evidence = self.anomaly_evidence(&asked, &kept, total_impact).await?;
        let by_owner = self.by_owner(&asked, &filter).await?;
        let coverage = self.coverage(&by_owner, &filter, None).await?;
        let mut notes = other_currencies(&by_owner, currency);
        notes.push(Sentence::new(
            "Every part of the spend is watched by the day, the largest by the hour as well, and what \
             has one cause is one anomaly; impacts are estimates over the usual level.",
        ));
        if small > 0 {
            notes.push(
                Sentence::new("")
                    .figure(small)
                    .text(" smaller ones are left out; `impact_min` `0` lists them too."),
            );
        }
        let mut proposals = self.proposals_by_scope(asked.now).await?;
        let summary = told(summary(&kept, total_impact, &asked, currency), &asked, &coverage);
        notes.push(net_only());
        let row_count = count(i128::try_from(kept.len()).unwrap_or(i128::MAX));
        let rows = paged(kept, page)
            .into_iter()
            .map(|(impact, incident)| AnomalyRow {
                anomaly_id: Label::from(&incident.id),
                open: incident.is_open,
                scope: shown_scope(&incident.scope),
                within: incident.within.as_ref().map(shown_scope),
                metric: metric(incident.main_metric),
                started_at: incident.began_at.unwrap_or_else(|| start_of_day(incident.start)),
                ended_at: (!incident.is_open).then(|| ended_at(&incident)),
                observed: incident.observed,
                expected: incident.expected,
                impact,
                owner: incident.owner.as_ref().map(Label::from),
                proposal_id: proposals.remove(&incident.scope),
            })
            .collect();
        let basis = self.basis(&asked, currency, coverage, evidence, notes).await?;
        Ok(AnomaliesAnswer { summary, total_impact, rows, row_count, basis })
    }

    /// Keeps what is answered as evidence.
    async fn anomaly_evidence(
        &self,
        asked: &Asked,
        kept: &[(Pico, Incident)],
        total: Pico,
    ) -> Result<String, Refusal> {
        let currency = self.app.config().organisation.currency;
        let mut builder = BundleBuilder::new("anomalies", Some(asked.data.1));
        builder.about(BTreeMap::new(), Some(asked.period));
        builder.money("total_impact", money(total, currency));
        builder.count("anomalies", kept.len(), "anomalies");
        for (impact, incident) in kept.iter().take(FACTS_MAX) {
            let days = Period::days(incident.start, after(incident.last)).ok();
            builder.about(incident.scope.clone(), days);
            builder.entity("anomaly", &incident.id);
            builder.money("impact", money(*impact, currency));
        }
        self.app.keep_evidence(&builder.build(), asked.now).await.map_err(refused)
    }
}

/// The end of the last unusual hour, of what hours alone show, else of the last day.
fn ended_at(incident: &Incident) -> Timestamp {
    let of_hours =
        incident.last_hour.and_then(|last| last.checked_add(SignedDuration::from_hours(1)).ok());
    of_hours.unwrap_or_else(|| start_of_day(after(incident.last)))
}

fn is_watched(dimension: &Dimension) -> bool {
    matches!(
        dimension,
        Dimension::Feature
            | Dimension::Team
            | Dimension::Agent
            | Dimension::Application
            | Dimension::Service
            | Dimension::Model
            | Dimension::Provider
            | Dimension::SubAccount
            | Dimension::ApiKey
            | Dimension::Region
    )
}

fn matches(incident: &Incident, period: Period, filter: &Filter, status: AnomalyFilter) -> bool {
    let (start, end) = (start_of_day(incident.start), start_of_day(after(incident.last)));
    let in_period = start < period.end && end > period.start;
    let in_scope = scope_of(filter)
        .iter()
        .all(|(name, value)| incident.scope.get(name).is_some_and(|own| own == value));
    let in_status = match status {
        AnomalyFilter::Open => incident.is_open,
        AnomalyFilter::Closed => !incident.is_open,
        AnomalyFilter::All => true,
    };
    in_period && in_scope && in_status
}

fn metric(metric: anomaly::Metric) -> Metric {
    match metric {
        anomaly::Metric::Total => Metric::Total,
        anomaly::Metric::CostPerOutput => Metric::CostPerOutput,
        anomaly::Metric::TokensPerCall => Metric::TokensPerCall,
        anomaly::Metric::PricePerToken => Metric::PricePerToken,
        anomaly::Metric::CallsPerOutput => Metric::CallsPerOutput,
        anomaly::Metric::CacheMissShare => Metric::CacheMissShare,
        anomaly::Metric::FailedCallShare => Metric::FailedCallShare,
    }
}

fn summary(
    kept: &[(Pico, Incident)],
    total: Pico,
    asked: &Asked,
    currency: centinel_engine::money::Currency,
) -> Sentence {
    let Some((largest, incident)) = kept.first() else {
        return Sentence::new("No anomaly of that kind touches ").figure(asked.period);
    };
    let open = kept.iter().filter(|(_, incident)| incident.is_open).count();
    let mut sentence = Sentence::new("")
        .figure(kept.len())
        .text(if kept.len() == 1 { " anomaly touches " } else { " anomalies touch " })
        .figure(asked.period)
        .text(" (")
        .figure(open)
        .text(" open), together an estimated ")
        .figure(money(total, currency))
        .text(" over the usual since they began; the largest is ")
        .figure(&incident.id);
    for (name, value) in &incident.scope {
        sentence = sentence.text(", ").name(name).text(" ").name(value);
    }
    if let Some(place) = &incident.within {
        sentence = sentence.text(", all spend");
        for (name, value) in place {
            sentence = sentence.text(", most of it ").name(name).text(" ").name(value);
        }
    }
    sentence
        .text(", since ")
        .figure(incident.start)
        .text(", with ")
        .figure(money(*largest, currency))
}

fn after(day: Date) -> Date {
    day.tomorrow().unwrap_or(Date::MAX)
}
