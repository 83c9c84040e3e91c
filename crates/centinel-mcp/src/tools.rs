//! The tools: one file each, and this list.
//!
//! Names are planned for the whole product, fourteen: the ten below, and later `unit_economics` (what an
//! output costs), `model_tiers` (which tier does which work, and what routing would save), `commitments`
//! (coverage, utilisation, what to buy) and `allocation` (a team's statement, shared cost divided). Budgets are answered by `forecast`, who lacks an
//! owner by `data_health` and `spend_breakdown`. A tool is listed when what it answers is real.

mod anomalies;
mod call;
mod data_health;
mod explain_change;
mod forecast;
mod proposals;
mod propose_change;
mod savings;
mod spend_breakdown;
mod verify_text;
mod withdraw_proposal;

use std::{collections::BTreeMap, sync::Arc};

use rmcp::model::{CallToolResult, JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use call::{Call, is_bundle, is_id};

use crate::{
    apps, portable::listed_schema, ports::Reply, proposal::ChangeKind, request::Detail,
    toolsets::Toolset, window::RelativePeriod,
};

/// What every tool answers, by its name, in full: JSON schemas, of which clients are shown those that pay.
pub fn answer_schemas() -> BTreeMap<&'static str, JsonObject> {
    SPECS.iter().map(|spec| (spec.name, (spec.output)())).collect()
}

/// One tool: what clients see of it, and what it does.
pub(crate) struct ToolSpec {
    /// snake_case, at most 32 characters; clients put their own prefix before it.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) title: &'static str,
    /// What it returns, when to use it, when not: at most 60 words, the first sentence alone says
    /// what it is.
    pub(crate) description: &'static str,
    /// Arguments that work, as JSON.
    pub(crate) example: &'static str,
    /// What it does to the world.
    pub(crate) effect: Effect,
    /// What it is switched on and off with.
    pub(crate) toolset: Toolset,
    /// What it answers, in full.
    pub(crate) output: fn() -> JsonObject,
    /// The fields of it that clients are shown a schema of: those that a program keeps. All of them cost as
    /// much as the tool itself, and most clients show no model any.
    pub(crate) listed_output: &'static [&'static str],
    /// Its arguments, for the kinds of change that can be proposed.
    pub(crate) input: fn(&[ChangeKind]) -> JsonObject,
    /// Answers a call.
    pub(crate) run: for<'a> fn(Call<'a>) -> Reply<'a, CallToolResult>,
}

/// What a tool does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    Reads,
    /// Adds something.
    Adds,
    /// Ends something that was added.
    Ends,
}

/// Every tool, most used first.
static SPECS: [ToolSpec; 10] = [
    spend_breakdown::SPEC,
    explain_change::SPEC,
    anomalies::SPEC,
    forecast::SPEC,
    data_health::SPEC,
    proposals::SPEC,
    savings::SPEC,
    verify_text::SPEC,
    propose_change::SPEC,
    withdraw_proposal::SPEC,
];

impl ToolSpec {
    /// Whether it changes anything.
    pub(crate) fn writes(&self) -> bool {
        self.effect != Effect::Reads
    }
}

/// A tool with its schemas built.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) spec: &'static ToolSpec,
    pub(crate) tool: Tool,
}

/// The tools of a server that takes these kinds of change.
pub(crate) fn registered(kinds: &[ChangeKind]) -> Vec<Registered> {
    SPECS
        .iter()
        .filter(|spec| !(spec.writes() && kinds.is_empty()))
        .map(|spec| {
            let mut tool = Tool::new(spec.name, spec.description, (spec.input)(kinds))
                .with_title(spec.title)
                .with_annotations(
                    ToolAnnotations::new()
                        .read_only(!spec.writes())
                        .destructive(spec.effect == Effect::Ends)
                        .idempotent(true)
                        .open_world(false),
                );
            tool.meta = apps::meta_of(spec.name);
            if !spec.listed_output.is_empty() {
                let listed = listed_schema(&(spec.output)(), spec.listed_output);
                tool.output_schema = Some(Arc::new(listed));
            }
            Registered { spec, tool }
        })
        .collect()
}

/// Parameters that say when.
#[derive(Debug, Deserialize, JsonSchema)]
struct When {
    /// Default last_30d; or give start and end. UTC.
    period: Option<RelativePeriod>,
    /// First day, as 2026-10-01, or RFC 3339.
    start: Option<String>,
    /// First day not counted.
    end: Option<String>,
}

/// Parameters that say how much.
#[derive(Debug, Deserialize, JsonSchema)]
struct Paging {
    /// summary: 10 rows; full: 100.
    #[serde(default)]
    detail: Detail,
    /// next_cursor, with the same arguments.
    cursor: Option<String>,
}
