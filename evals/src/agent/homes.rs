//! Homes that suites ask: a generated company, imported by the real connectors.

use centinel_engine::facts::Bundle;
use serde_json::Value;

use super::{
    company::{self, Part, Planted},
    product::Home,
};

/// Lines of every home's configuration: an episode counts whatever it costs, since the companies are small.
const ATTENTION: &str = "\n[attention]\nminimum_impact = \"0.001\"\n";

/// Calls a day of each part on a working day.
pub(crate) const CALLS_A_DAY: u32 = 6;

/// The company of a seed, its announced change announced.
pub(crate) fn company(seed: u64, config: &str) -> anyhow::Result<(Home, Vec<Part>)> {
    let parts = company::usual(seed);
    let home = Home::new(&format!("{ATTENTION}{config}"))?;
    let calls = home.file("calls.jsonl", company::calls(&parts, seed, CALLS_A_DAY).as_bytes())?;
    home.run(&["import", &calls, "--source", "calls"])?.ok()?;
    let outcomes = company::outcomes(&parts, CALLS_A_DAY, |_| "answer".to_owned());
    let outcomes = home.file("outcomes.ndjson", outcomes.as_bytes())?;
    home.run(&["import", &outcomes, "--source", "outcomes"])?.ok()?;
    for part in parts.iter().filter(|part| part.planted == Planted::Announced) {
        let [from, until] = part.affected();
        let only = format!("feature={}", part.feature);
        home.run(&[
            "events", "add", "planned", "--at", &from, "--until", &until, "--only", &only,
            "--note", "campaign",
        ])?
        .ok()?;
    }
    Ok((home, parts))
}

/// The facts behind an answer, as the home keeps them.
pub(crate) fn bundle(home: &Home, evidence: &str) -> anyhow::Result<Bundle> {
    Ok(serde_json::from_value(home.json(&["show", evidence])?)?)
}

/// What the narrator's own calls cost, as the product booked them.
pub(crate) fn booked(home: &Home) -> anyhow::Result<f64> {
    let answer = home.json(&[
        "spend",
        "--by",
        "feature",
        "--only",
        "feature=centinel-narrator",
        "--from",
        "2026-01-01",
        "--until",
        "2100-01-01",
    ])?;
    Ok(numbers(&answer, "cost").into_iter().next().unwrap_or(0.0))
}

/// Numbers under a key, wherever it stands, in order.
pub(crate) fn numbers(value: &Value, key: &str) -> Vec<f64> {
    let mut found = Vec::new();
    walk(value, &mut |name, value| {
        if name == key {
            let number =
                value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            found.extend(number);
        }
    });
    found
}

/// Every field of a value, outer ones first.
pub(crate) fn walk(value: &Value, found: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                found(name, value);
                walk(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
        _ => {}
    }
}

/// A text of a value, empty where it is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
