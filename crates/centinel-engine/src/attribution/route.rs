//! To whom something goes: the owner that is stated for a part of the spend, and who is next.
//!
//! Stated ownership is first: a rule of `owners.toml`, then the `team` that a series carries. Where
//! neither says anything, the `CODEOWNERS` of a repository answers that the configuration ties to the
//! spend. What contradicts the answer is said beside it. Nothing is guessed from names that look alike:
//! where nothing is stated, the owner is unknown.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};

use super::{
    CodeOwners, EscalationPolicy, EscalationStep, OwnershipPolicy, Pattern,
    policy::{is_match, patterns},
};
use crate::{
    explain::percent,
    money::{Decimal, MoneyError, Pico},
    series::{Dimension, SeriesKey},
};

/// The owner of something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Owner {
    /// Somebody is stated.
    Known {
        /// A team, or a handle of `CODEOWNERS` that no team is configured for. Text of others.
        name: String,
        /// What states it.
        stated: Stated,
    },
    /// Nobody is.
    Unknown {
        /// Why.
        because: Unknown,
    },
}

/// What states an owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Stated {
    /// A rule of `owners.toml`.
    Rule {
        /// Its position, from 1.
        rule: usize,
        /// The reason that it gives.
        reason: String,
    },
    /// The `team` of the calls and charges themselves.
    Team,
    /// A line of a repository's `CODEOWNERS`.
    CodeOwners {
        /// The repository, as configured.
        repository: String,
        /// The path that the spend is tied to.
        path: String,
        /// The line, from 1.
        line: usize,
        /// Everybody whom it names, as written.
        handles: Vec<String>,
    },
}

/// Why nobody is the owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Unknown {
    /// No rule matches, no team is on the calls, and no `CODEOWNERS` that is tied to them names anybody.
    NotStated,
    /// `CODEOWNERS` names several, and which of them answers for the spend is not stated.
    Several {
        /// All of them, in order.
        names: Vec<String>,
    },
    /// Several owners share it, and none has the part that makes it theirs.
    Shared,
}

/// Something that contradicts a stated owner, or could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum RouteNote {
    /// Something else states another owner.
    Differs {
        /// Whom.
        name: String,
        /// What states it.
        stated: Stated,
    },
    /// A repository that is tied to the spend could not be read.
    NotRead {
        /// The repository, as configured.
        repository: String,
        /// Why.
        reason: String,
    },
}

/// The owner of one series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesOwner {
    /// The owner.
    pub owner: Owner,
    /// What contradicts it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<RouteNote>,
}

/// A repository whose `CODEOWNERS` may answer: what it says of the spend that is tied to it.
#[derive(Debug, Clone)]
pub struct RepositoryOwners {
    name: String,
    ties: Vec<NamedTie>,
    /// Why the file could not be read.
    unread: Option<String>,
}

/// Spend, and whom the file names for the paths of its code.
#[derive(Debug, Clone)]
struct NamedTie {
    patterns: BTreeMap<Dimension, Vec<Pattern>>,
    claims: Vec<(String, Stated)>,
}

/// Spend that the code below some paths makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tie {
    patterns: BTreeMap<Dimension, Vec<Pattern>>,
    paths: Vec<String>,
}

/// A tie that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TieError {
    /// Without a dimension it would tie everything.
    #[error("`match` names no dimension")]
    NoMatch,
    /// A key that is no dimension, or a pattern that is none.
    #[error("`match`: {0}")]
    Match(String),
    /// A path that is none.
    #[error("path `{0}` is no path inside of a repository")]
    Path(String),
}

/// What states owners.
#[derive(Debug, Clone, Copy)]
pub struct Stating<'a> {
    /// Rules, and the team of a series.
    pub policy: &'a OwnershipPolicy,
    /// Files of repositories.
    pub repositories: &'a [RepositoryOwners],
}

/// To whom something goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// The owner.
    pub owner: Owner,
    /// Everybody whose spend is part of it, the largest part first.
    pub parts: Vec<OwnerPart>,
    /// What these are parts of.
    #[serde(default)]
    pub parts_of: PartsOf,
    /// What contradicts it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<RouteNote>,
    /// Who is next when nobody reacts; who takes it at once where nobody is the owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalation: Vec<EscalationStep>,
}

/// What the parts of owners add to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartsOf {
    /// The change of the cost.
    #[default]
    Change,
    /// The cost itself: something rose, and the cost did not.
    Cost,
}

