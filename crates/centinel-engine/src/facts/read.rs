//! Facts as somebody else wrote them: JSON with the keys of a bundle, read fact by fact.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Direction, Fact, FactKind, FactStatus};
use crate::{
    money::{Currency, Decimal},
    period::{Period, start_of_day},
};

/// Most facts of one bundle.
pub const FACTS_MAX: usize = 20_000;

/// A bundle that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON of this form.
    #[error("a bundle is `{{\"facts\": [{{\"id\", \"kind\", \"value\", …}}]}}`: {0}")]
    Form(#[from] serde_json::Error),
    /// JSON of another form.
    #[error(
        "a bundle is `{{\"facts\": [{{\"id\", \"kind\", \"value\", …}}]}}`, and this is no object"
    )]
    NoObject,
    /// Too many facts.
    #[error("the bundle has {0} facts; at most {FACTS_MAX} are read")]
    TooMany(usize),
}

/// A fact that says nothing that can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedFact {
    /// Its place in the bundle, counted from 1.
    pub place: usize,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// What is wrong with it, in one line.
    pub reason: String,
}

/// The facts of a bundle, and those that were left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadFacts {
    /// Facts whose value, kind and window are understood.
    pub facts: Vec<Fact>,
    /// The others: a citation of one is a citation of nothing.
    pub rejected: Vec<RejectedFact>,
    /// Ids that any wording must mention, where the bundle says so.
    pub required: Vec<String>,
    /// Whole sentences that belong to every wording, where the bundle says so.
    pub caveats: Vec<String>,
}

#[derive(Deserialize)]
struct WireBundle<'a> {
    #[serde(borrow)]
    facts: Vec<&'a RawValue>,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    caveats: Vec<String>,
}

/// A fact; keys that are not known are of no concern.
#[derive(Deserialize)]
struct WireFact<'a> {
    id: String,
    kind: FactKind,
    #[serde(borrow)]
    value: &'a RawValue,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    dims: Option<BTreeMap<String, Option<String>>>,
    #[serde(default)]
    window: Option<Value>,
    #[serde(default)]
    direction: Option<Direction>,
    #[serde(default)]
    status: Option<FactStatus>,
    #[serde(default)]
    derivation: Option<super::Derivation>,
}

/// Reads a bundle. Numbers may be JSON numbers, whose digits are read, or strings in English form.
///
/// # Errors
///
/// [`ReadError`] when the whole is no bundle. A single fact that is not understood is kept in
/// [`ReadFacts::rejected`].
pub fn read_facts(json: &str) -> Result<ReadFacts, ReadError> {
    let json = json.trim_start_matches('\u{feff}').trim_start();
    // Without this, a list would be read as the fields in their order.
    if !json.starts_with('{') {
        return Err(ReadError::NoObject);
    }
    let bundle: WireBundle<'_> = serde_json::from_str(json)?;
    if bundle.facts.len() > FACTS_MAX {
        return Err(ReadError::TooMany(bundle.facts.len()));
    }
    let mut read =
        ReadFacts { required: bundle.required, caveats: bundle.caveats, ..ReadFacts::default() };
    for (index, raw) in bundle.facts.into_iter().enumerate() {
        let fact = serde_json::from_str::<WireFact<'_>>(raw.get());
        let id = || {
            let value = serde_json::from_str::<Value>(raw.get()).ok()?;
            value.get("id").and_then(Value::as_str).map(str::to_owned)
        };
        let fact = match fact.map_err(|error| error.to_string()).and_then(fact_of) {
            Ok(fact) if read.facts.iter().any(|other| other.id == fact.id) => {
                Err(format!("another fact before it has the id `{}`", fact.id))
            }
            other => other,
        };
        match fact {
            Ok(fact) => read.facts.push(fact),
            Err(reason) => {
                let place = index.saturating_add(1);
                read.rejected.push(RejectedFact { place, id: id(), reason });
            }
        }
    }
    Ok(read)
}

