//! `forecast`: what a period will cost.

use centinel_engine::{
    forecast::{Assumption, CalendarPeriod},
    period::DAY_MICROS,
    series::Dimension,
};
use rmcp::model::CallToolResult;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Call, Effect, Paging, ToolSpec, When};
use crate::{
    bounded::{self, Sent},
    forecast::{ForecastAnswer, ForecastRequest, ForecastWindow},
    imported::quoted,
    portable::{input_schema, output_schema},
    ports::{Edit, Refusal},
    request::Filter,
    toolsets::Toolset,
    window::Window,
};

/// Assumptions of one scenario at most.
const ASSUMPTIONS_MAX: usize = 8;

pub(super) const SPEC: ToolSpec = ToolSpec {
    name: "forecast",
    title: "Forecast",
    description: "What the current day, week, month or quarter will cost: expected total, 80 and \
                  95 % bands, by group, against budgets. With amount, the probability of passing \
                  it and the day expected. With assume, a scenario beside it: more volume, or one \
                  model's calls at another's price. For money already spent, use spend_breakdown.",
    example: r#"{"period":"month","group_by":"kind","amount":"50000"}"#,
    effect: Effect::Reads,
    toolset: Toolset::Plan,
    output: || output_schema::<Sent<ForecastAnswer>>(),
    listed_output: &[],
    input: |_| input_schema::<Params>(),
    run: |call| Box::pin(run(call)),
};

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// That the first day without data is in. Default month; or give start and end.
    period: Option<Length>,
    /// First day: 2026-11-01.
    start: Option<String>,
    /// First day not counted.
    end: Option<String>,
    /// Default kind.
    group_by: Option<GroupBy>,
    /// Exact values; tag as KEY=VALUE.
    #[serde(default)]
    filter: Filter,
    /// How likely the period costs more: a decimal as "50000".
    amount: Option<String>,
    /// Scenario: `volume +20%`, `model X -> Y`, each with optional `from DAY`, `until DAY`; several
    /// with `;` between.
    assume: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Length {
    Day,
    Week,
    Month,
    Quarter,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum GroupBy {
    /// AI tokens, cloud, Kubernetes, SaaS.
    Kind,
    Model,
    Provider,
    Service,
    Team,
    Feature,
    Process,
    Environment,
    Application,
    Agent,
    ApiKey,
    SubAccount,
    Region,
}

async fn run(call: Call<'_>) -> Result<CallToolResult, Refusal> {
    let params: Params = call.read()?;
    let (page, cursor) = call.page(&params.paging)?;
    let window = window(&call, &params)?;
    let amount = params.amount.as_deref().map(|text| {
        text.parse()
            .map_err(|_| call.mistaken(format!("`amount` {} is no decimal amount", quoted(text))))
    });
    let request = ForecastRequest {
        window,
        group_by: params.group_by.and_then(dimension),
        filter: params.filter,
        amount: amount.transpose()?,
        assumptions: assumptions(&call, params.assume.as_deref().unwrap_or_default())?,
        page,
    };
    let answer = call.answers.forecast(call.caller, request).await?;
    bounded::page(answer, params.paging.detail, &cursor)
}

fn window(call: &Call<'_>, params: &Params) -> Result<ForecastWindow, Refusal> {
    let stated = params.start.is_some() || params.end.is_some();
    if params.period.is_some() && stated {
        return Err(
            call.mistaken_without("`period` and `start`/`end` exclude each other", &["period"])
        );
    }
    if !stated {
        return Ok(ForecastWindow::Calendar(match params.period.unwrap_or(Length::Month) {
            Length::Day => CalendarPeriod::Day,
            Length::Week => CalendarPeriod::Week,
            Length::Month => CalendarPeriod::Month,
            Length::Quarter => CalendarPeriod::Quarter,
        }));
    }
    let when = When { period: None, start: params.start.clone(), end: params.end.clone() };
    match call.window(&when)? {
        Window::Exact(period) if period.is_aligned(DAY_MICROS) => Ok(ForecastWindow::Exact(period)),
        Window::Exact(period) => {
            let (first, after) = period.dates();
            let days = [Edit::set("start", first.to_string()), Edit::set("end", after.to_string())];
            Err(call.amended("`start` and `end` of a forecast are dates", &days))
        }
        Window::Relative(_) => Err(call.mistaken("`start` and `end` go together")),
    }
}

fn assumptions(call: &Call<'_>, text: &str) -> Result<Vec<Assumption>, Refusal> {
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    let read = |part: &str| {
        part.parse().map_err(|_| {
            let message = format!(
                "`assume` {} is neither like `volume +20%` nor like `model gpt-4o -> gpt-4o-mini`",
                quoted(part)
            );
            call.amended(message, &[Edit::set("assume", "volume +20%")])
        })
    };
    let found: Vec<Assumption> = parts.map(read).collect::<Result<_, _>>()?;
    if found.len() > ASSUMPTIONS_MAX {
        return Err(call.mistaken_without("`assume` takes at most 8 assumptions", &["assume"]));
    }
    Ok(found)
}

fn dimension(by: GroupBy) -> Option<Dimension> {
    Some(match by {
        GroupBy::Kind => return None,
        GroupBy::Model => Dimension::Model,
        GroupBy::Provider => Dimension::Provider,
        GroupBy::Service => Dimension::Service,
        GroupBy::Team => Dimension::Team,
        GroupBy::Feature => Dimension::Feature,
        GroupBy::Process => Dimension::Process,
        GroupBy::Environment => Dimension::Environment,
        GroupBy::Application => Dimension::Application,
        GroupBy::Agent => Dimension::Agent,
        GroupBy::ApiKey => Dimension::ApiKey,
        GroupBy::SubAccount => Dimension::SubAccount,
        GroupBy::Region => Dimension::Region,
    })
}
