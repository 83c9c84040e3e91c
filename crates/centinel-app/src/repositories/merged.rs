//! What people did in a repository, and what it means for the proposal.
//!
//! A merge of the very commit that was delivered is the decision of the person whose account it was, where
//! the policy lets one be made there. What is then approved was carried out by that merge. What is not was
//! carried out from outside: the log says so, and no approval is made good afterwards.

use centinel_approvals::{Attested, Decision, Found, Verdict, View};
use centinel_engine::proposal::{Channel, Command, Facts, Occurrence, Status};
use centinel_store::DeliverySeen;
use jiff::Timestamp;

use super::{AllEffects, Repositories, deliver::Happened};
use crate::{App, AppError};

impl App {
    /// Takes what was found in a repository into account; an error inside is one that passes, in words.
    pub(super) async fn followed(
        &self,
        repositories: &Repositories,
        view: &View,
        name: &str,
        happened: Happened,
        now: Timestamp,
    ) -> Result<Result<DeliverySeen, String>, AppError> {
        let seen = |state: &str, url, note, is_over| DeliverySeen {
            state: state.to_owned(),
            url,
            note,
            wanted: String::new(),
            is_over,
        };
        Ok(Ok(match happened {
            Happened::Stands { state, url, note } => seen(state, url, note, false),
            Happened::Gone => seen("gone", None, None, true),
            Happened::OutOfDate(why) => {
                if matches!(view.status, Status::Pending | Status::Approved) {
                    let facts = Facts::Changed(why.clone());
                    let id = view.proposal.id;
                    self.approvals.execute(id, &Command::Refresh, &facts, now).await?;
                    // The next round closes what is open.
                    seen("out_of_date", None, Some(why), false)
                } else {
                    seen("out_of_date", None, Some(why), true)
                }
            }
            Happened::Declined { by, url } => {
                let refused = self.declined(repositories, view, name, by.as_deref(), now).await?;
                let by = by.unwrap_or_else(|| "somebody".to_owned());
                let note = match refused {
                    None => format!("closed by {by}"),
                    Some(why) => format!("closed by {by}; no decision of a person here: {why}"),
                };
                seen("declined", url, Some(note), true)
            }
            Happened::There { by, is_as_delivered, url } => {
                let merge = (by.as_deref(), is_as_delivered);
                match self.there(repositories, view, name, merge, now).await? {
                    Ok(note) => seen("merged", url, Some(note), true),
                    Err(reason) => return Ok(Err(reason)),
                }
            }
        }))
    }

    /// A close is a rejection, where the account is linked to a person who may reject. Why it is none,
    /// otherwise.
    async fn declined(
        &self,
        repositories: &Repositories,
        view: &View,
        name: &str,
        by: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<String>, AppError> {
        let reason = "closed its pull request".to_owned();
        self.decided(repositories, view, name, by, Verdict::Reject { reason }, now).await
    }

    /// The values are on the base branch, as far as that can be seen. Says what that means, for people; an
    /// error is one that passes.
    async fn there(
        &self,
        repositories: &Repositories,
        view: &View,
        name: &str,
        (by, is_as_delivered): (Option<&str>, bool),
        now: Timestamp,
    ) -> Result<Result<String, String>, AppError> {
        let (id, whose) = (view.proposal.id, by.unwrap_or("somebody"));
        // What was merged may be another version's, or have been edited before.
        let found = match repositories.find(&view.proposal, name).await {
            Ok(found) => found,
            // Not to be seen now is not changed.
            Err(reason) => return Ok(Err(reason)),
        };
        if found != Found::Done {
            let why = match found {
                Found::Changed(what) => what,
                Found::Done | Found::NotDone => "the old values are there".to_owned(),
            };
            let why = format!("merged by {whose}, but not as proposed: {why}");
            if matches!(view.status, Status::Pending | Status::Approved) {
                let facts = Facts::Changed(why.clone());
                self.approvals.execute(id, &Command::Refresh, &facts, now).await?;
            }
            return Ok(Ok(why));
        }
        let mut not_counted = None;
        if view.status == Status::Pending {
            not_counted = match by {
                // They merged something, and what they were shown of it is not what is asked here.
                Some(_) if !is_as_delivered => {
                    Some("it was not the commit that was delivered of this version".to_owned())
                }
                _ => self.decided(repositories, view, name, by, Verdict::Approve, now).await?,
            };
        }
        let view = self.approvals.show(id, now).await?;
        let outside = match view.status {
            Status::Approved | Status::Failed => {
                let facts = self.saving_holds(&view.proposal, now).await?;
                match self.approvals.begin(id, &facts, now).await {
                    Ok(_) => {
                        let home = self.home_edits();
                        let effects = AllEffects { home, repositories };
                        self.approvals.carry_out(&effects, now).await?;
                        let status = self.approvals.show(id, now).await?.status;
                        return Ok(Ok(match status {
                            Status::Executed => format!("merged by {whose}"),
                            status => format!("merged by {whose}; the proposal is {status}"),
                        }));
                    }
                    Err(error) if error.is_refusal() => error.to_string(),
                    Err(error) => return Err(error.into()),
                }
            }
            Status::Pending => {
                not_counted.unwrap_or_else(|| "more approvals are missing".to_owned())
            }
            Status::Stale => "its facts had changed".to_owned(),
            // Carried out before, or ended: there is nothing that this could still be for.
            status => {
                self.approvals.note_merge(id, name, whose, status, now).await?;
                return Ok(Ok(format!("merged by {whose}; the proposal is {status}")));
            }
        };
        let what = format!("merged by {whose} without what approval asks for: {outside}");
        let what: String = what.chars().filter(|c| !c.is_control()).take(400).collect();
        self.approvals
            .execute(id, &Command::Overtake { what: what.clone() }, &Facts::Unchecked, now)
            .await?;
        Ok(Ok(what))
    }

    /// A decision made at the forge, as the person whose account it was; why there is none, otherwise.
    async fn decided(
        &self,
        repositories: &Repositories,
        view: &View,
        name: &str,
        by: Option<&str>,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Option<String>, AppError> {
        let accounts = repositories.get(name).ok().and_then(|it| it.accounts.as_ref());
        let (Some((service, host)), Some(login)) = (accounts, by) else {
            return Ok(Some("nobody says whose account it was".to_owned()));
        };
        // Read from the forge's API with our own credential, by the delivery.
        let attested = match Attested::of_forge(*service, host, login) {
            Ok(attested) => attested,
            Err(error) => return Ok(Some(error.to_string())),
        };
        let id = view.proposal.id;
        // They decided on what the pull request showed, which may be an earlier version.
        let shown = self.approvals.version_shown(id, name).await?;
        let Some((version, digest)) = shown.and_then(|version| version_of(view, version)) else {
            return Ok(Some("nobody knows which version its pull request showed".to_owned()));
        };
        let channel = Channel::PullRequest;
        let decision = Decision { id, version, digest, verdict, channel };
        match self.approvals.decide_by_link(&attested, decision, now).await {
            Ok(_) => Ok(None),
            Err(error) if error.is_refusal() => Ok(Some(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }
}

/// A version of a proposal with its digest, as the log has it.
fn version_of(view: &View, version: u32) -> Option<(u32, String)> {
    view.events.iter().find_map(|event| match &event.what {
        Occurrence::Proposed { proposal, digest } if proposal.version == version => {
            Some((version, digest.clone()))
        }
        _ => None,
    })
}
