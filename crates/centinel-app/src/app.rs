//! The product, opened on a home.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use centinel_approvals::Approvals;
use centinel_engine::{
    attribution::{Ownership, OwnershipPolicy},
    facts::Bundle,
    pricing::PriceBook,
    proposal::ApprovalPolicy,
    series::SeriesKey,
};
use centinel_ledger::Ledger;
use centinel_store::Database;
use jiff::Timestamp;

use crate::{AppError, config::Config, prices::load_book};

/// The product, opened on a home. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) ledger: Ledger,
    pub(crate) home: PathBuf,
    pub(crate) config: Arc<Config>,
    // Read when the first call is priced: most questions price nothing.
    book: Arc<OnceLock<Arc<PriceBook>>>,
    pub(crate) owners: Arc<OwnershipPolicy>,
    pub(crate) approvals: Approvals,
}

/// Policies that every home starts with, as they are in the repository.
const DEFAULT_POLICIES: [(&str, &str); 2] = [
    ("owners.toml", include_str!("../../../policies/owners.toml")),
    ("approvals.toml", include_str!("../../../policies/approvals.toml")),
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
        let owners = load_owners(home)?;
        let address = config.database.url.clone().unwrap_or_else(|| sqlite_address(home));
        let db = Database::connect(&address).await?;
        let approvals = Approvals::new(db.clone(), load_approval_policy(home)?);
        let ledger = Ledger::open(db, home)?;
        Ok(Self {
            approvals,
            ledger,
            home: home.to_owned(),
            config: Arc::new(config),
            book: Arc::default(),
            owners: Arc::new(owners),
        })
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

    /// Keeps a bundle as evidence and returns its address.
    ///
    /// # Errors
    ///
    /// [`AppError::Store`].
    pub async fn keep_evidence(&self, bundle: &Bundle, now: Timestamp) -> Result<String, AppError> {
        centinel_store::evidence::put(self.database(), bundle, now).await?;
        Ok(bundle.address())
    }

    /// The bundle of an address, a digest, or a prefix of at least eight hex digits.
    ///
    /// # Errors
    ///
    /// [`AppError::NotFound`], also for what is no address; [`AppError::Store`] when several bundles
    /// begin with it, or the stored one was changed.
    pub async fn evidence(&self, address: &str) -> Result<Bundle, AppError> {
        let prefix = address.trim().trim_start_matches("bundle:");
        let is_address =
            (8..=64).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
        let found = if is_address {
            centinel_store::evidence::get(self.database(), prefix).await?
        } else {
            None
        };
        found.ok_or_else(|| AppError::NotFound {
            what: "evidence",
            id: address.chars().take(40).collect(),
        })
    }
}

/// Makes a home: folders, configuration, policies. What is there already stays as it is.
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
    std::fs::create_dir_all(&policies).map_err(failed(&policies))?;
    let files = DEFAULT_POLICIES
        .iter()
        .map(|(name, text)| (policies.join(name), *text))
        .chain([(home.join("centinel.toml"), DEFAULT_CONFIG)]);
    for (path, text) in files {
        if !path.exists() {
            std::fs::write(&path, text).map_err(failed(&path))?;
            written.push(path);
        }
    }
    Ok(written)
}

fn load_owners(home: &Path) -> Result<OwnershipPolicy, AppError> {
    let (path, text) = read_policy(home, "owners.toml")?;
    OwnershipPolicy::parse(&text.unwrap_or_default())
        .map_err(|error| AppError::Policy { path, reason: error.to_string() })
}

fn load_approval_policy(home: &Path) -> Result<ApprovalPolicy, AppError> {
    let (path, text) = read_policy(home, "approvals.toml")?;
    // Without a policy the shipped one holds: nobody decides by no rule at all.
    let shipped = include_str!("../../../policies/approvals.toml");
    ApprovalPolicy::parse(text.as_deref().unwrap_or(shipped))
        .map_err(|error| AppError::Policy { path, reason: error.to_string() })
}

/// A file of a home's `policies`, and its text where it is there.
pub(crate) fn read_policy(home: &Path, name: &str) -> Result<(PathBuf, Option<String>), AppError> {
    let path = home.join("policies").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((path, Some(text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((path, None)),
        Err(source) => Err(AppError::Home { path, source }),
    }
}

/// `sqlite:` address of the home's own catalogue.
fn sqlite_address(home: &Path) -> String {
    format!("sqlite:{}?mode=rwc", home.join("catalogue.sqlite").display())
}
