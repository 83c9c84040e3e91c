//! One call: its arguments read, its mistakes answered with the call that is right.

use centinel_engine::period::{Period, date_of};
use jiff::{Timestamp, ToSpan as _};
use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Paging, ToolSpec, When};
use crate::{
    arguments::{self, DataDays, Shape},
    cursor::{self, Cursor},
    documents::Documents,
    imported::{clean, is_hidden, quoted},
    ports::{Answers, Edit, Principal, ProposalSink, Refusal},
    request::Page,
    window::{RelativePeriod, Window},
};

/// One call of one tool.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    pub(crate) spec: &'static ToolSpec,
    pub(crate) schema: &'a JsonObject,
    pub(crate) arguments: JsonObject,
    /// Where a correction may need them.
    pub(crate) data: Option<DataDays>,
    pub(crate) caller: &'a Principal,
    pub(crate) answers: &'a dyn Answers,
    pub(crate) proposals: &'a dyn ProposalSink,
    /// Where evidence is kept, on a server that keeps any.
    pub(crate) documents: Option<&'a dyn Documents>,
}

impl Call<'_> {
    fn shape(&self) -> Shape<'_> {
        let ToolSpec { name, example, .. } = self.spec;
        Shape { tool: name, example, schema: self.schema, data: self.data }
    }

    /// The arguments, checked against the schema.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        arguments::read(self.shape(), &self.arguments)
    }

    /// A refusal that shows the tool's example.
    pub(super) fn mistaken(&self, message: impl Into<String>) -> Refusal {
        Refusal::mistaken(message, self.shape().by_example())
    }

    /// A refusal that shows the same call without some of its arguments.
    pub(super) fn mistaken_without(&self, message: impl Into<String>, drop: &[&str]) -> Refusal {
        let edits: Vec<Edit> = drop.iter().map(|name| Edit::without(*name)).collect();
        self.amended(message, &edits)
    }

    /// A refusal that shows the same call with some of its arguments changed.
    pub(crate) fn amended(&self, message: impl Into<String>, edits: &[Edit]) -> Refusal {
        let mut amended = self.arguments.clone();
        for edit in edits {
            arguments::set(&mut amended, &edit.argument, edit.value.clone().map(Value::from));
        }
        let is_empty = |value: &Value| value.as_object().is_some_and(JsonObject::is_empty);
        amended.retain(|_, value| !is_empty(value));
        // A page of another question is none of this one.
        if amended != self.arguments {
            arguments::set(&mut amended, "cursor", None);
        }
        Refusal::mistaken(message, self.shape().corrected(&amended))
    }

    /// The page that `paging` asks for, and the cursor that it began at.
    pub(super) fn page(&self, paging: &Paging) -> Result<(Page, Cursor), Refusal> {
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
    pub(super) fn window(&self, when: &When) -> Result<Window, Refusal> {
        match (when.period, when.start.as_deref(), when.end.as_deref()) {
            (None, None, None) => Ok(Window::Relative(RelativePeriod::Last30d)),
            (Some(relative), None, None) => Ok(Window::Relative(relative)),
            (None, Some(start), Some(end)) => {
                let (first, after) = (self.instant("start", start)?, self.instant("end", end)?);
                Period::new(first, after).map(Window::Exact).map_err(|_| {
                    let message =
                        "`end` is not after `start`; `end` is the first moment not counted";
                    let day_after = date_of(first).tomorrow().unwrap_or_default().to_string();
                    self.amended(
                        message,
                        &if first == after {
                            [Edit::set("start", start), Edit::set("end", day_after)]
                        } else {
                            [Edit::set("start", end), Edit::set("end", start)]
                        },
                    )
                })
            }
            (None, Some(start), None) => {
                let first = date_of(self.instant("start", start)?);
                let today = self.data.map(|(_, today)| today).filter(|today| *today > first);
                let end = today.unwrap_or_else(|| first.saturating_add(30.days()));
                let message = "`start` and `end` go together";
                Err(self.amended(message, &[Edit::set("end", end.to_string())]))
            }
            (None, None, Some(end)) => {
                let start = date_of(self.instant("end", end)?).saturating_sub(30.days());
                let message = "`start` and `end` go together";
                Err(self.amended(message, &[Edit::set("start", start.to_string())]))
            }
            (Some(_), ..) => {
                let message = "`period` and `start`/`end` exclude each other";
                let has_both = when.start.is_some() && when.end.is_some();
                let other: &[&str] = if has_both { &["period"] } else { &["start", "end"] };
                Err(self.mistaken_without(message, other))
            }
        }
    }

    /// An id, when it is one.
    pub(super) fn id(&self, text: &str) -> Result<String, Refusal> {
        if is_id(text) {
            Ok(text.to_owned())
        } else {
            Err(self.mistaken(format!("{} is no id of this server", quoted(text))))
        }
    }

    /// The address of a bundle: `bundle:` and 6 to 64 lowercase hex digits.
    pub(super) fn evidence(&self, text: &str) -> Result<String, Refusal> {
        if is_bundle(text) {
            Ok(text.to_owned())
        } else {
            Err(self.mistaken("`evidence_id` is that of an answer, as in `bundle:9f3c51aa02de`"))
        }
    }

    /// Words of the agent for people: cleaned, 1 to 500 characters.
    pub(super) fn prose(&self, name: &str, text: &str) -> Result<String, Refusal> {
        let cleaned = clean(text, usize::MAX);
        if (1..=500).contains(&cleaned.chars().count()) {
            Ok(cleaned)
        } else {
            Err(self.mistaken(format!("`{name}` needs 1 to 500 characters")))
        }
    }

    /// A value as it will be applied: 1 to 200 characters, taken exactly or not at all.
    pub(super) fn value(&self, name: &str, text: &str) -> Result<String, Refusal> {
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
        arguments::instant(text).ok_or_else(|| {
            let given = quoted(text);
            self.mistaken(format!(
                "`{name}` {given} is neither a day as `2026-10-01` nor a UTC time as \
                 `2026-10-01T12:00:00Z`"
            ))
        })
    }
}

/// Whether a text has the form of a bundle's address: `bundle:` and 6 to 64 lowercase hex digits.
pub(crate) fn is_bundle(text: &str) -> bool {
    let hex = text.strip_prefix("bundle:").unwrap_or_default();
    let is_hex = hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    (6..=64).contains(&hex.len()) && is_hex
}

/// Whether a text has the form of an id of this server: a letter, then at most 31 letters, digits,
/// `-`, `:` and `_`.
pub(crate) fn is_id(text: &str) -> bool {
    let ours = |c: char| c.is_ascii_alphanumeric() || "-:_".contains(c);
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(ours)
}
