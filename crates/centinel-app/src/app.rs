//! The product, opened on a home.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use centinel_approvals::{Approvals, access};
use centinel_engine::{
    attribution::{EscalationPolicy, Ownership, OwnershipPolicy},
    pricing::PriceBook,
    series::SeriesKey,
};
use centinel_ledger::Ledger;
use centinel_store::Database;

use crate::{
    AppError, audit, config::Config, kept::Kept, policy_files, policy_files::SHIPPED_APPROVALS,
    prices::load_book, viewer::Limit,
};

/// The product, opened on a home. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) ledger: Ledger,
    pub(crate) home: PathBuf,
    pub(crate) config: Arc<Config>,
    // Read when the first call is priced: most questions price nothing.
    pub(crate) book: Arc<OnceLock<Arc<PriceBook>>>,
    pub(crate) owners: Arc<OwnershipPolicy>,
    pub(crate) escalation: Arc<EscalationPolicy>,
    pub(crate) approvals: Approvals,
    /// Whose part of the whole answers are of; `None` for the whole.
    pub(crate) limit: Option<Arc<Limit>>,
    /// What was computed and still holds; the same in every copy of this handle, whoever sees it.
    pub(crate) kept: Arc<Kept>,
}

/// Policies that every home starts with, as they are in the repository.
pub(crate) const DEFAULT_POLICIES: [(&str, &str); 7] = [
    ("owners.toml", include_str!("../../../policies/owners.toml")),
    ("escalation.toml", include_str!("../../../policies/escalation.toml")),
    ("approvals.toml", SHIPPED_APPROVALS),
    ("access/default.cedar", access::SHIPPED[0].1),
    ("access/tests.toml", access::SHIPPED_TESTS),
    ("access/schema.cedarschema", access::SCHEMA),
    (crate::budgets::FILE, include_str!("../../../policies/budgets.toml")),
];

/// The configuration that `init` writes.
const DEFAULT_CONFIG: &str = include_str!("../centinel.default.toml");

impl App {
    /// Opens a home that [`create_home`] has made.
    ///
    /// # Errors
    ///
    /// [`AppError::NoHome`] when there is none; configuration, policy and database errors.
    pub async fn open(home: &Path, config: Option<&Path>) -> Result<Self, AppError> {
        let config_path = config.map_or_else(|| home.join("centinel.toml"), Path::to_owned);
        if !home.join("centinel.toml").exists() && config.is_none() {
            return Err(AppError::NoHome(home.to_owned()));
        }
        let config = Config::load(&config_path)?;
        let owners = policy_files::owners(home)?;
        let escalation = policy_files::escalation(home)?;
        let address = config.database.url.clone().unwrap_or_else(|| sqlite_address(home));
        let db = Database::connect(&address).await?;
        let access = Arc::new(policy_files::access(home)?);
        let approvals = Approvals::new(db.clone(), policy_files::approvals(home)?, access);
        let ledger = Ledger::open(db, home)?;
        Ok(Self {
            approvals,
            ledger,
            home: home.to_owned(),
            config: Arc::new(config),
            book: Arc::default(),
            owners: Arc::new(owners),
            escalation: Arc::new(escalation),
            limit: None,
            kept: Arc::default(),
        })
    }

    /// The product with the ledger as it is now, for the length of an answer: its figures are then of one
    /// state, and the catalogue is asked for once.
    ///
    /// # Errors
    ///
    /// [`AppError::Ledger`].
    pub async fn settled(&self) -> Result<Self, AppError> {
        Ok(Self { ledger: self.ledger.settled().await?, ..self.clone() })
    }

    /// The configured price book.
    pub(crate) fn book(&self) -> Result<Arc<PriceBook>, AppError> {
        if let Some(book) = self.book.get() {
            return Ok(Arc::clone(book));
        }
        let book = Arc::new(self.on_our_terms(load_book(&self.config.prices, &self.home)?)?);
        Ok(Arc::clone(self.book.get_or_init(|| book)))
    }

    /// A book under the organisation's contract, with its own names for models.
    pub(crate) fn on_our_terms(&self, book: PriceBook) -> Result<PriceBook, AppError> {
        crate::prices::on_terms(book, &self.config, &self.home)
    }

    /// The book that calls are priced by: the configured one, under the organisation's contract,
    /// with its own names for models.
    ///
    /// # Errors
    ///
    /// Those of the book, the contract and the names.
    pub fn price_book(&self) -> Result<Arc<PriceBook>, AppError> {
        self.book()
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The database of proposals, people and the catalogue.
    pub fn database(&self) -> &Database {
        self.ledger.database()
    }

    /// The home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Who is accountable for a series, by the policy and then by its own team.
    pub fn owner_of(&self, key: &SeriesKey) -> Ownership {
        self.owners.ownership(key)
    }
}

/// Makes a home: folders, configuration, policies, the audit log's key. What is there already stays as it is.
///
/// # Errors
///
/// [`AppError::Home`] when a file cannot be written.
pub fn create_home(home: &Path) -> Result<Vec<PathBuf>, AppError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| AppError::Home { path, source }
    };
    let mut written = Vec::new();
    let policies = home.join("policies");
    let access = policies.join("access");
    std::fs::create_dir_all(&access).map_err(failed(&access))?;
    let files = DEFAULT_POLICIES
        .iter()
        .map(|(name, text)| (policies.join(name), *text))
        .chain([(home.join("centinel.toml"), DEFAULT_CONFIG)]);
    // Whoever took a policy away, or named it otherwise, does not get it back unasked.
    let has_own = policy_files::has_access_policies(home);
    for (path, text) in files {
        let is_access = path.parent() == Some(access.as_path())
            && path.extension().is_none_or(|extension| extension != "cedarschema");
        let is_left_out = has_own && is_access;
        if !path.exists() && !is_left_out {
            std::fs::write(&path, text).map_err(failed(&path))?;
            written.push(path);
        }
    }
    let key = home.join(audit::KEY_FILE);
    if !key.exists() {
        audit::create_key(&key)?;
        written.push(key);
    }
    Ok(written)
}

/// `sqlite:` address of the home's own catalogue.
fn sqlite_address(home: &Path) -> String {
    format!("sqlite:{}?mode=rwc", home.join("catalogue.sqlite").display())
}
