//! The size guard: no result leaves larger than its limit, and none is cut in the middle.
//!
//! A page that is too large sheds its last rows into `other`, says so, and gives the cursor of the
//! first row that it shed. The limit counts the whole result as sent: MCP carries a structured
//! answer twice, as text for the model and as JSON for programs.

use centinel_engine::money::{MoneyError, Pico};
use jiff::Timestamp;
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;

use crate::{
    answer::{
        AnomaliesAnswer, Change, ComparisonAnswer, ExplanationAnswer, HealthAnswer, Spend,
        SpendAnswer,
    },
    cursor::Cursor,
    imported::Sentence,
    ports::Refusal,
    proposal::{ProposalAnswer, ProposalsAnswer, Receipt},
    request::Detail,
};

/// Notes sent at most.
const NOTES_MAX: usize = 8;

/// An answer that can be made smaller.
pub(crate) trait Answer: Serialize {
    /// Cuts what is limited in number whatever the size.
    fn trim(&mut self) {}

    /// Drops the least important entry; false when there is none left to drop.
    fn shed(&mut self) -> bool {
        false
    }

    /// Rows on this page and on all pages, and what was known when; `None` for an answer that is
    /// no list.
    fn listed(&self) -> Option<Listed> {
        None
    }

    /// Totals less the rows shown; `None` when every row is shown or rows are not additive.
    fn other(&self) -> Result<Option<Other>, MoneyError> {
        Ok(None)
    }
}

/// Where a page stands in its list.
pub(crate) struct Listed {
    shown: usize,
    row_count: u64,
    as_of: Timestamp,
}

/// What the rows of other pages, and those shed, add up to.
#[derive(Serialize)]
pub(crate) struct Other {
    rows: u64,
    #[serde(flatten)]
    amounts: OtherAmounts,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OtherAmounts {
    Spend(Spend),
    Change(Change),
}

#[derive(Serialize)]
struct Sent<'a, A> {
    #[serde(flatten)]
    answer: &'a A,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Other>,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

/// The result of a tool whose answer is a page that began at `cursor`, within `detail`'s limit.
pub(crate) fn page(
    mut answer: impl Answer,
    detail: Detail,
    cursor: &Cursor,
) -> Result<CallToolResult, Refusal> {
    answer.trim();
    let mut cut = false;
    loop {
        let listed = answer.listed();
        let other = answer.other().map_err(Refusal::failed)?;
        let next_cursor = listed.as_ref().and_then(|listed| next(listed, cursor));
        let hint = match (&next_cursor, cut) {
            (Some(_), true) => {
                Some("cut to the size limit: pass `next_cursor`, or narrow `filter` or the period")
            }
            (Some(_), false) => Some("more rows: pass `next_cursor`, or ask with `detail` `full`"),
            (None, true) => Some("cut to the size limit: ask with `detail` `full`"),
            (None, false) => None,
        };
        let truncated = cut || next_cursor.is_some();
        let result = structured(&Sent { answer: &answer, other, truncated, next_cursor, hint })?;
        if sent_bytes(&result)? <= detail.bytes_max() {
            return Ok(result);
        }
        if !answer.shed() {
            return Err(Refusal::failed("an answer without rows exceeds the size limit"));
        }
        cut = true;
    }
}

/// The result of a tool whose answer is a receipt.
pub(crate) fn receipt(receipt: &Receipt) -> Result<CallToolResult, Refusal> {
    structured(receipt)
}

/// The cursor of the row after the last one shown. A page that shows nothing has no next one, so
/// that a client can never walk in circles.
fn next(listed: &Listed, cursor: &Cursor) -> Option<String> {
    let shown = u64::try_from(listed.shown).unwrap_or(u64::MAX);
    let offset = cursor.offset.saturating_add(shown);
    (shown > 0 && offset < listed.row_count)
        .then(|| Cursor { offset, as_of: Some(listed.as_of), ..*cursor }.to_string())
}

/// The text keeps the order of the fields, so that the summary is read first.
fn structured(answer: &impl Serialize) -> Result<CallToolResult, Refusal> {
    let text = serde_json::to_string(answer).map_err(Refusal::failed)?;
    let value = serde_json::to_value(answer).map_err(Refusal::failed)?;
    let mut result = CallToolResult::structured(value);
    result.content = vec![ContentBlock::text(text)];
    Ok(result)
}

fn sent_bytes(result: &CallToolResult) -> Result<usize, Refusal> {
    serde_json::to_vec(result).map(|bytes| bytes.len()).map_err(Refusal::failed)
}

/// Drops a note after the second, else a row after the first, so that a page leads on to the next;
/// then whatever is left.
fn shed_listed<T>(rows: &mut Vec<T>, notes: &mut Vec<Sentence>) -> bool {
    if notes.len() > 2 {
        notes.pop().is_some()
    } else if rows.len() > 1 {
        rows.pop().is_some()
    } else {
        notes.pop().is_some() || rows.pop().is_some()
    }
}

/// Rows of the list that are not on this page.
fn rows_elsewhere(shown: usize, row_count: u64) -> u64 {
    row_count.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX))
}

