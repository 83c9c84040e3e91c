//! Where everything of one workspace comes together: what was clicked, and what is done about it.

use std::sync::Arc;

use centinel_engine::proposal::{ProposalId, Refusal, Status};
use centinel_store::{StoreError, audit, chat, evidence};
use jiff::{SignedDuration, Timestamp};

use super::{
    answers,
    blocks::{Block, Blocks, Marked, Modal, Plain, TextInput},
    card::Words,
    client::{Patience, SlackClient, SlackError},
    digest::Schedule,
    interaction::{self, Ack, Deed, REASON, REASON_MAX, Unreadable, Work},
    value::Shown,
};
use crate::{ApprovalError, Approvals, Verdict, View, signature::SlackSigned};

/// How long a click on `Snooze` puts reminders off.
pub(super) const SNOOZED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What is configured of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The workspace, `T…`: whoever is of another one is not listened to.
    pub team: String,
    /// The channel of the messages, `C…`.
    pub channel: String,
    /// The address of our page, as people reach it.
    pub page: String,
    /// When a summary is posted; `None` for never.
    pub digest: Option<Schedule>,
}

/// Why something could not be done about Slack.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// Slack refused or did not answer.
    #[error(transparent)]
    Slack(#[from] SlackError),
    /// Proposals could not be read or written.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One workspace: its messages and what is clicked in it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {
    pub(super) approvals: Approvals,
    pub(super) client: Arc<SlackClient>,
    pub(super) settings: Arc<Settings>,
}

impl Desk {
    /// A desk. Nothing is asked or posted yet.
    pub fn new(approvals: Approvals, client: SlackClient, settings: Settings) -> Self {
        Self { approvals, client: Arc::new(client), settings: Arc::new(settings) }
    }

    /// Reads a signed request, for an answer at once; what there is to do about it comes back.
    ///
    /// # Errors
    ///
    /// [`Unreadable`].
    pub fn receive(signed: SlackSigned<'_>) -> Result<(Ack, Option<Work>), Unreadable> {
        interaction::over_http(signed)
    }

    /// Does what a user asked for, as far as they may, and tells them. Returns what they are told, in
    /// Slack's words.
    ///
    /// What is refused is no error: it is said, and in the audit log.
    ///
    /// # Errors
    ///
    /// [`DeskError`] when something failed; nothing was decided then, or it is in the log.
    pub async fn work(&self, work: Work, now: Timestamp) -> Result<String, DeskError> {
        let said = match self.objection(&work, now).await? {
            Some(objection) => {
                let account = work.who.account().to_string();
                let subject = work.subject(&account);
                self.approvals.note_refusal(&account, &subject, objection, now).await?;
                answers::refused(objection)
            }
            None => match self.act(&work, now).await {
                Ok(said) => said,
                Err(DeskError::Approval(error)) if error.is_store_failure() => {
                    return Err(error.into());
                }
                Err(DeskError::Approval(error)) => {
                    self.after_refusal(&work, &error, now).await;
                    answers::error(&error)
                }
                Err(DeskError::Slack(error)) => {
                    tracing::warn!(%error, "a click in Slack could not be followed");
                    answers::refused("Slack did not answer; try again, or use the page")
                }
                Err(error) => return Err(error),
            },
        };
        let channel = &self.settings.channel;
        let response_url = work.response_url.as_deref();
        // Whether they can be told changes nothing about what was done.
        if let Err(error) = self.client.whisper(response_url, channel, &work.user, &said).await {
            tracing::warn!(%error, "somebody could not be answered in Slack");
        }
        Ok(said)
    }

