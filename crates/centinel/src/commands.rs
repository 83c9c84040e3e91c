//! One file a command: arguments, the call into the product, what is printed.

pub(crate) mod commit;
pub(crate) mod decompose;
pub(crate) mod detect;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod ledger;
pub(crate) mod mcp;
pub(crate) mod price;
pub(crate) mod spend;
