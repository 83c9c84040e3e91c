//! Asking the person behind the client for what a call lacks: a convenience, never a gate.
//!
//! Two things are asked for: the reason of a proposal, where the rest of the call would be taken, and
//! which of several open anomalies is meant. Whoever cannot be asked, or does not want to say, gets
//! the answer that the call gets without asking. What is said is an argument like any other: it proves
//! nothing about who said it.
//!
//! On 2026-07-28 the question goes out as `input_required`, and the call comes back with the answer
//! and with a `requestState` that is bound to caller, tool and arguments, holds five minutes, and is
//! taken once. Before that the client is asked in between, where the transport can.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use centinel_engine::facts::{canonical_json, sha256_hex};
use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolRequestParams, ClientCapabilities, ConstTitle, ElicitRequest, ElicitRequestParams,
        ElicitResult, ElicitationAction, ElicitationSchema, EnumSchema, InputRequest,
        InputRequiredResult, JsonObject, PrimitiveSchemaDefinition, ProtocolVersion,
        RequestStateCodec, SealOptions, SingleSelectEnumSchema, StringSchema,
        TitledSingleSelectEnumSchema,
    },
    service::RequestContext,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    answer::AnomalyRow,
    arguments::without_blanks,
    imported::quoted,
    papers::Desk,
    ports::{Principal, ProposalSink, Refusal, Reply},
    proposal::{
        ChangeKind, ProposalAnswer, ProposalDraft, ProposalsAnswer, ProposalsRequest, Receipt,
    },
    request::{AnomaliesRequest, AnomalyFilter, Filter, Page},
    tools::{Call, Registered},
    window::{RelativePeriod, Window},
};

/// How long a person may think.
const TIME_MAX: Duration = Duration::from_mins(5);
/// Questions that wait for an answer at most; the oldest is forgotten.
const OPEN_MAX: usize = 1_024;
/// Anomalies offered at most.
const OFFERED_MAX: u32 = 8;
/// What is picked instead of one anomaly.
const ALL: &str = "all";
const REASON: &str = "reason";
const ANOMALY: &str = "anomaly_id";

/// Seals what goes out and takes each answer once.
#[derive(Clone)]
pub(crate) struct Questions {
    codec: RequestStateCodec,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    last: u64,
    waiting: VecDeque<u64>,
}

impl fmt::Debug for Questions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Questions").finish_non_exhaustive()
    }
}

/// What a `requestState` says, readable by anybody and signed.
#[derive(Serialize, Deserialize)]
struct State {
    number: u64,
    argument: String,
    /// Where one of several is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    choices: Vec<String>,
}

/// What is asked.
struct Question {
    /// The argument that the answer becomes.
    argument: &'static str,
    message: &'static str,
    field: PrimitiveSchemaDefinition,
    /// Values allowed; any text where empty.
    choices: Vec<String>,
}

/// What comes of looking whether a call lacks something.
pub(crate) enum Asked {
    /// Go on with this call.
    Go(CallToolRequestParams),
    /// The client is to ask first.
    First(InputRequiredResult),
}

