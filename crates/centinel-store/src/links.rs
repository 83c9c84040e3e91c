//! Accounts outside of Centinel, and the people that they belong to.
//!
//! A link is what the audit log says of an account under its name: that somebody asked for a code, that
//! it was linked to a person, that the link was taken away. No table holds links, so none can be put
//! into one; each entry counts with its signature only. A link is over as well when the person's account
//! was ended since, even if it is active again.

use std::{collections::BTreeMap, fmt, str::FromStr};

use centinel_engine::proposal::Principal;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sqlx::{AnyConnection, Row as _};

use crate::{
    AuditEntry, Database, Journal, StoreError,
    audit::{believed, select_entries},
    database::instant,
    people,
};

const BEGUN: &str = "link.begun";
const MADE: &str = "link.made";
const REMOVED: &str = "link.removed";

/// Whose accounts can be linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Slack; a place is a workspace.
    Slack,
    /// GitHub and its Enterprise Server; a place is a host.
    Github,
    /// GitLab, wherever it runs; a place is a host.
    Gitlab,
    /// A company's identity provider; a place is its issuer, an id the subject of its tokens.
    Oidc,
}

/// An account outside of Centinel: `slack:U012AB3CD@T012AB3CD`, `github:octocat@github.com`.
///
/// Two of them are the same when the service says so: logins of GitHub and GitLab, and hosts, have no
/// case; ids of Slack, issuers and subjects are compared as they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutsideAccount {
    service: Service,
    place: String,
    id: String,
}

/// A text that names no account of a known service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "account `{0}` is not `github:LOGIN`, `gitlab:LOGIN`, either with `@HOST`, \
     `slack:USER@WORKSPACE` or `oidc:SUBJECT@ISSUER`"
)]
pub struct AccountError(String);

/// A link that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The account outside.
    pub account: OutsideAccount,
    /// Whose it is, by account name.
    pub person: String,
    /// When it was linked.
    pub linked_at: Timestamp,
    /// Who linked it, as the audit log names them.
    pub linked_by: String,
}

/// What the log says of one account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountState {
    /// Its link, while it holds.
    pub link: Option<Link>,
    /// It was linked once, whether that holds or not.
    pub was_linked: bool,
    /// Digest of the code that was asked for last and not used, and when that was.
    pub code: Option<(String, Timestamp)>,
    /// When codes were asked for.
    pub begun_at: Vec<Timestamp>,
}

/// What the log keeps of somebody who asks for a code.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    code: String,
}

/// What the log keeps of a link.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    person: String,
}

impl OutsideAccount {
    /// An account by its parts.
    ///
    /// # Errors
    ///
    /// [`AccountError`] for parts that the service would not give: bots among them.
    pub fn new(service: Service, place: &str, id: &str) -> Result<Self, AccountError> {
        let shown = || {
            let text = format!("{}:{id}@{place}", service.as_str());
            AccountError(text.chars().filter(|c| !c.is_control()).take(80).collect())
        };
        let is_made_of = |text: &str, max: usize, others: &str| {
            (1..=max).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
        };
        let is_known = match service {
            Service::Slack => {
                let is_id = |text: &str, first: &str| {
                    text.starts_with(|c: char| first.contains(c))
                        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
                        && (2..=30).contains(&text.len())
                };
                is_id(place, "TE") && is_id(id, "UW")
            }
            Service::Github => is_made_of(place, 255, ".-:") && is_made_of(id, 60, "-_"),
            Service::Gitlab => is_made_of(place, 255, ".-:") && is_made_of(id, 255, "-_."),
            // A subject may hold an `@`, an issuer holds none, so the last one parts them.
            Service::Oidc => {
                let is_visible = |text: &str| {
                    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
                };
                let is_address = place.starts_with("https://") || place.starts_with("http://");
                is_visible(place) && is_address && !place.contains('@') && is_visible(id)
            }
        };
        if !is_known {
            return Err(shown());
        }
        let folded = |text: &str| match service {
            Service::Slack | Service::Oidc => text.to_owned(),
            Service::Github | Service::Gitlab => text.to_ascii_lowercase(),
        };
        Ok(Self { service, place: folded(place), id: folded(id) })
    }

    /// The service.
    pub fn service(&self) -> Service {
        self.service
    }

