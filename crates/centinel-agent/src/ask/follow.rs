//! What a question keeps of the one before it: its tool, names, parts and time, but for what it says itself.

use serde_json::{Map, Value};

use super::{
    Tools,
    reading::{Call, TIMES, takes},
    words::{self, Topic},
};

/// What the last answer came from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Before {
    /// The call.
    pub(super) call: Call,
    /// What it was about, as a filter says it: of an episode, the part of the spend that it is in.
    pub(super) about: Map<String, Value>,
}

/// Words that a question goes on with.
const OPENS: &str = "and also but plus only";
/// Words for all spend: names of before do not hold for them.
const WHOLE: &str = "we us our total overall everything altogether company-wide whole";
/// Words that point back to what was asked before.
const BACK: &str = "it its that they them those there their same this";
/// Steps of time that something may lie before.
const UNITS: &str = "day week month quarter year";

/// Whether a question with a topic of its own is about what was asked before.
pub(super) fn goes_on(tokens: &[String]) -> bool {
    let says = |list: &str| tokens.iter().any(|token| words::has(list, token));
    // `this month` is a time, `this` alone points back.
    let points = tokens.iter().enumerate().any(|(at, token)| {
        let next = at.checked_add(1).and_then(|next| tokens.get(next));
        let is_time = token == "this" && next.is_some_and(|next| words::has(UNITS, next));
        words::has(BACK, token) && !is_time
    });
    let opens = tokens.first().is_some_and(|token| words::has(OPENS, token));
    let is_bare = matches!(tokens, [only] if only == "why")
        || matches!(tokens, [why, so, much] if why == "why" && so == "so" && much == "much");
    points || is_bare || opens && !says(WHOLE)
}

/// Whether a question puts another thing in the place of the one before: `what about Anthropic?`
pub(super) fn replaces(tokens: &[String]) -> bool {
    let has_about = tokens
        .windows(2)
        .any(|two| matches!(two, [ask, about] if words::has("what how", ask) && about == "about"));
    has_about || tokens.iter().any(|token| token == "instead")
}

/// A time just before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeBefore<'w> {
    /// The step of the calendar before it: `the week before`, `a year ago`.
    Step(&'w str),
    /// As much time before it: `before that`.
    AsMuch,
}

impl<'w> TimeBefore<'w> {
    /// The step.
    pub(super) fn unit(self) -> Option<&'w str> {
        match self {
            Self::Step(unit) => Some(unit),
            Self::AsMuch => None,
        }
    }
}

/// The time before another that the words ask for.
pub(super) fn time_before(tokens: &[String]) -> Option<TimeBefore<'_>> {
    let unit = |token: &String| words::has(UNITS, token);
    let is_that = |two: &[String]| {
        matches!(two, [before, that] if before == "before" && words::has("that then", that))
            || matches!(two, [one, before] if words::has("one period time", one) && before == "before")
            || matches!(two, [before, one] if before == "previous" && words::has("one period", one))
    };
    let by_step = tokens.windows(2).find_map(|two| match two {
        [step, before] if unit(step) && words::has("before prior earlier ago", before) => {
            Some(TimeBefore::Step(step))
        }
        [before, step] if unit(step) && words::has("previous prior preceding", before) => {
            Some(TimeBefore::Step(step))
        }
        _ => None,
    });
    by_step.or_else(|| tokens.windows(2).any(is_that).then_some(TimeBefore::AsMuch))
}

/// The call before, as it goes on where no topic is named.
pub(super) fn continued(
    before: &Before,
    has_names: bool,
    is_past: bool,
    tools: &dyn Tools,
) -> Call {
    let tool = before.call.tool.as_str();
    let spend = Topic::Spend.tool();
    let is_over = tool == Topic::Forecast.tool() && is_past;
    let takes_no_names = has_names && !takes(tools, tool, "filter");
    if is_over || takes_no_names {
        return pointing_at(before, spend, tools);
    }
    before.call.clone()
}

/// Another tool about the names and the time of the call before.
pub(super) fn pointing_at(before: &Before, tool: &str, tools: &dyn Tools) -> Call {
    let Before { call, about } = before;
    // A look ahead has periods of its own.
    let is_ahead = tool == Topic::Forecast.tool() || call.tool == Topic::Forecast.tool();
    let is_kept = |name: &str| {
        name == "filter" && takes(tools, tool, name)
            || TIMES.contains(&name) && takes(tools, tool, name) && !is_ahead
    };
    let kept = call.arguments.iter().filter(|(name, _)| is_kept(name));
    let mut arguments: Map<String, Value> =
        kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    let is_episode = call.arguments.contains_key("anomaly_id");
    if is_episode && !about.is_empty() && takes(tools, tool, "filter") {
        arguments.insert("filter".to_owned(), Value::Object(about.clone()));
    }
    Call { tool: tool.to_owned(), arguments }
}
