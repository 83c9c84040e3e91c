//! Accounts of people, and tokens of agents.

use std::{collections::BTreeSet, fmt::Write as _};

use centinel_engine::{
    facts::sha256_hex,
    proposal::{Directory, Person, Principal, Role, Scope},
};
use centinel_store::{
    Journal, people,
    people::{LockRule, ServiceToken},
};
use jiff::{SignedDuration, Timestamp};

use crate::{ApprovalError, Approvals, Factor, Password, Requester};

/// Five wrong passwords in a row: then none is tried for a quarter of an hour.
const LOCK: LockRule = LockRule { failures_max: 5, lasts: SignedDuration::from_mins(15) };
/// Under which attempts with unknown names are counted: no account can have this name.
const UNKNOWN: &str = "?";

/// What an admin makes of an account.
#[derive(Debug)]
pub struct AccountChange {
    /// Account name; a new one creates the account.
    pub name: String,
    /// Another account of the same human: both together have one vote.
    pub linked_to: Option<String>,
    /// What the person may do.
    pub roles: BTreeSet<Role>,
    /// Whether the account may still act.
    pub active: bool,
    /// A new password; needed for a new account.
    pub password: Option<Password>,
}

impl Approvals {
    /// Creates the first person, with the roles `admin` and `finops`; everybody else is added by an
    /// admin.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::AlreadyInitialised`], [`ApprovalError::Name`],
    /// [`ApprovalError::WeakPassword`].
    pub async fn init_first_person(
        &self,
        name: &str,
        password: Password,
        now: Timestamp,
    ) -> Result<Person, ApprovalError> {
        check_name(name)?;
        let secret = self.hash(password).await?;
        let mut journal = Journal::begin(&self.database).await?;
        if !people::directory_locked(&mut journal).await?.is_empty() {
            return Err(ApprovalError::AlreadyInitialised);
        }
        let person = Person {
            name: name.to_owned(),
            human: name.to_owned(),
            roles: [Role::Admin, Role::Finops].into(),
            active: true,
            changed_at: now,
        };
        let system = Principal::System;
        people::set_person(&mut journal, &system, &person).await?;
        people::set_credential(&mut journal, &system, name, "password", &secret, now).await?;
        journal.commit().await?;
        Ok(person)
    }