fn fact_of(wire: WireFact<'_>) -> Result<Fact, String> {
    let value = match serde_json::from_str::<Value>(wire.value.get()) {
        Ok(Value::String(text)) => text,
        Ok(Value::Number(_)) => wire.value.get().trim().to_owned(),
        _ => return Err("`value` is neither a text nor a number".to_owned()),
    };
    let value = match wire.kind {
        FactKind::Entity => value,
        FactKind::Date => {
            let is_date =
                value.parse::<Timestamp>().is_ok() || value.trim().parse::<Date>().is_ok();
            if !is_date {
                return Err(format!("`{value}` is neither a date nor an RFC 3339 instant"));
            }
            value
        }
        _ => {
            let digits = value.replace(',', "");
            let read: Decimal = digits.parse().map_err(|error| format!("{error}"))?;
            read.to_string()
        }
    };
    if wire.id.is_empty() {
        return Err("`id` is empty".to_owned());
    }
    let currency = wire.currency.filter(|code| !code.is_empty());
    let currency: Option<Currency> =
        currency.map(|code| code.parse()).transpose().map_err(|error| format!("{error}"))?;
    let dims = wire.dims.unwrap_or_default();
    Ok(Fact {
        id: wire.id,
        role: wire.role.unwrap_or_default(),
        kind: wire.kind,
        value,
        currency,
        unit: wire.unit.filter(|unit| !unit.is_empty()),
        dims: dims.into_iter().filter_map(|(key, value)| Some((key, value?))).collect(),
        window: wire.window.as_ref().filter(|window| !window.is_null()).map(window).transpose()?,
        direction: wire.direction,
        derivation: wire.derivation,
        status: wire.status.unwrap_or_default(),
    })
}

/// A half-open window: `{"start", "end"}`, a pair, or `start/end`.
fn window(value: &Value) -> Result<Period, String> {
    let wrong = || format!("`window` {value} is no half-open span of days or instants");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let key = |names: &[&str]| names.iter().find_map(|name| value.get(name)).and_then(text);
    let (start, end) = match value {
        Value::Object(_) => (key(&["start", "from"]), key(&["end", "until", "to"])),
        Value::Array(pair) => (pair.first().and_then(text), pair.get(1).and_then(text)),
        Value::String(span) => match span.split_once('/') {
            Some((start, end)) => (Some(start.to_owned()), Some(end.to_owned())),
            None => (None, None),
        },
        _ => (None, None),
    };
    let instant = |text: &str| {
        let day = || text.trim().parse::<Date>().ok().map(start_of_day);
        text.trim().parse::<Timestamp>().ok().or_else(day)
    };
    let start = start.as_deref().and_then(instant).ok_or_else(wrong)?;
    let end = end.as_deref().and_then(instant).ok_or_else(wrong)?;
    Period::new(start, end).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_facts() {
        let read = read_facts(
            r#"{"facts":[
                {"id":"F1","kind":"money","value":"4,147.68","currency":"USD","extra":1},
                {"id":"F2","kind":"percent","value":68.0000000000000000001,"direction":"up"},
                {"id":"F3","kind":"entity","value":"search","dims":{"team":"search","x":null}},
                {"id":"F4","kind":"date","value":"2026-10-14","window":["2026-10-14","2026-10-21"]},
                {"id":"F5","kind":"count","value":"1e3","unit":"calls","window":"2026-10-14/2026-10-21"},
                {"id":"F5","kind":"count","value":"2"},
                {"id":"F6","kind":"money","value":"much"},
                {"id":"F7","kind":"colour","value":"red"},
                {"id":"F8","kind":"count","value":null},
                {"id":"F9","kind":"count","value":"1","window":{"start":"2026-10-21","end":"2026-10-14"}},
                {"kind":"count","value":"1"}
            ],"required":["F1"]}"#,
        )
        .unwrap();
        let values: Vec<&str> = read.facts.iter().map(|fact| fact.value.as_str()).collect();
        assert_eq!(values, ["4147.68", "68.0000000000000000001", "search", "2026-10-14", "1000"]);
        assert_eq!(read.facts[3].window, read.facts[4].window);
        assert_eq!(read.required, ["F1"]);
        let rejected: Vec<String> = read
            .rejected
            .iter()
            .map(|fact| format!("{} {:?}: {}", fact.place, fact.id.as_deref(), fact.reason))
            .collect();
        insta::assert_snapshot!(rejected.join("\n"));
    }

    #[test]
    fn no_bundle() {
        for text in ["", "[]", "{}", r#"{"facts":{}}"#, "{\"facts\":[1]} x"] {
            assert!(read_facts(text).is_err(), "{text}");
        }
    }
}
