//! The size guard: no result leaves larger than its limit, and none is cut in the middle.
//!
//! A page that is too large sheds its last rows into `other`, says so, and gives the cursor of the
//! first row that it shed. The limit counts the whole result as sent: MCP carries a structured
//! answer twice, as text for the model and as JSON for programs.

use centinel_engine::money::{MoneyError, Pico};
use jiff::Timestamp;
use rmcp::model::{CallToolResult, ContentBlock};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    answer::{
        AnomaliesAnswer, Change, ComparisonAnswer, Decomposition, ExplanationAnswer, HealthAnswer,
        Spend, SpendAnswer, Unowned,
    },
    cursor::Cursor,
    forecast::ForecastAnswer,
    imported::Sentence,
    portable::DecimalText,
    ports::Refusal,
    proposal::{ProposalAnswer, ProposalsAnswer, Receipt},
    request::Detail,
    savings::SavingsAnswer,
};

/// Notes sent at most.
const NOTES_MAX: usize = 8;
/// Kinds whose calibration is sent at most.
const CALIBRATIONS_MAX: usize = 8;

/// Limits of budgets sent at most.
const BUDGETS_MAX: usize = 10;
/// Places without an owner sent at most.
const UNOWNED_MAX: usize = 5;

/// An answer that can be made smaller.
pub(crate) trait Answer: Serialize {
    /// Whether its parts add to its whole.
    fn adds_up(&self) -> bool {
        true
    }

    /// Cuts what is limited in number whatever the size.
    fn trim(&mut self, _detail: Detail) {}

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

/// What the rows of other pages, and those shed, add up to: of an answer's figures those that add.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Other {
    /// How many.
    rows: u64,
    /// Of spend.
    #[serde(flatten)]
    #[schemars(with = "OptionalSpend")]
    spend: Option<Spend>,
    /// Of a comparison.
    #[serde(flatten)]
    #[schemars(with = "OptionalChange")]
    change: Option<Change>,
    /// Of a forecast.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    seen: Option<Pico>,
    /// Of a forecast.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    expected: Option<Pico>,
    /// Of anomalies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DecimalText>")]
    impact: Option<Pico>,
}

/// The figures of [`Spend`], of which a remainder has all or none.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "stands for another type in schemas")]
struct OptionalSpend {
    #[serde(skip_serializing_if = "Option::is_none")]
    gross: Option<DecimalText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    net: Option<DecimalText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
}

/// The figures of [`Change`], likewise.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "stands for another type in schemas")]
struct OptionalChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<DecimalText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<DecimalText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<DecimalText>,
}

/// An answer that is no list, as it is sent: for schemas.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "stands for another type in schemas")]
pub(crate) struct Whole<A> {
    #[serde(flatten)]
    answer: A,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// An answer as it is sent.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Sent<A> {
    #[serde(flatten)]
    answer: A,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Other>,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    hint: Option<&'static str>,
}

/// The result of a tool whose answer is a page that began at `cursor`, within `detail`'s limit.
pub(crate) fn page(
    answer: impl Answer,
    detail: Detail,
    cursor: &Cursor,
) -> Result<CallToolResult, Refusal> {
    fitted(answer, detail, Some(cursor))
}

/// The result of a tool whose answer is no list, within `detail`'s limit.
pub(crate) fn whole(answer: impl Answer, detail: Detail) -> Result<CallToolResult, Refusal> {
    fitted(answer, detail, None)
}

