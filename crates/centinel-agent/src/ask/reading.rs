//! A question read without a model: a small grammar of words, names and times.
//!
//! The words say which tool, names of the home and dimensions what it is about, times when. A question that
//! says none of these goes on with the one before it. What is not understood is said to be not understood.

use serde_json::{Map, Value};

use super::{
    Name, Tools,
    names::{self, Found},
    words::{self, Topic},
};
use crate::Tool;

/// A call that was made, or is to be made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) tool: String,
    pub(super) arguments: Map<String, Value>,
}

/// What a question asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    /// The answer of a tool.
    Call(Call),
    /// Something that may mean either of these.
    Which {
        /// What was said.
        value: String,
        /// What it may be a name of, or which values it may be limited to.
        choices: Vec<String>,
        /// Whether the choices are values of one dimension.
        is_of_values: bool,
    },
    /// None of what can be asked.
    Unknown,
}

/// Something that is asked to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    /// The proposal's number, where one is named.
    pub(super) proposal: Option<String>,
}

/// What a person wants decided, of a question that asks for a decision: nobody decides here.
///
/// A word of decision counts where it opens the question, but for polite words, and where a proposal's number
/// follows it. `who approved P-3` is about a decision and asks for none.
pub(super) fn decision(question: &str) -> Option<Decision> {
    let tokens = words::tokens(question);
    let number = tokens.iter().find_map(|token| words::id(token, 'P'));
    let opening = tokens.iter().find(|token| !words::is_polite(token))?;
    if words::decides(opening) {
        return Some(Decision { proposal: number });
    }
    let first = tokens.iter().position(|token| words::decides_about(token))?;
    let follows = tokens.iter().skip(first).any(|token| words::id(token, 'P').is_some());
    follows.then_some(Decision { proposal: number })
}

/// Reads a question. `before` is the call that the last answer came from.
pub(super) fn read(question: &str, tools: &dyn Tools, before: Option<&Call>) -> Reading {
    let found = names::find(question, tools.names(), words::is_known);
    let tokens = words::tokens(&without(question, &found));
    let anomaly = tokens.iter().find_map(|token| words::id(token, 'E'));
    if let Some(id) = anomaly {
        return call("explain_change", [("anomaly_id", id)]);
    }
    if let Some(id) = tokens.iter().find_map(|token| words::id(token, 'P')) {
        return call("proposals", [("proposal_id", id)]);
    }
    let by = words::grouping(&tokens);
    let (own, compare_to) = words::comparison(&tokens);
    let topic = words::topic(&tokens);
    let looks_ahead = topic == Some(Topic::Forecast);
    let when = period(own, tools, looks_ahead);
    let says_something = by.is_some() || when.is_some() || !found.is_empty();
    let goes_on = topic.is_none() && says_something;
    let mut next = match (topic, before) {
        (Some(topic), Some(before)) if found.is_empty() && words::points_back(&tokens) => {
            pointing_at(before, topic.tool(), tools)
        }
        (Some(topic), _) => Call { tool: topic.tool().to_owned(), arguments: Map::new() },
        (None, Some(before)) if goes_on => before.clone(),
        (None, None) if goes_on => {
            Call { tool: Topic::Spend.tool().to_owned(), arguments: Map::new() }
        }
        (None, _) => return Reading::Unknown,
    };
    // A part can be asked for where the tool has no parts.
    if by.is_some() && !takes(tools, &next.tool, "group_by") {
        Topic::Spend.tool().clone_into(&mut next.tool);
        next.arguments.remove("anomaly_id");
        next.arguments.remove("compare_to");
    }
    if let Some(by) = by {
        set(&mut next, tools, "group_by", by);
    }
    match when {
        Some(when) if takes(tools, &next.tool, "period") => {
            next.arguments.retain(|name, _| !TIMES.contains(&name.as_str()));
            next.arguments.extend(when);
        }
        None if topic == Some(Topic::Explain) && !has_time(&next) => {
            set(&mut next, tools, "period", "last_7d");
        }
        _ => {}
    }
    if let Some(compare_to) = compare_to {
        set(&mut next, tools, "compare_to", compare_to);
    }
    if topic == Some(Topic::Proposals) && words::asks_what_waits(&tokens) {
        set(&mut next, tools, "status", "pending_approval");
    }
    match filter(question, &found) {
        Ok(filter) if filter.is_empty() || !takes(tools, &next.tool, "filter") => {}
        Ok(filter) => {
            next.arguments.remove("anomaly_id");
            let entry = next.arguments.entry("filter").or_insert_with(|| Map::new().into());
            if let Some(known) = entry.as_object_mut() {
                known.extend(filter);
            }
        }
        Err(which) => return which,
    }
    Reading::Call(next)
}

