//! `spend_breakdown`: what was spent, and against what.

use centinel_engine::{period::Grain, series::Dimension};
use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Call, Effect, Paging, ToolSpec, When};
use crate::{
    answer::{ComparisonAnswer, SpendAnswer},
    bounded::{self, Sent},
    portable::{either, input_schema, output_schema},
    ports::{Edit, Refusal},
    request::{CompareRequest, Filter, Grouping, SpendRequest},
    toolsets::Toolset,
    window::CompareTo,
};

pub(super) const SPEC: ToolSpec = ToolSpec {
    name: "spend_breakdown",
    title: "Spend breakdown",
    description: "Spend on AI tokens and cloud by one dimension or over time: gross, net, calls, \
                  tokens, cached share; by feature also net per output. With compare_to, two \
                  periods and the exact effect of each driver (volume, cache, price, mix). For \
                  where and when a change began, use explain_change.",
    example: r#"{"period":"last_week","group_by":"model","compare_to":"previous_period"}"#,
    effect: Effect::Reads,
    toolset: Toolset::Spend,
    output: || {
        either(output_schema::<Sent<SpendAnswer>>(), output_schema::<Sent<ComparisonAnswer>>())
    },
    listed_output: &[],
    input: |_| input_schema::<Params>(),
    run: |call| Box::pin(run(call)),
};

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// Default model.
    group_by: Option<GroupBy>,
    /// With group_by tag.
    tag_key: Option<String>,
    #[serde(flatten)]
    when: When,
    /// Exact values; tag as KEY=VALUE.
    #[serde(default)]
    filter: Filter,
    /// usual: learned level.
    compare_to: Option<CompareTo>,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum GroupBy {
    Model,
    Kind,
    Owner,
    Provider,
    Service,
    ServiceTier,
    Team,
    Feature,
    Process,
    Environment,
    Application,
    Agent,
    ApiKey,
    SubAccount,
    Region,
    Tag,
    Day,
    Week,
    Month,
}

async fn run(call: Call<'_>) -> Result<CallToolResult, Refusal> {
    let params: Params = call.read()?;
    let grouping = grouping(&call, &params)?;
    let window = call.window(&params.when)?;
    let (page, cursor) = call.page(&params.paging)?;
    let (filter, detail) = (params.filter, params.paging.detail);
    let Some(compare_to) = params.compare_to else {
        let request = SpendRequest { window, grouping, filter, page };
        return bounded::page(call.answers.spend(call.caller, request).await?, detail, &cursor);
    };
    if !matches!(grouping, Grouping::By(_)) {
        return Err(call.mistaken_without(
            "`compare_to` needs a dimension to group by, as `model` or `team`",
            &["group_by"],
        ));
    }
    let request = CompareRequest { window, compare_to, grouping, filter, page };
    bounded::page(call.answers.compare(call.caller, request).await?, detail, &cursor)
}

fn grouping(call: &Call<'_>, params: &Params) -> Result<Grouping, Refusal> {
    let by = params.group_by.unwrap_or(GroupBy::Model);
    let key = params.tag_key.as_deref().filter(|key| !key.is_empty());
    if let GroupBy::Tag = by {
        let key = key.ok_or_else(|| {
            let key = [Edit::set("tag_key", "cost-center")];
            call.amended("`group_by` `tag` needs `tag_key`", &key)
        })?;
        return Ok(Grouping::By(Dimension::Tag(key.into())));
    }
    if key.is_some() {
        return Err(
            call.mistaken_without("`tag_key` goes with `group_by` `tag` only", &["tag_key"])
        );
    }
    Ok(match by {
        GroupBy::Model | GroupBy::Tag => Grouping::By(Dimension::Model),
        GroupBy::Kind => Grouping::Kind,
        GroupBy::Owner => Grouping::Owner,
        GroupBy::Provider => Grouping::By(Dimension::Provider),
        GroupBy::Service => Grouping::By(Dimension::Service),
        GroupBy::ServiceTier => Grouping::By(Dimension::ServiceTier),
        GroupBy::Team => Grouping::By(Dimension::Team),
        GroupBy::Feature => Grouping::By(Dimension::Feature),
        GroupBy::Process => Grouping::By(Dimension::Process),
        GroupBy::Environment => Grouping::By(Dimension::Environment),
        GroupBy::Application => Grouping::By(Dimension::Application),
        GroupBy::Agent => Grouping::By(Dimension::Agent),
        GroupBy::ApiKey => Grouping::By(Dimension::ApiKey),
        GroupBy::SubAccount => Grouping::By(Dimension::SubAccount),
        GroupBy::Region => Grouping::By(Dimension::Region),
        GroupBy::Day => Grouping::Over(Grain::Day),
        GroupBy::Week => Grouping::Over(Grain::Week),
        GroupBy::Month => Grouping::Over(Grain::Month),
    })
}
