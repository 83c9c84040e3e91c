//! Conditions in the forms that models write them: `team=search`, a list of them, a list of objects.

use rmcp::model::JsonObject;
use serde_json::Value;

/// A condition on one dimension, as an object of a name and a value.
pub(super) fn as_entry(object: &JsonObject) -> Option<(&str, &Value)> {
    let named = |names: [&str; 5]| names.iter().find_map(|name| object.get(*name));
    let name = named(["dimension", "key", "name", "field", "column"])?.as_str()?;
    let value = named(["value", "values", "equals", "eq", "in"])?;
    Some((name, value))
}

/// The object that was meant; `None` where nothing in it can be read as a condition.
pub(super) fn pairs(value: &Value) -> Option<JsonObject> {
    let mut found = JsonObject::new();
    match value {
        Value::String(text) => {
            if let Ok(Value::Object(object)) = serde_json::from_str(text) {
                return Some(object);
            }
            let parts = text.split([',', ';', '&']).flat_map(|part| part.split(" and "));
            for part in parts {
                let (name, value) = pair(part)?;
                found.insert(name, Value::from(value));
            }
        }
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::Object(object) => match as_entry(object) {
                        Some((name, value)) => {
                            found.insert(name.to_owned(), value.clone());
                        }
                        None => found.extend(object.clone()),
                    },
                    other => found.extend(pairs(other)?),
                }
            }
        }
        Value::Object(object) => {
            let (name, value) = as_entry(object)?;
            found.insert(name.to_owned(), value.clone());
        }
        _ => return None,
    }
    (!found.is_empty()).then_some(found)
}

/// `team=search`, `team: search`, `tag:cost-center=4711`.
fn pair(text: &str) -> Option<(String, String)> {
    let text = text.trim();
    let (name, value) =
        text.split_once("==").or_else(|| text.split_once('=')).or_else(|| text.split_once(':'))?;
    let bare = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    let (name, value) = (bare(name), bare(value));
    (!name.is_empty() && !value.is_empty()).then_some((name, value))
}

/// The key in `tag:KEY` or `tags.KEY`, and those keys that nearly every company has.
pub(super) fn tag_key(name: &str) -> Option<&str> {
    let key = ["tag:", "tags:", "tag.", "tags.", "label:", "labels."]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .filter(|key| !key.is_empty());
    let usual = ["cost_center", "cost-center", "costcenter", "cost center"];
    key.or_else(|| usual.contains(&name.to_lowercase().as_str()).then_some("cost-center"))
}

/// `cost-center: 4711` as `cost-center=4711`.
pub(super) fn with_equals(text: &str) -> Option<String> {
    let (key, value) = text.split_once(':')?;
    let (key, value) = (key.trim(), value.trim());
    (!key.is_empty() && !value.is_empty()).then(|| format!("{key}={value}"))
}