fn fitted(
    mut answer: impl Answer,
    detail: Detail,
    cursor: Option<&Cursor>,
) -> Result<CallToolResult, Refusal> {
    if !answer.adds_up() {
        return Err(Refusal::failed("the effects of an answer do not add to its change"));
    }
    answer.trim(detail);
    let mut cut = false;
    loop {
        let other = answer.other().map_err(Refusal::failed)?;
        let listed = answer.listed().zip(cursor);
        let next_cursor = listed.and_then(|(listed, cursor)| next(&listed, cursor));
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
        let bytes = sent_bytes(&result)?;
        let Some(excess) = bytes.checked_sub(detail.bytes_max()).filter(|&excess| excess > 0)
        else {
            return Ok(result);
        };
        // As many entries as the excess holds at the size that they have on average, at least one.
        let entries = answer.listed().map_or(1, |listed| listed.shown);
        let surplus = excess.saturating_mul(entries).checked_div(bytes).unwrap_or(1);
        for _ in 0..surplus.max(1) {
            if !answer.shed() {
                return Err(Refusal::failed("an answer without rows exceeds the size limit"));
            }
        }
        cut = true;
    }
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
    fn trim(&mut self, detail: Detail) {
        self.rows.truncate(detail.rows_max() as usize);
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
            input_tokens: count_left(
                self.total.input_tokens,
                shown().map(|spend| spend.input_tokens),
            ),
            cached_input_tokens: count_left(
                self.total.cached_input_tokens,
                shown().map(|spend| spend.cached_input_tokens),
            ),
            output_tokens: count_left(
                self.total.output_tokens,
                shown().map(|spend| spend.output_tokens),
            ),
            // Outputs of several features do not add; ratios never do.
            ..Spend::default()
        };
        let nothing = rows == 0 && left.gross == Pico::ZERO && left.net == Pico::ZERO;
        Ok((!nothing).then_some(Other { rows, spend: Some(left), ..Other::default() }))
    }
}

impl Decomposition {
    fn adds_up(&self) -> bool {
        Pico::checked_sum(self.effects.iter().map(|effect| effect.amount)) == Ok(self.change.delta)
    }
}

impl Answer for ComparisonAnswer {
    fn adds_up(&self) -> bool {
        self.total.adds_up()
    }

    fn trim(&mut self, detail: Detail) {
        self.rows.truncate(detail.rows_max() as usize);
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
        Ok((!nothing).then_some(Other { rows, change: Some(left), ..Other::default() }))
    }
}

impl Answer for ForecastAnswer {
    fn trim(&mut self, detail: Detail) {
        self.rows.truncate(detail.rows_max() as usize);
        self.models_assumed.truncate(8);
        self.budgets.truncate(BUDGETS_MAX);
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
        let Some(total) = self.total.expected else { return Ok(None) };
        let rows = rows_elsewhere(self.rows.len(), self.row_count);
        let shown = || self.rows.iter().map(|row| &row.expected);
        let seen = amount_left(self.total.seen, shown().map(|row| row.seen))?;
        let expected = amount_left(total, shown().filter_map(|row| row.expected))?;
        let nothing = rows == 0 && seen == Pico::ZERO && expected == Pico::ZERO;
        let (seen, expected) = (Some(seen), Some(expected));
        Ok((!nothing).then_some(Other { rows, seen, expected, ..Other::default() }))
    }
}

impl Answer for SavingsAnswer {
    fn trim(&mut self, detail: Detail) {
        self.rows.truncate(detail.rows_max() as usize);
        self.calibration.truncate(CALIBRATIONS_MAX);
    }

    /// The sums stay: they cover what the rows leave out.
    fn shed(&mut self) -> bool {
        if self.rows.len() > 1 {
            return self.rows.pop().is_some();
        }
        self.calibration.pop().is_some() || self.rows.pop().is_some() || self.stages.pop().is_some()
    }

    fn listed(&self) -> Option<Listed> {
        Some(Listed { shown: self.rows.len(), row_count: self.row_count, as_of: self.as_of })
    }

    fn other(&self) -> Result<Option<Other>, MoneyError> {
        let rows = rows_elsewhere(self.rows.len(), self.row_count);
        Ok((rows > 0).then_some(Other { rows, ..Other::default() }))
    }
}

impl Answer for AnomaliesAnswer {
    fn trim(&mut self, detail: Detail) {
        self.rows.truncate(detail.rows_max() as usize);
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
        let impact = amount_left(self.total_impact, self.rows.iter().map(|row| row.impact))?;
        Ok((rows > 0).then_some(Other { rows, impact: Some(impact), ..Other::default() }))
    }
}

