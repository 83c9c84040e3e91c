//! What a release shows to clients, as one number: whoever reviewed a tool list can tell that it is this.

use centinel_engine::facts::{canonical_json, sha256_hex};
use rmcp::model::Tool;

/// SHA-256, lowercase hex, of the tools as a client lists them, in canonical JSON (keys sorted, no
/// white space). The order of the tools is part of it.
pub fn fingerprint(tools: &[Tool]) -> String {
    let canonical = canonical_json(&tools).unwrap_or_default();
    sha256_hex(canonical.as_bytes())
}

/// The version of this program and the [`fingerprint`] of its tools, as `tool-list.sha256` has them.
pub fn release_line(tools: &[Tool]) -> String {
    format!("{} {}", env!("CARGO_PKG_VERSION"), fingerprint(tools))
}
