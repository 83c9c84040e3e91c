//! Messages: one for each proposal, posted once and edited in place; alerts of emergencies; summaries.
//!
//! Slack has no key that makes a post happen once. So it is noted first what is about to be posted, and
//! the message carries its key unseen. Whoever comes after a crash looks through the channel for that
//! key before posting; where the app may not read the channel, one message too many is possible, and
//! no more than that.

use centinel_engine::{
    facts::sha256_hex,
    proposal::{Occurrence, Status},
};
use centinel_store::{chat, chat::ChatMessage, links::Service};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    blocks::{Address, Block, Blocks, Marked, UserId},
    card::{self, Card, card},
    client::{Patience, Posted},
    desk::{Desk, DeskError},
};
use crate::{View, escape};

/// How long whoever posts holds the intent.
const LEASE: SignedDuration = SignedDuration::from_mins(2);
/// How far Slack's clock may be behind ours.
const SKEW_SECONDS: i64 = 300;
/// An emergency that began longer ago is no news.
const ALERT_MAX: SignedDuration = SignedDuration::from_hours(24);
/// Most people who are called in one message.
const MENTIONS_MAX: usize = 50;

/// What was done in Slack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Told {
    /// A message was posted.
    Posted {
        /// What it is about: `proposal:P-7`.
        key: String,
    },
    /// A message shows something else now.
    Edited {
        /// What it is about.
        key: String,
    },
    /// It did not work, and is tried again.
    Failed {
        /// What it is about.
        key: String,
        /// Why.
        reason: String,
    },
}

impl Desk {
    /// Posts what is new, brings messages up to date, tells of emergencies, and posts the summary that is
    /// due. One thing that fails does not keep the others.
    ///
    /// # Errors
    ///
    /// [`DeskError`] when the proposals cannot be read.
    pub async fn step(&self, now: Timestamp) -> Result<Vec<Told>, DeskError> {
        let views = self.approvals.all(now).await?;
        let messages = chat::messages(&self.approvals.database).await?;
        let mut told = Vec::new();
        for view in &views {
            let key = key_of(view);
            let message = messages.get(&key);
            note(&mut told, &key, self.proposal(view, &key, message, now).await);
            if let Some((key, card)) = self.alert(view, now).await? {
                note(&mut told, &key, self.once(&key, &card, now).await);
            }
        }
        if let Some((key, card)) = self.digest(&views, now).await? {
            note(&mut told, &key, self.once(&key, &card, now).await);
        }
        Ok(told)
    }

    /// The message of one proposal, where it deserves one.
    async fn proposal(
        &self,
        view: &View,
        key: &str,
        message: Option<&ChatMessage>,
        now: Timestamp,
    ) -> Result<Option<Told>, DeskError> {
        if let Some(message) = message {
            return self.edit(view, message.clone(), Patience::Some).await;
        }
        // What was decided before anybody told Slack of it is no news.
        if !matches!(view.status, Status::Pending | Status::Approved) {
            return Ok(None);
        }
        let card = card(view, &self.words(view).await?);
        self.post(key, &card, &shown(view), now).await
    }

    /// Edits the message of a proposal where it shows something else.
    pub(super) async fn keep_current(
        &self,
        view: &View,
        patience: Patience,
    ) -> Result<Option<Told>, DeskError> {
        match chat::message(&self.approvals.database, &key_of(view)).await? {
            Some(message) => self.edit(view, message, patience).await,
            None => Ok(None),
        }
    }

    async fn edit(
        &self,
        view: &View,
        message: ChatMessage,
        patience: Patience,
    ) -> Result<Option<Told>, DeskError> {
        let shown = shown(view);
        // What it says now is looked up only where that is not what is there.
        if message.shown == shown {
            return Ok(None);
        }
        let card = card(view, &self.words(view).await?);
        self.show(&message, &card, &shown, patience).await
    }

