//! Live sources: configured, tried out, synced.
//!
//! A source is configured in `centinel.toml`; what it delivers is imported like any file, under its
//! own name. Its cursor and the windows that a delivery replaces are committed with the rows, so that
//! a sync which is killed has done whole steps only, and the next one goes on from there.

mod check;
mod config;
mod credential;
mod objects;
mod objects_check;
mod overlap;
mod state;
mod sync;

use centinel_ingest::live::Kind;
use jiff::Timestamp;

use crate::{Role, role::usual_role};

pub use centinel_ingest::client::Limits;
pub use check::Check;
pub(crate) use config::problem;
pub use config::{SourceConfig, SyncConfig};
pub use credential::CredentialRef;
pub use objects::ObjectCounts;
pub use overlap::CountedTwice;
pub use state::{ConnectionState, NewSource, SourceState};
pub use sync::Synced;

/// What a sync needs from outside: only the binary reads the environment and the clock.
#[derive(Debug, Clone, Copy)]
pub struct Outside {
    /// An environment variable.
    pub variable: fn(&str) -> Option<String>,
    /// The present.
    pub now: fn() -> Timestamp,
    /// Random, once for each process: waits are drawn from it and files named by it.
    pub seed: u64,
    /// How long and how often sources are asked.
    pub limits: Limits,
}

/// What the rows of a kind of source count as, where the configuration does not say: a bill is compared
/// with the calls, not added to them.
pub fn default_role(kind: Kind) -> Role {
    kind.format().map_or(Role::Spend, usual_role)
}
