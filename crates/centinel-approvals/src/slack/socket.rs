//! Socket Mode: what users do comes over a connection that we open, so nothing of ours is public.
//!
//! Each envelope is answered at once and looked at later, by whoever takes work from the queue. One
//! whose answer got lost is sent again and recognised by its id. Slack ends connections as it likes: the
//! next one is opened at once, and after failures with growing pauses.
//!
//! # Source
//!
//! Slack, "Socket Mode implementation": `hello`, `disconnect`, `envelope_id`, `accepts_response_payload`.

use std::{convert::Infallible, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::Value;
use tokio::{net::TcpStream, sync::mpsc};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use super::{
    client::SlackError,
    desk::Desk,
    interaction::{self, Ack, Work},
};

/// Most bytes of a message.
const MESSAGE_MAX: usize = 1 << 20;
/// Longest time to connect.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Silence after which we ask whether anybody is there; after as much again, nobody is.
const QUIET_MAX: Duration = Duration::from_secs(45);
/// First and longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default, rename = "envelope_id")]
    id: Option<String>,
    #[serde(default)]
    payload: Value,
    #[serde(default)]
    accepts_response_payload: bool,
    #[serde(default)]
    reason: String,
}

/// What became of a connection.
enum Ended {
    /// Slack asked for another one.
    Renewed,
    /// It broke, or never came.
    Broken(String),
}

impl Desk {
    /// Takes what comes over Socket Mode and puts it into a queue. Never ends.
    pub async fn listen(&self, queue: &mpsc::Sender<Work>) -> Infallible {
        let mut pause = PAUSES.0;
        loop {
            let mut was_greeted = false;
            match self.connection(queue, &mut was_greeted).await {
                Ended::Renewed => pause = PAUSES.0,
                Ended::Broken(reason) => {
                    if was_greeted {
                        pause = PAUSES.0;
                    }
                    tracing::warn!(%reason, "the connection to Slack ended");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    async fn connection(&self, queue: &mpsc::Sender<Work>, was_greeted: &mut bool) -> Ended {
        let mut socket = match self.connected().await {
            Ok(socket) => socket,
            Err(error) => return Ended::Broken(error.to_string()),
        };
        let mut is_asked = false;
        loop {
            let message = match tokio::time::timeout(QUIET_MAX, socket.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Ended::Broken(error.to_string()),
                Ok(None) => return Ended::Broken("it was closed".to_owned()),
                Err(_) if is_asked => return Ended::Broken("nobody is there".to_owned()),
                Err(_) => {
                    is_asked = true;
                    if let Err(error) = socket.send(Message::Ping(Vec::new().into())).await {
                        return Ended::Broken(error.to_string());
                    }
                    continue;
                }
            };
            is_asked = false;
            let text = match message {
                Message::Text(text) => text,
                Message::Close(_) => return Ended::Broken("it was closed".to_owned()),
                _ => continue,
            };
            // What cannot be read is nothing that we asked for.
            let Ok(envelope) = serde_json::from_str::<Envelope>(&text) else { continue };
            match envelope.kind.as_str() {
                "hello" => *was_greeted = true,
                // One that is refused at the door, or switched off, is not knocked at again at once.
                "disconnect" if *was_greeted && envelope.reason != "link_disabled" => {
                    return Ended::Renewed;
                }
                "disconnect" => return Ended::Broken("Slack closed it".to_owned()),
                _ => {
                    if let Some(answer) = take(envelope, queue)
                        && let Err(error) = socket.send(Message::Text(answer.into())).await
                    {
                        return Ended::Broken(error.to_string());
                    }
                }
            }
        }
    }

    async fn connected(&self) -> Result<Socket, SlackError> {
        const METHOD: &str = "apps.connections.open";
        let failed = |reason: String| SlackError::Unreachable { method: METHOD, reason };
        let address = self.client.socket_address().await?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_MAX))
            .max_frame_size(Some(MESSAGE_MAX));
        let connecting = connect_async_with_config(address.as_str(), Some(config), true);
        let connected = tokio::time::timeout(CONNECT_MAX, connecting).await;
        // An error of the connection could repeat the address, which is a key to it.
        let connected = connected.map_err(|_| failed("it took too long".to_owned()))?;
        let (socket, _) = connected.map_err(|_| failed("the connection failed".to_owned()))?;
        Ok(socket)
    }
}

/// Puts the work of an envelope into the queue; what is answered at once. Without room nothing is
/// answered: Slack tells the user, or sends it again.
fn take(envelope: Envelope, queue: &mpsc::Sender<Work>) -> Option<String> {
    let id = envelope.id?;
    let read = interaction::over_socket(&envelope.kind, &id, envelope.payload);
    let (ack, work) = read.unwrap_or_else(|error| {
        tracing::warn!(%error, "an envelope of Slack cannot be read");
        (Ack::Taken, None)
    });
    if let Some(work) = work
        && queue.try_send(work).is_err()
    {
        tracing::warn!("too much comes from Slack at once");
        return None;
    }
    let answer = match ack {
        Ack::Says(payload) if envelope.accepts_response_payload => {
            serde_json::json!({ "envelope_id": id, "payload": payload })
        }
        _ => serde_json::json!({ "envelope_id": id }),
    };
    Some(answer.to_string())
}
