//! Who shows an access token, and what it was given for.
//!
//! The token opens an API for a program. Where a person let the program in, it works for that person:
//! nothing here makes the person themselves of it, so nothing can be decided with it.
//!
//! # Source
//!
//! RFC 6750 (bearer tokens); RFC 9068 (access tokens as JWT), sections 2.2 and 4; RFC 8707 (audience).

use std::collections::BTreeSet;

use centinel_store::{
    links,
    links::{OutsideAccount, Service},
    people,
};
use jiff::Timestamp;

use super::{OidcError, Provider, TokenType};
use crate::{ApprovalError, Approvals};

/// Which access tokens count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTokens {
    /// For whom they are made: one of their `aud`.
    pub audience: String,
    /// Whether they say that they are access tokens (`typ` is `at+jwt`), as RFC 9068 wants it.
    pub are_marked: bool,
}

/// Whoever shows an access token that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// Of whom the issuer speaks: `sub`.
    pub subject: String,
    /// The same as an account that can be linked; `None` for a subject that no link can name.
    pub account: Option<OutsideAccount>,
    /// The active person whose account that is.
    pub person: Option<String>,
    /// The program that it was given to, where the issuer says so. The issuer's text.
    pub client: Option<String>,
    /// What it was given for.
    pub scopes: BTreeSet<String>,
}

impl Approvals {
    /// Who shows an access token: signature, type, issuer, audience and time hold, and the person is as
    /// links and accounts are now.
    ///
    /// # Errors
    ///
    /// As [`Provider::check`]; store errors.
    pub async fn bearer(
        &self,
        provider: &Provider,
        token: &str,
        accepted: &AccessTokens,
        now: Timestamp,
    ) -> Result<Bearer, OidcError> {
        let AccessTokens { audience, are_marked } = accepted;
        let kind = if *are_marked { TokenType::Access } else { TokenType::AccessUnmarked };
        let claims = provider.check(token, kind, audience, now).await?;
        let account = OutsideAccount::new(Service::Oidc, &claims.iss, &claims.sub).ok();
        let person = match &account {
            Some(account) => self.linked_to(account).await?,
            None => None,
        };
        let client = claims.client().map(str::to_owned);
        Ok(Bearer { scopes: claims.scopes(), subject: claims.sub, account, person, client })
    }

    /// The active person that an account is linked to.
    async fn linked_to(&self, account: &OutsideAccount) -> Result<Option<String>, OidcError> {
        let link = links::state(&self.database, account).await?.link;
        let Some(link) = link else { return Ok(None) };
        let people = people::directory(&self.database).await.map_err(ApprovalError::from)?;
        let is_active = people.get(&link.person).is_some_and(|person| person.active);
        Ok(is_active.then_some(link.person))
    }
}
