//! `withdraw_proposal`: an agent takes back what it proposed.

use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Call, Effect, ToolSpec};
use crate::{
    bounded::{self, Whole},
    portable::{input_schema, output_schema},
    ports::Refusal,
    proposal::Receipt,
    request::Detail,
    toolsets::Toolset,
};

pub(super) const SPEC: ToolSpec = ToolSpec {
    name: "withdraw_proposal",
    title: "Withdraw a proposal",
    description: "Takes back a pending proposal that you made yourself, for example because its \
                  facts changed. It decides nothing: a proposal of anyone else, or one that \
                  people have decided, stays as it is.",
    example: r#"{"proposal_id":"P-7","reason":"spend is back to normal"}"#,
    effect: Effect::Ends,
    toolset: Toolset::Proposals,
    output: || output_schema::<Whole<Receipt>>(),
    listed_output: &["proposal_id", "status"],
    input: |_| input_schema::<Params>(),
    run: |call| Box::pin(run(call)),
};

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// As P-7.
    proposal_id: String,
    /// One sentence, kept in the audit log.
    reason: String,
}

async fn run(call: Call<'_>) -> Result<CallToolResult, Refusal> {
    let params: Params = call.read()?;
    let proposal_id = call.id(&params.proposal_id)?;
    let reason = call.prose("reason", &params.reason)?;
    let receipt = call.proposals.withdraw(&proposal_id, &reason, call.caller).await?;
    bounded::whole(receipt, Detail::Summary)
}
