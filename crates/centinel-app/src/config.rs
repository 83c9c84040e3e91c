//! `centinel.toml`: everything that is not a policy.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use centinel_engine::{
    anomaly::holidays,
    money::{Currency, Decimal, Pico},
    narrative::NumberFormat,
};
use jiff::civil::Date;
use serde::Deserialize;

use crate::{
    audit::AuditConfig,
    digest::DigestConfig,
    identity_providers::IdentityProviderConfig,
    live::{self, SourceConfig, SyncConfig},
    mcp_config::McpConfig,
    narrator::NarratorConfig,
    page_address::PageAddress,
    repositories::{self, DeliveryConfig, RepositoryConfig},
    slack::{SlackConfig, TeamsConfig},
};

/// The configuration of a home. Unknown keys are errors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whose money it is.
    pub organisation: Organisation,
    /// Where the catalogue lives.
    pub database: DatabaseConfig,
    /// What signs the audit log.
    pub audit: AuditConfig,
    /// What calls cost.
    pub prices: PricesConfig,
    /// Callers' own names for models, each with the `provider/model` behind it.
    pub models: BTreeMap<String, String>,
    /// What deserves a person's attention.
    pub attention: AttentionConfig,
    /// Days that are unlike others.
    pub calendar: CalendarConfig,
    /// Live sources, `[[source]]`.
    #[serde(rename = "source")]
    pub sources: Vec<SourceConfig>,
    /// How often they are synced while the server runs.
    pub sync: SyncConfig,
    /// Who may ask the server.
    pub access: AccessConfig,
    /// Where proposals that change files are delivered, `[[repository]]`.
    #[serde(rename = "repository")]
    pub repositories: Vec<RepositoryConfig>,
    /// How they are delivered.
    pub delivery: DeliveryConfig,
    /// Who gets digests, and of what.
    pub digest: DigestConfig,
    /// Slack, where there is one.
    pub slack: Option<SlackConfig>,
    /// Microsoft Teams, where there is one.
    pub teams: Option<TeamsConfig>,
    /// Where people sign in with their company's account, `[[identity_provider]]`.
    #[serde(rename = "identity_provider")]
    pub identity_providers: Vec<IdentityProviderConfig>,
    /// Who may come in over `/mcp` with a token of one of them.
    pub mcp: McpConfig,
    /// The model that words texts, where there is one.
    pub narrator: Option<NarratorConfig>,
}

/// `[access]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct AccessConfig {
    /// Whether page, API and MCP answer only those who show a session or a service token. Without it,
    /// whoever is on this machine sees everything: the home lies open to them anyway.
    pub sign_in: bool,
    /// Under which address people reach the page, where something in front of the server takes their
    /// requests; without it, the names of this machine alone.
    pub address: Option<PageAddress>,
}

/// `[organisation]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Organisation {
    /// Shown on every report.
    pub name: String,
    /// Currency of totals; amounts in others are shown beside it, never added.
    pub currency: Currency,
    /// A generated company, marked as such wherever its name is shown.
    pub generated: bool,
    /// How people there write numbers, amounts and dates: `en-US`, `de-DE`, ….
    pub locale: NumberFormat,
}

impl Default for Organisation {
    fn default() -> Self {
        Self {
            name: "your organisation".to_owned(),
            currency: Currency::USD,
            generated: false,
            locale: NumberFormat::default(),
        }
    }
}

/// `[database]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// `postgres://…`; without it, `catalogue.sqlite` in the home.
    pub url: Option<String>,
}

/// `[prices]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PricesConfig {
    /// As [`crate::open_book`] reads it: `builtin`, `litellm:FILE`, `imported:DIGEST`, ….
    pub book: String,
    /// Whether the prices of a book without history hold for all time.
    pub undated: bool,
    /// File of contracted discounts and rates, relative to the home.
    pub contract: Option<PathBuf>,
}

impl Default for PricesConfig {
    fn default() -> Self {
        Self { book: "builtin".to_owned(), undated: false, contract: None }
    }
}

/// `[attention]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttentionConfig {
    /// Smallest impact, in the organisation's currency, of an episode that is shown to people. Never
    /// hides an alarm from the machine-readable answers.
    pub minimum_impact: Pico,
    /// Share of an invoice, from 0 to 1, above which what has no explanation is a finding.
    pub unexplained_share: Decimal,
    /// Most parts of the spend that are watched; those with the largest cost are.
    pub slices_max: usize,
}

/// `[calendar]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct CalendarConfig {
    /// Countries whose public holidays are holidays of everything, as ISO 3166-1 codes.
    pub holidays: Vec<Country>,
}

/// A country whose holidays are known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Country(String);

impl TryFrom<String> for Country {
    type Error = String;

    fn try_from(code: String) -> Result<Self, String> {
        if holidays::of_country(&code).is_some() {
            return Ok(Self(code));
        }
        let code: String = code.chars().filter(|c| !c.is_control()).take(20).collect();
        let known = holidays::countries().join(", ");
        Err(format!("`{code}` is no country whose holidays are known ({known})"))
    }
}

impl Country {
    /// Its public holidays.
    pub(crate) fn days(&self) -> Vec<Date> {
        holidays::of_country(&self.0).unwrap_or_default()
    }
}

impl Default for AttentionConfig {
    fn default() -> Self {
        Self {
            minimum_impact: Pico(50 * Pico::ONE.0),
            unexplained_share: Decimal::new(1, 2).unwrap_or(Decimal::ZERO),
            slices_max: 10_000,
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("reading `{}`", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what is expected.
    #[error("`{}`: {reason}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Line and problem.
        reason: String,
    },
}

impl Config {
    /// Reads a configuration; a missing file is the default one.
    ///
    /// # Errors
    ///
    /// [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let invalid = |reason| ConfigError::Invalid { path: path.to_owned(), reason };
                let config: Self =
                    toml::from_str(&text).map_err(|error| invalid(toml_reason(&text, &error)))?;
                let problem = live::problem(&config.sources);
                let problem = problem.or_else(|| repositories::problem(&config.repositories));
                let mut providers = config.identity_providers.iter();
                let problem =
                    problem.or_else(|| providers.find_map(IdentityProviderConfig::problem));
                let problem = problem.or_else(|| config.mcp.problem(&config.identity_providers));
                problem.map_or(Ok(config), |reason| Err(invalid(reason)))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
        }
    }
}

impl ConfigError {
    /// The same of another file: a draft is named as what it is to become.
    pub(crate) fn of(self, other: &Path) -> Self {
        let other = other.to_owned();
        match self {
            Self::Read { source, .. } => Self::Read { path: other, source },
            Self::Invalid { reason, .. } => Self::Invalid { path: other, reason },
        }
    }
}

/// `line 3: unknown field …`: one line of what the TOML reader says in several.
pub(crate) fn toml_reason(text: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
    format!("line {line}: {}", error.message().lines().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_named_with_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("centinel.toml");
        assert_eq!(Config::load(&path).unwrap(), Config::default());
        std::fs::write(&path, "[organisation]\nname = \"A\"\ncurency = \"EUR\"\n").unwrap();
        let error = Config::load(&path).unwrap_err().to_string();
        assert!(error.contains("line 3: unknown field `curency`"), "{error}");
        std::fs::write(&path, "[attention]\nminimum_impact = \"12.5\"\n").unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!(config.attention.minimum_impact.to_string(), "12.5");
    }
}
