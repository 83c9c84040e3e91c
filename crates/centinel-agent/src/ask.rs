//! Questions in a person's words: a model chooses what is looked up, the engine's facts are the answer, and
//! the words pass the same gates as every other text.
//!
//! | step | where |
//! |---|---|
//! | names of the data become aliases, and names again where a tool is called | `names` |
//! | a model picks tools and arguments, within a number of calls and a time | `choose` |
//! | what it is shown of each answer: lines of facts | `shown` |
//! | the facts of all answers as one bundle, a draft over it, both gates | `conversation`, `found` |
//! | names that nothing has, which end a question before anything is looked up | `unknown`, `plain` |
//! | without a model: a small grammar picks the tool | `reading`, `words` |
//! | what a question keeps of the one before it | `follow` |
//! | amounts and scenarios of what lies ahead | `ahead` |
//!
//! There is no tool that decides. A question that asks for a decision is answered before any model sees it,
//! with who may decide and where.

mod ahead;
mod choose;
mod conversation;
mod follow;
mod found;
mod names;
mod plain;
mod reading;
mod said;
mod shown;
#[cfg(test)]
mod tests;
mod unknown;
mod words;

use std::{future::Future, pin::Pin};

use centinel_engine::facts::Bundle;
use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::{Fault, Label, MeteredCall, PromptId, Tool};

pub use conversation::Conversation;
pub use names::Name;

/// Calls of tools for one question at most.
pub const CALLS_MAX: usize = 6;
/// Characters of a question that are read.
pub const QUESTION_CHARS_MAX: usize = 1_000;
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

    /// The arguments that say the time just before that of these: the `unit` (`week`, `month`, …) before it,
    /// or without one as much time as it has.
    fn period_before(
        &self,
        arguments: &Map<String, Value>,
        unit: Option<&str>,
    ) -> Option<Map<String, Value>>;

    /// The names nearest to a word that is none, of one dimension where it is said.
    fn nearest(&self, word: &str, dimension: Option<&str>) -> Vec<Name>;

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
    /// The fault of the endpoint, the caps or the prompt that kept the model from answering.
    pub fault: Option<Fault>,
    /// Calls of the model that may be billed, to be booked.
    pub metered: Vec<MeteredCall>,
}
