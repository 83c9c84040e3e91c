//! One model behind an OpenAI-compatible endpoint: a question in, a reply or a fault out, within a time,
//! a size and a budget.
//!
//! Nobody but the configured endpoint is asked: redirects are not followed, and a request to anywhere
//! else is not sent. What a server sends is read leniently and held to bounds; what it says of an error
//! is for people, and in no log.

mod answer;
mod draft_json;
mod endpoint;
mod question;
mod stream;
#[cfg(test)]
mod tests;
mod transport;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_openai::error::OpenAIError;
use centinel_engine::usage::{CallStatus, Usage, UsageClass};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use answer::Read;
pub use answer::{Exchange, Finish, Reply, ToolCall};
pub(crate) use draft_json::object_with;
pub use endpoint::{Endpoint, EndpointError};
pub use question::{Message, Mode, Question, Tool};
use transport::{Envelope, Wire};
pub use transport::{Limits, Transport};

use crate::{Fault, MeteredCall, budget::RunBudget};

/// A client of one endpoint and model.
#[derive(Debug)]
pub struct Chat {
    library: async_openai::Client<Endpoint>,
    endpoint: Arc<Endpoint>,
    limits: Limits,
    // Found out by the first refusal; the other name from then on.
    says_completion_tokens: AtomicBool,
    now: fn() -> Timestamp,
}

/// What one run of the narrator carries along: its money, the names of its calls, and what they used.
#[derive(Debug)]
pub struct Run {
    budget: RunBudget,
    nonce: u64,
    drawn: AtomicU64,
    calls: Mutex<Vec<MeteredCall>>,
    asked: AtomicU64,
}

impl Run {
    /// A run on a budget. `nonce` is random: call ids hold it, and waits are drawn from it.
    pub fn new(budget: RunBudget, nonce: u64) -> Self {
        let calls = Mutex::default();
        Self { budget, nonce, drawn: AtomicU64::new(nonce), calls, asked: AtomicU64::new(0) }
    }

    /// Notes a call that may be billed, under the next id.
    fn note(&self, call: MeteredCall) {
        let number = self.asked.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let call_id = format!("narrator-{:016x}-{number}", self.nonce);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(MeteredCall { call_id, ..call });
    }

    /// The calls since this was asked last, to be booked.
    pub fn take_calls(&self) -> Vec<MeteredCall> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A duration between zero and `limit`, drawn.
    ///
    /// # Source
    ///
    /// SplitMix64 (Steele, Lea, Flood 2014, figure 17): good enough to spread waits, and seeded.
    fn jitter(&self, limit: Duration) -> Duration {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.drawn.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = u128::from((bits ^ (bits >> 31)) >> 32);
        let nanos = limit.as_nanos().min(u128::from(u64::MAX));
        Duration::from_nanos(u64::try_from(nanos.saturating_mul(share) >> 32).unwrap_or(0))
    }
}

/// A question under way. Whoever stops waiting for its answer may pay for it all the same: dropped before
/// the answer was read, it is noted with the most that it can have used, as it stays charged.
struct UnderWay<'a> {
    run: &'a Run,
    began: Instant,
    /// As if nobody ever said what it used; `None` once somebody did.
    call: Option<MeteredCall>,
}

impl UnderWay<'_> {
    /// What became of it; `None` where it cannot be billed.
    fn ended(mut self, outcome: Option<(Option<Usage>, CallStatus)>) {
        let Some(call) = self.call.take() else { return };
        let Some((usage, status)) = outcome else { return };
        let is_worst_case = usage.is_none();
        let usage = usage.unwrap_or(call.usage);
        self.run.note(MeteredCall { usage, is_worst_case, status, ..self.timed(call) });
    }

    fn timed(&self, call: MeteredCall) -> MeteredCall {
        let latency_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        MeteredCall { latency_ms, ..call }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            self.run.note(self.timed(call));
        }
    }
}

/// How a question is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) run: &'a Run,
    pub(crate) task: &'static str,
    /// When the time is up.
    pub(crate) until: Instant,
}

impl Chat {
    /// A client. `now` is the clock that calls are dated by.
    ///
    /// # Errors
    ///
    /// [`Fault::Client`] when the system's certificates cannot be used.
    pub fn new(
        endpoint: Endpoint,
        transport: Transport,
        limits: Limits,
        now: fn() -> Timestamp,
    ) -> Result<Self, Fault> {
        let endpoint = Arc::new(endpoint);
        let wire = Wire::new(endpoint.clone(), transport, &limits, now)?;
        let says_completion_tokens = AtomicBool::new(endpoint.says_completion_tokens());
        let library = async_openai::Client::build(wire.http(), endpoint.as_ref().clone())
            .with_http_service(tower::service_fn(move |factory| wire.clone().serve(factory)));
        Ok(Self { library, endpoint, limits, says_completion_tokens, now })
    }

