//! Accounts outside (Slack, GitHub, GitLab) linked to people, and decisions made through them.
//!
//! The outside side says who somebody is there; who that is here, only a link says, and a link is made
//! with the person's own proof or an admin's. What comes in through a link claims no second factor and
//! never approves what cannot be undone, whatever the policy's channels say: whoever takes over an
//! account in a chat has less than the person has here.

use centinel_engine::proposal::{Channel, Principal};
use centinel_store::{
    Journal, links,
    links::{Link, OutsideAccount, Service},
    people,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    ApprovalError, Approvals, Decision, Proof, Verdict, View, links::code::LinkCode,
    sign_in::Recognised,
};

mod code;

/// A code can be used for this long.
const CODE_LASTS: SignedDuration = SignedDuration::from_mins(10);
/// Most codes that an account asks for in that time.
const CODES_MAX: usize = 5;

/// An account outside whose holder was shown to be the one who asks: by a signature or connection of
/// their service, or by asking the service's API with our own credential.
///
/// INVARIANT: made by this crate's verified paths, and by whoever calls [`Attested::of_forge`] under
/// its contract. There is no way from a text to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    account: OutsideAccount,
    channel: Channel,
}

impl Attested {
    /// A user of a Slack workspace, as a verified request of Slack names them.
    pub(crate) fn of_slack(team: &str, user: &str) -> Result<Self, ApprovalError> {
        let account = OutsideAccount::new(Service::Slack, team, user)?;
        Ok(Self { account, channel: Channel::Slack })
    }

    /// Whoever merged or closed a pull request.
    ///
    /// CONTRACT: `login` was read from the forge's API, over TLS and with our own credential, as who did
    /// it. A webhook's body, a comment or a commit's author is no such reading: anybody can write one.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Account`] for what is no login of that forge, bots among them, and for
    /// [`Service::Slack`].
    pub fn of_forge(service: Service, host: &str, login: &str) -> Result<Self, ApprovalError> {
        let account = OutsideAccount::new(service, host, login)?;
        match service {
            Service::Github | Service::Gitlab => {
                Ok(Self { account, channel: Channel::PullRequest })
            }
            Service::Slack | Service::Oidc => Err(ApprovalError::NotAForge(account)),
        }
    }

    /// The account.
    pub fn account(&self) -> &OutsideAccount {
        &self.account
    }
}

impl Approvals {
    /// A code for an account outside, which its holder then takes to their own sign-in. Codes that the
    /// account asked for before count no more.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::TooManyCodes`].
    pub async fn begin_link(
        &self,
        attested: &Attested,
        now: Timestamp,
    ) -> Result<String, ApprovalError> {
        let account = &attested.account;
        let code = LinkCode::generate()?;
        let mut journal = Journal::begin(&self.database).await?;
        let state = links::state_locked(&mut journal, account).await?;
        let lately = state.begun_at.iter().filter(|at| now.duration_since(**at) < CODE_LASTS);
        if lately.count() >= CODES_MAX {
            let refusal = ApprovalError::TooManyCodes(account.clone());
            return Err(refused(journal, &account.to_string(), account, refusal, now).await);
        }
        links::begin(&mut journal, account, &code.digest(), now).await?;
        journal.commit().await?;
        Ok(code.text())
    }

    /// The account that a code would link: shown to the person before they prove themselves.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NoCode`].
    pub async fn account_of_code(
        &self,
        code: &str,
        now: Timestamp,
    ) -> Result<OutsideAccount, ApprovalError> {
        // One transaction that writes nothing.
        let mut journal = Journal::begin(&self.database).await?;
        account_of(&mut journal, code, now).await?.ok_or(ApprovalError::NoCode)
    }

    /// Links the account that asked for a code to the person whose proof this is.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NoCode`], [`ApprovalError::AlreadyLinked`]; as [`Self::authenticate`].
    pub async fn finish_link(
        &self,
        code: &str,
        name: &str,
        proof: impl Into<Proof>,
        now: Timestamp,
    ) -> Result<Link, ApprovalError> {
        let Recognised { journal, .. } = self.recognise(name, proof.into(), now).await?;
        finish(journal, code, name, now).await
    }

