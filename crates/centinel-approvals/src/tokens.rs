//! Service tokens: what agents show. No token decides anything.

use std::collections::BTreeSet;

use centinel_engine::{facts::sha256_hex, proposal::Scope};
use centinel_store::{
    tokens,
    tokens::{ListedToken, ServiceToken},
};
use jiff::Timestamp;

use crate::{
    ApprovalError, Approvals, Proof, Requester, Sight,
    accounts::{check_name, random_hex},
    requester::WITHOUT_TOKEN,
};

/// What scanners for leaked secrets can look for.
const PREFIX: &str = "centinel_";

/// A token that an admin wants.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its name.
    pub name: String,
    /// `read`, `propose`.
    pub scopes: Vec<String>,
    /// The account that it works for: it sees no more, and may propose no more, than that person.
    pub acts_for: Option<String>,
    /// When it ends; `None` for one that lasts until it is revoked.
    pub expires_at: Option<Timestamp>,
}

impl Approvals {
    /// Creates a service token, as an admin; returns its secret, which is not kept.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Scope`] for anything but `read` and `propose`, a role above all.
    pub async fn create_token(
        &self,
        admin: &str,
        proof: impl Into<Proof>,
        token: NewToken,
        now: Timestamp,
    ) -> Result<String, ApprovalError> {
        let NewToken { name, scopes, acts_for, expires_at } = token;
        // The row keeps microseconds, and must be what the log says.
        let expires_at =
            expires_at.and_then(|at| Timestamp::from_microsecond(at.as_microsecond()).ok());
        check_name(&name)?;
        if WITHOUT_TOKEN.contains(&name.as_str()) {
            return Err(ApprovalError::ReservedName(name));
        }
        let scopes =
            scopes.iter().map(|scope| scope.parse()).collect::<Result<BTreeSet<Scope>, _>>()?;
        if scopes.is_empty() {
            return Err(ApprovalError::NoScope(name));
        }
        if expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(ApprovalError::ExpiredToken(name));
        }
        let (mut journal, actor, directory) =
            self.recognise_admin(admin, proof.into(), now).await?;
        if let Some(holder) = acts_for.as_ref().filter(|holder| directory.get(holder).is_none()) {
            return Err(ApprovalError::NoAccount(holder.clone()));
        }
        let secret = format!("{PREFIX}{}", random_hex()?);
        let token = ServiceToken { name, scopes, acts_for, expires_at };
        tokens::add(&mut journal, &actor, &token, &sha256_hex(secret.as_bytes()), now).await?;
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
        proof: impl Into<Proof>,
        name: &str,
        now: Timestamp,
    ) -> Result<bool, ApprovalError> {
        let (mut journal, actor, _) = self.recognise_admin(admin, proof.into(), now).await?;
        let revoked = tokens::revoke(&mut journal, &actor, name, now).await?;
        journal.commit().await?;
        Ok(revoked)
    }

    /// Every token there ever was, without secrets, by name.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn tokens(&self) -> Result<Vec<ListedToken>, ApprovalError> {
        Ok(tokens::all(&self.database).await?)
    }

    /// The token of a secret, while it holds.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::WrongToken`], also for one that expired or whose person is no more.
    pub async fn token(&self, secret: &str, now: Timestamp) -> Result<ServiceToken, ApprovalError> {
        let token = tokens::of_secret(&self.database, &sha256_hex(secret.as_bytes())).await?;
        self.in_force(token, now).await
    }

    /// A token by its name, while it holds: asked again for every call, so that a revoked one stops at
    /// once.
    ///
    /// # Errors
    ///
    /// As [`Self::token`].
    pub async fn token_named(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<ServiceToken, ApprovalError> {
        let token = tokens::named(&self.database, name).await?;
        self.in_force(token, now).await
    }

    async fn in_force(
        &self,
        token: Option<ServiceToken>,
        now: Timestamp,
    ) -> Result<ServiceToken, ApprovalError> {
        let holds = |token: &ServiceToken| token.expires_at.is_none_or(|ends| now < ends);
        let token = token.filter(holds).ok_or(ApprovalError::WrongToken)?;
        if let Some(name) = &token.acts_for {
            let people = self.people().await?;
            if !people.get(name).is_some_and(|person| person.active) {
                return Err(ApprovalError::WrongToken);
            }
        }
        Ok(token)
    }

    /// The agent behind a token's secret, if it may propose.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::WrongToken`], [`ApprovalError::MissingScope`].
    pub async fn authenticate_token(
        &self,
        secret: &str,
        now: Timestamp,
    ) -> Result<Requester, ApprovalError> {
        Self::requester_of(&self.token(secret, now).await?)
    }

    /// A token as somebody who proposes.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::MissingScope`].
    pub fn requester_of(token: &ServiceToken) -> Result<Requester, ApprovalError> {
        if token.scopes.contains(&Scope::Propose) {
            Ok(Requester::agent(token.principal(), token.scopes.clone()))
        } else {
            Err(ApprovalError::MissingScope { token: token.name.clone() })
        }
    }

    /// What a token sees.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn sight_of(&self, token: &ServiceToken) -> Result<Sight, ApprovalError> {
        self.sight(&token.principal(), &token.scopes).await
    }

    /// What somebody sees who proposes, by people and policies as they are now.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn sight_of_requester(&self, requester: &Requester) -> Result<Sight, ApprovalError> {
        self.sight(requester.principal(), requester.scopes()).await
    }
}
