//! The server: tools and documents over the ports, one behaviour on every transport and protocol revision.

use std::{sync::Arc, time::Duration};

use axum::http::request::Parts;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams,
        CompleteRequestParams, CompleteResult, ContentBlock, GetPromptRequestParams,
        GetPromptResponse, GetTaskParams, GetTaskResult, Implementation, JsonObject,
        ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
        ServerCapabilities, ServerConfig, Tool, UpdateTaskParams,
    },
    service::RequestContext,
};
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    arguments::{may_need_days, without_blanks},
    completion,
    documents::Documents,
    elicit::{Asked, Questions},
    http,
    imported::quoted,
    papers::Desk,
    ports::{Answers, Principal, ProposalSink, Refusal},
    prompts, resources,
    running::{self, Interrupted},
    tasks::{self, Tasks},
    tools::{self, Call, Registered, ToolSpec},
    toolsets::Toolsets,
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

/// Answers MCP requests from the ports. Cheap to clone; holds nothing about any client but the tasks
/// that it began and the questions that it waits for.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
    toolsets: Toolsets,
}

#[derive(Clone)]
struct Shared {
    answers: Arc<dyn Answers>,
    proposals: Arc<dyn ProposalSink>,
    documents: Option<Arc<dyn Documents>>,
    questions: Option<Questions>,
    tasks: Tasks,
    tools: Vec<Arc<Registered>>,
    call_time_max: Duration,
    /// Of [`CALLS_AT_ONCE`].
    turns: Arc<Semaphore>,
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
        let shared = Arc::new(Shared {
            answers,
            proposals,
            documents: None,
            questions: None,
            tasks: Tasks::default(),
            tools,
            call_time_max,
            turns: Arc::new(Semaphore::new(CALLS_AT_ONCE)),
        });
        Self { shared, toolsets: Toolsets::all() }
    }

    /// The same with the tools of these sets only. A request may leave out more (see
    /// [`TOOLSETS_HEADER`](crate::TOOLSETS_HEADER)), never fewer.
    #[must_use]
    pub fn with_toolsets(self, toolsets: Toolsets) -> Self {
        Self { toolsets: self.toolsets.and(toolsets), ..self }
    }

    /// The same with documents: policies and evidence as resources, and values that complete.
    #[must_use]
    pub fn with_documents(mut self, documents: Arc<dyn Documents>) -> Self {
        Arc::make_mut(&mut self.shared).documents = Some(documents);
        self
    }

    /// The same, asking the person behind a client for what a call lacks. The key seals what comes back
    /// with an answer: random, of this process, told to nobody.
    #[must_use]
    pub fn asking_with_key(mut self, key: [u8; 32]) -> Self {
        Arc::make_mut(&mut self.shared).questions = Some(Questions::new(key));
        self
    }

    /// The tools as clients see them, in their order.
    pub fn tools(&self) -> Vec<Tool> {
        self.enabled(self.toolsets).map(|known| known.tool.clone()).collect()
    }

    /// [`fingerprint`](crate::fingerprint) of these tools, with the version.
    pub fn release_line(&self) -> String {
        crate::release_line(&self.tools())
    }

    /// The tools that this server has.
    pub(crate) fn known(&self) -> impl Iterator<Item = &Arc<Registered>> {
        self.enabled(self.toolsets)
    }

    fn enabled(&self, toolsets: Toolsets) -> impl Iterator<Item = &Arc<Registered>> {
        self.shared.tools.iter().filter(move |known| toolsets.contains(known.spec.toolset))
    }

    /// The tools that a request may see: its headers leave out, and never add.
    fn visible(
        &self,
        context: &RequestContext<RoleServer>,
    ) -> Result<impl Iterator<Item = &Arc<Registered>>, ErrorData> {
        let headers = parts(context).map(|parts| &parts.headers);
        let read_only = headers.is_some_and(http::wants_read_only);
        let toolsets =
            headers.map_or(Ok(self.toolsets), |headers| self.toolsets.narrowed_by(headers));
        let toolsets =
            toolsets.map_err(|error| ErrorData::invalid_params(error.to_string(), None))?;
        Ok(self.enabled(toolsets).filter(move |known| !(read_only && known.spec.writes())))
    }

    pub(crate) async fn answer(
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
            documents: self.shared.documents.as_deref(),
        };
        let limit = self.shared.call_time_max;
        let Ok(Ok(_turn)) = timeout(limit, self.shared.turns.acquire()).await else {
            let message = format!(
                "no turn within {} s: {CALLS_AT_ONCE} other calls are being answered",
                limit.as_secs()
            );
            return Err(Refusal::mistaken(message, "call again in a moment"));
        };
        let asked = call.clone();
        match timeout(limit, (known.spec.run)(call)).await {
            Ok(Err(Refusal::Amended { message, edits })) => Err(asked.amended(message, &edits)),
            Ok(answer) => answer,
            Err(_) => Err(self.late(known.spec)),
        }
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

    /// The result of a call; a refusal is one that the model can mend.
    async fn result(
        self,
        known: Arc<Registered>,
        request: CallToolRequestParams,
        caller: Principal,
    ) -> CallToolResult {
        let answer = self.answer(&known, request, &caller).await;
        answer.unwrap_or_else(|refusal| refused(&refusal))
    }

    /// The call with all that it needs, or the question for what it lacks.
    async fn asked(
        &self,
        known: &Registered,
        request: CallToolRequestParams,
        caller: &Principal,
        context: &RequestContext<RoleServer>,
    ) -> Result<Asked, ErrorData> {
        let Some(questions) = &self.shared.questions else { return Ok(Asked::Go(request)) };
        tokio::select! {
            asked = questions.ask(self.desk(caller), known, request, context) => asked,
            () = context.ct.cancelled() => Err(ErrorData::internal_error("taken back", None)),
        }
    }

    /// The ports, as this caller asks them.
    fn desk<'a>(&'a self, caller: &'a Principal) -> Desk<'a> {
        Desk {
            answers: self.shared.answers.as_ref(),
            proposals: self.shared.proposals.as_ref(),
            documents: self.shared.documents.as_deref(),
            caller,
        }
    }

    /// What a document or a completion comes to: dropped when time is over or the client has gone.
    async fn in_time<T>(
        &self,
        context: &RequestContext<RoleServer>,
        work: impl Future<Output = Result<T, ErrorData>>,
    ) -> Result<T, ErrorData> {
        let limit = self.shared.call_time_max;
        tokio::select! {
            done = tokio::time::timeout(limit, work) => done.unwrap_or_else(|_| {
                let message = format!("no answer within {} s", limit.as_secs());
                Err(ErrorData::internal_error(message, None))
            }),
            () = context.ct.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let mut implementation = Implementation::new("centinel", env!("CARGO_PKG_VERSION"));
        implementation.title = Some("Centinel".to_owned());
        let mut capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .enable_completions()
            .enable_tasks()
            .build();
        // Two tools have views. The client says whether it shows them.
        let extensions = capabilities.extensions.get_or_insert_default();
        extensions.insert("io.modelcontextprotocol/ui".to_owned(), JsonObject::new());
        ServerConfig::new(capabilities)
            .with_server_info(implementation)
            .with_instructions(INSTRUCTIONS.trim())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        only_page(request.as_ref())?;
        let tools = self.visible(&context)?.map(|known| known.tool.clone()).collect();
        // Private: a header or, later, a token's scope decides what is listed.
        Ok(ListToolsResult::with_all_items(tools).with_cache_scope(CacheScope::Private))
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        only_page(request.as_ref())?;
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
        let spec = known.spec;
        let request = match self.asked(known, request, &caller, &context).await? {
            Asked::Go(request) => request,
            Asked::First(question) => return Ok(question.into()),
        };
        let result = self.clone().result(Arc::clone(known), request, caller.clone());
        // For a client that knows tasks, a read that takes long goes on as one.
        let tasks =
            (!spec.writes() && tasks::are_known(&context)).then(|| self.shared.tasks.clone());
        let asking = caller.clone();
        let work = async move {
            match tasks {
                Some(tasks) => tasks.answer(&asking, Box::pin(running::apart(result))).await,
                None => result.await.into(),
            }
        };
        let limit = self.shared.call_time_max;
        match running::run(&context, spec.name, &caller, limit, work).await {
            Ok(response) => Ok(response),
            Err(Interrupted::Late) => Ok(refused(&self.late(spec)).into()),
            Err(Interrupted::TakenBack) => Err(ErrorData::internal_error("taken back", None)),
            Err(Interrupted::Broken) => Err(ErrorData::internal_error("the call broke", None)),
        }
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        only_page(request.as_ref())?;
        let caller = principal(&context);
        self.in_time(&context, resources::listed(self.desk(&caller))).await
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        only_page(request.as_ref())?;
        Ok(resources::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let caller = principal(&context);
        let reading = resources::read(self.desk(&caller), &request.uri);
        self.in_time(&context, reading).await.map(Into::into)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let caller = principal(&context);
        let completing = async {
            match completion::completed(self.desk(&caller), &request).await {
                Ok(values) => Ok(CompleteResult::new(values)),
                Err(Refusal::Failed { detail }) => Err(resources::failed(&detail)),
                // What may not be seen, or is not there yet, completes to nothing.
                Err(
                    Refusal::Mistaken { .. } | Refusal::Amended { .. } | Refusal::Denied { .. },
                ) => Ok(CompleteResult::default()),
            }
        };
        self.in_time(&context, completing).await
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.shared.tasks.get(&principal(&context), &request.task_id)
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.shared.tasks.update(&principal(&context), &request.task_id)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.shared.tasks.cancel(&principal(&context), &request.task_id)
    }
}

/// Refuses a cursor: no list of this server has a second page, so none of its cursors exists.
fn only_page(request: Option<&PaginatedRequestParams>) -> Result<(), ErrorData> {
    match request.and_then(|request| request.cursor.as_deref()) {
        None => Ok(()),
        Some(_) => {
            Err(ErrorData::invalid_params("`cursor` is none of this server; ask without it", None))
        }
    }
}

/// Whether a request came over HTTP.
pub(crate) fn is_over_http(context: &RequestContext<RoleServer>) -> bool {
    parts(context).is_some()
}

/// A refusal as the client's model reads it; its cause goes into the log.
fn refused(refusal: &Refusal) -> CallToolResult {
    match refusal {
        Refusal::Failed { detail } => tracing::error!(error = %detail, "tool failed"),
        Refusal::Mistaken { .. } | Refusal::Amended { .. } | Refusal::Denied { .. } => {
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
