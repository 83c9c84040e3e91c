//! The tools: one file each, and this list.
//!
//! Names are planned for the whole product, at most 14: to come are `unit_economics`, `model_tiers`,
//! `budgets`, `commitments` and `verify_text`. A tool is listed when what it
//! answers is real.

mod anomalies;
mod data_health;
mod explain_change;
mod forecast;
mod proposals;
mod propose_change;
mod savings;
mod spend_breakdown;
mod withdraw_proposal;

use centinel_engine::period::{Period, start_of_day};
use jiff::{Timestamp, civil::Date};
use rmcp::model::{CallToolResult, JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    apps, arguments,
    cursor::{self, Cursor},
    imported::{clean, is_hidden, quoted},
    ports::{Answers, Principal, ProposalSink, Refusal, Reply},
    proposal::ChangeKind,
    request::{Detail, Page},
    window::{RelativePeriod, Window},
};

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
static SPECS: [ToolSpec; 9] = [
    spend_breakdown::SPEC,
    explain_change::SPEC,
    anomalies::SPEC,
    forecast::SPEC,
    data_health::SPEC,
    proposals::SPEC,
    savings::SPEC,
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
            Registered { spec, tool }
        })
        .collect()
}

/// One call of one tool.
pub(crate) struct Call<'a> {
    pub(crate) spec: &'static ToolSpec,
    pub(crate) schema: &'a JsonObject,
    pub(crate) arguments: JsonObject,
    pub(crate) caller: &'a Principal,
    pub(crate) answers: &'a dyn Answers,
    pub(crate) proposals: &'a dyn ProposalSink,
}

impl Call<'_> {
    /// The arguments, checked against the schema.
    fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        arguments::read(self.spec.name, self.spec.example, self.schema, &self.arguments)
    }

    /// A refusal that shows the tool's example.
    fn mistaken(&self, message: impl Into<String>) -> Refusal {
        Refusal::mistaken(message, arguments::call(self.spec.name, self.spec.example))
    }

    /// A refusal that shows the same call without some of its arguments.
    fn mistaken_without(&self, message: impl Into<String>, drop: &[&str]) -> Refusal {
        let kept: JsonObject = self
            .arguments
            .iter()
            .filter(|(name, _)| !drop.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let kept = serde_json::to_string(&kept).unwrap_or_default();
        Refusal::mistaken(message, arguments::call(self.spec.name, &kept))
    }

    /// The page that `paging` asks for, and the cursor that it began at.
    fn page(&self, paging: &Paging) -> Result<(Page, Cursor), Refusal> {
        let question = cursor::question(self.spec.name, &self.arguments);
        let cursor = match paging.cursor.as_deref() {
            None => Cursor { offset: 0, as_of: None, question },
            Some(text) => {
                let cursor: Cursor = text.parse().map_err(|_| {
                    self.mistaken_without("`cursor` is no cursor of this server", &["cursor"])
                })?;
                if cursor.question != question {
                    return Err(self.mistaken_without(
                        "`cursor` belongs to other arguments; repeat those of the first page",
                        &["cursor"],
                    ));
                }
                cursor
            }
        };
        let limit = paging.detail.rows_max();
        Ok((Page { offset: cursor.offset, limit, as_of: cursor.as_of }, cursor))
    }

    /// The time that `when` names; the last 30 days when it names none.
    fn window(&self, when: &When) -> Result<Window, Refusal> {
        match (when.period, when.start.as_deref(), when.end.as_deref()) {
            (None, None, None) => Ok(Window::Relative(RelativePeriod::Last30d)),
            (Some(relative), None, None) => Ok(Window::Relative(relative)),
            (None, Some(start), Some(end)) => {
                let start = self.instant("start", start)?;
                let end = self.instant("end", end)?;
                Period::new(start, end).map(Window::Exact).map_err(|_| {
                    self.mistaken(
                        "`end` is not after `start`; `end` is the first moment not counted",
                    )
                })
            }
            (None, ..) => Err(self.mistaken("`start` and `end` go together")),
            (Some(_), ..) => {
                Err(self
                    .mistaken_without("`period` and `start`/`end` exclude each other", &["period"]))
            }
        }
    }

    /// An id, when it is one.
    fn id(&self, text: &str) -> Result<String, Refusal> {
        if is_id(text) {
            Ok(text.to_owned())
        } else {
            Err(self.mistaken(format!("{} is no id of this server", quoted(text))))
        }
    }

    /// The address of a bundle: `bundle:` and 6 to 64 lowercase hex digits.
    fn evidence(&self, text: &str) -> Result<String, Refusal> {
        if is_bundle(text) {
            Ok(text.to_owned())
        } else {
            Err(self.mistaken("`evidence_id` is that of an answer, as in `bundle:9f3c51aa02de`"))
        }
    }

    /// Words of the agent for people: cleaned, 1 to 500 characters.
    fn prose(&self, name: &str, text: &str) -> Result<String, Refusal> {
        let cleaned = clean(text, usize::MAX);
        if (1..=500).contains(&cleaned.chars().count()) {
            Ok(cleaned)
        } else {
            Err(self.mistaken(format!("`{name}` needs 1 to 500 characters")))
        }
    }

    /// A value as it will be applied: 1 to 200 characters, taken exactly or not at all.
    fn value(&self, name: &str, text: &str) -> Result<String, Refusal> {
        let length = text.chars().count();
        if !(1..=200).contains(&length) {
            return Err(self.mistaken(format!("`{name}` needs 1 to 200 characters")));
        }
        if text.trim() != text || text.chars().any(is_hidden) {
            return Err(self.mistaken(format!(
                "`{name}` has white space at an end, or control or invisible characters"
            )));
        }
        Ok(text.to_owned())
    }

    fn instant(&self, name: &str, text: &str) -> Result<Timestamp, Refusal> {
        let as_date =
            || text.parse::<Date>().ok().filter(|_| !text.contains('T')).map(start_of_day);
        text.parse().ok().or_else(as_date).ok_or_else(|| {
            let given = quoted(text);
            self.mistaken(format!(
                "`{name}` {given} is neither a date as `2026-10-01` nor a UTC time as \
                 `2026-10-01T12:00:00Z`"
            ))
        })
    }
}

/// Whether a text has the form of an id of this server: a letter, then at most 31 letters, digits,
/// `-`, `:` and `_`.
pub(crate) fn is_id(text: &str) -> bool {
    let ours = |c: char| c.is_ascii_alphanumeric() || "-:_".contains(c);
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(ours)
}

/// Whether a text has the form of a bundle's address: `bundle:` and 6 to 64 lowercase hex digits.
pub(crate) fn is_bundle(text: &str) -> bool {
    let hex = text.strip_prefix("bundle:").unwrap_or_default();
    let is_hex = hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    (6..=64).contains(&hex.len()) && is_hex
}

/// Parameters that say when.
#[derive(Debug, Deserialize, JsonSchema)]
struct When {
    /// Default last_30d; or give start and end. UTC.
    period: Option<RelativePeriod>,
    /// First day counted: 2026-10-01, or RFC 3339.
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
