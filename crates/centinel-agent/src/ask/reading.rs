//! A question read without a model: a small grammar of words, names and times.
//!
//! The words say which tool, names of the home and dimensions what it is about, times when. A question that
//! says none of these goes on with the one before it. What is not understood is said to be not understood.

use serde_json::{Map, Value};

use super::{
    Name, Tools,
    ahead::{self, Supposed},
    follow::{self, Before},
    names::{self, Found, TAG_KEY},
    unknown::{self, Absent},
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
    /// A name that nothing has.
    Absent(Absent),
    /// Parts that spend is not recorded by.
    NoSuchPart(String),
    /// What questions cannot ask for.
    Cannot(Cannot),
    /// None of what can be asked.
    Unknown,
}

/// What is understood, and has no answer here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cannot {
    /// All but a part.
    LeaveOut,
    /// A scenario of something else than volume and models.
    Suppose,
    /// What a period that is over was expected to cost.
    LookBack,
    /// Kinds of spend, in two periods.
    CompareKinds,
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

/// Reads a question. `before` is what the last answer came from.
pub(super) fn read(question: &str, tools: &dyn Tools, before: Option<&Before>) -> Reading {
    let found = names::find(question, tools.names());
    let tokens = words::tokens(&without(question, &found));
    let anomaly = tokens.iter().find_map(|token| words::id(token, 'E'));
    if let Some(id) = anomaly {
        return call("explain_change", [("anomaly_id", id)]);
    }
    if let Some(id) = tokens.iter().find_map(|token| words::id(token, 'P')) {
        return call("proposals", [("proposal_id", id)]);
    }
    if found.iter().any(|one| words::leaves_out(question.get(..one.from).unwrap_or_default())) {
        return Reading::Cannot(Cannot::LeaveOut);
    }
    let said = match Said::of(question, found, &tokens, tools) {
        Ok(said) => said,
        Err(reading) => return reading,
    };
    let Some(mut next) = said.call(before, tools) else { return said.unread() };
    if takes(tools, &next.tool, "filter") {
        if let Some(part) = words::strange_part(&tokens).filter(|_| said.by.is_none()) {
            return Reading::NoSuchPart(part.to_owned());
        }
        if let Some(absent) = unknown::meant(question, &said.found) {
            return Reading::Absent(absent);
        }
    }
    match said.put(&mut next, tools) {
        Ok(()) => Reading::Call(next),
        Err(reading) => reading,
    }
}

/// The question that was asked back about, with its name settled by a word for one of its kinds.
pub(super) fn settled(open: &str, reply: &str, tools: &dyn Tools) -> Option<String> {
    let found = names::find(reply, tools.names());
    let tokens = words::tokens(&without(reply, &found));
    let is_short = tokens.len() <= 6 && words::topic(&tokens).is_none();
    let of = |token: &String| {
        words::dimension(token)
            .or_else(|| words::dimension(token.strip_suffix('s').unwrap_or(token)))
    };
    let dimension = tokens.iter().find_map(of).filter(|_| is_short)?;
    let asked = names::find(open, tools.names());
    let one = asked.iter().find(|one| {
        one.dimensions.len() > 1 && one.dimensions.iter().any(|known| known == dimension)
    })?;
    let kind = dimension.replace('_', " ");
    let kind = kind.rsplit(' ').next().unwrap_or(dimension);
    let (before, behind) = (open.get(..one.from)?, open.get(one.to..)?);
    let bare = before.trim_end_matches(names::is_quote);
    let behind = behind.trim_start_matches(names::is_quote);
    Some(format!("{bare}{kind} {}{behind}", quoted(&one.value)))
}

/// What a question says.
struct Said<'q> {
    question: &'q str,
    found: Vec<Found>,
    tokens: &'q [String],
    topic: Option<Topic>,
    by: Option<By>,
    when: Option<Map<String, Value>>,
    compare_to: Option<&'static str>,
    supposed: Supposed,
}

/// What parts are parts by.
enum By {
    /// A dimension or a step of time.
    Named(&'static str),
    /// The key of a tag.
    Tag(String),
}

impl<'q> Said<'q> {
    fn of(
        question: &'q str,
        found: Vec<Found>,
        tokens: &'q [String],
        tools: &dyn Tools,
    ) -> Result<Self, Reading> {
        let supposed = ahead::supposed(question, &found);
        let mut topic = words::topic(tokens);
        if supposed.assume.is_some() || supposed.amount.is_some() {
            topic = Some(Topic::Forecast);
        } else if supposed.is_scenario {
            return Err(Reading::Cannot(Cannot::Suppose));
        }
        if topic == Some(Topic::Explain) && words::asks_for_largest(tokens) {
            topic = Some(Topic::Spend);
        }
        let (own, compare_to) = words::comparison(tokens);
        let looks_ahead = topic == Some(Topic::Forecast);
        let when = period(own, tools, looks_ahead);
        if looks_ahead && when.is_none() && period(own, tools, false).is_some() {
            return Err(Reading::Cannot(Cannot::LookBack));
        }
        let (keys, found): (Vec<Found>, Vec<Found>) =
            found.into_iter().partition(|one| one.dimensions.iter().all(|of| of == TAG_KEY));
        let is_filtered = |key: &str| {
            let dimension = format!("tag:{key}");
            found.iter().any(|one| one.dimensions.contains(&dimension))
        };
        let by_key = keys.iter().find(|key| !is_filtered(&key.value));
        let by = match by_key {
            Some(key) if has_value(question, key) => {
                return Err(Reading::Absent(no_value(question, key)));
            }
            Some(key) => Some(By::Tag(key.value.clone())),
            None => words::grouping(tokens).map(By::Named),
        };
        Ok(Self { question, found, tokens, topic, by, when, compare_to, supposed })
    }