/// What is left of a count; `None` when the total or any part is not known, or they disagree.
fn count_left(total: Option<u64>, parts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    let shown = parts.into_iter().sum::<Option<u64>>()?;
    total?.checked_sub(shown)
}

fn amount_left(total: Pico, parts: impl Iterator<Item = Pico>) -> Result<Pico, MoneyError> {
    total.checked_sub(Pico::checked_sum(parts)?)
}

impl Answer for SpendAnswer {
    fn trim(&mut self) {
        self.basis.notes.truncate(NOTES_MAX);
    }

    fn shed(&mut self) -> bool {
        shed_listed(&mut self.rows, &mut self.basis.notes)
    }

    fn listed(&self) -> Option<Listed> {
        let as_of = self.basis.as_of;
        Some(Listed { shown: self.rows.len(), row_count: self.row_count, as_of })
    }

    fn other(&self) -> Result<Option<Other>, MoneyError> {
        let rows = rows_elsewhere(self.rows.len(), self.row_count);
        let shown = || self.rows.iter().map(|row| row.spend);
        let left = Spend {
            gross: amount_left(self.total.gross, shown().map(|spend| spend.gross))?,
            net: amount_left(self.total.net, shown().map(|spend| spend.net))?,
            calls: count_left(self.total.calls, shown().map(|spend| spend.calls)),
            tokens: count_left(self.total.tokens, shown().map(|spend| spend.tokens)),
        };
        let nothing = rows == 0 && left.gross == Pico::ZERO && left.net == Pico::ZERO;
        Ok((!nothing).then_some(Other { rows, amounts: OtherAmounts::Spend(left) }))
    }
}

impl Answer for ComparisonAnswer {
    fn trim(&mut self) {
        self.basis.notes.truncate(NOTES_MAX);
    }

    fn shed(&mut self) -> bool {
        shed_listed(&mut self.rows, &mut self.basis.notes)
    }

    fn listed(&self) -> Option<Listed> {
        let as_of = self.basis.as_of;
        Some(Listed { shown: self.rows.len(), row_count: self.row_count, as_of })
    }

    fn other(&self) -> Result<Option<Other>, MoneyError> {
        let rows = rows_elsewhere(self.rows.len(), self.row_count);
        let shown = || self.rows.iter().map(|row| row.change);
        let left = Change {
            before: amount_left(self.total.change.before, shown().map(|change| change.before))?,
            after: amount_left(self.total.change.after, shown().map(|change| change.after))?,
            delta: amount_left(self.total.change.delta, shown().map(|change| change.delta))?,
        };
        let nothing = rows == 0 && left.before == Pico::ZERO && left.after == Pico::ZERO;
        Ok((!nothing).then_some(Other { rows, amounts: OtherAmounts::Change(left) }))
    }
}

impl Answer for AnomaliesAnswer {
    fn trim(&mut self) {
        self.basis.notes.truncate(NOTES_MAX);
    }

    fn shed(&mut self) -> bool {
        shed_listed(&mut self.rows, &mut self.basis.notes)
    }

    fn listed(&self) -> Option<Listed> {
        let as_of = self.basis.as_of;
        Some(Listed { shown: self.rows.len(), row_count: self.row_count, as_of })
    }
}

impl Answer for ExplanationAnswer {
    fn trim(&mut self) {
        self.basis.notes.truncate(NOTES_MAX);
    }

    /// Coincidences go first, then what was ruled out, then the places that hold least.
    fn shed(&mut self) -> bool {
        self.coincided.pop().is_some()
            || self.ruled_out.pop().is_some()
            || self.places.pop().is_some()
            || self.basis.notes.pop().is_some()
    }
}

impl Answer for HealthAnswer {
    fn trim(&mut self) {
        self.basis.notes.truncate(NOTES_MAX);
        self.unpriced.truncate(5);
    }

    fn shed(&mut self) -> bool {
        shed_listed(&mut self.rows, &mut self.basis.notes)
    }

    fn listed(&self) -> Option<Listed> {
        let as_of = self.basis.as_of;
        Some(Listed { shown: self.rows.len(), row_count: self.row_count, as_of })
    }
}

impl Answer for ProposalsAnswer {
    fn shed(&mut self) -> bool {
        self.rows.pop().is_some()
    }

    fn listed(&self) -> Option<Listed> {
        Some(Listed { shown: self.rows.len(), row_count: self.row_count, as_of: self.as_of })
    }
}

impl Answer for ProposalAnswer {
    fn trim(&mut self) {
        self.basis.notes.truncate(NOTES_MAX);
        self.changes.truncate(20);
        self.eligible.truncate(10);
    }

    /// The changes themselves stay whole for as long as anything else can go.
    fn shed(&mut self) -> bool {
        self.basis.notes.pop().is_some()
            || self.eligible.pop().is_some()
            || self.changes.pop().is_some()
    }
}
