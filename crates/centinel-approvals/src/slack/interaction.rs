//! What Slack sends when somebody clicks, answers or types a command: read from bytes whose sender was
//! shown to be Slack, and believed no further than that.
//!
//! # Source
//!
//! Slack, "Handling user interaction", "Slash commands" and "Socket Mode": payloads `block_actions` and
//! `view_submission`, fields of a command, envelopes.

use centinel_engine::facts::sha256_hex;
use serde::Deserialize;
use serde_json::Value;

use super::{blocks::UserId, client::read_form, value::Shown};
use crate::{Attested, edit::is_hidden, signature::SlackSigned};

/// Longest reason of a rejection, in characters.
pub(super) const REASON_MAX: usize = 1_000;
/// Name of the modal that asks for a reason, and of its question.
pub(super) const REASON: &str = "reason";

/// Something that a user did, not looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Under which it is looked at once, however often and by whatever way it comes.
    pub(super) keys: Vec<String>,
    pub(super) who: Attested,
    pub(super) user: UserId,
    /// The workspace of the account, where it says another one than that of the conversation.
    pub(super) home: Option<String>,
    pub(super) trigger: String,
    pub(super) response_url: Option<String>,
    pub(super) deed: Deed,
}

/// What a user did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    /// Clicked `Approve`, and confirmed.
    Approve(Shown),
    /// Clicked `Reject…`.
    AskReason(Shown),
    /// Sent the reason off.
    Reject(Shown, String),
    /// Clicked `Snooze`.
    Snooze(Shown),
    /// A button whose value is not one of ours.
    NotOurs,
    /// Typed a command, with this after it.
    Command(String),
}

/// What the sender gets at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ack {
    /// It came.
    Taken,
    /// It came, and this is said in answer.
    Says(Value),
}

/// A request that is none of Slack's, though its sender is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is no interaction and no command of Slack")]
pub struct Unreadable;

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    team: Option<Named>,
    user: PayloadUser,
    #[serde(default)]
    trigger_id: String,
    #[serde(default)]
    response_url: Option<String>,
    #[serde(default)]
    actions: Vec<Action>,
    #[serde(default)]
    view: Option<Value>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct PayloadUser {
    id: String,
    #[serde(default)]
    team_id: Option<String>,
}

#[derive(Deserialize)]
struct Action {
    #[serde(default)]
    action_id: String,
    #[serde(default)]
    value: Option<String>,
}

/// Reads a request that came over HTTP.
///
/// # Errors
///
/// [`Unreadable`].
pub(super) fn over_http(signed: SlackSigned<'_>) -> Result<(Ack, Option<Work>), Unreadable> {
    let fields = read_form(signed.body()).ok_or(Unreadable)?;
    let key = format!("signature:{}", sha256_hex(signed.signature().as_bytes()));
    let mut payloads = fields.iter().filter(|(name, _)| name == "payload");
    match (payloads.next(), payloads.next()) {
        (Some((_, payload)), None) => {
            let payload: Value = serde_json::from_str(payload).map_err(|_| Unreadable)?;
            interaction(payload, key)
        }
        (None, _) => {
            let named = |name: &str| {
                let mut values = fields.iter().filter(|(known, _)| known == name);
                match (values.next(), values.next()) {
                    (Some((_, value)), None) => Some(value.clone()),
                    _ => None,
                }
            };
            command(named, key)
        }
        _ => Err(Unreadable),
    }
}

/// Reads what came over Socket Mode, whose connection Slack gave us for our own token.
pub(super) fn over_socket(
    kind: &str,
    envelope: &str,
    payload: Value,
) -> Result<(Ack, Option<Work>), Unreadable> {
    let key = format!("envelope:{}", sha256_hex(envelope.as_bytes()));
    match kind {
        "interactive" => interaction(payload, key),
        "slash_commands" => command(|name| payload.get(name)?.as_str().map(str::to_owned), key),
        _ => Ok((Ack::Taken, None)),
    }
}

