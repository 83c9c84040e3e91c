//! What is asked, as every server of the kind takes it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::ToolCall;

/// How a server is made to answer in JSON, from the strictest to the loosest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// `response_format: json_schema`, strict: the server can write nothing else.
    #[default]
    JsonSchema,
    /// `response_format: json_object`: some JSON; the schema stands in the prompt.
    JsonObject,
    /// Plain text; the schema stands in the prompt, and JSON is looked for in what comes.
    Text,
}

impl Mode {
    /// Every mode, the strictest first.
    pub const ALL: [Self; 3] = [Self::JsonSchema, Self::JsonObject, Self::Text];

    /// The next looser one.
    pub fn looser(self) -> Option<Self> {
        match self {
            Self::JsonSchema => Some(Self::JsonObject),
            Self::JsonObject => Some(Self::Text),
            Self::Text => None,
        }
    }

    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonSchema => "json_schema",
            Self::JsonObject => "json_object",
            Self::Text => "text",
        }
    }
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The rules.
    System(String),
    /// What is asked.
    User(String),
    /// What the model said before.
    Assistant(String),
    /// Tools that the model wanted called.
    Calls(Vec<ToolCall>),
    /// What one of them answered.
    Result {
        /// The call's id.
        id: String,
        /// The answer.
        text: String,
    },
}

/// A tool that the model may want called. Whether it is, the caller decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it answers, in a sentence.
    pub description: String,
    /// JSON schema of its arguments.
    pub arguments: Value,
}

impl Tool {
    /// Whether it has an argument of this name.
    pub fn takes(&self, argument: &str) -> bool {
        self.arguments.get("properties").and_then(|known| known.get(argument)).is_some()
    }

    fn to_json(&self) -> Value {
        let Self { name, description, arguments } = self;
        json!({
            "type": "function",
            "function": { "name": name, "description": description, "parameters": arguments },
        })
    }
}

impl Message {
    /// Its text; empty for calls.
    pub fn text(&self) -> &str {
        match self {
            Self::System(text)
            | Self::User(text)
            | Self::Assistant(text)
            | Self::Result { text, .. } => text,
            Self::Calls(_) => "",
        }
    }

    fn to_json(&self) -> Value {
        let role = match self {
            Self::System(_) => "system",
            Self::User(_) => "user",
            Self::Assistant(_) => "assistant",
            Self::Calls(calls) => {
                let calls: Vec<Value> = calls.iter().map(call_to_json).collect();
                return json!({ "role": "assistant", "content": "", "tool_calls": calls });
            }
            Self::Result { id, text } => {
                return json!({ "role": "tool", "tool_call_id": id, "content": text });
            }
        };
        json!({ "role": role, "content": self.text() })
    }
}

/// Adds to what the user said last: templates of some models refuse two messages of one side in a row.
fn say_last(messages: &mut Vec<Value>, words: &str) {
    let last = messages.last_mut().filter(|last| last.get("role") == Some(&json!("user")));
    match last.and_then(|last| last.get_mut("content")) {
        Some(Value::String(text)) => {
            text.push_str("\n\n");
            text.push_str(words);
        }
        _ => messages.push(Message::User(words.to_owned()).to_json()),
    }
}

/// As a server sent it, with its arguments as the text that the API has.
fn call_to_json(call: &ToolCall) -> Value {
    let arguments = match &call.arguments {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let function = json!({ "name": call.name, "arguments": arguments });
    json!({ "id": call.id, "type": "function", "function": function })
}

/// One question to a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// Tools that it may want called.
    pub tools: Vec<Tool>,
    /// Strict JSON schema of the answer; without one, plain text is asked for.
    pub schema: Option<Value>,
    /// How the answer is made to be JSON.
    pub mode: Mode,
    /// Most tokens that the answer may have.
    pub output_tokens_max: u64,
}

