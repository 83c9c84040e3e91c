//! Pages, the JSON API, and the routes that take OTLP spans, call events and outcomes.
//!
//! A thin face over [`centinel_app::App`]: a page prints what a use case answered and computes no
//! figure. People sign in here and decide proposals ([`Approvals`](centinel_app::Approvals) checks who
//! they are and what they may); a service token decides nothing. No page has a script. The clock and
//! random numbers come in through [`WebState`].

mod api;
mod asked;
mod assets;
mod chart;
mod cookies;
mod failure;
mod forms;
mod gate;
mod happened;
mod headers;
pub mod hooks;
mod metrics;
mod otlp;
mod pages;
mod receive;
mod refused;
mod return_to;
mod signed_in;
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

pub use cookies::SESSION_COOKIE;
pub use refused::{Refusals, Why};
pub use state::{NonceError, WebState};

/// Largest body taken, in bytes, before and after decompression.
const BODY_BYTES_MAX: usize = 16 << 20;
/// Largest form, in bytes.
const FORM_BYTES_MAX: usize = 64 << 10;

/// Every route but `/mcp`, which the binary merges.
///
/// Meant for a listener on the loopback interface, or something in front of it: only requests to the
/// names of this machine, and to the configured address, are answered.
pub fn router(state: WebState) -> Router {
    Router::new()
        .route("/", get(pages::overview))
        .route("/inbox", get(pages::inbox))
        .route("/account", get(pages::account))
        .route("/account/second-factor", get(pages::second_factor))
        .route("/sign-in", get(pages::sign_in_form))
        .route("/link/{code}", get(pages::link_form))
        .route("/sign-in/with/{provider}", get(pages::sign_in_with))
        .route("/sign-in/callback/{provider}", get(pages::sign_in_callback))
        .route("/episodes/{id}", get(pages::episode))
        .route("/proposals/{id}", get(pages::proposal))
        .route("/reconciliation", get(pages::reconciliation))
        .route("/savings", get(pages::savings))
        .route("/digest", get(pages::digest))
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
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .merge(forms(&state))
        .fallback(pages::nothing_here)
        .method_not_allowed_fallback(pages::not_this_way)
        .layer(middleware::from_fn_with_state(state.clone(), asked::recognised))
        .layer(middleware::from_fn_with_state(state.clone(), gate::guarded))
        .with_state(state)
}

/// What a form of a page is sent to. Whatever changes something on a page belongs here: it is taken
/// from our own pages only.
fn forms(state: &WebState) -> Router<WebState> {
    Router::new()
        .route("/sign-in", post(pages::sign_in))
        .route("/sign-in/prove/{provider}", post(pages::prove_with))
        .route("/sign-in/link/{provider}", post(pages::link_with))
        .route("/sign-out", post(pages::sign_out))
        .route("/account/password", post(pages::change_password))
        .route("/link/{code}", post(pages::link))
        .route("/account/second-factor", post(pages::set_second_factor))
        .route("/proposals/{id}/approve", post(pages::approve))
        .route("/proposals/{id}/reject", post(pages::reject))
        .route("/proposals/{id}/withdraw", post(pages::withdraw))
        .route("/proposals/{id}/emergency", post(pages::break_glass))
        .route("/proposals/{id}/review", post(pages::review))
        .route("/proposals/{id}/confirm", post(pages::confirm))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn_with_state(state.clone(), forms::from_own_page))
}
