//! Stand-ins for a model: an OpenAI-compatible server on 127.0.0.1 whose words are made by a function of
//! what it is asked. The product asks it as it would ask any model; nothing else of the product is
//! replaced.

mod careless;
mod honest;
mod obeying;
mod recorded;
pub(crate) mod sheet;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

pub(crate) use obeying::{Effect, Obeying};
pub(crate) use recorded::{Cassettes, key_of, line_of};

use super::http::{Answer, Asked, Server};

/// How a stand-in behaves.
#[derive(Debug, Clone)]
pub(crate) enum Model {
    /// Writes correct drafts and picks tools by a simple reading: the upper end of the pipeline.
    Honest,
    /// The same, with faults put into this share of its sentences, in percent.
    Careless {
        /// Of all that it draws.
        seed: u64,
        /// Share of sentences with a fault.
        percent: u32,
    },
    /// Does what it reads, and tries what it is told out of band.
    Obeying(Arc<Obeying>),
    /// Hangs up without a word.
    Silent,
    /// Sends bytes that are no answer.
    Garbage,
    /// Answers rightly, too late.
    Slow(Duration),
    /// What a model said once.
    Recorded(Arc<Cassettes>),
    /// What another server says, over plain HTTP: `http://127.0.0.1:4000/v1`.
    Live(String),
}

/// What a stand-in says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    /// The text of the message.
    pub(crate) text: String,
    /// Tools that it wants called, with their arguments.
    pub(crate) calls: Vec<(String, Value)>,
    /// Sentences of the text that are false, with what was done to each; known by construction.
    pub(crate) lies: Vec<(String, &'static str)>,
    /// Nothing was recorded for the question.
    pub(crate) is_missing: bool,
}

/// A question, and what was said.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) request: Value,
    pub(crate) said: Said,
    /// Tokens as the answer stated them: read, written.
    pub(crate) tokens: [u64; 2],
}

/// A model's endpoint, with all that was said over it.
pub(crate) struct StandIn {
    model: Model,
    server: Server,
    log: Arc<Mutex<Vec<Exchange>>>,
}

impl StandIn {
    /// Starts one.
    pub(crate) fn start(model: Model) -> anyhow::Result<Self> {
        let log: Arc<Mutex<Vec<Exchange>>> = Arc::default();
        let (kept, behind) = (Arc::clone(&log), model.clone());
        let server = Server::start(move |asked| {
            let (answer, exchange) = answered(&behind, asked);
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
            answer
        })?;
        Ok(Self { model, server, log })
    }

    /// The address of its API.
    pub(crate) fn base(&self) -> String {
        format!("{}/v1", self.server.base())
    }

    /// Asks it without the way over HTTP, as a chat client of somebody's does.
    pub(crate) fn ask(&self, request: &Value) -> Said {
        let body = request.to_string().into_bytes();
        let asked =
            Asked { method: "POST".to_owned(), path: "/v1/chat/completions".to_owned(), body };
        answered(&self.model, &asked).1.said
    }

    /// The lines of `centinel.toml` that send the narrator here. The model's name has a price, so that
    /// what it would cost is known.
    pub(crate) fn config(&self, seconds: u64) -> String {
        format!(
            "\n[narrator]\nbase_url = \"{}\"\nmodel = \"{MODEL}\"\nprovider = \"openai\"\nseconds = {seconds}\n",
            self.base()
        )
    }

    /// What was said since the place `from`.
    pub(crate) fn since(&self, from: usize) -> Vec<Exchange> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().skip(from).cloned().collect()
    }

    /// How much was said.
    pub(crate) fn count(&self) -> usize {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// The model of every question, whoever answers it: requests are the same for all.
pub(crate) const MODEL: &str = "gpt-5-mini";

fn answered(model: &Model, asked: &Asked) -> (Answer, Exchange) {
    let request = asked.json();
    let plain = |status: u16, said: Said| {
        let tokens = [request.to_string().len() / 4, said_length(&said) / 4].map(|n| n as u64);
        let answer = Answer::json(status, &completion(&said, tokens));
        (answer, Exchange { request: request.clone(), said, tokens })
    };
    match model {
        Model::Honest => plain(200, honest::said(&request)),
        Model::Careless { seed, percent } => plain(200, careless::said(&request, *seed, *percent)),
        Model::Obeying(obeying) => plain(200, obeying.said(&request)),
        Model::Slow(wait) => {
            let (mut answer, exchange) = plain(200, honest::said(&request));
            answer.wait = *wait;
            (answer, exchange)
        }
        Model::Silent => {
            let (mut answer, exchange) = plain(200, Said::default());
            answer.is_silent = true;
            (answer, exchange)
        }
        Model::Garbage => {
            let (mut answer, exchange) = plain(200, Said::default());
            answer.body = b"<html>\x1b[31m{\"choices\":[{\"message\":{\"content\":\x00".to_vec();
            (answer, exchange)
        }
        Model::Recorded(cassettes) => match cassettes.answer(&request) {
            Some((body, said, tokens)) => {
                (Answer::json(200, &body), Exchange { request: request.clone(), said, tokens })
            }
            None => {
                let said = Said { is_missing: true, ..Said::default() };
                let (mut answer, exchange) = plain(404, said);
                answer.body =
                    b"{\"error\":{\"message\":\"nothing is recorded for this question\"}}".to_vec();
                (answer, exchange)
            }
        },
        Model::Live(base) => match recorded::forward(base, &asked.body) {
            Ok(body) => {
                let (said, tokens) = recorded::read(&body);
                (Answer::json(200, &body), Exchange { request: request.clone(), said, tokens })
            }
            Err(error) => {
                let (mut answer, exchange) =
                    plain(502, Said { is_missing: true, ..Said::default() });
                answer.body =
                    json!({ "error": { "message": error.to_string() } }).to_string().into_bytes();
                (answer, exchange)
            }
        },
    }
}

fn said_length(said: &Said) -> usize {
    said.text.len()
        + said.calls.iter().map(|(name, call)| name.len() + call.to_string().len()).sum::<usize>()
}

/// A chat completion, as servers of the kind write it.
fn completion(said: &Said, tokens: [u64; 2]) -> Value {
    let calls: Vec<Value> = (0..)
        .zip(&said.calls)
        .map(|(number, (name, arguments))| {
            json!({ "id": format!("call_{number}"), "type": "function",
                "function": { "name": name, "arguments": arguments.to_string() } })
        })
        .collect();
    let mut message = json!({ "role": "assistant", "content": said.text });
    let mut finish = "stop";
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
        finish = "tool_calls";
    }
    json!({
        "id": "chatcmpl-0", "object": "chat.completion", "created": 0, "model": MODEL,
        "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
        "usage": { "prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": tokens[0] + tokens[1] },
    })
}

/// All text of a request's messages, in order, each with its role.
pub(crate) fn messages(request: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|message| (text(&message["role"]), text(&message["content"]))).collect()
}

/// Names of the tools that a request offers.
pub(crate) fn tools(request: &Value) -> Vec<String> {
    let list = request["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .filter_map(|tool| Some(tool.pointer("/function/name")?.as_str()?.to_owned()))
        .collect()
}
