//! The exact change that a proposal asks for.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::money::{Decimal, Money, MoneyError, Pico};

/// What a proposal changes, one variant a kind; old values are part of it, so that an executor can
/// compare before it sets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Set what a part of the spend may cost in a period.
    Budget {
        /// Dimension values it covers: `feature` → `support-answers`; empty covers everything.
        scope: BTreeMap<String, String>,
        /// How often it starts anew.
        period: BudgetPeriod,
        /// The new limit per period.
        limit: Money,
        /// The limit until now; absent when there was none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous_limit: Option<Money>,
    },
    /// Give spend that matches a virtual tag.
    VirtualTag {
        /// The tag's name: `team`.
        name: String,
        /// The value it gets: `search`.
        value: String,
        /// Dimension values that a series must have.
        matches: BTreeMap<String, String>,
        /// The value that such spend has now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous_value: Option<String>,
    },
    /// Send calls of a feature to another model.
    Routing {
        /// Whose calls.
        feature: String,
        /// The model that answers now.
        from_model: String,
        /// The model that shall answer.
        to_model: String,
        /// Share of the calls that move, 0 to 1.
        share_ratio: Decimal,
    },
    /// Change how prompts are cached.
    Caching {
        /// Whose calls.
        feature: String,
        /// Of which model.
        model: String,
        /// How long a cached prefix lives; absent switches caching off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ttl_seconds: Option<u32>,
        /// How long it lives now; absent when nothing is cached.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous_ttl_seconds: Option<u32>,
    },
    /// Buy a commitment discount.
    Commitment {
        /// Who sells it.
        provider: String,
        /// The offer by name.
        offer: String,
        /// What is paid per hour.
        commitment_per_hour: Money,
        /// For how long.
        term_hours: u32,
        /// When it is paid.
        payment: Payment,
    },
    /// Change what a container asks for.
    Rightsize {
        /// The workload.
        workload: String,
        /// The container in it.
        container: String,
        /// What it asks for now.
        from: ResourceUse,
        /// What it shall ask for.
        to: ResourceUse,
    },
    /// Run something only at certain hours.
    Schedule {
        /// What runs.
        resource: String,
        /// IANA name of the zone in which the hours are meant.
        time_zone: String,
        /// When it runs, as a five-field cron expression for start.
        start_cron: String,
        /// When it stops, likewise.
        stop_cron: String,
    },
    /// Delete what nobody uses.
    Cleanup {
        /// Provider's ids of what goes.
        resource_ids: Vec<String>,
    },
}

/// The kind of a [`Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// [`Change::Budget`].
    Budget,
    /// [`Change::VirtualTag`].
    VirtualTag,
    /// [`Change::Routing`].
    Routing,
    /// [`Change::Caching`].
    Caching,
    /// [`Change::Commitment`].
    Commitment,
    /// [`Change::Rightsize`].
    Rightsize,
    /// [`Change::Schedule`].
    Schedule,
    /// [`Change::Cleanup`].
    Cleanup,
}

/// How often a budget starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    /// Each day.
    Day,
    /// Each ISO week.
    Week,
    /// Each calendar month.
    Month,
    /// Each quarter.
    Quarter,
    /// Each year.
    Year,
}

/// When a commitment is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// Hour by hour.
    NoUpfront,
    /// Half at once.
    PartialUpfront,
    /// All at once.
    AllUpfront,
}

/// What a container asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceUse {
    /// Cores.
    pub cpu_cores: Decimal,
    /// Bytes of memory.
    pub memory_bytes: u64,
}

/// One value in one file: how a change is carried out where it is text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The repository by its name in the configuration; [`Edit::HOME`] is the home's own policies.
    pub repository: String,
    /// Path in the repository, with `/`.
    pub file: String,
    /// Where in the file: `resources.requests.cpu`.
    pub path: String,
    /// The value that must be there now; absent when nothing may be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The value afterwards; absent removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl Edit {
    /// The name of the home itself, whose policies Centinel edits in place.
    pub const HOME: &str = "home";

    /// Whether the file lies inside of the repository and is none of git's own.
    pub(super) fn stays_inside(&self) -> bool {
        let parts = || self.file.split('/');
        !self.file.is_empty()
            && !self.file.contains(['\\', ':'])
            && parts().all(|part| !matches!(part, "" | "." | ".."))
            && !parts().any(|part| part.eq_ignore_ascii_case(".git"))
    }
}

impl Change {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Budget { .. } => Kind::Budget,
            Self::VirtualTag { .. } => Kind::VirtualTag,
            Self::Routing { .. } => Kind::Routing,
            Self::Caching { .. } => Kind::Caching,
            Self::Commitment { .. } => Kind::Commitment,
            Self::Rightsize { .. } => Kind::Rightsize,
            Self::Schedule { .. } => Kind::Schedule,
            Self::Cleanup { .. } => Kind::Cleanup,
        }
    }

    /// Whether undoing it brings everything back: purchases and deletions never do.
    pub fn can_be_undone(&self) -> bool {
        !matches!(self.kind(), Kind::Commitment | Kind::Cleanup)
    }

    /// The money that the change itself speaks of: the larger budget limit, the whole term of a
    /// commitment. `None` where it names none.
    ///
    /// # Errors
    ///
    /// [`MoneyError`] when the limits have two currencies, or the term's cost does not fit.
    pub fn amount(&self) -> Result<Option<Money>, MoneyError> {
        match self {
            Self::Budget { limit, previous_limit: None, .. } => Ok(Some(*limit)),
            Self::Budget { limit, previous_limit: Some(previous), .. } => {
                if limit.currency != previous.currency {
                    return Err(MoneyError::MixedCurrencies(limit.currency, previous.currency));
                }
                Ok(Some(Money { amount: limit.amount.max(previous.amount), ..*limit }))
            }
            Self::Commitment { commitment_per_hour, term_hours, .. } => {
                let total = commitment_per_hour.amount.0.checked_mul(i128::from(*term_hours));
                let amount = Pico(total.ok_or(MoneyError::Overflow)?);
                Ok(Some(Money { amount, ..*commitment_per_hour }))
            }
            _ => Ok(None),
        }
    }
}

impl Kind {
    /// The word of the wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::VirtualTag => "virtual_tag",
            Self::Routing => "routing",
            Self::Caching => "caching",
            Self::Commitment => "commitment",
            Self::Rightsize => "rightsize",
            Self::Schedule => "schedule",
            Self::Cleanup => "cleanup",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
