//! `explain_change`: why cost moved.

use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Call, Effect, ToolSpec, When};
use crate::{
    answer::ExplanationAnswer,
    bounded::{self, Whole},
    portable::{input_schema, output_schema},
    ports::Refusal,
    request::{Detail, ExplainRequest, Filter},
    toolsets::Toolset,
    window::CompareTo,
};

pub(super) const SPEC: ToolSpec = ToolSpec {
    name: "explain_change",
    title: "Explain a change",
    description: "Why cost changed: the change split exactly over its drivers, where most of it \
                  is, when it began, what coincided, what was ruled out. Give an anomaly_id, or a \
                  filter and a period. State a coincidence as one, not as the cause. For totals \
                  of many groups, use spend_breakdown.",
    example: r#"{"filter":{"feature":"support-answers"},"period":"last_week"}"#,
    effect: Effect::Reads,
    toolset: Toolset::Spend,
    output: || output_schema::<Whole<ExplanationAnswer>>(),
    listed_output: &[],
    input: |_| input_schema::<Params>(),
    run: |call| Box::pin(run(call)),
};

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// From anomalies, as E-12. Then nothing else but detail.
    anomaly_id: Option<String>,
    #[serde(flatten)]
    when: When,
    /// Exact values; tag as KEY=VALUE.
    #[serde(default)]
    filter: Filter,
    /// Default usual: learned level.
    compare_to: Option<CompareTo>,
    /// full: longer lists.
    #[serde(default)]
    detail: Detail,
}

async fn run(call: Call<'_>) -> Result<CallToolResult, Refusal> {
    let params: Params = call.read()?;
    let when = [&params.when.start, &params.when.end];
    let scoped = params.when.period.is_some()
        || params.compare_to.is_some()
        || !params.filter.0.is_empty()
        || when.iter().any(|given| given.is_some());
    let request = match params.anomaly_id {
        Some(_) if scoped => {
            return Err(call.mistaken_without(
                "`anomaly_id` already says what and when",
                &["period", "start", "end", "filter", "compare_to"],
            ));
        }
        Some(anomaly_id) => ExplainRequest::Anomaly { anomaly_id: call.id(&anomaly_id)? },
        None => ExplainRequest::Scope {
            window: call.window(&params.when)?,
            compare_to: params.compare_to.unwrap_or(CompareTo::Usual),
            filter: params.filter,
        },
    };
    let answer = call.answers.explain(call.caller, request).await?;
    bounded::whole(answer, params.detail)
}
