//! `proposals`: what waits for people, and what became of it.

use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Call, Effect, Paging, ToolSpec};
use crate::{
    bounded::{self, Sent, Whole},
    portable::{either, input_schema, output_schema},
    ports::Refusal,
    proposal::{ChangeKind, ProposalAnswer, ProposalStatus, ProposalsAnswer, ProposalsRequest},
    toolsets::Toolset,
};

pub(super) const SPEC: ToolSpec = ToolSpec {
    name: "proposals",
    title: "Proposals",
    description: "Proposed changes and where they stand, newest first; with proposal_id, one in \
                  full: exact change, evidence, who may decide and how. Only people decide, \
                  outside this server. Say that a change is applied only when its status is \
                  executed.",
    example: r#"{"status":"pending_approval"}"#,
    effect: Effect::Reads,
    toolset: Toolset::Proposals,
    output: || {
        either(output_schema::<Sent<ProposalsAnswer>>(), output_schema::<Whole<ProposalAnswer>>())
    },
    listed_output: &[],
    input: |_| input_schema::<Params>(),
    run: |call| Box::pin(run(call)),
};

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// One proposal, as P-7. Then nothing else but detail.
    proposal_id: Option<String>,
    /// Default all.
    status: Option<ProposalStatus>,
    /// Default all.
    kind: Option<ChangeKind>,
    #[serde(flatten)]
    paging: Paging,
}

async fn run(call: Call<'_>) -> Result<CallToolResult, Refusal> {
    let params: Params = call.read()?;
    let (page, cursor) = call.page(&params.paging)?;
    let detail = params.paging.detail;
    if let Some(proposal_id) = params.proposal_id {
        if params.status.is_some() || params.kind.is_some() || params.paging.cursor.is_some() {
            return Err(call.mistaken_without(
                "`proposal_id` already names one proposal",
                &["status", "kind", "cursor"],
            ));
        }
        let proposal_id = call.id(&proposal_id)?;
        let answer = call.proposals.get(&proposal_id, call.caller).await?;
        return bounded::whole(answer, detail);
    }
    let request = ProposalsRequest { status: params.status, kind: params.kind, page };
    bounded::page(call.proposals.list(request, call.caller).await?, detail, &cursor)
}
