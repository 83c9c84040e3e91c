//! `data_health`: how far the figures can be trusted.

use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Call, Effect, Paging, ToolSpec, When};
use crate::{
    answer::HealthAnswer,
    bounded::{self, Sent},
    portable::{input_schema, output_schema},
    ports::Refusal,
    request::HealthRequest,
    toolsets::Toolset,
};

pub(super) const SPEC: ToolSpec = ToolSpec {
    name: "data_health",
    title: "Data health",
    description: "How far the figures can be trusted: sources that are late, rejected rows, models \
                  without a price, spend without an owner and where it is, gap to invoices by \
                  cause. Use it before a figure goes into a decision, or when a total looks wrong.",
    example: r#"{"period":"last_month"}"#,
    effect: Effect::Reads,
    toolset: Toolset::Spend,
    output: || output_schema::<Sent<HealthAnswer>>(),
    listed_output: &[],
    input: |_| input_schema::<Params>(),
    run: |call| Box::pin(run(call)),
};

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    #[serde(flatten)]
    when: When,
    #[serde(flatten)]
    paging: Paging,
}

async fn run(call: Call<'_>) -> Result<CallToolResult, Refusal> {
    let params: Params = call.read()?;
    let window = call.window(&params.when)?;
    let (page, cursor) = call.page(&params.paging)?;
    let answer = call.answers.data_health(call.caller, HealthRequest { window, page }).await?;
    bounded::page(answer, params.paging.detail, &cursor)
}
