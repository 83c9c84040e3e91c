//! `anomalies`: what left its usual range.

use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Call, Effect, Paging, ToolSpec, When};
use crate::{
    answer::AnomaliesAnswer,
    bounded::{self, Sent},
    imported::quoted,
    portable::{input_schema, output_schema},
    ports::Refusal,
    request::{AnomaliesRequest, AnomalyFilter, Filter},
    toolsets::Toolset,
};

pub(super) const SPEC: ToolSpec = ToolSpec {
    name: "anomalies",
    title: "Anomalies",
    description: "Cost anomalies of a period, largest impact first: what left its usual range, \
                  since when, observed against expected, cost over the usual so far, owner, open \
                  proposal. Use it for \"anything unusual?\". Take an anomaly_id to explain_change \
                  for the cause.",
    example: r#"{"period":"last_30d","status":"open"}"#,
    effect: Effect::Reads,
    toolset: Toolset::Spend,
    output: || output_schema::<Sent<AnomaliesAnswer>>(),
    listed_output: &[],
    input: |_| input_schema::<Params>(),
    run: |call| Box::pin(run(call)),
};

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    #[serde(flatten)]
    when: When,
    /// Exact values; tag as KEY=VALUE.
    #[serde(default)]
    filter: Filter,
    /// Default open.
    #[serde(default)]
    status: AnomalyFilter,
    /// Leave out what cost less over the usual: a decimal as "100".
    impact_min: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

async fn run(call: Call<'_>) -> Result<CallToolResult, Refusal> {
    let params: Params = call.read()?;
    let window = call.window(&params.when)?;
    let (page, cursor) = call.page(&params.paging)?;
    let impact_min = params.impact_min.as_deref().map(|text| {
        text.parse().map_err(|_| {
            call.mistaken(format!("`impact_min` {} is no decimal amount", quoted(text)))
        })
    });
    let request = AnomaliesRequest {
        window,
        filter: params.filter,
        status: params.status,
        impact_min: impact_min.transpose()?,
        page,
    };
    let answer = call.answers.anomalies(call.caller, request).await?;
    bounded::page(answer, params.paging.detail, &cursor)
}
