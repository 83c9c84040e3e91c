//! The ports of the MCP server, filled from the product.
//!
//! Every figure is the product's: here it is asked for, put in the shape that the port wants, and
//! worded. Every caller sees all of the ledger.

mod anomalies;
mod basis;
mod change;
mod forecast;
mod health;
mod proposals;
mod refusal;
mod spend;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use centinel_app::App;
use centinel_mcp::{
    AnomaliesAnswer, AnomaliesRequest, Answers, ChangeKind, CompareRequest, ComparisonAnswer,
    ExplainRequest, ExplanationAnswer, ForecastAnswer, ForecastRequest, HealthAnswer,
    HealthRequest, Principal, ProposalAnswer, ProposalDraft, ProposalSink, ProposalsAnswer,
    ProposalsRequest, Receipt, Reply, Server, ServerOptions, SpendAnswer, SpendRequest,
};
use jiff::Timestamp;

use crate::context::now;

/// Longest time for one call.
const CALL_TIME_MAX: Duration = Duration::from_mins(1);

/// How the MCP server is to behave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PortOptions {
    /// Leave out the tools that write.
    pub(crate) read_only: bool,
    /// Where people review proposals, as in `http://localhost:8787`; `None` when nothing serves.
    pub(crate) review_base: Option<String>,
}

/// The MCP server over the product, for standard input and output and for `/mcp`.
pub(crate) fn server(app: App, options: PortOptions) -> Server {
    let PortOptions { read_only, review_base } = options;
    let ports = Arc::new(Ports { app, clock: now, review_base });
    let options = ServerOptions { read_only, call_time_max: CALL_TIME_MAX };
    Server::new(ports.clone(), ports, options)
}

/// Both ports.
#[derive(Debug, Clone)]
struct Ports {
    app: App,
    clock: fn() -> Timestamp,
    review_base: Option<String>,
}

impl Ports {
    /// The present, to the microsecond: cursors carry no more.
    fn now(&self) -> Timestamp {
        let now = (self.clock)();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

impl Answers for Ports {
    fn spend<'a>(&'a self, _: &'a Principal, request: SpendRequest) -> Reply<'a, SpendAnswer> {
        Box::pin(self.spend_answer(request))
    }

    fn compare<'a>(
        &'a self,
        _: &'a Principal,
        request: CompareRequest,
    ) -> Reply<'a, ComparisonAnswer> {
        Box::pin(self.comparison(request))
    }

    fn anomalies<'a>(
        &'a self,
        _: &'a Principal,
        request: AnomaliesRequest,
    ) -> Reply<'a, AnomaliesAnswer> {
        Box::pin(self.anomalies_answer(request))
    }

    fn explain<'a>(
        &'a self,
        _: &'a Principal,
        request: ExplainRequest,
    ) -> Reply<'a, ExplanationAnswer> {
        Box::pin(self.explanation(request))
    }

    fn forecast<'a>(
        &'a self,
        _: &'a Principal,
        request: ForecastRequest,
    ) -> Reply<'a, ForecastAnswer> {
        Box::pin(self.forecast_answer(request))
    }

    fn data_health<'a>(
        &'a self,
        _: &'a Principal,
        request: HealthRequest,
    ) -> Reply<'a, HealthAnswer> {
        Box::pin(self.health_answer(request))
    }
}

impl ProposalSink for Ports {
    /// Budgets: the change whose evidence the product computes itself.
    fn kinds(&self) -> Vec<ChangeKind> {
        vec![ChangeKind::Budget]
    }

    fn create<'a>(&'a self, draft: ProposalDraft, proposer: &'a Principal) -> Reply<'a, Receipt> {
        Box::pin(self.propose(draft, proposer))
    }

    fn get<'a>(&'a self, proposal_id: &'a str, _: &'a Principal) -> Reply<'a, ProposalAnswer> {
        Box::pin(self.proposal(proposal_id))
    }

    fn list<'a>(
        &'a self,
        request: ProposalsRequest,
        _: &'a Principal,
    ) -> Reply<'a, ProposalsAnswer> {
        Box::pin(self.proposals(request))
    }

    fn withdraw<'a>(
        &'a self,
        proposal_id: &'a str,
        reason: &'a str,
        proposer: &'a Principal,
    ) -> Reply<'a, Receipt> {
        Box::pin(self.take_back(proposal_id, reason, proposer))
    }
}
