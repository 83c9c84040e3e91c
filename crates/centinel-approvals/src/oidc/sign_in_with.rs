//! Signing in through a provider: out with the browser, back with a code.

use std::fmt;

use centinel_engine::proposal::{Directory, Person, Principal};
use centinel_store::{
    Journal, StoreError, links,
    links::{OutsideAccount, Service},
    pending_sign_ins,
    pending_sign_ins::{PendingSignIn, Purpose},
    people, sessions,
    sessions::Beginning,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    Claims, OidcError, Provider, claims::later, error::shown, pending::BrowserSecret,
    provider::Question, roles,
};
use crate::{
    ApprovalError, Approvals, SignedIn,
    accounts::check_name,
    sessions::{FRESH, begin, digest, holding},
};

/// Who is at the provider for longer begins again.
const PENDING_MAX: SignedDuration = SignedDuration::from_mins(10);
/// Longest code of a provider that is sent on.
const CODE_MAX: usize = 4 << 10;

/// What a person goes to the provider for.
#[derive(Clone, Copy)]
pub enum Round<'a> {
    /// To begin a session.
    SignIn,
    /// To prove themselves afresh, in a session: its secret and the text of its forms.
    ProveAgain(&'a str, &'a str),
    /// To link who they are there to who they are here, in a session: its secret and the text of its
    /// forms.
    Link(&'a str, &'a str),
}

impl fmt::Debug for Round<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignIn => "SignIn",
            Self::ProveAgain(..) => "ProveAgain(…)",
            Self::Link(..) => "Link(…)",
        })
    }
}

/// A sign-in that began.
pub struct Begun {
    /// Where the browser goes.
    pub location: String,
    /// What it keeps until it comes back, for this server alone.
    pub browser_secret: String,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begun(…)")
    }
}

/// What a provider says through the browser. Anybody can make a browser say it.
#[derive(Clone, Default)]
pub struct Callback {
    /// What we sent along.
    pub state: Option<String>,
    /// What is exchanged for tokens.
    pub code: Option<String>,
    /// Who answers.
    pub issuer: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback(…)")
    }
}

/// What came of a round.
#[derive(Debug)]
pub struct Completed {
    /// Where the browser wanted to go.
    pub goes_to: String,
    /// What happened.
    pub arrived: Arrived,
}

/// What came of a round.
#[derive(Debug)]
pub enum Arrived {
    /// A session began.
    SignedIn(Box<SignedIn>),
    /// The session's person proved themselves.
    ProvedAgain,
    /// The account at the provider is now linked to the session's person.
    Linked(OutsideAccount),
}

impl Approvals {
    /// Sends somebody to a provider. `redirect_uri` is where the provider sends them back, and is
    /// registered there; `goes_to` is a path of our own pages.
    ///
    /// # Errors
    ///
    /// [`OidcError::Unanswered`], [`OidcError::Discovery`]; for a session's round
    /// [`ApprovalError::NoSession`], [`ApprovalError::WrongCsrfToken`] and, to link,
    /// [`ApprovalError::ProveAgainToLink`].
    pub async fn begin_sign_in_with(
        &self,
        provider: &Provider,
        round: Round<'_>,
        redirect_uri: &str,
        goes_to: &str,
        now: Timestamp,
    ) -> Result<Begun, OidcError> {
        let secret = BrowserSecret::random()?;
        let question = Question {
            redirect_uri,
            state: &secret.state(),
            nonce: &secret.nonce(),
            challenge: &secret.challenge(),
            afresh: !matches!(round, Round::SignIn),
        };
        // Before anything is written: the provider may take its time.
        let location = provider.address_of(&question, now).await?;
        let (mut journal, purpose) = match round {
            Round::SignIn => {
                let journal = Journal::begin(&self.database).await.map_err(ApprovalError::from)?;
                (journal, Purpose::SignIn)
            }
            Round::ProveAgain(session, csrf_token) => {
                let (journal, _) = self.session_journal(session, csrf_token, now).await?;
                (journal, Purpose::ProveAgain(digest(session)))
            }
            Round::Link(session, csrf_token) => {
                let (mut journal, held) = self.session_journal(session, csrf_token, now).await?;
                if !held.is_fresh(now) {
                    return Err(ApprovalError::ProveAgainToLink.into());
                }
                let session = digest(session);
                let pending = secret.digest();
                sessions::begin_link(&mut journal, &session, &held.person, &pending, now).await?;
                (journal, Purpose::Link(session))
            }
        };
        let pending = PendingSignIn {
            digest: secret.digest(),
            provider: provider.name().to_owned(),
            purpose,
            goes_to: goes_to.to_owned(),
            begun_at: now,
        };
        let forgotten_before = now.checked_sub(PENDING_MAX).unwrap_or(Timestamp::MIN);
        pending_sign_ins::keep(&mut journal, &pending, forgotten_before).await?;
        journal.commit().await?;
        Ok(Begun { location, browser_secret: secret.expose().to_owned() })
    }