    fn says_something(&self) -> bool {
        self.by.is_some() || self.when.is_some() || !self.found.is_empty()
    }

    /// Whether the words are about spend: a word of money alone is not.
    fn is_about_spend(&self) -> bool {
        let is_strange = unknown::has_strange_words(self.question, &self.found);
        let is_vague = match self.topic {
            Some(Topic::Spend) => is_strange,
            Some(Topic::Explain) => words::is_weak(self.tokens),
            _ => false,
        };
        self.says_something() || !is_vague
    }

    /// The call that the words go on with or begin; `None` where they say none.
    fn call(&self, before: Option<&Before>, tools: &dyn Tools) -> Option<Call> {
        let fresh = |topic: Topic| Call { tool: topic.tool().to_owned(), arguments: Map::new() };
        let goes_on = before.filter(|_| follow::goes_on(self.tokens));
        let shift = follow::time_before(self.tokens).filter(|_| self.when.is_none());
        let mut next = match (self.topic, before) {
            (Some(topic), _) if goes_on.is_some() => {
                let mut call = follow::pointing_at(goes_on?, topic.tool(), tools);
                if !self.found.is_empty() {
                    call.arguments.remove("filter");
                }
                call
            }
            (Some(topic), _) if self.is_about_spend() || shift.is_some() => fresh(topic),
            (None, Some(before))
                if self.says_something() || shift.is_some() || self.compare_to.is_some() =>
            {
                let is_past = shift.is_some() || self.when.is_some();
                let mut call = follow::continued(before, !self.found.is_empty(), is_past, tools);
                if follow::replaces(self.tokens) && !self.found.is_empty() {
                    call.arguments.remove("filter");
                }
                call
            }
            (None, None) if self.says_something() => fresh(Topic::Spend),
            _ => return None,
        };
        if let Some(step) = shift {
            let unit = step.unit();
            let has_own = has_time(&next);
            let mut from = next.arguments.clone();
            if !has_own {
                let last = unit
                    .filter(|_| self.topic.is_some())
                    .map_or("last_30d".to_owned(), |unit| format!("last_{unit}"));
                from.insert("period".to_owned(), Value::from(last));
            }
            if let Some(when) = tools.period_before(&from, unit) {
                next.arguments.retain(|name, _| !TIMES.contains(&name.as_str()));
                next.arguments.extend(when);
            }
        }
        Some(next)
    }

    /// What is said where nothing can be called.
    fn unread(&self) -> Reading {
        let absent = unknown::meant(self.question, &self.found);
        let is_follow_up = follow::goes_on(self.tokens) || follow::replaces(self.tokens);
        match absent {
            Some(absent) if self.topic.is_none() && is_follow_up => Reading::Absent(absent),
            Some(absent) if self.topic.is_some() && words::asks(self.tokens) => {
                Reading::Absent(absent)
            }
            _ => Reading::Unknown,
        }
    }

    /// Puts what is said into the call.
    fn put(&self, next: &mut Call, tools: &dyn Tools) -> Result<(), Reading> {
        let spend = Topic::Spend.tool();
        let moved = self.topic == Some(Topic::Explain) && self.by.is_some();
        // A part can be asked for where the tool has no parts.
        if self.by.is_some() && !takes(tools, &next.tool, "group_by") {
            spend.clone_into(&mut next.tool);
            next.arguments.remove("anomaly_id");
            next.arguments.remove("compare_to");
        }
        match &self.by {
            Some(By::Named(by)) => {
                next.arguments.remove(TAG_KEY);
                set(next, tools, "group_by", by);
                if *by == "day" {
                    set(next, tools, "detail", "full");
                }
            }
            Some(By::Tag(key)) => {
                set(next, tools, "group_by", "tag");
                set(next, tools, TAG_KEY, key);
            }
            None if words::asks_for_trend(self.tokens) => set(next, tools, "group_by", "week"),
            None => {}
        }
        match &self.when {
            Some(when) if takes(tools, &next.tool, "period") => {
                next.arguments.retain(|name, _| !TIMES.contains(&name.as_str()));
                next.arguments.extend(when.clone());
            }
            None if self.topic == Some(Topic::Explain) && !has_time(next) => {
                set(next, tools, "period", "last_7d");
            }
            None if !has_time(next) && next.tool == spend => {
                let steps = next.arguments.get("group_by").and_then(Value::as_str);
                let words = match steps {
                    Some("week") => Some("last 90 days"),
                    Some("month") => Some("all"),
                    _ => None,
                };
                let when = words.and_then(|words| tools.period(words, false));
                next.arguments.extend(when.unwrap_or_default());
            }
            _ => {}
        }
        for (argument, value) in
            [("amount", &self.supposed.amount), ("assume", &self.supposed.assume)]
        {
            if let Some(value) = value {
                set(next, tools, argument, value);
            }
        }
        if self.topic == Some(Topic::Proposals) && words::asks_what_waits(self.tokens) {
            set(next, tools, "status", "pending_approval");
        }
        self.put_filter(next, tools)?;
        if next.tool == spend {
            self.put_comparison(next, moved)?;
        } else if let Some(compare_to) = self.compare_to {
            set(next, tools, "compare_to", compare_to);
        }
        Ok(())
    }

