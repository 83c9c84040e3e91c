//! A plain reading of a question: which tool answers it, with which arguments. It is the honest stand-in's
//! whole understanding, by keywords and quoted names; it was written beside the questions, so what it
//! reaches is the upper end of the pipeline and no measure of a model.

use serde_json::{Map, Value, json};

use super::stand_in::messages;

/// Words that ask for a decision or a deed: no tool does these.
const DECIDES: [&str; 10] = [
    "approve",
    "reject",
    "merge",
    "execute",
    "apply",
    "delete",
    "shut down",
    "buy",
    "pay",
    "transfer",
];

/// Words of each tool, the first tool that has one of them is meant.
const TOOLS: [(&str, &[&str]); 8] = [
    ("savings", &["saved", "savings", "saving", "realised"]),
    ("propose_change", &["propose a budget", "draft a budget", "suggest a budget"]),
    ("proposals", &["proposal", "waits", "waiting", "pending"]),
    ("anomalies", &["anomal", "unusual", "out of the ordinary", "odd", "alarm"]),
    (
        "data_health",
        &["trust", "missing", "without an owner", "unpriced", "complete", "late data", "invoice"],
    ),
    (
        "forecast",
        &["forecast", "end of the month", "will we spend", "will cost", "budget", "on track"],
    ),
    (
        "explain_change",
        &["why", "explain", "caused", "driver", "rise", "rose", "jump", "went up", "spike", "fell"],
    ),
    ("spend_breakdown", &["how much", "cost", "spend", "spent", "breakdown", "most expensive"]),
];

/// Periods by the words that say them.
const PERIODS: [(&str, &str); 8] = [
    ("last week", "last_week"),
    ("last month", "last_month"),
    ("yesterday", "yesterday"),
    ("this month", "month_to_date"),
    ("last 7 days", "last_7d"),
    ("last 30 days", "last_30d"),
    ("last quarter", "last_quarter"),
    ("last 90 days", "last_90d"),
];

/// What the person asked, and the names in it that stand behind aliases: `N1 is a name: team`.
pub(crate) fn question_of(request: &Value) -> (String, Vec<(String, String)>) {
    let all = messages(request);
    let last = all.iter().rev().find(|(role, _)| role == "user").map(|(_, text)| text.clone());
    let last = last.unwrap_or_default();
    let names = last.lines().filter_map(|line| {
        let (alias, kind) = line.split_once(" is a name: ")?;
        // Of several kinds the first is taken, as somebody does who does not ask back.
        Some((alias.to_owned(), kind.split(" or ").next().unwrap_or(kind).replace(' ', "_")))
    });
    let names = names.collect();
    let question =
        last.rsplit_once("Question: ").map_or(last.clone(), |(_, question)| question.to_owned());
    (question, names)
}

/// The call that an earlier question led to: `spend_breakdown {"period":"last_week"}`.
fn before(request: &Value) -> Option<(String, Value)> {
    let all = messages(request);
    let lines: Vec<&str> = all.iter().flat_map(|(_, text)| text.lines()).collect();
    lines.iter().rev().find_map(|line| {
        let (tool, arguments) = line.split_once(" {")?;
        let is_tool = TOOLS.iter().any(|(known, _)| *known == tool);
        let arguments: Value = serde_json::from_str(&format!("{{{arguments}")).ok()?;
        is_tool.then(|| (tool.to_owned(), arguments))
    })
}

/// The call that a request's question wants; one that names no tool goes on with the one before.
pub(crate) fn wanted(request: &Value, offered: &[String]) -> Option<(String, Value)> {
    let (question, names) = question_of(request);
    if let Some(call) = call(&question, &names, offered) {
        return Some(call);
    }
    let (tool, mut arguments) = before(request)?;
    if decides(&question) {
        return None;
    }
    let more = arguments_of(&tool, &question, &names);
    let is_more = question.to_lowercase().contains(" by ") || more.get("period").is_some();
    for (name, value) in more.as_object().into_iter().flatten() {
        if name != "group_by" || question.to_lowercase().contains(" by ") {
            arguments[name] = value.clone();
        }
    }
    is_more.then_some((tool, arguments))
}

