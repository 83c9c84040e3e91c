//! Connectors: provider files and payloads in, typed rows out.
//!
//! The only crate that knows provider payloads. A connector reads; it never writes. It pushes what
//! it reads into a [`Sink`], one reused row at a time: calls, charges, outcomes, and the rows that
//! are none of these, each with its position, its reason and its text. Nothing is dropped: of every
//! input, `accepted + rejected == rows`.

mod anthropic;
mod bedrock;
mod bills;
mod calls;
pub mod client;
mod csv_rows;
mod detect;
mod fields;
mod finding;
mod focus;
mod helicone;
mod input;
mod instant;
mod json;
mod json_rows;
mod langfuse;
mod litellm;
pub mod live;
mod number;
pub mod objects;
mod open;
mod openai;
mod opencost;
mod openrouter;
mod otlp;
mod outcomes;
mod own_table;
mod pages;
mod parquet_rows;
mod provider_guess;
mod read;
mod records;
mod sanitize;
mod sessions;
mod sink;
mod table;
mod tags;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod vertex;

pub use bills::{ChargeField, ContractCommitment};
pub use calls::{Convention, Field, How, MappedColumn, Mapping, MappingError, UnknownField};
pub use detect::{Format, UnknownFormat, detect_format, detect_input};
pub use finding::{Finding, FindingStatus};
pub use open::{OpenError, Opened, open, open_input};
pub use own_table::{Fields, Table, TableRow};
pub use read::{Options, ReadError, Summary, read, read_detected, read_opened};
pub use sink::{Position, Rejected, Sink, SinkError};
