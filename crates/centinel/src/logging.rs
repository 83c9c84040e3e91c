//! What the servers log: to standard error, for whoever operates them.

use tracing_subscriber::EnvFilter;

/// The environment variable that says what is logged, as in `info` or `centinel_mcp=debug`.
const VARIABLE: &str = "CENTINEL_LOG";

/// What is logged when nothing is said: warnings and errors, but not that a client made a mistake, which
/// the client is told, or left before its answer.
const USUAL: &str = "warn,rmcp::service=off";

/// What is never logged: the narrator's client would show bodies.
const NEVER: &str = "async_openai=off";

/// Logs what [`VARIABLE`] says, else [`USUAL`].
#[expect(
    clippy::disallowed_methods,
    reason = "what is logged is the operator's, as all of the environment"
)]
pub(crate) fn start() {
    let wanted = std::env::var(VARIABLE).ok().filter(|wanted| !wanted.is_empty());
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new(format!("{},{NEVER}", wanted.as_deref().unwrap_or(USUAL))))
        .with_ansi(false);
    // A second subscriber is refused; the first one does.
    let _ = log.try_init();
}
