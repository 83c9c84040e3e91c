//! The wire forms: one module for each file format.

pub(crate) mod call_log;
pub(crate) mod litellm;
pub(crate) mod otlp;
pub(crate) mod sink;
