//! `savings`: what proposals promised, and what became of it.

use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Call, Effect, Paging, ToolSpec};
use crate::{
    bounded::{self, Sent},
    portable::{input_schema, output_schema},
    ports::Refusal,
    savings::{SavingsAnswer, SavingsRequest, SavingsStage},
    toolsets::Toolset,
};

pub(super) const SPEC: ToolSpec = ToolSpec {
    name: "savings",
    title: "Savings",
    description: "What proposals promised a month, how far each is, and what was measured after \
                  it was carried out, with how much promises of each kind turned out to be worth. \
                  Use it for savings realised or expected. An amount is realised only where it was \
                  measured; absent is not known, not zero.",
    example: r#"{"stage":"realised"}"#,
    effect: Effect::Reads,
    toolset: Toolset::Plan,
    output: || output_schema::<Sent<SavingsAnswer>>(),
    listed_output: &[],
    input: |_| input_schema::<Params>(),
    run: |call| Box::pin(run(call)),
};

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// Default all.
    stage: Option<SavingsStage>,
    #[serde(flatten)]
    paging: Paging,
}

async fn run(call: Call<'_>) -> Result<CallToolResult, Refusal> {
    let params: Params = call.read()?;
    let (page, cursor) = call.page(&params.paging)?;
    let request = SavingsRequest { stage: params.stage, page };
    let answer = call.answers.savings(call.caller, request).await?;
    bounded::page(answer, params.paging.detail, &cursor)
}