/// What of a change is of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerPart {
    /// The owner.
    pub owner: Owner,
    /// What of the change is of their spend.
    pub amount: Pico,
    /// The same in percent of all that changed in the direction of the change, one decimal; `None` for
    /// what went the other way, and where nothing changed.
    pub share_percent: Option<Decimal>,
}

impl Owner {
    /// The name, where somebody is stated.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Known { name, .. } => Some(name),
            Self::Unknown { .. } => None,
        }
    }
}

impl Tie {
    /// Most paths of one tie.
    pub const PATHS_MAX: usize = 64;

    /// Spend by dimension and pattern, and the paths of its code; without a path, the whole repository.
    ///
    /// # Errors
    ///
    /// [`TieError`].
    pub fn new(
        matching: &BTreeMap<String, Vec<String>>,
        paths: &[String],
    ) -> Result<Self, TieError> {
        if matching.is_empty() {
            return Err(TieError::NoMatch);
        }
        let patterns = patterns(matching).map_err(TieError::Match)?;
        let is_path = |path: &&String| {
            let body = path.trim_start_matches('/').trim_end_matches('/');
            path.chars().count() <= 1_000
                && !path.chars().any(char::is_control)
                && (body.is_empty() || body.split('/').all(|part| !matches!(part, "" | "." | "..")))
                && !path.is_empty()
        };
        if let Some(path) = paths.iter().find(|path| !is_path(path)) {
            let shown = path.chars().filter(|c| !c.is_control()).take(80).collect();
            return Err(TieError::Path(shown));
        }
        if paths.len() > Self::PATHS_MAX {
            return Err(TieError::Path("the sixty-fifth".to_owned()));
        }
        let paths = if paths.is_empty() { vec!["/".to_owned()] } else { paths.to_vec() };
        Ok(Self { patterns, paths })
    }
}

/// Who owns a series, and what contradicts that.
pub fn owner_of(series: &SeriesKey, stating: Stating<'_>) -> SeriesOwner {
    let mut stated: Vec<(String, Stated)> = Vec::new();
    if let Some((rule, position)) = stating.policy.matching(series).next() {
        let by = Stated::Rule { rule: position, reason: rule.reason.clone() };
        stated.push((rule.owner.clone(), by));
    }
    if let Some(team) = series.get(&Dimension::Team) {
        stated.push((team.to_owned(), Stated::Team));
    }
    let (claims, mut notes) = claims(series, stating.repositories);
    if let Some((name, by)) = stated.first().cloned() {
        let others = stated.into_iter().skip(1).chain(claims);
        let differing = others.filter(|(other, _)| *other != name);
        notes.extend(differing.map(|(name, stated)| RouteNote::Differs { name, stated }));
        notes.sort();
        notes.dedup();
        return SeriesOwner { owner: Owner::Known { name, stated: by }, notes };
    }
    let names: BTreeSet<&String> = claims.iter().map(|(name, _)| name).collect();
    let owner = match (names.len(), claims.first()) {
        (1, Some((name, stated))) => Owner::Known { name: name.clone(), stated: stated.clone() },
        (0, _) | (_, None) => Owner::Unknown { because: Unknown::NotStated },
        _ => {
            let names = names.into_iter().cloned().collect();
            Owner::Unknown { because: Unknown::Several { names } }
        }
    };
    notes.sort();
    notes.dedup();
    SeriesOwner { owner, notes }
}

/// Owners by the files of the repositories that a series is tied to.
fn claims(
    series: &SeriesKey,
    repositories: &[RepositoryOwners],
) -> (Vec<(String, Stated)>, Vec<RouteNote>) {
    let (mut claims, mut notes) = (Vec::new(), Vec::new());
    for repository in repositories {
        let mut ties =
            repository.ties.iter().filter(|tie| is_match(&tie.patterns, series)).peekable();
        if let Some(reason) = repository.unread.as_ref().filter(|_| ties.peek().is_some()) {
            let (repository, reason) = (repository.name.clone(), reason.clone());
            notes.push(RouteNote::NotRead { repository, reason });
        }
        claims.extend(ties.flat_map(|tie| &tie.claims).cloned());
    }
    (claims, notes)
}

