//! Events that pipelines tell of: deploys, planned changes, maintenance.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use centinel_app::{AppError, EventKind, EventRequest};
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::{
    WebState,
    failure::{Failure, chain},
    receive::{RejectedRow, content, unavailable},
    text::clean,
};

/// Longest time that a pipeline may announce a change for: what is longer, a person says.
const DAYS_MAX: i64 = 14;
/// Most events in one body.
const EVENTS_MAX: usize = 1_000;

/// One line of a body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The pipeline's own id: the same one twice is one event.
    event_id: String,
    kind: EventKind,
    at: Timestamp,
    until: Option<Timestamp>,
    #[serde(default)]
    scope: BTreeMap<String, String>,
    #[serde(default)]
    note: String,
}

#[derive(Debug, Default, Serialize)]
struct Told {
    accepted: u64,
    duplicate: u64,
    rejected: Vec<RejectedRow>,
}

/// `POST /v1/events`: events, one JSON object a line. A mute or a holiday is a person's to say.
pub(crate) async fn events(
    State(state): State<WebState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match told(&state, &headers, body).await {
        Ok(told) => Json(told).into_response(),
        Err(failure) => failure.json(),
    }
}

async fn told(
    state: &WebState,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Told, Failure> {
    let bytes = content(headers, body)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::bad("the body is no UTF-8"))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut told = Told::default();
    for (number, (index, line)) in lines.enumerate() {
        let row = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1);
        let request = if number < EVENTS_MAX {
            request(line)
        } else {
            Err(format!("more than {EVENTS_MAX} events in one body"))
        };
        match request {
            Err(reason) => told.rejected.push(RejectedRow { row, reason: clean(&reason) }),
            Ok(request) => match state.whole().add_event(&request, state.now()).await {
                Ok((_, true)) => told.accepted += 1,
                Ok((_, false)) => told.duplicate += 1,
                Err(AppError::BadEvent(reason)) => {
                    told.rejected.push(RejectedRow { row, reason: clean(&reason) });
                }
                Err(error) => return Err(unavailable(chain(&error))),
            },
        }
    }
    Ok(told)
}

fn request(line: &str) -> Result<EventRequest, String> {
    let Line { event_id, kind, at, until, scope, note } =
        serde_json::from_str(line).map_err(|error| error.to_string())?;
    if matches!(kind, EventKind::Mute | EventKind::Holiday) {
        return Err(format!("`{}` is for a person to say: `centinel events add`", kind.name()));
    }
    if event_id.is_empty() || event_id.len() > 200 {
        return Err("`event_id` must have 1 to 200 bytes".to_owned());
    }
    let latest = at.checked_add((DAYS_MAX * 24).hours()).map_err(|error| error.to_string())?;
    if until.is_some_and(|until| until > latest) {
        return Err(format!("`until` is more than {DAYS_MAX} days after `at`"));
    }
    Ok(EventRequest {
        kind,
        scope,
        start: at,
        end: until,
        note,
        origin: "ci".to_owned(),
        external_id: Some(event_id),
        actor: "http".to_owned(),
    })
}
