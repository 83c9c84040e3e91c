//! What tools, prompts and resources return, written as the JSON that goes over the wire.

use rmcp::{ErrorData, model::JsonObject};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A PNG of one pixel.
const IMAGE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";
/// A WAV without samples.
const SOUND: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

/// A value of a protocol type, from its JSON.
///
/// # Errors
///
/// An internal error where the JSON is none of that type: the fixture is wrong then.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value).map_err(|error| {
        let message = format!("a fixture is no such type: {error}");
        ErrorData::internal_error(message, None)
    })
}

/// A result that ends its request, as revisions since 2026-07-28 say it; older ones are not shown this.
///
/// # Errors
///
/// As [`typed`].
pub(crate) fn complete<T: DeserializeOwned>(mut result: Value) -> Result<T, ErrorData> {
    if let Some(fields) = result.as_object_mut() {
        fields.insert("resultType".to_owned(), "complete".into());
    }
    typed(result)
}

/// A result of one text.
pub(crate) fn said(text: impl AsRef<str>) -> Value {
    json!({"content": [{"type": "text", "text": text.as_ref()}]})
}

fn image() -> Value {
    json!({"type": "image", "data": IMAGE, "mimeType": "image/png"})
}

fn embedded(uri: &str, kind: &str, text: &str) -> Value {
    json!({"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": text}})
}

/// The result of a tool that only returns something.
pub(crate) fn of_tool(name: &str) -> Option<Value> {
    Some(match name {
        "test_simple_text" => said("This is a simple text response for testing."),
        "test_image_content" => json!({"content": [image()]}),
        "test_audio_content" => {
            let sound = json!({"type": "audio", "data": SOUND, "mimeType": "audio/wav"});
            json!({"content": [sound]})
        }
        "test_embedded_resource" => {
            let uri = "test://embedded-resource";
            let text = "This is an embedded resource content.";
            json!({"content": [embedded(uri, "text/plain", text)]})
        }
        "test_multiple_content_types" => json!({"content": [
            {"type": "text", "text": "Multiple content types test:"},
            image(),
            embedded(
                "test://mixed-content-resource",
                "application/json",
                r#"{"test":"data","value":123}"#,
            ),
        ]}),
        "test_error_handling" => json!({
            "isError": true,
            "content": [
                {"type": "text", "text": "This tool intentionally returns an error for testing"},
            ],
        }),
        "test_logging_tool" => said("Nobody asked for log messages"),
        "json_schema_2020_12_tool" | "test_mirrored_header" => said("The schema is the point"),
        _ => return None,
    })
}

/// The messages of a prompt that needs nothing but its arguments.
pub(crate) fn of_prompt(name: &str, arguments: &JsonObject) -> Option<Value> {
    let argument = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let asked = |text: &str| json!({"role": "user", "content": {"type": "text", "text": text}});
    let messages = match name {
        "test_simple_prompt" => json!([asked("This is a simple prompt for testing.")]),
        "test_prompt_with_arguments" => {
            let (first, second) = (argument("arg1"), argument("arg2"));
            json!([asked(&format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))])
        }
        "test_prompt_with_embedded_resource" => {
            let text = "Embedded resource content for testing.";
            let resource = embedded(argument("resourceUri"), "text/plain", text);
            json!([
                {"role": "user", "content": resource},
                asked("Please process the embedded resource above."),
            ])
        }
        "test_prompt_with_image" => json!([
            {"role": "user", "content": image()},
            asked("Please analyze the image above."),
        ]),
        _ => return None,
    };
    Some(json!({"messages": messages}))
}

/// The contents of a resource.
pub(crate) fn of_resource(uri: &str) -> Option<Value> {
    let contents = match uri {
        "test://static-text" | "test://watched-resource" => {
            let text = "This is the content of the static text resource.";
            json!({"uri": uri, "mimeType": "text/plain", "text": text})
        }
        "test://static-binary" => json!({"uri": uri, "mimeType": "image/png", "blob": IMAGE}),
        _ => {
            let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
            let data =
                json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
            json!({"uri": uri, "mimeType": "application/json", "text": data.to_string()})
        }
    };
    Some(json!({"contents": [contents]}))
}
