//! Questions in a person's words: a model chooses what is looked up, the engine's facts are the answer, and
//! the words pass the same gates as every other text.
//!
//! | step | where |
//! |---|---|
//! | names of the data become aliases, and names again where a tool is called | `names` |
//! | a model picks tools and arguments, within a number of calls and a time | `choose` |
//! | what it is shown of each answer: lines of facts | `shown` |
//! | the facts of all answers as one bundle, a draft over it, both gates | [`Conversation::ask`] |
//! | without a model: a small grammar picks the tool | `reading`, `words` |
//!
//! There is no tool that decides. A question that asks for a decision is answered before any model sees it,
//! with who may decide and where.

mod choose;
mod names;
mod reading;
mod shown;
#[cfg(test)]
mod tests;
mod words;

use std::{future::Future, pin::Pin, time::Duration};

use centinel_engine::{
    facts::{Bundle, Union},
    narrative,
};
use jiff::civil::Date;
use serde_json::{Map, Value};
use tokio::time::Instant;

use self::{
    choose::Choosing,
    names::Aliases,
    reading::{Call, Reading},
    shown::Part,
};
use crate::{
    Fault, Gates, Judge, Label, MeteredCall, Narrator, PromptId, Run, Sheet, Tool, Worded,
};

pub use names::Name;

/// Calls of tools for one question at most.
pub const CALLS_MAX: usize = 6;
/// Characters of a question that are read.
pub const QUESTION_CHARS_MAX: usize = 1_000;
/// Earlier questions that a model is told of.
const EARLIER_MAX: usize = 6;

/// An answer of a tool, some time later.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What questions are answered from: the product's tools, its names and its calendar.
pub trait Tools: Send + Sync {
    /// The tools that may be called, as their server describes them.
    fn list(&self) -> &[Tool];

    /// Calls one of them.
    fn call<'a>(&'a self, name: &'a str, arguments: Map<String, Value>) -> Reply<'a, Answered>;

    /// Names of the home, those of the largest cost first.
    fn names(&self) -> &[Name];

    /// The first day of the data, and the day that relative periods count from.
    fn days(&self) -> Option<(Date, Date)>;

    /// The arguments that say a period in words; `None` where the words are none.
    fn period(&self, words: &str, is_ahead: bool) -> Option<Map<String, Value>>;

    /// Who may decide a proposal, and where; of proposals at large without a number. Words of the product.
    fn who_decides<'a>(&'a self, proposal_id: Option<&'a str>) -> Reply<'a, String>;
}

/// What a tool says.
#[derive(Debug, Clone, PartialEq)]
pub enum Answered {
    /// Facts, of one or several things. What must be said is said of the first.
    Found {
        /// The facts.
        bundles: Vec<Bundle>,
        /// Where what was answered is kept.
        evidence_id: Option<String>,
        /// What the product remarks beside its figures.
        notes: Vec<String>,
    },
    /// There is no answer to this call.
    Refused {
        /// Why, in a line of the product; names in it stand in backticks.
        message: String,
        /// Arguments that would be answered, where the product knows some.
        corrected: Option<Map<String, Value>>,
    },
}

/// A call that was made for an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// Where what was answered is kept.
    pub evidence_id: Option<String>,
    /// Why it was not answered.
    pub refused: Option<String>,
    /// What the product remarks beside its figures.
    pub notes: Vec<String>,
}

/// An answer with where it came from.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Cited Markdown, or words of the product without figures.
    pub text: String,
    /// The standard wording of the same; as `text` where no model worded it.
    pub standard: String,
    /// Who chose the words.
    pub label: Label,
    /// Mentions of facts in it, all of them verified.
    pub verified: usize,
    /// What was looked up, in order.
    pub calls: Vec<Made>,
    /// The facts that the text cites; `None` where there is nothing to cite.
    pub bundle: Option<Bundle>,
    /// Turns of the model: those that chose, and drafts.
    pub turns: u32,
    /// The prompt that worded it.
    pub prompt: Option<PromptId>,
    /// The model, as it is configured.
    pub model: Option<String>,
    /// Calls of the model that may be billed, to be booked.
    pub metered: Vec<MeteredCall>,
}

/// Questions and answers of one person, in order.
#[derive(Debug, Default)]
pub struct Conversation {
    aliases: Aliases,
    earlier: Vec<Earlier>,
    last: Option<Call>,
}

/// A question that was answered, as a model may see it.
#[derive(Debug, Clone)]
struct Earlier {
    question: String,
    found: String,
}

/// A question as a model may see it, and the aliases in it.
struct Hidden {
    question: String,
    aliases: Vec<String>,
}

/// What was looked up so far for one question.
#[derive(Debug, Default)]
struct Found {
    calls: Vec<Made>,
    parts: Vec<Part>,
    union: Option<Union>,
}