    /// Links the account that asked for a code to the person of a session, within five minutes of a
    /// proof: a session that somebody else got hold of must not leave an account behind.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NoSession`], [`ApprovalError::WrongCsrfToken`],
    /// [`ApprovalError::ProveAgainToLink`]; as [`Self::finish_link`].
    pub async fn finish_link_in_session(
        &self,
        code: &str,
        secret: &str,
        csrf_token: &str,
        now: Timestamp,
    ) -> Result<Link, ApprovalError> {
        let (journal, session) = self.session_journal(secret, csrf_token, now).await?;
        if !session.is_fresh(now) {
            return Err(ApprovalError::ProveAgainToLink);
        }
        finish(journal, code, &session.person, now).await
    }

    /// Links an account to a person, as an admin.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NotAnAdmin`], [`ApprovalError::NoAccount`] for whoever is no active person (an
    /// agent's token is none), [`ApprovalError::AlreadyLinked`].
    pub async fn link_as_admin(
        &self,
        admin: &str,
        proof: impl Into<Proof>,
        person: &str,
        account: &OutsideAccount,
        now: Timestamp,
    ) -> Result<Link, ApprovalError> {
        let (journal, actor, _) = self.recognise_admin(admin, proof.into(), now).await?;
        link(journal, &actor, person, account, now).await
    }

    /// Takes a link away, as the person whose it is, or as an admin. Says whether there was one.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NotAnAdmin`] for somebody else's.
    pub async fn unlink(
        &self,
        name: &str,
        proof: impl Into<Proof>,
        account: &OutsideAccount,
        now: Timestamp,
    ) -> Result<bool, ApprovalError> {
        let recognised = self.recognise(name, proof.into(), now).await?;
        let Recognised { mut journal, actor, .. } = recognised;
        let state = links::state_locked(&mut journal, account).await?;
        let Some(held) = state.link else {
            // The code that was spent for nothing is spent.
            journal.commit().await?;
            return Ok(false);
        };
        let directory = people::directory_locked(&mut journal).await?;
        let is_admin = directory
            .get(name)
            .is_some_and(|person| person.is_admin() && self.access.administers(person, &directory));
        if held.person != name && !is_admin {
            let refusal = ApprovalError::NotAnAdmin(name.to_owned());
            return Err(refused(journal, &actor.to_string(), account, refusal, now).await);
        }
        links::remove(&mut journal, &actor, account, now).await?;
        journal.commit().await?;
        Ok(true)
    }

    /// Every link that holds, by account. Those of people whose account has ended do not.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn links(&self) -> Result<Vec<Link>, ApprovalError> {
        let people = people::directory(&self.database).await?;
        let mut held = links::all(&self.database).await?;
        held.retain(|link| people.get(&link.person).is_some_and(|person| person.active));
        Ok(held)
    }

    /// The person that an account is linked to; `None` when nobody, or when their account has ended.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub async fn linked_person(
        &self,
        attested: &Attested,
    ) -> Result<Option<String>, ApprovalError> {
        let people = people::directory(&self.database).await?;
        let link = links::state(&self.database, &attested.account).await?.link;
        let person = link.map(|link| link.person);
        Ok(person.filter(|name| people.get(name).is_some_and(|person| person.active)))
    }

    /// Decides as the person that an account outside is linked to, on the channel that it came by,
    /// whatever the decision names. Every refusal leaves a trace.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::NotLinked`]; [`ApprovalError::NotByLink`] for whatever cannot be undone and for
    /// anything but approving and rejecting; as [`Self::decide`].
    pub async fn decide_by_link(
        &self,
        attested: &Attested,
        decision: Decision,
        now: Timestamp,
    ) -> Result<View, ApprovalError> {
        let Attested { account, channel } = attested;
        let id = decision.id;
        let mut journal = Journal::begin(&self.database).await?;
        let people = people::directory_locked(&mut journal).await?;
        let link = links::state_locked(&mut journal, account).await?.link;
        let is_active = |name: &str| people.get(name).is_some_and(|person| person.active);
        let Some(link) = link.filter(|link| is_active(&link.person)) else {
            let refusal = ApprovalError::NotLinked(account.clone());
            return Err(trace(journal, &account.to_string(), &id.to_string(), refusal, now).await);
        };
        let actor = Principal::person(&link.person);
        let is_allowed = match decision.verdict {
            // An unknown proposal is refused below, in the words for that.
            Verdict::Approve => self.is_reversible(&mut journal, id).await?,
            Verdict::Reject { .. } => true,
            Verdict::BreakGlass { .. } | Verdict::Review { .. } => false,
        };
        if !is_allowed {
            let refusal = ApprovalError::NotByLink { id, channel: *channel };
            return Err(trace(journal, &actor.to_string(), &id.to_string(), refusal, now).await);
        }
        let decision = Decision { channel: *channel, ..decision };
        let recognised = Recognised { journal, actor, has_second_factor: false };
        self.decide_as(recognised, decision, now).await
    }

    /// Notes in the log what an account outside tried and was not let do.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::Store`].
    pub(crate) async fn note_refusal(
        &self,
        account: &str,
        subject: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<(), ApprovalError> {
        let mut journal = Journal::begin(&self.database).await?;
        let payload = serde_json::json!({ "refusal": why });
        journal.append(now, account, "refused", subject, &payload).await?;
        journal.commit().await?;
        Ok(())
    }
}

