//! JSON schemas that every client dialect reads the same way.
//!
//! Clients translate schemas into their model provider's dialect, and what that does not know is
//! dropped or refused. So: no `$schema`, no `$ref`, no null in types, no defaults, no number formats,
//! enumerations as plain `enum`, every object closed.

use std::borrow::Cow;

use rmcp::model::JsonObject;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Value, json};

/// What a tool accepts. Objects in it are not said to be closed, which costs each tool as many tokens as a
/// word of its description; the server refuses names that they do not have all the same.
pub(crate) fn input_schema<T: JsonSchema>() -> JsonObject {
    let mut schema = schema::<T>(SchemaSettings::draft2020_12());
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for inner in properties.values_mut().filter_map(Value::as_object_mut) {
            inner.remove("additionalProperties");
        }
    }
    schema
}

/// Some fields of an answer, as a schema that leaves the rest open: what a program keeps of it.
pub(crate) fn listed_schema(full: &JsonObject, fields: &[&str]) -> JsonObject {
    let known = full.get("properties").and_then(Value::as_object);
    let kept: JsonObject = fields
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), known?.get(*name)?.get("type")?)))
        .map(|(name, kind)| (name, json!({ "type": kind })))
        .collect();
    let listed = json!({"type": "object", "properties": kept, "required": fields});
    listed.as_object().cloned().unwrap_or_default()
}

/// What a tool answers, without words: the names say it.
pub(crate) fn output_schema<T: JsonSchema>() -> JsonObject {
    let mut schema = Value::Object(schema::<T>(SchemaSettings::draft2020_12().for_serialize()));
    without_words(&mut schema);
    match schema {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    }
}

/// What a tool with two kinds of answer answers.
pub(crate) fn either(one: JsonObject, other: JsonObject) -> JsonObject {
    let either = json!({"type": "object", "anyOf": [one, other]});
    either.as_object().cloned().unwrap_or_default()
}

fn without_words(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("description").is_some_and(Value::is_string) {
                object.remove("description");
            }
            object.values_mut().for_each(without_words);
        }
        Value::Array(values) => values.iter_mut().for_each(without_words),
        _ => {}
    }
}

fn schema<T: JsonSchema>(mut settings: SchemaSettings) -> JsonObject {
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
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(inner) {
            simplify(inner);
        }
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

/// How the engine's types look on the wire, for schemas: `#[schemars(with = "…")]`.
macro_rules! wire_type {
    ($(#[$doc:meta])* $name:ident, $schema:tt) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

wire_type!(
    /// An exact decimal: [`Decimal`](centinel_engine::money::Decimal), [`Pico`](centinel_engine::money::Pico).
    DecimalText,
    {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$"}
);
wire_type!(
    /// [`Currency`](centinel_engine::money::Currency).
    CurrencyText,
    {"type": "string", "pattern": "^[A-Z]{3}$"}
);
wire_type!(
    /// [`Timestamp`](jiff::Timestamp).
    InstantText,
    {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$"}
);
wire_type!(
    /// [`Date`](jiff::civil::Date).
    DayText,
    {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
);
wire_type!(
    /// [`Method`](centinel_engine::forecast::Method), and other words of ours.
    Word,
    {"type": "string", "pattern": "^[a-z0-9_]+$"}
);
wire_type!(
    /// The address of a bundle.
    Evidence,
    {"type": "string", "pattern": "^bundle:[0-9a-f]{6,64}$"}
);

/// [`Period`](centinel_engine::period::Period).
#[derive(JsonSchema)]
#[expect(dead_code, reason = "stands for a type of the engine in schemas")]
pub(crate) struct PeriodShape {
    start: InstantText,
    end: InstantText,
}

/// [`Money`](centinel_engine::money::Money).
#[derive(JsonSchema)]
#[expect(dead_code, reason = "stands for a type of the engine in schemas")]
pub(crate) struct MoneyShape {
    amount: DecimalText,
    currency: CurrencyText,
}
