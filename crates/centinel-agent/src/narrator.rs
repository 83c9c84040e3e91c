//! The ladder: a draft, at most two repairs, fewer sentences, the standard wording.
//!
//! Whatever happens on the way, what comes out is a text that the judge accepted or the standard wording,
//! within the time there is.

mod gates;
#[cfg(test)]
mod tests;

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    Budget, Chat, Fault, Message, MeteredCall, Mode, PromptId, Question, Reply, Run, Sheet, Task,
    Tool,
    budget::RunBudget,
    client::{Asking, object_with},
};

pub use gates::Gates;

/// Most times that a model may mend its draft.
const REPAIRS_MAX: u32 = 2;
/// Most faults of a draft that the model is told at once.
const FAULTS_TOLD_MAX: usize = 12;

/// What decides over a draft: the engine's gates, as they look from here.
pub trait Judge: Sync {
    /// What the model is shown.
    fn sheet(&self) -> Sheet;

    /// Strict JSON schema of a draft: ids and formats are enums.
    fn schema(&self) -> Value;

    /// Reads a draft, renders it and checks what came out.
    fn judge(&self, draft: &Value) -> Judged;

    /// The draft without the sentences that are at fault, where what must be said is still said.
    fn without_faults(&self, draft: &Value) -> Option<Accepted>;
}

/// What a judge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// Every mention is verified.
    Accepted(Accepted),
    /// What is at fault.
    Faulty(Vec<DraftFault>),
}

/// A text of which every mention is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Markdown, every mention cited.
    pub text: String,
    /// How many mentions there are, all of them verified.
    pub verified: usize,
    /// Sentences that were left out.
    pub dropped: usize,
}

/// One fault of a draft, for the model to mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DraftFault {
    /// Which sentence, from 1; none where it is of the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentence: Option<usize>,
    /// Which rule it breaks, by a stable name.
    pub rule: String,
    /// What is wrong, in words.
    pub detail: String,
}

/// Who chose the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "worded", rename_all = "snake_case")]
pub enum Label {
    /// The model.
    ByModel {
        /// Mentions, all of them verified.
        verified: usize,
        /// Sentences of the draft that were left out.
        dropped: usize,
    },
    /// Nobody: it is the standard wording.
    Standard {
        /// Why no model worded it; none where none is configured.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByModel { verified, dropped } => {
                f.write_str("worded by a model")?;
                match dropped {
                    0 => {}
                    1 => f.write_str(", 1 sentence left out")?,
                    more => write!(f, ", {more} sentences left out")?,
                }
                write!(f, ", {verified} of {verified} figures verified")
            }
            Self::Standard { .. } => f.write_str("standard wording"),
        }
    }
}

/// A text with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worded {
    /// Markdown, every mention cited.
    pub text: String,
    /// Who chose the words.
    pub label: Label,
    /// Drafts that were judged.
    pub turns: u32,
    /// The fault of the endpoint, the caps or the prompt that ended it, where one did.
    pub fault: Option<Fault>,
    /// What was at fault with each draft that was not accepted.
    pub faults: Vec<Vec<DraftFault>>,
    /// The prompt; none where no model was asked.
    pub prompt: Option<PromptId>,
    /// The model, as it is configured.
    pub model: Option<String>,
    /// How it was made to answer in JSON.
    pub mode: Option<Mode>,
    /// Calls that may be billed, to be booked.
    pub calls: Vec<MeteredCall>,
}

impl Worded {
    /// The standard wording, without a model.
    pub fn standard(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            label: Label::Standard { reason: None },
            turns: 0,
            fault: None,
            faults: Vec::new(),
            prompt: None,
            model: None,
            mode: None,
            calls: Vec::new(),
        }
    }
}

/// What a narrator is told besides its client.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// The strictest mode that the endpoint is known to keep to; it is loosened on refusal.
    pub mode: Mode,
}

/// Words facts through a model.
#[derive(Debug)]
pub struct Narrator {
    chat: Chat,
    budget: Arc<Budget>,
    mode: Mutex<Mode>,
}

impl Narrator {
    /// A narrator on a client and a day's budget.
    pub fn new(chat: Chat, budget: Arc<Budget>, settings: Settings) -> Self {
        Self { chat, budget, mode: Mutex::new(settings.mode) }
    }

    /// Its client.
    pub fn chat(&self) -> &Chat {
        &self.chat
    }

    /// The strictest mode that the endpoint kept to so far.
    pub fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The day's budget.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// A run with its own cap. `nonce` is random: call ids hold it.
    pub fn begin_run(&self, nonce: u64) -> Run {
        Run::new(RunBudget::new(self.budget.clone()), nonce)
    }

    /// Words a bundle. `standard` is its standard wording, which comes back when anything goes wrong:
    /// this fails in no way.
    pub async fn word(&self, task: Task, judge: &dyn Judge, standard: &str, run: &Run) -> Worded {
        let opening = task.render(&judge.sheet(), sentences(standard));
        self.word_from(task, opening, judge, standard, run).await
    }

