//! The few methods of Slack's Web API that are used, bounded in time and bytes.
//!
//! # Source
//!
//! Slack, "Using the Slack Web API": arguments as a form, an answer of JSON with `ok`, errors as a word
//! in `error`; "Rate limits": status 429 with `Retry-After` in seconds.

use std::time::Duration;

use reqwest::{StatusCode, Url, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{
    blocks::{Modal, UserId},
    card::Card,
};

/// Where Slack answers.
pub const SLACK: &str = "https://slack.com/api";
/// Where Slack's own answers to a click go, besides the API.
const HOOKS: &str = "https://hooks.slack.com/";
/// Longest time of one request.
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// Most bytes of an answer.
const BODY_MAX: usize = 4 << 20;
/// Tries of one request that Slack puts off.
const TRIES_MAX: u32 = 3;
/// Longest wait that Slack may ask for; past that, whoever asked comes back later.
const WAIT_MAX: Duration = Duration::from_mins(1);
/// Messages looked through for one of ours.
const HISTORY_PAGES: u32 = 5;
/// What a message of ours carries, unseen.
const EVENT_TYPE: &str = "centinel_message";

/// Why Slack did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SlackError {
    /// The address is none that a token may go to.
    #[error("Slack's address `{0}` is not `https://…`; `http://` is for this machine only")]
    Address(String),
    /// A token cannot be sent in a header.
    #[error("Slack's token holds characters that no token has")]
    Token,
    /// No client can be made.
    #[error("no client for Slack: {0}")]
    Client(String),
    /// There was no answer, or none that says what happened.
    #[error("Slack did not answer `{method}`: {reason}")]
    Unreachable {
        /// The method.
        method: &'static str,
        /// Why.
        reason: String,
    },
    /// Slack asks for more patience than there is.
    #[error("Slack asks to wait {seconds} seconds with `{method}`")]
    AskedToWait {
        /// The method.
        method: &'static str,
        /// For how long.
        seconds: u64,
    },
    /// Slack refused.
    #[error("Slack refused `{method}`: `{error}`")]
    Refused {
        /// The method.
        method: &'static str,
        /// Slack's word.
        error: String,
    },
    /// There is no app-level token.
    #[error("Socket Mode needs an app-level token")]
    NoAppToken,
}

impl SlackError {
    /// Whether what was asked for may have happened all the same.
    pub fn is_uncertain(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether Slack answered with this word.
    pub(crate) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Refused { error, .. } if error == word)
    }
}

/// How Slack is reached.
#[derive(Debug)]
pub struct Access {
    /// The address of the Web API; [`SLACK`] but for tests.
    pub api: String,
    /// The bot's token, `xoxb-…`.
    pub bot_token: SecretString,
    /// The app-level token of Socket Mode, `xapp-…`.
    pub app_token: Option<SecretString>,
}

/// How long a request may be put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Somebody waits for the answer.
    None,
    /// Nobody does.
    Some,
}

/// A client of one workspace.
pub struct SlackClient {
    http: reqwest::Client,
    base: Url,
    access: Access,
}

impl std::fmt::Debug for SlackClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SlackClient({})", self.base)
    }
}

/// What Slack says of a user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct User {
    id: String,
    #[serde(default)]
    team_id: Option<String>,
    #[serde(default)]
    deleted: bool,
    // Slack says these of every user; of one of whom it does not, nothing is believed.
    #[serde(default)]
    is_bot: Option<bool>,
    #[serde(default)]
    is_restricted: Option<bool>,
    #[serde(default)]
    is_ultra_restricted: Option<bool>,
    // And these of some.
    #[serde(default)]
    is_stranger: bool,
    #[serde(default, rename = "is_invited_user")]
    is_only_invited: bool,
}

impl User {
    /// Why this user decides nothing; `None` when nothing is against it.
    pub(crate) fn objection(&self, id: &str, team: &str) -> Option<&'static str> {
        if self.id != id || self.team_id.as_deref() != Some(team) || self.is_stranger {
            return Some("it belongs to another workspace");
        }
        if self.deleted {
            return Some("it is deactivated in Slack");
        }
        match (self.is_bot, self.is_restricted, self.is_ultra_restricted) {
            (Some(false), Some(false), Some(false)) if self.is_only_invited => {
                Some("it was invited and never came")
            }
            (Some(false), Some(false), Some(false)) => None,
            (Some(true), ..) => Some("it is a bot"),
            (_, Some(true), _) | (_, _, Some(true)) => Some("it is a guest"),
            _ => Some("Slack does not say what kind of account it is"),
        }
    }
}

