//! Questions and answers, one after the other: who answers, and what is remembered of it.

use std::time::Duration;

use centinel_engine::facts::Union;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Answer, Answered, Made, QUESTION_CHARS_MAX, Tools,
    choose::{self, Choosing},
    follow::Before,
    found::Found,
    names::{self, Aliases},
    reading::{self, Call, Reading},
    said, shown, unknown,
};
use crate::{Fault, Gates, Judge, Label, Narrator, Run, Sheet, Worded};

/// Earlier questions that a model is told of.
const EARLIER_MAX: usize = 6;

/// Questions and answers of one person, in order.
#[derive(Debug, Default)]
pub struct Conversation {
    aliases: Aliases,
    earlier: Vec<Earlier>,
    before: Option<Before>,
    /// A question that was asked back about, which a word may settle.
    open: Option<String>,
}

/// A question that was answered, as a model may see it.
#[derive(Debug, Clone)]
pub(super) struct Earlier {
    pub(super) question: String,
    pub(super) found: String,
}

/// A question as a model may see it, and the aliases in it.
struct Hidden {
    question: String,
    aliases: Vec<String>,
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
            return answer(text, Found::default(), None);
        }
        let question = self.settled(question, tools);
        let named = names::find(&question, tools.names());
        if let Some(absent) = unknown::stated(&question, &named) {
            // What nothing is called has no answer, whoever chooses the words.
            return answer(said::absent(&absent, tools), Found::default(), None);
        }
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

    /// The question that was asked back about, with what it was settled by; else the question itself.
    fn settled(&mut self, question: String, tools: &dyn Tools) -> String {
        let Some(open) = self.open.take() else { return question };
        reading::settled(&open, &question, tools).unwrap_or(question)
    }

    /// What the rules find, or what they say where they find nothing.
    async fn by_rule(&mut self, question: &str, tools: &dyn Tools) -> (Found, Option<String>) {
        let mut found = Found::default();
        let call = match reading::read(question, tools, self.before.as_ref()) {
            Reading::Call(call) => call,
            Reading::Which { value, choices, is_of_values } => {
                self.open = (!is_of_values).then(|| question.to_owned());
                return (found, Some(said::which(&value, &choices, is_of_values)));
            }
            Reading::Absent(absent) => return (found, Some(said::absent(&absent, tools))),
            Reading::NoSuchPart(part) => return (found, Some(said::no_such_part(&part, tools))),
            Reading::Cannot(what) => return (found, Some(said::cannot(what).to_owned())),
            Reading::Unknown => return (found, Some(said::not_understood(tools))),
        };
        let answered = tools.call(&call.tool, call.arguments.clone()).await;
        let refused = match &answered {
            Answered::Refused { message, .. } => Some(said::as_sentence(message)),
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
            return answer(words.unwrap_or_else(said::nothing_found), found, reason);
        }
        self.keep(hidden, &found);
        Answer { verified, ..answer(text, found, reason) }
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
            let reason = fault
                .as_ref()
                .map_or_else(|| "the model looked nothing up".to_owned(), Fault::to_string);
            let (ruled, words) = self.by_rule(question, tools).await;
            let mut calls = found.calls;
            calls.extend(ruled.calls.iter().cloned());
            let answer = self.told(hidden, Found { calls, ..ruled }, words, Some(reason));
            return Answer { turns, fault, ..answer };
        }
        let (standard, verified) = found.standard();
        let Some(union) = found.union.as_ref().map(Union::bundle).cloned() else {
            return self.told(hidden, found, None, None);
        };
        let sheet = shown::sheet(&found.parts, &mut self.aliases);
        let judge = AskJudge { gates: Gates::new(&union, &standard), sheet };
        let worded = narrator.word_asked(&hidden, &judge, &standard, run).await;
        self.keep(hidden, &found);
        let Worded { text, label, turns: drafts, prompt, fault, calls: metered, .. } = worded;
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
            fault,
            metered,
        }
    }

    /// Remembers what was asked and found, for the questions that follow.
    fn keep(&mut self, question: String, found: &Found) {
        let answered = found.calls.iter().rev().find(|made| made.refused.is_none());
        if let Some(Made { tool, arguments, .. }) = answered.cloned() {
            let call = Call { tool, arguments };
            self.before = Some(Before { call, about: found.about() });
        }
        let found = choose::remembered(found, &mut self.aliases);
        self.earlier.push(Earlier { question, found });
        let more = self.earlier.len().saturating_sub(EARLIER_MAX);
        self.earlier.drain(..more);
    }
}

/// An answer in words of the product.
fn answer(text: String, found: Found, reason: Option<String>) -> Answer {
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
        fault: None,
        metered: Vec::new(),
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
