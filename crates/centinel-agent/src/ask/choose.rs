//! A model picks tools: its calls are made one by one, each bounded, until it has enough or may have no more.

use std::fmt::Write as _;

use jiff::civil::Date;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{
    Answered, CALLS_MAX, Name, Tools, conversation::Earlier, found::Found, names::Aliases,
    reading::Call, shown, words,
};
use crate::{Fault, Message, Narrator, Run, Task, ToolCall, client::object_with};

/// Turns of the model at most: calls, and two in which it asked for what it had.
const TURNS_MAX: u32 = 8;
/// Calls that were made before, at most.
const REPEATS_MAX: usize = 2;
/// Bytes of a name that is looked for in words of ours; shorter ones are parts of these.
const NAME_BYTES_MIN: usize = 4;
/// Bytes of one answer that a model is shown.
const ANSWER_BYTES_MAX: usize = 6_000;
/// Bytes of all earlier questions that a model is told of.
const EARLIER_BYTES_MAX: usize = 8_000;

/// What choosing needs.
pub(super) struct Choosing<'a> {
    pub(super) narrator: &'a Narrator,
    pub(super) run: &'a Run,
    pub(super) tools: &'a dyn Tools,
    /// When the time for choosing is up.
    pub(super) until: Instant,
}

/// What is known beside a question.
pub(super) struct Known<'a> {
    /// Aliases of the names in it.
    pub(super) names: &'a [String],
    /// The first day of the data, and the day that relative periods count from.
    pub(super) days: Option<(Date, Date)>,
    /// The questions before.
    pub(super) earlier: &'a [Earlier],
}

/// The first messages: the rules, the questions before, the question.
pub(super) fn opening(
    question: &str,
    known: Known<'_>,
    aliases: &Aliases,
) -> Result<Vec<Message>, Fault> {
    let Known { names, days, earlier } = known;
    let mut text = String::new();
    let mut bytes = 0_usize;
    let recent = earlier.iter().rev().take_while(|one| {
        bytes = bytes.saturating_add(one.question.len()).saturating_add(one.found.len());
        bytes <= EARLIER_BYTES_MAX
    });
    let recent: Vec<&Earlier> = recent.collect();
    for one in recent.into_iter().rev() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Asked before: {}\nFound then:\n{}", one.question, one.found);
    }
    if let Some((first, today)) = days {
        let _ = writeln!(text, "The data begins with {first}; today is {today}.");
    }
    for alias in names {
        let _ = writeln!(text, "{alias} is a name: {}", aliases.kind(alias).unwrap_or_default());
    }
    let _ = write!(text, "Question: {question}");
    Ok(vec![Message::System(Task::choosing()?), Message::User(text)])
}

/// What a model is told later of what was found: the calls with their facts, without ids.
pub(super) fn remembered(found: &Found, aliases: &mut Aliases) -> String {
    let mut text = String::new();
    for made in found.calls.iter().filter(|made| made.refused.is_none()) {
        let arguments = Value::Object(aliases.hidden(&made.arguments));
        let _ = writeln!(text, "{} {arguments}", made.tool);
    }
    for part in &found.parts {
        text.push_str(&shown::lines(&part.bundle, aliases, false));
    }
    cut(text, ANSWER_BYTES_MAX / 4)
}

