//! The server: tools over the two ports, one behaviour on every transport and protocol revision.

use std::{sync::Arc, time::Duration};

use axum::http::request::Parts;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock,
        GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsResult,
        ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};

use crate::{
    arguments::{may_need_days, without_blanks},
    http,
    imported::quoted,
    ports::{Answers, Principal, ProposalSink, Refusal},
    prompts,
    tools::{self, Call, Registered},
    toolsets::Toolsets,
};

/// What the client's model reads first. At most 120 words.
const INSTRUCTIONS: &str = include_str!("../../../prompts/mcp-instructions.md");

/// How a server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerOptions {
    /// Leave out the tools that write. A request may ask for this too (see
    /// [`READ_ONLY_HEADER`](crate::READ_ONLY_HEADER)), never for the opposite.
    pub read_only: bool,
    /// Longest time for one call; the port's work is dropped then.
    pub call_time_max: Duration,
}

/// Answers MCP requests from the two ports. Cheap to clone; holds nothing about any client.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
    toolsets: Toolsets,
}

struct Shared {
    answers: Arc<dyn Answers>,
    proposals: Arc<dyn ProposalSink>,
    tools: Vec<Registered>,
    call_time_max: Duration,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tools: Vec<_> = self.shared.tools.iter().map(|known| known.spec.name).collect();
        f.debug_struct("Server").field("tools", &tools).finish_non_exhaustive()
    }
}

impl Server {
    /// A server over these ports.
    pub fn new(
        answers: Arc<dyn Answers>,
        proposals: Arc<dyn ProposalSink>,
        options: ServerOptions,
    ) -> Self {
        let mut tools = tools::registered(&proposals.kinds());
        tools.retain(|known| !(options.read_only && known.spec.writes()));
        let call_time_max = options.call_time_max;
        let shared = Arc::new(Shared { answers, proposals, tools, call_time_max });
        Self { shared, toolsets: Toolsets::all() }
    }

    /// The same with the tools of these sets only. A request may leave out more (see
    /// [`TOOLSETS_HEADER`](crate::TOOLSETS_HEADER)), never fewer.
    #[must_use]
    pub fn with_toolsets(self, toolsets: Toolsets) -> Self {
        Self { toolsets: self.toolsets.and(toolsets), ..self }
    }

    /// The tools as clients see them, in their order.
    pub fn tools(&self) -> Vec<Tool> {
        self.enabled(self.toolsets).map(|known| known.tool.clone()).collect()
    }

    /// [`fingerprint`](crate::fingerprint) of these tools, with the version.
    pub fn release_line(&self) -> String {
        crate::release_line(&self.tools())
    }

    fn enabled(&self, toolsets: Toolsets) -> impl Iterator<Item = &Registered> {
        self.shared.tools.iter().filter(move |known| toolsets.contains(known.spec.toolset))
    }

    /// The tools that a request may see: its headers leave out, and never add.
    fn visible(
        &self,
        context: &RequestContext<RoleServer>,
    ) -> Result<impl Iterator<Item = &Registered>, ErrorData> {
        let headers = parts(context).map(|parts| &parts.headers);
        let read_only = headers.is_some_and(http::wants_read_only);
        let toolsets =
            headers.map_or(Ok(self.toolsets), |headers| self.toolsets.narrowed_by(headers));
        let toolsets =
            toolsets.map_err(|error| ErrorData::invalid_params(error.to_string(), None))?;
        Ok(self.enabled(toolsets).filter(move |known| !(read_only && known.spec.writes())))
    }

    async fn answer(
        &self,
        known: &Registered,
        request: CallToolRequestParams,
        caller: &Principal,
    ) -> Result<CallToolResult, Refusal> {
        let schema = known.tool.input_schema.as_ref();
        let arguments = without_blanks(request.arguments.unwrap_or_default());
        let mut data = None;
        if may_need_days(schema, &arguments) {
            // Without them a correction is less complete; that is no reason to refuse.
            data = self.shared.answers.days(caller).await.ok().flatten();
        }
        let call = Call {
            spec: known.spec,
            schema,
            arguments,
            data,
            caller,
            answers: self.shared.answers.as_ref(),
            proposals: self.shared.proposals.as_ref(),
        };
        let limit = self.shared.call_time_max;
        let asked = call.clone();
        let answer = tokio::time::timeout(limit, (known.spec.run)(call)).await;
        let answer = answer.map(|answer| match answer {
            Err(Refusal::Amended { message, edits }) => Err(asked.amended(message, &edits)),
            other => other,
        });
        answer.unwrap_or_else(|_| {
            let correction = if known.spec.writes() {
                "look with `proposals` whether it was written"
            } else {
                "narrow the period or the filter"
            };
            Err(Refusal::mistaken(format!("no answer within {} s", limit.as_secs()), correction))
        })
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let mut implementation = Implementation::new("centinel", env!("CARGO_PKG_VERSION"));
        implementation.title = Some("Centinel".to_owned());
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_prompts().build())
            .with_server_info(implementation)
            .with_instructions(INSTRUCTIONS.trim())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.visible(&context)?.map(|known| known.tool.clone()).collect();
        // Private: a header or, later, a token's scope decides what is listed.
        Ok(ListToolsResult::with_all_items(tools).with_cache_scope(CacheScope::Private))
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::listed())
            .with_cache_scope(CacheScope::Private))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::filled(&request).map(Into::into)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let known = self.enabled(self.toolsets).find(|known| known.spec.name == name)?;
        Some(known.tool.clone())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(known) = self.visible(&context)?.find(|known| known.spec.name == request.name)
        else {
            let message = format!("no tool {} here", quoted(&request.name));
            return Err(ErrorData::invalid_params(message, None));
        };
        let caller = principal(&context);
        let tool = known.spec.name;
        let answer = tokio::select! {
            answer = self.answer(known, request, &caller) => answer,
            // The client has gone: what runs for it is dropped.
            () = context.ct.cancelled() => {
                tracing::debug!(tool, %caller, "call cancelled");
                return Err(ErrorData::internal_error("cancelled", None));
            }
        };
        let result = answer.unwrap_or_else(|refusal| {
            match &refusal {
                Refusal::Failed { detail } => {
                    tracing::error!(tool, %caller, error = %detail, "tool failed");
                }
                Refusal::Mistaken { .. } | Refusal::Amended { .. } | Refusal::Denied { .. } => {
                    tracing::debug!(tool, %caller, %refusal, "tool refused");
                }
            }
            CallToolResult::error(vec![ContentBlock::text(refusal.shown())])
        });
        Ok(result.into())
    }
}

/// The HTTP request behind a call; `None` on other transports.
fn parts(context: &RequestContext<RoleServer>) -> Option<&Parts> {
    context.extensions.get::<Parts>()
}

/// The subject of the token that was verified, else the name that the client gives itself.
fn principal(context: &RequestContext<RoleServer>) -> Principal {
    let verified = parts(context).and_then(|parts| parts.extensions.get::<Principal>());
    verified.cloned().unwrap_or_else(|| {
        let client = context.client_info();
        Principal::agent(client.as_ref().map_or("", |client| client.name.as_str()))
    })
}
