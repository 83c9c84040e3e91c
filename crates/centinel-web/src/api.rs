//! The answers as JSON.

use axum::{
    Json,
    extract::{Path, Query, rejection::QueryRejection},
    response::{IntoResponse as _, Response},
};
use centinel_app::{AppError, ScanLevel, SpendGroup, SpendRequest, When};
use centinel_engine::period::Grain;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{asked::Asked, failure::Failure, text::cell};

/// What `/api/spend` understands. Days are UTC; `until` is the day after the last one counted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpendParameters {
    /// Dimensions, `owner` or `kind`, separated by commas.
    by: Option<String>,
    from: Option<Date>,
    until: Option<Date>,
    /// `last_7d`, `last_month`, …; instead of `from` and `until`.
    period: Option<String>,
    grain: Option<Grain>,
    /// How many groups; the rest is one line. All of them without it.
    top: Option<usize>,
}

/// `GET /api/report`: the first screen.
pub(crate) async fn report(state: Asked) -> Response {
    let screen = state.first_screen().await;
    answered(screen.map_err(Failure::from).and_then(|screen| {
        let mut body = value(&screen.report)?;
        if let Some(body) = body.as_object_mut() {
            body.insert("models".to_owned(), value(&screen.models)?);
        }
        Ok(body)
    }))
}

/// `GET /api/reconciliation`: ledger against invoices, with every part.
pub(crate) async fn reconciliation(state: Asked) -> Response {
    let statements = state.app().reconciliation(None).await.map_err(Failure::from);
    answered(statements.and_then(|statements| Ok(json!({ "statements": value(&statements)? }))))
}

/// `GET /api/spend`.
pub(crate) async fn spend(
    state: Asked,
    parameters: Result<Query<SpendParameters>, QueryRejection>,
) -> Response {
    let asked = match parameters {
        Ok(Query(parameters)) => spend_answer(&state, &parameters).await,
        Err(rejection) => Err(Failure::bad(cell(&rejection.body_text()))),
    };
    answered(asked)
}

async fn spend_answer(state: &Asked, asked: &SpendParameters) -> Result<Value, Failure> {
    let when = match (asked.from, asked.until, &asked.period) {
        (Some(from), Some(until), None) => When::Days(from, until),
        (None, None, Some(word)) => word.parse().map_err(|error| bad(&error))?,
        (None, None, None) => When::LastMonth,
        _ => return Err(Failure::bad("give `from` and `until`, or `period`, or none of them")),
    };
    let by = asked.by.as_deref().unwrap_or("kind");
    let group_by: Vec<SpendGroup> = by
        .split(',')
        .map(|name| name.trim().parse().map_err(|error| bad(&error)))
        .collect::<Result<_, Failure>>()?;
    let rules = group_by.iter().filter(|group| !matches!(group, SpendGroup::Dimension(_))).count();
    if rules > 1 {
        return Err(Failure::bad("`owner` and `kind` cannot be combined"));
    }
    let now = state.now();
    let data = state.app().ledger().span().await.map_err(AppError::from)?;
    let request = SpendRequest {
        period: when.resolve(now, data).map_err(|error| bad(&error))?.period,
        group_by,
        filter: Vec::new(),
        grain: asked.grain,
        top: asked.top.filter(|&top| top > 0),
        as_of: None,
        scan: ScanLevel::Coarsest,
    };
    value(&state.app().spend(&request, now).await?)
}

/// `GET /api/anomalies`: every episode, the small ones too.
pub(crate) async fn anomalies(state: Asked) -> Response {
    let incidents = state.app().incidents(state.now()).await.map_err(Failure::from);
    answered(incidents.map(|incidents| json!({ "incidents": incidents })))
}

/// `GET /api/explain/{id}`: an episode with what moved its cost.
pub(crate) async fn explain(state: Asked, Path(id): Path<String>) -> Response {
    let explained =
        state.app().explain_incident(&id, None, state.now()).await.map_err(Failure::from);
    answered(explained.map(|(incident, explained)| {
        json!({
            "incident": incident,
            "currency": explained.currency,
            "baseline": explained.baseline,
            "baseline_days": explained.baseline_days,
            "decomposition": explained.decomposition,
            "measured": explained.measured,
            "main_driver": explained.main_driver,
            "circumstances": explained.circumstances,
            "text": explained.text,
            "evidence": explained.evidence,
            "facts": explained.bundle.facts,
        })
    }))
}

/// `GET /api/inbox`: the proposals that wait for somebody, the largest expected saving first, and where
/// they were delivered to.
pub(crate) async fn inbox(state: Asked) -> Response {
    let open = state.app().ranked_inbox(state.now()).await.map_err(Failure::from);
    let open = match open {
        Ok(open) => open,
        Err(failure) => return failure.json(),
    };
    let ids = open.iter().map(|(view, _)| view.proposal.id).collect();
    let deliveries = state.app().deliveries_among(&ids).await.map_err(Failure::from);
    answered(deliveries.map(|deliveries| {
        let views: Vec<_> = open.into_iter().map(|(view, _)| view).collect();
        json!({ "proposals": views, "deliveries": deliveries })
    }))
}

/// `GET /api/savings`: what proposals promised, and what became of it.
pub(crate) async fn savings(state: Asked) -> Response {
    let savings = state.app().savings(state.now()).await.map_err(Failure::from);
    answered(savings.and_then(|savings| value(&savings)))
}

fn answered(answer: Result<Value, Failure>) -> Response {
    match answer {
        Ok(body) => Json(body).into_response(),
        Err(failure) => failure.json(),
    }
}

fn value(answer: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(answer).map_err(|error| bad(&error))
}

fn bad(error: &dyn std::error::Error) -> Failure {
    Failure::bad(error.to_string())
}