    /// Where it asks.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The bounds in force.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Asks until a reply comes, or the tries or the time are used up. Each try is paid for from the
    /// run's budget, and noted among its calls where it may be billed.
    pub(crate) async fn ask(
        &self,
        question: &Question,
        asking: Asking<'_>,
    ) -> Result<Reply, Fault> {
        let mut tries = 0;
        let mut was_renamed = false;
        loop {
            tries += 1;
            let says_completion_tokens = self.says_completion_tokens.load(Ordering::Relaxed);
            let fault = match self.once(question, asking, says_completion_tokens).await {
                Ok(reply) => return Ok(reply),
                Err(fault) => fault,
            };
            if !was_renamed && is_about_limit(&fault) {
                was_renamed = true;
                self.says_completion_tokens.store(!says_completion_tokens, Ordering::Relaxed);
                continue;
            }
            let asked = match fault {
                Fault::Busy { retry_after, .. } => retry_after,
                Fault::Unreachable { .. } => None,
                _ => return Err(fault),
            };
            if tries >= self.limits.tries {
                return Err(fault);
            }
            let own = self.limits.first_wait.saturating_mul(1 << (tries - 1).min(16));
            let wait = match asked {
                Some(asked) => asked.saturating_add(asking.run.jitter(self.limits.first_wait)),
                None => own / 2 + asking.run.jitter(own / 2),
            };
            let left = asking.until.saturating_duration_since(Instant::now());
            if wait >= left {
                return Err(match asked {
                    Some(asked) => Fault::AskedToWait { asked },
                    None => fault,
                });
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(
        &self,
        question: &Question,
        asking: Asking<'_>,
        says_completion_tokens: bool,
    ) -> Result<Reply, Fault> {
        let Asking { run, task, until } = asking;
        let body = question.body(self.endpoint.model(), says_completion_tokens);
        let bytes = body.to_string().len();
        if bytes > self.limits.prompt_bytes {
            return Err(Fault::PromptTooLarge { bytes });
        }
        let worst = Usage::ZERO
            .with(UsageClass::InputTokensTotal, question.input_tokens_max(&body))
            .with(UsageClass::OutputTokensTotal, question.output_tokens_max);
        let at = (self.now)();
        let aside = run.budget.set_aside(&worst, at)?;
        let under_way = UnderWay {
            run,
            began: Instant::now(),
            call: Some(MeteredCall {
                call_id: String::new(),
                at,
                provider: self.endpoint.provider().to_owned(),
                model: self.endpoint.model().to_owned(),
                task,
                usage: worst,
                is_worst_case: true,
                status: CallStatus::Error,
                latency_ms: 0,
            }),
        };
        let Read { outcome, usage } = match tokio::time::timeout_at(until, self.send(body)).await {
            Ok(read) => read,
            Err(_) => {
                Read { outcome: Err(Fault::TimeUp { within: self.limits.time }), usage: None }
            }
        };
        let may_be_billed = match &outcome {
            Ok(_) => true,
            Err(fault) => usage.is_some() || fault.may_be_billed(),
        };
        run.budget.settle(aside, may_be_billed.then_some(usage.as_ref().unwrap_or(&worst)));
        let status = if outcome.is_ok() { CallStatus::Ok } else { CallStatus::Error };
        under_way.ended(may_be_billed.then_some((usage, status)));
        if let Err(fault) = &outcome {
            tracing::debug!(%fault, task, "the model gave no usable answer");
        }
        outcome
    }

    async fn send(&self, body: Value) -> Read {
        let envelope: Result<Envelope, OpenAIError> = self.library.chat().create_byot(body).await;
        let fault = match envelope {
            Ok(Envelope::Came(exchange)) => {
                let (provider, model) = (self.endpoint.provider(), self.endpoint.model());
                return answer::read(&exchange, provider, model, self.endpoint.credential());
            }
            Ok(Envelope::Unreachable { reason }) => {
                Fault::Unreachable { address: self.endpoint.to_string(), reason }
            }
            Ok(Envelope::Cut) => Fault::Cut,
            Ok(Envelope::TooLarge) => Fault::TooLarge { bytes: self.limits.body_bytes },
            Ok(Envelope::Elsewhere) => Fault::Redirected,
            Ok(Envelope::NotRecorded(difference)) => Fault::NotRecorded(difference),
            // Its text may hold what it was given; its kind says enough.
            Err(error) => Fault::Client(kind_of(&error).to_owned()),
        };
        Read { outcome: Err(fault), usage: None }
    }
}

/// Whether a server refuses the name of the limit of tokens.
fn is_about_limit(fault: &Fault) -> bool {
    matches!(fault, Fault::Refused { status: 400 | 422, said }
        if said.contains("max_tokens") || said.contains("max_completion_tokens"))
}

fn kind_of(error: &OpenAIError) -> &'static str {
    match error {
        OpenAIError::Reqwest(_) => "a request could not be made",
        OpenAIError::JSONDeserialize(..) => "an answer could not be handed on",
        _ => "it refused the request",
    }
}
