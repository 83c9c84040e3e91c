//! What questions are answered from: the tools of the MCP server, called in this process.

use std::{collections::BTreeSet, sync::Arc};

use centinel_agent::{Answered, Name, Tool, Tools, ask};
use centinel_app::App;
use centinel_engine::series::Dimension;
use centinel_mcp::{
    Answers as _, Documents as _, Principal, ProposalSink as _, Refusal, Server, ServerOptions,
    nearest_values, period_arguments, period_before,
};
use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value};

use super::{
    facts::{self, Facts, deciders},
    noted::Noted,
};
use crate::ports::{CALL_TIME_MAX, PortOptions, Ports};

/// Tools of the server that answer no question: one checks a text, one takes a proposal back.
const LEFT_OUT: [&str; 2] = ["verify_text", "withdraw_proposal"];
/// Dimensions whose values are known by name, those that people name most first.
const NAMED: [Dimension; 12] = [
    Dimension::Feature,
    Dimension::Team,
    Dimension::Service,
    Dimension::Model,
    Dimension::Provider,
    Dimension::Application,
    Dimension::Agent,
    Dimension::Process,
    Dimension::Environment,
    Dimension::Region,
    Dimension::SubAccount,
    Dimension::ApiKey,
];
/// Names of one dimension that are known.
const NAMES_MAX: usize = 1_000;
/// Names that are told as the nearest to a word.
const NEAREST_MAX: usize = 3;
/// The dimension of a name that is the key of a tag.
const TAG_KEY: &str = "tag_key";

/// The tools over a home.
pub(super) struct Desk {
    app: App,
    server: Server,
    ports: Arc<Ports>,
    noted: Arc<Noted>,
    caller: Principal,
    listed: Vec<Tool>,
    names: Vec<Name>,
    days: Option<(Date, Date)>,
    clock: fn() -> Timestamp,
}

impl Desk {
    /// The desk of a home; `may_propose` adds the tool that writes a proposal for people.
    pub(super) async fn of(app: App, may_propose: bool, clock: fn() -> Timestamp) -> Self {
        let options = PortOptions { read_only: !may_propose, ..PortOptions::default() };
        let read_only = options.read_only;
        let ports = Arc::new(Ports::new(app.clone(), options, clock));
        let noted = Arc::new(Noted::new(ports.clone()));
        let options = ServerOptions { read_only, call_time_max: CALL_TIME_MAX };
        let server = Server::new(noted.clone(), noted.clone(), options);
        let offered = server.offered().into_iter();
        let listed = offered
            .filter(|tool| !LEFT_OUT.contains(&tool.name))
            .map(|tool| Tool {
                name: tool.name.to_owned(),
                description: tool.description.to_owned(),
                arguments: tool.arguments,
            })
            .collect();
        let caller = Principal::agent("centinel-ask");
        let mut desk = Self {
            app,
            server,
            ports,
            noted,
            caller,
            listed,
            names: Vec::new(),
            days: None,
            clock,
        };
        // Without these a question is read less well; that is no reason not to answer.
        desk.days = desk.ports.days(&desk.caller).await.ok().flatten();
        desk.names = desk.known().await;
        desk
    }

    /// Names of the home: those of the last days by their cost, then all others, and keys and values of tags.
    async fn known(&self) -> Vec<Name> {
        let mut all = self.app.ledger().values().await.unwrap_or_default();
        let mut names = Vec::new();
        for dimension in NAMED {
            let recent = self.ports.values(&self.caller, dimension.clone()).await;
            let mut values = recent.unwrap_or_default();
            let older = all.remove(&dimension).unwrap_or_default();
            values.extend(older);
            // Rows spell a name as their source does; answers spell it one way.
            let mut seen = BTreeSet::new();
            let dimension = dimension.to_string();
            let own = values
                .into_iter()
                .filter(|value| seen.insert(value.to_lowercase()))
                .take(NAMES_MAX);
            names.extend(own.map(|value| Name { dimension: dimension.clone(), value }));
        }
        for (dimension, values) in all {
            let Dimension::Tag(key) = &dimension else { continue };
            names.push(Name { dimension: TAG_KEY.to_owned(), value: key.to_string() });
            let of = |value| Name { dimension: dimension.to_string(), value };
            names.extend(values.into_iter().take(NAMES_MAX).map(of));
        }
        names
    }

    async fn answered(&self, name: &str, arguments: Map<String, Value>) -> Answered {
        let called = self.server.call(name, arguments, &self.caller).await;
        let told = self.noted.take();
        let refused = match (called, told) {
            (Ok(_), Some(told)) => match facts::of(told, &self.app, (self.clock)()).await {
                Ok(Facts { bundles, evidence_id, notes }) => {
                    return Answered::Found { bundles, evidence_id, notes };
                }
                Err(error) => Refusal::failed(error),
            },
            (Ok(_), None) => Refusal::failed("the tool asked no port"),
            (Err(refusal), _) => refusal,
        };
        let corrected = refused.corrected();
        Answered::Refused { message: message(&refused), corrected }
    }
}

/// A refusal for people; what failed within is for the log.
fn message(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Failed { detail } => {
            tracing::error!(error = %detail, "a question could not be answered");
            "the answer could not be computed; the log says why".to_owned()
        }
        refusal => refusal.to_string(),
    }
}

impl Tools for Desk {
    fn list(&self) -> &[Tool] {
        &self.listed
    }

    fn call<'a>(
        &'a self,
        name: &'a str,
        arguments: Map<String, Value>,
    ) -> ask::Reply<'a, Answered> {
        Box::pin(self.answered(name, arguments))
    }

    fn names(&self) -> &[Name] {
        &self.names
    }

    fn days(&self) -> Option<(Date, Date)> {
        self.days
    }

    fn period(&self, words: &str, is_ahead: bool) -> Option<Map<String, Value>> {
        period_arguments(words, is_ahead, self.days)
    }

    fn period_before(
        &self,
        arguments: &Map<String, Value>,
        unit: Option<&str>,
    ) -> Option<Map<String, Value>> {
        period_before(arguments, unit, self.days)
    }

    fn nearest(&self, word: &str, dimension: Option<&str>) -> Vec<Name> {
        let is_of = |name: &&Name| {
            dimension.map_or(name.dimension != TAG_KEY, |dimension| name.dimension == dimension)
        };
        let of: Vec<&Name> = self.names.iter().filter(is_of).collect();
        let mut values: Vec<&str> = of.iter().map(|name| name.value.as_str()).collect();
        values.sort_unstable();
        values.dedup();
        let near = nearest_values(word, &values, NEAREST_MAX);
        let named =
            |value: &str| of.iter().find(|name| name.value == value).map(|name| (*name).clone());
        near.into_iter().filter_map(named).collect()
    }

    fn who_decides<'a>(&'a self, proposal_id: Option<&'a str>) -> ask::Reply<'a, String> {
        Box::pin(async move {
            let Some(id) = proposal_id else {
                return "Only people decide, and not here. `centinel inbox` lists what waits, with who may \
                        decide it; a person runs `centinel approve P-7` or decides on the page."
                    .to_owned();
            };
            match self.ports.get(id, &self.caller).await {
                Ok(answer) => {
                    format!(
                        "{} Only people decide, and not here. {}",
                        answer.summary.as_str(),
                        deciders(&answer)
                    )
                }
                Err(refusal) => format!(
                    "Only people decide, and not here; {}. `centinel inbox` lists what waits.",
                    message(&refusal)
                ),
            }
        })
    }
}
