//! The MCP server: bounded reads and proposals, for chat clients and coding agents.
//!
//! The only crate that knows MCP. It asks the product through three ports, [`Answers`],
//! [`ProposalSink`] and [`Documents`], which the binary fills; it knows neither store nor ledger nor
//! approvals.
//!
//! - Figures come from the ports, each answer from one bundle; this crate adds `other` (exact
//!   remainders), cursors and size limits, and words no figure of its own.
//! - Imported strings leave as [`Label`]s or [quoted], never as prose.
//! - Architecture invariant: there is no tool, port or crate edge that decides a proposal.

mod answer;
mod apps;
mod arguments;
mod bounded;
mod completion;
mod cursor;
mod direct;
mod documents;
mod elicit;
mod fingerprint;
mod forecast;
mod gate;
mod http;
mod imported;
mod message;
mod papers;
mod playbooks;
mod portable;
mod ports;
mod prompts;
mod proposal;
mod request;
mod resources;
mod running;
mod savings;
mod server;
mod stdio;
mod tasks;
mod tools;
mod toolsets;
mod week;
mod window;

pub use answer::{
    AnomaliesAnswer, AnomalyRow, Basis, Change, ComparisonAnswer, ComparisonRow, Coverage,
    Decomposition, Driver, Effect, ExplanationAnswer, GapCause, GrossSides, HealthAnswer, Link,
    Metric, Place, PlausibleRange, Reconciliation, Scope, SourceRow, SourceState, Spend,
    SpendAnswer, SpendRow, Unowned, UnownedPlace, UnpricedModel,
};
pub use arguments::nearest_values;
pub use direct::{Offered, period_arguments, period_before};
pub use documents::{Documents, PolicyDocument, PolicyFormat};
pub use fingerprint::{fingerprint, release_line};
pub use forecast::{
    BudgetOutlook, Expected, ForecastAnswer, ForecastRequest, ForecastRow, ForecastWindow,
    ModelAssumed,
};
pub use gate::{
    AccessToken, Admission, Asked, Challenge, Gatekeeper, ProtectedResource, Turned,
    metadata_routes,
};
pub use http::{HttpOptions, READ_ONLY_HEADER, http_service};
pub use imported::{LABEL_CHARS_MAX, Label, SENTENCE_CHARS_MAX, Sentence, quoted};
pub use ports::{Answers, Edit, Principal, ProposalSink, Refusal, Reply, Standing};
pub use proposal::{
    BudgetPeriod, ChangeKind, FieldChange, OnBreach, ProposalAnswer, ProposalDraft, ProposalRow,
    ProposalStatus, ProposalsAnswer, ProposalsRequest, ProposedChange, Receipt, SavingInterval,
};
pub use request::{
    AnomaliesRequest, AnomalyFilter, CompareRequest, Detail, ExplainRequest, Filter, Grouping,
    HealthRequest, Page, SpendRequest,
};
pub use savings::{
    CalibrationRow, SavingsAnswer, SavingsRequest, SavingsRow, SavingsStage, SavingsSum,
};
pub use server::{Server, ServerOptions};
pub use stdio::{StdioError, serve_stdio};
pub use tools::answer_schemas;
pub use toolsets::{TOOLSETS_HEADER, Toolset, ToolsetError, Toolsets};
pub use window::{CompareTo, RelativePeriod, Window, previous_period, year_before};