impl Answer for ExplanationAnswer {
    fn adds_up(&self) -> bool {
        self.decomposition.adds_up()
    }

    fn trim(&mut self, _detail: Detail) {
        self.basis.notes.truncate(NOTES_MAX);
    }

    /// Coincidences go first, then what has a contribution, then what was ruled out, then the places that hold least.
    fn shed(&mut self) -> bool {
        self.links.pop().is_some()
            || self.ruled_out.pop().is_some()
            || self.places.pop().is_some()
            || self.basis.notes.pop().is_some()
    }
}

impl Answer for HealthAnswer {
    fn trim(&mut self, detail: Detail) {
        self.rows.truncate(detail.rows_max() as usize);
        self.basis.notes.truncate(NOTES_MAX);
        self.unpriced.truncate(5);
        self.unowned.cut(UNOWNED_MAX);
    }

    fn shed(&mut self) -> bool {
        let places = self.unowned.places.len();
        if self.rows.len() > 1 || places == 0 {
            return shed_listed(&mut self.rows, &mut self.basis.notes);
        }
        self.unowned.cut(places.saturating_sub(1));
        true
    }

    fn listed(&self) -> Option<Listed> {
        let as_of = self.basis.as_of;
        Some(Listed { shown: self.rows.len(), row_count: self.row_count, as_of })
    }

    fn other(&self) -> Result<Option<Other>, MoneyError> {
        let rows = rows_elsewhere(self.rows.len(), self.row_count);
        Ok((rows > 0).then_some(Other { rows, ..Other::default() }))
    }
}

impl Unowned {
    /// Keeps the first places; the rest goes into `other`.
    fn cut(&mut self, places_max: usize) {
        let cut = self.places.split_off(places_max.min(self.places.len()));
        // Parts of one total, which fits.
        self.other.0 = cut.iter().fold(self.other.0, |sum, place| sum.saturating_add(place.net.0));
    }
}

impl Answer for ProposalsAnswer {
    fn trim(&mut self, detail: Detail) {
        self.rows.truncate(detail.rows_max() as usize);
    }

    fn shed(&mut self) -> bool {
        self.rows.pop().is_some()
    }

    fn listed(&self) -> Option<Listed> {
        Some(Listed { shown: self.rows.len(), row_count: self.row_count, as_of: self.as_of })
    }

    fn other(&self) -> Result<Option<Other>, MoneyError> {
        let rows = rows_elsewhere(self.rows.len(), self.row_count);
        Ok((rows > 0).then_some(Other { rows, ..Other::default() }))
    }
}

