//! Connectors: provider files and payloads in, typed rows out.
//!
//! The only crate that knows provider payloads. A connector reads; it never writes.

mod open;

pub use open::{OpenError, open};
