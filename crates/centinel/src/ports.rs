//! The ports of the MCP server, filled from the product.
//!
//! Every figure is the product's: here it is asked for, put in the shape that the port wants, and
//! worded. A caller with a service token sees what the access policies let it see, and proposes as the
//! token; one without is on this machine, where the home lies open.

mod absent;
mod anomalies;
mod basis;
mod change;
mod forecast;
mod health;
mod proposals;
mod refusal;
mod savings;
#[cfg(test)]
mod sight_tests;
mod spend;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told_tests;

use std::{sync::Arc, time::Duration};

use centinel_app::{App, Approvals, Requester, Viewer};
use centinel_engine::proposal::Scope;
use centinel_mcp::{
    AnomaliesAnswer, AnomaliesRequest, Answers, ChangeKind, CompareRequest, ComparisonAnswer,
    ExplainRequest, ExplanationAnswer, ForecastAnswer, ForecastRequest, HealthAnswer,
    HealthRequest, Principal, ProposalAnswer, ProposalDraft, ProposalSink, ProposalsAnswer,
    ProposalsRequest, Receipt, Refusal, Reply, SavingsAnswer, SavingsRequest, Server,
    ServerOptions, SpendAnswer, SpendRequest,
};
use jiff::{Timestamp, civil::Date};

use self::refusal::{refused, undecided};

/// Longest time for one call.
const CALL_TIME_MAX: Duration = Duration::from_mins(1);

/// How the MCP server is to behave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PortOptions {
    /// Leave out the tools that write.
    pub(crate) read_only: bool,
    /// Where people review proposals, as in `http://localhost:8787`; `None` when nothing serves.
    pub(crate) review_base: Option<String>,
    /// The service token, by name, that every call is made with, whatever the client says.
    pub(crate) token: Option<String>,
}

/// The MCP server over the product, for standard input and output and for `/mcp`.
pub(crate) fn server(app: App, options: PortOptions, clock: fn() -> Timestamp) -> Server {
    let PortOptions { read_only, review_base, token } = options;
    let requester = Requester::local_agent();
    let ports = Arc::new(Ports { app, clock, review_base, token, requester });
    let options = ServerOptions { read_only, call_time_max: CALL_TIME_MAX };
    Server::new(ports.clone(), ports, options)
}

/// Both ports.
#[derive(Debug, Clone)]
struct Ports {
    app: App,
    clock: fn() -> Timestamp,
    review_base: Option<String>,
    token: Option<String>,
    /// Who proposes.
    requester: Requester,
}

impl Ports {
    /// The ports as a caller may use them: what it sees, and as whom it proposes. Looked up anew for each
    /// call, so that a revoked token, a lost role and a changed policy count at once.
    async fn of(&self, caller: &Principal) -> Result<Self, Refusal> {
        let Some(name) = self.token.as_deref().or(caller.token_name()) else {
            return Ok(self.clone());
        };
        let now = self.now();
        let approvals = self.app.approvals();
        let token = approvals.token_named(name, now).await.map_err(undecided)?;
        let app = if token.scopes.contains(&Scope::Read) {
            self.app.seen_by(&Viewer::Token(name.to_owned()), now).await.map_err(refused)?
        } else {
            return Err(Refusal::Denied {
                message: format!("service token `{name}` lacks the scope `read`"),
            });
        };
        Ok(Self { app, ..self.clone() })
    }

    /// As [`Self::of`], of a caller that proposes.
    async fn of_proposer(&self, caller: &Principal) -> Result<Self, Refusal> {
        let Some(name) = self.token.as_deref().or(caller.token_name()) else {
            return Ok(self.clone());
        };
        let token = self.app.approvals().token_named(name, self.now()).await.map_err(undecided)?;
        let requester = Approvals::requester_of(&token).map_err(undecided)?;
        Ok(Self { requester, ..self.of(caller).await? })
    }

    /// The present, to the microsecond: cursors carry no more.
    fn now(&self) -> Timestamp {
        let now = (self.clock)();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

impl Answers for Ports {
    fn spend<'a>(&'a self, caller: &'a Principal, request: SpendRequest) -> Reply<'a, SpendAnswer> {
        Box::pin(async move { self.of(caller).await?.spend_answer(request).await })
    }

    fn compare<'a>(
        &'a self,
        caller: &'a Principal,
        request: CompareRequest,
    ) -> Reply<'a, ComparisonAnswer> {
        Box::pin(async move { self.of(caller).await?.comparison(request).await })
    }

    fn anomalies<'a>(
        &'a self,
        caller: &'a Principal,
        request: AnomaliesRequest,
    ) -> Reply<'a, AnomaliesAnswer> {
        Box::pin(async move { self.of(caller).await?.anomalies_answer(request).await })
    }

    fn explain<'a>(
        &'a self,
        caller: &'a Principal,
        request: ExplainRequest,
    ) -> Reply<'a, ExplanationAnswer> {
        Box::pin(async move { self.of(caller).await?.explanation(request).await })
    }

    fn forecast<'a>(
        &'a self,
        caller: &'a Principal,
        request: ForecastRequest,
    ) -> Reply<'a, ForecastAnswer> {
        Box::pin(async move { self.of(caller).await?.forecast_answer(request).await })
    }

    fn data_health<'a>(
        &'a self,
        caller: &'a Principal,
        request: HealthRequest,
    ) -> Reply<'a, HealthAnswer> {
        Box::pin(async move { self.of(caller).await?.health_answer(request).await })
    }

    fn savings<'a>(
        &'a self,
        caller: &'a Principal,
        request: SavingsRequest,
    ) -> Reply<'a, SavingsAnswer> {
        Box::pin(async move { self.of(caller).await?.savings_answer(request).await })
    }

    fn days<'a>(&'a self, caller: &'a Principal) -> Reply<'a, Option<(Date, Date)>> {
        Box::pin(async move { self.of(caller).await?.data_days().await })
    }
}

impl ProposalSink for Ports {
    /// Budgets: the change whose evidence the product computes itself.
    fn kinds(&self) -> Vec<ChangeKind> {
        vec![ChangeKind::Budget]
    }

    fn create<'a>(&'a self, draft: ProposalDraft, proposer: &'a Principal) -> Reply<'a, Receipt> {
        Box::pin(async move { self.of_proposer(proposer).await?.propose(draft, proposer).await })
    }

    fn get<'a>(&'a self, proposal_id: &'a str, caller: &'a Principal) -> Reply<'a, ProposalAnswer> {
        Box::pin(async move { self.of(caller).await?.proposal(proposal_id).await })
    }

    fn list<'a>(
        &'a self,
        request: ProposalsRequest,
        caller: &'a Principal,
    ) -> Reply<'a, ProposalsAnswer> {
        Box::pin(async move { self.of(caller).await?.proposals(request).await })
    }

    fn withdraw<'a>(
        &'a self,
        proposal_id: &'a str,
        reason: &'a str,
        proposer: &'a Principal,
    ) -> Reply<'a, Receipt> {
        Box::pin(async move {
            let own = self.of_proposer(proposer).await?;
            own.take_back(proposal_id, reason, proposer).await
        })
    }
}
