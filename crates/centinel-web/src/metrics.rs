//! Liveness, readiness, and a few gauges in OpenMetrics text.

use std::fmt::Write as _;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use centinel_app::AppError;

use crate::{WebState, asked::Asked, failure::Failure, refused::Why};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers too.
pub(crate) async fn readyz(State(state): State<WebState>) -> Response {
    match state.whole().revision(state.now()).await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            let Failure { message, .. } = error.into();
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {message}\n")).into_response()
        }
    }
}

/// Rows by source, proposals that wait, the build.
pub(crate) async fn metrics(state: Asked) -> Response {
    match gauges(&state).await {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            let Failure { message, .. } = error.into();
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{message}\n")).into_response()
        }
    }
}

async fn gauges(state: &Asked) -> Result<String, AppError> {
    let sources = state.app().sources().await?;
    let waiting = state.app().approvals().inbox(state.now()).await?.len();
    let mut text = Exposition::default();
    text.family("centinel_build", "info", "The program that answers.");
    text.sample("centinel_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.family("centinel_ledger_rows", "gauge", "Rows in the ledger, by source.");
    for source in &sources {
        let name = [("source", source.source.as_str())];
        text.sample("centinel_ledger_rows", &name, source.rows_accepted);
    }
    text.family("centinel_rejected_rows", "gauge", "Rows kept aside with a reason, by source.");
    for source in &sources {
        let name = [("source", source.source.as_str())];
        text.sample("centinel_rejected_rows", &name, source.rows_rejected);
    }
    text.family(
        "centinel_data_until_timestamp_seconds",
        "gauge",
        "Latest instant in the data, by source.",
    );
    for source in &sources {
        if let Some(until) = source.data_until {
            let name = [("source", source.source.as_str())];
            text.sample("centinel_data_until_timestamp_seconds", &name, until.as_second());
        }
    }
    text.family("centinel_proposals_open", "gauge", "Proposals that wait for somebody.");
    text.sample("centinel_proposals_open", &[], i64::try_from(waiting).unwrap_or(i64::MAX));
    text.family(
        "centinel_refused_requests",
        "counter",
        "Requests refused before anybody was asked, since the start.",
    );
    for why in Why::ALL {
        let count = i64::try_from(state.refusals().so_far(why)).unwrap_or(i64::MAX);
        text.sample("centinel_refused_requests_total", &[("reason", why.name())], count);
    }
    Ok(text.finish())
}

/// OpenMetrics text under construction.
#[derive(Debug, Default)]
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a `String` does not fail.
        let _ = writeln!(self.0, "# TYPE {name} {kind}\n# HELP {name} {help}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: i64) {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn finish(mut self) -> String {
        self.0.push_str("# EOF\n");
        self.0
    }
}

/// OpenMetrics 1.0, `escaped-string`: backslash, quote and line feed.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_cannot_leave_their_quotes() {
        let mut text = Exposition::default();
        text.sample("m", &[("source", "a\"} 9\n\\evil")], 1);
        assert_eq!(text.finish(), "m{source=\"a\\\"} 9\\n\\\\evil\"} 1\n# EOF\n");
    }
}