impl Question {
    /// The body of the request. Two servers in three know `max_tokens` only, the others refuse it.
    pub(crate) fn body(&self, model: &str, says_completion_tokens: bool) -> Value {
        let mut messages: Vec<Value> = self.messages.iter().map(Message::to_json).collect();
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(model));
        match (&self.schema, self.mode) {
            (Some(schema), Mode::JsonSchema) => {
                let format = json!({
                    "type": "json_schema",
                    "json_schema": { "name": "draft", "strict": true, "schema": schema },
                });
                body.insert("response_format".to_owned(), format);
            }
            (Some(schema), mode) => {
                if mode == Mode::JsonObject {
                    let format = json!({ "type": "json_object" });
                    body.insert("response_format".to_owned(), format);
                }
                let words = format!(
                    "Answer with one JSON object and nothing else, by this JSON schema:\n{schema}"
                );
                say_last(&mut messages, &words);
            }
            (None, _) => {}
        }
        body.insert("messages".to_owned(), Value::Array(messages));
        if !self.tools.is_empty() {
            let tools = self.tools.iter().map(Tool::to_json).collect();
            body.insert("tools".to_owned(), Value::Array(tools));
        }
        let limit = if says_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
        body.insert(limit.to_owned(), json!(self.output_tokens_max));
        body.insert("stream".to_owned(), json!(false));
        Value::Object(body)
    }

    /// An upper bound of the tokens that it is read as: a token of a byte-level tokenizer is one byte
    /// at least, and the frame around a message is a few.
    pub(crate) fn input_tokens_max(&self, body: &Value) -> u64 {
        let frames = self.messages.len().saturating_add(1).saturating_mul(16);
        u64::try_from(body.to_string().len().saturating_add(frames)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(mode: Mode) -> Question {
        Question {
            messages: vec![Message::System("rules".into()), Message::User("facts".into())],
            tools: Vec::new(),
            schema: Some(json!({ "type": "object" })),
            mode,
            output_tokens_max: 800,
        }
    }

    #[test]
    fn each_mode_asks_in_its_way() {
        for (mode, format, is_in_words) in [
            (Mode::JsonSchema, Some("json_schema"), false),
            (Mode::JsonObject, Some("json_object"), true),
            (Mode::Text, None, true),
        ] {
            let body = question(mode).body("m", false);
            let asked = body.pointer("/response_format/type").and_then(Value::as_str);
            assert_eq!(asked, format);
            assert_eq!(body["messages"].as_array().unwrap().len(), 2);
            assert_eq!(body["max_tokens"], 800);
            let last = body["messages"][1]["content"].as_str().unwrap();
            assert!(last.starts_with("facts"), "{last}");
            assert_eq!(last.contains(r#"{"type":"object"}"#), is_in_words);
        }
        let body = question(Mode::Text).body("m", true);
        assert_eq!((body.get("max_tokens"), &body["max_completion_tokens"]), (None, &json!(800)));
    }

    #[test]
    fn tools_are_offered_and_answered() {
        let call = ToolCall {
            id: "c1".to_owned(),
            name: "spend".to_owned(),
            arguments: json!({ "days": 7 }),
        };
        let question = Question {
            messages: vec![
                Message::User("why?".into()),
                Message::Calls(vec![call]),
                Message::Result { id: "c1".into(), text: "{}".into() },
            ],
            tools: vec![Tool {
                name: "spend".to_owned(),
                description: "What was spent.".to_owned(),
                arguments: json!({ "type": "object" }),
            }],
            schema: None,
            mode: Mode::Text,
            output_tokens_max: 800,
        };
        let body = question.body("m", false);
        assert_eq!(body["tools"][0]["function"]["name"], "spend");
        let sent = &body["messages"][1]["tool_calls"][0]["function"]["arguments"];
        assert_eq!(sent, &json!("{\"days\":7}"), "arguments travel as text");
        assert_eq!(body["messages"][2]["tool_call_id"], "c1");
    }

    #[test]
    fn modes_end() {
        let modes: Vec<Mode> =
            std::iter::successors(Some(Mode::default()), |mode| mode.looser()).collect();
        assert_eq!(modes, Mode::ALL);
    }
}
