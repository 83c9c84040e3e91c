//! What the rows of a source are for: to be counted, or to be held against what is counted.

use std::{fmt, str::FromStr};

use centinel_ingest::Format;

use crate::{App, AppError, ImportRequest};

/// The role of a source. Only spend is in totals: the same money reported once more would double it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Counted.
    Spend,
    /// What a provider says that it bills: kept to reconcile with, in no total.
    Invoice,
    /// Money of another source, cut in another way (a cluster's bill by workload): in no total.
    Allocation,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Spend, Self::Invoice, Self::Allocation];

    /// The name in the catalogue.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spend => "spend",
            Self::Invoice => "invoice",
            Self::Allocation => "allocation",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown role `{0}`; known: spend, invoice, allocation")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == name)
            .ok_or_else(|| UnknownRole(name.chars().take(40).collect()))
    }
}

impl App {
    /// The role that an import's rows get, and whether it follows from the format alone. A source has
    /// one role for good.
    ///
    /// # Errors
    ///
    /// [`AppError::OtherRole`] when the source has another one.
    pub(crate) async fn import_role(
        &self,
        source: &str,
        format: Format,
        request: &ImportRequest,
    ) -> Result<(Role, bool), AppError> {
        let stated = request.role.or(request.is_invoice.then_some(Role::Invoice));
        let usual = usual_role(format);
        let role = stated.unwrap_or(usual);
        let known = self.database().sources().await?.remove(source);
        match known.and_then(|known| known.parse::<Role>().ok()) {
            None => Ok((role, stated.is_none())),
            Some(known) if known == role => Ok((role, false)),
            // Once decided for the format's own source, it need not be said each time.
            Some(known) if stated.is_none() && request.source.is_none() => Ok((known, false)),
            Some(known) => {
                Err(AppError::OtherRole { source_name: source.to_owned(), known, asked: role })
            }
        }
    }
}

/// What the rows of a format are, where nobody says: reports of what is billed repeat the calls that
/// are billed, and an allocation repeats the bill that it splits.
pub(crate) fn usual_role(format: Format) -> Role {
    match format {
        Format::OpenAiCosts | Format::AnthropicCosts => Role::Invoice,
        Format::OpenCost => Role::Allocation,
        _ => Role::Spend,
    }
}
