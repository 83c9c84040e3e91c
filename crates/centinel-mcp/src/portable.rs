//! JSON schemas that every client dialect reads the same way.
//!
//! Clients translate schemas into their model provider's dialect, and what that does not know is
//! dropped or refused. So: no `$schema`, no `$ref`, no null in types, no defaults, no number formats,
//! enumerations as plain `enum`, every object closed.

use rmcp::model::JsonObject;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

/// What a tool accepts.
pub(crate) fn input_schema<T: JsonSchema>() -> JsonObject {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    simplify(&mut schema);
    match schema {
        Value::Object(mut root) => {
            // The type's own name and comment say less than the tool's title and description.
            root.remove("description");
            root
        }
        _ => JsonObject::new(),
    }
}

fn simplify(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    object.retain(|key, _| !matches!(key.as_str(), "title" | "default" | "format" | "minimum"));
    unwrap_nullable(object);
    flatten_enumeration(object);
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(simplify);
        object.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    if let Some(items) = object.get_mut("items") {
        simplify(items);
    }
}

/// `["T","null"]` and `anyOf: [T, null]` become `T`: an argument that is not given is left out.
fn unwrap_nullable(object: &mut JsonObject) {
    if let Some(Value::Array(types)) = object.get("type")
        && let Some(only) = types.iter().find(|&kind| kind != "null").cloned()
    {
        object.insert("type".to_owned(), only);
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let wanted = object.get("anyOf").and_then(Value::as_array).and_then(|choices| {
        choices.iter().find(|choice| choice.get("type") != Some(&json!("null"))).cloned()
    });
    if let Some(Value::Object(wanted)) = wanted {
        object.remove("anyOf");
        for (key, value) in wanted {
            // A field's own description is kept over its type's.
            object.entry(key).or_insert(value);
        }
    }
}

/// `oneOf` constants, which carry a comment each, become one plain `enum`.
fn flatten_enumeration(object: &mut JsonObject) {
    let Some(choices) = object.get("oneOf").and_then(Value::as_array) else { return };
    let mut values = Vec::new();
    for choice in choices {
        match (choice.get("const"), choice.get("enum").and_then(Value::as_array)) {
            (Some(value), _) => values.push(value.clone()),
            (None, Some(several)) => values.extend(several.iter().cloned()),
            (None, None) => return,
        }
    }
    object.remove("oneOf");
    object.insert("type".to_owned(), json!("string"));
    object.insert("enum".to_owned(), Value::Array(values));
}