impl Found {
    /// Notes an answer; returns its facts as they are named here.
    fn add(&mut self, call: Call, answered: Answered) -> Vec<Bundle> {
        let Call { tool, arguments } = call;
        let mut made =
            Made { tool, arguments, evidence_id: None, refused: None, notes: Vec::new() };
        let mut bundles = Vec::new();
        match answered {
            Answered::Refused { message, .. } => made.refused = Some(message),
            Answered::Found { bundles: found, evidence_id, notes } => {
                let union = self.union.get_or_insert_with(|| Union::new("ask"));
                for (index, mut bundle) in found.into_iter().enumerate() {
                    if index > 0 {
                        bundle.required.clear();
                    }
                    let bundle = union.add(bundle);
                    self.parts.push(Part { tool: made.tool.clone(), bundle: bundle.clone() });
                    bundles.push(bundle);
                }
                made.evidence_id = evidence_id;
                made.notes = notes;
            }
        }
        self.calls.push(made);
        bundles
    }

    fn has_facts(&self) -> bool {
        self.parts.iter().any(|part| !part.bundle.facts.is_empty())
    }

    /// The standard wording of what was found, answer by answer, and how many mentions it has.
    fn standard(&self) -> (String, usize) {
        let (mut text, mut verified) = (String::new(), 0_usize);
        let mut said: Vec<String> = Vec::new();
        for part in &self.parts {
            let Some(words) = narrative::standard(&part.bundle) else { continue };
            if words.is_empty() || said.contains(&words) {
                continue;
            }
            let mentions = narrative::check(&part.bundle.facts, &words);
            if !narrative::is_verified(&mentions) {
                tracing::warn!(tool = part.tool, "a standard wording is not verified");
            }
            let sure = mentions.iter().filter(|of| of.status == narrative::Status::Verified);
            verified = verified.saturating_add(sure.count());
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&words);
            said.push(words);
        }
        (text, verified)
    }
}

/// A draft over what was found is judged by the facts of all of it, and told of them answer by answer.
struct AskJudge<'a> {
    gates: Gates<'a>,
    sheet: Sheet,
}

impl Judge for AskJudge<'_> {
    fn sheet(&self) -> Sheet {
        self.sheet.clone()
    }

    fn schema(&self) -> Value {
        self.gates.schema()
    }

    fn judge(&self, draft: &Value) -> crate::narrator::Judged {
        self.gates.judge(draft)
    }

    fn without_faults(&self, draft: &Value) -> Option<crate::narrator::Accepted> {
        self.gates.without_faults(draft)
    }
}

impl Conversation {
    /// Answers a question. With a narrator, its model chooses what is looked up and words it, paid by the
    /// run; without one, or where that comes to nothing, the question is read by rule.
    pub async fn ask(
        &mut self,
        question: &str,
        tools: &dyn Tools,
        narrator: Option<(&Narrator, &Run)>,
    ) -> Answer {
        let question: String = question.trim().chars().take(QUESTION_CHARS_MAX).collect();
        let question = question.replace(|c: char| c.is_control(), " ");
        if let Some(decision) = reading::decision(&question) {
            let text = tools.who_decides(decision.proposal.as_deref()).await;
            return said(text, Found::default(), None);
        }
        let named = names::find(&question, tools.names(), words::is_known);
        let (hidden, aliases) = self.aliases.hide(&question, &named);
        let Some((narrator, run)) = narrator else {
            let (found, words) = self.by_rule(&question, tools).await;
            return self.told(hidden, found, words, None);
        };
        let asked = Hidden { question: hidden, aliases };
        let mut answer = self.by_model(&question, asked, tools, (narrator, run)).await;
        answer.metered.extend(run.take_calls());
        answer.model = Some(narrator.chat().endpoint().model().to_owned());
        answer
    }

    /// What the rules find, or what they say where they find nothing.
    async fn by_rule(&mut self, question: &str, tools: &dyn Tools) -> (Found, Option<String>) {
        let mut found = Found::default();
        let call = match reading::read(question, tools, self.last.as_ref()) {
            Reading::Call(call) => call,
            Reading::Which { value, choices, is_of_values } => {
                return (found, Some(which(&value, &choices, is_of_values)));
            }
            Reading::Unknown => return (found, Some(not_understood(tools))),
        };
        let answered = tools.call(&call.tool, call.arguments.clone()).await;
        let refused = match &answered {
            Answered::Refused { message, .. } => Some(as_sentence(message)),
            Answered::Found { .. } => None,
        };
        found.add(call, answered);
        (found, refused)
    }

