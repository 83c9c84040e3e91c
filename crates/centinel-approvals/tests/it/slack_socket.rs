//! Socket Mode against a Slack that sends things twice, loses answers and hangs up.

use std::sync::{Arc, Mutex};

use centinel_engine::proposal::Status;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, time::Duration};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

use crate::{
    slack::{Chat, value},
    world::{World, at},
};

type Line = WebSocketStream<tokio::net::TcpStream>;

async fn say(line: &mut Line, value: Value) {
    line.send(Message::Text(value.to_string().into())).await.unwrap();
}

/// The id that is answered next.
async fn answered(line: &mut Line, acks: &Mutex<Vec<String>>) {
    let Some(Ok(Message::Text(text))) = line.next().await else { panic!("no answer") };
    let answer: Value = serde_json::from_str(&text).unwrap();
    acks.lock().unwrap().push(answer["envelope_id"].as_str().unwrap().to_owned());
}

fn envelope(id: &str, kind: &str, payload: &Value) -> Value {
    json!({ "type": kind, "envelope_id": id, "payload": payload, "accepts_response_payload": false })
}

/// Two votes, each sent twice over three connections, out of order, among things that mean nothing.
#[expect(clippy::disallowed_methods, reason = "a server beside the test")]
pub(crate) async fn sockets_end_and_votes_count_once(world: World) {
    let world = world.with_people().await;
    let chat = Chat::over(&world, None).await;
    for name in ["ben", "cora"] {
        let account = format!("slack:U{}@T1", name.to_uppercase()).parse().unwrap();
        let ada = crate::world::password("ada");
        world.link_as_admin("ada", ada, name, &account, at(0)).await.unwrap();
    }
    let view = world.proposed("20000").await;
    chat.desk.step(at(0)).await.unwrap();
    let ben = chat.payload("ben", "approve", &value(&view));
    let cora = chat.payload("cora", "approve", &value(&view));
    let forged = json!({ "type": "block_actions", "user": { "id": "UBEN" } });

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    chat.fake.told().socket = format!("ws://{}/link?ticket=1", listener.local_addr().unwrap());
    let acks: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&acks);
    let server = tokio::spawn(async move {
        let next = async || {
            let (stream, _) = listener.accept().await.unwrap();
            let mut line = accept_async(stream).await.unwrap();
            say(&mut line, json!({ "type": "hello" })).await;
            line
        };
        let mut line = next().await;
        line.send(Message::Text("no JSON".into())).await.unwrap();
        say(&mut line, json!({ "type": "interactive" })).await;
        say(&mut line, envelope("e1", "interactive", &cora)).await;
        answered(&mut line, &kept).await;
        say(&mut line, envelope("e0", "interactive", &ben)).await;
        answered(&mut line, &kept).await;
        say(&mut line, json!({ "type": "disconnect", "reason": "refresh_requested" })).await;
        // The answer to `e0` got lost on the way, and another envelope brings the same click.
        let mut line = next().await;
        say(&mut line, envelope("e0", "interactive", &ben)).await;
        answered(&mut line, &kept).await;
        say(&mut line, envelope("e2", "interactive", &cora)).await;
        // Hung up without a word.
        drop(line);
        let mut line = next().await;
        for (id, kind, payload) in [
            ("e2", "interactive", &cora),
            ("e3", "interactive", &forged),
            ("e4", "events_api", &json!({ "event": { "type": "message" } })),
        ] {
            say(&mut line, envelope(id, kind, payload)).await;
            answered(&mut line, &kept).await;
        }
        line
    });

    let (queue, mut waiting) = mpsc::channel(16);
    let work = async {
        while let Some(work) = waiting.recv().await {
            chat.desk.work(work, at(1)).await.unwrap();
        }
    };
    let desk = &chat.desk;
    // The queue goes with the line, and what waits in it is looked at to its end.
    let listening = async move {
        tokio::select! {
            _ = desk.listen(&queue) => unreachable!("it never ends"),
            line = tokio::time::timeout(Duration::from_secs(30), server) => line.unwrap().unwrap(),
        }
    };
    let (line, ()) = tokio::join!(listening, work);
    drop(line);
    assert_eq!(*acks.lock().unwrap(), ["e1", "e0", "e0", "e2", "e3", "e4"], "each is answered");
    let after = world.show(view.proposal.id, at(1)).await.unwrap();
    assert_eq!(after.status, Status::Approved);
    let mut voters = after.standing.approved_by.clone();
    voters.sort();
    assert_eq!(voters, ["ben", "cora"]);
    assert_eq!(chat.fake.calls("apps.connections.open"), 3);
    assert!(chat.fake.told().whispers.iter().any(|said| said.contains("received already")));
}
