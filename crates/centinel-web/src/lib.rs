//! Pages, the JSON API, and the routes that take OTLP spans, call events and outcomes.
//!
//! A thin face over [`centinel_app::App`]: a page prints what a use case answered and computes no
//! figure. Nobody decides anything here: a decision is made in the terminal. The clock and random
//! numbers come in through [`WebState`].

mod api;
mod asked;
mod assets;
mod chart;
mod failure;
mod gate;
mod happened;
mod metrics;
mod otlp;
mod pages;
mod receive;
mod state;
#[cfg(test)]
mod tests;
mod text;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};

pub use asked::SESSION_COOKIE;
pub use state::{NonceError, WebState};

/// Largest body taken, in bytes, before and after decompression.
const BODY_BYTES_MAX: usize = 16 << 20;

/// Every route but `/mcp`, which the binary merges.
///
/// Meant for a listener on the loopback interface: only requests to its names are answered.
pub fn router(state: WebState) -> Router {
    Router::new()
        .route("/", get(pages::overview))
        .route("/episodes/{id}", get(pages::episode))
        .route("/proposals/{id}", get(pages::proposal))
        .route("/reconciliation", get(pages::reconciliation))
        .route("/savings", get(pages::savings))
        .route("/evidence/{address}", get(pages::evidence))
        .route("/assets/{file}", get(assets::asset))
        .route("/api/report", get(api::report))
        .route("/api/spend", get(api::spend))
        .route("/api/anomalies", get(api::anomalies))
        .route("/api/explain/{id}", get(api::explain))
        .route("/api/reconciliation", get(api::reconciliation))
        .route("/api/inbox", get(api::inbox))
        .route("/api/savings", get(api::savings))
        .route("/v1/traces", post(receive::traces))
        .route("/v1/calls", post(receive::calls))
        .route("/v1/outcomes", post(receive::outcomes))
        .route("/v1/litellm", post(receive::litellm))
        .route("/v1/events", post(happened::events))
        .route("/healthz", get(metrics::healthz))
        .route("/readyz", get(metrics::readyz))
        .route("/metrics", get(metrics::metrics))
        .fallback(pages::nothing_here)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(state.clone(), asked::recognised))
        .layer(middleware::from_fn(gate::guarded))
        .with_state(state)
}