    /// The standard wording of what was found, or the words where nothing was.
    fn told(
        &mut self,
        hidden: String,
        found: Found,
        words: Option<String>,
        reason: Option<String>,
    ) -> Answer {
        let (text, verified) = found.standard();
        if text.is_empty() {
            return said(words.unwrap_or_else(nothing_found), found, reason);
        }
        self.keep(hidden, &found);
        Answer { verified, ..said(text, found, reason) }
    }

    async fn by_model(
        &mut self,
        question: &str,
        asked: Hidden,
        tools: &dyn Tools,
        (narrator, run): (&Narrator, &Run),
    ) -> Answer {
        // Three times what one text may take: two for choosing, one for the words.
        let seconds = narrator.chat().limits().time;
        let until = Instant::now() + seconds.saturating_mul(2).max(Duration::from_millis(1));
        let Hidden { question: hidden, aliases } = asked;
        let known = choose::Known { names: &aliases, days: tools.days(), earlier: &self.earlier };
        let opening = choose::opening(&hidden, known, &self.aliases);
        let choosing = Choosing { narrator, run, tools, until };
        let (found, turns, fault) = match opening {
            Ok(opening) => choosing.choose(opening, &mut self.aliases).await,
            Err(fault) => (Found::default(), 0, Some(fault)),
        };
        if !found.has_facts() {
            let reason = fault.map_or_else(
                || "the model looked nothing up".to_owned(),
                |fault: Fault| fault.to_string(),
            );
            let (ruled, words) = self.by_rule(question, tools).await;
            let mut calls = found.calls;
            calls.extend(ruled.calls.iter().cloned());
            let answer = self.told(hidden, Found { calls, ..ruled }, words, Some(reason));
            return Answer { turns, ..answer };
        }
        let (standard, verified) = found.standard();
        let Some(union) = found.union.as_ref().map(Union::bundle).cloned() else {
            return self.told(hidden, found, None, None);
        };
        let sheet = shown::sheet(&found.parts, &mut self.aliases);
        let judge = AskJudge { gates: Gates::new(&union, &standard), sheet };
        let worded = narrator.word_asked(&hidden, &judge, &standard, run).await;
        self.keep(hidden, &found);
        let Worded { text, label, turns: drafts, prompt, calls: metered, .. } = worded;
        let verified = match &label {
            Label::ByModel { verified, .. } => *verified,
            Label::Standard { .. } => verified,
        };
        Answer {
            text,
            standard,
            label,
            verified,
            calls: found.calls,
            bundle: Some(union),
            turns: turns.saturating_add(drafts),
            prompt,
            model: None,
            metered,
        }
    }

    /// Remembers what was asked and found, for the questions that follow.
    fn keep(&mut self, question: String, found: &Found) {
        let answered = found.calls.iter().rev().find(|made| made.refused.is_none());
        if let Some(made) = answered {
            let Made { tool, arguments, .. } = made.clone();
            self.last = Some(Call { tool, arguments });
        }
        let found = choose::remembered(found, &mut self.aliases);
        self.earlier.push(Earlier { question, found });
        let more = self.earlier.len().saturating_sub(EARLIER_MAX);
        self.earlier.drain(..more);
    }
}

/// An answer in words of the product.
fn said(text: String, found: Found, reason: Option<String>) -> Answer {
    Answer {
        standard: text.clone(),
        text,
        label: Label::Standard { reason },
        verified: 0,
        calls: found.calls,
        bundle: found.union.map(|union| union.bundle().clone()),
        turns: 0,
        prompt: None,
        model: None,
        metered: Vec::new(),
    }
}

fn nothing_found() -> String {
    "Nothing was found.".to_owned()
}

fn not_understood(tools: &dyn Tools) -> String {
    let [one, two, three] = reading::examples(tools.names());
    format!(
        "This could not be read as a question about spend. Ask for instance: {one} · {two} · {three}"
    )
}

fn which(value: &str, choices: &[String], is_of_values: bool) -> String {
    let quoted = reading::quoted;
    if is_of_values {
        let choices: Vec<String> = choices.iter().map(|choice| quoted(choice)).collect();
        return format!("One {value} at a time: {}?", choices.join(" or "));
    }
    let choices: Vec<String> = choices
        .iter()
        .map(|dimension| format!("{} {}", shown_kind(dimension), quoted(value)))
        .collect();
    format!("{} is the name of more than one thing: {}?", quoted(value), choices.join(" or "))
}

fn shown_kind(dimension: &str) -> String {
    match dimension.strip_prefix("tag:") {
        Some(key) => format!("tag {}", reading::quoted(key)),
        None => dimension.replace('_', " "),
    }
}

/// A refusal as a sentence.
fn as_sentence(message: &str) -> String {
    let mut chars = message.trim().trim_end_matches('.').chars();
    let first = chars.next().map_or_else(String::new, |first| first.to_uppercase().collect());
    format!("{first}{}.", chars.as_str())
}