    /// Takes somebody back from a provider. What the browser keeps counts once, whatever comes of it.
    ///
    /// # Errors
    ///
    /// [`OidcError::NotPending`] for a browser that did not begin this; whatever is wrong with the
    /// provider's answer; [`OidcError::NotLinked`], [`OidcError::NotActive`],
    /// [`OidcError::SomebodyElse`], [`OidcError::NotFresh`].
    pub async fn complete_sign_in_with(
        &self,
        provider: &Provider,
        browser_secret: &str,
        callback: Callback,
        redirect_uri: &str,
        now: Timestamp,
    ) -> Result<Completed, OidcError> {
        let secret = BrowserSecret::sent(browser_secret);
        // A page of another site can send the browser here; it does not know the state, and must not
        // be able to use up what the person began.
        if !callback.state.as_deref().is_some_and(|state| secret.has_state(state)) {
            return Err(OidcError::NotPending);
        }
        let pending = self.take_pending(&secret, provider, now).await?;
        match self.completed(provider, &secret, &pending, callback, redirect_uri, now).await {
            Ok(arrived) => Ok(Completed { goes_to: pending.goes_to, arrived }),
            Err(error) => {
                self.keep_sign_in_refusal(provider, &error, now).await?;
                Err(error)
            }
        }
    }

    async fn take_pending(
        &self,
        secret: &BrowserSecret,
        provider: &Provider,
        now: Timestamp,
    ) -> Result<PendingSignIn, OidcError> {
        let mut journal = Journal::begin(&self.database).await?;
        let pending = pending_sign_ins::take(&mut journal, &secret.digest()).await?;
        journal.commit().await?;
        pending
            .filter(|pending| {
                // Each provider has an address of its own to come back to: what one was asked, no
                // other answers. A clock that was set back ends it too.
                pending.provider == provider.name()
                    && pending.begun_at <= now
                    && now < later(pending.begun_at, PENDING_MAX)
            })
            .ok_or(OidcError::NotPending)
    }

    async fn completed(
        &self,
        provider: &Provider,
        secret: &BrowserSecret,
        pending: &PendingSignIn,
        callback: Callback,
        redirect_uri: &str,
        now: Timestamp,
    ) -> Result<Arrived, OidcError> {
        let names_itself = provider.metadata(now).await?.names_itself;
        match callback.issuer.as_deref() {
            None if names_itself => {
                return Err(OidcError::Refused("it did not name itself".to_owned()));
            }
            Some(issuer) if issuer != provider.issuer() => {
                return Err(OidcError::Refused("another provider answered".to_owned()));
            }
            _ => {}
        }
        if let Some(error) = callback.error {
            return Err(OidcError::Refused(shown(&error)));
        }
        let code = callback.code.filter(|code| (1..=CODE_MAX).contains(&code.len()));
        let code = code.ok_or_else(|| OidcError::Refused("it sent no code".to_owned()))?;
        let claims = provider.exchange(&code, redirect_uri, &secret.verifier(), now).await?;
        claims.check_answers(&secret.nonce(), pending.begun_at)?;
        let account = OutsideAccount::new(Service::Oidc, &claims.iss, &claims.sub)
            .map_err(ApprovalError::from)?;
        match &pending.purpose {
            Purpose::SignIn => {
                let signed_in = self.signed_in(provider, account, &claims, now).await?;
                Ok(Arrived::SignedIn(Box::new(signed_in)))
            }
            Purpose::ProveAgain(session) => {
                check_fresh(&claims, pending.begun_at, now)?;
                self.proved_again(session, &account, now).await?;
                Ok(Arrived::ProvedAgain)
            }
            Purpose::Link(session) => {
                check_fresh(&claims, pending.begun_at, now)?;
                self.linked(session, &pending.digest, &account, now).await?;
                Ok(Arrived::Linked(account))
            }
        }
    }

