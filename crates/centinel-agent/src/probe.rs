//! What an endpoint can do, found out by asking it.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Chat, Fault, Message, MeteredCall, Mode, Question,
    client::{Asking, Run, object_with},
};

/// The word that the schema allows and the prompt does not say: only a server that holds the model to
/// the schema gets it right.
const WORD: &str = "heron";
/// Tokens of an answer: enough for a model that thinks first.
const OUTPUT_TOKENS_MAX: u64 = 500;

/// How one mode did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// The mode.
    pub mode: Mode,
    /// Whether it holds.
    pub works: bool,
    /// Why not, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long the answer took, in milliseconds.
    pub latency_ms: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Each mode that was tried, the strictest first.
    pub tried: Vec<Tried>,
    /// Whether answers say what they used; `None` without an answer.
    pub says_usage: Option<bool>,
    /// The model, as answers name it.
    pub served_model: Option<String>,
    /// Why nothing works, where nothing does.
    pub fault: Option<Fault>,
    /// Calls that may be billed, to be booked.
    pub calls: Vec<MeteredCall>,
}

impl Probed {
    /// The strictest mode that works.
    pub fn mode(&self) -> Option<Mode> {
        self.tried.iter().find(|tried| tried.works).map(|tried| tried.mode)
    }
}

/// Asks a small question in each mode; in plain text only when no other works. A fault that is not one
/// of the mode ends it.
pub async fn probe(chat: &Chat, run: &Run) -> Probed {
    let mut probed = Probed {
        tried: Vec::new(),
        says_usage: None,
        served_model: None,
        fault: None,
        calls: Vec::new(),
    };
    let until = Instant::now() + chat.limits().time;
    for mode in Mode::ALL {
        if mode == Mode::Text && probed.mode().is_some() {
            break;
        }
        let began = Instant::now();
        let asking = Asking { run, task: "probe", until };
        let outcome = match chat.ask(&question(mode), asking).await {
            Ok(reply) => {
                probed.says_usage = Some(reply.usage.is_some() && probed.says_usage != Some(false));
                probed.served_model = reply.model.clone().or(probed.served_model);
                if keeps_to(mode, &reply.text) { Ok(()) } else { Err(Fault::NoJson) }
            }
            Err(fault) => Err(fault),
        };
        probed.tried.push(Tried {
            mode,
            works: outcome.is_ok(),
            reason: outcome.as_ref().err().map(ToString::to_string),
            latency_ms: millis(began.elapsed()),
        });
        if let Err(fault) = outcome {
            let is_last = !fault.is_of_mode();
            probed.fault = Some(fault);
            if is_last {
                break;
            }
        }
    }
    if probed.mode().is_some() {
        probed.fault = None;
    }
    probed.calls = run.take_calls();
    probed
}

fn question(mode: Mode) -> Question {
    let schema = json!({
        "type": "object",
        "properties": { "sentences": { "type": "array", "items": { "enum": [WORD] } } },
        "required": ["sentences"],
        "additionalProperties": false,
    });
    let text = "Answer in JSON: an object with the member `sentences`, a list that holds one bird.";
    Question {
        messages: vec![Message::User(text.to_owned())],
        tools: Vec::new(),
        schema: Some(schema),
        mode,
        output_tokens_max: OUTPUT_TOKENS_MAX,
    }
}

/// A strict server can write the one word only, and nothing around it.
fn keeps_to(mode: Mode, text: &str) -> bool {
    match mode {
        Mode::JsonSchema => {
            let answer = serde_json::from_str::<Value>(text.trim()).unwrap_or_default();
            let words = answer.get("sentences").and_then(Value::as_array);
            words.is_some_and(|words| words.iter().all(|word| word == WORD))
        }
        Mode::JsonObject => {
            serde_json::from_str::<Value>(text.trim()).is_ok_and(|answer| answer.is_object())
        }
        Mode::Text => object_with(text, "sentences").is_some(),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