    /// Edits a message where it shows something else.
    pub(super) async fn show(
        &self,
        message: &ChatMessage,
        card: &Card,
        shown: &str,
        patience: Patience,
    ) -> Result<Option<Told>, DeskError> {
        if message.shown == shown {
            return Ok(None);
        }
        let database = &self.approvals.database;
        let place = Posted { channel: message.channel.clone(), ts: message.ts.clone() };
        match self.client.update(&place, card, patience).await {
            Ok(()) => {}
            // Somebody deleted it: it is posted anew while it still matters.
            Err(error) if error.is("message_not_found") => {
                chat::gone(database, &message.key).await?;
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        let message = ChatMessage { shown: shown.to_owned(), ..message.clone() };
        chat::posted(database, &message).await?;
        Ok(Some(Told::Edited { key: message.key }))
    }

    /// A message that is never edited.
    async fn once(
        &self,
        key: &str,
        card: &Card,
        now: Timestamp,
    ) -> Result<Option<Told>, DeskError> {
        self.post(key, card, "once", now).await
    }

    pub(super) async fn post(
        &self,
        key: &str,
        card: &Card,
        shown: &str,
        now: Timestamp,
    ) -> Result<Option<Told>, DeskError> {
        let database = &self.approvals.database;
        let channel = &self.settings.channel;
        let Some(intent) = chat::intend(database, key, channel, now, LEASE).await? else {
            return Ok(None);
        };
        let found = if intent.is_retry {
            let since = intent.since.as_second().saturating_sub(SKEW_SECONDS);
            // Without the right to read the channel a second message is the lesser evil.
            self.client.find(channel, key, since).await.unwrap_or_else(|error| {
                tracing::warn!(%error, key, "a message may be there already and cannot be looked for");
                None
            })
        } else {
            None
        };
        let (place, is_old) = match found {
            Some(place) => (place, true),
            None => match self.client.post(channel, card, key).await {
                Ok(place) => (place, false),
                Err(error) => {
                    if !error.is_uncertain() && !intent.is_retry {
                        chat::give_up(database, key).await?;
                    }
                    return Err(error.into());
                }
            },
        };
        // What was found may show an earlier state: the next round edits it.
        let shown = if is_old { String::new() } else { shown.to_owned() };
        let Posted { channel, ts } = place;
        chat::posted(database, &ChatMessage { key: key.to_owned(), channel, ts, shown }).await?;
        Ok(Some(Told::Posted { key: key.to_owned() }))
    }

    /// The alert of an emergency that somebody began alone: it calls everybody who could have approved.
    async fn alert(
        &self,
        view: &View,
        now: Timestamp,
    ) -> Result<Option<(String, Card)>, DeskError> {
        let glass = view.events.iter().rev().find_map(|event| match &event.what {
            Occurrence::GlassBroken { glass } => Some(glass),
            _ => None,
        });
        let Some(glass) = glass.filter(|glass| now.duration_since(glass.at) < ALERT_MAX) else {
            return Ok(None);
        };
        let (id, owner) = (view.proposal.id, &view.proposal.owner);
        let key = format!("emergency:{id}:{}", glass.at.as_microsecond());
        if chat::message(&self.approvals.database, &key).await?.is_some() {
            return Ok(None);
        }
        let people = self.approvals.people().await?;
        let roles = &view.standing.requirement.roles;
        let could = |name: &str| {
            people.get(name).is_some_and(|person| {
                person.human != glass.human && !person.role_kinds(owner).is_disjoint(roles)
            })
        };
        let called = self.users(could).await?;
        let mut text = Marked::new().ours(":rotating_light: ").foreign_up_to(&glass.name, 100);
        text = text.ours(" took ");
        text = match Address::new(&self.settings.page, &format!("proposals/{id}")) {
            Some(address) => text.ours(&format!("<{}|{id}>", address.as_str())),
            None => text.ours(&id.to_string()),
        };
        text = text
            .ours(&format!(" forward alone at {}: ", card::instant(glass.at)))
            .foreign_up_to(&view.proposal.title, 300)
            .ours("\nTicket ")
            .foreign_up_to(&glass.ticket, 200)
            .ours(": ")
            .foreign_up_to(&glass.reason, 600)
            .ours(&format!(
                "\nSomebody else looks at it until {}: `centinel review {id}`.",
                card::instant(glass.review_until)
            ));
        if !called.is_empty() {
            text = text.ours("\n");
        }
        for user in called.iter().take(MENTIONS_MAX) {
            text = text.mention(user).ours(" ");
        }
        let mut blocks = Blocks::default();
        blocks.push(Block::section(text));
        let words = self.words(view).await?;
        blocks.push(Block::context(card::audit_head(&words.audit_head).into_iter().collect()));
        let text = escape::slack::text(&format!("Emergency: {id}, {}", view.proposal.title), 300);
        Ok(Some((key, Card { blocks, text })))
    }

    /// The users of this workspace that are linked to people for whom something holds.
    pub(super) async fn users(
        &self,
        is_meant: impl Fn(&str) -> bool,
    ) -> Result<Vec<UserId>, DeskError> {
        let links = self.approvals.links().await?;
        let here = links.iter().filter(|link| {
            let account = &link.account;
            account.service() == Service::Slack && account.place() == self.settings.team
        });
        let users = here.filter(|link| is_meant(&link.person));
        Ok(users.filter_map(|link| UserId::new(link.account.id())).collect())
    }
}

fn note(told: &mut Vec<Told>, key: &str, result: Result<Option<Told>, DeskError>) {
    match result {
        Ok(done) => told.extend(done),
        Err(error) => told.push(Told::Failed { key: key.to_owned(), reason: error.to_string() }),
    }
}

fn key_of(view: &View) -> String {
    format!("proposal:{}", view.proposal.id)
}

/// Digest of what a message shows of a proposal. The audit log's head is not part of it: that grows with
/// everything that happens, and a message says the head of when it was last written.
fn shown(view: &View) -> String {
    let card = card(view, &card::Words::default());
    sha256_hex(serde_json::to_string(&card).unwrap_or_default().as_bytes())
}
