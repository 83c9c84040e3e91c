//! Who acts: people with roles, service tokens of agents, the system.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Who asks for something. Only a [`Principal::Person`] ever decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Principal {
    /// A person, by account name.
    Person {
        /// Account name.
        name: String,
    },
    /// A model or script behind a service token.
    Agent {
        /// Name of the token.
        token: String,
        /// The account that the token works for; its holder then counts as the requester too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acts_for: Option<String>,
    },
    /// Centinel's own analysis.
    System,
}

/// What a person may do, in general or for one team.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Owns what a team spends: `owner:TEAM`.
    Owner(String),
    /// Works in a team and sees what it spends: `member:TEAM`. Decides nothing.
    Member(String),
    /// Looks after spend everywhere.
    Finops,
    /// Commits the company's money.
    Finance,
    /// Manages people and policy.
    Admin,
    /// May break the glass in an emergency, and nothing else.
    Emergency,
}

/// A role as policies name it; `owner` means the owner of the proposal at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleKind {
    /// [`Role::Owner`] of the team that the proposal belongs to.
    Owner,
    /// [`Role::Finops`].
    Finops,
    /// [`Role::Finance`].
    Finance,
    /// [`Role::Admin`].
    Admin,
    /// [`Role::Emergency`].
    Emergency,
}

/// A text that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "role `{0}` is not `owner:TEAM`, `member:TEAM`, `finops`, `finance`, `admin` or `emergency`"
)]
pub struct RoleError(pub String);

/// What a service token may do. There is no scope that decides: a token holds no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read answers and proposals.
    Read,
    /// Propose, and withdraw what it proposed itself.
    Propose,
}

/// A text that is no scope of a service token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Approving roles are for people.
    #[error("a service token cannot hold `{0}`: only people approve")]
    Approving(String),
    /// Anything else.
    #[error("scope `{0}` is not `read` or `propose`")]
    Unknown(String),
}

/// One account of a person.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Account name.
    pub name: String,
    /// The human behind it: linked accounts share this, and together have one vote.
    pub human: String,
    /// What the person may do.
    pub roles: BTreeSet<Role>,
    /// Whether the account may still act.
    pub active: bool,
    /// When roles, links or activity changed last; votes cast before no longer count.
    pub changed_at: Timestamp,
}

/// All accounts, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Directory {
    people: BTreeMap<String, Person>,
}

impl Directory {
    /// Adds or replaces an account.
    pub fn insert(&mut self, person: Person) {
        self.people.insert(person.name.clone(), person);
    }

    /// An account, whether active or not.
    pub fn get(&self, name: &str) -> Option<&Person> {
        self.people.get(name)
    }

    /// All accounts in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Person> {
        self.people.values()
    }

    /// Whether there is no account yet.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// The human behind a principal; `None` for the system and for agents that act for nobody.
    ///
    /// An account that is unknown here stands for itself.
    pub fn human<'a>(&'a self, principal: &'a Principal) -> Option<&'a str> {
        let name = match principal {
            Principal::Person { name } => name,
            Principal::Agent { acts_for, .. } => acts_for.as_deref()?,
            Principal::System => return None,
        };
        Some(self.get(name).map_or(name, |person| &person.human))
    }
}

impl Principal {
    /// A person by account name.
    pub fn person(name: &str) -> Self {
        Self::Person { name: name.to_owned() }
    }
}

impl Person {
    /// The kinds of role this person has towards a proposal of `owner`.
    pub fn role_kinds(&self, owner: &str) -> BTreeSet<RoleKind> {
        self.roles
            .iter()
            .filter_map(|role| match role {
                Role::Owner(team) => (team == owner).then_some(RoleKind::Owner),
                Role::Member(_) => None,
                Role::Finops => Some(RoleKind::Finops),
                Role::Finance => Some(RoleKind::Finance),
                Role::Admin => Some(RoleKind::Admin),
                Role::Emergency => Some(RoleKind::Emergency),
            })
            .collect()
    }

    /// Whether this person manages people.
    pub fn is_admin(&self) -> bool {
        self.active && self.roles.contains(&Role::Admin)
    }
}

