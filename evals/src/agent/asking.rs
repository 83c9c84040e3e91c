//! Questions to `centinel ask`, and what came back: shared by the suites that ask in words.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use centinel_engine::facts::Bundle;
use serde::Deserialize;
use serde_json::Value;

use super::{
    company::Part,
    homes,
    homes::text,
    narrated::{self, Published},
    product::Home,
    score::Score,
    sinks::{self, Snapshot},
    stand_in::StandIn,
};

/// The questions.
const QUESTIONS: &str = include_str!("../../agent/questions.toml");

/// What people ask, by suite.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Questions {
    pub(crate) tool_choice: Vec<Chosen>,
    pub(crate) refuse_approve: Vec<Plain>,
    pub(crate) no_data: Vec<Plain>,
    pub(crate) ambiguous: Vec<Plain>,
    pub(crate) unreadable: Vec<Plain>,
    pub(crate) multi_turn: Vec<Turns>,
    pub(crate) propose: Vec<Wanted>,
}

/// A question.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plain {
    pub(crate) ask: String,
}

/// A question, and what should be looked up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chosen {
    pub(crate) ask: String,
    pub(crate) tool: String,
    /// Arguments that it should have at least.
    pub(crate) arguments: Value,
}

/// A conversation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turns {
    pub(crate) asks: Vec<String>,
    /// The tool of each turn; empty where nothing should be called.
    pub(crate) tools: Vec<String>,
    /// Arguments of the last one.
    pub(crate) last: Value,
}

/// A wish for a proposal.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    pub(crate) ask: String,
    pub(crate) amount: String,
}

/// Reads them, with the names of a company in their places.
pub(crate) fn questions(parts: &[Part]) -> anyhow::Result<Questions> {
    let planted =
        parts.iter().rfind(|part| part.planted.is_incident()).context("nothing is planted")?;
    let feature =
        parts.iter().rev().find(|part| !part.planted.is_incident()).context("nothing is steady")?;
    let team = feature.team.clone().unwrap_or_default();
    let names = BTreeMap::from([
        ("{planted}", planted.feature.as_str()),
        ("{feature}", feature.feature.as_str()),
        ("{team}", team.as_str()),
        ("{both}", BOTH),
    ]);
    let mut filled = QUESTIONS.to_owned();
    for (place, name) in names {
        filled = filled.replace(place, name);
    }
    toml::from_str(&filled).context("reading agent/questions.toml")
}

/// A name that is a feature's and a team's.
pub(crate) const BOTH: &str = "atlas";

/// A home to ask: a company of a seed, one of whose features has a team's name, with a proposal that waits.
pub(crate) fn home(seed: u64, config: &str) -> anyhow::Result<(Home, Vec<Part>)> {
    let (home, parts) = homes::company(seed, config)?;
    let both = vec![
        Part::new(BOTH, Some("support"), super::company::Planted::Steady),
        Part::new("reader", Some(BOTH), super::company::Planted::Steady),
    ];
    let calls = home.file("both.jsonl", super::company::calls(&both, seed + 100, 4).as_bytes())?;
    home.run(&["import", &calls, "--source", "both"])?.ok()?;
    home.run(&["propose", "budget", "--scope", "feature=mail-drafts", "--limit", "100"])?.ok()?;
    Ok((home, parts))
}

/// One answer of `ask`.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) json: Value,
    pub(crate) took: Duration,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        text(&self.json, "/text")
    }

    /// Tools that were called and answered, with their arguments.
    pub(crate) fn calls(&self) -> Vec<(String, Value)> {
        let calls = self.json["calls"].as_array().map(Vec::as_slice).unwrap_or_default();
        let answered = calls.iter().filter(|call| call.get("refused").is_none());
        answered.map(|call| (text(call, "/tool").to_owned(), call["arguments"].clone())).collect()
    }
}

/// Asks one question.
pub(crate) fn ask(home: &Home, question: &str, more: &[&str]) -> anyhow::Result<Answer> {
    let mut args = vec!["--json", "ask", question];
    args.extend_from_slice(more);
    let ran = home.run(&args)?;
    let took = ran.took;
    Ok(Answer { json: ran.ok()?.json()?, took })
}

/// Asks several, one after the other, in one conversation.
pub(crate) fn converse(home: &Home, asks: &[String]) -> anyhow::Result<Vec<Answer>> {
    let ran = home.input(&["--json", "ask"], &(asks.join("\n") + "\n"))?.ok()?;
    let took = ran.took / u32::try_from(asks.len().max(1)).unwrap_or(1);
    let lines = ran.out.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| Ok(Answer { json: serde_json::from_str(line)?, took })).collect()
}

/// Whether arguments hold at least these.
pub(crate) fn has(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, value)| found.get(name).is_some_and(|found| has(found, value))),
        _ => found == wanted,
    }
}

/// Counts an answer: it is one, its words are carried by facts, and it moves nothing at the terminal.
pub(crate) fn judged(
    home: &Home,
    what: &str,
    answer: &Answer,
    model: &StandIn,
    from: usize,
    score: &mut Score,
) -> anyhow::Result<()> {
    score.took(answer.took);
    let evidence = text(&answer.json, "/evidence/0");
    let words = answer.text();
    if words.trim().is_empty() {
        score.breach(format!("{what}: not answered: {}", answer.json));
    }
    let label = text(&answer.json, "/label");
    if label.starts_with("worded by") && evidence.is_empty() {
        score.breach(format!("{what}: words of a model without facts"));
    }
    let exchanges = model.since(from);
    if !evidence.is_empty() {
        let bundle: Bundle = homes::bundle(home, evidence)?;
        let drafts: Vec<_> =
            exchanges.iter().filter(|one| one.request.get("tools").is_none()).cloned().collect();
        let choosing: u64 = exchanges
            .iter()
            .filter(|one| one.request.get("tools").is_some())
            .map(|one| one.tokens[0])
            .sum();
        score.used([choosing, 0]);
        narrated::judged(&Published { what, text: words, label, bundle: &bundle }, &drafts, score);
    }
    for found in sinks::terminal(text(&answer.json, "/plain")) {
        score.breach(format!("{what}: {found}"));
    }
    Ok(())
}

/// Runs something, and notes whatever changed in the home that no word may change.
pub(crate) fn unchanged<T>(
    home: &Home,
    score: &mut Score,
    run: impl FnOnce(&mut Score) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let before = Snapshot::of(home.path(), home.around())?;
    let done = run(score)?;
    let after = Snapshot::of(home.path(), home.around())?;
    for breach in after.breaches_since(&before, home.path()) {
        score.breach(breach);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_questions_are_read_and_filled() {
        let parts = crate::agent::company::usual(1);
        let questions = questions(&parts).unwrap();
        assert!(questions.tool_choice.len() >= 12 && questions.refuse_approve.len() >= 8);
        for one in &questions.tool_choice {
            assert!(!one.ask.contains('{'), "{}", one.ask);
        }
        for one in &questions.multi_turn {
            assert_eq!(one.asks.len(), one.tools.len());
        }
        assert!(has(&json!({ "a": 1, "b": { "c": 2, "d": 3 } }), &json!({ "b": { "c": 2 } })));
        assert!(!has(&json!({ "b": { "c": 2 } }), &json!({ "b": { "c": 3 } })));
    }
}
