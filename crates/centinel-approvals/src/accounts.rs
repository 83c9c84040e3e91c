//! Accounts of people.

use std::{collections::BTreeSet, fmt::Write as _};

use centinel_engine::proposal::{Directory, Person, Principal, Role};
use centinel_store::{Journal, people};
use jiff::Timestamp;

use crate::{ApprovalError, Approvals, Password, Proof, Requester, sign_in::Recognised};

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
        proof: impl Into<Proof>,
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
            self.recognise_admin(admin, proof.into(), now).await?;
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
        old: impl Into<Proof>,
        new: Password,
        now: Timestamp,
    ) -> Result<(), ApprovalError> {
        let secret = self.hash(new).await?;
        let recognised = self.recognise(name, old.into(), now).await?;
        let Recognised { mut journal, actor, .. } = recognised;
        people::set_credential(&mut journal, &actor, name, "password", &secret, now).await?;
        journal.commit().await?;
        Ok(())
    }

    /// The person with this name and credential, as somebody who may propose and withdraw.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::WrongCredential`], [`ApprovalError::Locked`].
    pub async fn authenticate(
        &self,
        name: &str,
        proof: impl Into<Proof>,
        now: Timestamp,
    ) -> Result<Requester, ApprovalError> {
        let Recognised { journal, actor, .. } = self.recognise(name, proof.into(), now).await?;
        journal.commit().await?;
        Ok(Requester::person(actor))
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), ApprovalError> {
    let is_allowed = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '@')
    };
    if (1..=64).contains(&name.len()) && name.chars().all(is_allowed) {
        Ok(())
    } else {
        Err(ApprovalError::Name(name.chars().take(64).filter(|c| !c.is_control()).collect()))
    }
}

/// 256 random bits.
pub(crate) fn random_hex() -> Result<String, ApprovalError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| ApprovalError::Secret(error.to_string()))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
