//! Reads a tool's arguments, and answers what a model gets wrong with the call that is right.

use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{imported::quoted, ports::Refusal};

/// Bytes of a corrected call at most; a longer one is replaced by the tool's example.
const CORRECTED_BYTES_MAX: usize = 600;
/// Mistakes named at most: the corrected call shows the rest.
const MISTAKES_MAX: usize = 2;

/// Reads arguments against the schema that the client was shown.
///
/// `null` counts as not given. Every mistake that has one plain repair (a misspelt name or value) is
/// repaired in the call that the refusal shows.
pub(crate) fn read<T: DeserializeOwned>(
    tool: &str,
    example: &str,
    schema: &JsonObject,
    arguments: &JsonObject,
) -> Result<T, Refusal> {
    let mut check = Check { mistakes: Vec::new(), repaired: true };
    let corrected = check.object(schema, arguments, None);
    if check.mistakes.is_empty() {
        return serde_json::from_value(Value::Object(arguments.clone())).map_err(|error| {
            let words = error.to_string();
            Refusal::mistaken(format!("`{tool}`: {words}"), call(tool, example))
        });
    }
    let corrected = serde_json::to_string(&corrected).unwrap_or_default();
    let usable = check.repaired && corrected.len() <= CORRECTED_BYTES_MAX;
    let shown = if usable { corrected.as_str() } else { example };
    check.mistakes.truncate(MISTAKES_MAX);
    Err(Refusal::mistaken(check.mistakes.join("; "), call(tool, shown)))
}

/// `` call `tool` with {…} ``
pub(crate) fn call(tool: &str, arguments: &str) -> String {
    format!("call `{tool}` with {arguments}")
}

/// Removes what is `null`, which models send for "not given", here and one level down.
pub(crate) fn without_nulls(arguments: JsonObject) -> JsonObject {
    arguments
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| match value {
            Value::Object(inner) => {
                let inner = inner.into_iter().filter(|(_, value)| !value.is_null()).collect();
                (name, Value::Object(inner))
            }
            other => (name, other),
        })
        .collect()
}

/// Collects mistakes while it rebuilds the arguments without them.
struct Check {
    mistakes: Vec<String>,
    /// Whether what was rebuilt repairs every mistake so far.
    repaired: bool,
}

impl Check {
    /// Checks one object: the arguments themselves, or the object in argument `parent`.
    fn object(
        &mut self,
        schema: &JsonObject,
        given: &JsonObject,
        parent: Option<&str>,
    ) -> JsonObject {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return given.clone();
        };
        let mut corrected = JsonObject::new();
        for (name, value) in given {
            let known = properties.get(name).map(|property| (name.as_str(), property));
            let meant = known.or_else(|| {
                let meant = self.unknown(properties, name, parent)?;
                if given.contains_key(meant) { None } else { properties.get_key_value(meant) }
                    .map(|(name, property)| (name.as_str(), property))
            });
            if let Some((name, property)) = meant {
                let value = self.value(property, name, value, parent);
                corrected.insert(name.to_owned(), value);
            }
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if !corrected.contains_key(name) {
                self.unrepaired(format!("{} is required", shown_path(parent, name)));
            }
        }
        corrected
    }

    /// Records a name that is not in the schema; the one that was probably meant.
    fn unknown<'a>(
        &mut self,
        properties: &'a JsonObject,
        name: &str,
        parent: Option<&str>,
    ) -> Option<&'a str> {
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        let what = match parent {
            None => format!("there is no parameter {}", quoted(name)),
            Some(parent) => format!("`{parent}` has no {}", quoted(name)),
        };
        let meant = nearest(name, &names);
        self.mistakes.push(match meant {
            Some(meant) => format!("{what} (did you mean `{meant}`?)"),
            None => format!("{what}; there are {}", listed(&names)),
        });
        meant
    }

    /// The value, repaired where it can be.
    fn value(&mut self, schema: &Value, name: &str, value: &Value, parent: Option<&str>) -> Value {
        let path = shown_path(parent, name);
        let expected = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        match (expected, value) {
            ("object", Value::Object(inner)) => {
                let closed = schema.as_object().cloned().unwrap_or_default();
                Value::Object(self.object(&closed, inner, Some(name)))
            }
            ("string", Value::String(text)) => self.text(schema, &path, text),
            // A bare number where a decimal string is wanted has one plain repair.
            ("string", Value::Number(number)) => {
                self.mistakes.push(format!("{path} must be a string"));
                Value::String(number.to_string())
            }
            _ => {
                self.unrepaired(format!("{path} must be of type {expected}"));
                value.clone()
            }
        }
    }

    fn text(&mut self, schema: &Value, path: &str, text: &str) -> Value {
        let allowed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        let allowed: Vec<&str> = allowed.filter_map(Value::as_str).collect();
        if allowed.is_empty() || allowed.contains(&text) {
            return Value::from(text);
        }
        let wrong = format!("{path} cannot be {}", quoted(text));
        let meant = nearest(text, &allowed);
        match meant {
            Some(meant) => self.mistakes.push(format!("{wrong} (did you mean `{meant}`?)")),
            None => self.unrepaired(format!("{wrong}; it can be {}", listed(&allowed))),
        }
        Value::from(meant.unwrap_or(text))
    }

    fn unrepaired(&mut self, mistake: String) {
        self.mistakes.push(mistake);
        self.repaired = false;
    }
}