impl Answer for ProposalAnswer {
    fn trim(&mut self, _detail: Detail) {
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

impl Answer for Receipt {}

#[cfg(test)]
mod tests {
    use centinel_engine::{money::Currency, period::Period};

    use super::*;
    use crate::answer::{
        AnomalyRow, Basis, Coverage, Driver, Effect, GrossSides, Metric, SpendRow,
    };

    fn basis(note: &str, notes: usize) -> Basis {
        let instant: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let start: Timestamp = "2026-10-01T00:00:00Z".parse().unwrap();
        Basis {
            currency: Currency::USD,
            period: Period::new(start, instant).unwrap(),
            as_of: instant,
            fresh_until: None,
            coverage: Coverage { owned_ratio: None, unpriced_calls: 0, unpriced_tokens: 0 },
            evidence_id: "bundle:000000000000".to_owned(),
            notes: vec![Sentence::worded(note); notes],
        }
    }

    fn spend(net: i128, calls: Option<u64>) -> Spend {
        Spend { gross: Pico(net), net: Pico(net), calls, ..Spend::default() }
    }

    fn breakdown(rows: usize, name: &str, notes: usize) -> SpendAnswer {
        let row = SpendRow {
            group: Some(name.into()),
            spend: spend(1, Some(2)),
            share_ratio: "0.123456789012".parse().ok(),
        };
        SpendAnswer {
            summary: Sentence::worded(&name.repeat(99)),
            total: spend(1_000, Some(2_000)),
            rows: vec![row; rows],
            row_count: 1_000,
            basis: basis(name, notes),
        }
    }

    fn sent(result: &CallToolResult) -> serde_json::Value {
        result.structured_content.clone().unwrap()
    }

    const FIRST: Cursor = Cursor { offset: 5, as_of: None, question: 9 };

    #[test]
    fn no_result_is_over_its_limit() {
        // Four bytes a character, escapes, and more rows and notes than any port should return.
        for name in ["𝔘".repeat(64), "\"\\".repeat(32), "x".repeat(64)] {
            for detail in [Detail::Summary, Detail::Full] {
                for (rows, notes) in [(0, 0), (0, 40), (1, 1), (10, 8), (100, 3), (900, 40)] {
                    let result = page(breakdown(rows, &name, notes), detail, &FIRST).unwrap();
                    assert!(sent_bytes(&result).unwrap() <= detail.bytes_max());
                    let value = sent(&result);
                    let shown = value["rows"].as_array().unwrap().len();
                    let other = &value["other"];
                    assert_eq!(other["rows"], 1_000 - shown);
                    assert_eq!(other["net"], Pico(1_000 - shown as i128).to_string());
                    assert_eq!(other["calls"], 2_000 - 2 * shown);
                    let next = value
                        .get("next_cursor")
                        .map(|text| text.as_str().unwrap().parse::<Cursor>().unwrap().offset);
                    assert_eq!(next, (shown > 0).then_some(5 + shown as u64));
                }
            }
        }
    }

    #[test]
    fn what_is_not_known_stays_unknown() {
        let mut answer = breakdown(2, "x", 0);
        answer.rows[1].spend.calls = None;
        let value = sent(&page(answer, Detail::Summary, &FIRST).unwrap());
        assert_eq!(value["other"].get("calls"), None);
        assert_eq!(value["other"].get("tokens"), None);
        assert_eq!(value["other"]["net"], "0.000000000998");
    }

    #[test]
    fn a_row_too_large_for_the_summary_is_named_not_cut() {
        let row = AnomalyRow {
            anomaly_id: "E-1".into(),
            open: true,
            scope: (0..60).map(|n| (format!("{n}{}", "k".repeat(62)).into(), "v".into())).collect(),
            within: None,
            metric: Metric::Total,
            started_at: "2026-10-01T00:00:00Z".parse().unwrap(),
            ended_at: None,
            observed: "1".parse().ok(),
            expected: "1".parse().ok(),
            impact: Pico::ONE,
            owner: None,
            proposal_id: None,
        };
        let answer = |rows| AnomaliesAnswer {
            summary: Sentence::new("x"),
            total_impact: Pico::ONE,
            rows,
            row_count: 1,
            basis: basis("", 0),
        };
        let cursor = Cursor { offset: 0, ..FIRST };
        let value = sent(&page(answer(vec![row.clone()]), Detail::Summary, &cursor).unwrap());
        assert_eq!(value["truncated"], true);
        assert_eq!(value["hint"], "cut to the size limit: ask with `detail` `full`");
        let value = sent(&page(answer(vec![row]), Detail::Full, &cursor).unwrap());
        assert_eq!(
            (value["truncated"].clone(), value["rows"].as_array().unwrap().len()),
            (false.into(), 1)
        );
    }

    #[test]
    fn an_answer_that_does_not_add_up_is_not_sent() {
        let change = Change { before: Pico(1), after: Pico(4), delta: Pico(3) };
        let comparison = |amount| ComparisonAnswer {
            summary: Sentence::new("x"),
            total: Decomposition {
                change,
                effects: vec![Effect { driver: Driver::Volume, amount: Pico(amount) }],
            },
            gross: GrossSides { before: None, after: Pico(1) },
            rows: Vec::new(),
            row_count: 0,
            baseline: basis("", 0).period,
            basis: basis("", 0),
        };
        assert!(whole(comparison(3), Detail::Summary).is_ok());
        assert!(matches!(whole(comparison(2), Detail::Summary), Err(Refusal::Failed { .. })));
    }
}