    fn put_filter(&self, next: &mut Call, tools: &dyn Tools) -> Result<(), Reading> {
        let is_changed = |one: &&Found| !self.supposed.models.contains(&one.value);
        let found: Vec<Found> = self.found.iter().filter(is_changed).cloned().collect();
        let filter = filter(self.question, &found)?;
        if filter.is_empty() || !takes(tools, &next.tool, "filter") {
            return Ok(());
        }
        next.arguments.remove("anomaly_id");
        // One value of a dimension has no parts by it.
        let is_of_part = |by: &str| filter.contains_key(by) && self.by.is_none();
        if next.arguments.get("group_by").and_then(Value::as_str).is_some_and(is_of_part) {
            next.arguments.remove("group_by");
        }
        let entry = next.arguments.entry("filter").or_insert_with(|| Map::new().into());
        if let Some(known) = entry.as_object_mut() {
            known.extend(filter);
        }
        Ok(())
    }

    /// What spend is compared with, and its parts where none are asked for.
    fn put_comparison(&self, next: &mut Call, moved: bool) -> Result<(), Reading> {
        let is_comparable = |by: &str| !["owner", "kind", "day", "week", "month"].contains(&by);
        let by = next.arguments.get("group_by").and_then(Value::as_str).map(str::to_owned);
        let compare_to = match self.compare_to {
            // Which part grew: against as much time before.
            None if moved && by.as_deref().is_some_and(is_comparable) => Some("previous_period"),
            other => other,
        };
        if let Some(compare_to) = compare_to {
            next.arguments.insert("compare_to".to_owned(), Value::from(compare_to));
        }
        let is_compared = next.arguments.contains_key("compare_to");
        if is_compared && by.as_deref().is_some_and(|by| !is_comparable(by)) {
            next.arguments.remove("group_by");
        }
        if is_compared && self.by.is_none() && words::names_kind(self.tokens) {
            return Err(Reading::Cannot(Cannot::CompareKinds));
        }
        if !next.arguments.contains_key("group_by") {
            let by = usual_parts(next, is_compared, words::asks_for_largest(self.tokens));
            next.arguments.insert("group_by".to_owned(), Value::from(by));
        }
        Ok(())
    }
}

/// The parts that say most of what is asked about, where the question names none.
fn usual_parts(call: &Call, is_compared: bool, asks_for_largest: bool) -> &'static str {
    let filter = call.arguments.get("filter").and_then(Value::as_object);
    let has =
        |names: &[&str]| names.iter().any(|name| filter.is_some_and(|of| of.contains_key(*name)));
    if filter.is_none_or(Map::is_empty) {
        return if is_compared || asks_for_largest { "service" } else { "kind" };
    }
    if has(&["model"]) {
        return "feature";
    }
    if has(&["feature", "agent", "application", "process", "api_key", "service"]) {
        return "model";
    }
    "service"
}

/// Whether something is said to be the value of a tag's key.
fn has_value(question: &str, key: &Found) -> bool {
    let behind = question.get(key.to..).unwrap_or_default().trim_start_matches(names::is_quote);
    behind.trim_start().starts_with(['=', ':'])
        || words::tokens(behind).first().is_some_and(|word| words::has("is equals", word))
}

fn no_value(question: &str, key: &Found) -> Absent {
    let behind = question.get(key.to..).unwrap_or_default();
    let word = behind.split(|c: char| c.is_whitespace() || "=:?,;`\"'".contains(c));
    let mut words =
        word.filter(|word| !word.is_empty() && !words::has("is equals", &word.to_lowercase()));
    let word = words.next().unwrap_or_default().to_owned();
    Absent { word, dimension: Some(format!("tag:{}", key.value)) }
}

/// Arguments that say when.
pub(super) const TIMES: [&str; 3] = ["period", "start", "end"];

fn has_time(call: &Call) -> bool {
    TIMES.iter().any(|name| call.arguments.contains_key(*name))
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

pub(super) fn takes(tools: &dyn Tools, tool: &str, argument: &str) -> bool {
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