    /// Everybody, by name.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn people(&self) -> Result<Directory, ApprovalError> {
        Ok(people::directory(&self.database).await?)
    }

    /// Creates or changes an account, as an admin whose credential this is. Votes that the account
    /// cast before no longer count.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NotAnAdmin`], [`ApprovalError::LastAdmin`], and as
    /// [`Self::init_first_person`].
    pub async fn change_account(
        &self,
        admin: &str,
        credential: impl Factor,
        change: AccountChange,
        now: Timestamp,
    ) -> Result<Person, ApprovalError> {
        let AccountChange { name, linked_to, roles, active, password } = change;
        check_name(&name)?;
        let secret = match password {
            Some(password) => Some(self.hash(password).await?),
            None => None,
        };
        let (mut journal, actor, mut directory) =
            self.recognise_admin(admin, credential, now).await?;
        let before = directory.get(&name);
        if before.is_none() && secret.is_none() {
            return Err(ApprovalError::NoPassword(name));
        }
        let human = match (linked_to, before) {
            (Some(other), _) => directory
                .get(&other)
                .map(|person| person.human.clone())
                .ok_or(ApprovalError::NoAccount(other))?,
            (None, Some(before)) => before.human.clone(),
            (None, None) => name.clone(),
        };
        let person = Person { name: name.clone(), human, roles, active, changed_at: now };
        directory.insert(person.clone());
        if !directory.iter().any(Person::is_admin) {
            return Err(ApprovalError::LastAdmin(name));
        }
        people::set_person(&mut journal, &actor, &person).await?;
        if let Some(secret) = secret {
            people::set_credential(&mut journal, &actor, &name, "password", &secret, now).await?;
        }
        journal.commit().await?;
        Ok(person)
    }

    /// Changes one's own password.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::WrongCredential`], [`ApprovalError::Locked`],
    /// [`ApprovalError::WeakPassword`].
    pub async fn change_password(
        &self,
        name: &str,
        old: Password,
        new: Password,
        now: Timestamp,
    ) -> Result<(), ApprovalError> {
        let secret = self.hash(new).await?;
        let (mut journal, actor) = self.recognise(name, old, now).await?;
        people::set_credential(&mut journal, &actor, name, "password", &secret, now).await?;
        journal.commit().await?;
        Ok(())
    }

    /// Creates a service token, as an admin; returns its secret, which is not kept.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Scope`] for anything but `read` and `propose`, a role above all.
    pub async fn create_token(
        &self,
        admin: &str,
        credential: impl Factor,
        name: &str,
        scopes: &[&str],
        acts_for: Option<&str>,
        now: Timestamp,
    ) -> Result<String, ApprovalError> {
        check_name(name)?;
        let scopes =
            scopes.iter().map(|scope| scope.parse()).collect::<Result<BTreeSet<Scope>, _>>()?;
        let (mut journal, actor, directory) = self.recognise_admin(admin, credential, now).await?;
        if let Some(holder) = acts_for.filter(|holder| directory.get(holder).is_none()) {
            return Err(ApprovalError::NoAccount(holder.to_owned()));
        }
        let secret = token_secret()?;
        let acts_for = acts_for.map(str::to_owned);
        let token = ServiceToken { name: name.to_owned(), scopes, acts_for };
        let digest = sha256_hex(secret.as_bytes());
        people::add_token(&mut journal, &actor, &token, &digest, now).await?;
        journal.commit().await?;
        Ok(secret)
    }

    /// Ends a service token, as an admin; says whether there was one.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NotAnAdmin`].
    pub async fn revoke_token(
        &self,
        admin: &str,
        credential: impl Factor,
        name: &str,
        now: Timestamp,
    ) -> Result<bool, ApprovalError> {
        let (mut journal, actor, _) = self.recognise_admin(admin, credential, now).await?;
        let revoked = people::revoke_token(&mut journal, &actor, name, now).await?;
        journal.commit().await?;
        Ok(revoked)
    }

    /// The person with this name and credential, as somebody who may propose and withdraw.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::WrongCredential`], [`ApprovalError::Locked`].
    pub async fn authenticate(
        &self,
        name: &str,
        credential: impl Factor,
        now: Timestamp,
    ) -> Result<Requester, ApprovalError> {
        let (journal, actor) = self.recognise(name, credential, now).await?;
        journal.commit().await?;
        Ok(Requester::authenticated(actor))
    }

    /// The agent behind a token's secret, if it may propose.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::WrongToken`], [`ApprovalError::MissingScope`].
    pub async fn authenticate_token(&self, secret: &str) -> Result<Requester, ApprovalError> {
        let token = people::token(&self.database, &sha256_hex(secret.as_bytes())).await?;
        let token = token.ok_or(ApprovalError::WrongToken)?;
        if token.scopes.contains(&Scope::Propose) {
            Ok(Requester::authenticated(token.principal()))
        } else {
            Err(ApprovalError::MissingScope { token: token.name })
        }
    }

    /// Checks name and credential, counts the attempt, and begins the journal in which the person acts.
    pub(crate) async fn recognise(
        &self,
        name: &str,
        credential: impl Factor,
        now: Timestamp,
    ) -> Result<(Journal, Principal), ApprovalError> {
        let directory = people::directory(&self.database).await?;
        let is_known = directory.get(name).is_some_and(|person| person.active);
        let account = if is_known { name } else { UNKNOWN };
        if let Some(until) = people::locked_until(&self.database, account, now).await? {
            return Err(ApprovalError::Locked { until });
        }
        let factor = credential.name();
        let kept =
            if is_known { people::credential(&self.database, name, factor).await? } else { None };
        // Without an account the comparison is made all the same: time tells nothing.
        let compared = kept.clone().unwrap_or_else(|| credential.decoy().to_owned());
        let is_match = self.apart(move || credential.is_match(&compared)).await?;
        let mut journal = Journal::begin(&self.database).await?;
        // The credential may have been replaced while this one was compared.
        let is_match = is_match
            && kept.is_some()
            && people::credential_locked(&mut journal, name, factor).await? == kept;
        match people::record_attempt(&mut journal, account, is_match, LOCK, now).await? {
            Err(until) => Err(ApprovalError::Locked { until }),
            Ok(true) => Ok((journal, Principal::person(name))),
            Ok(false) => {
                journal.commit().await?;
                Err(ApprovalError::WrongCredential)
            }
        }
    }

    async fn recognise_admin(
        &self,
        name: &str,
        credential: impl Factor,
        now: Timestamp,
    ) -> Result<(Journal, Principal, Directory), ApprovalError> {
        let (mut journal, actor) = self.recognise(name, credential, now).await?;
        let directory = people::directory_locked(&mut journal).await?;
        if directory.get(name).is_some_and(Person::is_admin) {
            return Ok((journal, actor, directory));
        }
        let refusal = ApprovalError::NotAnAdmin(name.to_owned());
        let payload = serde_json::json!({ "refusal": refusal.to_string() });
        journal.append(now, &actor.to_string(), "refused", "people", &payload).await?;
        journal.commit().await?;
        Err(refusal)
    }

    async fn hash(&self, password: Password) -> Result<String, ApprovalError> {
        self.apart(move || password.hash()).await?
    }

    /// Runs what keeps a processor busy beside the asynchronous tasks, a few at a time.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApprovalError> {
        let stopped = || ApprovalError::Secret("the process is stopping".to_owned());
        let _permit = self.comparisons.acquire().await.map_err(|_| stopped())?;
        tokio::task::spawn_blocking(work).await.map_err(|_| stopped())
    }
}

fn check_name(name: &str) -> Result<(), ApprovalError> {
    let is_allowed = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '@')
    };
    if (1..=64).contains(&name.len()) && name.chars().all(is_allowed) {
        Ok(())
    } else {
        Err(ApprovalError::Name(name.chars().take(64).filter(|c| !c.is_control()).collect()))
    }
}

/// 256 random bits behind a prefix that scanners for leaked secrets can look for.
fn token_secret() -> Result<String, ApprovalError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| ApprovalError::Secret(error.to_string()))?;
    Ok(bytes.iter().fold(String::from("centinel_"), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
