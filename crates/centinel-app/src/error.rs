//! What can go wrong in a use case, in words for people.

use std::path::PathBuf;

use centinel_approvals::{AccessError, ApprovalError, oidc::OidcError, slack::DeskError};
use centinel_engine::{
    explain::ExplainError,
    forecast::{BacktestError, ForecastError},
    money::MoneyError,
    period::{EmptyPeriod, Period},
    pricing::{BookError, ContractError},
    proposal::Refusal,
    reconcile::ReconcileError,
};
use centinel_ingest::{OpenError, ReadError, client::FetchError};
use centinel_ledger::LedgerError;
use centinel_store::StoreError;

use crate::{Role, calendar::CalendarError, config::ConfigError};

/// What can go wrong in a use case.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No home there.
    #[error("`{}` is no Centinel home", .0.display())]
    NoHome(PathBuf),
    /// A file of the home cannot be read or written.
    #[error("`{}`", path.display())]
    Home {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A change that cannot be proposed as it is.
    #[error("this change cannot be proposed: {0}")]
    Change(String),
    /// A policy is wrong.
    #[error("policy `{}`: {reason}", path.display())]
    Policy {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// An access policy is wrong.
    #[error("`{}`: {mistake}", folder.display())]
    AccessPolicy {
        /// The folder of the policies.
        folder: PathBuf,
        /// File, line and what is wrong.
        mistake: AccessError,
    },
    /// There is no such price book.
    #[error(transparent)]
    NoBook(OpenError),
    /// The file of a price book cannot be read to its end.
    #[error("price book `{}`", path.display())]
    BookFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The price book cannot be read.
    #[error("price book `{book}`")]
    Book {
        /// As configured.
        book: String,
        /// Why.
        #[source]
        source: BookError,
    },
    /// The built-in book is no file.
    #[error("the built-in price book is part of the program and needs no import")]
    BuiltinBook,
    /// An imported book is not what was imported.
    #[error("price book `{}` was changed after it was imported", .0.display())]
    ChangedBook(PathBuf),
    /// The contract cannot be used.
    #[error("contract `{}`", path.display())]
    Contract {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ContractError,
    },
    /// A line of the configuration cannot be changed without changing more.
    #[error("`{}` cannot be changed safely", path.display())]
    ConfigLine {
        /// Which file.
        path: PathBuf,
        /// The line that it should have.
        line: String,
    },
    /// An input cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An input cannot be read.
    #[error("`{name}`")]
    Read {
        /// Which input.
        name: String,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// A source holds rows of one role only.
    #[error("source `{source_name}` holds {known}, not {asked}")]
    OtherRole {
        /// The source.
        source_name: String,
        /// Its role.
        known: Role,
        /// The role asked for.
        asked: Role,
    },
    /// An estimate is larger than any amount of money.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A credential is not where it should be.
    #[error("credential `{reference}`: {reason}")]
    Credential {
        /// Where it should be.
        reference: String,
        /// Why it is not read.
        reason: String,
    },
    /// A live source did not deliver.
    #[error("source `{name}`")]
    Fetch {
        /// Which source.
        name: String,
        /// Why.
        #[source]
        source: FetchError,
    },
    /// Calls and invoices cannot be compared.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    /// The ledger failed.
    #[error("ledger")]
    Ledger(#[from] LedgerError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The calendar is wrong.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// A proposal or a decision was refused, or failed.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// Slack or Teams could not be reached as configured.
    #[error(transparent)]
    Slack(#[from] DeskError),
    /// A sign-in through an identity provider was refused, or failed.
    #[error(transparent)]
    IdentityProvider(#[from] OidcError),
    /// A change cannot be explained.
    #[error(transparent)]
    Explain(#[from] ExplainError),
    /// The data starts with the period.
    #[error("there is nothing before the period to compare with")]
    NothingBefore,
    /// A period without time.
    #[error(transparent)]
    EmptyPeriod(#[from] EmptyPeriod),
    /// A change that cannot be placed.
    #[error(transparent)]
    Localize(#[from] centinel_engine::localize::LocalizeError),
    /// Leaves that do not fit together.
    #[error(transparent)]
    Leaves(#[from] centinel_engine::localize::LeavesError),
    /// An event that cannot be kept.
    #[error("the event cannot be kept: {0}")]
    BadEvent(String),
    /// An id that names nothing.
    #[error("no {what} `{id}`")]
    NotFound {
        /// Kind of thing.
        what: &'static str,
        /// As asked for, cut at 40 characters.
        id: String,
    },
    /// What is there tells no month yet.
    #[error("a forecast needs {needed} whole days of data; there are {days}, from {first}")]
    TooLittleHistory {
        /// Days that it needs.
        needed: usize,
        /// Whole days that there are.
        days: usize,
        /// The first of them.
        first: jiff::civil::Date,
    },
    /// A forecast was asked for that has no meaning.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    /// A backtest has nothing to judge.
    #[error(transparent)]
    Backtest(#[from] BacktestError),
    /// A scenario names a model that it cannot be computed for.
    #[error("model `{model}` {reason}")]
    Scenario {
        /// As asked for, cut at 80 characters.
        model: String,
        /// What is wrong with it.
        reason: String,
        /// Models that may be meant, best first; at most three.
        near: Vec<String>,
    },
    /// A period is closed once.
    #[error("the period {0} is closed, or overlaps a closed one")]
    AlreadyClosed(Period),
    /// A period that has not ended cannot be closed.
    #[error("the period {0} is not over")]
    NotOver(Period),
    /// A helper thread went away.
    #[error("the work was interrupted; ask again")]
    Interrupted,
    /// The ledger is empty.
    #[error("the ledger is empty")]
    Empty,
    /// A budget of something that whoever proposes it sees only a part of.
    #[error("the budget would cover spend that you may not see")]
    NotAllSeen,
}

impl AppError {
    /// Whether what was asked for does not exist, rather than something failing.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            Self::NotFound { .. }
                | Self::Approval(ApprovalError::Refused(Refusal::NotFound { .. }))
        )
    }

    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome(home) => {
                Some(format!("make one: `centinel --home {} init`", home.display()))
            }
            Self::NoBook(_) => Some(
                "a book is `builtin`, `litellm:FILE`, `genai-prices:FILE` or the path of a native \
                 book"
                    .to_owned(),
            ),
            Self::BuiltinBook => Some("activate it: `centinel prices activate builtin`".to_owned()),
            Self::ChangedBook(_) => {
                Some("import the book again: what calls were priced by must not change".to_owned())
            }
            Self::ConfigLine { line, .. } => Some(format!("write it by hand: `{line}`")),
            Self::NotFound { what: "imported price book", .. } => {
                Some("list them: `centinel prices versions`".to_owned())
            }
            Self::Read { source, .. } => source.hint(),
            Self::OtherRole { asked, .. } => {
                Some(format!("give the {asked} a source of its own: `--source NAME`"))
            }
            Self::Ledger(LedgerError::KnownBill { .. }) => Some(
                "a later delivery of the bill takes its place with `--overlap replace`; another part \
                 of it is added with `--overlap add`; the other kind of export (actual beside \
                 amortised) is kept for reconciliation with `--invoice`"
                    .to_owned(),
            ),
            Self::Ledger(LedgerError::LargerBill { .. }) => {
                Some("import the files of the delivery in one command".to_owned())
            }
            Self::Approval(error) => error.hint(),
            Self::IdentityProvider(error) => error.hint(),
            Self::NotAllSeen => Some("name a narrower scope, as in `team=search`".to_owned()),
            Self::AccessPolicy { mistake, .. } => Some(mistake.hint.clone()),
            Self::Fetch { source, .. } => source.hint().map(str::to_owned),
            Self::Credential { .. } => {
                Some("set the variable, or write the file, for whoever runs this".to_owned())
            }
            Self::NotFound { what: "configured source", .. } => Some(
                "`centinel sources` lists them; `centinel sources add KIND` adds one".to_owned(),
            ),
            Self::TooLittleHistory { .. } => Some(
                "import earlier days: `centinel import FILE`, or `centinel sources sync`"
                    .to_owned(),
            ),
            Self::Scenario { near, .. } if near.is_empty() => Some(
                "models in use: `centinel spend --by model`; models with a price: `centinel prices list`"
                    .to_owned(),
            ),
            Self::Scenario { near, .. } => Some(format!("did you mean `{}`?", near.join("`, `"))),
            Self::Empty => {
                Some("import something: `centinel import FILE`, or try `centinel demo`".into())
            }
            Self::AlreadyClosed(_) => {
                Some("closed periods and what came late: `centinel reconcile status`".to_owned())
            }
            Self::NotFound { what: "episode", .. } => {
                Some("list them: `centinel anomalies`".to_owned())
            }
            _ => None,
        }
    }
}

/// An error with its causes, on one line.
pub fn in_one_line(error: &AppError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        let message = source.to_string();
        // A wrapper that repeats its source adds nothing.
        if !text.ends_with(&message) {
            text = format!("{text}: {message}");
        }
        cause = source.source();
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