    /// Why a user is not listened to at all.
    async fn objection(
        &self,
        work: &Work,
        now: Timestamp,
    ) -> Result<Option<&'static str>, DeskError> {
        let mut is_first = true;
        for key in &work.keys {
            is_first &= chat::first_time(&self.approvals.database, key, now).await?;
        }
        if !is_first {
            return Ok(Some("this was received already"));
        }
        let team = &self.settings.team;
        let home = work.home.as_deref().unwrap_or(team);
        if work.who.account().place() != team || home != team {
            return Ok(Some("your account belongs to another workspace"));
        }
        Ok(match self.client.user(work.user.as_str()).await {
            Ok(user) => user.objection(work.user.as_str(), team).map(|why| match why {
                "it is a bot" => "a bot decides nothing",
                "it is a guest" => "a guest of the workspace decides nothing",
                "it is deactivated in Slack" => "your account is deactivated in Slack",
                "it belongs to another workspace" => "your account belongs to another workspace",
                _ => "Slack does not say that you are a member of the workspace",
            }),
            Err(SlackError::Refused { .. }) => Some("Slack does not know your account"),
            Err(_) => {
                Some("Slack does not answer who you are just now: try again, or use the page")
            }
        })
    }

    async fn act(&self, work: &Work, now: Timestamp) -> Result<String, DeskError> {
        match &work.deed {
            Deed::Approve(shown) => self.decide(work, shown, Verdict::Approve, now).await,
            Deed::Reject(shown, reason) => {
                let verdict = Verdict::Reject { reason: reason.clone() };
                self.decide(work, shown, verdict, now).await
            }
            Deed::AskReason(shown) => self.ask_reason(work, shown, now).await,
            Deed::Snooze(shown) => {
                let (person, view) = self.looked_at(work, shown, now).await?;
                let until = now.checked_add(SNOOZED_FOR).unwrap_or(Timestamp::MAX);
                let id = view.proposal.id;
                chat::snooze(&self.approvals.database, &person, id, until).await?;
                Ok(answers::snoozed(id, until))
            }
            Deed::NotOurs => {
                let account = work.who.account().to_string();
                let why = "a button of another message";
                self.approvals.note_refusal(&account, &account, why, now).await?;
                Ok(answers::refused("that button is none of Centinel's"))
            }
            Deed::Command(text) => self.command(work, text, now).await,
        }
    }

    async fn decide(
        &self,
        work: &Work,
        shown: &Shown,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<String, DeskError> {
        let decision = shown.decision(verdict);
        let view = self.approvals.decide_by_link(&work.who, decision, now).await?;
        self.show_again(shown.id, now).await;
        Ok(answers::decided(&view))
    }

    /// Opens the window that asks why, for somebody who may say no to what they looked at.
    async fn ask_reason(
        &self,
        work: &Work,
        shown: &Shown,
        now: Timestamp,
    ) -> Result<String, DeskError> {
        let (_, view) = self.looked_at(work, shown, now).await?;
        let mut blocks = Blocks::default();
        let text = Marked::new().foreign_up_to(&view.proposal.title, 300);
        blocks.push(Block::section(text.ours("\nRejecting is final, and everybody sees why.")));
        blocks.push(Block::Input {
            block_id: REASON,
            label: Plain::new("Reason"),
            element: TextInput::new(REASON, u32::try_from(REASON_MAX).unwrap_or(1_000)),
        });
        let title = format!("Reject {}", view.proposal.id);
        if let Some(modal) = Modal::new(REASON, shown.to_string(), &title, "Reject", blocks) {
            self.client.open(&work.trigger, &modal).await?;
        }
        Ok(answers::asked_why(shown.id))
    }

    /// The person of a user, and a proposal that is as they looked at it.
    async fn looked_at(
        &self,
        work: &Work,
        shown: &Shown,
        now: Timestamp,
    ) -> Result<(String, View), ApprovalError> {
        let account = work.who.account();
        let Some(person) = self.approvals.linked_person(&work.who).await? else {
            let refusal = ApprovalError::NotLinked(account.clone());
            let (account, subject) = (account.to_string(), shown.id.to_string());
            self.approvals.note_refusal(&account, &subject, &refusal.to_string(), now).await?;
            return Err(refusal);
        };
        let view = self.approvals.show(shown.id, now).await?;
        let current = (view.proposal.version, &view.digest);
        let refusal = if current != (shown.version, &shown.digest) {
            let current = view.proposal.version;
            Refusal::OtherVersion { id: shown.id, given: shown.version, current }
        } else if !matches!(view.status, Status::Pending | Status::Approved) {
            Refusal::Status { id: shown.id, status: view.status }
        } else {
            return Ok((person, view));
        };
        let (actor, subject) = (format!("person:{person}"), shown.id.to_string());
        self.approvals.note_refusal(&actor, &subject, &refusal.to_string(), now).await?;
        Err(refusal.into())
    }

    async fn command(&self, work: &Work, text: &str, now: Timestamp) -> Result<String, DeskError> {
        match text {
            "link" => match self.approvals.linked_person(&work.who).await? {
                Some(person) => Ok(answers::linked_already(&person)),
                None => {
                    let code = self.approvals.begin_link(&work.who, now).await?;
                    Ok(answers::code(&code, &self.settings.page))
                }
            },
            "inbox" => {
                let Some(person) = self.approvals.linked_person(&work.who).await? else {
                    return Err(ApprovalError::NotLinked(work.who.account().clone()).into());
                };
                let principal = centinel_engine::proposal::Principal::person(&person);
                let sight = self.approvals.sight(&principal, &[].into()).await?;
                let mut views = self.approvals.seen_by(sight).inbox(now).await?;
                views.retain(|view| {
                    view.status == Status::Pending && view.standing.eligible.contains(&person)
                });
                Ok(answers::inbox(&views, &self.settings.page))
            }
            _ => Ok(answers::HELP.to_owned()),
        }
    }

    /// A message that somebody clicked on in vain shows what is true now.
    async fn after_refusal(&self, work: &Work, error: &ApprovalError, now: Timestamp) {
        let id = match &work.deed {
            Deed::Approve(shown)
            | Deed::AskReason(shown)
            | Deed::Reject(shown, _)
            | Deed::Snooze(shown) => shown.id,
            Deed::NotOurs | Deed::Command(_) => return,
        };
        if matches!(error, ApprovalError::Refused(_)) {
            self.show_again(id, now).await;
        }
    }

    /// Writes the message of a proposal anew. Should that fail, the next round does it.
    async fn show_again(&self, id: ProposalId, now: Timestamp) {
        let shown = async {
            let view = self.approvals.show(id, now).await?;
            self.keep_current(&view, Patience::None).await
        };
        if let Err(error) = shown.await {
            tracing::warn!(%error, proposal = %id, "a message in Slack was not brought up to date");
        }
    }

    /// What a message says that is not in the proposal.
    pub(super) async fn words(&self, view: &View) -> Result<Words, DeskError> {
        let database = &self.approvals.database;
        let bundle = evidence::get(database, &view.proposal.evidence).await?;
        let windows = bundle.iter().flat_map(|bundle| &bundle.facts).filter_map(|fact| fact.window);
        let ends = windows.fold(None, |ends: Option<(Timestamp, Timestamp)>, window| {
            let (start, end) = ends.unwrap_or((window.start, window.end));
            Some((start.min(window.start), end.max(window.end)))
        });
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        Ok(Words {
            page: self.settings.page.clone(),
            window: ends.map(|(start, end)| format!("{} until {} (UTC)", day(start), day(end))),
            audit_head: audit::published_head(database).await?.to_string(),
        })
    }
}

impl Work {
    /// What it is about, for the log.
    fn subject(&self, account: &str) -> String {
        match &self.deed {
            Deed::Approve(shown)
            | Deed::AskReason(shown)
            | Deed::Reject(shown, _)
            | Deed::Snooze(shown) => shown.id.to_string(),
            Deed::NotOurs | Deed::Command(_) => account.to_owned(),
        }
    }
}
