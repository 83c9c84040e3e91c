//! What the tests share: a server that misbehaves as it is told, a clock, a budget without bottom.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use centinel_engine::{
    money::{Currency, Money, Pico},
    usage::{Usage, UsageClass},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    Allowance, Budget, Caps, Chat, Endpoint, Limits, Spent, Transport, budget::RunBudget,
    client::Run,
};

pub(crate) const SECRET: &str = "sk-test-hunter2-0123456789";

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: String,
    pub(crate) body: Value,
}

/// What is answered, and how badly.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
    /// Fewer bytes are sent than announced.
    pub(crate) is_cut: bool,
    /// Waits so long before the status, and again before the last byte.
    pub(crate) wait: Duration,
}

impl Answer {
    pub(crate) fn of(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let wait = Duration::ZERO;
        Self { status, headers: Vec::new(), body: body.into(), is_cut: false, wait }
    }

    /// A chat completion with this text.
    pub(crate) fn chat(text: &str) -> Self {
        let body = json!({
            "model": "m-1",
            "choices": [{ "message": { "content": text }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17 },
        });
        Self::of(200, body.to_string())
    }

    pub(crate) fn with(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }
}

type Handler = dyn Fn(usize, &Asked) -> Answer + Send + Sync;

/// The server; it ends with the process that tests run in.
pub(crate) struct Server {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts one; the handler is given the number of the request, from 0.
    pub(crate) fn start(handler: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let handler: Arc<Handler> = Arc::new(handler);
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (handler, log) = (Arc::clone(&handler), Arc::clone(&log));
                thread::spawn(move || answer(&stream, &*handler, &log));
            }
        });
        Self { port, asked }
    }

    /// Gives the answers in turn, and the last one from then on.
    pub(crate) fn saying(answers: Vec<Answer>) -> Self {
        Self::start(move |number, _| answers[number.min(answers.len() - 1)].clone())
    }

    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers one request and closes: the next one is a connection of its own.
fn answer(stream: &TcpStream, handler: &Handler, log: &Mutex<Vec<Asked>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split_whitespace().nth(1)?.to_owned();
    let mut headers = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let _ = writeln!(headers, "{}: {}", name.to_lowercase(), value.trim());
    }
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let asked = Asked { path, headers, body: serde_json::from_slice(&body).unwrap_or_default() };
    let number = {
        let mut log = log.lock().unwrap();
        log.push(asked.clone());
        log.len() - 1
    };
    let Answer { status, headers, body, is_cut, wait } = handler(number, &asked);
    thread::sleep(wait);
    let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
    for header in headers {
        let _ = write!(head, "{header}\r\n");
    }
    let announced = body.len() + usize::from(is_cut) * 10;
    let _ = write!(head, "content-length: {announced}\r\n\r\n");
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()?;
    let (most, last) = body.split_at(body.len().saturating_sub(1));
    stream.write_all(most).ok()?;
    stream.flush().ok()?;
    thread::sleep(wait);
    stream.write_all(last).ok()?;
    stream.shutdown(Shutdown::Write).ok()
}

pub(crate) fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Little time and short waits, so that tests end.
pub(crate) fn quick() -> Limits {
    Limits {
        time: Duration::from_millis(1500),
        body_bytes: 1 << 16,
        first_wait: Duration::from_millis(2),
        ..Limits::default()
    }
}

pub(crate) fn endpoint(base: &str) -> Endpoint {
    Endpoint::new(base, "m-1", Some("openai"), None, Some(SECRET.into()), false).unwrap()
}

pub(crate) fn chat(base: &str, limits: Limits) -> Chat {
    Chat::new(endpoint(base), Transport::Live, limits, now).unwrap()
}

/// A cent for a thousand tokens, and a cap in money.
pub(crate) fn budget(cap: &str) -> Arc<Budget> {
    let price = |usage: &Usage| {
        let tokens =
            usage.get(UsageClass::InputTokensTotal) + usage.get(UsageClass::OutputTokensTotal);
        let amount = Pico(Pico::ONE.0 * i128::from(tokens) / 100_000);
        Some(Money { amount, currency: Currency::USD })
    };
    let allowance = Allowance { money: cap.parse().unwrap(), tokens: 0 };
    let caps = Caps { run: allowance, day: allowance };
    Arc::new(Budget::new(caps, Currency::USD, Arc::new(price), now(), Spent::default()))
}

pub(crate) fn run() -> Run {
    Run::new(RunBudget::new(budget("1000")), 7)
}
