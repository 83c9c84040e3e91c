//! Slack and Teams: what is configured, connected to the proposals.

mod config;

use std::sync::Arc;

use centinel_approvals::{
    signature,
    signature::SignatureError,
    slack::{Access, Ack, Desk, Settings, SlackClient, Told, Unreadable, Work},
    teams,
};
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::{Mutex, mpsc};

use crate::{App, AppError, live::Outside};

pub use config::{SlackConfig, TeamsConfig};

/// Where the page is when nothing else is configured: for people at this machine.
const HERE: &str = "http://localhost:8787";
/// Most clicks that wait to be looked at.
const QUEUE_MAX: usize = 256;

/// One workspace while the server runs: takes what comes in, and looks at it in order. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Slack {
    desk: Desk,
    signing_secret: Option<Arc<SecretString>>,
    has_socket: bool,
    queue: mpsc::Sender<Work>,
    waiting: Arc<Mutex<mpsc::Receiver<Work>>>,
}

/// Why a request to the hook is not taken.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// There is no signing secret: nothing is taken over HTTP.
    #[error("this server takes no requests of Slack")]
    NotConfigured,
    /// Its sender is not shown to be Slack.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Slack sent something that it does not send.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Too much waits.
    #[error("too much comes from Slack at once")]
    Busy,
}

impl App {
    /// The configured workspace; `None` without one.
    ///
    /// # Errors
    ///
    /// [`AppError::Credential`], [`AppError::Slack`].
    pub fn slack(&self, outside: &Outside) -> Result<Option<Slack>, AppError> {
        let Some(config) = &self.config.slack else { return Ok(None) };
        let secret = config.signing_secret.as_ref();
        let secret = secret.map(|place| place.read(&self.home, outside.variable)).transpose()?;
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        Ok(Some(Slack {
            desk: self.desk(config, outside)?,
            signing_secret: secret.map(Arc::new),
            has_socket: config.app_token.is_some(),
            queue,
            waiting: Arc::new(Mutex::new(waiting)),
        }))
    }

    /// Posts and edits messages in Slack and Teams, as far as they are configured.
    ///
    /// # Errors
    ///
    /// [`AppError::Credential`], [`AppError::Slack`], approval errors; what one message cannot is an
    /// outcome, and the others go on.
    pub async fn slack_step(
        &self,
        now: Timestamp,
        outside: &Outside,
    ) -> Result<Vec<Told>, AppError> {
        let mut told = Vec::new();
        if let Some(config) = &self.config.slack {
            told.extend(self.desk(config, outside)?.step(now).await?);
        }
        if let Some(config) = &self.config.teams {
            let webhook = config.webhook.read(&self.home, outside.variable)?;
            let teams = teams::Teams::new(self.approvals.clone(), webhook, &self.page_address())?;
            told.extend(teams.step(now).await?);
        }
        Ok(told)
    }

    /// The address of the page, as people reach it.
    fn page_address(&self) -> String {
        let address = self.config.access.address.as_ref();
        address.map_or_else(|| HERE.to_owned(), ToString::to_string)
    }

    pub(crate) fn desk(&self, config: &SlackConfig, outside: &Outside) -> Result<Desk, AppError> {
        let read = |place: &crate::live::CredentialRef| place.read(&self.home, outside.variable);
        let access = Access {
            api: config.api.clone(),
            bot_token: read(&config.bot_token)?,
            app_token: config.app_token.as_ref().map(read).transpose()?,
        };
        let settings = Settings {
            team: config.team.clone(),
            channel: config.channel.clone(),
            page: self.page_address(),
            digest: config.digest,
        };
        let client =
            SlackClient::new(access).map_err(centinel_approvals::slack::DeskError::from)?;
        Ok(Desk::new(self.approvals.clone(), client, settings))
    }
}

impl Slack {
    /// Takes a request of the hook: checks who sent it, and puts what there is to do into the queue.
    /// Each header where it is there exactly once. What Slack gets back, as JSON, where it gets anything.
    ///
    /// # Errors
    ///
    /// [`HookError`].
    pub fn take(
        &self,
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<String>, HookError> {
        let secret = self.signing_secret.as_ref().ok_or(HookError::NotConfigured)?;
        let signed = signature::slack(secret, timestamp, signature, body, now)?;
        let (ack, work) = Desk::receive(signed)?;
        if let Some(work) = work {
            self.queue.try_send(work).map_err(|_| HookError::Busy)?;
        }
        Ok(match ack {
            Ack::Taken => None,
            Ack::Says(answer) => Some(answer.to_string()),
        })
    }

    /// Listens over Socket Mode, where there is an app-level token. Never ends.
    pub async fn listen(&self) {
        if self.has_socket {
            self.desk.listen(&self.queue).await;
        }
        std::future::pending::<()>().await;
    }

    /// Looks at what came, in order. Never ends.
    pub async fn work_through(&self, clock: fn() -> Timestamp) {
        loop {
            self.work_once(clock).await;
        }
    }

    /// Looks at the next thing that came, once there is one.
    pub async fn work_once(&self, clock: fn() -> Timestamp) {
        let next = self.waiting.lock().await.recv().await;
        // The queue is as alive as this handle, which sends into it.
        let Some(work) = next else { return std::future::pending().await };
        if let Err(error) = self.desk.work(work, clock()).await {
            tracing::warn!(%error, "a click in Slack could not be looked at");
        }
    }
}