/// Arguments that say when.
const TIMES: [&str; 3] = ["period", "start", "end"];

fn has_time(call: &Call) -> bool {
    TIMES.iter().any(|name| call.arguments.contains_key(*name))
}

/// Another tool about the names and the time of the call before.
fn pointing_at(before: &Call, tool: &str, tools: &dyn Tools) -> Call {
    let is_kept = |name: &str| name == "filter" || TIMES.contains(&name);
    // A look ahead has periods of its own.
    let is_ahead = tool == Topic::Forecast.tool() || before.tool == Topic::Forecast.tool();
    let kept = before.arguments.iter().filter(|(name, _)| {
        is_kept(name) && takes(tools, tool, name) && !(is_ahead && TIMES.contains(&name.as_str()))
    });
    let arguments = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    Call { tool: tool.to_owned(), arguments }
}

/// Three questions that this home can answer.
pub(super) fn examples(names: &[Name]) -> [String; 3] {
    let first = ["feature", "team", "service", "model"]
        .into_iter()
        .find_map(|dimension| names.iter().find(|name| name.dimension == dimension));
    let about = first.map_or_else(|| "spend".to_owned(), |name| quoted(&name.value));
    let by = if names.iter().any(|name| name.dimension == "team") { "team" } else { "model" };
    [
        format!("why did {about} change last week?"),
        format!("how much did each {by} cost last month?"),
        "what will this month cost?".to_owned(),
    ]
}

/// A name between backticks, as a text of ours has it.
pub(super) fn quoted(name: &str) -> String {
    let plain = name.chars().map(|c| if c == '`' || c.is_control() { '\'' } else { c });
    format!("`{}`", plain.collect::<String>())
}

fn call<const N: usize>(tool: &str, arguments: [(&str, String); N]) -> Reading {
    let arguments = arguments.map(|(name, value)| (name.to_owned(), Value::from(value)));
    Reading::Call(Call { tool: tool.to_owned(), arguments: arguments.into_iter().collect() })
}

/// The question without the names of the home in it: a name says nothing but itself.
fn without(question: &str, found: &[Found]) -> String {
    let (mut text, mut at) = (String::new(), 0);
    for one in found {
        text.push_str(question.get(at..one.from).unwrap_or_default());
        text.push(' ');
        at = one.to;
    }
    text.push_str(question.get(at..).unwrap_or_default());
    text
}

fn takes(tools: &dyn Tools, tool: &str, argument: &str) -> bool {
    let of_name = |one: &&Tool| one.name == tool;
    tools.list().iter().find(of_name).is_some_and(|tool| tool.takes(argument))
}

fn set(call: &mut Call, tools: &dyn Tools, argument: &str, value: &str) {
    if takes(tools, &call.tool, argument) {
        call.arguments.insert(argument.to_owned(), Value::from(value));
    }
}

/// The longest run of words that says a time, the first of that length.
fn period(tokens: &[String], tools: &dyn Tools, is_ahead: bool) -> Option<Map<String, Value>> {
    (1..=words::PERIOD_WORDS_MAX).rev().find_map(|length| {
        (0..tokens.len()).find_map(|from| {
            let run = tokens.get(from..from.checked_add(length)?)?;
            let before = from.checked_sub(1).and_then(|before| tokens.get(before));
            let may_be = words::may_be_period(run, before.map(String::as_str));
            may_be.then(|| tools.period(&run.join(" "), is_ahead)).flatten()
        })
    })
}

/// The filter that the names of a question say.
fn filter(question: &str, found: &[Found]) -> Result<Map<String, Value>, Reading> {
    let mut filter: Map<String, Value> = Map::new();
    for one in found {
        let dimension = match one.dimensions.as_slice() {
            [only] => only.clone(),
            several => {
                let (before, after) = (question.get(..one.from), question.get(one.to..));
                let beside = words::dimension_beside(before.unwrap_or(""), after.unwrap_or(""));
                let stated = beside.filter(|stated| several.iter().any(|known| known == stated));
                stated.map(str::to_owned).ok_or_else(|| Reading::Which {
                    value: one.value.clone(),
                    choices: several.to_vec(),
                    is_of_values: false,
                })?
            }
        };
        let (argument, value) = match dimension.strip_prefix("tag:") {
            Some(key) => ("tag".to_owned(), format!("{key}={}", one.value)),
            None => (dimension, one.value.clone()),
        };
        match filter.get(&argument).and_then(Value::as_str) {
            Some(known) if known != value => {
                return Err(Reading::Which {
                    value: argument,
                    choices: vec![known.to_owned(), value],
                    is_of_values: true,
                });
            }
            _ => filter.insert(argument, Value::from(value)),
        };
    }
    Ok(filter)
}
