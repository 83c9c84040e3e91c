//! Recognising a person: password, second factor, and how often one may guess.

use centinel_engine::proposal::{Directory, Person, Principal};
use centinel_store::{Journal, people, people::LockRule};
use jiff::{SignedDuration, Timestamp};

use crate::{ApprovalError, Approvals, Code, Factor as _, Password, second_factor::CODES};

/// Five wrong passwords in a row: then none is tried for a quarter of an hour.
const LOCK: LockRule = LockRule { failures_max: 5, lasts: SignedDuration::from_mins(15) };
/// Under which attempts with unknown names are counted: no account can have this name.
const UNKNOWN: &str = "?";

/// What a person proves themselves with: a password, and a code where the account has a second factor.
#[derive(Debug)]
pub struct Proof {
    password: Password,
    code: Option<Code>,
}

impl Proof {
    /// A password with a code.
    pub fn new(password: Password, code: Option<Code>) -> Self {
        Self { password, code }
    }
}

impl From<Password> for Proof {
    fn from(password: Password) -> Self {
        Self { password, code: None }
    }
}

/// A person who proved themselves, and the journal in which they act.
#[derive(Debug)]
pub(crate) struct Recognised {
    pub(crate) journal: Journal,
    pub(crate) actor: Principal,
    /// Whether a second factor was proved as well.
    pub(crate) has_second_factor: bool,
}

impl Approvals {
    /// Checks name and proof, counts the attempt, and begins the journal in which the person acts.
    pub(crate) async fn recognise(
        &self,
        name: &str,
        proof: Proof,
        now: Timestamp,
    ) -> Result<Recognised, ApprovalError> {
        let Proof { password, code } = proof;
        let directory = people::directory(&self.database).await?;
        let is_known = directory.get(name).is_some_and(|person| person.active);
        let account = if is_known { name } else { UNKNOWN };
        if let Some(until) = people::locked_until(&self.database, account, now).await? {
            return Err(ApprovalError::Locked { until });
        }
        let factor = password.name();
        let kept =
            if is_known { people::credential(&self.database, name, factor).await? } else { None };
        // Without an account the comparison is made all the same: time tells nothing.
        let compared = kept.clone().unwrap_or_else(|| password.decoy().to_owned());
        let is_match = self.apart(move || password.is_match(&compared)).await?;
        let mut journal = Journal::begin(&self.database).await?;
        // The credential may have been replaced while this one was compared.
        let mut is_match = is_match
            && kept.is_some()
            && people::credential_locked(&mut journal, name, factor).await? == kept;
        let mut has_second_factor = false;
        if is_match && let Some(key) = people::credential_locked(&mut journal, name, CODES).await? {
            // Neither a success nor a failure: whoever is asked for a code is not in yet.
            let code = code.ok_or(ApprovalError::CodeNeeded)?;
            is_match = self.spend_code(&mut journal, name, &key, &code, now).await?;
            has_second_factor = is_match;
        }
        match people::record_attempt(&mut journal, account, is_match, LOCK, now).await? {
            Err(until) => Err(ApprovalError::Locked { until }),
            Ok(true) => {
                let actor = Principal::person(name);
                Ok(Recognised { journal, actor, has_second_factor })
            }
            Ok(false) => {
                journal.commit().await?;
                Err(ApprovalError::WrongCredential)
            }
        }
    }

    /// As [`Self::recognise`], of somebody whom the access policy lets manage people.
    pub(crate) async fn recognise_admin(
        &self,
        name: &str,
        proof: Proof,
        now: Timestamp,
    ) -> Result<(Journal, Principal, Directory), ApprovalError> {
        let Recognised { mut journal, actor, .. } = self.recognise(name, proof, now).await?;
        let directory = people::directory_locked(&mut journal).await?;
        let may =
            |person: &Person| person.is_admin() && self.access.administers(person, &directory);
        if directory.get(name).is_some_and(may) {
            return Ok((journal, actor, directory));
        }
        let refusal = ApprovalError::NotAnAdmin(name.to_owned());
        let payload = serde_json::json!({ "refusal": refusal.to_string() });
        journal.append(now, &actor.to_string(), "refused", "people", &payload).await?;
        journal.commit().await?;
        Err(refusal)
    }

    pub(crate) async fn hash(&self, password: Password) -> Result<String, ApprovalError> {
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
