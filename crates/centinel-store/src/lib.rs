//! The database: catalogue, proposals, decisions, audit, people. SQLite by default, PostgreSQL for
//! teams, through the same SQL.
//!
//! The only crate that knows our own schema. SQL here is the part that both databases share:
//! `$1` placeholders, `BIGINT`, `TEXT`, `BYTEA`-free rows, `on conflict`, `returning`. Amounts are
//! decimal text, instants are UTC microseconds, truth is 0 or 1.

pub mod analyses;
pub mod audit;
mod bills;
mod catalogue;
pub mod chat;
mod database;
mod deliveries;
mod delivery;
pub mod events;
pub mod evidence;
mod grants;
pub mod links;
mod objects;
pub mod outbox;
pub mod pending_sign_ins;
pub mod people;
pub mod periods;
pub mod proposals;
mod restatements;
pub mod sessions;
mod state;
pub mod tokens;
pub mod wordings;

pub use audit::{AuditEntry, AuditFault, Head, Journal, Verification};
pub use bills::{BillFacts, BillPart, CommitmentRow, HeldPart};
pub use catalogue::{Committed, ImportBatch, SegmentRow};
pub use database::{Backend, Database, StoreError};
pub use deliveries::{DeliveryRow, DeliverySeen};
pub use delivery::{DeliveredWindow, Delivery, KnownWindow, SyncRun};
pub use grants::{NameError, agent_grants};
pub use objects::{DeliveredObject, KnownObject, ObjectState};
pub use restatements::{RESTATED, RestatedBatch, RestatedSums};
pub use state::CatalogueState;
