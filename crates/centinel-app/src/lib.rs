//! The use cases: one function per question or action.
//!
//! Asks the ledger, the engine and the store, and returns results with the facts behind them. Time
//! and random numbers are arguments; only the binary has a clock.

mod analyse;
mod anomalies;
mod app;
mod audit;
mod book_versions;
mod budget_outlook;
mod budgets;
mod calendar;
mod call_price;
mod circumstances;
mod compare;
mod config;
mod confirm;
mod contracts;
mod digest;
mod emergencies;
mod error;
mod events;
mod execute;
mod explain;
mod export;
mod forecast;
mod found;
mod gross;
mod health;
mod hours;
mod identity_providers;
mod import;
mod incident;
mod kept;
pub mod live;
mod mcp_config;
mod memo;
mod narrator;
mod outputs;
mod over_time;
mod page_address;
mod parallel;
mod periods;
mod policies;
mod policy_files;
mod policy_texts;
mod prices;
mod proposals;
mod propose_change;
mod reconcile;
mod report;
mod repositories;
mod restate;
mod revision;
mod role;
mod savings;
mod slack;
mod span;
mod spend;
mod unowned;
mod unpriced;
mod usual;
mod viewer;
mod warm;
mod watch;
mod wording;

pub use analyse::{
    AboutIt, Analysed, Analysis, PLAN, Step, StepOutcome, StepTaken, Which, plan_digest,
};
pub use app::{App, create_home};
pub use audit::AuditConfig;
pub use book_versions::{BookVersion, ImportedBook, KnownVersion};
pub use budget_outlook::{BudgetOutlook, BudgetOutlooks};
pub use calendar::{CalendarError, EventKind};
pub use circumstances::{Circumstances, FailedCalls, Link, LinkKind, PlaceShare, PriceStep};
pub use compare::{Compared, GroupChange};
pub use config::{
    AccessConfig, AttentionConfig, CalendarConfig, Config, ConfigError, DatabaseConfig,
    Organisation, PricesConfig,
};
pub use contracts::HeldCommitment;
pub use digest::{
    Digest, DigestConfig, DigestOwnerConfig, DigestRequest, DigestTopic, DigestWords, Mail,
    MailAddress, Standard, mail_file_name,
};
pub use emergencies::{OpenReview, whom_to_alert};
pub use error::{AppError, in_one_line};
pub use events::{Event, EventRequest, Verdict};
pub use execute::MeasuredSaving;
pub use explain::{ExplainRequest, Explained, UNNAMED};
pub use export::Exported;
pub use forecast::{
    BacktestRequest, ForecastLine, ForecastPeriod, ForecastRequest, LateSource, ModelAssumed,
    SpendForecast, TokenClassAssumed,
};
pub use gross::Gross;
pub use health::{Health, SourceHealth};
pub use identity_providers::IdentityProviderConfig;
pub use import::{ImportRequest, Imported, Progress};
pub use incident::{Incident, IncidentState};
pub use mcp_config::{McpAgentConfig, McpConfig, ResourceAddress, TokenTypeConfig};
pub use narrator::{
    LeftAlone, NarratorConfig, NarratorMemory, NarratorMode, NarratorSpent, highest_price,
};
pub use outputs::{Outputs, cost_per_output};
pub use over_time::{Layer, SpendOverTime};
pub use page_address::PageAddress;
pub use periods::{PeriodStatus, PeriodTotal, Restatement};
pub use policy_files::{CheckedPolicy, check_policies};
pub use policy_texts::PolicyText;
pub use prices::{OpenedBook, open_book};
pub use proposals::BudgetRequest;
pub use propose_change::{ChangeRequest, ExpectedSaving};
pub use reconcile::keep_billed;
pub use report::{Headline, KindOfSpend, Report, UnexplainedGap};
pub use repositories::{
    Delivered, DeliveryConfig, ForgeHookError, ForgeHooks, ForgeKind, OneOrMany, Repositories,
    RepositoryConfig, SpendOfCode,
};
pub use restate::{RestateRequest, Restated, RestatedModel};
pub use revision::Revision;
pub use role::{Role, UnknownRole};
pub use savings::{MeasuredAt, NotMeasured, Savings, SavingsLine, ranked};
pub use slack::{HookError, Slack, SlackConfig, TeamsConfig};
pub use span::{ResolvedPeriod, UnknownPeriod, When, baseline_days};
pub use spend::{SpendAnswer, SpendGroup, SpendLine, SpendRequest, SpendSums};
pub use unowned::UnownedSpend;
pub use unpriced::{UnpricedModel, plausible_total};
pub use viewer::Viewer;
pub use wording::{Candidate, Label, Wording, plain};

// What the use cases take and give, so that callers need no further crate of ours.
/// Sign-in through a company's identity provider.
pub use centinel_approvals::oidc;
pub use centinel_approvals::{
    AccountChange, ApprovalError, Approvals, Attested, CarriedOut, Code, Confirmation, Decision,
    NewToken, Offer, OutsideAccount, Password, Proof, Requester, Service, Session,
    Verdict as Decided, View, delivery::Git, signature::SignatureError, slack::Told,
};
pub use centinel_ingest::Format;
pub use centinel_ledger::{Condition, OnOverlap, ScanLevel};
pub use centinel_store::{DeliverySeen, audit::AuditEntry};
