//! Who asks, and what of the home they see.
//!
//! An [`App`] that is [seen by](App::seen_by) somebody answers the same questions from less: its ledger
//! hands out the label sets that the access policies let through, and its approvals the proposals. No
//! question can forget it, because there is no other ledger in it. Totals are of what is seen.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use centinel_approvals::{ApprovalError, Looker, Requester, Sight};
use centinel_engine::{
    anomaly::watch::{Slice, name_of},
    facts::Bundle,
    proposal::{Principal, Scope},
};
use centinel_ledger::{Condition, Ledger, Seen};
use centinel_store::{StoreError, events::EpisodeName, evidence};
use jiff::Timestamp;

use crate::{App, AppError, found::Found};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// Whoever holds the home: its files and database are open to them anyway.
    Home,
    /// A person, by account name. The caller has made sure that it is them, or that whoever asks sees
    /// more than they do.
    Person(String),
    /// An agent, by the name of its service token, which the caller has seen.
    Token(String),
    /// An agent with another kind of token, which the caller has checked.
    Agent(Requester),
}

/// What somebody sees who does not see everything.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    /// `person:ana`, `agent:nightly`.
    pub(crate) reader: String,
}

/// Most viewers whose sight is remembered.
const VIEWERS_MAX: usize = 256;

/// The parts of the ledger that viewers see, by all that these depend on: who looks, with their account
/// as it is. Policies are those that the home was opened with.
#[derive(Debug, Default)]
pub(crate) struct Viewers(Mutex<HashMap<Looker, SeenPart>>);

#[derive(Debug)]
struct SeenPart {
    sight: Sight,
    ledger: Ledger,
    /// When it was asked for last, in questions.
    used: u64,
}

impl Viewers {
    /// The sights that were asked for last.
    pub(crate) fn latest(&self, count: usize) -> Vec<Sight> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut latest: Vec<(u64, &Sight)> =
            parts.values().map(|part| (part.used, &part.sight)).collect();
        latest.sort_by_key(|(used, _)| std::cmp::Reverse(*used));
        latest.into_iter().take(count).map(|(_, sight)| sight.clone()).collect()
    }

    /// The sight that somebody who looks alike had, with their part of the ledger, or else a new one.
    fn of(&self, sight: Sight, ledger_of: impl Fn(&Sight) -> Ledger) -> (Sight, Ledger) {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = parts.values().map(|part| part.used).max().unwrap_or(0).saturating_add(1);
        if let Some(part) = parts.get_mut(sight.looker()) {
            part.used = used;
            return (part.sight.clone(), part.ledger.clone());
        }
        if parts.len() >= VIEWERS_MAX
            && let Some(oldest) = parts.iter().min_by_key(|(_, part)| part.used)
        {
            let oldest = oldest.0.clone();
            parts.remove(&oldest);
        }
        let ledger = ledger_of(&sight);
        let part = SeenPart { sight: sight.clone(), ledger: ledger.clone(), used };
        parts.insert(sight.looker().clone(), part);
        (sight, ledger)
    }
}

impl App {
    /// The product as somebody sees it, by people and policies as they are now.
    ///
    /// # Errors
    ///
    /// [`ApprovalError::WrongToken`] for a token or an agent that is over or does not read; store errors.
    pub async fn seen_by(&self, viewer: &Viewer, now: Timestamp) -> Result<Self, AppError> {
        let sight = match viewer {
            Viewer::Home => return Ok(self.clone()),
            Viewer::Person(name) => {
                self.approvals.sight(&Principal::person(name), &[].into()).await?
            }
            Viewer::Token(name) => {
                let token = self.approvals.token_named(name, now).await?;
                if !token.scopes.contains(&Scope::Read) {
                    return Err(ApprovalError::WrongToken.into());
                }
                self.approvals.sight_of(&token).await?
            }
            Viewer::Agent(agent) => {
                if !agent.has_scope(Scope::Read) {
                    return Err(ApprovalError::WrongToken.into());
                }
                self.approvals.sight_of_requester(agent).await?
            }
        };
        self.through(sight).await
    }

    /// The product as a sight lets it through.
    pub(crate) async fn through(&self, sight: Sight) -> Result<Self, AppError> {
        let reader = sight.looker().principal.to_string();
        // What is remembered is of the whole.
        let (sight, ledger) = if self.ledger.is_whole() {
            self.kept.viewers.of(sight, |sight| self.ledger_of(sight))
        } else {
            let ledger = self.ledger_of(&sight);
            (sight, ledger)
        };
        let app = Self { approvals: self.approvals.seen_by(sight), ..self.clone() };
        // Nothing is hidden: answers, and the numbers of episodes, are those of everybody.
        if !ledger.hides(&[]).await? {
            return Ok(app);
        }
        let limit = Some(Arc::new(Limit { reader }));
        Ok(Self { ledger, limit, ..app })
    }

    fn ledger_of(&self, sight: &Sight) -> Ledger {
        let (sight, owners) = (sight.clone(), Arc::clone(&self.owners));
        self.ledger.seen_through(move |key| sight.sees_spend(key, owners.ownership(key).owner()))
    }