impl fmt::Display for Principal {
    /// `person:ana`, `agent:mcp`, `system`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { name } => write!(f, "person:{name}"),
            Self::Agent { token, .. } => write!(f, "agent:{token}"),
            Self::System => f.write_str("system"),
        }
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        match text.trim() {
            "finops" => Ok(Self::Finops),
            "finance" => Ok(Self::Finance),
            "admin" => Ok(Self::Admin),
            "emergency" => Ok(Self::Emergency),
            other => {
                let team_of = |kind| {
                    let team = other.strip_prefix(kind).map(str::trim)?;
                    let is_team = !team.is_empty() && super::document::is_plain(team);
                    is_team.then(|| team.to_owned())
                };
                let role = team_of("owner:").map(Self::Owner);
                role.or_else(|| team_of("member:").map(Self::Member))
                    .ok_or_else(|| RoleError(text.chars().take(64).collect()))
            }
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(team) => write!(f, "owner:{team}"),
            Self::Member(team) => write!(f, "member:{team}"),
            Self::Finops => f.write_str("finops"),
            Self::Finance => f.write_str("finance"),
            Self::Admin => f.write_str("admin"),
            Self::Emergency => f.write_str("emergency"),
        }
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl RoleKind {
    /// As people say it of a proposal that belongs to `owner`.
    pub fn describe(self, owner: &str) -> String {
        match self {
            Self::Owner => format!("owner of `{owner}`"),
            Self::Finops => "finops".to_owned(),
            Self::Finance => "finance".to_owned(),
            Self::Admin => "admin".to_owned(),
            Self::Emergency => "emergency".to_owned(),
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let shown = || text.chars().take(64).collect();
        match text.trim() {
            "read" => Ok(Self::Read),
            "propose" => Ok(Self::Propose),
            "approve" | "reject" | "decide" => Err(ScopeError::Approving(shown())),
            other if other.parse::<Role>().is_ok() => Err(ScopeError::Approving(shown())),
            _ => Err(ScopeError::Unknown(shown())),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Propose => "propose",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_closed_and_round_trip() {
        for role in [
            "owner:support-platform",
            "owner:Müller & Söhne",
            "member:search",
            "finops",
            "finance",
            "admin",
            "emergency",
        ] {
            assert_eq!(role.parse::<Role>().unwrap().to_string(), role);
        }
        for bad in
            ["", "owner", "owner:", "member:", "root", "Admin", "owner:a\u{202e}b", "owner:a\nb"]
        {
            assert!(bad.parse::<Role>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_scope_decides() {
        assert_eq!("read".parse(), Ok(Scope::Read));
        assert_eq!("propose".parse(), Ok(Scope::Propose));
        for role in ["admin", "finops", "finance", "emergency", "owner:search", "approve", "decide"]
        {
            let refused = role.parse::<Scope>();
            assert_eq!(refused, Err(ScopeError::Approving(role.to_owned())), "{role}");
        }
        assert!(matches!("write".parse::<Scope>(), Err(ScopeError::Unknown(_))));
    }

    #[test]
    fn linked_accounts_and_tokens_lead_to_one_human() {
        let mut directory = Directory::default();
        for name in ["ana", "ana-admin"] {
            directory.insert(Person {
                name: name.to_owned(),
                human: "ana".to_owned(),
                roles: BTreeSet::new(),
                active: true,
                changed_at: Timestamp::UNIX_EPOCH,
            });
        }
        let agent = |acts_for: Option<&str>| Principal::Agent {
            token: "ci".to_owned(),
            acts_for: acts_for.map(str::to_owned),
        };
        assert_eq!(directory.human(&Principal::person("ana-admin")), Some("ana"));
        assert_eq!(directory.human(&agent(Some("ana-admin"))), Some("ana"));
        assert_eq!(directory.human(&agent(None)), None);
        assert_eq!(directory.human(&Principal::System), None);
        assert_eq!(directory.human(&Principal::person("gone")), Some("gone"));
    }
}
