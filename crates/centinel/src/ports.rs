//! The ports of the MCP server, filled from the product.
//!
//! Every figure is the product's: here it is asked for, put in the shape that the port wants, and
//! worded. A caller with a service token sees what the access policies let it see, and proposes as the
//! token; a program that a person let in sees what that person sees, and proposes as an agent of theirs;
//! one without either is on this machine, where the home lies open.

mod absent;
mod anomalies;
mod basis;
mod change;
mod documents;
mod forecast;
mod health;
#[cfg(test)]
mod in_process_tests;
mod proposals;
mod refusal;
mod savings;
#[cfg(test)]
pub(crate) mod sight_tests;
mod spend;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told_tests;

use std::{sync::Arc, time::Duration};

use centinel_app::{App, Approvals, Requester, Viewer};
use centinel_engine::{facts::Bundle, period::Period, proposal::Scope, series::Dimension};
use centinel_mcp::{
    AnomaliesAnswer, AnomaliesRequest, Answers, ChangeKind, CompareRequest, ComparisonAnswer,
    Documents, ExplainRequest, ExplanationAnswer, ForecastAnswer, ForecastRequest, HealthAnswer,
    HealthRequest, PolicyDocument, Principal, ProposalAnswer, ProposalDraft, ProposalSink,
    ProposalsAnswer, ProposalsRequest, Receipt, Refusal, Reply, SavingsAnswer, SavingsRequest,
    Server, ServerOptions, SpendAnswer, SpendRequest, Standing,
};
use jiff::{Timestamp, civil::Date};

use self::refusal::{refused, undecided};

/// Longest time for one call.
pub(crate) const CALL_TIME_MAX: Duration = Duration::from_mins(1);

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
    let read_only = options.read_only;
    let ports = Arc::new(Ports::new(app, options, clock));
    let options = ServerOptions { read_only, call_time_max: CALL_TIME_MAX };
    let server = Server::new(ports.clone(), ports.clone(), options).with_documents(ports);
    // Without random numbers nobody is asked for anything, and everything else works.
    let mut key = [0; 32];
    match getrandom::fill(&mut key) {
        Ok(()) => server.asking_with_key(key),
        Err(error) => {
            tracing::warn!(%error, "the system gives no random numbers: callers are asked for nothing");
            server
        }
    }
}

/// All ports.
#[derive(Debug, Clone)]
pub(crate) struct Ports {
    app: App,
    clock: fn() -> Timestamp,
    review_base: Option<String>,
    token: Option<String>,
    /// Who proposes.
    requester: Requester,
}

/// Who asks, and so what is seen.
enum Asks<'a> {
    /// Whoever holds the home.
    Holder,
    /// A service token.
    Token(&'a str),
    /// A program that a person let in.
    OnBehalfOf(&'a str),
}

impl Ports {
    /// The ports over the product.
    pub(crate) fn new(app: App, options: PortOptions, clock: fn() -> Timestamp) -> Self {
        let PortOptions { review_base, token, .. } = options;
        Self { app, clock, review_base, token, requester: Requester::local_agent() }
    }

    /// The ports as a caller may use them: what it sees, and as whom it proposes. Looked up anew for each
    /// call, so that a revoked token, a lost role and a changed policy count at once.
    async fn of(&self, caller: &Principal) -> Result<Self, Refusal> {
        let now = self.now();
        let viewer = match self.asks(caller)? {
            Asks::Holder => return self.settled().await,
            Asks::Token(name) => {
                let token = self.app.approvals().token_named(name, now).await.map_err(undecided)?;
                if !token.scopes.contains(&Scope::Read) {
                    return Err(Refusal::Denied {
                        message: format!("service token `{name}` lacks the scope `read`"),
                    });
                }
                Viewer::Token(name.to_owned())
            }
            Asks::OnBehalfOf(person) => {
                Viewer::Agent(Requester::on_behalf_of(person, [Scope::Read].into()))
            }
        };
        let app = self.app.seen_by(&viewer, now).await.map_err(refused)?;
        Self { app, ..self.clone() }.settled().await
    }

    /// With the ledger as it is now, so that all figures of an answer are of one state of it.
    async fn settled(&self) -> Result<Self, Refusal> {
        let app = self.app.settled().await.map_err(refused)?;
        Ok(Self { app, ..self.clone() })
    }

    /// As [`Self::of`], of a caller that proposes.
    async fn of_proposer(&self, caller: &Principal) -> Result<Self, Refusal> {
        // The gate says so first; a call that came around it ends here.
        if !caller.may_propose() {
            return Err(Refusal::Denied {
                message: "the access token was given for reading alone".to_owned(),
            });
        }
        let requester = match self.asks(caller)? {
            Asks::Holder => return Ok(self.clone()),
            Asks::Token(name) => {
                let approvals = self.app.approvals();
                let token = approvals.token_named(name, self.now()).await.map_err(undecided)?;
                Approvals::requester_of(&token).map_err(undecided)?
            }
            Asks::OnBehalfOf(person) => {
                Requester::on_behalf_of(person, [Scope::Read, Scope::Propose].into())
            }
        };
        Ok(Self { requester, ..self.of(caller).await? })
    }

    /// Who asks. What is none of these is nobody.
    fn asks<'a>(&'a self, caller: &'a Principal) -> Result<Asks<'a>, Refusal> {
        if let Some(name) = &self.token {
            return Ok(Asks::Token(name));
        }
        match caller.standing() {
            Standing::Client => Ok(Asks::Holder),
            Standing::Token(name) => Ok(Asks::Token(name)),
            Standing::OnBehalfOf(person) => Ok(Asks::OnBehalfOf(person)),
            Standing::Subject(_) => Err(Refusal::Denied {
                message: "nobody here is known by the token that was shown".to_owned(),
            }),
        }
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

impl Documents for Ports {
    fn policies<'a>(&'a self, caller: &'a Principal) -> Reply<'a, Vec<PolicyDocument>> {
        Box::pin(async move { self.of(caller).await?.policy_documents() })
    }

    fn evidence<'a>(&'a self, caller: &'a Principal, evidence_id: &'a str) -> Reply<'a, Bundle> {
        Box::pin(async move { self.of(caller).await?.stored(evidence_id).await })
    }

    fn values<'a>(&'a self, caller: &'a Principal, dimension: Dimension) -> Reply<'a, Vec<String>> {
        Box::pin(async move { self.of(caller).await?.values_of(dimension).await })
    }

    fn span<'a>(&'a self, caller: &'a Principal) -> Reply<'a, Option<Period>> {
        Box::pin(async move { self.of(caller).await?.data_span().await })
    }
}