/// Where a message of ours is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) channel: String,
    pub(crate) ts: String,
}

impl SlackClient {
    /// A client. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// [`SlackError::Address`], [`SlackError::Client`].
    pub fn new(access: Access) -> Result<Self, SlackError> {
        let shown = || access.api.chars().filter(|c| !c.is_control()).take(80).collect();
        let base = Url::parse(access.api.trim()).map_err(|_| SlackError::Address(shown()))?;
        let is_safe = match base.scheme() {
            "https" => true,
            "http" => is_here(&base),
            _ => false,
        };
        if !is_safe || !base.username().is_empty() || base.password().is_some() {
            return Err(SlackError::Address(shown()));
        }
        // An error says that somebody installed a provider before: then that one holds.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("centinel/", env!("CARGO_PKG_VERSION")))
            .timeout(REQUEST_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| SlackError::Client(error.without_url().to_string()))?;
        Ok(Self { http, base, access })
    }

    /// Posts a message and says where it is.
    pub(crate) async fn post(
        &self,
        channel: &str,
        card: &Card,
        key: &str,
    ) -> Result<Posted, SlackError> {
        let arguments = [
            ("channel", channel.to_owned()),
            ("text", card.text.clone()),
            ("blocks", json(&card.blocks)),
            ("metadata", metadata(key)),
            ("unfurl_links", "false".to_owned()),
            ("unfurl_media", "false".to_owned()),
        ];
        let answer = self.bot("chat.postMessage", &arguments, Patience::Some).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        match (text("channel"), text("ts")) {
            (Some(channel), Some(ts)) => Ok(Posted { channel, ts }),
            _ => Err(SlackError::Unreachable {
                method: "chat.postMessage",
                reason: "the answer names no message".to_owned(),
            }),
        }
    }

    /// Writes a message of ours anew.
    pub(crate) async fn update(
        &self,
        place: &Posted,
        card: &Card,
        patience: Patience,
    ) -> Result<(), SlackError> {
        let arguments = [
            ("channel", place.channel.clone()),
            ("ts", place.ts.clone()),
            ("text", card.text.clone()),
            ("blocks", json(&card.blocks)),
        ];
        self.bot("chat.update", &arguments, patience).await.map(|_| ())
    }

