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
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    arguments::without_nulls,
    http,
    imported::quoted,
    ports::{Answers, Principal, ProposalSink, Refusal},
    prompts,
    running::{self, Interrupted},
    tools::{self, Call, Registered, ToolSpec},
};

/// What the client's model reads first. At most 120 words.
const INSTRUCTIONS: &str = include_str!("../../../prompts/mcp-instructions.md");

/// Calls answered at the same time, of all clients together. Any more wait for their turn: a thousand
/// that are worked on at once are all late, one after the other most are not.
const CALLS_AT_ONCE: usize = 16;

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
}

struct Shared {
    answers: Arc<dyn Answers>,
    proposals: Arc<dyn ProposalSink>,
    tools: Vec<Arc<Registered>>,
    call_time_max: Duration,
    /// Of [`CALLS_AT_ONCE`].
    turns: Semaphore,
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
        let tools = tools.into_iter().map(Arc::new).collect();
        let call_time_max = options.call_time_max;
        let turns = Semaphore::new(CALLS_AT_ONCE);
        Self { shared: Arc::new(Shared { answers, proposals, tools, call_time_max, turns }) }
    }

    /// The tools as clients see them, in their order.
    pub fn tools(&self) -> Vec<Tool> {
        self.shared.tools.iter().map(|known| known.tool.clone()).collect()
    }

    fn visible(
        &self,
        context: &RequestContext<RoleServer>,
    ) -> impl Iterator<Item = &Arc<Registered>> {
        let read_only = parts(context).is_some_and(|parts| http::wants_read_only(&parts.headers));
        self.shared.tools.iter().filter(move |known| !(read_only && known.spec.writes()))
    }

    async fn answer(
        &self,
        known: &Registered,
        request: CallToolRequestParams,
        caller: &Principal,
    ) -> Result<CallToolResult, Refusal> {
        let call = Call {
            spec: known.spec,
            schema: &known.tool.input_schema,
            arguments: without_nulls(request.arguments.unwrap_or_default()),
            caller,
            answers: self.shared.answers.as_ref(),
            proposals: self.shared.proposals.as_ref(),
        };
        let limit = self.shared.call_time_max;
        let Ok(Ok(_turn)) = timeout(limit, self.shared.turns.acquire()).await else {
            let message = format!(
                "no turn within {} s: {CALLS_AT_ONCE} other calls are being answered",
                limit.as_secs()
            );
            return Err(Refusal::mistaken(message, "call again in a moment"));
        };
        (known.spec.run)(call).await
    }

    /// What a call is told that has not been answered in time.
    fn late(&self, spec: &ToolSpec) -> Refusal {
        let correction = if spec.writes() {
            "look with `proposals` whether it was written"
        } else {
            "narrow the period or the filter"
        };
        let limit = self.shared.call_time_max.as_secs();
        Refusal::mistaken(format!("no answer within {limit} s"), correction)
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
        let tools = self.visible(&context).map(|known| known.tool.clone()).collect();
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
        let known = self.shared.tools.iter().find(|known| known.spec.name == name)?;
        Some(known.tool.clone())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(known) = self.visible(&context).find(|known| known.spec.name == request.name)
        else {
            let message = format!("no tool {} here", quoted(&request.name));
            return Err(ErrorData::invalid_params(message, None));
        };
        let caller = principal(&context);
        let spec = known.spec;
        let (server, known, asking) = (self.clone(), known.clone(), caller.clone());
        let work = async move {
            server
                .answer(&known, request, &asking)
                .await
                .unwrap_or_else(|refusal| refused(&refusal))
        };
        let limit = self.shared.call_time_max;
        match running::run(&context, spec.name, &caller, limit, work).await {
            Ok(result) => Ok(result.into()),
            Err(Interrupted::Late) => Ok(refused(&self.late(spec)).into()),
            Err(Interrupted::TakenBack) => Err(ErrorData::internal_error("taken back", None)),
            Err(Interrupted::Broken) => Err(ErrorData::internal_error("the call broke", None)),
        }
    }
}

/// A refusal as the client's model reads it; its cause goes into the log.
fn refused(refusal: &Refusal) -> CallToolResult {
    match refusal {
        Refusal::Failed { detail } => tracing::error!(error = %detail, "tool failed"),
        Refusal::Mistaken { .. } | Refusal::Denied { .. } => {
            tracing::debug!(%refusal, "tool refused");
        }
    }
    CallToolResult::error(vec![ContentBlock::text(refusal.shown())])
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
