//! What one model call used: the inclusive token record, and the call that carries it.
//!
//! INVARIANT: totals contain their parts. `InputTokensTotal` includes cache reads and cache writes of
//! every lifetime; `OutputTokensTotal` includes reasoning. This is the OpenTelemetry GenAI rule
//! (`gen_ai.usage.input_tokens`) and the rule of OpenAI's usage API; connectors convert providers
//! that report the parts apart (Anthropic, Bedrock) before a record is made.

mod call;
mod cost_class;
pub mod extract;
mod outcome;
mod record;

pub use call::{Call, CallStatus};
pub use cost_class::{BookedCost, CostClass};
pub use outcome::Outcome;
pub use record::{Usage, UsageClass, UsageError};