impl Questions {
    /// Questions sealed with a key of this process alone.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        // 32 bytes are what the codec asks for at least.
        Self { codec: RequestStateCodec::new_unchecked(key.to_vec()), open: Arc::default() }
    }

    /// Asks for what the call lacks, where the client can be asked; reads what was answered.
    ///
    /// # Errors
    ///
    /// A protocol error for a `requestState` that is not of this call, too old, or used.
    pub(crate) async fn ask(
        &self,
        desk: Desk<'_>,
        known: &Registered,
        mut request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<Asked, ErrorData> {
        let arguments = without_blanks(request.arguments.clone().unwrap_or_default());
        let bound = bound_to(desk.caller, known.spec.name, &arguments);
        if let Some(sealed) = request.request_state.take() {
            let state = self.opened(&sealed, &bound)?;
            let responses = request.input_responses.take().unwrap_or_default();
            if let Some(response) = responses.get(&state.argument) {
                let answer: ElicitResult = serde_json::from_value(response.clone())
                    .map_err(|_| invalid("the response is no result of an elicitation"))?;
                return Ok(Asked::Go(with_answer(request, &state, answer)?));
            }
            // Answered without the answer: ask again.
        }
        if !can_be_asked(context.client_capabilities().as_ref()) {
            return Ok(Asked::Go(request));
        }
        let version = context.protocol_version();
        let Some(question) = question(desk, known, &arguments).await else {
            return Ok(Asked::Go(request));
        };
        // Before 2025-11-25 a form has no choices with titles.
        let has_titles = version
            .as_ref()
            .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2025_11_25.as_str());
        if !(question.choices.is_empty() || has_titles) {
            return Ok(Asked::Go(request));
        }
        let is_modern = version.is_some_and(|version| !version.has_initialize());
        if is_modern {
            return self.first(question, &bound).map(Asked::First);
        }
        // Over HTTP an older client has no stream to be asked on.
        if crate::server::is_over_http(context) {
            return Ok(Asked::Go(request));
        }
        let state = State {
            number: 0,
            argument: question.argument.to_owned(),
            choices: question.choices.clone(),
        };
        let asked = context.peer.create_elicitation_with_timeout(question.form(), Some(TIME_MAX));
        match asked.await {
            // An answer that is none leaves the call as it was.
            Ok(answer) => {
                Ok(Asked::Go(with_answer(request.clone(), &state, answer).unwrap_or(request)))
            }
            Err(error) => {
                tracing::debug!(%error, "nobody could be asked");
                Ok(Asked::Go(request))
            }
        }
    }

    fn first(&self, question: Question, bound: &str) -> Result<InputRequiredResult, ErrorData> {
        let number = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.last = open.last.saturating_add(1);
            let number = open.last;
            open.waiting.push_back(number);
            if open.waiting.len() > OPEN_MAX {
                open.waiting.pop_front();
            }
            number
        };
        let argument = question.argument.to_owned();
        let state = State { number, argument, choices: question.choices.clone() };
        let options = SealOptions::new().associated_data(bound.as_bytes()).ttl(TIME_MAX);
        let sealed = self.codec.seal_json_with(&state, &options).map_err(|error| {
            tracing::error!(%error, "a request state could not be sealed");
            ErrorData::internal_error("the question could not be asked", None)
        })?;
        let form = InputRequest::Elicitation(ElicitRequest::new(question.form()));
        let requests = [(state.argument, form)].into();
        Ok(InputRequiredResult::new(Some(requests), Some(sealed)))
    }

    /// What a state says, once.
    fn opened(&self, sealed: &str, bound: &str) -> Result<State, ErrorData> {
        let state: State =
            self.codec.open_json_with(sealed, bound.as_bytes()).map_err(|error| {
                tracing::debug!(%error, "request state refused");
                invalid("`requestState` is not of this call, or too old; call again without it")
            })?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let place = open.waiting.iter().position(|&number| number == state.number);
        match place.and_then(|place| open.waiting.remove(place)) {
            Some(_) => Ok(state),
            None => Err(invalid("`requestState` was used already; call again without it")),
        }
    }
}

impl Question {
    fn form(&self) -> ElicitRequestParams {
        let properties = [(self.argument.to_owned(), self.field.clone())].into();
        let schema = ElicitationSchema::new(properties);
        ElicitRequestParams::FormElicitationParams {
            meta: None,
            message: self.message.to_owned(),
            requested_schema: schema.with_required(vec![self.argument.to_owned()]),
        }
    }
}

/// Whether the client shows forms to a person. One that names no mode shows forms.
fn can_be_asked(capabilities: Option<&ClientCapabilities>) -> bool {
    capabilities
        .and_then(|capabilities| capabilities.elicitation.as_ref())
        .is_some_and(|modes| modes.form.is_some() || modes.url.is_none())
}

/// What a state is bound to.
fn bound_to(caller: &Principal, tool: &str, arguments: &JsonObject) -> String {
    let digest = sha256_hex(canonical_json(arguments).unwrap_or_default().as_bytes());
    format!("{caller}\n{tool}\n{digest}")
}

/// The call with what was answered in it; as it was where nothing was.
fn with_answer(
    mut request: CallToolRequestParams,
    state: &State,
    answer: ElicitResult,
) -> Result<CallToolRequestParams, ErrorData> {
    if answer.action != ElicitationAction::Accept {
        return Ok(request);
    }
    let value = answer.content.as_ref().and_then(|content| content.get(&state.argument));
    let Some(value) = value.and_then(Value::as_str) else {
        return Err(invalid("the answer does not have the field that was asked for"));
    };
    if !state.choices.is_empty() && !state.choices.iter().any(|choice| choice == value) {
        return Err(invalid("the answer is none of the values that were offered"));
    }
    if value != ALL || state.choices.is_empty() {
        let arguments = request.arguments.get_or_insert_default();
        arguments.insert(state.argument.clone(), Value::from(value));
    }
    Ok(request)
}