    /// Workspace or host.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// User id or login.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn subject(&self) -> String {
        format!("link:{self}")
    }
}

impl Service {
    /// The word in an account's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Oidc => "oidc",
        }
    }
}

impl fmt::Display for OutsideAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}@{}", self.service.as_str(), self.id, self.place)
    }
}

impl FromStr for OutsideAccount {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        let wrong = || AccountError(text.chars().filter(|c| !c.is_control()).take(80).collect());
        let (service, rest) = text.trim().split_once(':').ok_or_else(wrong)?;
        let (service, usual) = match service {
            "slack" => (Service::Slack, None),
            "github" => (Service::Github, Some("github.com")),
            "gitlab" => (Service::Gitlab, Some("gitlab.com")),
            "oidc" => (Service::Oidc, None),
            _ => return Err(wrong()),
        };
        let parted = match service {
            Service::Oidc => rest.rsplit_once('@'),
            Service::Slack | Service::Github | Service::Gitlab => rest.split_once('@'),
        };
        let (id, place) = match (parted, usual) {
            (Some((id, place)), _) => (id, place),
            (None, Some(usual)) => (rest, usual),
            (None, None) => return Err(wrong()),
        };
        Self::new(service, place, id).map_err(|_| wrong())
    }
}

impl Serialize for OutsideAccount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OutsideAccount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Notes that an account asked for a code; codes that it asked for before count no more.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn begin(
    journal: &mut Journal,
    account: &OutsideAccount,
    code: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let begun = Begun { code: code.to_owned() };
    journal.append(now, &account.to_string(), BEGUN, &account.subject(), &begun).await?;
    sqlx::query("delete from link_code where account = $1")
        .bind(account.to_string())
        .execute(journal.connection())
        .await?;
    sqlx::query("insert into link_code (digest, account, begun_at) values ($1, $2, $3)")
        .bind(code.to_owned())
        .bind(account.to_string())
        .bind(now.as_microsecond())
        .execute(journal.connection())
        .await?;
    Ok(())
}

/// The account that asked for a code, by the code's digest; `None` when none did, or when the code was
/// used or replaced. How old it is, the caller judges by the account's state.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when the log's entries are not as they were written.
pub async fn of_code(
    journal: &mut Journal,
    code: &str,
) -> Result<Option<(OutsideAccount, AccountState)>, StoreError> {
    let rows = sqlx::query("select account from link_code where digest = $1")
        .bind(code.to_owned())
        .fetch_all(journal.connection())
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let account: String = row.try_get("account")?;
    let account: OutsideAccount = account.parse().map_err(|error: AccountError| {
        StoreError::Corrupt { what: "link code of", id: account.clone(), reason: error.to_string() }
    })?;
    let state = state_in(journal.connection(), &account).await?;
    // The row could have been pointed elsewhere; the log says who asked.
    let is_of = state.code.as_ref().is_some_and(|(digest, _)| digest == code);
    Ok(is_of.then_some((account, state)))
}

/// Links an account to a person. The caller has made sure that it has no link that holds.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn make(
    journal: &mut Journal,
    actor: &Principal,
    account: &OutsideAccount,
    person: &str,
    now: Timestamp,
) -> Result<Link, StoreError> {
    let made = Made { person: person.to_owned() };
    let linked_by = actor.to_string();
    journal.append(now, &linked_by, MADE, &account.subject(), &made).await?;
    Ok(Link { account: account.clone(), person: made.person, linked_at: now, linked_by })
}

/// Takes a link away.
///
/// # Errors
///
/// [`StoreError::Database`].
pub async fn remove(
    journal: &mut Journal,
    actor: &Principal,
    account: &OutsideAccount,
    now: Timestamp,
) -> Result<(), StoreError> {
    let payload = serde_json::json!({});
    journal.append(now, &actor.to_string(), REMOVED, &account.subject(), &payload).await?;
    Ok(())
}

/// What the log says of an account.
///
/// # Errors
///
/// [`StoreError::Corrupt`] when its entries are not as they were written, or not signed.
pub async fn state(
    database: &Database,
    account: &OutsideAccount,
) -> Result<AccountState, StoreError> {
    state_in(&mut *database.pool().acquire().await?, account).await
}

/// As [`state`], as no other process can change it before the journal ends.
///
/// # Errors
///
/// As [`state`].
pub async fn state_locked(
    journal: &mut Journal,
    account: &OutsideAccount,
) -> Result<AccountState, StoreError> {
    state_in(journal.connection(), account).await
}