    /// A message of ours that carries a key, posted since an instant; `None` when there is none.
    pub(crate) async fn find(
        &self,
        channel: &str,
        key: &str,
        since: i64,
    ) -> Result<Option<Posted>, SlackError> {
        let mut cursor = String::new();
        for _ in 0..HISTORY_PAGES {
            let arguments = [
                ("channel", channel.to_owned()),
                ("oldest", since.to_string()),
                ("include_all_metadata", "true".to_owned()),
                ("limit", "200".to_owned()),
                ("cursor", cursor.clone()),
            ];
            let answer = self.bot("conversations.history", &arguments, Patience::Some).await?;
            let messages = answer.get("messages").and_then(Value::as_array);
            let is_ours = |message: &&Value| {
                let metadata = message.get("metadata");
                let word = |path: &str| metadata.and_then(|value| value.pointer(path)?.as_str());
                message.get("bot_id").is_some()
                    && word("/event_type") == Some(EVENT_TYPE)
                    && word("/event_payload/key") == Some(key)
            };
            let found = messages.into_iter().flatten().find(is_ours);
            if let Some(ts) = found.and_then(|message| message.get("ts")?.as_str()) {
                return Ok(Some(Posted { channel: channel.to_owned(), ts: ts.to_owned() }));
            }
            let next = answer.pointer("/response_metadata/next_cursor").and_then(Value::as_str);
            match next.filter(|next| !next.is_empty()) {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        Ok(None)
    }

    /// Opens a window in answer to a click.
    pub(crate) async fn open(&self, trigger: &str, modal: &Modal) -> Result<(), SlackError> {
        let arguments = [("trigger_id", trigger.to_owned()), ("view", json(modal))];
        self.bot("views.open", &arguments, Patience::None).await.map(|_| ())
    }

    /// What Slack says of a user.
    pub(crate) async fn user(&self, id: &str) -> Result<User, SlackError> {
        let arguments = [("user", id.to_owned())];
        let answer = self.bot("users.info", &arguments, Patience::None).await?;
        let user = answer.get("user").cloned().unwrap_or_default();
        serde_json::from_value(user).map_err(|_| SlackError::Unreachable {
            method: "users.info",
            reason: "the answer describes no user".to_owned(),
        })
    }

    /// Says one line to one user, seen by nobody else: where Slack said to answer, else in a channel.
    pub(crate) async fn whisper(
        &self,
        response_url: Option<&str>,
        channel: &str,
        user: &UserId,
        text: &str,
    ) -> Result<(), SlackError> {
        if let Some(address) = response_url.filter(|address| self.is_slacks(address)) {
            let body = serde_json::json!({
                "response_type": "ephemeral", "replace_original": false, "text": text,
            });
            let request = self
                .http
                .post(address)
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.to_string());
            let sent = request.send().await.map_err(|error| unreachable("response_url", error))?;
            if sent.status().is_success() {
                return Ok(());
            }
        }
        let arguments = [
            ("channel", channel.to_owned()),
            ("user", user.as_str().to_owned()),
            ("text", text.to_owned()),
        ];
        self.bot("chat.postEphemeral", &arguments, Patience::None).await.map(|_| ())
    }

    /// A new address of Socket Mode.
    pub(crate) async fn socket_address(&self) -> Result<Url, SlackError> {
        const METHOD: &str = "apps.connections.open";
        let token = self.access.app_token.as_ref().ok_or(SlackError::NoAppToken)?;
        let answer = self.call(METHOD, token, &[], Patience::Some).await?;
        let address = answer.get("url").and_then(Value::as_str).unwrap_or_default();
        let wrong = || SlackError::Unreachable {
            method: METHOD,
            reason: "the answer names no address of a socket".to_owned(),
        };
        let address = Url::parse(address).map_err(|_| wrong())?;
        let is_slacks = address
            .host_str()
            .is_some_and(|host| host.ends_with(".slack.com") || host.ends_with(".slack-gov.com"));
        match address.scheme() {
            "wss" if is_slacks => Ok(address),
            "ws" | "wss" if is_here(&self.base) && is_here(&address) => Ok(address),
            _ => Err(wrong()),
        }
    }

    /// Whether an address belongs to Slack, or to the fake that stands in for it on this machine.
    fn is_slacks(&self, address: &str) -> bool {
        address.starts_with(HOOKS)
            || (is_here(&self.base)
                && Url::parse(address).is_ok_and(|url| url.origin() == self.base.origin()))
    }

    async fn bot(
        &self,
        method: &'static str,
        arguments: &[(&str, String)],
        patience: Patience,
    ) -> Result<Value, SlackError> {
        self.call(method, &self.access.bot_token, arguments, patience).await
    }

    async fn call(
        &self,
        method: &'static str,
        token: &SecretString,
        arguments: &[(&str, String)],
        patience: Patience,
    ) -> Result<Value, SlackError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.once(method, token, arguments).await? {
                Ok(answer) => return Ok(answer),
                Err(wait)
                    if patience == Patience::Some && tries < TRIES_MAX && wait <= WAIT_MAX =>
                {
                    tokio::time::sleep(wait).await;
                }
                Err(wait) => {
                    return Err(SlackError::AskedToWait { method, seconds: wait.as_secs() });
                }
            }
        }
    }

    /// One request: its answer, or how long Slack asks to wait.
    async fn once(
        &self,
        method: &'static str,
        token: &SecretString,
        arguments: &[(&str, String)],
    ) -> Result<Result<Value, Duration>, SlackError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| SlackError::Address(self.base.to_string()))?
            .pop_if_empty()
            .push(method);
        let bearer = format!("Bearer {}", token.expose_secret().trim());
        let mut bearer = header::HeaderValue::from_str(&bearer).map_err(|_| SlackError::Token)?;
        bearer.set_sensitive(true);
        let request = self
            .http
            .post(url)
            .header(header::AUTHORIZATION, bearer)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form(arguments));
        let mut answer = request.send().await.map_err(|error| unreachable(method, error))?;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            let asked = answer.headers().get(header::RETRY_AFTER);
            let seconds = asked.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            return Ok(Err(Duration::from_secs(seconds.unwrap_or(1))));
        }
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| unreachable(method, error))? {
            body.extend_from_slice(&part);
            if body.len() > BODY_MAX {
                let reason = "the answer is too long".to_owned();
                return Err(SlackError::Unreachable { method, reason });
            }
        }
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        match answer.get("ok").and_then(Value::as_bool) {
            Some(true) => Ok(Ok(answer)),
            Some(false) => {
                let word = answer.get("error").and_then(Value::as_str).unwrap_or("no reason");
                let error = word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_');
                let error: String = error.take(60).collect();
                if matches!(error.as_str(), "internal_error" | "fatal_error" | "request_timeout") {
                    return Err(SlackError::Unreachable { method, reason: error });
                }
                Err(SlackError::Refused { method, error })
            }
            None => {
                let reason = format!("status {}", status.as_u16());
                Err(SlackError::Unreachable { method, reason })
            }
        }
    }
}

