//! The honest stand-in: true sentences out of slots, and the tool that a plain reading of the question
//! calls for. What it reaches is the most that the pipeline lets through of a model that makes no
//! mistake; it says nothing of how well any model writes.

use serde_json::{Value, json};

use super::{Said, messages, sheet, sheet::Line, tools};
use crate::agent::reading;

/// What it says to a request: where tools are offered a call, and `done` when one has answered; else a
/// draft.
pub(super) fn said(request: &Value) -> Said {
    let offered = tools(request);
    if offered.is_empty() {
        return Said { text: draft(&sentences(request)), ..Said::default() };
    }
    let has_answer = messages(request).iter().any(|(role, _)| role == "tool");
    let wanted = if has_answer { None } else { reading::wanted(request, &offered) };
    match wanted {
        Some(call) => Said { calls: vec![call], ..Said::default() },
        None => Said { text: "done".to_owned(), ..Said::default() },
    }
}

/// A draft as the narrator's prompt asks for it.
pub(super) fn draft(sentences: &[(String, String)]) -> String {
    let sentences: Vec<Value> = sentences
        .iter()
        .map(|(kind, text)| json!({ "kind": kind, "text": text, "cites": ids(text) }))
        .collect();
    json!({ "sentences": sentences }).to_string()
}

/// Ids of the slots of a sentence, each once.
fn ids(text: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for part in text.split("{{").skip(1) {
        let id = part.split(['|', '}']).next().unwrap_or_default().to_owned();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// True sentences over the facts of a prompt: what it is about and how it moved, what contributed, then
/// whatever else must be said.
pub(super) fn sentences(request: &Value) -> Vec<(String, String)> {
    // Only the last list counts: a repair hands the same conversation on.
    let texts = messages(request);
    let mut listed =
        texts.iter().filter(|(role, _)| role != "assistant").map(|(_, text)| sheet::lines(text));
    let lines: Vec<Line> = listed.rfind(|lines| !lines.is_empty()).unwrap_or_default();
    let find = |what: &str| lines.iter().find(|line| line.what == what);
    let mut said: Vec<&str> = Vec::new();
    let mut sentences = Vec::new();
    let about = lines.iter().find(|line| line.what.starts_with("about."));
    if let Some(delta) = find("delta") {
        let subject =
            about.map_or("The cost".to_owned(), |about| format!("The cost of {}", about.slot()));
        let moved = match delta.as_format("verb") {
            Some(verb) => format!("{subject} {verb} by {}.", delta.slot()),
            None => format!("{subject} changed by {}.", delta.slot()),
        };
        sentences.push(("observe".to_owned(), moved));
        said.push(&delta.id);
        said.extend(about.map(|about| about.id.as_str()));
    }
    if let (Some(first), Some(last)) = (find("window_first"), find("window_last")) {
        sentences.push((
            "observe".to_owned(),
            format!("It covers {} to {}.", first.slot(), last.slot()),
        ));
        said.extend([first.id.as_str(), last.id.as_str()]);
    }
    if let Some(main) = find("main_driver") {
        // Which effect the name stands for is not shown; the one that moved most is.
        sentences.push(("attribute".to_owned(), format!("A contribution is {}.", main.slot())));
        said.push(&main.id);
    }
    for line in lines.iter().filter(|line| line.is_contribution && line.kind == "money").take(2) {
        if !said.contains(&line.id.as_str()) {
            let name = words(line.what.rsplit('.').next().unwrap_or_default());
            sentences.push((
                "attribute".to_owned(),
                format!("Of this, {name} contributed {}.", line.slot()),
            ));
            said.push(&line.id);
        }
    }
    for line in lines.iter().filter(|line| line.is_required) {
        if !said.contains(&line.id.as_str()) {
            let kind = if line.is_contribution { "attribute" } else { "observe" };
            sentences.push((kind.to_owned(), plainly(line)));
            said.push(&line.id);
        }
    }
    sentences
}

/// `Forecast total is {{F7}}.`
fn plainly(line: &Line) -> String {
    let name = words(&line.what);
    match line.as_format("verb") {
        Some(verb) => format!("The {name} {verb} by {}.", line.slot()),
        None => format!("The {name} is {}.", line.slot()),
    }
}

/// A role in words, without the parts that are numbers.
fn words(role: &str) -> String {
    let parts = role
        .split(['.', '_'])
        .filter(|part| !part.is_empty() && !part.bytes().any(|b| b.is_ascii_digit()));
    parts.collect::<Vec<_>>().join(" ")
}