    /// Whose part of the whole every answer is of; `None` where it is the whole.
    pub fn limited_to(&self) -> Option<&str> {
        self.limit.as_deref().map(|limit| limit.reader.as_str())
    }

    /// Whether somebody asks who may not see every proposal.
    pub fn hides_proposals(&self) -> bool {
        self.approvals.has_reader()
    }

    /// Keeps a bundle as evidence and returns its address. Whoever does not see everything can open
    /// again what was computed for them.
    ///
    /// # Errors
    ///
    /// [`AppError::Store`].
    pub async fn keep_evidence(&self, bundle: &Bundle, now: Timestamp) -> Result<String, AppError> {
        let digest = evidence::put(self.database(), bundle, now).await?;
        if let Some(reader) = self.limited_to() {
            evidence::allow_reader(self.database(), &digest, reader).await?;
        }
        Ok(bundle.address())
    }

    /// The bundle of an address, a digest, or a prefix of at least eight hex digits.
    ///
    /// # Errors
    ///
    /// [`AppError::NotFound`], also for what is no address and for what is not for this viewer;
    /// [`AppError::Store`] when several bundles begin with it, or the stored one was changed.
    pub async fn evidence(&self, address: &str) -> Result<Bundle, AppError> {
        let prefix = address.trim().trim_start_matches("bundle:");
        let is_address =
            (8..=64).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
        let found = match evidence::get(self.database(), prefix).await {
            _ if !is_address => None,
            // Whose prefix several bundles share is told to those alone who see all of them.
            Err(StoreError::Corrupt { .. }) if self.limit.is_some() => None,
            found => found?,
        };
        let is_seen = match &found {
            Some(bundle) => self.sees_evidence(&bundle.digest()).await?,
            None => false,
        };
        found.filter(|_| is_seen).ok_or_else(|| AppError::NotFound {
            what: "evidence",
            id: address.chars().take(40).collect(),
        })
    }

    /// Evidence is seen by those who see everything, by whoever asked the question, and by those who see
    /// a proposal that stands on it.
    async fn sees_evidence(&self, digest: &str) -> Result<bool, AppError> {
        let Some(reader) = self.limited_to() else { return Ok(true) };
        if evidence::is_reader(self.database(), digest, reader).await? {
            return Ok(true);
        }
        // What time did to a proposal does not matter here.
        let proposals = self.approvals.all(Timestamp::UNIX_EPOCH).await?;
        Ok(proposals.iter().any(|view| view.proposal.evidence == digest))
    }

    /// How much of each scope is seen; a scope that names no dimension is not seen.
    pub(crate) async fn seen_of<'s>(
        &self,
        scopes: impl Iterator<Item = &'s BTreeMap<String, String>>,
    ) -> Result<Vec<Seen>, AppError> {
        let questions: Vec<Option<Vec<Condition>>> = scopes.map(conditions).collect();
        let asked: Vec<Vec<Condition>> =
            questions.iter().map(|question| question.clone().unwrap_or_default()).collect();
        let seen = self.ledger.seen(&asked).await?;
        let known = |(question, seen): (&Option<Vec<Condition>>, Seen)| {
            if question.is_some() { seen } else { Seen::Nothing }
        };
        Ok(questions.iter().zip(seen).map(known).collect())
    }

    /// The names under which episodes are numbered. Those of a part of the spend that is seen as a whole
    /// are everybody's; what somebody sees of a larger part is theirs alone.
    pub(crate) async fn episode_names(
        &self,
        found: &[Found<'_>],
        slices: &[Slice],
    ) -> Result<Vec<Vec<EpisodeName>>, AppError> {
        let names = found.iter().map(|found| found.names.clone());
        let Some(reader) = self.limited_to() else { return Ok(names.collect()) };
        let names: Vec<Vec<EpisodeName>> = names.collect();
        let scopes: HashMap<String, &BTreeMap<String, String>> =
            slices.iter().map(|slice| (name_of(&slice.scope), &slice.scope)).collect();
        let mut used: Vec<&str> = names.iter().flatten().map(|(name, _)| name.as_str()).collect();
        used.sort_unstable();
        used.dedup();
        let known: Vec<(&str, &BTreeMap<String, String>)> =
            used.into_iter().filter_map(|name| Some((name, *scopes.get(name)?))).collect();
        let seen = self.seen_of(known.iter().map(|(_, scope)| *scope)).await?;
        let whole: Vec<&str> = known
            .iter()
            .zip(seen)
            .filter(|(_, seen)| *seen == Seen::All)
            .map(|((name, _), _)| *name)
            .collect();
        let named = |(name, start): &EpisodeName| {
            if whole.binary_search(&name.as_str()).is_ok() {
                (name.clone(), start.clone())
            } else {
                (format!("{reader}\u{1}{name}"), start.clone())
            }
        };
        Ok(names.iter().map(|names| names.iter().map(named).collect()).collect())
    }
}

fn conditions(scope: &BTreeMap<String, String>) -> Option<Vec<Condition>> {
    let condition = |(name, value): (&String, &String)| {
        Some(Condition { dimension: name.parse().ok()?, any_of: [value.clone()].into() })
    };
    scope.iter().map(condition).collect()
}