fn decides(question: &str) -> bool {
    let lower = question.to_lowercase();
    DECIDES.iter().any(|word| lower.contains(word)) && !lower.contains("who")
}

/// The tool that a question wants, among those that are offered.
fn call(question: &str, names: &[(String, String)], offered: &[String]) -> Option<(String, Value)> {
    if decides(question) {
        return None;
    }
    let lower = question.to_lowercase();
    let is_offered = |tool: &str| offered.iter().any(|known| known == tool);
    let is_meant = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let (tool, _) = TOOLS.iter().find(|(tool, words)| is_offered(tool) && is_meant(words))?;
    Some(((*tool).to_owned(), arguments_of(tool, question, names)))
}

/// Arguments by the words: a period, a dimension after `by`, a name in backticks after its dimension.
fn arguments_of(tool: &str, question: &str, names: &[(String, String)]) -> Value {
    let lower = question.to_lowercase();
    let mut found = Map::new();
    let mut filter: Map<String, Value> =
        names.iter().map(|(alias, dimension)| (dimension.clone(), json!(alias))).collect();
    let words: Vec<&str> = question.split_whitespace().collect();
    for pair in words.windows(2) {
        let dimension = pair[0].to_lowercase();
        let name = pair[1].trim_matches(['?', '.', ',']);
        let is_dimension = ["feature", "team", "model", "provider"].contains(&dimension.as_str());
        if is_dimension && name.len() > 2 && name.starts_with('`') {
            filter.insert(dimension, json!(name.trim_matches('`')));
        }
    }
    let by = words
        .windows(2)
        .find(|pair| pair[0].eq_ignore_ascii_case("by"))
        .map(|pair| pair[1].to_lowercase());
    let by = by.map(|by| by.trim_matches(['?', '.', ',']).to_owned());
    let by = by.filter(|by| ["feature", "team", "model", "provider"].contains(&by.as_str()));
    let episode = words.iter().map(|word| word.trim_matches(['?', '.', ','])).find(|word| {
        word.strip_prefix("E-")
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    });
    let period = PERIODS.iter().find(|(words, _)| lower.contains(words)).map(|(_, period)| *period);
    if ["spend_breakdown", "explain_change"].contains(&tool) {
        match (episode, period) {
            (Some(id), _) if tool == "explain_change" => {
                found.insert("anomaly_id".to_owned(), json!(id));
                return Value::Object(found);
            }
            (_, Some(period)) => {
                found.insert("period".to_owned(), json!(period));
            }
            _ => {}
        }
    }
    if tool == "spend_breakdown" {
        found.insert("group_by".to_owned(), json!(by.unwrap_or_else(|| "model".to_owned())));
    }
    if tool == "propose_change" {
        let amount: String = lower
            .split('$')
            .nth(1)
            .unwrap_or("")
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        found.insert("kind".to_owned(), json!("budget"));
        found.insert("amount".to_owned(), json!(amount));
        found.insert("per".to_owned(), json!("month"));
        found.insert("reason".to_owned(), json!("asked for in a conversation"));
        if !filter.is_empty() {
            found.insert("scope".to_owned(), Value::Object(filter));
        }
    } else if !filter.is_empty()
        && ["spend_breakdown", "explain_change", "forecast", "anomalies"].contains(&tool)
    {
        found.insert("filter".to_owned(), Value::Object(filter));
    }
    Value::Object(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read() {
        let offered: Vec<String> = TOOLS.iter().map(|(tool, _)| (*tool).to_owned()).collect();
        let read = |question: &str| call(question, &[], &offered);
        assert_eq!(read("Approve P-3, please."), None);
        assert_eq!(
            read("How much did feature `mail` cost last week by model?"),
            Some((
                "spend_breakdown".to_owned(),
                json!({ "period": "last_week", "group_by": "model", "filter": { "feature": "mail" } })
            ))
        );
        assert_eq!(
            read("Why did E-3 happen?"),
            Some(("explain_change".to_owned(), json!({ "anomaly_id": "E-3" })))
        );
        assert_eq!(read("What is the weather?"), None);
    }
}
