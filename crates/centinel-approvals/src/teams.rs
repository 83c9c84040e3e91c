//! Microsoft Teams: a card that says what waits, with a link. Nothing comes back: whoever decides signs
//! in on the page.
//!
//! # Source
//!
//! Microsoft, "Create incoming webhooks with Workflows" (a message with an Adaptive Card as attachment),
//! and the Adaptive Cards schema 1.4. A card is at most 28 kB.

use std::time::Duration;

use centinel_engine::proposal::Status;
use centinel_store::{chat, chat::ChatMessage};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Url, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::{
    Approvals, View,
    escape::visible_line,
    slack::{Address, DeskError, SlackError, Told},
};

/// Longest time of one request.
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// How long whoever posts holds the intent.
const LEASE: SignedDuration = SignedDuration::from_mins(2);
/// Longest foreign text of a card, in characters.
const TEXT_MAX: usize = 300;
/// What is reported on.
const METHOD: &str = "the webhook of Teams";

/// One webhook.
#[derive(Debug)]
pub struct Teams {
    approvals: Approvals,
    http: reqwest::Client,
    webhook: SecretString,
    page: String,
}

impl Teams {
    /// A webhook by its address, which is a secret.
    ///
    /// # Errors
    ///
    /// [`SlackError::Address`] where the address is not encrypted, [`SlackError::Client`].
    pub fn new(approvals: Approvals, webhook: SecretString, page: &str) -> Result<Self, DeskError> {
        let wrong = || SlackError::Address("the webhook of Teams".to_owned());
        let url = Url::parse(webhook.expose_secret().trim()).map_err(|_| wrong())?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
            return Err(wrong().into());
        }
        // An error says that somebody installed a provider before: then that one holds.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("centinel/", env!("CARGO_PKG_VERSION")))
            .timeout(REQUEST_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| SlackError::Client(error.without_url().to_string()))?;
        Ok(Self { approvals, http, webhook, page: page.to_owned() })
    }

    /// Posts what is new. A webhook says nothing of what was posted, so one that did not answer is asked
    /// again, and a card too many is possible.
    ///
    /// # Errors
    ///
    /// [`DeskError`] when the proposals cannot be read.
    pub async fn step(&self, now: Timestamp) -> Result<Vec<Told>, DeskError> {
        let database = &self.approvals.database;
        let mut told = Vec::new();
        for view in self.approvals.inbox(now).await? {
            if view.status != Status::Pending {
                continue;
            }
            let key = format!("teams:{}:{}", view.proposal.id, view.proposal.version);
            if chat::message(database, &key).await?.is_some() {
                continue;
            }
            if chat::intend(database, &key, "teams", now, LEASE).await?.is_none() {
                continue;
            }
            match self.post(&card(&view, &self.page)).await {
                Ok(()) => {
                    let (channel, ts) = ("teams".to_owned(), now.to_string());
                    let shown = view.digest.clone();
                    let message = ChatMessage { key: key.clone(), channel, ts, shown };
                    chat::posted(database, &message).await?;
                    told.push(Told::Posted { key });
                }
                Err(error) => told.push(Told::Failed { key, reason: error.to_string() }),
            }
        }
        Ok(told)
    }

    async fn post(&self, card: &Value) -> Result<(), SlackError> {
        let failed = |reason: String| SlackError::Unreachable { method: METHOD, reason };
        let request = self
            .http
            .post(self.webhook.expose_secret().trim())
            .header(header::CONTENT_TYPE, "application/json")
            .body(card.to_string());
        // The address is a secret: an error must not repeat it.
        let answer =
            request.send().await.map_err(|_| failed("the connection failed".to_owned()))?;
        let status = answer.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(failed(format!("status {}", status.as_u16())))
        }
    }
}

/// The card of a proposal. A `TextRun` is shown as it is; facts and text blocks know some Markdown and no
/// way to escape it, so foreign text stands in runs alone.
fn card(view: &View, page: &str) -> Value {
    let proposal = &view.proposal;
    let run = |text: &str, weight: &str| {
        let text: String = visible_line(text).take(TEXT_MAX).collect();
        json!({ "type": "RichTextBlock", "inlines": [
            { "type": "TextRun", "text": text, "weight": weight },
        ] })
    };
    let fact = |title: &str, value: String| json!({ "title": title, "value": value });
    let saving = proposal.saving.map_or_else(
        || "not estimated".to_owned(),
        |saving| format!("{} a month", saving.mid.to_estimate()),
    );
    let stake =
        proposal.amount_at_stake.map_or_else(|| "unknown".to_owned(), |amount| amount.to_string());
    let expires = proposal.expires_at.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let facts = [
        fact("Saving", saving),
        fact("At stake", stake),
        fact("Approvals needed", view.standing.requirement.approvers.to_string()),
        fact("Expires", expires),
    ];
    let address = Address::new(page, &format!("proposals/{}", proposal.id));
    let actions: Vec<Value> = address
        .iter()
        .map(|address| {
            json!({ "type": "Action.OpenUrl", "title": "Look and decide", "url": address.as_str() })
        })
        .collect();
    let head = format!("{} version {} waits for a decision", proposal.id, proposal.version);
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    run(&head, "bolder"),
                    run(&proposal.title, "default"),
                    run(&format!("Owner: {}", proposal.owner), "default"),
                    { "type": "FactSet", "facts": facts },
                ],
                "actions": actions,
            },
        }],
    })
}
