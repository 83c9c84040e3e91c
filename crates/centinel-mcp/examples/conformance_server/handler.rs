//! The handler: which fixture answers which request.

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams,
        CompleteResult, GetPromptRequestParams, GetPromptResponse, GetPromptResult, Implementation,
        ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
        ReadResourceResult, ServerCapabilities, ServerConfig, SetLevelRequestParams,
        SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
    },
    service::{RequestContext, SubscriptionContext},
};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::{
    asking, content,
    content::{complete, typed},
    input::{self, Given, Turn},
    listed,
};

/// What listeners are told.
#[derive(Debug, Clone, Copy)]
enum Changed {
    Tools,
    Prompts,
}

/// Answers what the suite asks. Knows nobody; only listeners of change hang on it.
#[derive(Debug, Clone)]
pub(crate) struct Fixtures {
    changes: broadcast::Sender<Changed>,
}

impl Fixtures {
    /// One for all connections.
    pub(crate) fn new() -> Self {
        Self { changes: broadcast::Sender::new(16) }
    }

    fn tell(&self, changed: Changed) -> Value {
        // Nobody may be listening.
        let _ = self.changes.send(changed);
        content::said("told")
    }
}

fn unknown(what: &str, name: &str) -> ErrorData {
    ErrorData::invalid_params(format!("no {what} `{name}`"), None)
}

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_completions()
            .enable_logging()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("conformance", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        listed::tools().map(ListToolsResult::with_all_items)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        listed::tool(name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.as_ref();
        let capabilities = context.client_capabilities().unwrap_or_default();
        let given = Given {
            responses: request.input_responses.as_ref(),
            state: request.request_state.as_deref(),
            capabilities,
        };
        if let Some(turn) = input::of_tool(name, &given) {
            return match turn? {
                Turn::Needs(what) => Ok(what.into()),
                Turn::Done(result) => complete::<CallToolResult>(result).map(Into::into),
            };
        }
        let argument = |name: &str| {
            let value = request.arguments.as_ref().and_then(|all| all.get(name));
            value.and_then(Value::as_str).unwrap_or_default()
        };
        let result = match name {
            "test_tool_with_progress" => asking::progress(&context).await,
            "test_tool_with_logging" => asking::log(&context).await?,
            "test_sampling" => asking::ask(&context, asking::sampling(argument("prompt"))).await?,
            "test_elicitation" => {
                asking::ask(&context, asking::two_texts(argument("message"))).await?
            }
            "test_elicitation_sep1034_defaults" => {
                asking::ask(&context, asking::defaults()).await?
            }
            "test_elicitation_sep1330_enums" => asking::ask(&context, asking::choices()).await?,
            "test_reconnection" => asking::progress(&context).await,
            "test_trigger_tool_change" => self.tell(Changed::Tools),
            "test_trigger_prompt_change" => self.tell(Changed::Prompts),
            "test_missing_capability" => {
                if given.capabilities.sampling.is_none() {
                    let needed = typed(json!({"sampling": {}}))?;
                    return Err(ErrorData::missing_required_client_capability(needed));
                }
                content::said("the client can")
            }
            "test_streaming_elicitation" => {
                asking::progress(&context).await;
                let asked = input::of_tool("test_input_required_result_elicitation", &given);
                return match asked.transpose()? {
                    Some(Turn::Needs(what)) => Ok(what.into()),
                    Some(Turn::Done(result)) => complete::<CallToolResult>(result).map(Into::into),
                    None => Err(unknown("tool", name)),
                };
            }
            _ => content::of_tool(name).ok_or_else(|| unknown("tool", name))?,
        };
        complete::<CallToolResult>(result).map(Into::into)
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        typed(listed::prompts()).map(ListPromptsResult::with_all_items)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if request.name == "test_input_required_result_prompt" {
            let given = Given {
                responses: request.input_responses.as_ref(),
                state: request.request_state.as_deref(),
                capabilities: context.client_capabilities().unwrap_or_default(),
            };
            return match input::of_prompt(&given)? {
                Turn::Needs(what) => Ok(what.into()),
                Turn::Done(result) => complete::<GetPromptResult>(result).map(Into::into),
            };
        }
        let arguments = request.arguments.unwrap_or_default();
        let result = content::of_prompt(&request.name, &arguments);
        let result = result.ok_or_else(|| unknown("prompt", &request.name))?;
        complete::<GetPromptResult>(result).map(Into::into)
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        typed(listed::resources()).map(ListResourcesResult::with_all_items)
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        typed(listed::templates()).map(ListResourceTemplatesResult::with_all_items)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let Some(result) = content::of_resource(&uri) else {
            let message = format!("no resource `{uri}`");
            return Err(ErrorData::resource_not_found(message, Some(json!({"uri": uri}))));
        };
        complete::<ReadResourceResult>(result).map(Into::into)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let begun = request.argument.value;
        let known = ["testing", "paris", "park", "party"];
        let values: Vec<&str> = known.into_iter().filter(|word| word.starts_with(&begun)).collect();
        complete(json!({"completion": {"values": values, "hasMore": false}}))
    }

    async fn set_level(
        &self,
        _request: SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(
        &self,
        _request: SubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.changes.subscribe();
        let told = async {
            while let Ok(changed) = changes.recv().await {
                // What a listener did not ask for is refused by the sink.
                let _ = match changed {
                    Changed::Tools => subscription.sink().notify_tool_list_changed().await,
                    Changed::Prompts => subscription.sink().notify_prompt_list_changed().await,
                };
            }
        };
        tokio::select! {
            () = told => {}
            () = subscription.cancelled() => {}
        }
        Ok(())
    }
}