/// Whether an address is on this machine.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn unreachable(method: &'static str, error: reqwest::Error) -> SlackError {
    let reason = if error.is_timeout() { "it took too long" } else { "the connection failed" };
    SlackError::Unreachable { method, reason: reason.to_owned() }
}

fn metadata(key: &str) -> String {
    serde_json::json!({ "event_type": EVENT_TYPE, "event_payload": { "key": key } }).to_string()
}

/// Our own types always have a JSON form.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Arguments as a form.
fn form(arguments: &[(&str, String)]) -> String {
    let Ok(mut url) = Url::parse("http://form/") else { return String::new() };
    url.query_pairs_mut().extend_pairs(arguments.iter().filter(|(_, value)| !value.is_empty()));
    url.query().unwrap_or_default().to_owned()
}

/// The fields of a form.
pub(super) fn read_form(body: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(body).ok()?;
    // A query of an address is a form but for `#`, which ends it.
    if text.contains('#') {
        return None;
    }
    let url = Url::parse(&format!("http://form/?{text}")).ok()?;
    let pairs = url.query_pairs();
    Some(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_to_slack_or_stay_here() {
        let client = |api: &str| {
            let bot_token = SecretString::from("xoxb-hunter2");
            SlackClient::new(Access { api: api.to_owned(), bot_token, app_token: None })
        };
        for api in [SLACK, "https://slack-gov.com/api/", "http://127.0.0.1:1/api", "http://[::1]/"]
        {
            let client = client(api).unwrap();
            assert!(!format!("{client:?}").contains("hunter2"));
        }
        for api in ["http://slack.com/api", "ftp://x", "", "https://a:b@slack.com", "file:///x"] {
            assert!(matches!(client(api), Err(SlackError::Address(_))), "{api}");
        }
        let slack = client(SLACK).unwrap();
        assert!(slack.is_slacks("https://hooks.slack.com/actions/T1/2/3"));
        for elsewhere in [
            "https://hooks.slack.com.evil.example/x",
            "http://hooks.slack.com/x",
            "http://127.0.0.1/x",
            "https://evil.example/https://hooks.slack.com/",
        ] {
            assert!(!slack.is_slacks(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn only_members_of_the_workspace_are_listened_to() {
        let member = serde_json::json!({
            "id": "U1", "team_id": "T1", "deleted": false, "is_bot": false,
            "is_restricted": false, "is_ultra_restricted": false, "is_stranger": false,
        });
        let check = |name: &str, value: Value, expected: Option<&str>| {
            let mut user = member.clone();
            user[name] = value;
            let user: User = serde_json::from_value(user).unwrap();
            let objection = user.objection("U1", "T1");
            assert_eq!(objection.is_some(), expected.is_some(), "{name}: {objection:?}");
            if let (Some(said), Some(expected)) = (objection, expected) {
                assert!(said.contains(expected), "{name}: {said}");
            }
        };
        check("name", "anything".into(), None);
        check("is_restricted", true.into(), Some("guest"));
        check("is_ultra_restricted", true.into(), Some("guest"));
        check("is_bot", true.into(), Some("bot"));
        check("deleted", true.into(), Some("deactivated"));
        check("is_stranger", true.into(), Some("another workspace"));
        check("team_id", "T2".into(), Some("another workspace"));
        check("id", "U2".into(), Some("another workspace"));
        check("is_invited_user", true.into(), Some("invited"));
        for missing in ["is_bot", "is_restricted", "is_ultra_restricted", "team_id"] {
            check(
                missing,
                Value::Null,
                Some(if missing == "team_id" { "workspace" } else { "say" }),
            );
        }
    }

    #[test]
    fn forms_round_trip() {
        let pairs = [("a", "x&y=z +%#ä\n".to_owned()), ("b", "2".to_owned())];
        let read = read_form(form(&pairs).as_bytes()).unwrap();
        let expected = pairs.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(read, expected);
        assert_eq!(read_form(b"a=1#b=2"), None);
        assert_eq!(read_form(b"a=\xff"), None);
    }
}