impl Choosing<'_> {
    /// What was looked up, in how many turns, and what ended it before its time.
    pub(super) async fn choose(
        &self,
        mut messages: Vec<Message>,
        aliases: &mut Aliases,
    ) -> (Found, u32, Option<Fault>) {
        let (mut found, mut turns, mut repeats) = (Found::default(), 0, 0);
        while turns < TURNS_MAX {
            let offered = self.tools.list().to_vec();
            let reply = self.narrator.turn(messages.clone(), offered, self.run, self.until).await;
            let reply = match reply {
                Ok(reply) => reply,
                Err(fault) => return (found, turns, Some(fault)),
            };
            turns = turns.saturating_add(1);
            let mut wanted = reply.tool_calls;
            if wanted.is_empty() {
                wanted.extend(self.call_in(&reply.text));
            }
            if wanted.is_empty() {
                break;
            }
            number(&mut wanted, turns);
            wanted.truncate(CALLS_MAX);
            messages.push(Message::Calls(wanted.clone()));
            for ToolCall { id, name, arguments } in wanted {
                let text = if found.calls.len() >= CALLS_MAX {
                    "No more calls for this question.".to_owned()
                } else {
                    match self.made(&name, &arguments, &mut found, aliases).await {
                        Some(text) => text,
                        None => {
                            repeats += 1;
                            "This call was made before; its answer stands above.".to_owned()
                        }
                    }
                };
                messages.push(Message::Result { id, text });
            }
            if found.calls.len() >= CALLS_MAX
                || repeats > REPEATS_MAX
                || Instant::now() >= self.until
            {
                break;
            }
        }
        (found, turns, None)
    }

    /// Makes a call, and says what the model is shown of it; `None` where it was made before.
    async fn made(
        &self,
        name: &str,
        arguments: &Value,
        found: &mut Found,
        aliases: &mut Aliases,
    ) -> Option<String> {
        let Some(tool) = self.tools.list().iter().find(|tool| tool.name == name) else {
            let names: Vec<&str> =
                self.tools.list().iter().map(|tool| tool.name.as_str()).collect();
            let message = "there is no such tool".to_owned();
            let call = Call { tool: shortened(name), arguments: Map::new() };
            found.add(call, Answered::Refused { message, corrected: None });
            return Some(format!("There is no such tool; there are {}.", names.join(", ")));
        };
        let Some(arguments) = object(arguments) else {
            let message = "the arguments are no JSON object".to_owned();
            let call = Call { tool: tool.name.clone(), arguments: Map::new() };
            found.add(call, Answered::Refused { message, corrected: None });
            return Some("The arguments are no JSON object.".to_owned());
        };
        let arguments = aliases.filled(&arguments);
        let is_same = |made: &super::Made| made.tool == name && made.arguments == arguments;
        if found.calls.iter().any(is_same) {
            return None;
        }
        let call = Call { tool: tool.name.clone(), arguments: arguments.clone() };
        let answering = self.tools.call(&tool.name, arguments);
        let Ok(answered) = tokio::time::timeout_at(self.until, answering).await else {
            let message = "no answer within the time of the question".to_owned();
            found.add(call, Answered::Refused { message, corrected: None });
            return Some("No answer within the time.".to_owned());
        };
        let refused = match &answered {
            Answered::Refused { message, corrected } => {
                let mut text = format!("Refused: {}", self.without_names(message, aliases));
                if let Some(corrected) = corrected {
                    let corrected = Value::Object(aliases.hidden(corrected));
                    let _ = write!(text, "\nThis would be answered: {name} {corrected}");
                }
                Some(text)
            }
            Answered::Found { .. } => None,
        };
        let bundles = found.add(call, answered);
        if refused.is_some() {
            return refused;
        }
        let lines: Vec<String> =
            bundles.iter().map(|bundle| shown::lines(bundle, aliases, true)).collect();
        Some(cut(lines.join("\n"), ANSWER_BYTES_MAX))
    }

    /// A refusal as a model may see it. Names stand in backticks, beside words of the tools' schemas; where a
    /// name does not, nothing is told but that the arguments do not fit.
    fn without_names(&self, message: &str, aliases: &Aliases) -> String {
        let schemas: String =
            self.tools.list().iter().map(|tool| tool.arguments.to_string()).collect();
        let is_word = |word: &str| schemas.contains(&format!("\"{word}\""));
        let shown = aliases.without_names(message, |part| part.split('.').all(is_word));
        let lower = shown.to_lowercase();
        let is_in = |name: &Name| {
            let name = name.value.to_lowercase();
            name.len() >= NAME_BYTES_MIN && !words::is_known(&name) && lower.contains(&name)
        };
        if self.tools.names().iter().any(is_in) {
            return "the arguments do not fit the data".to_owned();
        }
        shown
    }

    /// A call that a model wrote as text: `{"name": …, "arguments": …}`, as small ones do.
    fn call_in(&self, text: &str) -> Option<ToolCall> {
        let written = object_with(text, "name").or_else(|| object_with(text, "tool"))?;
        let written = written.get("function").filter(|inner| inner.is_object()).unwrap_or(&written);
        let of = |names: &[&str]| names.iter().find_map(|name| written.get(*name));
        let name = of(&["name", "tool"])?.as_str()?;
        self.tools.list().iter().find(|tool| tool.name == name)?;
        let arguments = of(&["arguments", "parameters", "args", "input"]).cloned();
        let arguments = arguments.unwrap_or_else(|| json!({}));
        Some(ToolCall { id: String::new(), name: name.to_owned(), arguments })
    }
}

/// Arguments as they should be; as text, as some servers send them, they are read; without any there are none.
fn object(arguments: &Value) -> Option<Map<String, Value>> {
    match arguments {
        Value::Object(object) => Some(object.clone()),
        Value::Null => Some(Map::new()),
        Value::String(text) if text.trim().is_empty() => Some(Map::new()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// Gives each call an id that is its own: some servers send none, and some the same twice.
fn number(calls: &mut [ToolCall], turn: u32) {
    let mut seen: Vec<String> = Vec::new();
    for (index, call) in calls.iter_mut().enumerate() {
        if call.id.is_empty() || seen.contains(&call.id) {
            call.id = format!("call-{turn}-{}", index.saturating_add(1));
        }
        seen.push(call.id.clone());
    }
}

/// A stranger's word, for the list of calls.
fn shortened(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = text.get(..bytes_max).and_then(|head| head.rfind('\n'));
        // Inside a character: a little less.
        let end = end.or_else(|| (0..bytes_max).rev().find(|end| text.is_char_boundary(*end)));
        text.truncate(end.unwrap_or(0));
        text.push_str("\n…\n");
    }
    text
}