/// What the call lacks that a person could say.
async fn question(desk: Desk<'_>, known: &Registered, given: &JsonObject) -> Option<Question> {
    let required = known.tool.input_schema.get("required").and_then(Value::as_array);
    let needs_reason = required.is_some_and(|names| names.iter().any(|name| name == REASON));
    if needs_reason {
        let has_reason = given.get(REASON).is_some_and(|reason| reason != "");
        return (!has_reason && is_otherwise_complete(desk, known, given).await).then(reason);
    }
    let names_nothing = given.keys().all(|name| name == "detail");
    if known.spec.name != "explain_change" || !names_nothing {
        return None;
    }
    let request = AnomaliesRequest {
        window: Window::Relative(RelativePeriod::Last30d),
        filter: Filter::default(),
        status: AnomalyFilter::Open,
        impact_min: None,
        page: Page { offset: 0, limit: OFFERED_MAX, as_of: None },
    };
    let answer = desk.answers.anomalies(desk.caller, request).await.ok()?;
    (answer.rows.len() > 1).then(|| which(&answer.rows))
}

fn reason() -> Question {
    let field = StringSchema::new()
        .title("Reason")
        .description("One sentence, kept with the proposal")
        .length(1, 500);
    Question {
        argument: REASON,
        message: "Why? One sentence for the people who read the proposal. It decides nothing.",
        field: PrimitiveSchemaDefinition::String(field),
        choices: Vec::new(),
    }
}

fn which(rows: &[AnomalyRow]) -> Question {
    let worded = |row: &AnomalyRow| {
        let scope: Vec<String> = row
            .scope
            .iter()
            .map(|(name, value)| format!("{} {}", quoted(name.as_str()), quoted(value.as_str())))
            .collect();
        let scope = if scope.is_empty() { "all spend".to_owned() } else { scope.join(", ") };
        let since = row.started_at.strftime("since %Y-%m-%d");
        let id = row.anomaly_id.as_str();
        ConstTitle::new(id, format!("{id}: {scope}, {since}"))
    };
    let mut offered: Vec<ConstTitle> = rows.iter().map(worded).collect();
    offered.push(ConstTitle::new(ALL, "All spend of the last 30 days"));
    let choices = offered.iter().map(|choice| choice.const_.clone()).collect();
    let mut field = TitledSingleSelectEnumSchema::new(offered);
    field.title = Some("Change".into());
    let field = SingleSelectEnumSchema::Titled(field);
    Question {
        argument: ANOMALY,
        message: "Several anomalies are open. Which one is to be explained?",
        field: PrimitiveSchemaDefinition::Enum(EnumSchema::Single(field)),
        choices,
    }
}

/// Whether the tool would take the call if it had a reason: tried on a sink that writes nothing.
async fn is_otherwise_complete(desk: Desk<'_>, known: &Registered, given: &JsonObject) -> bool {
    let rehearsal = Rehearsal::default();
    let mut arguments = given.clone();
    arguments.insert(REASON.to_owned(), Value::from("to be asked"));
    let call = Call {
        spec: known.spec,
        schema: &known.tool.input_schema,
        arguments,
        data: None,
        caller: desk.caller,
        answers: desk.answers,
        proposals: &rehearsal,
        documents: desk.documents,
    };
    // The rehearsal ends in a refusal either way; only how far it came is of interest.
    drop((known.spec.run)(call).await);
    rehearsal.is_reached.load(Ordering::Relaxed)
}

/// A sink that remembers that something would have been written, and holds nothing.
#[derive(Default)]
struct Rehearsal {
    is_reached: AtomicBool,
}

impl Rehearsal {
    fn reached<'r>(&self) -> Reply<'r, Receipt> {
        self.is_reached.store(true, Ordering::Relaxed);
        nothing()
    }
}

fn nothing<'r, T>() -> Reply<'r, T> {
    Box::pin(async { Err(Refusal::failed("a rehearsal holds nothing")) })
}

impl ProposalSink for Rehearsal {
    fn kinds(&self) -> Vec<ChangeKind> {
        ChangeKind::ALL.to_vec()
    }

    fn create<'a>(&'a self, _: ProposalDraft, _: &'a Principal) -> Reply<'a, Receipt> {
        self.reached()
    }

    fn get<'a>(&'a self, _: &'a str, _: &'a Principal) -> Reply<'a, ProposalAnswer> {
        nothing()
    }

    fn list<'a>(&'a self, _: ProposalsRequest, _: &'a Principal) -> Reply<'a, ProposalsAnswer> {
        nothing()
    }

    fn withdraw<'a>(&'a self, _: &'a str, _: &'a str, _: &'a Principal) -> Reply<'a, Receipt> {
        self.reached()
    }
}

fn invalid(message: &'static str) -> ErrorData {
    ErrorData::invalid_params(message, None)
}
