//! The lists: tools, prompts, resources and templates, by the names that the suite calls.

use rmcp::{ErrorData, model::Tool};
use serde_json::{Value, json};

use crate::content::typed;

/// Tools without arguments, or whose arguments need no schema here.
const PLAIN_TOOLS: [(&str, &str); 26] = [
    ("test_simple_text", "Returns text"),
    ("test_image_content", "Returns an image"),
    ("test_audio_content", "Returns a sound"),
    ("test_embedded_resource", "Returns a resource"),
    ("test_multiple_content_types", "Returns text, an image and a resource"),
    ("test_error_handling", "Always fails"),
    ("test_tool_with_progress", "Reports progress three times"),
    ("test_tool_with_logging", "Sends three log messages"),
    ("test_logging_tool", "Sends log messages to those who ask for them"),
    ("test_sampling", "Asks the client's model"),
    ("test_elicitation", "Asks the client's user"),
    ("test_elicitation_sep1034_defaults", "Asks with defaults of each type"),
    ("test_elicitation_sep1330_enums", "Asks with each kind of choice"),
    ("test_missing_capability", "Needs a client that samples"),
    ("test_streaming_elicitation", "Reports progress, then asks the client's user"),
    ("test_trigger_tool_change", "Tells listeners that tools have changed"),
    ("test_trigger_prompt_change", "Tells listeners that prompts have changed"),
    ("test_input_required_result_elicitation", "Needs a name"),
    ("test_input_required_result_sampling", "Needs an answer of a model"),
    ("test_input_required_result_list_roots", "Needs roots"),
    ("test_input_required_result_request_state", "Needs a confirmation, and its state back"),
    ("test_input_required_result_multiple_inputs", "Needs three things at once"),
    ("test_input_required_result_multi_round", "Needs a name, then a colour"),
    ("test_input_required_result_tampered_state", "Refuses a state that it did not give"),
    ("test_input_required_result_capabilities", "Asks only for what the client can give"),
    ("test_reconnection", "Takes a moment"),
];

/// Every tool, in a fixed order.
pub(crate) fn tools() -> Result<Vec<Tool>, ErrorData> {
    let plain = PLAIN_TOOLS.iter().map(|(name, description)| {
        let schema = json!({"type": "object", "properties": {}});
        json!({"name": name, "description": description, "inputSchema": schema})
    });
    typed(plain.chain([with_schema_keywords(), with_mirrored_header()]).collect())
}

/// One tool by name.
pub(crate) fn tool(name: &str) -> Option<Tool> {
    tools().ok()?.into_iter().find(|tool| tool.name == name)
}

/// Keywords of JSON Schema 2020-12 that must arrive as they are.
fn with_schema_keywords() -> Value {
    json!({
        "name": "json_schema_2020_12_tool",
        "description": "Has a schema with keywords beyond the usual ones",
        "inputSchema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": {
                "address": {
                    "$anchor": "addressDef",
                    "type": "object",
                    "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
                },
            },
            "properties": {
                "name": {"type": "string"},
                "address": {"$ref": "#/$defs/address"},
                "contactMethod": {"type": "string", "enum": ["phone", "email"]},
                "phone": {"type": "string"},
                "email": {"type": "string"},
            },
            "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
            "if": {
                "properties": {"contactMethod": {"const": "phone"}},
                "required": ["contactMethod"],
            },
            "then": {"required": ["phone"]},
            "else": {"required": ["email"]},
            "additionalProperties": false,
        },
    })
}

/// A parameter that clients repeat in a header.
fn with_mirrored_header() -> Value {
    json!({
        "name": "test_mirrored_header",
        "description": "Has a parameter that is sent as a header too",
        "inputSchema": {
            "type": "object",
            "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
            "required": ["region"],
        },
    })
}

/// Every prompt.
pub(crate) fn prompts() -> Value {
    let argument = |name: &str| json!({"name": name, "description": name, "required": true});
    json!([
        {"name": "test_simple_prompt", "description": "One message"},
        {
            "name": "test_prompt_with_arguments",
            "description": "One message with two arguments in it",
            "arguments": [argument("arg1"), argument("arg2")],
        },
        {
            "name": "test_prompt_with_embedded_resource",
            "description": "A resource and a question",
            "arguments": [argument("resourceUri")],
        },
        {"name": "test_prompt_with_image", "description": "An image and a question"},
        {"name": "test_input_required_result_prompt", "description": "Needs a context"},
    ])
}

/// Every resource.
pub(crate) fn resources() -> Value {
    let resource = |uri: &str, kind: &str| json!({"uri": uri, "name": uri, "description": "Fixed content", "mimeType": kind});
    json!([
        resource("test://static-text", "text/plain"),
        resource("test://static-binary", "image/png"),
        resource("test://watched-resource", "text/plain"),
    ])
}

/// Every template of resources.
pub(crate) fn templates() -> Value {
    json!([{
        "uriTemplate": "test://template/{id}/data",
        "name": "data",
        "description": "Content by id",
        "mimeType": "application/json",
    }])
}