/// The account that asked for a code that is still good.
async fn account_of(
    journal: &mut Journal,
    code: &str,
    now: Timestamp,
) -> Result<Option<OutsideAccount>, ApprovalError> {
    let Some(code) = LinkCode::parse(code) else { return Ok(None) };
    let Some((account, state)) = links::of_code(journal, &code.digest()).await? else {
        return Ok(None);
    };
    let is_good = state.code.is_some_and(|(_, begun_at)| {
        // A clock that was set back ends it too.
        begun_at <= now && now.duration_since(begun_at) < CODE_LASTS
    });
    Ok(is_good.then_some(account))
}

async fn finish(
    mut journal: Journal,
    code: &str,
    person: &str,
    now: Timestamp,
) -> Result<Link, ApprovalError> {
    let actor = Principal::person(person);
    match account_of(&mut journal, code, now).await? {
        Some(account) => link(journal, &actor, person, &account, now).await,
        None => {
            let subject = format!("person:{person}");
            let refusal = ApprovalError::NoCode;
            Err(trace(journal, &actor.to_string(), &subject, refusal, now).await)
        }
    }
}

pub(crate) async fn link(
    mut journal: Journal,
    actor: &Principal,
    person: &str,
    account: &OutsideAccount,
    now: Timestamp,
) -> Result<Link, ApprovalError> {
    let people = people::directory_locked(&mut journal).await?;
    if !people.get(person).is_some_and(|person| person.active) {
        let refusal = ApprovalError::NoAccount(person.chars().take(64).collect());
        return Err(refused(journal, &actor.to_string(), account, refusal, now).await);
    }
    if let Some(held) = links::state_locked(&mut journal, account).await?.link {
        if held.person == person {
            // The code that was spent to say so again is spent.
            journal.commit().await?;
            return Ok(held);
        }
        let refusal = ApprovalError::AlreadyLinked(account.clone());
        return Err(refused(journal, &actor.to_string(), account, refusal, now).await);
    }
    let made = links::make(&mut journal, actor, account, person, now).await?;
    journal.commit().await?;
    Ok(made)
}

async fn refused(
    journal: Journal,
    actor: &str,
    account: &OutsideAccount,
    refusal: ApprovalError,
    now: Timestamp,
) -> ApprovalError {
    trace(journal, actor, &account.to_string(), refusal, now).await
}

/// Keeps a refusal in the log and gives it back; or why it could not be kept.
async fn trace(
    mut journal: Journal,
    actor: &str,
    subject: &str,
    refusal: ApprovalError,
    now: Timestamp,
) -> ApprovalError {
    let payload = serde_json::json!({ "refusal": refusal.to_string() });
    if let Err(error) = journal.append(now, actor, "refused", subject, &payload).await {
        return error.into();
    }
    match journal.commit().await {
        Ok(_) => refusal,
        Err(error) => error.into(),
    }
}
