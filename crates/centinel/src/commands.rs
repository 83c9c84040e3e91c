//! One file a command: arguments, the call into the product, what is printed.

pub(crate) mod anomalies;
pub(crate) mod audit;
pub(crate) mod commit;
pub(crate) mod commitments;
pub(crate) mod decompose;
pub(crate) mod demo;
pub(crate) mod detect;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod inbox;
pub(crate) mod init;
pub(crate) mod ledger;
pub(crate) mod localize;
pub(crate) mod mcp;
pub(crate) mod price;
pub(crate) mod prices;
pub(crate) mod propose;
pub(crate) mod reconcile;
pub(crate) mod report;
pub(crate) mod serve;
pub(crate) mod sources;
pub(crate) mod spend;
pub(crate) mod usage;