/// Every link that holds, by account.
///
/// # Errors
///
/// As [`state`].
pub async fn all(database: &Database) -> Result<Vec<Link>, StoreError> {
    let connection = &mut *database.pool().acquire().await?;
    let rows = sqlx::query(select_entries!("where action = $1 or action = $2 order by sequence"))
        .bind(MADE)
        .bind(REMOVED)
        .fetch_all(&mut *connection)
        .await?;
    let mut held: BTreeMap<OutsideAccount, (Link, i64)> = BTreeMap::new();
    for entry in believed(connection, rows.iter()).await? {
        let account = account_of(&entry)?;
        match entry.action.as_str() {
            MADE => {
                let sequence = entry.sequence;
                held.insert(account.clone(), (link_from(account, entry)?, sequence));
            }
            _ => {
                held.remove(&account);
            }
        }
    }
    let mut links = Vec::new();
    for (link, sequence) in held.into_values() {
        if !people::ended_after(connection, &link.person, sequence).await? {
            links.push(link);
        }
    }
    Ok(links)
}

pub(crate) async fn state_in(
    connection: &mut AnyConnection,
    account: &OutsideAccount,
) -> Result<AccountState, StoreError> {
    let rows = sqlx::query(select_entries!("where subject = $1 order by sequence"))
        .bind(account.subject())
        .fetch_all(&mut *connection)
        .await?;
    let mut state = AccountState::default();
    let mut linked_in = 0;
    for entry in believed(connection, rows.iter()).await? {
        match entry.action.as_str() {
            BEGUN => {
                let at = instant(entry.at);
                let Begun { code } = people::read(entry)?;
                state.begun_at.push(at);
                state.code = Some((code, at));
            }
            MADE => {
                linked_in = entry.sequence;
                state.was_linked = true;
                state.link = Some(link_from(account.clone(), entry)?);
                state.code = None;
            }
            REMOVED => state.link = None,
            _ => {}
        }
    }
    if let Some(link) = &state.link
        && people::ended_after(connection, &link.person, linked_in).await?
    {
        state.link = None;
    }
    Ok(state)
}

fn link_from(account: OutsideAccount, entry: AuditEntry) -> Result<Link, StoreError> {
    let (linked_at, linked_by) = (instant(entry.at), entry.actor.clone());
    let Made { person } = people::read(entry)?;
    Ok(Link { account, person, linked_at, linked_by })
}

fn account_of(entry: &AuditEntry) -> Result<OutsideAccount, StoreError> {
    let name = entry.subject.strip_prefix("link:").unwrap_or_default();
    name.parse().map_err(|error: AccountError| StoreError::Corrupt {
        what: "audit entry",
        id: entry.sequence.to_string(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_named_as_the_service_tells_them_apart() {
        for (text, expected) in [
            ("github:Octocat", "github:octocat@github.com"),
            ("github:octo-cat@GHE.example:8443", "github:octo-cat@ghe.example:8443"),
            ("gitlab:a.b_c", "gitlab:a.b_c@gitlab.com"),
            ("slack:U012AB3CD@T1", "slack:U012AB3CD@T1"),
            (" slack:W1@E2 ", "slack:W1@E2"),
            ("oidc:Ab|1@x@https://id.example/t", "oidc:Ab|1@x@https://id.example/t"),
        ] {
            let account: OutsideAccount = text.parse().unwrap();
            assert_eq!(account.to_string(), expected);
            assert_eq!(expected.parse::<OutsideAccount>().unwrap(), account);
        }
        for bad in [
            "",
            "octocat",
            "github:",
            "github:dependabot[bot]",
            "github:a b",
            "github:a@b@c",
            "github:a@",
            "slack:U1",
            "slack:u1@T1",
            "slack:B1@T1",
            "slack:U1@U1",
            "bitbucket:a",
            "gitlab:a/b",
            "github:\u{202e}a",
            "person:ana",
            "oidc:ana",
            "oidc:ana@id.example",
            "oidc:@https://id.example",
            "oidc:a b@https://id.example",
            "oidc:\u{430}na@https://id.example",
        ] {
            assert!(bad.parse::<OutsideAccount>().is_err(), "{bad:?}");
        }
    }
}
