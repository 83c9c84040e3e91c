//! Facts and bundles: what an answer may say.
//!
//! Every engine result yields facts; a bundle of them is canonical JSON with a SHA-256 digest. Pages,
//! MCP answers, cards, pull requests, digests and model text are rendered from bundles, and nothing
//! else may print a figure. Derived figures (a delta, a share, a rank, a direction) are facts of
//! their own, so that whoever words an answer never computes.

mod bundle;
mod canonical;
mod fact;
mod read;
mod union;

pub use bundle::{Bundle, BundleBuilder};
pub use canonical::{CanonicalError, canonical_json, hex, sha256_hex};
pub use fact::{Derivation, Direction, Fact, FactKind, FactStatus};
pub use read::{FACTS_MAX, ReadError, ReadFacts, RejectedFact, read_facts};
pub use union::Union;