    async fn signed_in(
        &self,
        provider: &Provider,
        account: OutsideAccount,
        claims: &Claims,
        now: Timestamp,
    ) -> Result<SignedIn, OidcError> {
        let settings = provider.settings();
        let mut journal = Journal::begin(&self.database).await?;
        let directory = people::directory_locked(&mut journal).await?;
        let state = links::state_locked(&mut journal, &account).await?;
        // Whoever was unlinked, or whose account was ended, does not come back as somebody new.
        let may_be_new = settings.creates_accounts && !state.was_linked && !directory.is_empty();
        let mut person = match state.link {
            Some(link) => directory.get(&link.person).cloned().ok_or(OidcError::NotActive)?,
            None if may_be_new => created(&mut journal, &directory, &account, claims, now).await?,
            None => return Err(OidcError::NotLinked(account)),
        };
        if !person.active {
            return Err(OidcError::NotActive);
        }
        if let Some(groups) = &settings.groups {
            let after = roles::after(&person.roles, groups, claims)?;
            if after != person.roles {
                // Why, before what: the entry of the account itself only says what it became.
                let payload = serde_json::json!({
                    "provider": provider.name(), "claim": groups.claim,
                    "groups": claims.texts(&groups.claim), "before": person.roles, "after": after,
                });
                let actor = account.to_string();
                let subject = format!("person:{}", person.name);
                journal.append(now, &actor, "sign_in.roles", &subject, &payload).await?;
                person = Person { roles: after, changed_at: now, ..person };
                people::set_person(&mut journal, &Principal::System, &person).await?;
            }
        }
        let said = claims.amr.iter().chain(&claims.acr);
        let beginning = Beginning {
            has_second_factor: said.into_iter().any(|one| settings.second_factor.contains(one)),
            through: Some(account),
            proved_at: claims.auth_time,
        };
        Ok(begin(journal, &person.name, beginning, now).await?)
    }

    async fn proved_again(
        &self,
        session: &str,
        account: &OutsideAccount,
        now: Timestamp,
    ) -> Result<(), OidcError> {
        let mut journal = Journal::begin(&self.database).await?;
        let row = sessions::find_locked(&mut journal, session).await?;
        let held = row.and_then(|row| holding(row, now)).ok_or(ApprovalError::NoSession)?;
        let link = links::state_locked(&mut journal, account).await?.link;
        if link.is_none_or(|link| link.person != held.person) {
            return Err(OidcError::SomebodyElse);
        }
        sessions::confirm(&mut journal, session, &held.person, now).await?;
        journal.commit().await?;
        Ok(())
    }

    async fn linked(
        &self,
        session: &str,
        pending: &str,
        account: &OutsideAccount,
        now: Timestamp,
    ) -> Result<(), OidcError> {
        let mut journal = Journal::begin(&self.database).await?;
        if !sessions::has_begun_link(&mut journal, session, pending).await? {
            return Err(OidcError::NotPending);
        }
        let row = sessions::find_locked(&mut journal, session).await?;
        let held = row.and_then(|row| holding(row, now)).ok_or(ApprovalError::NoSession)?;
        let actor = Principal::person(&held.person);
        crate::links::link(journal, &actor, &held.person, account, now).await?;
        Ok(())
    }

    /// Keeps in the log that somebody whom a provider sent was not let in, and why.
    async fn keep_sign_in_refusal(
        &self,
        provider: &Provider,
        error: &OidcError,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        tracing::warn!(provider = provider.name(), %error, "a sign-in was refused");
        // What anybody can make a browser say fills no log.
        if error.is_failure() || matches!(error, OidcError::Refused(_)) {
            return Ok(());
        }
        let mut journal = Journal::begin(&self.database).await?;
        let payload = serde_json::json!({ "refusal": error.to_string() });
        let subject = format!("oidc:{}", provider.name());
        journal.append(now, "system", "sign_in.refused", &subject, &payload).await?;
        journal.commit().await?;
        Ok(())
    }
}

/// Whether the provider says that the person proved themselves after they were sent there, and lately.
fn check_fresh(claims: &Claims, asked: Timestamp, now: Timestamp) -> Result<(), OidcError> {
    let proved_at = claims.auth_time;
    let is_fresh = proved_at.is_some_and(|proved| {
        later(proved, super::claims::LEEWAY) >= asked
            && proved <= later(now, super::claims::LEEWAY)
            && now.duration_since(proved) <= FRESH
    });
    if is_fresh { Ok(()) } else { Err(OidcError::NotFresh { proved_at }) }
}

/// An account for somebody who has none, without any role, and its link. Its name is what the provider
/// calls them, never one that is taken: a name proves nothing.
async fn created(
    journal: &mut Journal,
    directory: &Directory,
    account: &OutsideAccount,
    claims: &Claims,
    now: Timestamp,
) -> Result<Person, OidcError> {
    let said = ["preferred_username", "email"];
    let said = said.iter().find_map(|claim| claims.texts(claim)?.first().copied());
    let said = said.unwrap_or_default().split('@').next().unwrap_or_default();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let base: String =
        said.chars().map(|c| c.to_ascii_lowercase()).filter(|c| allowed(*c)).take(40).collect();
    let base = if base.is_empty() { "person".to_owned() } else { base };
    let name = (1..=1_000_000_u32)
        .map(|n| if n == 1 { base.clone() } else { format!("{base}-{n}") })
        .find(|name| directory.get(name).is_none())
        .unwrap_or_default();
    check_name(&name)?;
    let person =
        Person { human: name.clone(), name, roles: [].into(), active: true, changed_at: now };
    let actor = Principal::System;
    people::set_person(journal, &actor, &person).await?;
    links::make(journal, &actor, account, &person.name, now).await?;
    Ok(person)
}
