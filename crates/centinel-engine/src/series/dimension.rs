//! The closed list of dimensions.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A dimension that a series can carry. Names follow FOCUS columns and OpenTelemetry GenAI
/// attributes where these have one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Which source of ours the row came from.
    Source,
    /// `ServiceProviderName`, `gen_ai.provider.name`: who sells.
    Provider,
    /// `ServiceCategory`.
    ServiceCategory,
    /// `ServiceName`.
    Service,
    /// The model asked or answered, as the provider spells it.
    Model,
    /// `standard`, `batch`, `flex`, `priority`, `provisioned`, ….
    ServiceTier,
    /// `RegionId`.
    Region,
    /// `BillingAccountId`.
    BillingAccount,
    /// `SubAccountId`: project, subscription, workspace.
    SubAccount,
    /// `CredentialId`: API key, by its id, never its secret.
    ApiKey,
    /// The product feature on whose behalf money was spent.
    Feature,
    /// The team that is accountable.
    Team,
    /// The business process.
    Process,
    /// Production, staging, ….
    Environment,
    /// The agent that made the call.
    Agent,
    /// The application that made the call.
    Application,
    /// `ChargeCategory`: Usage, Purchase, Tax, Credit, Adjustment.
    ChargeCategory,
    /// `CommitmentDiscountId`.
    CommitmentDiscount,
    /// `CommitmentDiscountStatus`: Used or Unused.
    CommitmentDiscountStatus,
    /// ISO 4217 code of every amount in the series.
    Currency,
    /// An allow-listed tag, by key.
    Tag(Box<str>),
}

/// A name that is no dimension.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown dimension `{name}`; known: {known}, tag:KEY", known = known())]
pub struct DimensionError {
    /// The name, cut at 40 characters.
    pub name: String,
}

fn known() -> String {
    Dimension::NAMED.iter().map(Dimension::name).collect::<Vec<_>>().join(", ")
}

impl Dimension {
    /// Every dimension but tags, in canonical order.
    pub const NAMED: [Self; 20] = [
        Self::Source,
        Self::Provider,
        Self::ServiceCategory,
        Self::Service,
        Self::Model,
        Self::ServiceTier,
        Self::Region,
        Self::BillingAccount,
        Self::SubAccount,
        Self::ApiKey,
        Self::Feature,
        Self::Team,
        Self::Process,
        Self::Environment,
        Self::Agent,
        Self::Application,
        Self::ChargeCategory,
        Self::CommitmentDiscount,
        Self::CommitmentDiscountStatus,
        Self::Currency,
    ];

    /// The name without a tag's key: `model`, `tag`.
    fn name(&self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Provider => "provider",
            Self::ServiceCategory => "service_category",
            Self::Service => "service",
            Self::Model => "model",
            Self::ServiceTier => "service_tier",
            Self::Region => "region",
            Self::BillingAccount => "billing_account",
            Self::SubAccount => "sub_account",
            Self::ApiKey => "api_key",
            Self::Feature => "feature",
            Self::Team => "team",
            Self::Process => "process",
            Self::Environment => "environment",
            Self::Agent => "agent",
            Self::Application => "application",
            Self::ChargeCategory => "charge_category",
            Self::CommitmentDiscount => "commitment_discount",
            Self::CommitmentDiscountStatus => "commitment_discount_status",
            Self::Currency => "currency",
            Self::Tag(_) => "tag",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(key) => write!(f, "tag:{key}"),
            named => f.pad(named.name()),
        }
    }
}

impl FromStr for Dimension {
    type Err = DimensionError;

    fn from_str(text: &str) -> Result<Self, DimensionError> {
        if let Some(key) = text.strip_prefix("tag:").filter(|key| !key.is_empty()) {
            return Ok(Self::Tag(key.into()));
        }
        Self::NAMED
            .into_iter()
            .find(|dimension| dimension.name() == text)
            .ok_or_else(|| DimensionError { name: text.chars().take(40).collect() })
    }
}

impl Serialize for Dimension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Dimension {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for dimension in Dimension::NAMED {
            assert_eq!(dimension.to_string().parse(), Ok(dimension));
        }
        assert_eq!("tag:cost-center".parse(), Ok(Dimension::Tag("cost-center".into())));
        assert!("tag:".parse::<Dimension>().is_err());
        assert!("models".parse::<Dimension>().unwrap_err().to_string().contains("service_tier"));
    }
}
