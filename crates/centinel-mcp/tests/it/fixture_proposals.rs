//! Proposals of the fixture: kept in memory, decided by nobody.

use std::sync::PoisonError;

use centinel_engine::period::{Period, start_of_day};
use centinel_mcp::{
    ChangeKind, FieldChange, Label, Principal, ProposalAnswer, ProposalDraft, ProposalRow,
    ProposalSink, ProposalStatus, ProposalsAnswer, ProposalsRequest, Receipt, Refusal, Reply,
    SavingInterval, Sentence, quoted,
};
use jiff::civil::date;

use super::{Fixture, HOW_TO_DECIDE, TODAY, money, paged};

impl ProposalSink for Fixture {
    fn kinds(&self) -> Vec<ChangeKind> {
        self.kinds.clone()
    }

    fn create<'a>(&'a self, draft: ProposalDraft, proposer: &'a Principal) -> Reply<'a, Receipt> {
        Box::pin(async move {
            let mut proposals = self.proposals.lock().unwrap_or_else(PoisonError::into_inner);
            let digest = draft.fingerprint();
            let open = proposals.iter().find(|(_, _, answer)| {
                answer.digest == digest && answer.row.status == ProposalStatus::PendingApproval
            });
            if let Some((_, _, answer)) = open {
                return Ok(Self::receipt(answer, false));
            }
            let proposal_id = format!("P-{}", proposals.len() + 7);
            let title = Sentence::new("Changes a ").text(draft.change.kind().name()).text(".");
            let period = Period::days(date(2026, 10, 1), TODAY).map_err(Refusal::failed)?;
            let answer = ProposalAnswer {
                summary: Sentence::new("Proposal ")
                    .figure(&proposal_id)
                    .text(" waits for a person; nothing has changed."),
                row: ProposalRow {
                    proposal_id: Label::new(&proposal_id),
                    kind: draft.change.kind(),
                    title,
                    status: ProposalStatus::PendingApproval,
                    proposed_by: Label::new(proposer.as_str()),
                    created_at: start_of_day(TODAY),
                    expires_at: Some(start_of_day(date(2026, 11, 4))),
                    monthly_saving: Some(SavingInterval {
                        low: money("540"),
                        high: money("610.25"),
                    }),
                },
                version: 1,
                digest,
                scope: self.scope(),
                changes: vec![FieldChange {
                    field: Label::new("amount"),
                    from: None,
                    to: Some(Label::from(self.name("32000"))),
                }],
                reason: Some(Label::new(&draft.reason)),
                eligible: vec![Label::from(self.name("finops-leads"))],
                how_to_decide: Sentence::new(HOW_TO_DECIDE),
                review_url: Some(format!("http://localhost:8787/proposals/{proposal_id}")),
                basis: self.basis(period),
            };
            let receipt = Self::receipt(&answer, true);
            proposals.push((draft, proposer.clone(), answer));
            Ok(receipt)
        })
    }

    fn get<'a>(&'a self, proposal_id: &'a str, _: &'a Principal) -> Reply<'a, ProposalAnswer> {
        Box::pin(async move {
            let proposals = self.proposals.lock().unwrap_or_else(PoisonError::into_inner);
            proposals
                .iter()
                .map(|(_, _, answer)| answer)
                .find(|answer| answer.row.proposal_id.as_str() == proposal_id)
                .cloned()
                .ok_or_else(|| no_proposal(proposal_id))
        })
    }

    fn list<'a>(
        &'a self,
        request: ProposalsRequest,
        _: &'a Principal,
    ) -> Reply<'a, ProposalsAnswer> {
        Box::pin(async move {
            let proposals = self.proposals.lock().unwrap_or_else(PoisonError::into_inner);
            let rows: Vec<ProposalRow> = proposals
                .iter()
                .rev()
                .map(|(_, _, answer)| answer.row.clone())
                .filter(|row| request.status.is_none_or(|status| status == row.status))
                .filter(|row| request.kind.is_none_or(|kind| kind == row.kind))
                .collect();
            Ok(ProposalsAnswer {
                summary: Sentence::new("Proposals: ").figure(rows.len()).text("."),
                row_count: rows.len() as u64,
                rows: paged(rows, request.page).collect(),
                as_of: start_of_day(TODAY),
                fresh_until: Some(start_of_day(TODAY)),
            })
        })
    }

    fn withdraw<'a>(
        &'a self,
        proposal_id: &'a str,
        _reason: &'a str,
        proposer: &'a Principal,
    ) -> Reply<'a, Receipt> {
        Box::pin(async move {
            let mut proposals = self.proposals.lock().unwrap_or_else(PoisonError::into_inner);
            let found = proposals
                .iter_mut()
                .find(|(_, _, answer)| answer.row.proposal_id.as_str() == proposal_id);
            let Some((_, by, answer)) = found else {
                return Err(no_proposal(proposal_id));
            };
            if by != proposer {
                let message = format!("proposal {} was made by {by}", quoted(proposal_id));
                return Err(Refusal::Denied { message });
            }
            answer.row.status = ProposalStatus::Withdrawn;
            Ok(Self::receipt(answer, false))
        })
    }
}

fn no_proposal(proposal_id: &str) -> Refusal {
    let message = format!("no proposal {}", quoted(proposal_id));
    Refusal::mistaken(message, "list ids with `proposals`")
}