    async fn word_from(
        &self,
        task: Task,
        opening: Result<Vec<Message>, Fault>,
        judge: &dyn Judge,
        standard: &str,
        run: &Run,
    ) -> Worded {
        let until = Instant::now() + self.chat.limits().time;
        let mut worded = Worded {
            prompt: Some(task.id()),
            model: Some(self.chat.endpoint().model().to_owned()),
            ..Worded::standard(standard)
        };
        let asking = Asking { run, task: task.name(), until };
        let outcome = match opening {
            Ok(opening) => self.climb(opening, judge, asking, &mut worded).await,
            Err(fault) => {
                let reason = fault.to_string();
                worded.fault = Some(fault);
                Err(reason)
            }
        };
        match outcome {
            Ok(accepted) => {
                worded.text = accepted.text;
                let Accepted { verified, dropped, .. } = accepted;
                worded.label = Label::ByModel { verified, dropped };
            }
            Err(reason) => worded.label = Label::Standard { reason: Some(reason) },
        }
        worded.mode = Some(self.mode());
        worded.calls = run.take_calls();
        worded
    }

    /// Words the answer to a question, as [`Self::word`] words a bundle.
    pub async fn word_asked(
        &self,
        question: &str,
        judge: &dyn Judge,
        standard: &str,
        run: &Run,
    ) -> Worded {
        let opening = Task::Ask.render_asked(&judge.sheet(), sentences(standard), question);
        self.word_from(Task::Ask, opening, judge, standard, run).await
    }

    /// One turn of a conversation with tools: a reply, within the time of a text and that of the whole, and
    /// paid for by the run. Nothing is called here, and nothing of it is checked: whoever shows the reply
    /// checks it.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub async fn turn(
        &self,
        messages: Vec<Message>,
        tools: Vec<Tool>,
        run: &Run,
        until: Instant,
    ) -> Result<Reply, Fault> {
        let limits = self.chat.limits();
        let question = Question {
            messages,
            tools,
            schema: None,
            mode: Mode::Text,
            output_tokens_max: limits.output_tokens_max,
        };
        let until = until.min(Instant::now() + limits.time);
        let asking = Asking { run, task: "ask", until };
        self.chat.ask(&question, asking).await
    }

    async fn climb(
        &self,
        opening: Vec<Message>,
        judge: &dyn Judge,
        asking: Asking<'_>,
        worded: &mut Worded,
    ) -> Result<Accepted, String> {
        let schema = judge.schema();
        let mut messages = opening.clone();
        let mut last: Option<Value> = None;
        let end = loop {
            let draft = match self.draft(&messages, &schema, asking).await {
                Ok(draft) => draft,
                Err(fault) => {
                    let reason = fault.to_string();
                    worded.fault = Some(fault);
                    break reason;
                }
            };
            worded.turns = worded.turns.saturating_add(1);
            let faults = match judge.judge(&draft) {
                Judged::Accepted(accepted) => return Ok(accepted),
                Judged::Faulty(faults) => faults,
            };
            messages.clone_from(&opening);
            messages.push(Message::Assistant(draft.to_string()));
            messages.push(Message::User(to_mend(&faults)));
            worded.faults.push(faults);
            last = Some(draft);
            if worded.turns > REPAIRS_MAX {
                break "no draft was without fault".to_owned();
            }
        };
        last.and_then(|draft| judge.without_faults(&draft)).ok_or(end)
    }

    /// One draft, in the strictest mode that the endpoint keeps to. A looser one is remembered once it
    /// worked: a server that refuses every question has not said anything about modes.
    async fn draft(
        &self,
        messages: &[Message],
        schema: &Value,
        asking: Asking<'_>,
    ) -> Result<Value, Fault> {
        let mut mode = self.mode();
        loop {
            let question = Question {
                messages: messages.to_vec(),
                tools: Vec::new(),
                schema: Some(schema.clone()),
                mode,
                output_tokens_max: self.chat.limits().output_tokens_max,
            };
            let drafted = match self.chat.ask(&question, asking).await {
                Ok(reply) => object_with(&reply.text, "sentences").ok_or(Fault::NoJson),
                Err(fault) => Err(fault),
            };
            match (drafted, mode.looser()) {
                (Ok(draft), _) => {
                    let mut known = self.mode.lock().unwrap_or_else(PoisonError::into_inner);
                    *known = mode.max(*known);
                    return Ok(draft);
                }
                (Err(fault), Some(looser)) if fault.is_of_mode() => mode = looser,
                (Err(fault), _) => return Err(fault),
            }
        }
    }
}

/// The message that hands faults back: one JSON object a line.
fn to_mend(faults: &[DraftFault]) -> String {
    let mut text =
        "The draft breaks rules. Send the whole draft again with these faults mended and \
                    everything else as it is; leave a sentence out where it cannot be mended.\n"
            .to_owned();
    for fault in faults.iter().take(FAULTS_TOLD_MAX) {
        if let Ok(line) = serde_json::to_string(fault) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// Sentences of a text, roughly: a measure of length for the model.
fn sentences(text: &str) -> usize {
    text.split_terminator(['.', '!', '?'])
        .filter(|part| part.chars().any(char::is_alphabetic))
        .count()
}
