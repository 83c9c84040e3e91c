//! The ports of the MCP server, with what they answered noted: the figures as they are, before they are cut to
//! what a client is sent.

use std::sync::{Arc, Mutex, PoisonError};

use centinel_mcp::{
    AnomaliesAnswer, AnomaliesRequest, Answers, ChangeKind, CompareRequest, ComparisonAnswer,
    ExplainRequest, ExplanationAnswer, ForecastAnswer, ForecastRequest, HealthAnswer,
    HealthRequest, Principal, ProposalAnswer, ProposalDraft, ProposalSink, ProposalsAnswer,
    ProposalsRequest, Receipt, Reply, SavingsAnswer, SavingsRequest, SpendAnswer, SpendRequest,
};
use jiff::civil::Date;

use crate::ports::Ports;

/// What a port answered, with what the answer does not repeat of the question.
#[derive(Debug, Clone)]
pub(super) enum Told {
    Spend(SpendRequest, SpendAnswer),
    Comparison(CompareRequest, ComparisonAnswer),
    Anomalies(AnomaliesAnswer),
    Explanation(ExplanationAnswer),
    Forecast(ForecastRequest, ForecastAnswer),
    Health(HealthAnswer),
    Savings(SavingsAnswer),
    Proposals(ProposalsAnswer),
    Proposal(ProposalAnswer),
    Receipt(Receipt),
}

/// The ports, and what they said last.
#[derive(Debug)]
pub(super) struct Noted {
    ports: Arc<Ports>,
    told: Mutex<Option<Told>>,
}

impl Noted {
    pub(super) fn new(ports: Arc<Ports>) -> Self {
        Self { ports, told: Mutex::default() }
    }

    /// What was said since this was asked last.
    pub(super) fn take(&self) -> Option<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, told: Told) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    }
}

impl Answers for Noted {
    fn spend<'a>(&'a self, caller: &'a Principal, request: SpendRequest) -> Reply<'a, SpendAnswer> {
        Box::pin(async move {
            let answer = self.ports.spend(caller, request.clone()).await?;
            self.note(Told::Spend(request, answer.clone()));
            Ok(answer)
        })
    }

    fn compare<'a>(
        &'a self,
        caller: &'a Principal,
        request: CompareRequest,
    ) -> Reply<'a, ComparisonAnswer> {
        Box::pin(async move {
            let answer = self.ports.compare(caller, request.clone()).await?;
            self.note(Told::Comparison(request, answer.clone()));
            Ok(answer)
        })
    }

    fn anomalies<'a>(
        &'a self,
        caller: &'a Principal,
        request: AnomaliesRequest,
    ) -> Reply<'a, AnomaliesAnswer> {
        Box::pin(async move {
            let answer = self.ports.anomalies(caller, request).await?;
            self.note(Told::Anomalies(answer.clone()));
            Ok(answer)
        })
    }

    fn explain<'a>(
        &'a self,
        caller: &'a Principal,
        request: ExplainRequest,
    ) -> Reply<'a, ExplanationAnswer> {
        Box::pin(async move {
            let answer = self.ports.explain(caller, request).await?;
            self.note(Told::Explanation(answer.clone()));
            Ok(answer)
        })
    }

    fn forecast<'a>(
        &'a self,
        caller: &'a Principal,
        request: ForecastRequest,
    ) -> Reply<'a, ForecastAnswer> {
        Box::pin(async move {
            let answer = self.ports.forecast(caller, request.clone()).await?;
            self.note(Told::Forecast(request, answer.clone()));
            Ok(answer)
        })
    }

    fn data_health<'a>(
        &'a self,
        caller: &'a Principal,
        request: HealthRequest,
    ) -> Reply<'a, HealthAnswer> {
        Box::pin(async move {
            let answer = self.ports.data_health(caller, request).await?;
            self.note(Told::Health(answer.clone()));
            Ok(answer)
        })
    }

    fn savings<'a>(
        &'a self,
        caller: &'a Principal,
        request: SavingsRequest,
    ) -> Reply<'a, SavingsAnswer> {
        Box::pin(async move {
            let answer = self.ports.savings(caller, request).await?;
            self.note(Told::Savings(answer.clone()));
            Ok(answer)
        })
    }

    fn days<'a>(&'a self, caller: &'a Principal) -> Reply<'a, Option<(Date, Date)>> {
        self.ports.days(caller)
    }
}

impl ProposalSink for Noted {
    fn kinds(&self) -> Vec<ChangeKind> {
        self.ports.kinds()
    }

    fn create<'a>(&'a self, draft: ProposalDraft, proposer: &'a Principal) -> Reply<'a, Receipt> {
        Box::pin(async move {
            let receipt = self.ports.create(draft, proposer).await?;
            self.note(Told::Receipt(receipt.clone()));
            Ok(receipt)
        })
    }

    fn get<'a>(&'a self, proposal_id: &'a str, caller: &'a Principal) -> Reply<'a, ProposalAnswer> {
        Box::pin(async move {
            let answer = self.ports.get(proposal_id, caller).await?;
            self.note(Told::Proposal(answer.clone()));
            Ok(answer)
        })
    }

    fn list<'a>(
        &'a self,
        request: ProposalsRequest,
        caller: &'a Principal,
    ) -> Reply<'a, ProposalsAnswer> {
        Box::pin(async move {
            let answer = self.ports.list(request, caller).await?;
            self.note(Told::Proposals(answer.clone()));
            Ok(answer)
        })
    }

    fn withdraw<'a>(
        &'a self,
        proposal_id: &'a str,
        reason: &'a str,
        proposer: &'a Principal,
    ) -> Reply<'a, Receipt> {
        self.ports.withdraw(proposal_id, reason, proposer)
    }
}
