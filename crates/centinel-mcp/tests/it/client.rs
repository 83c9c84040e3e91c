//! A client over an in-memory transport, which holds every structured answer against its schema.

use std::{collections::BTreeMap, sync::LazyLock};

use centinel_mcp::{Server, answer_schemas};
use jsonschema::Validator;
use rmcp::{
    RoleClient, RoleServer, ServiceExt as _,
    model::{CallToolRequestParams, CallToolResult, ClientConfig},
    service::{RunningService, ServiceError},
};
use serde_json::Value;

use crate::fixture::Fixture;

static SCHEMAS: LazyLock<BTreeMap<&'static str, Validator>> = LazyLock::new(|| {
    let compiled = answer_schemas().into_iter().map(|(tool, schema)| {
        (tool, jsonschema::draft202012::new(&Value::Object(schema)).unwrap())
    });
    compiled.collect()
});

/// Every structured answer is as its tool's schema says.
pub(crate) fn check_schema(tool: &str, answer: &Value) {
    let errors: Vec<String> = SCHEMAS[tool]
        .iter_errors(answer)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{tool}: {errors:#?}\n{answer}");
}

/// A connected pair; both ends stop when it is dropped.
pub(crate) struct Client {
    pub(crate) peer: RunningService<RoleClient, ClientConfig>,
    _server: RunningService<RoleServer, Server>,
}

impl Client {
    pub(crate) async fn of(server: Server) -> Self {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let mut config = ClientConfig::default();
        config.client_info.name = "Test Client".to_owned();
        let (server, peer) =
            tokio::join!(Box::pin(server.serve(far)), Box::pin(config.serve(near)));
        Self { peer: peer.unwrap(), _server: server.unwrap() }
    }

    pub(crate) async fn new() -> Self {
        Self::of(Fixture::new().server(false)).await
    }

    pub(crate) async fn try_call(
        &self,
        tool: &'static str,
        arguments: Value,
    ) -> Result<CallToolResult, ServiceError> {
        let mut request = CallToolRequestParams::new(tool);
        request.arguments = arguments.as_object().cloned();
        self.peer.call_tool(request).await
    }

    /// A call that is answered; checks what holds for every answer.
    pub(crate) async fn call(&self, tool: &'static str, arguments: Value) -> Value {
        let full = arguments["detail"] == "full";
        let result = self.try_call(tool, arguments).await.unwrap();
        assert_eq!(result.is_error, Some(false), "{result:?}");
        let bytes = serde_json::to_vec(&result).unwrap().len();
        assert!(bytes <= if full { 32 * 1024 } else { 8 * 1024 }, "{tool}: {bytes} bytes");
        let text = text(&result);
        assert!(text.starts_with(r#"{"summary":""#), "the summary is read first: {text}");
        let value = result.structured_content.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "both forms are the same");
        check_schema(tool, &value);
        value
    }

    /// A call that the model is to mend; the text that it reads.
    pub(crate) async fn refusal(&self, tool: &'static str, arguments: Value) -> String {
        let result = self.try_call(tool, arguments.clone()).await.unwrap();
        assert_eq!(result.is_error, Some(true), "{tool} {arguments}: {result:?}");
        text(&result)
    }
}

pub(crate) fn text(result: &CallToolResult) -> String {
    let [block] = result.content.as_slice() else { panic!("one block: {result:?}") };
    block.as_text().unwrap().text.clone()
}