fn shown_path(parent: Option<&str>, name: &str) -> String {
    parent.map_or_else(|| format!("`{name}`"), |parent| format!("`{parent}.{name}`"))
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The name that was probably meant: by far the nearest in spelling, or one that contains the other.
fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    let given: String = given.chars().take(64).collect::<String>().to_lowercase();
    let given = given.replace([' ', '-'], "_");
    let similar = |name: &&'a str| {
        let within = given.len() >= 4 && (name.contains(given.as_str()) || given.contains(*name));
        let score = strsim::jaro_winkler(&given, name) + if within { 0.2 } else { 0.0 };
        (*name, score)
    };
    names
        .iter()
        .map(similar)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .filter(|&(_, score)| score >= 0.85)
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(arguments: Value) -> String {
        let schema = json!({
            "properties": {
                "period": {"type": "string", "enum": ["last_7d", "last_week", "last_month"]},
                "group_by": {"type": "string", "enum": ["model", "team", "feature"]},
                "filter": {"type": "object", "properties": {
                    "team": {"type": "string"}, "model": {"type": "string"}}},
                "amount": {"type": "string"},
            },
            "required": ["group_by"],
        });
        let arguments = without_nulls(arguments.as_object().unwrap().clone());
        let schema = schema.as_object().unwrap();
        match read::<Value>("spend", r#"{"group_by":"model"}"#, schema, &arguments) {
            Ok(value) => value.to_string(),
            Err(refusal) => refusal.shown(),
        }
    }

    #[test]
    fn right_arguments_pass() {
        let shown = refusal(json!({"group_by": "team", "period": null, "filter": {"team": null}}));
        assert_eq!(shown, r#"{"group_by":"team","filter":{}}"#);
    }

    #[test]
    fn wrong_arguments_come_back_right() {
        for (given, shown) in [
            (
                json!({"groupby": "model"}),
                "there is no parameter `groupby` (did you mean `group_by`?)\n\
                 hint: call `spend` with {\"group_by\":\"model\"}",
            ),
            (
                json!({"group_by": "models", "period": "last-month"}),
                "`group_by` cannot be `models` (did you mean `model`?); \
                 `period` cannot be `last-month` (did you mean `last_month`?)\n\
                 hint: call `spend` with {\"group_by\":\"model\",\"period\":\"last_month\"}",
            ),
            (
                json!({"group_by": "model", "filter": {"teams": "search"}}),
                "`filter` has no `teams` (did you mean `team`?)\n\
                 hint: call `spend` with {\"group_by\":\"model\",\"filter\":{\"team\":\"search\"}}",
            ),
            (
                json!({"group_by": "model", "amount": 3.5}),
                "`amount` must be a string\n\
                 hint: call `spend` with {\"group_by\":\"model\",\"amount\":\"3.5\"}",
            ),
            (
                json!({"group_by": "model", "sql": "select 1"}),
                "there is no parameter `sql`; there are `period`, `group_by`, `filter`, `amount`\n\
                 hint: call `spend` with {\"group_by\":\"model\"}",
            ),
            (
                json!({"group_by": "zodiac"}),
                "`group_by` cannot be `zodiac`; it can be `model`, `team`, `feature`\n\
                 hint: call `spend` with {\"group_by\":\"model\"}",
            ),
            (
                json!({"group_by": "model", "filter": "team=search"}),
                "`filter` must be of type object\nhint: call `spend` with {\"group_by\":\"model\"}",
            ),
            (json!({}), "`group_by` is required\nhint: call `spend` with {\"group_by\":\"model\"}"),
        ] {
            assert_eq!(refusal(given.clone()), shown, "{given}");
        }
    }

    #[test]
    fn hostile_names_are_not_echoed_raw() {
        let shown = refusal(json!({"\u{1b}[31m`x`\n\u{202e}": "1", "group_by": "model"}));
        assert!(shown.starts_with("there is no parameter `'x'`;"), "{shown}");
    }
}