fn interaction(payload: Value, key: String) -> Result<(Ack, Option<Work>), Unreadable> {
    let payload: Payload = serde_json::from_value(payload).map_err(|_| Unreadable)?;
    let deed = match payload.kind.as_str() {
        "block_actions" => match clicked(&payload.actions) {
            Some(deed) => deed,
            None => return Ok((Ack::Taken, None)),
        },
        "view_submission" => match answered(payload.view.as_ref()).ok_or(Unreadable)? {
            Ok(deed) => deed,
            Err(problem) => {
                let answer = serde_json::json!({
                    "response_action": "errors", "errors": { (REASON): problem },
                });
                return Ok((Ack::Says(answer), None));
            }
        },
        // Closed windows, shortcuts: nothing that we offer.
        _ => return Ok((Ack::Taken, None)),
    };
    let team = payload.team.map(|team| team.id).ok_or(Unreadable)?;
    let user = payload.user;
    let work = work(&team, user.id, user.team_id, payload.trigger_id, key, deed)?;
    Ok((Ack::Taken, Some(Work { response_url: payload.response_url, ..work })))
}

fn command(
    field: impl Fn(&str) -> Option<String>,
    key: String,
) -> Result<(Ack, Option<Work>), Unreadable> {
    if field("command").as_deref() != Some("/centinel") {
        return Err(Unreadable);
    }
    let (team, user) = (field("team_id").ok_or(Unreadable)?, field("user_id").ok_or(Unreadable)?);
    let text = field("text").unwrap_or_default().trim().to_lowercase();
    let trigger = field("trigger_id").unwrap_or_default();
    let work = work(&team, user, None, trigger, key, Deed::Command(text))?;
    Ok((Ack::Taken, Some(Work { response_url: field("response_url"), ..work })))
}

fn work(
    team: &str,
    user: String,
    home: Option<String>,
    trigger: String,
    key: String,
    deed: Deed,
) -> Result<Work, Unreadable> {
    let who = Attested::of_slack(team, &user).map_err(|_| Unreadable)?;
    let user = UserId::new(&user).ok_or(Unreadable)?;
    let mut keys = vec![key];
    if !trigger.is_empty() {
        keys.push(format!("trigger:{}", sha256_hex(trigger.as_bytes())));
    }
    Ok(Work { keys, who, user, home, trigger, response_url: None, deed })
}

/// What a click means; `None` for buttons that only open a page.
fn clicked(actions: &[Action]) -> Option<Deed> {
    let [action] = actions else { return Some(Deed::NotOurs) };
    let shown = || action.value.as_deref().and_then(|value| value.parse().ok());
    let of = |deed: fn(Shown) -> Deed| shown().map_or(Deed::NotOurs, deed);
    match action.action_id.as_str() {
        "approve" => Some(of(Deed::Approve)),
        "reject" => Some(of(Deed::AskReason)),
        "snooze" => Some(of(Deed::Snooze)),
        "details" | "approve_on_page" => None,
        _ => Some(Deed::NotOurs),
    }
}

/// What a window was sent off with: a deed, or what is wrong with the answer.
fn answered(view: Option<&Value>) -> Option<Result<Deed, &'static str>> {
    let view = view?;
    if view.get("callback_id")?.as_str()? != REASON {
        return None;
    }
    let reason = view.pointer("/state/values/reason/reason/value")?.as_str().unwrap_or_default();
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_MAX {
        return Some(Err("1 to 1000 characters"));
    }
    if reason.chars().any(|c| c.is_control() || is_hidden(c)) {
        return Some(Err("one line of characters that can all be seen"));
    }
    let shown = view.get("private_metadata")?.as_str()?.parse();
    Some(Ok(shown.map_or(Deed::NotOurs, |shown| Deed::Reject(shown, reason.to_owned()))))
}