impl RepositoryOwners {
    /// What a file says of the paths of each tie. `handles` are those of owners, as `CODEOWNERS` writes
    /// them, by owner; `file` is an empty one where there is none, or why it could not be read.
    pub fn new(
        name: &str,
        handles: &BTreeMap<String, Vec<String>>,
        ties: Vec<Tie>,
        file: Result<CodeOwners, String>,
    ) -> Self {
        let (file, unread) = match file {
            Ok(file) => (file, None),
            Err(reason) => (CodeOwners::default(), Some(reason)),
        };
        let named = |path: &String| {
            let mut named: Vec<(String, Stated)> = Vec::new();
            for matched in file.matching(path) {
                let stated = Stated::CodeOwners {
                    repository: name.to_owned(),
                    path: path.clone(),
                    line: matched.line,
                    handles: matched.owners.to_vec(),
                };
                let names = names_of(matched.owners, handles).into_iter();
                named.extend(names.map(|name| (name, stated.clone())));
            }
            named
        };
        let ties = ties.into_iter().map(|Tie { patterns, paths }| {
            let claims = paths.iter().flat_map(named).collect();
            NamedTie { patterns, claims }
        });
        Self { name: name.to_owned(), ties: ties.collect(), unread }
    }
}

/// The owners who are configured for these handles; without any, the handles themselves.
fn names_of(handles: &[String], configured: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    let bare = |text: &str| text.trim_start_matches('@').to_lowercase();
    let is_meant = |own: &[String]| {
        own.iter().any(|one| handles.iter().any(|handle| bare(one) == bare(handle)))
    };
    let known = configured.iter().filter(|(_, own)| is_meant(own));
    let known: BTreeSet<String> = known.map(|(name, _)| name.clone()).collect();
    if known.is_empty() { handles.iter().cloned().collect() } else { known }
}

/// To whom a change goes, from what of it is of each owner's spend.
///
/// It is the owner's who has at least [`EscalationPolicy::main_owner_percent`] of all that changed in
/// the direction of the whole; what changed against it counts for nobody. Where all of it is of one
/// owner, it is theirs whatever its amount.
///
/// # Errors
///
/// [`MoneyError::Overflow`].
pub fn route(
    parts: &[(SeriesOwner, Pico)],
    policy: &EscalationPolicy,
) -> Result<Routed, MoneyError> {
    let mut by_name: BTreeMap<Option<&str>, (Pico, BTreeMap<&Owner, Pico>)> = BTreeMap::new();
    for (SeriesOwner { owner, .. }, amount) in parts {
        let (sum, owners) = by_name.entry(owner.name()).or_default();
        *sum = sum.checked_add(*amount)?;
        let own = owners.entry(owner).or_default();
        *own = own.checked_add(*amount)?;
    }
    let whole = Pico::checked_sum(by_name.values().map(|(sum, _)| *sum))?;
    let goes_along =
        |amount: Pico| amount != Pico::ZERO && (amount < Pico::ZERO) == (whole < Pico::ZERO);
    let along = by_name.values().map(|(sum, _)| *sum).filter(|sum| goes_along(*sum));
    let along = if whole == Pico::ZERO { Pico::ZERO } else { Pico::checked_sum(along)? };
    let mut found: Vec<OwnerPart> = by_name
        .into_values()
        .filter_map(|(amount, owners)| {
            // One name may be stated in several ways: that of the largest part is told.
            let (owner, _) = owners
                .into_iter()
                .max_by_key(|(owner, own)| (own.0.unsigned_abs(), Reverse(*owner)))?;
            let share = if goes_along(amount) { percent(amount, along, 1) } else { None };
            Some(OwnerPart { owner: owner.clone(), amount, share_percent: share })
        })
        .collect();
    found.sort_by(|a, b| {
        let size = |part: &OwnerPart| (part.share_percent.is_some(), part.amount.0.unsigned_abs());
        size(b).cmp(&size(a)).then_with(|| a.owner.cmp(&b.owner))
    });
    let owner = match found.as_slice() {
        [] => Owner::Unknown { because: Unknown::NotStated },
        [only] => only.owner.clone(),
        several => {
            let is_main = |part: &&OwnerPart| {
                let part = part.amount.0.unsigned_abs().saturating_mul(100);
                let least = along.0.unsigned_abs().saturating_mul(policy.main_owner_percent.into());
                along != Pico::ZERO && part >= least
            };
            let mut main =
                several.iter().filter(|part| part.share_percent.is_some()).filter(is_main);
            match (main.next(), main.next()) {
                (Some(main), None) => main.owner.clone(),
                _ => Owner::Unknown { because: Unknown::Shared },
            }
        }
    };
    let escalation = match owner.name() {
        Some(name) => policy.steps_of(name).to_vec(),
        None => policy.steps_of_unowned(),
    };
    let notes: BTreeSet<&RouteNote> = parts.iter().flat_map(|(owner, _)| &owner.notes).collect();
    let notes = notes.into_iter().cloned().collect();
    let parts_of = PartsOf::Change;
    Ok(Routed { owner, parts: found, parts_of, notes, escalation })
}

#[cfg(test)]
mod tests;
